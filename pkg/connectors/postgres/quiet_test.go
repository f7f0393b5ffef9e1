package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// TestQuietPair is about a pair of which nothing is wrong. Nothing but its subtests
// touches it, so that it is idle.
func TestQuietPair(t *testing.T) { // not parallel: a subtest sets environment variables
	lab := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})
	heartbeats := map[string]func(*connectors.Spec){
		"without heartbeat": func(*connectors.Spec) {},
		"with heartbeat": func(s *connectors.Spec) {
			s.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second, Write: true}
		},
	}

	step(t, "nothing is written", func(t *testing.T) { nothingWritten(t, lab) })
	for name, heartbeat := range heartbeats {
		step(t, "idle for some seconds "+name, func(t *testing.T) {
			d := newDesk(t, lab, heartbeat)
			for range 10 {
				d.sweep(t).wantGreen(t)
			}
		})
		step(t, "idle for ten minutes "+name, func(t *testing.T) { idleForLong(t, newDesk(t, lab, heartbeat)) })
	}
	step(t, "keepalives alone keep the link fresh", func(t *testing.T) { keepalives(t, lab) })
	step(t, "the environment leads elsewhere", func(t *testing.T) {
		for name, value := range ambient(t) {
			t.Setenv(name, value)
		}
		d := newDesk(t, lab)
		d.secrets = append(d.secrets, "ambient-canary")
		v := d.sweep(t)
		v.wantGreen(t)
		if exposure := v.number(t, "", exposureBytesID); exposure != 0 {
			t.Errorf("exposure is %.0f bytes", exposure)
		}
	})
	step(t, "a kept connection is lost on the way", func(t *testing.T) {
		ways := []*forwarder{forward(t, lab.Nodes()[0].Address()), forward(t, lab.Nodes()[1].Address())}
		d := newDesk(t, lab, func(s *connectors.Spec) {
			s.KeepOpen = true
			for i, way := range ways {
				s.Endpoints[i].Address = way.address()
			}
		})
		d.awaitGreen(t)
		ways[0].lose()
		ways[1].lose()
		v := d.sweep(t)
		v.wantGreen(t)
		if v.took < probeLimit/3 || v.took > probeLimit {
			t.Errorf("the sweep took %s; the connections were not lost, or cost more than half of the deadline", v.took)
		}
		d.sweep(t).wantGreen(t)
	})
	step(t, "connections are kept", func(t *testing.T) { connectionsKept(t, lab) })
}

// nothingWritten: a sweep leaves no trace in the write-ahead log and takes no
// transaction number. What servers write by themselves now and then is why this
// is tried again.
func nothingWritten(t *testing.T, lab *pgpair.Lab) {
	const trace = `SELECT pg_current_wal_insert_lsn()::text || ' ' || pg_snapshot_xmax(pg_current_snapshot())::text`
	d := newDesk(t, lab)
	d.awaitGreen(t)
	var before, after string
	for range 20 {
		before = ask[string](t, lab, pgpair.Primary, trace)
		for range 3 {
			d.sweep(t).wantGreen(t)
		}
		if after = ask[string](t, lab, pgpair.Primary, trace); after == before {
			break
		}
	}
	if after != before {
		t.Errorf("sweeps leave traces: %s before, %s after", before, after)
	}

	// Even a role that may write could not in the session a node is read with.
	exec(t, lab, pgpair.Primary, `GRANT UPDATE ON bcctl.heartbeat TO bcctl_monitor`)
	c, err := (Factory{}).Open(d.spec)
	if err != nil {
		t.Fatal(err)
	}
	s := c.(*Connector).probe(t.Context(), 0, 0)
	if s.conn == nil {
		t.Fatalf("not connected: %+v", s.node.unreached)
	}
	defer closeQuietly(s.conn)
	_, err = s.conn.Exec(t.Context(), `UPDATE bcctl.heartbeat SET seq = seq + 1`)
	if pgErr := asPgError(err); pgErr == nil || pgErr.Code != "25006" {
		t.Errorf("a write gave %v, want SQLSTATE 25006", err)
	}
	exec(t, lab, pgpair.Primary, `REVOKE UPDATE ON bcctl.heartbeat FROM bcctl_monitor`)
}

