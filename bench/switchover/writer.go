package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

// pace is how often the writer commits.
const pace = 10 * time.Millisecond

// writer is an application that commits all the time, and connects again at once when
// it cannot.
type writer struct {
	config *pgx.ConnConfig
	end    context.CancelFunc
	ended  chan struct{}

	mu   sync.Mutex
	done []time.Time // commits that were answered
}

func newWriter(ctx context.Context, pair *pgpair.Lab) (*writer, error) {
	host, port, err := net.SplitHostPort(pair.ClientAddress())
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s dbname=postgres sslmode=verify-full sslrootcert=%s connect_timeout=1 application_name=writer",
		host, port, pgpair.RoleHeartbeat, pair.CAFile()))
	if err != nil {
		return nil, err
	}
	config.Password = pair.Password(pgpair.RoleHeartbeat)
	ctx, end := context.WithCancel(ctx)
	w := &writer{config: config, end: end, ended: make(chan struct{})}
	go w.write(ctx)
	return w, w.again(ctx, time.Now())
}

func (w *writer) stop() {
	w.end()
	<-w.ended
}

func (w *writer) write(ctx context.Context) {
	defer close(w.ended)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var conn *pgx.Conn
	for {
		select {
		case <-ctx.Done():
			if conn != nil {
				_ = conn.Close(context.WithoutCancel(ctx)) // the server sees it go, whatever comes of it
			}
			return
		case <-tick.C:
		}
		if conn == nil {
			var err error
			if conn, err = pgx.ConnectConfig(ctx, w.config); err != nil {
				conn = nil
				continue
			}
		}
		limited, cancel := context.WithTimeout(ctx, time.Second)
		_, err := conn.Exec(limited, `INSERT INTO app.entries(note) VALUES ('one more')`)
		cancel()
		if err != nil {
			_ = conn.Close(context.WithoutCancel(ctx)) // it is of no use any more
			conn = nil
			continue
		}
		w.mu.Lock()
		w.done = append(w.done, time.Now())
		w.mu.Unlock()
	}
}

// gap is the longest time without a commit since then.
func (w *writer) gap(since time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	longest, last := time.Duration(0), since
	for _, at := range w.done {
		if at.After(since) {
			longest, last = max(longest, at.Sub(last)), at
		}
	}
	return max(longest, time.Since(last))
}

// next is the first commit after a moment, zero when there is none.
func (w *writer) next(after time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range w.done {
		if at.After(after) {
			return at
		}
	}
	return time.Time{}
}

// again waits for a commit after a moment.
func (w *writer) again(ctx context.Context, after time.Time) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for w.next(after).IsZero() {
		select {
		case <-tick.C:
		case <-limit.C:
			return errors.New("nothing was written for a minute")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
