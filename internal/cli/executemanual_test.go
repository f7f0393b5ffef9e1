//go:build unix

package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// byHand is a stage with a real pair that people switch over, as pg.manual tells them.
// Whoever is asked answers by hands.
type byHand struct {
	*pairStage
	bcctl *child
	asked []string // the questions, in their order
	old   string   // the server that is left
	next  string
	lost  bool // the old one: reception is ended before the other is promoted

	before func(question string) (answer string, instead bool) // nil: everything is done as asked
	gone   *os.Process
}

func newByHand(t *testing.T, edits ...func(files map[string]string)) *byHand {
	t.Helper()
	b := &byHand{old: pgpair.Primary, next: pgpair.Standby, bcctl: &child{}}
	b.pairStage = newPairStage(t, func(_ *pgpair.Options, ro *rehearsal.Options) {
		ro.Bcctl = b.bcctl.run
		if len(edits) > 0 {
			ro.Soak = "" // it would replace the runbooks
		}
		ro.Edit = func(files map[string]string) {
			const path = "resources/ledger.yaml"
			for _, kind := range []string{"switchover", "failover", "failback"} {
				before, after, _ := strings.Cut(files[path], "\n    "+kind+": {name: pg.native")
				_, after, _ = strings.Cut(after, "\n")
				files[path] = before + "\n    " + kind + ": {name: pg.manual}\n" + after
			}
			for _, edit := range edits {
				edit(files)
			}
		}
	})
	b.bcctl.answer, b.bcctl.started = b.hands, func(p *os.Process) { b.gone = p }
	return b
}

// hands do what a question is about, and say yes.
func (b *byHand) hands(question string) string {
	b.asked = append(b.asked, question)
	if b.before != nil {
		if answer, instead := b.before(question); instead {
			return answer
		}
	}
	if err := b.do(question); err != nil {
		b.t.Errorf("%s: %v", question, err)
		return "no"
	}
	return "yes"
}

func (b *byHand) do(question string) error {
	ctx := b.t.Context()
	switch {
	case strings.Contains(question, "is shut down cleanly"):
		if err := b.Pair.StopNode(ctx, b.old); err != nil {
			return err
		}
		data, err := b.Pair.Hook(ctx, pgpair.HookCall{Verb: "controldata", Endpoint: b.old})
		if err != nil {
			return err
		}
		var has bool
		if err := b.Pair.QueryRow(ctx, b.next, fmt.Sprintf(`SELECT pg_last_wal_replay_lsn() > '%s'`, data["checkpoint"]), &has); err != nil {
			return err
		}
		if data["state"] != "shut down" || !has {
			return fmt.Errorf("state %s, on the other server: %v", data["state"], has)
		}
		return nil
	case strings.Contains(question, "accepts writes again"):
		return b.Pair.StartNode(ctx, b.old)
	case strings.Contains(question, "cannot accept writes"):
		_, err := b.Pair.Hook(ctx, pgpair.HookCall{Verb: "fence", Endpoint: b.old})
		return err
	case strings.Contains(question, "is promoted"):
		statements := []string{`SELECT pg_promote()`}
		if b.lost {
			statements = []string{`ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`, `SELECT pg_promote()`}
		}
		return b.Pair.Exec(ctx, b.next, statements...)
	case strings.Contains(question, "runs as a standby"):
		_, err := b.Pair.Hook(ctx, pgpair.HookCall{Verb: "make-standby", Endpoint: b.old, Of: b.next})
		return err
	default:
		return fmt.Errorf("nobody knows what to do")
	}
}

// heardIn expects questions in their order, each named by some of its words.
func (b *byHand) heardIn(want ...string) {
	b.t.Helper()
	if !slices.EqualFunc(b.asked, want, func(q, w string) bool { return strings.Contains(q, w) }) {
		b.t.Errorf("asked: %q\nwant: %q", b.asked, want)
	}
	b.asked = nil
}

const (
	aboutStop, aboutPromote, aboutRejoin, aboutStart, aboutFence = "is shut down cleanly", "is promoted", "runs as a standby", "accepts writes again", "cannot accept writes"
)

