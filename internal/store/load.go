package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Load implements check.Store. A target that no run left anything about is not in
// the answer.
func (db *DB) Load(ctx context.Context, targets []string) (map[string]check.Memory, error) {
	names, err := json.Marshal(targets)
	if err != nil {
		return nil, fmt.Errorf("load the state of targets: %w", err)
	}
	var (
		found []string
		rows  []memoryRow
	)
	err = db.read(ctx, "load the state of targets from", func(tx *sql.Tx) error {
		found, rows = nil, nil
		return each(ctx, tx, `SELECT t.name, m.saved_at, m.episodes, m.observations,
				m.last_in, CASE m.last_in WHEN 2 THEN l.result ELSE m.last END, m.known_good_in, m.known_good
			FROM target t JOIN memory m ON m.target = t.id LEFT JOIN latest l ON l.target = t.id
			WHERE t.replay = ? AND t.name IN (SELECT value FROM json_each(?))`,
			[]any{namespace(db.replay), names}, func(r *sql.Rows) error {
				var name string
				var m memoryRow
				err := r.Scan(&name, &m.savedAt, &m.episodes, &m.observations, &m.lastIn, &m.last, &m.knownGoodIn, &m.knownGood)
				found, rows = append(found, name), append(rows, m)
				return err
			})
	})
	if err != nil {
		return nil, err
	}
	decoded := make([]check.Memory, len(rows))
	err = inParallel(len(rows), func(i int) (err error) {
		if decoded[i], err = rows[i].decode(); err != nil {
			return fmt.Errorf("decode %q: %w", found[i], err)
		}
		return nil
	})
	if err != nil {
		return nil, db.explain("load the state of targets from", err)
	}
	memories := make(map[string]check.Memory, len(found))
	for i, name := range found {
		memories[name] = decoded[i]
	}
	return memories, nil
}

// Judgement is a verdict with the run that reached it.
type Judgement struct {
	Result readiness.Result
	Run    RunInfo
}

// Latest returns the newest verdict of each target named, in that order, or of
// every target, by name, when none is. A target without a verdict is not in the
// answer. The verdicts are as they were reached: a reader passes them through
// Result.At before showing or counting them.
func (db *DB) Latest(ctx context.Context, targets ...string) ([]Judgement, error) {
	names, err := json.Marshal(targets)
	if err != nil {
		return nil, fmt.Errorf("read the newest verdicts: %w", err)
	}
	var (
		found  []Judgement
		bodies [][]byte
	)
	err = db.read(ctx, "read the newest verdicts in", func(tx *sql.Tx) error {
		found, bodies = nil, nil
		return each(ctx, tx, `SELECT l.result, `+runColumns+`
			FROM target t JOIN latest l ON l.target = t.id JOIN run r ON r.id = l.run
				LEFT JOIN json_each(?) wanted ON wanted.value = t.name
			WHERE t.replay = ? AND (? OR wanted.value IS NOT NULL)
			ORDER BY wanted.key, t.name`,
			[]any{names, namespace(db.replay), len(targets) == 0}, func(rows *sql.Rows) error {
				var body []byte
				run, err := scanRun(rows, &body)
				found, bodies = append(found, Judgement{Run: run}), append(bodies, body)
				return err
			})
	})
	if err != nil {
		return nil, err
	}
	err = inParallel(len(found), func(i int) error { return json.Unmarshal(bodies[i], &found[i].Result) })
	if err != nil {
		return nil, db.explain("read the newest verdicts in", err)
	}
	return found, nil
}
