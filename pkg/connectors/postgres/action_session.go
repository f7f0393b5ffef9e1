package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// changing is a connection with the execute credential to a server that was just
// proved to be the one that is meant.
type changing struct {
	node  connectors.Endpoint
	conn  *pgx.Conn
	facts nodeFacts
	cred  connectors.Credential
}

// role is what a server must be at the moment it is changed.
type role string

const (
	asPrimary role = "primary"
	asStandby role = "standby"
	asAny     role = ""
)

func (r role) fits(f nodeFacts) bool {
	return r == asAny || (r == asStandby) == f.InRecovery
}

// open connects to an endpoint with the execute credential and verifies, on this
// connection, that it is the declared cluster, in the role that is expected, and
// not the server another endpoint was (SI-21). A failure of open means that
// nothing was changed.
func (a *actor) open(ctx context.Context, name string, want role) (*changing, *connectors.Outcome) {
	return a.openAs(ctx, name, want, "", applicationName)
}

// openAs is open for a database and under a name that the session shows itself by.
func (a *actor) openAs(ctx context.Context, name string, want role, database, shown string) (*changing, *connectors.Outcome) {
	fail := func(code readiness.Code, format string, args ...any) (*changing, *connectors.Outcome) {
		o := action.Failed(code, format, args...)
		return nil, &o
	}
	i := a.index(name)
	if i < 0 {
		return fail("", "the resource has no endpoint %q", name)
	}
	declared := a.spec.Identity["systemIdentifier"]
	if declared == "" {
		return fail(readiness.IdentityUnproven, "the resource declares no identity.systemIdentifier: nothing is changed on servers that cannot be told from others")
	}
	cred, err := a.c.spec.Credential(ctx, connectors.Execute)
	if err != nil {
		return fail(readiness.SecretUnresolved, "%v", err)
	}
	d, err := a.dialer(i, database)
	if err != nil {
		return fail("", "%v", err)
	}
	conn, accepted, err := d.dial(ctx, cred, map[string]string{"synchronous_commit": "local", "application_name": shown})
	if err != nil {
		u := classify(err, accepted, a.c.endpointTimeout(), cred.Password)
		o := action.NotReached(u.code, "%s: %s", name, u.message)
		return nil, &o
	}
	s := &changing{node: a.c.spec.Endpoints[i], conn: conn, cred: cred}
	if err := s.read(ctx, factsSQL, &s.facts); err != nil {
		closeQuietly(conn)
		u := classifyFirstQuery(err, a.c.endpointTimeout(), cred.Password)
		o := action.NotReached(u.code, "%s did not tell what it is: %s", name, u.message)
		return nil, &o
	}
	if o := a.isMeant(s, want, declared); o != nil {
		closeQuietly(conn)
		return nil, o
	}
	return s, nil
}

// dialer is that of an endpoint, for a database; an empty one is the resource's.
func (a *actor) dialer(i int, database string) (*dialer, error) {
	d := a.c.dialers[i]
	if database == "" || database == d.base.Database {
		return d, nil
	}
	spec := a.c.spec
	spec.Database = database
	return newDialer(spec, spec.Endpoints[i])
}

// applicationName is how sessions that change something show themselves, so that
// they can be told from others and are not ended with them.
const applicationName = "bcctl execute"

func (a *actor) isMeant(s *changing, want role, declared string) *connectors.Outcome {
	var o connectors.Outcome
	name, f := s.node.Name, s.facts
	recovering := s.conn.PgConn().ParameterStatus("in_hot_standby")
	elsewhere := a.isElsewhere(name, &f)
	switch {
	case f.SystemIdentifier != declared:
		o = action.Failed(readiness.IdentityMismatch, "%s is cluster %q, the resource declares %s", name, f.SystemIdentifier, declared)
	case f.Version < minVersion || f.Version > maxVersion:
		o = action.Failed(readiness.VersionUnsupported, "%s runs PostgreSQL %s; bcctl knows 12 to 18", name, versionText(f.Version))
	case elsewhere != "":
		o = action.Failed(readiness.IdentityMismatch, "%s", elsewhere)
	case recovering != "" && (recovering == "on") != f.InRecovery:
		o = action.Failed(readiness.Conflict, "%s says pg_is_in_recovery() = %v and in_hot_standby = %s", name, f.InRecovery, recovering)
	case !want.fits(f):
		o = action.Failed(readiness.RoleUnexpected, "%s at site %s is not a %s now", name, s.node.Site, want)
	default:
		return nil
	}
	return &o
}

