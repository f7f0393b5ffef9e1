package postgres

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestReplay is about a standby that receives, and what it makes of it.
func TestReplay(t *testing.T) {
	t.Parallel()
	lab := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})

	step(t, "the last transaction is old on an idle primary", func(t *testing.T) {
		const age = `SELECT coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8, 0)`
		if err := lab.Load(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "careless monitoring to see lag", func() bool { return ask[float64](t, lab, pgpair.Standby, age) > 1 })
		newDesk(t, lab).sweep(t).wantGreen(t)
	})

	step(t, "no transaction was replayed since the standby started", func(t *testing.T) {
		// It must not be the checkpoint's turn: then the restart would replay a commit.
		exec(t, lab, pgpair.Primary, `CHECKPOINT`)
		end := ask[string](t, lab, pgpair.Primary, `SELECT pg_current_wal_flush_lsn()::text`)
		eventually(t, "the standby to replay the checkpoint", func() bool {
			return ask[bool](t, lab, pgpair.Standby, `SELECT pg_last_wal_replay_lsn() >= '`+end+`'`)
		})
		exec(t, lab, pgpair.Standby, `CHECKPOINT`)
		restart(t, lab, pgpair.Standby)
		v := newDesk(t, lab).awaitGreen(t)
		if !ask[bool](t, lab, pgpair.Standby, `SELECT pg_last_xact_replay_timestamp() IS NULL`) {
			t.Error("the standby has replayed a transaction: this test shows nothing")
		}
		if lag := v.number(t, "", exposureBytesID); lag != 0 {
			t.Errorf("exposure is %.0f bytes on an idle pair", lag)
		}
	})

	step(t, "the receive position restarts at the beginning of its segment", func(t *testing.T) {
		if err := lab.Load(t.Context(), 500); err != nil {
			t.Fatal(err)
		}
		newDesk(t, lab).awaitGreen(t)
		restart(t, lab, pgpair.Standby)
		eventually(t, "the standby to say it received less than it replayed", func() bool {
			return ask[bool](t, lab, pgpair.Standby, `SELECT coalesce(pg_last_wal_receive_lsn() < pg_last_wal_replay_lsn(), false)`)
		})
		v := newDesk(t, lab).awaitGreen(t)
		if backlog := v.number(t, pgpair.Standby, backlogID); backlog != 0 {
			t.Errorf("backlog is %.0f bytes", backlog)
		}
		if !ask[bool](t, lab, pgpair.Standby, `SELECT pg_last_wal_receive_lsn() < pg_last_wal_replay_lsn()`) {
			t.Error("it no longer says so: this test shows nothing")
		}
	})

	step(t, "replay is paused by somebody", func(t *testing.T) {
		during(t, lab, "pause-replay", func() {
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Red, readiness.ReplayPaused)
			v.without(t, readiness.ParameterTooLow)
			if backlog := v.number(t, pgpair.Standby, backlogID); backlog <= 0 {
				t.Errorf("backlog is %.0f bytes", backlog)
			}
			if text := v.text(t, pgpair.Standby, replayStateID); text != "paused" {
				t.Errorf("replay is %q", text)
			}
			frozenLagIsNotLag(t, lab)
		})
	})

	step(t, "replay is paused by a parameter", func(t *testing.T) {
		during(t, lab, "low-parameter", func() {
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Red, readiness.ReplayPaused, readiness.ParameterTooLow)
			if r := v.reason(t, readiness.ParameterTooLow, pgpair.Standby); !strings.Contains(r.Message, "max_connections is 60, ledger-a has 100") {
				t.Errorf("the message names neither parameter nor values: %s", r.Message)
			}
		})
	})

	step(t, "a parameter is compared with the last recorded primary", func(t *testing.T) {
		d := newDesk(t, lab)
		d.sweep(t).wantGreen(t)
		low := d.known[readiness.Key{Target: "ledger", Endpoint: pgpair.Primary, Indicator: settingsListID}]
		text, _ := low.Value.Text()
		low.Value = readiness.Str(strings.Replace(text, "max_connections=60", "max_connections=61", 1))
		d.known[low.Key()] = low
		d.spec.Endpoints[0].Address = refusedAddress(t)
		v := d.sweep(t)
		v.want(t, readiness.Red, readiness.WriterUnproven, readiness.VisPrimary)
		v.reason(t, readiness.ParameterTooLow, pgpair.Standby)
	})

	step(t, "replay is delayed on purpose", func(t *testing.T) {
		during(t, lab, "apply-delay", func() {
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Yellow, readiness.ApplyDelay)
			v.without(t, readiness.ReplayStalled)
			if delay := v.number(t, pgpair.Standby, applyDelayID); delay != 3600 {
				t.Errorf("the delay is %.0f s", delay)
			}
			frozenLagIsNotLag(t, lab)
		})
	})

	step(t, "replay waits for a query", func(t *testing.T) { replayWaits(t, lab) })
}

