package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Record turns the events of a run into signed entries of the audit log. It is the
// place off this machine that a journal is pushed to. An entry has codes, names,
// digests and times; texts of servers and programs stay in the journal.
type Record struct {
	Log  *logbook.Run
	Plan *runbook.Plan

	// By is who acts: the person who confirmed, once somebody has.
	By func() audit.Actor

	// Attempt is the one that this start makes.
	Attempt int

	// Evidence returns how the approvals were counted last, and what was read for it.
	Evidence func() (approval.Verdict, approval.Case)

	// Answers are what the forge answered when approvals were counted last, by their
	// digests; nil: none.
	Answers func() []audit.Evidence

	// Opened are earlier starts of the same run that have no end in the log; this one
	// ends them too.
	Opened []audit.Evidence

	// Answered is what persons said of steps since the run was last at work, and what of
	// that does not count. An earlier start may have read it and not come as far as here.
	Answered []runbook.Event

	// Due is when the review of an emergency is due, and Untold that somebody could not be
	// told of it before the first change (BG-03, BG-04).
	Due    time.Time
	Untold bool

	steps   []string      // of the whole plan, as the log counts them
	next    int64         // number of the first event that is not looked at yet
	waiting []audit.Entry // of events, and signed nowhere yet
	only    error         // why what is signed is on this machine only
	begun   bool
	undone  bool                     // it was taken back, and may begin anew
	ended   bool                     // by the event just looked at
	late    []audit.Entry            // results of an earlier start
	started map[string]runbook.Event // intents that have no result yet
	told    map[int64]bool           // numbers of events that wait in late, or did
	before  []audit.Marker
	after   []audit.Marker
}

var (
	_ journal.Sink = (*Record)(nil)
	_ beginner     = (*Record)(nil)
)

// ErrOnlyHere says that entries are signed and kept on this machine, and not in the
// log.
var ErrOnlyHere = errors.New("the record is on this machine only")

// Put implements journal.Sink. Nothing is recorded before the attempt is claimed:
// what was denied before is an entry of its own.
func (r *Record) Put(ctx context.Context, events []runbook.Event) error {
	put, _ := r.begin(ctx, events)
	return put(ctx)
}

// begin implements beginner: the log is looked at before anything is added to it, and that
// changes nothing.
func (r *Record) begin(ctx context.Context, events []runbook.Event) (put func(context.Context) error, leave func()) {
	r.take(events)
	if len(r.waiting) == 0 {
		return func(ctx context.Context) error {
			if r.only != nil {
				r.only = r.Log.Publish(ctx)
			}
			return r.here()
		}, func() {}
	}
	looking, cancel := context.WithCancel(ctx)
	look := r.Log.Look(looking)
	leave = func() {
		cancel()
		look.Wait()
	}
	return func(ctx context.Context) error {
		defer leave()
		receipt, err := r.Log.AppendAfter(ctx, look, r.waiting...)
		if err != nil {
			return err
		}
		r.waiting, r.only = nil, receipt.Trouble
		return r.here()
	}, leave
}

// take makes entries of events. An event becomes one once, however often it is put: what
// was signed and did not get through is kept, and what could not even be signed waits here.
func (r *Record) take(events []runbook.Event) {
	if r.steps == nil {
		r.steps, r.started, r.told = Steps(r.Plan), map[string]runbook.Event{}, map[int64]bool{}
	}
	for _, e := range events {
		if e.Seq < r.next {
			continue
		}
		r.next = e.Seq + 1
		r.look(e)
	}
}

// here says whether what is signed is on this machine only.
func (r *Record) here() error {
	if r.only != nil {
		return fmt.Errorf("%w: %w", ErrOnlyHere, r.only)
	}
	return nil
}

// look makes entries of an event.
func (r *Record) look(e runbook.Event) {
	r.markers(e)
	// The claim of an earlier start, which ended before it got here, begins nothing: this
	// start does.
	if e.Kind == runbook.Claimed && e.Attempt == r.Attempt {
		r.waiting = append(r.waiting, r.invoked()...)
		r.waiting = append(r.waiting, r.intent(e))
		for _, said := range r.Answered {
			if !r.told[said.Seq] {
				r.wait(said, r.entry(said))
			}
		}
		r.waiting = append(r.waiting, r.late...)
		r.late = nil
	}
	if made := r.entry(e); r.begun || r.ended {
		r.waiting = append(r.waiting, made...)
	} else {
		r.wait(e, made)
	}
	r.ended = false
}

// wait keeps the result of an earlier start, which could not bring it, for the intent of
// this one. An answer that is disputed was none.
func (r *Record) wait(e runbook.Event, made []audit.Entry) {
	if e.Kind == runbook.StepDisputed {
		r.late = slices.DeleteFunc(r.late, func(x audit.Entry) bool { return x.Step != nil && x.Step.Name == e.Member+"/"+e.Step && x.Actor != nil })
	}
	r.told[e.Seq] = true
	r.late = append(r.late, made...)
}

