package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// thinSpans is how many spans one transaction thins.
const thinSpans = 5_000

// thin keeps of the spans that ended before a time only those where the verdict
// changed, the oldest first and as many as one transaction may take. It goes on
// where it stopped the last time, and reports whether there were any.
func thin(ctx context.Context, tx *sql.Tx, space, before int64) (bool, error) {
	key := fmt.Sprintf("thinned until %d", space)
	from, err := number(ctx, tx, key)
	if err != nil {
		return false, err
	}
	byTarget := make(map[int64][]span)
	err = each(ctx, tx, `SELECT `+spanColumns+` FROM span s JOIN target t ON t.id = s.target AND t.replay = ?
		WHERE s.last_at >= ? AND s.last_at < ? ORDER BY s.last_at LIMIT ?`,
		[]any{space, from, before, thinSpans}, func(rows *sql.Rows) error {
			s, err := scanSpan(rows)
			byTarget[s.target] = append(byTarget[s.target], s)
			from = max(from, s.lastAt+1)
			return err
		})
	if err != nil || len(byTarget) == 0 {
		return false, err
	}
	for _, spans := range byTarget {
		if err := thinTarget(ctx, tx, spans); err != nil {
			return false, fmt.Errorf("thin verdicts: %w", err)
		}
	}
	return true, setNumber(ctx, tx, key, from)
}

// thinTarget merges spans of one target with the one before them and with each
// other.
func thinTarget(ctx context.Context, tx *sql.Tx, spans []span) error {
	slices.SortFunc(spans, span.compare)
	err := each(ctx, tx, `SELECT `+spanColumns+` FROM span s WHERE s.target = ? AND s.at < ? ORDER BY s.at DESC LIMIT 1`,
		[]any{spans[0].target, spans[0].at}, func(rows *sql.Rows) error {
			s, err := scanSpan(rows)
			spans = slices.Insert(spans, 0, s)
			return err
		})
	if err != nil {
		return err
	}
	kept := fold(spans, sameVerdict)
	begins := make(map[int64]bool, len(kept))
	for _, s := range kept {
		begins[s.at] = true
	}
	for _, s := range spans {
		if begins[s.at] {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM span WHERE target = ? AND at = ?`, s.target, s.at); err != nil {
			return err
		}
	}
	return putSpans(ctx, tx, kept)
}
