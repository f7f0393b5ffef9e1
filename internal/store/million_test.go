package store

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const (
	millionTargets = 500
	millionPerRun  = 12_500
	millionRuns    = 1_000_000 / millionPerRun
)

var millionStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func millionReport(run int) check.Report {
	at := millionStart.Add(time.Duration(run) * 30 * time.Second)
	r := check.Report{RunID: fmt.Sprint(run), StartedAt: at.Add(-5 * time.Second), FinishedAt: at}
	for t := range millionTargets {
		result := readiness.Result{Name: fmt.Sprintf("pg/%03d", t), Kind: readiness.KindResource, EvaluatedAt: at}
		for i := range millionPerRun / millionTargets {
			result.Indicators = append(result.Indicators, readiness.IndicatorResult{Observation: readiness.Observation{
				Endpoint: "dr1", Indicator: readiness.ID(fmt.Sprintf("indicator_%02d", i)),
				Value: readiness.Num(float64(run*i) + 0.25), CollectedAt: at,
			}})
		}
		r.Results = append(r.Results, result)
	}
	return r
}

// BenchmarkMillionSamples records a million samples by the store's own path,
// 12,500 at a time, and compares with bare loops over the driver that write the
// same numbers with one prepared statement in transactions of the same size: into
// a table without any index, and into one with an index that finds a series.
//
// The ratios are of whole times; below 1 the store is faster. The store does more:
// it takes reports apart, finds the ids of series, and writes a run and 500
// verdicts with each 12,500 samples. It does not write the newest verdicts as
// JSON here, which is no part of a sample's way; BenchmarkSave has everything.
func BenchmarkMillionSamples(b *testing.B) {
	reports := make([]check.Report, millionRuns)
	for run := range reports {
		reports[run] = millionReport(run)
	}
	var stored, heap, indexed time.Duration
	for b.Loop() {
		stored += millionStored(b, reports)
		heap += millionBare(b, `CREATE TABLE sample (at INTEGER NOT NULL, series INTEGER NOT NULL, value REAL NOT NULL)`)
		indexed += millionBare(b, `CREATE TABLE sample (at INTEGER NOT NULL, series INTEGER NOT NULL, value REAL NOT NULL);
			CREATE INDEX sample_by_series ON sample (series, at, value)`)
	}
	b.ReportMetric(stored.Seconds()/float64(b.N), "s/million")
	b.ReportMetric(stored.Seconds()/heap.Seconds(), "x-bare")
	b.ReportMetric(stored.Seconds()/indexed.Seconds(), "x-bare-indexed")
}

func millionStored(b *testing.B, reports []check.Report) time.Duration {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "history.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer expectClose(b, db)
	began := time.Now()
	for _, r := range reports {
		rec, err := recordOf(r, false)
		if err != nil {
			b.Fatal(err)
		}
		docs := make([]document, len(rec.verdicts))
		for i, v := range rec.verdicts {
			docs[i].target = v.result.Name
		}
		if err := db.write(b.Context(), func(tx *sql.Tx) error { return db.save(b.Context(), tx, rec, docs) }); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began)
	var n int
	if err := db.pool.QueryRowContext(b.Context(), `SELECT count(*) FROM sample`).Scan(&n); err != nil || n != millionRuns*millionPerRun {
		b.Fatalf("%d samples were recorded, want %d (%v)", n, millionRuns*millionPerRun, err)
	}
	return took
}

func expectClose(tb testing.TB, c io.Closer) {
	if err := c.Close(); err != nil {
		tb.Error(err)
	}
}

func millionBare(b *testing.B, schema string) time.Duration {
	path := filepath.Join(b.TempDir(), "bare.db")
	if err := create(path); err != nil {
		b.Fatal(err)
	}
	pool, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		b.Fatal(err)
	}
	defer expectClose(b, pool)
	if _, err := pool.ExecContext(b.Context(), schema); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for run := range millionRuns {
		if err := bareRun(b.Context(), pool, run); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func bareRun(ctx context.Context, pool *sql.DB, run int) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	insert, err := tx.PrepareContext(ctx, `INSERT INTO sample (at, series, value) VALUES (?, ?, ?)`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }() // its transaction is over by then
	at := millionStart.Add(time.Duration(run) * 30 * time.Second).UnixMilli()
	for series := range millionPerRun {
		if _, err := insert.ExecContext(ctx, at, series, float64(run*series)+0.25); err != nil {
			return err
		}
	}
	return tx.Commit()
}