// invoked is the entry of an emergency, in the run that used it first: what was lifted, by
// whose wish, until when, and when the review is due.
func (r *Record) invoked() []audit.Entry {
	b := r.breakGlass()
	if b == nil {
		return nil
	}
	v, _ := r.Evidence()
	reasons := []string{"BG-01"}
	if r.Untold {
		reasons = append(reasons, "BG-03")
	}
	for _, f := range v.Relaxed {
		reasons = append(reasons, string(f.Rule))
	}
	request, _ := r.counted()
	return []audit.Entry{{Type: audit.BreakGlassUsed, Actor: r.by(), System: r.Plan.Target, Action: string(r.Plan.Type), Request: &request, BreakGlass: b,
		Reasons: slices.Compact(slices.Sorted(slices.Values(reasons)))}}
}

// breakGlass marks an entry of an emergency; nil in an ordinary run.
func (r *Record) breakGlass() *audit.BreakGlass {
	v, c := r.Evidence()
	if v.Emergency == nil || r.Due.IsZero() {
		return nil
	}
	return &audit.BreakGlass{By: AccountOf(c.Roster.Spec, v.Emergency.Requester), Code: v.Emergency.Incident, Expires: audit.At(v.Emergency.Until), Reason: v.Emergency.Reason, ReviewDue: audit.At(r.Due)}
}

// AccountOf is the number of a person's account, or the person where the roster has none.
func AccountOf(r approval.Roster, person string) string {
	for _, p := range r.People {
		if p.ID == person && len(p.GitHub) > 0 {
			return strconv.FormatInt(p.GitHub[0].ID, 10)
		}
	}
	return person
}

// Steps names every step of a plan, in order, as the log counts them.
func Steps(p *runbook.Plan) []string {
	var names []string
	for _, m := range p.Members() {
		for _, s := range m.Steps {
			names = append(names, m.Resource+"/"+s.ID)
		}
	}
	return names
}

// Denied records that a start was refused, with the numbers of the rules (AUD-06).
func (r *Record) Denied(ctx context.Context, rules []string) error {
	request, policy := r.counted()
	_, err := r.Log.Append(ctx, audit.Entry{Type: audit.RequestEvaluated, Actor: r.by(), System: r.Plan.Target, Action: string(r.Plan.Type), Request: &request, Policy: &policy,
		Outcome: audit.Refused, Reasons: slices.Compact(slices.Sorted(slices.Values(rules)))})
	return err
}

func (r *Record) by() *audit.Actor {
	who := r.By()
	return &who
}

// counted is the request and how its approvals were counted last.
func (r *Record) counted() (audit.Request, audit.Policy) {
	v, c := r.Evidence()
	read := c.Evidence
	request := audit.Request{Digest: bare(v.Digest), HeadSHA: read.Pull.Head.SHA, PR: int64(read.Pull.Number), URL: read.Pull.URL}
	if read.Pull.Author != nil {
		request.By = strconv.FormatInt(read.Pull.Author.ID, 10)
	}
	policy := audit.Policy{Rule: "bcctl-approval-v1", Satisfied: v.Allowed, Digest: bare(digestOf(read)), Required: []string{}, Approvals: []audit.Approval{}}
	for _, slot := range v.Slots {
		policy.Required = append(policy.Required, string(slot.Role))
		for _, review := range read.Reviews.Items {
			if slot.Review != strconv.FormatInt(review.ID, 10) && slot.Review != "review "+strconv.FormatInt(review.ID, 10) || review.User == nil {
				continue
			}
			policy.Approvals = append(policy.Approvals, audit.Approval{At: audit.At(review.SubmittedAt), CommitSHA: review.CommitID, ID: strconv.FormatInt(review.User.ID, 10),
				Login: review.User.Login, ReviewID: strconv.FormatInt(review.ID, 10), Role: string(slot.Role), State: string(review.State)})
		}
	}
	if read.Offline != nil {
		signed(&request, &policy, v, c)
	}
	slices.Sort(policy.Required)
	return request, policy
}

// signed lists statements where there are no reviews. People are named by their account,
// as online, where the roster has one.
func signed(request *audit.Request, policy *audit.Policy, v approval.Verdict, c approval.Case) {
	account := func(person string) string { return AccountOf(c.Roster.Spec, person) }
	request.By = account(c.Request.Spec.Requester)
	policy.Rule = "bcctl-approval-v1 offline"
	for _, slot := range v.Slots {
		for _, s := range v.Reviews {
			if s.ID == slot.Review && s.Counted {
				policy.Approvals = append(policy.Approvals, audit.Approval{At: audit.At(s.At), ID: account(s.Person), Login: s.Person, ReviewID: s.ID, Role: string(slot.Role), State: string(s.State)})
			}
		}
	}
}

// handed are the documents that counted instead of reviews, by their digests.
func handed(o *approval.OfflineEvidence) []audit.Evidence {
	if o == nil {
		return nil
	}
	list := []audit.Evidence{{Name: "trust-snapshot", SHA256: audit.SHA256(o.Snapshot)}}
	for _, s := range o.Statements {
		list = append(list, audit.Evidence{Name: "statement", SHA256: audit.SHA256(s.Statement)})
	}
	return list
}

