package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// bubble runs a test with a clock of its own.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func TestRUN01Order(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		m := memberOf("ledger")
		m.Soak = "30s"
		began := time.Now()
		w.must(t.Context(), planOf(m), runbook.EndSucceeded)
		if waited := time.Since(began); waited < 30*time.Second || waited > time.Minute {
			t.Errorf("it took %s, with a soak of 30s", waited)
		}
		want := []string{
			"run.started", "verified start", "locked", "verified locked", "claimed", "precheck.result fit", "markers", "verified first-change",
			"step.intent announce", "step.outcome announce", "step.intent fence", "step.outcome fence", "verified point-of-no-return", "point-of-no-return promote",
			"step.intent stop-old", "step.outcome stop-old", "step.intent promote", "step.outcome promote", "step.intent reign", "step.outcome reign", "step.intent dns", "step.outcome dns",
			"markers", "postcheck.result one", "soak.started", "postcheck.result one", "soak.ended", "run.finished", "released",
		}
		if got := w.order(); !slices.Equal(got, want) {
			t.Errorf("order is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if w.holder != "" || w.pushed != len(w.lines) {
			t.Errorf("the lock is %q's, and %d of %d lines are off the machine", w.holder, w.pushed, len(w.lines))
		}
	})
}

func TestRUN01LockedByAnotherRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.holder = "another"
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndLocked)
		if w.mutations != 0 || len(w.lines) != 0 {
			t.Errorf("%d changes, %d lines", w.mutations, len(w.lines))
		}
	})
}

func TestRUN02FinishedNeverRunsAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, want := range map[string]runbook.EndKind{"": runbook.EndSucceeded, "stop-old": runbook.EndFailed} {
			w := newWorld(t)
			w.do[name] = failing(connectors.Failed)
			w.must(t.Context(), planOf(memberOf("ledger")), want)
			before := w.mutations
			if _, err := w.start(t.Context(), planOf(memberOf("ledger"))); !errors.Is(err, runbook.ErrFinished) || w.mutations != before {
				t.Errorf("after %s it ran again: %v, %d changes more", want, err, w.mutations-before)
			}
		}
	})
}

func TestRUN03VerifiedAgain(t *testing.T) {
	denied := runbook.Ruling{Rules: []string{"VAL-03"}, Message: "withdrawn"}
	away := runbook.Ruling{Away: true, Message: "GitHub does not answer"}
	for _, c := range []struct {
		name   string
		moment runbook.Moment
		ruling runbook.Ruling
		want   runbook.EndKind
		spy    int
		holds  int
	}{
		{"denied at the start", runbook.AtStart, denied, runbook.EndDenied, 0, 0},
		{"no answer at the start", runbook.AtStart, away, runbook.EndNoAnswer, 0, 0},
		{"denied after the lock", runbook.AfterLock, denied, runbook.EndDenied, 0, 0},
		{"no answer after the lock", runbook.AfterLock, away, runbook.EndNoAnswer, 0, 0},
		{"denied before the first change", runbook.BeforeFirstChange, denied, runbook.EndDenied, 0, 0},
		{"no answer before the first change", runbook.BeforeFirstChange, away, runbook.EndNoAnswer, 0, 0},
		// announce and fence were done, fence is taken back; announce has no undo.
		{"denied before the point of no return", runbook.BeforeNoReturn, denied, runbook.EndAborted, 3, 1},
		{"no answer before the point of no return", runbook.BeforeNoReturn, away, runbook.EndAborted, 3, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.deny[c.moment] = c.ruling
				end := w.must(t.Context(), planOf(memberOf("ledger")), c.want)
				if w.mutations != c.spy || len(w.standing()) != c.holds || w.holder != "" {
					t.Errorf("%d changes, %v holds, the lock is %q's\n%s", w.mutations, w.standing(), w.holder, w.journal())
				}
				if c.ruling.Rules != nil && c.want == runbook.EndDenied && !slices.Equal(end.Rules, c.ruling.Rules) {
					t.Errorf("the rules are %v", end.Rules)
				}
			})
		})
	}
}

// A guard that says nothing denies.
func TestSI38SilentGuardDenies(t *testing.T) {
	for _, m := range []runbook.Moment{runbook.AtStart, runbook.AfterLock, runbook.BeforeFirstChange} {
		t.Run(string(m), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.deny[m] = runbook.Ruling{}
				w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndDenied)
				if w.mutations != 0 {
					t.Errorf("%d changes", w.mutations)
				}
			})
		})
	}
}

func TestRUN06ResumeIsVerifiedAndClaimedAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		p := planOf(memberOf("ledger"))
		w.do["dns"] = failing(connectors.Failed)
		w.must(t.Context(), p, runbook.EndHeld)
		if w.holder == "" {
			t.Error("a run that stopped part way gave its lock back")
		}
		first := len(w.verdict)
		delete(w.do, "dns")
		w.must(t.Context(), p, runbook.EndSucceeded)
		again := w.verdict[first]
		if !again.Resumed || again.Attempt != 2 || !again.Passed || again.Moment != runbook.AtStart {
			t.Errorf("the resumed run is verified as %+v", again)
		}
		if !w.claims[1] || !w.claims[2] {
			t.Errorf("claims are %v", w.claims)
		}
	})
}

