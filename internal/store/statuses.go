package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// StatusSample is one verdict on a target, or several in a row that said the same.
//
// Where Covered is less than the time from At to ValidUntil, part of that time
// nobody knew: no verdict was valid then. Whatever lies between two samples is
// such time too, and is reported apart from good time.
type StatusSample struct {
	At         time.Time     // when the first of them was reached
	Last       time.Time     // when the last of them was reached
	ValidUntil time.Time     // when the last of them stopped being one; zero when it never was
	Covered    time.Duration // how much of that time one of them was valid
	Verdicts   int           // how many they are
	Status     readiness.Status
	Code       readiness.Code // of the reason that weighs most; empty when there is none
}

// Statuses returns the verdicts on a target between two times, oldest first. A
// sample is in the answer if part of it, from At to Last, is. A zero limit is
// none.
//
// Verdicts older than Retention.Raw are merged where they followed one another
// without a gap; past Retention.Buckets also where there were gaps, of which only
// the total is kept, as Covered.
func (db *DB) Statuses(ctx context.Context, target string, since, until time.Time) ([]StatusSample, error) {
	from, to := window(since, until)
	var spans []span
	err := db.read(ctx, "read the verdicts in", func(tx *sql.Tx) error {
		spans = nil
		add := func(rows *sql.Rows) error {
			s, err := scanSpan(rows)
			spans = append(spans, s)
			return err
		}
		space := namespace(db.replay)
		err := each(ctx, tx, `SELECT `+spanColumns+`
			FROM target t JOIN span s ON s.target = t.id
			WHERE t.replay = ? AND t.name = ? AND s.at <= ? AND s.last_at >= ?`,
			[]any{space, target, to, from}, add)
		if err != nil {
			return err
		}
		return each(ctx, tx, `SELECT `+verdictColumns+`
			FROM target t CROSS JOIN run r CROSS JOIN verdict v ON v.run = r.id AND v.target = t.id
			WHERE t.replay = ?1 AND t.name = ?2
				AND r.replay = ?1 AND r.rolled = 0 AND r.last_at >= ?3 AND r.first_at <= ?4
				AND v.at BETWEEN ?3 AND ?4`,
			[]any{space, target, from, to}, add)
	})
	slices.SortStableFunc(spans, span.compare)
	spans = fold(spans, never)
	statuses := make([]StatusSample, len(spans))
	for i, s := range spans {
		statuses[i] = s.sample()
	}
	return statuses, err
}

// Transitions returns what changed since a time, oldest first: of one target, or
// of all of them when target is empty. A zero time means as far back as is known.
func (db *DB) Transitions(ctx context.Context, target string, since time.Time) ([]check.Transition, error) {
	from, _ := window(since, time.Time{})
	var transitions []check.Transition
	err := db.read(ctx, "read the transitions in", func(tx *sql.Tx) error {
		transitions = nil
		return each(ctx, tx, `SELECT t.name, c.at, c.kind, c.from_status, c.to_status, c.code, c.message, c.since
			FROM target t JOIN transition c ON c.target = t.id
			WHERE t.replay = ?1 AND (?2 = '' OR t.name = ?2) AND c.at >= ?3 ORDER BY c.at, c.id`,
			[]any{namespace(db.replay), target, from}, func(rows *sql.Rows) error {
				var (
					c             check.Transition
					ms            int64
					before, after string
					code, message sql.NullString
					began         sql.NullInt64
				)
				err := rows.Scan(&c.Target, &ms, &c.Kind, &before, &after, &code, &message, &began)
				c.At, c.Since = at(ms), moment(began)
				c.From, c.To = statusOf(before), statusOf(after)
				c.Code, c.Message = readiness.Code(code.String), message.String
				transitions = append(transitions, c)
				return err
			})
	})
	return transitions, err
}
