package postgres

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// topology says who writes and who follows, and what it means that some node
// cannot be seen. It never chooses between two primaries and never takes an
// unreachable node for a stopped one.
func (d *deriver) topology() {
	var primaries, standbys, unseen, hidden []*node
	for _, n := range d.nodes {
		switch {
		case n.unreached != nil:
			unseen = append(unseen, n)
		case !d.member(n):
			hidden = append(hidden, n) // something else answers in its place
		case n.isPrimary():
			primaries = append(primaries, n)
		default:
			standbys = append(standbys, n)
		}
	}
	var findings []readiness.Finding
	switch {
	case len(primaries) > 1:
		findings = d.twoWriters(primaries)
		for _, n := range unseen {
			d.unseenNode(n)
		}
	case len(primaries) == 1:
		findings = d.onePrimary(unseen)
	default:
		findings = d.noPrimarySeen(standbys, unseen, hidden)
	}
	d.add(nil, topologyID, readiness.Str(describe(primaries, standbys, append(unseen, hidden...))), findings...)
}

func describe(primaries, standbys, unseen []*node) string {
	var parts []string
	for _, group := range []struct {
		label string
		nodes []*node
	}{{"primary", primaries}, {"standby", standbys}, {"not seen", unseen}} {
		if len(group.nodes) > 0 {
			parts = append(parts, group.label+" "+names(group.nodes))
		}
	}
	if len(parts) == 0 {
		return "nothing seen"
	}
	return strings.Join(parts, "; ")
}

// twoWriters is a split brain: say which history contains which, and leave the
// choice to a person.
func (d *deriver) twoWriters(primaries []*node) []readiness.Finding {
	var each []string
	for _, p := range primaries {
		if p.position != nil {
			each = append(each, fmt.Sprintf("%s on timeline %d at %s", p.Name, p.position.Timeline, p.position.Flush))
		} else {
			each = append(each, p.Name)
		}
	}
	for _, p := range primaries {
		d.blame(p, roleID, finding(readiness.TwoWriters, "%s accepts writes, and it is not the only one", p.Name))
	}
	message := "both accept writes: " + strings.Join(each, " and ")
	if len(primaries) == 2 {
		message += "; " + newerHistory(primaries[0], primaries[1])
	}
	return []readiness.Finding{{Code: readiness.TwoWriters, Message: message}}
}

func newerHistory(a, b *node) string {
	if a.position == nil || b.position == nil {
		return "their histories could not be read"
	}
	if a.position.Timeline > b.position.Timeline {
		a, b = b, a
	}
	switch {
	case a.position.Timeline == b.position.Timeline:
		return "their timelines have the same number, so the histories cannot tell which is legitimate: ask, do not choose"
	case b.lineageFailure != nil || b.system == nil:
		return "the timeline history could not be read"
	case (leader{timeline: b.position.Timeline, history: b.history}).contains(a.position.Timeline):
		return fmt.Sprintf("%s's history contains %s's timeline %d, so %s was promoted from it", b.Name, a.Name, a.position.Timeline, b.Name)
	default:
		return "neither history contains the other"
	}
}

func (d *deriver) onePrimary(unseen []*node) []readiness.Finding {
	p := d.primary
	var findings []readiness.Finding
	if p.Site != d.spec.Home.Primary {
		findings = append(findings, finding(readiness.PrimaryNotHome, "%s at site %s is primary; home is %s", p.Name, p.Site, d.spec.Home.Primary))
	}
	far := 0 // even those that are not seen: why they are not is said of each
	for _, n := range d.nodes {
		if n.Site == d.farSite && n != p {
			far++
		}
	}
	for _, n := range unseen {
		f, writer := d.unseenBesidePrimary(n)
		switch {
		case !writer:
		case n.Optional:
			d.fail(n, roleID, f) // of the endpoint, so that it counts as one
		default:
			findings = append(findings, f)
		}
	}
	if far == 0 {
		findings = append(findings, finding(readiness.NoStandbyAtDR, "no standby at site %s, where one is needed while %s is primary at %s", d.farSite, p.Name, p.Site))
	}
	return findings
}

