package approval

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// Fingerprint is the digest of what was read of the forge and of git. Two reads of an
// unchanged repository have the same one (APP-10). Times of reading, the ledger, the
// state of the ticket and comments that decide nothing are left out: they change by
// themselves, or by what bcctl writes between the two reads.
func (e Evidence) Fingerprint() runbook.Digest {
	e.ReadAt, e.ServerDate = time.Time{}, time.Time{}
	e.Ledger, e.Ticket, e.Offline = Ledger{}, TicketFact{}, nil
	e.Comments.Items = slices.DeleteFunc(slices.Clone(e.Comments.Items), func(c Comment) bool {
		return !strings.HasPrefix(strings.TrimSpace(c.Body), "/bcctl ") && len(c.Former.Items) == 0
	})
	sortItems(&e.Files.Items)
	sortItems(&e.Commits.Items)
	sortItems(&e.Reviews.Items)
	sortItems(&e.Dismissals.Items)
	sortItems(&e.Movements.Items)
	sortItems(&e.Timeline.Items)
	sortItems(&e.Comments.Items)
	sortItems(&e.Changes.Items)
	sortItems(&e.Policies.Items)
	sortItems(&e.Teams)
	sortItems(&e.Pins)
	text, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return "" // equal to no fingerprint
	}
	return runbook.FileDigest(text)
}

// sortItems orders a copy of a list by what its items say.
func sortItems[T any](list *[]T) {
	type item struct {
		value T
		text  []byte
	}
	items := make([]item, len(*list))
	for i, v := range *list {
		text, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			return // what cannot be written fails as a whole
		}
		items[i] = item{v, text}
	}
	slices.SortFunc(items, func(a, b item) int { return bytes.Compare(a.text, b.text) })
	sorted := make([]T, len(items))
	for i, it := range items {
		sorted[i] = it.value
	}
	*list = sorted
}
