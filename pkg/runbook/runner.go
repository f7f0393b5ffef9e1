package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Runner carries out one plan, or goes on with it: both are the same call.
//
// The order is that of RUN-01: verify, confirm, lock, verify again, claim, check,
// steps, check again, soak, result, release.
type Runner struct {
	Run     string // id of the run: the same for every attempt of a request
	Request string
	Plan    *Plan
	Terms   Terms
	Tool    string // name and version of the program
	Catalog Catalog

	// Brought says that the journal is of another machine, which was at work when it was
	// heard of last: it may have done more than its journal says.
	Brought bool

	Journal Journal
	Doer    Doer
	People  People
	Guard   Guard
	Ledger  Ledger

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Watch is told every event after it is durable; nil for nobody. It must not
	// block.
	Watch func(Event, *State)

	// Limits are for tests and settings; zero values are the defaults.
	Limits Limits
}

// Limits are lengths of time and counts a runner keeps to.
type Limits struct {
	Push     time.Duration // a push that may fail; default 10 s
	MustPush time.Duration // a push that must not; default 2 min
	Step     time.Duration // a step without timeout; default 5 min
	Check    time.Duration // a check without timeout, and a probe; default 1 min
	Person   time.Duration // a person without timeout; default 30 min
	Grace    time.Duration // how long a step that is over its time is waited for; default 10 s
	Tries    int           // of an idempotent step in one attempt; default 3
	Between  time.Duration // between tries, and between looks at a postcheck; default 2 s
	Look     time.Duration // between looks at the postchecks during the soak; default 10 s

	// Lease is how long a lock counts as held after it was last seen to be, while its
	// ledger does not answer; default 1 min. Nobody else gets it sooner (LOCK-05).
	Lease time.Duration
}

func (l Limits) filled() Limits {
	for _, d := range []struct {
		value *time.Duration
		std   time.Duration
	}{
		{&l.Push, 10 * time.Second}, {&l.MustPush, 2 * time.Minute}, {&l.Step, 5 * time.Minute}, {&l.Check, time.Minute},
		{&l.Person, 30 * time.Minute}, {&l.Grace, 10 * time.Second}, {&l.Between, 2 * time.Second}, {&l.Look, 10 * time.Second}, {&l.Lease, time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.std
		}
	}
	if l.Tries <= 0 {
		l.Tries = 3
	}
	return l
}

// End is how a start of a run ended.
type End struct {
	Kind    EndKind
	Code    readiness.Code
	Member  string
	Step    string
	Message string
	Rules   []string // ids of the rules that deny
	State   State
}

// EndKind says what a person has to do now.
type EndKind string

// Kinds of ends. The zero value is none of them.
const (
	EndSucceeded EndKind = "succeeded"
	EndFailed    EndKind = "failed"    // for good; what could be taken back was
	EndAborted   EndKind = "aborted"   // for good, because it was not allowed any more; likewise
	EndHeld      EndKind = "held"      // part way; the same command goes on
	EndInDoubt   EndKind = "in-doubt"  // a person must say what became of a step
	EndRefused   EndKind = "refused"   // a precheck did not pass; nothing was changed
	EndDenied    EndKind = "denied"    // not approved, expired or changed; nothing was changed
	EndLocked    EndKind = "locked"    // by another run; nothing was changed
	EndNoAnswer  EndKind = "no-answer" // something needed did not answer; nothing was changed
)

// ErrFinished says that a run is over for good (RUN-02).
var ErrFinished = errors.New("the run is finished and never runs again; make a new request")

// Start carries out the plan up to its end or to a reason to stop, which the journal
// has. When ctx ends, the run stops at the next hold point; what is under way is
// completed first. The error is for what keeps the journal from saying so: no disk,
// a journal that was edited, a plan that must not run.
func (r *Runner) Start(ctx context.Context) (End, error) {
	c, err := newCourse(r.Plan, r.Terms, r.Catalog)
	if err != nil {
		return End{}, err
	}
	f := &flow{Runner: r, ctx: ctx, work: context.WithoutCancel(ctx), c: c, limits: r.Limits.filled()}
	if err := f.load(); err != nil {
		return End{}, err
	}
	err = f.run()
	// Both end by their own deadlines.
	if f.beside != nil {
		<-f.beside //nolint:errcheck // the run ended without it, and said so
	}
	if f.looking != nil {
		<-f.looking
	}
	var end *halt
	switch {
	case errors.As(err, &end):
		end.State = f.s
		if end.Rules == nil {
			end.Rules = f.rules
		}
		return end.End, nil
	case err != nil:
		return End{State: f.s}, err
	default:
		return End{Kind: EndSucceeded, State: f.s}, nil
	}
}

