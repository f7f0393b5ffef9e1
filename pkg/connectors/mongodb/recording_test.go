package mongodb

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// recording is the facts of a set with who asked for them. Tables of tests write
// over a set at rest what is wrong with it.
type recording struct {
	spec     connectors.Spec
	a, b, c  *node // primary at fra, secondaries at ams and par
	others   []*node
	written  *readiness.Finding
	previous map[readiness.Key]readiness.Observation
	now      time.Time
}

const (
	recordedID  = "65f2d0a49c1b4e7d8f3a2b10"
	anotherID   = "65f2d0a49c1b4e7d8f3a2bff"
	recordedSet = "catalog"
)

var recordedAt = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func pointer[T any](v T) *T { return &v }

func ago(d time.Duration) *time.Time { return pointer(recordedAt.Add(-d)) }

// at is the position written a while before the recording, in term 7.
func at(d time.Duration) *position {
	return &position{Term: 7, Seconds: uint32(recordedAt.Add(-d).Unix()), Increment: 1}
}

// setAtRest is an idle set of three of which nothing is wrong.
func setAtRest() *recording {
	r := &recording{now: recordedAt, previous: map[readiness.Key]readiness.Observation{}}
	r.spec = connectors.Spec{Target: "catalog", Home: connectors.Home{Primary: "fra", DR: "ams"},
		Identity: map[string]string{"replicaSetId": recordedID, "setName": recordedSet}}
	r.spec.Previous = func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
		o, ok := r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}]
		return o, ok
	}
	r.a = memberAtRest("db-a", "fra", 0, statePrimary)
	r.b = memberAtRest("db-b", "ams", 1, stateSecondary)
	r.c = memberAtRest("db-c", "par", 2, stateSecondary)
	r.a.flow = &flowControl{Enabled: pointer(true), Lagged: pointer(false)}
	r.a.writeConcern = &writeConcern{W: "majority", Source: "implicit"}
	r.a.config.Committed = pointer(true)
	return r
}

var restingHosts = []string{"db-a:27017", "db-b:27017", "db-c:27017"}

func configAtRest() *config {
	c := &config{Set: recordedSet, Version: pointer(int64(4)), Term: pointer(int64(7)), ID: recordedID, Patience: defaultPatience, Interval: defaultInterval}
	for i, host := range restingHosts {
		c.Members = append(c.Members, seat{ID: int64(i), Host: host, Priority: float64(3 - i), Votes: 1})
	}
	return c
}

func memberAtRest(name, site string, index int, state int64) *node {
	n := &node{Node: observe.Node{Endpoint: connectors.Endpoint{Name: name, Site: site, Address: restingHosts[index]},
		At: recordedAt.Add(-50 * time.Millisecond), CollectedAt: recordedAt}, took: 4 * time.Millisecond,
		version: "7.0.14", feature: "7.0", failed: map[readiness.ID]readiness.Finding{}}
	n.hello = &hello{SetName: recordedSet, Me: restingHosts[index], Primary: restingHosts[0], Writable: state == statePrimary, Secondary: state == stateSecondary,
		Clock: ago(50 * time.Millisecond), Wire: 21, Process: name + "-process"}
	n.config = configAtRest()
	n.status = statusAtRest(index, state)
	n.oplog = &oplogEnds{First: ago(50 * time.Hour), Last: ago(4 * time.Second)}
	n.privileges = &privileges{Roles: []string{"clusterMonitor@admin"}, Cluster: []string{"replSetGetStatus", "replSetGetConfig", "serverStatus", "getParameter"},
		Find: map[string][]string{"local": {""}}}
	return n
}

func statusAtRest(index int, state int64) *status {
	s := &status{At: recordedAt.Add(-40 * time.Millisecond), Set: recordedSet, Date: ago(40 * time.Millisecond), State: pointer(state), Term: pointer(int64(7)),
		MajorityVotes: pointer(int64(2)), WriteMajority: pointer(int64(2)),
		Applied: at(4 * time.Second), AppliedWall: ago(4 * time.Second), Committed: at(4 * time.Second), CommittedWall: ago(4 * time.Second)}
	if state != statePrimary {
		s.Source = restingHosts[0]
	}
	for i, host := range restingHosts {
		v := view{ID: pointer(int64(i)), Name: host, Health: pointer(1.0), State: pointer(int64(stateSecondary)), Uptime: pointer(360000.0),
			Applied: at(4 * time.Second), AppliedWall: ago(4 * time.Second), ConfigVersion: pointer(int64(4)), ConfigTerm: pointer(int64(7))}
		if i == 0 {
			v.State = pointer(int64(statePrimary))
		} else {
			v.Source = restingHosts[0]
		}
		if v.Self = i == index; v.Self {
			v.State = pointer(state)
		} else {
			v.Heard, v.Hears = ago(1200*time.Millisecond), ago(700*time.Millisecond)
			v.Durable, v.DurableWall = v.Applied, v.AppliedWall
		}
		s.Members = append(s.Members, v)
	}
	return s
}

