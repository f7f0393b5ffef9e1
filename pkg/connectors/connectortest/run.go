package connectortest

import (
	"maps"
	"slices"
	"testing"
)

// clause is one part of the contract.
type clause struct {
	name string
	test func(*testing.T, *suite)
	hook string // the Subject's field it cannot do without
}

func contract() []clause {
	return []clause{
		{"hooks", hooks, ""},
		{"catalog", catalog, ""},
		{"capabilities", capabilities, ""},
		{"validate", validate, ""},
		{"invalid spec", invalidSpec, "Invalid"},
		{"healthy", healthy, ""},
		{"healthy with connections kept", healthyKept, ""},
		{"optional endpoint", optionalEndpoint, ""},
		{"identity", identity, "Foreign"},
		{"wrong password", wrongPassword, ""},
		{"unresolved secret", unresolvedSecret, ""},
		{"refused", refused, ""},
		{"deadline", deadline, ""},
		{"all endpoints hang", allHang, ""},
		{"cancel", cancelled, ""},
		{"cancelled before", cancelledBefore, ""},
		{"half-open connection", halfOpen, ""},
		{"path swallows everything", swallowed, ""},
		{"reset in the middle of an answer", reset, ""},
		{"garbage", garbage, ""},
		{"certificate of another authority", strangeCertificate, ""},
		{"name the certificate does not have", strangeName, ""},
		{"authority that is not trusted", strangeAuthority, ""},
		{"server without TLS", withoutTLS, ""},
		{"version", version, "Version"},
		{"masked privilege", masked, "Mask"},
		{"odd values", oddValues, "Oddities"},
		{"nothing is changed", nothingChanged, "Changes"},
		{"two at once", together, ""},
		{"no trace on this machine", noTrace, ""},
		{"no goroutine is left", noGoroutine, ""},
	}
}

// Run holds a connector to the contract, clause by clause. It sets environment
// variables, so it cannot be called in a parallel test.
func Run(t *testing.T, subject Subject) {
	s := newSuite(t, subject)
	hooks := subject.hooks()
	for _, c := range contract() {
		passed := t.Run(c.name, func(t *testing.T) {
			if c.hook != "" && !hooks[c.hook] {
				reason := subject.Exempt[c.hook]
				if reason == "" {
					reason = "these servers are not ours to change"
				}
				t.Skipf("Subject.%s is not set: %s", c.hook, reason)
			}
			c.test(t, s)
		})
		if c.name == "healthy" && !passed {
			t.Fatal("the healthy resource is not judged healthy: the other clauses would show nothing")
		}
	}
}

// hooks: a laboratory that cannot be broken in some way must say so, or a clause
// would be skipped and nobody would see it.
func hooks(t *testing.T, s *suite) {
	present := s.hooks()
	for name := range s.Exempt {
		if set, known := present[name]; !known || set {
			t.Errorf("Subject.Exempt names %q, which is no hook or is set", name)
		}
	}
	if !s.Laboratory {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(present)) {
		if !present[name] && s.Exempt[name] == "" {
			t.Errorf("a laboratory must have Subject.%s, or say in Exempt why it cannot", name)
		}
	}
}