// TestSI24ExecuteManualThereAndBack: people switch over and come home, told what to type
// and believed once the servers agree.
func TestSI24ExecuteManualThereAndBack(t *testing.T) {
	t.Parallel()
	b := newByHand(t)
	b.load(pgpair.Primary, 100)
	for i, way := range []struct {
		kind runbook.Type
		to   string
	}{{runbook.Switchover, "ams"}, {runbook.Failback, "fra"}} {
		r := b.approved(way.kind, way.to)
		node, err := b.Pair.Node(b.next)
		b.ok(err)
		b.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "ledger writes at "+way.to, "POINT OF NO RETURN",
			`psql -At "postgresql://`+node.Address()+`/postgres" -c "SELECT pg_promote()"`, "for alice, by ", "(in 1h0m0s); run ", "of RTO 15m left",
			"After a yes bcctl looks itself: exactly one server accepts writes", "PROTECTION_NOT_RESTORED")
		b.heardIn(aboutStop, aboutPromote, aboutRejoin)
		b.ended(b.next, b.old, 100)
		if tli := b.timeline(b.next); tli != i+2 {
			t.Errorf("timeline %d after %d promotions", tli, i+1)
		}
		if e := b.fact(r, "stop-old", "evidence"); !strings.Contains(e, "alice attested at the terminal") {
			t.Errorf("evidence: %q", e)
		}
		b.verified()
		b.old, b.next = b.next, b.old
	}
}

