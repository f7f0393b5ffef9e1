package mongodb

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// node records what concerns one member alone: reachable, version, role, state,
// address, clock, privileges.
func (s *set) node(n *node) {
	if n.unreached != nil {
		if s.member(n) {
			s.role(n)
		}
		return // the rest is said by topology, which knows what it means
	}
	s.book.Add(&n.Node, reachableID, readiness.Bool(true))
	s.version(n)
	if s.rejected[n] {
		return
	}
	s.role(n)
	s.address(n)
	s.clock(n)
	if n.unsupported() {
		return
	}
	s.state(n)
	s.privileges(n)
	if n.feature != "" {
		s.book.Add(&n.Node, featureID, readiness.Str(n.feature), s.featureFindings(n)...)
	}
}

// Supported releases.
const minMajor, maxMajor = 5, 8

// release is the part of a version that decides what a server can do.
func release(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}
	minor, err = strconv.Atoi(parts[1])
	return major, minor, err == nil
}

func (n *node) unsupported() bool {
	major, _, ok := release(n.version)
	return n.version != "" && (!ok || major < minMajor || major > maxMajor)
}

// byWire are the releases of wire versions, for arbiters, which tell no other.
func byWire(wire int64) string {
	switch {
	case wire >= 25:
		return "8.0 or later"
	case wire >= 21:
		return "7.0 or later"
	case wire >= 17:
		return "6.0 or later"
	case wire >= 13:
		return "5.0 or later"
	default:
		return ""
	}
}

func (s *set) version(n *node) {
	if n.arbiter() {
		if text := byWire(n.hello.Wire); text != "" {
			s.book.Add(&n.Node, versionID, readiness.Str(text))
		} else {
			s.book.Add(&n.Node, versionID, readiness.Str(fmt.Sprintf("wire version %d", n.hello.Wire)), observe.Finding(readiness.VersionUnsupported, "%s speaks wire version %d; bcctl knows servers 5.0 to 8.x", n.Name, n.hello.Wire))
		}
		return
	}
	if s.failedReading(n, versionID) {
		return
	}
	if n.version == "" {
		s.book.Fail(&n.Node, versionID, observe.Finding(readiness.ValueInvalid, "%s did not tell its version", n.Name))
		return
	}
	var findings []readiness.Finding
	if n.unsupported() {
		findings = append(findings, observe.Finding(readiness.VersionUnsupported, "%s runs MongoDB %s; bcctl knows 5.0 to 8.x", n.Name, n.version))
	}
	if p := s.primary; p != nil && p != n && !s.rejected[n] && p.version != "" {
		a, b, _ := release(n.version)
		c, d, _ := release(p.version)
		if a != c || b != d {
			findings = append(findings, observe.Finding(readiness.VersionMismatch, "%s runs MongoDB %s, the primary %s runs %s; normal only while an upgrade is going on", n.Name, n.version, p.Name, p.version))
		}
	}
	s.book.Add(&n.Node, versionID, readiness.Str(n.version), findings...)
}

// featureFindings compares featureCompatibilityVersion, which decides what data a
// member can read, with the primary's.
func (s *set) featureFindings(n *node) []readiness.Finding {
	if p := s.primary; p != nil && p != n && p.feature != "" && p.feature != n.feature {
		return []readiness.Finding{observe.Finding(readiness.VersionMismatch, "%s has feature compatibility version %s, the primary %s has %s", n.Name, n.feature, p.Name, p.feature)}
	}
	return nil
}

// role is what the member claims to be. Its own status is the second witness.
func (s *set) role(n *node) {
	role := "none"
	switch {
	case n.hello.Writable:
		role = "primary"
	case n.hello.Secondary:
		role = "secondary"
	case n.arbiter():
		role = "arbiter"
	}
	var findings []readiness.Finding
	if n.status != nil && n.status.State != nil {
		if state := *n.status.State; n.hello.Writable && state != statePrimary {
			findings = append(findings, observe.Finding(readiness.Conflict, "%s accepts writes by hello and is %s by its status", n.Name, stateName(state)))
		} else if now := n.newest().State; n.hello.Writable && (now == nil || *now != statePrimary) {
			findings = append(findings, observe.Finding(readiness.Conflict, "%s stepped down while it was read", n.Name))
		}
	}
	// Behind a balancer each command may come to another server.
	if self := n.newest().self(); self != nil && n.hello.Me != "" && !sameHost(self.Name, n.hello.Me) {
		findings = append(findings, observe.Finding(readiness.Conflict, "%s is %s by hello and %s by its status: more than one server answers at this address", n.Name, n.hello.Me, self.Name))
	}
	s.book.Add(&n.Node, roleID, readiness.Str(role), findings...)
}

// address compares what the set calls the member with what the resource does. A
// server behind another name is fine where the resource says so.
func (s *set) address(n *node) {
	me := n.hello.Me
	if me == "" {
		s.book.Fail(&n.Node, addressID, observe.Finding(readiness.ValueInvalid, "%s did not tell what its set calls it", n.Name))
		return
	}
	var findings []readiness.Finding
	want := n.Options["member"]
	if want == "" {
		want = n.Address
	}
	if !sameHost(me, want) {
		findings = append(findings, observe.Finding(readiness.AddressMismatch, "%s is %s in its set, and %s in the resource; if both are one server, say so with the option member", n.Name, me, want))
	}
	s.book.Add(&n.Node, addressID, readiness.Str(me), findings...)
}

func (s *set) clock(n *node) {
	if n.hello.Clock == nil {
		s.book.Fail(&n.Node, clockSkewID, observe.Finding(readiness.ValueInvalid, "%s did not tell its time", n.Name))
		return
	}
	skew := n.hello.Clock.Sub(n.At)
	var findings []readiness.Finding
	// The server may have looked at its clock at any moment of the request.
	if skew.Abs()-n.took/2 > readiness.SkewTolerance {
		findings = append(findings, observe.Finding(readiness.ClockSkew, "clock of %s differs from the collector's by %s; ages in seconds across hosts are not known", n.Name, skew.Round(100*time.Millisecond)))
	}
	s.book.Add(&n.Node, clockSkewID, readiness.Dur(skew), findings...)
}
