package snowflake

import (
	"context"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/session"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var clientsParameter = connectors.ActionParameter{Name: "clients", Default: "redirect",
	Summary: "redirect, where this run leads clients over; later, where a request of its own does"}

// connectionOperations are about the connection object that clients use, and prechecks
// S12 and S13.
func connectionOperations() []operation {
	address := action.Optional("address", "the address clients use (${client.address})")
	return []operation{
		reads(onConnection+"right-account", "the target is the declared account", func(ctx context.Context, a *actor, c call) connectors.Finding {
			c.With["source"] = "optional"
			return rightAccount(ctx, a, c)
		}, []string{"account"}),
		reads(onConnection+"may-promote", "the connection is there in the target, and may be made primary there", mayRedirect, nil, clientsParameter),
		reads(onConnection+"groups-primary", "the groups are primary in the target: clients find what they can write", groupsPrimary, nil),
		reads(onConnection+"private-link", "no private link is involved, whose owner must move a name", privateLink, nil, address),
		reads(onConnection+"mark", "records where the connection leads", markConnection, []string{"leads"}),
		{
			Action: connectors.Action{Name: onConnection + "redirect", Summary: "makes the connection primary in the target, which leads new logins there",
				Changes: true, Idempotent: true, Parameters: []connectors.ActionParameter{clientsParameter}},
			Do: redirect, Probe: redirectProbe,
		},
		reads(onConnection+"wait-clients", "waits until a login through the address clients use ends in the target", waitClients, nil, address, clientsParameter),
		reads(onConnection+"login-here", "a login through the address clients use ends in the target", clientPath, nil, address),
	}
}

// nothingToRedirect says why a redirect has nothing to do.
func (a *actor) nothingToRedirect(c call) string {
	switch {
	case a.c.set.Connection == "":
		return "the resource declares no connection (options.connection)"
	case c.Arg("clients") == "later":
		return "clients are led over by a request of its own"
	}
	return ""
}

// ownConnection is the account's own row, and requires that it is there.
func ownConnection(v *failover.View, acc *failover.Account, name string) (*failover.Connection, *connectors.Finding) {
	no := func(f connectors.Finding) (*failover.Connection, *connectors.Finding) { return nil, &f }
	c := v.Connection(acc)
	switch {
	case acc.Connections == nil:
		why := acc.Failed[failover.ConnectionID]
		return no(action.Unknown(why.Code, "the connections of %s: %s", acc.Name, why.Message))
	case c == nil:
		return no(action.Unknown(readiness.ConnectionMissing, "%s shows no connection %s: it is not there, or the role may not see it", acc.Name, name))
	case c.IsPrimary == nil:
		return no(action.Unknown(readiness.ValueInvalid, "%s does not say whether connection %s is primary there", acc.Name, name))
	}
	return c, nil
}

func mayRedirect(ctx context.Context, a *actor, c call) connectors.Finding {
	if why := a.nothingToRedirect(c); why != "" {
		return action.Passed("%s", why)
	}
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	own, bad := ownConnection(s.View, s.to, a.c.set.Connection)
	if bad != nil {
		return *bad
	}
	if *own.IsPrimary {
		return action.Passed("connection %s is primary on %s already", own.Name, s.to.Name)
	}
	// The primary's own row says who may take over; where it does not answer, the
	// target's row about it.
	source, by := (*failover.Connection)(nil), ""
	if s.from != nil && s.proved(s.from) == nil {
		if row := s.Connection(s.from); row != nil && row.IsPrimary != nil && *row.IsPrimary {
			source, by = row, s.from.Name
		}
	}
	if source == nil {
		source, by = s.PrimaryConnection(s.to), s.to.Name
	}
	switch {
	case source == nil:
		return action.Unknown(readiness.ConnectionMissing, "no account shows where connection %s is primary", own.Name)
	case !s.to.Listed(source.Allowed):
		return action.Refused(readiness.RedirectNotAllowed, "connection %s may fail over to %s, and %s is not among them, as %s shows it", own.Name, joined(source.Allowed), s.to.Full(), by)
	}
	return action.Passed("connection %s on %s may be made primary, as %s shows it", own.Name, s.to.Name, by)
}

func groupsPrimary(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.groupsHere(s.to); bad != nil {
		return *bad
	}
	return action.Passed("%s is primary on %s", joined(a.groups()), s.site(s.to))
}

// groupsHere: a connection that leads elsewhere than the groups leads clients to what
// they cannot write.
func (s *sight) groupsHere(acc *failover.Account) *connectors.Finding {
	for i, name := range s.a.groups() {
		row, bad := s.row(i, acc)
		if bad != nil {
			return bad
		}
		if !*row.IsPrimary {
			f := action.Refused(readiness.ConnectionSplit, "%s is not primary on %s: promote the groups first", name, acc.Name)
			return &f
		}
	}
	return nil
}

func privateLink(ctx context.Context, a *actor, c call) connectors.Finding {
	if s := a.look(ctx, noHistory); s.proved(s.to) != nil {
		return *s.proved(s.to)
	}
	addresses := []string{c.Arg("address")}
	for _, ep := range a.spec.Endpoints {
		addresses = append(addresses, ep.Address)
	}
	for _, text := range addresses {
		if strings.Contains(strings.ToLower(text), ".privatelink.") {
			return action.Warned(readiness.ClientPath, "%s is a private link: the owner of its DNS must move the name, which bcctl does not", text)
		}
	}
	return action.Passed("no address of the resource is a private link")
}