// idleForLong judges ten minutes in steps of 30 s. Time is injected: the facts of
// one real sweep are taken as read again at each step, with what a clock changes
// changed. The servers' clocks go on, everything they remember gets older, and
// only what an idle pair still does is renewed: keepalives, replies, heartbeats.
// The rules carry their state from step to step, and each step finds the one
// before as its previous reading.
func idleForLong(t *testing.T, d *desk) {
	opened, err := (Factory{}).Open(d.spec)
	if err != nil {
		t.Fatal(err)
	}
	c := opened.(*Connector)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	sessions := make([]*session, len(d.spec.Endpoints))
	for i := range sessions {
		sessions[i] = c.probe(ctx, i, 0)
	}
	c.confirm(ctx, sessions)
	var recorded []*node
	for _, s := range sessions {
		closeQuietly(s.conn)
		if s.node.facts == nil {
			t.Fatalf("%s was not reached: %+v", s.node.Name, s.node.unreached)
		}
		recorded = append(recorded, s.node)
	}
	start := time.Now()
	state := rules.State{}
	for step := range 21 {
		passed := time.Duration(step) * 30 * time.Second
		var nodes []*node
		for _, n := range recorded {
			nodes = append(nodes, later(n, passed, step))
		}
		v := verdict{observations: derive(d.spec, nodes, nil, start.Add(passed))}
		v.Result, state = d.judge.Evaluate(start.Add(passed), v.observations, state)
		for _, o := range v.observations {
			d.known[o.Key()] = o
		}
		if v.Status != readiness.Green || len(v.Reasons) > 0 {
			t.Fatalf("after %s of idling:\n%s", passed, v)
		}
		if age := v.ObservedAt; age.Before(start.Add(passed - 10*time.Second)) {
			t.Fatalf("after %s the verdict rests on a reading of %s", passed, age)
		}
	}
}

// later is what an idle node says some time later.
func later(n *node, passed time.Duration, step int) *node {
	next := *n
	next.at, next.collectedAt = n.at.Add(passed), n.collectedAt.Add(passed)
	if !n.replayedAt.IsZero() {
		next.replayedAt = n.replayedAt // nothing was replayed since
	}
	facts := *n.facts
	facts.Clock = facts.Clock.Add(passed)
	next.facts = &facts
	if n.position != nil {
		position := *n.position
		position.at = position.at.Add(passed)
		next.position = &position
		next.caughtUp = map[int]time.Time{}
		for pid, at := range n.caughtUp {
			next.caughtUp[pid] = at.Add(passed)
		}
	}
	wave := []float64{0.1, 12, 29}[step%3] // between two keepalives of a default configuration
	if n.replay != nil && n.replay.Receiver != nil {
		replay, receiver := *n.replay, *n.replay.Receiver
		receiver.MessageAge, receiver.Age = &wave, pointer(*receiver.Age+passed.Seconds())
		replay.Receiver = &receiver
		next.replay = &replay
		next.settings = with(with(n.settings, "wal_receiver_timeout", "60000"), "wal_receiver_status_interval", "10")
	}
	next.senders = nil
	for _, s := range n.senders {
		s.ReplyAge, s.Age = pointer(wave/3), pointer(*s.Age+passed.Seconds())
		next.senders = append(next.senders, s)
	}
	if n.position != nil {
		next.settings = with(n.settings, "wal_sender_timeout", "60000")
	}
	if n.heartbeat != nil {
		written := n.facts.Clock.Add(passed - 4*time.Second)
		next.heartbeat = &heartbeat{Seq: pointer(*n.heartbeat.Seq + int64(3*step)), WrittenAt: &written, Age: pointer(4.0)}
	}
	return &next
}

// keepalives: the receiver's latest_end_time stands still on an idle link that
// lives, so nothing may rest on it.
func keepalives(t *testing.T, lab *pgpair.Lab) {
	d := newDesk(t, lab)
	seen := false
	eventually(t, "a message that moves no latest_end_time", func() bool {
		var end, message time.Time
		const both = `SELECT latest_end_time, last_msg_receipt_time FROM pg_stat_wal_receiver`
		if err := lab.QueryRow(t.Context(), pgpair.Standby, both, &end, &message); err != nil {
			t.Fatal(err)
		}
		seen = message.Sub(end) > 3*time.Second
		return seen
	})
	v := d.sweep(t)
	v.wantGreen(t)
	if age := v.number(t, pgpair.Standby, transportAgeID); age > 3 {
		t.Errorf("the link is silent for %.1f s by something else than its messages", age)
	}
}

