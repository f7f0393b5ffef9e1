package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var (
	_ connectors.SQLOperator = Factory{}
	_ connectors.SQLActor    = (*actor)(nil)
)

// sqlBody begins the body of a function in standard SQL, which has statements in it.
var sqlBody = regexp.MustCompile(`(?i)\bbegin\s+atomic\b`)

// CheckStatement implements connectors.SQLOperator. The server refuses a second
// statement too, before it begins with the first.
func (Factory) CheckStatement(text string) error {
	if sqlBody.MatchString(text) {
		return nil
	}
	return action.OneStatement(text, false, true)
}

// CheckQuestion implements connectors.SQLOperator. That it changes nothing is for the
// server to see to: it is asked in a read-only transaction.
func (f Factory) CheckQuestion(text string) error { return f.CheckStatement(text) }

// statementName is how a session that carries out a statement of this run shows
// itself: whoever goes on with the run finds it. The server cuts names at 63 bytes.
func (a *actor) statementName() string {
	name := "bcctl sql " + a.spec.Run
	return name[:min(len(name), 63)]
}

// on is the node of a side of the run that matters.
func (v *view) on(side connectors.Side) *node {
	if side == connectors.SideFrom {
		return v.old
	}
	return v.next
}

// lookOn is a look for one side of the run.
func (a *actor) lookOn(ctx context.Context, side connectors.Side) *view {
	if side == connectors.SideFrom {
		return a.look(ctx)
	}
	return a.lookAtTarget(ctx)
}

// patienceSQL lets a session end soon whose client is gone: while it waits, by the
// network's own signs, and while a statement runs, by looking. The second came with 14.
func patienceSQL(version int) []string {
	list := []string{"SET tcp_keepalives_idle = 5", "SET tcp_keepalives_interval = 3", "SET tcp_keepalives_count = 3", "SET tcp_user_timeout = 15000"}
	if version >= 140000 {
		list = append(list, "SET client_connection_check_interval = '1s'")
	}
	return list
}

// DoStatement implements connectors.SQLActor.
func (a *actor) DoStatement(ctx context.Context, st connectors.Statement) connectors.Outcome {
	a.seen = nil
	defer func() { a.seen = nil }()
	if a.spec.Run == "" {
		return action.Failed("", "a statement changes something, and there is no run")
	}
	ctx, cancel := action.Bounded(ctx, 2*time.Minute)
	defer cancel()
	v := a.lookOn(ctx, st.Side)
	n := v.on(st.Side)
	if bad := v.proved(n); bad != nil {
		return action.NotBegun(*bad)
	}
	s, o := a.openAs(ctx, n.Name, asAny, st.Database, a.statementName())
	if o != nil {
		return *o
	}
	defer s.close()
	for _, sql := range patienceSQL(s.facts.Version) {
		if err := s.run(ctx, sql); err != nil && asPgError(err) == nil { // a system that lacks one of them refuses it
			return action.Failed(readiness.QueryFailed, "%s: %s", n.Name, queryFailure(err, s.cred.Password).Message)
		}
	}
	first, tag, err := s.once(ctx, st.Text)
	switch {
	case err != nil:
		return s.statementEnded(st, err)
	case s.conn.PgConn().TxStatus() != 'I':
		return action.Failed("", "the statement left a transaction open on %s, which is given up: nothing was changed", n.Name)
	}
	return action.Sent(n.Name, st, strconv.FormatInt(tag.RowsAffected(), 10), first)
}

// once sends one statement by the protocol that takes no second one with it, and
// returns the first value of its answer. The rest is counted and not kept.
func (s *changing) once(ctx context.Context, sql string) (first *string, tag pgconn.CommandTag, err error) {
	result := s.conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil)
	for rows := 0; result.NextRow(); rows++ {
		if values := result.Values(); rows == 0 && len(values) > 0 && values[0] != nil {
			text := string(values[0])
			first = &text
		}
	}
	tag, err = result.Close()
	return first, tag, err
}

// wholly reports whether a statement that ended with an error has changed nothing on its
// server. Some commit on their way, such as CALL and CREATE INDEX CONCURRENTLY: only what
// is known not to counts.
func wholly(text string) bool {
	words := action.Words(text, false, true)
	return len(words) > 0 && slices.Contains(wholeWords, words[0])
}

var wholeWords = strings.Fields("select with values insert update delete merge truncate grant revoke comment")

// statementEnded is ended for a statement of a runbook. What the server says about
// values is data, and is left out.
func (s *changing) statementEnded(st connectors.Statement, err error) connectors.Outcome {
	o := s.ended("the statement", err)
	pgErr := asPgError(err)
	if pgErr != nil && strings.HasPrefix(pgErr.Code, "22") {
		o.Message = fmt.Sprintf("the statement on %s: a value did not fit (SQLSTATE %s)", s.node.Name, pgErr.Code)
	}
	if o.State == connectors.Failed && !wholly(st.Text) {
		o.State = connectors.InDoubt
		o.Message += "; it may have changed something before"
	}
	return o
}

// AskStatement implements connectors.SQLActor.
func (a *actor) AskStatement(ctx context.Context, st connectors.Statement) connectors.Finding {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	f := a.askStatement(ctx, st)
	f.Observed = a.c.now()
	return f
}

func (a *actor) askStatement(ctx context.Context, st connectors.Statement) connectors.Finding {
	a.seen = nil
	v := a.lookOn(ctx, st.Side)
	n := v.on(st.Side)
	if bad := v.proved(n); bad != nil {
		return action.Unknown(bad.Code, "%s", bad.Message)
	}
	values, err := a.answer(ctx, n, st)
	if err != nil {
		return action.Unknown(readiness.QueryFailed, "%s: %v", n.Name, err)
	}
	return action.Judged(n.Name, st, values)
}

