package connectortest

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors"
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
// costs its deadline at most, and no memory without end. In clear text, which
// loopback allows, it meets what reads the protocol and not only TLS.
func garbage(t *testing.T, s *suite) {
	inClear := func(spec *connectors.Spec) { spec.TLS = connectors.TLS{Mode: connectors.Disable} }
	for name, text := range map[string][]byte{
		"zeros":       bytes.Repeat([]byte{0}, 4096),
		"ones":        bytes.Repeat([]byte{0xff}, 4096),
		"a web page":  []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 27\r\n\r\n<html>not a database</html>"),
		"a mail host": []byte("220 mail.example.net ESMTP\r\n"),
		"huge length": {0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff},
		"no length":   {'R', 0xff, 0xff, 0xff, 0xff, 0, 0, 0},
	} {
		for _, way := range []struct {
			name        string
			clientFirst bool
			security    func(*connectors.Spec)
		}{
			{"at once", false, s.encrypted},
			{"as an answer", true, s.encrypted},
			{"at once in clear", false, inClear},
			{"as an answer in clear", true, inClear},
		} {
			t.Run(name+" "+way.name, func(t *testing.T) {
				server := listen(t, func(conn net.Conn) { babble(conn, text, way.clientFirst) })
				spec := s.spec(t, s.short, way.security, s.everywhere(t, server.address()))
				if problems := s.Factory.Validate(spec); len(problems) > 0 {
					t.Skipf("such a spec is not accepted: %v", problems)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				v := s.look(t, spec)
				runtime.ReadMemStats(&after)
				s.wantUnhealthy(t, v)
				s.wantUnseen(t, v)
				s.wantWithin(t, v, s.timeout())
				if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 128 {
					t.Errorf("%d MiB were taken for it", took)
				}
			})
		}
	}
}

// babble repeats a text, a mebibyte of it at most, and waits for the other end to
// leave.
func babble(conn net.Conn, text []byte, clientFirst bool) {
	buffer := make([]byte, 4096)
	if clientFirst {
		_, _ = conn.Read(buffer) // whatever it says
	}
	for range 256 {
		if _, err := conn.Write(text); err != nil {
			return
		}
	}
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}
