package runbook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// errStepFailed says that a step was not carried out, as the journal has it.
var errStepFailed = errors.New("the step failed")

// task is a step with everything filled in.
func (f *flow) task(l *leg, step Step, undo bool) (Task, error) {
	values := f.values(l, nil)
	t := Task{Run: f.Run, Key: key(f.Run, l.Resource, step.ID, undo), Fence: values.fence, Member: l.MemberPlan, ID: step.ID, Undo: undo}
	op := step.Operation
	if undo {
		op = *step.Undo
	}
	var err error
	if t.Operation, err = values.fill(op); err != nil {
		return Task{}, err
	}
	if step.Done != nil {
		switch done, err := values.fill(*step.Done); {
		case err == nil:
			t.Done = &done
		case step.Manual == nil: // else it may need what the person is about to attest
			return Task{}, err
		}
	}
	return t, nil
}

// values are what texts of a member may hold now. Some facts may be newer than the
// journal.
func (f *flow) values(l *leg, newer map[string]connectors.Facts) late {
	return late{run: f.Run, fence: f.s.Fences["resource/"+l.Resource], facts: func(id, name string) (string, bool) {
		value, ok := newer[id][name]
		if !ok {
			value, ok = f.s.Step(l.Resource, id).Facts[name]
		}
		return value, ok
	}}
}

// key is the same for every try of a step, and different for taking it back.
func key(run, member, step string, undo bool) string {
	k := run + "/" + member + "/" + step
	if undo {
		k += "/undo"
	}
	return k
}

func timeout(given *duration.Duration, std time.Duration) time.Duration {
	if given != nil && given.Std() > 0 {
		return given.Std()
	}
	return std
}

// carry carries out a step, or takes it back: intent, action, outcome, and again
// where that does no harm.
func (f *flow) carry(l *leg, i int, undo bool) error {
	step := l.Steps[i]
	mutates := undo || f.c.mutates(step)
	idempotent := f.harmless(step, undo)
	for try := 1; ; try++ {
		task, err := f.task(l, step, undo)
		if err != nil {
			return f.refuse(l, step, undo, CodePlaceholder, err.Error())
		}
		if mutates {
			if err := f.held(l, i, undo); err != nil {
				return err
			}
		}
		out, err := f.once(l, i, task, mutates)
		if err != nil {
			return err
		}
		why := Stop{Code: out.Code, Member: l.Resource, Step: step.ID, Message: out.Message}
		// What only looks has waited as long as it may; waiting again is for people.
		last := try >= f.limits.Tries || !idempotent || !mutates && out.Code == CodeTimeout
		switch out.State {
		case connectors.Done:
			return nil
		case connectors.Failed:
			return errStepFailed
		case connectors.NotDone:
			if last && byPerson(task.Operation) {
				return f.stop(EndHeld, why) // nobody has said no: the same command asks again
			}
			if last {
				return f.refuse(l, step, undo, CodeStepFailed, "not done: "+out.Message)
			}
		default:
			if last && byPerson(task.Operation) {
				return f.stop(EndHeld, why)
			}
			if last || f.abandoned {
				why.Code = CodeInDoubt
				return f.stop(EndInDoubt, why)
			}
		}
		if !f.sleep(f.limits.Between * time.Duration(try)) {
			if _, err := f.canceled(); err != nil {
				return err
			}
		}
	}
}

