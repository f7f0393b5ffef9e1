package verdict

import (
	"slices"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// LedgerOf says in the terms of the rules what records say about a request that
// touches keys. How an attempt that is not finished stands is not in the ledger: it is
// claimed, and a journal may know more.
func LedgerOf(records []ledger.Record, request string, keys []string) approval.Ledger {
	l := NoLedger()
	reviewed := map[string]bool{}
	for _, r := range records {
		if r.Kind == ledger.Reviewed {
			reviewed[r.Request] = true
		}
	}
	finished := ledger.Of(records, request).Finished
	last := 0
	for _, r := range records {
		switch r.Kind {
		case ledger.Seen:
			l.Paths.Items = append(l.Paths.Items, approval.SeenRequest{ID: r.Request, Path: r.Path, Digest: runbook.Digest(r.Digest)})
		case ledger.Confirmed:
			l.Comments.Items = append(l.Comments.Items, r.Comment)
		case ledger.Withdrawn:
			if r.Request == request {
				l.Withdrawn = approval.Yes
			}
		case ledger.Claimed:
			if r.Request == request {
				l.Attempts.Items = append(l.Attempts.Items, approval.Attempt{Number: r.Attempt, Digest: runbook.Digest(r.Digest), State: approval.AttemptClaimed, At: r.At})
				last = max(last, r.Attempt)
			}
		case ledger.Emergency:
			for _, person := range r.Persons {
				if !reviewed[r.Request] {
					l.OpenReviews.Items = append(l.OpenReviews.Items, approval.OpenReview{Request: r.Request, Requester: person, Due: r.Due})
				}
			}
		}
	}
	if finished != nil {
		for i := range l.Attempts.Items {
			if a := &l.Attempts.Items[i]; a.Number == last {
				a.State = endOf(finished.Result)
			}
		}
	}
	for _, r := range records {
		if r.Kind == ledger.Finished && r.Request != request && endOf(r.Result) == approval.AttemptDone {
			l.Ended = append(l.Ended, approval.EndedRequest{ID: r.Request, At: r.At})
		}
	}
	for _, r := range ledger.Unsettled(records, keys...) {
		if slices.Contains(l.Unreconciled.Items, r.Run) {
			continue // by another of its attempts
		}
		l.Unreconciled.Items = append(l.Unreconciled.Items, r.Run)
	}
	return l
}

// endOf is the state of an attempt that ended its request. A result in other words
// than ours is a failure that is final.
func endOf(result string) approval.AttemptState {
	switch s := approval.AttemptState(result); s {
	case approval.AttemptDone, approval.AttemptFailed, approval.AttemptAborted, approval.AttemptWithdrawn:
		return s
	case "succeeded":
		return approval.AttemptDone
	default:
		return approval.AttemptFailed
	}
}