// Before the point of no return a request that expired is over, and what it changed
// is taken back.
func TestRUN06ExpiredBeforePointOfNoReturn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		p := planOf(memberOf("ledger"))
		ctx, cancel := context.WithCancelCause(t.Context())
		w.after["announce"] = func() { cancel(errors.New("SIGTERM")) }
		w.must(ctx, p, runbook.EndHeld)
		w.holds["ledger/fence"] = false
		expired := runbook.Ruling{Rules: []string{"VAL-02"}, Message: "expired"}
		w.deny[runbook.AtStart], w.deny[runbook.AfterLock] = expired, expired
		before := w.mutations
		w.must(t.Context(), p, runbook.EndAborted)
		if w.mutations != before || w.holder != "" {
			t.Errorf("%d changes more, the lock is %q's\n%s", w.mutations-before, w.holder, w.journal())
		}
	})
}

func TestRUN06AnotherPlanIsNotResumed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["dns"] = failing(connectors.Failed)
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndHeld)
		p := planOf(memberOf("ledger"))
		p.Digest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
		before := w.mutations
		if _, err := w.start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "PLAN_DRIFT") || w.mutations != before {
			t.Errorf("another plan: %v", err)
		}
	})
}

func TestRUN07NothingToDo(t *testing.T) {
	for name, change := range map[string]func(*runbook.Plan){
		"no wave":       func(p *runbook.Plan) { p.Waves = nil },
		"no member":     func(p *runbook.Plan) { p.Waves[0].Members = nil },
		"no step":       func(p *runbook.Plan) { p.Waves[0].Members[0].Steps = nil },
		"no precheck":   func(p *runbook.Plan) { p.Waves[0].Members[0].Prechecks = nil },
		"no postcheck":  func(p *runbook.Plan) { p.Waves[0].Members[0].Postchecks = nil },
		"member twice":  func(p *runbook.Plan) { p.Waves = append(p.Waves, p.Waves[0]) },
		"id twice":      func(p *runbook.Plan) { p.Waves[0].Members[0].Prechecks[0].ID = "promote" },
		"two at once":   func(p *runbook.Plan) { p.Waves[0].Members[0].Steps[0].Uses = "pg.native/promote" },
		"no return":     func(p *runbook.Plan) { p.Waves[0].Members[0].PointOfNoReturn = "" },
		"unknown":       func(p *runbook.Plan) { p.Waves[0].Members[0].PointOfNoReturn = "promoted" },
		"held inside":   func(p *runbook.Plan) { p.Waves[0].Members[0].HoldPoints = []string{"promote"} },
		"strange soak":  func(p *runbook.Plan) { p.Waves[0].Members[0].Soak = "30" },
		"empty section": func(p *runbook.Plan) { p.Waves[0].Members[0].Atomic[0].To = "stop-old" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := planOf(memberOf("ledger"))
			change(p)
			if end, err := w.start(t.Context(), p); err == nil || w.mutations != 0 || len(w.lines) != 0 {
				t.Errorf("it ended %s after %d changes", end.Kind, w.mutations)
			}
		})
	}
}

// Cancel acts at hold points only; inside the atomic section nothing stops, and the
// same command goes on to the same end.
func TestSI35CancelAtEachStep(t *testing.T) {
	// The step after which the signal comes -> the step before which the run stops.
	for after, before := range map[string]string{"announce": "fence", "fence": "dns", "stop-old": "dns", "promote": "dns", "reign": "dns", "dns": ""} {
		t.Run(after, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				p := planOf(memberOf("ledger"))
				ctx, cancel := context.WithCancelCause(t.Context())
				w.after[after] = func() { cancel(errors.New("SIGTERM")) }
				end := w.must(ctx, p, runbook.EndHeld)
				if end.Code != runbook.CodeCanceled || end.Step != before || !strings.Contains(end.Message, "SIGTERM") {
					t.Errorf("held by %s before %q: %s", end.Code, end.Step, end.Message)
				}
				if !slices.Contains(w.order(), "cancel.requested") {
					t.Errorf("the interruption is not written down\n%s", w.journal())
				}
				w.must(t.Context(), p, runbook.EndSucceeded)
				for name, n := range w.done {
					if n != 1 {
						t.Errorf("%s was done %d times", name, n)
					}
				}
			})
		})
	}
}

// The record of an interruption is written while the step still runs.
func TestRUN08InterruptionIsWrittenAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		seen := false
		w.do["promote"] = func(runbook.Task) connectors.Outcome {
			cancel(errors.New("SIGTERM"))
			time.Sleep(time.Second)
			seen = slices.Contains(w.order(), "cancel.requested")
			w.holds["ledger/promote"] = true
			return connectors.Outcome{State: connectors.Done}
		}
		w.must(ctx, planOf(memberOf("ledger")), runbook.EndHeld)
		if !seen {
			t.Errorf("not written while the step ran\n%s", w.journal())
		}
	})
}

