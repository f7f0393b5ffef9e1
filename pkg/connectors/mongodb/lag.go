package mongodb

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// diverges reports whether a member has entries that the primary never had: a
// later time in an older term. By the time alone it would look ahead; it is
// behind, and will have to undo them.
func (v *view) diverges(primary *status) bool {
	a, p := v.Applied, primary.Applied
	return a != nil && p != nil && a.Term < p.Term && (a.Seconds > p.Seconds || a.Seconds == p.Seconds && a.Increment > p.Increment)
}

// place is a position with the time its entry was written at, by the clock of the
// primary that wrote it.
type place struct {
	position *position
	wall     *time.Time
}

// behind is how much older what one place has is than another. Both were stamped
// by primaries, so no two hosts' clocks are compared, and ours is not used. The
// finer times count where both are there; where they are shorter than the whole
// seconds of the positions allow, the positions count. Less than nothing is
// nothing: a negative lag is never turned round.
func behind(newest, oldest place) time.Duration {
	gap := newest.position.at().Sub(oldest.position.at())
	if newest.wall != nil && oldest.wall != nil {
		gap = max(newest.wall.Sub(*oldest.wall), gap-time.Second)
	}
	return max(gap, 0)
}

// since bounds a lag by two readings of the primary, a moment apart: who in the
// second one has reached the position of the first lacks no more than what was
// written in between.
func since(first, last *status, goal, now, have place) time.Duration {
	if have.position.reaches(now.position) {
		return 0
	}
	gap := behind(now, have)
	if last != first && have.position.reaches(goal.position) {
		gap = min(gap, max(last.At.Sub(first.At), 0))
	}
	return gap
}

func (s *status) applied() place { return place{s.Applied, s.AppliedWall} }

// lagOf is how far a member is behind, by the primary's status. Anything that is
// not known on either side leaves it unknown.
func (s *set) lagOf(seat *seat) (time.Duration, *readiness.Finding) {
	unknown := func(code readiness.Code, format string, args ...any) (time.Duration, *readiness.Finding) {
		f := observe.Finding(code, format, args...)
		return 0, &f
	}
	p := s.authority()
	name := seat.Host
	if n := s.at(seat); n != nil {
		name = n.Name
	}
	if p == nil {
		return unknown(s.whyNoAuthority(), "how far %s is behind is not known while no single primary is seen", name)
	}
	first, last := p.status, p.newest()
	v := last.of(seat.Host)
	_, heard := s.heard(p, v)
	switch {
	case v == nil:
		return unknown(readiness.IndicatorMissing, "%s does not list %s in its status", p.Name, name)
	case !heard:
		return unknown(readiness.IndicatorMissing, "%s has no fresh heartbeat of %s, so how far it is behind is not known", p.Name, name)
	case v.State == nil || *v.State != stateSecondary:
		state := "in no state it told"
		if v.State != nil {
			state = stateName(*v.State)
		}
		return unknown(readiness.IndicatorMissing, "%s is %s, so how far it is behind is not known", name, state)
	case last.Applied == nil || first.Applied == nil:
		return unknown(readiness.ValueInvalid, "%s did not tell its own position", p.Name)
	case v.Applied == nil:
		return unknown(readiness.ValueInvalid, "%s knows no position of %s; that is not zero lag", p.Name, name)
	case v.diverges(last):
		return unknown(readiness.Diverged, "%s has entries of term %d up to %s, after anything the primary has from term %d: it will undo them", name, v.Applied.Term, v.Applied.at().Format(time.RFC3339), v.Applied.Term)
	case v.Applied.Term > last.Applied.Term:
		return unknown(readiness.Conflict, "%s has entries of term %d, the primary %s is at term %d", name, v.Applied.Term, p.Name, last.Applied.Term)
	}
	if f := s.denied(seat, v); f != nil {
		return 0, f
	}
	return since(first, last, first.applied(), last.applied(), place{v.Applied, v.AppliedWall}), nil
}

// slack is by how much two servers may differ on a position of one of them: the
// interval of an idle set's entries, and of heartbeats.
const slack = 12 * time.Second

