package execute

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Reader reads what a decision needs: of the forge, or of a clone while the forge does
// not answer.
type Reader interface {
	Read(ctx context.Context, q verdict.Query) (verdict.Case, error)
}

// Guard asks the forge whether a request may run, each time anew. It implements
// runbook.Guard.
type Guard struct {
	Reader Reader
	Query  verdict.Query // pull request, path, checkout, and the comment that confirms
	Run    string        // id of the run

	// Plan is the digest of the plan as it was compiled just now; empty for a run that
	// goes on, whose plan is the one it began with.
	Plan runbook.Digest

	// Offline says that the forge is not asked: statements and the clone decide.
	Offline bool

	// Before is what the journal says of the attempts before this one.
	Before runbook.State

	// Type lets a person type the line at a terminal, after showing what will run; nil
	// where a comment confirms (CONF-08).
	Type func(ctx context.Context, line string, v approval.Verdict) (approval.TypedLine, string, error)

	typed   *approval.TypedLine
	claimed bool

	// Person is who confirmed, by the id of the roster; Case and Verdict are of the last
	// reading.
	Person  string
	Case    verdict.Case
	Verdict approval.Verdict
}

var _ runbook.Guard = (*Guard)(nil)

// Verify implements runbook.Guard.
func (g *Guard) Verify(ctx context.Context, c runbook.Circumstances) runbook.Ruling {
	mode := approval.ModeReview
	switch {
	case !g.confirmed() || c.Moment == runbook.BeforeNoReturn:
		// A confirmation counts for a start; what follows asks for everything else.
	case c.Moment != runbook.BeforeFirstChange, c.Passed:
		// Beyond the point of no return a run goes on after its request has expired
		// (RUN-06), which only the rules of a resumed one allow.
		mode = g.mode(c)
	}
	return g.decide(ctx, c, mode)
}

// frozen lets no run begin while a freeze of a calendar is for it, nor in the pause that
// one sets after a failover (SI-33). One that has changed something goes on: half a run
// would be worse. An emergency is begun all the same, which its journal says.
func (g *Guard) frozen(c runbook.Circumstances, r runbook.Ruling) runbook.Ruling {
	if c.Moment == runbook.BeforeNoReturn || c.Passed || g.Before.Changed() {
		return r
	}
	if g.Case.Repo == nil {
		return runbook.Ruling{Rules: []string{"SI-33"}, Message: "the calendars could not be read"}
	}
	why, until := Frozen(g.Case)
	switch {
	case why == "":
		return r
	case g.Case.Request.Spec.BreakGlass != nil:
		r.Message += "; begun in a freeze, as an emergency (SI-33): " + why
		return r
	}
	return runbook.Ruling{Rules: []string{"SI-33"}, Message: why + "; " + until}
}

// Frozen says which freezes and pauses of calendars keep a request from beginning now, and
// from when on it may, both for people; empty: none does. The case needs its repository.
func Frozen(k verdict.Case) (why, until string) {
	request := k.Request.Spec
	reasons, from := k.Repo.Frozen(k.Now, request.Type, k.Targets), k.Now
	for _, p := range k.Repo.Paused(k.Now, request.Type, k.Targets, k.Evidence.Ledger.Ended) {
		reasons = append(reasons, p.String())
		if p.Until.After(from) {
			from = p.Until
		}
	}
	if len(reasons) == 0 {
		return "", ""
	}
	until = "the request expires before that, at " + request.ExpiresAt.UTC().Format(time.RFC3339)
	if at, _, free := k.Repo.Thawed(from, request.ExpiresAt, request.Type, k.Targets); free {
		until = "it may begin from " + at.UTC().Format(time.RFC3339) + " on"
	}
	return strings.Join(reasons, "; "), until
}

// confirmed reports whether a confirmation is there already: a comment is before the
// start, what is typed comes after the first verification.
func (g *Guard) confirmed() bool { return g.Query.Confirmation != 0 || g.typed != nil }

