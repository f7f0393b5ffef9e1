package mongodb

import (
	"context"
	"net"
	"sync"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
)

// wire opens the TCP connections of one client and can cut them all, so that no
// goroutine of the driver waits for a server that hangs.
type wire struct {
	endpoint.Dialer

	mu   sync.Mutex
	cut  bool
	open map[*strand]struct{}
}

// strand is one open connection.
type strand struct {
	net.Conn
	wire *wire
}

// DialContext implements the driver's ContextDialer.
func (w *wire) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := &strand{conn, w}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		_ = conn.Close() // nothing was said on it
		return nil, net.ErrClosed
	}
	if w.open == nil {
		w.open = map[*strand]struct{}{}
	}
	w.open[s] = struct{}{}
	return s, nil
}

// Close implements net.Conn.
func (s *strand) Close() error {
	s.wire.mu.Lock()
	delete(s.wire.open, s)
	s.wire.mu.Unlock()
	return s.Conn.Close()
}

// cutAll ends every connection, and those still to come.
func (w *wire) cutAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for s := range w.open {
		_ = s.Conn.Close() // whoever waits on it learns of it
	}
}