// once is one intent with its outcome and, where that is not known, its probe.
func (f *flow) once(l *leg, i int, task Task, mutates bool) (connectors.Outcome, error) {
	step, st := l.Steps[i], f.s.Step(l.Resource, task.ID)
	about := Event{Member: l.Resource, Step: task.ID, Undo: task.Undo, Try: st.Tries + 1}
	if task.Undo {
		about.Try = st.Undos + 1
	}
	passed, first := f.s.Passed(l.Resource), !f.changedHere()
	unsaid := mutates && !byPerson(task.Operation) && f.s.unsaid(l.Resource, task.ID, task.Undo)
	intent := about
	intent.Kind, intent.Key, intent.Mutates = StepIntent, task.Key, mutates
	intent.Parts = !task.Undo && f.c.parts(l, i)
	if err := f.record(intent); err != nil {
		return connectors.Outcome{}, err
	}
	if mutates {
		if ok, err := f.pushIntent(l, i, task.Undo, first && !passed, passed); err != nil {
			return connectors.Outcome{}, err
		} else if !ok {
			about.Kind, about.State, about.Code = StepOutcome, string(connectors.NotDone), CodeJournalAway
			about.Message = "not attempted: no place off this machine takes the journal"
			if err := f.record(about); err != nil {
				return connectors.Outcome{}, err
			}
			return connectors.Outcome{}, f.retreat(l, i, EndNoAnswer, Stop{Code: about.Code, Member: about.Member, Step: about.Step, Message: about.Message})
		}
	}
	switch {
	case mutates:
		f.fresh = false
		if f.looking != nil {
			<-f.looking // it was before this change, and counts for none after it
			f.looking = nil
		}
	case !f.fresh && l.inside(i):
		f.lookBeside()
	}
	out, by, nobody := connectors.Outcome{State: connectors.NotDone}, "", false
	if unsaid {
		out = f.already(task)
	}
	doubted := out.State == connectors.InDoubt || st.doubted(task.Undo)
	if out.State == connectors.NotDone || out.State == connectors.InDoubt && f.harmless(step, task.Undo) && !f.abandoned {
		out, by, nobody = f.act(l, i, task, mutates)
	}
	if doubted && mutates && by == "" && (out.State == connectors.Failed || out.State == connectors.NotDone) {
		// That nothing was changed is said of this try. What became of the one before is
		// as unknown as it was, until it is asked (SI-3).
		out.State, out.Message = connectors.InDoubt, "an earlier try may have changed something, and this one changed nothing: "+out.Message
	}
	if out.State == connectors.Failed && out.Code == CodeNoAnswer && step.ID != l.PointOfNoReturn {
		out.State = connectors.NotDone // nothing was sent: it may be tried again
	}
	if f.broken != nil {
		return out, f.broken
	}
	if out.State == connectors.InDoubt && !mutates {
		out.State = connectors.NotDone // it changes nothing: there is no effect to be in doubt about
	}
	outcome := about
	outcome.Kind, outcome.By = StepOutcome, by
	tell(&outcome, out)
	if err := f.record(outcome); err != nil {
		return out, err
	}
	if nobody {
		why := Stop{Code: CodeNobodyThere, Member: l.Resource, Step: task.ID, Message: out.Message}
		if canceled, err := f.canceled(); err != nil {
			return out, err
		} else if canceled {
			why.Code = CodeCanceled
		}
		return out, f.stop(EndHeld, why)
	}
	if outcome.State == string(connectors.InDoubt) && !f.abandoned && !byPerson(task.Operation) {
		return f.probe(l, step, task)
	}
	return out, nil
}

// already asks live state about a step that a machine that is gone may have done.
func (f *flow) already(task Task) connectors.Outcome {
	out := f.call(f.limits.Check, func(ctx context.Context) connectors.Outcome { return f.Doer.Probe(ctx, task) })
	switch out.State {
	case connectors.Done:
		out.Message = "it was done already, as live state says. " + out.Message
	case connectors.NotDone:
	default:
		out.State, out.Message = connectors.InDoubt, "the machine that ran before may have done it, and live state cannot tell. "+out.Message
	}
	return out
}

// harmless reports whether a step, or taking it back, may be repeated.
func (f *flow) harmless(step Step, undo bool) bool {
	if undo {
		return f.c.idempotent(Step{Operation: *step.Undo, Idempotent: step.Idempotent})
	}
	return f.c.idempotent(step)
}

func tell(e *Event, out connectors.Outcome) {
	e.State, e.Code, e.Message, e.Facts = string(out.State), out.Code, out.Message, out.Facts
	switch out.State {
	case connectors.Done, connectors.NotDone, connectors.InDoubt, connectors.Failed:
	default: // the zero value is not known
		e.State = string(connectors.InDoubt)
	}
}

// changedHere reports whether this attempt has begun to change something.
func (f *flow) changedHere() bool {
	for _, m := range f.s.Members {
		for _, st := range m.Steps {
			if st.Mutates && st.Tried == f.s.Attempt {
				return true
			}
		}
	}
	return false
}

