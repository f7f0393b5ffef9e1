package mongoset

import (
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// world is a set without servers, at a time of the test's own.
func world(t *testing.T, members ...Member) *replica {
	t.Helper()
	if len(members) == 0 {
		members = DefaultMembers("catalog")
	}
	v, err := parseVersion("7.0.14")
	if err != nil {
		t.Fatal(err)
	}
	c := &config{
		name: "catalog", version: 1, id: primitive.NewObjectID(), chainingAllowed: true,
		heartbeatInterval: 2 * time.Second, heartbeatTimeout: 10 * time.Second, electionTimeout: 10 * time.Second, catchUpTimeout: -1,
	}
	var nodes []*node
	for i, m := range members {
		host := "127.0.0.1:" + string(rune('1'+i)) + "0000"
		nodes = append(nodes, &node{name: m.Name, site: m.Site, host: host, v: v, processes: map[string]process{}})
		c.members = append(c.members, m.config(i, host))
	}
	if failed := c.check(); failed != nil {
		t.Fatal(failed.message)
	}
	return newReplica(c, nodes, time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC))
}

func (r *replica) after(d time.Duration) *replica {
	r.advance(r.now.Add(d))
	return r
}

func (r *replica) primaryNames() []string {
	var names []string
	for _, p := range r.primaries() {
		names = append(names, p.name)
	}
	return names
}

func (r *replica) cutOff(n *node) {
	for _, o := range r.nodes {
		r.severed[link{n.index, o.index}], r.severed[link{o.index, n.index}] = 1, 1
	}
}

func TestAtRest(t *testing.T) {
	t.Parallel()
	r := world(t)
	for range 3 {
		r.after(47 * time.Second)
		if got := r.primaryNames(); !slices.Equal(got, []string{"catalog-a"}) {
			t.Fatalf("primaries %v", got)
		}
		if !r.resting() {
			t.Fatal("it is not at rest")
		}
		a := r.nodes[0]
		if idle := r.now.Sub(a.log.last().wall); idle > noopInterval {
			t.Errorf("the last no-op is %s old", idle)
		}
		for _, n := range r.nodes {
			if n.log.position() != a.log.position() || n.committed != a.log.position() || n.primary != a.host || n.term != pastTerm {
				t.Errorf("%s at %v, committed %v, primary %q, term %d", n.name, n.log.position(), n.committed, n.primary, n.term)
			}
			for _, m := range n.others() {
				v := n.view(m.host)
				if age := r.now.Sub(v.lastHeartbeat); age < 0 || age > 2*time.Second || r.now.Sub(v.lastReceived) > 2*time.Second || !v.up() {
					t.Errorf("%s of %s: %+v", n.name, m.host, v)
				}
			}
		}
	}
	if r.nodes[0].counter != 6 {
		t.Errorf("the topology version grew to %d while nothing changed", r.nodes[0].counter)
	}
}

// A long time at once leads to the same as many short ones, and costs nothing.
func TestLongIdle(t *testing.T) {
	t.Parallel()
	r := world(t)
	begin := time.Now()
	r.after(40 * 24 * time.Hour)
	if d := time.Since(begin); d > time.Second {
		t.Errorf("forty days took %s", d)
	}
	if got := r.primaryNames(); !slices.Equal(got, []string{"catalog-a"}) || r.nodes[0].term != pastTerm {
		t.Fatalf("primaries %v, term %d", got, r.nodes[0].term)
	}
	for _, n := range r.nodes {
		for _, m := range n.others() {
			if age := r.now.Sub(n.view(m.host).lastHeartbeat); age < 0 || age > 2*time.Second {
				t.Errorf("%s: heartbeat of %s is %s old", n.name, m.host, age)
			}
		}
		if idle := r.now.Sub(n.log.last().wall); idle < 0 || idle > noopInterval {
			t.Errorf("%s: last write %s ago", n.name, idle)
		}
	}
}