func (a *actor) index(name string) int {
	for i, ep := range a.c.spec.Endpoints {
		if ep.Name == name {
			return i
		}
	}
	return -1
}

func (s *changing) close() { closeQuietly(s.conn) }

// read runs a statement that returns one JSON document.
func (s *changing) read(ctx context.Context, sql string, into any) error {
	return readJSON(ctx, s.conn, sql, into)
}

// statementLimit bounds one statement that does not wait for anything by design.
const statementLimit = 30 * time.Second

func readJSON(ctx context.Context, conn *pgx.Conn, sql string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	var text *string
	if err := conn.QueryRow(ctx, sql).Scan(&text); err != nil {
		return err
	}
	if text == nil {
		return errors.New("the server returned nothing")
	}
	return decodeJSON(*text, &into)
}

// run runs one statement that changes something.
func (s *changing) run(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	return s.runLong(ctx, sql)
}

// runLong runs a statement that may take as long as the step.
func (s *changing) runLong(ctx context.Context, sql string) error {
	_, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// ended is the outcome of a statement that ended with an error. Only an answer of
// the server proves that it refused; everything else may have taken effect
// (SI-34).
func (s *changing) ended(what string, err error) connectors.Outcome {
	f := queryFailure(err, s.cred.Password)
	pgErr := asPgError(err)
	if pgErr == nil || strings.HasPrefix(pgErr.Code, "57") || strings.HasPrefix(pgErr.Code, "08") {
		return action.InDoubt("", "%s on %s: no answer says what became of it: %s", what, s.node.Name, f.Message)
	}
	return action.Failed(f.Code, "%s on %s: %s", what, s.node.Name, f.Message)
}

// ask runs a reading on an endpoint with the monitor credential.
func (a *actor) ask(ctx context.Context, name, sql string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	i := a.index(name)
	if i < 0 {
		return fmt.Errorf("the resource has no endpoint %q", name)
	}
	cred, err := a.c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		return err
	}
	conn, accepted, err := a.c.dialers[i].dial(ctx, cred, nil)
	if err != nil {
		return errors.New(classify(err, accepted, a.c.endpointTimeout(), cred.Password).message)
	}
	defer closeQuietly(conn)
	if _, err := conn.Exec(ctx, readOnlySQL); err != nil {
		return errors.New(queryFailure(err, cred.Password).Message)
	}
	if err := readJSON(ctx, conn, sql, into); err != nil {
		return errors.New(endpoint.Redact(queryFailure(err, cred.Password).Message, cred.Password))
	}
	return nil
}

// history asks a server for its timeline and where that left the one before, over
// a replication connection.
func (a *actor) history(ctx context.Context, name string) (*node, error) {
	ctx, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	i := a.index(name)
	if i < 0 {
		return nil, fmt.Errorf("the resource has no endpoint %q", name)
	}
	cred, err := a.c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		return nil, err
	}
	s := &session{node: a.c.newNode(i), cred: cred}
	if err := a.c.identifySystem(ctx, i, s, true); err != nil {
		return nil, errors.New(queryFailure(err, cred.Password).Message)
	}
	return s.node, nil
}

// fork is where the present timeline of a primary left the one before, the kept
// point F: everything in the log before it survived.
func (a *actor) fork(ctx context.Context, name string) (at lsn, timeline int, err error) {
	n, err := a.history(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	if len(n.history) == 0 {
		return 0, n.system.timeline, fmt.Errorf("timeline %d has no history: %s was never promoted", n.system.timeline, name)
	}
	return n.history[len(n.history)-1].switchAt, n.system.timeline, nil
}

// literal writes a text constant.
func literal(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return " E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// identifier writes a quoted name.
func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }
