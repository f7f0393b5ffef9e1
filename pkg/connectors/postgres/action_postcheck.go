package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// postchecks say whether a run ended as it should.
func postchecks() []operation {
	within := connectors.ActionParameter{Name: "within", Default: "20s", Summary: "how long to wait for it"}
	return []operation{
		asking("one-primary", "exactly one server accepts writes: the target, on a timeline that is newer, in the reign of this run", always, onePrimaryAfter,
			evidenceParameter, connectors.ActionParameter{Name: "timeline", Summary: "timeline of the old primary (${steps.mark.oldTimeline}); the new one must be higher"},
			connectors.ActionParameter{Name: "reign", Default: "run", Summary: "run: the mark that pg.native/reign wrote for this run is the newest there; none: people promoted it, and nothing was written"}),
		asking("fork-point", "the new timeline begins where it must", always, forkPoint,
			connectors.ActionParameter{Name: "expected", Summary: "exactly where, after a switchover (${steps.prove.replayed})"},
			connectors.ActionParameter{Name: "checkpoint", Summary: "the record of the clean stop, which the fork must be past"},
			connectors.ActionParameter{Name: "replay", Summary: "not before this, after a failover (${steps.detach.replay})"},
			connectors.ActionParameter{Name: "have", Summary: "not after this, after a failover (${steps.detach.have})"}),
		asking("write-probe", "the new primary confirms a write, first alone and then as its settings ask; it leaves nothing in any table", always, writeProbe,
			connectors.ActionParameter{Name: "within", Default: "5s", Summary: "how long a commit may take"}),
		asking("standby-follows", "the old primary, or the endpoint given, streams on the new timeline as a standby", always, standbyFollows,
			connectors.ActionParameter{Name: "endpoint", Summary: "name of the standby; default the one at the site that is left"}, within),
		asking("no-fence-remnants", "no read-only default and no unsatisfied wait for standbys is left", always, noRemnants),
		asking("client-path", "the address of the applications leads to the new primary", always, clientPath,
			connectors.ActionParameter{Name: "address", Required: true, Summary: "host:port that applications use"},
			connectors.ActionParameter{Name: "database", Summary: "database that applications use; default that of the connection"}, within),
		asking("integrity", "the declared checks of the data give their answers on the new primary", always, integrity,
			connectors.ActionParameter{Name: "checks", Summary: "the resource's integrity member as JSON"},
			connectors.ActionParameter{Name: "query", Summary: "one query, in place of checks"},
			connectors.ActionParameter{Name: "expect", Summary: "its answer, as text"},
			connectors.ActionParameter{Name: "database", Summary: "database to ask; default that of the connection"}),
	}
}

func onePrimaryAfter(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.look(ctx)
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	n := v.next
	if !n.isPrimary() || n.position == nil {
		return action.Refused(readiness.RoleUnexpected, "%s is not a primary", n.Name)
	}
	if f := v.fenced(c.Arg("evidence"), false); f.Result != connectors.Passed {
		if f.Code == readiness.WriterUnproven {
			f.Result = connectors.Unknown
		}
		return f
	}
	if old, err := strconv.Atoi(c.Arg("timeline")); err == nil && n.position.Timeline <= old {
		return action.Refused(readiness.Diverged, "%s is on timeline %d, which is not past %d", n.Name, n.position.Timeline, old)
	}
	if a.spec.Run != "" && c.Arg("reign") != "none" {
		if o := a.reigns(ctx, n.Name); o.State != connectors.Done {
			return connectors.Finding{Result: action.AsFinding(o).Result, Code: readiness.ReignMismatch, Message: o.Message}
		}
		if n.reign != nil && n.reign.Newest != nil && *n.reign.Newest != a.reignID() {
			return action.Refused(readiness.ReignMismatch, "the newest reign on %s is %s, not that of this run", n.Name, *n.reign.Newest)
		}
	}
	f := action.Passed("%s is the only server that accepts writes, on timeline %d", n.Name, n.position.Timeline)
	f.Facts = connectors.Facts{"timeline": strconv.Itoa(n.position.Timeline)}
	return f
}

