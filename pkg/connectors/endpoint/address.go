// Package endpoint is how a connector gets to one server: its address, the
// certificate it must show, and what a connection that failed tells about it.
//
// It knows TCP and TLS, and no platform: what a server's own refusal means is
// the connector's to say.
package endpoint

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Address is where a server listens.
type Address struct {
	Host string
	Port uint16
}

// Parse reads host, host:port, [address] or [address]:port. Where no port is
// given it is defaultPort.
func Parse(text string, defaultPort uint16) (Address, error) {
	if text == "" {
		return Address{}, errors.New("has no address")
	}
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		if strings.Contains(text, ":") && !strings.Contains(text, "]") && strings.Count(text, ":") == 1 {
			return Address{}, fmt.Errorf("address %q is not host:port", text)
		}
		return Address{Host: strings.Trim(text, "[]"), Port: defaultPort}, nil
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 || host == "" {
		return Address{}, fmt.Errorf("address %q is not host:port", text)
	}
	return Address{Host: host, Port: uint16(port)}, nil
}

// String is host:port, with brackets around an IPv6 address.
func (a Address) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// Loopback reports whether the address is on this machine by its form alone: no
// name is looked up.
func (a Address) Loopback() bool {
	ip := net.ParseIP(a.Host)
	return strings.EqualFold(a.Host, "localhost") || ip != nil && ip.IsLoopback()
}
