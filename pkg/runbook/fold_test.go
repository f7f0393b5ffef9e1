package runbook_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// journalOf is what a run writes in a world.
func journalOf(t *testing.T, set func(w *world, m *runbook.MemberPlan), want runbook.EndKind) []runbook.Event {
	t.Helper()
	w := newWorld(t)
	m := memberOf("ledger")
	set(w, &m)
	w.must(t.Context(), planOf(m), want)
	events, err := w.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// numbered gives events the numbers they would have, so that only their order is
// wrong.
func numbered(events []runbook.Event) []runbook.Event {
	out := slices.Clone(events)
	for i := range out {
		out[i].Seq = int64(i)
	}
	return out
}

func at(t *testing.T, events []runbook.Event, kind runbook.EventKind, step string, undo bool) int {
	t.Helper()
	i := slices.IndexFunc(events, func(e runbook.Event) bool { return e.Kind == kind && e.Step == step && e.Undo == undo })
	if i < 0 {
		t.Fatalf("no %s %s", kind, step)
	}
	return i
}

// Every event that something later rests on is missed when it is taken out.
func TestFoldMissesWhatIsTakenOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		events := journalOf(t, func(_ *world, m *runbook.MemberPlan) { m.Soak = "30s" }, runbook.EndSucceeded)
		free := []runbook.EventKind{runbook.MarkersRead, runbook.PointOfNoReturn, runbook.Released}
		for i, e := range events {
			if slices.Contains(free, e.Kind) {
				continue
			}
			if e.Kind == runbook.PostcheckResult || e.Kind == runbook.RunFinished || e.Kind == runbook.SoakStarted {
				continue // each has a case of its own below
			}
			if _, err := runbook.Fold(numbered(slices.Delete(slices.Clone(events), i, i+1))); err == nil {
				t.Errorf("without event %d, %s %s, nothing is missed", i, e.Kind, e.Step)
			} else if !strings.HasPrefix(err.Error(), "event ") {
				t.Errorf("the error names no event: %v", err)
			}
		}
		without := slices.DeleteFunc(slices.Clone(events), func(e runbook.Event) bool { return e.Kind == runbook.PostcheckResult })
		if _, err := runbook.Fold(numbered(without)); err == nil {
			t.Error("SI-36: a run without postchecks succeeded")
		}
	})
}

// What happens once does not happen twice.
func TestFoldRefusesRepetition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		events := journalOf(t, func(*world, *runbook.MemberPlan) {}, runbook.EndSucceeded)
		free := []runbook.EventKind{runbook.Verified, runbook.PrecheckResult, runbook.PostcheckResult, runbook.MarkersRead, runbook.Released}
		for i, e := range events {
			if slices.Contains(free, e.Kind) {
				continue
			}
			if _, err := runbook.Fold(numbered(slices.Insert(slices.Clone(events), i+1, e))); err == nil {
				t.Errorf("event %d, %s %s, twice", i, e.Kind, e.Step)
			}
		}
	})
}

func TestFoldIllegalOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := journalOf(t, func(*world, *runbook.MemberPlan) {}, runbook.EndSucceeded)
		failed := journalOf(t, func(w *world, _ *runbook.MemberPlan) { w.do["stop-old"] = failing(connectors.Failed) }, runbook.EndFailed)
		doubt := journalOf(t, func(w *world, _ *runbook.MemberPlan) {
			w.do["promote"] = failing(connectors.InDoubt)
			w.fog = "promote"
		}, runbook.EndInDoubt)
		held := journalOf(t, func(w *world, _ *runbook.MemberPlan) { w.do["dns"] = failing(connectors.Failed) }, runbook.EndHeld)
		upTo := func(events []runbook.Event, kind runbook.EventKind, step string) []runbook.Event {
			return slices.Clone(events[:at(t, events, kind, step, false)+1])
		}
		finished := upTo(good, runbook.RunFinished, "")
		open := upTo(good, runbook.StepIntent, "promote")
		done := upTo(good, runbook.StepOutcome, "promote")
		next := func(base []runbook.Event, change func(e *runbook.Event)) []runbook.Event {
			e := runbook.Event{V: 1, Seq: int64(len(base)), At: epoch, Run: "r1", Attempt: 1, Member: "ledger"}
			change(&e)
			return append(slices.Clone(base), e)
		}
		intent := func(step string, try int) func(e *runbook.Event) {
			return func(e *runbook.Event) {
				e.Kind, e.Step, e.Try, e.Key, e.Mutates = runbook.StepIntent, step, try, "k", true
			}
		}
		settled := func(e *runbook.Event) {
			e.Kind, e.Step, e.Try, e.State, e.By, e.Message = runbook.StepResolved, "promote", 1, "done", "olga", "x"
		}
		disputed := func(e *runbook.Event) {
			e.Kind, e.Step, e.Try, e.State, e.Message = runbook.StepDisputed, "promote", 1, "in-doubt", "x"
		}
		begin := good[0].Begin
		other := *begin
		other.Plan = "sha256:22"
		for name, c := range map[string][]runbook.Event{
			"begins with something else":                     numbered(good[1:]),
			"of another run":                                 next(done, func(e *runbook.Event) { e.Kind, e.Run = runbook.CancelRequested, "r2" }),
			"of another attempt":                             next(done, func(e *runbook.Event) { e.Kind, e.Attempt = runbook.CancelRequested, 2 }),
			"without a time":                                 next(done, func(e *runbook.Event) { e.Kind, e.At = runbook.CancelRequested, time.Time{} }),
			"of a kind nobody knows":                         next(done, func(e *runbook.Event) { e.Kind = "step.skipped" }),
			"a gap":                                          next(done, func(e *runbook.Event) { e.Kind = runbook.CancelRequested; e.Seq++ }),
			"RUN-02: a step after the end":                   next(finished, intent("extra", 1)),
			"RUN-02: resumed after the end":                  next(finished, func(e *runbook.Event) { e.Kind, e.Attempt, e.Begin = runbook.RunResumed, 2, begin }),
			"RUN-06: resumed with another plan":              next(held, func(e *runbook.Event) { e.Kind, e.Attempt, e.Begin = runbook.RunResumed, 2, &other }),
			"RUN-06: resumed with the same attempt":          next(held, func(e *runbook.Event) { e.Kind, e.Attempt, e.Begin = runbook.RunResumed, 1, begin }),
			"a step while the run is held":                   next(held, intent("dns", 2)),
			"SI-3: an intent while another is open":          next(open, intent("reign", 1)),
			"SI-3: the same intent again":                    next(open, intent("promote", 2)),
			"an outcome of another try":                      next(open, func(e *runbook.Event) { e.Kind, e.Step, e.Try, e.State = runbook.StepOutcome, "promote", 2, "done" }),
			"an outcome nobody knows":                        next(open, func(e *runbook.Event) { e.Kind, e.Step, e.Try, e.State = runbook.StepOutcome, "promote", 1, "ok" }),
			"a step that is done, again":                     next(done, intent("promote", 2)),
			"a try too many":                                 next(done, intent("reign", 2)),
			"an intent without a key":                        next(done, func(e *runbook.Event) { intent("reign", 1)(e); e.Key = "" }),
			"SI-31: a step after something failed":           next(upTo(held, runbook.StepOutcome, "dns"), intent("extra", 1)),
			"SI-35: taken back after the point of no return": next(done, func(e *runbook.Event) { intent("fence", 1)(e); e.Undo = true }),
			"SI-35: going back after it":                     next(done, func(e *runbook.Event) { e.Kind, e.State, e.Code = runbook.UndoStarted, "failed", "X" }),
			"SI-35: failed after it, and nobody ends it":     next(done, func(e *runbook.Event) { e.Kind, e.State = runbook.RunFinished, "failed" }),
			"forward again after going back":                 next(upTo(failed, runbook.UndoStarted, "stop-old"), intent("extra", 1)),
			"back at the beginning without going there":      next(upTo(good, runbook.StepOutcome, "fence"), func(e *runbook.Event) { e.Kind, e.Member = runbook.UndoEnded, "" }),
			"back at the beginning of a run that is over":    next(upTo(failed, runbook.UndoStarted, "stop-old"), func(e *runbook.Event) { e.Kind, e.Member = runbook.UndoEnded, "" }),
			"SI-35: a member back after it":                  next(done, func(e *runbook.Event) { e.Kind = runbook.UndoEnded }),
			"a member back that never began":                 next(done, func(e *runbook.Event) { e.Kind, e.Member = runbook.UndoEnded, "orders" }),
			"anew is no end":                                 next(upTo(good, runbook.StepOutcome, "fence"), func(e *runbook.Event) { e.Kind, e.State = runbook.RunFinished, "anew" }),
			"taken back without having been done":            next(upTo(good, runbook.StepOutcome, "announce"), func(e *runbook.Event) { intent("fence", 1)(e); e.Undo = true }),
			"SI-36: succeeded with an open step":             next(open, func(e *runbook.Event) { e.Kind, e.State = runbook.RunFinished, "succeeded" }),
			"SI-36: succeeded without a postcheck":           next(done, func(e *runbook.Event) { e.Kind, e.State = runbook.RunFinished, "succeeded" }),
			"SI-36: succeeded while held":                    next(held, func(e *runbook.Event) { e.Kind, e.State = runbook.RunFinished, "succeeded" }),
			"an end nobody knows":                            next(done, func(e *runbook.Event) { e.Kind, e.State = runbook.RunFinished, "fine" }),
			"SI-34: failed while in doubt":                   next(doubt, func(e *runbook.Event) { e.Kind, e.State, e.By = runbook.RunFinished, "failed", "olga" }),
			"SI-34: settled by nobody": next(doubt, func(e *runbook.Event) {
				e.Kind, e.Step, e.Try, e.State, e.Message = runbook.StepResolved, "promote", 1, "done", "x"
			}),
			"SI-34: settled without a reason": next(doubt, func(e *runbook.Event) {
				e.Kind, e.Step, e.Try, e.State, e.By = runbook.StepResolved, "promote", 1, "done", "olga"
			}),
			"SI-34: settled as in doubt": next(doubt, func(e *runbook.Event) {
				e.Kind, e.Step, e.Try, e.State, e.By, e.Message = runbook.StepResolved, "promote", 1, "in-doubt", "olga", "x"
			}),
			"disputed what no person said": next(doubt, func(e *runbook.Event) {
				e.Kind, e.Step, e.Try, e.State, e.Message = runbook.StepDisputed, "promote", 1, "in-doubt", "x"
			}),
			"disputed without a reason": next(next(doubt, settled), func(e *runbook.Event) {
				e.Kind, e.Step, e.Try, e.State = runbook.StepDisputed, "promote", 1, "in-doubt"
			}),
			"disputed twice": next(next(next(doubt, settled), disputed), disputed),
			"settled what is not in doubt": next(done, func(e *runbook.Event) {
				e.Kind, e.Step, e.Try, e.State, e.By, e.Message = runbook.StepResolved, "promote", 1, "done", "olga", "x"
			}),
			"probed what is done":                             next(done, func(e *runbook.Event) { e.Kind, e.Step, e.Try, e.State = runbook.StepProbe, "promote", 1, "not-done" }),
			"a precheck of what is being changed":             next(done, func(e *runbook.Event) { e.Kind, e.Step, e.State = runbook.PrecheckResult, "fit", "passed" }),
			"a precheck nobody understands":                   next(upTo(good, runbook.Claimed, ""), func(e *runbook.Event) { e.Kind, e.Step, e.State = runbook.PrecheckResult, "fit", "ok" }),
			"a hold without a reason":                         next(done, func(e *runbook.Event) { e.Kind = runbook.Hold }),
			"a hold in the middle of a step":                  next(open, func(e *runbook.Event) { e.Kind, e.Code = runbook.Hold, "X" }),
			"keys given back part way":                        next(held, func(e *runbook.Event) { e.Kind = runbook.Released }),
			"the point of no return without verification":     next(upTo(good, runbook.StepOutcome, "fence"), func(e *runbook.Event) { e.Kind, e.Step = runbook.PointOfNoReturn, "promote" }),
			"another point of no return":                      next(done, func(e *runbook.Event) { e.Kind, e.Step = runbook.PointOfNoReturn, "dns" }),
			"SI-37: protection restored before roles changed": next(upTo(good, runbook.StepOutcome, "fence"), func(e *runbook.Event) { e.Kind, e.Message = runbook.ProtectionRestored, "x" }),
			"a soak before anything is validated":             next(done, func(e *runbook.Event) { e.Kind = runbook.SoakStarted }),
			"the end of a soak that never began":              next(done, func(e *runbook.Event) { e.Kind = runbook.SoakEnded }),
			"LOCK-03: a smaller fencing number":               next(held, func(e *runbook.Event) { e.Kind, e.Attempt = runbook.Locked, 1 }),
			"a ruling nobody understands": next(done, func(e *runbook.Event) {
				e.Kind, e.Moment, e.State = runbook.Verified, runbook.BeforeFirstChange, "maybe"
			}),
			"verified at a moment nobody knows":                 next(done, func(e *runbook.Event) { e.Kind, e.Moment, e.State = runbook.Verified, "later", "allowed" }),
			"RUN-01: claimed before the second verification":    next(upTo(good, runbook.Locked, ""), func(e *runbook.Event) { e.Kind = runbook.Claimed }),
			"RUN-01: a precheck before the claim":               next(upTo(good, runbook.Locked, ""), func(e *runbook.Event) { e.Kind, e.Step, e.State = runbook.PrecheckResult, "fit", "passed" }),
			"RUN-03: a change without verification before":      next(upTo(good, runbook.PrecheckResult, "fit"), intent("announce", 1)),
			"RUN-07: a step of a member that was never checked": next(done, func(e *runbook.Event) { intent("x", 1)(e); e.Member = "orders" }),
			"a version nobody knows":                            next(done, func(e *runbook.Event) { e.Kind, e.V = runbook.CancelRequested, 2 }),
			"SI-1: a change after a denial": next(next(done, func(e *runbook.Event) {
				e.Kind, e.Moment, e.State = runbook.Verified, runbook.BeforeFirstChange, "denied"
			}), intent("reign", 1)),
			"LOCK-03: a lock without a key":                      next(upTo(good, runbook.Verified, ""), func(e *runbook.Event) { e.Kind = runbook.Locked }),
			"a step refused while another one is under way":      next(open, func(e *runbook.Event) { e.Kind, e.Step = runbook.StepRefused, "reign" }),
			"a step in doubt is passed over":                     next(append(slices.Clone(doubt[:len(doubt)-1]), runbook.Event{V: 1, Seq: int64(len(doubt) - 1), At: epoch, Run: "r1", Attempt: 1, Kind: runbook.CancelRequested}), intent("reign", 1)),
			"protection restored without anything that shows it": next(finished, func(e *runbook.Event) { e.Kind = runbook.ProtectionRestored }),
		} {
			if _, err := runbook.Fold(c); err == nil {
				t.Errorf("%s: legal", name)
			} else if last := c[len(c)-1]; name != "begins with something else" && last.Kind != "" && !strings.Contains(err.Error(), string(last.Kind)) {
				t.Errorf("%s: the error does not name the event: %v", name, err)
			}
		}
		// Their twins, which differ in one thing only, are legal.
		for name, c := range map[string][]runbook.Event{
			"resumed":                 next(held, func(e *runbook.Event) { e.Kind, e.Attempt, e.Begin = runbook.RunResumed, 2, begin }),
			"the next step":           next(done, intent("reign", 1)),
			"settled":                 next(doubt, settled),
			"disputed":                next(next(doubt, settled), disputed),
			"settled after a dispute": next(next(next(doubt, settled), disputed), settled),
			"ended by a person":       next(held, func(e *runbook.Event) { e.Kind, e.State, e.By = runbook.RunFinished, "aborted", "olga" }),
			"keys given back by two":  next(held, func(e *runbook.Event) { e.Kind, e.By = runbook.Released, "olga, alice" }),
			"a hold":                  next(done, func(e *runbook.Event) { e.Kind, e.Code = runbook.Hold, "X" }),
			"protection restored":     next(finished, func(e *runbook.Event) { e.Kind, e.Message = runbook.ProtectionRestored, "x" }),
			"taken back in its place": next(upTo(good, runbook.StepOutcome, "fence"), func(e *runbook.Event) { intent("fence", 1)(e); e.Undo = true }),
		} {
			if _, err := runbook.Fold(c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