// frozenLagIsNotLag: what the primary calls replay_lag is that of the last answer
// that came, or nothing, while WAL waits to be applied.
func frozenLagIsNotLag(t *testing.T, lab *pgpair.Lab) {
	t.Helper()
	if !ask[bool](t, lab, pgpair.Primary, `SELECT flush_lsn - replay_lsn > 0 AND coalesce(replay_lag, '0') < interval '500 ms' FROM pg_stat_replication`) {
		t.Error("replay_lag tells the truth here: this test shows nothing")
	}
}

// replayWaits lets a query on the standby hold up replay for as long as it likes.
func replayWaits(t *testing.T, lab *pgpair.Lab) {
	exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM SET max_standby_streaming_delay = -1`)...)
	exec(t, lab, pgpair.Primary, `CREATE TABLE app.held(id int)`)
	newDesk(t, lab).awaitGreen(t)
	reader, err := lab.Connect(t.Context(), pgpair.Standby)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close(t.Context())
	if _, err := reader.Exec(t.Context(), `BEGIN ISOLATION LEVEL REPEATABLE READ`); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), `SELECT count(*) FROM app.held`); err != nil {
		t.Fatal(err)
	}
	exec(t, lab, pgpair.Primary, `DROP TABLE app.held`)
	eventually(t, "replay to wait", func() bool {
		return ask[bool](t, lab, pgpair.Standby, `SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()`)
	})

	// Without an earlier sweep nothing tells a standstill from a busy moment.
	first := newDesk(t, lab).sweep(t)
	first.want(t, readiness.Unknown, readiness.LineageUnproven)
	first.without(t, readiness.ReplayStalled)

	// Sweeps a few seconds apart tell it after ten. The clock is moved, not waited
	// for, so its skew is reported as well.
	for _, keep := range []bool{true, false} {
		ahead := time.Duration(0)
		d := newDesk(t, lab, func(s *connectors.Spec) {
			s.KeepOpen = keep
			s.Now = func() time.Time { return time.Now().Add(ahead) }
		})
		d.sweep(t)
		earlier := maps.Clone(d.known)
		for range 2 {
			ahead += 6 * time.Second
			if !keep {
				d.known = maps.Clone(earlier) // of one run that was long before
			}
			v := d.sweep(t)
			if want := ahead > 10*time.Second; v.has(readiness.ReplayStalled) != want {
				t.Errorf("connections kept: %t; after %s it is said to stand still: %t\n%s", keep, ahead, !want, v)
			}
			if v.Status == readiness.Green {
				t.Errorf("green while replay stands still:\n%s", v)
			}
		}
	}

	if _, err := reader.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM RESET max_standby_streaming_delay`)...)
	newDesk(t, lab).awaitGreen(t)
}

func restart(t *testing.T, lab *pgpair.Lab, node string) {
	t.Helper()
	if err := lab.StopNode(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	if err := lab.StartNode(t.Context(), node); err != nil {
		t.Fatal(err)
	}
}
