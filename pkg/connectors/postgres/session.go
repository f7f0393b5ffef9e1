package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// reading is one statement that returns one JSON document, and where it goes.
type reading struct {
	indicator readiness.ID // what is not known when it fails
	sql       string
	decode    func(text string) error
}

func into[T any](id readiness.ID, sql string, target **T) reading {
	return reading{id, sql, func(text string) error {
		value := new(T)
		if err := decodeJSON(text, value); err != nil {
			return err
		}
		*target = value
		return nil
	}}
}

func intoValue[T any](id readiness.ID, sql string, target *T) reading {
	return reading{id, sql, func(text string) error { return decodeJSON(text, target) }}
}

// readAll sends all readings in one round trip. A statement that fails takes the
// rest of its batch with it, so the rest is sent again without it: one masked
// view must not hide the others. The loop ends because each round removes at
// least one reading. A broken connection fails everything that is left.
func readAll(ctx context.Context, conn *pgx.Conn, password string, failed map[readiness.ID]readiness.Finding, readings ...reading) {
	for len(readings) > 0 {
		batch := &pgx.Batch{}
		for _, r := range readings {
			batch.Queue(r.sql)
		}
		results := conn.SendBatch(ctx, batch)
		done := 0
		var err error
		for _, r := range readings {
			if err = readOne(results, r); err != nil {
				break
			}
			done++
		}
		closeErr := results.Close()
		if err == nil {
			err = closeErr
			if err == nil || done == len(readings) {
				return
			}
		}
		failed[readings[done].indicator] = queryFailure(err, password)
		readings = readings[done+1:]
		if conn.IsClosed() || ctx.Err() != nil {
			for _, r := range readings {
				failed[r.indicator] = queryFailure(err, password)
			}
			return
		}
	}
}

func readOne(results pgx.BatchResults, r reading) error {
	if r.decode == nil {
		_, err := results.Exec()
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return rows.Err() // no row: the pointer stays nil, which is "not known"
	}
	var text *string
	if err := rows.Scan(&text); err != nil {
		return err
	}
	if text == nil {
		return nil
	}
	if err := r.decode(*text); err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

// middle is the collector's clock halfway through a request: the best guess of
// when the server answered.
func middle(start, end time.Time) time.Time { return start.Add(end.Sub(start) / 2) }
