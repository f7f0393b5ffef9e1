package logbook

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Verdicts turns a report into an entry for each group, and for each resource that
// is in no group of the report.
func Verdicts(report check.Report, by audit.Actor) []audit.Entry {
	grouped := map[string]bool{}
	for _, r := range report.Results {
		if r.Kind == readiness.KindGroup {
			for _, c := range r.Children {
				grouped[c.Name] = true
			}
		}
	}
	var entries []audit.Entry
	for _, r := range report.Results {
		if r.Kind != readiness.KindGroup && grouped[r.Name] {
			continue
		}
		entries = append(entries, verdict(r, report.Commit, by))
	}
	return entries
}

func verdict(r readiness.Result, commit string, by audit.Actor) audit.Entry {
	v := &audit.Verdict{Commit: commit, Kind: string(r.Kind), Status: r.Status.String(), Tier: int64(r.Tier), ObservedAt: at(r.ObservedAt), ValidUntil: at(r.ValidUntil)}
	if r.Kind == readiness.KindGroup {
		for _, c := range r.Children {
			v.Members = append(v.Members, audit.Member{Name: c.Name, Status: c.Status.String(), Reasons: codes(c.Reasons)})
		}
	}
	return audit.Entry{Type: audit.CheckResult, Action: "check", System: r.Name, Environment: r.Environment, Actor: &by, Verdict: v, Reasons: codes(r.Reasons)}
}

func at(t time.Time) audit.Time {
	if t.IsZero() {
		return audit.Time{}
	}
	return audit.At(t)
}

// codes are the reason codes of a verdict: never their messages, which hold texts
// of servers.
func codes(reasons []readiness.Reason) []string {
	var list []string
	for _, r := range reasons {
		list = append(list, string(r.Code))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Past is what a log says that a writer needs to know.
type Past struct {
	Verdicts    map[string]audit.Recorded // newest of each system
	Open        map[string]audit.Recorded // execution.intent of each run that has no end, by the run's id
	Emergencies map[string]audit.Recorded // breakglass.invoked, by the digest of the request

	Commit string        // up to which changes of the configuration are recorded
	Newest time.Time     // entry
	Quiet  time.Duration // after which something is to be written although nothing is new
}

// ReadPast reads a log. One that does not verify is an error.
func ReadPast(ctx context.Context, a audit.Archive, o audit.Options) (Past, audit.Report, error) {
	past := Past{Verdicts: map[string]audit.Recorded{}, Open: map[string]audit.Recorded{}, Emergencies: map[string]audit.Recorded{}}
	// What is not sealed has no order yet: an end may be read before its beginning.
	ended := map[string]bool{}
	o.Each = func(e audit.Recorded) error {
		switch {
		case e.Type == audit.CheckResult:
			if before, ok := past.Verdicts[e.System]; !ok || !e.Time.Before(before.Time.Time) {
				past.Verdicts[e.System] = e
			}
		case e.Type == audit.ConfigChange:
			past.Commit = e.Change.To
		case e.Type == audit.BreakGlassUsed && e.Request != nil:
			past.Emergencies[e.Request.Digest] = e
		case e.Type == audit.ExecutionIntent:
			past.Open[e.Run] = e
		case e.Type == audit.ExecutionOutcome:
			ended[e.Run] = true
			for _, x := range e.Evidence {
				ended[strings.TrimPrefix(x.Name, "run/")] = true
			}
		}
		return nil
	}
	report, err := audit.Verify(ctx, a, o)
	for run := range ended {
		delete(past.Open, run)
	}
	if err != nil || report.Trust == 0 {
		return past, report, err
	}
	text, err := a.Read(ctx, audit.TrustPath(report.Trust))
	if err != nil {
		return past, report, err
	}
	trust, err := audit.DecodeTrust(text)
	past.Newest, past.Quiet = report.Newest, time.Duration(trust.Limits.Heartbeat)*time.Second
	return past, report, err
}

// Heartbeat is the entry for a time in which nothing is new: a log that goes on
// tells that its newest entries were not cut off. Nil when the newest entry is
// recent enough.
func (p Past) Heartbeat(now time.Time, by audit.Actor) *audit.Entry {
	if now.Sub(p.Newest) < p.Quiet {
		return nil
	}
	return &audit.Entry{Type: audit.Heartbeat, Actor: &by}
}

// New leaves out the verdicts that say on the same day what was recorded before:
// the log has the first verdict of each day and every change.
func (p Past) New(entries []audit.Entry, now time.Time) []audit.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e audit.Entry) bool {
		before, ok := p.Verdicts[e.System]
		return ok && before.Verdict.Status == e.Verdict.Status && slices.Equal(before.Reasons, e.Reasons) &&
			before.Time.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly)
	})
}

// maxListed bounds the files an entry names.
const maxListed = 200

// Change is the entry about what changed in the configuration since the last one;
// nil when nothing did.
func Change(ctx context.Context, dir, from, to string, by audit.Actor) (*audit.Entry, error) {
	if to == "" || from == to {
		return nil, nil
	}
	c, err := git.Between(ctx, dir, from, to)
	if err != nil {
		return nil, err
	}
	change := &audit.Change{From: from, To: to, Commits: int64(c.Commits), Authors: notNil(c.Authors), Files: notNil(c.Files)}
	if extra := len(change.Files) - maxListed; extra > 0 {
		change.Files, change.Omitted = change.Files[:maxListed], int64(extra)
	}
	return &audit.Entry{Type: audit.ConfigChange, Actor: &by, Change: change}, nil
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
