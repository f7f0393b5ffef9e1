package connectortest

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// proxy is a path to a server that can go bad while connections are open.
type proxy struct {
	*listener
	mu     sync.Mutex
	paths  []*path
	mute   bool  // new paths drop everything
	budget int64 // bytes of an answer after which a path is reset; 0 is no end

	resets atomic.Int64
}

// path is one connection through a proxy.
type path struct {
	lost atomic.Bool // what is sent is dropped, in both directions, and nobody is told
}

// through puts a proxy in front of a server.
func through(t testing.TB, server string) *proxy {
	t.Helper()
	p := &proxy{}
	p.listener = listen(t, func(client net.Conn) { p.pass(client, server) })
	return p
}

func (p *proxy) pass(client net.Conn, address string) {
	server, err := net.Dial("tcp", address)
	if err != nil {
		return // the client's connection is closed, as by a proxy that reaches nobody
	}
	defer func() { _ = server.Close() }()
	way := &path{}
	p.mu.Lock()
	way.lost.Store(p.mute)
	p.paths = append(p.paths, way)
	budget := p.budget
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { copyUnless(server, client, way, nil) })
	both.Go(func() {
		copyUnless(client, server, way, func(n int) bool {
			if budget == 0 {
				return true
			}
			if budget -= int64(n); budget > 0 {
				return true
			}
			p.resets.Add(1)
			if tcp, ok := client.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // the close becomes a reset
			}
			return false
		})
	})
	both.Wait()
}

// copyUnless passes on what it reads unless the path is lost. It closes both ends
// when either ends, or when allow says so.
func copyUnless(to, from net.Conn, way *path, allow func(n int) bool) {
	defer func() {
		_ = to.Close()   // the other direction may have
		_ = from.Close() // closed them already
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !way.lost.Load() {
			if allow != nil && !allow(n) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// lose drops what is sent over the paths there are, as a firewall does that has
// forgotten them. New ones pass.
func (p *proxy) lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, way := range p.paths {
		way.lost.Store(true)
	}
	p.paths = nil
}

// swallow drops what is sent over any path, also those that are made later.
func (p *proxy) swallow() {
	p.lose()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// heal lets new paths pass again. What was lost stays lost.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = false
}

// resetAfter resets paths that are made from now on after n bytes of answers.
func (p *proxy) resetAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = n
}

// proxied puts a proxy in front of every endpoint of a spec.
func (s *suite) proxied(t testing.TB, changes ...func(*proxy)) (ways []*proxy, reroute func(*connectors.Spec)) {
	t.Helper()
	for _, e := range s.spec(t).Endpoints {
		p := through(t, host(t, e))
		for _, change := range changes {
			change(p)
		}
		ways = append(ways, p)
	}
	return ways, func(spec *connectors.Spec) {
		for i, p := range ways {
			s.reroute(t, spec, i, p.address())
		}
	}
}
