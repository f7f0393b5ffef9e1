package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// rollSamples is how many samples one transaction condenses, give or take a run:
// another process that wants to save waits for that long.
const rollSamples = 100_000

// rollRuns bounds a transaction where runs have few samples.
const rollRuns = 200

// rawRun is a run whose rows are still as it wrote them.
type rawRun struct{ id, firstAt int64 }

// roll turns the oldest runs that ended before a time into buckets and spans, as
// many as one transaction may take. It reports whether there were any.
func roll(ctx context.Context, tx *sql.Tx, space, before int64) (bool, error) {
	var runs []rawRun
	var samples int64
	err := each(ctx, tx, `SELECT id, first_at, samples FROM run
		WHERE replay = ? AND rolled = 0 AND last_at < ? ORDER BY last_at, id LIMIT ?`,
		[]any{space, before, rollRuns}, func(rows *sql.Rows) error {
			var r rawRun
			var n int64
			if err := rows.Scan(&r.id, &r.firstAt, &n); err != nil {
				return err
			}
			if len(runs) == 0 || samples+n <= rollSamples {
				samples += n
				runs = append(runs, r)
			} else {
				samples = rollSamples // the rest waits, in order
			}
			return nil
		})
	if err != nil || len(runs) == 0 {
		return false, err
	}
	if err := rollIntoBuckets(ctx, tx, space, runs); err != nil {
		return false, fmt.Errorf("condense samples: %w", err)
	}
	if err := rollIntoSpans(ctx, tx, runs); err != nil {
		return false, fmt.Errorf("condense verdicts: %w", err)
	}
	for _, r := range runs {
		for _, statement := range []string{
			`DELETE FROM sample WHERE run = ?`,
			`DELETE FROM verdict WHERE run = ?`,
			`UPDATE run SET rolled = 1 WHERE id = ?`,
		} {
			if _, err := tx.ExecContext(ctx, statement, r.id); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

func rollIntoBuckets(ctx context.Context, tx *sql.Tx, space int64, runs []rawRun) error {
	var readings []reading
	for _, run := range runs {
		err := each(ctx, tx, `SELECT series, after, value FROM sample WHERE run = ?`, []any{run.id},
			func(rows *sql.Rows) error {
				var r reading
				err := rows.Scan(&r.series, &r.at, &r.value)
				r.at += run.firstAt
				readings = append(readings, r)
				return err
			})
		if err != nil {
			return err
		}
	}
	// A slot may have been begun by the runs before, and may be added to by a run
	// that was saved late.
	b := newBulk(tx, `INSERT INTO bucket (replay, slot, series, after, last, low, high, count) VALUES`,
		`ON CONFLICT (replay, slot, series) DO UPDATE SET
			low = min(coalesce(low, last), coalesce(excluded.low, excluded.last)),
			high = max(coalesce(high, last), coalesce(excluded.high, excluded.last)),
			last = CASE WHEN excluded.after >= after THEN excluded.last ELSE last END,
			after = max(after, excluded.after),
			count = count + excluded.count`, 8)
	buckets := condense(readings)
	var err error
	for i := 0; i < len(buckets) && err == nil; i++ {
		k := buckets[i]
		var low, high sql.NullFloat64
		if k.low != k.last || k.high != k.last {
			low, high = sql.NullFloat64{Float64: k.low, Valid: true}, sql.NullFloat64{Float64: k.high, Valid: true}
		}
		err = b.add(ctx, space, k.slot, k.series, k.after, k.last, low, high, k.count)
	}
	return b.flush(ctx, err)
}

func rollIntoSpans(ctx context.Context, tx *sql.Tx, runs []rawRun) error {
	byTarget := make(map[int64][]span)
	for _, run := range runs {
		err := each(ctx, tx, `SELECT `+verdictColumns+` FROM verdict v JOIN target t ON t.id = v.target WHERE v.run = ?`, []any{run.id},
			func(rows *sql.Rows) error {
				s, err := scanSpan(rows)
				byTarget[s.target] = append(byTarget[s.target], s)
				return err
			})
		if err != nil {
			return err
		}
	}
	for target, spans := range byTarget {
		head, err := newestSpan(ctx, tx, target)
		if err != nil {
			return err
		}
		slices.SortFunc(spans, span.compare)
		if head == nil {
			err = putSpans(ctx, tx, fold(spans, followsAtOnce))
		} else {
			// What lies before the newest span comes from a run saved late. It is
			// put beside what is there, which may stand for many verdicts.
			late := 0
			for late < len(spans) && spans[late].at < head.at {
				late++
			}
			err = errors.Join(
				addSpans(ctx, tx, fold(spans[:late], followsAtOnce)),
				putSpans(ctx, tx, fold(append([]span{*head}, spans[late:]...), followsAtOnce)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newestSpan returns nil when the target has none.
func newestSpan(ctx context.Context, tx *sql.Tx, target int64) (newest *span, err error) {
	err = each(ctx, tx, `SELECT `+spanColumns+` FROM span s WHERE s.target = ? ORDER BY s.at DESC LIMIT 1`,
		[]any{target}, func(rows *sql.Rows) error {
			s, err := scanSpan(rows)
			newest = &s
			return err
		})
	return newest, err
}

const insertSpan = `INSERT INTO span (target, at, last_at, valid_until, covered, verdicts, status, code) VALUES`

// putSpans writes spans over those that begin at the same time.
func putSpans(ctx context.Context, tx *sql.Tx, spans []span) error {
	return writeSpans(ctx, tx, spans, `ON CONFLICT (target, at) DO UPDATE SET last_at = excluded.last_at,
		valid_until = excluded.valid_until, covered = excluded.covered, verdicts = excluded.verdicts,
		status = excluded.status, code = excluded.code`)
}

// addSpans writes spans where none begins at the same time.
func addSpans(ctx context.Context, tx *sql.Tx, spans []span) error {
	return writeSpans(ctx, tx, spans, `ON CONFLICT (target, at) DO NOTHING`)
}

func writeSpans(ctx context.Context, tx *sql.Tx, spans []span, onConflict string) error {
	b := newBulk(tx, insertSpan, onConflict, 8)
	var err error
	for i := 0; i < len(spans) && err == nil; i++ {
		s := spans[i]
		err = b.add(ctx, s.target, s.at, s.lastAt, s.validUntil, s.covered, s.verdicts, s.status, s.code)
	}
	return b.flush(ctx, err)
}
