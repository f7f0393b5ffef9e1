package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// bad gives a healthy reading with one finding.
func bad(code readiness.Code) collecting {
	return func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
		o, err := healthy(ctx, s)
		o[0].Findings = []readiness.Finding{{Code: code, Message: "m"}}
		return o, err
	}
}

func TestReportOfAMixedFleet(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{
		"broken": func(context.Context, connectors.Spec) ([]readiness.Observation, error) {
			return nil, errors.New("nothing could be attempted")
		},
		"diverged": bad(readiness.Diverged), "away": bad(readiness.PrimaryNotHome),
		"silent": func(context.Context, connectors.Spec) ([]readiness.Observation, error) { return nil, nil },
		"partial": func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
			o, _ := healthy(ctx, s)
			return o, errors.New("half")
		},
	}}
	repo := repository([]*config.Resource{resource("alpha"), resource("beta"), resource("diverged"), resource("away"), resource("broken"), resource("silent"), resource("partial"),
		resource("later", func(s *config.ResourceSpec) { s.Platform = "snowflake" })}, group("good", "alpha", "beta"), group("mixed", "alpha", "diverged"))
	b := newBench(t, repo, f)
	slices.Reverse(b.sweep.Targets)
	report := b.run(t)

	var order []string
	for _, r := range report.Results {
		order = append(order, r.Status.String()+" "+r.Name)
	}
	want := []string{"red diverged", "red mixed", "unknown broken", "unknown later", "unknown partial", "unknown silent", "yellow away", "green alpha", "green beta", "green good"}
	if !slices.Equal(order, want) {
		t.Errorf("order %q\nwant  %q", order, want)
	}
	if report.Counts != (Counts{Red: 1, Unknown: 4, Yellow: 1, Green: 2}) { // groups are not counted again
		t.Errorf("counts %+v", report.Counts)
	}
	if report.Verdict != red || report.Schema != ReportSchema || report.Bcctl != "test" || report.Commit != "c0ffee" || len(report.RunID) != 16 || len(report.Warnings) > 0 || report.Replay != nil {
		t.Errorf("report %+v", report)
	}
	expect(t, find(t, report, "broken"), unknown, readiness.VisCollector)
	expect(t, find(t, report, "partial"), unknown, readiness.VisCollector)
	expect(t, find(t, report, "silent"), unknown, readiness.IndicatorMissing)
	expect(t, find(t, report, "later"), unknown, readiness.NoIndicators)
	expect(t, find(t, report, "later"), unknown, readiness.PlatformUnsupported)
}

func TestResultKnowsItsResource(t *testing.T) {
	t.Parallel()
	b := newBench(t, repository([]*config.Resource{resource("ledger")}), &fleet{})
	b.sweep.Targets[0].Origin.Line = 7
	r := find(t, b.run(t), "ledger")
	if r.Kind != readiness.KindResource || r.Platform != "postgresql" || r.Tier != 1 || r.Environment != "production" || r.Owner != "team" || r.File != "resources/ledger.yaml" || r.Line != 7 {
		t.Errorf("%+v", r)
	}
	if len(r.Children) != 2 || r.Children[0].Name != "a" || r.Children[0].Site != "fra" || r.Children[1].Site != "ams" {
		t.Errorf("endpoints %+v", r.Children)
	}
}

// An endpoint that a connector says nothing about is not proved by the others.
func TestUnmentionedEndpointIsNotGreen(t *testing.T) {
	t.Parallel()
	forgetful := func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
		o, err := healthy(ctx, s)
		return slices.DeleteFunc(o, func(o readiness.Observation) bool { return o.Endpoint == "b" }), err
	}
	f := &fleet{behave: map[string]collecting{"needed": forgetful, "optional": forgetful}}
	b := newBench(t, repository([]*config.Resource{resource("needed"), resource("optional", func(s *config.ResourceSpec) { s.Endpoints[1].Optional = true })}), f)
	report := b.run(t)
	expect(t, find(t, report, "needed"), unknown, readiness.VisCollector)
	expect(t, find(t, report, "optional"), yellow, readiness.VisCollector)
}

// Two sweeps of the same evidence give the same bytes, but for the run's id.
func TestEqualSweepsGiveEqualReports(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{}}
	var resources []*config.Resource
	for i := range 30 {
		name := fmt.Sprintf("r%02d", i)
		resources = append(resources, resource(name))
		f.behave[name] = []collecting{healthy, bad(readiness.Diverged), bad(readiness.PrimaryNotHome)}[i%3]
	}
	b := newBench(t, repository(resources, group("g1", "r00", "r01", "gone?"), group("g2", "g1", "r03"), group("g3", "g2", "r04")), f)
	first := ""
	for range 20 {
		report := b.run(t)
		if report.RunID == "" {
			t.Fatal("a run without an id")
		}
		report.RunID = ""
		data, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(data)
		}
		if string(data) != first {
			t.Fatalf("two reports:\n%s\n%s", data, first)
		}
	}
	if strings.Contains(first, ":null,\"indicators\"") || strings.Contains(first, "\"reasons\":null") || strings.Contains(first, "\"children\":null") || strings.Contains(first, "\"indicators\":null") || strings.Contains(first, "\"transitions\":null") {
		t.Error("an empty list is null")
	}
}

func TestRunIDsDiffer(t *testing.T) {
	t.Parallel()
	b := newBench(t, repository([]*config.Resource{resource("a")}), &fleet{})
	if one, two := b.run(t).RunID, b.run(t).RunID; one == two {
		t.Errorf("both runs are %s", one)
	}
}

