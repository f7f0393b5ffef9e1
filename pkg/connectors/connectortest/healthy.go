package connectortest

import (
	"slices"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// healthy: a resource of which nothing is wrong is green, by evidence of this call.
// A connector that cries wolf is switched off.
func healthy(t *testing.T, s *suite) {
	v := s.look(t, s.spec(t))
	s.wantHealthy(t, v)
	s.wantProof(t, v)
	s.wantHealthy(t, s.look(t, s.spec(t)))
}

// healthyKept: in continuous mode the second look is over connections that are
// open, and rests on what was read then.
func healthyKept(t *testing.T, s *suite) {
	spec := s.spec(t, keepOpen)
	c := s.open(t, spec)
	for range 3 {
		v := s.collect(t, t.Context(), spec, c)
		s.wantHealthy(t, v)
		s.wantProof(t, v)
	}
}

// optionalEndpoint: the rules soften what is found at an optional endpoint by a mark
// on each observation of it (searched for in every view), also when it is away.
func optionalEndpoint(t *testing.T, s *suite) {
	v := s.look(t, s.spec(t, func(spec *connectors.Spec) {
		last := len(spec.Endpoints) - 1
		spec.Endpoints[last].Optional = true
		s.reroute(t, spec, last, nobody(t))
	}))
	s.wantUnhealthy(t, v)
}

func keepOpen(spec *connectors.Spec) { spec.KeepOpen = true }

// wantProof asserts that every required indicator was read in this call.
func (s *suite) wantProof(t testing.TB, v view) {
	t.Helper()
	if v.err != nil {
		t.Errorf("collect: %v", v.err)
	}
	for id, indicator := range s.indicators {
		if !indicator.Required {
			continue
		}
		found := false
		for _, o := range v.observations {
			if o.Indicator != id {
				continue
			}
			found = true
			if o.Failure != nil {
				t.Errorf("required %s of %q failed: %s %s", id, o.Endpoint, o.Failure.Code, o.Failure.Message)
				continue
			}
			if o.Value.IsAbsent() {
				t.Errorf("required %s of %q has no value", id, o.Endpoint)
			}
			old := o.ObservedAt.Before(v.start.Add(-time.Millisecond)) && !slices.Contains(s.Remembered, id)
			if o.ObservedAt.IsZero() || old || o.ObservedAt.After(v.end.Add(time.Millisecond)) {
				t.Errorf("required %s of %q was true at %s, the call lasted from %s to %s", id, o.Endpoint,
					o.ObservedAt.Format(clock), v.start.Format(clock), v.end.Format(clock))
			}
		}
		if !found {
			t.Errorf("required %s was not observed", id)
		}
	}
	for _, o := range v.observations {
		if s.healthyReading(o) {
			continue
		}
		t.Errorf("%s of %q says something is wrong with a healthy resource: %+v %+v", o.Indicator, o.Endpoint, o.Failure, o.Findings)
	}
}

// healthyReading: nothing it says is red or unknown, unless it is tolerated.
func (s *suite) healthyReading(o readiness.Observation) bool {
	findings := o.Findings
	if o.Failure != nil {
		findings = append(slices.Clone(findings), *o.Failure)
	}
	for _, f := range findings {
		info, _ := f.Code.Info()
		if info.Default.Worse(readiness.Yellow) && !slices.Contains(s.Tolerated, f.Code) {
			return false
		}
	}
	return true
}
