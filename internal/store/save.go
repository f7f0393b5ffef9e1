package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/check"
)

// Save implements check.Store. A run that is saved again is recorded once; a
// different run with the same id is an error.
//
// Once an hour it also condenses and removes what is old, as Prune does but only
// a bounded part of it. That happens after the run is recorded and cannot undo
// it.
func (db *DB) Save(ctx context.Context, r check.Report, memories map[string]check.Memory) error {
	rec, err := recordOf(r, db.replay)
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	docs, err := encode(rec, memories)
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	if err := db.write(ctx, func(tx *sql.Tx) error { return db.save(ctx, tx, rec, docs) }); err != nil {
		return db.explain(fmt.Sprintf("save run %q in", r.RunID), err)
	}
	err = db.pruneAfterSave(ctx, r.FinishedAt, rec.replay)
	if ctx.Err() != nil || isBusy(err) {
		return nil // the run is recorded, and a later one will find the old rows still there
	}
	return db.explain("condense old runs in", err)
}

func (db *DB) save(ctx context.Context, tx *sql.Tx, rec record, docs []document) error {
	// A newer bcctl may have changed the schema since this process opened it.
	if _, err := fileVersion(ctx, tx); err != nil {
		return err
	}
	switch recorded, err := sameRun(ctx, tx, rec); {
	case err != nil:
		return err
	case recorded:
		return nil
	}
	space := namespace(rec.replay)
	names := &db.names[space]
	if err := names.resolve(ctx, tx, space, targetsOf(rec, docs), rec.samples); err != nil {
		return err
	}
	run, err := insertRun(ctx, tx, rec)
	if err != nil {
		return fmt.Errorf("add the run: %w", err)
	}
	if err := insertSamples(ctx, tx, names, run, rec); err != nil {
		return fmt.Errorf("add samples: %w", err)
	}
	if err := insertVerdicts(ctx, tx, names, run, rec); err != nil {
		return fmt.Errorf("add verdicts: %w", err)
	}
	if err := insertTransitions(ctx, tx, names, rec.report.Transitions); err != nil {
		return fmt.Errorf("add transitions: %w", err)
	}
	if err := saveDocuments(ctx, tx, names, run, rec.report.FinishedAt.UnixMilli(), docs); err != nil {
		return fmt.Errorf("replace what is newest: %w", err)
	}
	return nil
}

// sameRun reports whether exactly this run is recorded already.
func sameRun(ctx context.Context, tx *sql.Tx, rec record) (bool, error) {
	var started sql.NullInt64
	var finished int64
	err := tx.QueryRowContext(ctx, `SELECT started_at, finished_at FROM run WHERE replay = ? AND run_id = ?`,
		namespace(rec.replay), rec.report.RunID).Scan(&started, &finished)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for the run: %w", err)
	case started != millis(rec.report.StartedAt) || finished != rec.report.FinishedAt.UnixMilli():
		return false, fmt.Errorf("another run with this id finished at %s", at(finished).Format(time.RFC3339))
	}
	return true, nil
}

// targetsOf returns every name that needs an id. Samples belong to targets that
// have a verdict.
func targetsOf(rec record, docs []document) []string {
	names := make([]string, 0, len(docs)+len(rec.report.Transitions))
	for _, d := range docs {
		names = append(names, d.target)
	}
	for _, t := range rec.report.Transitions {
		names = append(names, t.Target)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func insertRun(ctx context.Context, tx *sql.Tx, rec record) (int64, error) {
	r := rec.report
	var recordedAt sql.NullInt64
	if r.Replay != nil {
		recordedAt = millis(r.Replay.RecordedAt)
	}
	var warnings []byte
	if len(r.Warnings) > 0 {
		var err error
		if warnings, err = json.Marshal(r.Warnings); err != nil {
			return 0, err
		}
	}
	added, err := tx.ExecContext(ctx, `INSERT INTO run (replay, run_id, bcctl, config_commit,
			started_at, finished_at, recorded_at, verdict, red, unknown, yellow, green,
			results, samples, first_at, last_at, warnings)
		VALUES (?, ?, ?, ?,  ?, ?, ?, ?, ?, ?, ?, ?,  ?, ?, ?, ?, ?)`,
		namespace(rec.replay), r.RunID, r.Bcctl, r.Commit,
		millis(r.StartedAt), r.FinishedAt.UnixMilli(), recordedAt, r.Verdict.String(),
		r.Counts.Red, r.Counts.Unknown, r.Counts.Yellow, r.Counts.Green,
		len(rec.verdicts), len(rec.samples), rec.firstAt, rec.lastAt, warnings)
	if err != nil {
		return 0, err
	}
	return added.LastInsertId()
}

// insertSamples appends the samples of one run in the order of the table's key.
func insertSamples(ctx context.Context, tx *sql.Tx, names *dictionary, run int64, rec record) error {
	type row struct {
		series, after int64
		value         float64
	}
	rows := make([]row, len(rec.samples))
	for i, s := range rec.samples {
		rows[i] = row{names.series[s.key].id, s.at - rec.firstAt, s.value}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.series, b.series) })

	b := newBulk(tx, `INSERT INTO sample (run, series, after, value) VALUES`, ``, 4)
	var err error
	for i := 0; i < len(rows) && err == nil; i++ {
		err = b.add(ctx, run, rows[i].series, rows[i].after, rows[i].value)
	}
	return b.flush(ctx, err)
}

func insertVerdicts(ctx context.Context, tx *sql.Tx, names *dictionary, run int64, rec record) error {
	ordered := slices.SortedFunc(slices.Values(rec.verdicts), func(a, b verdict) int {
		return cmp.Compare(names.targets[a.result.Name], names.targets[b.result.Name])
	})
	b := newBulk(tx, `INSERT INTO verdict (run, target, at, valid_until, status, code) VALUES`, ``, 6)
	var err error
	for i := 0; i < len(ordered) && err == nil; i++ {
		v := ordered[i]
		err = b.add(ctx, run, names.targets[v.result.Name], v.at, millis(v.result.ValidUntil),
			v.result.Status.String(), text(v.code))
	}
	return b.flush(ctx, err)
}

func insertTransitions(ctx context.Context, tx *sql.Tx, names *dictionary, transitions []check.Transition) error {
	b := newBulk(tx, `INSERT INTO transition (target, at, kind, from_status, to_status, code, message, since) VALUES`, ``, 8)
	var err error
	for i := 0; i < len(transitions) && err == nil; i++ {
		t := transitions[i]
		err = b.add(ctx, names.targets[t.Target], t.At.UnixMilli(), string(t.Kind),
			t.From.String(), t.To.String(), text(t.Code), text(t.Message), millis(t.Since))
	}
	return b.flush(ctx, err)
}