// The network to where journals go is cut at each step. Before the point of no return
// the run stops at the next place where it may; inside the atomic section and after
// it, it goes on and says that the record is degraded.
func TestRUN09SI02NetworkCutAtEachStep(t *testing.T) {
	for _, c := range []struct {
		after  string
		want   runbook.EndKind
		before string
	}{
		{"", runbook.EndNoAnswer, "announce"}, // never got out
		{"announce", runbook.EndHeld, "fence"},
		{"fence", runbook.EndAborted, ""}, // the gate of the point of no return is no hold point
		{"stop-old", runbook.EndSucceeded, ""},
		{"promote", runbook.EndSucceeded, ""},
		{"reign", runbook.EndSucceeded, ""},
		{"dns", runbook.EndSucceeded, ""},
	} {
		t.Run("after "+c.after, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				p := planOf(memberOf("ledger"))
				if c.after == "" {
					w.check["fit"] = func() connectors.Finding {
						w.cut = true
						return connectors.Finding{Result: connectors.Passed}
					}
				} else {
					w.after[c.after] = func() { w.cut = true }
				}
				end := w.must(t.Context(), p, c.want)
				if c.after == "" && w.mutations != 0 {
					t.Errorf("SI-1: %d changes before anything is off the machine", w.mutations)
				}
				if c.want == runbook.EndSucceeded && (!end.State.Degraded || !slices.Contains(w.order(), "audit.degraded")) {
					t.Errorf("the record is not marked degraded\n%s", w.journal())
				}
				if c.before != "" && end.Step != c.before {
					t.Errorf("stopped before %q, want %q", end.Step, c.before)
				}
				if c.want == runbook.EndAborted && len(w.standing()) != 1 {
					t.Errorf("%v was not taken back", w.standing())
				}
				if c.want == runbook.EndHeld || c.want == runbook.EndNoAnswer {
					w.cut = false
					w.check["fit"] = nil
					delete(w.after, c.after)
					w.must(t.Context(), p, runbook.EndSucceeded)
					if !slices.Contains(w.order(), "audit.restored") {
						t.Errorf("it is not said that the record is whole again\n%s", w.journal())
					}
				}
			})
		})
	}
}

// Nothing is changed when its intent cannot be written, at the start or later.
func TestSI01NoChangeWithoutRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.full = true
		if _, err := w.start(t.Context(), planOf(memberOf("ledger"))); err == nil || w.mutations != 0 || w.holder != "" {
			t.Errorf("a full disk at the start: %v, %d changes, the lock is %q's", err, w.mutations, w.holder)
		}
		for _, step := range []string{"announce", "fence", "stop-old", "promote", "reign"} {
			w := newWorld(t)
			w.after[step] = func() { w.full = true }
			_, err := w.start(t.Context(), planOf(memberOf("ledger")))
			if err == nil || w.tasks[len(w.tasks)-1].ID != step {
				t.Errorf("the disk is full after %s: %v, and the last thing done is %s", step, err, w.tasks[len(w.tasks)-1].ID)
			}
			w.full = false
			delete(w.after, step)
			w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
		}
	})
}

// An intent is durable here before the action begins, and off the machine before the
// first one and before the point of no return.
func TestSI01IntentIsDurableBeforeTheAction(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["announce"] = func(runbook.Task) connectors.Outcome {
			if last := w.order()[len(w.lines)-1]; last != "step.intent announce" || w.pushed != len(w.lines) {
				t.Errorf("the last line is %q, %d of %d are off the machine", last, w.pushed, len(w.lines))
			}
			w.holds["ledger/announce"] = true
			return connectors.Outcome{State: connectors.Done}
		}
		w.do["promote"] = func(runbook.Task) connectors.Outcome {
			if last := w.order()[len(w.lines)-1]; last != "step.intent promote" || w.pushed < slices.Index(w.order(), "point-of-no-return promote")+1 {
				t.Errorf("the last line is %q, %d lines are off the machine", last, w.pushed)
			}
			w.holds["ledger/promote"] = true
			return connectors.Outcome{State: connectors.Done}
		}
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
	})
}

func TestSI24PlannedNeverBecomesForced(t *testing.T) {
	forced := runbook.Operation{Uses: "pg.native/force-promote"}
	for name, change := range map[string]func(m *runbook.MemberPlan){
		"as a step":   func(m *runbook.MemberPlan) { m.Steps[3].Operation = forced },
		"as undo":     func(m *runbook.MemberPlan) { m.Steps[1].Undo = &forced },
		"as rollback": func(m *runbook.MemberPlan) { m.Rollback = []runbook.Step{{ID: "r", Operation: forced}} },
	} {
		for _, kind := range []runbook.Type{runbook.Switchover, runbook.Failback, runbook.Drill} {
			t.Run(name+" of a "+string(kind), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				m := memberOf("ledger")
				change(&m)
				p := planOf(m)
				p.Type = kind
				if _, err := w.start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "SI-24") || len(w.lines) != 0 {
					t.Errorf("%v", err)
				}
			})
		}
	}
	bubble(t, func(t *testing.T) {
		// What remains is not waited away: a planned run whose last condition does not
		// come true gives the source back.
		w := newWorld(t)
		m := memberOf("ledger")
		soon := duration.Duration(5 * time.Second)
		m.Steps = slices.Insert(m.Steps, 2, runbook.Step{ID: "caught-up", Timeout: &soon, Operation: runbook.Operation{Wait: &runbook.Wait{Indicator: "replication.lag"}}})
		w.do["caught-up"] = failing(connectors.InDoubt)
		w.must(t.Context(), planOf(m), runbook.EndFailed)
		if got := w.standing(); !slices.Equal(got, []string{"ledger/announce"}) {
			t.Errorf("%v holds: the source is not writable again", got)
		}
	})
}

