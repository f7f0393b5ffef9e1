package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var (
	_ connectors.SQLOperator = Factory{}
	_ connectors.SQLActor    = (*actor)(nil)
)

// CheckStatement implements connectors.SQLOperator. Transact-SQL needs no semicolon
// between statements, so a second one without is not seen.
func (Factory) CheckStatement(text string) error { return action.OneStatement(text, true, false) }

// wordsOfChange are words of Transact-SQL that a question has no use for.
var wordsOfChange = strings.Fields(`insert update delete merge truncate into exec execute create alter drop grant revoke deny
	backup restore dbcc kill shutdown reconfigure writetext updatetext openquery openrowset opendatasource`)

// CheckQuestion implements connectors.SQLOperator. SQL Server knows no read-only
// transaction, and takes a second statement without a semicolon before it: a question is
// a SELECT in which none of the words stands that change something.
func (f Factory) CheckQuestion(text string) error {
	if err := f.CheckStatement(text); err != nil {
		return err
	}
	words := action.Words(text, true, false)
	if len(words) == 0 || words[0] != "select" && words[0] != "with" {
		return errors.New("a question begins with SELECT or WITH")
	}
	for _, word := range words {
		if slices.Contains(wordsOfChange, word) {
			return fmt.Errorf("a question holds no %s (a name is written in brackets)", strings.ToUpper(word))
		}
	}
	return nil
}

// statementName is how a session that carries out a statement of this run shows
// itself, in at most 128 characters: whoever goes on with the run finds it.
func (a *actor) statementName() string {
	name := "bcctl sql " + a.spec.Run
	return name[:min(len(name), 128)]
}

// on is the instance of a side of the run that matters.
func (p *picture) on(side connectors.Side) *node {
	if side == connectors.SideFrom {
		return p.old
	}
	return p.next
}

// wholeSQL makes a statement that fails take back all it did, wait for no lock of
// others for long, and say how many rows it was about. (SET XACT_ABORT)
const wholeSQL = `SET XACT_ABORT ON; SET LOCK_TIMEOUT 1000; SET NOCOUNT OFF`

// DoStatement implements connectors.SQLActor. The server itself has no limit for a
// statement: at the deadline the connection ends, and the server with it the
// statement.
func (a *actor) DoStatement(ctx context.Context, st connectors.Statement) connectors.Outcome {
	if a.spec.Run == "" {
		return action.Failed("", "a statement changes something, and there is no run")
	}
	ctx, cancel := action.Bounded(ctx, 2*time.Minute)
	defer cancel()
	p := a.look(ctx)
	n := p.on(st.Side)
	if bad := p.proved(n); bad != nil {
		return action.NotBegun(*bad)
	}
	s, o := a.openAs(ctx, p, n, a.in(p, n, st.Database), a.statementName())
	if o != nil {
		return *o
	}
	defer s.close()
	if err := s.run(ctx, wholeSQL); err != nil {
		return action.Failed(readiness.QueryFailed, "%s: %s", n.Name, s.failure(ctx, err).Message)
	}
	first, rows, err := s.once(ctx, st)
	if err != nil {
		return s.statementEnded(ctx, err)
	}
	return action.Sent(n.Name, st, strconv.FormatInt(rows, 10), first)
}

// once sends a statement and returns the first value of its answer, where one is
// expected. The rest is counted and not kept.
func (s *changing) once(ctx context.Context, st connectors.Statement) (first *string, rows int64, err error) {
	defer s.conn.within(ctx)()
	if st.Expect == nil {
		result, err := s.conn.conn.ExecContext(ctx, st.Text)
		if err != nil {
			return nil, 0, err
		}
		rows, err = result.RowsAffected()
		return nil, max(rows, 0), err
	}
	result, err := s.conn.conn.QueryContext(ctx, st.Text)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = result.Close() }() // what it says of the statement is said by then
	list, err := scanRows(result)
	if err != nil {
		return nil, 0, err
	}
	if len(list) == 1 && len(list[0]) == 1 {
		first = textOf(list[0])
	}
	for result.NextResultSet() { // what follows may still be an error
		if _, err := scanRows(result); err != nil {
			return nil, 0, err
		}
	}
	return first, int64(len(list)), result.Err()
}

