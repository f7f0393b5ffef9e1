package connectortest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// deadline: a server that accepts and never answers costs its own deadline and
// nothing of what the others say.
func deadline(t *testing.T, s *suite) {
	whole := s.look(t, s.spec(t))
	for i, hung := range whole.spec.Endpoints {
		t.Run(hung.Name, func(t *testing.T) {
			server := silent(t)
			v := s.look(t, s.spec(t, s.short, func(spec *connectors.Spec) { s.reroute(t, spec, i, server.address()) }))
			s.wantUnhealthy(t, v)
			s.wantWithin(t, v, s.timeout())
			for _, o := range whole.observations {
				if o.Endpoint == "" || o.Endpoint == hung.Name || o.Failure != nil || o.Value.IsAbsent() || slices.Contains(s.Joint, o.Indicator) {
					continue
				}
				if !v.read(o.Key()) {
					t.Errorf("%s of %q is missing, though it answers", o.Indicator, o.Endpoint)
				}
			}
			for _, o := range v.observations {
				if o.Endpoint == hung.Name && !o.ObservedAt.IsZero() && o.Failure == nil && !o.Value.IsAbsent() && s.indicators[o.Indicator].Required && !slices.Contains(s.Joint, o.Indicator) {
					t.Errorf("%s of %q was read, though it never answered", o.Indicator, o.Endpoint)
				}
			}
			if server.connections() == 0 {
				t.Error("it was not even tried")
			}
		})
	}
}

// allHang: deadlines are kept at once, not one after the other.
func allHang(t *testing.T, s *suite) {
	v := s.look(t, s.spec(t, s.short, s.everywhere(t, silent(t).address())))
	s.wantUnhealthy(t, v)
	s.wantUnseen(t, v)
	s.wantWithin(t, v, s.timeout())
}

// cancelled: a check that is interrupted ends at once and blames itself, not the
// servers.
func cancelled(t *testing.T, s *suite) {
	server := silent(t)
	spec := s.spec(t, func(spec *connectors.Spec) {
		spec.EndpointTimeout = time.Minute
		s.reroute(t, spec, len(spec.Endpoints)-1, server.address())
	})
	c := s.open(t, spec)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	interrupted := make(chan time.Time, 1)
	go func() {
		select {
		case <-server.accepted:
		case <-time.After(recovery):
		}
		cancel()
		interrupted <- time.Now()
	}()
	v := s.collect(t, ctx, spec, c)
	if late := v.end.Sub(<-interrupted); late > slack {
		t.Errorf("Collect returned %s after it was cancelled", late)
	}
	s.wantUnhealthy(t, v, readiness.VisCollector)
	s.wantNoBlame(t, v, spec.Endpoints[len(spec.Endpoints)-1].Name)
}

// cancelledBefore: when there is no time at all, nothing is claimed.
func cancelledBefore(t *testing.T, s *suite) {
	spec := s.spec(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := s.collect(t, ctx, spec, s.open(t, spec))
	if v.took() > slack {
		t.Errorf("Collect took %s in a context that was over", v.took())
	}
	s.wantUnhealthy(t, v)
	s.wantUnseen(t, v)
	for _, e := range spec.Endpoints {
		s.wantNoBlame(t, v, e.Name)
	}
}

// refused: a closed port is told fast, and is nothing seen, not something seen to
// be down.
func refused(t *testing.T, s *suite) {
	v := s.look(t, s.spec(t, s.everywhere(t, nobody(t))))
	s.wantUnhealthy(t, v)
	s.wantUnseen(t, v)
	if v.took() > 3*time.Second {
		t.Errorf("a refusal took %s", v.took())
	}
	for i, e := range v.spec.Endpoints {
		t.Run(e.Name, func(t *testing.T) {
			v := s.look(t, s.spec(t, s.short, func(spec *connectors.Spec) { s.reroute(t, spec, i, nobody(t)) }))
			s.wantUnhealthy(t, v)
			s.wantWithin(t, v, s.timeout())
		})
	}
}

// short gives endpoints a deadline that a test can wait for.
func (s *suite) short(spec *connectors.Spec) { spec.EndpointTimeout = s.timeout() }

// everywhere leads all endpoints to one address.
func (s *suite) everywhere(t testing.TB, address string) func(*connectors.Spec) {
	return func(spec *connectors.Spec) {
		for i := range spec.Endpoints {
			s.reroute(t, spec, i, address)
		}
	}
}

func (s *suite) wantWithin(t testing.TB, v view, limit time.Duration) {
	t.Helper()
	if v.took() > limit+slack {
		t.Errorf("Collect took %s, the deadline of an endpoint is %s:\n%s", v.took().Round(time.Millisecond), limit, v)
	}
}

// wantNoBlame asserts that an interrupted look at an endpoint is not taken for a
// server that is down.
func (s *suite) wantNoBlame(t testing.TB, v view, endpoint string) {
	t.Helper()
	for _, r := range v.Reasons {
		switch r.Code {
		case readiness.NodeDown, readiness.StandbyAbsent, readiness.PrimaryUnreachable, readiness.StandbyPathLost,
			readiness.PrimaryPathLost, readiness.NoPrimary, readiness.QuorumLost, readiness.TwoWriters:
			if r.Endpoint == "" || r.Endpoint == endpoint {
				t.Errorf("an interrupted check claims %s of %q: %s", r.Code, r.Endpoint, r.Message)
			}
		}
	}
}
