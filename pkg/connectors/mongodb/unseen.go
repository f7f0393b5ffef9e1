package mongodb

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// heard reports how long ago a member had a heartbeat reply of another, by its
// own clock alone, and whether that still counts. A failed attempt is dated as
// well, so the date says nothing without health.
func (s *set) heard(by *node, v *view) (time.Duration, bool) {
	if v == nil || v.Health == nil || *v.Health != 1 {
		return 0, false
	}
	return s.fresh(by, v.Heard)
}

// fresh is how old a moment is by the clock of the member that told it, and
// whether that is within the patience of the set.
func (s *set) fresh(by *node, moment *time.Time) (time.Duration, bool) {
	if moment == nil || by.newest() == nil || by.newest().Date == nil {
		return 0, false
	}
	age := by.newest().Date.Sub(*moment)
	if age < -readiness.SkewTolerance {
		return 0, false // from the member's own future: no measurement
	}
	age = max(age, 0)
	return age, age <= min(s.patience(), longestPatience)
}

// unseenNode records why a node gave nothing, as loss of visibility of its side.
func (s *set) unseenNode(n *node) {
	side := observe.SideCode(s.spec.Home, n.Endpoint, s.siteSeen(n))
	code := n.unreached.Code
	if code == "" {
		code = side
	} else if code != side && (n.Site == s.spec.Home.Primary || n.Site == s.spec.Home.DR) && n.hello == nil {
		s.book.Fail(&n.Node, roleID, observe.Finding(side, "%s gave no facts", n.Name))
	}
	if code == side && s.pathOnly(n) {
		return // said with what the primary has of it
	}
	s.book.Fail(&n.Node, reachableID, observe.Finding(code, "%s: %s", n.Name, n.unreached.Message))
}

// siteSeen reports whether another member of the node's site was seen.
func (s *set) siteSeen(n *node) bool {
	for _, other := range s.nodes {
		if other != n && other.Site == n.Site && s.trusted(other) && !other.arbiter() {
			return true
		}
	}
	return false
}

// pathOnly reports whether the primary hears a node that bcctl cannot reach, so
// that only bcctl's own path is broken, and records it.
func (s *set) pathOnly(n *node) bool {
	by, seat := s.authority(), s.seats[n]
	if by == nil || seat == nil || n.unreached.Alive {
		return false
	}
	v := by.newest().of(seat.Host)
	age, ok := s.heard(by, v)
	if !ok || v.State == nil {
		return false
	}
	s.book.Fail(&n.Node, reachableID, observe.Finding(readiness.StandbyPathLost, "%s: %s; but %s had a heartbeat reply of it %s ago, as %s; figures are the primary's view only",
		n.Name, n.unreached.Message, by.Name, seconds(age), stateName(*v.State)))
	return true
}

// unseenBesidePrimary judges a member that is not seen while another is primary.
// It returns the doubt about a second writer, unless there is proof against it.
//
// What a fresh heartbeat reply proves: at that moment the member took itself for
// something that accepts no writes, under the same configuration as the primary.
// That is what reading it directly would prove, a heartbeat older. A member that
// is not heard may have been made primary by a forced configuration.
func (s *set) unseenBesidePrimary(n *node) (readiness.Finding, bool) {
	p, seat, by := s.primary, s.seats[n], s.authority()
	doubt := func(format string, args ...any) (readiness.Finding, bool) {
		return observe.Finding(readiness.WriterUnproven, "%s cannot be seen while %s is primary; that it does not write is not proved: %s", n.Name, p.Name, fmt.Sprintf(format, args...)), true
	}
	switch {
	case by == nil:
		return doubt("the primary did not tell what it knows of it")
	case seat == nil:
		return doubt("which member of the configuration it is cannot be told")
	}
	v := by.newest().of(seat.Host)
	age, heard := s.heard(by, v)
	if !heard {
		s.missing(n, by, v)
		if seat.Arbiter {
			return readiness.Finding{}, false // it has no data to write
		}
		return doubt("the primary does not hear it; %s", s.electionChance())
	}
	switch {
	case seat.Arbiter:
		return readiness.Finding{}, false
	case v.State == nil || !passive(*v.State):
		return doubt("the primary heard it %s ago, and not as a member that follows", seconds(age))
	case age > s.proofLasts():
		return doubt("the primary heard it %s ago, long enough for an election elsewhere", seconds(age))
	case s.otherConfig(v):
		return doubt("the primary heard it %s ago, with another configuration", seconds(age))
	default:
		return readiness.Finding{}, false
	}
}

