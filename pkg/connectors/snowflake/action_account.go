package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/session"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// changing is a session in one account over which something is changed.
type changing struct {
	a        *actor
	account  *failover.Account
	accounts []*failover.Account // in the order of the endpoints; the others were not asked
	view     *failover.View
	visit    *visit
	woken    bool
}

// close leaves the session without a goodbye where it has started something.
func (x *changing) close() { x.visit.session.Leave() }

// open logs in to an account with the execute credential, by the account's own URL, and
// proves over that very session that it is the declared one (SI-21). What its rows say
// of the groups is of this session as well.
func (a *actor) open(ctx context.Context, i int) (*changing, *connectors.Outcome) {
	no := func(code readiness.Code, format string, args ...any) (*changing, *connectors.Outcome) {
		o := action.Failed(code, format, args...)
		return nil, &o
	}
	if i < 0 {
		return no("", "the resource has no endpoint at the site that is meant")
	}
	if a.c.set.Organization == "" {
		return no(readiness.IdentityUnproven, "the resource declares no identity.organization; without it nothing is changed")
	}
	budget := a.c.endpointTimeout()
	timed, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	cred, err := a.c.spec.Credential(timed, connectors.Execute)
	if err != nil {
		return no(readiness.SecretUnresolved, "the execute credential: %v", err)
	}
	name := a.spec.Endpoints[i].Name
	login := a.c.logins[i]
	login.Changes, login.Role = true, option(a.c.spec, a.spec.Endpoints[i], "executeRole")
	s, accepted, err := session.Open(timed, login, cred)
	if err != nil {
		why := session.Unreached(err, accepted, budget, cred)
		o := action.NotReached(why.Code, "%s: %s", name, why.Message)
		return nil, &o
	}
	v := &visit{account: a.c.newAccount(i), cred: cred}
	if err := a.c.readAccount(timed, v, s); err != nil {
		s.Close()
		return no("", "%s: %s", name, session.Failed(err, cred).Message)
	}
	accounts := make([]*failover.Account, len(a.spec.Endpoints))
	for n := range accounts {
		accounts[n] = a.c.newAccount(n)
		accounts[n].Unreached = &endpoint.Failure{Message: "not asked"}
	}
	accounts[i] = v.account
	x := &changing{a: a, account: v.account, accounts: accounts, visit: v, view: failover.NewView(a.c.spec, a.c.set, accounts, a.c.now())}
	if why, _, doubted := x.view.Doubt(v.account); doubted {
		s.Close()
		return no(why.Code, "%s: nothing was sent", why.Message)
	}
	return x, nil
}

// row is the account's own row of a group, read over this session.
func (x *changing) row(i int) (*failover.Group, *connectors.Finding) {
	return ownRow(x.view, i, x.account, x.a.groups()[i])
}

// copies requires over this session that every group is a copy of the declared source.
func (x *changing) copies() ([]*failover.Group, *connectors.Finding) {
	var source *failover.Account
	if i := x.a.at(x.a.spec.From); i >= 0 {
		source = x.accounts[i]
	}
	var list []*failover.Group
	for i := range x.a.groups() {
		row, bad := x.row(i)
		if bad == nil {
			bad = isCopy(x.view, row, x.account, source)
		}
		if bad != nil {
			return nil, bad
		}
		list = append(list, row)
	}
	return list, nil
}

// reread reads the account's own rows again.
func (x *changing) reread(ctx context.Context) error {
	timed, cancel := context.WithTimeout(ctx, x.a.c.endpointTimeout())
	defer cancel()
	return x.a.c.readAccount(timed, x.visit, x.visit.session)
}

// query reads.
func (x *changing) query(ctx context.Context, sql string) ([]session.Row, error) {
	timed, cancel := context.WithTimeout(ctx, x.a.c.endpointTimeout())
	defer cancel()
	return x.visit.session.Query(timed, sql)
}

// wake makes the session use the warehouse, for what needs one.
func (x *changing) wake(ctx context.Context) error {
	name := option(x.a.c.spec, x.account.Endpoint, "warehouse")
	if name == "" || x.woken {
		return nil
	}
	if _, err := x.query(ctx, warehouseSQL(failover.Identifier(name))); err != nil {
		return err
	}
	x.woken = true
	return nil
}

// says words an error of a statement.
func (x *changing) says(err error) string { return session.Failed(err, x.visit.cred).Message }

