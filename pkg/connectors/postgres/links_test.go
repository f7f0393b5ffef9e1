package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestLinks is about servers that cannot be reached, by bcctl or by each other.
func TestLinks(t *testing.T) {
	t.Parallel()
	lab := pgpairtest.Start(t, pgpair.Options{Cascade: true, WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})
	pair := func(s *connectors.Spec) { s.Endpoints = s.Endpoints[:2] }

	step(t, "bcctl cannot reach the primary and the standby can", func(t *testing.T) {
		for name, block := range map[string]func(*forwarder){"refused": (*forwarder).refuse, "swallowed": (*forwarder).swallow} {
			t.Run(name, func(t *testing.T) {
				way := followThrough(t, lab, pgpair.Standby)
				d := newDesk(t, lab, pair, func(s *connectors.Spec) { s.Endpoints[0].Address = way.address() })
				d.awaitGreen(t)
				block(way)
				v := d.sweep(t)
				v.want(t, readiness.Unknown, readiness.PrimaryPathLost, readiness.VisPrimary)
				v.without(t, readiness.PrimaryUnreachable, readiness.NoPrimary, readiness.ReceiverDown)
				if r := v.reason(t, readiness.PrimaryPathLost, ""); !strings.Contains(r.Message, "a failover now would make two writers") {
					t.Errorf("the message does not warn: %s", r.Message)
				}
				exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM RESET primary_conninfo`)...)
				newDesk(t, lab).awaitGreen(t)
			})
		}
	})

	step(t, "nobody can reach the primary", func(t *testing.T) {
		d := newDesk(t, lab, pair)
		d.sweep(t).wantGreen(t)
		during(t, lab, "kill-primary", func() {
			v := d.sweep(t)
			v.want(t, readiness.Red, readiness.PrimaryUnreachable, readiness.VisPrimary, readiness.ReceiverDown)
			v.without(t, readiness.PrimaryPathLost, readiness.NoPrimary)
			r := v.reason(t, readiness.PrimaryUnreachable, "")
			for _, words := range []string{"connection refused", "cannot be told from here", "when last seen at", "is not known"} {
				if !strings.Contains(r.Message, words) {
					t.Errorf("the message lacks %q: %s", words, r.Message)
				}
			}
			// Without any record even less is known.
			blank := newDesk(t, lab, pair).sweep(t)
			blank.want(t, readiness.Red, readiness.PrimaryUnreachable)
			if r := blank.reason(t, readiness.PrimaryUnreachable, ""); !strings.Contains(r.Message, "the primary was never recorded") {
				t.Errorf("the message: %s", r.Message)
			}
		})
	})

	step(t, "nobody can reach the primary and the standby lacks what was seen", func(t *testing.T) {
		d := newDesk(t, lab, pair)
		d.sweep(t).wantGreen(t)
		recorded := d.known[readiness.Key{Target: "ledger", Endpoint: pgpair.Primary, Indicator: positionID}]
		at, _ := recorded.Value.Number()
		recorded.Value = readiness.Num(at + 3<<20) // as if it had been cut off before
		during(t, lab, "kill-primary", func() {
			d.known[recorded.Key()] = recorded
			v := d.sweep(t)
			v.want(t, readiness.Red, readiness.PrimaryUnreachable)
			if r := v.reason(t, readiness.PrimaryUnreachable, ""); !strings.Contains(r.Message, "at least 3.0 MiB") || !strings.Contains(r.Message, "upper bound not known") {
				t.Errorf("the loss is no bound: %s", r.Message)
			}
		})
	})

	step(t, "bcctl cannot reach the standby and the primary can", func(t *testing.T) {
		d := newDesk(t, lab, pair)
		d.sweep(t).wantGreen(t)
		d.spec.Endpoints[1].Address = refusedAddress(t)
		v := d.sweep(t)
		v.want(t, readiness.Yellow, readiness.StandbyPathLost)
		v.without(t, readiness.StandbyAbsent, readiness.VisDR, readiness.WriterUnproven)
		v.number(t, "", exposureBytesID)
		if err := lab.Load(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		if r := v.reason(t, readiness.StandbyPathLost, pgpair.Standby); !strings.Contains(r.Message, "the primary's view only") {
			t.Errorf("the message does not say that figures are one-sided: %s", r.Message)
		}
	})

	step(t, "nobody can reach the standby", func(t *testing.T) {
		during(t, lab, "stop-standby", func() {
			if err := lab.Load(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			// First seen now, so that its slot is known by its setting here alone.
			v := newDesk(t, lab, pair, func(s *connectors.Spec) { s.Endpoints[1].Options = map[string]string{"slot": "ledger_b"} }).sweep(t)
			v.want(t, readiness.Red, readiness.StandbyAbsent, readiness.VisDR, readiness.WriterUnproven, readiness.SlotInactive)
			if r := v.reason(t, readiness.StandbyAbsent, pgpair.Standby); !strings.Contains(r.Message, `slot "ledger_b" keeps its WAL without limit`) {
				t.Errorf("the message does not say how long the standby can stay away: %s", r.Message)
			}
			if kept := v.number(t, pgpair.Primary, slotRetainedID); kept < 10_000 {
				t.Errorf("the slot of a standby that is away keeps %.0f bytes", kept)
			}
		})
	})

	step(t, "the receiver is gone and receive equals replay", func(t *testing.T) {
		during(t, lab, "cut-replication", func() {
			if err := lab.Load(t.Context(), 1000); err != nil {
				t.Fatal(err)
			}
			if !ask[bool](t, lab, pgpair.Standby, `SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()`) {
				t.Error("receive and replay differ: this test shows nothing")
			}
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Red, readiness.ReceiverDown, readiness.StandbyAbsent)
			if lag := v.number(t, "", exposureBytesID); lag < 100_000 {
				t.Errorf("exposure is %.0f bytes", lag)
			}
			// The cascade streams, but from a standby that receives nothing.
			if lag := v.number(t, pgpair.Cascade, lagBytesID); lag < 100_000 {
				t.Errorf("the cascade lacks %.0f bytes of the primary", lag)
			}
		})
	})

	step(t, "a cascading standby alone at the DR site", func(t *testing.T) {
		d := newDesk(t, lab, func(s *connectors.Spec) { s.Endpoints[1].Site = "fra" })
		d.awaitGreen(t)
		exec(t, lab, pgpair.Standby, `SELECT pg_wal_replay_pause()`)
		if err := lab.Load(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		v := d.await(t, "the cascade to be judged by itself", waitForServers, func(v verdict) bool { return v.has(readiness.ReplayPaused) })
		v.without(t, readiness.Conflict, readiness.UpstreamUnexpected, readiness.StandbyAbsent)
		v.number(t, "", exposureBytesID)
		exec(t, lab, pgpair.Standby, `SELECT pg_wal_replay_resume()`)
		d.awaitGreen(t)
		// A cascade whose upstream is none of the endpoints follows a stranger.
		alone := newDesk(t, lab, func(s *connectors.Spec) { s.Endpoints = []connectors.Endpoint{s.Endpoints[0], s.Endpoints[2]} }).sweep(t)
		alone.want(t, readiness.Red, readiness.UpstreamUnexpected)
	})

	step(t, "a standby with the default application name and no slot", func(t *testing.T) {
		d := newDesk(t, lab, pair)
		conninfo := ask[string](t, lab, pgpair.Standby, `SHOW primary_conninfo`)
		conninfo = regexp.MustCompile(`application_name=\S+`).ReplaceAllString(conninfo, "application_name=walreceiver")
		exec(t, lab, pgpair.Standby, reloadAfter(fmt.Sprintf(`ALTER SYSTEM SET primary_conninfo = '%s'`, conninfo), `ALTER SYSTEM SET primary_slot_name = ''`)...)
		eventually(t, "the standby to reconnect", func() bool {
			return ask[bool](t, lab, pgpair.Primary, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'walreceiver' AND state = 'streaming')`)
		})
		v := d.sweep(t)
		v.want(t, readiness.Yellow, readiness.SlotInactive) // the slot it has left
		v.without(t, readiness.Conflict, readiness.UpstreamUnexpected, readiness.StandbyAbsent)
		if len(v.Reasons) != 1 {
			t.Errorf("reasons:\n%s", v)
		}
		exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM RESET primary_conninfo`, `ALTER SYSTEM RESET primary_slot_name`)...)
		d.awaitGreen(t)
	})

	step(t, "the slot is lost", func(t *testing.T) {
		during(t, lab, "lose-slot", func() {
			// The standby tries again and again, and looks connected in between.
			v := newDesk(t, lab, pair).await(t, "the standby to be found cut off", waitForServers, func(v verdict) bool {
				return v.Status == readiness.Red && v.has(readiness.SlotLost)
			})
			v.reason(t, readiness.SlotLost, pgpair.Primary)
		})
	})

	step(t, "the slot does not exist", func(t *testing.T) {
		d := newDesk(t, lab, pair)
		exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM SET primary_slot_name = 'no_such_slot'`)...)
		v := d.await(t, "the missing slot to be named", waitForServers, func(v verdict) bool { return v.has(readiness.SlotMissing) })
		v.want(t, readiness.Red, readiness.SlotMissing)
		exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM RESET primary_slot_name`)...)
		d.awaitGreen(t)
	})

	step(t, "a slot is about to lose WAL", func(t *testing.T) {
		d := newDesk(t, lab, pair)
		d.sweep(t).wantGreen(t)
		if err := lab.StopNode(t.Context(), pgpair.Standby); err != nil {
			t.Fatal(err)
		}
		exec(t, lab, pgpair.Primary, reloadAfter(`ALTER SYSTEM SET max_slot_wal_keep_size = '2MB'`, `ALTER SYSTEM SET wal_keep_size = 0`)...)
		wide := d.await(t, "the slot to say what it may lose", waitForServers, func(v verdict) bool {
			r := v.reason(t, readiness.StandbyAbsent, pgpair.Standby)
			return strings.Contains(r.Message, `slot "ledger_b" keeps its WAL for another`)
		})
		before := wide.number(t, pgpair.Primary, slotSafeID)
		for range 5 { // without a checkpoint nothing is removed yet
			exec(t, lab, pgpair.Primary, `SELECT pg_logical_emit_message(false, 'test', 'fill')`, `SELECT pg_switch_wal()`)
		}
		v := d.await(t, "the slot to be at risk", waitForServers, func(v verdict) bool { return v.has(readiness.SlotAtRisk) })
		v.want(t, readiness.Red, readiness.StandbyAbsent, readiness.SlotAtRisk)
		for _, o := range v.observations {
			if now, ok := o.Value.Number(); o.Indicator == slotSafeID && ok && now >= before {
				t.Errorf("the slot may lose WAL after %.0f bytes, before %.0f", now, before)
			}
		}
		exec(t, lab, pgpair.Primary, reloadAfter(`ALTER SYSTEM RESET max_slot_wal_keep_size`, `ALTER SYSTEM RESET wal_keep_size`)...)
		if err := lab.StartNode(t.Context(), pgpair.Standby); err != nil {
			t.Fatal(err)
		}
		newDesk(t, lab).awaitGreen(t)
	})

	step(t, "a slot is left over", func(t *testing.T) {
		during(t, lab, "inactive-slot", func() {
			v := newDesk(t, lab).sweep(t)
			v.want(t, readiness.Yellow, readiness.SlotInactive)
			if r := v.reason(t, readiness.SlotInactive, pgpair.Primary); !strings.Contains(r.Message, `"left_over"`) {
				t.Errorf("the message does not name the slot: %s", r.Message)
			}
		})
	})

	step(t, "a standby of a clone of the cluster", func(t *testing.T) { clone(t, lab) })

	step(t, "one server behind two names", func(t *testing.T) { aliased(t, lab) })
}

// followThrough lets a standby follow its upstream over a path that can be
// broken for others.
func followThrough(t *testing.T, lab *pgpair.Lab, standby string) *forwarder {
	t.Helper()
	n, err := lab.Node(standby)
	if err != nil {
		t.Fatal(err)
	}
	up, err := lab.Node(n.Upstream)
	if err != nil {
		t.Fatal(err)
	}
	way := forward(t, up.Address())
	conninfo := ask[string](t, lab, standby, `SHOW primary_conninfo`)
	changed := strings.Replace(conninfo, fmt.Sprintf("port=%d", up.Port), fmt.Sprintf("port=%d", way.port()), 1)
	if changed == conninfo {
		t.Fatal("the standby's connection string names no port")
	}
	exec(t, lab, standby, reloadAfter(fmt.Sprintf(`ALTER SYSTEM SET primary_conninfo = '%s'`, changed))...)
	eventually(t, standby+" to follow over the path", func() bool {
		return ask[bool](t, lab, standby, fmt.Sprintf(`SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_port = %d)`, way.port()))
	})
	return way
}

// clone: the address of the standby leads to that of a drill copy, which has the
// same system identifier, slot, application name and timeline, and follows its own
// primary well.
func clone(t *testing.T, lab *pgpair.Lab) {
	other := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})
	if other.SystemIdentifier() != lab.SystemIdentifier() {
		t.Fatal("it is another cluster: this test shows nothing")
	}
	stray, err := other.Node(pgpair.Standby)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, other, pgpair.Primary, `ALTER ROLE bcctl_monitor PASSWORD '`+lab.Password(pgpair.RoleMonitor)+`'`)
	// Connections that began in the same half second could not be told apart.
	const old = `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'ledger-b' AND clock_timestamp() - backend_start > interval '2 s')`
	for _, l := range []*pgpair.Lab{lab, other} {
		eventually(t, "the connection to be old", func() bool { return ask[bool](t, l, pgpair.Primary, old) })
	}
	exec(t, other, pgpair.Primary, `SELECT pg_terminate_backend(pid) FROM pg_stat_replication`)
	eventually(t, "the clone to have a new one", func() bool {
		return ask[bool](t, other, pgpair.Primary, `SELECT count(*) = 1 AND bool_and(state = 'streaming' AND clock_timestamp() - backend_start < interval '2 s') FROM pg_stat_replication`)
	})
	ca, err := other.CA()
	if err != nil {
		t.Fatal(err)
	}
	watch := func(t *testing.T) *desk {
		return newDesk(t, lab, func(s *connectors.Spec) {
			s.Endpoints = s.Endpoints[:2]
			s.Endpoints[1].Address = stray.Address()
			s.TLS.CA = append(s.TLS.CA, ca...)
		})
	}
	v := watch(t).await(t, "the clone's standby to let bcctl in", waitForServers, func(v verdict) bool { return !v.has(readiness.VisAuth) })
	if green(v) {
		t.Errorf("green by the standby of a clone:\n%s", v)
	}
	if v = watch(t).sweep(t); !v.has(readiness.ReignMismatch) || v.Status != readiness.Red {
		t.Errorf("its reign is another one:\n%s", v)
	}

	// Without reigns only the connection tells.
	for _, l := range []*pgpair.Lab{lab, other} {
		exec(t, l, pgpair.Primary, `REVOKE SELECT ON bcctl.reign FROM bcctl_monitor`)
	}
	v = watch(t).await(t, "the reigns to be hidden", waitForServers, func(v verdict) bool { return !v.has(readiness.ReignMismatch) })
	if green(v) || !v.has(readiness.UpstreamUnexpected) && !v.has(readiness.Conflict) {
		t.Errorf("without reigns:\n%s", v)
	}
	exec(t, lab, pgpair.Primary, `GRANT SELECT ON bcctl.reign TO bcctl_monitor`)
	newDesk(t, lab).awaitGreen(t)
}

// aliased: a virtual address, a pooler or a load balancer leads to a node that
// has an address of its own.
func aliased(t *testing.T, lab *pgpair.Lab) {
	for name, c := range map[string]struct{ hidden, shown int }{"both lead to the primary": {1, 0}, "both lead to the standby": {0, 1}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, lab, func(s *connectors.Spec) {
				s.Endpoints = s.Endpoints[:2]
				s.Endpoints[c.hidden].Address = forward(t, s.Endpoints[c.shown].Address).address()
			})
			v := d.sweep(t)
			v.want(t, readiness.Unknown, readiness.EndpointAliased)
			v.without(t, readiness.TwoWriters, readiness.NoPrimary, readiness.Conflict)
			v.reason(t, readiness.EndpointAliased, pgpair.Primary)
			v.reason(t, readiness.EndpointAliased, pgpair.Standby)
		})
	}
	step(t, "by another spelling", func(t *testing.T) {
		v := newDesk(t, lab, func(s *connectors.Spec) {
			s.Endpoints = s.Endpoints[:2]
			s.Endpoints[1].Address = strings.Replace(s.Endpoints[0].Address, "127.0.0.1", "localhost", 1)
		}).sweep(t)
		v.want(t, readiness.Unknown, readiness.EndpointAliased)
	})
}
