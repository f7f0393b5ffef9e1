package store

import (
	"cmp"
	"database/sql"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// span is one verdict or several in a row, in the units of the file.
type span struct {
	target     int64
	at, lastAt int64
	validUntil sql.NullInt64
	covered    int64
	verdicts   int64
	status     string
	code       sql.NullString
}

const (
	// spanColumns are the columns of a span called s that scanSpan reads.
	spanColumns = `s.target, s.at, s.last_at, s.valid_until, s.covered, s.verdicts, s.status, s.code`
	// verdictColumns make a span of one verdict called v.
	verdictColumns = `v.target, v.at, v.at, v.valid_until, max(0, coalesce(v.valid_until, v.at) - v.at), 1, v.status, v.code`
)

func scanSpan(rows *sql.Rows) (span, error) {
	var s span
	err := rows.Scan(&s.target, &s.at, &s.lastAt, &s.validUntil, &s.covered, &s.verdicts, &s.status, &s.code)
	return s, err
}

func (s span) sample() StatusSample {
	return StatusSample{
		At:         at(s.at),
		Last:       at(s.lastAt),
		ValidUntil: moment(s.validUntil),
		Covered:    time.Duration(s.covered) * time.Millisecond,
		Verdicts:   int(s.verdicts),
		Status:     statusOf(s.status),
		Code:       readiness.Code(s.code.String),
	}
}

// compare orders spans by target and time.
func (s span) compare(t span) int {
	return cmp.Or(cmp.Compare(s.target, t.target), cmp.Compare(s.at, t.at), cmp.Compare(s.lastAt, t.lastAt))
}

// end is when the last verdict of s stopped being one.
func (s span) end() int64 {
	if !s.validUntil.Valid {
		return s.lastAt
	}
	return max(s.lastAt, s.validUntil.Int64)
}

// fold merges each span into the one before it where that is allowed. The spans
// are of one target and in the order of time. Where two processes judged in the
// same millisecond and disagreed, the worse verdict is kept.
func fold(spans []span, mayMerge func(before, after span) bool) []span {
	var folded []span
	for _, s := range spans {
		if len(folded) == 0 {
			folded = append(folded, s)
			continue
		}
		before := &folded[len(folded)-1]
		switch {
		case sameVerdict(*before, s) && s.at <= before.lastAt && s.end() <= before.end():
			// The same verdict recorded twice, or reached by two processes at once.
		case s.at == before.at && !sameVerdict(*before, s):
			if statusOf(s.status).Worse(statusOf(before.status)) {
				*before = s
			}
		case mayMerge(*before, s):
			before.merge(s)
		default:
			folded = append(folded, s)
		}
	}
	return folded
}

// merge extends s by a later one. Time for which both were valid counts once.
func (s *span) merge(later span) {
	overlap := max(0, min(s.end(), later.end())-later.at)
	s.covered += later.covered - min(overlap, later.covered)
	s.lastAt = max(s.lastAt, later.lastAt)
	if later.validUntil.Valid && (!s.validUntil.Valid || later.validUntil.Int64 > s.validUntil.Int64) {
		s.validUntil = later.validUntil
	}
	s.verdicts += later.verdicts
}

// followsAtOnce allows a merge that hides nothing: the same verdict was reached
// again before the one before it ended. Nothing is known at all while the verdict
// is unknown, so there verdicts within one slot of each other count as one.
func followsAtOnce(before, after span) bool {
	if !sameVerdict(before, after) {
		return false
	}
	if before.status == readiness.Unknown.String() {
		return after.at <= max(before.end(), before.lastAt+slotMillis)
	}
	return after.at <= before.end() && before.end() > before.lastAt
}

// sameVerdict allows every merge that keeps the changes.
func sameVerdict(before, after span) bool {
	return before.status == after.status && before.code == after.code
}

// never allows no merge.
func never(_, _ span) bool { return false }
