package postgres

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// candidate adds a standby to those whose data would survive the loss of the
// primary's site.
func (d *deriver) candidate(n *node) {
	have, known := n.have()
	if d.primary == nil || d.primary.position == nil || !known || !d.lineage[n].ok {
		return
	}
	if d.spec.Options["transport"] == "archive" {
		have = *n.replay.Replay
	}
	if s := d.sentTo[n]; s != nil && s.Flush != nil {
		d.lag(n, d.senderLag(s))
		d.candidateFromSender(n, s)
		return
	}
	// A cascading standby: only positions of both ends tell. It was read a moment
	// apart from the primary, so being ahead of the first reading means no lag.
	lag := d.primary.position.Flush.minus(have)
	if lag < 0 && have <= d.primary.newest().Flush {
		lag = 0
	}
	d.lag(n, lag)
	if n.Site == d.farSite {
		e := exposed{node: n, bytes: lag, at: earlier(n.at, d.primary.at)}
		d.bound(&e, n, lag, have)
		d.exposed = append(d.exposed, e)
	}
}

func (d *deriver) lag(n *node, bytes int64) {
	d.add(n, lagBytesID, readiness.Num(float64(bytes)))
}

// senderLag is what the standby has not made durable, both positions taken from
// one row of one view.
func (d *deriver) senderLag(s *sender) int64 {
	if s.ServerFlush != nil {
		return s.ServerFlush.minus(*s.Flush)
	}
	return d.primary.newest().Flush.minus(*s.Flush)
}

func (d *deriver) candidateFromSender(n *node, s *sender) {
	if n.Site != d.farSite {
		return
	}
	e := exposed{node: n, bytes: d.senderLag(s), at: d.primary.at}
	if s.PID != nil {
		if at, ok := d.primary.caughtUp[*s.PID]; ok {
			bound := max(at.Sub(d.primary.position.at), 0).Seconds()
			e.seconds = &bound
		}
	}
	if e.seconds == nil {
		d.bound(&e, n, e.bytes, *s.Flush)
	}
	d.exposed = append(d.exposed, e)
}

// bound finds what the exposure is in time without a heartbeat: nothing when
// nothing is missing, else by when the primary was first seen at a position the
// standby has or lacks.
func (d *deriver) bound(e *exposed, n *node, missing int64, have lsn) {
	if missing == 0 {
		zero := 0.0
		e.seconds = &zero
		return
	}
	prev, ok := d.previous(d.primary, positionID)
	at, isNumber := prev.Value.Number()
	if !ok || !isNumber {
		return
	}
	since := d.primary.at.Sub(prev.ObservedAt).Seconds()
	e.atLeast = lsn(uint64(at)) > have
	if since <= 0 || !e.atLeast && since > usefulBound.Seconds() {
		return
	}
	e.seconds = &since
}

// usefulBound is how old a position may be to bound the exposure from above: by
// an older one a standby that is a second behind would look an hour behind.
const usefulBound = time.Minute

// exposure records, for the resource, what the best standby at the far site
// lacks.
func (d *deriver) exposure() {
	var best *exposed
	for i := range d.exposed {
		if best == nil || d.exposed[i].bytes < best.bytes {
			best = &d.exposed[i]
		}
	}
	if best == nil {
		d.fail(nil, exposureBytesID, d.whyNoExposure())
		return
	}
	value := readiness.Num(float64(best.bytes))
	if best.bytes < 0 {
		d.fail(nil, exposureBytesID, finding(readiness.ValueInvalid, "%s is %d bytes ahead of the primary, which is divergence, not zero lag", best.node.Name, -best.bytes))
		return
	}
	d.addAt(nil, best.at, exposureBytesID, value)
	d.recovery(best.node)
	if b := d.heartbeatBound(); b != nil && !best.atLeast && (best.seconds == nil || *b < *best.seconds) {
		best.seconds = b
	}
	switch {
	case best.seconds == nil:
		d.fail(nil, exposureSecondsID, finding(readiness.RPOUnproven, "%s lacks %s, and since when is not known: no position of the primary from the last minute is recorded; check more often, or configure a heartbeat", best.node.Name, value.Format(readiness.Bytes)))
	case best.atLeast:
		d.atLeast(best)
	default:
		d.addAt(nil, best.at, exposureSecondsID, readiness.Num(*best.seconds))
	}
}

// atLeast records an exposure of which only a lower bound is known from positions.
// The heartbeat gives an upper one; without it the objective is not proved.
func (d *deriver) atLeast(e *exposed) {
	behind := finding(readiness.ReplicationLagHigh, "%s does not yet have what the primary had %.1f s ago", e.node.Name, *e.seconds)
	if b := d.heartbeatBound(); b != nil {
		d.addAt(nil, e.at, exposureSecondsID, readiness.Num(max(*b, *e.seconds)), behind)
		return
	}
	d.addAt(nil, e.at, exposureSecondsID, readiness.Num(*e.seconds), behind,
		finding(readiness.RPOUnproven, "the exposure is at least %.1f s; how much more is not known", *e.seconds))
}

func (d *deriver) whyNoExposure() readiness.Finding {
	if d.writers > 1 {
		return finding(readiness.Conflict, "what a standby lacks cannot be said while %d nodes accept writes", d.writers)
	}
	if d.primary == nil {
		return finding(readiness.VisPrimary, "what DR lacks is not known while no single primary is seen; the last known figure is not proof")
	}
	if d.unknown[d.primary] {
		return finding(readiness.VersionUnsupported, "what DR lacks is not known: %s is of a version bcctl does not know", d.primary.Name)
	}
	if d.primary.position == nil {
		if f, ok := d.primary.failed[positionID]; ok {
			return f
		}
		return finding(readiness.QueryFailed, "the primary did not tell its position")
	}
	return finding(readiness.IndicatorMissing, "no standby at site %s gives a figure that can be trusted", d.farSite)
}

// recovery estimates how long the best standby needs to apply what it has, at
// the rate seen since the previous run.
func (d *deriver) recovery(n *node) {
	if n.replay == nil || n.replay.Replay == nil {
		return
	}
	have, _ := n.have()
	backlog := have.minus(*n.replay.Replay)
	if backlog == 0 {
		d.addAt(nil, n.at, recoverySecondsID, readiness.Num(0))
		return
	}
	prev, ok := d.previous(n, replayPosID)
	before, isNumber := prev.Value.Number()
	elapsed := n.at.Sub(prev.ObservedAt).Seconds()
	if !ok || !isNumber || elapsed <= 0 {
		return
	}
	rate := float64(n.replay.Replay.minus(lsn(uint64(before)))) / elapsed
	if rate <= 0 {
		return
	}
	d.addAt(nil, n.at, recoverySecondsID, readiness.Num(float64(backlog)/rate))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
