package connectortest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// identity: a clone, a restored copy or a reused address answers as well as the
// real thing. Who answers is not who was declared: never green.
func identity(t *testing.T, s *suite) {
	v := s.look(t, s.spec(t, func(spec *connectors.Spec) { spec.Identity = s.Foreign }))
	s.wantUnhealthy(t, v, readiness.IdentityMismatch)
}

// wrongPassword: a login that is refused says nothing about the database but that
// it cannot be seen.
func wrongPassword(t *testing.T, s *suite) {
	spec := s.spec(t)
	s.hide(wrongLogin(t, &spec)...)
	v := s.look(t, spec)
	s.wantUnhealthy(t, v, readiness.VisAuth)
	s.wantUnseen(t, v)

	credential, err := spec.Credential(t.Context(), connectors.Monitor)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		s.discreet(t, "a credential printed as "+form, fmt.Sprintf(form, credential))
	}
	for _, form := range []string{"%v", "%+v", "%#v"} {
		s.discreet(t, "a spec printed as "+form, fmt.Sprintf(form, spec))
	}
}

// unresolvedSecret: without a login nothing is tried, so that nobody is locked out
// and no server sees a half-made attempt.
func unresolvedSecret(t *testing.T, s *suite) {
	ways, reroute := s.proxied(t)
	v := s.look(t, s.spec(t, reroute, func(spec *connectors.Spec) {
		spec.Credential = func(context.Context, connectors.Purpose) (connectors.Credential, error) {
			return connectors.Credential{}, errors.New("environment variable LEDGER_MONITOR is not set")
		}
	}))
	s.wantUnhealthy(t, v, readiness.SecretUnresolved)
	s.wantUnseen(t, v)
	for i, way := range ways {
		if n := way.connections(); n > 0 {
			t.Errorf("endpoint %q got %d connections without a credential", v.spec.Endpoints[i].Name, n)
		}
	}
}

// wantUnseen asserts that nothing is claimed to be broken when nobody looked: the
// verdict is unknown, and becomes red by the rules' grace, not by the connector.
func (s *suite) wantUnseen(t testing.TB, v view) {
	t.Helper()
	if v.Status != readiness.Unknown {
		t.Errorf("nothing was seen, so the verdict must be unknown:\n%s", v)
	}
}
