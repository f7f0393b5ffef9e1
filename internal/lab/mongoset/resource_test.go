package mongoset_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/mongodb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The document that a set describes itself with loads, and leads to its servers.
func TestResource(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]mongoset.Options{
		"three sites": {}, "two sites": {Members: mongoset.TwoSites("catalog")}, "arbiter": {Members: mongoset.WithArbiter("catalog")}, "cluster": {Sharded: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := start(t, o)
			spec, _ := labtest.Read(t, set, set.CA(), mongodb.Factory{})
			var addresses []string
			for _, n := range set.Nodes() {
				addresses = append(addresses, n.Address)
			}
			var listed []string
			for _, e := range spec.Endpoints {
				listed = append(listed, e.Address)
			}
			if !slices.Equal(addresses, listed) || len(spec.Identity) == 0 {
				t.Errorf("endpoints %q of servers %q, identity %v", listed, addresses, spec.Identity)
			}
			credential, err := spec.Credential(context.Background(), connectors.Monitor)
			if err != nil || credential.Password != set.Secrets()[mongoset.UserMonitor] {
				t.Errorf("credential: %v", err)
			}
			document := set.Resource(func(s string) string { return "file:/" + s }, "ca.pem")
			for user, password := range set.Secrets() {
				if strings.Contains(document, password) {
					t.Errorf("it has the password of %s", user)
				}
			}
		})
	}
}

// Hundreds of sets stand in one process, and cost nothing while nobody asks.
func TestManySets(t *testing.T) {
	t.Parallel()
	const many = 100
	begin := time.Now()
	for range many {
		start(t, mongoset.Options{})
	}
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("%d sets took %s to start", many, d)
	}
	t.Logf("%d sets started in %s", many, time.Since(begin))
}

// A member added by a fault is in Nodes and not in the document.
func TestUnlistedMember(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{})
	if err := set.Break("unlisted-member"); err != nil {
		t.Fatal(err)
	}
	document := set.Resource(func(string) string { return "env:X" }, "ca.pem")
	if strings.Contains(document, "catalog-d,") || !slices.ContainsFunc(set.Nodes(), func(n lab.Node) bool { return n.Name == "catalog-d" }) {
		t.Errorf("nodes %v, document %s", set.Nodes(), document)
	}
}

// Faults that are in at once are taken out in any order.
func TestFaultsTogether(t *testing.T) {
	t.Parallel()
	for _, pair := range [][]string{{"stop-member", "no-majority"}, {"kill-primary", "stop-member"}, {"hang-member", "stop-member"}, {"lag", "clock-skew"}, {"hidden-member", "wrong-name"}, {"removed-member", "delayed-member"}, {"lag", "sync-source-missing"}} {
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			t.Run(pair[order[0]]+" before "+pair[order[1]], func(t *testing.T) {
				t.Parallel()
				set := start(t, mongoset.Options{})
				for _, name := range pair {
					if err := set.Break(name); err != nil {
						t.Fatal(err)
					}
				}
				for _, i := range order {
					if err := set.Repair(pair[i]); err != nil {
						t.Fatal(err)
					}
				}
				if found := problems(t, set); len(found) > 0 {
					t.Errorf("%q", found)
				}
			})
		}
	}
}

func TestClusterFaults(t *testing.T) {
	t.Parallel()
	set := start(t, mongoset.Options{Sharded: true})
	states := func(shard string) (found []string) {
		for _, n := range set.Nodes() {
			if strings.HasPrefix(n.Name, shard) {
				found = append(found, n.State+" "+n.Role)
			}
		}
		return found
	}
	rest := []string{"running PRIMARY", "running SECONDARY", "running SECONDARY"}
	for _, test := range []struct {
		fault, part string
		want        []string
	}{
		{"shard-without-primary", "catalog-shard02", []string{"running SECONDARY", "stopped ", "stopped "}},
		{"config-servers-down", "catalog-config", []string{"running SECONDARY", "stopped ", "stopped "}},
		{"router-down", "catalog-router", []string{"stopped "}},
		{"kill-primary", "catalog-shard01", []string{"stopped ", "running PRIMARY", "running SECONDARY"}},
	} {
		if err := set.Break(test.fault); err != nil {
			t.Fatal(err)
		}
		if got := states(test.part); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q", test.fault, got)
		}
		if err := set.Repair(test.fault); err != nil {
			t.Fatal(err)
		}
		if got := states(test.part); test.part != "catalog-router" && !slices.Equal(got, rest) {
			t.Errorf("after %s: %q", test.fault, got)
		}
	}
}
