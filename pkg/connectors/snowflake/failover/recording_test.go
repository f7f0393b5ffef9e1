package failover

import (
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// recording is the facts of a pair of accounts with who asked for them.
type recording struct {
	spec     connectors.Spec
	fra, ams *Account // primary at home, secondary at the DR site
	others   []*Account
	previous map[readiness.Key]readiness.Observation
	now      time.Time
}

var recordedAt = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func pointer[T any](v T) *T { return &v }

// healthyPair is a pair that was refreshed six minutes ago, on a schedule of ten
// minutes, and its history was read in this sweep.
func healthyPair() *recording {
	r := &recording{now: recordedAt, previous: map[readiness.Key]readiness.Observation{}}
	r.spec = connectors.Spec{
		Target: "warehouse", Home: connectors.Home{Primary: "fra", DR: "ams"}, RPO: time.Hour,
		Identity: map[string]string{"organization": "ACME", "failoverGroup": "FG"},
		Endpoints: []connectors.Endpoint{
			{Name: "wh-fra", Site: "fra", Address: "https://acme-prod-fra.snowflakecomputing.com"},
			{Name: "wh-ams", Site: "ams", Address: "https://acme-prod-ams.snowflakecomputing.com"},
		},
		Options: map[string]string{"connection": "MAIN", "databases": "SALES, CRM", "schedule": "10 MINUTE"},
		Previous: func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
			o, ok := r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}]
			return o, ok
		},
	}
	r.fra = r.account(0, "PROD_FRA", "AB10001", "AWS_EU_CENTRAL_1")
	r.ams = r.account(1, "PROD_AMS", "AB10002", "AZURE_WESTEUROPE")
	primary := Group{Account: "PROD_FRA", Locator: "AB10001", Region: "AWS_EU_CENTRAL_1", Organization: "ACME", Name: "FG", Type: "FAILOVER", Primary: "ACME.PROD_FRA.FG",
		Allowed: []string{"ACME.PROD_FRA", "ACME.PROD_AMS"}, Created: pointer(recordedAt.AddDate(0, -6, 0)), IsPrimary: pointer(true), Schedule: "10 MINUTE"}
	secondary := Group{Account: "PROD_AMS", Locator: "AB10002", Region: "AZURE_WESTEUROPE", Organization: "ACME", Name: "FG", Type: "FAILOVER", Primary: "ACME.PROD_FRA.FG",
		Created: pointer(recordedAt.AddDate(0, -6, 0)), IsPrimary: pointer(false), Schedule: "10 MINUTE", State: "STARTED", Next: pointer(recordedAt.Add(4 * time.Minute))}
	hint := secondary
	hint.Next = nil
	r.fra.Groups = []Group{primary, hint}
	r.ams.Groups = []Group{primary, secondary}
	connection := Connection{Account: "ACME.PROD_FRA", Locator: "AB10001", Region: "AWS_EU_CENTRAL_1", Name: "MAIN", Primary: "ACME.PROD_FRA.MAIN", IsPrimary: pointer(true), Allowed: []string{"ACME.PROD_AMS", "ACME.PROD_FRA"}}
	follower := Connection{Account: "ACME.PROD_AMS", Locator: "AB10002", Region: "AZURE_WESTEUROPE", Name: "MAIN", Primary: "ACME.PROD_FRA.MAIN", IsPrimary: pointer(false)}
	r.fra.Connections = []Connection{connection, follower}
	r.ams.Connections = []Connection{connection, follower}
	r.fra.Databases = map[string][]string{"FG": {"SALES", "CRM"}}
	h := &History{Clock: r.ams.Self.Clock, ReadAt: recordedAt, Since: recordedAt.Add(-leastRange)}
	h.Asked.Refreshes, h.Asked.Dangling = true, true
	for n := range 20 {
		start := recordedAt.Add(-6*time.Minute - time.Duration(n)*10*time.Minute)
		h.Refreshes = append(h.Refreshes, Refresh{Job: "01bb-" + string(rune('a'+n)), Phase: "COMPLETED", Start: pointer(start), End: pointer(start.Add(40 * time.Second)), Snapshot: pointer(start.Add(6 * time.Second))})
	}
	r.ams.Histories = map[string]*History{"FG": h}
	return r
}

func (r *recording) account(i int, name, locator, region string) *Account {
	at := recordedAt.Add(-20 * time.Millisecond)
	return &Account{
		Node: observe.Node{Endpoint: r.spec.Endpoints[i], At: at, CollectedAt: recordedAt},
		Self: Self{Organization: "ACME", Name: name, Locator: locator, Region: region, Role: "BCCTL_MONITOR", Version: "9.37.1", Clock: at},
		Took: 30 * time.Millisecond, Failed: map[readiness.ID]readiness.Finding{},
	}
}