func (r *recording) nodes() []*node { return append([]*node{r.a, r.b, r.c}, r.others...) }

// unseen makes a node one that gave nothing.
func unseen(n *node, f endpoint.Failure) {
	*n = node{Node: observe.Node{Endpoint: n.Endpoint, CollectedAt: n.CollectedAt}, unreached: &f, failed: map[readiness.ID]readiness.Finding{}}
}

func silent(n *node) { unseen(n, endpoint.Failure{Message: "no answer within 5s"}) }

// down makes every other member see a node as the product does when heartbeats to
// it fail: no health, a position of 1970, and a date of the last attempt.
func (r *recording) down(host string) {
	for _, n := range r.nodes() {
		if v := n.status.of(host); v != nil && !v.Self {
			v.Health, v.State, v.Applied, v.AppliedWall, v.Durable, v.DurableWall = pointer(0.0), pointer(int64(stateDown)), nil, nil, nil, nil
			v.Heard, v.Hears, v.Message, v.Uptime, v.ConfigVersion, v.ConfigTerm = ago(time.Second), ago(90*time.Second), "Connection refused", pointer(0.0), pointer(int64(-1)), nil
		}
	}
}

// views changes how everybody else sees a member.
func (r *recording) views(host string, change func(*view)) {
	for _, n := range r.nodes() {
		if v := n.status.of(host); v != nil && !v.Self {
			change(v)
		}
	}
}

// everywhere changes the configuration of every member.
func (r *recording) everywhere(change func(*config)) {
	for _, n := range r.nodes() {
		if n.config != nil {
			change(n.config)
		}
	}
}

// behind makes one member lag in the primary's view and its own.
func (r *recording) behind(n *node, by time.Duration) {
	p, wall := at(4*time.Second+by), ago(4*time.Second+by)
	n.status.Applied, n.status.AppliedWall = p, wall
	r.views(n.Address, func(v *view) { v.Applied, v.AppliedWall, v.Durable, v.DurableWall = p, wall, p, wall })
}

// asArbiter makes a member an arbiter.
func (r *recording) asArbiter(n *node) {
	n.status, n.config, n.oplog, n.privileges, n.version, n.feature = nil, nil, nil, nil, "", ""
	n.hello.Arbiter, n.hello.Secondary = true, false
	r.everywhere(func(c *config) { s := c.seat(n.Address); s.Arbiter, s.Priority = true, 0 })
	r.views(n.Address, func(v *view) {
		v.State, v.Applied, v.AppliedWall, v.Durable, v.DurableWall, v.Source = pointer(int64(stateArbiter)), nil, nil, nil, nil, ""
	})
}

// add makes another member of the set, listed or not.
func (r *recording) add(n *node, s seat) {
	for _, other := range r.nodes() {
		if other.status == nil {
			continue
		}
		v := *other.status.of(restingHosts[1])
		v.ID, v.Name, v.Self, v.Heard, v.Hears, v.State = pointer(s.ID), s.Host, false, ago(time.Second), ago(time.Second), pointer(int64(stateSecondary))
		other.status.Members = append(other.status.Members, v)
	}
	r.everywhere(func(c *config) { c.Members = append(c.Members, s) })
	if n == nil {
		return
	}
	n.config = &config{}
	*n.config = *r.b.config
	n.Address, n.hello.Me, n.hello.Process = s.Host, s.Host, s.Host
	st := *r.b.status
	st.Members = nil
	for _, v := range r.b.status.Members {
		if v.Self {
			v.Self, v.Heard, v.Hears = false, ago(time.Second), ago(time.Second)
		} else if v.Name == s.Host {
			v.Self = true
		}
		st.Members = append(st.Members, v)
	}
	n.status = &st
	r.others = append(r.others, n)
}

// majority sets what members say a majority is, after votes have changed.
func (r *recording) majority(votes, writes int64) {
	for _, n := range r.nodes() {
		if n.status != nil {
			n.status.MajorityVotes, n.status.WriteMajority = &votes, &writes
		}
	}
}

// before records what an earlier check read.
func (r *recording) before(endpoint string, id readiness.ID, ago time.Duration, v readiness.Value) {
	r.previous[readiness.Key{Endpoint: endpoint, Indicator: id}] = readiness.Observation{
		Target: "catalog", Endpoint: endpoint, Indicator: id, Value: v, ObservedAt: r.now.Add(-ago), CollectedAt: r.now.Add(-ago)}
}

func (r *recording) judge(t testing.TB) verdict {
	t.Helper()
	v := verdict{observations: derive(r.spec, r.nodes(), r.written, r.now)}
	v.Result, _ = judgeOf(t).Evaluate(r.now, v.observations, rules.State{})
	assertModest(t, v)
	return v
}
