package connectortest

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// halfOpen: something on the way forgets a connection that is kept and tells
// nobody. The next look must notice, connect anew within its deadline, and rest on
// nothing that came over the old connection.
func halfOpen(t *testing.T, s *suite) {
	ways, reroute := s.proxied(t)
	spec := s.spec(t, reroute, keepOpen, func(spec *connectors.Spec) { spec.EndpointTimeout = 2 * s.timeout() })
	c := s.open(t, spec)
	before := s.collect(t, t.Context(), spec, c)
	s.wantProof(t, before)
	for _, way := range ways {
		way.lose()
	}
	v := s.collect(t, t.Context(), spec, c)
	s.wantWithin(t, v, 2*s.timeout())
	s.wantNothingOld(t, v)
	again := s.collect(t, t.Context(), spec, c)
	if again.Status != before.Status {
		t.Errorf("over new connections the verdict is %s, it was %s:\n%s", again.Status, before.Status, again)
	}
	s.wantProof(t, again)
}

// swallowed: nothing passes, on old connections and new ones. Nothing is green
// from what was read before, and when the path heals everything is as it was.
func swallowed(t *testing.T, s *suite) {
	ways, reroute := s.proxied(t)
	spec := s.spec(t, reroute, keepOpen, s.short)
	c := s.open(t, spec)
	before := s.collect(t, t.Context(), spec, c)
	for _, way := range ways {
		way.swallow()
	}
	v := s.collect(t, t.Context(), spec, c)
	s.wantUnhealthy(t, v)
	s.wantUnseen(t, v)
	s.wantWithin(t, v, s.timeout())
	s.wantNothingOld(t, v)
	for _, way := range ways {
		way.heal()
		way.hangUp() // what is lost never comes back by itself
	}
	after := s.collect(t, t.Context(), spec, c)
	if after.Status != before.Status {
		t.Errorf("after the path healed the verdict is %s, it was %s:\n%s", after.Status, before.Status, after)
	}
	s.wantProof(t, after)
}

// wantNothingOld asserts that required readings which have a value are of this
// call.
func (s *suite) wantNothingOld(t testing.TB, v view) {
	t.Helper()
	for _, o := range v.observations {
		if s.indicators[o.Indicator].Required && o.Failure == nil && !o.Value.IsAbsent() && o.ObservedAt.Before(v.start) {
			t.Errorf("%s of %q is of %s, before the call at %s", o.Indicator, o.Endpoint, o.ObservedAt.Format(clock), v.start.Format(clock))
		}
	}
}

// reset: a connection that ends in the middle of an answer gives half a document.
// Half of it is not used, and a NULL that was cut off is no NULL.
func reset(t *testing.T, s *suite) {
	for _, after := range []int64{1, 100, 1000, 4000, 10_000} {
		t.Run(fmt.Sprintf("after %d bytes", after), func(t *testing.T) {
			ways, reroute := s.proxied(t, func(p *proxy) { p.resetAfter(after) })
			v := s.look(t, s.spec(t, reroute, s.short))
			s.wantWithin(t, v, s.timeout())
			cut := int64(0)
			for _, way := range ways {
				cut += way.resets.Load()
			}
			switch {
			case after <= 100:
				s.wantUnhealthy(t, v)
				if cut == 0 {
					t.Error("nothing was cut: this test shows nothing")
				}
			case s.healthy(v): // what was cut was not needed, or was asked for again
				s.wantProof(t, v)
			}
		})
	}
}

// garbage: something else answers at the address, or something hostile does. It
// costs its deadline at most, and no memory without end.
func garbage(t *testing.T, s *suite) {
	for name, text := range map[string][]byte{
		"zeros":       bytes.Repeat([]byte{0}, 4096),
		"ones":        bytes.Repeat([]byte{0xff}, 4096),
		"a web page":  []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 27\r\n\r\n<html>not a database</html>"),
		"a mail host": []byte("220 mail.example.net ESMTP\r\n"),
		"huge length": {0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			for _, clientFirst := range []bool{false, true} {
				server := listen(t, func(conn net.Conn) {
					if clientFirst {
						buffer := make([]byte, 512)
						_, _ = conn.Read(buffer) // whatever it says
					}
					for range 256 { // a mebibyte at most
						if _, err := conn.Write(text); err != nil {
							return
						}
					}
					buffer := make([]byte, 4096)
					for {
						if _, err := conn.Read(buffer); err != nil {
							return
						}
					}
				})
				v := s.look(t, s.spec(t, s.short, s.everywhere(t, server.address())))
				s.wantUnhealthy(t, v)
				s.wantWithin(t, v, s.timeout())
				if v.Status == readiness.Red && v.has(readiness.NodeDown, readiness.StandbyAbsent) {
					t.Errorf("garbage is no proof that a node is down:\n%s", v)
				}
			}
		})
	}
}