// A clock of another zone gives a report in UTC.
func TestReportIsInUTC(t *testing.T) {
	t.Parallel()
	b := newBench(t, repository([]*config.Resource{resource("a")}, group("g", "a")), &fleet{behave: map[string]collecting{"a": bad(readiness.Diverged)}})
	b.Store = &fakeStore{}
	b.clock = noon.In(time.FixedZone("elsewhere", 3*3600))
	b.run(t)
	b.clock = b.clock.Add(time.Hour)
	data, err := json.Marshal(b.run(t))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		StartedAt, FinishedAt string
		Results               []struct{ EvaluatedAt, ValidUntil string }
		Transitions           []struct{ At, Since string }
	}
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	times := []string{report.StartedAt, report.FinishedAt}
	for _, r := range report.Results {
		times = append(times, r.EvaluatedAt, r.ValidUntil)
	}
	for _, x := range report.Transitions {
		times = append(times, x.At, x.Since)
	}
	for _, x := range times {
		if !strings.HasSuffix(x, "Z") {
			t.Errorf("a time is %s", x)
		}
	}
	if len(report.Transitions) == 0 {
		t.Error("no transition was looked at")
	}
}

// SI-6: a sweep of nothing proves nothing.
func TestSI6SweepOfNothingIsUnknown(t *testing.T) {
	t.Parallel()
	report := newBench(t, repository(nil), &fleet{}).run(t)
	if report.Verdict != unknown || report.Results == nil || len(report.Results) > 0 || report.Counts != (Counts{}) {
		t.Errorf("%+v", report)
	}
}

// A connector asks for its credential when it connects; one that cannot be had is
// a failed reading, and the report names the reference and no value.
func TestSecretThatIsMissing(t *testing.T) {
	t.Parallel()
	f := &fleet{behave: map[string]collecting{}}
	ask := func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
		_, err := s.Credential(ctx, connectors.Monitor)
		if err == nil {
			return nil, errors.New("the credential was found")
		}
		return []readiness.Observation{{Target: s.Target, Endpoint: "a", Indicator: topology, Failure: &readiness.Finding{Code: readiness.SecretUnresolved, Message: err.Error()}},
			{Target: s.Target, Endpoint: "b", Indicator: topology, Failure: &readiness.Finding{Code: readiness.SecretUnresolved, Message: err.Error()}}}, nil
	}
	f.behave["unset"], f.behave["none"] = ask, ask
	b := newBench(t, repository([]*config.Resource{resource("none"), resource("unset", func(s *config.ResourceSpec) {
		s.Credentials.Monitor = &config.Credential{Username: "m", Password: "env:LEDGER_PASSWORD"}
	})}), f)
	b.Secrets = noSecrets{}
	report := b.run(t)
	for name, want := range map[string]string{"unset": "env:LEDGER_PASSWORD cannot be resolved", "none": "add spec.credentials.monitor to resources/none.yaml:1"} {
		r := find(t, report, name)
		expect(t, r, unknown, readiness.SecretUnresolved)
		if !slices.ContainsFunc(r.Reasons, func(x readiness.Reason) bool { return strings.Contains(x.Message, want) }) {
			t.Errorf("%s: no reason says %q: %+v", name, want, r.Reasons)
		}
	}
}

type noSecrets struct{}

func (noSecrets) Credential(_ context.Context, c *config.Credential) (connectors.Credential, error) {
	return connectors.Credential{}, fmt.Errorf("%s cannot be resolved", c.Password)
}

// A spec that a platform refuses costs its own target only.
func TestConnectorThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	b := newBench(t, repository([]*config.Resource{resource("a"), resource("b")}), &fleet{})
	open := b.Registry["postgresql"].(fakePlatform).open
	b.Registry = connectors.NewRegistry(fakePlatform{func(s connectors.Spec) (connectors.Connector, error) {
		if s.Target == "a" {
			return nil, errors.New("bad address")
		}
		return open(s)
	}})
	report := b.run(t)
	expect(t, find(t, report, "a"), unknown, readiness.VisCollector)
	expect(t, find(t, report, "b"), green, "")
}

// Progress is told once per target, with the counts so far.
func TestProgress(t *testing.T) {
	t.Parallel()
	b := newBench(t, repository([]*config.Resource{resource("a"), resource("b"), resource("c")}), &fleet{behave: map[string]collecting{"b": bad(readiness.Diverged)}})
	seen := map[int]Counts{}
	b.Progress = func(p Progress) {
		if p.Total != 3 {
			t.Errorf("%+v", p)
		}
		seen[p.Done] = p.Counts
	}
	b.run(t)
	if len(seen) != 3 || seen[3] != (Counts{Red: 1, Green: 2}) {
		t.Errorf("progress %v", slices.Sorted(maps.Keys(seen)))
	}
}

// Rules that do not fit the catalog stop the sweep: judging by some of the rules
// would be worse than saying so.
func TestRulesThatDoNotFitAreAnError(t *testing.T) {
	t.Parallel()
	repo := repository([]*config.Resource{resource("a")})
	b := newBench(t, repo, &fleet{})
	repo.Resources[0].Spec.Thresholds = thresholds(lag, "30s")
	if report, err := b.Run(context.Background(), b.sweep); err == nil || !strings.Contains(err.Error(), `"a"`) || report.Verdict == green {
		t.Errorf("verdict %s, %v", report.Verdict, err)
	}
}