func forkPoint(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.lookAtTarget(ctx)
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	at, timeline, err := a.fork(ctx, v.next.Name)
	if err != nil {
		return action.Unknown(readiness.LineageUnproven, "where the timeline of %s began is not known: %v", v.next.Name, err)
	}
	compared := 0
	for _, rule := range []struct {
		name, wrong string
		fits        func(lsn) bool
	}{
		{"expected", "not at", func(l lsn) bool { return at == l }},
		{"checkpoint", "not past", func(l lsn) bool { return at > l }},
		{"replay", "before", func(l lsn) bool { return at >= l }},
		{"have", "after", func(l lsn) bool { return at <= l }},
	} {
		given := c.Arg(rule.name)
		if given == "" {
			continue
		}
		limit, err := parseLSN(given)
		if err != nil {
			return action.Unknown("", "%s: %v", rule.name, err)
		}
		if !rule.fits(limit) {
			return action.Refused(readiness.ForkUnexpected, "timeline %d of %s begins at %s, %s %s (%s)", timeline, v.next.Name, at, rule.wrong, limit, rule.name)
		}
		compared++
	}
	if compared == 0 {
		return action.Unknown("", "fork-point needs something to compare with: expected, checkpoint, replay or have")
	}
	f := action.Passed("timeline %d of %s begins at %s", timeline, v.next.Name, at)
	f.Facts = connectors.Facts{"fork": at.String(), "timeline": strconv.Itoa(timeline)}
	return f
}

// writeProbe commits twice: first without waiting for standbys, then as the
// server's settings ask. A deadline of the server does not interrupt a commit that
// waits for a standby, and when the client's fires the write is there all the
// same: so the token is looked up.
func writeProbe(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := c.Limit("within", 5*time.Second)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	v := a.lookAtTarget(ctx)
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	var tokens []string
	for _, mode := range []string{"local", ""} {
		token, f := a.writeOnce(ctx, v.next.Name, mode, limit)
		if f != nil {
			return *f
		}
		tokens = append(tokens, token)
	}
	for _, token := range tokens {
		var found struct{ Status *string }
		if err := a.ask(ctx, v.next.Name, tokenStatusSQL(token), &found); err != nil || found.Status == nil {
			return action.Unknown(readiness.WriteUnproven, "transaction %s was confirmed by %s and is not found again", token, v.next.Name)
		}
		if *found.Status != "committed" {
			return action.Refused(readiness.WriteUnproven, "transaction %s was confirmed by %s and is %s", token, v.next.Name, *found.Status)
		}
	}
	f := action.Passed("%s confirmed two writes", v.next.Name)
	f.Facts = connectors.Facts{"tokens": strings.Join(tokens, ",")}
	return f
}

