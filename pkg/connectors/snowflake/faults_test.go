package snowflake

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// harmless are faults that a sound client does not notice.
var harmless = map[string]bool{"expire-tokens": true}

// TestFaults breaks a pair in every way the laboratory knows, and repairs it.
func TestFaults(t *testing.T) {
	t.Parallel()
	pair := start(t, snowpair.Options{Groups: []snowpair.Group{{Name: "WAREHOUSE_FG"}, {Name: "WAREHOUSE_FG2"}}})
	d := newDesk(t, pair, func(s *connectors.Spec) { s.Options = with(s.Options, "databases", "WAREHOUSE_DB, REPORTING_DB") })
	whole := d.sweep(t)
	whole.want(t, readiness.Green)
	if len(whole.Reasons) > 0 {
		t.Fatalf("a healthy pair has reasons\n%s", whole)
	}
	for _, fault := range pair.Faults() {
		t.Run(fault.Name, func(t *testing.T) {
			if err := pair.Break(fault.Name); err != nil {
				t.Fatal(err)
			}
			v := d.sweep(t)
			if harmless[fault.Name] {
				v.want(t, readiness.Green)
			} else if v.Status == readiness.Green {
				t.Errorf("green\n%s", v)
			}
			for _, code := range fault.Shows {
				if !v.has(code) {
					t.Errorf("no reason %s\n%s", code, v)
				}
			}
			if v.took > 2*probeLimit+time.Second {
				t.Errorf("the sweep took %s", v.took)
			}
			if err := pair.Repair(fault.Name); err != nil {
				t.Fatal(err)
			}
			if v := d.sweep(t); v.Status != readiness.Green {
				t.Errorf("after the repair\n%s", v)
			}
		})
	}
}
