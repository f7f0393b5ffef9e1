package runbook_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// repeatable is a switchover all of which may be done again once it is taken back. It
// looks, before the point of no return, at what the stop left.
func repeatable(name string) runbook.MemberPlan {
	m := memberOf(name)
	m.Steps[0].Idempotent = true
	m.Steps = slices.Insert(m.Steps, 3, uses("proof", "pg.native/one-primary"))
	return m
}

// failover is one in small: once the old side is fenced there is no way back.
func failover(name string) *runbook.Plan {
	m := memberOf(name)
	fence := command("fence")
	fence.Idempotent = true
	detach := undone(uses("detach", "pg.native/soft-fence"), runbook.Operation{Uses: "pg.native/lift-soft-fence"})
	m.Steps = []runbook.Step{uses("mark", "pg.native/one-primary"), fence, uses("proof", "pg.native/one-primary"), detach, uses("promote", "pg.native/promote"), command("dns")}
	m.HoldPoints = []string{"fence", "dns"}
	m.Atomic = []runbook.Section{{From: "fence", To: "promote"}}
	p := planOf(m)
	p.Type = runbook.Failover
	return p
}

// onlyOf replaces what a step does at one member.
func (w *world) onlyOf(member, step string, do func(runbook.Task) connectors.Outcome) {
	w.do[step] = func(t runbook.Task) connectors.Outcome {
		if t.Member.Resource == member {
			return do(t)
		}
		return w.usual(t, nil)
	}
}

// silent is a server that is not reached: nothing was sent.
func silent(runbook.Task) connectors.Outcome {
	return connectors.Outcome{State: connectors.Failed, Code: runbook.CodeNoAnswer, Message: "connection refused"}
}

// count is how often a line is in the journal.
func (w *world) count(line string) int {
	n := 0
	for _, l := range w.order() {
		if l == line {
			n++
		}
	}
	return n
}

// A server that is not reached for a while ends no request: what was done is taken back,
// clients write again, and the same command begins anew with everything fresh.
func TestRUN09NotReachedBeginsAnew(t *testing.T) {
	for _, c := range []struct {
		name, step string
		do         func(runbook.Task) connectors.Outcome
	}{
		{"a program that is not answered", "stop-old", silent},
		{"a server that is not reached", "fence", silent},
		{"something that is waited for in vain", "proof", failing(connectors.NotDone)},
		{"a look that tells nothing", "proof", failing(connectors.InDoubt)},
		{"the point of no return, which was not sent", "promote", silent},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w, p := newWorld(t), planOf(repeatable("ledger"))
				w.do[c.step] = c.do
				end := w.must(t.Context(), p, runbook.EndHeld)
				if got := w.standing(); !slices.Equal(got, []string{"ledger/announce"}) {
					t.Errorf("%v holds\n%s", got, w.journal())
				}
				if end.State.Changed() || end.State.Returning != nil || w.holder != "" || end.Step != c.step {
					t.Errorf("held by %q, keys of %q\n%s", end.Step, w.holder, w.journal())
				}
				if !strings.Contains(end.Message, "begins anew") {
					t.Errorf("it does not say how it goes on: %s", end.Message)
				}
				delete(w.do, c.step)
				w.must(t.Context(), p, runbook.EndSucceeded)
				if n := w.count("precheck.result fit"); n != 2 {
					t.Errorf("%d looks at the precheck, want one in each attempt\n%s", n, w.journal())
				}
				if w.done["ledger/announce"] != 2 || w.done["ledger/promote"] != 1 {
					t.Errorf("done: %v", w.done)
				}
			})
		})
	}
}

// What was refused is over, and so is what may not be done again.
func TestRUN02RefusedIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		member runbook.MemberPlan
		do     func(runbook.Task) connectors.Outcome
	}{
		"the server says no":                         {repeatable("ledger"), failing(connectors.Failed)},
		"announced by a program that is no repeater": {memberOf("ledger"), failing(connectors.NotDone)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.do["stop-old"] = c.do
				w.must(t.Context(), planOf(c.member), runbook.EndFailed)
			})
		})
	}
}

