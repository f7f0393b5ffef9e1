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
	defer c.Close()
	observations, err := c.Collect(short(t))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.NewSet([]rules.Document{limits()}, func(string) []readiness.Indicator { return sqlserver.Factory{}.Indicators() })
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

// limits are those somebody sets who wants to hear of things that are not late, full
// or at their end by any standard of bcctl's own.
func limits() rules.Document {
	red := func(at rules.Quantity) rules.Threshold { return rules.Threshold{Red: &rules.Level{Raise: at}} }
	return rules.Document{Source: "test", Policy: rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{
		"replication.certificate_seconds": red("336h"),
		"shipping.copy_age_seconds":       red("30m"),
		"shipping.restore_age_seconds":    red("30m"),
		"backup.log_age_seconds":          red("1h"),
		"log.used_ratio":                  red("0.8"),
	}}}
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
