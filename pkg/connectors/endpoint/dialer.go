package endpoint

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// Dialer opens TCP connections and remembers whether the host ever took one,
// which tells a hung host from an absent one. The zero value is ready to use.
type Dialer struct {
	// Within is how long a host may take to take a connection; zero: as long as the
	// context lasts.
	Within time.Duration

	accepted atomic.Bool
}

// DialContext is net.Dialer.DialContext. No proxy of the environment is used.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: d.Within, KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err == nil {
		d.accepted.Store(true)
	}
	return conn, err
}

// Accepted reports whether any connection was taken.
func (d *Dialer) Accepted() bool { return d.accepted.Load() }
