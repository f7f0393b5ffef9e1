package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// pruneEvery is how often Save prunes, and chunksPerSave how much of each kind of
// work it does then; what is left is done by the next saves.
const (
	pruneEvery    = time.Hour
	chunksPerSave = 3

	// clockWasWrong is how far ahead the last pruning must be to have been a
	// mistake of the clock. Less may be a run that is saved late.
	clockWasWrong = 30 * day
)

// Prune condenses and removes what is older at now than the retention allows, in
// many short transactions, so that other processes can save between them. It is
// about the store's own namespace. Stopping it half way does no harm.
func (db *DB) Prune(ctx context.Context, now time.Time) error {
	_, err := db.prune(ctx, now, db.replay, -1)
	return db.explain("condense old runs in", err)
}

// pruneAfterSave prunes a little when it is time to.
func (db *DB) pruneAfterSave(ctx context.Context, now time.Time, replay bool) error {
	key := fmt.Sprintf("pruned at %d", namespace(replay))
	var pruned int64
	err := db.snapshot(ctx, func(tx *sql.Tx) (err error) {
		pruned, err = number(ctx, tx, key)
		return err
	})
	if err != nil {
		return err
	}
	if since := now.Sub(at(pruned)); since < pruneEvery && since > -clockWasWrong {
		return nil
	}
	finished, err := db.prune(ctx, now, replay, chunksPerSave)
	if err != nil || !finished {
		return err
	}
	return db.write(ctx, func(tx *sql.Tx) error { return setNumber(ctx, tx, key, now.UnixMilli()) })
}

// chunk does a bounded amount of one kind of work in a transaction, and reports
// whether it found any: then there may be more.
type chunk func(ctx context.Context, tx *sql.Tx) (found bool, err error)

// prune does at most so many chunks of each kind, all if limit is negative: a kind
// with much to do must not keep the others waiting for ever. It reports whether
// nothing is left to do.
func (db *DB) prune(ctx context.Context, now time.Time, replay bool, limit int) (finished bool, err error) {
	space := namespace(replay)
	raw := now.Add(-db.retention.Raw).UnixMilli()
	buckets := now.Add(-db.retention.Buckets).UnixMilli()
	changes := now.Add(-db.retention.Changes).UnixMilli()

	work := []chunk{
		func(ctx context.Context, tx *sql.Tx) (bool, error) { return roll(ctx, tx, space, raw) },
		func(ctx context.Context, tx *sql.Tx) (bool, error) { return thin(ctx, tx, space, buckets) },
		remove(`DELETE FROM bucket WHERE replay = ?1 AND slot = (SELECT min(slot) FROM bucket WHERE replay = ?1)
			AND slot < ?2`, space, buckets/slotMillis),
		remove(`DELETE FROM span WHERE (target, at) IN (SELECT s.target, s.at
			FROM span s JOIN target t ON t.id = s.target AND t.replay = ?1
			WHERE s.last_at < ?2 ORDER BY s.last_at LIMIT 10000)`, space, changes),
		remove(`DELETE FROM transition WHERE id IN (SELECT c.id
			FROM transition c JOIN target t ON t.id = c.target AND t.replay = ?1
			WHERE c.at < ?2 ORDER BY c.at LIMIT 10000)`, space, changes),
		func(ctx context.Context, tx *sql.Tx) (bool, error) { return forget(ctx, tx, space, changes) },
		remove(`DELETE FROM run WHERE id IN (SELECT id FROM run
			WHERE replay = ?1 AND finished_at < ?2 AND last_at < ?2 AND rolled = 1
				AND NOT EXISTS (SELECT 1 FROM latest WHERE run = run.id)
			ORDER BY finished_at LIMIT 10000)`, space, changes),
	}
	finished = true
	for _, next := range work {
		found := true
		for done := 0; found && done != limit; done++ {
			err := db.write(ctx, func(tx *sql.Tx) (err error) {
				found, err = next(ctx, tx)
				return err
			})
			if err != nil {
				return false, err
			}
		}
		finished = finished && !found
	}
	return finished, nil
}

// remove deletes the rows older than a time, a bounded number at once.
func remove(statement string, space, before int64) chunk {
	return func(ctx context.Context, tx *sql.Tx) (bool, error) {
		done, err := tx.ExecContext(ctx, statement, space, before)
		if err != nil {
			return false, err
		}
		rows, err := done.RowsAffected()
		return rows > 0, err
	}
}

// forget removes the targets that no run has had anything to say about since a
// time, with all that is still known of them. Ids that other processes remember
// are void from then on.
func forget(ctx context.Context, tx *sql.Tx, space, before int64) (bool, error) {
	done, err := tx.ExecContext(ctx, `DELETE FROM target WHERE id IN (SELECT t.id FROM target t
		LEFT JOIN latest l ON l.target = t.id LEFT JOIN memory m ON m.target = t.id
		WHERE t.replay = ?1 AND max(coalesce(l.finished_at, 0), coalesce(m.finished_at, 0)) < ?2
			AND NOT EXISTS (SELECT 1 FROM span WHERE target = t.id)
			AND NOT EXISTS (SELECT 1 FROM transition WHERE target = t.id)
		LIMIT 100)`, space, before)
	if err != nil {
		return false, err
	}
	rows, err := done.RowsAffected()
	if err != nil || rows == 0 {
		return false, err
	}
	generation, err := number(ctx, tx, generationKey)
	if err != nil {
		return false, err
	}
	return true, setNumber(ctx, tx, generationKey, generation+1)
}
