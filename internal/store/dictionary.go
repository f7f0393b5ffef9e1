package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

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
	if err := d.addTargets(ctx, tx, replay, targets); err != nil {
		return fmt.Errorf("add targets: %w", err)
	}
	if err := d.addSeries(ctx, tx, replay, samples); err != nil {
		return fmt.Errorf("add series: %w", err)
	}
	return nil
}

// addTargets looks up the targets that are not remembered, and adds those that
// the file does not know either.
func (d *dictionary) addTargets(ctx context.Context, tx *sql.Tx, replay int64, targets []string) error {
	missing := d.withoutID(targets)
	if err := d.load(ctx, tx, replay, missing); err != nil {
		return err
	}
	if missing = d.withoutID(missing); len(missing) == 0 {
		return nil
	}
	b := newBulk(tx, `INSERT INTO target (replay, name) VALUES`, ``, 2)
	var err error
	for i := 0; i < len(missing) && err == nil; i++ {
		err = b.add(ctx, replay, missing[i])
	}
	if err := b.flush(ctx, err); err != nil {
		return err
	}
	return d.load(ctx, tx, replay, missing)
}

func (d *dictionary) withoutID(targets []string) []string {
	var missing []string
	for _, t := range targets {
		if _, ok := d.targets[t]; !ok {
			missing = append(missing, t)
		}
	}
	return missing
}

// addSeries adds the series that are not remembered, and notes units that have
// changed: the newest is what a reader of the series is shown. Another process may
// have added a series since its target was looked up.
func (d *dictionary) addSeries(ctx context.Context, tx *sql.Tx, replay int64, samples []sample) error {
	b := newBulk(tx, `INSERT INTO series (target, endpoint, indicator, unit) VALUES`,
		`ON CONFLICT (target, endpoint, indicator) DO UPDATE SET unit = excluded.unit`, 4)
	var changed []string
	var err error
	for i := 0; i < len(samples) && err == nil; i++ {
		s := samples[i]
		if entry, ok := d.series[s.key]; ok && entry.unit == s.unit {
			continue
		}
		changed = append(changed, s.key.Target)
		err = b.add(ctx, d.targets[s.key.Target], s.key.Endpoint, string(s.key.Indicator), string(s.unit))
	}
	if err := b.flush(ctx, err); err != nil {
		return err
	}
	return d.load(ctx, tx, replay, slices.Compact(changed))
}

// load reads what the file knows about targets and their series.
func (d *dictionary) load(ctx context.Context, tx *sql.Tx, replay int64, targets []string) error {
	if len(targets) == 0 {
		return nil
	}
	names, err := json.Marshal(targets)
	if err != nil {
		return err
	}
	return each(ctx, tx, `SELECT t.id, t.name, s.id, s.endpoint, s.indicator, s.unit
		FROM target t LEFT JOIN series s ON s.target = t.id
		WHERE t.replay = ? AND t.name IN (SELECT value FROM json_each(?))`,
		[]any{replay, names}, func(rows *sql.Rows) error {
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