// pushIntent brings an intent off this machine before it is acted upon. It must get
// there before the first change of an attempt and at hold points, and is tried for a
// bounded time before other changes. Inside an atomic section nothing is pushed: clients
// wait there, and what is written down goes off the machine right after it. After the
// point of no return it goes on beside the steps, and a place that did not answer is
// left alone for a while (SI-1, SI-2, RUN-09).
func (f *flow) pushIntent(l *leg, i int, undo, first, passed bool) (bool, error) {
	switch {
	case undo && l.part(i):
		return true, nil // clients wait until everything is taken back
	case undo:
	case first:
		return f.push(f.limits.MustPush)
	case l.inside(i):
		return true, nil
	case !passed && l.mayHold(i):
		return f.push(f.limits.Push) // here the run can wait
	}
	if beside, can := f.Journal.(Besider); can && passed && !undo {
		return true, f.pushBeside(beside)
	}
	if f.away && (undo || passed) && f.now().Sub(f.pushed) < f.limits.Lease {
		return true, nil
	}
	_, err := f.push(f.limits.Push)
	return true, err
}

// act does what a task says and, where a runbook gives a probe, looks whether it
// is so. nobody says that a person was needed and did not answer.
func (f *flow) act(l *leg, i int, task Task, mutates bool) (out connectors.Outcome, by string, nobody bool) {
	step := l.Steps[i]
	if byPerson(task.Operation) {
		return f.asked(l, i, task, mutates)
	}
	out = f.call(timeout(step.Timeout, f.limits.Step), func(ctx context.Context) connectors.Outcome { return f.Doer.Do(ctx, task) })
	if out.State != connectors.Done || f.abandoned || !mutates || (task.Done == nil && task.Operation.Uses != "") {
		return out, "", false
	}
	// A return code proves nothing. What was done may take a moment to show.
	seen := f.shown(task, f.limits.Tries)
	if seen.State == connectors.Done {
		seen.Facts, seen.Message = out.Facts, out.Message
		return seen, "", false
	}
	seen.Code, seen.Facts = CodeProbeDisagrees, nil
	seen.Message = "it said done, and live state says: " + seen.Message
	if seen.State == connectors.NotDone && f.acknowledged(step, task) {
		seen.State = connectors.InDoubt // and probe leaves it so
	}
	return seen, "", false
}

// acknowledged reports whether it proves something that an operation says it is done, and
// another try would do it twice: a server has committed a statement. Then live state that
// shows nothing of it is a doubt, which a person decides. The code of a program proves
// nothing.
func (f *flow) acknowledged(step Step, task Task) bool {
	return task.Operation.SQL != nil && !f.harmless(step, task.Undo)
}

// probe asks live state about a step that may have been done.
func (f *flow) probe(l *leg, step Step, task Task) (connectors.Outcome, error) {
	out := f.call(f.limits.Check, func(ctx context.Context) connectors.Outcome { return f.Doer.Probe(ctx, task) })
	if out.State == connectors.Failed {
		out.State = connectors.InDoubt // a probe that fails tells nothing
	}
	if f.broken != nil {
		return out, f.broken
	}
	st := f.s.Step(l.Resource, step.ID)
	e := Event{Kind: StepProbe, Member: l.Resource, Step: step.ID, Undo: task.Undo, Try: st.Tries}
	if task.Undo {
		e.Try = st.Undos
	}
	if out.State == connectors.NotDone && st.Code == CodeProbeDisagrees && f.acknowledged(step, task) {
		out.State, out.Code = connectors.InDoubt, CodeProbeDisagrees
		out.Message = "the server carried it out and it may not be done twice, and live state says: " + out.Message
	}
	tell(&e, out)
	out.State = connectors.OutcomeState(e.State)
	return out, f.record(e)
}

// call carries out an operation, or probes one, within a time.
func (f *flow) call(within time.Duration, do func(context.Context) connectors.Outcome) connectors.Outcome {
	out, over := ask(f, within, do)
	if over != nil && (over.Code != CodeTimeout || f.abandoned || out.State != connectors.Done) {
		out = connectors.Outcome{State: connectors.InDoubt, Code: over.Code, Message: over.Message + " " + out.Message}
	}
	return out
}

