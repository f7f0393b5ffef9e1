package sqlserver

import (
	"context"
	"errors"
	"slices"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// changing is a connection with the execute credential to an instance that has just
// proved, on this very connection, to be the one that is meant.
type changing struct {
	*session
	ag string // name of the group in statements
}

func (s *changing) close() { s.conn.close() }

// open connects to one instance with the execute credential and verifies on this
// connection what was read with the other: name, process, group and role (SI-21,
// SI-22). When it fails, nothing was changed.
func (a *actor) open(ctx context.Context, p *picture, n *node) (*changing, *connectors.Outcome) {
	return a.openAs(ctx, p, n, "master", "")
}

// openAs is open for a database and under a name that the session shows itself by.
func (a *actor) openAs(ctx context.Context, p *picture, n *node, database, shown string) (*changing, *connectors.Outcome) {
	fail := func(code readiness.Code, format string, args ...any) (*changing, *connectors.Outcome) {
		o := action.Failed(code, format, args...)
		return nil, &o
	}
	declared := strings.ToLower(a.spec.Identity[groupIdentity])
	if declared == "" {
		return fail(readiness.IdentityUnproven, "the resource declares no identity.groupId: nothing is changed on instances that cannot be told from others")
	}
	if bad := p.proved(n); bad != nil {
		o := action.NotBegun(*bad)
		return nil, &o
	}
	for other, first := range p.alias { // then which address means whom is open
		return fail(readiness.EndpointAliased, "%s and %s answer as one instance: nothing was sent", first.Name, other.Name)
	}
	i := slices.Index(p.nodes, n)
	cred, err := a.c.spec.Credential(ctx, connectors.Execute)
	if err != nil {
		return fail(readiness.SecretUnresolved, "%v", err)
	}
	timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	o := *a.c.openers[i]
	o.shown = shown
	conn, attempted, err := o.open(timed, cred, database, false)
	if err != nil {
		f := unreached(timed, err, attempted, a.c.endpointTimeout(), cred.Password)
		o := action.NotReached(f.Code, "%s: %s", n.Name, f.Message)
		return nil, &o
	}
	s := &session{node: a.c.newNode(i), conn: conn, cred: cred}
	if err := a.readIdentity(timed, s); err != nil {
		conn.close()
		f := s.failure(timed, err)
		return fail(f.Code, "%s did not tell what it is to the execute login: %s", n.Name, f.Message)
	}
	if other := p.sameAs(n, s.node, declared); other != nil {
		conn.close()
		return nil, other
	}
	return &changing{session: s, ag: p.ag(n)}, nil
}

// readIdentity asks who is there.
func (a *actor) readIdentity(ctx context.Context, s *session) error {
	sets, err := s.query(ctx, factsSQL, 1)
	if err != nil {
		return err
	}
	if len(sets[0]) != 1 {
		return errors.New("the instance did not say what it is")
	}
	s.node.facts = instanceOf(sets[0][0])
	if !s.node.facts.supported() {
		return errors.New("its version is not supported")
	}
	if sets, err = s.query(ctx, startedSQL+";\n"+replicasSQL(int(s.node.facts.Major)), 2); err != nil {
		return err
	}
	if len(sets[0]) == 1 {
		s.node.started = sets[0][0].time("started")
	}
	for _, r := range sets[1] {
		s.node.replicas = append(s.node.replicas, replicaOf(r))
	}
	return nil
}

// sameAs compares an instance with what was looked at a moment ago.
func (p *picture) sameAs(looked, now *node, declared string) *connectors.Outcome {
	at := p.group.place(now)
	id := ""
	switch {
	case at.own == nil:
	case !p.group.distributed:
		id = at.own.Group
	case len(at.across) > 0:
		id = at.across[0].Group
	}
	var o connectors.Outcome
	switch role := p.group.role(at); {
	case !now.facts.ViewDefinition:
		o = action.Failed(readiness.InsufficientPrivilege, "the execute login on %s lacks VIEW ANY DEFINITION, so which group it acts on is not known: nothing was sent", looked.Name)
	case !sameInstance(looked, now) || looked.started == nil || now.started == nil:
		o = action.Failed(readiness.IdentityMismatch, "%s answers as %s now, and another instance or process was looked at a moment ago: nothing was sent", looked.Name, now.facts.ServerName)
	case id == "" && p.group.distributed && p.roles[looked] == secondaryRole:
		// Only primaries of the member groups show the distributed one; its own group is
		// the one that was looked at.
		if at.own == nil || p.places[looked].own == nil || at.own.Group != p.places[looked].own.Group {
			o = action.Failed(readiness.IdentityMismatch, "%s is not of the group that was looked at: nothing was sent", looked.Name)
			break
		}
		return nil
	case id != declared:
		o = action.Failed(readiness.IdentityMismatch, "%s has group %q, the resource declares %s: nothing was sent", looked.Name, id, declared)
	case role != p.roles[looked]:
		o = action.Failed(readiness.RoleUnexpected, "%s is %s now and was %s a moment ago: nothing was sent", looked.Name, orUnknown(string(role)), p.roles[looked])
	default:
		return nil
	}
	return &o
}

func orUnknown(text string) string {
	if text == "" {
		return "in a role that is not told"
	}
	return text
}

// run sends one statement that changes something, within the context.
func (s *changing) run(ctx context.Context, sql string) error {
	defer s.conn.within(ctx)()
	_, err := s.conn.conn.ExecContext(ctx, sql)
	return err
}

// unclear are numbers of errors that do not say that nothing happened: time was over,
// or the session or the server was ended, perhaps by the change of roles itself.
var unclear = []int32{41131, 596, 6005}

// ended words how a change ended that the server did not confirm. What it refuses with
// an error of its own changed nothing; anything else is in doubt, and is never sent
// again before a probe (SI-34).
func (s *changing) ended(ctx context.Context, what string, err error) connectors.Outcome {
	var refused mssql.Error
	f := s.failure(ctx, err)
	if errors.As(err, &refused) && refused.Class < 20 && !slices.Contains(unclear, refused.Number) {
		return action.Failed(f.Code, "%s refused %s, and nothing was changed: %s", s.node.Name, what, f.Message)
	}
	return action.InDoubt("", "%s was sent to %s, and what became of it is not known: %s", what, s.node.Name, f.Message)
}

// quoteName writes a name as QUOTENAME does.
func quoteName(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }

// quoteText writes a text constant.
func quoteText(text string) string { return "N'" + strings.ReplaceAll(text, "'", "''") + "'" }

// ask sends an instance statements that only read, with the monitor credential.
func (a *actor) ask(ctx context.Context, p *picture, n *node, database, sql string, sets int) ([][]row, *readiness.Finding) {
	timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	because := func(code readiness.Code, message string) ([][]row, *readiness.Finding) {
		f := finding(code, "%s: %s", n.Name, message)
		return nil, &f
	}
	cred, err := a.c.spec.Credential(timed, connectors.Monitor)
	if err != nil {
		return because(readiness.SecretUnresolved, err.Error())
	}
	conn, attempted, err := a.c.openers[slices.Index(p.nodes, n)].open(timed, cred, database, p.roles[n] != primaryRole)
	if err != nil {
		f := unreached(timed, err, attempted, a.c.endpointTimeout(), cred.Password)
		if f.Code == "" {
			f.Code = readiness.QueryFailed
		}
		return because(f.Code, f.Message)
	}
	defer conn.close()
	s := &session{node: n, conn: conn, cred: cred}
	answer, err := s.query(timed, sql, sets)
	if err != nil {
		f := s.failure(timed, err)
		return because(f.Code, f.Message)
	}
	return answer, nil
}