func TestSI25LossyNeedsFailoverWithCeiling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := memberOf("ledger")
		m.Steps[3].Operation = runbook.Operation{Uses: "pg.native/force-promote"}
		p := planOf(m)
		p.Type = runbook.Failover
		w := newWorld(t)
		r := w.runner(p)
		r.Terms.MaxLoss = nil
		if _, err := r.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "SI-25") || len(w.lines) != 0 {
			t.Errorf("without a ceiling: %v", err)
		}
		w.must(t.Context(), p, runbook.EndSucceeded)
	})
}

func TestSI38ActionThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m *runbook.MemberPlan){
		"step":                   func(m *runbook.MemberPlan) { m.Steps[3].Uses = "pg.native/elect" },
		"check":                  func(m *runbook.MemberPlan) { m.Prechecks[0].Uses = "pg.native/elect" },
		"check that changes":     func(m *runbook.MemberPlan) { m.Prechecks[0].Uses = "pg.native/promote" },
		"probe that changes":     func(m *runbook.MemberPlan) { m.Steps[0].Done = &runbook.Operation{Uses: "pg.native/promote"} },
		"postcheck that changes": func(m *runbook.MemberPlan) { m.Postchecks[0].Uses = "pg.native/promote" },
	} {
		w := newWorld(t)
		m := memberOf("ledger")
		change(&m)
		if _, err := w.start(t.Context(), planOf(m)); err == nil || len(w.lines) != 0 {
			t.Errorf("%s: it ran", name)
		}
	}
}

func TestSI31FirstRedStopsTheRest(t *testing.T) {
	for name, set := range map[string]func(w *world){
		"a step before the point of no return": func(w *world) { w.do["stop-old"] = failing(connectors.Failed) },
		"the point of no return":               func(w *world) { w.do["promote"] = failing(connectors.Failed) },
		"a step after it":                      func(w *world) { w.do["dns"] = failing(connectors.Failed) },
		"a postcheck":                          func(w *world) { w.check["one"] = refused("TWO_WRITERS") },
		"an unknown postcheck":                 func(w *world) { w.check["one"] = func() connectors.Finding { return connectors.Finding{} } },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				set(w)
				if end, err := w.start(t.Context(), planOf(memberOf("ledger"), memberOf("orders"))); err != nil || end.Kind == runbook.EndSucceeded {
					t.Errorf("it ended %s, %v", end.Kind, err)
				}
				for _, task := range w.tasks {
					if task.Member.Resource == "orders" {
						t.Errorf("%s of wave 2 was done", task.ID)
					}
				}
			})
		})
	}
}

// A group in which one member is past its point of no return is not over when the
// next one fails: that one is taken back, and the same command goes on with it.
func TestSI31SecondWaveFailsAndGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		p := planOf(memberOf("ledger"), memberOf("orders"))
		bad := true
		w.do["stop-old"] = func(task runbook.Task) connectors.Outcome {
			if task.Member.Resource == "orders" && bad {
				return connectors.Outcome{State: connectors.Failed, Message: "refused"}
			}
			w.holds[task.Member.Resource+"/stop-old"] = true
			return connectors.Outcome{State: connectors.Done}
		}
		w.must(t.Context(), p, runbook.EndHeld)
		if w.holds["orders/fence"] || !w.holds["ledger/promote"] {
			t.Errorf("%v holds\n%s", w.standing(), w.journal())
		}
		bad = false
		w.must(t.Context(), p, runbook.EndSucceeded)
	})
}

// What was seen of the second wave before the first one ran is old (SI-8).
func TestSI08PrechecksOfLaterWavesAreRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		n := 0
		w.check["fit"] = func() connectors.Finding {
			if n++; n == 3 {
				return connectors.Finding{Result: connectors.Refused, Code: "LAG_OVER_RPO"}
			}
			return connectors.Finding{Result: connectors.Passed}
		}
		end := w.must(t.Context(), planOf(memberOf("ledger"), memberOf("orders")), runbook.EndHeld)
		if end.Code != runbook.CodePrecheck || end.Member != "orders" {
			t.Errorf("held by %s of %s", end.Code, end.Member)
		}
	})
}

func TestSI32StolenLockStopsEverything(t *testing.T) {
	for _, step := range []string{"announce", "fence", "stop-old", "promote", "reign"} {
		t.Run(step, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.after[step] = func() { w.stolen = true }
				end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndHeld)
				if end.Code != runbook.CodeLockLost || w.tasks[len(w.tasks)-1].ID != step {
					t.Errorf("held by %s, and the last thing done is %s", end.Code, w.tasks[len(w.tasks)-1].ID)
				}
			})
		})
	}
}

