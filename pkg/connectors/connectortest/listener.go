package connectortest

import (
	"net"
	"sync"
	"testing"
)

// listener accepts connections on loopback and lets a function serve each.
type listener struct {
	net.Listener
	accepted chan struct{} // closed when the first connection was accepted

	mu    sync.Mutex
	conns []net.Conn
	count int
}

// listen serves connections until the test ends. Serve may block in reads and
// writes: its connection is closed then.
func listen(t testing.TB, serve func(net.Conn)) *listener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{Listener: inner, accepted: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := inner.Accept()
			if err != nil {
				return // closed
			}
			l.keep(conn)
			running.Go(func() {
				defer func() { _ = conn.Close() }() // also closed at the end
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = inner.Close() // ends Accept
		l.hangUp()
		running.Wait()
	})
	return l
}

func (l *listener) keep(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conn)
	if l.count++; l.count == 1 {
		close(l.accepted)
	}
}

// hangUp closes every connection.
func (l *listener) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close() // again, perhaps
	}
	l.conns = nil
}

// connections is how many were ever accepted.
func (l *listener) connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *listener) address() string { return l.Addr().String() }

// silent accepts and never answers, as a server does whose processes are stopped.
func silent(t testing.TB) *listener {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	})
}

// nobody is an address on which nobody listens.
func nobody(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
