package mongodb

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// identified adds the identity of a laboratory's sets to a spec, as a resource
// declares it.
func identified(t testing.TB, set *mongoset.Set) func(*connectors.Spec) {
	return func(spec *connectors.Spec) {
		spec.Identity = declaredIdentity(t, set)
	}
}

// clustered says of each endpoint what it is in a sharded cluster.
func clustered(t testing.TB, set *mongoset.Set) func(*connectors.Spec) {
	return func(spec *connectors.Spec) {
		options := declaredOptions(t, set)
		for i := range spec.Endpoints {
			spec.Endpoints[i].Options = options[spec.Endpoints[i].Name]
		}
		spec.Identity = declaredIdentity(t, set)
	}
}

// expectation is what a check says of a fault, beside what the laboratory itself
// says it shows.
type expectation struct {
	status readiness.Status
	codes  []readiness.Code
}

// TestFaults breaks a set in every way the laboratory knows, and looks that the
// check says so and that it forgets when all is well again.
func TestFaults(t *testing.T) {
	t.Parallel()
	const yellow, red, unknown = readiness.Yellow, readiness.Red, readiness.Unknown
	expected := map[string]expectation{
		"stop-member":          {red, []readiness.Code{readiness.VisDR, readiness.WriterUnproven, readiness.StandbyAbsent}},
		"kill-primary":         {red, []readiness.Code{readiness.WriterUnproven, readiness.ElectionUnplanned}},
		"stop-witness":         {red, []readiness.Code{readiness.VisEndpoint, readiness.QuorumSiteDependent}},
		"no-primary":           {red, nil},
		"hang-member":          {red, []readiness.Code{readiness.NodeDown, readiness.WriterUnproven}},
		"hang-primary":         {red, []readiness.Code{readiness.NodeDown, readiness.VisPrimary}},
		"no-majority":          {red, []readiness.Code{readiness.WriterUnproven}},
		"all-down":             {unknown, []readiness.Code{readiness.VisPrimary, readiness.VisDR}},
		"hang-all":             {unknown, []readiness.Code{readiness.VisPrimary, readiness.VisDR}},
		"cut-network":          {red, []readiness.Code{readiness.PartitionOneWay, readiness.NotElectable}},
		"cut-one-way":          {red, nil},
		"split-brain":          {red, []readiness.Code{readiness.Conflict}},
		"stale-view":           {red, []readiness.Code{readiness.QuorumLost}},
		"sync-source-missing":  {red, nil},
		"clock-skew":           {unknown, nil},
		"lag":                  {red, []readiness.Code{readiness.ReplicationLagHigh}},
		"commit-lag":           {red, []readiness.Code{readiness.LagOverRPO}},
		"null-optime":          {unknown, nil},
		"rollback":             {red, []readiness.Code{readiness.NotElectable}},
		"recovering":           {red, []readiness.Code{readiness.NotElectable}},
		"initial-sync":         {red, []readiness.Code{readiness.NotElectable}},
		"oplog-short":          {yellow, nil},
		"oplog-headroom":       {red, nil},
		"flow-control":         {yellow, nil},
		"wrong-set":            {red, nil},
		"term-grew":            {yellow, nil},
		"step-down":            {yellow, nil},
		"priority-bounce":      {yellow, nil},
		"arbiter-majority":     {red, []readiness.Code{readiness.WriteMajorityAtRisk}},
		"delayed-member":       {red, nil},
		"hidden-member":        {red, nil},
		"config-drift":         {yellow, nil},
		"config-uncommitted":   {yellow, []readiness.Code{readiness.ConfigDrift}},
		"removed-member":       {red, []readiness.Code{readiness.NoStandbyAtDR}},
		"unlisted-member":      {unknown, nil},
		"wrong-name":           {yellow, nil},
		"drop-privilege":       {unknown, nil},
		"drop-oplog-privilege": {unknown, nil},
		"wrong-password":       {unknown, nil},
		"weak-write-concern":   {yellow, nil},
		"version-differs":      {red, nil},
		"no-topology-version":  {readiness.Green, nil},
	}
	for _, f := range startSet(t, mongoset.Options{}).Faults() {
		want, known := expected[f.Name]
		if !known {
			t.Errorf("the laboratory can break %q, and what a check says of it is not tested", f.Name)
			continue
		}
		delete(expected, f.Name)
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			set := startSet(t, mongoset.Options{})
			d := newDesk(t, set, identified(t, set))
			d.sweep(t).wantGreen(t)
			if err := set.Break(f.Name); err != nil {
				t.Fatal(err)
			}
			if v := d.sweep(t); want.status == readiness.Green {
				v.wantGreen(t)
			} else {
				v.want(t, want.status, append(want.codes, f.Shows...)...)
			}
			if err := set.Repair(f.Name); err != nil {
				t.Fatal(err)
			}
			newDesk(t, set, identified(t, set)).sweep(t).wantGreen(t)
		})
	}
	for name := range expected {
		t.Errorf("the laboratory cannot break %q", name)
	}
}

// TestClusterFaults: a sharded cluster is as good as its worst set, whatever its
// routers say.
func TestClusterFaults(t *testing.T) {
	t.Parallel()
	const yellow, red = readiness.Yellow, readiness.Red
	set := startSet(t, mongoset.Options{Sharded: true})
	fresh := func(t *testing.T) *desk { return newDesk(t, set, clustered(t, set)) }
	fresh(t).sweep(t).wantGreen(t)
	for name, want := range map[string]expectation{
		"shard-without-primary": {red, []readiness.Code{readiness.WriterUnproven}},
		"config-servers-down":   {red, []readiness.Code{readiness.WriterUnproven}},
		"router-down":           {red, nil},
		"balancer":              {yellow, nil},
		"draining-shard":        {yellow, nil},
		"lag":                   {red, nil},
		"split-brain":           {red, nil},
	} {
		step(t, name, func(t *testing.T) {
			if err := set.Break(name); err != nil {
				t.Fatal(err)
			}
			v := fresh(t).sweep(t)
			v.want(t, want.status, want.codes...)
			for _, f := range set.Faults() {
				if f.Name == name {
					v.want(t, want.status, f.Shows...)
				}
			}
			if err := set.Repair(name); err != nil {
				t.Fatal(err)
			}
			fresh(t).sweep(t).wantGreen(t)
		})
	}
}

// step is t.Run for tests that share a laboratory: after one that failed, the next
// would meet what it left.
func step(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	if !t.Run(name, test) {
		t.FailNow()
	}
}
