package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// dictionary remembers the ids of targets and series, so that a process that
// saves many runs looks each of them up once. It is good for one generation:
// whoever removes targets from the file begins a new one.
type dictionary struct {
	generation int64
	targets    map[string]int64
	series     map[readiness.Key]seriesEntry
}

type seriesEntry struct {
	id   int64
	unit readiness.Unit
}

const generationKey = "dictionary generation"

// resolve makes sure that every target and series named has an id. It is called
// in a write transaction; when that is rolled back the dictionary must be thrown
// away.
func (d *dictionary) resolve(ctx context.Context, tx *sql.Tx, replay int64, targets []string, samples []sample) error {
	generation, err := number(ctx, tx, generationKey)
	if err != nil {
		return err
	}
	if d.targets == nil || d.generation != generation {
		*d = dictionary{
			generation: generation,
			targets:    make(map[string]int64, len(targets)),
			series:     make(map[readiness.Key]seriesEntry, len(samples)),
		}
	}
	if err := d.load(ctx, tx, replay, targets); err != nil {
		return fmt.Errorf("read the names of targets and series: %w", err)
	}
	if err := d.insertTargets(ctx, tx, replay, targets); err != nil {
		return fmt.Errorf("add targets: %w", err)
	}
	if err := d.insertSeries(ctx, tx, samples); err != nil {
		return fmt.Errorf("add series: %w", err)
	}
	return nil
}

// load reads what the file knows about the targets that are not remembered yet.
func (d *dictionary) load(ctx context.Context, tx *sql.Tx, replay int64, targets []string) error {
	var missing []string
	for _, t := range targets {
		if _, ok := d.targets[t]; !ok {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	names, err := json.Marshal(missing)
	if err != nil {
		return err
	}
	const wanted = ` FROM target t LEFT JOIN series s ON s.target = t.id
		WHERE t.replay = ? AND t.name IN (SELECT value FROM json_each(?))`
	return each(ctx, tx, `SELECT t.id, t.name, s.id, s.endpoint, s.indicator, s.unit`+wanted, []any{replay, names},
		func(rows *sql.Rows) error {
			var target int64
			var name string
			var id sql.NullInt64
			var endpoint, indicator, unit sql.NullString
			if err := rows.Scan(&target, &name, &id, &endpoint, &indicator, &unit); err != nil {
				return err
			}
			d.targets[name] = target
			if id.Valid {
				key := readiness.Key{Target: name, Endpoint: endpoint.String, Indicator: readiness.ID(indicator.String)}
				d.series[key] = seriesEntry{id.Int64, readiness.Unit(unit.String)}
			}
			return nil
		})
}

func (d *dictionary) insertTargets(ctx context.Context, tx *sql.Tx, replay int64, targets []string) error {
	for _, name := range targets {
		if _, ok := d.targets[name]; ok {
			continue
		}
		added, err := tx.ExecContext(ctx, `INSERT INTO target (replay, name) VALUES (?, ?)`, replay, name)
		if err != nil {
			return err
		}
		if d.targets[name], err = added.LastInsertId(); err != nil {
			return err
		}
	}
	return nil
}

// insertSeries also notes a unit that has changed; the newest is what a reader of
// the series is shown.
func (d *dictionary) insertSeries(ctx context.Context, tx *sql.Tx, samples []sample) (err error) {
	var insert *sql.Stmt
	defer func() {
		if insert != nil {
			err = errors.Join(err, insert.Close())
		}
	}()
	for _, s := range samples {
		entry, ok := d.series[s.key]
		switch {
		case ok && entry.unit == s.unit:
			continue
		case ok:
			if _, err := tx.ExecContext(ctx, `UPDATE series SET unit = ? WHERE id = ?`, string(s.unit), entry.id); err != nil {
				return err
			}
		default:
			if insert == nil {
				// Another process may have added the series since its target was looked up.
				insert, err = tx.PrepareContext(ctx, `INSERT INTO series (target, endpoint, indicator, unit) VALUES (?, ?, ?, ?)
					ON CONFLICT (target, endpoint, indicator) DO UPDATE SET unit = excluded.unit RETURNING id`)
				if err != nil {
					return err
				}
			}
			row := insert.QueryRowContext(ctx, d.targets[s.key.Target], s.key.Endpoint, string(s.key.Indicator), string(s.unit))
			if err := row.Scan(&entry.id); err != nil {
				return err
			}
		}
		entry.unit = s.unit
		d.series[s.key] = entry
	}
	return nil
}
