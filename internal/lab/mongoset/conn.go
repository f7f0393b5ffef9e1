package mongoset

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
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
	defer raw.Close()
	if !s.awake(nil) {
		return
	}
	conn := tls.Server(raw, s.tls)
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
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
			if conn.SetReadDeadline(time.Now().Add(idleTime)) != nil {
				return
			}
			req, err := readMessage(in, func() { _ = conn.SetReadDeadline(time.Now().Add(messageTime)) }) // a closed connection shows at the read
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
		doc, dropped := c.run(req.command())
		if dropped || !s.awake(gone) {
			return false
		}
		stream := req.exhaust && c.streams(doc)
		if !req.noAnswer {
			id := ids.last.Add(1)
			out, err := encodeReply(id, responseTo, req.legacy, stream, doc)
			if err != nil {
				return false
			}
			if conn.SetWriteDeadline(time.Now().Add(messageTime)) != nil {
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

// awake waits while the process hangs, and for as long as its answers are late.
// It reports false when there is nobody left to answer or be answered.
func (s *server) awake(gone <-chan struct{}) bool {
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	late := s.late
	for s.node.process == hung && !s.set.closed {
		changed := s.set.changed
		s.set.mu.Unlock()
		select {
		case <-changed:
		case <-gone:
		}
		s.set.mu.Lock()
		select {
		case <-gone:
			return false
		default:
		}
	}
	if late > 0 && gone != nil {
		s.set.mu.Unlock()
		timer := time.NewTimer(late)
		select {
		case <-timer.C:
		case <-gone:
		case <-s.set.done:
		}
		timer.Stop()
		s.set.mu.Lock()
	}
	return !s.set.closed && s.node.process == running
}
