package mongoset

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func dataFaults() []fault {
	return []fault{
		{"lag", "the member at the DR site stopped pulling a quarter of an hour ago", codes(readiness.LagOverRPO),
			func(s *Set) (func() error, error) {
				return s.pausedSince("lag", 15*time.Minute, s.away())
			}},
		{"commit-lag", "no secondary has pulled for ten minutes: nothing since is held by a majority", codes(readiness.CommitLagHigh, readiness.FlowControlActive),
			func(s *Set) (func() error, error) {
				home := s.home()
				followers := slices.DeleteFunc(s.but(home), (*node).arbiter)
				undo, err := s.pausedSince("commit-lag", 10*time.Minute, followers...)
				for _, n := range followers {
					home.committed = n.log.position()
				}
				return undo, err
			}},
		{"null-optime", "the member at the DR site says that it has no position", codes(readiness.ValueInvalid),
			func(s *Set) (func() error, error) {
				return quirk("null-optime", func(q *quirks) { q.nullOptimes = true }, s.away())
			}},
		{"rollback", "the member at the DR site is rolling back and does not get done", codes(readiness.NodeRollback),
			func(s *Set) (func() error, error) { return s.holdIn("rollback", s.away(), stateRollback) }},
		{"recovering", "the member at the DR site is recovering: too far behind everybody's oplog", codes(readiness.NodeRecovering),
			func(s *Set) (func() error, error) {
				away := s.away()
				undo, err := s.holdIn("recovering", away, stateRecovering)
				s.rewind(away, 20*time.Minute)
				away.tooStale, away.source = true, ""
				return func() error { away.tooStale = false; return undo() }, err
			}},
		{"initial-sync", "the member at the DR site is making its first copy", codes(readiness.InitialSync),
			func(s *Set) (func() error, error) {
				away := s.away()
				undo, err := s.holdIn("initial-sync", away, stateStartup2)
				entries, data := away.log.entries, away.data
				away.log.entries, away.data, away.committed = nil, store{}, noOpTime
				for _, n := range s.but(away) {
					v := n.view(away.me())
					v.known, v.knownWall = noOpTime, time.Time{}
				}
				return func() error {
					away.log.entries, away.data = entries, data
					return undo()
				}, err
			}},
		{"oplog-short", "the oplogs of all members hold ten minutes", codes(readiness.OplogWindowShort),
			func(s *Set) (func() error, error) { return s.windows(10 * time.Minute) }},
		{"oplog-headroom", "the member at the DR site is behind by a third of the oplogs", codes(readiness.OplogHeadroomLow),
			func(s *Set) (func() error, error) {
				undoWindows, _ := s.windows(45 * time.Minute) // cannot fail
				undo, err := s.pausedSince("oplog-headroom", 15*time.Minute, s.away())
				return both(undo, undoWindows), err
			}},
		{"flow-control", "the primary slows its clients down so that the secondaries keep up", codes(readiness.FlowControlActive),
			func(s *Set) (func() error, error) {
				return quirk("flow-control", func(q *quirks) { q.flowLagged = true }, s.home())
			}},
		{"wrong-set", "the member at the DR site lost its disk and was initiated anew, alone, under the same name", codes(readiness.IdentityMismatch),
			func(s *Set) (func() error, error) { return s.initiateAnew(s.away()) }},
	}
}

// holdIn keeps a member in a state.
func (s *Set) holdIn(fault string, n *node, state memberState) (func() error, error) {
	r := s.main()
	undo, err := quirk(fault, func(q *quirks) { q.held = true; q.paused = true }, n)
	r.setState(n, state)
	n.since = laterTime(n.since, r.now.Add(-pastUptime))
	return func() error {
		r.setState(n, stateSecondary)
		return undo()
	}, err
}

func laterTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (s *Set) windows(d time.Duration) (func() error, error) {
	nodes := s.main().nodes
	for _, n := range nodes {
		n.log.window = d
	}
	return func() error {
		for _, n := range nodes {
			n.log.window = defaultWindow
		}
		return nil
	}, nil
}

// initiateAnew makes a member a set of its own: the name of the old one, another
// identity, no data, and itself the primary.
func (s *Set) initiateAnew(n *node) (func() error, error) {
	r := s.main()
	old := *n
	m := *n.self()
	m.id = 0
	c := *n.cfg
	c.version, c.term, c.id, c.members = 1, 1, primitive.NewObjectID(), []memberConfig{m}
	n.cfg, n.term, n.voted = &c, 1, 1
	n.log, n.data, n.views = oplog{window: time.Hour}, store{}, map[string]*view{}
	n.committed, n.firstOfTerm, n.ballot, n.elections = noOpTime, opTime{}, nil, electionCounts{}
	n.since, n.processID = r.now, primitive.NewObjectIDFromTimestamp(r.now)
	n.term = 0
	n.state = stateSecondary
	r.apply(n, &entry{at: opTime{ts: primitive.Timestamp{T: uint32(r.now.Unix()), I: 1}, term: -1}, wall: r.now, op: "n", o: message("initiating set")})
	r.elect(n, electionTimeout)
	r.touch(n)
	return func() error {
		counter, process := n.counter, n.process
		*n = old
		n.counter, n.process = counter+1, process
		n.behave() // other faults came and went meanwhile
		n.views = map[string]*view{}
		n.heartbeatDue = r.now
		return nil
	}, nil
}