// connectionsKept: one session per node is used again and again, a server that was
// restarted or promoted is judged as it is now, and none is left in the end.
func connectionsKept(t *testing.T, lab *pgpair.Lab) {
	const sessions = `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bcctl'`
	const session = `SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE application_name = 'bcctl'`
	d := newDesk(t, lab, func(s *connectors.Spec) { s.KeepOpen = true })
	d.sweep(t).wantGreen(t)
	first := ask[int](t, lab, pgpair.Standby, session)
	for range 3 {
		d.sweep(t).wantGreen(t)
	}
	for _, node := range []string{pgpair.Primary, pgpair.Standby} {
		if n := ask[int](t, lab, node, sessions); n != 1 {
			t.Errorf("%d sessions on %s", n, node)
		}
	}
	if again := ask[int](t, lab, pgpair.Standby, session); again != first || first == 0 {
		t.Errorf("the session was %d and is %d", first, again)
	}

	if err := lab.StopNode(t.Context(), pgpair.Standby); err != nil {
		t.Fatal(err)
	}
	v := d.sweep(t)
	v.want(t, readiness.Red, readiness.StandbyAbsent, readiness.VisDR)
	if err := lab.StartNode(t.Context(), pgpair.Standby); err != nil {
		t.Fatal(err)
	}
	d.awaitGreen(t)
	restart(t, lab, pgpair.Standby) // between two sweeps: the kept session is stale
	if v := d.sweep(t); v.has(readiness.VisDR) {
		t.Errorf("a restarted standby is not seen:\n%s", v)
	}
	restart(t, lab, pgpair.Primary)
	if v := d.sweep(t); v.has(readiness.VisPrimary) {
		t.Errorf("a restarted primary is not seen:\n%s", v)
	}
	d.awaitGreen(t)

	during(t, lab, "split-brain", func() {
		v := d.sweep(t)
		v.want(t, readiness.Red, readiness.TwoWriters)
		if r, ok := reasonOf(v, readiness.Conflict, pgpair.Standby); ok {
			t.Errorf("a session that was open during the promotion remembers the old role: %s", r.Message)
		}
	})
	d.awaitGreen(t)

	if err := d.kept.Close(); err != nil {
		t.Fatal(err)
	}
	d.kept = nil
	for _, node := range []string{pgpair.Primary, pgpair.Standby} {
		eventually(t, "no session to be left on "+node, func() bool { return ask[int](t, lab, node, sessions) == 0 })
	}
}

func reasonOf(v verdict, c readiness.Code, endpoint string) (readiness.Reason, bool) {
	for _, r := range v.Reasons {
		if r.Code == c && r.Endpoint == endpoint {
			return r, true
		}
	}
	return readiness.Reason{}, false
}

// TestBusyPair: on a pair that is written to all the time nodes are never read at
// the same moment, and the standby is always a little behind or, when it was read
// later, ahead. Neither is a fault.
func TestBusyPair(t *testing.T) {
	t.Parallel()
	lab := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patienceOfServers, WALReceiverTimeout: patienceOfServers})
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("connections kept %t", keep), func(t *testing.T) {
			d := newDesk(t, lab, func(s *connectors.Spec) { s.KeepOpen = keep })
			d.awaitGreen(t)
			ctx, stop := context.WithCancel(t.Context())
			var writing sync.WaitGroup
			transactions := 0
			writing.Go(func() { transactions = write(t, ctx, lab) })
			position, moved := 0.0, 0
			// On a fast machine sweeps over kept connections follow each other sooner than
			// transactions do.
			for sweep := 0; sweep < 20 || moved < 15 && sweep < 1000; sweep++ {
				v := d.sweep(t)
				v.wantGreen(t)
				if at := v.number(t, pgpair.Primary, positionID); at > position {
					position = at
					moved++
				}
				for _, o := range v.observations {
					if n, isNumber := o.Value.Number(); isNumber && n < 0 && o.Indicator != clockSkewID {
						t.Errorf("%s is %.0f", o.Indicator, n)
					}
				}
			}
			stop()
			writing.Wait()
			if transactions < 20 || moved < 15 {
				t.Errorf("%d transactions moved the primary between %d sweeps: it was not busy", transactions, moved)
			}
			d.awaitGreen(t)
		})
	}
}

// write commits small transactions on one connection until ctx ends.
func write(t *testing.T, ctx context.Context, lab *pgpair.Lab) (transactions int) {
	conn, err := lab.Connect(context.WithoutCancel(ctx), pgpair.Primary)
	if err != nil {
		t.Errorf("connect to write: %v", err)
		return 0
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		if _, err := conn.Exec(context.WithoutCancel(ctx), `INSERT INTO app.entries(note) SELECT repeat('x', 200) FROM generate_series(1, 10)`); err != nil {
			t.Errorf("write: %v", err)
			return transactions
		}
		transactions++
	}
	return transactions
}
