package cli

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// runProgress shows how far a run is: a line per event that matters, and at a
// terminal one line that moves while a step runs.
type runProgress struct {
	a     *app
	plan  *runbook.Plan
	times func() string // how long it takes, should take and may take
	live  bool

	mu      sync.Mutex
	step    string
	since   time.Time
	limit   string
	next    string        // the command that goes on, should this process end now
	at      runbook.Event // the newest one that says how far the run is
	drawn   bool
	asking  bool // a person is typing at this terminal: no line moves there
	stopped chan struct{}
	once    sync.Once
}

func newRunProgress(a *app, p *runbook.Plan, times func() string) *runProgress {
	r := &runProgress{a: a, plan: p, times: times, live: a.profile(a.Stderr).TTY && !a.globals.quiet, stopped: make(chan struct{})}
	switch {
	case r.live:
		go r.tick(time.Second)
	case !a.globals.quiet:
		go r.tick(stillEvery)
	}
	return r
}

// stillEvery is how often the log of a job says that a step is still under way.
const stillEvery = 30 * time.Second

func (r *runProgress) stop() {
	r.once.Do(func() { close(r.stopped) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
}

func (r *runProgress) clear() {
	if r.drawn {
		fmt.Fprint(r.a.Stderr, "\r\x1b[K")
		r.drawn = false
	}
}

func (r *runProgress) tick(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-r.stopped:
			return
		case <-t.C:
		}
		r.mu.Lock()
		if r.step != "" {
			now := r.a.Now()
			still := fmt.Sprintf("%s  %s%s  %s", r.step, now.Sub(r.since).Round(time.Second), r.limit, r.times())
			switch {
			case r.live && r.asking:
			case r.live:
				fmt.Fprint(r.a.Stderr, "\r\x1b[K", still)
			default:
				fmt.Fprintf(r.a.Stderr, "%s still %s\n", now.Local().Format("15:04:05"), still)
			}
			r.drawn = r.live && !r.asking
		}
		r.mu.Unlock()
	}
}

// event is told every event of the journal.
func (r *runProgress) event(e runbook.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	where := e.Member
	if e.Step != "" {
		where += "/" + e.Step
	}
	if e.Undo {
		where = "taking back " + where
	}
	switch e.Kind {
	case runbook.PrecheckResult, runbook.StepIntent, runbook.PostcheckResult, runbook.SoakStarted, runbook.SoakEnded, runbook.UndoStarted, runbook.RunFinished:
		if e.Kind != runbook.PostcheckResult || r.at.Kind != runbook.SoakStarted {
			r.at = e
		}
	}
	say := func(format string, args ...any) {
		if !r.a.globals.quiet {
			fmt.Fprintf(r.a.Stderr, "%s %s\n", e.At.Local().Format("15:04:05"), fmt.Sprintf(format, args...))
		}
	}
	message := ""
	if e.Message != "" {
		message = ": " + term.Sanitize(e.Message)
	}
	switch e.Kind {
	case runbook.RunStarted:
		say("run %s of %s, attempt %d", e.Run, e.Begin.Request, e.Attempt)
	case runbook.RunResumed:
		say("run %s of %s goes on, attempt %d", e.Run, e.Begin.Request, e.Attempt)
	case runbook.Locked:
		say("locked %d keys", len(e.Fences))
	case runbook.PrecheckResult, runbook.PostcheckResult:
		if e.State != string(connectors.Passed) {
			say("%s %s %s%s", where, e.State, e.Code, message)
		} else {
			say("%s passed", where)
		}
	case runbook.StepIntent:
		r.step, r.since, r.limit = where, e.At, r.expected(e)
		say("%s ...%s  (%s)", where, r.limit, r.times())
	case runbook.StepOutcome, runbook.StepProbe, runbook.StepResolved:
		r.step = ""
		if e.State == string(connectors.Done) {
			say("%s done%s", where, message) // what a step that measures found is said nowhere else
		} else {
			say("%s %s %s%s", where, e.State, e.Code, message)
		}
	case runbook.PointOfNoReturn:
		say("%s: POINT OF NO RETURN ahead", e.Member)
	case runbook.AuditDegraded:
		say("the record is on this machine only%s", message)
	case runbook.AuditRestored:
		say("the record is off this machine again")
	case runbook.CancelRequested:
		say("asked to stop: %s%s", r.stops(), message)
	case runbook.UndoStarted:
		if e.State == string(runbook.Anew) {
			say("there is no way forward for now: taking back what was done%s", message)
		} else {
			say("there is no way forward: taking back what was done%s", message)
		}
	case runbook.UndoEnded:
		say("taken back: %s%s", cmp.Or(e.Member, "all"), term.Sanitize(e.Message))
	case runbook.StepRefused, runbook.StepDisputed, runbook.Hold:
		say("%s %s %s%s", e.Kind, where, e.Code, message)
	case runbook.SoakStarted:
		r.step, r.since, r.limit = "soak", e.At, " of "+e.Message
		say("soak of %s", e.Message)
	case runbook.SoakEnded:
		r.step = ""
	case runbook.RunFinished:
		say("finished: %s  (%s)", e.State, r.times())
	}
}