// A runner that slept while somebody else took over finds out before it acts.
func TestSI32PausedRunnerDoesNotAct(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.check["fit"] = func() connectors.Finding {
			w.fence++ // the lock was given to somebody else
			return connectors.Finding{Result: connectors.Passed}
		}
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndLocked)
		if w.mutations != 0 {
			t.Errorf("%d changes", w.mutations)
		}
	})
}

// The lock is looked at between every two changes, once: the look that belongs to a
// verification counts for the change right after it.
func TestSI32OneLookForEachChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		var looks []int
		for _, step := range []string{"announce", "fence", "stop-old", "promote", "reign", "dns"} {
			w.after[step] = func() { looks = append(looks, w.looks) }
		}
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
		if !slices.Equal(looks, []int{1, 2, 3, 4, 5, 6}) {
			t.Errorf("looks before each change: %v", looks)
		}
	})
}

// The look that goes on beside a step that changes nothing counts for the change after
// it, and finds a lock that was taken after the change before it.
func TestSI32LookBesideAStep(t *testing.T) {
	for _, after := range []string{"", "stop-old"} {
		t.Run(after, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				m := memberOf("ledger")
				m.Atomic = []runbook.Section{{From: "fence", To: "reign"}}
				m.Steps = slices.Insert(m.Steps, 3, runbook.Step{ID: "drained", Operation: runbook.Operation{Uses: "pg.native/one-primary"}})
				before := 0
				w.after["stop-old"] = func() { w.stolen, before = after == "stop-old", w.looks }
				w.after["promote"] = func() {
					if w.looks != before+1 {
						t.Errorf("%d looks between two changes", w.looks-before)
					}
				}
				want := runbook.EndSucceeded
				if after != "" {
					want = runbook.EndHeld
				}
				end := w.must(t.Context(), planOf(m), want)
				if after != "" && (end.Code != runbook.CodeLockLost || w.holds["ledger/promote"]) {
					t.Errorf("ended %s\n%s", end.Code, w.journal())
				}
			})
		})
	}
}

// A look does not count for a change after the machine slept.
func TestSI32AnOldLookDoesNotCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.pushing = func() {
			if lines := w.order(); len(lines) > 0 && lines[len(lines)-1] == "point-of-no-return promote" {
				time.Sleep(time.Minute)
				w.stolen = true
			}
		}
		end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndHeld)
		if end.Code != runbook.CodeLockLost || w.tasks[len(w.tasks)-1].ID != "fence" {
			t.Errorf("ended %s\n%s", end.Code, w.journal())
		}
	})
}

// A ledger that does not answer is not a lock that is held, once the lease is over.
func TestSI32LedgerAwayBeyondTheLease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.after["announce"] = func() {
			w.cut = true
			time.Sleep(2 * time.Minute)
		}
		m := memberOf("ledger")
		m.HoldPoints = nil
		m.Steps = slices.Insert(m.Steps, 1, command("drain"))
		end := w.must(t.Context(), planOf(m), runbook.EndHeld)
		if end.Code != runbook.CodeNoAnswer || w.tasks[len(w.tasks)-1].ID != "announce" {
			t.Errorf("held by %s after %s", end.Code, w.tasks[len(w.tasks)-1].ID)
		}
	})
}

// Nor is it inside an atomic section, while steps are taken back, or after the point of
// no return: somebody else may have the lock by then, and would not be seen.
func TestSI32NobodyActsBeyondTheLease(t *testing.T) {
	for _, c := range []struct {
		after string // the step after which the ledger is away for longer than the lease
		last  string // step that is asked for
	}{{"fence", "fence"}, {"stop-old", "stop-old"}, {"promote", "promote"}, {"reign", "reign"}} {
		t.Run(c.after, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.after[c.after] = func() {
					w.cut = true
					time.Sleep(2 * time.Minute)
				}
				m := memberOf("ledger")
				m.HoldPoints, m.Atomic = nil, []runbook.Section{{From: "fence", To: "reign"}}
				end := w.must(t.Context(), planOf(m), runbook.EndHeld)
				if last := w.tasks[len(w.tasks)-1].ID; end.Code != runbook.CodeNoAnswer || last != c.last {
					t.Errorf("held by %s after %s\n%s", end.Code, last, w.journal())
				}
			})
		})
	}
}

// An answer that was lost after the effect is found out by the probe, not repeated.
func TestSI34AnswerLostAfterTheEffect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		n := 0
		w.do["promote"] = func(runbook.Task) connectors.Outcome {
			n++
			w.holds["ledger/promote"] = true
			return connectors.Outcome{State: connectors.InDoubt, Message: "connection reset"}
		}
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
		if n != 1 || !slices.Contains(w.order(), "step.probe promote") {
			t.Errorf("done %d times\n%s", n, w.journal())
		}
	})
}

