package runbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// What is wrong with a runbook is said in the same words by whoever comes across it
// first: validate in the document, plan and execute in what they were about to run.

// Words of refusals that are about the text of a runbook alone.
const (
	NoPrecheck        = "has no precheck; a run without one proves nothing (RUN-07)"
	NoStep            = "has no step; a run without one does nothing (RUN-07)"
	NoPostcheck       = "has no postcheck; a run without one proves nothing (RUN-07)"
	NoPointOfNoReturn = "names no pointOfNoReturn: nobody would know up to where it can be taken back (SI-35)"
	NoSuchAction      = "this bcctl has no action %s"
	CannotBeAsked     = "it cannot be asked: %s"
	NoProbe           = "the runbook has no probe for it"
	RefersElsewhere   = "refers to something else"
	TooShort          = "its timeout is not longer than %s"
)

// Lacks says what a runbook does not have that every run needs; nil where it has all.
func (r Runbook) Lacks() []string {
	var why []string
	if len(r.Prechecks) == 0 {
		why = append(why, NoPrecheck)
	}
	if len(r.Steps) == 0 {
		why = append(why, NoStep)
	}
	if len(r.Postchecks) == 0 {
		why = append(why, NoPostcheck)
	}
	return why
}

// Misuse is one way in which a runbook uses an action that no run would.
type Misuse struct {
	Message  string
	Argument string // the one it is about; empty: the action itself
	Missing  bool   // the argument is not given
}

// Misuses says what is wrong with how an action is used in a runbook for a type,
// whatever a request says.
func (u Use) Misuses(a ActionFacts, t Type) []Misuse {
	var list []Misuse
	if u.ReadOnly && a.Changes {
		list = append(list, Misuse{Message: fmt.Sprintf("%s uses %s, which changes something", u.Where, u.Uses)})
	}
	if a.Lossy && t != Failover {
		list = append(list, Misuse{Message: fmt.Sprintf("%s uses %s, which may give up data; only a failover may (SI-25)", u.Where, u.Uses)})
	}
	for _, name := range a.Required {
		if _, given := u.With[name]; !given {
			list = append(list, Misuse{Message: fmt.Sprintf("%s uses %s without its argument %q", u.Where, u.Uses, name), Argument: name, Missing: true})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.With)) {
		if !slices.Contains(a.Parameters, name) {
			list = append(list, Misuse{Message: fmt.Sprintf("%s: %s has no argument %q", u.Where, u.Uses, name), Argument: name})
		}
	}
	return list
}

// Unanswerable says what of an operation nobody can ask while it is made as a check, or
// as the probe of a step; empty where it can be asked. A check by a person is asked of
// that person, a probe is not.
func (o Operation) Unanswerable(probe bool) string {
	if o.Wait != nil || probe && (o.Manual != nil || o.Approval != nil) {
		return strings.Join(o.Kinds(), ", ")
	}
	return ""
}

// Unproven reports whether taking a step back could never be known to have worked:
// nothing would tell whether its effect holds any more.
func (s Step) Unproven() bool {
	return s.Undo != nil && s.Done == nil && s.Undo.Uses == "" && s.Undo.Manual == nil && s.Undo.Approval == nil
}

// StepTimeout is how long a step without a person in it may take.
func StepTimeout(s Step) time.Duration { return timeout(s.Timeout, Limits{}.filled().Step) }

// StepFacts lists what a step returns that is no action of a platform: ${steps.ID.NAME}.
// Of a program nobody can tell before it has run.
func StepFacts(o Operation) (names []string, known bool) {
	switch {
	case o.Uses != "", o.Command != nil:
		return nil, false
	case o.Manual != nil, o.Approval != nil:
		return []string{"evidence", "at"}, true
	case o.HTTP != nil:
		return []string{"status"}, true
	case o.SQL != nil:
		return []string{"rows"}, true
	default:
		return nil, true
	}
}