// isAnother says that a connection leads to another server than the one that was looked at
// a moment ago: an address has moved, or the server was started anew. All servers of a
// cluster have one system identifier, so that tells them apart no better than their names.
func (n *node) isAnother(started time.Time) error {
	if n.facts != nil && started.Equal(n.facts.Started) {
		return nil
	}
	return errors.New("another server answers than a moment ago")
}

// answer asks with the monitor credential in a read-only transaction. It returns the
// values of the one row of the answer.
func (a *actor) answer(ctx context.Context, n *node, st connectors.Statement) ([]*string, error) {
	cred, err := a.c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		return nil, err
	}
	d, err := a.dialer(a.index(n.Name), st.Database)
	if err != nil {
		return nil, err
	}
	conn, accepted, err := d.dial(ctx, cred, nil)
	if err != nil {
		return nil, errors.New(classify(err, accepted, a.c.endpointTimeout(), cred.Password).message)
	}
	defer closeQuietly(conn)
	s := &changing{conn: conn, cred: cred}
	// Who asks must be who is meant, here as for a change.
	if err := s.read(ctx, factsSQL, &s.facts); err != nil {
		return nil, errors.New(queryFailure(err, cred.Password).Message)
	}
	if s.facts.SystemIdentifier != a.spec.Identity["systemIdentifier"] {
		return nil, fmt.Errorf("it is cluster %q, the resource declares %s", s.facts.SystemIdentifier, a.spec.Identity["systemIdentifier"])
	}
	if err := n.isAnother(s.facts.Started); err != nil {
		return nil, err
	}
	if err := s.runLong(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil {
		return nil, errors.New(queryFailure(err, cred.Password).Message)
	}
	result := conn.PgConn().ExecParams(ctx, st.Text, nil, nil, nil, nil)
	var list []*string
	rows := 0
	for ; result.NextRow(); rows++ {
		if rows > 0 {
			continue
		}
		for _, value := range result.Values() {
			var text *string
			if value != nil {
				copied := string(value)
				text = &copied
			}
			list = append(list, text)
		}
	}
	if _, err := result.Close(); err != nil {
		if pgErr := asPgError(err); pgErr != nil && strings.HasPrefix(pgErr.Code, "22") {
			return nil, fmt.Errorf("a value did not fit (SQLSTATE %s)", pgErr.Code)
		}
		return nil, errors.New(queryFailure(err, cred.Password).Message)
	}
	if rows != 1 {
		return nil, nil
	}
	return list, nil
}

// settledFor bounds the waiting for a session whose client is gone: longer than
// patienceSQL takes to notice.
const settledFor = 30 * time.Second

// sessionsSQL: "pg_stat_activity". What a session shows itself as is told to members
// of pg_read_all_stats.
func sessionsSQL(name string) string {
	return `SELECT json_build_object('started', pg_postmaster_start_time(), 'may', pg_has_role('pg_read_all_stats', 'USAGE'),
  'there', (SELECT count(*) FROM pg_stat_activity WHERE application_name = ` + literal(name) + `))`
}

// SettledStatement implements connectors.SQLActor. A session that was cut off stays on
// the server until its statement has ended and the server has noticed.
func (a *actor) SettledStatement(ctx context.Context, side connectors.Side) connectors.Finding {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	f := a.settled(ctx, side)
	f.Observed = a.c.now()
	return f
}

func (a *actor) settled(ctx context.Context, side connectors.Side) connectors.Finding {
	a.seen = nil
	v := a.look(ctx)
	site := a.spec.To
	if side == connectors.SideFrom {
		site = a.spec.From
	}
	over, cancel := context.WithTimeout(ctx, settledFor)
	defer cancel()
	// Which of several servers of a site it was sent to depends on their roles, and
	// those may have changed since.
	found := 0
	for _, n := range v.nodes {
		if n.Site != site {
			continue
		}
		found++
		if bad := v.proved(n); bad != nil {
			return action.Unknown(bad.Code, "%s", bad.Message)
		}
		if bad := a.settledOn(ctx, over, n); bad != nil {
			return action.Unknown(bad.Code, "%s", bad.Message)
		}
	}
	if found == 0 {
		return action.Unknown("", "the resource has no endpoint at the site that is meant")
	}
	return action.Passed("no statement of this run is under way at %s", site)
}

// settledOn waits for one server, until over ends. It returns why it cannot be said.
func (a *actor) settledOn(ctx, over context.Context, n *node) *connectors.Finding {
	name := n.Name
	unknown := func(code readiness.Code, format string, args ...any) *connectors.Finding {
		f := action.Unknown(code, format, args...)
		return &f
	}
	for {
		var found struct {
			Started time.Time
			May     bool
			There   *int
		}
		err := a.ask(ctx, name, sessionsSQL(a.statementName()), &found)
		if err == nil {
			err = n.isAnother(found.Started)
		}
		if err != nil || found.There == nil {
			return unknown(readiness.QueryFailed, "whether a statement of this run is under way on %s cannot be told: %v", name, err)
		}
		switch {
		case !found.May:
			return unknown(readiness.InsufficientPrivilege, "whether a statement of this run is under way on %s is told to members of pg_monitor only", name)
		case *found.There == 0:
			return nil
		}
		if !pause(over, 200*time.Millisecond) {
			return unknown("", "a statement of this run is still under way on %s", name)
		}
	}
}
