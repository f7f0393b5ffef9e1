package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/postgres/patroni"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// patroniActions are for servers whose roles Patroni manages. bcctl asks Patroni, and
// believes the servers.
func patroniActions() []operation {
	outputs := []string{"timeline", "fork"}
	return []operation{
		patroniCheck("cluster", "the members are the declared cluster, each the Patroni of its server, and agree with the servers on who leads; in a failover, that nobody does",
			func(_ *actor, m *managed, kind string) connectors.Finding { return m.oneCluster(kind) }),
		patroniCheck("not-paused", "Patroni is not in maintenance mode",
			func(_ *actor, m *managed, kind string) connectors.Finding {
				f := m.notPaused()
				if f.Result == connectors.Refused && kind == forFailover {
					f.Result = connectors.Warned // it fails nothing over by itself then, which may be why somebody asks
				}
				return f
			}),
		patroniCheck("nothing-scheduled", "no switchover is scheduled in Patroni",
			func(_ *actor, m *managed, _ string) connectors.Finding { return m.nothingScheduled() }),
		patroniCheck("candidate", "the target runs, is not excluded by a tag, is close enough, and is synchronous where that is asked",
			func(a *actor, m *managed, kind string) connectors.Finding { return a.mayLead(m, kind) }),
		{
			Action: connectors.Action{Name: "pg.patroni/settled", Summary: "Patroni says of its cluster what the servers say: the target leads and the others follow on its timeline", Idempotent: true,
				Parameters: []connectors.ActionParameter{typeParameter, {Name: "within", Default: "1m", Summary: "how long to wait for it"}}},
			Check: patroniSettled,
		},
		{
			Action: connectors.Action{Name: "pg.patroni/switchover", Summary: "asks Patroni to hand the leader's role to the target, once, and waits until the servers show what became of it",
				Changes: true, Outputs: outputs, Parameters: []connectors.ActionParameter{typeParameter}},
			Do: patroniSwitchover, Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
				return a.patroniProbe(ctx, forSwitchover)
			},
		},
		{
			Action: connectors.Action{Name: "pg.patroni/failover", Summary: "asks Patroni to let the target lead although nobody does, once; refuses while another server writes or may write (SI-22)",
				Changes: true, Lossy: true, Outputs: outputs, Parameters: []connectors.ActionParameter{evidenceParameter, unprovenParameter}},
			Do: patroniFailover, Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
				return a.patroniProbe(ctx, forFailover)
			},
		},
	}
}

// patroniCheck makes a check of what Patroni says, for a type of run.
func patroniCheck(name, summary string, judge func(a *actor, m *managed, kind string) connectors.Finding) operation {
	return operation{
		Action: connectors.Action{Name: "pg.patroni/" + name, Summary: summary, Idempotent: true, Parameters: []connectors.ActionParameter{typeParameter}},
		Check: func(ctx context.Context, a *actor, c call) connectors.Finding {
			return weighed(c, always, func() connectors.Finding {
				m := a.managed(ctx)
				if bad := m.proved(m.next); bad != nil {
					return *bad // what Patroni says is held against servers, or is nothing
				}
				f := judge(a, m, c.Arg("type"))
				f.Observed = m.oldestProbe()
				return f
			})
		},
	}
}

// patroniSwitchover is for switchovers and failbacks. Everything that forbids it is
// looked at immediately before, in Patroni and on the servers.
func patroniSwitchover(ctx context.Context, a *actor, c call) connectors.Outcome {
	m := a.managed(ctx)
	if bad := m.proved(m.next); bad != nil {
		return action.NotBegun(*bad)
	}
	if m.next.isPrimary() && a.reigns(ctx, m.next.Name).State == connectors.Done {
		return a.promoted(ctx, m.next.Name)
	}
	for _, f := range []connectors.Finding{
		m.notPaused(), targetIsStandby(m.view, call{}), singlePrimary(m.view, call{}), sameLineage(m.view, call{}), m.oneCluster(forSwitchover), m.nothingScheduled(), a.mayLead(m, forSwitchover),
	} {
		if f.Result != connectors.Passed {
			return action.NotBegun(f)
		}
	}
	if f := a.promotable(m.view, m.next, ""); f.Result != connectors.Passed {
		return action.NotBegun(f)
	}
	leader, candidate := m.of(m.old), m.of(m.next)
	return a.order(ctx, forSwitchover, func(ctx context.Context, as patroni.Login) patroni.Answer {
		return leader.client.Switchover(ctx, as, leader.name, candidate.name)
	})
}

