package mongodb

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/readpref"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Postchecks P1 to P10 and P12. P5 and P6 are prechecks too.
func postchecks() []operation {
	return []operation{
		reads("one-primary", "a member at the target site is the only primary, and all others name it", onePrimary, []string{"primary", "term"}),
		reads("term-grew", "there was an election since the term that was recorded", termGrew, []string{"term"},
			action.Required("term", "the term before (${steps.mark.term})")),
		reads("write-probe", "a write is acknowledged by a majority and found on another member, if another voter holds data; it writes one small document of bcctl's own", writeProbe, nil),
		reads("nobody-frozen", "what the run froze is unfrozen", nobodyFrozen, nil,
			action.Optional("thawed", "the members that were unfrozen (${steps.unfreeze.members}); empty where the procedure freezes nobody")),
		reads("priorities", "the target is the preferred primary", preferredPrimary, nil),
		reads("no-rollback", "no member undoes writes", noRollback, nil),
		reads("client-path", "a fresh client that knows one address finds the primary", clientPath, nil,
			action.Optional("address", "the address clients begin with; default the resource's own")),
		reads("integrity", "the declared checks of the data hold on the new primary", integrity, nil,
			action.Optional("checks", "the resource's integrity member as JSON")),
	}
}

func onePrimary(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	if p.Site != a.spec.To {
		return action.Refused(readiness.RoleUnexpected, "%s at %s is primary, not a member at %s", p.Name, p.Site, a.spec.To)
	}
	var away []string
	for _, n := range s.nodes {
		switch {
		case n == p:
		case n.hello == nil && !n.gone():
			return action.Unknown(readiness.WriterUnproven, "%s takes connections and does not say whether it writes", n.Name)
		case n.hello == nil:
			away = append(away, n.Name)
		case s.rejected[n] || s.unproven[n]:
			return *s.proved(n)
		case !sameHost(n.hello.Primary, p.hello.Me):
			return action.Refused(readiness.Conflict, "%s takes %q for the primary, not %s", n.Name, n.hello.Primary, p.Name)
		}
	}
	f := action.Passed("%s is primary of term %d, and the others name it", p.Name, *p.status.Term)
	if len(away) > 0 {
		f = action.Passed("%s is primary of term %d, and those that answer name it; %s does not answer: were it cut off and primary still, no majority would follow it", p.Name, *p.status.Term, strings.Join(away, ", "))
	}
	f.Facts = connectors.Facts{"primary": p.Name, "term": strconv.FormatInt(*p.status.Term, 10)}
	return f
}

func termGrew(ctx context.Context, a *actor, c call) connectors.Finding {
	before, err := strconv.ParseInt(c.Arg("term"), 10, 64)
	if err != nil {
		return action.Unknown("", "the term %q is no number", c.Arg("term"))
	}
	p, bad := a.look(ctx).onlyPrimary()
	if bad != nil {
		return *bad
	}
	f := action.Passed("the term is %d and was %d", *p.status.Term, before)
	if *p.status.Term <= before {
		f = action.Refused(readiness.RoleUnexpected, "the term is %d and was %d: there was no election", *p.status.Term, before)
	}
	f.Facts = connectors.Facts{"term": strconv.FormatInt(*p.status.Term, 10)}
	return f
}

// probeCollection holds one document for each resource; it never grows.
const probeCollection = "runs"

func writeProbe(ctx context.Context, a *actor, _ call) connectors.Finding {
	if a.spec.Run == "" {
		return action.Unknown(readiness.WriteUnproven, "nothing is written while a plan is made")
	}
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	m, o := a.openMember(ctx, s, p)
	if o != nil {
		return action.Unknown(o.Code, "%s", o.Message)
	}
	defer m.close()
	stamp := fmt.Sprintf("%s/%d/%d", a.spec.Run, a.spec.Fence, a.c.now().UnixNano())
	database := heartbeatDatabase(a.spec.Spec)
	timed, cancel := context.WithTimeout(ctx, longestWait+a.c.endpointTimeout())
	defer cancel()
	answer, err := command{database, bson.D{
		{Key: "update", Value: probeCollection},
		{Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: textID("_id", a.spec.Target)}, {Key: "u", Value: bson.D{{Key: "$set", Value: textID("run", stamp)}}}, {Key: "upsert", Value: true}}}},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "j", Value: true}, {Key: "wtimeout", Value: longestWait.Milliseconds()}}},
	}}.run(timed, m.server)
	switch {
	case unacknowledged(answer, err):
		return action.Refused(readiness.WriteMajorityLost, "the write happened on %s, and no majority acknowledged it within %s", p.Name, longestWait)
	case err != nil:
		ended := m.ended("the write", err)
		return connectors.Finding{Result: action.AsFinding(ended).Result, Code: cmp.Or(ended.Code, readiness.WriteUnproven), Message: ended.Message}
	}
	if n := answer.integer("n"); n == nil || *n != 1 {
		return action.Refused(readiness.WriteUnproven, "%s changed no document", p.Name)
	}
	return a.readBack(timed, p, database, stamp)
}

