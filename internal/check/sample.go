package check

import (
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// series is where a reason was seen.
type series struct {
	Endpoint  string       `json:"endpoint,omitempty"`
	Indicator readiness.ID `json:"indicator,omitempty"`
}

// sample is a result as alerting sees it.
type sample struct {
	breaches map[readiness.Code][]readiness.Reason // by code, each list worst first
	unseen   []readiness.Reason                    // what required part cannot be seen, worst first
	blind    bool                                  // something required is not known: nothing is proved over
	unread   map[series]bool                       // not usable in this run, or not good for long enough
	dark     map[string]bool                       // endpoints that cannot be seen
}

// sampleOf splits the reasons of a result. What an optional part does not show is
// a breach like any other, because it is yellow for ever; what a required part
// does not show is loss of visibility.
func sampleOf(r readiness.Result) sample {
	s := sample{breaches: map[readiness.Code][]readiness.Reason{}, unread: map[series]bool{}, dark: map[string]bool{}}
	required := map[series]bool{}
	for _, i := range r.Indicators {
		at := series{i.Endpoint, i.Observation.Indicator}
		required[at] = required[at] || i.Required
		if i.ValidUntil.IsZero() {
			s.unread[at] = true
		}
	}
	var unknown []readiness.Reason
	for _, x := range r.Reasons {
		at := series{x.Endpoint, x.Indicator}
		visibility := rules.IsVisibility(x.Code)
		if visibility && x.Endpoint != "" {
			s.dark[x.Endpoint] = true
		}
		switch {
		case x.Code == readiness.Clearing:
			s.unread[at] = true // the breach is over when the rules say so, and this is not one
		case visibility && (required[at] || x.Status == readiness.Unknown):
			s.unseen = append(s.unseen, x)
		case x.Status == readiness.Unknown:
			unknown = append(unknown, x)
		case x.Status != readiness.Green:
			s.breach(x)
		}
	}
	s.blind = len(s.unseen)+len(unknown) > 0
	if len(s.unseen) == 0 {
		s.addUnknown(unknown)
	}
	return s
}

// addUnknown makes breaches of what is not known although everything is seen, so
// that a target cannot stay unknown without anybody being told. Where something
// is not seen, the rest follows from it. The codes that only sum up are left out
// where another one says why.
func (s *sample) addUnknown(unknown []readiness.Reason) {
	summary := func(x readiness.Reason) bool {
		return x.Code == readiness.IndicatorMissing && x.Indicator == "" || x.Code == readiness.NoIndicators
	}
	explained := s.breaches[readiness.PlatformUnsupported] != nil ||
		slices.ContainsFunc(unknown, func(x readiness.Reason) bool { return !summary(x) })
	for _, x := range unknown {
		if !summary(x) || !explained {
			s.breach(x)
		}
	}
}

func (s *sample) breach(x readiness.Reason) {
	s.breaches[x.Code] = readiness.SortReasons(append(s.breaches[x.Code], x))
}

// over reports whether an episode without a breach in this run is over: each of
// its series was read. An exposure near its objective is not over when it has
// become one over it.
func (s sample) over(code readiness.Code, e *Episode) bool {
	if s.blind || code == readiness.LagNearRPO && s.breaches[readiness.LagOverRPO] != nil {
		return false
	}
	return !slices.ContainsFunc(e.Series, func(at series) bool { return s.unread[at] || s.dark[at.Endpoint] })
}
