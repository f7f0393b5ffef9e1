package mongoset

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// session is what a server keeps of one connection. Only its own goroutine uses
// it.
type session struct {
	user          *user
	login         *login
	conversations int32
	remote        string
}

// replyIDs numbers answers; a connection's own numbers are enough, as clients
// match answers by what they answer.
type replyIDs struct{ last atomic.Int32 }

// converse talks to one client until it leaves, talks nonsense, or the server
// goes away. One goroutine reads, so that a client that leaves is noticed while
// an answer waits.
func (s *server) converse(raw net.Conn) {
	defer func() { _ = raw.Close() }() // it is over either way
	heard, ok := s.sleepThrough(raw)
	if !ok {
		return
	}
	conn := tls.Server(heard, s.tls)
	ctx, cancel := context.WithTimeout(context.Background(), s.set.patience.handshake)
	err := conn.HandshakeContext(ctx)
	cancel()
	if err != nil {
		return
	}
	requests, gone := make(chan *request), make(chan struct{})
	finished := make(chan struct{})
	defer close(finished)
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer close(gone)
		in := bufio.NewReader(conn)
		for {
			if conn.SetReadDeadline(time.Now().Add(s.set.patience.idle)) != nil {
				return
			}
			req, err := readMessage(in, func() { _ = conn.SetReadDeadline(time.Now().Add(s.set.patience.message)) }) // a closed connection shows at the read
			if err != nil {
				return
			}
			select {
			case requests <- req:
			case <-finished:
				return
			}
		}
	}()
	sess := &session{remote: raw.RemoteAddr().String()}
	var ids replyIDs
	for {
		select {
		case req := <-requests:
			if !s.answer(conn, sess, req, &ids, gone) {
				_ = conn.Close() // the reader ends with it
				return
			}
		case <-gone:
			return
		}
	}
}

// answer answers a request, once or as a stream. It reports whether the
// connection goes on.
func (s *server) answer(conn net.Conn, sess *session, req *request, ids *replyIDs, gone <-chan struct{}) bool {
	c := &call{server: s, session: sess, body: req.body, db: req.db, legacy: req.legacy, gone: gone}
	responseTo := req.id
	for {
		if !s.awake(gone) {
			return false
		}
		doc, dropped := c.run(req.command())
		if dropped || !s.awake(gone) || !s.dawdle(gone) {
			return false
		}
		stream := req.exhaust && c.streams(doc)
		if !req.noAnswer {
			id := ids.last.Add(1)
			out, err := encodeReply(id, responseTo, req.legacy, stream, doc)
			if err != nil {
				return false
			}
			if conn.SetWriteDeadline(time.Now().Add(s.set.patience.message)) != nil {
				return false
			}
			if _, err := conn.Write(out); err != nil {
				return false
			}
			responseTo = id
		}
		if !stream {
			return true
		}
		// The next answer of the stream waits for what is newer than this one.
		c.body = with(c.body, "topologyVersion", lookup(doc, "topologyVersion"))
	}
}

// streams tells whether a client that allows it gets more answers: only hello
// that waits for news is a stream.
func (c *call) streams(doc bson.D) bool {
	switch c.name {
	case "hello", "isMaster", "ismaster":
		_, waits := find(c.body, "maxAwaitTimeMS")
		_, version := find(doc, "topologyVersion")
		return waits && version && truth(lookup(doc, "ok"))
	}
	return false
}

// awake waits while the process hangs. It reports false when there is nobody left
// to answer or be answered.
func (s *server) awake(gone <-chan struct{}) bool {
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	for s.node.process == hung && !s.set.closed {
		changed, left := s.set.changed, false
		s.set.mu.Unlock()
		select {
		case <-changed:
		case <-gone:
			left = true
		}
		s.set.mu.Lock()
		if left {
			return false
		}
	}
	return !s.set.closed && s.node.process == running
}

// dawdle waits for as long as the server's answers are late.
func (s *server) dawdle(gone <-chan struct{}) bool {
	s.set.mu.Lock()
	late := s.late
	s.set.mu.Unlock()
	if late <= 0 {
		return true
	}
	timer := time.NewTimer(late)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-gone:
	case <-s.set.done:
	}
	return false
}

// heardBefore bounds what is kept of a client that talks to a process that hangs.
const heardBefore = 64 << 10

// sleepThrough waits while the process hangs, as a system does that has accepted
// for it: what the client says is kept, and when the client leaves the connection
// is forgotten.
func (s *server) sleepThrough(raw net.Conn) (net.Conn, bool) {
	s.set.mu.Lock()
	asleep := s.node.process == hung
	s.set.mu.Unlock()
	if !asleep {
		return raw, true
	}
	var heard bytes.Buffer
	gone, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		if _, err := io.CopyN(&heard, raw, heardBefore); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			close(gone)
		}
	}()
	ok := s.awake(gone)
	if raw.SetReadDeadline(time.Now()) != nil { // ends the goroutine
		ok = false
		_ = raw.Close() // and so does this
	}
	<-over
	return replayed{raw, io.MultiReader(&heard, raw)}, ok && raw.SetReadDeadline(time.Time{}) == nil
}

// replayed is a connection whose beginning was read before.
type replayed struct {
	net.Conn
	from io.Reader
}

func (r replayed) Read(b []byte) (int, error) { return r.from.Read(b) }