// mode is the one in which an attempt starts. An attempt that changed nothing is made
// again; any other goes on.
func (g *Guard) mode(c runbook.Circumstances) approval.Mode {
	if c.Resumed && g.stopped() != approval.AttemptRefused && g.Before.Claims > 0 {
		return approval.ModeResume
	}
	return approval.ModeConfirm
}

func (g *Guard) stopped() approval.AttemptState { return stopped(g.Before) }

// stopped is how the attempt ended of which this is the journal: one that changed
// nothing was refused.
func stopped(s runbook.State) approval.AttemptState {
	if s.Changed() || s.Open != nil {
		return approval.AttemptStopped
	}
	return approval.AttemptRefused
}

// Known tells of attempts what only their journal knows: whether they changed anything,
// and whether they passed the point of no return. In the ledger they are claimed.
func Known(l *approval.Ledger, s runbook.State) {
	l.Attempts.Items = slices.Clone(l.Attempts.Items)
	for i := range l.Attempts.Items {
		if a := &l.Attempts.Items[i]; a.State == approval.AttemptClaimed && a.Number <= s.Claims {
			a.State, a.PastNoReturn = stopped(s), approval.FactOf(s.AnyPassed())
		}
	}
}

func (g *Guard) decide(ctx context.Context, c runbook.Circumstances, mode approval.Mode) runbook.Ruling {
	q := g.Query
	q.Mode, q.Attempt = mode, c.Attempt
	if mode == approval.ModeReview && !g.Offline {
		q.Attempt, q.Confirmation, q.Run = 0, 0, 0
	}
	if g.Offline {
		q.Mode = offlineModes[mode]
	}
	k, err := g.Reader.Read(ctx, q)
	if err != nil {
		return runbook.Ruling{Away: true, Message: err.Error()}
	}
	k.Plan = g.Plan
	if g.Offline {
		k.ToRun, k.Claimed = true, g.claimed
	}
	k.Evidence.Typed = nil
	if mode != approval.ModeReview {
		k.Evidence.Typed = g.typed
	}
	g.Case = k
	g.attempts(&g.Case.Evidence.Ledger, c.Attempt)
	if c.Moment == runbook.BeforeNoReturn && c.Passed {
		// Another member is past its own: what is asked about goes on with this attempt, whose
		// request may have expired since (RUN-06). Half a group is worse than late papers.
		l := &g.Case.Evidence.Ledger.Attempts
		l.Items = append(l.Items, approval.Attempt{Number: c.Attempt, Digest: g.digest(), State: approval.AttemptClaimed, At: g.Case.Now, PastNoReturn: approval.Yes})
	}
	v := approval.Verify(g.Case.Case)
	g.Verdict = v
	if v.Allowed {
		r := runbook.Ruling{Allowed: true, By: g.person(g.Case), Message: "digest " + string(v.Digest), Evidence: g.evidence()}
		return g.frozen(c, r)
	}
	r := runbook.Ruling{Message: v.Next}
	for _, d := range v.Denials {
		if !slices.Contains(r.Rules, string(d.Rule)) {
			r.Rules = append(r.Rules, string(d.Rule))
		}
	}
	if len(v.Denials) > 0 {
		r.Message = fmt.Sprintf("%s: %s", v.Denials[0].Rule, v.Denials[0].Message)
	}
	return r
}

// offlineModes are the modes in which a clone decides.
var offlineModes = map[approval.Mode]approval.Mode{
	approval.ModeReview: approval.ModeOfflineReview, approval.ModeConfirm: approval.ModeOffline, approval.ModeResume: approval.ModeOfflineResume,
}