// asks keeps the moving line away while a person is asked, until the function that it
// returns is called.
func (r *runProgress) asks() func() {
	set := func(asking bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.clear()
		r.asking = asking
	}
	set(true)
	return func() { set(false) }
}

// goesOn is told which command goes on.
func (r *runProgress) goesOn(command string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = command
}

// expected says how long a step should take, where its runbook does.
func (r *runProgress) expected(e runbook.Event) string {
	for _, m := range r.plan.Members() {
		if m.Resource != e.Member {
			continue
		}
		for _, s := range m.Steps {
			if s.ID == e.Step && s.Expected != nil {
				return fmt.Sprintf(" of about %s", s.Expected)
			}
		}
	}
	return ""
}

// stops says where a run that was asked to stop does so, and what it does until then.
func (r *runProgress) stops() string {
	members := r.plan.Members()
	here := slices.IndexFunc(members, func(m runbook.MemberPlan) bool { return m.Resource == r.at.Member })
	switch {
	case r.at.Kind == runbook.UndoStarted || r.at.Undo:
		return "what was done is taken back first"
	case r.at.Kind == runbook.SoakStarted:
		return "the run stops in its soak"
	case r.at.Kind == runbook.SoakEnded || r.at.Kind == runbook.RunFinished:
		return "it is at its end, and goes on to it"
	case here < 0 || r.at.Kind == runbook.PrecheckResult:
		return "the run stops before its next step"
	case r.at.Kind == runbook.PostcheckResult && here+1 < len(members):
		return "the run stops after these checks, before " + members[here+1].Resource
	case r.at.Kind == runbook.PostcheckResult && !slices.ContainsFunc(members, func(m runbook.MemberPlan) bool { return m.Soak != "" }):
		return "no hold point is left: it goes on to its end"
	case r.at.Kind == runbook.PostcheckResult:
		return "the run stops after these checks, at its soak"
	}
	m := members[here]
	i := slices.IndexFunc(m.Steps, func(s runbook.Step) bool { return s.ID == r.at.Step })
	if i < 0 {
		return "the run stops before its next step"
	}
	var takes time.Duration
	for ; i < len(m.Steps); i++ {
		if s := m.Steps[i]; s.ID != r.at.Step && slices.Contains(m.HoldPoints, s.ID) {
			return "the run stops at the next hold point, before " + m.Resource + "/" + s.ID + about(takes)
		} else if s.Expected != nil {
			takes += s.Expected.Std()
		}
	}
	return "no hold point is left: the steps go on to the last one, " + m.Resource + "/" + m.Steps[len(m.Steps)-1].ID + ", then the run stops before it is checked" + about(takes)
}

// about is how long steps should take, where their runbook says so.
func about(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " (expected to take about " + d.String() + ")"
}

// signals says, at every further signal, why the process goes on.
func (r *runProgress) signals(from <-chan os.Signal, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case s := <-from:
			r.mu.Lock()
			r.clear()
			step := r.step
			if step == "" {
				step = "what is under way"
			}
			fmt.Fprintf(r.a.Stderr, "%v: waits for %s; %s. Should this process be ended before: %s\n", s, step, r.stops(), r.next)
			r.mu.Unlock()
		}
	}
}
