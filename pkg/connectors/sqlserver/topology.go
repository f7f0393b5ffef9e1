package sqlserver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// topology says who writes and who follows, and what it means that some instance
// cannot be seen. It never chooses between two primaries and never takes an
// unreachable instance for a stopped one.
func (d *deriver) topology() {
	var unseen, hidden []*node
	for _, n := range d.nodes {
		switch {
		case n.unreached != nil:
			unseen = append(unseen, n)
		case !d.member(n) && d.alias[n] == nil:
			hidden = append(hidden, n) // something else answers in its place
		case d.roles[n] == unknownRole && d.alias[n] == nil:
			hidden = append(hidden, n)
		}
	}
	var findings []readiness.Finding
	switch {
	case d.writers > 1:
		findings = d.twoWriters()
		for _, n := range unseen {
			d.unseenNode(n)
		}
	case d.writers == 1:
		findings = d.onePrimary(unseen, hidden)
	default:
		findings = d.noPrimary(unseen, hidden)
	}
	findings = append(findings, d.twoLocalPrimaries()...)
	d.add(nil, topologyID, readiness.Str(d.describe(append(unseen, hidden...))), findings...)
}

func (d *deriver) describe(unseen []*node) string {
	var parts []string
	for _, r := range []role{primaryRole, forwarderRole, secondaryRole, resolvingRole} {
		if nodes := d.with(r); len(nodes) > 0 {
			parts = append(parts, string(r)+" "+names(nodes))
		}
	}
	if len(unseen) > 0 {
		parts = append(parts, "not seen "+names(unseen))
	}
	if len(parts) == 0 {
		return "nothing seen"
	}
	return strings.Join(parts, "; ")
}

// twoWriters is a split brain: say what tells their histories apart, and leave the
// choice to a person.
func (d *deriver) twoWriters() []readiness.Finding {
	primaries := d.with(primaryRole)
	for _, p := range primaries {
		d.blame(p, roleID, finding(readiness.TwoWriters, "%s is primary, and it is not the only one", p.Name))
	}
	message := fmt.Sprintf("%s are primary of %s at the same time", names(primaries), d.groupName())
	if len(primaries) == 2 {
		message += "; " + parted(primaries[0], primaries[1])
	}
	return []readiness.Finding{{Code: readiness.TwoWriters, Message: message}}
}

// twoLocalPrimaries finds a split brain inside a member group of a distributed
// group, of which at most one shows up as its primary.
func (d *deriver) twoLocalPrimaries() []readiness.Finding {
	var findings []readiness.Finding
	if !d.group.distributed {
		return nil
	}
	first := map[string]*node{}
	for _, n := range d.nodes {
		own := d.places[n].own
		if !d.member(n) || own == nil || own.Role != "PRIMARY" {
			continue
		}
		if other := first[own.Group]; other != nil {
			findings = append(findings, finding(readiness.TwoWriters, "%s and %s are both primary of member group %q", other.Name, n.Name, own.GroupName))
			continue
		}
		first[own.Group] = n
	}
	return findings
}

func (d *deriver) onePrimary(unseen, hidden []*node) []readiness.Finding {
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
		if f, doubt := d.unseenBesidePrimary(n); doubt && n.Optional {
			d.fail(n, roleID, f) // of the endpoint, so that it counts as one
		} else if doubt {
			findings = append(findings, f)
		}
	}
	for _, n := range hidden {
		f := finding(readiness.WriterUnproven, "%s was not recognised while %s is primary; that it does not write is not proved", n.Name, p.Name)
		if n.Optional {
			d.fail(n, roleID, f)
			continue
		}
		findings = append(findings, f)
	}
	findings = append(findings, d.strangers()...)
	if d.group.distributed {
		findings = append(findings, d.otherGroup(slices.Concat(unseen, hidden))...)
	}
	if far == 0 {
		findings = append(findings, finding(readiness.NoStandbyAtDR, "no replica at site %s, where one is needed while %s is primary at %s", d.farSite, p.Name, p.Site))
	}
	return findings
}