// A killed primary is replaced when the election timeout is over, not before; its
// return with the higher priority brings it back, in yet another term.
func TestFailoverAndReturn(t *testing.T) {
	t.Parallel()
	r := world(t)
	a, b := r.nodes[0], r.nodes[1]
	written := r.write(a, &entry{op: "i", ns: "bcctl.heartbeat", o: bson.D{{Key: "_id", Value: "x"}}})
	a.process = stopped
	r.after(7 * time.Second)
	if got := r.primaryNames(); len(got) != 0 {
		t.Fatalf("primaries %v before the timeout", got)
	}
	r.after(8 * time.Second)
	if got := r.primaryNames(); len(got) != 1 {
		t.Fatalf("primaries %v after the timeout", got)
	}
	r.after(25 * time.Second) // whoever won: the higher priority prevails
	if got := r.primaryNames(); !slices.Equal(got, []string{"catalog-b"}) {
		t.Fatalf("primaries %v", got)
	}
	if b.term <= pastTerm || b.electionTerm != b.term || b.candidate.votesNeeded != 2 {
		t.Errorf("term %d, %+v", b.term, b.candidate)
	}
	i := slices.IndexFunc(b.log.entries, func(e *entry) bool { return e.at.term == b.term })
	if e := b.log.entries[i]; lookup(e.o, "msg") != "new primary" || b.log.entries[i-1].at.before(written) {
		t.Errorf("the new term begins with %v after %v", e.o, b.log.entries[i-1].at)
	}
	if b.candidate.majorityWrites.IsZero() || b.cfg.term != b.term {
		t.Errorf("majority writes %v, configuration of term %d", b.candidate.majorityWrites, b.cfg.term)
	}
	v := b.view(a.host)
	if v.up() || v.state != stateDown || !v.applied.null() || v.applied.second().Unix() != 0 || v.known.null() || v.cfgVersion != -1 {
		t.Errorf("the dead member is seen as %+v", v)
	}
	if r.now.Sub(v.lastHeartbeat) > 2*time.Second {
		t.Error("the attempt at a heartbeat is not noted, as the product does")
	}

	r.advance(r.now.Add(time.Minute))
	a.process = running
	r.restart(a)
	r.after(5 * time.Second)
	if a.state != stateSecondary || a.log.position() != b.log.position() || !slices.Equal(r.primaryNames(), []string{"catalog-b"}) {
		t.Fatalf("after the return %s at %v, primaries %v", a.state, a.log.position(), r.primaryNames())
	}
	r.after(12 * time.Second)
	if got := r.primaryNames(); !slices.Equal(got, []string{"catalog-a"}) || a.candidate.reason != priorityTakeover || a.term != b.electionTerm+1 {
		t.Errorf("primaries %v, term %d", got, a.term)
	}
	if electionID(a.electionTerm).Hex() <= electionID(b.electionTerm).Hex() {
		t.Error("electionId did not grow")
	}
}

// A primary that hears from no majority steps down; the majority elects another.
func TestMinorityStepsDown(t *testing.T) {
	t.Parallel()
	r := world(t)
	a := r.nodes[0]
	r.cutOff(a)
	r.after(5 * time.Second)
	if a.state != statePrimary {
		t.Fatal("it stepped down before the election timeout")
	}
	lost := r.write(a, &entry{op: "i", ns: "db.c", o: bson.D{{Key: "_id", Value: 1}}})
	if a.committed.compare(lost) >= 0 {
		t.Error("a write nobody else has is committed")
	}
	r.after(20 * time.Second)
	if got := r.primaryNames(); len(got) != 1 || a.state != stateSecondary || a.primary != "" {
		t.Fatalf("primaries %v, the old one %s", got, a.state)
	}
	r.write(r.primaries()[0], &entry{op: "i", ns: "db.c", o: bson.D{{Key: "_id", Value: 2}}})
	clear(r.severed)
	r.after(1900 * time.Millisecond)
	rolledBack := a.state == stateRollback
	r.after(5 * time.Second)
	if !rolledBack || a.state != stateSecondary || a.log.has(lost) {
		t.Errorf("rolled back %v, then %s; it still has the lost write: %v", rolledBack, a.state, a.log.has(lost))
	}
	if docs := a.data.list("db.c", nil); len(docs) != 1 || lookup(docs[0], "_id") != 2 {
		t.Errorf("documents %v", docs)
	}
}

func TestNobodyIsElectedWithoutMajority(t *testing.T) {
	t.Parallel()
	r := world(t)
	r.nodes[1].process, r.nodes[2].process = stopped, hung
	r.after(time.Minute)
	if a := r.nodes[0]; a.state != stateSecondary || a.term != pastTerm {
		t.Errorf("%s in term %d", a.state, a.term)
	}
}

