package check

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func demo(s *config.ResourceSpec) { s.Environment = DemoEnvironment }

// recorded is a sweep of a demo repository, and what was recorded of it.
func recorded(t *testing.T) (*bench, Report, []byte) {
	t.Helper()
	f := &fleet{behave: map[string]collecting{"orders": bad(readiness.Diverged), "lost": unreached}}
	b := newBench(t, repository([]*config.Resource{resource("ledger", demo), resource("orders", demo), resource("lost", demo)}, group("all", "ledger", "orders")), f)
	report := b.run(t)
	data, err := json.Marshal(Record(report))
	if err != nil {
		t.Fatal(err)
	}
	return b, report, data
}

// Judging a recording gives the verdicts of the sweep it was made from, years
// later, and says that it is one.
func TestRecordingIsJudgedAsItWas(t *testing.T) {
	t.Parallel()
	b, want, data := recorded(t)
	rec, err := LoadRecording(fstest.MapFS{"demo/a.json": {Data: data}, "demo/notes.txt": {Data: []byte("x")}}, "demo/", b.sweep.Repo)
	if err != nil {
		t.Fatal(err)
	}
	opened := len(b.fleet.opened)
	b.clock, b.sweep.Replay = noon.Add(3*365*24*time.Hour), rec
	got := b.run(t)
	if got.Replay == nil || !got.Replay.RecordedAt.Equal(noon) || !got.StartedAt.Equal(noon) || !got.FinishedAt.Equal(noon) {
		t.Errorf("replay %+v, from %s to %s", got.Replay, got.StartedAt, got.FinishedAt)
	}
	if want.Replay != nil {
		t.Error("a live report says that it is a replay")
	}
	if len(b.fleet.opened) != opened {
		t.Error("a connection was prepared for a replay")
	}
	if len(got.Results) != len(want.Results) {
		t.Fatalf("%d results, want %d", len(got.Results), len(want.Results))
	}
	for i, r := range got.Results {
		if w := want.Results[i]; r.Name != w.Name || r.Status != w.Status || !reflect.DeepEqual(codesOf(r), codesOf(w)) {
			t.Errorf("%s is %s %v, was %s %s %v", r.Name, r.Status, codesOf(r), w.Name, w.Status, codesOf(w))
		}
	}
	// SI-7: a reader at the clock of today shows none of it green.
	for _, r := range got.Results {
		if r.At(b.clock).Status == green {
			t.Errorf("%s of a replay is green to a reader", r.Name)
		}
	}
}

// A repository with one real resource cannot be judged from a recording.
func TestRecordingNeedsADemoRepository(t *testing.T) {
	t.Parallel()
	_, _, data := recorded(t)
	fsys := fstest.MapFS{"demo/a.json": {Data: data}}
	for _, env := range []string{"production", "test", "", "Demo", "demo "} {
		repo := repository([]*config.Resource{resource("ledger", demo), resource("real", func(s *config.ResourceSpec) { s.Environment = env })})
		if rec, err := LoadRecording(fsys, "demo", repo); err == nil || rec != nil || !strings.Contains(err.Error(), "real") || !strings.Contains(err.Error(), "resources/real.yaml:1") {
			t.Errorf("environment %q: %v", env, err)
		}
	}
}

func TestRecordingsOfAFolderAreJoined(t *testing.T) {
	t.Parallel()
	at := func(when time.Time, target string) *fstest.MapFile {
		data, err := json.Marshal(Recording{Schema: RecordingSchema, RecordedAt: when, Observations: []readiness.Observation{{Target: target, Indicator: topology}}})
		if err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: data}
	}
	rec, err := LoadRecording(fstest.MapFS{"d/a.json": at(noon, "one"), "d/b.json": at(noon.Add(m), "two"), "d/c.json": at(noon.Add(sec), "one"), "d/sub/c.json": at(noon.Add(h), "three"), "other.json": at(noon.Add(h), "four")}, "d", repository(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !rec.RecordedAt.Equal(noon.Add(m)) || len(rec.Observations) != 3 || len(rec.Of("one")) != 2 || len(rec.Of("two")) != 1 || len(rec.Of("three")) != 0 || len(rec.Of("")) != 0 {
		t.Errorf("%+v", rec)
	}
}

func TestWhatIsNoRecordingIsRefused(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`{`: "d/a.json: ", `{}`: "is not a recording", `[]`: "d/a.json: ",
		`{"schema":"https://bcctl.dev/schemas/report/v1","recordedAt":"2026-03-01T12:00:00Z"}`:                                   "is not a recording",
		`{"schema":"` + RecordingSchema + `"}`:                                                                                   "is not a recording",
		`{"schema":"` + RecordingSchema + `","recordedAt":"2026-03-01T12:00:00Z","observations":[{"indicator":"x","value":[]}]}`: "d/a.json: ",
	} {
		if rec, err := LoadRecording(fstest.MapFS{"d/a.json": {Data: []byte(content)}}, "d", repository(nil)); err == nil || rec != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", content, err, want)
		}
	}
	for dir, fsys := range map[string]fstest.MapFS{"d": {"d/a.txt": {}}, "none": {}} {
		if rec, err := LoadRecording(fsys, dir, repository(nil)); err == nil || rec != nil {
			t.Errorf("%s: %+v", dir, rec)
		}
	}
}

// A recording holds the readings of resources, each with its target, and nothing
// of the verdicts.
func TestRecordHoldsReadingsOnly(t *testing.T) {
	t.Parallel()
	_, report, data := recorded(t)
	for i := range report.Results {
		for k := range report.Results[i].Indicators {
			report.Results[i].Indicators[k].Target = "" // as a connector may leave it
		}
	}
	rec := Record(report)
	if rec.Schema != RecordingSchema || !rec.RecordedAt.Equal(report.FinishedAt) {
		t.Errorf("%s at %s", rec.Schema, rec.RecordedAt)
	}
	count := map[string]int{}
	for _, o := range rec.Observations {
		count[o.Target]++
	}
	if !reflect.DeepEqual(count, map[string]int{"ledger": 4, "orders": 4, "lost": 2}) {
		t.Errorf("readings per target: %v", count)
	}
	for _, word := range []string{"status", "green", "validUntil"} {
		if strings.Contains(string(data), word) {
			t.Errorf("%q is in the recording", word)
		}
	}
}

// A target that a recording says nothing about is not judged from its silence.
func TestTargetOutsideARecordingIsUnknown(t *testing.T) {
	t.Parallel()
	b := newBench(t, repository([]*config.Resource{resource("ledger", demo)}), &fleet{behave: map[string]collecting{
		"ledger": func(context.Context, connectors.Spec) ([]readiness.Observation, error) {
			t.Error("a replay connected")
			return nil, nil
		}}})
	b.sweep.Replay = &Recording{RecordedAt: noon}
	expect(t, find(t, b.run(t), "ledger"), unknown, readiness.IndicatorMissing)
}
