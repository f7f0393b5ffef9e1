//go:build unix

package patroni_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/patroniset"
	"github.com/bcctl/bcctl/internal/lab/patroniset/patronisettest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/connectors/postgres"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestRefusals: what forbids a change of the leader is seen, by the checks and again by
// the action itself, and nothing is changed. One cluster serves all of it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	set := patronisettest.Start(t, patroniset.Options{Tags: map[string]map[string]any{patroniset.Second: {"nosync": true}, patroniset.Third: {"nofailover": true}}})
	step := func(name string, test func(*testing.T)) {
		if !t.Run(name, test) {
			t.FailNow() // the next would meet what it left
		}
	}
	there := func(t *testing.T, change ...func(*connectors.ActorSpec)) *crew {
		return newCrew(t, set, "run-1", "fra", "ams", change...)
	}
	refused := func(t *testing.T, c *crew, code readiness.Code) {
		t.Helper()
		c.outcome(connectors.Failed, code, "pg.patroni/switchover")
	}
	// A step that is a failover meets a leader that lives.
	step("a leader is there", func(t *testing.T) {
		c := there(t)
		c.check(connectors.Refused, readiness.PrimaryAlive, "pg.patroni/cluster", "type", "failover")
		c.outcome(connectors.Failed, readiness.TwoWriters, "pg.patroni/failover", "evidence", "somebody says so", "unproven", "accept")
	})
	step("maintenance mode", func(t *testing.T) {
		ok(t, set.Pause(t.Context(), true))
		c := there(t)
		c.check(connectors.Refused, readiness.ManagerPaused, "pg.patroni/not-paused")
		c.check(connectors.Refused, readiness.ManagerPaused, "pg.patroni/not-paused", "type", "failback")
		c.check(connectors.Warned, readiness.ManagerPaused, "pg.patroni/not-paused", "type", "failover")
		refused(t, c, readiness.ManagerPaused)
		ok(t, set.Pause(t.Context(), false))
		there(t).check(connectors.Passed, "", "pg.patroni/not-paused")
	})
	step("a switchover is scheduled", func(t *testing.T) {
		at := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		ok(t, post(t, set, http.MethodPost, patroniset.First, "/switchover", fmt.Sprintf(`{"leader":%q,"candidate":%q,"scheduled_at":%q}`, patroniset.First, patroniset.Second, at), http.StatusAccepted))
		c := there(t)
		c.check(connectors.Refused, readiness.HAManager, "pg.patroni/nothing-scheduled")
		refused(t, c, readiness.HAManager)
		ok(t, post(t, set, http.MethodDelete, patroniset.First, "/switchover", "", http.StatusOK))
		there(t).check(connectors.Passed, "", "pg.patroni/nothing-scheduled")
	})
	step("tag nofailover", func(t *testing.T) {
		// The third member is the one at the site that shall write.
		c := there(t, atEndpoint(patroniset.Second, func(e *connectors.Endpoint) { e.Site = "fra" }))
		c.check(connectors.Refused, readiness.NotElectable, "pg.patroni/candidate")
		c.check(connectors.Refused, readiness.NotElectable, "pg.patroni/candidate", "type", "failover")
		refused(t, c, readiness.NotElectable)
	})
	step("synchronous mode", func(t *testing.T) {
		// The second has the tag nosync, so that no commit ever waits for it.
		ok(t, set.Configure(t.Context(), map[string]any{"synchronous_mode": true}))
		c := there(t)
		eventually(t, "the candidate is refused", func() bool {
			return c.actor.Check(t.Context(), c.call("pg.patroni/candidate")).Code == readiness.NotElectable
		})
		c.check(connectors.Warned, readiness.NotElectable, "pg.patroni/candidate", "type", "failover")
		refused(t, c, readiness.NotElectable)
		ok(t, set.Configure(t.Context(), map[string]any{"synchronous_mode": nil}))
		eventually(t, "the candidate is accepted", func() bool {
			return c.actor.Check(t.Context(), c.call("pg.patroni/candidate")).Result == connectors.Passed
		})
	})
	step("too far behind", func(t *testing.T) {
		var receiver int
		ok(t, set.QueryRow(t.Context(), patroniset.Second, `SELECT pid FROM pg_stat_wal_receiver`, &receiver))
		ok(t, syscall.Kill(receiver, syscall.SIGSTOP))
		load(t, set, patroniset.First, 8000) // more than the limit of the set
		ok(t, set.Await(t.Context(), "the second to be behind", func(c patroniset.Cluster) bool { return c.Lag(patroniset.Second) > 1<<20 }))
		c := there(t)
		c.check(connectors.Refused, readiness.ReplicationLagHigh, "pg.patroni/candidate")
		refused(t, c, readiness.ReplicationLagHigh)
		ok(t, syscall.Kill(receiver, syscall.SIGCONT))
		ok(t, set.AwaitReplay(t.Context(), patroniset.First))
		ok(t, set.Await(t.Context(), "the second to be there", func(c patroniset.Cluster) bool { return c.Lag(patroniset.Second) == 0 }))
	})
	step("identity", func(t *testing.T) {
		other := there(t, func(s *connectors.ActorSpec) { s.Identity = map[string]string{"systemIdentifier": "1"} })
		other.check(connectors.Refused, readiness.IdentityMismatch, "pg.patroni/cluster")
		refused(t, other, readiness.IdentityMismatch)
		none := there(t, func(s *connectors.ActorSpec) { s.Identity = nil })
		none.check(connectors.Refused, readiness.IdentityUnproven, "pg.patroni/cluster")
		refused(t, none, readiness.IdentityUnproven)
		swapped := there(t, option(patroniset.Second, "patroni", set.Node(patroniset.Third).API), option(patroniset.Third, "patroni", set.Node(patroniset.Second).API))
		swapped.check(connectors.Refused, readiness.IdentityMismatch, "pg.patroni/cluster")
		refused(t, swapped, readiness.IdentityMismatch)
		renamed := there(t, option(patroniset.Second, "patroniMember", "somebody"))
		renamed.check(connectors.Refused, readiness.NotAMember, "pg.patroni/cluster")
		refused(t, renamed, readiness.NotAMember)
		borrowed := there(t, option(patroniset.Second, "patroniMember", patroniset.Third))
		f := borrowed.actor.Check(t.Context(), borrowed.call("pg.patroni/cluster")) // it depends on whether Patroni tells its name
		if f.Result == connectors.Passed || f.Code != readiness.IdentityUnproven && f.Code != readiness.IdentityMismatch {
			t.Errorf("under a borrowed name: %+v", f)
		}
		refused(t, borrowed, f.Code)
		unlisted := there(t, func(s *connectors.ActorSpec) { s.Endpoints = s.Endpoints[:2] })
		unlisted.check(connectors.Refused, readiness.EndpointMissing, "pg.patroni/cluster")
		refused(t, unlisted, readiness.EndpointMissing)
		silent := there(t, option(patroniset.Second, "patroni", "127.0.0.1:1"))
		silent.check(connectors.Unknown, "", "pg.patroni/cluster")
		refused(t, silent, "")
	})
	step("logins", func(t *testing.T) {
		wrong := there(t, func(s *connectors.ActorSpec) {
			given := s.Credential
			s.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
				c, err := given(ctx, p)
				if p == connectors.Manager {
					c.Password = "a-wrong-password"
				}
				return c, err
			}
		})
		refused(t, wrong, readiness.HAManager)
		none := there(t, func(s *connectors.ActorSpec) {
			given := s.Credential
			s.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
				if p == connectors.Manager {
					return connectors.Credential{}, fmt.Errorf("no %s credential is configured", p)
				}
				return given(ctx, p)
			}
		})
		refused(t, none, readiness.SecretUnresolved)
		// While a plan is made nothing is asked for.
		refused(t, there(t, func(s *connectors.ActorSpec) { s.Run = "" }), "")
	})
	step("another leader is named", func(t *testing.T) {
		body := fmt.Sprintf(`{"leader":%q,"candidate":%q}`, patroniset.Third, patroniset.Second)
		ok(t, post(t, set, http.MethodPost, patroniset.First, "/switchover", body, http.StatusPreconditionFailed))
	})
	step("nothing was changed", func(t *testing.T) {
		c, err := set.Cluster(t.Context(), patroniset.First)
		ok(t, err)
		if c.Leader() != patroniset.First {
			t.Errorf("%s leads", c.Leader())
		}
		for _, m := range c.Members {
			if m.Timeline != 1 {
				t.Errorf("%s is on timeline %d", m.Name, m.Timeline)
			}
		}
	})
	step("contract", func(t *testing.T) {
		connectortest.RunOperator(t, connectortest.Operated{
			Operator: only{},
			Spec:     func(testing.TB) connectors.ActorSpec { return there(t).spec },
			Secrets:  []string{set.Password(patroniset.UserAPI), set.Password(patroniset.RoleMonitor), set.Password(patroniset.RoleExecute)},
			Arguments: map[string]map[string]string{
				"pg.patroni/settled": {"within": "1s"},
			},
			Patience: time.Minute,
		})
	})
}

// only offers the actions for Patroni alone.
type only struct{ postgres.Factory }

func (o only) Actions() []connectors.Action {
	var list []connectors.Action
	for _, a := range o.Factory.Actions() {
		if strings.HasPrefix(a.Name, "pg.patroni/") {
			list = append(list, a)
		}
	}
	return list
}

// post makes a request of somebody else to a member.
func post(t *testing.T, set *patroniset.Set, method, member, path, body string, status int) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "https://"+set.Node(member).API+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.SetBasicAuth(patroniset.UserAPI, set.Password(patroniset.UserAPI))
	resp, err := set.API().Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != status {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return nil
}

// eventually asks until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
