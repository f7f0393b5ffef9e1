package sqlserver

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// postchecks say whether a run ended as it should.
func postchecks() []operation {
	return slices.Concat(
		readsBoth("one-primary", "exactly one instance accepts writes, at the target site, and no other may", onePrimary, []string{"primary"}, evidenceParameter, unprovenParameter),
		readsBoth("databases-online", "the role is recovered, and every database is online and can be written", databasesOnline, nil),
		readsBoth("write-probe", "every database accepts a write and a second one that finds the first; both update the row of dbo.bcctl_heartbeat", writeProbe, nil),
		reads(plain, "secondaries-move", "the other replicas are connected, suspended nowhere, and harden what the primary has", secondariesMove, nil),
		reads(distributed, "forwarder-follows", "the other group is connected and hardens what the global primary has", secondariesMove, nil),
		readsBoth("modes-restored", "modes are as they were recorded", modesRestored, nil, modesParameter),
		readsBoth("client-path", "the address of the applications leads to the new primary", clientPath, nil,
			action.Optional("address", "host:port that applications use; default none, which is a warning")),
		readsBoth("integrity", "the declared checks of the data hold on the new primary", integrity, nil,
			action.Optional("checks", "the resource's integrity member as JSON")),
		reads(plain, "no-orphaned-users", "no user of a database refers to a login that the new primary does not have", noOrphanedUsers, nil),
	)
}

func onePrimary(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if primary != p.next {
		return action.Refused(readiness.RoleUnexpected, "%s at %s is primary, not %s", primary.Name, primary.Site, p.next.Name)
	}
	if list := p.silent(primary); len(list) > 0 {
		if f := p.fenced(c.Arg("evidence"), c.Arg("unproven") == "accept"); f.Result != connectors.Passed {
			f.Result = connectors.Unknown
			return f
		}
	}
	f := action.Passed("%s at %s is the only primary", primary.Name, primary.Site)
	f.Facts = connectors.Facts{"primary": primary.Name}
	return f
}

// writableSQL: "DATABASEPROPERTYEX".
const writableSQL = `SELECT d.name AS database_name, CONVERT(nvarchar(60), DATABASEPROPERTYEX(d.name, 'Updateability')) AS updateability
FROM sys.databases AS d WHERE d.group_database_id IS NOT NULL`

func databasesOnline(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	f, _ := p.online()
	if f.Result != connectors.Passed {
		return f
	}
	sets, bad := a.ask(ctx, p, p.next, "master", writableSQL, 1)
	if bad != nil {
		return action.Unknown(bad.Code, "%s", bad.Message)
	}
	writable := map[string]string{}
	for _, r := range sets[0] {
		writable[fold(r.text("database_name"))] = r.text("updateability")
	}
	for _, name := range p.localNames(p.next) {
		if is := writable[fold(name)]; is != "READ_WRITE" {
			return action.Refused(readiness.DatabaseNotOnline, "database %s on %s is %s", name, p.next.Name, cmp.Or(is, "in a state that is not told"))
		}
	}
	return f
}

// beatSQL changes the one row of the heartbeat, and nothing on a replica that is not
// primary; with after only the row that an earlier write of this check left there.
// (sys.fn_hadr_is_primary_replica)
func beatSQL(token, after string) string {
	sql := `SET LOCK_TIMEOUT 1000;
UPDATE dbo.bcctl_heartbeat SET seq = seq + 1, written_at = SYSDATETIMEOFFSET(), writer = ` + quoteText(token) + `
WHERE id = 1 AND sys.fn_hadr_is_primary_replica(DB_NAME()) = 1`
	if after != "" {
		sql += ` AND writer = ` + quoteText(after)
	}
	return sql
}

// writeProbe writes in every database: a group can have a primary while one of its
// databases takes no writes. It is the only check that changes something.
func writeProbe(ctx context.Context, a *actor, _ call) connectors.Finding {
	if a.spec.Run == "" {
		return action.Unknown(readiness.WriteUnproven, "nothing is written while a plan is made")
	}
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if primary != p.next {
		return action.Refused(readiness.RoleUnexpected, "%s at %s is primary, not %s", primary.Name, primary.Site, p.next.Name)
	}
	databases := p.localNames(primary)
	if len(databases) == 0 {
		return action.Unknown(readiness.WriteUnproven, "%s tells of no database", primary.Name)
	}
	// The same connection that proves who it is cannot change its database, so each
	// write has its own, to the instance that was proved.
	s, o := a.open(ctx, p, primary)
	if o != nil {
		return action.Unknown(o.Code, "%s", o.Message)
	}
	s.close()
	token := fmt.Sprintf("bcctl %s %d", a.spec.Run, a.c.now().UnixNano())
	for _, name := range databases {
		if f := a.writeOnce(ctx, p, primary, name, token); f != nil {
			return *f
		}
	}
	return action.Passed("%s accepted two writes in %s, the second of which found the first", primary.Name, some(databases))
}

