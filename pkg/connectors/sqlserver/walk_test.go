package sqlserver_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/sqlserver"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// walk is one run of a built-in runbook by the runner, on servers of the laboratory.
// What is around it is in memory: the journal, locks, approvals, people. The machine
// that runs bcctl can end at any moment; the servers go on.
type walk struct {
	t    *testing.T
	lab  *sqlag.Group
	spec connectors.Spec
	plan *runbook.Plan
	most *duration.Duration // may be lost
	doer *execute.Doer

	lines   [][]byte
	ticks   int // moments at which the machine may end: those of steps that change something
	crashAt int // 0: never
	dead    bool
}

var errEnded = errors.New("the machine has ended")

// procedure is a built-in runbook with the laboratory that it is for.
type procedure struct {
	name    string
	form    sqlag.Form
	async   bool // the sides commit asynchronously
	lost    bool // the primary is gone
	accept  []readiness.Code
	changes map[string]string // step -> what is in the statement it sends, and where
}

func procedures() []procedure {
	const onA, onB, onC = "orders-a ", "orders-b ", "orders-c "
	return []procedure{
		{name: "mssql.ag-planned/switchover", changes: map[string]string{"failover": onB + "] FAILOVER"}},
		{name: "mssql.ag-planned-async/switchover", async: true, changes: map[string]string{
			"make-sync": onA + "= SYNCHRONOUS_COMMIT", "failover": onB + "] FAILOVER", "restore-modes": onB + "= ASYNCHRONOUS_COMMIT"}},
		{name: "mssql.ag-forced/failover", lost: true, accept: []readiness.Code{readiness.VersionMismatch}, changes: map[string]string{"force": onB + "FORCE_FAILOVER"}},
		{name: "mssql.dag-planned/switchover", form: sqlag.Distributed, async: true, changes: map[string]string{
			"make-sync": onC + "= SYNCHRONOUS_COMMIT", "demote": onA + "ROLE = SECONDARY", "require": onA + "TO_COMMIT = 1", "take-over": onC + "FORCE_FAILOVER",
			"release": onC + "TO_COMMIT = 0", "restore-modes": onC + "= ASYNCHRONOUS_COMMIT"}},
	}
}

