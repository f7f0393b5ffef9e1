package pgpair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ClientAddress is the address applications of the laboratory use. Relay answers
// there and passes on to the primary, or to the server that the hook's repoint
// named until another one is primary.
func (l *Lab) ClientAddress() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.state.ClientPort))
}

func (l *Lab) targetFile() string { return l.path("client-target") }

// hookRepoint leads the clients' address to another server. Connections that lead
// elsewhere are cut.
func (l *Lab) hookRepoint(_ context.Context, _ Node, c HookCall) (map[string]string, error) {
	to := c.To
	if to == "" {
		to = c.Endpoint
	}
	n, err := l.Node(to)
	if err != nil {
		return nil, err
	}
	if err := l.pointTo(n); err != nil {
		return nil, err
	}
	return map[string]string{"address": l.ClientAddress(), "target": n.Address()}, nil
}

func (l *Lab) pointTo(n Node) error {
	// The hook and the relay may both be at it: each has a file of its own.
	part, err := os.CreateTemp(l.dir, "client-target-")
	if err != nil {
		return err
	}
	_, err = part.WriteString(n.Address() + "\n")
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), l.targetFile())
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}

// relayPoll is how soon the relay notices that its target has changed.
const relayPoll = 50 * time.Millisecond

// Relay passes connections to the clients' address on to the server it leads to,
// until ctx ends or the laboratory is gone. It is a plain wire: TLS and login are
// between the client and the server.
func (l *Lab) Relay(ctx context.Context) error {
	listener, err := net.Listen("tcp", l.ClientAddress())
	if err != nil {
		return fmt.Errorf("listen at the clients' address: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &relay{open: map[net.Conn]string{}}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { l.followPrimary(ctx) })
	running.Go(func() {
		defer func() { _ = listener.Close(); r.cut("") }() // nobody is left to tell
		for {
			timer := time.NewTimer(relayPoll)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			if _, err := os.Stat(filepath.Join(l.dir, "lab.json")); errors.Is(err, os.ErrNotExist) {
				cancel()
				return
			}
			if target, err := l.clientTarget(); err == nil {
				r.cut(target)
			}
		}
	})
	for {
		client, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			cancel()
			return fmt.Errorf("accept at the clients' address: %w", err)
		}
		running.Go(func() { r.pass(l, client) })
	}
}

// followPrimary leads the clients' address to the primary when it is another
// server than before, as a proxy with health checks does: not while two accept
// writes, and not away from one because it is slow.
func (l *Lab) followPrimary(ctx context.Context) {
	kept := map[string]*pgx.Conn{}
	defer func() {
		for _, conn := range kept {
			hangUp(ctx, conn)
		}
	}()
	tick := time.NewTicker(2 * relayPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var primaries []Node
		for _, n := range l.state.Nodes {
			if writes, err := l.acceptsWrites(ctx, n, kept); err == nil && writes {
				primaries = append(primaries, n)
			}
		}
		if target, err := l.clientTarget(); err != nil || len(primaries) != 1 || primaries[0].Address() == target {
			continue
		}
		_ = l.pointTo(primaries[0]) // the next round tries again
	}
}

// acceptsWrites asks over a connection that is kept. A server that was away is
// connected to anew.
func (l *Lab) acceptsWrites(ctx context.Context, n Node, kept map[string]*pgx.Conn) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn := kept[n.Name]
	if conn == nil || conn.IsClosed() {
		var err error
		if conn, err = l.Connect(ctx, n.Name); err != nil {
			return false, err
		}
		kept[n.Name] = conn
	}
	var writes bool
	err := conn.QueryRow(ctx, `SELECT NOT pg_is_in_recovery()`).Scan(&writes)
	if err != nil {
		hangUp(ctx, conn)
		delete(kept, n.Name)
	}
	return writes, err
}

func (l *Lab) clientTarget() (string, error) {
	text, err := os.ReadFile(l.targetFile())
	return strings.TrimSpace(string(text)), err
}

// startRelay runs the relay in a process of its own, which outlives this one and
// ends with the laboratory.
func (l *Lab) startRelay(ctx context.Context) error {
	if l.state.Program == "" {
		return nil
	}
	log, err := os.OpenFile(l.path("relay.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	cmd := exec.Command(l.state.Program, "lab", "relay", "--dir", l.dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	runAs(account{}, cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the relay of the clients' address: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return l.await(ctx, "the clients' address to answer", func(context.Context) (bool, error) {
		select {
		case err := <-ended:
			return false, fmt.Errorf("the relay ended: %w; see %s", err, log.Name())
		default:
		}
		conn, err := net.DialTimeout("tcp", l.ClientAddress(), time.Second)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
}

// relay keeps what is open, by where it leads.
type relay struct {
	mu   sync.Mutex
	open map[net.Conn]string
}

// cut closes what does not lead to target.
func (r *relay) cut(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn, to := range r.open {
		if to != target {
			_ = conn.Close()
			delete(r.open, conn)
		}
	}
}

func (r *relay) pass(l *Lab, client net.Conn) {
	defer func() { _ = client.Close() }() // the other end sees it, whatever the result
	target, err := l.clientTarget()
	if err != nil {
		return
	}
	server, err := net.DialTimeout("tcp", target, time.Second)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }() // likewise
	r.mu.Lock()
	r.open[client], r.open[server] = target, target
	r.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // ends when either side does
			_ = client.Close()
			_ = server.Close()
		})
	}
	both.Wait()
	r.mu.Lock()
	delete(r.open, client)
	delete(r.open, server)
	r.mu.Unlock()
}