func (a *actor) writeOnce(ctx context.Context, name, synchronous string, limit time.Duration) (string, *connectors.Finding) {
	bad := func(f connectors.Finding) (string, *connectors.Finding) { return "", &f }
	s, o := a.open(ctx, name, asPrimary)
	if o != nil {
		return bad(action.Unknown(o.Code, "%s", o.Message))
	}
	defer s.close()
	begin := `BEGIN`
	if synchronous != "" {
		begin = `BEGIN; SET LOCAL synchronous_commit = ` + synchronous
	} else if err := s.run(ctx, `RESET synchronous_commit; SET synchronous_commit = on`); err != nil {
		return bad(action.Unknown(readiness.WriteUnproven, "%s", s.ended("SET synchronous_commit", err).Message))
	}
	if err := s.run(ctx, begin); err != nil {
		return bad(action.Unknown(readiness.WriteUnproven, "%s", s.ended("BEGIN", err).Message))
	}
	var write struct {
		Token    string
		ReadOnly string
	}
	if err := s.read(ctx, writeTokenSQL, &write); err != nil {
		return bad(action.Refused(readiness.WriteUnproven, "%s", s.ended("a write", err).Message))
	}
	if write.ReadOnly != "off" {
		return bad(action.Refused(readiness.PrimaryReadOnly, "%s starts transactions read-only", name))
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := s.runLong(timed, `COMMIT`); err != nil {
		var found struct{ Status *string }
		switch asked := a.ask(ctx, name, tokenStatusSQL(write.Token), &found); {
		case asked != nil || found.Status == nil:
			return bad(action.Unknown(readiness.WriteUnproven, "a commit on %s was not confirmed within %s, and what became of it cannot be read", name, limit))
		case *found.Status == "committed":
			return bad(action.Refused(readiness.SyncStandbyMissing, "a commit on %s was not confirmed within %s although it is there: it waits for a synchronous standby", name, limit))
		case *found.Status == "in progress":
			return bad(action.Refused(readiness.SyncStandbyMissing, "a commit on %s was not confirmed within %s and is still in progress", name, limit))
		default:
			return bad(action.Refused(readiness.WriteUnproven, "a commit on %s was not confirmed, and its transaction is %s", name, *found.Status))
		}
	}
	return write.Token, nil
}

func standbyFollows(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := c.Limit("within", 20*time.Second)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	var f connectors.Finding
	a.reread(ctx, limit, a.look, func(v *view) bool {
		f = following(v, c)
		return f.Result == connectors.Passed
	})
	return f
}

func following(v *view, c call) connectors.Finding {
	n, bad := v.side(c.Arg("endpoint"), v.old)
	if bad != nil {
		return *bad
	}
	for _, x := range []*node{v.next, n} {
		if bad := v.proved(x); bad != nil {
			return *bad
		}
	}
	switch {
	case !v.next.isPrimary() || v.next.position == nil:
		return action.Refused(readiness.RoleUnexpected, "%s is not a primary", v.next.Name)
	case n.isPrimary():
		return action.Refused(readiness.TwoWriters, "%s accepts writes as well", n.Name)
	}
	failure, found := v.said(n, transportAgeID, lineageID)
	switch {
	case failure != nil:
		return action.Refused(failure.Code, "%s", failure.Message)
	case len(found) > 0:
		return judged(found, blocks, "")
	case !v.follows(n, v.next.position.Timeline):
		return action.Refused(readiness.ReceiverDown, "%s does not stream from %s on timeline %d", n.Name, v.next.Name, v.next.position.Timeline)
	case !v.lineage[n].ok || !v.lineage[n].proved:
		return action.Unknown(readiness.LineageUnproven, "that the history of %s is that of %s is not proved", n.Name, v.next.Name)
	}
	// Received is not applied: a copy that diverged receives and never applies.
	if have, known := n.have(); !known || have.minus(*n.replay.Replay) > gapLimit {
		return action.Refused(readiness.ReplayBacklogHigh, "%s receives and does not apply", n.Name)
	}
	return action.Passed("%s streams from %s on timeline %d", n.Name, v.next.Name, v.next.position.Timeline)
}

func noRemnants(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.look(ctx)
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	var found []readiness.Finding
	for _, n := range v.nodes {
		if !v.trusted(n) || n.settings == nil {
			continue
		}
		found = append(found, readOnly(n, readiness.FenceLeft, "a fence was left")...)
	}
	_, waiting := v.said(v.next, syncID)
	found = append(found, waiting...)
	if len(found) > 0 {
		return judged(found, blocks, "")
	}
	if bad := v.proved(v.old); bad != nil && c.Arg("type") == forFailover {
		return action.Passed("no fence is left on %s; the old side is fenced and is not asked", v.next.Name)
	} else if bad != nil {
		return action.Warned(readiness.FenceLeft, "no fence is left on %s; what %s is set to is not known: %s", v.next.Name, v.old.Name, bad.Message)
	}
	return action.Passed("no fence is left")
}

// clientPath connects as the monitor login over the applications' address and asks
// who is there.
func clientPath(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := c.Limit("within", 20*time.Second)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	spec := a.c.spec
	if db := c.Arg("database"); db != "" {
		spec.Database = db
	}
	d, err := newDialer(spec, connectors.Endpoint{Name: "client path", Address: c.Arg("address")})
	if err != nil {
		return action.Unknown("", "address: %v", err)
	}
	var f connectors.Finding
	a.reread(ctx, limit, a.lookAtTarget, func(v *view) bool {
		f = a.leadsTo(ctx, d, v)
		return f.Result == connectors.Passed
	})
	return f
}

func (a *actor) leadsTo(ctx context.Context, d *dialer, v *view) connectors.Finding {
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	ctx, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	cred, err := a.c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		return action.Unknown(readiness.SecretUnresolved, "%v", err)
	}
	conn, accepted, err := d.dial(ctx, cred, nil)
	if err != nil {
		return action.Refused(readiness.ClientPath, "over the clients' address: %s", classify(err, accepted, a.c.endpointTimeout(), cred.Password).message)
	}
	defer closeQuietly(conn)
	var facts nodeFacts
	if err := readJSON(ctx, conn, factsSQL, &facts); err != nil {
		return action.Refused(readiness.ClientPath, "over the clients' address: %s", queryFailure(err, cred.Password).Message)
	}
	switch {
	case facts.SystemIdentifier != v.next.facts.SystemIdentifier:
		return action.Refused(readiness.ClientPath, "the clients' address leads to cluster %q", facts.SystemIdentifier)
	case !facts.Started.Equal(v.next.facts.Started):
		return action.Refused(readiness.ClientPath, "the clients' address leads to another server of the cluster than %s", v.next.Name)
	case facts.InRecovery:
		return action.Refused(readiness.ClientPath, "the clients' address leads to a server that accepts no writes")
	}
	return action.Passed("the clients' address leads to %s", v.next.Name)
}

