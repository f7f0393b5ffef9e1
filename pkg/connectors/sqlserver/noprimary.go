package sqlserver

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// noPrimary says what it means that no instance was seen to be primary.
func (d *deriver) noPrimary(unseen, hidden []*node) []readiness.Finding {
	for _, n := range unseen {
		d.unseenNode(n)
	}
	var seen []*node
	for _, r := range []role{secondaryRole, forwarderRole, resolvingRole} {
		seen = append(seen, d.with(r)...)
	}
	resolving := d.with(resolvingRole)
	switch {
	case len(seen) == 0 && len(unseen) == 0:
		return []readiness.Finding{finding(readiness.IdentityUnproven, "no instance could be proved to belong to this resource")}
	case len(seen) == 0 && len(hidden) == 0:
		return []readiness.Finding{finding(readiness.VisBoth, "no instance of this resource could be seen")}
	case len(seen) == 0:
		return []readiness.Finding{finding(readiness.VisPrimary, "no instance could be proved to belong to this resource, and %s cannot be seen", names(unseen))}
	case len(resolving) > 0 && len(unseen)+len(hidden) == 0:
		return []readiness.Finding{finding(readiness.NodeResolving, "no instance is primary right now; %s between roles, and stayed so while bcctl looked again", verb(resolving))}
	case len(unseen) == 0 && len(hidden) > 0:
		return []readiness.Finding{finding(readiness.WriterUnproven, "no instance that was recognised is primary; %s may be", names(hidden))}
	case len(unseen) == 0:
		return d.nobodyWrites(seen)
	}
	return d.primaryUnseen(seen, unseen)
}

func verb(nodes []*node) string {
	if len(nodes) == 1 {
		return nodes[0].Name + " is"
	}
	return names(nodes) + " are"
}

// nobodyWrites: every instance was reached and none is primary. Where no cluster
// decides, that is how a planned change looks between its two halves.
func (d *deriver) nobodyWrites(seen []*node) []readiness.Finding {
	forwarders := d.with(forwarderRole)
	if d.group.distributed && len(forwarders) > 1 {
		return []readiness.Finding{finding(readiness.SwitchIncomplete, "both sides of distributed group %s are secondary (%s): a change of sides was begun and not ended, and nobody accepts writes", d.groupName(), names(forwarders))}
	}
	if !d.group.distributed && d.places[seen[0]].own.ClusterType == "NONE" {
		return []readiness.Finding{finding(readiness.SwitchIncomplete, "all replicas of %s are secondary, and no cluster decides: a change of roles was begun and not ended, and nobody accepts writes", d.groupName())}
	}
	return []readiness.Finding{finding(readiness.NoPrimary, "%s were reached and none is primary", names(seen))}
}

// primaryUnseen: somebody follows and whoever it follows is not seen.
func (d *deriver) primaryUnseen(seen, unseen []*node) []readiness.Finding {
	suspect := d.expectedPrimary(seen, unseen)
	if suspect == nil {
		return []readiness.Finding{finding(readiness.WriterUnproven, "no instance reached is primary; %s may be and cannot be seen", names(unseen))}
	}
	if suspect.unreached.Alive {
		// The instance's own reason says what it is: refusing the login, starting.
		return []readiness.Finding{finding(readiness.WriterUnproven, "%s is there and did not say what it is, and no other instance is primary", suspect.Name)}
	}
	told := false
	for _, n := range seen {
		own, link := d.upstream(n)
		if link == "CONNECTED" {
			return []readiness.Finding{finding(readiness.PrimaryPathLost, "%s: %s, but %s is connected to its primary, which so answered within %s: it is alive, and a failover now would make two writers",
				suspect.Name, suspect.unreached.Message, n.Name, patience(own))}
		}
		told = told || link == "DISCONNECTED"
	}
	if !told {
		return []readiness.Finding{finding(readiness.WriterUnproven, "%s: %s; no replica tells whether it is connected to it, so whether it is alive is not known", suspect.Name, suspect.unreached.Message)}
	}
	return []readiness.Finding{finding(readiness.PrimaryUnreachable, "%s: %s, and no replica is connected to it; it is down or partitioned, which cannot be told from here; %s; %s",
		suspect.Name, suspect.unreached.Message, d.arbiter(seen), d.lossBound(seen))}
}

// upstream is what an instance says of its connection to its primary: that of its
// own group, or on a forwarder that of the distributed group.
func (d *deriver) upstream(n *node) (replica, string) {
	p := d.places[n]
	if d.roles[n] == forwarderRole {
		return *p.acrossUs, p.acrossUs.Connected
	}
	if d.group.distributed && d.localPrimary(p.own.Group) != nil {
		return *p.own, "" // it follows its own primary, which was seen
	}
	return *p.own, p.own.Connected
}

func (d *deriver) localPrimary(group string) *node {
	for _, n := range d.nodes {
		if own := d.places[n].own; d.member(n) && own != nil && own.Group == group && own.Role == "PRIMARY" {
			return n
		}
	}
	return nil
}

// arbiter says who decides about a failover, as far as those that are left tell.
func (d *deriver) arbiter(seen []*node) string {
	for _, n := range seen {
		own := d.places[n].own
		switch {
		case d.group.distributed:
			return "nothing decides between the two groups by itself"
		case own.ClusterType == "NONE":
			return "no cluster decides, so nothing keeps the old primary from coming back as one"
		case own.ClusterType == "EXTERNAL":
			return "what its cluster manager does is not seen from here"
		case n.cluster != nil:
			return "the cluster has quorum at " + n.Name + " and may fail over by itself: wait for it, or act together with it"
		}
	}
	return "no node that was reached has quorum, so a forced failover is impossible until quorum is forced, which is done on a host"
}

// expectedPrimary is the unseen instance that the others name, else the one that
// was primary when last seen, else the one at the primary's home.
func (d *deriver) expectedPrimary(seen, unseen []*node) *node {
	for _, n := range unseen {
		name := d.group.serverName(n, d.nodes)
		for _, s := range seen {
			if own := d.places[s].own; name != "" && fold(own.Primary) == name {
				return n
			}
		}
	}
	for _, n := range unseen {
		if last, ok := d.previous(n.Name, roleID); ok {
			if text, _ := last.Value.Text(); text == string(primaryRole) {
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

// lossBound words what a failover would lose, as far as it is known, and where the
// most log is.
func (d *deriver) lossBound(seen []*node) string {
	text := "what a failover would lose is not known"
	if last, ok := d.previous("", exposureBytesID); ok {
		if lacked, isNumber := last.Value.Number(); isNumber {
			text += fmt.Sprintf(": DR lacked %s at least when the primary was last seen at %s", readiness.Num(lacked).Format(readiness.Bytes), last.ObservedAt.UTC().Format(time.RFC3339))
		}
	}
	if len(seen) > 1 {
		text += mostLog(seen)
	}
	return text
}
