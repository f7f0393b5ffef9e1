package snowflake

import (
	"context"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// groupChecks are prechecks S1 to S12 and S14, S18.
func groupChecks() []operation {
	source := connectors.ActionParameter{Name: "source", Default: "required", Summary: "optional, where the source may be gone: then it is looked at only if it answers"}
	return []operation{
		reads(onGroup+"right-account", "the accounts that answer are the declared ones, the target among them", rightAccount, []string{"account"}, source),
		reads(onGroup+"is-secondary", "the groups are copies in the target and can be promoted", isSecondary, nil),
		reads(onGroup+"expected-source", "they follow the declared source, which says itself that it is primary", expectedSource, nil, source),
		reads(onGroup+"privileges", "the execute role may do in the accounts what the steps need", privileges, nil, source),
		reads(onGroup+"lag", "the oldest snapshot of the copy is younger than the recovery point objective", func(ctx context.Context, a *actor, _ call) connectors.Finding {
			return a.look(ctx, targetHistory).young()
		}, []string{"snapshots", "lagSeconds"}),
		reads(onGroup+"no-refresh", "no refresh of the copy runs", noRefresh, nil,
			connectors.ActionParameter{Name: "running", Default: "refuse", Summary: "wait, where a step of the run waits for one that runs"}),
		reads(onGroup+"last-refresh-clean", "the last refresh of the copy completed", func(ctx context.Context, a *actor, _ call) connectors.Finding {
			return a.look(ctx, targetHistory).clean()
		}, nil),
		reads(onGroup+"no-blocking-references", "no reference out of the groups keeps refreshes from completing", noBlockingReferences, nil),
		reads(onGroup+"schedule-known", "scheduled refreshes are started, on the declared schedule", scheduleKnown, nil),
		reads(onGroup+"membership", "the groups hold the declared databases, as the source shows them", membership, nil),
		reads(onGroup+"all-groups", "every declared group is there; others are named", allGroups, nil),
		reads(onGroup+"usable", "declared warehouses and roles are there in the target", usable, nil),
		reads(onGroup+"edition", "the groups are failover groups, and none belongs to a listing", editionAllows, nil),
	}
}

func rightAccount(ctx context.Context, a *actor, c call) connectors.Finding {
	if a.c.set.Organization == "" {
		return action.Refused(readiness.IdentityUnproven, "the resource declares no identity.organization; without it nothing is changed")
	}
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	for _, acc := range s.accounts {
		bad := s.proved(acc)
		if bad != nil && (bad.Result == connectors.Refused || acc == s.from && c.Arg("source") != "optional") {
			return *bad
		}
	}
	f := action.Passed("%s is the account %s", s.site(s.to), s.to.Full())
	f.Facts = connectors.Facts{"account": s.to.Full()}
	return f
}

func isSecondary(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	rows, bad := s.copies(s.to)
	if bad != nil {
		return *bad
	}
	return action.Passed("%d groups are copies on %s", len(rows), s.site(s.to))
}

func expectedSource(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if _, bad := s.copies(s.to); bad != nil {
		return *bad
	}
	if bad := s.proved(s.from); bad != nil && c.Arg("source") == "optional" && bad.Result == connectors.Unknown {
		return action.Passed("the copies on %s follow %s, which does not answer", s.to.Name, s.site(s.from))
	}
	if bad := s.sources(); bad != nil {
		return *bad
	}
	return action.Passed("the copies on %s follow %s, which says that it is primary", s.to.Name, s.site(s.from))
}

// groupPrivileges are what the statements need on a failover group. OWNERSHIP alone
// allows all of them, and SUSPEND and RESUME need it.
const groupPrivilege = "OWNERSHIP"

// privileges asks with the execute role itself, which a plan does not use.
func privileges(ctx context.Context, a *actor, c call) connectors.Finding {
	var seen []string
	for i, ep := range a.spec.Endpoints {
		x, o := a.open(ctx, i)
		if o != nil {
			if i != a.at(a.spec.To) && c.Arg("source") == "optional" {
				continue
			}
			return action.Unknown(o.Code, "%s", o.Message)
		}
		f := x.owns(ctx)
		x.close()
		if f != nil {
			return *f
		}
		seen = append(seen, ep.Name)
	}
	return action.Passed("the execute role owns the groups on %s", joined(seen))
}

// owns requires that a role of the session owns every group.
func (x *changing) owns(ctx context.Context) *connectors.Finding {
	for i := range x.a.groups() {
		row, bad := x.row(i)
		if bad != nil {
			return bad
		}
		rows, err := x.query(ctx, grantsSQL(row.Name))
		if err != nil {
			f := x.unread("the privileges on "+row.Name, err)
			return &f
		}
		has := false
		for _, r := range rows {
			if !strings.EqualFold(r.Text("privilege"), groupPrivilege) {
				continue
			}
			active, bad := x.active(ctx, r.Text("grantee_name"))
			if bad != nil {
				return bad
			}
			has = has || active
		}
		if !has {
			f := action.Refused(readiness.InsufficientPrivilege, "the execute role %s does not own %s on %s: GRANT OWNERSHIP ON FAILOVER GROUP (docs/snowflake.md)", x.account.Self.Role, row.Name, x.account.Name)
			return &f
		}
	}
	return nil
}

// active reports whether a role is the session's or one that its role holds.
func (x *changing) active(ctx context.Context, role string) (bool, *connectors.Finding) {
	if role == x.account.Self.Role {
		return true, nil
	}
	rows, err := x.query(ctx, activeSQL(role))
	if err != nil {
		f := x.unread("whether role "+role+" is active", err)
		return false, &f
	}
	return len(rows) == 1 && rows[0].Flag("active") != nil && *rows[0].Flag("active"), nil
}

func noRefresh(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx, targetHistory)
	r, name, bad := s.running(s.to)
	switch {
	case bad != nil:
		return *bad
	case r == nil:
		return action.Passed("no refresh runs on %s", s.site(s.to))
	case c.Arg("running") == "wait":
		return action.Passed("the refresh of %s on %s %s; the run waits for it", name, s.to.Name, r.How())
	}
	return action.Refused(readiness.RefreshRunning, "the refresh of %s on %s %s; a promotion would be refused", name, s.to.Name, r.How())
}

