package failover

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Names in PHASE_NAME, as the documentation of REPLICATION_GROUP_REFRESH_HISTORY
// lists them. Every other one means that the refresh runs.
const (
	completed = "COMPLETED"
	failed    = "FAILED"
	canceled  = "CANCELED"
	cancelled = "CANCELLED" // not documented, and no other meaning
)

func (r *Refresh) phase() string { return strings.ToUpper(strings.TrimSpace(r.Phase)) }

func (r *Refresh) completed() bool { return r.phase() == completed }

func (r *Refresh) canceled() bool { return r.phase() == canceled || r.phase() == cancelled }

// over reports whether a refresh has ended. FAILED belongs to it, although the
// query that the documentation shows for running refreshes leaves it out.
func (r *Refresh) over() bool { return r.completed() || r.phase() == failed || r.canceled() }

// usualOf is how many refreshes the usual length is taken from.
const usualOf = 10

// inOrder are the refreshes of a history, newest first, with what is wrong with
// rows that cannot be placed.
func (h *History) inOrder(where string) ([]*Refresh, []readiness.Finding) {
	var list []*Refresh
	var findings []readiness.Finding
	for i := range h.Refreshes {
		r := &h.Refreshes[i]
		switch {
		case r.Start == nil:
			findings = append(findings, finding(readiness.ValueInvalid, "a refresh of %s has no start", where))
		case r.Start.After(h.Clock.Add(readiness.SkewTolerance)):
			findings = append(findings, finding(readiness.ValueInvalid, "a refresh of %s started at %s, in the future of the account", where, when(*r.Start)))
		case r.phase() == "":
			findings = append(findings, finding(readiness.ValueInvalid, "the refresh of %s that started at %s has no phase", where, when(*r.Start)))
		default:
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b *Refresh) int { return cmp.Compare(b.Start.UnixNano(), a.Start.UnixNano()) })
	return list, findings
}

// newestSnapshot is the snapshot that the newest completed refresh brought that
// tells one. The end of a refresh says nothing: what it brought is as old as its
// snapshot, and the copy is what the last one made of it.
func (h *History) newestSnapshot(list []*Refresh, where string) (*time.Time, []readiness.Finding) {
	var newest *time.Time
	var findings []readiness.Finding
	latest := true
	for _, r := range list {
		if !r.completed() {
			continue
		}
		switch s := r.Snapshot; {
		case s == nil:
			if latest {
				findings = append(findings, finding(readiness.ValueInvalid, "the completed refresh of %s that started at %s tells no snapshot", where, when(*r.Start)))
			}
		case s.After(h.Clock.Add(readiness.SkewTolerance)):
			findings = append(findings, finding(readiness.ValueInvalid, "a snapshot of %s is of %s, in the future of the account", where, when(*s)))
		case newest != nil:
		case r.End != nil && !r.End.Before(*r.Start) && s.After(r.End.Add(readiness.SkewTolerance)):
			findings = append(findings, finding(readiness.ValueInvalid, "the refresh of %s that ended at %s brought a snapshot of %s, which is later", where, when(*r.End), when(*s)))
			newest = s
		default:
			newest = s
		}
		if latest && (r.Code != "" || r.Message != "") {
			findings = append(findings, finding(readiness.Conflict, "the refresh of %s that started at %s is shown as completed, and with error %s: %s", where, when(*r.Start), r.Code, brief(r.Message)))
		}
		latest = false
	}
	return newest, findings
}

// usualLength is the median of the newest completed refreshes; nil without any.
func usualLength(list []*Refresh) *time.Duration {
	var lengths []time.Duration
	for _, r := range list {
		if r.completed() && r.End != nil && !r.End.Before(*r.Start) && len(lengths) < usualOf {
			lengths = append(lengths, r.End.Sub(*r.Start))
		}
	}
	if len(lengths) == 0 {
		return nil
	}
	slices.Sort(lengths)
	return &lengths[len(lengths)/2]
}

// runningOf is the refresh that runs. One runs at a time, so a running one that
// is not the newest contradicts the others.
func runningOf(list []*Refresh, where string) (*Refresh, []readiness.Finding) {
	var findings []readiness.Finding
	for i, r := range list {
		if i > 0 && !r.over() {
			findings = append(findings, finding(readiness.Conflict, "the refresh of %s that started at %s is shown in %s, and a later one started at %s", where, when(*r.Start), r.phase(), when(*list[0].Start)))
			break
		}
	}
	if len(list) > 0 && !list[0].over() {
		return list[0], findings
	}
	return nil, findings
}

// since are the refreshes that ended otherwise than well after the last one that
// completed.
func sinceCompleted(list []*Refresh) (bad []*Refresh) {
	for _, r := range list {
		if r.completed() {
			break
		}
		if r.over() {
			bad = append(bad, r)
		}
	}
	return bad
}

// changes reports whether a phase is one in which the copy is being changed.
func changes(phase string) bool {
	phase = strings.ToUpper(phase)
	return strings.HasPrefix(phase, "SECONDARY_DOWNLOADING") || strings.HasPrefix(phase, "SECONDARY_COMMITTING")
}

// lookedInto is of how many refreshes that ended badly it is asked how far they had
// come.
const lookedInto = 3

// Unfinished are the jobs of the refreshes that ended otherwise than well after
// the last one that completed, newest first: of those it matters how far they had
// come.
func (h *History) Unfinished() []string {
	list, _ := h.inOrder("")
	var jobs []string
	for _, r := range sinceCompleted(list) {
		if r.Job != "" && len(jobs) < lookedInto {
			jobs = append(jobs, r.Job)
		}
	}
	return jobs
}
