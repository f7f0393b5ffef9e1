package snowflake

import (
	"context"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/session"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// probe reads one account within its own deadline, without a warehouse. It always
// returns an account.
func (c *Connector) probe(parent context.Context, i int) *visit {
	budget := c.endpointTimeout()
	ctx, cancel := context.WithTimeout(parent, budget)
	defer cancel()
	v := &visit{account: c.newAccount(i)}
	defer func() { v.account.CollectedAt = c.now() }()

	kept := c.kept[i]
	c.kept[i] = nil
	cred, err := c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		if kept != nil {
			kept.Close()
		}
		v.account.Unreached = &endpoint.Failure{Code: readiness.SecretUnresolved, Message: err.Error()}
		return v
	}
	v.cred = cred
	if kept != nil {
		// It may have been ended there, or cut by something on the way that does not say
		// so: log in anew before judging, while there is time.
		half, stop := context.WithTimeout(ctx, budget/2)
		err := c.readAccount(half, v, kept)
		stop()
		if err == nil {
			return v
		}
		kept.Close()
		v.account = c.newAccount(i)
	}
	s, accepted, err := session.Open(ctx, c.logins[i], cred)
	if err != nil {
		v.account.Unreached = session.Unreached(err, accepted, budget, cred)
		return v
	}
	if err := c.readAccount(ctx, v, s); err != nil {
		v.account = c.newAccount(i)
		v.account.Unreached = session.Unreached(err, true, budget, cred)
		v.account.Unreached.Message = "logged in, but the first query failed: " + v.account.Unreached.Message
		s.Close()
	}
	return v
}

func (c *Connector) newAccount(i int) *failover.Account {
	return &failover.Account{
		Node:   observe.Node{Endpoint: c.spec.Endpoints[i]},
		Failed: map[readiness.ID]readiness.Finding{}, Databases: map[string][]string{}, Histories: map[string]*failover.History{},
	}
}

// readAccount reads what the account is; that failing, it gave nothing. What
// fails after that is a reading that failed.
func (c *Connector) readAccount(ctx context.Context, v *visit, s *session.Session) error {
	start := c.now()
	rows, err := s.Query(ctx, selfSQL)
	if err != nil {
		return err
	}
	end := c.now()
	a := v.account
	a.At, a.Took = start.Add(end.Sub(start)/2), end.Sub(start)
	if len(rows) == 1 {
		a.Self = self(rows[0])
	}
	v.session = s
	if _, err := s.Query(ctx, primaryRoleSQL); err != nil {
		a.Failed[failover.PrivilegesID] = session.Failed(err, v.cred)
	}
	if rows, err := s.Query(ctx, failoverGroupsSQL); err != nil {
		a.Failed[failover.PrivilegesID] = session.Failed(err, v.cred)
	} else {
		a.Groups = groups(rows)
	}
	if c.set.Connection != "" {
		if rows, err := s.Query(ctx, connectionsSQL); err != nil {
			a.Failed[failover.ConnectionID] = session.Failed(err, v.cred)
		} else {
			a.Connections = connections(rows)
		}
	}
	return nil
}

func self(r session.Row) failover.Self {
	s := failover.Self{Organization: r.Text("organization"), Name: r.Text("account"), Locator: r.Text("locator"),
		Region: r.Text("region"), Role: r.Text("role"), Version: r.Text("version")}
	if clock := r.Time("clock"); clock != nil {
		s.Clock = *clock
	}
	return s
}

// clockOf is the account's clock now, by what it said and what has passed since.
func (c *Connector) clockOf(a *failover.Account) time.Time {
	if a.Self.Clock.IsZero() {
		return time.Time{}
	}
	return a.Self.Clock.Add(c.now().Sub(a.At))
}
