package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// VerdictSchema names the form of a Verdict in JSON.
const VerdictSchema = "bcctl-approval-verdict-v1"

// Defaults and limits of the rules.
const (
	defaultMaxAge    = 72 * time.Hour   // of approvals (APP-07)
	defaultWindow    = 72 * time.Hour   // of requests (BIND-06)
	maxSkew          = time.Minute      // between this machine and the server (BIND-06)
	maxEvidenceAge   = 5 * time.Minute  // what was read earlier is not what is (APP-10)
	confirmationAge  = 15 * time.Minute // CONF-04
	breakGlassAge    = time.Hour        // BG-02
	defaultReview    = 5                // working days, of a break-glass run (BG-04)
	statementAge     = 4 * time.Hour    // OFF-03
	maxRequestSize   = 64 << 10         // PR-03
	maxCommits       = 250              // PR-05
	maxFiles         = 3000             // PR-05
	maxReviews       = 1000             // PR-05
	regularFile      = "100644"         // PR-03
	executableFile   = "100755"         // a pinned script
	maxPatternLength = 1000
)

// Verify decides whether a request may run. It is a function of the case alone: no
// clock, no file, no network. All reasons against are collected, not the first. A
// case that says nothing is denied.
func Verify(c Case) Verdict {
	j := &judge{c: &c, e: &c.Evidence, excluded: map[string][]string{}, relax: map[RuleID]bool{}}
	j.v = Verdict{
		Schema: VerdictSchema, Mode: c.Mode, Request: c.Request.Name, At: c.Now,
		Action: c.Request.Spec.Type, Target: c.Request.Spec.Target, Site: c.Request.Spec.TargetSite,
	}
	j.now, j.then = indexPeople(c.Roster.Spec), indexPeople(c.RosterBefore.Spec)
	if j.unmerged() {
		j.then = j.now // merging now would make main's tip the first parent
	}

	j.mode()
	j.documents()
	j.policy()
	j.content()
	j.schedule()
	j.ledger()
	if j.offline() {
		j.offlineTrust()
	} else {
		j.forge()
		j.pull()
	}
	j.excludePeople()
	j.operator()
	j.approvals()
	j.confirmation()
	return j.finish()
}

// judge is the state of one verdict.
type judge struct {
	c *Case
	e *Evidence
	v Verdict

	now, then people // rosters at main's tip and before the merge
	excluded  map[string][]string
	relax     map[RuleID]bool // by the break-glass entry
	terms     terms
	snapshot  int64  // version of the trust snapshot that counts; 0: none
	confirmer string // person who confirms this attempt, if anybody does

	lastCounted  time.Time // of the approvals that fill slots
	firstCounted time.Time
	deadlines    []time.Time // when something that holds now no longer does
}

// terms is what the policy asks for.
type terms struct {
	found         bool
	slots         []Slot
	maxAge        time.Duration
	window        time.Duration
	digestLine    bool // mandatory
	offline       bool
	offlinePolicy *Offline
	grant         time.Duration // of break-glass; else zero
}

func (j *judge) request() *runbook.Request { return &j.c.Request.Spec }
func (j *judge) running() bool             { return j.c.Mode != ModeReview && j.c.Mode != ModeOfflineReview }
func (j *judge) starting() bool            { return j.c.Mode == ModeConfirm || j.c.Mode == ModeOffline }
func (j *judge) resuming() bool            { return j.c.Mode == ModeResume || j.c.Mode == ModeOfflineResume }
func (j *judge) offline() bool {
	return j.c.Mode == ModeOffline || j.c.Mode == ModeOfflineResume || j.c.Mode == ModeOfflineReview
}

// unmerged reports that nothing has been merged and nothing is to be run.
func (j *judge) unmerged() bool { return j.c.Mode == ModeReview && j.e.Pull.Merged == No }

// pastNoReturn reports that this goes on with an attempt that passed the point of no
// return: stopping half way would be worse than late papers (RUN-06).
func (j *judge) pastNoReturn() bool {
	a, ok := j.lastAttempt()
	return j.goesOn() && ok && a.PastNoReturn == Yes
}

// goesOn reports that what is asked about is a resume: it is one, or nothing is run on
// this verdict and the next thing to do would be one.
func (j *judge) goesOn() bool {
	return j.resuming() || !j.running() && j.unfinished()
}

// unfinished reports that the last attempt may be running, or stopped part way.
func (j *judge) unfinished() bool {
	a, ok := j.lastAttempt()
	return ok && (a.State == AttemptStopped || a.State == AttemptClaimed)
}

// afterMerge reports that something happened when it could no longer change what was
// merged.
func (j *judge) afterMerge(at time.Time) bool {
	return j.e.Pull.Merged == Yes && !j.e.Pull.MergedAt.IsZero() && at.After(j.e.Pull.MergedAt)
}

// deny notes that a rule does not hold. Break-glass may lift it.
func (j *judge) deny(rule RuleID, subject, message string) {
	f := Finding{rule, subject, message}
	if j.relax[rule] {
		j.v.Relaxed = append(j.v.Relaxed, f)
		return
	}
	j.v.Denials = append(j.v.Denials, f)
}

// hard notes a denial that nothing lifts. What could not be read is one: break-glass
// gives up people and waiting, not sight (SI-20, SI-38).
func (j *judge) hard(rule RuleID, subject, message string) {
	j.v.Denials = append(j.v.Denials, Finding{rule, subject, message})
}

func (j *judge) warn(rule RuleID, subject, message string) {
	j.v.Warnings = append(j.v.Warnings, Finding{rule, subject, message})
}

func (j *judge) until(t time.Time) { j.deadlines = append(j.deadlines, t) }