// halt ends a flow in an orderly way: the journal says why.
type halt struct{ End }

func (h *halt) Error() string { return string(h.Kind) + ": " + h.Message }

// flow is one start of a runner.
type flow struct {
	*Runner
	ctx  context.Context // ends when the run is canceled
	work context.Context // never ends: a step is not cut off
	c    *course
	s    State
	prev string

	limits Limits

	rules     []string      // that denied
	away      bool          // the last push did not get through
	pushed    time.Time     // last try
	looking   <-chan looked // a look at the lock that goes on; nil: none does
	beside    <-chan error  // a push that goes on; nil: none does
	seen      time.Time     // when the lock was last seen to be held
	fresh     bool          // and nothing was changed since
	abandoned bool          // a call did not come back: nothing more may be asked of the Doer
	broken    error         // the journal on this machine does not take events
}

func (f *flow) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

// load reads what there is and follows it.
func (f *flow) load() error {
	events, err := f.Journal.Events(f.work)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := f.c.follows(&f.s, e); err != nil {
			return fmt.Errorf("the journal is not of this plan: %w", err)
		}
		if err := f.s.Apply(e); err != nil {
			return fmt.Errorf("the journal of run %s: %w", f.Run, err)
		}
		line, err := e.Encode()
		if err != nil {
			return err
		}
		f.prev = HashLine(line)
	}
	if len(events) > 0 && f.s.Run != f.Run {
		return fmt.Errorf("the journal is of run %s, not of %s", f.s.Run, f.Run)
	}
	if f.Brought && len(events) > 0 {
		f.s.Brought = f.s.NextAttempt() // as run.resumed is about to say
	}
	return nil
}

// record appends an event. What may not come next is never written: that would be
// a defect of the runner.
func (f *flow) record(e Event) error {
	if f.broken != nil {
		return f.broken
	}
	e.V, e.Seq, e.Prev, e.At, e.Run = EventVersion, f.s.next, f.prev, f.now().UTC(), f.Run
	if e.Kind != RunStarted && e.Kind != RunResumed {
		e.Attempt = f.s.Attempt
	}
	e.Message = short(e.Message)
	line, err := e.Encode()
	if err != nil {
		return err
	}
	if e, err = DecodeEvent(line); err != nil {
		return err
	}
	if err := f.c.follows(&f.s, e); err != nil {
		return err
	}
	if err := f.s.allows(e); err != nil {
		return fmt.Errorf("event %d, %s: %w", e.Seq, e.Kind, err)
	}
	if err := f.Journal.Append(f.work, e); err != nil {
		f.broken = fmt.Errorf("the journal does not take %s: %w", e.Kind, err)
		return f.broken
	}
	f.s.take(e)
	f.prev = HashLine(line)
	if f.Watch != nil {
		f.Watch(e, &f.s)
	}
	return nil
}

// push brings the journal off this machine, within a time, and notes when that is
// not possible any more, or is again.
func (f *flow) push(within time.Duration) (bool, error) {
	if err := f.besideEnded(true); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(f.work, within)
	defer cancel()
	err := f.Journal.Push(ctx)
	return err == nil, f.noted(err)
}

// noted writes down what became of a push, where it is news.
func (f *flow) noted(err error) error {
	f.away, f.pushed = err != nil, f.now()
	switch {
	case err != nil && !f.s.Degraded:
		return f.record(Event{Kind: AuditDegraded, Code: CodeJournalAway, Message: err.Error()})
	case err == nil && f.s.Degraded:
		return f.record(Event{Kind: AuditRestored})
	}
	return nil
}

// pushBeside lets a push go on while steps do: after the point of no return nothing
// waits for it. One that is under way is left alone, and the next brings the rest.
func (f *flow) pushBeside(j Besider) error {
	if err := f.besideEnded(false); err != nil || f.beside != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(f.work, f.limits.Push)
	done, ended := j.Beside(ctx), make(chan error, 1)
	go func() {
		defer cancel()
		ended <- <-done
	}()
	f.beside = ended
	return nil
}

// besideEnded takes the result of a push that went on beside steps, and waits for it
// where it must not go on.
func (f *flow) besideEnded(wait bool) error {
	if f.beside == nil {
		return nil
	}
	if wait {
		err := <-f.beside
		f.beside = nil
		return f.noted(err)
	}
	select {
	case err := <-f.beside:
		f.beside = nil
		return f.noted(err)
	default:
		return nil
	}
}

