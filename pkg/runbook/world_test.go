package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// world is everything outside of a runner, in memory: databases, the journal on the
// machine and off it, locks, people. It can end at any moment, as a machine does:
// from then on nothing has an effect.
type world struct {
	t *testing.T

	holds map[string]bool // effects that hold: member/step
	done  map[string]int  // how often each was brought about

	ticks   int // moments at which the machine may end
	crashAt int // 0: never
	dead    bool
	fog     string // step whose probe cannot tell after the crash

	lines  [][]byte
	pushed int  // lines that are off the machine
	cut    bool // the network to where journals go, and the ledger
	noLog  bool // the network to where journals go alone
	full   bool // the disk of the journal
	looks  int  // at the lock

	pushing func() // called at every push

	holder string
	fence  int64
	mine   int64 // fencing number the present runner got
	claims map[int]bool
	stolen bool

	deny    map[runbook.Moment]runbook.Ruling
	verdict []runbook.Circumstances

	do      map[string]func(t runbook.Task) connectors.Outcome // replaces what a step does
	probe   map[string]func(t runbook.Task) connectors.Outcome
	check   map[string]func() connectors.Finding
	answer  map[string]runbook.Answer
	undoing func(t runbook.Task) // called before a step is taken back

	after map[string]func() // called when a step has taken effect

	mutations int // the spy
	tasks     []runbook.Task
}

func newWorld(t *testing.T) *world {
	return &world{t: t, holds: map[string]bool{}, done: map[string]int{}, claims: map[int]bool{}, deny: map[runbook.Moment]runbook.Ruling{},
		do: map[string]func(runbook.Task) connectors.Outcome{}, probe: map[string]func(runbook.Task) connectors.Outcome{},
		check: map[string]func() connectors.Finding{}, answer: map[string]runbook.Answer{}, after: map[string]func(){}}
}

// tick is a moment at which the machine may end.
func (w *world) tick() bool {
	if !w.dead {
		w.ticks++
		w.dead = w.ticks == w.crashAt
	}
	return !w.dead
}

var errDead = errors.New("the machine has ended")

// Journal.

func (w *world) Events(context.Context) ([]runbook.Event, error) {
	var data []byte
	for _, line := range w.lines {
		data = append(append(data, line...), '\n')
	}
	return runbook.DecodeJournal(data)
}

func (w *world) Append(_ context.Context, e runbook.Event) error {
	if !w.tick() {
		return errDead
	}
	if w.full {
		return errors.New("no space left on device")
	}
	line, err := e.Encode()
	if err != nil {
		return err
	}
	w.lines = append(w.lines, line)
	if !w.tick() {
		return errDead
	}
	return nil
}

func (w *world) Push(context.Context) error {
	if w.pushing != nil {
		w.pushing()
	}
	if w.cut || w.noLog || w.dead {
		return errors.New("remote does not answer")
	}
	w.pushed = len(w.lines)
	return nil
}

// Ledger.

func (w *world) Lock(_ context.Context, run string, _ []string) (map[string]int64, error) {
	if w.holder != "" && w.holder != run {
		return nil, fmt.Errorf("%w: %s", runbook.ErrLocked, w.holder)
	}
	w.holder = run
	w.fence++
	w.mine = w.fence
	return map[string]int64{"resource/ledger": w.fence, "resource/orders": w.fence, "group/shop": w.fence}, nil
}

func (w *world) Claim(_ context.Context, _ string, attempt int) error {
	if w.claims[attempt] {
		// The same run may have claimed it and been killed before it wrote so.
		return nil
	}
	w.claims[attempt] = true
	return nil
}

func (w *world) Held(context.Context) error {
	w.looks++
	switch {
	case w.cut:
		return errors.New("the ledger does not answer")
	case w.stolen || w.mine != w.fence:
		return runbook.ErrLockLost
	}
	return nil
}

func (w *world) Release(context.Context) error {
	if w.dead {
		return errDead
	}
	if w.cut {
		return errors.New("the ledger does not answer")
	}
	w.holder = ""
	return nil
}

// Guard.

