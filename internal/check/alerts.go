package check

import (
	"maps"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Alerts is the state of a target's alert episodes: one per reason code, and one
// for visibility. It is kept from run to run.
type Alerts struct {
	Status   readiness.Status            `json:"status"`
	Judged   bool                        `json:"judged"` // Status is of an earlier run, not the zero value
	Episodes map[readiness.Code]*Episode `json:"episodes,omitempty"`
	Unseen   *Episode                    `json:"unseen,omitempty"`
}

// Episode is one lasting breach: it is raised once, reminded of, and cleared
// once.
type Episode struct {
	Since    time.Time        `json:"since"`   // first sample of the breach
	Samples  int              `json:"samples"` // samples that showed it
	Status   readiness.Status `json:"status"`
	Raised   time.Time        `json:"raised,omitzero"`
	Reminded time.Time        `json:"reminded,omitzero"`
	Message  string           `json:"message,omitempty"`
}

// minSamples is how many samples an alert needs, however long they are apart.
const minSamples = 2

// advance works out what one new result changes. It is pure. Unknown samples
// neither reset an episode nor prove a clear.
func advance(prior Alerts, r readiness.Result, j *rules.Judge, now time.Time) (Alerts, []Transition) {
	next := Alerts{Status: r.Status, Judged: true, Episodes: map[readiness.Code]*Episode{}}
	for code, e := range prior.Episodes {
		copied := *e
		next.Episodes[code] = &copied
	}
	if prior.Unseen != nil {
		copied := *prior.Unseen
		next.Unseen = &copied
	}
	a := &alerting{target: r.Name, now: now, judge: j, from: prior.Status, to: r.Status}
	if prior.Judged && prior.Status != r.Status {
		a.emit(Changed, "", firstMessage(r), now)
	}
	breaches, unseen := sortReasons(r)
	a.visibility(&next, unseen)
	a.breaches(&next, breaches, len(unseen) > 0 || hasUnknown(r))
	return next, a.transitions
}

func firstMessage(r readiness.Result) string {
	if len(r.Reasons) == 0 {
		return ""
	}
	return string(r.Reasons[0].Code) + ": " + r.Reasons[0].Message
}

func hasUnknown(r readiness.Result) bool {
	return slices.ContainsFunc(r.Reasons, func(x readiness.Reason) bool { return x.Status == readiness.Unknown })
}

// sortReasons splits a result's reasons into breaches, the worst of each code,
// and what cannot be seen.
func sortReasons(r readiness.Result) (breaches map[readiness.Code]readiness.Reason, unseen []readiness.Reason) {
	breaches = map[readiness.Code]readiness.Reason{}
	for _, x := range r.Reasons {
		switch {
		case rules.IsVisibility(x.Code):
			unseen = append(unseen, x)
		case x.Status == readiness.Red || x.Status == readiness.Yellow:
			if old, ok := breaches[x.Code]; !ok || x.Status.Worse(old.Status) {
				breaches[x.Code] = x
			}
		}
	}
	return breaches, unseen
}

type alerting struct {
	target      string
	now         time.Time
	judge       *rules.Judge
	from, to    readiness.Status
	transitions []Transition
}

func (a *alerting) emit(kind TransitionKind, code readiness.Code, message string, since time.Time) {
	a.transitions = append(a.transitions, Transition{Target: a.target, Kind: kind, From: a.from, To: a.to, Code: code, Message: message, Since: since, At: a.now})
}

// visibility has its own episode: it is alerted after the grace, whatever the
// breaches do.
func (a *alerting) visibility(next *Alerts, unseen []readiness.Reason) {
	if len(unseen) == 0 {
		if e := next.Unseen; e != nil {
			if !e.Raised.IsZero() {
				a.emit(VisibilityBack, "", "everything is seen again", e.Since)
			}
			next.Unseen = nil
		}
		return
	}
	if next.Unseen == nil {
		next.Unseen = &Episode{Since: a.now}
	}
	e := next.Unseen
	e.Samples++
	e.Status, e.Message = readiness.Worst(unseen[0].Status), unseen[0].Message
	a.raise(e, VisibilityLost, unseen[0], a.judge.VisibilityGrace)
}

func (a *alerting) breaches(next *Alerts, breaches map[readiness.Code]readiness.Reason, blind bool) {
	for _, code := range slices.Sorted(maps.Keys(breaches)) {
		reason := breaches[code]
		e := next.Episodes[code]
		if e == nil {
			e = &Episode{Since: a.now}
			next.Episodes[code] = e
		}
		e.Samples++
		e.Status, e.Message = reason.Status, reason.Message
		a.raise(e, Raised, reason, a.judge.AlertAfter(reason.Indicator))
	}
	for _, code := range slices.Sorted(maps.Keys(next.Episodes)) {
		if _, active := breaches[code]; active || blind {
			continue
		}
		if e := next.Episodes[code]; !e.Raised.IsZero() {
			a.emit(Cleared, code, e.Message, e.Since)
		}
		delete(next.Episodes, code)
	}
}

// raise alerts an episode once it has lasted long enough, and reminds of it.
func (a *alerting) raise(e *Episode, kind TransitionKind, reason readiness.Reason, after time.Duration) {
	switch {
	case e.Raised.IsZero():
		if a.now.Sub(e.Since) >= after && e.Samples >= minSamples {
			e.Raised, e.Reminded = a.now, a.now
			a.emit(kind, reason.Code, reason.Message, e.Since)
		}
	case a.now.Sub(e.Reminded) >= a.judge.ReminderEvery:
		e.Reminded = a.now
		a.emit(Reminder, reason.Code, reason.Message, e.Since)
	}
}