// canceled notes a cancellation once, and reports whether there is one.
func (f *flow) canceled() (bool, error) {
	if f.ctx.Err() == nil || f.s.Canceled {
		return f.s.Canceled, nil
	}
	return true, f.record(Event{Kind: CancelRequested, Code: CodeCanceled, Message: cause(f.ctx)})
}

func cause(ctx context.Context) string {
	if err := context.Cause(ctx); err != nil {
		return err.Error()
	}
	return ""
}

// run is RUN-01 from the beginning to the end.
func (f *flow) run() error {
	if f.s.Finished != "" {
		return f.tidy()
	}
	killed, trouble, blocked := f.s.Active, f.s.Trouble, f.s.Blocked
	if err := f.begin(); err != nil {
		return err
	}
	if err := f.settle(); err != nil {
		return err
	}
	if err := f.stillHolds(); err != nil {
		return err
	}
	if killed && trouble != nil {
		if err := f.afterKill(*trouble, blocked); err != nil {
			return err
		}
	}
	if err := f.goBack(); err != nil {
		return err
	}
	if err := f.prechecks(); err != nil {
		return err
	}
	for i := range f.c.members {
		if err := f.member(&f.c.members[i], i > 0); err != nil {
			return err
		}
	}
	if err := f.soak(); err != nil {
		return err
	}
	if err := f.still(); err != nil {
		return err
	}
	return f.finish(Succeeded, Stop{})
}

// still looks once more whose lock it is before the end is written down: who was asleep
// meanwhile does not say how the run of another machine ended. A ledger that does not
// answer changes nothing about what was done and seen here.
func (f *flow) still() error {
	ctx, cancel := context.WithTimeout(f.work, f.limits.Push)
	defer cancel()
	if err := f.Ledger.Held(ctx); errors.Is(err, ErrLockLost) {
		return f.stop(EndLocked, Stop{Code: CodeLockLost, Message: err.Error()})
	}
	return nil
}