// The network is away while it is taken back, too: the next start takes back, and another
// one begins anew, because a start is asked for everything. One that is denied meanwhile
// is over, and its lock is free.
func TestRUN09TakenBackLater(t *testing.T) {
	for name, denied := range map[string]bool{"still allowed": false, "withdrawn": true} {
		t.Run(name, func(t *testing.T) {
			takenBackLater(t, denied)
		})
	}
}

func takenBackLater(t *testing.T, denied bool) {
	bubble(t, func(t *testing.T) {
		w, p := newWorld(t), planOf(repeatable("ledger"))
		w.do["proof"] = silent
		w.probe["stop-old"] = func(task runbook.Task) connectors.Outcome {
			if task.Undo {
				return connectors.Outcome{State: connectors.NotDone, Message: "not reached"}
			}
			return connectors.Outcome{State: connectors.Done}
		}
		end := w.must(t.Context(), p, runbook.EndHeld)
		if end.Code != runbook.CodeUndoFailed || w.holder == "" || !end.State.Changed() {
			t.Fatalf("held by %s\n%s", end.Code, w.journal())
		}
		delete(w.do, "proof")
		delete(w.probe, "stop-old")
		if denied {
			w.deny[runbook.AtStart] = runbook.Ruling{Message: "withdrawn"}
			w.must(t.Context(), p, runbook.EndAborted)
		} else {
			w.must(t.Context(), p, runbook.EndHeld)
		}
		if w.holder != "" || w.holds["ledger/fence"] || w.holds["ledger/stop-old"] {
			t.Fatalf("keys of %q, %v holds\n%s", w.holder, w.standing(), w.journal())
		}
		if !denied {
			w.must(t.Context(), p, runbook.EndSucceeded)
		}
	})
}

// After a fence that nobody takes back a failover waits where it stands, whatever it is
// that does not work, and looks again before it goes on.
func TestSI08StuckFailoverWaits(t *testing.T) {
	for _, c := range []struct {
		step string
		do   func(runbook.Task) connectors.Outcome
	}{
		{"proof", failing(connectors.InDoubt)}, {"proof", failing(connectors.NotDone)}, {"detach", silent}, {"detach", failing(connectors.Failed)}, {"promote", failing(connectors.NotDone)},
	} {
		t.Run(c.step, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w, p := newWorld(t), failover("ledger")
				w.do[c.step] = c.do
				end := w.must(t.Context(), p, runbook.EndHeld)
				if end.State.Finished != "" || w.holder == "" || !w.holds["ledger/fence"] || w.count("undo.started") != 0 {
					t.Fatalf("it does not wait\n%s", w.journal())
				}
				delete(w.do, c.step)
				looks := w.count("step.intent proof")
				// The old side is back: what was seen before the wait does not count.
				if c.step != "promote" {
					w.do["proof"] = failing(connectors.NotDone)
					w.must(t.Context(), p, runbook.EndHeld)
					if w.done["ledger/promote"] != 0 || w.count("step.intent proof") == looks {
						t.Fatalf("it went on with an old look\n%s", w.journal())
					}
					delete(w.do, "proof")
				}
				w.must(t.Context(), p, runbook.EndSucceeded)
				if w.done["ledger/fence"] != 1 || w.done["ledger/promote"] != 1 {
					t.Errorf("done: %v", w.done)
				}
			})
		})
	}
}

// A person ends what waits by withdrawing the request: what can be taken back is.
func TestRUN03WithdrawnWhileItWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p := newWorld(t), failover("ledger")
		w.do["promote"] = failing(connectors.NotDone)
		w.must(t.Context(), p, runbook.EndHeld)
		w.deny[runbook.AtStart] = runbook.Ruling{Message: "withdrawn"}
		w.must(t.Context(), p, runbook.EndAborted)
		if got := w.standing(); !slices.Equal(got, []string{"ledger/fence"}) || w.holder != "" {
			t.Errorf("%v holds, keys of %q\n%s", got, w.holder, w.journal())
		}
	})
}

