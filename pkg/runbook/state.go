package runbook

import (
	"maps"
	"slices"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// State is what a run has done and where it stands: the fold over its events.
// The zero value is a run that has not started.
type State struct {
	Run   string
	Begin Beginning

	// Claims counts the attempts that were claimed; Attempt is the one under way.
	Claims, Attempt int

	Active   bool  // a runner works on it, or was killed while it did
	Held     *Stop // why it stopped; nil while it is active or finished
	Canceled bool  // stops at the next hold point
	Degraded bool  // the journal is on this machine only
	Blocked  bool  // a guard said no in this attempt, or did not answer
	Denied   bool  // it said no
	Red      bool  // something failed in this attempt: nothing new begins

	Locked   bool
	Fences   map[string]int64
	Claimed  bool
	Released bool

	Members map[string]*MemberState

	// Open is the step whose intent has no outcome; nil when there is none. Whether
	// its effect holds is not known.
	Open *StepRef

	// Trouble is the first thing that failed or was denied in the newest attempt that
	// had any.
	Trouble *Stop

	// Returning is why a run takes back what was done, and ReturnTo how it ends after
	// that; nil while it goes forward. It turns round again only where it was to begin
	// anew, and only when everything is taken back.
	Returning *Stop
	ReturnTo  Ending

	// Brought is the attempt in which the run went on with a journal of another machine
	// that may have done more than it could say; 0: never. What that machine may have
	// done is asked of live state before it is done again.
	Brought int

	Soaking, Soaked bool
	Finished        Ending
	Restored        bool // protection.restored

	next     int64
	rulings  map[Moment]bool
	noReturn map[string]bool // members for which the guard agreed just now
}

// Stop is why and where a run stopped.
type Stop struct {
	Code    readiness.Code
	Member  string
	Step    string
	Message string
}

// StepRef names one step of one member.
type StepRef struct {
	Member, Step string
	Undo         bool
	Try          int
}

// MemberState is how far one resource has come.
type MemberState struct {
	Prechecks  map[string]CheckState
	Steps      map[string]*StepState
	Postchecks map[string]CheckState

	// NoReturn is the step that cannot be taken back, once it was announced.
	// Announced is the attempt in which it was announced last.
	NoReturn  string
	Announced int
}

// CheckState is the newest result of a check.
type CheckState struct {
	Result   connectors.FindingResult
	Accepted bool // a warning that a person accepted by its code
	Code     readiness.Code
	Message  string
	Attempt  int
}

// ok reports whether a check lets the run go on.
func (c CheckState) ok() bool { return c.Result == connectors.Passed || c.Accepted }

// StepState is how far one step has come.
type StepState struct {
	Status  StepStatus
	Tries   int
	Mutates bool
	Parts   bool // its undo takes back what was done in part
	Half    bool // it was tried and is not done: some of it may be, which Parts takes back
	Facts   connectors.Facts
	Code    readiness.Code
	Message string
	Attempt int // of the newest event
	Tried   int // attempt of the newest intent

	Undo  StepStatus // of taking it back
	Undos int

	// Answered says that where it stands is the word of a person, and nothing came since.
	// answered is where it stood before.
	Answered bool
	answered struct {
		status StepStatus
		half   bool
	}
}

// undoable reports whether there is something to take back, as far as a step itself can
// tell: it is done, or it may be in part and its undo is good for that.
func (s StepState) undoable() bool {
	return s.Status == StepDone || s.Half && (s.Status == StepNotDone || s.Status == StepFailed)
}

// doubted reports whether nobody can tell what became of the last try of a step, or of
// taking it back.
func (s StepState) doubted(undo bool) bool {
	if undo {
		return s.Undo == StepInDoubt
	}
	return s.Status == StepInDoubt
}

// StepStatus is where a step stands. The zero value has not begun.
type StepStatus string

// Statuses of steps.
const (
	StepPending StepStatus = ""
	StepOpen    StepStatus = "open"     // an intent without outcome: not known
	StepDone    StepStatus = "done"     //
	StepNotDone StepStatus = "not-done" // proved: the effect does not hold, nothing is under way
	StepFailed  StepStatus = "failed"   // nothing was changed, as the step itself says
	StepInDoubt StepStatus = "in-doubt" // the probe cannot tell
	StepUndone  StepStatus = "undone"   // was done and was taken back
)

// Ending is how a run ended for good. Such a run never runs again (RUN-02).
type Ending string

// Endings.
const (
	Succeeded Ending = "succeeded"
	Failed    Ending = "failed"  // stopped before the point of no return, and taken back as declared
	Aborted   Ending = "aborted" // ended by people, likewise

	// Anew is no end: what was done is taken back because something did not answer, and
	// the same request may begin anew.
	Anew Ending = "anew"
)

// NextAttempt is the number that the next start has to claim.
func (s *State) NextAttempt() int { return s.Claims + 1 }

// Step returns what is known of a step; the zero StepState when nothing is.
func (s *State) Step(member, id string) StepState {
	if m := s.Members[member]; m != nil && m.Steps[id] != nil {
		return *m.Steps[id]
	}
	return StepState{}
}

// Passed reports whether the point of no return of a member is behind, or may be.
// A step that says it failed has not proved that, and a machine that is gone may have
// passed it without being able to say so.
func (s *State) Passed(member string) bool {
	m := s.Members[member]
	if m == nil || m.NoReturn == "" {
		return false
	}
	switch s.Step(member, m.NoReturn).Status {
	case StepOpen, StepDone, StepInDoubt, StepFailed:
		return true
	case StepPending:
		return s.Brought > 0 && s.Returning == nil // once it goes back, it goes back
	default:
		return false
	}
}

// unsaid reports whether a machine that is gone may have done a step, or taken it
// back, without being able to say so.
func (s *State) unsaid(member, id string, undo bool) bool {
	return s.Brought > 0 && (undo || s.Step(member, id).Tried < s.Brought)
}

// AnyPassed reports whether the point of no return of any member is behind.
func (s *State) AnyPassed() bool {
	for member := range s.Members {
		if s.Passed(member) {
			return true
		}
	}
	return false
}

// Changed reports whether anything was changed, or may have been, and was not taken
// back.
func (s *State) Changed() bool {
	for member := range s.Members {
		if s.begun(member) {
			return true
		}
	}
	return false
}

// begun reports whether a member is, or may be, in another state than before the
// run.
func (s *State) begun(member string) bool {
	m := s.Members[member]
	if m == nil {
		return false
	}
	for _, step := range m.Steps {
		if step.Mutates && (step.undoable() || step.Status == StepOpen || step.Status == StepInDoubt) {
			return true
		}
	}
	return s.Passed(member)
}

// Doubt returns the step that nobody can tell about, in the order of names; nil
// when there is none.
func (s *State) Doubt() *StepRef {
	for _, member := range slices.Sorted(maps.Keys(s.Members)) {
		steps := s.Members[member].Steps
		for _, id := range slices.Sorted(maps.Keys(steps)) {
			switch step := steps[id]; {
			case step.Status == StepInDoubt:
				return &StepRef{Member: member, Step: id, Try: step.Tries}
			case step.Undo == StepInDoubt:
				return &StepRef{Member: member, Step: id, Try: step.Undos, Undo: true}
			}
		}
	}
	return nil
}

// Unprotected reports whether PROTECTION_NOT_RESTORED holds: roles have changed, or
// may have, and nobody has shown since that redundancy and a restorable backup
// exist (SI-37).
func (s *State) Unprotected() bool { return s.AnyPassed() && !s.Restored }

// Moved are the members whose roles have changed for good, or may have, sorted. A drill
// on a copy has no point of no return, and moves none.
func (s *State) Moved() []string {
	var moved []string
	for _, member := range slices.Sorted(maps.Keys(s.Members)) {
		if s.Passed(member) {
			moved = append(moved, member)
		}
	}
	return moved
}

func (s *State) member(name string) *MemberState {
	if s.Members == nil {
		s.Members = map[string]*MemberState{}
	}
	if s.Members[name] == nil {
		s.Members[name] = &MemberState{Prechecks: map[string]CheckState{}, Steps: map[string]*StepState{}, Postchecks: map[string]CheckState{}}
	}
	return s.Members[name]
}

func (s *State) step(member, id string) *StepState {
	m := s.member(member)
	if m.Steps[id] == nil {
		m.Steps[id] = &StepState{}
	}
	return m.Steps[id]
}