// newWalk compiles the runbook as it is, or for runs that are begun many times with a
// few of its prechecks and no soak.
func newWalk(t *testing.T, p procedure, whole bool) *walk {
	t.Helper()
	lab, err := sqlag.Start(sqlag.Options{Form: p.form, Idle: p.form == sqlag.Distributed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	if p.async {
		lab.Change(func(w *model.World) {
			for _, r := range w.Groups[len(w.Groups)-1].Replicas {
				r.Sync = false
			}
		})
	}
	w := &walk{t: t, lab: lab}
	w.spec, _ = labtest.Read(t, lab, lab.CA(), sqlserver.Factory{})
	w.spec.Heartbeat = nil
	w.spec.Credential = func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		user := map[connectors.Purpose]string{connectors.Monitor: sqlag.UserMonitor, connectors.Execute: sqlag.UserExecute}[p]
		return connectors.Credential{Username: user, Password: lab.Password(user)}, nil
	}
	book, ok := config.BuiltinRunbook(p.name)
	if !ok {
		t.Fatalf("there is no runbook %s", p.name)
	}
	spec := book.Spec
	if !whole {
		spec.Prechecks, spec.Soak = spec.Prechecks[:1], nil
	}
	member := runbook.Member{
		Name: "orders", Platform: "sqlserver", Environment: "test", Primary: "fra", DR: "ams", Tier: 1, ClientAddress: lab.Listener(),
		Book: &runbook.Book{Name: p.name, Source: runbook.BuiltinPrefix + p.name, Spec: spec, Pin: runbook.FileDigest(nil)},
	}
	for _, e := range w.spec.Endpoints {
		member.Endpoints = append(member.Endpoints, runbook.Endpoint{Name: e.Name, Site: e.Site, Address: e.Address})
	}
	wish := runbook.Wish{Request: "2026-001", Type: spec.For.Type, Target: "orders", To: "ams"}
	if spec.For.Type == runbook.Failover {
		most := time.Hour
		wish.MaxLoss, w.most = &most, new(duration.Duration(most))
	}
	for _, code := range p.accept {
		wish.Accept = append(wish.Accept, runbook.Acceptance{Code: code, Reason: "known"})
	}
	plan, err := runbook.Compile(runbook.Scope{Wish: wish, Members: map[string]runbook.Member{"orders": member}})
	if err != nil {
		t.Fatal(err)
	}
	w.plan = &plan
	if p.lost {
		if err := lab.Break("kill-primary"); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// tick is a moment at which the machine may end.
func (w *walk) tick() bool {
	if !w.dead {
		w.ticks++
		w.dead = w.ticks == w.crashAt
	}
	return !w.dead
}

// start runs the plan once more, as a process on a machine that has just started.
func (w *walk) start() (runbook.End, error) {
	w.dead = false
	registry := connectors.NewRegistry(sqlserver.Factory{})
	w.doer = &execute.Doer{Registry: registry, Now: time.Now, Spec: func(string) (connectors.Spec, bool) { return w.spec, true }}
	defer func() {
		if err := w.doer.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	r := &runbook.Runner{
		Run: "r1", Request: w.plan.Request, Plan: w.plan, Tool: "bcctl test", Catalog: execute.Catalog(registry),
		Terms:   runbook.Terms{Type: w.plan.Type, MaxLoss: w.most, Accept: w.plan.Accept},
		Journal: w, Doer: w, People: w, Guard: w, Ledger: w,
		Limits: runbook.Limits{Between: time.Millisecond, Look: time.Millisecond},
	}
	return r.Start(w.t.Context())
}

// Journal.

func (w *walk) Events(context.Context) ([]runbook.Event, error) {
	var data []byte
	for _, line := range w.lines {
		data = append(append(data, line...), '\n')
	}
	return runbook.DecodeJournal(data)
}

func (w *walk) Append(_ context.Context, e runbook.Event) error {
	step := slices.Contains([]runbook.EventKind{runbook.StepIntent, runbook.StepOutcome, runbook.StepProbe}, e.Kind) && w.changes(e.Step)
	if w.dead || step && !w.tick() {
		return errEnded
	}
	line, err := e.Encode()
	if err != nil {
		return err
	}
	w.lines = append(w.lines, line)
	if step && !w.tick() {
		return errEnded
	}
	return nil
}

// changes reports whether a step changes something on the servers.
func (w *walk) changes(id string) bool {
	for _, s := range w.plan.Waves[0].Members[0].Steps {
		if s.ID == id {
			a, ok := execute.Catalog(connectors.NewRegistry(sqlserver.Factory{}))(s.Uses)
			return ok && a.Changes
		}
	}
	return false
}

func (w *walk) Push(context.Context) error {
	if w.dead {
		return errEnded
	}
	return nil
}

// Ledger.

func (w *walk) Lock(context.Context, string, []string) (map[string]int64, error) {
	return map[string]int64{"resource/orders": 1}, nil
}
func (w *walk) Claim(context.Context, string, int) error { return nil }
func (w *walk) Held(context.Context) error               { return nil }
func (w *walk) Release(context.Context) error            { return nil }

// Guard and People.

func (w *walk) Verify(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true}
}

func (w *walk) Confirm(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true, By: "dora", Evidence: "comment 1"}
}

func (w *walk) Ask(context.Context, runbook.Task) runbook.Answer {
	return runbook.Answer{Given: true, Yes: true, By: "dora", Message: "attested"}
}

// Doer.

func (w *walk) Check(ctx context.Context, t runbook.Task) connectors.Finding {
	if w.dead {
		return connectors.Finding{}
	}
	return w.doer.Check(ctx, t)
}

func (w *walk) Do(ctx context.Context, t runbook.Task) connectors.Outcome {
	if w.dead {
		return connectors.Outcome{}
	}
	return w.doer.Do(ctx, t)
}

func (w *walk) Probe(ctx context.Context, t runbook.Task) connectors.Outcome {
	if w.dead {
		return connectors.Outcome{}
	}
	return w.doer.Probe(ctx, t)
}

func (w *walk) Markers(ctx context.Context, m runbook.MemberPlan) []connectors.Marker {
	return w.doer.Markers(ctx, m)
}

// settled starts the run again after each end of the machine, and returns how it ended.
func (w *walk) settled() runbook.End {
	w.t.Helper()
	for range 5 {
		end, err := w.start()
		if w.dead {
			w.crashAt = 0
			continue
		}
		if errors.Is(err, runbook.ErrFinished) {
			return runbook.End{Kind: "finished"}
		}
		if err != nil {
			w.t.Fatalf("%v\n%s", err, w.journal())
		}
		return end
	}
	w.t.Fatalf("the run does not end\n%s", w.journal())
	return runbook.End{}
}

func (w *walk) journal() string {
	events, err := w.Events(w.t.Context())
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range events {
		if e.Kind != runbook.PrecheckResult || e.State != "passed" {
			fmt.Fprintf(&b, "%3d %d %s %s undo=%v try=%d %s %s %s\n", e.Seq, e.Attempt, e.Kind, e.Step, e.Undo, e.Try, e.State, e.Code, e.Message)
		}
	}
	return b.String()
}

// finished is how the run is over for good, by its journal.
func (w *walk) finished() runbook.Ending {
	w.t.Helper()
	events, err := w.Events(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	state, err := runbook.Fold(events)
	if err != nil {
		w.t.Fatal(err)
	}
	return state.Finished
}

// standing is the state that a run leaves behind: who writes, modes, what commits wait
// for, and what is suspended or does not move.
func (w *walk) standing() string {
	var b strings.Builder
	w.lab.Change(func(world *model.World) {
		for _, g := range world.Groups {
			fmt.Fprintf(&b, "%s %d:", g.Name, g.RSSC)
			for _, r := range g.Replicas {
				fmt.Fprintf(&b, " %s %s sync=%v automatic=%v required=%d", r.Name, r.Role, r.Sync, r.Automatic, r.Required)
			}
			b.WriteString("; ")
		}
		for _, i := range world.Instances {
			for _, c := range i.Databases {
				if c.Suspended {
					fmt.Fprintf(&b, "%s on %s is suspended; ", c.DB.Name, i.Name)
				}
			}
		}
	})
	return b.String()
}

// sent counts statements by their verbs.
func (w *walk) sent() map[string]int {
	_, texts := w.lab.Changes()
	count := map[string]int{}
	for _, text := range texts {
		for _, verb := range []string{"] FAILOVER", "FORCE_FAILOVER", "ROLE = SECONDARY"} {
			if strings.Contains(text, verb) {
				count[verb]++
			}
		}
	}
	return count
}

// TestSI24SI25RunbooksOfSQLServer carries the built-in runbooks out whole, with every
// precheck, as the runner does.
func TestSI24SI25RunbooksOfSQLServer(t *testing.T) {
	t.Parallel()
	for _, p := range procedures() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, p, true)
			w.plan.Waves[0].Members[0].Soak = "10ms"
			before := w.standing()
			if end := w.settled(); end.Kind != runbook.EndSucceeded {
				t.Fatalf("ended %s %s %s: %s\n%s", end.Kind, end.Code, end.Step, end.Message, w.journal())
			}
			if after := w.standing(); after == before || strings.Contains(after, "suspended") != p.lost { // forced, the others stay so
				t.Errorf("before: %s\nafter:  %s", before, after)
			}
		})
	}
}

