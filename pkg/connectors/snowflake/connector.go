// Package snowflake is the connector for Snowflake accounts that are replicated
// by failover groups. It logs in to each account by the account's own URL, reads
// what that account says, and leaves what it means to package failover.
//
// It knows the statements and the driver (package session), and no policy and no
// history.
package snowflake

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/session"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Connector reads one resource: every account directly, then what only all
// accounts together tell.
type Connector struct {
	spec       connectors.Spec
	set        failover.Settings
	logins     []session.Login
	revocation session.Revocation
	kept       []*session.Session // by endpoint; used only with spec.KeepOpen
	seen       map[readiness.Key]readiness.Observation
}

var _ connectors.Connector = (*Connector)(nil)

const defaultEndpointTimeout = 5 * time.Second

// visit is an account with the session its facts came from.
type visit struct {
	account *failover.Account
	session *session.Session
	cred    connectors.Credential
}

// Collect asks all accounts at once, each within its deadline, and then what the
// answers make necessary, within one more deadline in all.
func (c *Connector) Collect(ctx context.Context) ([]readiness.Observation, error) {
	visits := make([]*visit, len(c.spec.Endpoints))
	var wg sync.WaitGroup
	for i := range c.spec.Endpoints {
		wg.Go(func() { visits[i] = c.probe(ctx, i) })
	}
	wg.Wait()
	late, cancel := context.WithTimeout(ctx, c.endpointTimeout())
	c.confirm(late, visits)
	cancel()
	for i, v := range visits {
		wg.Go(func() { c.release(i, v) })
	}
	wg.Wait()
	observations := failover.Derive(c.spec, c.set, accountsOf(visits), c.now())
	c.note(observations)
	return observations, nil
}

func accountsOf(visits []*visit) []*failover.Account {
	accounts := make([]*failover.Account, len(visits))
	for i, v := range visits {
		accounts[i] = v.account
	}
	return accounts
}

// note keeps what was read for the next sweep of this connector: what a store
// remembers is as old as the connector.
func (c *Connector) note(observations []readiness.Observation) {
	for _, o := range observations {
		if o.Failure == nil && !o.Value.IsAbsent() {
			c.seen[readiness.Key{Endpoint: o.Endpoint, Indicator: o.Indicator}] = o
		}
	}
}

// remember makes the connector's own readings come before those of a store.
func (c *Connector) remember() {
	stored := c.spec.Previous
	c.spec.Previous = func(name string, id readiness.ID) (readiness.Observation, bool) {
		if o, ok := c.seen[readiness.Key{Endpoint: name, Indicator: id}]; ok {
			return o, true
		}
		if stored == nil {
			return readiness.Observation{}, false
		}
		return stored(name, id)
	}
}

func (c *Connector) now() time.Time {
	if c.spec.Now != nil {
		return c.spec.Now()
	}
	return time.Now()
}

func (c *Connector) endpointTimeout() time.Duration {
	if c.spec.EndpointTimeout > 0 {
		return c.spec.EndpointTimeout
	}
	return defaultEndpointTimeout
}

// release keeps a good session for the next sweep, or ends it.
func (c *Connector) release(i int, v *visit) {
	switch {
	case v.session == nil:
	case c.spec.KeepOpen && v.account.Unreached == nil:
		c.kept[i] = v.session
	default:
		v.session.Close()
	}
}

// Close ends kept sessions.
func (c *Connector) Close() error {
	var wg sync.WaitGroup
	for i, s := range c.kept {
		if s != nil {
			wg.Go(s.Close)
		}
		c.kept[i] = nil
	}
	wg.Wait()
	return nil
}

// Factory opens Snowflake connectors, and actors that change accounts.
type Factory struct {
	// poll is how often something that goes on is looked at; zero is the default.
	poll time.Duration
}

var _ connectors.Factory = Factory{}

// Platform implements connectors.Factory.
func (Factory) Platform() string { return "snowflake" }

// Indicators implements connectors.Factory.
func (Factory) Indicators() []readiness.Indicator { return failover.Catalog }

// Open implements connectors.Factory.
func (f Factory) Open(spec connectors.Spec) (connectors.Connector, error) {
	if spec.Credential == nil {
		return nil, errors.New("no monitor credential is configured")
	}
	set, problems := failover.ParseSettings(spec)
	if len(problems) > 0 {
		return nil, errors.New(problems[0].What)
	}
	c := &Connector{spec: spec, set: set, kept: make([]*session.Session, len(spec.Endpoints)), seen: map[readiness.Key]readiness.Observation{}}
	for i, ep := range spec.Endpoints {
		login, err := c.login(i, ep)
		if err != nil {
			return nil, err
		}
		c.logins = append(c.logins, login)
	}
	c.remember()
	return c, nil
}

func (c *Connector) login(i int, ep connectors.Endpoint) (session.Login, error) {
	addr, err := endpoint.Parse(failover.Host(ep.Address), defaultPort)
	if err != nil {
		return session.Login{}, err
	}
	config, err := endpoint.TLSConfig(c.spec.TLS, addr)
	if err != nil {
		return session.Login{}, err
	}
	if c.spec.Options["ocsp"] == "strict" {
		config = c.revocation.Strict(config)
	}
	return session.Login{
		Account: c.set.Accounts[i], Address: addr, TLS: config, Role: option(c.spec, ep, "role"),
		Token: c.spec.Options["login"] == "token", Timeout: c.endpointTimeout(),
	}, nil
}