func (w *world) Verify(_ context.Context, c runbook.Circumstances) runbook.Ruling {
	w.verdict = append(w.verdict, c)
	if r, ok := w.deny[c.Moment]; ok {
		return r
	}
	return runbook.Ruling{Allowed: true}
}

func (w *world) Confirm(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true, By: "olga", Evidence: "comment 1"}
}

// People.

func (w *world) Ask(_ context.Context, t runbook.Task) runbook.Answer { return w.answer[t.ID] }

// Doer.

func (w *world) Check(_ context.Context, t runbook.Task) connectors.Finding {
	if f := w.check[t.ID]; f != nil {
		return f()
	}
	return connectors.Finding{Result: connectors.Passed, Message: "as it should be"}
}

func (w *world) Do(_ context.Context, t runbook.Task) connectors.Outcome {
	if w.dead || !w.tick() {
		return connectors.Outcome{}
	}
	w.tasks = append(w.tasks, t)
	if t.Operation.Wait == nil {
		w.mutations++
	}
	if f := w.do[t.ID]; f != nil && !t.Undo {
		return f(t)
	}
	return w.usual(t, nil)
}

// usual is what a step does unless it is told otherwise.
func (w *world) usual(t runbook.Task, instead func(runbook.Task) connectors.Outcome) connectors.Outcome {
	if instead != nil {
		return instead(t)
	}
	name := t.Member.Resource + "/" + t.ID
	if a, known := catalog(t.Operation.Uses); known && !a.Changes {
		return connectors.Outcome{State: connectors.Done, Message: "as it should be"}
	}
	if t.Undo {
		if w.undoing != nil {
			w.undoing(t)
		}
		w.holds[name] = false
		w.done[name+"/undo"]++
	} else {
		w.holds[name] = true
		w.done[name]++
	}
	if f := w.after[t.ID]; f != nil && !t.Undo {
		f()
	}
	if !w.tick() {
		return connectors.Outcome{}
	}
	return connectors.Outcome{State: connectors.Done, Facts: connectors.Facts{"position": "0/3000060"}}
}

func (w *world) Probe(_ context.Context, t runbook.Task) connectors.Outcome {
	if f := w.probe[t.ID]; f != nil {
		return f(t)
	}
	if w.dead {
		return connectors.Outcome{}
	}
	if w.fog == t.ID {
		return connectors.Outcome{State: connectors.InDoubt, Message: "fog"}
	}
	if w.holds[t.Member.Resource+"/"+t.ID] != t.Undo {
		return connectors.Outcome{State: connectors.Done}
	}
	return connectors.Outcome{State: connectors.NotDone}
}

func (w *world) Markers(_ context.Context, m runbook.MemberPlan) []connectors.Marker {
	return []connectors.Marker{{Node: m.Resource, Kind: "lsn", Position: "0/3000060"}}
}

// Plans.

// catalog has one action of every sort.
func catalog(name string) (connectors.Action, bool) {
	a := connectors.Action{Name: name}
	switch name {
	case "pg.native/standby-fit", "pg.native/one-primary":
	case "pg.native/soft-fence", "pg.native/lift-soft-fence", "pg.native/reign":
		a.Changes, a.Idempotent = true, true
	case "mssql.dag/require-commits":
		a.Changes, a.Idempotent, a.TakesBackParts = true, true, true
	case "pg.native/promote":
		a.Changes = true
	case "pg.native/force-promote":
		a.Changes, a.Lossy = true, true
	default:
		return a, false
	}
	return a, true
}

func uses(id, name string) runbook.Step {
	return runbook.Step{ID: id, Operation: runbook.Operation{Uses: name}}
}

func command(id string) runbook.Step {
	return runbook.Step{ID: id, Operation: runbook.Operation{Command: &runbook.Command{Run: []string{"/opt/hook", id}}}, Done: &runbook.Operation{Command: &runbook.Command{Run: []string{"/opt/hook", "status"}}}}
}

func undone(s runbook.Step, by runbook.Operation) runbook.Step {
	s.Undo = &by
	return s
}

