package sqlserver

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// waits are the steps that record and wait.
func waits() []operation {
	return slices.Concat(
		readsBoth("mark", "records modes, how far each side has come, and what a failover would lose now", mark,
			[]string{"modes", "required", "primary", "loss", "positions", "at"}),
		reads(plain, "wait-ready", "waits until every database is ready for a planned failover to the target", waitSynchronized, nil),
		readsBoth("wait-online", "waits until the target is primary and every database is online", waitOnline, []string{"primary"}),
		reads(plain, "wait-old-secondary", "waits until the replicas at the site that is left follow, with nothing suspended", waitOldSecondary, nil),
		reads(distributed, "wait-equal", "waits until both groups have hardened the same, and commits wait for both", waitEqual, nil),
		reads(distributed, "prove-equal", "proves that both groups are secondary and have hardened exactly the same", proveEqual, []string{"positions"}),
	)
}

// mark needs no primary: after the loss of one it records what the others have.
func mark(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	if writers := p.with(primaryRole); len(writers) > 1 {
		return action.Refused(readiness.TwoWriters, "%s are primary at the same time", names(writers))
	}
	by := p.next
	if p.primary != nil {
		by = p.primary
	}
	if bad := p.proved(by); bad != nil {
		return *bad
	}
	facts := connectors.Facts{
		"modes": p.modes(by), "required": "", "primary": "", "positions": p.positions(), "loss": "[]",
		"at": a.c.now().UTC().Format(time.RFC3339Nano),
	}
	if n := p.required(by); n != nil {
		facts["required"] = strconv.FormatInt(*n, 10)
	}
	if p.primary != nil {
		facts["primary"] = p.primary.Name
	}
	if !p.group.distributed && p.proved(p.next) == nil {
		facts["loss"] = lossText(p.losses())
	}
	f := action.Passed("modes %s; log to %s", facts["modes"], facts["positions"])
	f.Facts = facts
	return f
}

// required is how many secondaries a commit waits for, of the group that is changed.
func (p *picture) required(n *node) *int64 {
	at := p.places[n]
	switch {
	case p.group.distributed && len(at.across) > 0:
		return at.across[0].Required
	case at.own != nil:
		return at.own.Required
	default:
		return nil
	}
}

// positions is where the log of each database ends on each instance, as text.
func (p *picture) positions() string {
	all := map[string]map[string]string{}
	for _, n := range p.nodes {
		if p.proved(n) != nil {
			continue
		}
		all[n.Name] = map[string]string{}
		for _, s := range p.ownDatabases(n) {
			all[n.Name][s.Name] = s.EndOfLog
		}
	}
	text, err := json.Marshal(all)
	if err != nil { // maps of texts always can be written
		return "{}"
	}
	return string(text)
}

func waitSynchronized(ctx context.Context, a *actor, _ call) connectors.Finding {
	return a.await(ctx, (*picture).ready)
}

// waitOnline: a role is there before databases are.
func waitOnline(ctx context.Context, a *actor, _ call) connectors.Finding {
	return a.await(ctx, (*picture).online)
}

func (p *picture) online() (f connectors.Finding, final bool) {
	if bad := p.proved(p.next); bad != nil {
		return *bad, false
	}
	if writers := p.with(primaryRole); len(writers) > 1 {
		return action.Refused(readiness.TwoWriters, "%s are primary at the same time", names(writers)), true
	}
	if r := p.roles[p.next]; r != primaryRole {
		return action.Refused(readiness.RoleUnexpected, "%s is %s", p.next.Name, r), false
	}
	if f, failed := p.next.failed[stateID]; failed {
		return action.Unknown(f.Code, "%s: %s", p.next.Name, f.Message), false
	}
	own := p.places[p.next].own
	if own.PrimaryRecovery != "ONLINE" {
		return action.Refused(readiness.DatabaseNotOnline, "%s brings its databases up (%s)", p.next.Name, own.PrimaryRecovery), false
	}
	databases := p.ownDatabases(p.next)
	for _, s := range databases {
		if s.DatabaseState != "ONLINE" {
			return action.Refused(readiness.DatabaseNotOnline, "database %s on %s is %s", s.Name, p.next.Name, s.DatabaseState), false
		}
	}
	if len(databases) == 0 {
		return action.Unknown(readiness.IndicatorMissing, "%s tells of no database", p.next.Name), false
	}
	f = action.Passed("%s is primary, and its %d databases are online", p.next.Name, len(databases))
	f.Facts = connectors.Facts{"primary": p.next.Name}
	return f, false
}

func waitOldSecondary(ctx context.Context, a *actor, _ call) connectors.Finding {
	return a.await(ctx, func(p *picture) (connectors.Finding, bool) {
		if bad := p.proved(p.old); bad != nil {
			return *bad, false
		}
		if r := p.roles[p.old]; r != secondaryRole {
			return action.Refused(readiness.RoleUnexpected, "%s is %s", p.old.Name, r), r == primaryRole && p.roles[p.next] == primaryRole
		}
		return p.followers(p.from)
	})
}

// followers requires that the replicas at a site follow the target: connected, and
// with every database moving.
func (p *picture) followers(site string) (f connectors.Finding, final bool) {
	var good []*node
	for _, l := range p.links {
		if l.from != p.next || l.to == nil || site != "" && l.to.Site != site {
			continue
		}
		if bad := p.joint(l); bad != nil {
			return *bad, false
		}
		for _, pr := range l.pairs {
			if reason, yes := pr.suspended(); yes {
				return action.Refused(readiness.DatabaseSuspended, "database %s on %s is suspended (%s)%s", pr.name, l.name, reason, pr.discards()), true
			}
			if bad := pr.trouble(l); bad != nil {
				return action.Refused(bad.Code, "%s", bad.Message), false
			}
		}
		if len(l.pairs) == 0 {
			return action.Unknown(readiness.IndicatorMissing, "no database is known on %s", l.name), false
		}
		good = append(good, l.to)
	}
	if len(good) == 0 {
		return action.Refused(readiness.NoStandbyAtDR, "no replica follows %s", p.next.Name), false
	}
	return action.Passed("%s follow %s", names(good), p.next.Name), false
}
