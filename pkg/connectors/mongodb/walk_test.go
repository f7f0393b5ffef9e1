package mongodb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/lab/mongoset"
	documents "github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// stage is a run on a set with everything around it in memory: the journal, the lock, the
// people. Its process can end around every change; whoever goes on has the lines of the
// journal and the set, and nothing else.
type stage struct {
	t    *testing.T
	set  *mongoset.Set
	plan *runbook.Plan
	spec connectors.ActorSpec

	lines   [][]byte
	moments int // at which the process may end, so far
	endAt   int // 0: never
	dead    bool
	fence   int64
}

func newStage(t *testing.T, procedure string) *stage {
	t.Helper()
	set := startSet(t, mongoset.Options{})
	s := &stage{t: t, set: set, spec: newHand(t, set, "fra", "ams").spec}
	name := procedure + "/switchover"
	book, ok := documents.BuiltinRunbook(name)
	if !ok {
		t.Fatalf("%s does not load", name)
	}
	m := runbook.Member{
		Name: "catalog", Platform: "mongodb", Environment: "lab", Primary: "fra", DR: "ams", Tier: 2, ClientAddress: s.spec.Endpoints[2].Address,
		Identity: s.spec.Identity, Topology: map[string]string{"catalog-a": runbook.RolePrimary},
		Book: &runbook.Book{Name: name, Source: runbook.BuiltinPrefix + name, Spec: book.Spec, Given: map[string]string{}, Pin: runbook.FileDigest(nil)},
	}
	for _, ep := range s.spec.Endpoints {
		m.Endpoints = append(m.Endpoints, runbook.Endpoint{Name: ep.Name, Site: ep.Site, Address: ep.Address})
	}
	plan, err := runbook.Compile(runbook.Scope{
		Wish:    runbook.Wish{Type: runbook.Switchover, Target: "catalog", To: "ams", Request: "2026-001"},
		Members: map[string]runbook.Member{"catalog": m}, Actions: described,
	})
	if err != nil {
		t.Fatal(err)
	}
	plan.Waves[0].Members[0].Soak = "" // what soaks is pkg/runbook's
	s.plan = &plan
	return s
}

func described(_, name string) (runbook.ActionFacts, bool) {
	for _, a := range (Factory{}).Actions() {
		if a.Name != name {
			continue
		}
		f := runbook.ActionFacts{Summary: a.Summary, Changes: a.Changes, Lossy: a.Lossy, Outputs: a.Outputs}
		for _, p := range a.Parameters {
			f.Parameters = append(f.Parameters, p.Name)
			if p.Required {
				f.Required = append(f.Required, p.Name)
			}
		}
		return f, true
	}
	return runbook.ActionFacts{}, false
}

var errEnded = errors.New("the process has ended")

// ends is a moment at which the process may end: at every line of a step, before the line
// of its outcome is written and after the line of its intent is.
func (s *stage) ends(e runbook.Event, kind runbook.EventKind) bool {
	if e.Kind == kind {
		s.moments++
		s.dead = s.moments == s.endAt
	}
	return s.dead
}

func (s *stage) Events(context.Context) ([]runbook.Event, error) {
	var data []byte
	for _, line := range s.lines {
		data = append(append(data, line...), '\n')
	}
	return runbook.DecodeJournal(data)
}

func (s *stage) Append(_ context.Context, e runbook.Event) error {
	if s.dead || s.ends(e, runbook.StepOutcome) {
		return errEnded
	}
	line, err := e.Encode()
	if err != nil {
		return err
	}
	for _, secret := range s.set.Secrets() {
		if strings.Contains(string(line), secret) {
			s.t.Error("a secret is in the journal")
		}
	}
	s.lines = append(s.lines, line)
	if s.ends(e, runbook.StepIntent) {
		return errEnded
	}
	return nil
}

func (s *stage) Push(context.Context) error { return nil }

func (s *stage) Lock(_ context.Context, _ string, keys []string) (map[string]int64, error) {
	s.fence++
	fences := map[string]int64{}
	for _, key := range keys {
		fences[key] = s.fence
	}
	return fences, nil
}

