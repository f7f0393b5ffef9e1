package runbook

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Fold works out the state of a run from its events. An event that may not follow
// those before it is an error that names it: somebody else wrote it, or bcctl has a
// defect, and either way nobody knows what is true.
func Fold(events []Event) (State, error) {
	var s State
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			return State{}, err
		}
	}
	return s, nil
}

// Apply adds one event. After an error the state is as before.
func (s *State) Apply(e Event) error {
	if err := s.allows(e); err != nil {
		about := string(e.Kind)
		if e.Member != "" {
			about += " of " + e.Member
		}
		if e.Step != "" {
			about += "/" + e.Step
		}
		return fmt.Errorf("event %d, %s: %w", e.Seq, about, err)
	}
	s.take(e)
	return nil
}

// illegal says why an event may not come here.
func illegal(text string, args ...any) error { return fmt.Errorf(text, args...) }

// allows tells whether an event may come next. It changes nothing.
func (s *State) allows(e Event) error {
	switch {
	case e.V != EventVersion:
		return illegal("version %d", e.V)
	case e.Seq != s.next:
		return illegal("number %d is expected", s.next)
	case e.At.IsZero():
		return errors.New("it has no time")
	case e.Run == "":
		return errors.New("it names no run")
	}
	if s.next == 0 {
		if e.Kind != RunStarted {
			return errors.New("a journal begins with run.started")
		}
		if e.Begin == nil || e.Begin.Request == "" || e.Begin.Plan == "" || e.Attempt != 1 {
			return errors.New("it does not say which request and plan, and that it is the first attempt")
		}
		return nil
	}
	if e.Run != s.Run {
		return illegal("it is of run %s, and the journal of run %s", e.Run, s.Run)
	}
	if s.Finished != "" && !slices.Contains([]EventKind{Released, AuditDegraded, AuditRestored, ProtectionRestored}, e.Kind) {
		return illegal("the run is finished (%s)", s.Finished)
	}
	if e.Kind == RunResumed {
		switch {
		case e.Begin == nil || e.Begin.Plan != s.Begin.Plan || e.Begin.Request != s.Begin.Request:
			return errors.New("it resumes another plan than the one that was started")
		case e.Attempt != s.NextAttempt():
			return illegal("attempt %d is expected", s.NextAttempt())
		}
		return nil
	}
	if e.Attempt != s.Attempt {
		return illegal("attempt %d is under way", s.Attempt)
	}
	if !s.Active && !slices.Contains([]EventKind{Released, StepResolved, StepDisputed, AuditDegraded, AuditRestored, ProtectionRestored, RunFinished}, e.Kind) {
		return errors.New("the run is held; run.resumed comes first")
	}
	switch e.Kind {
	case RunStarted:
		return errors.New("the run has started already")
	case Verified, Locked, Claimed:
		return s.allowsBegin(e)
	case PrecheckResult, PostcheckResult, MarkersRead, PointOfNoReturn, SoakStarted, SoakEnded:
		return s.allowsWork(e)
	case StepIntent:
		return s.allowsIntent(e)
	case StepOutcome, StepProbe, StepResolved, StepDisputed, StepRefused:
		return s.allowsStep(e)
	case CancelRequested, AuditDegraded, AuditRestored:
		return nil
	case UndoStarted:
		switch {
		case !s.Claimed || s.Open != nil || s.Returning != nil || e.Code == "":
			return errors.New("the attempt is not claimed, a step is under way, it began before, or it does not say why")
		case e.State != string(Failed) && e.State != string(Aborted) && e.State != string(Anew):
			return illegal("it leads to %q", e.State)
		case s.AnyPassed():
			return errors.New("the point of no return is passed")
		}
		return nil
	case UndoEnded:
		return s.allowsAnew(e)
	case Hold, RunFinished, Released, ProtectionRestored:
		return s.allowsEnd(e)
	default:
		return errors.New("this bcctl knows no such event")
	}
}

