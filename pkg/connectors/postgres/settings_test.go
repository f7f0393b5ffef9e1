package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestSettings is about servers that follow each other well and would fail when
// it comes to it.
func TestSettings(t *testing.T) {
	t.Parallel()
	lab := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})

	step(t, "a fence was left on the standby", func(t *testing.T) {
		during(t, lab, "fence-left", func() {
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Red, readiness.FenceLeft)
			v.without(t, readiness.PrimaryReadOnly)
			v.reason(t, readiness.FenceLeft, pgpair.Standby)
		})
	})

	step(t, "a fence was left for one role or database", func(t *testing.T) {
		for where, statement := range map[string]string{
			"role bcctl_limited":                   `ALTER ROLE bcctl_limited %s default_transaction_read_only`,
			"database postgres":                    `ALTER DATABASE postgres %s default_transaction_read_only`,
			"role bcctl_limited database postgres": `ALTER ROLE bcctl_limited IN DATABASE postgres %s default_transaction_read_only`,
		} {
			exec(t, lab, pgpair.Primary, strings.Replace(statement, "%s", "SET", 1)+` = 'tru'`)
			v := newDesk(t, lab).await(t, "the standby to learn of it", waitForServers, func(v verdict) bool { return v.has(readiness.FenceLeft) })
			v.want(t, readiness.Red, readiness.FenceLeft, readiness.PrimaryReadOnly)
			for _, r := range v.Reasons {
				if !strings.Contains(r.Message, "is on for "+where+" on") {
					t.Errorf("%s: %s", where, r.Message)
				}
			}
			exec(t, lab, pgpair.Primary, `SET default_transaction_read_only = off`, strings.Replace(statement, "%s", "RESET", 1))
			newDesk(t, lab).awaitGreen(t)
		}
	})

	step(t, "the monitoring role is read-only by its owner's wish", func(t *testing.T) {
		exec(t, lab, pgpair.Primary, `ALTER ROLE bcctl_monitor SET default_transaction_read_only = on`)
		v := newDesk(t, lab).await(t, "the standby to learn of it", waitForServers, func(v verdict) bool {
			return strings.Count(v.String(), string(readiness.InsufficientPrivilege)) == 2
		})
		v.want(t, readiness.Yellow, readiness.InsufficientPrivilege)
		v.without(t, readiness.FenceLeft, readiness.PrimaryReadOnly)
		exec(t, lab, pgpair.Primary, `ALTER ROLE bcctl_monitor RESET default_transaction_read_only`)
		newDesk(t, lab).awaitGreen(t)
	})

	step(t, "no synchronous standby is there", func(t *testing.T) {
		during(t, lab, "sync-missing", func() {
			newDesk(t, lab).sweep(t).want(t, readiness.Red, readiness.SyncStandbyMissing)
		})
	})

	step(t, "one synchronous standby too few is there", func(t *testing.T) {
		for _, text := range []string{"FIRST 2 (*)", "ANY 2 (\"ledger-b\", \"ledger-c\")"} {
			exec(t, lab, pgpair.Primary, reloadAfter(`ALTER SYSTEM SET synchronous_standby_names = '`+text+`'`)...)
			v := newDesk(t, lab).await(t, "the setting to be in force", waitForServers, func(v verdict) bool { return !green(v) })
			v.want(t, readiness.Red, readiness.SyncStandbyMissing)
			exec(t, lab, pgpair.Primary, reloadAfter(`ALTER SYSTEM RESET synchronous_standby_names`)...)
			newDesk(t, lab).awaitGreen(t)
		}
	})

	step(t, "the standby would wait for one that will not be there", func(t *testing.T) {
		exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM SET synchronous_standby_names = '"ledger-b"'`)...)
		v := newDesk(t, lab).await(t, "the setting to be in force", waitForServers, func(v verdict) bool { return !green(v) })
		v.want(t, readiness.Red, readiness.SyncStandbyMissing)
		v.reason(t, readiness.SyncStandbyMissing, pgpair.Standby)
		exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM RESET synchronous_standby_names`)...)
		newDesk(t, lab).awaitGreen(t)
	})

	step(t, "archiving fails", func(t *testing.T) {
		during(t, lab, "fill-archive-failures", func() {
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Yellow, readiness.ArchiveFailing)
			if files := v.number(t, pgpair.Primary, archiveReadyID); files < 3 {
				t.Errorf("%.0f files wait to be archived", files)
			}
			// A standby that is fed by nothing else is cut off by it.
			fed := newDesk(t, lab, func(s *connectors.Spec) { s.Options = map[string]string{"transport": "archive"} }).sweep(t)
			fed.want(t, readiness.Red, readiness.ArchiveFailing, readiness.TransportSilent)
		})
	})

	step(t, "the collector's clock is wrong", func(t *testing.T) {
		during(t, lab, "clock-skew", func() {
			skew, err := lab.ClockSkew()
			if err != nil || skew == 0 {
				t.Fatalf("skew %s, %v", skew, err)
			}
			for _, by := range []time.Duration{skew, -skew, 3 * time.Second} {
				v := newDesk(t, lab, func(s *connectors.Spec) { s.Now = func() time.Time { return time.Now().Add(by) } }).sweep(t)
				v.want(t, readiness.Unknown, readiness.ClockSkew)
				for _, node := range []string{pgpair.Primary, pgpair.Standby} {
					v.reason(t, readiness.ClockSkew, node)
					if measured := v.number(t, node, clockSkewID); measured > -by.Seconds()+0.9 || measured < -by.Seconds()-0.9 {
						t.Errorf("the clock of %s is off by %.1f s, want %.1f", node, measured, -by.Seconds())
					}
				}
			}
		})
	})

	step(t, "the heartbeat", func(t *testing.T) { heartbeatOnServers(t, lab) })
}

