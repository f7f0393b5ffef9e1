package postgres

import (
	"net"
	"slices"
	"strconv"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// upstreamOf finds the configured endpoint a standby receives from, by the
// address it names. nil: none of them.
func (d *deriver) upstreamOf(n *node) *node {
	if n.replay == nil || n.replay.Receiver == nil || n.replay.Receiver.Host == nil {
		return nil
	}
	r := n.replay.Receiver
	port := 0
	if r.Port != nil {
		port = *r.Port
	}
	for _, other := range d.nodes {
		if other == n || d.alias[other] != nil {
			continue
		}
		for _, host := range append([]string{*r.Host}, r.resolved...) {
			if other.listensOn(host, port) {
				return other
			}
		}
	}
	return nil
}

// listensOn compares with the configured address, what the host resolves to, and
// what the server itself says.
func (n *node) listensOn(host string, port int) bool {
	if f := n.facts; f != nil && f.Addr != nil && *f.Addr == host && (port == 0 || f.Port == nil || *f.Port == port) {
		return true
	}
	addr, err := endpoint.Parse(n.Address, defaultPort)
	if err != nil || port != 0 && int(addr.Port) != port {
		return false
	}
	if addr.Host == host || slices.Contains(n.resolved, host) {
		return true
	}
	return (addr.Host == "localhost" || host == "localhost") && isLoopback(addr.Host) && isLoopback(host)
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