func (s *State) allowsAnew(e Event) error {
	switch {
	case !s.Claimed || s.Open != nil:
		return errors.New("the attempt is not claimed, or a step is under way")
	case e.Member == "" && (s.Returning == nil || s.ReturnTo != Anew || s.AnyPassed()):
		return errors.New("the run is not on its way back to its beginning")
	case e.Member != "" && (s.Members[e.Member] == nil || s.Passed(e.Member)):
		return errors.New("the member has not begun, or its point of no return is passed")
	}
	if d := s.Doubt(); d != nil {
		return illegal("step %s/%s is in doubt", d.Member, d.Step)
	}
	return nil
}

// Rulings, as they are written.
const (
	rulingAllowed = "allowed"
	rulingDenied  = "denied"
	rulingAway    = "no-answer"
)

func (s *State) allowsBegin(e Event) error {
	switch e.Kind {
	case Verified:
		if !slices.Contains([]string{rulingAllowed, rulingDenied, rulingAway}, e.State) {
			return illegal("the ruling is %q", e.State)
		}
		switch e.Moment {
		case AtStart:
			if s.Locked {
				return errors.New("it comes after the lock")
			}
		case AfterLock:
			if !s.Locked || s.Claimed {
				return errors.New("it belongs between lock and claim")
			}
		case BeforeFirstChange, BeforeNoReturn:
			if !s.Claimed || s.Open != nil {
				return errors.New("it belongs after the claim, and between steps")
			}
			if e.Moment == BeforeNoReturn && e.Member == "" {
				return errors.New("it names no member")
			}
		default:
			return illegal("moment %q", e.Moment)
		}
	case Locked:
		if s.Locked || !s.mayProceed(AtStart) {
			return errors.New("the lock comes once, after the first verification")
		}
		if len(e.Fences) == 0 {
			return errors.New("it names no key")
		}
		for key, fence := range e.Fences {
			if before, ok := s.Fences[key]; ok && fence < before {
				return illegal("fencing number %d of %s is smaller than %d before", fence, key, before)
			}
		}
	case Claimed:
		if s.Claimed || !s.mayProceed(AfterLock) {
			return errors.New("the claim comes once, after lock and second verification")
		}
	}
	return nil
}

// mayProceed tells whether what comes after a ruling may come. After a denial only
// a run that has changed something may, in order to take it back.
func (s *State) mayProceed(m Moment) bool {
	allowed, ruled := s.rulings[m]
	return ruled && (allowed || s.Changed() && !s.AnyPassed())
}

func (s *State) allowsWork(e Event) error {
	if !s.Claimed {
		return errors.New("the attempt is not claimed")
	}
	if e.Kind == MarkersRead {
		return nil
	}
	if s.Open != nil {
		return illegal("step %s/%s has no outcome yet", s.Open.Member, s.Open.Step)
	}
	switch e.Kind {
	case PrecheckResult, PostcheckResult:
		if e.Member == "" || e.Step == "" || !slices.Contains([]string{string(connectors.Passed), string(connectors.Warned), string(connectors.Refused), string(connectors.Unknown)}, e.State) {
			return illegal("the result is %q", e.State)
		}
		if e.Kind == PrecheckResult && s.begun(e.Member) {
			return errors.New("the member is being changed already")
		}
	case PointOfNoReturn:
		if e.Member == "" || e.Step == "" || !s.noReturn[e.Member] || s.Blocked {
			return errors.New("nothing was verified for it")
		}
		if m := s.Members[e.Member]; m != nil && m.NoReturn != "" && m.NoReturn != e.Step {
			return illegal("it was %s before", m.NoReturn)
		}
	case SoakStarted:
		if s.Soaking || s.Red || s.Blocked {
			return errors.New("there is nothing that could hold")
		}
		return s.complete()
	case SoakEnded:
		if !s.Soaking || s.Red {
			return errors.New("no soak is under way")
		}
	}
	return nil
}

