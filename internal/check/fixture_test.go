package check

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Indicators of the platform in these tests.
const (
	topology readiness.ID = "topology"                     // required
	lag      readiness.ID = "replication.lag_bytes"        // required
	exposure readiness.ID = "replication.exposure_seconds" // optional
)

// fakePlatform opens connectors that do what open says.
type fakePlatform struct {
	open func(connectors.Spec) (connectors.Connector, error)
}

func (fakePlatform) Platform() string                      { return "postgresql" }
func (fakePlatform) Capabilities() []connectors.Capability { return nil }

func (fakePlatform) Indicators() []readiness.Indicator {
	return []readiness.Indicator{
		{ID: topology, Required: true},
		{ID: lag, Unit: readiness.Bytes, Required: true, Breach: readiness.ReplicationLagHigh},
		{ID: exposure, Unit: readiness.Seconds, Breach: readiness.LagOverRPO},
	}
}
func (fakePlatform) Validate(connectors.Spec) []connectors.Problem          { return nil }
func (f fakePlatform) Open(s connectors.Spec) (connectors.Connector, error) { return f.open(s) }

// fakeConnector reads what collect gives, and counts.
type fakeConnector struct {
	spec    connectors.Spec
	collect func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error)

	mu                sync.Mutex
	collected, closed int
}

func (c *fakeConnector) Collect(ctx context.Context) ([]readiness.Observation, error) {
	c.mu.Lock()
	c.collected++
	c.mu.Unlock()
	return c.collect(ctx, c.spec)
}

func (c *fakeConnector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return errors.New("goodbyes may fail")
}

func (c *fakeConnector) counts() (collected, closed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.collected, c.closed
}

// fleet is a platform with one behaviour per target, and every connector it
// opened.
type fleet struct {
	behave map[string]func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error)

	mu     sync.Mutex
	opened []*fakeConnector
}

func (f *fleet) registry() connectors.Registry {
	return connectors.NewRegistry(fakePlatform{func(s connectors.Spec) (connectors.Connector, error) {
		collect := f.behave[s.Target]
		if collect == nil {
			collect = healthy
		}
		c := &fakeConnector{spec: s, collect: collect}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.opened = append(f.opened, c)
		return c, nil
	}})
}

// healthy reads everything, good, now.
func healthy(_ context.Context, s connectors.Spec) ([]readiness.Observation, error) {
	at := s.Now()
	reading := func(endpoint string, id readiness.ID, v readiness.Value) readiness.Observation {
		return readiness.Observation{Target: s.Target, Endpoint: endpoint, Indicator: id, Value: v, ObservedAt: at, CollectedAt: at}
	}
	out := []readiness.Observation{reading("", topology, readiness.Str("a; b")), reading("", exposure, readiness.Num(0))}
	for _, e := range s.Endpoints {
		out = append(out, reading(e.Name, lag, readiness.Num(0)))
	}
	return out, nil
}

// resource has a primary a and a standby b.
func resource(name string, change ...func(*config.ResourceSpec)) *config.Resource {
	r := &config.Resource{Metadata: config.Metadata{Name: name}, Origin: config.Origin{File: "resources/" + name + ".yaml", Line: 1}}
	r.Spec = config.ResourceSpec{Platform: "postgresql", Tier: 1, Environment: "production", Owner: "team",
		Home:      config.Home{Primary: "fra", DR: "ams"},
		Endpoints: []config.Endpoint{{Name: "a", Site: "fra", Address: "a:5432"}, {Name: "b", Site: "ams", Address: "b:5432"}}}
	for _, c := range change {
		c(&r.Spec)
	}
	return r
}

// group has members; a name that ends in ? is an optional one.
func group(name string, members ...string) *config.Group {
	g := &config.Group{Metadata: config.Metadata{Name: name}, Origin: config.Origin{File: "groups.yaml", Line: 1}}
	for _, m := range members {
		optional := m[len(m)-1] == '?'
		if optional {
			m = m[:len(m)-1]
		}
		g.Spec.Members = append(g.Spec.Members, config.Member{Name: m, Optional: optional})
	}
	return g
}