func TestSI34OnlyIdempotentStepsAreRepeated(t *testing.T) {
	for _, c := range []struct {
		step  string
		state connectors.OutcomeState
		tries int
		want  runbook.EndKind
	}{
		{"reign", connectors.InDoubt, 3, runbook.EndInDoubt},
		{"reign", connectors.NotDone, 3, runbook.EndHeld},
		{"promote", connectors.InDoubt, 1, runbook.EndInDoubt},
		{"promote", connectors.NotDone, 1, runbook.EndFailed},
		{"fence", connectors.InDoubt, 3, runbook.EndInDoubt},
		{"announce", connectors.NotDone, 1, runbook.EndHeld},
	} {
		t.Run(fmt.Sprintf("%s %s", c.step, c.state), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				n := 0
				w.do[c.step] = func(runbook.Task) connectors.Outcome { n++; return connectors.Outcome{State: c.state} }
				w.probe[c.step] = func(runbook.Task) connectors.Outcome { return connectors.Outcome{State: c.state} }
				w.must(t.Context(), planOf(memberOf("ledger")), c.want)
				if n != c.tries {
					t.Errorf("tried %d times, want %d", n, c.tries)
				}
			})
		})
	}
}

// A step that is over its time is not known; one that never comes back is left behind
// and nothing more is asked.
func TestSI34Timeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["promote"] = func(runbook.Task) connectors.Outcome {
			time.Sleep(5*time.Minute + time.Second)
			w.holds["ledger/promote"] = true
			return connectors.Outcome{State: connectors.Failed, Message: "too late to say so"}
		}
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)

		w = newWorld(t)
		back := make(chan struct{})
		w.do["promote"] = func(runbook.Task) connectors.Outcome { <-back; return connectors.Outcome{State: connectors.Done} }
		end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndInDoubt)
		if end.Step != "promote" || w.tasks[len(w.tasks)-1].ID != "promote" {
			t.Errorf("in doubt about %s", end.Step)
		}
		close(back)
	})
}

func TestSI34CrashInAStepIsInDoubt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["promote"] = func(runbook.Task) connectors.Outcome { panic("index out of range") }
		w.probe["promote"] = func(runbook.Task) connectors.Outcome { return connectors.Outcome{} }
		end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndInDoubt)
		if !strings.Contains(w.journal(), "STEP_CRASHED") || end.Step != "promote" {
			t.Errorf("%s", w.journal())
		}
		if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: "reign", Done: true, By: "olga", Reason: "x"}, then); err == nil {
			t.Error("another step than the one in doubt was settled")
		}
		if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: "promote", Done: true, Reason: "x"}, then); err == nil {
			t.Error("nobody settled it")
		}
		if _, err := runbook.Resolve(t.Context(), w, runbook.Resolution{Step: "promote", Done: true, By: "olga", Reason: "pg_controldata says in production"}, then); err != nil {
			t.Error(err)
		}
		delete(w.do, "promote")
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
		if w.done["ledger/promote"] != 0 {
			t.Error("a step that a person found done was done again")
		}
	})
}

// What a program says with its exit code is looked at.
func TestSI03DoneIsProbed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["stop-old"] = func(runbook.Task) connectors.Outcome { return connectors.Outcome{State: connectors.Done} }
		end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndFailed)
		if end.Step != "stop-old" || !strings.Contains(w.journal(), string(runbook.CodeProbeDisagrees)) || w.holds["ledger/fence"] {
			t.Errorf("%s", w.journal())
		}
	})
}

func TestSI35NoUndoAfterThePointOfNoReturn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		m := memberOf("ledger")
		m.Steps[4].Undo = &runbook.Operation{Uses: "pg.native/lift-soft-fence"}
		w.do["dns"] = failing(connectors.Failed)
		end := w.must(t.Context(), planOf(m), runbook.EndHeld)
		for _, line := range w.order() {
			if strings.HasSuffix(line, "undo") {
				t.Errorf("%s", line)
			}
		}
		if !end.State.Unprotected() {
			t.Error("SI-37: roles have changed, and nothing says that protection is not restored")
		}
	})
}

// The point of no return says that it failed, and live state cannot tell.
func TestSI35FailedPointOfNoReturnIsProved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["promote"] = failing(connectors.Failed)
		w.probe["promote"] = func(runbook.Task) connectors.Outcome { return connectors.Outcome{State: connectors.InDoubt} }
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndInDoubt)
		if !w.holds["ledger/fence"] || !w.holds["ledger/stop-old"] {
			t.Error("the old primary was started although the new one may have been promoted")
		}
	})
}

func TestSI36NotSucceeded(t *testing.T) {
	for name, result := range map[string]connectors.FindingResult{"failed": connectors.Refused, "unknown": connectors.Unknown, "not told": "", "warned": connectors.Warned} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.check["one"] = func() connectors.Finding { return connectors.Finding{Result: result, Code: "CLIENT_PATH"} }
				w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndHeld)
				w.check["one"] = nil
				w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
			})
		})
	}
	t.Run("red during the soak", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t)
			began := time.Now()
			w.check["one"] = func() connectors.Finding {
				if time.Since(began) > 15*time.Second {
					return connectors.Finding{Result: connectors.Refused, Code: "TWO_WRITERS"}
				}
				return connectors.Finding{Result: connectors.Passed}
			}
			m := memberOf("ledger")
			m.Soak = "30s"
			end := w.must(t.Context(), planOf(m), runbook.EndHeld)
			if end.Code != runbook.CodePostcheck {
				t.Errorf("held by %s", end.Code)
			}
		})
	})
	t.Run("canceled during the soak", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t)
			m := memberOf("ledger")
			m.Soak = "30s"
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(12*time.Second, func() { cancel(errors.New("SIGTERM")) })
			w.must(ctx, planOf(m), runbook.EndHeld)
			began := time.Now()
			w.must(t.Context(), planOf(m), runbook.EndSucceeded)
			if time.Since(began) < 30*time.Second {
				t.Errorf("a soak that nobody watched counted")
			}
		})
	})
}

