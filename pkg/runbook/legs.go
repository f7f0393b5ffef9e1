package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// settle finds out what became of a step that was under way when the run was killed,
// or that was in doubt when it stopped (SI-3, RUN-05).
func (f *flow) settle() error {
	ref := f.s.Open
	if ref == nil {
		ref = f.s.Doubt()
	}
	if ref == nil {
		return nil
	}
	about := *ref
	l, i := f.find(about)
	step := l.Steps[i]
	if !about.Undo && (byPerson(step.Operation) || !f.c.mutates(step)) {
		return f.askAgain(l, i, about) // a look is taken again as well
	}
	task, err := f.task(l, step, about.Undo)
	out := connectors.Outcome{State: connectors.InDoubt}
	if err != nil {
		out.Message = err.Error()
		err = f.record(Event{Kind: StepProbe, Member: about.Member, Step: about.Step, Undo: about.Undo, Try: about.Try, State: string(out.State), Code: CodePlaceholder, Message: out.Message})
	} else {
		out, err = f.probe(l, step, task)
	}
	if err != nil {
		return err
	}
	if out.State == connectors.InDoubt && (!f.harmless(step, about.Undo) || f.abandoned) {
		return f.stop(EndInDoubt, Stop{Code: CodeInDoubt, Member: about.Member, Step: about.Step, Message: out.Message})
	}
	return nil
}

// stillHolds asks, in a run that was brought here, whether what was done still holds: the
// machine that did it may have taken it back without being able to say so. Then there is
// no way forward.
func (f *flow) stillHolds() error {
	if f.s.Brought != f.s.Attempt || f.s.Returning != nil || f.s.Blocked {
		return nil
	}
	for i := range f.c.members {
		l := &f.c.members[i]
		if l.noReturn < len(l.Steps) && f.s.Step(l.Resource, l.PointOfNoReturn).Status != StepPending {
			continue // beyond it nothing is taken back
		}
		step := f.lastUndoable(l)
		if step == nil {
			continue
		}
		// Steps are taken back from the newest on: while that one holds, or the one after it,
		// nothing was, whatever the others look like by now.
		out := f.live(l, *step)
		if out.State == connectors.Done || f.wentOn(l) {
			continue
		}
		if f.broken != nil {
			return f.broken
		}
		why := Stop{Code: CodeProbeDisagrees, Member: l.Resource, Step: step.ID, Message: "it was done, and whether it still holds cannot be told: " + out.Message}
		if out.State == connectors.NotDone {
			why.Message = "it was done, and does not hold any more: the machine that did it has taken it back, or somebody has"
			if !f.s.AnyPassed() {
				return f.back(Failed, why)
			}
		}
		return f.stop(EndHeld, why)
	}
	return nil
}

// lastUndoable is the newest step that is done and can be taken back.
func (f *flow) lastUndoable(l *leg) *Step {
	for i := len(l.Steps) - 1; i >= 0; i-- {
		if step := &l.Steps[i]; step.Undo != nil && f.c.mutates(*step) && f.s.Step(l.Resource, step.ID).Status == StepDone {
			return step
		}
	}
	return nil
}

// wentOn reports whether the step after those that are known to be done holds as well.
func (f *flow) wentOn(l *leg) bool {
	for _, step := range l.Steps {
		if f.s.Step(l.Resource, step.ID).Status == StepDone || !f.c.mutates(step) {
			continue
		}
		return f.live(l, step).State == connectors.Done
	}
	return false
}

// live is what live state says of a step now.
func (f *flow) live(l *leg, step Step) connectors.Outcome {
	task, err := f.task(l, step, false)
	if err != nil {
		return connectors.Outcome{State: connectors.InDoubt, Message: err.Error()}
	}
	return f.call(f.limits.Check, func(ctx context.Context) connectors.Outcome { return f.Doer.Probe(ctx, task) })
}

// afterKill goes on with the end of an attempt that was killed after something had
// failed and before that was dealt with.
func (f *flow) afterKill(trouble Stop, blocked bool) error {
	l, i := f.find(StepRef{Member: trouble.Member, Step: trouble.Step})
	if f.s.Returning != nil || l == nil || blocked || trouble.Code == CodeLockLost {
		return nil
	}
	if trouble.Code == CodeNoAnswer && f.s.Step(trouble.Member, trouble.Step).Status != StepFailed {
		return nil // it was a ruling or a look at the lock
	}
	if f.c.stuck(&f.s, l, i) != "" {
		return nil // there is only forward
	}
	if trouble.Code == "" {
		trouble.Code = CodeStepFailed
	}
	return f.fail(l, i, trouble, EndHeld)
}