// heartbeatOnServers: whatever happens to the marker row, positions judge the
// pair, and the row is never taken for more than it is.
func heartbeatOnServers(t *testing.T, lab *pgpair.Lab) {
	reading := func(s *connectors.Spec) { s.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second} }
	writing := func(s *connectors.Spec) { s.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second, Write: true} }

	step(t, "written", func(t *testing.T) {
		d := newDesk(t, lab, writing)
		before := ask[int64](t, lab, pgpair.Primary, `SELECT seq FROM bcctl.heartbeat`)
		for range 3 {
			d.awaitGreen(t)
		}
		v := d.await(t, "the row to arrive", waitForServers, func(v verdict) bool {
			return green(v) && v.number(t, pgpair.Standby, heartbeatSeqID) > float64(before)
		})
		if lag := v.number(t, pgpair.Standby, heartbeatLagID); lag < -2 || lag > 5 {
			t.Errorf("the heartbeat is %.1f s late", lag)
		}
	})

	step(t, "stopped", func(t *testing.T) {
		during(t, lab, "heartbeat-stop", func() {
			for name, change := range map[string]func(*connectors.Spec){"others write it": reading, "check writes it": writing} {
				v := newDesk(t, lab, change).sweep(t)
				v.want(t, readiness.Yellow, readiness.HeartbeatWrite)
				v.without(t, readiness.HeartbeatLate, readiness.LagOverRPO)
				if name == "check writes it" {
					if r := v.reason(t, readiness.HeartbeatWrite, pgpair.Primary); !strings.Contains(r.Message, "permission denied") {
						t.Errorf("the message does not tell why: %s", r.Message)
					}
				}
			}
		})
	})

	step(t, "late on the standby", func(t *testing.T) {
		exec(t, lab, pgpair.Primary, `UPDATE bcctl.heartbeat SET written_at = clock_timestamp() - interval '5 minutes'`)
		newDesk(t, lab).awaitGreen(t)
		exec(t, lab, pgpair.Standby, `SELECT pg_wal_replay_pause()`)
		exec(t, lab, pgpair.Primary, `UPDATE bcctl.heartbeat SET seq = seq + 1, written_at = clock_timestamp()`)
		v := newDesk(t, lab, reading).await(t, "replay to be paused", waitForServers, func(v verdict) bool { return v.has(readiness.ReplayPaused) })
		v.want(t, readiness.Red, readiness.ReplayPaused, readiness.HeartbeatLate)
		exec(t, lab, pgpair.Standby, `SELECT pg_wal_replay_resume()`)
		newDesk(t, lab, reading).awaitGreen(t)
	})

	step(t, "missing", func(t *testing.T) {
		exec(t, lab, pgpair.Primary, `DELETE FROM bcctl.heartbeat`)
		v := newDesk(t, lab, writing).await(t, "the row to be missed on both", waitForServers, func(v verdict) bool {
			return strings.Count(v.String(), string(readiness.HeartbeatMissing)) == 2
		})
		v.want(t, readiness.Yellow, readiness.HeartbeatMissing, readiness.HeartbeatWrite)
		exec(t, lab, pgpair.Primary, `INSERT INTO bcctl.heartbeat SELECT 1, 1, clock_timestamp(), pg_current_wal_insert_lsn(), 1, 'x', 'test'`)
		newDesk(t, lab, reading).awaitGreen(t)
	})

	step(t, "not readable", func(t *testing.T) {
		exec(t, lab, pgpair.Primary, `REVOKE SELECT ON bcctl.heartbeat FROM bcctl_monitor`)
		v := newDesk(t, lab, reading).await(t, "the standby to learn of it", waitForServers, func(v verdict) bool {
			return strings.Count(v.String(), string(readiness.HeartbeatMissing)) == 2
		})
		v.want(t, readiness.Yellow, readiness.HeartbeatMissing)
		exec(t, lab, pgpair.Primary, `GRANT SELECT ON bcctl.heartbeat TO bcctl_monitor`)
		newDesk(t, lab, reading).awaitGreen(t)
	})
}
