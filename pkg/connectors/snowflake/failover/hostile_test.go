package failover

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestContradictionsAndGapsAreNeverGreen looks at what no sound pair of accounts says,
// and at a memory that is of something else.
func TestContradictionsAndGapsAreNeverGreen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(t *testing.T, r *recording){
		"allowed missing":                       func(t *testing.T, r *recording) { r.own(r.fra).Allowed = nil },
		"primary column NULL on secondary":      func(t *testing.T, r *recording) { r.own(r.ams).Primary = "NULL" },
		"type of secondary empty":               func(t *testing.T, r *recording) { r.own(r.ams).Type = "" },
		"completed with an error":               func(t *testing.T, r *recording) { r.newest().Code, r.newest().Message = "3906", "external table" },
		"snapshot after its end":                func(t *testing.T, r *recording) { r.newest().Snapshot = pointer(r.newest().End.Add(5 * time.Minute)) },
		"snapshot older than the one before it": func(t *testing.T, r *recording) { r.newest().Snapshot = pointer(r.newest().Start.Add(-2 * time.Hour)) },
		"the endpoint is another account since": func(t *testing.T, r *recording) {
			r.laterBy(t, 5*time.Minute)
			r.spec.Endpoints[1].Address = "https://acme-prod-new.snowflakecomputing.com"
			r.ams.Endpoint = r.spec.Endpoints[1]
			r.ams.Self.Name, r.ams.Self.Locator = "PROD_NEW", "AB10003"
			row := r.own(r.fra)
			row.Allowed = append(row.Allowed, "ACME.PROD_NEW")
			for i := range r.ams.Groups {
				if g := &r.ams.Groups[i]; g.Account == "PROD_AMS" {
					g.Account, g.Locator = "PROD_NEW", "AB10003"
				}
			}
			for i := range r.ams.Connections {
				if g := &r.ams.Connections[i]; g.Account == "ACME.PROD_AMS" {
					g.Account, g.Locator = "ACME.PROD_NEW", "AB10003"
				}
			}
			r.fra.Connections[0].Allowed = append(r.fra.Connections[0].Allowed, "ACME.PROD_NEW")
		},
		"two groups, the history of the second cannot be read": func(t *testing.T, r *recording) {
			second(r, 3*time.Minute)
			delete(r.ams.Histories, "FG2")
			r.ams.Failed[refreshID] = finding(readiness.QueryFailed, "no")
		},
		"connection columns": func(t *testing.T, r *recording) { r.fra.Connections[0].Allowed = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			c(t, r)
			for i, a := range r.accounts() {
				at, site := a.At, a.Site
				a.Endpoint = r.spec.Endpoints[i]
				a.At, a.Site = at, site
			}
			v := r.judge(t)
			if v.Status == readiness.Green {
				t.Error("it is green")
			}
			seen := map[readiness.Key]bool{}
			for _, o := range v.observations {
				if seen[o.Key()] {
					t.Errorf("%s of %q was observed twice", o.Indicator, o.Endpoint)
				}
				seen[o.Key()] = true
			}
		})
	}
}
