package model_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

const rate = 1 << 20 // per second

// pair is a synchronous pair on a cluster with a witness, and its clock.
func pair(t *testing.T, kind model.ClusterType) (w *model.World, g *model.Group, clock *time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	w = &model.World{Now: func() time.Time { return now }, Seed: t.Name()}
	c := &model.Cluster{Name: "c"}
	g = w.NewGroup("g", kind)
	d := &model.Database{Name: "d", ID: w.GUID("d")}
	g.Databases = []*model.Database{d}
	for n, name := range []string{"a", "b"} {
		i := &model.Instance{World: w, Name: name, Version: 16, HADR: true, Up: true, EndpointStarted: true}
		if kind == model.WSFC {
			i.Cluster = c
			c.Members = append(c.Members, &model.Member{Name: name, Up: true, Votes: 1})
		}
		w.Instances = append(w.Instances, i)
		g.Add(i, []model.Role{model.Primary, model.Secondary}[n], true)
		i.Databases = []*model.Copy{{DB: d, Group: g, Instance: i, ID: 5, Status: "ONLINE", Joined: true, Fork: w.GUID("fork"), FirstFork: w.GUID("fork"), At: now, Rate: rate}}
	}
	c.Members = append(c.Members, &model.Member{Name: "w", Witness: true, Up: true, Votes: 1})
	w.Change(func() {})
	return w, g, &now
}

func copies(w *model.World) (a, b *model.Copy) {
	return w.Instances[0].Databases[0], w.Instances[1].Databases[0]
}

func TestLogMovesWithTheClock(t *testing.T) {
	t.Parallel()
	w, g, clock := pair(t, model.WSFC)
	a, b := copies(w)
	*clock = clock.Add(10 * time.Second)
	w.Advance()
	if a.End != 10*rate || b.End != a.End || b.Redone != a.End || g.StateOf(g.Replicas[1], "d") != model.Synchronized || !g.Ready(g.Replicas[1], "d") {
		t.Errorf("after ten seconds: %d, %d, %d, %s", a.End, b.End, b.Redone, g.StateOf(g.Replicas[1], "d"))
	}
	// Half the rate: the other half queues.
	w.Change(func() { b.SendLimit = rate / 2 })
	*clock = clock.Add(10 * time.Second)
	w.Advance()
	if q := model.Queue(a, b); q != 5*rate || g.StateOf(g.Replicas[1], "d") != model.Synchronizing || g.HealthOf(g.Replicas[1], "d") != model.PartiallyHealthy || g.Ready(g.Replicas[1], "d") {
		t.Errorf("with half the rate %d wait, %s", q, g.StateOf(g.Replicas[1], "d"))
	}
	if lag := model.LagSeconds(a, b); lag != 5 {
		t.Errorf("the lag is %d s", lag)
	}
	// Without a limit it catches up at once.
	w.Change(func() { b.SendLimit = 0 })
	*clock = clock.Add(time.Millisecond)
	w.Advance()
	if model.Queue(a, b) != 0 || g.StateOf(g.Replicas[1], "d") != model.Synchronized {
		t.Errorf("%d wait", model.Queue(a, b))
	}
}

func TestRedoFallsBehind(t *testing.T) {
	t.Parallel()
	w, g, clock := pair(t, model.WSFC)
	_, b := copies(w)
	w.Change(func() { b.RedoLimit = rate / 4 })
	*clock = clock.Add(40 * time.Second)
	w.Advance()
	if b.End-b.Redone != 30*rate || g.StateOf(g.Replicas[1], "d") != model.Synchronized {
		t.Errorf("%d wait for redo, %s", b.End-b.Redone, g.StateOf(g.Replicas[1], "d"))
	}
}

// Looking often or seldom gives the same log.
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	w1, _, c1 := pair(t, model.WSFC)
	w2, _, c2 := pair(t, model.WSFC)
	for _, w := range []*model.World{w1, w2} {
		_, b := copies(w)
		w.Change(func() { b.SendLimit, b.RedoLimit = rate*3/4, rate/2 })
	}
	for range 1000 {
		*c1 = c1.Add(100 * time.Millisecond)
		w1.Advance()
	}
	*c2 = c2.Add(100 * time.Second)
	w2.Advance()
	a1, b1 := copies(w1)
	a2, b2 := copies(w2)
	close := func(x, y int64) bool { return max(x-y, y-x) <= 1000 } // a byte for each look
	if !close(a1.End, a2.End) || !close(b1.End, b2.End) || !close(b1.Redone, b2.Redone) {
		t.Errorf("%d %d %d against %d %d %d", a1.End, b1.End, b1.Redone, a2.End, b2.End, b2.Redone)
	}
}