func (s *State) allowsIntent(e Event) error {
	switch {
	case !s.Claimed:
		return errors.New("the attempt is not claimed")
	case s.Open != nil:
		return illegal("step %s/%s has no outcome yet", s.Open.Member, s.Open.Step)
	case e.Member == "" || e.Step == "" || e.Key == "":
		return errors.New("it does not say which step, or has no key")
	case e.Mutates && !s.rulings[BeforeFirstChange] && !e.Undo:
		return errors.New("nothing was verified before the first change")
	case e.Parts && (e.Undo || !e.Mutates):
		return errors.New("what changes nothing, or takes back, has no part to take back")
	}
	if d := s.Doubt(); d != nil && !(d.Member == e.Member && d.Step == e.Step && d.Undo == e.Undo) {
		return illegal("step %s/%s is in doubt", d.Member, d.Step)
	}
	step := s.Step(e.Member, e.Step)
	if e.Undo {
		switch {
		case s.Passed(e.Member):
			return errors.New("the point of no return is passed")
		case !step.undoable():
			return illegal("there is nothing to take back (%s)", step.Status)
		case e.Try != step.Undos+1:
			return illegal("try %d is expected", step.Undos+1)
		}
		return nil
	}
	m := s.Members[e.Member]
	switch {
	case s.Blocked:
		return errors.New("a guard said no")
	case s.Returning != nil:
		return errors.New("the run takes back what was done")
	case s.Red:
		return errors.New("something failed in this attempt")
	case e.Try != step.Tries+1:
		return illegal("try %d is expected", step.Tries+1)
	case step.Status == StepDone && (step.Mutates || step.Attempt == s.Attempt):
		return errors.New("the step is done")
	case (step.Status == StepFailed || step.Status == StepUndone) && step.Attempt == s.Attempt:
		return illegal("the step is %s in this attempt", step.Status)
	case m == nil || len(m.Prechecks) == 0:
		return errors.New("nothing was checked before")
	}
	for id, check := range m.Prechecks {
		if !check.ok() {
			return illegal("precheck %s did not pass", id)
		}
	}
	return nil
}

func (s *State) allowsStep(e Event) error {
	if e.Member == "" || e.Step == "" {
		return errors.New("it does not say which step")
	}
	step := s.Step(e.Member, e.Step)
	status, tries := step.Status, step.Tries
	if e.Undo {
		status, tries = step.Undo, step.Undos
	}
	known := slices.Contains([]string{string(connectors.Done), string(connectors.NotDone), string(connectors.InDoubt), string(connectors.Failed)}, e.State)
	switch e.Kind {
	case StepOutcome:
		if s.Open == nil || *s.Open != (StepRef{e.Member, e.Step, e.Undo, e.Try}) {
			return errors.New("it has no intent")
		}
		if !known {
			return illegal("the outcome is %q", e.State)
		}
	case StepProbe:
		// What an attempt before has done may not hold any more.
		again := status == StepDone && !e.Undo && step.Attempt != s.Attempt && !s.Passed(e.Member)
		if status == StepPending || status == StepDone && !again || status == StepUndone || e.Try != tries {
			return errors.New("there is nothing to find out")
		}
		if !known || e.State == string(connectors.Failed) {
			return illegal("the probe says %q", e.State)
		}
	case StepResolved:
		if status != StepInDoubt || e.Try != tries {
			return errors.New("the step is not in doubt")
		}
		if e.By == "" || e.Message == "" {
			return errors.New("it does not say who decided, and why")
		}
		if e.State != string(connectors.Done) && e.State != string(connectors.NotDone) {
			return illegal("a person says done or not-done, not %q", e.State)
		}
	case StepDisputed:
		if !step.Answered || e.Try != tries || e.Message == "" {
			return errors.New("no person decided last, or it does not say why that does not count")
		}
	case StepRefused:
		if s.Open != nil || !s.Claimed {
			return errors.New("a step is under way, or the attempt is not claimed")
		}
	}
	return nil
}

