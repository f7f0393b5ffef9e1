package mongodb

import (
	"context"
	"slices"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// changing is a connection to one member over which something is changed.
type changing struct {
	node   *node
	server server
	secret string
	raw    document // the configuration as this connection told it
	config *config
	hello  *hello
	term   int64
}

func (m *changing) close() { m.server.close() }

// openMember connects to one member with the execute credential, directly and never
// through a client that discovers the set, and proves over that very connection that
// it is the member that was looked at: set, replicaSetId, name, process, role, term
// and configuration (SI-21, SI-22).
func (a *actor) openMember(ctx context.Context, s *set, n *node) (*changing, *connectors.Outcome) {
	no := func(code readiness.Code, format string, args ...any) (*changing, *connectors.Outcome) {
		o := action.Failed(code, format, args...)
		return nil, &o
	}
	id, name := a.spec.Identity["replicaSetId"], a.spec.Identity["setName"]
	if id == "" || name == "" {
		return no(readiness.IdentityUnproven, "the resource declares no identity.replicaSetId and setName; without them nothing is changed")
	}
	if bad := s.proved(n); bad != nil {
		o := action.NotBegun(*bad)
		return nil, &o
	}
	for other, first := range s.alias { // then which address means whom is open
		return no(readiness.EndpointAliased, "%s and %s answer as one server: nothing was sent", first.Name, other.Name)
	}
	i := slices.IndexFunc(a.spec.Endpoints, func(e connectors.Endpoint) bool { return e.Name == n.Name })
	cred, err := a.c.spec.Credential(ctx, connectors.Execute)
	if err != nil {
		return no(readiness.SecretUnresolved, "the execute credential: %v", err)
	}
	budget := a.c.endpointTimeout()
	server, err := a.c.open(i, &cred, budget)
	if err != nil {
		f := classify(err, false, budget, cred.Password)
		o := action.NotReached(f.Code, "%s: %s", n.Name, f.Message)
		return nil, &o
	}
	m := &changing{node: n, server: server, secret: cred.Password}
	timed, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	if code, what := m.read(timed, n.hello.Writable); what != "" {
		server.close()
		return no(code, "%s: %s", n.Name, what)
	}
	seat := s.seats[n]
	switch {
	case m.hello.SetName != name || m.config.Set != name || m.config.ID != id:
		server.close()
		return no(readiness.IdentityMismatch, "%s is of set %q, %s, and the resource declares %q, %s: nothing was sent", n.Name, m.hello.SetName, m.config.ID, name, id)
	case seat == nil || !sameHost(m.hello.Me, seat.Host) || !sameHost(m.hello.Me, n.hello.Me) || m.hello.Process != n.hello.Process:
		server.close()
		return no(readiness.IdentityMismatch, "%s answers as %s now, and another server or process was looked at a moment ago: nothing was sent", n.Name, m.hello.Me)
	case m.hello.Writable != n.hello.Writable:
		server.close()
		return no(readiness.RoleUnexpected, "%s changed its role since it was looked at: nothing was sent", n.Name)
	case m.term != *n.status.Term || m.config.String() != n.config.String():
		server.close()
		return no(readiness.Conflict, "%s is at term %d with configuration %s, and was at term %d with %s a moment ago: nothing was sent", n.Name, m.term, m.config, *n.status.Term, n.config)
	}
	return m, nil
}

// read asks who is there. It says why it is not known, or nothing.
func (m *changing) read(ctx context.Context, primary bool) (readiness.Code, string) {
	answer, err := helloCommand().run(ctx, m.server)
	if err != nil {
		f := classify(err, m.server.accepted(), 0, m.secret)
		return f.Code, f.Message
	}
	m.hello = decodeHello(answer)
	if answer, err = configCommand(primary).run(ctx, m.server); err != nil {
		f := queryFailure("replSetGetConfig", err, m.secret)
		return f.Code, f.Message
	}
	m.raw, m.config = answer.document("config"), decodeConfig(answer)
	if m.config == nil {
		return readiness.ValueInvalid, "its configuration cannot be read"
	}
	if answer, err = statusCommand().run(ctx, m.server); err != nil {
		f := queryFailure("replSetGetStatus", err, m.secret)
		return f.Code, f.Message
	}
	if term := decodeStatus(answer).Term; term != nil {
		m.term = *term
		return "", ""
	}
	return readiness.ValueInvalid, "it did not tell its term"
}

// ended words how a change ended that the server did not confirm. An answer that
// refuses changed nothing; anything else is in doubt and is never sent again before
// a probe (SI-34).
func (m *changing) ended(what string, err error) connectors.Outcome {
	if a, ok := asAnswered(err); ok {
		switch a.code {
		case codeShutdownInProgress, codePrimarySteppedDown, codeInterruptedShutdown, codeInterruptedByState:
			return action.InDoubt("", "%s on %s was interrupted, and whether it happened is not known: %s", what, m.node.Name, a.message)
		case codeUnauthorized:
			return action.Failed(readiness.InsufficientPrivilege, "%s on %s: %s", what, m.node.Name, queryFailure(what, err, m.secret).Message)
		}
		return action.Failed("", "%s was refused: %s", m.node.Name, queryFailure(what, err, m.secret).Message)
	}
	return action.InDoubt("", "%s was sent to %s, and no answer came: %s", what, m.node.Name, classify(err, true, 0, m.secret).Message)
}
