package snowflake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func postchecks() []operation {
	return []operation{
		reads(onGroup+"one-primary", "the target is primary for every group, and every other account follows it", onePrimary, nil, unprovenParameter),
		reads(onGroup+"write-probe", "a write to the tables of options.probeTables is found again; it writes one row of bcctl's own in each", writeProbe, nil),
		reads(onGroup+"client-path", "clients are led to the target: by a login through the address they use", clientPath, nil,
			action.Optional("address", "the address clients use (${client.address})"), clientsParameter),
		reads(onGroup+"integrity", "the declared checks of the data hold on the target", integrity, nil,
			action.Optional("checks", "the resource's integrity member as JSON (${integrity})")),
	}
}

func onePrimary(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx, noHistory)
	if bad := s.here(); bad != nil {
		return *bad
	}
	var unseen []string
	for _, acc := range s.accounts {
		if acc == s.to {
			continue
		}
		if bad := s.proved(acc); bad != nil {
			if c.Arg("unproven") != "accept" || !s.silent(acc) {
				return *bad
			}
			unseen = append(unseen, acc.Name)
			continue
		}
		for i, name := range a.groups() {
			row, bad := s.row(i, acc)
			switch {
			case bad != nil:
				return *bad
			case *row.IsPrimary:
				return action.Refused(readiness.TwoWriters, "%s is primary for %s as well", acc.Name, name)
			case !s.Follows(row, s.to):
				return action.Refused(readiness.Conflict, "%s on %s follows %s, not %s", name, acc.Name, row.Primary, s.to.Name)
			}
		}
	}
	if len(unseen) > 0 {
		return action.Passed("%s is primary; %s does not answer, which the request accepts, and what it is for itself is not known", s.site(s.to), joined(unseen))
	}
	return action.Passed("%s is primary, and every other account follows it", s.site(s.to))
}

// probeTables are tables of bcctl's own, one in a database of each group.
func (a *actor) probeTables() ([]work, *connectors.Finding) {
	var list []work
	for _, text := range endpoint.SplitList(a.spec.Options["probeTables"]) {
		table, err := parseWork(text)
		if err != nil {
			f := action.Unknown(readiness.WriteUnproven, "options.probeTables: %v", err)
			return nil, &f
		}
		list = append(list, table)
	}
	if len(list) == 0 {
		f := action.Unknown(readiness.WriteUnproven, "the resource names no table of bcctl's own in which a write could be tried, or one read (options.probeTables)")
		return nil, &f
	}
	return list, nil
}

func writeProbe(ctx context.Context, a *actor, _ call) connectors.Finding {
	tables, bad := a.probeTables()
	if bad != nil {
		return *bad
	}
	if a.spec.Run == "" {
		return action.Unknown(readiness.WriteUnproven, "nothing is written while a plan is made")
	}
	x, o := a.openPrimary(ctx, a.spec.To)
	if o != nil {
		if o.Code == readiness.RoleUnexpected {
			return action.Refused(o.Code, "%s", o.Message)
		}
		return action.Unknown(o.Code, "%s", o.Message)
	}
	defer x.close()
	if err := x.wake(ctx); err != nil {
		return x.unread("the warehouse", err)
	}
	mark := fmt.Sprintf("%s/%d/%d", a.spec.Run, a.spec.Fence, a.c.now().UnixNano())
	var names []string
	for _, table := range tables {
		if o := x.run(ctx, probeWriteSQL(table, mark), a.tag("write-probe")); o != nil {
			f := action.AsFinding(*o)
			f.Code = cmp.Or(f.Code, readiness.WriteUnproven)
			return f
		}
		rows, err := x.query(ctx, probeReadSQL(table))
		if err != nil {
			return x.unread("the row in "+table.String(), err)
		}
		if len(rows) != 1 || rows[0].Text("writer") != mark {
			return action.Refused(readiness.WriteUnproven, "what was written to %s on %s is not found again", table, x.account.Name)
		}
		names = append(names, table.String())
	}
	return action.Passed("written and found again on %s: %s", x.account.Name, joined(names))
}

// declaredChecks is the integrity member of a resource.
type declaredChecks struct {
	RowCounts  []struct{ Name, Database, Table, Where string }
	Invariants []struct{ Name, Database, Query, Expect string }
	Checksums  []struct{ Name string }
}

// integrity asks what the resource declares, with the monitor login. A statement that
// does not begin as a reading one, or calls a function of the system, is not sent.
func integrity(ctx context.Context, a *actor, c call) connectors.Finding {
	var d declaredChecks
	if text := c.Arg("checks"); text != "" {
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return action.Unknown("", "checks: %v", err)
		}
	}
	if len(d.Checksums) > 0 {
		return action.Unknown(readiness.IntegrityFailed, "%s: bcctl makes no checksums of Snowflake tables", d.Checksums[0].Name)
	}
	s := a.look(ctx, noHistory)
	if bad := s.proved(s.to); bad != nil {
		return *bad
	}
	if len(d.RowCounts)+len(d.Invariants) == 0 {
		return action.Passed("no check of the data is declared")
	}
	facts := connectors.Facts{}
	ask := func(name, sql string) (string, *connectors.Finding) {
		if !readsOnly(sql) {
			f := action.Unknown(readiness.IntegrityFailed, "%s: only one SELECT without functions of the system is sent", name)
			return "", &f
		}
		rows, why := a.ask(ctx, s.to, sql)
		if why != nil {
			f := action.Unknown(why.Code, "%s on %s: %s", name, s.to.Name, why.Message)
			return "", &f
		}
		if len(rows) != 1 || len(rows[0]) != 1 {
			f := action.Unknown(readiness.IntegrityFailed, "%s gives %d rows on %s, not one with one column", name, len(rows), s.to.Name)
			return "", &f
		}
		for column := range rows[0] {
			facts[name] = rows[0].Text(column)
		}
		return facts[name], nil
	}
	for _, r := range d.RowCounts {
		table, err := parseTable(cmp.Or(r.Database, a.spec.Database), r.Table)
		if err != nil {
			return action.Unknown(readiness.IntegrityFailed, "%s: %v", r.Name, err)
		}
		sql := countSQL(table)
		if r.Where != "" {
			sql += " WHERE " + r.Where
		}
		if _, bad := ask(r.Name, sql); bad != nil {
			return *bad
		}
	}
	for _, q := range d.Invariants {
		got, bad := ask(q.Name, q.Query)
		if bad != nil {
			return *bad
		}
		if got != q.Expect {
			f := action.Refused(readiness.IntegrityFailed, "%s gives %q on %s, not %q", q.Name, got, s.to.Name, q.Expect)
			f.Facts = facts
			return f
		}
	}
	f := action.Passed("%d checks of the data on %s", len(facts), s.to.Name)
	f.Facts = facts
	return f
}

// parseTable reads a table that may be named without its database.
func parseTable(database, table string) (work, error) {
	if w, err := parseWork(table); err == nil {
		return w, nil
	}
	return parseWork(database + "." + table)
}

func readsOnly(sql string) bool {
	plain := strings.ToUpper(strings.TrimSpace(sql))
	if strings.Contains(plain, "SYSTEM$") || strings.Contains(strings.TrimRight(plain, "; \n\t"), ";") {
		return false
	}
	return strings.HasPrefix(plain, "SELECT") || strings.HasPrefix(plain, "WITH")
}