// proofLasts is for how long a heartbeat proves that a member takes no writes: two
// intervals, so that one may be late. An election elsewhere takes longer.
func (s *set) proofLasts() time.Duration { return min(2*s.config.Interval+time.Second, s.patience()) }

// passive reports whether a member in this state accepts no writes.
func passive(state int64) bool {
	switch state {
	case stateSecondary, stateRecovering, stateStartup2, stateArbiter, stateRollback:
		return true
	}
	return false
}

// otherConfig reports whether a member is known to have another configuration
// than the primary, or did not tell.
func (s *set) otherConfig(v *view) bool {
	c := s.config
	return c == nil || v.ConfigVersion == nil || *v.ConfigVersion != *c.Version ||
		c.Term != nil && (v.ConfigTerm == nil || *v.ConfigTerm != *c.Term)
}

// electionChance says whether a member outside could be elected.
func (s *set) electionChance() string {
	q := s.count(s.authority())
	if q.votes >= q.majority {
		return fmt.Sprintf("%d of %d votes are with the primary, so it cannot be elected under this configuration, and a configuration forced on it is not ruled out", q.votes, q.total)
	}
	return fmt.Sprintf("only %d of %d votes are with the primary, so it could be elected elsewhere", q.votes, q.total)
}

// missing records that the primary does not hear a member that does not answer
// bcctl either, and how long it can stay away without a full copy.
func (s *set) missing(n, by *node, v *view) {
	message := fmt.Sprintf("%s does not answer, and %s does not hear it", n.Name, by.Name)
	if v != nil && v.State != nil {
		message = fmt.Sprintf("%s does not answer, and %s sees it as %s", n.Name, by.Name, stateName(*v.State))
		if v.Message != "" {
			message += ": " + v.Message
		}
	}
	if !s.seats[n].Arbiter {
		message += "; " + s.canStayAway(n, by, v)
	}
	s.book.Fail(&n.Node, stateID, readiness.Finding{Code: readiness.NodeDown, Message: message})
}

// canStayAway is how much of the primary's oplog is left for a member that is
// away.
func (s *set) canStayAway(n, by *node, v *view) string {
	window, ok := by.oplog.window()
	if !ok || by.newest().AppliedWall == nil {
		return "how long it can stay away without a full copy is not known"
	}
	var have *position
	if v != nil {
		have = v.Applied
	}
	if have == nil {
		if prev, ok := s.previous(n, positionID); ok {
			text, _ := prev.Value.Text()
			have = parsePosition(text)
		}
	}
	if have == nil {
		return fmt.Sprintf("the oplog of %s covers %s; since when it is away is not known", by.Name, window.Round(time.Second))
	}
	left := window - by.newest().AppliedWall.Sub(have.at())
	if left <= 0 {
		return "the oplog of " + by.Name + " no longer has what it needs: it needs a full copy"
	}
	return fmt.Sprintf("the oplog of %s has what it needs for another %s, at the rate so far", by.Name, left.Round(time.Second))
}

// previous is the newest earlier reading; it is used for figures labelled as last
// known and to notice changes, never as proof.
func (s *set) previous(n *node, id readiness.ID) (readiness.Observation, bool) {
	if s.spec.Previous == nil {
		return readiness.Observation{}, false
	}
	return s.spec.Previous(n.Name, id)
}