func (r *Record) intent(e runbook.Event) audit.Entry {
	r.begun = true
	request, policy := r.counted()
	_, c := r.Evidence()
	read := handed(c.Evidence.Offline)
	if r.Answers != nil {
		read = append(read, r.Answers()...)
	}
	return audit.Entry{Type: audit.ExecutionIntent, Actor: r.by(), System: r.Plan.Target, Action: string(r.Plan.Type), Request: &request, Policy: &policy,
		Plan: &audit.Plan{Digest: bare(r.Plan.Digest), Steps: r.steps}, Reasons: reasons(e), Evidence: read, BreakGlass: r.breakGlass()}
}

func reasons(e runbook.Event) []string {
	if e.Code == "" {
		return nil
	}
	return []string{string(e.Code)}
}

func bare(d runbook.Digest) string { return strings.TrimPrefix(string(d), "sha256:") }

func digestOf(e approval.Evidence) runbook.Digest { return e.Fingerprint() }

// entry is what the log has of an event, if anything.
func (r *Record) entry(e runbook.Event) []audit.Entry {
	name := e.Member + "/" + e.Step
	switch e.Kind {
	case runbook.StepIntent:
		r.started[name] = e
	case runbook.StepOutcome, runbook.StepProbe, runbook.StepResolved, runbook.StepDisputed:
		// An outcome that is not known is no result: its probe, or a person, gives one.
		if e.Kind == runbook.StepOutcome && e.State == string(connectors.InDoubt) {
			return nil
		}
		at := slices.Index(r.steps, name)
		if at < 0 {
			return nil
		}
		status := e.State
		if e.Undo {
			status = "undo-" + status
		}
		step := audit.Step{Index: int64(at), Name: name, Status: status, Code: string(e.Code), Attempts: int64(e.Try), EndedAt: audit.At(e.At), StartedAt: audit.At(e.At)}
		if intent, ok := r.started[name]; ok {
			step.StartedAt, step.Mutating = audit.At(intent.At), intent.Mutates
		}
		made := audit.Entry{Type: audit.StepResult, Step: &step}
		switch e.Kind {
		case runbook.StepDisputed:
			made.Reasons = []string{"RUN-05"} // nobody settled it
		case runbook.StepResolved:
			_, c := r.Evidence()
			made.Actor = &audit.Actor{Kind: "human", ID: AccountOf(c.Roster.Spec, e.By), Login: e.By}
			if e.Said != nil {
				made.Resolution = &audit.Resolution{By: e.By, Reason: e.Message, Signature: e.Said.Signature, Statement: e.Said.Statement}
			}
		}
		return []audit.Entry{made}
	case runbook.RunFinished:
		// A start that was killed right after its end has left it to this one, which begins
		// nothing any more.
		if !r.begun && len(r.Opened) == 0 {
			return nil
		}
		return []audit.Entry{r.outcome(outcomeOf(e), e)}
	case runbook.Hold:
		if !r.begun {
			return nil
		}
		how := heldOutcome(e)
		if r.undone && how == audit.Failed {
			how = audit.RolledBack
		}
		return []audit.Entry{r.outcome(how, e)}
	case runbook.UndoEnded:
		r.undone = r.undone || e.Member == ""
	}
	return nil
}

// outcome ends this start of the run, and those before it that a kill left open.
func (r *Record) outcome(how audit.Outcome, e runbook.Event) audit.Entry {
	r.begun, r.ended = false, true
	return audit.Entry{Type: audit.ExecutionOutcome, Actor: r.by(), System: r.Plan.Target, Action: string(r.Plan.Type), Outcome: how, Reasons: reasons(e),
		Replication: &audit.Replication{Before: r.before, After: r.after}, Evidence: r.Opened}
}

func outcomeOf(e runbook.Event) audit.Outcome {
	switch runbook.Ending(e.State) {
	case runbook.Succeeded:
		return audit.Succeeded
	case runbook.Aborted:
		return audit.Aborted
	default:
		return audit.RolledBack
	}
}

// heldOutcome is how a start ended that goes on later.
func heldOutcome(e runbook.Event) audit.Outcome {
	switch e.Code {
	case runbook.CodeInDoubt:
		return audit.InDoubt
	case runbook.CodePrecheck, runbook.CodeDenied:
		return audit.Refused
	case runbook.CodeCanceled:
		return audit.Aborted
	default:
		return audit.Failed
	}
}

// markers keeps how far each node was before and after.
func (r *Record) markers(e runbook.Event) {
	if e.Kind != runbook.MarkersRead {
		return
	}
	for _, m := range e.Markers {
		if m.Position == "" {
			continue
		}
		marker := audit.Marker{Kind: m.Kind, LagMS: m.LagMillis, Node: m.Node, ObservedAt: audit.At(m.ObservedAt), Position: m.Position, Role: m.Role, System: e.Member}
		if e.State == "before" {
			r.before = append(r.before, marker)
		} else {
			r.after = append(r.after, marker)
		}
	}
}
