// Package executetest carries built-in runbooks out on models of platforms, for tests: the
// runner and the actions are real, and what is around them is in memory. The process can end
// at any line of the journal; whoever goes on has those lines and the servers, and nothing
// else.
package executetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// ErrEnded is what a start returns whose process has ended.
var ErrEnded = errors.New("the process has ended")

// Stage is one run.
type Stage struct {
	T    *testing.T
	Plan *runbook.Plan
	Wish runbook.Wish
	Spec connectors.Spec

	// Limits of the runner; short ones by default.
	Limits runbook.Limits

	// Secrets that may not be in the journal.
	Secrets map[string]string

	// Refuse is the manual step that people answer no to. They answer yes to all others.
	Refuse string
	Asked  []string

	// At is told of each line before it is written and after; what it says is whether the
	// process ends there. Nil: it ends at the EndAt-th of its moments, which are counted: after
	// the intent of each step, and before its outcome is written.
	At      func(e runbook.Event, written bool) bool
	EndAt   int // 0: never
	Moments int
	Dead    bool

	OnlyChanges bool // moments are those of steps that change something
	EveryLine   bool // moments are before and after every line of a step

	Lines    [][]byte
	registry connectors.Registry
	fence    int64
}

// Options say what is carried out.
type Options struct {
	Factory connectors.Factory
	Spec    connectors.Spec
	Book    string         // such as mongodb.stepdown/switchover
	Member  runbook.Member // without its book and endpoints, which are taken from above
	Wish    runbook.Wish   // type, target and request are taken from above
	Adapt   func(*runbook.Runbook)
}

// New compiles a built-in runbook. It does not soak: that is pkg/runbook's.
func New(t *testing.T, o Options) *Stage {
	t.Helper()
	s := &Stage{T: t, Wish: o.Wish, Spec: o.Spec, registry: connectors.NewRegistry(o.Factory),
		Limits: runbook.Limits{Between: 10 * time.Millisecond, Check: 30 * time.Second, Step: time.Minute}}
	book, ok := config.BuiltinRunbook(o.Book)
	if !ok {
		t.Fatalf("%s does not load", o.Book)
	}
	spec := book.Spec
	spec.Soak = nil
	if o.Adapt != nil {
		o.Adapt(&spec)
	}
	m := o.Member
	m.Book = &runbook.Book{Name: o.Book, Source: runbook.BuiltinPrefix + o.Book, Spec: spec, Given: map[string]string{}, Pin: runbook.FileDigest(nil)}
	for _, ep := range o.Spec.Endpoints {
		m.Endpoints = append(m.Endpoints, runbook.Endpoint{Name: ep.Name, Site: ep.Site, Address: ep.Address})
	}
	s.Wish.Type, s.Wish.Target, s.Wish.Request = spec.For.Type, m.Name, "2026-001"
	plan, err := runbook.Compile(runbook.Scope{Wish: s.Wish, Members: map[string]runbook.Member{m.Name: m}, Actions: s.Described})
	if err != nil {
		t.Fatal(err)
	}
	s.Plan = &plan
	return s
}

// Described is what a plan knows of an action.
func (s *Stage) Described(_, name string) (runbook.ActionFacts, bool) {
	a, ok := execute.Catalog(s.registry)(name)
	f := runbook.ActionFacts{Summary: a.Summary, Changes: a.Changes, Lossy: a.Lossy, Outputs: a.Outputs}
	for _, p := range a.Parameters {
		f.Parameters = append(f.Parameters, p.Name)
		if p.Required {
			f.Required = append(f.Required, p.Name)
		}
	}
	return f, ok
}

// Changes reports whether a step changes something on the servers.
func (s *Stage) Changes(id string) bool {
	for _, step := range s.Plan.Waves[0].Members[0].Steps {
		if step.ID == id {
			f, ok := s.Described("", step.Uses)
			return ok && f.Changes
		}
	}
	return false
}

// Start starts the run in a new process.
func (s *Stage) Start() (runbook.End, error) {
	s.T.Helper()
	s.Dead = false
	doer := &execute.Doer{Registry: s.registry, Now: time.Now, Spec: func(string) (connectors.Spec, bool) { return s.Spec, true }}
	defer func() { _ = doer.Close() }() // a process that ends closes nothing
	terms := runbook.Terms{Type: s.Wish.Type, Accept: s.Wish.Accept}
	if s.Wish.MaxLoss != nil {
		terms.MaxLoss = new(duration.Duration(*s.Wish.MaxLoss))
	}
	r := &runbook.Runner{Run: "r1", Request: s.Wish.Request, Plan: s.Plan, Terms: terms, Tool: "bcctl test", Catalog: doer.Catalog,
		Journal: s, Doer: mortal{s, doer}, People: s, Guard: s, Ledger: s, Limits: s.Limits}
	return r.Start(s.T.Context())
}

// Must starts the run and expects how it ends.
func (s *Stage) Must(want runbook.EndKind) runbook.End {
	s.T.Helper()
	end, err := s.Start()
	if err != nil || end.Kind != want {
		s.T.Fatalf("%v; the run ended %s (%s %s: %s), want %s\n%s", err, end.Kind, end.Code, end.Step, end.Message, want, s.Journal())
	}
	return end
}