// declared is the integrity member of a resource, as far as PostgreSQL is asked.
type declared struct {
	Invariants []struct{ Name, Database, Query, Expect string }
	RowCounts  []struct {
		Name, Database, Table, Where string
	}
	Checksums []struct {
		Name, Database, Table, Where string
		Columns                      []string
	}
}

// integrity asks the new primary in read-only transactions. Counts and checksums
// are compared with those of a standby that follows, where there is one; that both
// are right does not follow from that they are the same.
func integrity(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.lookAtTarget(ctx)
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	var d declared
	if text := c.Arg("checks"); text != "" {
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return action.Unknown("", "checks: %v", err)
		}
	}
	if q := c.Arg("query"); q != "" {
		d.Invariants = append(d.Invariants, struct{ Name, Database, Query, Expect string }{"query", c.Arg("database"), q, c.Arg("expect")})
	}
	facts := connectors.Facts{}
	for _, i := range d.Invariants {
		got, err := a.value(ctx, v.next.Name, i.Database, i.Query)
		if err != nil {
			return action.Unknown(readiness.QueryFailed, "%s on %s: %v", i.Name, v.next.Name, err)
		}
		facts[i.Name] = got
		if got != i.Expect {
			f := action.Refused(readiness.IntegrityFailed, "%s gives %q on %s, not %q", i.Name, shortened(got), v.next.Name, shortened(i.Expect))
			f.Facts = facts
			return f
		}
	}
	for _, q := range d.counts() {
		got, err := a.value(ctx, v.next.Name, q.database, q.sql)
		if err != nil {
			return action.Unknown(readiness.QueryFailed, "%s on %s: %v", q.name, v.next.Name, err)
		}
		facts[q.name] = got
	}
	f := action.Passed("%d checks of the data on %s", len(facts), v.next.Name)
	if len(facts) == 0 {
		f = action.Passed("no check of the data is declared")
	}
	f.Facts = facts
	return f
}

type dataQuery struct{ name, database, sql string }

// counts turns what is declared into queries. Names are quoted; where is the
// repository's own text, run read-only with the monitor login.
func (d declared) counts() []dataQuery {
	var list []dataQuery
	where := func(text string) string {
		if text == "" {
			return ""
		}
		return " WHERE (" + text + ")"
	}
	for _, r := range d.RowCounts {
		list = append(list, dataQuery{r.Name, r.Database, "SELECT count(*)::text FROM " + tableName(r.Table) + where(r.Where)})
	}
	for _, s := range d.Checksums {
		var columns []string
		for _, column := range s.Columns {
			columns = append(columns, identifier(column)+"::text")
		}
		list = append(list, dataQuery{s.Name, s.Database, "SELECT md5(coalesce(string_agg(row_text, chr(10) ORDER BY row_text COLLATE \"C\"), '')) FROM (SELECT concat_ws(chr(9), " +
			strings.Join(columns, ", ") + ") AS row_text FROM " + tableName(s.Table) + where(s.Where) + ") q"})
	}
	return list
}

func tableName(name string) string { return pgx.Identifier(strings.Split(name, ".")).Sanitize() }

func shortened(text string) string {
	if len(text) > 60 {
		return text[:60] + "..."
	}
	return text
}

// value reads one value as text, read-only.
func (a *actor) value(ctx context.Context, name, database, query string) (string, error) {
	i := a.index(name)
	if i < 0 {
		return "", fmt.Errorf("the resource has no endpoint %q", name)
	}
	d, err := a.dialer(i, database)
	if err != nil {
		return "", err
	}
	cred, err := a.c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		return "", err
	}
	conn, accepted, err := d.dial(ctx, cred, map[string]string{"search_path": "public"})
	if err != nil {
		return "", fmt.Errorf("%s", classify(err, accepted, a.c.endpointTimeout(), cred.Password).message)
	}
	defer closeQuietly(conn)
	if _, err := conn.Exec(ctx, readOnlySQL); err != nil {
		return "", fmt.Errorf("%s", queryFailure(err, cred.Password).Message)
	}
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return "", fmt.Errorf("%s", queryFailure(err, cred.Password).Message)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 1 || results[0].Rows[0][0] == nil {
		return "", fmt.Errorf("the query does not return one value")
	}
	return string(results[0].Rows[0][0]), nil
}
