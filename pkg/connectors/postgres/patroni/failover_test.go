//go:build unix

package patroni_test

import (
	"context"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/patroniset"
	"github.com/bcctl/bcctl/internal/lab/patroniset/patronisettest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestFailoverAndBack: the leader's Patroni and PostgreSQL are killed while the cluster
// is in maintenance mode, so that nobody takes over by itself. Patroni is asked for it,
// mends the old leader when it is started again, and the way home is a switchover.
func TestFailoverAndBack(t *testing.T) {
	t.Parallel()
	set := patronisettest.Start(t, patroniset.Options{})
	load(t, set, patroniset.First, 300)
	ok(t, set.AwaitReplay(t.Context(), patroniset.First))
	ok(t, set.Pause(t.Context(), true))
	set.Kill(patroniset.First)

	c := newCrew(t, set, "run-1", "fra", "ams")
	failing := []string{"type", "failover"}
	evidence := []string{"evidence", "attested: it is off"}
	// Its lock is there until it ends.
	c.outcome(connectors.Failed, readiness.PrimaryAlive, "pg.patroni/failover", evidence...)
	ok(t, set.AwaitLeader(t.Context(), ""))

	c.check(connectors.Passed, "", "pg.native/primary-gone", failing...)
	c.check(connectors.Passed, "", "pg.patroni/cluster", failing...)
	c.check(connectors.Warned, readiness.ManagerPaused, "pg.patroni/not-paused", failing...)
	c.check(connectors.Passed, "", "pg.patroni/nothing-scheduled", failing...)
	c.check(connectors.Passed, "", "pg.patroni/candidate", failing...)
	c.check(connectors.Passed, "", "pg.native/most-advanced", failing...)
	c.check(connectors.Unknown, "", "pg.patroni/cluster") // as a switchover it cannot be

	c.do("pg.native/mark")
	// SI-22: that it does not answer is no proof that it does not write.
	c.outcome(connectors.Failed, readiness.WriterUnproven, "pg.patroni/failover")
	// Nobody leads, and nobody has been asked: that takes its time to know.
	if p := c.actor.Probe(t.Context(), c.call("pg.patroni/failover")); p.State != connectors.NotDone {
		t.Errorf("before it was asked: %+v", p)
	}
	c.do("pg.patroni/failover", evidence...)
	c.do("pg.native/reign")
	c.check(connectors.Passed, "", "pg.native/one-primary", "type", "failover", "evidence", "attested: it is off")
	c.check(connectors.Passed, "", "pg.native/fork-point", "type", "failover", "replay", "$mark.newReplay")
	c.check(connectors.Passed, "", "pg.native/write-probe", failing...)
	c.check(connectors.Passed, "", "pg.patroni/settled", failing...)
	if n := entries(t, set, patroniset.Second); n != 300 {
		t.Errorf("%d rows of 300", n)
	}
	load(t, set, patroniset.Second, 10)

	// A person ends the maintenance and starts the old leader, which Patroni mends.
	ok(t, set.Pause(t.Context(), false))
	ok(t, set.StartMember(patroniset.First))
	ok(t, set.AwaitHealthy(t.Context(), patroniset.Second))
	home := newCrew(t, set, "run-2", "ams", "fra")
	home.switchOver()
	if n := entries(t, set, patroniset.First); n != 310 {
		t.Errorf("%d rows of 310 at home", n)
	}
}

// TestTwoLeadersClaimed: the first member loses its Patroni, and its PostgreSQL goes on
// as a primary while another one takes over. Nothing is asked for then.
func TestTwoLeadersClaimed(t *testing.T) {
	t.Parallel()
	set := patronisettest.Start(t, patroniset.Options{Tags: map[string]map[string]any{patroniset.Third: {"nofailover": true}}})
	set.KillPatroni(patroniset.First)
	ok(t, set.AwaitLeader(t.Context(), patroniset.Second))
	c := newCrew(t, set, "run-1", "fra", "ams")
	c.check(connectors.Refused, readiness.TwoWriters, "pg.native/single-primary")
	c.outcome(connectors.Failed, readiness.RoleUnexpected, "pg.patroni/switchover")
	c.outcome(connectors.Failed, readiness.RoleUnexpected, "pg.patroni/failover", "evidence", "somebody says so", "unproven", "accept")
	back := newCrew(t, set, "run-2", "ams", "fra")
	back.outcome(connectors.Failed, readiness.RoleUnexpected, "pg.patroni/switchover")
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second) // no time makes it certain
	defer cancel()
	if p := back.actor.Probe(soon, back.call("pg.patroni/switchover")); p.State != connectors.InDoubt || p.Code != "" {
		t.Errorf("probe with two writers: %+v", p)
	}
}
