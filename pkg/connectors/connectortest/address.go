package connectortest

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// host is the host:port behind an endpoint's address.
func host(t testing.TB, e connectors.Endpoint) string {
	t.Helper()
	address := e.Address
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatalf("endpoint %q: %v", e.Name, err)
		}
		address = u.Host
		if u.Port() == "" {
			address = net.JoinHostPort(u.Hostname(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
		}
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		t.Fatalf("endpoint %q: the suite needs an address with a port: %v", e.Name, err)
	}
	return address
}

// reroute leads an endpoint elsewhere. The certificate is expected to be the one
// for the name it had: a path does not change who is at its end.
func (s *suite) reroute(t testing.TB, spec *connectors.Spec, i int, hostport string) {
	t.Helper()
	e := &spec.Endpoints[i]
	if s.Reroute != nil {
		s.Reroute(e, hostport)
		return
	}
	old := host(t, *e)
	oldHost, _, _ := net.SplitHostPort(old)
	newHost, _, _ := net.SplitHostPort(hostport)
	if oldHost != newHost && spec.TLS.ServerName == "" && spec.TLS.Mode != connectors.Disable {
		for _, other := range spec.Endpoints {
			if otherHost, _, _ := net.SplitHostPort(host(t, other)); otherHost != oldHost && otherHost != newHost {
				t.Skip("the endpoints have different names, of which a spec can verify only one behind a proxy")
			}
		}
		spec.TLS.ServerName = oldHost
	}
	if u, err := url.Parse(e.Address); err == nil && u.Host != "" && strings.Contains(e.Address, "://") {
		u.Host = hostport
		e.Address = u.String()
		return
	}
	e.Address = hostport
}

// Given always resolves to one credential.
func Given(c connectors.Credential) func(context.Context, connectors.Purpose) (connectors.Credential, error) {
	return func(context.Context, connectors.Purpose) (connectors.Credential, error) { return c, nil }
}