func TestRolesFollowQuorum(t *testing.T) {
	t.Parallel()
	w, g, _ := pair(t, model.WSFC)
	role := func(n int) model.Role { return g.Replicas[n].Role }
	w.Instances[0].SetUp(false, true)
	if role(1) != model.Resolving || g.Operational(g.Replicas[1]) != "OFFLINE" || !w.Instances[1].Quorum() {
		t.Errorf("without its primary the secondary is %s, %s", role(1), g.Operational(g.Replicas[1]))
	}
	if !g.Ready(g.Replicas[1], "d") {
		t.Error("the cluster forgot that it was synchronized")
	}
	w.Instances[0].SetUp(true, true)
	if role(0) != model.Primary || role(1) != model.Secondary {
		t.Errorf("after its return: %s, %s", role(0), role(1))
	}
	w.Change(func() {
		w.Instances[0].Cluster.Members[2].Up = false
		w.Instances[0].Cluster.Members[1].Apart = true
	})
	if role(0) != model.Resolving || role(1) != model.Resolving || g.Operational(g.Replicas[0]) != "FAILED_NO_QUORUM" {
		t.Errorf("without quorum: %s, %s", role(0), role(1))
	}
}

func TestAutomaticFailover(t *testing.T) {
	t.Parallel()
	w, g, clock := pair(t, model.WSFC)
	g.Replicas[0].Automatic, g.Replicas[1].Automatic = true, true
	*clock = clock.Add(time.Second)
	w.Advance()
	w.Instances[0].SetUp(false, false)
	if g.Replicas[1].Role != model.Primary {
		t.Fatalf("the synchronized secondary is %s", g.Replicas[1].Role)
	}
	w.Instances[0].SetUp(true, true)
	if g.Replicas[0].Role != model.Secondary {
		t.Errorf("the old primary comes back as %s", g.Replicas[0].Role)
	}
	// Not synchronized: nothing happens by itself.
	_, b := copies(w)
	a, _ := copies(w)
	w.Change(func() { a.SendLimit = 1 })
	*clock = clock.Add(time.Minute)
	w.Advance()
	w.Instances[1].SetUp(false, false)
	if g.Replicas[0].Role == model.Primary {
		t.Errorf("a secondary that lacks %d bytes took over", b.End-a.End)
	}
}

// Every refusal leaves things as they were.
func TestRefusals(t *testing.T) {
	t.Parallel()
	number := func(err error) int32 {
		var e *sqlerr.Error
		if errors.As(err, &e) {
			return e.Number
		}
		return 0
	}
	w, g, _ := pair(t, model.WSFC)
	a, b := w.Instances[0], w.Instances[1]
	for name, c := range map[string]struct {
		do   func() error
		want int32
	}{
		"failover on the primary":      {func() error { return g.Failover(a) }, 41122},
		"force on the primary":         {func() error { return g.Force(a) }, 41122},
		"role of a clustered group":    {func() error { return g.BecomeSecondary(a) }, 47106},
		"settings on a secondary":      {func() error { return g.Modify(b, []model.Modification{{Replica: "a"}}) }, 41140},
		"a replica that is not there":  {func() error { return g.Modify(a, []model.Modification{{Replica: "x"}}) }, 41129},
		"more than there are replicas": {func() error { return g.SetRequired(a, 2) }, 47110},
	} {
		if got := number(c.do()); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	if _, err := w.GroupNamed(a, "nothing"); number(err) != 15151 {
		t.Errorf("got %v", err)
	}
	if g.Replicas[0].Role != model.Primary || g.Replicas[1].Role != model.Secondary || g.RSSC != 0 {
		t.Error("a refusal changed something")
	}
	_, n, _ := pair(t, model.None)
	if got := number(n.Failover(n.Replicas[1].Instance)); got != 47122 {
		t.Errorf("without a cluster: %d", got)
	}
}

// Forcing a database that was undoing leaves it unable to start, as documented.
func TestForceWhileReverting(t *testing.T) {
	t.Parallel()
	w, g, _ := pair(t, model.None)
	_, b := copies(w)
	w.Change(func() { b.Phase = model.Reverting })
	w.Instances[0].SetUp(false, true)
	if err := g.Force(w.Instances[1]); err != nil {
		t.Fatal(err)
	}
	if b.Status != "RECOVERY_PENDING" || b.Writer() {
		t.Errorf("it is %s", b.Status)
	}
}

func TestLogShippingJobs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 1, 7, 0, 0, time.UTC)
	s := &model.Shipping{Every: 5 * time.Minute}
	at := func(m int) time.Time { return time.Date(2026, 11, 26, 1, m, 0, 0, time.UTC) }
	if got := s.Backup(now); !got.Equal(at(5)) {
		t.Errorf("backup at %s", got)
	}
	if made, when := s.Restored(now); !made.Equal(at(5)) || !when.Equal(at(7)) {
		t.Errorf("restored %s at %s", made, when)
	}
	s.CopyStopped = at(1)
	if made, _ := s.Restored(now); !made.Equal(at(0)) {
		t.Errorf("with copies stopped at 1:01 the newest restored is of %s", made)
	}
}
