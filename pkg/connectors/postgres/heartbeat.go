package postgres

import (
	"context"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// writeHeartbeat updates the marker row on the one primary, where the resource
// opts in. It is the only write of this package; it has its own credential and
// its own connection, and happens after everything was read, so that a reading
// never races with it. The next check reads it. The finding tells a failure.
func (c *Connector) writeHeartbeat(ctx context.Context, nodes []*node) *readiness.Finding {
	if c.spec.Heartbeat == nil || !c.spec.Heartbeat.Write {
		return nil
	}
	primary, cluster := -1, c.spec.Identity["systemIdentifier"]
	for i, n := range nodes {
		if n.facts == nil {
			continue
		}
		if cluster == "" {
			cluster = n.facts.SystemIdentifier
		}
		if cluster != n.facts.SystemIdentifier || primary >= 0 && n.isPrimary() {
			return nil // a foreign cluster or two writers: write nowhere
		}
		if n.isPrimary() {
			primary = i
		}
	}
	if primary < 0 {
		return nil
	}
	return c.writeRow(ctx, primary)
}

func (c *Connector) writeRow(ctx context.Context, i int) *readiness.Finding {
	failed := func(message string) *readiness.Finding {
		f := finding(readiness.HeartbeatWrite, "the heartbeat on %s could not be written: %s", c.spec.Endpoints[i].Name, message)
		return &f
	}
	cred, err := c.spec.Credential(ctx, connectors.HeartbeatWriter)
	if err != nil {
		return failed(err.Error())
	}
	conn, accepted, err := c.dialers[i].dial(ctx, cred, map[string]string{"synchronous_commit": "local"})
	if err != nil {
		return failed(classify(err, accepted, c.endpointTimeout(), cred.Password).message)
	}
	defer closeQuietly(conn)
	tag, err := conn.Exec(ctx, heartbeatWriteSQL)
	if err != nil {
		return failed(queryFailure(err, cred.Password).Message)
	}
	if tag.RowsAffected() != 1 {
		return failed("bcctl.heartbeat has no row with id 1")
	}
	return nil
}

// heartbeatStandby is the standby at the far site with the newest heartbeat.
func (d *deriver) heartbeatStandby() *node {
	var best *node
	for _, n := range d.nodes {
		if n.Site == d.farSite && d.trusted(n) && n.isStandby() && n.heartbeat != nil && d.lineage[n].ok {
			if _, bad := n.heartbeat.problem(); !bad && (best == nil || *n.heartbeat.Seq > *best.heartbeat.Seq) {
				best = n
			}
		}
	}
	return best
}

func (d *deriver) heartbeatInterval() time.Duration {
	if d.spec.Heartbeat != nil && d.spec.Heartbeat.Interval > 0 {
		return d.spec.Heartbeat.Interval
	}
	return 10 * time.Second
}

// heartbeatFresh reports whether the writer is alive, by the primary's own clock.
func (d *deriver) heartbeatFresh() bool {
	if d.spec.Heartbeat == nil || d.primary == nil || d.primary.heartbeat == nil {
		return false
	}
	old, bad := age(d.primary.heartbeat.Age)
	return bad == nil && old <= 3*d.heartbeatInterval()
}

// heartbeatBound is an upper bound of the exposure in seconds: the age, by the
// primary's clock, of the newest heartbeat that DR shows. It is used only where
// positions give no bound, and it never proves that nothing was lost.
func (d *deriver) heartbeatBound() *float64 {
	n := d.heartbeatStandby()
	if n == nil || !d.heartbeatFresh() || d.primary.heartbeat.WrittenAt == nil {
		return nil
	}
	lag := d.primary.heartbeat.WrittenAt.Sub(*n.heartbeat.WrittenAt).Seconds() + *d.primary.heartbeat.Age
	if lag < 0 {
		return nil
	}
	return &lag
}

// heartbeats compares the marker row on both sides. Both times were written by
// the primary, so no clock but its own is involved. A row that is old on both
// sides means that nobody writes it, which is not lag.
func (d *deriver) heartbeats(written *readiness.Finding) {
	if d.spec.Heartbeat == nil {
		return
	}
	for _, n := range d.nodes {
		if !d.trusted(n) {
			continue
		}
		if n.heartbeat == nil {
			if !d.failedReading(n, heartbeatAgeID) {
				d.fail(n, heartbeatAgeID, finding(readiness.HeartbeatMissing, "no heartbeat row can be read on %s", n.Name))
			}
			continue
		}
		if f, bad := n.heartbeat.problem(); bad {
			d.fail(n, heartbeatAgeID, f)
			continue
		}
		d.add(n, heartbeatAgeID, readiness.Num(*n.heartbeat.Age))
		d.add(n, heartbeatSeqID, readiness.Num(float64(*n.heartbeat.Seq)))
	}
	p := d.primary
	if written != nil {
		d.fail(p, heartbeatLagID, *written)
		return
	}
	if p == nil || p.heartbeat == nil {
		return
	}
	if _, bad := p.heartbeat.problem(); bad {
		return // said above
	}
	switch {
	case !d.heartbeatFresh():
		// When check itself writes, the first check after a pause finds an old row
		// and has just renewed it: that is no fault.
		if !d.spec.Heartbeat.Write {
			d.fail(p, heartbeatLagID, finding(readiness.HeartbeatWrite, "the newest heartbeat on %s is %.0f s old and one is due every %s: nobody writes it, so it says nothing about lag",
				p.Name, *p.heartbeat.Age, d.heartbeatInterval()))
		}
	default:
		if n := d.heartbeatStandby(); n != nil {
			d.add(n, heartbeatLagID, readiness.Dur(p.heartbeat.WrittenAt.Sub(*n.heartbeat.WrittenAt)))
		}
	}
}
