package sqlserver

import "github.com/bcctl/bcctl/pkg/readiness"

// otherGroup judges the second group of a distributed group: it has to have a
// primary of its own, the forwarder, or nothing gets there.
func (d *deriver) otherGroup(doubtful []*node) []readiness.Finding {
	across, ok := d.acrossFrom(d.primary)
	if !ok {
		return []readiness.Finding{finding(readiness.NoStandbyAtDR, "%s does not show the second group of distributed group %s", d.primary.Name, d.groupName())}
	}
	if d.forwarder != nil {
		return nil
	}
	if len(d.with(forwarderRole)) > 1 {
		return nil // two primaries of one group: said already
	}
	for _, n := range doubtful { // not seen, or not recognised
		own := d.places[n].own
		if n.Site != d.primary.Site && (own == nil || own.Role != "SECONDARY") {
			return nil // the forwarder may be among them: said of each
		}
	}
	return []readiness.Finding{finding(readiness.NoPrimary, "no instance of group %s is its primary, so nothing of %s gets there", across.Server, d.primary.Name)}
}

// acrossFrom is the row of the other group as one side sees it.
func (d *deriver) acrossFrom(n *node) (replica, bool) {
	for _, r := range d.places[n].across {
		if own := d.places[n].acrossUs; own == nil || r.ID != own.ID {
			return r, true
		}
	}
	return replica{}, false
}
