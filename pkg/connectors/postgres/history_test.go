package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestHistory is about nodes of which one wrote what the other never had.
func TestHistory(t *testing.T) {
	t.Parallel()
	lab := pgpairtest.Start(t, pgpair.Options{Cascade: true, WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})
	pair := func(s *connectors.Spec) { s.Endpoints = s.Endpoints[:2] }

	step(t, "two writers", func(t *testing.T) {
		during(t, lab, "split-brain", func() {
			v := newDesk(t, lab, pair).sweep(t)
			v.want(t, readiness.Red, readiness.TwoWriters)
			r := v.reason(t, readiness.TwoWriters, "")
			if !strings.Contains(r.Message, "ledger-b's history contains ledger-a's timeline") {
				t.Errorf("the message does not tell which descends from which: %s", r.Message)
			}
			v.without(t, readiness.PrimaryNotHome, readiness.Diverged)

			// Whose history is longer does not matter while only one is seen beside a
			// standby of the other: the one taken for the primary is stale.
			stale := newDesk(t, lab, func(s *connectors.Spec) { s.Endpoints = []connectors.Endpoint{s.Endpoints[0], s.Endpoints[2]} }).
				await(t, "the cascade to be on the new timeline", waitForServers, func(v verdict) bool { return v.has(readiness.Diverged) })
			stale.want(t, readiness.Red, readiness.Diverged)
			if r := stale.reason(t, readiness.Diverged, pgpair.Cascade); !strings.Contains(r.Message, "the primary is stale") {
				t.Errorf("the message: %s", r.Message)
			}

			// One writer is seen, the other is not: potential split brain.
			blind := newDesk(t, lab, pair, func(s *connectors.Spec) { s.Endpoints[0].Address = refusedAddress(t) }).sweep(t)
			blind.want(t, readiness.Red, readiness.WriterUnproven, readiness.PrimaryNotHome, readiness.VisPrimary)
			blind.without(t, readiness.TwoWriters)
		})
	})

	step(t, "a former primary that was not rewound", func(t *testing.T) {
		during(t, lab, "diverge", func() {
			ahead := ask[string](t, lab, pgpair.Primary, `SELECT pg_last_wal_replay_lsn()::text`)
			if !ask[bool](t, lab, pgpair.Standby, `SELECT pg_current_wal_lsn() - '`+ahead+`'::pg_lsn < 0`) {
				t.Error("primary minus standby is not negative: this test shows nothing")
			}
			v := newDesk(t, lab, pair).sweep(t)
			v.want(t, readiness.Red, readiness.Diverged, readiness.PrimaryNotHome)
			if r := v.reason(t, readiness.Diverged, pgpair.Primary); !strings.Contains(r.Message, "past") {
				t.Errorf("the message does not tell where: %s", r.Message)
			}
			for _, o := range v.observations {
				if lag, ok := o.Value.Number(); ok && o.Indicator == exposureBytesID {
					t.Errorf("exposure of a diverged node is given as %.0f bytes", lag)
				}
			}

			// The role that may not ask for histories proves nothing, and says so.
			exec(t, lab, pgpair.Standby, `ALTER ROLE bcctl_monitor NOREPLICATION`)
			blind := newDesk(t, lab, pair).sweep(t)
			if blind.Status == readiness.Green || !blind.has(readiness.LineageUnproven) || blind.has(readiness.Diverged) {
				t.Errorf("without the right to ask for histories:\n%s", blind)
			}
			exec(t, lab, pgpair.Standby, `ALTER ROLE bcctl_monitor REPLICATION`)
		})
	})

	step(t, "two standbys promoted from the same point", func(t *testing.T) { sameNumber(t, lab) })
}

