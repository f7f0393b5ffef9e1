package postgres

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// memberAPI answers as the Patroni of a member. Without a cluster it cannot read the
// store of the cluster's state.
func memberAPI(t *testing.T, name, role, state string, cluster bool) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/patroni":
			fmt.Fprintf(w, `{"state":%q,"role":%q,"database_system_identifier":"7","patroni":{"scope":"lab","name":%q}}`, state, role, name)
		case cluster && r.URL.Path == "/cluster":
			fmt.Fprint(w, `{"members":[{"name":"a","role":"replica","state":"running"},{"name":"b","role":"replica","state":"running"}]}`)
		case cluster && r.URL.Path == "/config":
			fmt.Fprint(w, `{"ttl":30}`)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestSI22PatroniClaimsAPrimary: the server of the old primary does not answer, as where
// only its port is cut from here, and its Patroni does. No evidence and no acceptance of
// a request outweighs that it says to be a primary that runs.
func TestSI22PatroniClaimsAPrimary(t *testing.T) {
	t.Parallel()
	const evidence = "somebody says so"
	for name, test := range map[string]struct {
		role, state     string
		cluster, silent bool
		attested        readiness.Code // of the fence, with evidence
		accepted        readiness.Code // and where the request accepts what cannot be seen
		clusterSays     readiness.Code
	}{
		"a primary":                              {role: "primary", state: "running", cluster: true, attested: readiness.TwoWriters, accepted: readiness.TwoWriters, clusterSays: readiness.TwoWriters},
		"a primary that cannot read the cluster": {role: "master", state: "running", attested: readiness.TwoWriters, accepted: readiness.TwoWriters, clusterSays: readiness.TwoWriters},
		"a primary that starts":                  {role: "primary", state: "starting", attested: readiness.TwoWriters, accepted: readiness.TwoWriters, clusterSays: readiness.TwoWriters},
		"its server is stopped":                  {role: "primary", state: "stopped", cluster: true, attested: readiness.WriterUnproven, accepted: readiness.WriterUnproven},
		"a replica":                              {role: "replica", state: "running", cluster: true, attested: readiness.WriterUnproven, accepted: readiness.WriterUnproven},
		"nothing answers":                        {silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := "127.0.0.1:1"
			if !test.silent {
				at = memberAPI(t, "a", test.role, test.state, test.cluster)
			}
			node1 := &node{Endpoint: connectors.Endpoint{Name: "a", Site: "fra", Options: map[string]string{patroniOption: at}}, unreached: &unreached{message: "no answer"}}
			node2 := &node{Endpoint: connectors.Endpoint{Name: "b", Site: "ams", Options: map[string]string{patroniOption: memberAPI(t, "b", "replica", "running", true)}}, unreached: &unreached{message: "not asked"}}
			spec := connectors.Spec{TLS: connectors.TLS{Mode: connectors.Disable}, Identity: map[string]string{"systemIdentifier": "7"}, Endpoints: []connectors.Endpoint{node1.Endpoint, node2.Endpoint}}
			v := &view{deriver: &deriver{spec: spec, nodes: []*node{node1, node2}}, old: node1, next: node2, at: time.Now()}
			m := (&actor{c: &Connector{spec: spec}, seen: v}).managed(t.Context())

			want := func(what string, f connectors.Finding, result connectors.FindingResult, code readiness.Code) {
				t.Helper()
				if f.Result != result || f.Code != code {
					t.Errorf("%s: %s %q: %s; want %s %q", what, f.Result, f.Code, f.Message, result, code)
				}
			}
			refused := func(code readiness.Code) connectors.FindingResult {
				if code == "" {
					return connectors.Passed
				}
				return connectors.Refused
			}
			want("fence", m.fenced(evidence, false), refused(test.attested), test.attested)
			result := refused(test.accepted)
			if test.accepted == readiness.WriterUnproven {
				result = connectors.Warned
			}
			want("fence, accepted", m.fenced(evidence, true), result, test.accepted)
			want("cluster", m.oneCluster(forFailover), refused(test.clusterSays), test.clusterSays)
		})
	}
}