func (a *actor) writeOnce(ctx context.Context, p *picture, n *node, database, token string) *connectors.Finding {
	because := func(f connectors.Finding) *connectors.Finding { return &f }
	timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	cred, err := a.c.spec.Credential(timed, connectors.Execute)
	if err != nil {
		return because(action.Unknown(readiness.SecretUnresolved, "%v", err))
	}
	conn, attempted, err := a.c.openers[slices.Index(p.nodes, n)].open(timed, cred, database, false)
	if err != nil {
		return because(action.Unknown(readiness.WriteUnproven, "database %s on %s: %s", database, n.Name, unreached(timed, err, attempted, a.c.endpointTimeout(), cred.Password).Message))
	}
	defer conn.close()
	s := &session{node: n, conn: conn, cred: cred}
	second := token + " again"
	for _, sql := range []string{beatSQL(token, ""), beatSQL(second, token)} {
		done := conn.within(timed)
		result, err := conn.conn.ExecContext(timed, sql)
		done()
		switch {
		case err != nil && number(err) == 0: // a commit that waits for secondaries is there all the same
			return because(action.Refused(readiness.WriteUnproven, "a write in database %s on %s was not acknowledged in time: commits may wait for a secondary", database, n.Name))
		case err != nil:
			return because(action.Refused(readiness.WriteUnproven, "a write in database %s on %s: %s", database, n.Name, s.failure(timed, err).Message))
		}
		if changed, err := result.RowsAffected(); err != nil || changed != 1 {
			return because(action.Refused(readiness.WriteUnproven, "database %s on %s has no row 1 in dbo.bcctl_heartbeat, is not that of a primary, or somebody else writes the row at this moment", database, n.Name))
		}
	}
	return nil
}

// secondariesMove takes two looks: what the primary's log had in the first has to be
// hardened on every replica, by its own word, in a later one.
func secondariesMove(ctx context.Context, a *actor, _ call) connectors.Finding {
	first := a.look(ctx)
	if _, bad := first.onlyPrimary(); bad != nil {
		return *bad
	}
	goal := map[string]string{}
	for _, l := range first.links {
		for _, pr := range l.pairs {
			if pr.remote != nil {
				goal[l.name+"/"+pr.id] = pr.remote.Hardened
			}
		}
	}
	return a.await(ctx, func(p *picture) (connectors.Finding, bool) {
		f, final := p.followers("")
		if f.Result != connectors.Passed {
			return f, final
		}
		for _, l := range p.links {
			if l.from != p.next || l.to == nil {
				continue
			}
			for _, pr := range l.pairs {
				if pr.own == nil || !atLeast(pr.own.Hardened, goal[l.name+"/"+pr.id]) {
					return action.Refused(readiness.NotSynchronizing, "database %s on %s has not hardened what its primary knew it to have (%s)", pr.name, l.name, goal[l.name+"/"+pr.id]), false
				}
			}
		}
		return f, false
	})
}

func modesRestored(ctx context.Context, a *actor, c call) connectors.Finding {
	wanted, err := parseModes(c.Arg("modes"))
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	f := action.AsFinding(a.configured(ctx, func(*picture, *node) map[string]replicaMode { return wanted }))
	f.Facts = nil
	if f.Result == connectors.Refused {
		f.Code = readiness.ConfigDrift
	}
	return f
}

// clientPath connects as applications do, with a login that only reads, and asks who
// is there.
func clientPath(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if primary != p.next {
		return action.Refused(readiness.RoleUnexpected, "%s at %s is primary, not %s", primary.Name, primary.Site, p.next.Name)
	}
	address := c.Arg("address")
	if address == "" {
		return action.Warned(readiness.ClientPath, "the resource has no clientPath: whether applications find %s is not known", primary.Name)
	}
	o, err := newOpener(a.spec.Spec, connectors.Endpoint{Name: "client path", Address: address})
	if err != nil {
		return action.Unknown(readiness.ClientPath, "the address %q: %v", address, err)
	}
	timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	cred, err := a.c.spec.Credential(timed, connectors.Monitor)
	if err != nil {
		return action.Unknown(readiness.SecretUnresolved, "%v", err)
	}
	conn, attempted, err := o.open(timed, cred, "master", false)
	if err != nil {
		return action.Refused(readiness.ClientPath, "over %s: %s", address, unreached(timed, err, attempted, a.c.endpointTimeout(), cred.Password).Message)
	}
	s := &session{node: &node{}, conn: conn, cred: cred}
	defer conn.close()
	if err := a.readIdentity(timed, s); err != nil {
		return action.Refused(readiness.ClientPath, "over %s: %s", address, s.failure(timed, err).Message)
	}
	if !sameInstance(s.node, primary) {
		return action.Refused(readiness.ClientPath, "%s leads to %s, and %s is primary", address, s.node.facts.ServerName, primary.Name)
	}
	return action.Passed("%s leads to %s", address, primary.Name)
}