// sameNumber ends the laboratory as a pair: both standbys are promoted by
// themselves, so that they get the same timeline number and history, and then one
// is made to follow the other.
func sameNumber(t *testing.T, lab *pgpair.Lab) {
	if err := lab.StopNode(t.Context(), pgpair.Primary); err != nil {
		t.Fatal(err)
	}
	exec(t, lab, pgpair.Cascade, reloadAfter(`ALTER SYSTEM SET primary_conninfo = ''`)...)
	eventually(t, "the cascade to be cut off at the same point", func() bool {
		at := ask[string](t, lab, pgpair.Standby, `SELECT pg_last_wal_replay_lsn()::text`)
		return ask[bool](t, lab, pgpair.Cascade, `SELECT pg_last_wal_replay_lsn() = '`+at+`'::pg_lsn AND NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})

	for _, node := range []string{pgpair.Standby, pgpair.Cascade} {
		exec(t, lab, node, `SELECT pg_promote(true, 60)`)
	}
	const history = `SELECT pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history')`
	if b, c := ask[string](t, lab, pgpair.Standby, history), ask[string](t, lab, pgpair.Cascade, history); b != c {
		t.Fatalf("the histories differ, so this test shows nothing:\n%s\n%s", b, c)
	}
	for _, node := range []string{pgpair.Standby, pgpair.Cascade} {
		exec(t, lab, node, `INSERT INTO bcctl.reign SELECT gen_random_uuid(), 99, NULL, clock_timestamp(), NULL, current_setting('cluster_name')`)
	}
	sites := func(s *connectors.Spec) {
		s.Endpoints = s.Endpoints[1:]
		s.Endpoints[0].Site = "fra"
	}

	both := newDesk(t, lab, sites).sweep(t)
	both.want(t, readiness.Red, readiness.TwoWriters)
	if r := both.reason(t, readiness.TwoWriters, ""); !strings.Contains(r.Message, "do not choose") {
		t.Errorf("timelines of the same number: %s", r.Message)
	}

	exec(t, lab, pgpair.Cascade, `ALTER SYSTEM RESET primary_conninfo`)
	if err := lab.StopNode(t.Context(), pgpair.Cascade); err != nil {
		t.Fatal(err)
	}
	n, err := lab.Node(pgpair.Cascade)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.DataDir, "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := lab.StartNode(t.Context(), pgpair.Cascade); err != nil {
		t.Fatal(err)
	}
	// Its clean stop finished a WAL file, so that it is ahead on the same timeline.
	v := newDesk(t, lab, sites).sweep(t)
	v.want(t, readiness.Red, readiness.Diverged)
	v.without(t, readiness.TwoWriters)

	if err := lab.StopNode(t.Context(), pgpair.Cascade); err != nil {
		t.Fatal(err)
	}
	exec(t, lab, pgpair.Standby, `INSERT INTO app.entries(note) SELECT repeat('x', 200) FROM generate_series(1, 8000)`)
	if err := lab.StartNode(t.Context(), pgpair.Cascade); err != nil {
		t.Fatal(err)
	}
	// How much it receives before it stumbles depends on the moment.
	eventually(t, "the follower to receive what it cannot apply", func() bool {
		return ask[bool](t, lab, pgpair.Cascade, `SELECT coalesce(pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn(), false)`)
	})

	v = newDesk(t, lab, sites).sweep(t)
	v.want(t, readiness.Red, readiness.ReignMismatch)
	v.reason(t, readiness.ReignMismatch, pgpair.Cascade)

	// Without reigns to compare, the first sweep proves no lineage, and the next
	// ones see that nothing is applied.
	exec(t, lab, pgpair.Standby, `REVOKE SELECT ON bcctl.reign FROM bcctl_monitor`)
	ahead := time.Duration(0)
	d := newDesk(t, lab, sites, func(s *connectors.Spec) { s.Now = func() time.Time { return time.Now().Add(ahead) } })
	first := d.sweep(t)
	if first.Status == readiness.Green || !first.has(readiness.LineageUnproven) && !first.has(readiness.ReceiverDown) {
		t.Errorf("without reigns the first sweep says:\n%s", first)
	}
	ahead = 11 * time.Second
	if second := d.sweep(t); !second.has(readiness.ReplayStalled) {
		t.Errorf("without reigns the second sweep says:\n%s", second)
	}

	// The old primary comes back, as a service manager would bring it: actual split
	// brain, which no view of either node shows.
	if err := lab.StartNode(t.Context(), pgpair.Primary); err != nil {
		t.Fatal(err)
	}
	back := newDesk(t, lab, func(s *connectors.Spec) { s.Endpoints = s.Endpoints[:2] }).sweep(t)
	back.want(t, readiness.Red, readiness.TwoWriters)
}