// denied: the member's own answer counts more than the primary's view of it.
func (s *set) denied(seat *seat, v *view) *readiness.Finding {
	n := s.at(seat)
	if n == nil || !s.trusted(n) || n.status == nil {
		return nil
	}
	own := n.status
	if own.State != nil && *own.State != stateSecondary {
		f := observe.Finding(readiness.Conflict, "%s says it is %s, the primary takes it for %s", n.Name, stateName(*own.State), stateName(*v.State))
		return &f
	}
	if own.Applied == nil {
		f := observe.Finding(readiness.ValueInvalid, "%s does not tell its own position", n.Name)
		return &f
	}
	if apart := v.Applied.at().Sub(own.Applied.at()); own.Applied.Term < v.Applied.Term || apart > slack {
		f := observe.Finding(readiness.Conflict, "%s says it is at %s, the primary takes it to be at %s", n.Name, own.Applied, v.Applied)
		return &f
	}
	return nil
}

func (s *set) whyNoAuthority() readiness.Code {
	switch {
	case len(s.writers) > 1:
		return readiness.Conflict
	case s.primary == nil && s.homeSeen():
		return readiness.IndicatorMissing // who may be primary elsewhere is said by topology
	case s.primary == nil:
		return readiness.VisPrimary
	case s.unproven[s.primary]:
		return readiness.IdentityUnproven
	case s.primary.unsupported():
		return readiness.VersionUnsupported
	case s.primary.unreached != nil && s.primary.unreached.Code != "":
		return s.primary.unreached.Code
	default:
		return readiness.QueryFailed
	}
}

// homeSeen reports whether every endpoint at the primary's home answered hello.
func (s *set) homeSeen() bool {
	for _, n := range s.nodes {
		if n.hello == nil && n.Site == s.spec.Home.Primary {
			return false
		}
	}
	return true
}

// lags records how far each member is behind, and the resource's commit lag.
func (s *set) lags() {
	if s.config == nil {
		return // said by quorum and exposure
	}
	for i := range s.config.Members {
		seat := &s.config.Members[i]
		n := s.at(seat)
		if n == nil || seat.Arbiter || n == s.primary || n.hello != nil && n.hello.Writable {
			continue
		}
		s.lag(n, seat)
	}
	for _, n := range s.nodes {
		if s.trusted(n) && n.newest() != nil && n.newest().Applied != nil {
			s.book.Add(&n.Node, positionID, readiness.Str(n.newest().Applied.String()))
		}
	}
	s.commitLag()
}

func (s *set) lag(n *node, seat *seat) {
	p := s.authority()
	if seat.Delay > 0 {
		s.book.Add(&n.Node, applyDelayID, readiness.Dur(seat.Delay))
	}
	if p == nil {
		return // said once, with the exposure
	}
	lag, f := s.lagOf(seat)
	if f != nil {
		s.book.Fail(&n.Node, lagID, *f)
		return
	}
	s.book.AddAt(&n.Node, p.newest().At, lagID, readiness.Dur(max(lag-seat.Delay, 0)))
	v := p.newest().of(seat.Host)
	if v.Durable != nil {
		was := place{v.Applied, v.AppliedWall}
		if earlier := p.status.of(seat.Host); earlier != nil && earlier.Applied != nil {
			was = place{earlier.Applied, earlier.AppliedWall}
		}
		gap := since(p.status, p.newest(), was, place{v.Applied, v.AppliedWall}, place{v.Durable, v.DurableWall})
		s.book.AddAt(&n.Node, p.newest().At, durableGapID, readiness.Dur(gap))
	}
}

// commitLag is how far the majority commit point is behind: what was acknowledged
// without a majority since then may be undone by a failover.
func (s *set) commitLag() {
	p := s.authority()
	if p == nil {
		return // said by exposure
	}
	first, last := p.status, p.newest()
	if first.Applied == nil || last.Applied == nil || last.Committed == nil {
		s.fail(commitLagID, observe.Finding(readiness.ValueInvalid, "%s did not tell both what it applied and what a majority has", p.Name))
		return
	}
	gap := since(first, last, first.applied(), last.applied(), place{last.Committed, last.CommittedWall})
	s.add(commitLagID, last.At, readiness.Dur(gap))
}