// attempts tells the rules what only the journal knows of earlier attempts, and
// leaves out what this attempt itself has written.
func (g *Guard) attempts(l *approval.Ledger, attempt int) {
	if attempt == 0 {
		attempt = g.Before.NextAttempt()
	}
	l.Attempts.Items = slices.DeleteFunc(slices.Clone(l.Attempts.Items), func(a approval.Attempt) bool {
		return a.Number == attempt && a.State == approval.AttemptClaimed
	})
	if g.Offline { // what was claimed in the shared ledger is not known here; the journal has it
		for n := 1; n <= g.Before.Claims; n++ {
			if !slices.ContainsFunc(l.Attempts.Items, func(a approval.Attempt) bool { return a.Number == n }) {
				l.Attempts.Items = append(l.Attempts.Items, approval.Attempt{Number: n, Digest: g.digest(), State: approval.AttemptClaimed})
			}
		}
	}
	Known(l, g.Before)
	if g.claimed {
		l.Comments.Items = slices.DeleteFunc(slices.Clone(l.Comments.Items), func(id int64) bool { return id == g.Query.Confirmation })
	}
}

// digest is that of the request that was read last.
func (g *Guard) digest() runbook.Digest {
	e := g.Case.Evidence
	return runbook.RequestDigest(g.Case.RepositoryID, e.RequestPath, e.Request)
}

// Claimed says that this attempt is claimed: its comment is used, by itself.
func (g *Guard) Claimed() { g.claimed = true }

// person is who confirmed.
func (g *Guard) person(k verdict.Case) string {
	if g.Person != "" || k.Evidence.Confirmation == nil || k.Evidence.Confirmation.User == nil {
		return g.Person
	}
	for _, p := range k.Roster.Spec.People {
		for _, account := range p.GitHub {
			if account.ID == k.Evidence.Confirmation.User.ID {
				g.Person = p.ID
			}
		}
	}
	return g.Person
}

func (g *Guard) evidence() string {
	switch {
	case g.Query.Confirmation != 0:
		return fmt.Sprintf("comment %d", g.Query.Confirmation)
	case g.typed != nil:
		return "typed at a terminal, signed"
	default:
		return ""
	}
}

// Confirm implements runbook.Guard.
func (g *Guard) Confirm(ctx context.Context, c runbook.Circumstances) runbook.Ruling {
	if g.Query.Confirmation != 0 {
		if c.Back {
			return g.back(g.person(g.Case))
		}
		// It was part of the verification just made.
		return runbook.Ruling{Allowed: g.Person != "", By: g.Person, Evidence: g.evidence(), Message: "who confirmed is not on the roster"}
	}
	if g.Type == nil {
		return runbook.Ruling{Rules: []string{"CONF-01"}, Message: "nobody has confirmed"}
	}
	verb := approval.VerbExecute
	if g.mode(c) == approval.ModeResume {
		verb = approval.VerbResume
	}
	line := approval.ConfirmationLine(verb, g.Case.Request.Name, g.Case.Request.Spec, g.Verdict.Digest, c.Attempt)
	typed, person, err := g.Type(ctx, line, g.Verdict)
	if err != nil {
		return runbook.Ruling{Rules: []string{"CONF-08"}, Message: err.Error()}
	}
	g.typed, g.Person = &typed, person
	r := g.decide(ctx, c, g.mode(c))
	if c.Back && !r.Away {
		return g.back(person)
	}
	r.By, r.Evidence = person, g.evidence()
	return r
}

// back is the ruling about a start that only takes back what was done, of a request that
// may not run any more: the rules of confirmations hold, which are judged whatever else
// denies. To leave a source fenced because its request was withdrawn would do harm.
func (g *Guard) back(person string) runbook.Ruling {
	r := runbook.Ruling{Allowed: person != "", By: person, Evidence: g.evidence(), Message: "who confirmed is not on the roster"}
	for _, d := range g.Verdict.Denials {
		if strings.HasPrefix(string(d.Rule), "CONF-") {
			r.Allowed, r.Message = false, fmt.Sprintf("%s: %s", d.Rule, d.Message)
			r.Rules = append(r.Rules, string(d.Rule))
		}
	}
	return r
}
