package postgres

import (
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// standbySide records what a standby says of itself and what the primary's
// position makes of it.
func (d *deriver) standbySide(n *node) {
	if n.replay == nil {
		if !d.failedReading(n, transportAgeID) {
			d.fail(n, transportAgeID, finding(readiness.QueryFailed, "%s did not tell its replication state", n.Name))
		}
		d.promotion(n)
		return
	}
	d.transport(n)
	d.follows(n)
	d.replayState(n)
	d.conflicts(n)
	d.promotion(n)
	d.slotStates(n)
	d.candidate(n)
}

// transport judges the link by when it last spoke, not by its state: the state
// survives a hung peer for a minute.
func (d *deriver) transport(n *node) {
	r := n.replay.Receiver
	if slot := d.slotOf(n); slot != "" && r != nil && r.SlotName != nil {
		d.add(n, slotNameID, readiness.Str(slot))
	}
	switch {
	case d.spec.Options["transport"] == "archive":
		d.archiveTransport(n)
	case r == nil:
		d.noTransport(n, "no WAL receiver runs")
	case r.masked():
		d.fail(n, transportAgeID, finding(readiness.InsufficientPrivilege, "pg_stat_wal_receiver on %s is masked for the monitoring role", n.Name))
	case !r.streaming():
		d.noTransport(n, "its WAL receiver is "+*r.Status+", not streaming")
	default:
		d.streamingTransport(n, r)
	}
}

func (d *deriver) streamingTransport(n *node, r *receiver) {
	silent, bad := age(r.MessageAge)
	if bad != nil {
		d.fail(n, transportAgeID, *bad)
		return
	}
	var findings []readiness.Finding
	if limit := d.messageLimit(n); silent > limit {
		findings = append(findings, finding(readiness.TransportSilent, "%s is shown as streaming but heard nothing for %s (limit %s)", n.Name, seconds(silent), limit))
	}
	if s := d.sentTo[n]; s != nil && s.ReplyAge != nil {
		back, bad := age(s.ReplyAge)
		if limit := replyLimit(n.settings, d.primary.settings); bad == nil && back > limit {
			findings = append(findings, finding(readiness.TransportSilent, "%s heard nothing from %s for %s (limit %s)", d.primary.Name, n.Name, seconds(back), limit))
		}
	}
	findings = append(findings, d.upstreamFindings(n, r)...)
	d.add(n, transportAgeID, readiness.Dur(silent), findings...)
}

// upstreamFindings compares what the standby says it follows with who says it
// streams to it. The primary never lists a cascading standby; its upstream does.
func (d *deriver) upstreamFindings(n *node, r *receiver) []readiness.Finding {
	if d.primary == nil {
		return nil
	}
	up := d.feeder(n)
	switch {
	case up == nil && d.sendersKnown(d.primary) && d.mayBeFed(d.primary, n):
		return []readiness.Finding{finding(readiness.Conflict,
			"%s follows %s, which is no endpoint of this resource; that it is %s under another address is not proved", n.Name, r.upstream(), d.primary.Name)}
	case up == nil && d.sendersKnown(d.primary):
		return []readiness.Finding{finding(readiness.UpstreamUnexpected,
			"%s follows %s, which is no endpoint of this resource; no endpoint lists that connection", n.Name, r.upstream())}
	case up != nil && d.sendersKnown(up) && d.senderOf(up, n) == nil && !d.streamsToStranger(up):
		return []readiness.Finding{finding(readiness.Conflict, "%s says it streams from %s, which does not list it", n.Name, up.Name)}
	default:
		return nil
	}
}

// noTransport records a standby without a live receiver, with what the other side
// knows about it.
func (d *deriver) noTransport(n *node, why string) {
	d.fail(n, transportAgeID, d.receiverDown(n, why))
	if n.Site == d.farSite && d.sendersKnown(d.primary) && d.sentTo[n] == nil && !d.streamsFar() && d.fedDirectly(n) {
		last := &d.obs[len(d.obs)-1]
		last.Findings = append(last.Findings, finding(readiness.StandbyAbsent, "%s streams to no standby at site %s; %s", d.primary.Name, d.farSite, d.retention(n)))
	}
}

// fedDirectly reports whether a standby without a link would follow the primary
// itself, as far as its slot tells.
func (d *deriver) fedDirectly(n *node) bool {
	name := d.slotOf(n)
	return name == "" || slices.ContainsFunc(d.primary.slots, func(s slot) bool { return s.Name == name })
}

// streamsFar reports whether the primary streams to a standby at the far site, or
// to one that cannot be told apart.
func (d *deriver) streamsFar() bool {
	for n, s := range d.sentTo {
		if n.Site == d.farSite && s.sending() {
			return true
		}
	}
	return d.streamsToStranger(d.primary)
}

func (d *deriver) receiverDown(n *node, why string) readiness.Finding {
	name := d.slotOf(n)
	if name == "" || d.primary == nil {
		return finding(readiness.ReceiverDown, "%s receives nothing: %s", n.Name, why)
	}
	everywhere := true // every node that may have the slot was asked
	for _, up := range d.nodes {
		if up == n || d.alias[up] != nil {
			continue
		}
		if !d.trusted(up) || up.failed[slotsID].Code != "" {
			everywhere = false
			continue
		}
		for _, s := range up.slots {
			switch {
			case s.Name != name:
			case s.WALStatus != nil && *s.WALStatus == "lost":
				return finding(readiness.SlotLost, "%s cannot continue: slot %q on %s has lost WAL it needs; rebuild it, unless the archive has the WAL", n.Name, name, up.Name)
			default:
				if have, known := n.have(); known && s.Restart != nil && *s.Restart > have {
					why += fmt.Sprintf("; slot %q on %s begins at %s, past the %s it has: unless it still replays WAL of its own or the archive has the rest, it needs a rebuild", name, up.Name, *s.Restart, have)
				}
				return finding(readiness.ReceiverDown, "%s receives nothing: %s", n.Name, why)
			}
		}
	}
	if everywhere {
		return finding(readiness.SlotMissing, "%s receives nothing: %s, and slot %q, which it uses, exists on no endpoint", n.Name, why, name)
	}
	return finding(readiness.ReceiverDown, "%s receives nothing: %s", n.Name, why)
}

// archiveTransport: a standby fed by the archive alone has no receiver. What
// passes over its link are finished WAL files, so the link is as old as the last
// one that was archived; how far the standby is, exposure judges in bytes.
func (d *deriver) archiveTransport(n *node) {
	p := d.primary
	if p == nil {
		d.fail(n, transportAgeID, finding(readiness.VisPrimary, "%s is fed by the archive and the primary is not seen, so nothing proves that it keeps up", n.Name))
		return
	}
	if p.archiver == nil || p.archiver.LastArchived == nil {
		d.fail(n, transportAgeID, finding(readiness.ValueInvalid, "%s is fed by the archive, and %s did not tell that it archived anything", n.Name, p.Name))
		return
	}
	old := p.facts.Clock.Sub(*p.archiver.LastArchived)
	var findings []readiness.Finding
	if p.archiver.failing() {
		findings = append(findings, finding(readiness.TransportSilent, "%s is fed by the archive, and archiving on %s fails", n.Name, p.Name))
	}
	d.add(n, transportAgeID, readiness.Dur(max(old, 0)), findings...)
}

// follows proves or disproves that the standby's history is the primary's.
func (d *deriver) follows(n *node) {
	r := n.replay.Receiver
	if r != nil && r.Timeline != nil {
		d.add(n, timelineID, readiness.Num(float64(*r.Timeline)))
	} else if n.system != nil {
		d.add(n, timelineID, readiness.Num(float64(n.system.timeline)))
	}
	have, known := n.have()
	switch {
	case d.primary == nil:
		d.followsUnseen(n)
	case !known:
		d.lineageUnproven(n, "it did not tell its position")
	case d.primary.position == nil:
		d.lineageUnproven(n, "the primary did not tell its position")
	case provenBySight(d.primary, n):
		d.followsPrimary(n, fmt.Sprintf("streaming on timeline %d", d.primary.position.Timeline))
	default:
		d.followsByHistory(n, have)
	}
}

func (d *deriver) followsUnseen(n *node) {
	if _, ok := d.receiving(n); ok {
		d.lineage[n] = lineageWas{ok: true, proved: false}
		d.add(n, lineageID, readiness.Str("streaming from "+n.replay.Receiver.upstream()))
		return
	}
	d.lineageUnproven(n, "no single primary is seen to compare with")
}

func (d *deriver) followsPrimary(n *node, how string) {
	if f, differs := d.reignDiffers(n); differs {
		d.lineage[n] = lineageWas{ok: false, proved: true}
		d.add(n, lineageID, readiness.Str("diverged"), f)
		return
	}
	d.lineage[n] = lineageWas{ok: true, proved: true}
	d.add(n, lineageID, readiness.Str(how))
}

func (d *deriver) followsByHistory(n *node, have lsn) {
	p := d.primary
	timeline := 0
	switch r := n.replay.Receiver; {
	case n.system != nil:
		timeline = n.system.timeline
	case r != nil && r.Timeline != nil:
		timeline = *r.Timeline
	default:
		why := "its timeline is not known"
		if n.lineageFailure != nil {
			why = n.lineageFailure.Message
		}
		d.lineageUnproven(n, why)
		return
	}
	if timeline != p.position.Timeline && p.lineageFailure != nil {
		d.lineageUnproven(n, "the primary's timeline history could not be read: "+p.lineageFailure.Message)
		return
	}
	if timeline == p.position.Timeline && have > p.newest().Flush && p.closing == nil {
		// It was read later than the primary: on a busy pair that alone puts it ahead.
		d.lineageUnproven(n, fmt.Sprintf("it is past %s, where %s was read before it, and %s could not be read again", p.position.Flush, p.Name, p.Name))
		return
	}
	if n.lineageFailure != nil && timeline > 1 {
		d.lineageUnproven(n, "its own timeline history could not be read: "+n.lineageFailure.Message)
		return
	}
	if fork, other, differ := forkedApart(n.history, p.history); differ {
		d.lineage[n] = lineageWas{ok: false, proved: true}
		d.add(n, lineageID, readiness.Str("diverged"), finding(readiness.Diverged, "%s cannot follow %s: its history left timeline %d at %s, the primary's at %s; their later timelines have the same number and are not the same",
			n.Name, p.Name, fork.timeline, fork.switchAt, other.switchAt))
		return
	}
	ok, why := leader{p.newest().Timeline, p.newest().Flush, p.history}.canFollow(timeline, have)
	if !ok {
		d.lineage[n] = lineageWas{ok: false, proved: true}
		d.add(n, lineageID, readiness.Str("diverged"), finding(readiness.Diverged, "%s cannot follow %s: %s", n.Name, p.Name, why))
		return
	}
	d.followsPrimary(n, why)
}

func (d *deriver) lineageUnproven(n *node, why string) {
	d.fail(n, lineageID, finding(readiness.LineageUnproven, "%s: %s", n.Name, why))
}

// reignDiffers compares the reigns, which alone tell two timelines with the same
// number apart. A standby may lack the newest ones while it is behind; one the
// primary never had is divergence at any distance.
func (d *deriver) reignDiffers(n *node) (readiness.Finding, bool) {
	p := d.primary
	if p.reign == nil || n.reign == nil {
		return readiness.Finding{}, false
	}
	if id, strange := n.reign.strangeTo(p.reign); strange {
		return finding(readiness.ReignMismatch, "%s carries reign %s, which %s never had; the newest there is %s", n.Name, id, p.Name, p.reign.name()), true
	}
	if n.replay.Replay != nil && *n.replay.Replay >= p.position.Flush && n.reign.name() != p.reign.name() {
		return finding(readiness.ReignMismatch, "%s has applied all that %s had and carries reign %s instead of %s", n.Name, p.Name, n.reign.name(), p.reign.name()), true
	}
	return readiness.Finding{}, false
}

// replayState: what is received must also be applied before a promotion serves.
func (d *deriver) replayState(n *node) {
	have, known := n.have()
	if !known {
		d.fail(n, backlogID, finding(readiness.ValueInvalid, "%s did not tell what it has replayed", n.Name))
		return
	}
	backlog := have.minus(*n.replay.Replay)
	var findings []readiness.Finding
	if pause := n.replay.Pause; pause == nil {
		d.fail(n, replayStateID, finding(readiness.ValueInvalid, "%s did not tell whether replay is paused", n.Name))
	} else {
		var paused []readiness.Finding
		if *pause != "not paused" {
			paused = append(paused, finding(readiness.ReplayPaused, "replay on %s is %s, with %s received and not applied", n.Name, *pause, readiness.Num(float64(backlog)).Format(readiness.Bytes)))
		} else if stalled, since := d.stalled(n, backlog); stalled {
			findings = append(findings, finding(readiness.ReplayStalled, "%s has %s to apply and has applied nothing since %s", n.Name, readiness.Num(float64(backlog)).Format(readiness.Bytes), since.UTC().Format(time.RFC3339)))
		} else if n.motionless {
			// What it received does not continue what it has until some of it is applied:
			// timelines of the same number need not be the same.
			findings = append(findings, finding(readiness.LineageUnproven, "%s has %s to apply and applied none while it was watched, and there is no earlier sweep to compare with; check again", n.Name, readiness.Num(float64(backlog)).Format(readiness.Bytes)))
		}
		d.add(n, replayStateID, readiness.Str(*pause), paused...)
	}
	d.add(n, backlogID, readiness.Num(float64(backlog)), findings...)
	d.add(n, replayPosID, readiness.Num(float64(*n.replay.Replay)))

	if delay, ok := n.settings.milliseconds("recovery_min_apply_delay"); ok {
		var late []readiness.Finding
		if delay > 0 {
			late = append(late, finding(readiness.ApplyDelay, "%s applies with a delay of %s; a promotion ignores it and applies everything at once", n.Name, delay))
		}
		d.add(n, applyDelayID, readiness.Dur(delay), late...)
	}
}

// stallTime is how long replay may stand still with WAL to apply.
const stallTime = 10 * time.Second

// stalled compares with earlier sweeps: a backlog and no progress at all.
func (d *deriver) stalled(n *node, backlog int64) (bool, time.Time) {
	if delay, _ := n.settings.milliseconds("recovery_min_apply_delay"); delay > 0 || backlog <= 0 {
		return false, time.Time{}
	}
	since := n.replayedAt
	prev, ok := d.previous(n, replayPosID)
	if last, isNumber := prev.Value.Number(); ok && isNumber && lsn(uint64(last)) == *n.replay.Replay && (since.IsZero() || prev.ObservedAt.Before(since)) {
		since = prev.ObservedAt
	}
	return !since.IsZero() && n.at.Sub(since) >= stallTime, since
}

func (d *deriver) conflicts(n *node) {
	if n.conflicts == nil {
		d.failedReading(n, conflictsID)
		return
	}
	total := float64(*n.conflicts)
	var findings []readiness.Finding
	if prev, ok := d.previous(n, conflictsID); ok {
		if before, isNumber := prev.Value.Number(); isNumber && total > before {
			findings = append(findings, finding(readiness.ReplayConflicts, "replay on %s cancelled %.0f queries since %s", n.Name, total-before, prev.ObservedAt.UTC().Format(time.RFC3339)))
		}
	}
	d.add(n, conflictsID, readiness.Num(total), findings...)
}

// oneSided records a standby that only the primary sees.
func (d *deriver) oneSided(n *node, s *sender, silent time.Duration) {
	p := d.primary
	seen := p.at.Add(-silent)
	d.addAt(n, seen, transportAgeID, readiness.Dur(silent))
	d.lineage[n] = lineageWas{ok: true, proved: true}
	d.addAt(n, seen, lineageID, readiness.Str("streaming to it is accepted by the primary"))
	if s.Flush != nil && s.Replay != nil {
		d.addAt(n, seen, backlogID, readiness.Num(float64(s.Flush.minus(*s.Replay))))
	}
	if s.Flush != nil && p.position != nil {
		d.candidateFromSender(n, s)
	}
}
