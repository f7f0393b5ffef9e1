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

// Episode is one lasting breach: it is raised once, once more if it turned worse
// and stayed so, reminded of, and cleared once.
type Episode struct {
	Since    time.Time        `json:"since"`   // first sample of the breach
	Samples  int              `json:"samples"` // samples that showed it
	Status   readiness.Status `json:"status"`
	Raised   time.Time        `json:"raised,omitzero"`
	RaisedAs readiness.Status `json:"raisedAs,omitzero"` // Status when it was last raised
	Reminded time.Time        `json:"reminded,omitzero"`
	Message  string           `json:"message,omitempty"`

	// Worse is when samples began that are worse than RaisedAs.
	Worse time.Time `json:"worse,omitzero"`

	// Series is where the breach was seen. While one of them cannot be read, the
	// episode does not end.
	Series []series `json:"series,omitempty"`
}

// minSamples is how many samples an alert needs, however long they are apart.
const minSamples = 2

// advance works out what one new result changes. It is pure. Unknown samples
// neither reset an episode nor prove a clear.
func advance(prior Alerts, r readiness.Result, j *rules.Judge, now time.Time) (Alerts, []Transition) {
	next := Alerts{Status: r.Status, Judged: true, Episodes: map[readiness.Code]*Episode{}}
	for code, e := range prior.Episodes {
		if e != nil {
			next.Episodes[code] = e.clone()
		}
	}
	if prior.Unseen != nil {
		next.Unseen = prior.Unseen.clone()
	}
	a := &alerting{target: r.Name, now: now, judge: j, from: prior.Status, to: r.Status}
	if prior.Judged && prior.Status != r.Status {
		a.emit(Changed, "", firstMessage(r), now)
	}
	s := sampleOf(r)
	a.visibility(&next, s.unseen)
	a.breaches(&next, s)
	return next, a.transitions
}

func (e *Episode) clone() *Episode {
	copied := *e
	copied.Series = slices.Clone(e.Series)
	return &copied
}

func firstMessage(r readiness.Result) string {
	if len(r.Reasons) == 0 {
		return ""
	}
	return string(r.Reasons[0].Code) + ": " + r.Reasons[0].Message
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
	a.sample(e, unseen[0])
	a.raise(e, VisibilityLost, unseen[0], a.judge.VisibilityGrace)
}

func (a *alerting) breaches(next *Alerts, s sample) {
	for _, code := range slices.Sorted(maps.Keys(s.breaches)) {
		reasons := s.breaches[code]
		e := next.Episodes[code]
		if e == nil {
			e = &Episode{Since: a.now}
			next.Episodes[code] = e
		}
		a.sample(e, reasons...)
		after := a.judge.AlertAfter(reasons[0].Indicator)
		a.raise(e, Raised, reasons[0], after)
		a.worsen(e, reasons[0], after)
	}
	for _, code := range slices.Sorted(maps.Keys(next.Episodes)) {
		e := next.Episodes[code]
		if _, active := s.breaches[code]; active || !s.over(code, e) {
			continue
		}
		if !e.Raised.IsZero() {
			a.emit(Cleared, code, e.Message, e.Since)
		}
		delete(next.Episodes, code)
	}
}

// sample adds one sample to an episode; its reasons are sorted worst first.
func (a *alerting) sample(e *Episode, reasons ...readiness.Reason) {
	// A clock that was set back must not keep an alert waiting until it is where it
	// was.
	if e.Since.After(a.now) {
		e.Since = a.now
	}
	if e.Reminded.After(a.now) {
		e.Reminded = a.now
	}
	if e.Worse.After(a.now) {
		e.Worse = a.now
	}
	e.Samples++
	e.Status, e.Message = reasons[0].Status, reasons[0].Message
	for _, r := range reasons {
		if s := (series{r.Endpoint, r.Indicator}); !slices.Contains(e.Series, s) {
			e.Series = append(e.Series, s)
		}
	}
}

// raise alerts an episode once it has lasted long enough, and reminds of it.
func (a *alerting) raise(e *Episode, kind TransitionKind, reason readiness.Reason, after time.Duration) {
	switch {
	case e.Raised.IsZero():
		if a.now.Sub(e.Since) >= after && e.Samples >= minSamples {
			e.Raised, e.RaisedAs, e.Reminded = a.now, e.Status, a.now
			a.emit(kind, reason.Code, reason.Message, e.Since)
		}
	case a.now.Sub(e.Reminded) >= a.judge.ReminderEvery:
		e.Reminded = a.now
		a.emit(Reminder, reason.Code, reason.Message, e.Since)
	}
}

// worsen raises an episode again when it was raised as something milder: who is
// told of red only was not told yet.
func (a *alerting) worsen(e *Episode, reason readiness.Reason, after time.Duration) {
	switch {
	case e.Raised.IsZero() || !e.Status.Worse(e.RaisedAs):
		e.Worse = time.Time{}
	case e.Worse.IsZero():
		e.Worse = a.now
	case a.now.Sub(e.Worse) >= after:
		e.RaisedAs, e.Reminded, e.Worse = e.Status, a.now, time.Time{}
		a.emit(Raised, reason.Code, reason.Message, e.Since)
	}
}