// goBack goes on with taking back, and begins with it where the run is not allowed
// to go forward any more.
func (f *flow) goBack() error {
	switch {
	case f.s.Returning != nil:
		return f.back(f.s.ReturnTo, *f.s.Returning)
	case f.s.Blocked:
		return f.back(Aborted, Stop{Code: CodeDenied, Message: "it is not allowed to go on"})
	}
	// In a group that goes on, one member may have been left half taken back.
	for i := range f.c.members {
		l := &f.c.members[i]
		if f.s.Passed(l.Resource) || !slices.ContainsFunc(l.Steps, func(s Step) bool { return f.s.Step(l.Resource, s.ID).Undo != StepPending }) {
			continue
		}
		left, err := f.undoMember(l)
		if err != nil {
			return err
		}
		return f.stop(EndHeld, Stop{Code: CodeStepFailed, Member: l.Resource, Message: "it is taken back" + left + ": the same command begins with it anew"})
	}
	return nil
}

// prechecks checks every member that has not been changed yet, before anything is.
func (f *flow) prechecks() error {
	var refused []string
	why := Stop{Code: CodePrecheck}
	for i := range f.c.members {
		l := &f.c.members[i]
		if f.s.begun(l.Resource) {
			continue
		}
		bad, err := f.precheck(l)
		if err != nil {
			return err
		}
		if bad != nil {
			refused = append(refused, bad.Message)
			if why.Member == "" {
				why.Member, why.Step = bad.Member, bad.Step
			}
		}
		if canceled, err := f.canceled(); err != nil {
			return err
		} else if canceled {
			return f.stop(EndHeld, Stop{Code: CodeCanceled, Member: l.Resource, Message: cause(f.ctx)})
		}
	}
	if len(refused) == 0 {
		return nil
	}
	why.Message = refused[0]
	if len(refused) > 1 {
		why.Message = fmt.Sprintf("%s (and %d more resources)", refused[0], len(refused)-1)
	}
	return f.stop(EndRefused, why)
}

// precheck runs all prechecks of a member, so that a person sees everything at
// once, and returns the first that does not let the run go on.
func (f *flow) precheck(l *leg) (*Stop, error) {
	var first *Stop
	for _, check := range l.Prechecks {
		e := f.look(l, check, PrecheckResult, 0)
		if f.broken != nil {
			return nil, f.broken
		}
		if err := f.record(e); err != nil {
			return nil, err
		}
		if first == nil && !f.s.Members[l.Resource].Prechecks[check.ID].ok() {
			first = &Stop{Code: CodePrecheck, Member: l.Resource, Step: check.ID, Message: fmt.Sprintf("%s of %s: %s: %s", check.ID, l.Resource, e.State, e.Message)}
		}
	}
	return first, nil
}

// look runs one check. With patience it is repeated until it passes or its time is
// over: what follows a change may take a moment.
func (f *flow) look(l *leg, check Check, kind EventKind, patience time.Duration) Event {
	e := Event{Kind: kind, Member: l.Resource, Step: check.ID}
	task, err := f.task(l, Step{ID: check.ID, Operation: check.Operation}, false)
	if err != nil {
		e.State, e.Code, e.Message = string(connectors.Unknown), CodePlaceholder, err.Error()
		return e
	}
	until := f.now().Add(patience)
	within := timeout(check.Timeout, f.limits.Check)
	for {
		finding := f.finding(within, task)
		e.State, e.Code, e.Message, e.Facts = string(finding.Result), finding.Code, finding.Message, finding.Facts
		if check.OnFailure == "warn" && (finding.Result == connectors.Refused || finding.Result == connectors.Unknown) {
			e.State = string(connectors.Warned) // which a person must have accepted by its code
		}
		for _, a := range f.c.terms.Accept {
			if e.State == string(connectors.Warned) && a.Code == e.Code && a.Code != "" {
				e.By = "request" // whose approval is the acceptance
			}
		}
		good := finding.Result == connectors.Passed || e.By != ""
		if good || f.abandoned || f.broken != nil || !f.now().Before(until) {
			return e
		}
		time.Sleep(f.limits.Between)
	}
}

