package connectortest_test

import (
	"fmt"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestServers(t *testing.T) {
	t.Parallel()
	spec, query := connectortest.Servers(t, "mongodb://monitor:p%40ss@127.0.0.1:27017,127.0.0.1:27018,127.0.0.1:27019/?replicaSet=rs0", "fra,ams,par")
	got := fmt.Sprintf("%v %v %s", spec.Endpoints, spec.Home, query.Get("replicaSet"))
	if want := "[{server-a fra 127.0.0.1:27017 map[] false} {server-b ams 127.0.0.1:27018 map[] false} {server-c par 127.0.0.1:27019 map[] false}] {fra ams} rs0"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c, err := spec.Credential(t.Context(), connectors.Monitor); err != nil || c.Username != "monitor" || c.Password != "p@ss" {
		t.Errorf("the login is %q and its password not as given (%v)", c.Username, err)
	}
}

func TestRealServersMayHaveKnownFaults(t *testing.T) {
	t.Setenv("BCCTL_TEST_TOLERATE", "QUORUM_SITE_DEPENDENT, NOT_ELECTABLE")
	s := connectortest.Real(t, connectortest.Subject{Tolerated: []readiness.Code{readiness.OplogWindowShort}})
	if got := fmt.Sprint(s.Tolerated); got != "[OPLOG_WINDOW_SHORT QUORUM_SITE_DEPENDENT NOT_ELECTABLE]" {
		t.Errorf("tolerated are %s", got)
	}
}
