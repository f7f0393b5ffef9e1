package mongodb

import (
	"cmp"
	"fmt"
	"time"
)

// position is a place in the oplog: an optime, {ts, t}. A larger timestamp of an
// older term is behind, not ahead: the term decides first.
type position struct {
	Term      int64  `json:"term"`
	Seconds   uint32 `json:"seconds"`
	Increment uint32 `json:"increment"`
}

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.Term, q.Term), cmp.Compare(p.Seconds, q.Seconds), cmp.Compare(p.Increment, q.Increment))
}

// reaches reports whether p is q or later; not known counts as no.
func (p *position) reaches(q *position) bool { return p != nil && q != nil && p.compare(*q) >= 0 }

// at is the position's time in whole seconds, by the clock of the primary that
// wrote it.
func (p position) at() time.Time { return time.Unix(int64(p.Seconds), 0).UTC() }

func (p position) String() string { return fmt.Sprintf("%d:%d:%d", p.Term, p.Seconds, p.Increment) }

// parsePosition reads what String writes.
func parsePosition(text string) *position {
	var p position
	if n, err := fmt.Sscanf(text, "%d:%d:%d", &p.Term, &p.Seconds, &p.Increment); n != 3 || err != nil || p.String() != text || p.Seconds == 0 {
		return nil
	}
	return &p
}
