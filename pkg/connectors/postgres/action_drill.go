package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// drills are the actions on a copy that a drill makes and throws away. The copy is
// no endpoint of the resource: it has its system identifier and nothing else.
func drills() []operation {
	address := connectors.ActionParameter{Name: "address", Required: true, Summary: "host:port of the copy (${steps.clone-start.address})"}
	return []operation{
		{
			Action: connectors.Action{Name: "pg.native/promote-clone", Summary: "promotes the copy of a drill, after proving that it is no server of the resource and talks to none (SI-29)",
				Changes: true, Idempotent: true, Outputs: []string{"timeline", "seconds"}, Parameters: []connectors.ActionParameter{address}},
			Do: promoteClone, Probe: promoteCloneProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/clone-serves", Summary: "the promoted copy of a drill accepts a write and answers",
				Idempotent: true, Parameters: []connectors.ActionParameter{address}},
			Check: cloneServes,
		},
	}
}

// openClone connects to a copy with the execute credential and proves what it is.
func (a *actor) openClone(ctx context.Context, c call) (*changing, *connectors.Outcome) {
	fail := func(code readiness.Code, format string, args ...any) (*changing, *connectors.Outcome) {
		o := action.Failed(code, format, args...)
		return nil, &o
	}
	addr, err := endpoint.Parse(c.Arg("address"), defaultPort)
	if err != nil {
		return fail("", "address %v", err)
	}
	v := a.look(ctx)
	for _, n := range v.nodes {
		if other, err := endpoint.Parse(n.Address, defaultPort); err == nil && other == addr {
			return fail(readiness.IdentityMismatch, "%s is the address of %s, a server of the resource", c.Arg("address"), n.Name)
		}
	}
	clone := connectors.Endpoint{Name: "the copy", Site: a.spec.To, Address: c.Arg("address")}
	d, err := newDialer(a.c.spec, clone)
	if err != nil {
		return fail("", "address %v", err)
	}
	cred, err := a.c.spec.Credential(ctx, connectors.Execute)
	if err != nil {
		return fail(readiness.SecretUnresolved, "%v", err)
	}
	conn, accepted, err := d.dial(ctx, cred, map[string]string{"synchronous_commit": "local", "application_name": applicationName})
	if err != nil {
		return fail("", "the copy: %s", classify(err, accepted, a.c.endpointTimeout(), cred.Password).message)
	}
	s := &changing{node: clone, conn: conn, cred: cred}
	var says struct {
		Conninfo, Archiving *string
		Receivers, Senders  int
	}
	err = s.read(ctx, factsSQL, &s.facts)
	if err == nil {
		err = s.read(ctx, cloneSQL, &says)
	}
	if err != nil {
		s.close()
		return fail("", "the copy did not tell what it is: %s", queryFailure(err, cred.Password).Message)
	}
	for _, n := range v.nodes {
		if n.facts != nil && n.facts.Started.Equal(s.facts.Started) {
			s.close()
			return fail(readiness.IdentityMismatch, "behind %s is %s, a server of the resource", c.Arg("address"), n.Name)
		}
	}
	switch {
	case s.facts.SystemIdentifier != a.spec.Identity["systemIdentifier"]:
		s.close()
		return fail(readiness.IdentityMismatch, "the copy is of cluster %q", s.facts.SystemIdentifier)
	case says.Conninfo == nil || *says.Conninfo != "" || says.Receivers > 0 || says.Senders > 0:
		s.close()
		return fail(readiness.Conflict, "the copy is connected to other servers, or would be")
	case says.Archiving == nil || *says.Archiving != "off":
		s.close()
		return fail(readiness.Conflict, "the copy would write into the archive of the resource")
	}
	return s, nil
}

func promoteClone(ctx context.Context, a *actor, c call) connectors.Outcome {
	began := a.c.now()
	s, o := a.openClone(ctx, c)
	if o != nil {
		return *o
	}
	defer s.close()
	if s.facts.InRecovery {
		if err := s.run(ctx, promoteSQL); err != nil {
			return s.ended("pg_promote()", err)
		}
	}
	for {
		var p position
		if err := s.read(ctx, positionSQL, &p); err == nil {
			return action.Done(connectors.Facts{"timeline": strconv.Itoa(p.Timeline), "seconds": strconv.FormatFloat(a.c.now().Sub(began).Seconds(), 'f', 1, 64)},
				"the copy is primary on timeline %d", p.Timeline)
		}
		if s.conn.IsClosed() || !pause(ctx, promotePoll) {
			return action.InDoubt("", "the copy was told to become primary and is none yet")
		}
	}
}

func promoteCloneProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	s, o := a.openClone(ctx, c)
	if o != nil {
		return action.InDoubt(o.Code, "%s", o.Message)
	}
	defer s.close()
	if s.facts.InRecovery {
		return action.NotDone("", "the copy is a standby")
	}
	var p position
	if err := s.read(ctx, positionSQL, &p); err != nil {
		return action.InDoubt("", "the copy did not tell its position")
	}
	return action.Done(connectors.Facts{"timeline": strconv.Itoa(p.Timeline), "seconds": ""}, "the copy is primary on timeline %d", p.Timeline)
}

// cloneServes commits a transaction that leaves nothing in any table.
func cloneServes(ctx context.Context, a *actor, c call) connectors.Finding {
	s, o := a.openClone(ctx, c)
	if o != nil {
		return action.Unknown(o.Code, "%s", o.Message)
	}
	defer s.close()
	if s.facts.InRecovery {
		return action.Refused(readiness.RoleUnexpected, "the copy is a standby")
	}
	var write struct{ Token, ReadOnly string }
	timed, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := s.run(timed, `BEGIN`); err != nil {
		return action.Refused(readiness.WriteUnproven, "%s", s.ended("BEGIN", err).Message)
	}
	if err := s.read(timed, writeTokenSQL, &write); err != nil || write.ReadOnly != "off" {
		return action.Refused(readiness.WriteUnproven, "the copy accepts no write")
	}
	if err := s.run(timed, `COMMIT`); err != nil {
		return action.Refused(readiness.WriteUnproven, "%s", s.ended("COMMIT", err).Message)
	}
	return action.Passed("the copy confirmed a write")
}