// The loss of the bigger of two sites leaves no majority.
func TestTwoSites(t *testing.T) {
	t.Parallel()
	r := world(t, TwoSites("catalog")...)
	r.nodes[0].process, r.nodes[1].process = stopped, stopped
	r.after(time.Minute)
	if got := r.primaryNames(); len(got) != 0 {
		t.Errorf("primaries %v", got)
	}
}

// An arbiter keeps a primary without a majority of data: nothing is committed.
func TestArbiterCannotCommit(t *testing.T) {
	t.Parallel()
	r := world(t, WithArbiter("catalog")...)
	r.nodes[1].process = stopped
	r.after(time.Minute)
	a := r.nodes[0]
	if a.state != statePrimary || a.cfg.writeMajority() != 2 || a.cfg.majority() != 2 {
		t.Fatalf("%s, write majority %d", a.state, a.cfg.writeMajority())
	}
	if lag := r.commitLag(a); lag < 40*time.Second {
		t.Errorf("the commit point is %s behind", lag)
	}
	if implicitMajority(a.cfg) {
		t.Error("the implicit write concern is a majority")
	}
	if flow := r.flowControl(a); lookup(flow, "isLagged") != true {
		t.Errorf("flow control %v", flow)
	}
}

// Who cannot connect sees the other as down; the other goes on hearing of it.
func TestOneWayCut(t *testing.T) {
	t.Parallel()
	r := world(t)
	a, b := r.nodes[0], r.nodes[1]
	r.severed[link{a.index, b.index}] = 1
	r.after(30 * time.Second)
	ab, ba := a.view(b.host), b.view(a.host)
	if ab.up() || r.now.Sub(ab.lastReceived) > 3*time.Second {
		t.Errorf("the primary's view: %+v", ab)
	}
	if !ba.up() || r.now.Sub(ba.lastHeartbeat) > 3*time.Second || r.now.Sub(ba.lastReceived) < 25*time.Second {
		t.Errorf("the secondary's view: %+v", ba)
	}
	if !slices.Equal(r.primaryNames(), []string{"catalog-a"}) || b.log.position() != a.log.position() {
		t.Errorf("primaries %v; the secondary is at %v of %v", r.primaryNames(), b.log.position(), a.log.position())
	}
}

// A member that cannot reach the primary pulls from somebody who can, and then
// does not stand for election.
func TestChaining(t *testing.T) {
	t.Parallel()
	r := world(t)
	a, b, c := r.nodes[0], r.nodes[1], r.nodes[2]
	r.severed[link{b.index, a.index}] = 1
	r.after(time.Minute)
	if b.source != c.host || b.log.position() != a.log.position() || a.state != statePrimary || a.term != pastTerm {
		t.Errorf("source %q, at %v of %v, term %d", b.source, b.log.position(), a.log.position(), a.term)
	}
}

func TestDelayedMember(t *testing.T) {
	t.Parallel()
	members := append(DefaultMembers("catalog"), Member{Name: "catalog-d", Site: "ams", Hidden: true, Delay: 5 * time.Minute, NoVote: true})
	r := world(t, members...)
	r.after(20 * time.Minute)
	lag := r.nodes[0].log.last().wall.Sub(r.nodes[3].log.last().wall)
	if lag < 4*time.Minute || lag > 6*time.Minute {
		t.Errorf("it is %s behind", lag)
	}
	hello := r.hello(r.nodes[3], false)
	if lookup(hello, "hidden") != true || lookup(hello, "passive") != true || lookup(hello, "secondaryDelaySecs") != int32(300) || len(lookup(hello, "hosts").(bson.A)) != 3 {
		t.Errorf("hello %v", hello)
	}
}