// What no log took of an end is brought by the same command, which runs nothing.
func TestRUN09EndIsBroughtLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		plan := planOf(memberOf("ledger"))
		w.pushing = func() {
			events, err := w.Events(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w.noLog = w.noLog || events[len(events)-1].Kind == runbook.RunFinished
		}
		end := w.must(t.Context(), plan, runbook.EndSucceeded)
		if !end.State.Released || !end.State.Degraded || w.pushed == len(w.lines) {
			t.Fatalf("released %v, degraded %v\n%s", end.State.Released, end.State.Degraded, w.journal())
		}
		mutations, lines := w.mutations, len(w.lines)
		if _, err := w.start(t.Context(), plan); !errors.Is(err, runbook.ErrFinished) || len(w.lines) != lines {
			t.Fatalf("still away: %v\n%s", err, w.journal())
		}
		w.pushing, w.noLog = nil, false
		again, err := w.start(t.Context(), plan)
		if !errors.Is(err, runbook.ErrFinished) || again.State.Degraded || w.pushed < lines || w.mutations != mutations {
			t.Errorf("%v, degraded %v, %d of %d lines off the machine\n%s", err, again.State.Degraded, w.pushed, len(w.lines), w.journal())
		}
	})
}

func TestSI37ProtectionNotRestored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
		if !end.State.Unprotected() || !strings.Contains(w.journal(), "run.finished / undo=false try=0 succeeded PROTECTION_NOT_RESTORED") {
			t.Errorf("%s", w.journal())
		}
		events, err := w.Events(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := end.State
		restored := runbook.Event{V: 1, Seq: int64(len(events)), At: epoch, Run: "r1", Attempt: 1, Kind: runbook.ProtectionRestored}
		if s.Apply(restored) == nil {
			t.Error("protection is restored without anything that shows it")
		}
		restored.Message = "standby fra-1 streams, backup 2026-03-01 restored"
		if err := s.Apply(restored); err != nil || s.Unprotected() {
			t.Errorf("%v", err)
		}
	})
}

func TestSI08PrecheckBlocks(t *testing.T) {
	for _, c := range []struct {
		name   string
		result connectors.FindingResult
		accept bool
		warn   bool
		want   runbook.EndKind
	}{
		{"refused", connectors.Refused, false, false, runbook.EndRefused},
		{"refused and accepted", connectors.Refused, true, false, runbook.EndRefused},
		{"unknown", connectors.Unknown, false, false, runbook.EndRefused},
		{"unknown and accepted", connectors.Unknown, true, false, runbook.EndRefused},
		{"unknown where a failure warns", connectors.Unknown, false, true, runbook.EndRefused},
		{"the same, accepted by name", connectors.Unknown, true, true, runbook.EndSucceeded},
		{"warned", connectors.Warned, false, false, runbook.EndRefused},
		{"warned and accepted", connectors.Warned, true, false, runbook.EndSucceeded},
		{"refused where a failure warns", connectors.Refused, false, true, runbook.EndRefused},
		{"the same, accepted", connectors.Refused, true, true, runbook.EndSucceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.check["fit"] = func() connectors.Finding {
					return connectors.Finding{Result: c.result, Code: "LAG_NEAR_RPO", Message: "seen"}
				}
				m := memberOf("ledger")
				if c.warn {
					m.Prechecks[0].OnFailure = "warn"
				}
				r := w.runner(planOf(m))
				if c.accept {
					r.Terms.Accept = []runbook.Acceptance{{Code: "LAG_NEAR_RPO", Reason: "known"}}
				}
				end, err := r.Start(t.Context())
				if err != nil || end.Kind != c.want || c.want == runbook.EndRefused && w.mutations != 0 {
					t.Errorf("%s, %v, %d changes", end.Kind, err, w.mutations)
				}
			})
		})
	}
}

// All prechecks are run and shown, also after one that refuses.
func TestSI39AllPrechecksAreShown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		m := memberOf("ledger")
		m.Prechecks = append(m.Prechecks, runbook.Check{ID: "second", Operation: runbook.Operation{Uses: "pg.native/standby-fit"}})
		w.check["fit"] = refused("LAG_OVER_RPO")
		w.must(t.Context(), planOf(m), runbook.EndRefused)
		if !slices.Contains(w.order(), "precheck.result second") {
			t.Errorf("%s", w.journal())
		}
	})
}

func TestRUN05PersonNeeded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		m := memberOf("ledger")
		m.Steps[0] = runbook.Step{ID: "power-off", Operation: runbook.Operation{Manual: &runbook.Manual{Instructions: "pull the plug", Attest: "it is off"}}}
		p := planOf(m)
		end := w.must(t.Context(), p, runbook.EndHeld)
		if end.Code != runbook.CodeNobodyThere || end.Step != "power-off" || w.mutations != 0 {
			t.Errorf("held by %s at %s", end.Code, end.Step)
		}
		w.answer["power-off"] = runbook.Answer{Given: true, Yes: true, By: "alice", Message: "comment 7"}
		w.must(t.Context(), p, runbook.EndSucceeded)

		w = newWorld(t)
		w.answer["power-off"] = runbook.Answer{Given: true, By: "alice", Message: "no access"}
		w.must(t.Context(), p, runbook.EndFailed)
	})
}

