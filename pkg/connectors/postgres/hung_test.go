package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestHungServers is about servers that are there and do not answer. Their peers
// go on showing them as connected until a timeout, which is longer here than
// elsewhere so that there is time to look.
func TestHungServers(t *testing.T) {
	t.Parallel()
	const patience = 10 * time.Second
	lab := pgpairtest.Start(t, pgpair.Options{WALSenderTimeout: patience, WALReceiverTimeout: patience})

	step(t, "the standby hangs and is shown as streaming", func(t *testing.T) {
		d := newDesk(t, lab)
		d.sweep(t).wantGreen(t)
		whileHung(t, lab, "hang-standby", pgpair.Standby, func() {
			const shown = `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')`
			if !ask[bool](t, lab, pgpair.Primary, shown) {
				t.Error("the primary has noticed already: this test shows nothing")
			}
			v := d.sweep(t)
			if !ask[bool](t, lab, pgpair.Primary, shown) {
				t.Error("the primary noticed meanwhile: this test shows nothing")
			}
			v.want(t, readiness.Yellow, readiness.StandbyPathLost)
			costsItsOwnDeadline(t, v, pgpair.Standby, pgpair.Primary)

			// What is written now waits in the standby's socket: lag only bytes show.
			if err := lab.Load(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			late := d.sweep(t)
			if late.Status == readiness.Green {
				t.Errorf("green with a hung standby:\n%s", late)
			}
			if lag := late.number(t, "", exposureBytesID); lag < 10_000 {
				t.Errorf("exposure is %.0f bytes", lag)
			}
		}, func() {
			v := d.sweep(t)
			v.want(t, readiness.Red, readiness.StandbyAbsent, readiness.VisDR, readiness.WriterUnproven)
			costsItsOwnDeadline(t, v, pgpair.Standby, pgpair.Primary)
		})
	})

	step(t, "the primary hangs and is shown as streaming", func(t *testing.T) {
		d := newDesk(t, lab)
		d.sweep(t).wantGreen(t)
		whileHung(t, lab, "hang-primary", pgpair.Primary, func() {
			const shown = `SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')`
			if !ask[bool](t, lab, pgpair.Standby, shown) {
				t.Error("the standby has noticed already: this test shows nothing")
			}
			v := d.sweep(t)
			if !ask[bool](t, lab, pgpair.Standby, shown) {
				t.Error("the standby noticed meanwhile: this test shows nothing")
			}
			v.want(t, readiness.Unknown, readiness.VisPrimary, readiness.PrimaryPathLost)
			costsItsOwnDeadline(t, v, pgpair.Primary, pgpair.Standby)
		}, func() {
			v := d.sweep(t)
			v.want(t, readiness.Red, readiness.PrimaryUnreachable, readiness.VisPrimary)
			v.without(t, readiness.PrimaryPathLost)
			costsItsOwnDeadline(t, v, pgpair.Primary, pgpair.Standby)
		})
	})

	step(t, "the receiver hangs and is shown as streaming", func(t *testing.T) {
		d := newDesk(t, lab)
		d.sweep(t).wantGreen(t)
		if err := lab.Break(t.Context(), "silent-standby"); err != nil {
			t.Fatal(err)
		}
		if err := lab.Load(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		if !ask[bool](t, lab, pgpair.Standby, `SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')`) {
			t.Error("the standby does not look well to careless monitoring: this test shows nothing")
		}
		v := d.sweep(t)
		v.want(t, readiness.Red, readiness.TransportSilent)
		if lag := v.number(t, "", exposureBytesID); lag < 10_000 {
			t.Errorf("exposure is %.0f bytes, though nothing written since arrives", lag)
		}
		// The primary's path is broken as well: an old message proves no life.
		d.spec.Endpoints[0].Address = refusedAddress(t)
		stale := d.sweep(t)
		stale.want(t, readiness.Red, readiness.PrimaryUnreachable)
		stale.without(t, readiness.PrimaryPathLost)
		if err := lab.Repair(t.Context(), "silent-standby"); err != nil {
			t.Fatal(err)
		}
		newDesk(t, lab).awaitGreen(t)
	})

	step(t, "a check that is interrupted", func(t *testing.T) {
		whileHung(t, lab, "hang-standby", pgpair.Standby, func() { interrupted(t, lab) }, func() {})
	})
}

// whileHung pauses a server, looks at once and again when its peer has noticed.
func whileHung(t *testing.T, lab *pgpair.Lab, fault, node string, atOnce, noticed func()) {
	t.Helper()
	broken := make(chan error, 1)
	go func() { broken <- lab.Break(t.Context(), fault) }() // it returns when the peer has noticed
	eventually(t, node+" to hang", func() bool {
		for _, s := range lab.Status(t.Context()) {
			if s.Name == node {
				return s.State == pgpair.Hung
			}
		}
		return false
	})
	atOnce()
	if err := <-broken; err != nil {
		t.Fatal(err)
	}
	noticed()
	if err := lab.Repair(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	newDesk(t, lab).awaitGreen(t)
}

// bound is what a sweep may take beyond the deadline of an endpoint, on a machine
// that does other things as well.
const bound = 1200 * time.Millisecond

// costsItsOwnDeadline: a hung endpoint takes nothing from the others.
func costsItsOwnDeadline(t *testing.T, v verdict, hung, other string) {
	t.Helper()
	if v.took < probeLimit-50*time.Millisecond || v.took > probeLimit+bound {
		t.Errorf("the sweep took %s, the deadline of an endpoint is %s", v.took, probeLimit)
	}
	for _, id := range []readiness.ID{reachableID, roleID, identityID, versionID, clockSkewID, privilegeID, settingsID, settingsListID, slotsID, rewindID, collationID} {
		v.observation(t, other, id)
	}
	for _, o := range v.observations {
		if o.Endpoint == other && o.Failure != nil && o.Indicator != lineageID && o.Indicator != transportAgeID {
			t.Errorf("%s of %s failed: %s", o.Indicator, other, o.Failure.Message)
		}
		if o.Endpoint == hung && o.Failure == nil && (o.Indicator == reachableID || o.Indicator == roleID) {
			t.Errorf("%s of %s was read", o.Indicator, hung)
		}
	}
}

// interrupted: the end of the context ends a sweep at once, with what is known.
func interrupted(t *testing.T, lab *pgpair.Lab) {
	d := newDesk(t, lab, func(s *connectors.Spec) { s.EndpointTimeout = time.Minute })
	c, err := (Factory{}).Open(d.spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // nothing is kept
	ctx, cancel := context.WithCancel(t.Context())
	start := time.Now()
	time.AfterFunc(500*time.Millisecond, cancel)
	observations, err := c.Collect(ctx)
	if took := time.Since(start); took < 500*time.Millisecond || took > 500*time.Millisecond+bound {
		t.Errorf("the sweep took %s, interrupted after 500 ms", took)
	}
	if err != nil {
		t.Fatal(err)
	}
	v := verdict{observations: observations}
	v.Result, _ = d.judge.Evaluate(time.Now(), observations, d.state)
	v.want(t, readiness.Unknown)
	v.reason(t, readiness.VisCollector, pgpair.Standby)
	v.without(t, readiness.StandbyPathLost)
	if role := v.text(t, pgpair.Primary, roleID); role != "primary" {
		t.Errorf("the primary is %q", role)
	}
}