// A step-down without a successor that has everything changes nothing.
func TestStepDownNeedsASuccessor(t *testing.T) {
	t.Parallel()
	r := world(t)
	a, b, c := r.nodes[0], r.nodes[1], r.nodes[2]
	b.quirks.paused, c.quirks.paused = true, true
	r.after(15 * time.Second)
	if r.tryStepDown(a, r.now.Add(time.Minute), false) || a.state != statePrimary {
		t.Fatal("it stepped down")
	}
	b.quirks.paused = false
	r.after(3 * time.Second)
	if failed := r.freeze(b, time.Minute); failed != nil {
		t.Fatal(failed.message)
	}
	r.after(3 * time.Second)
	if r.tryStepDown(a, r.now.Add(time.Minute), false) {
		t.Fatal("it handed over to a frozen member")
	}
	if failed := r.freeze(b, 0); failed != nil {
		t.Fatal(failed.message)
	}
	r.after(3 * time.Second)
	if !r.tryStepDown(a, r.now.Add(time.Minute), false) || !slices.Equal(r.primaryNames(), []string{"catalog-b"}) {
		t.Fatalf("primaries %v", r.primaryNames())
	}
	if b.candidate.reason != stepUpRequest {
		t.Errorf("reason %s", b.candidate.reason)
	}
	// The old primary stands again when its time is over, and takes the role back.
	r.after(50 * time.Second)
	if !slices.Equal(r.primaryNames(), []string{"catalog-b"}) {
		t.Fatalf("primaries %v while it may not stand", r.primaryNames())
	}
	r.after(40 * time.Second)
	if !slices.Equal(r.primaryNames(), []string{"catalog-a"}) {
		t.Errorf("primaries %v afterwards", r.primaryNames())
	}
	if failed := r.freeze(a, time.Minute); failed == nil || failed.code != codeNotSecondary {
		t.Errorf("freezing a primary: %+v", failed)
	}
}

func TestReconfigure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		at    int // node
		edit  func(*config)
		force bool
		code  int32
	}{
		{"the next version", 0, func(c *config) { c.members[1].priority = 9 }, false, 0},
		{"the same version", 0, func(c *config) { c.version-- }, false, codeIncompatibleConfig},
		{"two votes at once", 0, func(c *config) { c.members = c.members[:1] }, false, codeIncompatibleConfig},
		{"on a secondary", 1, func(*config) {}, false, codeNotWritablePrimary},
		{"the primary not electable", 0, func(c *config) { c.members[0].priority = 0 }, false, codeNodeNotElectable},
		{"another name", 0, func(c *config) { c.name = "other" }, false, codeIncompatibleConfig},
		{"without itself", 0, func(c *config) { c.members = c.members[1:] }, false, codeNodeNotFound},
		{"an arbiter out of a member", 0, func(c *config) { c.members[2].arbiter, c.members[2].priority = true, 0 }, false, codeIncompatibleConfig},
		{"by force on a secondary", 1, func(c *config) { c.members = c.members[1:2] }, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := world(t)
			n := r.nodes[test.at]
			failed := r.reconfigure(n, n.cfg.change(test.edit), test.force, 4711)
			switch {
			case test.code == 0 && failed != nil:
				t.Fatal(failed.message)
			case test.code != 0 && (failed == nil || failed.code != test.code):
				t.Fatalf("%+v, want code %d", failed, test.code)
			}
			if test.code == 0 && !test.force {
				for _, o := range r.nodes {
					if o.cfg.version != 2 || o.cfg.term != pastTerm {
						t.Errorf("%s has version %d, term %d", o.name, o.cfg.version, o.cfg.term)
					}
				}
				if !r.configCommitted(n) {
					t.Error("it is not committed")
				}
			}
			if test.force && (n.cfg.version != 2+10_000+4711 || n.cfg.term != -1) {
				t.Errorf("version %d, term %d", n.cfg.version, n.cfg.term)
			}
		})
	}
}

// A configuration that a majority has not got is in the way of the next.
func TestReconfigureWaitsForTheLast(t *testing.T) {
	t.Parallel()
	r := world(t)
	a := r.nodes[0]
	r.nodes[1].quirks.deafToConfig, r.nodes[2].quirks.deafToConfig = true, true
	if failed := r.reconfigure(a, a.cfg.change(func(*config) {}), false, 0); failed != nil {
		t.Fatal(failed.message)
	}
	if failed := r.reconfigure(a, a.cfg.change(func(*config) {}), false, 0); failed == nil || failed.code != codeConfigNotCommitted {
		t.Errorf("%+v", failed)
	}
}