func markConnection(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	if a.c.set.Connection == "" {
		return action.Refused(readiness.ConnectionMissing, "the resource declares no connection (options.connection)")
	}
	own, bad := ownConnection(s.View, s.to, a.c.set.Connection)
	if bad != nil {
		return *bad
	}
	f := action.Passed("connection %s leads to %s, as %s says", own.Name, own.Primary, s.to.Name)
	f.Facts = connectors.Facts{"leads": own.Primary}
	return f
}

// redirect is T7. A connection that is primary is not promoted.
func redirect(ctx context.Context, a *actor, c call) connectors.Outcome {
	if why := a.nothingToRedirect(c); why != "" {
		return action.Done(nil, "%s: nothing was changed", why)
	}
	s := a.look(ctx, noHistory)
	if bad := s.groupsHere(s.to); bad != nil {
		return *notSent(*bad)
	}
	x, o := a.open(ctx, a.at(a.spec.To))
	if o != nil {
		return *o
	}
	defer x.close()
	for i, name := range a.groups() {
		row, bad := x.row(i)
		if bad != nil {
			return *notSent(*bad)
		}
		if !*row.IsPrimary {
			return action.Failed(readiness.ConnectionSplit, "%s is not primary on %s", name, x.account.Name)
		}
	}
	own, bad := ownConnection(x.view, x.account, a.c.set.Connection)
	if bad != nil {
		return *notSent(*bad)
	}
	if !*own.IsPrimary {
		if o := x.run(ctx, redirectSQL(own.Name), a.tag("redirect")); o != nil {
			return *o
		}
	}
	return redirectProbe(ctx, a, c)
}

func redirectProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if why := a.nothingToRedirect(c); why != "" {
		return action.Done(nil, "%s: there is nothing to do", why)
	}
	own, bad := ownConnection(s.View, s.to, a.c.set.Connection)
	switch {
	case bad != nil:
		return action.InDoubt(bad.Code, "%s", bad.Message)
	case !*own.IsPrimary:
		return action.NotDone("", "connection %s leads to %s", own.Name, own.Primary)
	}
	return action.Done(nil, "connection %s is primary on %s; sessions that are open stay where they are", own.Name, s.to.Name)
}

func waitClients(ctx context.Context, a *actor, c call) connectors.Finding {
	if c.Arg("address") == "" || a.nothingToRedirect(c) != "" {
		f := clientPath(ctx, a, c) // there is nothing to wait for; the check afterwards judges it
		if f.Result == connectors.Warned {
			f.Result, f.Code = connectors.Passed, ""
		}
		return f
	}
	for {
		f := clientPath(ctx, a, c)
		if f.Result == connectors.Passed || !a.pause(ctx) {
			return f
		}
	}
}

// clientPath is T6 and T7: a name leads where a login through it ends. The name is
// resolved anew; other resolvers may still have the former answer.
func clientPath(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	text := ""
	if a.c.set.Connection != "" {
		own, bad := ownConnection(s.View, s.to, a.c.set.Connection)
		switch {
		case bad != nil:
			return *bad
		case !*own.IsPrimary && c.Arg("clients") == "later":
			return action.Warned(readiness.ConnectionSplit, "connection %s still leads to %s; snowflake.connection-redirect leads clients over", own.Name, own.Primary)
		case !*own.IsPrimary:
			return action.Refused(readiness.ConnectionSplit, "connection %s leads to %s, not to %s", own.Name, own.Primary, s.to.Full())
		}
		text = "connection " + own.Name + " is primary on " + s.to.Name + "; "
	}
	address := c.Arg("address")
	if address == "" {
		return action.Warned(readiness.ClientPath, "%sthe resource has no clientPath, so no login was tried as clients make one", text)
	}
	self, bad := a.loginThrough(ctx, address)
	switch {
	case bad != nil:
		return *bad
	case self.Organization != s.to.Self.Organization || self.Name != s.to.Self.Name:
		return action.Refused(readiness.ClientPath, "%sa login through %s ends in %s.%s, not in %s", text, address, self.Organization, self.Name, s.to.Full())
	}
	return action.Passed("%sa login through %s ends in %s", text, address, s.to.Full())
}

// loginThrough logs in by another address than the account's own, with the monitor
// credential, and tells where it ended.
func (a *actor) loginThrough(ctx context.Context, address string) (failover.Self, *connectors.Finding) {
	no := func(f connectors.Finding) (failover.Self, *connectors.Finding) { return failover.Self{}, &f }
	addr, err := endpoint.Parse(failover.Host(address), defaultPort)
	if err != nil {
		return no(action.Unknown(readiness.ClientPath, "the address %q: %v", address, err))
	}
	config, err := endpoint.TLSConfig(a.c.spec.TLS, addr)
	if err != nil {
		return no(action.Unknown(readiness.ClientPath, "%v", err))
	}
	if a.c.spec.Options["ocsp"] == "strict" {
		config = a.c.revocation.Strict(config)
	}
	budget := a.c.endpointTimeout()
	timed, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	cred, err := a.c.spec.Credential(timed, connectors.Monitor)
	if err != nil {
		return no(action.Unknown(readiness.SecretUnresolved, "%v", err))
	}
	login := a.c.logins[a.at(a.spec.To)]
	login.Address, login.TLS = addr, config
	if label, rest, _ := strings.Cut(addr.Host, "."); rest != "" && !addr.Loopback() {
		login.Account = label
	}
	s, accepted, err := session.Open(timed, login, cred)
	if err != nil {
		why := session.Unreached(err, accepted, budget, cred)
		return no(action.Refused(readiness.ClientPath, "no login through %s: %s", address, why.Message))
	}
	defer s.Close()
	rows, err := s.Query(timed, selfSQL)
	if err != nil || len(rows) != 1 {
		return no(action.Unknown(readiness.ClientPath, "a login through %s works, and the account does not say who it is", address))
	}
	return self(rows[0]), nil
}