// ask asks a Doer with a deadline. A cancellation meanwhile is noted and does not
// cut it off. The Stop is nil when the answer came in time; one that does not come
// back at all is left behind, and nothing more is asked.
func ask[T any](f *flow, within time.Duration, do func(context.Context) T) (T, *Stop) {
	type answer struct {
		value T
		crash *Stop
	}
	var none T
	if f.abandoned {
		return none, &Stop{Code: CodeTimeout, Message: "not asked: an earlier call has not come back."}
	}
	ctx, cancel := context.WithTimeout(f.work, within)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- answer{crash: &Stop{Code: CodeCrashed, Message: fmt.Sprintf("bcctl crashed in it: %v.", p)}}
			}
		}()
		done <- answer{value: do(ctx)}
	}()
	limit := time.NewTimer(within + f.limits.Grace)
	defer limit.Stop()
	canceled := f.ctx.Done()
	for {
		select {
		case a := <-done:
			switch {
			case a.crash != nil:
				return none, a.crash
			case ctx.Err() != nil:
				return a.value, &Stop{Code: CodeTimeout, Message: fmt.Sprintf("not over after %s.", within)}
			}
			return a.value, nil
		case <-canceled:
			canceled = nil
			_, _ = f.canceled() // a journal that does not take it is broken, which the caller sees
		case <-limit.C:
			f.abandoned = true
			return none, &Stop{Code: CodeTimeout, Message: fmt.Sprintf("it did not come back after %s.", within+f.limits.Grace)}
		}
	}
}

// refuse notes that a step is not tried, or not again.
func (f *flow) refuse(l *leg, step Step, undo bool, code readiness.Code, message string) error {
	if err := f.record(Event{Kind: StepRefused, Member: l.Resource, Step: step.ID, Undo: undo, Code: code, Message: message}); err != nil {
		return err
	}
	return errStepFailed
}

// lookAgain is how old a look at the lock may be that counts for a change.
const lookAgain = 5 * time.Second

// looked is a look at the lock: when it began, and what was seen.
type looked struct {
	at  time.Time
	err error
}

// lookBeside begins a look at the lock while a step of an atomic section goes on that
// changes nothing: it counts for the change that comes next, and clients wait less.
func (f *flow) lookBeside() {
	if f.looking != nil {
		return
	}
	done := make(chan looked, 1)
	ctx, cancel := context.WithTimeout(f.work, f.limits.Push)
	at := f.now()
	go func() {
		defer cancel()
		done <- looked{at, f.Ledger.Held(ctx)}
	}()
	f.looking = done
}

// lookAtLock looks at the lock, or takes what a look saw that goes on.
func (f *flow) lookAtLock() looked {
	if f.looking != nil {
		l := <-f.looking
		f.looking = nil
		return l
	}
	ctx, cancel := context.WithTimeout(f.work, f.limits.Push)
	defer cancel()
	at := f.now()
	return looked{at, f.Ledger.Held(ctx)}
}

// young reports whether a look at the lock is so young that it counts. A machine that
// slept has a clock on the wall that did not.
func (f *flow) young(at time.Time) bool {
	now := f.now()
	wall := now.Round(0).Sub(at.Round(0))
	return wall >= 0 && wall <= lookAgain && now.Sub(at) <= lookAgain
}

// held looks, before every change, whether the lock is still this run's (SI-32).
// Keys that somebody else has end everything at once, taking back included.
func (f *flow) held(l *leg, i int, undo bool) error {
	if f.fresh && f.young(f.seen) {
		return nil
	}
	step := l.Steps[i]
	seen := f.lookAtLock()
	if seen.err == nil && !f.young(seen.at) {
		seen = f.lookAtLock()
	}
	err := seen.err
	why, kind := Stop{Member: l.Resource, Step: step.ID}, EndNoAnswer
	switch {
	case err == nil:
		f.seen, f.fresh = seen.at, true
		return nil
	case errors.Is(err, ErrLockLost):
		why.Code, why.Message = CodeLockLost, err.Error()
		kind = EndLocked
	case f.now().Sub(f.seen) <= f.limits.Lease:
		// Nobody else can have got it yet. Once the lease is over somebody may, wherever
		// this run is: two that act do more harm than one that stands still (LOCK-04, LOCK-05).
		f.away = true
		return nil
	default:
		why.Code, why.Message = CodeNoAnswer, "it cannot be told whether the lock is still this run's: "+err.Error()
	}
	if err := f.refuse(l, step, undo, why.Code, why.Message); !errors.Is(err, errStepFailed) {
		return err
	}
	return f.stop(kind, why)
}