// The priority of another member moves the role, by a takeover.
func TestPriorityMove(t *testing.T) {
	t.Parallel()
	r := world(t)
	a := r.nodes[0]
	if failed := r.reconfigure(a, a.cfg.change(func(c *config) { c.members[1].priority = 10 }), false, 0); failed != nil {
		t.Fatal(failed.message)
	}
	r.after(5 * time.Second)
	if !slices.Equal(r.primaryNames(), []string{"catalog-a"}) {
		t.Fatalf("primaries %v at once", r.primaryNames())
	}
	r.after(20 * time.Second)
	if !slices.Equal(r.primaryNames(), []string{"catalog-b"}) {
		t.Errorf("primaries %v", r.primaryNames())
	}
}

// A forced configuration on the survivors of a lost majority makes them a set;
// the others adopt it when they are back.
func TestForcedReconfiguration(t *testing.T) {
	t.Parallel()
	r := world(t)
	a, b, c := r.nodes[0], r.nodes[1], r.nodes[2]
	a.process, c.process = stopped, stopped
	r.after(time.Minute)
	forced := b.cfg.change(func(cfg *config) {
		for i := range cfg.members {
			if cfg.members[i].host != b.host {
				cfg.members[i].votes, cfg.members[i].priority = 0, 0
			}
		}
	})
	if failed := r.reconfigure(b, forced, true, 1); failed != nil {
		t.Fatal(failed.message)
	}
	r.after(30 * time.Second)
	if !slices.Equal(r.primaryNames(), []string{"catalog-b"}) {
		t.Fatalf("primaries %v", r.primaryNames())
	}
	a.process = running
	r.restart(a)
	r.after(30 * time.Second)
	if a.cfg.version != b.cfg.version || a.state != stateSecondary || !slices.Equal(r.primaryNames(), []string{"catalog-b"}) {
		t.Errorf("the old primary: %s, version %d of %d", a.state, a.cfg.version, b.cfg.version)
	}
}

// Two members may both take themselves for the primary for a while, in different
// terms, when one does not notice.
func TestSplitBrain(t *testing.T) {
	t.Parallel()
	r := world(t)
	a := r.nodes[0]
	r.cutOff(a)
	a.quirks.stubborn = true
	r.after(30 * time.Second)
	all := r.primaries()
	if len(all) != 2 || all[0] != a || all[1].term <= a.term || all[1].primary != all[1].host {
		t.Fatalf("primaries %v", r.primaryNames())
	}
	clear(r.severed)
	a.quirks.stubborn = false
	r.after(2 * time.Minute)
	if got := r.primaryNames(); !slices.Equal(got, []string{"catalog-a"}) || a.term <= pastTerm+1 {
		t.Errorf("primaries %v in term %d", got, a.term)
	}
}

// A member that was away for longer than the oplogs reach needs a full copy.
func TestTooStale(t *testing.T) {
	t.Parallel()
	r := world(t)
	b := r.nodes[1]
	for _, n := range r.nodes {
		n.log.window = 5 * time.Minute
	}
	b.process = stopped
	r.after(10 * time.Minute)
	b.process = running
	r.restart(b)
	r.after(10 * time.Second)
	status, failed := r.status(b)
	if failed != nil || b.state != stateRecovering || lookup(status, "tooStale") != true {
		t.Errorf("%s, %v", b.state, lookup(status, "tooStale"))
	}
}

func TestOplogWindow(t *testing.T) {
	t.Parallel()
	r := world(t)
	for range 5 {
		r.after(6 * time.Hour)
		log := &r.nodes[1].log
		window := log.last().wall.Sub(log.list()[0].wall)
		if window < defaultWindow-time.Minute || window > defaultWindow+time.Minute {
			t.Errorf("the oplog holds %s", window)
		}
		if n := len(log.entries); n > keptEntries {
			t.Errorf("%d entries are kept", n)
		}
	}
}

func TestPositionsAreOrderedByTerm(t *testing.T) {
	t.Parallel()
	older := opTime{ts: primitive.Timestamp{T: 900, I: 1}, term: 4}
	newer := opTime{ts: primitive.Timestamp{T: 800, I: 1}, term: 5}
	if !older.before(newer) || newer.before(older) || !noOpTime.before(older) {
		t.Error("a newer timestamp of an older term is ahead")
	}
}