func (s *State) allowsEnd(e Event) error {
	switch e.Kind {
	case Hold:
		if s.Open != nil {
			return illegal("step %s/%s has no outcome yet", s.Open.Member, s.Open.Step)
		}
		if e.Code == "" {
			return errors.New("it does not say why")
		}
	case RunFinished:
		if s.Open != nil {
			return illegal("step %s/%s has no outcome yet", s.Open.Member, s.Open.Step)
		}
		if d := s.Doubt(); d != nil {
			return illegal("step %s/%s is in doubt", d.Member, d.Step)
		}
		switch Ending(e.State) {
		case Succeeded:
			if !s.Active || s.Red || s.Blocked || s.Returning != nil {
				return errors.New("something failed or was denied")
			}
			if s.Soaking && !s.Soaked {
				return errors.New("the soak has not ended")
			}
			return s.complete()
		case Failed, Aborted:
			if s.AnyPassed() && e.By == "" {
				return errors.New("the point of no return is passed: only a person ends it")
			}
		default:
			return illegal("it ends %q", e.State)
		}
	case Released:
		if s.Finished == "" && e.By == "" && (s.Active || s.Changed()) {
			return errors.New("the run is not over")
		}
	case ProtectionRestored:
		if !s.AnyPassed() || e.Message == "" {
			return errors.New("no roles have changed, or it does not say what shows it")
		}
	}
	return nil
}

// complete tells whether everything that began is done and validated (SI-36).
func (s *State) complete() error {
	steps := 0
	for name, m := range s.Members {
		for id, step := range m.Steps {
			if step.Status != StepDone || step.Undo != StepPending {
				return illegal("step %s/%s is not done (%s)", name, id, step.Status)
			}
			steps++
		}
		if len(m.Steps) > 0 && len(m.Postchecks) == 0 {
			return illegal("nothing was checked afterwards at %s", name)
		}
		for id, check := range m.Postchecks {
			if !check.ok() || check.Attempt != s.Attempt {
				return illegal("postcheck %s/%s has not passed in this attempt", name, id)
			}
		}
	}
	if steps == 0 {
		return errors.New("nothing was done (RUN-07)")
	}
	return nil
}

// take changes the state; allows has agreed.
func (s *State) take(e Event) {
	s.next++
	switch e.Kind {
	case RunStarted, RunResumed:
		s.Run, s.Begin, s.Attempt = e.Run, *e.Begin, e.Attempt
		if e.Begin.Brought {
			s.Brought = e.Attempt
		}
		s.Active, s.Held = true, nil
		s.Canceled, s.Blocked, s.Denied, s.Red = false, false, false, false
		s.Locked, s.Claimed, s.Released = false, false, false
		s.Soaking, s.Soaked, s.Trouble = false, false, nil
		s.rulings, s.noReturn = map[Moment]bool{}, map[string]bool{}
	case Verified:
		allowed := e.State == rulingAllowed
		s.rulings[e.Moment] = allowed
		s.Blocked, s.Denied = s.Blocked || !allowed, s.Denied || e.State == rulingDenied
		if !allowed {
			s.trouble(e)
		}
		if e.Moment == BeforeNoReturn {
			s.noReturn[e.Member] = allowed
		}
	case Locked:
		s.Locked = true
		s.Fences = e.Fences
	case Claimed:
		s.Claimed = true
		s.Claims++
	case PrecheckResult:
		s.member(e.Member).Prechecks[e.Step] = s.checked(e)
	case PostcheckResult:
		check := s.checked(e)
		s.member(e.Member).Postchecks[e.Step] = check
		if !check.ok() {
			s.red(e)
		}
	case PointOfNoReturn:
		m := s.member(e.Member)
		m.NoReturn, m.Announced = e.Step, s.Attempt
		delete(s.noReturn, e.Member)
	case StepIntent, StepOutcome, StepProbe, StepResolved, StepDisputed, StepRefused:
		s.takeStep(e)
	case UndoStarted:
		s.Returning, s.ReturnTo = &Stop{Code: e.Code, Member: e.Member, Step: e.Step, Message: e.Message}, Ending(e.State)
	case UndoEnded:
		for name, m := range s.Members {
			if e.Member == "" || e.Member == name {
				m.anew()
			}
		}
		if e.Member == "" {
			s.Returning, s.ReturnTo = nil, ""
		}
	case CancelRequested:
		s.Canceled = true
	case Hold:
		s.Active = false
		s.Held = &Stop{Code: e.Code, Member: e.Member, Step: e.Step, Message: e.Message}
	case SoakStarted:
		s.Soaking = true
	case SoakEnded:
		s.Soaked = true
	case AuditDegraded:
		s.Degraded = true
	case AuditRestored:
		s.Degraded = false
	case RunFinished:
		s.Finished, s.Active, s.Held = Ending(e.State), false, nil
	case Released:
		s.Released, s.Locked = true, false
	case ProtectionRestored:
		s.Restored = true
	case MarkersRead:
	}
}