func noBlockingReferences(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, targetHistory)
	var checked, primary []string
	for i, name := range a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return *bad
		}
		if *row.IsPrimary {
			primary = append(primary, name)
			if bad := s.askedAtPrimary(ctx, row); bad != nil {
				return *bad
			}
			continue
		}
		h := s.to.Histories[row.Name]
		if h == nil || !h.Asked.Dangling {
			why := s.to.Failed[failover.DanglingID]
			return action.Unknown(why.Code, "the references out of %s on %s: %s", name, s.to.Name, why.Message)
		}
		if bad := blocking(name, s.to.Name, h.Dangling); bad != nil {
			return *bad
		}
		checked = append(checked, name)
	}
	return action.Passed("no reference out of %s blocks a refresh", joined(append(checked, primary...)))
}

// askedAtPrimary asks for references where the group is primary: then for all copies.
func (s *sight) askedAtPrimary(ctx context.Context, row *failover.Group) *connectors.Finding {
	rows, why := s.a.ask(ctx, s.to, danglingSQL(s.a.c.database(), row.Name))
	if why != nil {
		f := action.Unknown(why.Code, "the references out of %s on %s: %s", row.Name, s.to.Name, why.Message)
		return &f
	}
	return blocking(row.Name, s.to.Name, references(rows))
}

func blocking(group, account string, list []failover.Reference) *connectors.Finding {
	var names []string
	for _, r := range list {
		if r.Blocking {
			names = append(names, r.From+" to "+r.To)
		}
	}
	if len(names) == 0 {
		return nil
	}
	f := action.Refused(readiness.DanglingReferences, "references out of %s on %s keep it from being refreshed: %s", group, account, joined(names))
	return &f
}