// readBack looks for the write on another member, as committed. Where no other voter
// holds data, as after a configuration that was forced on one survivor, the primary itself
// has to have it so.
func (a *actor) readBack(ctx context.Context, p *node, database, stamp string) connectors.Finding {
	for {
		s := a.look(ctx)
		for _, n := range s.nodes {
			if n.Name == p.Name && s.alone(n) && a.committed(ctx, s, n, database, stamp) {
				return action.Passed("%s took a write and shows it as committed: no other voter holds data, and no other member was asked", p.Name)
			}
			if n.Name == p.Name || n.arbiter() || s.proved(n) != nil || *n.status.State != stateSecondary {
				continue
			}
			if a.committed(ctx, s, n, database, stamp) {
				return action.Passed("a majority acknowledged a write on %s, and %s has it", p.Name, n.Name)
			}
		}
		select {
		case <-ctx.Done():
			return action.Unknown(readiness.WriteUnproven, "a majority acknowledged a write on %s, and it was found on no other member in time", p.Name)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// committed reports whether a member shows the write as a majority has it.
func (a *actor) committed(ctx context.Context, s *set, n *node, database, stamp string) bool {
	m, o := a.openMember(ctx, s, n)
	if o != nil {
		return false
	}
	defer m.close()
	answer, err := command{database, bson.D{{Key: "find", Value: probeCollection}, {Key: "filter", Value: textID("_id", a.spec.Target)}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true},
		{Key: "readConcern", Value: bson.D{{Key: "level", Value: "majority"}}}, {Key: "maxTimeMS", Value: readLimit}}}.run(ctx, m.server)
	list := firstBatch(answer)
	return err == nil && len(list) == 1 && list[0].text("run") == stamp
}

// alone reports whether a member is the only voter that holds data.
func (s *set) alone(n *node) bool {
	if s.config == nil || s.proved(n) != nil {
		return false
	}
	return !slices.ContainsFunc(s.config.Members, func(m seat) bool { return m.Votes > 0 && !m.Arbiter && s.at(&m) != n })
}

func nobodyFrozen(ctx context.Context, a *actor, c call) connectors.Finding {
	if _, bad := a.look(ctx).onlyPrimary(); bad != nil {
		return *bad // a freeze keeps members from becoming primary
	}
	if len(a.frozen) > 0 {
		return action.Refused(readiness.Conflict, "%d members that this run froze were not unfrozen", len(a.frozen))
	}
	if thawed := c.Arg("thawed"); thawed != "" {
		return action.Passed("the run unfroze %s; no status shows a freeze", thawed)
	}
	return action.Passed("this run froze nobody; no status shows a freeze")
}

func preferredPrimary(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	m := s.target(a.spec.To)
	switch {
	case s.config == nil:
		return action.Unknown(readiness.QuorumUnknown, "no member told the configuration")
	case m == nil || !s.config.preferred(m):
		return action.Refused(readiness.PriorityUnexpected, "no member at %s is the preferred primary: when a preferred one is there again, it takes the role", a.spec.To)
	}
	return action.Passed("%s is the preferred primary, with priority %g", s.called(m), m.Priority)
}

func noRollback(ctx context.Context, a *actor, _ call) connectors.Finding {
	s := a.look(ctx)
	for _, n := range s.nodes {
		if s.proved(n) != nil || n.arbiter() {
			continue
		}
		if *n.status.State == stateRollback {
			return *n.lame()
		}
		for i := range n.newest().Members {
			if v := &n.newest().Members[i]; v.State != nil && *v.State == stateRollback {
				return action.Refused(readiness.NodeRollback, "%s sees %s rolling back; its rollback files are the list of what is lost: keep them", n.Name, v.Name)
			}
		}
	}
	if s.from == nil {
		return action.Unknown(readiness.VisBoth, "no member told its state")
	}
	return action.Passed("no member that is seen rolls back")
}

// clientPath is a client as applications are one: it knows an address and the name
// of the set, and finds the primary by itself. It logs in to nothing and writes nothing.
func clientPath(ctx context.Context, a *actor, c call) connectors.Finding {
	s := a.look(ctx)
	p, bad := s.onlyPrimary()
	if bad != nil {
		return *bad
	}
	var seeds []string
	for _, text := range strings.Split(cmp.Or(c.Arg("address"), p.Address), ",") {
		address, err := endpoint.Parse(strings.TrimSpace(text), defaultPort)
		if err != nil {
			return action.Unknown(readiness.ClientPath, "the address %q: %v", text, err)
		}
		seeds = append(seeds, address.String())
	}
	first, _ := endpoint.Parse(seeds[0], defaultPort)
	secured, err := endpoint.TLSConfig(a.spec.TLS, first)
	if err != nil {
		return action.Unknown(readiness.ClientPath, "%v", err)
	}
	if secured != nil {
		secured.ServerName = a.spec.TLS.ServerName // empty: each member's own name
	}
	client, err := mongo.Connect(ctx, options.Client().SetHosts(seeds).SetReplicaSet(a.spec.Identity["setName"]).SetAppName("bcctl").
		SetTLSConfig(secured).SetDisableOCSPEndpointCheck(true).SetServerSelectionTimeout(a.c.endpointTimeout()).SetConnectTimeout(a.c.endpointTimeout()).
		SetLoggerOptions(options.Logger().SetSink(silence{})))
	if err != nil {
		return action.Unknown(readiness.ClientPath, "%v", err)
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		_ = client.Disconnect(bye)
	}()
	raw, err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}, options.RunCmd().SetReadPreference(readpref.Primary())).Raw()
	if err != nil {
		return action.Refused(readiness.ClientPath, "a client that begins at %s finds no primary: %s", strings.Join(seeds, ","), endpoint.RootCause(cause(err)))
	}
	answer, err := parse(raw)
	if err != nil {
		return action.Unknown(readiness.ClientPath, "%v", err)
	}
	h := decodeHello(answer)
	switch {
	case !h.Writable || !sameHost(h.Me, p.hello.Me):
		return action.Refused(readiness.ClientPath, "a client that begins at %s comes to %s, and %s is primary", strings.Join(seeds, ","), h.Me, p.Name)
	case c.Arg("address") == "":
		return action.Warned(readiness.ClientPath, "the resource has no clientPath; a client that begins at %s finds the primary", strings.Join(seeds, ","))
	}
	return action.Passed("a client that begins at %s finds the primary %s", strings.Join(seeds, ","), p.Name)
}

