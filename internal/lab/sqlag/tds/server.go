package tds

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

// Version is the version a server says it has.
type Version struct {
	Major, Minor byte
	Build        uint16
}

// Handler is what stands behind the protocol. Its errors are *sqlerr.Error or
// sqlerr.List.
type Handler interface {
	// Login checks a login and opens a session.
	Login(Login) (Session, error)
}

// Session is what one connection talks to. It is used by one goroutine at a time.
type Session interface {
	// Database is the database the session is in.
	Database() string
	// Batch runs text; call is set where it came as a procedure call.
	Batch(ctx context.Context, text string, parameters []Parameter, reply *Reply) error
	// Reset makes the session as it was after login.
	Reset()
	// Close ends it.
	Close()
}

// ErrHangUp is what a Session returns to end its connection in place of an answer.
var ErrHangUp = errors.New("the connection is ended without an answer")

// loginTime is how long a client may take to log in.
const loginTime = 15 * time.Second

// Server serves connections of one instance.
type Server struct {
	Name    string
	Version Version
	TLS     *tls.Config
	Handler Handler
	// ClearText admits clients that do not encrypt. Otherwise they are told that
	// encryption is required.
	ClearText bool

	mu     sync.Mutex
	conns  map[net.Conn]bool
	hung   chan struct{} // closed when a hang ends; nil when there is none
	closed bool
	work   sync.WaitGroup
}

// Serve accepts connections until the listener is closed.
func (s *Server) Serve(l net.Listener) error {
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = nc.Close() // nobody was told anything
			return net.ErrClosed
		}
		if s.conns == nil {
			s.conns = map[net.Conn]bool{}
		}
		s.conns[nc] = true
		s.work.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.work.Done()
			defer s.forget(nc)
			s.serve(nc)
		}()
	}
}

func (s *Server) forget(nc net.Conn) {
	s.mu.Lock()
	delete(s.conns, nc)
	s.mu.Unlock()
	_ = nc.Close() // the client has heard all there was to say
}

// Disconnect closes all connections. With reset clients see a reset rather than
// an orderly end, as when a process is killed.
func (s *Server) Disconnect(reset bool) {
	s.mu.Lock()
	conns := make([]net.Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		if tc, ok := c.(*net.TCPConn); ok && reset {
			_ = tc.SetLinger(0) // a connection that is gone already needs no reset
		}
		_ = c.Close() // gone already is as good
	}
}

// Close ends all connections, for good, and waits until their work is done. The
// listener is the caller's.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Hang(false)
	s.Disconnect(false)
	s.work.Wait()
}

// Hang makes the server take connections and requests and answer none, until it is
// called with false.
func (s *Server) Hang(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on && s.hung == nil && !s.closed:
		s.hung = make(chan struct{})
	case !on && s.hung != nil:
		close(s.hung)
		s.hung = nil
	}
}

// wait returns when the server does not hang.
func (s *Server) wait() {
	for {
		s.mu.Lock()
		hung := s.hung
		s.mu.Unlock()
		if hung == nil {
			return
		}
		<-hung
	}
}

func errorsOf(err error) sqlerr.List {
	var list sqlerr.List
	var one *sqlerr.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &list):
		return list
	case errors.As(err, &one):
		return sqlerr.List{one}
	}
	return sqlerr.List{sqlerr.Class(17, 8645, "%s", err)}
}
