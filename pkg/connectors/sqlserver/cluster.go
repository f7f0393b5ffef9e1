package sqlserver

import (
	"cmp"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// quorum records what a node of a Windows cluster sees of it. No row means no
// quorum. (sys.dm_hadr_cluster; sys.dm_hadr_cluster_members)
func (d *deriver) quorum(n *node) {
	own := d.places[n].own
	if own == nil || !own.windows() || d.failedReading(n, quorumID) {
		return
	}
	if n.cluster == nil {
		d.add(n, quorumID, readiness.Str("none"), finding(readiness.QuorumLost, "%s has no quorum: no failover is possible from it until quorum is forced, which is done on a host", n.Name))
		return
	}
	var findings []readiness.Finding
	switch n.cluster.QuorumState {
	case "NORMAL_QUORUM":
	case "FORCED_QUORUM":
		findings = append(findings, finding(readiness.QuorumForced, "quorum was forced at %s: what the cluster has stored about readiness for failover may be of before, and nodes that come back may form a majority of their own", n.Name))
	default:
		findings = append(findings, finding(readiness.QuorumUnknown, "%s tells quorum state %q", n.Name, n.cluster.QuorumState))
	}
	d.add(n, quorumID, readiness.Str(n.cluster.QuorumState), findings...)
	d.votes(n)
}

// votes records this node's own. Nodes that have none at the far site can take
// over only after quorum was forced. The two groups of a distributed group have
// clusters of their own.
func (d *deriver) votes(n *node) {
	if d.failedReading(n, votesID) {
		return
	}
	if n == d.primary && !d.group.distributed {
		d.siteLoss(n)
	}
	m := n.memberOf(n)
	if m == nil {
		return
	}
	if m.Votes == nil || *m.Votes < 0 {
		d.fail(n, votesID, finding(readiness.ValueInvalid, "whether %s has a vote in cluster %s is not told", n.Name, n.cluster.Name))
		return
	}
	var findings []readiness.Finding
	if n.Site == d.farSite && !d.group.distributed {
		if *m.Votes == 0 {
			findings = append(findings, finding(readiness.VoteMissing, "%s has no vote in cluster %s: after the loss of the other site quorum has to be forced", n.Name, n.cluster.Name))
		}
		if d.primary != nil {
			if seen := d.primary.memberOf(n); seen != nil && seen.State != "UP" {
				findings = append(findings, finding(readiness.NotFailoverReady, "cluster %s has the node of %s as %s: no failover to it is possible", n.cluster.Name, n.Name, cmp.Or(seen.State, "not told")))
			}
		}
	}
	d.add(n, votesID, readiness.Num(float64(*m.Votes)), findings...)
}

// memberOf is what n sees of the cluster node that another instance runs on.
func (n *node) memberOf(other *node) *clusterMember {
	for i := range n.members {
		if m := &n.members[i]; other.facts != nil && fold(m.Name) == fold(other.facts.PhysicalName) {
			return m
		}
	}
	return nil
}

// siteLoss counts the votes that would be left without the primary's site. A member
// that is down counts against them: a witness whose loss nobody noticed is missed
// in the disaster. (WSFC quorum modes and voting configuration)
func (d *deriver) siteLoss(n *node) {
	near := map[string]bool{}
	for _, other := range d.nodes {
		if other.facts != nil && other.Site == n.Site {
			near[fold(other.facts.PhysicalName)] = true
		}
	}
	all, left := int64(0), int64(0)
	var down []string
	for _, m := range n.members {
		if m.Votes == nil || *m.Votes <= 0 {
			continue
		}
		all += *m.Votes
		switch {
		case m.State != "UP":
			down = append(down, m.Name)
		case !near[fold(m.Name)]:
			left += *m.Votes
		}
	}
	if len(down) > 0 && 2*left <= all {
		d.blame(n, quorumID, finding(readiness.QuorumSiteDependent, "cluster %s without %s (down): the loss of %s would leave %d of %d votes, and quorum would have to be forced", n.cluster.Name, some(down), n.Site, left, all))
	}
}