// patroniFailover is F5 where Patroni manages the roles. Asked like this, Patroni looks
// neither at lag nor at timelines.
func patroniFailover(ctx context.Context, a *actor, c call) connectors.Outcome {
	m := a.managed(ctx)
	if bad := m.proved(m.next); bad != nil {
		return action.NotBegun(*bad)
	}
	if m.next.isPrimary() && a.reigns(ctx, m.next.Name).State == connectors.Done {
		return a.promoted(ctx, m.next.Name)
	}
	for _, f := range []connectors.Finding{
		targetIsStandby(m.view, c), m.fenced(c.Arg("evidence"), c.Arg("unproven") == "accept"), mostAdvanced(m.view, c), m.oneCluster(forFailover), m.nothingScheduled(), a.mayLead(m, forFailover),
	} {
		if f.Result != connectors.Passed && f.Result != connectors.Warned {
			return action.NotBegun(f)
		}
	}
	if p := m.next.replay.Pause; p == nil || *p != "not paused" {
		return action.Failed(readiness.ReplayPaused, "replay on %s is paused; a promotion would end the pause and apply everything: resume it first", m.next.Name)
	}
	candidate := m.of(m.next)
	return a.order(ctx, forFailover, func(ctx context.Context, as patroni.Login) patroni.Answer {
		return candidate.client.Failover(ctx, as, candidate.name)
	})
}

// answerLimit is how long an answer of Patroni is waited for: it waits itself for what
// it was asked for, twenty seconds by default. After that the servers are asked.
const answerLimit = 45 * time.Second

// order sends a request once, and then looks at the servers until they show what
// became of it. No answer, or one that says that it failed, is not the end: Patroni
// may have noted the request and carry it out a moment later (SI-34).
func (a *actor) order(ctx context.Context, kind string, send func(context.Context, patroni.Login) patroni.Answer) connectors.Outcome {
	as, err := a.patroniLogin(ctx)
	if err != nil {
		return action.Failed(readiness.SecretUnresolved, "%v", err)
	}
	if ctx.Err() != nil {
		return action.Failed("", "the time was over before Patroni was asked")
	}
	timed, cancel := context.WithTimeout(ctx, answerLimit)
	answer := send(timed, as)
	cancel()
	said := fmt.Sprintf("Patroni answered %d: %s", answer.Status, answer.Text)
	switch {
	case !answer.Sent:
		return action.Failed("", "Patroni was not asked: %s", answer.Text)
	case answer.Refused():
		return action.Failed(readiness.HAManager, "%s", said)
	case answer.Status == 0:
		said = "no answer came from Patroni (" + answer.Text + ")"
	}
	return a.became(ctx, kind, said)
}

// patroniLogin is the login for changes, with a client certificate where one is given.
func (a *actor) patroniLogin(ctx context.Context) (patroni.Login, error) {
	cred, err := a.c.spec.Credential(ctx, connectors.Manager)
	if err != nil {
		return patroni.Login{}, err
	}
	as := patroni.Login{Username: cred.Username, Password: cred.Password}
	if cred.PrivateKey == "" {
		return as, nil
	}
	certificate, err := tls.X509KeyPair([]byte(cred.PrivateKey), []byte(cred.PrivateKey))
	if err != nil {
		return patroni.Login{}, errors.New("credentials.manager.privateKey must hold a certificate and its key, both in PEM form")
	}
	as.Certificate = &certificate
	return as, nil
}

// patroniPoll is how often the servers are asked what became of a request.
const patroniPoll = 300 * time.Millisecond

// became looks until the servers show the effect, or until it is certain that there
// will be none. Patroni does not show a request that it has noted; so only when it had
// its time to act, and all that time nothing has changed, nothing is under way.
func (a *actor) became(ctx context.Context, kind, said string) connectors.Outcome {
	var since time.Time
	last := "nothing was read yet"
	for {
		a.seen = nil
		m := a.managed(ctx)
		if ctx.Err() == nil {
			o, still := a.stands(ctx, m, kind)
			switch {
			case still > 0 && since.IsZero():
				since = a.c.now()
			case still == 0:
				since = time.Time{}
			}
			if still > 0 && a.c.now().Sub(since) > still {
				return action.NotDone(o.Code, "%s; %s, unchanged for %s: nothing is under way", said, o.Message, still)
			}
			if o.State == connectors.Done || o.State == connectors.NotDone && still == 0 {
				o.Message = said + "; " + o.Message
				return o
			}
			last = o.Message
		}
		if !pause(ctx, patroniPoll) {
			return action.InDoubt("", "%s; %s", said, last)
		}
	}
}

