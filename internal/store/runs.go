package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// RunInfo is what is kept about one run besides what it found.
type RunInfo struct {
	ID         string // the report's run id
	Bcctl      string // version of the program
	Commit     string // commit of the configuration
	StartedAt  time.Time
	FinishedAt time.Time
	Verdict    readiness.Status
	Counts     check.Counts
	Results    int // how many verdicts the run recorded
	Samples    int // how many numbers the run recorded
	Warnings   []string

	// Replay is set for a run that replayed recorded observations.
	Replay *check.Replay
}

// Query selects runs by when they finished, both limits included. A zero limit
// is none.
type Query struct {
	Since time.Time
	Until time.Time
	Limit int // at most so many, the newest; 0 means all
}

// Runs returns the runs selected, newest first.
func (db *DB) Runs(ctx context.Context, q Query) ([]RunInfo, error) {
	from, to := window(q.Since, q.Until)
	limit := q.Limit
	if limit <= 0 {
		limit = -1
	}
	var runs []RunInfo
	err := db.read(ctx, "read runs in", func(tx *sql.Tx) error {
		runs = nil
		return each(ctx, tx, `SELECT `+runColumns+` FROM run r
			WHERE r.replay = ? AND r.finished_at BETWEEN ? AND ?
			ORDER BY r.finished_at DESC, r.id DESC LIMIT ?`,
			[]any{namespace(db.replay), from, to, limit}, func(rows *sql.Rows) error {
				run, err := scanRun(rows)
				runs = append(runs, run)
				return err
			})
	})
	return runs, err
}

// runColumns are the columns that scanRun reads, of a run called r.
const runColumns = `r.run_id, r.bcctl, r.config_commit, r.started_at, r.finished_at, r.verdict,
	r.red, r.unknown, r.yellow, r.green, r.results, r.samples, r.warnings, r.replay, r.recorded_at`

// scanRun reads runColumns, after the columns that go to before.
func scanRun(rows *sql.Rows, before ...any) (RunInfo, error) {
	var (
		run                 RunInfo
		started, recordedAt sql.NullInt64
		finished            int64
		verdict             string
		warnings            []byte
		replay              bool
	)
	err := rows.Scan(append(before, &run.ID, &run.Bcctl, &run.Commit, &started, &finished, &verdict,
		&run.Counts.Red, &run.Counts.Unknown, &run.Counts.Yellow, &run.Counts.Green,
		&run.Results, &run.Samples, &warnings, &replay, &recordedAt)...)
	if err != nil {
		return RunInfo{}, err
	}
	run.StartedAt, run.FinishedAt = moment(started), at(finished)
	run.Verdict = statusOf(verdict)
	if replay {
		run.Replay = &check.Replay{RecordedAt: moment(recordedAt)}
	}
	if warnings != nil {
		err = json.Unmarshal(warnings, &run.Warnings)
	}
	return run, err
}

// statusOf reads a stored status. A name that this version does not know is
// Unknown, as everywhere.
func statusOf(name string) readiness.Status {
	var s readiness.Status
	// The method never returns an error: it reads what it does not know as Unknown.
	_ = s.UnmarshalText([]byte(name))
	return s
}
