//go:build unix

package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

// way is the network between bcctl and one server. Nobody listens at its address while
// the server is down: the host itself then says so, as a real one does.
type way struct {
	t      *testing.T
	port   int // of its own, on loopback
	target string
	up     int // port of the server

	mu       sync.Mutex
	listener net.Listener // nil: connections are refused
	shut     bool
	came     int
	open     map[net.Conn]bool
	running  sync.WaitGroup
	serving  sync.WaitGroup // who accepts
}

// newWay leads to a server until the test ends.
func newWay(t *testing.T, to pgpair.Node) *way {
	t.Helper()
	port, err := pgpair.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	w := &way{t: t, port: port, target: to.Address(), up: to.Port, open: map[net.Conn]bool{}}
	w.follow()
	done := make(chan struct{})
	w.running.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				w.follow()
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		w.cut()
		w.running.Wait()
	})
	return w
}

func (w *way) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(w.port)) }

// follow listens exactly while the server does.
func (w *way) follow() {
	up := listens(w.up)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.shut:
	case up && w.listener == nil:
		l, err := net.Listen("tcp", w.address())
		if err != nil {
			return // the port is not free again yet
		}
		w.listener = l
		w.serving.Go(func() { w.serve(l) })
	case !up && w.listener != nil:
		_ = w.listener.Close()
		w.listener = nil
	}
}

// listens reports whether somebody listens at a port of loopback, without connecting.
func listens(port int) bool {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
		return err == nil && conn.Close() == nil
	}
	defer func() { _ = f.Close() }() // read only
	want := fmt.Sprintf("0100007F:%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if field := strings.Fields(lines.Text()); len(field) > 3 && field[1] == want && field[3] == "0A" {
			return true
		}
	}
	return false
}

func (w *way) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return // closed
		}
		w.mu.Lock()
		w.came++
		w.open[client] = true
		w.mu.Unlock()
		w.running.Go(func() { w.pass(client) })
	}
}

func (w *way) pass(client net.Conn) {
	server, err := net.DialTimeout("tcp", w.target, time.Second)
	if err == nil {
		w.mu.Lock()
		w.open[server] = true
		w.mu.Unlock()
		var both sync.WaitGroup
		for _, c := range [][2]net.Conn{{client, server}, {server, client}} {
			both.Go(func() {
				_, _ = io.Copy(c[0], c[1]) // ends when either side does
				_, _ = client.Close(), server.Close()
			})
		}
		both.Wait()
	}
	_ = client.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, client)
	delete(w.open, server)
}

// refuse lets nobody else through; who is through goes on.
func (w *way) refuse() {
	w.mu.Lock()
	w.shut = true
	if w.listener != nil {
		_ = w.listener.Close()
		w.listener = nil
	}
	w.mu.Unlock()
	// The system closes a socket when its last user lets go, and whoever accepts is one:
	// on a busy machine the queue takes people for a moment longer.
	w.serving.Wait()
}

// cut is refuse, and ends every connection.
func (w *way) cut() {
	w.refuse()
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
}

// mend lets everybody through again.
func (w *way) mend() {
	w.t.Helper()
	w.mu.Lock()
	w.shut = false
	w.mu.Unlock()
	for range 500 {
		w.follow()
		w.mu.Lock()
		ok := w.listener != nil || !listens(w.up)
		w.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("port %d is not free again", w.port)
}

// swallow is cut, and whoever comes waits for an answer to its first packet, as behind a
// firewall that drops everything: the queue of a socket that nobody accepts from is full.
func (w *way) swallow() {
	w.t.Helper()
	w.cut()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Port: w.port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = syscall.Close(fd) })
	for range 10 {
		c, err := net.DialTimeout("tcp", w.address(), 200*time.Millisecond)
		if err != nil {
			return
		}
		w.t.Cleanup(func() { _ = c.Close() })
	}
	w.t.Fatal("the queue takes everybody")
}

// attempts is how many came so far.
func (w *way) attempts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.came
}

// routed is a resource document whose endpoints are reached over ways.
func routed(pair *pgpair.Lab, ways map[string]*way) string {
	text := pair.Resource("certs/lab-ca.pem")
	for _, n := range pair.Nodes() {
		if w := ways[n.Name]; w != nil {
			text = strings.Replace(text, strconv.Quote(n.Address()), strconv.Quote(w.address()), 1)
		}
	}
	return text
}

// TestWay: what the tests of broken networks stand on.
func TestWay(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }() // the test ends
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello"))
		}
	}()
	w := newWay(t, pgpair.Node{Port: server.Addr().(*net.TCPAddr).Port})
	w.target = server.Addr().String()
	says := func(c net.Conn) string {
		var b [5]byte
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _ := io.ReadFull(c, b[:])
		return string(b[:n])
	}
	through := func() (net.Conn, error) { return net.DialTimeout("tcp", w.address(), 300*time.Millisecond) }
	c, err := through()
	if err != nil || says(c) != "hello" {
		t.Fatalf("open: %v", err)
	}
	w.cut()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("cut: a connection goes on")
	}
	if _, err := through(); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("cut: %v", err)
	}
	w.mend()
	if c, err = through(); err != nil || says(c) != "hello" {
		t.Fatalf("mended: %v", err)
	}
	if n := w.attempts(); n != 2 {
		t.Errorf("%d attempts", n)
	}
	w.swallow()
	if _, err := through(); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("swallowed: %v", err)
	}
	if !listens(w.up) {
		t.Error("the server listens, and is not seen to")
	}
}