func TestLatePlaceholders(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		m := memberOf("ledger")
		m.Steps[2].Command.Run = []string{"/opt/hook", "stop", "${steps.announce.position}", "${run}", "${fence}"}
		w.must(t.Context(), planOf(m), runbook.EndSucceeded)
		for _, task := range w.tasks {
			if task.ID == "stop-old" && !slices.Equal(task.Operation.Command.Run, []string{"/opt/hook", "stop", "0/3000060", "r1", "1"}) {
				t.Errorf("the command is %q", task.Operation.Command.Run)
			}
			if task.Fence != 1 || task.Key != "r1/ledger/"+task.ID {
				t.Errorf("%s has fence %d and key %s", task.ID, task.Fence, task.Key)
			}
		}
		for _, absent := range []string{"${steps.announce.nothing}", "${steps.dns.position}", "${resource}", "${steps.announce}"} {
			w := newWorld(t)
			m.Steps[2].Command.Run[2] = absent
			end := w.must(t.Context(), planOf(m), runbook.EndFailed)
			if slices.Contains(w.order(), "step.intent stop-old") || end.Step != "stop-old" {
				t.Errorf("%s: %s", absent, w.journal())
			}
		}
	})
}

func TestSI28UndoThatFailsIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["promote"] = failing(connectors.Failed)
		broken := true
		w.probe["stop-old"] = func(task runbook.Task) connectors.Outcome {
			if task.Undo && broken {
				return connectors.Outcome{State: connectors.NotDone}
			}
			return connectors.Outcome{State: connectors.Done}
		}
		end := w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndHeld)
		if end.Code != runbook.CodeUndoFailed || end.Step != "stop-old" || !w.holds["ledger/fence"] {
			t.Errorf("held by %s of %s\n%s", end.Code, end.Step, w.journal())
		}
		broken = false
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndFailed)
		if got := w.standing(); !slices.Equal(got, []string{"ledger/announce"}) {
			t.Errorf("%v holds", got)
		}
	})
}

func TestLOCK01Keys(t *testing.T) {
	t.Parallel()
	if got := planOf(memberOf("orders"), memberOf("ledger")).Keys(); !slices.Equal(got, []string{"group/shop", "resource/ledger", "resource/orders"}) {
		t.Errorf("keys of a group are %v", got)
	}
	if got := planOf(memberOf("ledger")).Keys(); !slices.Equal(got, []string{"resource/ledger"}) {
		t.Errorf("keys of a resource are %v", got)
	}
}

// While clients wait, nothing waits for a place off this machine: inside an atomic
// section nothing is pushed, and everything is right after it.
func TestRUN04NothingIsPushedInsideASection(t *testing.T) {
	for _, c := range []struct {
		name   string
		plan   func(m *runbook.MemberPlan)
		set    func(w *world)
		pushes []string // steps whose intent was the newest line at a push
		want   runbook.EndKind
	}{
		{"done", nil, nil, []string{"announce", "fence", "dns"}, runbook.EndSucceeded},
		{"with looks in it", func(m *runbook.MemberPlan) {
			m.Steps = slices.Insert(m.Steps, 3, runbook.Step{ID: "drained", Operation: runbook.Operation{Uses: "pg.native/one-primary"}})
		}, nil, []string{"announce", "fence", "dns"}, runbook.EndSucceeded},
		{"a look follows", func(m *runbook.MemberPlan) {
			m.Steps = slices.Insert(m.Steps, 5, runbook.Step{ID: "look", Operation: runbook.Operation{Uses: "pg.native/one-primary"}})
		}, nil, []string{"announce", "fence", "reign", "dns"}, runbook.EndSucceeded},
		{"it is the end", func(m *runbook.MemberPlan) { m.Steps, m.HoldPoints = m.Steps[:5], []string{"fence"} }, nil, []string{"announce", "fence", "reign"}, runbook.EndSucceeded},
		{"taken back", nil, func(w *world) { w.do["promote"] = failing(connectors.Failed) }, []string{"announce", "fence"}, runbook.EndFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				m := memberOf("ledger")
				m.Atomic = []runbook.Section{{From: "fence", To: "reign"}}
				if c.plan != nil {
					c.plan(&m)
				}
				if c.set != nil {
					c.set(w)
				}
				var pushes []string
				w.pushing = func() {
					events, err := w.Events(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if last := events[len(events)-1]; last.Kind == runbook.StepIntent || last.Kind == runbook.StepOutcome {
						pushes = append(pushes, last.Step)
					}
				}
				w.must(t.Context(), planOf(m), c.want)
				if !slices.Equal(pushes, c.pushes) {
					t.Errorf("pushed at %v, want %v\n%s", pushes, c.pushes, w.journal())
				}
				if last := w.order()[w.pushed-1]; last != "released" {
					t.Errorf("what is off this machine ends with %q", last)
				}
			})
		})
	}
}