func (s *stage) Claim(context.Context, string, int) error { return nil }
func (s *stage) Held(context.Context) error               { return nil }
func (s *stage) Release(context.Context) error            { return nil }

func (s *stage) Verify(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true}
}

func (s *stage) Confirm(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true, By: "olga", Evidence: "comment 1"}
}

func (s *stage) Ask(context.Context, runbook.Task) runbook.Answer { return runbook.Answer{} }

// start starts the run in a new process.
func (s *stage) start() (runbook.End, error) {
	s.dead = false
	doer := &execute.Doer{Registry: connectors.NewRegistry(Factory{}), Now: time.Now, Spec: func(string) (connectors.Spec, bool) { return s.spec.Spec, true }}
	defer func() { _ = doer.Close() }() // a process that ends closes nothing
	r := &runbook.Runner{Run: "r1", Request: "2026-001", Plan: s.plan, Terms: runbook.Terms{Type: runbook.Switchover}, Tool: "bcctl test", Catalog: doer.Catalog,
		Journal: s, Doer: doer, People: s, Guard: s, Ledger: s,
		Limits: runbook.Limits{Between: 10 * time.Millisecond, Check: 30 * time.Second, Step: time.Minute}}
	return r.Start(s.t.Context())
}

func (s *stage) succeeds() {
	s.t.Helper()
	end, err := s.start()
	if err != nil || end.Kind != runbook.EndSucceeded {
		s.t.Fatalf("%v; the run ended %s (%s %s: %s)\n%s", err, end.Kind, end.Code, end.Step, end.Message, s.journal())
	}
}

func (s *stage) journal() string {
	events, err := s.Events(context.Background())
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	for _, e := range events {
		fmt.Fprintf(&text, "%3d %d %s %s undo=%v try=%d %s %s %s %v\n", e.Seq, e.Attempt, e.Kind, e.Step, e.Undo, e.Try, e.State, e.Code, e.Message, e.Facts)
	}
	return text.String()
}

// TestSI03SI34MongoDBKilledAtEachStep ends the process after the intent of each step and
// before its outcome is written. The same command then ends where an undisturbed run
// does, and nothing that moves the role was sent more often than there.
func TestSI03SI34MongoDBKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, procedure := range []string{"mongodb.stepdown", "mongodb.priority-move"} {
		t.Run(procedure, func(t *testing.T) {
			t.Parallel()
			whole := newStage(t, procedure)
			whole.succeeds()
			want := whole.set.Changes()
			if whole.set.Primary() != "catalog-b" || want["replSetReconfig"] == 0 {
				t.Fatalf("%s is primary after %v", whole.set.Primary(), want)
			}
			if whole.moments != 2*len(whole.plan.Waves[0].Members[0].Steps) {
				t.Fatalf("%d moments\n%s", whole.moments, whole.journal())
			}
			for at := 1; at <= whole.moments; at++ {
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					t.Parallel()
					s := newStage(t, procedure)
					s.endAt = at
					if _, err := s.start(); !errors.Is(err, errEnded) {
						t.Fatalf("the process did not end: %v\n%s", err, s.journal())
					}
					s.succeeds()
					if s.set.Primary() != "catalog-b" {
						t.Errorf("%s is primary\n%s", s.set.Primary(), s.journal())
					}
					got := s.set.Changes()
					for _, command := range []string{"replSetStepDown", "replSetReconfig"} {
						if got[command] != want[command] {
							t.Errorf("%s arrived %d times, undisturbed %d\n%s", command, got[command], want[command], s.journal())
						}
					}
					// No status shows a freeze: it is sent once more, which does no harm.
					if n := got["replSetFreeze"]; n < want["replSetFreeze"] || n > want["replSetFreeze"]+1 {
						t.Errorf("replSetFreeze arrived %d times, undisturbed %d\n%s", n, want["replSetFreeze"], s.journal())
					}
				})
			}
		})
	}
}