// strangers are replicas that the group has and the resource does not list. One
// that is connected as a secondary follows; any other may be anything.
func (d *deriver) strangers() []readiness.Finding {
	listed := map[string]bool{}
	for _, n := range d.nodes {
		listed[d.group.serverName(n, d.nodes)] = true
	}
	var findings []readiness.Finding
	for _, n := range d.nodes {
		if !d.member(n) || d.places[n].own == nil || d.places[n].own.Role != "PRIMARY" {
			continue
		}
		for _, r := range d.places[n].replicas {
			if !listed[fold(r.Server)] && !follows(r) && r.Mode != "CONFIGURATION_ONLY" && !r.local() {
				findings = append(findings, finding(readiness.EndpointMissing, "replica %s of %s is no endpoint of this resource and not connected to %s: nobody looked at it", r.Server, r.GroupName, n.Name))
			}
		}
	}
	return findings
}

// follows reports whether a primary sees a replica connected as its secondary.
func follows(r replica) bool { return r.Connected == "CONNECTED" && r.Role == "SECONDARY" }

// seenFrom is what a reached primary says of another instance: the row of its own
// group first, then, in a distributed group, the row of the instance's whole group.
func (d *deriver) seenFrom(n *node) (witness *node, r replica, ok bool) {
	name := d.group.serverName(n, d.nodes)
	for _, w := range d.nodes {
		if !d.member(w) || d.places[w].own == nil || d.places[w].own.Role != "PRIMARY" || name == "" {
			continue
		}
		for _, r := range d.places[w].replicas {
			if fold(r.Server) == name && !r.local() {
				return w, r, true
			}
		}
	}
	if d.group.distributed && d.primary != nil && n.Site != d.primary.Site {
		for _, r := range d.places[d.primary].across {
			if !r.local() {
				return d.primary, r, true
			}
		}
	}
	return nil, replica{}, false
}

// unseenBesidePrimary judges an instance that is not seen while another is
// primary. It returns the doubt about a second writer, unless the primary holds a
// connection to it as to its secondary.
func (d *deriver) unseenBesidePrimary(n *node) (readiness.Finding, bool) {
	w, r, known := d.seenFrom(n)
	if known && follows(r) {
		if n.unreached.Code != "" {
			d.unseenNode(n) // it refused, or was not asked to the end: no path is lost by that
			return readiness.Finding{}, false
		}
		d.fail(n, reachableID, finding(readiness.StandbyPathLost, "%s: %s; but %s holds a connection to %s as to its secondary, so it answered there within %s; figures are that side's view only",
			n.Name, n.unreached.Message, w.Name, r.Server, patience(r)))
		return readiness.Finding{}, false
	}
	d.unseenNode(n)
	why := "whether it is connected is not told"
	if known && r.Connected == "DISCONNECTED" {
		why = w.Name + " has no connection to it"
	}
	return finding(readiness.WriterUnproven, "%s cannot be seen while %s is primary, and %s; that it does not write is not proved", n.Name, d.primary.Name, why), true
}

// patience is how long a replica may be silent and still count as connected.
func patience(r replica) string {
	if r.Timeout == nil {
		return "its session timeout"
	}
	return fmt.Sprintf("its session timeout of %d s", *r.Timeout)
}

// unseenNode records why an instance gave nothing, as loss of visibility of its
// side.
func (d *deriver) unseenNode(n *node) {
	side := d.sideCode(n)
	code := n.unreached.Code
	if code == "" {
		code = side
	} else if code != side && (n.Site == d.spec.Home.Primary || n.Site == d.spec.Home.DR) {
		d.fail(n, roleID, finding(side, "%s gave no facts", n.Name))
	}
	d.fail(n, reachableID, finding(code, "%s: %s", n.Name, n.unreached.Message))
}

func (d *deriver) sideCode(n *node) readiness.Code {
	seen := false
	for _, other := range d.nodes {
		seen = seen || other != n && other.Site == n.Site && d.member(other)
	}
	return observe.SideCode(d.spec.Home, n.Endpoint, seen)
}
