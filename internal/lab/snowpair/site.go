package snowpair

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pki"
)

// mode is what a server does with those who come.
type mode uint8

const (
	running mode = iota
	stopped      // connections are refused
	hung         // connections are accepted, requests are not answered
)

func (m mode) String() string { return [...]string{"running", "stopped", "hung"}[m] }

// site serves one account. Pair.mu guards its fields but for the listener's own.
type site struct {
	home     *account // whose URL it is
	serves   *account // whose answers it gives
	leads    string   // the connection whose URL it is; empty: an account's
	listener net.Listener
	server   *http.Server
	mode     mode
	release  chan struct{} // closed when it is no longer hung
	status   int           // answered to every request instead; 0: none

	connMu sync.Mutex
	conns  map[net.Conn]struct{}
	refuse bool
	away   bool // as Unplug has it
}

// listen begins to serve an account on loopback.
func (p *Pair) listen(a *account, authority pki.Authority) (*site, error) {
	return p.serve(&site{home: a, serves: a}, a.Name, authority)
}

// serve begins to serve a URL.
func (p *Pair) serve(s *site, name string, authority pki.Authority) (*site, error) {
	certPEM, keyPEM, err := authority.Issue(name, time.Now())
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of %s: %w", name, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	s.listener, s.conns = l, map[net.Conn]struct{}{}
	s.server = &http.Server{
		Handler:           p.handler(s),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // the service speaks HTTP/1.1 to drivers
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState:         s.track,
	}
	p.handlers.Go(func() {
		if err := s.server.ServeTLS(refusing{l, s}, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.closeConns() // the listener is gone; nobody else can tell
		}
	})
	return s, nil
}

func (s *site) url() string { return "https://" + s.listener.Addr().String() }

func (s *site) track(c net.Conn, state http.ConnState) {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c)
	}
}

func (s *site) closeConns() {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	for c := range s.conns {
		if t, ok := c.(*tls.Conn); ok {
			c = t.NetConn() // without the goodbye of TLS, which may have to wait
		}
		_ = c.Close() // whoever reads it notices
	}
}

// set changes what the server does. Pair.mu is held.
func (s *site) set(m mode) {
	if s.mode == hung && m != hung {
		close(s.release)
	}
	if s.mode != hung && m == hung {
		s.release = make(chan struct{})
	}
	s.mode = m
	s.connMu.Lock()
	s.refuse = m == stopped
	s.connMu.Unlock()
	if m == stopped {
		s.closeConns()
	}
}

func (s *site) refusing() bool {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	return s.refuse || s.away
}

func (s *site) close() error { return s.server.Close() }

// refusing is a listener that keeps its port while it refuses: connections are
// reset as soon as they are there.
type refusing struct {
	net.Listener
	site *site
}

func (l refusing) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || !l.site.refusing() {
			return c, err
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a reset, not a goodbye; without it the client still notices
		}
		_ = c.Close() // nothing was said yet
	}
}
