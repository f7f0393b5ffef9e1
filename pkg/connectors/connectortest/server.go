package connectortest

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// version: what a server of an unknown version says may mean something else.
func version(t *testing.T, s *suite) {
	s.while(t, s.Version, func(t *testing.T) {
		s.wantUnhealthy(t, s.look(t, s.spec(t)), readiness.VersionUnsupported)
	})
}

// masked: servers that hide rows or columns from a login look like servers without
// replication, or without a fault. The connector notices that it does not see.
func masked(t *testing.T, s *suite) {
	s.while(t, s.Mask, func(t *testing.T) {
		v := s.look(t, s.spec(t))
		s.wantUnhealthy(t, v, readiness.InsufficientPrivilege, readiness.GroupNotVisible)
		for _, code := range []readiness.Code{readiness.StandbyAbsent, readiness.NoPrimary, readiness.TwoWriters, readiness.NodeDown} {
			if v.has(code) {
				t.Errorf("%s is claimed of what is only hidden:\n%s", code, v)
			}
		}
	})
}

// oddValues: NULL, a negative number, a time in the future or none at all is no
// measurement, least of all zero.
func oddValues(t *testing.T, s *suite) {
	for _, odd := range s.Oddities {
		t.Run(odd.Name, func(t *testing.T) {
			if _, known := s.indicators[odd.Indicator]; !known && odd.Indicator != "" {
				t.Fatalf("the catalog has no %s", odd.Indicator)
			}
			s.while(t, odd.Make, func(t *testing.T) {
				v := s.look(t, s.spec(t))
				s.wantUnhealthy(t, v)
				if s.indicators[odd.Indicator].Required && v.Status != readiness.Unknown && v.Status != readiness.Red {
					t.Errorf("a required reading is odd and the verdict is %s:\n%s", v.Status, v)
				}
				for _, o := range v.observations {
					if o.Indicator != odd.Indicator || odd.Endpoint != "" && o.Endpoint != odd.Endpoint {
						continue
					}
					if number, isNumber := o.Value.Number(); isNumber {
						t.Errorf("%s of %q became %v", o.Indicator, o.Endpoint, number)
					}
				}
			})
		})
	}
}

// nothingChanged: monitoring changes nothing on the servers. Servers change by
// themselves now and then, so one series of looks without a change is the proof.
func nothingChanged(t *testing.T, s *suite) {
	var before, after string
	for range 10 {
		before = s.Changes(t)
		spec := s.spec(t, keepOpen)
		spec.Heartbeat = nil // the one write there is, by its own credential
		c := s.open(t, spec)
		for range 2 {
			s.wantHealthy(t, s.collect(t, t.Context(), spec, c))
		}
		s.wantHealthy(t, s.look(t, s.spec(t)))
		if after = s.Changes(t); after == before {
			return
		}
	}
	t.Errorf("whenever it looks, something changes: from %s to %s", before, after)
}

// while runs a test while servers are changed, and waits until they are healthy
// again.
func (s *suite) while(t *testing.T, change func(*testing.T), test func(*testing.T)) {
	t.Helper()
	t.Run("meanwhile", func(t *testing.T) {
		change(t)
		test(t)
	})
	s.recover(t)
}
