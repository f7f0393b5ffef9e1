package sqlserver

import (
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// lacking is what one database on a replica lacks.
type lacking struct {
	bytes   int64
	seconds *float64 // nil: not known
}

// lacks measures one pair. The first finding says why it cannot be.
func (d *deriver) lacks(l *link, p pair) (lacking, *readiness.Finding) {
	because := func(f readiness.Finding) (lacking, *readiness.Finding) { return lacking{}, &f }
	if f := p.trouble(l); f != nil {
		return lacking{}, f
	}
	if d.complete(l, p) {
		zero := 0.0
		return lacking{0, &zero}, nil
	}
	if p.remote == nil || p.remote.SendQueueKB == nil {
		return because(finding(readiness.ValueInvalid, "%s does not tell how much of database %s it has not sent to %s (NULL), which is not zero", l.from.Name, p.name, l.name))
	}
	queue := *p.remote.SendQueueKB
	if queue < 0 || queue > 1<<50 {
		return because(finding(readiness.ValueInvalid, "the send queue of database %s to %s is %d KB", p.name, l.name, queue))
	}
	return lacking{bytes: queue * 1024, seconds: p.behind()}, nil
}

// trouble says why no number about the pair means anything, if none does: those of
// a database that is suspended or does not synchronize freeze, fall to zero, grow
// with the clock or turn NULL, each in another version.
func (p pair) trouble(l *link) *readiness.Finding {
	because := func(code readiness.Code, format string, args ...any) *readiness.Finding {
		f := finding(code, "database "+p.name+" on "+l.name+" "+format+", so no figure of it means anything", args...)
		return &f
	}
	if p.absent() {
		return because(readiness.DatabaseNotJoined, "is not joined")
	}
	if reason, yes := p.suspended(); yes {
		return because(readiness.DatabaseSuspended, "is suspended (%s)", reason)
	}
	switch state := p.state(); state {
	case synchronizing, synchronized:
		return nil
	case reverting, initializing:
		return because(readiness.DatabaseReverting, "is %s", state)
	case notSynchronizing:
		return because(readiness.NotSynchronizing, "is %s", state)
	default:
		return because(readiness.ValueInvalid, "is in a state that is %s", state)
	}
}

// behind is how much older the last commit is that the replica has reported, by two
// rows of one answer of the primary: a column without a zone, and one of another
// host, compare with nothing else. (Monitor performance for Always On availability
// groups)
func (p pair) behind() *float64 {
	if p.source == nil || p.remote == nil || p.source.LastCommit == nil || p.remote.LastCommit == nil {
		return nil
	}
	seconds := p.source.LastCommit.Sub(*p.remote.LastCommit).Seconds()
	if seconds < 0 {
		return nil // it cannot have what the primary has not
	}
	return &seconds
}

// complete reports whether it is proved that nothing is missing: commits wait for
// this replica, it keeps up at this moment, and the flag that says so is kept by a
// cluster that has quorum, which was not forced, and that sees the node up. A send
// queue that is none contradicts all of it.
func (d *deriver) complete(l *link, p pair) bool {
	if l.across || !l.synchronous() || p.remote == nil || p.remote.State != synchronized || p.state() != synchronized || !isSet(p.remote.Ready) {
		return false
	}
	if p.remote.SendQueueKB == nil || *p.remote.SendQueueKB < 0 {
		return false
	}
	return d.quorate(l.from, l.row) && (l.to == nil || !d.member(l.to) || d.quorate(l.to, l.row)) && d.up(l)
}

func (d *deriver) quorate(n *node, r *replica) bool {
	if !r.windows() {
		return true
	}
	return n.cluster != nil && n.cluster.QuorumState == "NORMAL_QUORUM"
}

// up reports that no cluster member says the replica's host is down.
func (d *deriver) up(l *link) bool {
	if l.to == nil || l.to.facts == nil {
		return true
	}
	for _, m := range l.from.members {
		if fold(m.Name) == fold(l.to.facts.PhysicalName) && m.State != "UP" {
			return false
		}
	}
	return true
}

// measured is a replica at the far site whose lack could be measured.
type measured struct {
	link    *link
	bytes   int64
	seconds *float64
	unknown string // the database of which seconds are not known
}

// exposure records what the best replica at the far site lacks: of each replica the
// database that is worst, because a group fails over as a whole.
func (d *deriver) exposure() {
	if d.primary == nil {
		d.noExposure(exposureBytesID, d.whyNoExposure())
		return
	}
	var best *measured
	var why *readiness.Finding
	for _, l := range d.links {
		if l.from != d.primary || !d.atFarSite(l) {
			continue
		}
		m, problem := d.measure(l)
		switch {
		case problem != nil && l.to != nil && l.to.Optional:
			// said of the endpoint, where it counts as one
		case problem != nil && why == nil:
			why = problem
		case problem == nil && (best == nil || m.better(best)):
			best = m
		}
	}
	if best == nil {
		if why == nil {
			f := d.whyNoExposure()
			why = &f
		}
		d.noExposure(exposureBytesID, *why)
		return
	}
	at := d.primary.At
	d.addAt(nil, at, exposureBytesID, readiness.Num(float64(best.bytes)))
	if best.seconds == nil {
		d.fail(nil, exposureSecondsID, finding(readiness.RPOUnproven, "since when %s lacks commits of database %s is not known: the primary does not tell the time of its last commit, or that of the replica", best.link.name, best.unknown))
	} else {
		d.addAt(nil, at, exposureSecondsID, readiness.Num(*best.seconds))
	}
	d.recovery(best.link)
}

// noExposure records that what DR lacks is not known. Log shipping has no figure in
// bytes, so neither figure is required; without the one its form has, nothing is
// proved about the resource, and the topology says so.
func (d *deriver) noExposure(id readiness.ID, why readiness.Finding) {
	d.fail(nil, id, why)
	d.blame(nil, topologyID, why)
}

func (m *measured) better(than *measured) bool {
	switch {
	case m.bytes != than.bytes:
		return m.bytes < than.bytes
	case m.seconds == nil || than.seconds == nil:
		return m.seconds != nil && than.seconds == nil
	default:
		return *m.seconds < *than.seconds
	}
}

// atFarSite reports whether the target of a link survives the loss of the primary's
// site. The other group of a distributed group stands where its instances do.
func (d *deriver) atFarSite(l *link) bool {
	if l.to != nil {
		return l.to.Site == d.farSite
	}
	return l.across
}

// measure finds the worst database of a link.
func (d *deriver) measure(l *link) (*measured, *readiness.Finding) {
	if f, failed := d.linkFailed(l); failed {
		return nil, &f
	}
	if len(l.pairs) == 0 {
		f := finding(readiness.IndicatorMissing, "no database of the group is known on %s", l.name)
		return nil, &f
	}
	switch l.row.Connected {
	case "CONNECTED":
	case "DISCONNECTED":
		f := finding(readiness.ReplicaDisconnected, "%s has no connection to %s, so what it lacks is not known", l.from.Name, l.name)
		return nil, &f
	default: // what a primary knows of a replica is what it heard last
		f := finding(readiness.ValueInvalid, "%s does not tell whether it is connected to %s, so how old its figures are is not known", l.from.Name, l.name)
		return nil, &f
	}
	m := &measured{link: l}
	worst := 0.0
	for _, p := range l.pairs {
		lack, problem := d.lacks(l, p)
		if problem != nil {
			return nil, problem
		}
		m.bytes = max(m.bytes, lack.bytes)
		if lack.seconds == nil {
			m.unknown = p.name
			continue
		}
		worst = max(worst, *lack.seconds)
	}
	if m.unknown == "" {
		m.seconds = &worst
	}
	return m, nil
}

func (d *deriver) whyNoExposure() readiness.Finding {
	switch {
	case d.writers > 1:
		return finding(readiness.Conflict, "what a replica lacks cannot be said while %d instances are primary", d.writers)
	case d.primary == nil:
		return finding(readiness.VisPrimary, "what DR lacks is not known while no single primary is seen; a replica alone shows its own side only, and the last known figure is not proof")
	default:
		return finding(readiness.IndicatorMissing, "no replica at site %s gives a figure that can be trusted", d.farSite)
	}
}

// queues records what one replica has not been sent and has not redone.
func (d *deriver) queues(l *link) {
	if l.from != nil {
		if m, problem := d.measure(l); problem == nil {
			d.addAt(l.to, l.from.At, lagBytesID, readiness.Num(float64(m.bytes)))
		} else {
			d.fail(l.to, lagBytesID, *problem)
		}
	}
	worst := int64(0)
	for _, p := range l.pairs {
		if f := p.trouble(l); f != nil {
			d.fail(l.to, backlogID, *f)
			return
		}
		s := p.worstRedo()
		if s == nil {
			d.fail(l.to, backlogID, finding(readiness.ValueInvalid, "database %s on %s does not tell how much it has to redo (NULL), which is not zero", p.name, l.name))
			return
		}
		worst = max(worst, *s.RedoQueueKB*1024)
	}
	if len(l.pairs) > 0 {
		d.add(l.to, backlogID, readiness.Num(float64(worst)))
	}
}

// worstRedo is the row with the longer redo queue; nil when no row has a sane one,
// or one that should has none.
func (p pair) worstRedo() *databaseState {
	var worst *databaseState
	for _, s := range p.rows() {
		switch {
		case s.RedoQueueKB == nil:
		case *s.RedoQueueKB < 0 || *s.RedoQueueKB > 1<<50:
			return nil
		case worst == nil || *s.RedoQueueKB > *worst.RedoQueueKB:
			worst = s
		}
	}
	return worst
}

// recovery estimates how long the best replica needs to redo what it has: queue by
// rate, in real numbers, because whole ones say 0 below a second. Detection and
// the change of roles come on top. (Monitor performance for Always On availability
// groups)
func (d *deriver) recovery(l *link) {
	worst := 0.0
	for _, p := range l.pairs {
		s := p.worstRedo()
		switch {
		case s == nil:
			return // said of the backlog
		case *s.RedoQueueKB == 0:
			continue
		case s.RedoRateKB == nil || *s.RedoRateKB <= 0:
			d.fail(nil, recoverySecondsID, finding(readiness.ValueInvalid, "database %s on %s has %s to redo and tells no rate", p.name, l.name, kilobytes(*s.RedoQueueKB)))
			return
		}
		worst = max(worst, float64(*s.RedoQueueKB)/float64(*s.RedoRateKB))
	}
	d.addAt(nil, d.primary.At, recoverySecondsID, readiness.Num(worst))
}

func kilobytes(n int64) string {
	return fmt.Sprintf("%d KB", n)
}