// TestSI36ExecuteManualSaidAndNotDone: who says yes while nothing was done is told what
// the servers say and asked again, and no run succeeds on such a word. Three times, and
// the run waits; the same command asks again.
func TestSI36ExecuteManualSaidAndNotDone(t *testing.T) {
	t.Parallel()
	b := newByHand(t)
	b.load(pgpair.Primary, 20)
	r := b.approved(runbook.Switchover, "ams")
	b.before = func(string) (string, bool) { return "yes", true }
	b.execute(exitStopped, r, approval.VerbExecute, 1, "PROBE_DISAGREES", "answered yes, and live state does not show it: "+b.old+" accepts writes now", "stopped part way", "hint: bcctl execute "+r.ID+"\n")
	b.heardIn(aboutStop, aboutStop, aboutStop)
	b.ended(b.old, b.next, 20)
	if state := b.state(r); state.Finished != "" || state.Released || !state.Changed() {
		t.Errorf("finished %q, released %v, changed %v", state.Finished, state.Released, state.Changed())
	}
	lied := map[string]bool{}
	b.before = func(question string) (string, bool) {
		lie := !lied[question]
		lied[question] = true
		return "yes", lie
	}
	if out := b.again(r); out.Code != exitOK || !strings.Contains(out.Stderr, b.next+" is not a primary") {
		t.Fatalf("code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	b.heardIn(aboutStop, aboutStop, aboutPromote, aboutPromote, aboutRejoin, aboutRejoin)
	b.ended(b.next, b.old, 20)
	b.verified()
}

// TestSI24ExecuteManualNo: who says no before the target is promoted is asked to start the
// old primary again, and nothing is lost; a no to what the servers show is none.
func TestSI24ExecuteManualNo(t *testing.T) {
	t.Parallel()
	b := newByHand(t)
	b.load(pgpair.Primary, 20)
	for _, about := range []string{aboutStop, aboutPromote} {
		r := b.approved(runbook.Switchover, "ams")
		b.before = func(question string) (string, bool) {
			switch {
			case strings.Contains(question, about):
				return "no", true
			case strings.Contains(question, aboutStart) && about == aboutStop: // it was never stopped
				return "yes", true
			}
			return "", false
		}
		b.execute(exitFailed, r, approval.VerbExecute, 1, "answered no", "taking back ledger/stop-old", "taken back")
		if about == aboutStop {
			b.heardIn(aboutStop, aboutStart)
		} else {
			b.heardIn(aboutStop, aboutPromote, aboutStart)
			b.eventually("the standby follows again", func() bool {
				return query[bool](b.pairStage, b.old, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')`)
			})
		}
		b.ended(b.old, b.next, 20)
		b.verified()
	}
	r := b.approved(runbook.Switchover, "ams")
	b.before = func(question string) (string, bool) {
		if !strings.Contains(question, aboutPromote) {
			return "", false
		}
		b.ok(b.do(question))
		return "no", true
	}
	b.execute(exitStopped, r, approval.VerbExecute, 1, "answered no", "stopped part way")
	b.before = nil
	if out := b.again(r); out.Code != exitOK {
		t.Fatalf("code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	b.ended(b.next, b.old, 20)
	b.verified()
}

// TestRUN04ExecuteManualKilled: the process is killed while a person is asked, who had
// done it by then, or had not. The same command asks again, and nothing is lost.
func TestRUN04ExecuteManualKilled(t *testing.T) {
	t.Parallel()
	b := newByHand(t)
	b.load(pgpair.Primary, 20)
	for i, c := range []struct {
		about string
		done  bool
		says  string
	}{{aboutStop, false, "the person is asked again"}, {aboutPromote, false, ""}, {aboutPromote, true, ""}, {aboutRejoin, true, ""}} {
		to := []string{"ams", "fra"}[i%2]
		r := b.approved(runbook.Switchover, to)
		b.before = func(question string) (string, bool) {
			if !strings.Contains(question, c.about) {
				return "", false
			}
			if c.done {
				b.ok(b.do(question))
			}
			b.ok(b.gone.Kill())
			return "", true
		}
		b.execute(-1, r, approval.VerbExecute, 1)
		b.asked = nil
		b.before = func(string) (string, bool) { return "yes", c.done && len(b.asked) == 1 } // it was done already
		out := b.again(r)
		b.said(out, exitOK, "SUCCEEDED")
		if !strings.Contains(b.asked[0], c.about) {
			t.Errorf("killed when asked whether it %s: asked again %q", c.about, b.asked)
		}
		b.ended(b.next, b.old, 20)
		if tli := b.timeline(b.next); tli != i+2 {
			t.Errorf("timeline %d after %d promotions", tli, i+1)
		}
		b.verified()
		b.old, b.next = b.next, b.old
	}
}

// TestRUN08ExecuteManualSIGTERM: told to stop while a person is asked. Where the run may
// stop it does, and says the next command; where clients cannot write it waits for the
// answer, and says so.
func TestRUN08ExecuteManualSIGTERM(t *testing.T) {
	t.Parallel()
	b := newByHand(t)
	b.load(pgpair.Primary, 20)
	r := b.approved(runbook.Switchover, "ams")
	b.before = func(question string) (string, bool) {
		switch {
		case strings.Contains(question, aboutStop):
			b.ok(b.gone.Signal(syscall.SIGTERM))
			return "", true // and nobody answers
		}
		return "", false
	}
	b.execute(exitStopped, r, approval.VerbExecute, 1, "RUN_CANCELED", "hint: bcctl execute "+r.ID+"\n")
	b.asked = nil
	b.before = func(question string) (string, bool) {
		if strings.Contains(question, aboutPromote) {
			b.ok(b.gone.Signal(syscall.SIGTERM))
			b.ok(b.do(question))
			return "yes", true
		}
		return "", false
	}
	out := b.again(r)
	b.said(out, exitStopped, "waits for ledger/promote; the run stops at the next hold point, before ledger/rejoin. Should this process be ended before: bcctl execute "+r.ID, "RUN_CANCELED ledger/rejoin", "hint: bcctl execute "+r.ID+"\n")
	b.heardIn(aboutStop, aboutPromote)
	b.before = nil
	b.said(b.again(r), exitOK, "SUCCEEDED")
	b.heardIn(aboutRejoin)
	b.ended(b.next, b.old, 20)
	b.verified()
}

// TestSI22SI25ExecuteManualFailover: people fence and promote. A yes about the fence while
// the old primary is back counts for nothing, and nobody is told to promote then.
func TestSI22SI25ExecuteManualFailover(t *testing.T) {
	t.Parallel()
	b := newByHand(t)
	b.lost = true
	b.load(pgpair.Primary, 50)
	b.eventually("the rows are everywhere", func() bool { return query[int](b.pairStage, b.next, `SELECT count(*) FROM app.entries`) == 50 })
	b.lose(5)
	r := b.approved(runbook.Failover, "ams", append(withoutPrimary(), "--accept", "PARAMETERS_UNPROVEN=looked at by hand")...)
	returned := false
	b.before = func(question string) (string, bool) {
		if !strings.Contains(question, aboutFence) || returned {
			return "", false
		}
		returned = true
		b.ok(b.Pair.StartNode(t.Context(), b.old))
		return "yes", true
	}
	b.execute(exitOK, r, approval.VerbExecute, 1, "answered yes, and live state does not show it: "+b.old+" accepts writes now", "SUCCEEDED", "ledger writes at ams", "ledger/loss done", "PROTECTION_NOT_RESTORED")
	b.heardIn(aboutFence, aboutFence, aboutPromote)
	if w := b.writes(); !slices.Equal(w, []string{b.next}) {
		t.Errorf("%v accept writes", w)
	}
	b.verified()
}

// TestExecuteManualTooLate: an answer that comes when its time is over counts for nothing,
// although it is true by then. The run waits, keeps its lock, and the same command asks
// again and does not take anything back.
func TestExecuteManualTooLate(t *testing.T) {
	t.Parallel()
	b := newByHand(t, func(files map[string]string) {
		source, _ := runbook.BuiltinSource("pg.manual/switchover")
		files["runbooks/manual.yaml"] = strings.NewReplacer("timeout: 30m", "timeout: 2s", "soak: 30s", "soak: 1s").Replace(string(source))
	})
	b.load(pgpair.Primary, 20)
	r := b.approved(runbook.Switchover, "ams")
	b.before = func(question string) (string, bool) {
		if !strings.Contains(question, aboutPromote) {
			return "", false
		}
		b.ok(b.do(question))
		b.eventually("its time is over", func() bool { return b.state(r).Open == nil })
		return "yes", true
	}
	b.execute(exitStopped, r, approval.VerbExecute, 1, "nobody answered in time", "PERSON_NEEDED ledger/promote", "stopped part way", "hint: bcctl execute "+r.ID+"\n")
	if state := b.state(r); state.Released || !state.AnyPassed() || state.Step("ledger", "promote").Status != runbook.StepInDoubt {
		t.Errorf("released %v, passed %v, promote %s", state.Released, state.AnyPassed(), state.Step("ledger", "promote").Status)
	}
	b.asked = nil
	b.before = func(question string) (string, bool) { return "yes", strings.Contains(question, aboutPromote) }
	b.said(b.again(r), exitOK, "SUCCEEDED", "live state shows it, and nobody has attested it; the person is asked again")
	b.heardIn(aboutPromote, aboutRejoin)
	b.ended(b.next, b.old, 20)
	b.verified()
}

// sqlByHand is a stage with a model of an availability group that people fail over. Hands
// does what a question is about, as an administrator's statement would.
func sqlByHand(t *testing.T, hands func(w *model.World, question string) (string, error)) (*rehearsed, *sqlag.Group, *child) {
	t.Helper()
	group, err := sqlag.Start(sqlag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bcctl := &child{answer: func(question string) (said string) {
		group.Change(func(w *model.World) {
			var err error
			if said, err = hands(w, question); err != nil {
				t.Error(err)
			}
		})
		return said
	}}
	return askingStage(t, group, func(files map[string]string) {
		const path = "resources/orders.yaml"
		files[path] = strings.NewReplacer("name: mssql.ag-planned}", "name: mssql.manual}", "name: mssql.ag-forced}", "name: mssql.manual}").Replace(files[path])
	}, bcctl), group, bcctl
}

// writer is which instance is primary.
func writer(group *sqlag.Group) (name string) {
	group.Change(func(w *model.World) {
		for _, n := range []string{"orders-a", "orders-b"} {
			if i := w.Instance(n); w.Groups[0].ReplicaOn(i).Role == model.Primary {
				name += n
			}
		}
	})
	return name
}

// TestSI24ExecuteSQLServerManual: people fail over there and back. A yes while the group
// still writes at home is contradicted; a no ends the run with nothing changed; bcctl sends
// nothing itself.
func TestSI24ExecuteSQLServerManual(t *testing.T) {
	t.Parallel()
	answers := []string{"no", "yes, and it is not so"}
	s, group, _ := sqlByHand(t, func(w *model.World, question string) (string, error) {
		if len(answers) > 0 {
			said, _, _ := strings.Cut(answers[0], ",")
			answers = answers[1:]
			return said, nil
		}
		to, _, _ := strings.Cut(question, " ")
		return "yes", w.Groups[0].Failover(w.Instance(to))
	})
	r := s.approved(runbook.Switchover, "ams")
	s.execute(exitFailed, r, approval.VerbExecute, 1, "answered no", "ALTER AVAILABILITY GROUP [GROUP] FAILOVER;")
	if writer(group) != "orders-a" {
		t.Errorf("%s writes", writer(group))
	}
	for _, way := range []struct {
		kind      runbook.Type
		to, there string
	}{{runbook.Switchover, "ams", "orders-b"}, {runbook.Failback, "fra", "orders-a"}} {
		r = s.approved(way.kind, way.to)
		out := s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "orders writes at "+way.to, "PROTECTION_NOT_RESTORED")
		if contradicted := strings.Contains(out.Stderr, "live state does not show it: orders-a at fra is primary, not orders-b"); contradicted != (way.kind == runbook.Switchover) {
			t.Errorf("contradicted %v in a %s\n%s", contradicted, way.kind, out.Stderr)
		}
		if writer(group) != way.there {
			t.Errorf("%s writes", writer(group))
		}
		s.verified()
	}
	s.changed(counted(group), map[string]int{})
}

// TestSI22SI25ExecuteSQLServerManualForced: the fence is asked for before the failover, and
// bcctl forces nothing itself.
func TestSI22SI25ExecuteSQLServerManualForced(t *testing.T) {
	t.Parallel()
	var asked []string
	s, group, _ := sqlByHand(t, func(w *model.World, question string) (string, error) {
		asked = append(asked, question)
		if strings.Contains(question, "has the primary role") {
			return "yes", w.Groups[0].Force(w.Instance("orders-b"))
		}
		return "yes", nil
	})
	group.Change(func(w *model.World) {
		for _, r := range w.Groups[0].Replicas {
			r.Sync = false
		}
	})
	s.ok(group.Break("kill-primary"))
	r := s.approved(runbook.Failover, "ams", "--max-loss", "1h", "--accept", "VERSION_MISMATCH=the primary is gone", "--accept", "RPO_UNPROVEN=nobody can tell")
	s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "orders writes at ams", "orders/loss done", "PROTECTION_NOT_RESTORED")
	if len(asked) != 2 || !strings.Contains(asked[0], "orders-a cannot accept writes") {
		t.Errorf("asked: %q", asked)
	}
	if writer(group) != "orders-b" {
		t.Errorf("%s writes", writer(group))
	}
	s.changed(counted(group), map[string]int{})
	s.verified()
}

// TestRUN04ExecuteSQLServerManualKilled: the process is killed while the person is asked,
// before or after the failover: nothing else stood before it. The run is part way, keeps its
// lock and its plan, and the same command asks again.
func TestRUN04ExecuteSQLServerManualKilled(t *testing.T) {
	t.Parallel()
	for name, done := range map[string]bool{"failed over": true, "not yet": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var process *os.Process
			asked := 0
			s, group, bcctl := sqlByHand(t, func(w *model.World, _ string) (string, error) {
				asked++
				var err error
				if done == (asked == 1) {
					err = w.Groups[0].Failover(w.Instance("orders-b"))
				}
				if asked == 1 {
					err = errors.Join(err, process.Kill())
				}
				return "yes", err
			})
			bcctl.started = func(p *os.Process) { process = p }
			r := s.approved(runbook.Switchover, "ams")
			s.execute(-1, r, approval.VerbExecute, 1)
			s.said(s.again(r), exitOK, "SUCCEEDED", "the person is asked again")
			if asked != 2 || writer(group) != "orders-b" {
				t.Errorf("asked %d times, %s writes", asked, writer(group))
			}
			s.changed(counted(group), map[string]int{})
			s.verified()
		})
	}
}

// forcedStage is a stage with a set whose majority may be lost, with people who force a
// configuration when they are told to.
func forcedStage(t *testing.T, answer func(set *mongoset.Set, question string) string) (*rehearsed, *mongoset.Set, *child) {
	t.Helper()
	set, err := mongoset.Start(mongoset.Options{Members: mongoset.TwoSites("catalog")})
	if err != nil {
		t.Fatal(err)
	}
	bcctl := &child{answer: func(question string) string { return answer(set, question) }}
	return askingStage(t, set, func(files map[string]string) {
		const path = "resources/catalog.yaml"
		files[path] = strings.Replace(files[path], "failover: {name: mongodb.verify-election}", "failover: {name: mongodb.force-reconfig}", 1)
	}, bcctl), set, bcctl
}

// TestSI22SI25ExecuteMongoDBForced: a configuration is forced by people, after the majority
// is lost, under a ceiling, once; refused while the primary lives, and not believed before
// the survivor has it. The members that were lost come back, follow, and elect nobody.
func TestSI22SI25ExecuteMongoDBForced(t *testing.T) {
	t.Parallel()
	var asked []string
	s, set, _ := forcedStage(t, func(set *mongoset.Set, question string) string {
		asked = append(asked, question)
		if strings.Contains(question, "forced configuration") && len(asked) > 2 {
			if err := set.Survive("catalog-c"); err != nil {
				t.Error(err)
			}
		}
		return "yes"
	})
	if r, err := s.Ask(t.Context(), runbook.Failover, "ams"); err == nil {
		t.Errorf("%s was asked for without a ceiling", r.ID)
	}
	lossy := []string{"--max-loss", "1h", "--accept", "RPO_UNPROVEN=nobody can tell"}
	s.refused(runbook.Failover, "ams", []string{"PRIMARY_ALIVE"}, lossy...)
	s.changed(set.Changes(), map[string]int{})
	for _, name := range []string{"catalog-a", "catalog-b"} {
		s.ok(set.Stop(name))
	}
	set.Settle()
	r := s.approved(runbook.Failover, "ams", lossy...)
	s.execute(exitOK, r, approval.VerbExecute, 1, "answered yes, and live state does not show it: the configuration has version ", "SUCCEEDED", "catalog writes at ams", "catalog/loss done",
		"rs.reconfig(cfg, {force: true})", "POINT OF NO RETURN", "PROTECTION_NOT_RESTORED")
	if len(asked) != 3 || !strings.Contains(asked[0], "No member at fra can accept writes") {
		t.Errorf("asked: %q", asked)
	}
	s.changed(set.Changes(), map[string]int{"replSetReconfig": 1})
	if s.fact(r, "mark", "configuration") == "" {
		t.Error("the configuration before is not in the journal")
	}
	s.verified()
	for _, name := range []string{"catalog-a", "catalog-b"} {
		s.ok(set.Resume(name))
	}
	set.Settle()
	if set.Primary() != "catalog-c" {
		t.Errorf("%s is primary once the others are back: %s", set.Primary(), roles(set))
	}
}

// TestRUN04ExecuteMongoDBForcedKilled: the process is killed while the person is asked
// whether a configuration was forced, which it was. The same command asks again, says that
// live state shows it, and nothing is forced a second time.
func TestRUN04ExecuteMongoDBForcedKilled(t *testing.T) {
	t.Parallel()
	var process *os.Process
	asked := 0
	s, set, bcctl := forcedStage(t, func(set *mongoset.Set, question string) string {
		if !strings.Contains(question, "forced configuration") {
			return "yes"
		}
		if asked++; asked == 1 {
			if err := errors.Join(set.Survive("catalog-c"), process.Kill()); err != nil {
				t.Error(err)
			}
		}
		return "yes"
	})
	bcctl.started = func(p *os.Process) { process = p }
	for _, name := range []string{"catalog-a", "catalog-b"} {
		s.ok(set.Stop(name))
	}
	set.Settle()
	r := s.approved(runbook.Failover, "ams", "--max-loss", "1h", "--accept", "RPO_UNPROVEN=nobody can tell")
	s.execute(-1, r, approval.VerbExecute, 1)
	s.said(s.again(r), exitOK, "SUCCEEDED")
	events, err := s.Events(r)
	s.ok(err)
	if !slices.ContainsFunc(events, func(e runbook.Event) bool {
		return e.Kind == runbook.StepProbe && e.Step == "force" && strings.Contains(e.Message, "live state shows it, and nobody has attested it")
	}) || asked != 2 {
		t.Errorf("asked %d times, and the journal does not have what live state showed", asked)
	}
	s.changed(set.Changes(), map[string]int{"replSetReconfig": 1})
	s.verified()
}