// finding asks for one finding within a time. What did not come in time is not
// known.
func (f *flow) finding(within time.Duration, task Task) connectors.Finding {
	if byPerson(task.Operation) {
		ctx, cancel := context.WithTimeout(f.ctx, f.limits.Person)
		defer cancel()
		switch a := f.People.Ask(ctx, task); {
		case !a.Given:
			return connectors.Finding{Result: connectors.Unknown, Code: CodeNobodyThere, Message: a.Message}
		case !a.Yes:
			return connectors.Finding{Result: connectors.Refused, Message: "answered no: " + a.Message}
		default:
			return connectors.Finding{Result: connectors.Passed, Message: a.By + ": " + a.Message}
		}
	}
	found, over := ask(f, within, func(ctx context.Context) connectors.Finding { return f.Doer.Check(ctx, task) })
	if over != nil {
		return connectors.Finding{Result: connectors.Unknown, Code: over.Code, Message: over.Message + " " + found.Message}
	}
	switch found.Result {
	case connectors.Passed, connectors.Warned, connectors.Refused:
	default:
		found.Result = connectors.Unknown
	}
	return found
}

// member carries out one member: the steps that are not done yet, then the checks
// afterwards.
func (f *flow) member(l *leg, later bool) error {
	if later && !f.s.begun(l.Resource) {
		// What was seen before the members before it is old (SI-8).
		bad, err := f.precheck(l)
		if err != nil {
			return err
		}
		if bad != nil {
			return f.fail(l, -1, *bad, EndRefused)
		}
	}
	if !f.s.begun(l.Resource) {
		if err := f.markers(l, "before"); err != nil {
			return err
		}
	}
	for i := range l.Steps {
		if due, err := f.due(l, i); err != nil {
			return err
		} else if !due {
			continue
		}
		if err := f.boundary(l, i); err != nil {
			return err
		}
		if err := f.allowed(l, i); err != nil {
			return err
		}
		if err := f.carry(l, i, false); errors.Is(err, errStepFailed) {
			st := f.s.Step(l.Resource, l.Steps[i].ID)
			return f.fail(l, i, Stop{Code: CodeStepFailed, Member: l.Resource, Step: l.Steps[i].ID, Message: st.Message}, EndHeld)
		} else if err != nil {
			return err
		}
		if l.leaves(i) && (i+1 == len(l.Steps) || !f.c.mutates(l.Steps[i+1])) {
			// The next intent does not bring the section off this machine.
			if _, err := f.push(f.limits.Push); err != nil {
				return err
			}
		}
	}
	if err := f.boundary(l, len(l.Steps)); err != nil {
		return err
	}
	if err := f.markers(l, "after"); err != nil {
		return err
	}
	return f.postchecks(l, true)
}

// due reports whether a step is still to be done, or again: what was only looked at in an
// attempt before is, before anything rests on it, and so is what keeps the run where it
// stands and does not hold any more. A server that was fenced may have been started
// meanwhile; a person who said that it is off is asked again.
func (f *flow) due(l *leg, i int) (bool, error) {
	step, st := l.Steps[i], f.s.Step(l.Resource, l.Steps[i].ID)
	switch {
	case st.Status != StepDone || f.c.old(&f.s, l, i):
		return true, nil
	case st.Attempt == f.s.Attempt || f.s.Passed(l.Resource) || !f.c.holds(l, i):
		return false, nil
	}
	out := connectors.Outcome{State: connectors.NotDone, Message: "it was said in an earlier attempt, and is asked again"}
	if !byPerson(step.Operation) {
		out = f.live(l, step)
	}
	if f.broken != nil {
		return false, f.broken
	}
	if out.State == connectors.Failed {
		out.State = connectors.InDoubt // a probe that fails tells nothing
	}
	out.Facts = nil // later steps rest on what it returned when it was done
	e := Event{Kind: StepProbe, Member: l.Resource, Step: step.ID, Try: st.Tries}
	tell(&e, out)
	if err := f.record(e); err != nil {
		return false, err
	}
	if e.State == string(connectors.InDoubt) && (!f.harmless(step, false) || f.abandoned) {
		return false, f.stop(EndInDoubt, Stop{Code: CodeInDoubt, Member: l.Resource, Step: step.ID, Message: out.Message})
	}
	return e.State != string(connectors.Done), nil
}

