package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Two processes may judge the same target at the same time, and the one that
// finished first may be the one that saves last. What is newest is therefore
// decided by when runs finished. A row more than an hour ahead is not newer but
// from a clock that was wrong, and is replaced: otherwise the state of its target
// would stand still until that time comes.
const (
	saveLatest = `INSERT INTO latest (target, run, finished_at, result) VALUES (?, ?, ?, ?)
		ON CONFLICT (target) DO UPDATE SET run = excluded.run, finished_at = excluded.finished_at, result = excluded.result
		WHERE excluded.finished_at >= latest.finished_at OR latest.finished_at - excluded.finished_at > ?`

	saveMemory = `INSERT INTO memory (target, finished_at, saved_at, episodes, observations, last_in, last, known_good_in, known_good)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (target) DO UPDATE SET finished_at = excluded.finished_at, saved_at = excluded.saved_at,
			episodes = excluded.episodes, observations = excluded.observations, last_in = excluded.last_in,
			last = excluded.last, known_good_in = excluded.known_good_in, known_good = excluded.known_good
		WHERE excluded.finished_at >= memory.finished_at OR memory.finished_at - excluded.finished_at > ?`

	// keepLast is for a memory that shares its last verdict with latest, when a
	// run replaces the verdict and leaves the memory alone.
	keepLast = `UPDATE memory SET last_in = 1, last = (SELECT result FROM latest WHERE target = memory.target)
		WHERE target = ? AND last_in = 2`

	wrongClock = int64(time.Hour / time.Millisecond)
)

// saveDocuments replaces the newest verdicts and the memories.
func saveDocuments(ctx context.Context, tx *sql.Tx, names *dictionary, run, finished int64, docs []document) (err error) {
	latest, err := tx.PrepareContext(ctx, saveLatest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, latest.Close()) }()
	memory, err := tx.PrepareContext(ctx, saveMemory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, memory.Close()) }()

	for _, d := range docs {
		target := names.targets[d.target]
		replaced := false
		if d.result != nil {
			if d.memory == nil {
				if _, err := tx.ExecContext(ctx, keepLast, target); err != nil {
					return err
				}
			}
			done, err := latest.ExecContext(ctx, target, run, finished, d.result, wrongClock)
			if err != nil {
				return err
			}
			rows, err := done.RowsAffected()
			if err != nil {
				return err
			}
			replaced = rows > 0
		}
		if m := d.memory; m != nil {
			lastIn, last := m.lastIn, m.last
			if lastIn == inLatest && !replaced {
				lastIn, last = ownColumn, d.result // latest keeps a newer verdict than the memory's
			}
			_, err := memory.ExecContext(ctx, target, finished, m.savedAt, []byte(m.episodes), m.observations,
				lastIn, last, m.knownGoodIn, m.knownGood, wrongClock)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
