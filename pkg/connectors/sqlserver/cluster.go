package sqlserver

import "github.com/bcctl/bcctl/pkg/readiness"

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
	for _, m := range n.members {
		if fold(m.Name) != fold(n.facts.PhysicalName) || m.Votes == nil || *m.Votes < 0 {
			continue
		}
		var findings []readiness.Finding
		if *m.Votes == 0 && n.Site == d.farSite && !d.group.distributed {
			findings = append(findings, finding(readiness.VoteMissing, "%s has no vote in cluster %s: after the loss of the other site quorum has to be forced", n.Name, n.cluster.Name))
		}
		d.add(n, votesID, readiness.Num(float64(*m.Votes)), findings...)
		return
	}
}