// boundary is between two steps: where the runbook allows it, a cancellation or a
// journal that does not get off this machine stops the run here.
func (f *flow) boundary(l *leg, i int) error {
	canceled, err := f.canceled()
	if err != nil || !l.mayHold(i) {
		return err
	}
	at := Stop{Member: l.Resource}
	if i < len(l.Steps) {
		at.Step = l.Steps[i].ID
	}
	if canceled {
		at.Code, at.Message = CodeCanceled, "stopped before it: "+cause(f.ctx)
		return f.stop(EndHeld, at)
	}
	if f.away && !f.s.Passed(l.Resource) {
		if ok, err := f.push(f.limits.Push); err != nil {
			return err
		} else if !ok {
			at.Code, at.Message = CodeJournalAway, "no place off this machine takes the journal"
			return f.stop(EndNoAnswer, at)
		}
	}
	return nil
}

// allowed verifies again before the first change of an attempt and before the point
// of no return (RUN-03).
func (f *flow) allowed(l *leg, i int) error {
	about := Circumstances{Run: f.Run, Attempt: f.s.Attempt, Resumed: f.s.Attempt > 1, Passed: f.s.AnyPassed(), Member: l.Resource}
	if f.c.mutates(l.Steps[i]) && !f.s.rulings[BeforeFirstChange] {
		if err := f.verify(l, i, about, BeforeFirstChange); err != nil {
			return err
		}
	}
	m := f.s.Members[l.Resource]
	passed := f.s.Passed(l.Resource) && f.s.Step(l.Resource, l.PointOfNoReturn).Status != StepPending
	if l.noReturn == len(l.Steps) || i < l.gate || passed || m.Announced == f.s.Attempt {
		return nil
	}
	if err := f.verify(l, i, about, BeforeNoReturn); err != nil {
		return err
	}
	if err := f.record(Event{Kind: PointOfNoReturn, Member: l.Resource, Step: l.PointOfNoReturn, Message: "about to be passed"}); err != nil {
		return err
	}
	// What lies behind must be known elsewhere before: from here on nothing waits.
	if ok, err := f.push(f.limits.MustPush); err != nil {
		return err
	} else if !ok {
		return f.retreat(l, i, EndNoAnswer, Stop{Code: CodeJournalAway, Member: l.Resource, Step: l.Steps[i].ID, Message: "no place off this machine takes the journal"})
	}
	return nil
}

func (f *flow) verify(l *leg, i int, about Circumstances, m Moment) error {
	if err := f.besideEnded(true); err != nil { // it tells of the verification before this one
		return err
	}
	about.Moment = m
	ctx, cancel := context.WithTimeout(f.work, f.limits.MustPush)
	defer cancel()
	r := f.Guard.Verify(ctx, about)
	// Whose lock it is belongs to the same look.
	if r.Allowed {
		if err := f.Ledger.Held(ctx); errors.Is(err, ErrLockLost) {
			if err := f.record(ruled(m, l.Resource, Ruling{Message: err.Error()})); err != nil {
				return err
			}
			return f.stop(EndLocked, Stop{Code: CodeLockLost, Member: l.Resource, Step: l.Steps[i].ID, Message: err.Error()})
		} else if err != nil {
			r = Ruling{Away: true, Message: err.Error()}
		} else {
			f.seen, f.fresh = f.now(), true
		}
	}
	if err := f.record(ruled(m, l.Resource, r)); err != nil {
		return err
	}
	if r.Allowed {
		return nil
	}
	f.rules = r.Rules
	var end *halt
	errors.As(denial(r), &end)
	return f.retreat(l, i, end.Kind, Stop{Code: end.Code, Member: l.Resource, Step: l.Steps[i].ID, Message: end.Message})
}

// retreat ends a run that may not do the step before it. Where it may wait, it waits
// for what did not answer; else, and after a denial, it goes back.
func (f *flow) retreat(l *leg, i int, kind EndKind, why Stop) error {
	switch {
	case !f.s.Changed() || kind == EndNoAnswer && l.mayHold(i):
		return f.stop(kind, why)
	case kind == EndNoAnswer:
		return f.giveUp(l, i, why, f.anewOr(Aborted))
	}
	return f.takeBack(l, why, Aborted)
}

// giveUp leaves what does not work for now: back to the beginning, or, where there is no
// way back, by waiting where the run stands.
func (f *flow) giveUp(l *leg, i int, why Stop, how Ending) error {
	step := f.c.stuck(&f.s, l, i)
	if step == "" {
		return f.takeBack(l, why, how)
	}
	switch f.s.Step(l.Resource, l.Steps[i].ID).Code {
	case readiness.WriterUnproven, readiness.TwoWriters:
		// Waiting changes nothing about it: another request may accept it, or nobody may, and
		// this one is not in its way.
		why.Message += "; " + step + " cannot be taken back and stays"
		return f.takeBack(l, why, Failed)
	}
	why.Message += "; " + step + " cannot be taken back, so nothing is: the same command goes on from here"
	return f.stop(EndHeld, why)
}

