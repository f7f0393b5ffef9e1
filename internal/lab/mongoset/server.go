package mongoset

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// maxConnections is how many a server accepts at once.
const maxConnections = 1000

// patience is for how long a server waits for a client, so that none holds for
// ever what it does not use.
type patience struct {
	handshake time.Duration // for TLS
	message   time.Duration // from the first byte of a message to its last
	idle      time.Duration // between messages
}

func defaultPatience() patience {
	return patience{handshake: 10 * time.Second, message: 30 * time.Second, idle: 15 * time.Minute}
}

// server is the network side of one process: a mongod, or a mongos. Its fields
// but the listener's are guarded by the set's lock.
type server struct {
	set    *Set
	world  *replica // nil for a mongos
	node   *node
	router bool
	tls    *tls.Config

	listener net.Listener
	conns    map[net.Conn]bool
	accepted int64
	cursors  map[int64]*cursor
	late     time.Duration // by which every answer is late
	rewrites map[string]func(bson.D) bson.D
	loses    map[string]bool // commands in place of which the connection ends
	drops    map[string]bool // commands after which the connection ends without an answer
	wg       sync.WaitGroup
}

// Ports are taken from below those that systems give to outgoing connections, so
// that a stopped server finds its port free when it comes back.
const (
	firstPort = 10100
	lastPort  = 20999
)

func listen() (net.Listener, error) {
	var err error
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
}

// relisten takes a server's own port again. Somebody else may hold it for a
// moment.
func relisten(address string) (net.Listener, error) {
	var err error
	for range 50 {
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			return l, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("listen again: %w", err)
}

// serve begins to accept; the set's lock is held.
func (s *server) serve(l net.Listener) {
	s.listener = l
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for {
			conn, err := l.Accept()
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					return
				}
				time.Sleep(5 * time.Millisecond) // out of descriptors, for a moment
				continue
			}
			s.accept(conn)
		}
	}()
}

func (s *server) accept(conn net.Conn) {
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	if s.set.closed || s.node.process == stopped || len(s.conns) >= maxConnections {
		_ = conn.Close() // nothing was said yet
		return
	}
	s.conns[conn] = true
	s.accepted++
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		s.converse(conn)
		s.set.mu.Lock()
		delete(s.conns, conn)
		s.set.mu.Unlock()
	}()
}

// shut closes the port and every connection; the set's lock is held.
func (s *server) shut() {
	if s.listener != nil {
		_ = s.listener.Close() // it is gone either way
		s.listener = nil
	}
	for conn := range s.conns {
		_ = conn.Close() // likewise
	}
	clear(s.cursors)
}

func (s *server) arbiter() bool { return s.world != nil && s.node.arbiter() }