// tidy brings the end of a run to where it could not be brought then, and gives back the
// keys of one that was killed after its end.
func (f *flow) tidy() error {
	if !f.s.Released || f.s.Degraded {
		if _, err := f.push(f.limits.MustPush); err != nil {
			return err
		}
	}
	if !f.s.Released {
		if _, err := f.Ledger.Lock(f.work, f.Run, f.Plan.Keys()); err == nil {
			if err := f.release(); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%w (it %s)", ErrFinished, f.s.Finished)
}

// begin verifies, confirms, locks, verifies again and claims. What is denied before
// the lock leaves no trace in the journal: there is no attempt.
func (f *flow) begin() error {
	resumed := f.s.next > 0
	about := Circumstances{Run: f.Run, Moment: AtStart, Attempt: f.s.NextAttempt(), Resumed: resumed, Passed: f.s.AnyPassed()}
	start := f.Guard.Verify(f.ctx, about)
	// What was changed and may be taken back is taken back even when the run may not
	// go on: otherwise a withdrawn request would leave a source that takes no writes.
	onlyBack := !start.Allowed && !start.Away && f.s.Changed() && !f.s.AnyPassed()
	if !start.Allowed && !onlyBack {
		return denial(start)
	}
	about.Back = onlyBack
	confirmed := f.Guard.Confirm(f.ctx, about)
	about.Back = false
	if !confirmed.Allowed {
		return denial(confirmed)
	}
	ctx, cancel := context.WithTimeout(f.work, f.limits.MustPush)
	defer cancel()
	fences, err := f.Ledger.Lock(ctx, f.Run, f.Plan.Keys())
	switch {
	case errors.Is(err, ErrLocked):
		return &halt{End{Kind: EndLocked, Message: err.Error()}}
	case err != nil:
		return &halt{End{Kind: EndNoAnswer, Code: CodeNoAnswer, Message: err.Error()}}
	}
	f.seen, f.fresh = f.now(), true
	kind := RunStarted
	if resumed {
		kind = RunResumed
	}
	target := Beginning{Request: f.Request, Plan: f.Plan.Digest, Type: f.Plan.Type, Target: f.Plan.Target, To: f.Plan.To, Tool: f.Tool, Evidence: confirmed.Evidence, Brought: f.Brought && resumed}
	for _, e := range []Event{
		{Kind: kind, Attempt: about.Attempt, By: confirmed.By, Begin: &target},
		ruled(AtStart, "", start),
		{Kind: Locked, Fences: fences},
	} {
		if err := f.record(e); err != nil {
			if !f.s.Changed() {
				err = errors.Join(err, f.Ledger.Release(f.work))
			}
			return err
		}
	}
	about.Moment = AfterLock
	second := f.Guard.Verify(ctx, about)
	if err := f.record(ruled(AfterLock, "", second)); err != nil {
		return err
	}
	if !second.Allowed && (second.Away || !f.s.mayProceed(AfterLock)) {
		return f.stopDenied(second, "")
	}
	if err := f.Ledger.Claim(ctx, f.Run, about.Attempt); errors.Is(err, ErrClaimed) {
		return f.stop(EndDenied, Stop{Code: CodeDenied, Message: err.Error()})
	} else if err != nil {
		return f.stop(EndNoAnswer, Stop{Code: CodeNoAnswer, Message: err.Error()})
	}
	return f.record(Event{Kind: Claimed})
}

func ruled(m Moment, member string, r Ruling) Event {
	e := Event{Kind: Verified, Moment: m, Member: member, State: rulingAllowed, Message: r.Message}
	switch {
	case r.Allowed:
	case r.Away:
		e.State, e.Code = rulingAway, CodeNoAnswer
	default:
		e.State, e.Code = rulingDenied, CodeDenied
	}
	if len(r.Rules) > 0 {
		e.Message = fmt.Sprintf("%v %s", r.Rules, e.Message)
	}
	return e
}

func denial(r Ruling) error {
	end := End{Kind: EndDenied, Code: CodeDenied, Message: r.Message, Rules: r.Rules}
	if r.Away {
		end.Kind, end.Code = EndNoAnswer, CodeNoAnswer
	}
	return &halt{end}
}

// stop holds the run where it is. Keys are given back only when nothing was
// changed; else nobody but this run may go on.
func (f *flow) stop(kind EndKind, why Stop) error {
	if err := f.record(Event{Kind: Hold, Code: why.Code, Member: why.Member, Step: why.Step, Message: why.Message}); err != nil {
		return err
	}
	if !f.s.Changed() {
		if err := f.release(); err != nil {
			return err
		}
	} else if kind != EndInDoubt {
		kind = EndHeld
	}
	if _, err := f.push(f.limits.Push); err != nil {
		return err
	}
	return &halt{End{Kind: kind, Code: why.Code, Member: why.Member, Step: why.Step, Message: why.Message}}
}

func (f *flow) stopDenied(r Ruling, member string) error {
	var end *halt
	errors.As(denial(r), &end)
	f.rules = r.Rules
	return f.stop(end.Kind, Stop{Code: end.Code, Member: member, Message: end.Message})
}

// release gives the keys back. Keys that cannot be given back stay locked, which
// is safe; the journal then does not say released.
func (f *flow) release() error {
	ctx, cancel := context.WithTimeout(f.work, f.limits.MustPush)
	defer cancel()
	if f.Ledger.Release(ctx) != nil {
		return nil
	}
	return f.record(Event{Kind: Released})
}

// finish ends the run for good.
func (f *flow) finish(how Ending, why Stop) error {
	e := Event{Kind: RunFinished, State: string(how), Code: why.Code, Member: why.Member, Step: why.Step, Message: why.Message}
	if how == Succeeded && f.s.Unprotected() {
		e.Code, e.Message = ProtectionUnrestored, "redundancy and a restorable backup are not shown yet"
	}
	if err := f.record(e); err != nil {
		return err
	}
	if _, err := f.push(f.limits.MustPush); err != nil {
		return err
	}
	if err := f.release(); err != nil {
		return err
	}
	if _, err := f.push(f.limits.Push); err != nil {
		return err
	}
	switch how {
	case Succeeded:
		return nil
	case Aborted:
		return &halt{End{Kind: EndAborted, Code: why.Code, Member: why.Member, Step: why.Step, Message: why.Message}}
	default:
		return &halt{End{Kind: EndFailed, Code: why.Code, Member: why.Member, Step: why.Step, Message: why.Message}}
	}
}

// sleep waits, and reports false when the run was canceled meanwhile.
func (f *flow) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// find returns the leg and the index of a step.
func (f *flow) find(ref StepRef) (*leg, int) {
	for i := range f.c.members {
		if l := &f.c.members[i]; l.Resource == ref.Member {
			return l, slices.Index(namesOfSteps(l.Steps), ref.Step)
		}
	}
	return nil, -1
}