// anewOr lets a run begin anew where all that it did may be done again.
func (f *flow) anewOr(otherwise Ending) Ending {
	if slices.ContainsFunc(f.c.members, func(l leg) bool { return !f.c.repeatable(&f.s, &l) }) {
		return otherwise
	}
	return Anew
}

// takeBack takes back what was done before the point of no return. A run in which
// another member is past it goes on later; any other begins anew or is over.
func (f *flow) takeBack(l *leg, why Stop, how Ending) error {
	if !f.s.AnyPassed() {
		return f.back(how, why)
	}
	if !f.s.Passed(l.Resource) {
		left, err := f.undoMember(l)
		if err != nil {
			return err
		}
		why.Message += "; what was done at " + l.Resource + " is taken back" + left + ": the same command begins with it anew"
	}
	return f.stop(EndHeld, why)
}

// fail ends a run after something that did not work. Before the point of no return
// what was done is taken back as declared; after it nothing is (SI-35), and the same
// command goes on.
//
// A run whose step was refused is over. One whose step was not answered or could not be
// judged, or that waited in vain, is not: its request may begin anew when that is mended.
func (f *flow) fail(l *leg, i int, why Stop, kind EndKind) error {
	how := Failed
	if i >= 0 {
		st := f.s.Step(l.Resource, l.Steps[i].ID)
		if info, known := st.Code.Info(); st.Status != StepFailed || known && info.Default == readiness.Unknown {
			how = f.anewOr(Failed)
		}
	}
	if i >= 0 && l.Steps[i].ID == l.PointOfNoReturn && f.s.Step(l.Resource, l.PointOfNoReturn).Status == StepFailed {
		// It says that nothing was changed. Only live state proves it.
		task, err := f.task(l, l.Steps[i], false)
		if err != nil {
			return err
		}
		out, err := f.probe(l, l.Steps[i], task)
		if err != nil {
			return err
		}
		if out.State == connectors.InDoubt {
			return f.stop(EndInDoubt, Stop{Code: CodeInDoubt, Member: why.Member, Step: why.Step, Message: why.Message + "; " + out.Message})
		}
	}
	if !f.s.Changed() && kind == EndRefused {
		return f.stop(EndRefused, why)
	}
	return f.giveUp(l, i, why, how)
}

// back takes back what was done, the newest first, and ends the run; or holds it, so that
// it may begin anew: with another start, because all that is asked of a start is to be
// asked again. One that is not allowed any more is over.
func (f *flow) back(how Ending, why Stop) error {
	if d := f.s.Doubt(); d != nil && !d.Undo {
		// What is not known cannot be taken back.
		return f.stop(EndInDoubt, Stop{Code: CodeInDoubt, Member: d.Member, Step: d.Step, Message: f.s.Step(d.Member, d.Step).Message})
	}
	if f.s.Returning == nil {
		if err := f.record(Event{Kind: UndoStarted, State: string(how), Code: why.Code, Member: why.Member, Step: why.Step, Message: why.Message}); err != nil {
			return err
		}
	}
	for i := len(f.c.members) - 1; i >= 0; i-- {
		if l := &f.c.members[i]; !f.s.Passed(l.Resource) {
			if err := f.undo(l); err != nil {
				return err
			}
		}
	}
	switch {
	case how == Anew && f.s.Denied:
		return f.finish(Aborted, why)
	case how != Anew:
		return f.finish(how, why)
	}
	var left []string
	for i := range f.c.members {
		left = append(left, f.c.left(&f.s, &f.c.members[i])...)
	}
	e := Event{Kind: UndoEnded, Message: except(left)}
	if err := f.record(e); err != nil {
		return err
	}
	why.Message += "; what was done is taken back" + e.Message + ": the same command begins anew"
	return f.stop(EndHeld, why)
}

// except names what is not taken back.
func except(left []string) string {
	if len(left) == 0 {
		return ""
	}
	return ", but not " + strings.Join(left, ", ")
}

