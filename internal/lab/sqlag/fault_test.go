package sqlag_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/pkg/connectors/sqlserver"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// look is a check of the whole system: the connector over the wire, and the rules.
func look(t *testing.T, g *sqlag.Group) readiness.Result {
	t.Helper()
	spec, subject := labtest.Read(t, g, g.CA(), sqlserver.Factory{})
	spec.EndpointTimeout = 3 * time.Second
	c, err := sqlserver.Factory{}.Open(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	observations, err := c.Collect(short(t))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return sqlserver.Factory{}.Indicators() })
	if err != nil {
		t.Fatal(err)
	}
	judge, err := set.For(subject)
	if err != nil {
		t.Fatal(err)
	}
	result, _ := judge.Evaluate(time.Now(), observations, rules.State{})
	return result
}

func reasons(r readiness.Result) []string {
	var out []string
	for _, x := range r.Reasons {
		out = append(out, fmt.Sprintf("%s %s: %s", x.Status, x.Code, x.Message))
	}
	slices.Sort(out)
	return out
}

func forms() []sqlag.Form {
	return []sqlag.Form{sqlag.AG, sqlag.Distributed, sqlag.Clusterless, sqlag.LogShipping}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	for _, form := range forms() {
		t.Run(form.String(), func(t *testing.T) {
			t.Parallel()
			g := start(t, sqlag.Options{Form: form})
			r := look(t, g)
			if r.Status != readiness.Green {
				t.Errorf("a healthy system is %s:\n%s", r.Status, strings.Join(reasons(r), "\n"))
			}
		})
	}
}

// Each fault shows what it promises, and is gone after its repair.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, form := range forms() {
		g := start(t, sqlag.Options{Form: form})
		for _, f := range g.Faults() {
			t.Run(form.String()+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				g := start(t, sqlag.Options{Form: form})
				if err := g.Break(f.Name); err != nil {
					t.Fatal(err)
				}
				r := look(t, g)
				said := strings.Join(reasons(r), "\n")
				t.Logf("%s\n%s", r.Status, said)
				for _, code := range f.Shows {
					if !slices.ContainsFunc(r.Reasons, func(x readiness.Reason) bool { return x.Code == code }) {
						t.Errorf("%s is not said", code)
					}
				}
				if (len(f.Shows) == 0) != (r.Status == readiness.Green) {
					t.Errorf("the system is %s", r.Status)
				}
				if err := g.Repair(f.Name); err != nil {
					t.Fatal(err)
				}
				if r := look(t, g); r.Status != readiness.Green {
					t.Errorf("after the repair it is %s:\n%s", r.Status, strings.Join(reasons(r), "\n"))
				}
			})
		}
	}
}

// Faults may be in together; a repair leaves the others.
func TestFaultsTogether(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	for _, name := range []string{"suspend-database", "drop-msdb", "stop-secondary"} {
		if err := g.Break(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Break("suspend-database"); err == nil {
		t.Error("a fault can be put in twice")
	}
	if err := g.Break("nothing"); err == nil || !strings.Contains(err.Error(), "login-drift") {
		t.Errorf("a fault that is not there: %v", err)
	}
	if err := g.Repair("stop-secondary"); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(g.Broken()); got != "[suspend-database drop-msdb]" {
		t.Errorf("what remains is %s", got)
	}
	db := open(t, g, g.Instance("orders-b"), sqlag.UserMonitor, "true")
	if got := ask(t, db, "SELECT is_suspended FROM sys.dm_hadr_database_replica_states"); got[0][0] != "true" {
		t.Errorf("suspended: %v", got)
	}
	if err := g.Repair("stop-secondary"); err == nil {
		t.Error("a fault can be taken out twice")
	}
}

// A client in the middle of its work sees the world go on when it is repaired.
func TestRepairUnderAConnection(t *testing.T) {
	t.Parallel()
	g := start(t, sqlag.Options{})
	db := open(t, g, g.Instance("orders-a"), sqlag.UserMonitor, "true")
	query := "SELECT ag.name, CONVERT(varchar(30), drs.end_of_log_lsn) FROM sys.availability_groups ag JOIN sys.dm_hadr_database_replica_states drs ON drs.group_id = ag.group_id"
	first := ask(t, db, query)
	if err := g.Break("suspend-database"); err != nil {
		t.Fatal(err)
	}
	if err := g.Repair("suspend-database"); err != nil {
		t.Fatal(err)
	}
	second := ask(t, db, query)
	if len(second) != 2 || second[0][1] < first[0][1] {
		t.Errorf("%v, then %v", first, second)
	}
}