func scheduleKnown(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	var texts []string
	for i, name := range a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return *bad
		}
		if *row.IsPrimary {
			return action.Refused(readiness.RoleUnexpected, "%s is primary on %s, and should be a copy", name, s.to.Name)
		}
		if why := s.Plan(i, s.to); len(why) > 0 {
			f := action.Refused(why[0].Code, "%s", why[0].Message)
			if why[0].Code == readiness.ValueInvalid {
				f.Result = connectors.Unknown
			}
			return f
		}
		texts = append(texts, name+" "+row.Schedule)
	}
	return action.Passed("refreshed on %s: %s", s.site(s.to), joined(texts))
}

func membership(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.sources(); bad != nil {
		return *bad
	}
	if a.c.set.Databases == nil {
		return action.Passed("the resource declares no databases (options.databases)")
	}
	var have []string
	for i := range a.groups() {
		row, bad := s.row(i, s.from)
		if bad != nil {
			return *bad
		}
		rows, why := a.ask(ctx, s.from, membersSQL(row.Name))
		if why != nil {
			return action.Unknown(why.Code, "the databases of %s on %s: %s", row.Name, s.from.Name, why.Message)
		}
		have = append(have, databases(rows)...)
	}
	for _, name := range a.c.set.Databases {
		if !slices.Contains(have, name) {
			return action.Refused(readiness.DriftMembers, "%s is declared and not seen in the groups on %s", name, s.from.Name)
		}
	}
	for _, name := range have {
		if !slices.Contains(a.c.set.Databases, name) {
			return action.Refused(readiness.DriftMembers, "%s is in the groups on %s, and not declared", name, s.from.Name)
		}
	}
	return action.Passed("the groups hold %s", joined(have))
}

func allGroups(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	for i := range a.groups() {
		if _, bad := s.row(i, s.to); bad != nil {
			return *bad
		}
	}
	f := action.Passed("%s shows %s, which are promoted in this order", s.site(s.to), joined(a.groups()))
	if others := s.Others(s.to); len(others) > 0 {
		f.Message += "; not part of this resource: " + joined(others)
	}
	return f
}

// usable looks for what the resource says that applications need. What it does not say
// is not looked for.
func usable(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	var found []string
	for _, what := range []struct{ option, sql string }{{"needsWarehouses", warehousesSQL}, {"needsRoles", rolesSQL}} {
		wanted := identifiersOf(a.spec.Options[what.option])
		if len(wanted) == 0 {
			continue
		}
		rows, why := a.ask(ctx, s.to, what.sql)
		if why != nil {
			return action.Unknown(why.Code, "%s on %s: %s", what.sql, s.to.Name, why.Message)
		}
		have := databases(rows)
		for _, name := range wanted {
			if !slices.Contains(have, name) {
				return action.Refused(readiness.ConfigDrift, "%s does not show %s of options.%s: it is not there, or the role may not see it", s.to.Name, name, what.option)
			}
		}
		found = append(found, wanted...)
	}
	if len(found) == 0 {
		return action.Passed("the resource does not say which warehouses and roles applications need (options.needsWarehouses, options.needsRoles)")
	}
	return action.Passed("%s shows %s", s.to.Name, joined(found))
}

func identifiersOf(text string) []string {
	var names []string
	for _, part := range endpoint.SplitList(text) {
		names = append(names, failover.Identifier(part))
	}
	return names
}

func editionAllows(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx, noHistory)
	for i := range a.groups() {
		row, bad := s.row(i, s.to)
		if bad != nil {
			return *bad
		}
		if why := row.Promotable(); why.Code != "" {
			return action.Refused(why.Code, "%s on %s", why.Message, s.to.Name)
		}
	}
	return action.Passed("%s on %s can be promoted by its type; limits of the edition are not looked at", joined(a.groups()), s.to.Name)
}