// undoMember takes back one member of a group that goes on with the others, and says what
// is not.
func (f *flow) undoMember(l *leg) (left string, err error) {
	left = except(f.c.left(&f.s, l))
	if err := f.undo(l); err != nil || !f.c.repeatable(&f.s, l) {
		return left, err
	}
	return left, f.record(Event{Kind: UndoEnded, Member: l.Resource, Message: left})
}

// undo takes back the steps of one member that say how: those that are done, and those
// that may be in part where their undo is good for that.
//
// A point of no return that was tried is looked at once more before: what a person did, or
// an attempt before, may have taken effect after it was looked at.
func (f *flow) undo(l *leg) error {
	if err := f.notPassed(l); err != nil {
		return err
	}
	for i := len(l.Steps) - 1; i >= 0; i-- {
		step := l.Steps[i]
		if step.Undo == nil || !f.s.Step(l.Resource, step.ID).undoable() {
			continue
		}
		if err := f.carry(l, i, true); errors.Is(err, errStepFailed) {
			st := f.s.Step(l.Resource, step.ID)
			return f.stop(EndHeld, Stop{Code: CodeUndoFailed, Member: l.Resource, Step: step.ID, Message: st.Message})
		} else if err != nil {
			return err
		}
	}
	return nil
}

// notPassed proves that the point of no return of a member, which was tried, is ahead.
func (f *flow) notPassed(l *leg) error {
	st := f.s.Step(l.Resource, l.PointOfNoReturn)
	if l.noReturn == len(l.Steps) || st.Status != StepNotDone || f.abandoned {
		return nil
	}
	step := l.Steps[l.noReturn]
	if step.Manual == nil && st.Attempt == f.s.Attempt {
		return nil // it was asked in this attempt
	}
	task, err := f.task(l, step, false)
	if err != nil || step.Manual != nil && task.Done == nil {
		return err // a person alone can tell, and has
	}
	out, err := f.probe(l, step, task)
	if err != nil || out.State == connectors.NotDone {
		return err
	}
	return f.stop(EndInDoubt, Stop{Code: CodeInDoubt, Member: l.Resource, Step: step.ID, Message: "it was said not to be done, and live state does not say so now: " + out.Message})
}

// markers writes down how far every node is. A node that does not answer is in the
// list with the reason.
func (f *flow) markers(l *leg, when string) error {
	if f.abandoned {
		return nil
	}
	e := Event{Kind: MarkersRead, Member: l.Resource, State: when}
	list, over := ask(f, f.limits.Check, func(ctx context.Context) []connectors.Marker { return f.Doer.Markers(ctx, l.MemberPlan) })
	if e.Markers = list; over != nil {
		e.Code, e.Message = over.Code, over.Message
	}
	return f.record(e)
}

// postchecks looks whether a member is what it should be now. Without all, only what
// did not pass is written down.
func (f *flow) postchecks(l *leg, all bool) error {
	for _, check := range l.Postchecks {
		e := f.look(l, check, PostcheckResult, timeout(check.Timeout, f.limits.Check))
		if f.broken != nil {
			return f.broken
		}
		if !all && (e.State == string(connectors.Passed) || e.By != "") {
			continue
		}
		if err := f.record(e); err != nil {
			return err
		}
		if !f.s.Members[l.Resource].Postchecks[check.ID].ok() {
			return f.fail(l, -1, Stop{Code: CodePostcheck, Member: l.Resource, Step: check.ID, Message: fmt.Sprintf("%s of %s: %s: %s", check.ID, l.Resource, e.State, e.Message)}, EndHeld)
		}
	}
	return nil
}

// soak looks at the postchecks of all members until they have held long enough. A
// soak that was cut off begins anew: nobody looked meanwhile.
func (f *flow) soak() error {
	long := slices.MaxFunc(f.c.members, func(a, b leg) int { return int(a.soak - b.soak) }).soak
	if long == 0 {
		return nil
	}
	if err := f.record(Event{Kind: SoakStarted, Message: long.String()}); err != nil {
		return err
	}
	until := f.now().Add(long)
	for last := false; !last; {
		left := until.Sub(f.now())
		last = left <= f.limits.Look
		if !f.sleep(max(0, min(left, f.limits.Look))) {
			if _, err := f.canceled(); err != nil {
				return err
			}
			return f.stop(EndHeld, Stop{Code: CodeCanceled, Message: "during the soak: " + cause(f.ctx)})
		}
		for i := range f.c.members {
			if err := f.postchecks(&f.c.members[i], last); err != nil {
				return err
			}
		}
	}
	return f.record(Event{Kind: SoakEnded})
}