// stands is how things are at one moment. still is for how long they must stay so
// before it is certain that a request has had no effect, zero when they are in motion.
func (a *actor) stands(ctx context.Context, m *managed, kind string) (o connectors.Outcome, still time.Duration) {
	writers := m.those(func(n *node) bool { return m.member(n) && n.isPrimary() })
	switch {
	case len(writers) > 1:
		return action.InDoubt(readiness.TwoWriters, "%s accept writes at the same time", names(writers)), 0
	case m.next == nil:
		return action.InDoubt("", "the resource has no endpoint at the target site"), 0
	case len(writers) == 1 && writers[0] == m.next:
		return a.promoted(ctx, m.next.Name), 0
	case len(writers) == 1 && (kind == forFailover || writers[0] != m.old):
		if x := m.of(writers[0]); x != nil && x.failed == "" && x.look.Cluster.Leader() == x.name {
			return action.NotDone(readiness.RoleUnexpected, "Patroni has made %s the leader, and not %s", writers[0].Name, m.next.Name), 0
		}
		return action.InDoubt(readiness.RoleUnexpected, "%s accepts writes, and not %s", writers[0].Name, m.next.Name), 0
	}
	x := m.of(m.next)
	if f := m.oneCluster(kind); f.Result != connectors.Passed && f.Result != connectors.Warned {
		return action.InDoubt(f.Code, "%s", f.Message), 0
	}
	if bad := m.proved(m.next); bad != nil || x == nil || x.failed != "" || x.look.Member.State != "running" || x.look.Member.WatchdogFailed {
		return action.InDoubt("", "%s and its Patroni do not both say that they run", m.next.Name), 0
	}
	turn := x.look.Config.Turn()
	if kind == forFailover {
		return action.NotDone("", "nobody leads, and %s is a standby", m.next.Name), turn
	}
	if f := m.notPaused(); f.Result != connectors.Passed {
		return action.InDoubt(f.Code, "%s", f.Message), 0
	}
	return action.NotDone("", "%s leads, and %s is a standby", m.old.Name, m.next.Name), turn
}

// patroniProbe tells whether the target leads. That it does not, and will not, takes
// as long to know as Patroni may take to act.
func (a *actor) patroniProbe(ctx context.Context, kind string) connectors.Outcome {
	next := a.target()
	if next == nil {
		return action.InDoubt("", "the resource has no endpoint at the target site")
	}
	if client, err := patroniClient(a.c.spec, *next); err != nil || client == nil {
		return action.InDoubt("", "%s has no options.%s, so that Patroni cannot be asked", next.Name, patroniOption)
	}
	return a.became(ctx, kind, "as seen now")
}

func patroniSettled(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := c.Limit("within", time.Minute)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	if next := a.target(); next == nil || next.Options[patroniOption] == "" {
		return action.Unknown("", "the target has no options.%s, so that Patroni cannot be asked", patroniOption)
	}
	var f connectors.Finding
	var m *managed
	a.reread(ctx, limit, func(ctx context.Context) *view {
		m = a.managed(ctx)
		return m.view
	}, func(*view) bool {
		f = m.settled(c.Arg("type"))
		return f.Result == connectors.Passed
	})
	return f
}

// settled: the target leads, and each member that is needed follows it.
func (m *managed) settled(kind string) connectors.Finding {
	if bad := m.proved(m.next); bad != nil {
		return *bad
	}
	leader := m.of(m.next)
	switch {
	case leader == nil || leader.failed != "":
		return action.Unknown("", "Patroni of %s does not answer", m.next.Name)
	case !m.next.isPrimary() || m.next.position == nil:
		return action.Refused(readiness.RoleUnexpected, "%s is not a primary", m.next.Name)
	}
	if f := m.twoClaims(); f != nil {
		return *f
	}
	timeline, followers := m.next.position.Timeline, 0
	for _, x := range m.members {
		row, listed := leader.look.Cluster.Row(x.name)
		excused := x.node.Optional || kind == forFailover && x.node.Site == m.fromSite()
		switch {
		case x.failed != "" && excused:
		case x.failed != "":
			return action.Unknown("", "Patroni of %s: %s", x.node.Name, x.failed)
		case x.look.Cluster.Leader() != leader.name:
			return action.Refused(readiness.Conflict, "Patroni of %s says that %s leads", x.node.Name, orNobody(x.look.Cluster.Leader()))
		case x == leader:
		case excused && !listed:
		case !listed || !row.Running() || row.Timeline != timeline:
			return action.Refused(readiness.NodeRecovering, "Patroni says that %s is %q on timeline %d, and the leader is on %d", x.name, row.State, row.Timeline, timeline)
		default:
			followers++
		}
	}
	if f := m.nothingScheduled(); f.Result != connectors.Passed {
		return f
	}
	return action.Passed("%s leads on timeline %d, and %d members follow, as Patroni says", leader.name, timeline, followers)
}