// anew forgets what a member did, because it was taken back. Tries go on counting.
func (m *MemberState) anew() {
	m.Prechecks, m.Postchecks = map[string]CheckState{}, map[string]CheckState{}
	m.NoReturn, m.Announced = "", 0
	for id, step := range m.Steps {
		m.Steps[id] = &StepState{Tries: step.Tries, Undos: step.Undos, Mutates: step.Mutates, Attempt: step.Attempt, Tried: step.Tried}
	}
}

func (s *State) red(e Event) {
	s.Red = true
	s.trouble(e)
}

func (s *State) trouble(e Event) {
	if s.Trouble == nil {
		s.Trouble = &Stop{Code: e.Code, Member: e.Member, Step: e.Step, Message: e.Message}
	}
}

// checked is a result as the state keeps it. A warning counts when a person
// accepted it, whom the event names.
func (s *State) checked(e Event) CheckState {
	result := connectors.FindingResult(e.State)
	return CheckState{Result: result, Accepted: result == connectors.Warned && e.By != "", Code: e.Code, Message: e.Message, Attempt: s.Attempt}
}

// attempted reports whether a step that was not done may be done in part: where no journal
// took its intent, and where nobody was reached, nothing was sent.
func attempted(code readiness.Code) bool { return code != CodeJournalAway && code != CodeNoAnswer }

func (s *State) takeStep(e Event) {
	step := s.step(e.Member, e.Step)
	status := &step.Status
	if e.Undo {
		status = &step.Undo
	}
	step.Attempt, step.Answered = s.Attempt, e.Kind == StepResolved
	if step.Answered {
		step.answered.status, step.answered.half = step.Status, step.Half
	}
	switch e.Kind {
	case StepDisputed: // and it is where it was before the answer
		step.Status, step.Half = step.answered.status, step.answered.half
		*status = StepInDoubt
	case StepIntent:
		*status = StepOpen
		if e.Undo {
			step.Undos = e.Try
		} else {
			step.Tries, step.Tried, step.Mutates, step.Undo = e.Try, s.Attempt, e.Mutates, StepPending
			step.Parts = e.Parts
		}
		s.Open = &StepRef{e.Member, e.Step, e.Undo, e.Try}
		return
	case StepRefused:
		s.red(e) // and the step is where it was, for the reason it was
		if step.Code != "" {
			step.Message = e.Message
			return
		}
	default:
		if s.Open != nil && s.Open.Member == e.Member && s.Open.Step == e.Step {
			s.Open = nil
		}
		*status = StepStatus(e.State)
		if *status == StepFailed {
			s.red(e)
		}
		if *status == StepDone && !e.Undo && len(e.Facts) > 0 {
			step.Facts = e.Facts
		}
		switch {
		case e.Undo && *status == StepDone:
			step.Status, step.Undo, step.Half = StepUndone, StepPending, false
		case !e.Undo && *status == StepDone:
			step.Half = false
		case !e.Undo && (*status == StepNotDone && attempted(e.Code) || *status == StepFailed && e.By != ""):
			// A person who says no may have begun.
			step.Half = step.Half || step.Parts
		}
	}
	step.Code, step.Message = e.Code, e.Message
}