// TakenBack starts the run and expects that what it did is taken back: it is over, or held
// so that the same command begins anew.
func (s *Stage) TakenBack() runbook.End {
	s.T.Helper()
	end, err := s.Start()
	if err != nil || end.Kind != runbook.EndFailed && end.Kind != runbook.EndHeld {
		s.T.Fatalf("%v; the run ended %s (%s %s: %s)\n%s", err, end.Kind, end.Code, end.Step, end.Message, s.Journal())
	}
	return end
}

// Settled starts the run again after each end of the process, and returns how it ended.
func (s *Stage) Settled() runbook.End {
	s.T.Helper()
	for range 5 {
		end, err := s.Start()
		switch {
		case s.Dead:
			s.EndAt, s.At = 0, nil
		case errors.Is(err, runbook.ErrFinished):
			return runbook.End{Kind: "finished"}
		case err != nil:
			s.T.Fatalf("%v\n%s", err, s.Journal())
		default:
			return end
		}
	}
	s.T.Fatalf("the run does not end\n%s", s.Journal())
	return runbook.End{}
}

// State is what the journal says.
func (s *Stage) State() runbook.State {
	s.T.Helper()
	events, err := s.Events(context.Background())
	if err != nil {
		s.T.Fatal(err)
	}
	state, err := runbook.Fold(events)
	if err != nil {
		s.T.Fatal(err)
	}
	return state
}

// Journal is what the journal says, for people.
func (s *Stage) Journal() string {
	events, err := s.Events(context.Background())
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range events {
		if e.Kind != runbook.PrecheckResult || e.State != string(connectors.Passed) {
			fmt.Fprintf(&b, "%3d %d %s %s undo=%v try=%d %s %s %s %v\n", e.Seq, e.Attempt, e.Kind, e.Step, e.Undo, e.Try, e.State, e.Code, e.Message, e.Facts)
		}
	}
	return b.String()
}

// Facts are those that a step returned.
func (s *Stage) Facts(step string) connectors.Facts {
	events, _ := s.Events(context.Background())
	var facts connectors.Facts
	for _, e := range events {
		if e.Step == step && e.State == string(connectors.Done) && !e.Undo {
			facts = e.Facts
		}
	}
	return facts
}

// Events and the methods below are what the runner asks for.
func (s *Stage) Events(context.Context) ([]runbook.Event, error) {
	var data []byte
	for _, line := range s.Lines {
		data = append(append(data, line...), '\n')
	}
	return runbook.DecodeJournal(data)
}

func (s *Stage) Append(_ context.Context, e runbook.Event) error {
	if s.ends(e, false) {
		return ErrEnded
	}
	line, err := e.Encode()
	if err != nil {
		return err
	}
	for _, secret := range s.Secrets {
		if strings.Contains(string(line), strings.ReplaceAll(secret, "\n", `\n`)) {
			s.T.Error("a secret is in the journal")
		}
	}
	s.Lines = append(s.Lines, line)
	if s.ends(e, true) {
		return ErrEnded
	}
	return nil
}

// ends reports whether the process has ended, or does now.
func (s *Stage) ends(e runbook.Event, written bool) bool {
	switch {
	case s.Dead:
	case s.At != nil:
		s.Dead = s.At(e, written)
	case s.OnlyChanges && !s.Changes(e.Step):
	case e.Kind == runbook.StepIntent && (written || s.EveryLine), (e.Kind == runbook.StepOutcome || e.Kind == runbook.StepProbe) && (!written || s.EveryLine):
		s.Moments++
		s.Dead = s.Moments == s.EndAt
	}
	return s.Dead
}

func (s *Stage) Push(context.Context) error {
	if s.Dead {
		return ErrEnded
	}
	return nil
}

func (s *Stage) Lock(_ context.Context, _ string, keys []string) (map[string]int64, error) {
	s.fence++
	fences := map[string]int64{}
	for _, key := range keys {
		fences[key] = s.fence
	}
	return fences, nil
}

func (s *Stage) Claim(context.Context, string, int) error { return nil }
func (s *Stage) Held(context.Context) error               { return nil }
func (s *Stage) Release(context.Context) error            { return nil }

func (s *Stage) Verify(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true}
}

func (s *Stage) Confirm(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true, By: "olga", Evidence: "comment 1"}
}

func (s *Stage) Ask(_ context.Context, t runbook.Task) runbook.Answer {
	s.Asked = append(s.Asked, t.ID)
	return runbook.Answer{Given: true, Yes: t.ID != s.Refuse, By: "olga", Message: "signed"}
}

// mortal does nothing any more when its process has ended.
type mortal struct {
	s    *Stage
	doer *execute.Doer
}

func (m mortal) Check(ctx context.Context, t runbook.Task) connectors.Finding {
	if m.s.Dead {
		return connectors.Finding{}
	}
	return m.doer.Check(ctx, t)
}

func (m mortal) Do(ctx context.Context, t runbook.Task) connectors.Outcome {
	if m.s.Dead {
		return connectors.Outcome{}
	}
	return m.doer.Do(ctx, t)
}

func (m mortal) Probe(ctx context.Context, t runbook.Task) connectors.Outcome {
	if m.s.Dead {
		return connectors.Outcome{}
	}
	return m.doer.Probe(ctx, t)
}

func (m mortal) Markers(ctx context.Context, p runbook.MemberPlan) []connectors.Marker {
	if m.s.Dead {
		return nil
	}
	return m.doer.Markers(ctx, p)
}
