package sqlserver

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func (d *deriver) heartbeatInterval() time.Duration {
	if d.spec.Heartbeat.Interval > 0 {
		return d.spec.Heartbeat.Interval
	}
	return 10 * time.Second
}

// heartbeats compares the rows on both sides. Both times were written by the
// primary, so no clock but its own is involved. A row that is old on the primary
// means that nobody writes it, which is not lag.
func (d *deriver) heartbeats(written []readiness.Finding) {
	if d.spec.Heartbeat == nil {
		return
	}
	for _, n := range d.nodes {
		if d.member(n) {
			d.beatsOf(n)
		}
	}
	if len(written) > 0 {
		for _, f := range written {
			d.fail(d.primary, heartbeatLagID, f)
		}
		return
	}
	if d.primary == nil {
		return
	}
	fresh := map[string]heartbeat{}
	for _, h := range d.primary.beats {
		old, ok := h.age()
		switch {
		case !ok:
			continue // said of its age
		case old <= 3*d.heartbeatInterval().Seconds():
			fresh[fold(h.database)] = h
		case !d.spec.Heartbeat.Write: // the first check after a pause finds an old row and has just renewed it
			d.fail(d.primary, heartbeatLagID, finding(readiness.HeartbeatWrite, "the newest heartbeat in database %s on %s is %.0f s old and one is due every %s: nobody writes it, so it says nothing about lag", h.database, d.primary.Name, old, d.heartbeatInterval()))
		}
	}
	for _, n := range d.nodes {
		if d.member(n) && n != d.primary {
			d.beatLag(n, fresh)
		}
	}
}

func (d *deriver) beatsOf(n *node) {
	if d.places[n].own != nil && d.places[n].own.Basic && d.roles[n] != primaryRole {
		return // the secondary of a basic group cannot be read at all
	}
	var worst *heartbeat
	for i := range n.beats {
		h := &n.beats[i]
		if h.failure != nil {
			d.fail(n, heartbeatAgeID, *h.failure)
			return
		}
		old, ok := h.age()
		if !ok {
			d.fail(n, heartbeatAgeID, finding(readiness.ValueInvalid, "the heartbeat row of database %s on %s has no number, no time, or one in the future", h.database, n.Name))
			return
		}
		if worst == nil || old > worst.clock.Sub(*worst.writtenAt).Seconds() {
			worst = h
		}
	}
	if worst == nil {
		d.fail(n, heartbeatAgeID, finding(readiness.HeartbeatMissing, "no heartbeat row can be read on %s", n.Name))
		return
	}
	old, _ := worst.age()
	d.add(n, heartbeatAgeID, readiness.Num(old))
	d.add(n, heartbeatSeqID, readiness.Num(float64(*worst.seq)))
}

// beatLag is the lag of the database that is worst. It contains the redo, so it is
// no figure of loss; it proves neither that nothing was lost nor anything about
// databases without a row.
func (d *deriver) beatLag(n *node, fresh map[string]heartbeat) {
	worst, found := time.Duration(0), false
	for _, h := range n.beats {
		source, ok := fresh[fold(h.database)]
		if _, sane := h.age(); !ok || !sane || h.failure != nil {
			continue
		}
		if lag := source.writtenAt.Sub(*h.writtenAt); !found || lag > worst {
			worst, found = lag, true
		}
	}
	if found {
		d.add(n, heartbeatLagID, readiness.Dur(worst))
	}
}
