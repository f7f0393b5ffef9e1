package connectortest

import (
	"bytes"
	"crypto/tls"
	"net"
	"sync"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// unproven are the codes for a server that did not prove who it is.
var unproven = [...]readiness.Code{readiness.IdentityUnproven, readiness.IdentityMismatch}

// strangeCertificate: a server that shows a certificate of another authority could
// be anybody. The handshake ends there, so it never hears a login.
func strangeCertificate(t *testing.T, s *suite) {
	_, certificate := stranger(t)
	heard := &recorder{}
	server := listen(t, func(conn net.Conn) {
		conn = &recorded{Conn: conn, recorder: heard}
		if s.BeforeTLS != nil {
			under, err := s.BeforeTLS(conn)
			if err != nil {
				return
			}
			conn = under
		}
		secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
		if err := secured.Handshake(); err != nil {
			return
		}
		buffer := make([]byte, 4096)
		for {
			n, err := secured.Read(buffer)
			heard.add(buffer[:n])
			if err != nil {
				return
			}
		}
	})
	v := s.look(t, s.spec(t, s.encrypted, s.short, s.everywhere(t, server.address())))
	s.wantUnhealthy(t, v, unproven[:]...)
	s.wantUnseen(t, v)
	text, spoken := heard.all()
	// In TLS 1.3 a client has to finish the handshake before the server learns that
	// it refused, so what counts is what was said afterwards.
	if spoken {
		t.Error("the client spoke to a server whose certificate nobody it trusts has signed")
	}
	s.discreet(t, "what the client sent", text)
	if server.connections() == 0 {
		t.Error("nobody connected: this test shows nothing")
	}
}

// strangeAuthority: the real servers, by somebody who trusts another authority.
func strangeAuthority(t *testing.T, s *suite) {
	ca, _ := stranger(t)
	for _, mode := range []connectors.TLSMode{connectors.VerifyFull, connectors.VerifyCA} {
		v := s.look(t, s.spec(t, s.encrypted, func(spec *connectors.Spec) { spec.TLS.Mode, spec.TLS.CA = mode, ca }))
		s.wantUnhealthy(t, v, unproven[:]...)
		s.wantUnseen(t, v)
	}
}

// strangeName: the right authority signed the certificate, for somebody else.
func strangeName(t *testing.T, s *suite) {
	v := s.look(t, s.spec(t, s.encrypted, func(spec *connectors.Spec) { spec.TLS.ServerName = "db-z.example.net" }))
	s.wantUnhealthy(t, v, unproven[:]...)
	s.wantUnseen(t, v)
}

// withoutTLS: a server that offers none may be a downgrade. Clear text is never
// used in its place, so no secret is heard.
func withoutTLS(t *testing.T, s *suite) {
	heard := &recorder{}
	server := listen(t, func(conn net.Conn) {
		conn = &recorded{Conn: conn, recorder: heard}
		buffer := make([]byte, 4096)
		if s.RefuseTLS == nil {
			_, _ = conn.Read(buffer) // a handshake it does not understand
			return
		}
		if err := s.RefuseTLS(conn); err != nil {
			return
		}
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	})
	v := s.look(t, s.spec(t, s.encrypted, s.short, s.everywhere(t, server.address())))
	s.wantUnhealthy(t, v)
	s.wantUnseen(t, v)
	s.wantWithin(t, v, s.timeout())
	text, _ := heard.all()
	s.discreet(t, "what the client sent in clear", text)
	if server.connections() == 0 {
		t.Error("nobody connected: this test shows nothing")
	}
}

// encrypted asks for encryption also where the subject, being on loopback, is read in
// clear text.
func (s *suite) encrypted(spec *connectors.Spec) {
	if spec.TLS.Mode == connectors.Disable {
		spec.TLS = connectors.TLS{}
	}
}

// recorder keeps what clients sent.
type recorder struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	spoken bool
}

func (r *recorder) add(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buffer.Write(p)
	r.spoken = r.spoken || len(p) > 0
}

func (r *recorder) raw(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buffer.Write(p)
}

func (r *recorder) all() (text string, spoken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buffer.String(), r.spoken
}

// recorded is a connection whose reads are kept.
type recorded struct {
	net.Conn
	*recorder
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.raw(p[:n])
	return n, err
}
