package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Sample is one point of a series: a single reading, or what is left of all
// readings in five minutes once they are older than Retention.Raw. There is no
// sample where nothing was read; a reader draws a gap there.
type Sample struct {
	At    time.Time // when Last was read; never a time at which nothing was
	Min   float64
	Max   float64
	Last  float64
	Count int           // how many readings it stands for
	Width time.Duration // length of time they come from: 0 for a single reading
}

// SeriesInfo names a series of a target.
type SeriesInfo struct {
	Endpoint  string
	Indicator readiness.ID
	Unit      readiness.Unit
}

// SeriesOf returns the series of numbers a target has, by endpoint and indicator.
// Their samples may all have been removed since.
func (db *DB) SeriesOf(ctx context.Context, target string) ([]SeriesInfo, error) {
	var series []SeriesInfo
	err := db.read(ctx, "read the series in", func(tx *sql.Tx) error {
		series = nil
		return each(ctx, tx, `SELECT s.endpoint, s.indicator, s.unit
			FROM target t JOIN series s ON s.target = t.id WHERE t.replay = ? AND t.name = ?
			ORDER BY s.endpoint, s.indicator`,
			[]any{namespace(db.replay), target}, func(rows *sql.Rows) error {
				var s SeriesInfo
				err := rows.Scan(&s.Endpoint, &s.Indicator, &s.Unit)
				series = append(series, s)
				return err
			})
	})
	return series, err
}

// Series returns the samples of one series, oldest first, both limits included. A
// zero limit is none; a series that was never recorded has no samples.
func (db *DB) Series(ctx context.Context, target, endpoint string, indicator readiness.ID, since, until time.Time) ([]Sample, error) {
	from, to := window(since, until)
	var samples []Sample
	err := db.read(ctx, "read a series in", func(tx *sql.Tx) error {
		samples = nil
		var id int64
		err := tx.QueryRowContext(ctx, `SELECT s.id FROM target t JOIN series s ON s.target = t.id
			WHERE t.replay = ? AND t.name = ? AND s.endpoint = ? AND s.indicator = ?`,
			namespace(db.replay), target, endpoint, string(indicator)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		add := func(rows *sql.Rows) error {
			s, err := scanSample(rows)
			samples = append(samples, s)
			return err
		}
		if err := db.buckets(ctx, tx, id, from, to, add); err != nil {
			return err
		}
		return db.readings(ctx, tx, id, from, to, add)
	})
	// A run saved late may lie before a bucket.
	slices.SortStableFunc(samples, func(a, b Sample) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Width, b.Width))
	})
	// A replay repeated shows the same readings again.
	return slices.Compact(samples), err
}

// readings finds single readings, with one seek for each run in the window.
func (db *DB) readings(ctx context.Context, tx *sql.Tx, series, from, to int64, add func(*sql.Rows) error) error {
	return each(ctx, tx, `SELECT r.first_at + s.after AS at, s.value, NULL, NULL, 1, 0
		FROM run r CROSS JOIN sample s ON s.run = r.id AND s.series = ?1
		WHERE r.replay = ?2 AND r.rolled = 0 AND r.last_at >= ?3 AND r.first_at <= ?4
			AND r.first_at + s.after BETWEEN ?3 AND ?4`,
		[]any{series, namespace(db.replay), from, to}, add)
}

// buckets finds condensed readings, with one seek for each slot in the window
// from the oldest to the newest there is.
func (db *DB) buckets(ctx context.Context, tx *sql.Tx, series, from, to int64, add func(*sql.Rows) error) error {
	return each(ctx, tx, `WITH RECURSIVE
		ends (oldest, newest) AS (SELECT
			(SELECT min(slot) FROM bucket WHERE replay = ?2),
			(SELECT max(slot) FROM bucket WHERE replay = ?2)),
		slots (slot, newest) AS (
			SELECT max(oldest, ?3 / ?5), min(newest, ?4 / ?5) FROM ends WHERE oldest IS NOT NULL
			UNION ALL SELECT slot + 1, newest FROM slots WHERE slot < newest)
		SELECT b.slot * ?5 + b.after AS at, b.last, b.low, b.high, b.count, ?5
		FROM slots CROSS JOIN bucket b ON b.replay = ?2 AND b.slot = slots.slot AND b.series = ?1
		WHERE b.slot * ?5 + b.after BETWEEN ?3 AND ?4`,
		[]any{series, namespace(db.replay), from, to, slotMillis}, add)
}

func scanSample(rows *sql.Rows) (Sample, error) {
	var (
		s         Sample
		ms, width int64
		low, high sql.NullFloat64
	)
	err := rows.Scan(&ms, &s.Last, &low, &high, &s.Count, &width)
	s.At, s.Width = at(ms), time.Duration(width)*time.Millisecond
	s.Min, s.Max = s.Last, s.Last
	if low.Valid {
		s.Min = low.Float64
	}
	if high.Valid {
		s.Max = high.Float64
	}
	return s, err
}