func (r *recording) own(a *Account) *Group {
	for i := range a.Groups {
		if a.own(a.Groups[i].Account, a.Groups[i].Locator, a.Groups[i].Region) {
			return &a.Groups[i]
		}
	}
	return nil
}

func (r *recording) history() *History { return r.ams.Histories["FG"] }

// newest is the newest refresh, which a test may write over.
func (r *recording) newest() *Refresh { return &r.history().Refreshes[0] }

func (r *recording) accounts() []*Account { return append([]*Account{r.fra, r.ams}, r.others...) }

func (r *recording) before(endpoint string, id readiness.ID, at time.Time, v readiness.Value) {
	r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}] = readiness.Observation{Target: "warehouse", Endpoint: endpoint, Indicator: id, Value: v, ObservedAt: at, CollectedAt: at}
}

// laterBy lets time pass without a reading of the history: what the sweep of now
// read is what was before, and the account's own row is what it is then.
func (r *recording) laterBy(t testing.TB, d time.Duration) {
	t.Helper()
	for _, o := range r.derive(t) {
		if o.Failure == nil && !o.Value.IsAbsent() {
			r.previous[readiness.Key{Endpoint: o.Endpoint, Indicator: o.Indicator}] = o
		}
	}
	r.now = r.now.Add(d)
	for _, a := range r.accounts() {
		a.At, a.CollectedAt, a.Self.Clock = a.At.Add(d), a.CollectedAt.Add(d), a.Self.Clock.Add(d)
		a.Histories = nil
	}
	row := r.own(r.ams)
	for row.Next != nil && !row.Next.After(r.now) {
		row.Next = pointer(row.Next.Add(10 * time.Minute))
	}
}

func (r *recording) settings(t testing.TB) Settings {
	t.Helper()
	set, problems := ParseSettings(r.spec)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

func (r *recording) derive(t testing.TB) []readiness.Observation {
	t.Helper()
	return Derive(r.spec, r.settings(t), r.accounts(), r.now)
}

// verdict is what was seen and what it was judged to mean.
type verdict struct {
	readiness.Result
	observations []readiness.Observation
}

func (r *recording) judge(t testing.TB) verdict {
	t.Helper()
	v := verdict{observations: r.derive(t)}
	v.Result, _ = judgeOf(t).Evaluate(r.now, v.observations, rules.State{})
	return v
}

// judgeOf has the built-in rules alone.
func judgeOf(t testing.TB) *rules.Judge {
	t.Helper()
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return Catalog })
	if err != nil {
		t.Fatal(err)
	}
	judge, err := set.For(rules.Subject{Name: "warehouse", Platform: "snowflake", Tier: 1, Objectives: rules.Objectives{RPO: time.Hour, RTO: 4 * time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	return judge
}

func (v verdict) wantGreen(t *testing.T) {
	t.Helper()
	if v.Status != readiness.Green || len(v.Reasons) > 0 {
		t.Errorf("want green and no reason, got\n%s", v)
	}
}

func (v verdict) want(t *testing.T, status readiness.Status, codes ...readiness.Code) {
	t.Helper()
	if v.Status != status {
		t.Errorf("status is %s, want %s\n%s", v.Status, status, v)
	}
	for _, code := range codes {
		if !v.has(code) {
			t.Errorf("no reason %s\n%s", code, v)
		}
	}
}

func (v verdict) without(t *testing.T, codes ...readiness.Code) {
	t.Helper()
	for _, code := range codes {
		if v.has(code) {
			t.Errorf("reason %s is not so\n%s", code, v)
		}
	}
}

func (v verdict) has(code readiness.Code) bool {
	return slices.ContainsFunc(v.Reasons, func(r readiness.Reason) bool { return r.Code == code })
}

func (v verdict) number(t *testing.T, endpoint string, id readiness.ID) float64 {
	t.Helper()
	for _, o := range v.observations {
		if n, ok := o.Value.Number(); ok && o.Endpoint == endpoint && o.Indicator == id {
			return n
		}
	}
	t.Errorf("%s of %q was not read\n%s", id, endpoint, v)
	return -1
}

func (v verdict) String() string {
	text := v.Status.String() + "\n"
	for _, r := range v.Reasons {
		text += "  " + string(r.Code) + " " + r.Status.String() + " " + r.Endpoint + " " + string(r.Indicator) + ": " + r.Message + "\n"
	}
	return text
}
