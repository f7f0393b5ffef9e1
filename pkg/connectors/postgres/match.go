package postgres

// match tells which nodes are one, finds the one primary and binds its senders to
// configured standbys.
func (d *deriver) match() {
	d.sentTo = map[*node]*sender{}
	d.lineage = map[*node]lineageWas{}
	for i, n := range d.nodes {
		for _, first := range d.nodes[:i] {
			if d.member(n) && d.member(first) && sameServer(first, n) {
				d.alias[n] = first
			}
		}
	}
	var primaries []*node
	for _, n := range d.nodes {
		if d.member(n) && n.isPrimary() {
			primaries = append(primaries, n)
		}
	}
	d.writers = len(primaries)
	if len(primaries) == 1 {
		d.primary = primaries[0]
	}
	d.farSite = d.spec.Home.DR
	if d.primary != nil && d.primary.Site == d.spec.Home.DR && d.spec.Home.DR != d.spec.Home.Primary {
		d.farSite = d.spec.Home.Primary
	}
	if d.primary == nil {
		return
	}
	for _, n := range d.nodes {
		if n != d.primary && d.alias[n] == nil {
			if s := d.senderOf(d.primary, n); s != nil {
				d.sentTo[n] = s
			}
		}
	}
}

// sendersKnown reports whether a node told who streams from it: only then does a
// standby that is not listed prove anything.
func (d *deriver) sendersKnown(up *node) bool {
	return up != nil && d.trusted(up) && up.facts.Monitor && up.failed[lagBytesID].Code == ""
}