func (j *judge) mode() {
	switch j.c.Mode {
	case ModeReview, ModeConfirm, ModeResume, ModeOffline, ModeOfflineResume, ModeOfflineReview:
	default:
		j.hard("POL-06", "", fmt.Sprintf("mode %q is none that there is", j.c.Mode))
	}
	if j.c.Now.IsZero() {
		j.hard("BIND-06", "", "the time is not known")
	}
	if j.e.Schema != EvidenceSchema {
		j.hard("API-01", "", fmt.Sprintf("the evidence has the form %q, not %q", j.e.Schema, EvidenceSchema))
	}
	want := SourceGitHub
	if j.offline() {
		want = SourceOffline
	}
	if j.e.Source != want {
		j.hard("API-04", "", fmt.Sprintf("mode %s decides on evidence of %q, and this is of %q", j.c.Mode, want, j.e.Source))
	}
	if j.c.RepositoryID <= 0 {
		j.hard("PR-01", "", "the repository's numeric id is not configured; set github.repository-id")
	}
	for _, p := range j.c.Problems {
		j.hard(p.Rule, p.Subject, p.Message)
	}
}

// finish sorts, so that the order of what was read cannot be seen in the verdict.
func (j *judge) finish() Verdict {
	v := j.v
	v.Excluded = j.excludedList()
	v.Denials, v.Relaxed, v.Warnings = sortFindings(v.Denials), sortFindings(v.Relaxed), sortFindings(v.Warnings)
	slices.SortFunc(v.Reviews, func(a, b Counted) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Person, b.Person))
	})
	v.Allowed = len(v.Denials) == 0
	if v.Allowed && len(j.deadlines) > 0 {
		v.ValidUntil = slices.MinFunc(j.deadlines, time.Time.Compare)
	}
	if v.Digest != "" {
		if last, _ := j.lastAttempt(); j.running() {
			v.Confirm = j.line()
		} else if v.Allowed {
			v.Confirm = ConfirmationLine(j.verb(), v.Request, *j.request(), v.Digest, last.Number+1)
		}
	}
	v.Next = j.next(v)
	return v
}

func sortFindings(list []Finding) []Finding {
	slices.SortFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Rule.family(), b.Rule.family()), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(list)
}

// next says what to do now.
func (j *judge) next(v Verdict) string {
	id := v.Request
	has := func(rules ...RuleID) bool {
		return slices.ContainsFunc(v.Denials, func(f Finding) bool { return slices.Contains(rules, f.Rule) })
	}
	open := slices.ContainsFunc(v.Slots, func(s SlotFill) bool { return s.Person == "" })
	again := fmt.Sprintf("bcctl request new %s %s", j.request().Type, j.request().Target)
	if j.request().BreakGlass != nil {
		again += " --break-glass INCIDENT --break-glass-reason TEXT"
	}
	// An attempt that is half way is finished where its journal is, if it can be.
	half := j.c.Mode == ModeReview && j.unfinished()
	last, _ := j.lastAttempt()
	switch {
	case j.c.Mode == ModeOfflineReview && v.Allowed:
		return fmt.Sprintf("on a host that the policy names: bcctl execute %s --offline", j.e.RequestPath)
	case j.c.Mode == ModeOfflineReview && open:
		return fmt.Sprintf("ask one of those who may: bcctl approve %s --offline", j.e.RequestPath)
	case v.Allowed && j.c.Mode == ModeReview && v.At.Before(j.request().NotBefore):
		return "wait until " + stamp(j.request().NotBefore) + "; then run bcctl execute " + id + " at a terminal, or comment on the pull request, alone on one line: " + v.Confirm
	case v.Allowed && half && last.State == AttemptClaimed:
		return fmt.Sprintf("attempt %d was claimed and has not ended: it is running, or it was stopped. If it was stopped, run bcctl execute %s where it ran, or comment on the pull request, alone on one line: %s", last.Number, id, v.Confirm)
	case v.Allowed && half:
		return fmt.Sprintf("go on with attempt %d, which stopped part way: run bcctl execute %s where it ran, or comment on the pull request, alone on one line: %s", last.Number, id, v.Confirm)
	case v.Allowed && j.c.Mode == ModeReview:
		return "run bcctl execute " + id + " at a terminal, or comment on the pull request, alone on one line: " + v.Confirm
	case v.Allowed:
		return ""
	case half && last.PastNoReturn == "" && has("RUN-06", "BG-02", "RUN-03"):
		return fmt.Sprintf("where attempt %d ran, bcctl execute %s knows whether it passed the point of no return, and goes on then; if it did not, make a new request: %s", last.Number, id, again)
	case has("PR-03", "PR-07", "BIND-01", "BIND-02", "BIND-03", "SI-14", "RUN-02", "RUN-03"):
		return "this request cannot run any more; make a new one: " + again
	case has("BG-02", "BG-04") && j.v.BreakGlass:
		return "this request cannot run; when what is named allows it, make a new one: " + again
	case has("RUN-06"), has("BIND-06") && !j.request().ExpiresAt.IsZero() && !v.At.Before(j.request().ExpiresAt):
		return "this request is over; make a new one: " + again
	case j.unmerged() && open:
		return "ask one of those who may: bcctl approve " + id
	case j.unmerged() && len(v.Denials) == 1:
		return "merge the pull request"
	case open && !j.offline():
		return "approvals after the merge do not count; make a new request: " + again
	case has("CONF-01", "CONF-02", "CONF-04", "CONF-05") && v.Confirm != "":
		return "confirm once more, alone on one line: " + v.Confirm
	default:
		return "correct what is named, then look again: bcctl explain " + id
	}
}

func orDefault(d *duration.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return d.Std()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func zeros(sha string) bool { return sha != "" && strings.Trim(sha, "0") == "" }