// declaredChecks is the integrity member of a resource. Its texts are the repository's
// own, and run with the monitor login, which may read what it was granted and change
// nothing.
type declaredChecks struct {
	RowCounts  []struct{ Name, Database, Table, Where string }
	Invariants []struct{ Name, Database, Query, Expect string }
	Checksums  []struct{ Name string }
}

func integrity(ctx context.Context, a *actor, c call) connectors.Finding {
	var d declaredChecks
	if text := c.Arg("checks"); text != "" {
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return action.Unknown("", "checks: %v", err)
		}
	}
	if len(d.Checksums) > 0 {
		return action.Unknown(readiness.IntegrityFailed, "%s: bcctl makes no checksums of SQL Server tables; write an invariant", d.Checksums[0].Name)
	}
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if len(d.RowCounts)+len(d.Invariants) == 0 {
		return action.Passed("no check of the data is declared")
	}
	facts := connectors.Facts{}
	for _, r := range d.RowCounts {
		var parts []string
		for part := range strings.SplitSeq(r.Table, ".") {
			parts = append(parts, quoteName(part))
		}
		sql := "SELECT COUNT_BIG(*) FROM " + strings.Join(parts, ".")
		if r.Where != "" {
			sql += " WHERE (" + r.Where + ")"
		}
		value, f := a.value(ctx, p, primary, a.in(p, primary, r.Database), sql)
		if f != nil {
			return action.Unknown(f.Code, "%s: %s", r.Name, f.Message)
		}
		facts[r.Name] = value
	}
	for _, q := range d.Invariants {
		value, f := a.value(ctx, p, primary, a.in(p, primary, q.Database), q.Query)
		if f != nil {
			return action.Unknown(f.Code, "%s: %s", q.Name, f.Message)
		}
		facts[q.Name] = value
		if value != q.Expect {
			f := action.Refused(readiness.IntegrityFailed, "%s gives %q on %s, not %q", q.Name, value, primary.Name, q.Expect)
			f.Facts = facts
			return f
		}
	}
	f := action.Passed("%d checks of the data on %s", len(facts), primary.Name)
	f.Facts = facts
	return f
}

// in is the database of a check: the one it names, that of the connection, or the only
// one of the group.
func (a *actor) in(p *picture, n *node, named string) string {
	if all := p.localNames(n); named == "" && a.spec.Database == "" && len(all) == 1 {
		return all[0]
	}
	return cmp.Or(named, a.c.database())
}

// value reads one value as text.
func (a *actor) value(ctx context.Context, p *picture, n *node, database, sql string) (string, *readiness.Finding) {
	sets, f := a.ask(ctx, p, n, database, sql, 1)
	if f != nil {
		return "", f
	}
	if len(sets[0]) != 1 || len(sets[0][0]) != 1 {
		bad := finding(readiness.QueryFailed, "%s: the query does not return one value", n.Name)
		return "", &bad
	}
	if text := textOf(sets[0][0]); text != nil {
		return *text, nil
	}
	return "NULL", nil
}

// textOf is the value of a row of one column as text; nil is NULL.
func textOf(r row) *string {
	var text string
	for _, v := range r {
		switch v := v.(type) {
		case int64:
			text = strconv.FormatInt(v, 10)
		case string:
			text = v
		case []byte: // numeric
			text = string(v)
		case bool:
			text = strconv.FormatBool(v)
		case time.Time:
			text = v.Format(time.RFC3339Nano)
		case nil:
			return nil
		default:
			text = fmt.Sprint(v)
		}
	}
	return &text
}

// orphansSQL is users of the database it is asked in whose login is not there.
// (sys.database_principals; Troubleshoot orphaned users)
const orphansSQL = `SELECT u.name FROM sys.database_principals AS u
WHERE u.type = 'S' AND u.authentication_type = 1 AND u.sid NOT IN (SELECT p.sid FROM sys.server_principals AS p WHERE p.sid IS NOT NULL)`

func noOrphanedUsers(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	for _, database := range p.localNames(primary) {
		sets, f := a.ask(ctx, p, primary, database, orphansSQL, 1)
		if f != nil {
			return action.Unknown(f.Code, "database %s: %s", database, f.Message)
		}
		var orphans []string
		for _, r := range sets[0] {
			orphans = append(orphans, r.text("name"))
		}
		if len(orphans) > 0 {
			return action.Refused(readiness.DriftLogin, "users of database %s have no login on %s: %s", database, primary.Name, some(orphans))
		}
	}
	return action.Passed("every user has its login on %s", primary.Name)
}