func repository(resources []*config.Resource, groups ...*config.Group) *config.Repo {
	slices.SortFunc(resources, func(a, b *config.Resource) int { return cmp.Compare(a.Name(), b.Name()) })
	slices.SortFunc(groups, func(a, b *config.Group) int { return cmp.Compare(a.Name(), b.Name()) })
	return &config.Repo{Resources: resources, Groups: groups}
}

func dur(d time.Duration) *duration.Duration {
	v := duration.Duration(d)
	return &v
}

// bench is a runner with a fleet, at a clock that stands still unless set.
type bench struct {
	*Runner
	fleet *fleet
	sweep Sweep
	clock time.Time
}

func newBench(t *testing.T, repo *config.Repo, f *fleet) *bench {
	t.Helper()
	b := &bench{fleet: f, clock: noon}
	b.Runner = &Runner{Registry: f.registry(), Version: "test", Parallel: 8, TargetTimeout: 10 * time.Second, Now: func() time.Time { return b.clock }}
	set, err := Rules(repo, b.Registry)
	if err != nil {
		t.Fatal(err)
	}
	b.sweep = Sweep{Repo: repo, Rules: set, Commit: "c0ffee", Targets: slices.Clone(repo.Resources), Groups: slices.Clone(repo.Groups)}
	return b
}

func (b *bench) run(t *testing.T) Report {
	t.Helper()
	return b.runWith(t, context.Background())
}

func (b *bench) runWith(t *testing.T, ctx context.Context) Report {
	t.Helper()
	report, err := b.Run(ctx, b.sweep)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func find(t *testing.T, r Report, name string) readiness.Result {
	t.Helper()
	i := slices.IndexFunc(r.Results, func(x readiness.Result) bool { return x.Name == name })
	if i < 0 {
		t.Fatalf("%s is not in the report", name)
	}
	return r.Results[i]
}

func codesOf(r readiness.Result) []readiness.Code {
	var codes []readiness.Code
	for _, x := range r.Reasons {
		codes = append(codes, x.Code)
	}
	return codes
}

// expect checks a status and that a code is among the reasons.
func expect(t *testing.T, r readiness.Result, s readiness.Status, code readiness.Code) {
	t.Helper()
	if r.Status != s || code != "" && !slices.Contains(codesOf(r), code) || code == "" && len(r.Reasons) > 0 {
		t.Errorf("%s is %s %v, want %s %s", r.Name, r.Status, codesOf(r), s, code)
		for _, x := range r.Reasons {
			t.Logf("  %s %s %s", x.Status, x.Code, x.Message)
		}
	}
}

// fakeStore keeps memories as a store would: what is not saved again stays.
type fakeStore struct {
	memories         map[string]Memory
	reports          []Report
	loadErr, saveErr error
	saveContext      error // of the context Save was called with
}

func (s *fakeStore) Load(_ context.Context, targets []string) (map[string]Memory, error) {
	if s.loadErr != nil {
		return nil, s.loadErr
	}
	var found map[string]Memory // nil where nothing is known, as a store may answer
	for _, name := range targets {
		if m, ok := s.memories[name]; ok {
			if found == nil {
				found = map[string]Memory{}
			}
			found[name] = m
		}
	}
	return found, nil
}

func (s *fakeStore) Save(ctx context.Context, r Report, memories map[string]Memory) error {
	s.saveContext = ctx.Err()
	if s.saveErr != nil {
		return s.saveErr
	}
	if s.memories == nil {
		s.memories = map[string]Memory{}
	}
	maps.Copy(s.memories, memories)
	s.reports = append(s.reports, r)
	return nil
}

var _ Store = (*fakeStore)(nil)

// judgeOf is the judge of a tier 1 resource.
func judgeOf(t *testing.T) *rules.Judge {
	t.Helper()
	set, err := rules.NewSet(nil, func(string) []readiness.Indicator { return fakePlatform{}.Indicators() })
	if err != nil {
		t.Fatal(err)
	}
	j, err := set.For(rules.Subject{Name: "ledger", Platform: "postgresql", Tier: 1})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// thresholds is one yellow limit.
func thresholds(id readiness.ID, yellow rules.Quantity) map[readiness.ID]rules.Threshold {
	return map[readiness.ID]rules.Threshold{id: {Yellow: &rules.Level{Raise: yellow}}}
}