// TestSI03SI34SQLServerKilledAtEachStep ends the machine before and after each line of
// the journal that is about a step which changes something: so before its effect, after
// it, and after its outcome is known. The run comes to the same end, and changes of the
// role are sent once.
func TestSI03SI34SQLServerKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, p := range procedures()[1:] { // the first is part of the second
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			whole := newWalk(t, p, false)
			if end := whole.settled(); end.Kind != runbook.EndSucceeded {
				t.Fatalf("ended %s: %s\n%s", end.Kind, end.Message, whole.journal())
			}
			want, sent := whole.standing(), whole.sent()
			if whole.ticks < 8 {
				t.Fatalf("only %d moments", whole.ticks)
			}
			for k := 1; k <= whole.ticks; k++ {
				t.Run(fmt.Sprint(k), func(t *testing.T) {
					t.Parallel()
					w := newWalk(t, p, false)
					w.crashAt = k
					end := w.settled()
					if p.lost && w.sent()["FORCE_FAILOVER"] == 0 {
						// It was written down and not sent: the target is between roles, as
						// it would be while a force is carried out, so a person has to say.
						if end.Kind != runbook.EndInDoubt || end.Step != "force" {
							t.Errorf("ended %s %s: %s\n%s", end.Kind, end.Step, end.Message, w.journal())
						}
						return
					}
					if w.finished() != runbook.Succeeded {
						t.Errorf("ended %s %s: %s\n%s", end.Kind, end.Step, end.Message, w.journal())
					}
					if got := w.standing(); got != want {
						t.Errorf("got  %s\nwant %s\n%s", got, want, w.journal())
					}
					if got := w.sent(); !maps.Equal(got, sent) {
						t.Errorf("sent %v, want %v\n%s", got, sent, w.journal())
					}
				})
			}
		})
	}
}