// GitHub does not answer where a run may not wait: it begins anew, and is not over.
func TestSI38NoAnswerInsideASection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p := newWorld(t), planOf(repeatable("ledger"))
		w.deny[runbook.BeforeNoReturn] = runbook.Ruling{Away: true, Message: "GitHub does not answer"}
		w.must(t.Context(), p, runbook.EndHeld)
		clear(w.deny)
		w.must(t.Context(), p, runbook.EndSucceeded)
	})
}

// The second member of a group was taken back: nothing that was seen of it before counts.
func TestSI08SecondMemberBeginsAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p := newWorld(t), planOf(memberOf("ledger"), repeatable("orders"))
		w.onlyOf("orders", "promote", silent)
		w.must(t.Context(), p, runbook.EndHeld)
		checks, looks := w.count("precheck.result fit"), w.count("step.intent proof")
		delete(w.do, "promote")
		w.must(t.Context(), p, runbook.EndSucceeded)
		// Once before everything, once more after the first member.
		if w.count("precheck.result fit") != checks+2 || w.count("step.intent proof") != looks+1 {
			t.Errorf("nothing was looked at again\n%s", w.journal())
		}
		if w.done["ledger/promote"] != 1 || w.done["orders/promote"] != 1 {
			t.Errorf("done: %v", w.done)
		}
	})
}

// Before a promotion rests on a fence of an earlier attempt it is looked whether it still
// holds: the server is fenced again, and a person who said so is asked again.
func TestSI23FenceOfAnEarlierAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p := newWorld(t), failover("ledger")
		w.do["detach"] = silent
		w.must(t.Context(), p, runbook.EndHeld)
		w.holds["ledger/fence"] = false // somebody started it
		w.probe["fence"] = func(runbook.Task) connectors.Outcome {
			if w.done["ledger/fence"] == 1 {
				return connectors.Outcome{State: connectors.InDoubt, Message: "nobody answers"}
			}
			return connectors.Outcome{State: connectors.Done}
		}
		delete(w.do, "detach")
		w.must(t.Context(), p, runbook.EndSucceeded)
		if w.done["ledger/fence"] != 2 || w.done["ledger/promote"] != 1 {
			t.Errorf("done: %v\n%s", w.done, w.journal())
		}
	})
	t.Run("by hand", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w, p := newWorld(t), failover("ledger")
			yes := true
			p.Waves[0].Members[0].Steps[1] = runbook.Step{ID: "fence", Operation: runbook.Operation{Manual: &runbook.Manual{Instructions: "power it off"}}, Mutates: &yes}
			w.answer["fence"] = runbook.Answer{Given: true, Yes: true, By: "olga"}
			w.do["detach"] = silent
			if end := w.must(t.Context(), p, runbook.EndHeld); w.holder == "" || !end.State.Changed() {
				t.Fatalf("the lock is given back while the old side is off\n%s", w.journal())
			}
			delete(w.do, "detach")
			delete(w.answer, "fence")
			w.must(t.Context(), p, runbook.EndHeld)
			if w.done["ledger/promote"] != 0 || w.count("step.intent fence") != 2 {
				t.Fatalf("promoted on an old word\n%s", w.journal())
			}
			w.answer["fence"] = runbook.Answer{Given: true, Yes: true, By: "olga"}
			w.must(t.Context(), p, runbook.EndSucceeded)
		})
	})
}