// declaredChecks is the integrity member of a resource. Conditions are documents in
// extended JSON, as find takes them.
type declaredChecks struct {
	RowCounts  []struct{ Name, Database, Table, Where string }
	Invariants []struct{ Name, Database, Query, Expect string }
	Checksums  []struct{ Name string }
}

// integrity counts documents. What the platform has no read-only question for is not
// taken for fine.
func integrity(ctx context.Context, a *actor, c call) connectors.Finding {
	var d declaredChecks
	if text := c.Arg("checks"); text != "" {
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return action.Unknown("", "checks: %v", err)
		}
	}
	if len(d.Checksums) > 0 {
		return action.Unknown(readiness.IntegrityFailed, "%s: bcctl makes no checksums of MongoDB collections", d.Checksums[0].Name)
	}
	p, bad := a.look(ctx).onlyPrimary()
	if bad != nil {
		return *bad
	}
	if len(d.RowCounts)+len(d.Invariants) == 0 {
		return action.Passed("no check of the data is declared")
	}
	facts := connectors.Facts{}
	for _, r := range d.RowCounts {
		n, err := a.counted(ctx, p, cmp.Or(r.Database, a.spec.Database), bson.D{{Key: "count", Value: r.Table}}, r.Where)
		if err != nil {
			return action.Unknown(readiness.QueryFailed, "%s on %s: %s", r.Name, p.Name, queryFailure("count", err).Message)
		}
		facts[r.Name] = n
	}
	for _, q := range d.Invariants {
		var body bson.D
		if err := bson.UnmarshalExtJSON([]byte(q.Query), false, &body); err != nil || len(body) == 0 || body[0].Key != "count" ||
			slices.ContainsFunc(body, func(e bson.E) bool { return e.Key != "count" && e.Key != "query" }) {
			return action.Unknown(readiness.IntegrityFailed, `%s: an invariant of MongoDB is a count, such as {"count": "orders", "query": {"open": true}}`, q.Name)
		}
		n, err := a.counted(ctx, p, cmp.Or(q.Database, a.spec.Database), body, "")
		if err != nil {
			return action.Unknown(readiness.QueryFailed, "%s on %s: %s", q.Name, p.Name, queryFailure("count", err).Message)
		}
		facts[q.Name] = n
		if n != q.Expect {
			f := action.Refused(readiness.IntegrityFailed, "%s gives %s on %s, not %s", q.Name, n, p.Name, q.Expect)
			f.Facts = facts
			return f
		}
	}
	f := action.Passed("%d checks of the data on %s", len(facts), p.Name)
	f.Facts = facts
	return f
}

func (a *actor) counted(ctx context.Context, p *node, database string, body bson.D, where string) (string, error) {
	if where != "" {
		var query bson.D
		if err := bson.UnmarshalExtJSON([]byte(where), false, &query); err != nil {
			return "", err
		}
		body = append(body, bson.E{Key: "query", Value: query})
	}
	answer, err := a.ask(ctx, p, command{database, append(body, bson.E{Key: "maxTimeMS", Value: 60000})})
	if err != nil {
		return "", err
	}
	n := answer.integer("n")
	if n == nil {
		return "", fmt.Errorf("the answer has no number")
	}
	return strconv.FormatInt(*n, 10), nil
}