// unseenBesidePrimary judges a node that is not seen while another is primary.
// It returns the doubt about a second writer, unless the primary hears from the
// node as from a standby.
func (d *deriver) unseenBesidePrimary(n *node) (readiness.Finding, bool) {
	s := d.sentTo[n]
	if silent, ok := d.answering(s, n); ok {
		if n.unreached.code != "" {
			// It refused, or was not asked to the end: no path is lost by that.
			d.unseenNode(n)
			d.oneSided(n, s, silent)
			return readiness.Finding{}, false
		}
		d.fail(n, reachableID, finding(readiness.StandbyPathLost, "%s: %s; but it replied to %s %s ago; figures are the primary's view only", n.Name, n.unreached.message, d.primary.Name, seconds(silent)))
		d.oneSided(n, s, silent)
		return readiness.Finding{}, false
	}
	d.unseenNode(n)
	if n.Site == d.farSite && !n.unreached.alive && d.sendersKnown(d.primary) {
		message := fmt.Sprintf("%s is not connected to %s", n.Name, d.primary.Name)
		if s != nil && s.ReplyAge != nil {
			message = fmt.Sprintf("%s last answered %s %s ago", n.Name, d.primary.Name, seconds(time.Duration(*s.ReplyAge*float64(time.Second))))
		}
		d.fail(n, transportAgeID, readiness.Finding{Code: readiness.StandbyAbsent, Message: message + "; " + d.retention(n)})
	}
	return finding(readiness.WriterUnproven, "%s cannot be seen while %s is primary; that it does not write is not proved", n.Name, d.primary.Name), true
}

// retention says how long an absent standby can still come back without a
// rebuild.
func (d *deriver) retention(n *node) string {
	name := d.slotOf(n)
	for _, s := range d.primary.slots {
		if s.Name != name || name == "" {
			continue
		}
		switch {
		case s.WALStatus != nil && *s.WALStatus == "lost":
			return fmt.Sprintf("slot %q has lost WAL it needs: rebuild", name)
		case s.Restart == nil:
			return fmt.Sprintf("slot %q keeps nothing yet, so how long it can stay away is not known", name)
		case s.SafeSize != nil && *s.SafeSize <= 0:
			return fmt.Sprintf("slot %q loses its WAL at the next checkpoint", name)
		case s.SafeSize != nil:
			return fmt.Sprintf("slot %q keeps its WAL for another %s", name, readiness.Num(float64(*s.SafeSize)).Format(readiness.Bytes))
		default:
			return fmt.Sprintf("slot %q keeps its WAL without limit and fills the primary's disk", name)
		}
	}
	return "no slot of it is known, so how long it can stay away is not known"
}

// unseenNode records why a node gave nothing, as loss of visibility of its side.
func (d *deriver) unseenNode(n *node) {
	code := n.unreached.code
	if code == "" {
		code = d.visibilityCode(n)
	} else if d.isSideWitness(n) && code != d.visibilityCode(n) {
		d.fail(n, roleID, finding(d.visibilityCode(n), "%s gave no facts", n.Name))
	}
	d.fail(n, reachableID, finding(code, "%s: %s", n.Name, n.unreached.message))
}

// isSideWitness reports whether n stands for one of the two home sites.
func (d *deriver) isSideWitness(n *node) bool {
	return n.Site == d.spec.Home.Primary || n.Site == d.spec.Home.DR
}

// visibilityCode names the side that is not seen when n is not: VIS_ENDPOINT
// when another node of its site was.
func (d *deriver) visibilityCode(n *node) readiness.Code {
	for _, other := range d.nodes {
		if other != n && other.Site == n.Site && d.trusted(other) {
			return readiness.VisEndpoint
		}
	}
	switch n.Site {
	case d.spec.Home.Primary:
		return readiness.VisPrimary
	case d.spec.Home.DR:
		return readiness.VisDR
	default:
		return readiness.VisEndpoint
	}
}