// What was recorded before a change that is there in part stays: to look again would
// record the change.
func TestSI08PartsKeepWhatWasBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.twoSides("ledger", connectors.NotDone)
		part := w.do["require"]
		w.do["require"] = func(task runbook.Task) connectors.Outcome {
			w.cut = true
			return part(task)
		}
		m := memberOf("ledger")
		m.Steps = []runbook.Step{uses("mark", "pg.native/one-primary"), undone(uses("require", "mssql.dag/require-commits"), lift), uses("promote", "pg.native/promote")}
		m.HoldPoints, m.Atomic = []string{"require"}, nil
		w.must(t.Context(), planOf(m), runbook.EndHeld)
		w.cut = false
		if _, err := w.start(t.Context(), planOf(m)); err != nil {
			t.Fatal(err)
		}
		if n := w.count("step.intent mark"); n != 1 {
			t.Errorf("%d looks\n%s", n, w.journal())
		}
	})
}

// Where nobody was reached there is nothing to take back, and nobody has to answer for it.
func TestNotReachedIsNoPart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, m := newWorld(t), twoSided("ledger")
		m.Steps = m.Steps[3:]
		m.Atomic, m.HoldPoints = nil, nil
		w.do["require"] = silent
		end := w.must(t.Context(), planOf(m), runbook.EndHeld)
		if w.count("step.intent require undo") != 0 || end.State.Changed() || w.holder != "" {
			t.Errorf("something is taken back\n%s", w.journal())
		}
	})
}

// A step that changes no database and can be taken back has made something: it is no look.
func TestACopyIsNoLook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, m, no := newWorld(t), memberOf("ledger"), false
		m.Steps[0] = undone(command("copy"), runbook.Operation{Command: &runbook.Command{Run: []string{"/opt/hook", "destroy"}}})
		m.Steps[0].Mutates = &no
		ctx, cancel := context.WithCancel(t.Context())
		w.after["copy"] = cancel
		w.must(ctx, planOf(m), runbook.EndHeld)
		w.must(t.Context(), planOf(m), runbook.EndSucceeded)
		if w.done["ledger/copy"] != 1 {
			t.Errorf("copied %d times\n%s", w.done["ledger/copy"], w.journal())
		}
	})
}

// Waiting proves no fence: a request that does not accept a writer that may be there is
// over, and its locks are free for one that does.
func TestSI22UnprovenFenceIsNotWaitedFor(t *testing.T) {
	for _, code := range []readiness.Code{readiness.WriterUnproven, readiness.TwoWriters} {
		t.Run(string(code), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.do["proof"] = func(runbook.Task) connectors.Outcome {
					return connectors.Outcome{State: connectors.NotDone, Code: code, Message: "not proved"}
				}
				end := w.must(t.Context(), failover("ledger"), runbook.EndFailed)
				if w.holder != "" || !strings.Contains(end.Message, "fence cannot be taken back and stays") {
					t.Errorf("keys of %q: %s", w.holder, end.Message)
				}
			})
		})
	}
}

// A person says yes, and live state shows it only later: nobody starts the old side again.
func TestSI23LateWordIsNotTakenBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, m, yes := newWorld(t), memberOf("ledger"), true
		m.Steps[3] = runbook.Step{ID: "promote", Operation: runbook.Operation{Manual: &runbook.Manual{Instructions: "promote it", Attest: "it is"}}, Mutates: &yes, Done: &runbook.Operation{Uses: "pg.native/one-primary"}}
		w.answer["promote"] = runbook.Answer{Given: true, Yes: true, By: "olga"}
		w.probe["promote"] = func(runbook.Task) connectors.Outcome {
			return connectors.Outcome{State: connectors.NotDone, Message: "a standby"}
		}
		w.must(t.Context(), planOf(m), runbook.EndHeld)
		delete(w.probe, "promote")
		w.holds["ledger/promote"] = true // it took a moment
		w.deny[runbook.AtStart] = runbook.Ruling{Message: "withdrawn"}
		if _, err := w.start(t.Context(), planOf(m)); err != nil {
			t.Fatal(err)
		}
		if !w.holds["ledger/stop-old"] || w.done["ledger/stop-old/undo"] != 0 {
			t.Errorf("the old side was started again\n%s", w.journal())
		}
	})
}
