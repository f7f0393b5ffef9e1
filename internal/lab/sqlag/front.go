package sqlag

import (
	"io"
	"net"
	"sync"
)

// front is the address of the application: a listener, or the name that people lead
// to the site that writes. It passes connections on to the instance that accepts
// writes at the moment, byte by byte, and refuses them while there is none or more
// than one.
type front struct {
	group    *Group
	listener net.Listener
	work     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil when it is closed
}

// Listener is the address of the application; empty for log shipping, and when this
// machine gives none.
func (g *Group) Listener() string {
	g.fronting.Lock()
	defer g.fronting.Unlock()
	if g.options.Form == LogShipping {
		return ""
	}
	if g.front == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ""
		}
		g.front = &front{group: g, listener: l, conns: map[net.Conn]bool{}}
		g.front.work.Go(g.front.serve)
	}
	return g.front.listener.Addr().String()
}

func (f *front) serve() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.work.Go(func() { f.pass(client) })
	}
}

// hold keeps a connection to be closed with the front; false closes it at once.
func (f *front) hold(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns == nil {
		_ = c.Close() // the front is closed
		return false
	}
	f.conns[c] = true
	return true
}

func (f *front) drop(c net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
	_ = c.Close() // the other end may be gone
}

func (f *front) pass(client net.Conn) {
	if !f.hold(client) {
		return
	}
	defer f.drop(client)
	address := f.group.writer()
	if address == "" {
		return
	}
	server, err := net.Dial("tcp", address)
	if err != nil || !f.hold(server) {
		return
	}
	defer f.drop(server)
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(server, client) // ends with either side, which is all its error says
		_ = server.Close()
	})
	_, _ = io.Copy(client, server)
	_ = client.Close()
	both.Wait()
}

// writer is the address of the one instance whose databases can be written; empty
// when there is none or more than one.
func (g *Group) writer() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.world.Advance()
	address := ""
	for _, n := range g.nodes {
		if c := g.world.Instance(n.name).Databases; len(c) > 0 && c[0].Writer() {
			if address != "" {
				return ""
			}
			address = n.address
		}
	}
	return address
}

func (f *front) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	for c := range f.conns {
		_ = c.Close() // its other end may have closed it
	}
	f.conns = nil
	f.mu.Unlock()
	f.work.Wait()
}
