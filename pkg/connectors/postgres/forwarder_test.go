package postgres

import (
	"io"
	"net"
	"sync"
	"testing"
)

// forwarder is a network path to a server, which can be broken for those who
// come later while those who are through go on.
type forwarder struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	mute     bool
	came     int
	turn     int // 0: never
	turned   string
	open     []net.Conn
	lost     map[net.Conn]bool // nothing passes any more, and nobody is told
}

// forward listens on a free loopback port and passes everything on to target.
func forward(t testing.TB, target string) *forwarder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{listener: listener, target: target}
	var running sync.WaitGroup
	running.Go(func() { f.serve(&running) })
	t.Cleanup(func() {
		f.refuse()
		f.cut()
		running.Wait()
	})
	return f
}

func (f *forwarder) address() string { return f.listener.Addr().String() }

func (f *forwarder) port() int { return f.listener.Addr().(*net.TCPAddr).Port }

// refuse lets nobody else through: the operating system refuses them.
func (f *forwarder) refuse() { _ = f.listener.Close() }

// swallow accepts whoever comes from now on and never answers.
func (f *forwarder) swallow() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mute = true
}

// answer lets whoever comes from now on through again.
func (f *forwarder) answer() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mute = false
}

// attempts is how many came so far.
func (f *forwarder) attempts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.came
}

// lose drops what is sent over the connections there are, as a firewall does that
// has forgotten them. New ones pass.
func (f *forwarder) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = map[net.Conn]bool{}
	for _, c := range f.open {
		f.lost[c] = true
	}
}

// passing reads what is to be passed on from a connection.
func (f *forwarder) passing(from net.Conn) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		for {
			n, err := from.Read(p)
			f.mu.Lock()
			lost := f.lost[from]
			f.mu.Unlock()
			if err != nil || !lost {
				return n, err
			}
		}
	})
}

// lead sends whoever comes from now on elsewhere.
func (f *forwarder) lead(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = target
}

// leadFrom sends the one that comes as number n, counted from 1, and all later ones
// elsewhere.
func (f *forwarder) leadFrom(n int, target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn, f.turned = n, target
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }

// cut ends every connection.
func (f *forwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.open {
		_ = c.Close()
	}
	f.open = nil
}

func (f *forwarder) serve(running *sync.WaitGroup) {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return // closed
		}
		f.mu.Lock()
		f.open = append(f.open, client)
		if f.came++; f.came == f.turn {
			f.target = f.turned
		}
		mute := f.mute
		f.mu.Unlock()
		if !mute {
			running.Go(func() { f.connect(client, running) })
		}
	}
}

func (f *forwarder) connect(client net.Conn, running *sync.WaitGroup) {
	f.mu.Lock()
	target := f.target
	f.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	f.mu.Lock()
	f.open = append(f.open, server)
	f.mu.Unlock()
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, f.passing(from)) // ends when either side does
		_ = to.Close()
		_ = from.Close()
	}
	running.Go(func() { pass(server, client) })
	pass(client, server)
}

// refusedAddress is one where nobody listens.
func refusedAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}