// TestSI34SQLServerCutAtEachChange loses the connection of each change, before and
// after it is carried out. The run succeeds, or everything is as it was before; a
// forced failover that was not carried out stays in doubt, because the target is
// between roles either way.
func TestSI34SQLServerCutAtEachChange(t *testing.T) {
	t.Parallel()
	for _, p := range procedures() {
		for _, step := range slices.Sorted(maps.Keys(p.changes)) {
			for _, applied := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/applied %v", p.name, step, applied), func(t *testing.T) {
					t.Parallel()
					w := newWalk(t, p, false)
					before := w.standing()
					instance, text, _ := strings.Cut(p.changes[step], " ")
					w.lab.Cut(instance, text, applied)
					end := w.settled()
					if w.lab.Cuts() != 0 {
						t.Fatalf("nothing was cut\n%s", w.journal())
					}
					once := slices.Contains([]string{"failover", "force", "take-over"}, step)
					want := runbook.Succeeded
					if once && !applied {
						want = runbook.Failed // proved not to be done, and not sent again by itself
					}
					if step == "force" && !applied {
						if end.Kind != runbook.EndInDoubt || end.Step != step {
							t.Errorf("ended %s %s: %s, want in doubt\n%s", end.Kind, end.Step, end.Message, w.journal())
						}
						want = "" // until a person says
					}
					if got := w.finished(); got != want {
						t.Errorf("ended %q (%s %s: %s), want %q\n%s", got, end.Kind, end.Step, end.Message, want, w.journal())
					}
					after := w.standing()
					if same := after == before; same != (want != runbook.Succeeded) || want == runbook.Succeeded && strings.Contains(after, "suspended") != p.lost {
						t.Errorf("before: %s\nafter:  %s\n%s", before, after, w.journal())
					}
					for verb, n := range w.sent() {
						give := 1
						if verb == "FORCE_FAILOVER" && step == "take-over" && !applied {
							give = 2 // the taking over, and the role given back
						}
						if verb == "ROLE = SECONDARY" && step == "demote" && !applied {
							give = 2 // which may be repeated
						}
						if n != give {
							t.Errorf("%s was sent %d times, want %d\n%s", verb, n, give, w.journal())
						}
					}
				})
			}
		}
	}
}

// TestClusterTypeIsChecked: what fails a plain group over is refused before
// anything is done where the group is on no Windows cluster.
func TestClusterTypeIsChecked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mssql.ag-planned/switchover", "mssql.ag-planned/failback", "mssql.ag-planned-async/switchover", "mssql.ag-planned-async/failback", "mssql.ag-forced/failover"} {
		book, ok := config.BuiltinRunbook(name)
		if !ok {
			t.Fatalf("there is no runbook %s", name)
		}
		if !slices.ContainsFunc(book.Spec.Prechecks, func(c runbook.Check) bool {
			return c.Uses == "mssql.ag/cluster-type" && c.With["type"] == "WSFC" && c.OnFailure != "warn"
		}) {
			t.Errorf("%s: no precheck of the type of cluster that blocks", name)
		}
	}
}

// TestPartsAreTakenBack: of a change that takes several statements the second one is refused. The
// first one is taken back, before whatever was done before the step.
func TestPartsAreTakenBack(t *testing.T) {
	t.Parallel()
	dag := procedures()[3]
	for _, c := range []struct{ name, step, instance, text string }{
		{"what commits wait for", "require", "orders-c", "TO_COMMIT = 1"},
		{"modes", "make-sync", "orders-a", "N'orders-fra' WITH (AVAILABILITY_MODE = SYNCHRONOUS_COMMIT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, dag, false)
			before := w.standing()
			w.lab.Refuse(c.instance, c.text)
			end := w.settled()
			_, texts := w.lab.Changes()
			if len(texts) < 3 {
				t.Fatalf("nothing was changed and taken back: %q", texts)
			}
			if after := w.standing(); after != before || w.finished() != runbook.Failed || end.Step != c.step {
				t.Errorf("ended %s at %s: %s\nbefore: %s\nafter:  %s\n%s", end.Kind, end.Step, end.Message, before, after, w.journal())
			}
			if !strings.Contains(w.journal(), "step.outcome "+c.step+" undo=true try=1 done") {
				t.Errorf("%s was not taken back\n%s", c.step, w.journal())
			}
		})
	}
	// The machine ends at each moment of that.
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		whole := newWalk(t, dag, false)
		before := whole.standing()
		whole.lab.Refuse("orders-c", "TO_COMMIT = 1")
		whole.settled()
		for k := 1; k <= whole.ticks; k++ {
			t.Run(fmt.Sprint(k), func(t *testing.T) {
				t.Parallel()
				w := newWalk(t, dag, false)
				w.lab.Refuse("orders-c", "TO_COMMIT = 1")
				w.crashAt = k
				end := w.settled()
				if after := w.standing(); after != before || w.finished() != runbook.Failed {
					t.Errorf("ended %s at %s: %s\nbefore: %s\nafter:  %s\n%s", end.Kind, end.Step, end.Message, before, after, w.journal())
				}
				if n := w.sent()["FORCE_FAILOVER"]; n > 1 {
					t.Errorf("the role was given back %d times\n%s", n, w.journal())
				}
			})
		}
	})
}