// statementEnded words an error after which a batch may have changed something: it may
// have held several statements, or called what commits on its way. The probe says what
// is so. What the server says about values is data, and is left out.
func (s *changing) statementEnded(ctx context.Context, err error) connectors.Outcome {
	message := s.failure(ctx, err).Message
	var refused mssql.Error
	if errors.As(err, &refused) {
		message = "error " + strconv.Itoa(int(refused.Number)) + " of SQL Server"
	}
	return action.InDoubt("", "the statement was sent to %s and ended with an error: %s", s.node.Name, message)
}

// AskStatement implements connectors.SQLActor. What keeps a question from changing
// anything are CheckQuestion and the rights of the monitor login.
func (a *actor) AskStatement(ctx context.Context, st connectors.Statement) connectors.Finding {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	f := a.askStatement(ctx, st)
	f.Observed = a.c.now()
	return f
}

func (a *actor) askStatement(ctx context.Context, st connectors.Statement) connectors.Finding {
	if err := (Factory{}).CheckQuestion(st.Text); err != nil {
		return action.Unknown("", "not asked: %v", err)
	}
	p := a.look(ctx)
	n := p.on(st.Side)
	if bad := p.proved(n); bad != nil {
		return action.Unknown(bad.Code, "%s", bad.Message)
	}
	sets, bad := a.ask(ctx, p, n, a.in(p, n, st.Database), st.Text, 1)
	if bad != nil {
		return action.Unknown(bad.Code, "%s", bad.Message)
	}
	if len(sets) != 1 || len(sets[0]) != 1 || len(sets[0][0]) != 1 {
		return action.Judged(n.Name, st, nil)
	}
	return action.Judged(n.Name, st, []*string{textOf(sets[0][0])})
}

// sessionsSQL is how many sessions show themselves by a name. (sys.dm_exec_sessions)
func sessionsSQL(name string) string {
	return `SELECT COUNT(*) AS there FROM sys.dm_exec_sessions WHERE program_name = ` + quoteText(name)
}

// settledFor bounds the waiting for a session whose client is gone.
const settledFor = 30 * time.Second

// SettledStatement implements connectors.SQLActor.
func (a *actor) SettledStatement(ctx context.Context, side connectors.Side) connectors.Finding {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	f := a.settled(ctx, side)
	f.Observed = a.c.now()
	return f
}

func (a *actor) settled(ctx context.Context, side connectors.Side) connectors.Finding {
	p := a.look(ctx)
	site := p.to
	if side == connectors.SideFrom {
		site = p.from
	}
	over, cancel := context.WithTimeout(ctx, settledFor)
	defer cancel()
	// Which of several instances of a site it was sent to depends on their roles, and
	// those may have changed since.
	found := 0
	for _, n := range p.nodes {
		if n.Site != site {
			continue
		}
		found++
		if bad := p.proved(n); bad != nil {
			return action.Unknown(bad.Code, "%s", bad.Message)
		}
		if bad := a.settledOn(ctx, over, p, n); bad != nil {
			return action.Unknown(bad.Code, "%s", bad.Message)
		}
	}
	if found == 0 {
		return action.Unknown(readiness.EndpointMissing, "the resource has no endpoint at the site that is meant")
	}
	return action.Passed("no statement of this run is under way at %s", site)
}

// settledOn waits for one instance, until over ends. It returns why it cannot be said.
func (a *actor) settledOn(ctx, over context.Context, p *picture, n *node) *connectors.Finding {
	unknown := func(code readiness.Code, format string, args ...any) *connectors.Finding {
		f := action.Unknown(code, format, args...)
		return &f
	}
	if n.facts == nil || !n.facts.ViewState {
		return unknown(readiness.InsufficientPrivilege, "whether a statement of this run is under way on %s is told to logins with VIEW SERVER STATE only", n.Name)
	}
	for {
		sets, bad := a.ask(ctx, p, n, "master", sessionsSQL(a.statementName()), 1)
		if bad != nil {
			return unknown(bad.Code, "whether a statement of this run is under way on %s cannot be told: %s", n.Name, bad.Message)
		}
		there := (*int64)(nil)
		if len(sets) == 1 && len(sets[0]) == 1 {
			there = sets[0][0].number("there")
		}
		switch {
		case there == nil:
			return unknown(readiness.QueryFailed, "whether a statement of this run is under way on %s cannot be told", n.Name)
		case *there == 0:
			return nil
		}
		timer := time.NewTimer(200 * time.Millisecond)
		select {
		case <-over.Done():
			timer.Stop()
			return unknown("", "a statement of this run is still under way on %s", n.Name)
		case <-timer.C:
		}
	}
}
