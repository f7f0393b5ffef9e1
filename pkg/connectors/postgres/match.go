package postgres

import (
	"net"
	"slices"
	"strconv"
)

// match tells which nodes are one, finds the one primary and binds its senders to configured standbys.
// application_name is not unique and client_addr lies behind NAT, so a slot
// decides first, then a configured name.
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
		if n != d.primary {
			if s := d.senderOf(d.primary, n); s != nil {
				d.sentTo[n] = s
			}
		}
	}
}

// sendersKnown reports whether the primary told who streams from it: only then
// does a standby that is not listed prove anything.
func (d *deriver) sendersKnown() bool {
	p := d.primary
	return p != nil && d.trusted(p) && p.facts.Monitor && p.failed[lagBytesID].Code == ""
}

// senderOf finds the row by which up streams to n.
func (d *deriver) senderOf(up, n *node) *sender {
	if slot := d.slotOf(n); slot != "" {
		for i := range up.senders {
			if s := &up.senders[i]; s.SlotName != nil && *s.SlotName == slot {
				return s
			}
		}
	}
	for _, name := range d.applicationNames(n) {
		var found []*sender
		for i := range up.senders {
			if s := &up.senders[i]; s.ApplicationName != nil && *s.ApplicationName == name {
				found = append(found, s)
			}
		}
		if len(found) == 1 {
			return found[0]
		}
	}
	return nil
}

// slotOf is the slot a standby uses: as configured, as it says, or as it said.
func (d *deriver) slotOf(n *node) string {
	if slot := n.Options["slot"]; slot != "" {
		return slot
	}
	if n.replay != nil && n.replay.Receiver != nil && n.replay.Receiver.SlotName != nil {
		return *n.replay.Receiver.SlotName
	}
	if prev, ok := d.previous(n, slotNameID); ok {
		slot, _ := prev.Value.Text()
		return slot
	}
	return ""
}

func (d *deriver) applicationNames(n *node) []string {
	if name := n.Options["applicationName"]; name != "" {
		return []string{name}
	}
	var list []string
	if n.facts != nil && n.facts.ClusterName != "" {
		list = append(list, n.facts.ClusterName)
	}
	return append(list, n.Name)
}

// upstreamOf finds the configured endpoint a standby receives from, by the
// address it names. nil: none of them.
func (d *deriver) upstreamOf(n *node) *node {
	if n.replay == nil || n.replay.Receiver == nil || n.replay.Receiver.Host == nil {
		return nil
	}
	host, port := *n.replay.Receiver.Host, 0
	if n.replay.Receiver.Port != nil {
		port = *n.replay.Receiver.Port
	}
	for _, other := range d.nodes {
		if other != n && other.listensOn(host, port) {
			return other
		}
	}
	return nil
}

// listensOn compares with the configured address, what the host resolves to, and
// what the server itself says.
func (n *node) listensOn(host string, port int) bool {
	addr, err := parseAddress(n.Address)
	if err != nil || port != 0 && int(addr.port) != port {
		return false
	}
	if addr.host == host || slices.Contains(n.resolved, host) {
		return true
	}
	if n.facts != nil && n.facts.Addr != nil && *n.facts.Addr == host {
		return true
	}
	return (addr.host == "localhost" || host == "localhost") && isLoopback(addr.host) && isLoopback(host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (r *receiver) upstream() string {
	if r == nil || r.Host == nil {
		return "an unnamed server"
	}
	if r.Port == nil {
		return *r.Host
	}
	return net.JoinHostPort(*r.Host, strconv.Itoa(*r.Port))
}