// unread is the finding that something could not be read over this session.
func (x *changing) unread(what string, err error) connectors.Finding {
	f := session.Failed(err, x.visit.cred)
	return action.Unknown(f.Code, "%s of %s: %s", what, x.account.Name, f.Message)
}

// run sends one statement, waits for its end, and returns nil when it succeeded. The
// service's refusal has changed nothing; anything else is in doubt, and is never sent
// again before the account was asked (SI-34).
func (x *changing) run(ctx context.Context, sql, tag string) *connectors.Outcome {
	id, err := x.visit.session.Send(ctx, sql, tag)
	if err != nil {
		return x.ended(sql, err)
	}
	for unclear := 0; ; {
		timed, cancel := context.WithTimeout(ctx, x.a.c.endpointTimeout())
		progress, err := x.visit.session.Progress(timed, id)
		cancel()
		switch {
		case progress == session.Succeeded:
			return nil
		case progress == session.Ended:
			return x.ended(sql, err)
		case progress == session.Unclear:
			if unclear++; unclear > 2 {
				o := action.InDoubt("", "%s was sent to %s as %s, and how it ended is not known: %s", sql, x.account.Name, id, x.says(err))
				return &o
			}
		}
		if !x.a.pause(ctx) {
			o := action.InDoubt("", "%s runs on %s as %s and has not ended in time; nothing aborts it", sql, x.account.Name, id)
			return &o
		}
	}
}

func (x *changing) ended(sql string, err error) *connectors.Outcome {
	var o connectors.Outcome
	f := session.Failed(err, x.visit.cred)
	switch {
	case session.Refused(err) && f.Code == readiness.InsufficientPrivilege:
		o = action.Failed(f.Code, "%s was refused by %s: %s", sql, x.account.Name, f.Message)
	case session.Refused(err):
		o = action.Failed("", "%s was refused by %s: %s", sql, x.account.Name, f.Message)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		o = action.InDoubt("", "%s on %s: the time was over, and whether it was carried out is not known", sql, x.account.Name)
	default:
		o = action.InDoubt("", "%s was sent to %s, and no answer came: %s", sql, x.account.Name, f.Message)
	}
	return &o
}

// past is a statement of this user that the account remembers.
type past struct{ id, status, message string }

func (p past) running() bool {
	switch p.status {
	case "RUNNING", "QUEUED", "BLOCKED", "RESUMING_WAREHOUSE", "QUEUED_REPAIRING_WAREHOUSE":
		return true
	}
	return false
}

func (p past) succeeded() bool { return p.status == "SUCCESS" }

// past lists the statements with a text that were sent with a tag, newest first. It
// needs a warehouse.
func (x *changing) past(ctx context.Context, sql, tag string) ([]past, error) {
	if err := x.wake(ctx); err != nil {
		return nil, err
	}
	rows, err := x.query(ctx, pastSQL(x.a.c.database(), tag))
	if err != nil {
		return nil, err
	}
	var list []past
	for _, r := range rows {
		if strings.TrimRight(r.Text("query_text"), "; \n") == sql {
			list = append(list, past{r.Text("query_id"), strings.ToUpper(r.Text("execution_status")), r.Text("error_message")})
		}
	}
	return list, nil
}

// history reads how a group was refreshed over this session, now.
func (x *changing) history(ctx context.Context, group string) (*failover.History, *connectors.Finding) {
	if err := x.wake(ctx); err != nil {
		f := x.unread("the history", err)
		return nil, &f
	}
	timed, cancel := context.WithTimeout(ctx, x.a.c.endpointTimeout())
	defer cancel()
	delete(x.account.Failed, failover.RefreshID)
	delete(x.account.Histories, group)
	x.a.c.history(timed, x.visit, failover.Need{Account: x.account, Group: group, Range: recent})
	h := x.account.Histories[group]
	if h == nil || !h.Asked.Refreshes {
		why := x.account.Failed[failover.RefreshID]
		f := action.Unknown(why.Code, "the history of %s on %s: %s", group, x.account.Name, why.Message)
		return nil, &f
	}
	return h, nil
}

// clock is the account's time now.
func (x *changing) clock(ctx context.Context) (time.Time, error) {
	rows, err := x.query(ctx, selfSQL)
	if err != nil {
		return time.Time{}, err
	}
	if len(rows) == 1 {
		if t := rows[0].Time("clock"); t != nil {
			return *t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s did not tell its time", x.account.Name)
}