func (d *deriver) noPrimarySeen(standbys, unseen, hidden []*node) []readiness.Finding {
	for _, n := range unseen {
		d.unseenNode(n)
	}
	switch {
	case len(standbys) == 0 && len(unseen) == 0:
		return []readiness.Finding{finding(readiness.IdentityUnproven, "no node could be proved to belong to this resource")}
	case len(standbys) == 0:
		return []readiness.Finding{finding(readiness.VisBoth, "no node of this resource could be seen")}
	case len(unseen) == 0 && len(hidden) > 0:
		return []readiness.Finding{finding(readiness.WriterUnproven, "all nodes that were recognised are in recovery; something else answers in place of %s, which may be primary", names(hidden))}
	case len(unseen) == 0:
		return []readiness.Finding{finding(readiness.NoPrimary, "%s were reached and all are in recovery", names(standbys))}
	}
	suspect := d.expectedPrimary(unseen)
	if suspect == nil {
		return []readiness.Finding{finding(readiness.WriterUnproven, "all nodes reached are in recovery; %s may be primary and cannot be seen", names(unseen))}
	}
	if suspect.unreached.alive {
		return nil // the node's own reason says what it is: starting, refusing the login, ...
	}
	var fed *node // by somebody who may be the suspect under another address
	for _, n := range standbys {
		silent, ok := d.receiving(n)
		if !ok {
			continue
		}
		switch d.upstreamOf(n) {
		case suspect:
			return []readiness.Finding{finding(readiness.PrimaryPathLost,
				"%s: %s, but %s heard from it %s ago, so it was alive then; a failover now would make two writers", suspect.Name, suspect.unreached.message, n.Name, seconds(silent))}
		case nil:
			fed = n
		}
	}
	if fed != nil {
		return []readiness.Finding{finding(readiness.WriterUnproven,
			"%s: %s; %s follows %s, which is no endpoint of this resource and may be %s under another address: whether that is alive is not known", suspect.Name, suspect.unreached.message, fed.Name, fed.replay.Receiver.upstream(), suspect.Name)}
	}
	return []readiness.Finding{finding(readiness.PrimaryUnreachable,
		"%s: %s, and no standby hears from it; it is down or partitioned, which cannot be told from here; %s", suspect.Name, suspect.unreached.message, d.lossBound(suspect, standbys))}
}

// expectedPrimary is the unseen node that was primary when last seen, else the
// one at the primary's home.
func (d *deriver) expectedPrimary(unseen []*node) *node {
	for _, n := range unseen {
		if prev, ok := d.previous(n, roleID); ok {
			if role, _ := prev.Value.Text(); role == "primary" {
				return n
			}
		}
	}
	for _, n := range unseen {
		if n.Site == d.spec.Home.Primary {
			return n
		}
	}
	return nil
}

// lossBound words what a promotion would lose, as far as recorded positions tell.
func (d *deriver) lossBound(p *node, standbys []*node) string {
	seen, why := d.lossSeen(p, standbys)
	if why != "" {
		return "what a promotion would lose is not known: " + why
	}
	when := fmt.Sprintf("%s, %s ago", seen.at.UTC().Format(time.RFC3339), d.now.Sub(seen.at).Round(time.Second))
	if seen.bytes <= 0 {
		return fmt.Sprintf("%s holds WAL up to %s, not less than the primary had when last seen at %s; what it wrote later is not known", seen.on.Name, seen.have, when)
	}
	return fmt.Sprintf("a promotion of %s would lose at least %s (primary last seen at %s); upper bound not known", seen.on.Name, readiness.Num(float64(seen.bytes)).Format(readiness.Bytes), when)
}

// lossSeen is the lower bound of what a promotion would lose: what the primary had when
// it was last seen, and the standby that has most has not.
type lossSeen struct {
	bytes int64
	at    time.Time // when the primary was seen
	on    *node
	have  lsn
}

// lossSeen compares the last recorded position of a lost primary with its standbys, or
// says why it cannot.
func (d *deriver) lossSeen(p *node, standbys []*node) (lossSeen, string) {
	prev, ok := d.previous(p, positionID)
	last, isNumber := prev.Value.Number()
	if !ok || !isNumber || prev.ObservedAt.After(d.now) {
		return lossSeen{}, "the primary was never recorded"
	}
	seen := lossSeen{at: prev.ObservedAt}
	for _, n := range standbys {
		if have, ok := n.have(); ok && (seen.on == nil || have > seen.have) {
			seen.have, seen.on = have, n
		}
	}
	if seen.on == nil {
		return lossSeen{}, "no standby told its position"
	}
	seen.bytes = lsn(uint64(last)).minus(seen.have)
	return seen, ""
}