// memberOf is a switchover in small: hold point, atomic section, point of no return.
func memberOf(name string) runbook.MemberPlan {
	soft := undone(uses("fence", "pg.native/soft-fence"), runbook.Operation{Uses: "pg.native/lift-soft-fence"})
	stop := undone(command("stop-old"), runbook.Operation{Command: &runbook.Command{Run: []string{"/opt/hook", "start"}}})
	return runbook.MemberPlan{
		Resource: name, Platform: "postgresql", Environment: "production", From: "fra", To: "ber", Runbook: "pg.native/switchover",
		Prechecks:       []runbook.Check{{ID: "fit", Operation: runbook.Operation{Uses: "pg.native/standby-fit"}}},
		Steps:           []runbook.Step{command("announce"), soft, stop, uses("promote", "pg.native/promote"), uses("reign", "pg.native/reign"), command("dns")},
		Postchecks:      []runbook.Check{{ID: "one", Operation: runbook.Operation{Uses: "pg.native/one-primary"}}},
		PointOfNoReturn: "promote",
		HoldPoints:      []string{"fence", "dns"},
		Atomic:          []runbook.Section{{From: "stop-old", To: "promote"}},
	}
}

func planOf(members ...runbook.MemberPlan) *runbook.Plan {
	p := &runbook.Plan{Schema: "plan/v1", Request: "2026-001", Type: runbook.Switchover, Target: "ledger", From: "fra", To: "ber", Digest: "sha256:1111111111111111111111111111111111111111111111111111111111111111"}
	for _, m := range members {
		p.Waves = append(p.Waves, runbook.Wave{Members: []runbook.MemberPlan{m}})
	}
	if len(members) > 1 {
		p.Target = "shop"
	}
	return p
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// then is that time.
func then() time.Time { return epoch }

func (w *world) runner(p *runbook.Plan) *runbook.Runner {
	terms := runbook.Terms{Type: p.Type}
	if p.Type == runbook.Failover {
		most := duration.Duration(time.Minute)
		terms.MaxLoss = &most
	}
	return &runbook.Runner{Run: "r1", Request: p.Request, Plan: p, Terms: terms, Tool: "bcctl test", Catalog: catalog, Journal: w, Doer: w, People: w, Guard: w, Ledger: w}
}

// start runs a plan once more in this world, on a machine that has just started.
func (w *world) start(ctx context.Context, p *runbook.Plan) (runbook.End, error) {
	w.dead = false
	return w.runner(p).Start(ctx)
}

func (w *world) must(ctx context.Context, p *runbook.Plan, want runbook.EndKind) runbook.End {
	w.t.Helper()
	end, err := w.start(ctx, p)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.journal())
	}
	if end.Kind != want {
		w.t.Fatalf("the run ended %s (%s %s/%s: %s), want %s\n%s", end.Kind, end.Code, end.Member, end.Step, end.Message, want, w.journal())
	}
	return end
}

// journal is what the journal says, in short.
func (w *world) journal() string {
	events, err := w.Events(context.Background())
	if err != nil {
		return err.Error()
	}
	text := ""
	for _, e := range events {
		text += fmt.Sprintf("%3d %d %s %s/%s undo=%v try=%d %s %s %s\n", e.Seq, e.Attempt, e.Kind, e.Member, e.Step, e.Undo, e.Try, e.State, e.Code, e.Message)
	}
	return text
}

// order lists the kinds of events, and for steps their names.
func (w *world) order() []string {
	events, err := w.Events(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	for _, e := range events {
		text := string(e.Kind)
		if e.Step != "" {
			text += " " + e.Step
		}
		if e.Moment != "" {
			text += " " + string(e.Moment)
		}
		if e.Undo {
			text += " undo"
		}
		list = append(list, text)
	}
	return list
}

// standing lists what holds.
func (w *world) standing() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(w.holds)) {
		if w.holds[name] {
			list = append(list, name)
		}
	}
	return list
}

func refused(code readiness.Code) func() connectors.Finding {
	return func() connectors.Finding {
		return connectors.Finding{Result: connectors.Refused, Code: code, Message: "no"}
	}
}

func failing(state connectors.OutcomeState) func(runbook.Task) connectors.Outcome {
	return func(runbook.Task) connectors.Outcome {
		return connectors.Outcome{State: state, Message: "the server said no"}
	}
}
