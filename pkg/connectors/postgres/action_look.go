package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// view is what all endpoints said at one moment, with the two sides of the run.
type view struct {
	*deriver
	at time.Time

	// old is the node at the site that is left: the one that writes, else the first
	// that is not optional. next is the one that shall write.
	old, next *node

	// elsewhere are nodes that answer as a server which was another endpoint before in
	// this run, or says that it is another one.
	elsewhere map[*node]string

	// waited is when the oldest silence ended that this look took over; zero: none.
	waited time.Time
}

// freshFor is how long a look serves the checks that follow it. A step never
// decides by an earlier look. While a plan is made nothing is decided: one look
// serves all its prechecks, which then describe one moment.
const (
	freshFor     = time.Second
	planFreshFor = 10 * time.Second
)

// serves reports whether the last look may still be used.
func (a *actor) serves() bool {
	limit := freshFor
	if a.spec.Run == "" {
		limit = planFreshFor
	}
	return a.seen != nil && a.c.now().Sub(a.seen.at) < limit
}

// silence is that an endpoint gave no answer, and when its time was over.
type silence struct {
	node *node
	at   time.Time
}

// silentFor is how long an endpoint that let its whole deadline pass counts as silent
// for the checks that follow, without being asked again. A round of twenty checks would
// wait for a hung server twenty times, and end with readings that are a minute apart.
// It is no more than what one check may take anyway, and an answer is never kept so.
const silentFor = 10 * time.Second

// connectAgain is how long a host that has taken no connection in the whole time of an
// endpoint is given to take one when it is asked again in the same run. One that is alive
// does so within a round trip, or a second later where a packet was lost; one behind a
// firewall that drops everything would cost each look of an emergency its whole time.
// It is as unknown after that as before: no rule takes silence for being down.
const connectAgain = 2 * time.Second

// waits says for which endpoints a look takes over a silence, by how old that is.
type waits func(endpoint int, age time.Duration) bool

// judging is for whatever rests on all servers: each is asked. Checks that follow each
// other share a silence, unless something was to be seen anew since.
func (a *actor) judging(i int, age time.Duration) bool {
	return a.sharing && age < silentFor && a.silent[i].at.After(a.anew)
}

// noting is for what is only written down: who has just let a deadline pass is not asked
// again for it.
func (a *actor) noting(_ int, age time.Duration) bool { return age < silentFor }

// only is for what concerns some endpoints and no other: nobody is waited for of whom
// nothing is decided, if it is known to be silent.
func (a *actor) only(endpoints ...string) waits {
	return func(i int, _ time.Duration) bool { return !slices.Contains(endpoints, a.c.spec.Endpoints[i].Name) }
}

// isSilent gives the silence that a look takes over.
func (a *actor) isSilent(i int, takesOver waits) (*node, bool) {
	s, ok := a.silent[i]
	if !ok || !takesOver(i, a.c.now().Sub(s.at)) {
		return nil, false
	}
	again := *s.node
	return &again, true
}

// noteSilence keeps that an endpoint did not answer, if that took long, until it does.
func (a *actor) noteSilence(i int, n *node, asked time.Time) {
	if n.unreached == nil || n.unreached.alive || n.collectedAt.Sub(asked) < freshFor {
		delete(a.silent, i)
		return
	}
	if a.silent == nil {
		a.silent = map[int]silence{}
	}
	kept := *n
	a.silent[i] = silence{node: &kept, at: n.collectedAt}
}

// patience is how long the host of an endpoint may take to take a connection; zero: all
// of the endpoint's time.
func (a *actor) patience(i int) time.Duration {
	if s, silent := a.silent[i]; silent && !s.node.unreached.accepted {
		return connectAgain
	}
	return 0
}

// forget lets the next look read everything anew.
func (a *actor) forget() { a.seen, a.anew = nil, a.c.now() }

// look reads every endpoint, with the monitor credential and nothing else.
func (a *actor) look(ctx context.Context) *view {
	if a.serves() {
		return a.seen
	}
	a.seen = a.lookWith(ctx, a.judging)
	return a.seen
}

// lookAt is look for what concerns the endpoints of these names only. What it says of
// others may be old: nothing is decided by it.
func (a *actor) lookAt(ctx context.Context, names ...string) *view {
	if a.serves() {
		return a.seen
	}
	return a.lookWith(ctx, a.only(names...))
}

// lookAtTarget is lookAt for the server that shall write, or does by now.
func (a *actor) lookAtTarget(ctx context.Context) *view {
	if n := a.target(); n != nil {
		return a.lookAt(ctx, n.Name)
	}
	return a.look(ctx)
}

// target is the endpoint that shall write, as a look has it as next.
func (a *actor) target() *connectors.Endpoint { return firstAt(a.c.spec.Endpoints, a.spec.To) }

// lookWith asks all endpoints at once but those whose silence it takes over.
func (a *actor) lookWith(ctx context.Context, takesOver waits) *view {
	at := a.c.now()
	sessions := make([]*session, len(a.c.spec.Endpoints))
	old := map[int]bool{}
	var waited time.Time
	var wg sync.WaitGroup
	for i := range sessions {
		if n, silent := a.isSilent(i, takesOver); silent {
			sessions[i], old[i] = &session{node: n}, true
			if waited.IsZero() || n.collectedAt.Before(waited) {
				waited = n.collectedAt
			}
			continue
		}
		connect := a.patience(i)
		wg.Go(func() { sessions[i] = a.c.probe(ctx, i, connect) })
	}
	wg.Wait()
	late, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	a.c.confirm(late, sessions)
	nodes := make([]*node, len(sessions))
	for i, s := range sessions {
		a.c.noteReplay(i, s.node)
		if !old[i] && ctx.Err() == nil { // one that was cut short shows servers as silent that are not
			a.noteSilence(i, s.node, at)
		}
		nodes[i] = s.node
		closeQuietly(s.conn)
	}
	v := &view{deriver: conclude(a.c.spec, nodes, nil, a.c.now()), at: at, waited: waited}
	v.next = v.first(a.spec.To)
	v.old = v.first(a.spec.From)
	for _, n := range v.nodes {
		if n.Site == a.spec.From && v.member(n) && n.isPrimary() {
			v.old = n
		}
	}
	v.elsewhere = map[*node]string{}
	for _, n := range v.nodes {
		if n.facts == nil || v.rejected[n] || v.alias[n] != nil {
			continue
		}
		if why := a.isElsewhere(n.Name, n.facts); why != "" {
			v.elsewhere[n] = why
		} else {
			a.started[n.facts.Started] = n.Name
		}
	}
	if v.primary != nil && v.primary.settings != nil {
		a.primary = v.primary.settings
	}
	return v
}

// oldestProbe is when the oldest of what a look rests on was seen.
func (v *view) oldestProbe() time.Time {
	oldest := v.deriver.oldestProbe()
	if !v.waited.IsZero() && v.waited.Before(oldest) {
		return v.waited
	}
	return oldest
}

// isElsewhere recognizes two endpoints whose addresses lead to each other's server:
// by the moment the server started, which was seen under another name in this run,
// and by a cluster_name that is another endpoint's.
func (a *actor) isElsewhere(name string, f *nodeFacts) string {
	if other, known := a.started[f.Started]; known && other != name {
		return fmt.Sprintf("behind %s is the server that was %s before in this run, started %s", name, other, f.Started.UTC().Format(time.RFC3339Nano))
	}
	if i := a.index(f.ClusterName); i >= 0 && f.ClusterName != name {
		return fmt.Sprintf("behind %s is a server with cluster_name %s, which is another endpoint", name, f.ClusterName)
	}
	return ""
}

// first is the first endpoint at a site that is not optional, as ${new.endpoint}
// and ${old.endpoint} mean it.
func (v *view) first(site string) *node {
	if ep := firstAt(v.spec.Endpoints, site); ep != nil {
		return v.named(ep.Name)
	}
	return nil
}

func firstAt(endpoints []connectors.Endpoint, site string) *connectors.Endpoint {
	var found *connectors.Endpoint
	for i := range endpoints {
		if ep := &endpoints[i]; ep.Site == site && (found == nil || found.Optional && !ep.Optional) {
			found = ep
		}
	}
	return found
}

// named is the endpoint of a name, or nil.
func (v *view) named(name string) *node {
	if i := slices.IndexFunc(v.nodes, func(n *node) bool { return n.Name == name }); i >= 0 {
		return v.nodes[i]
	}
	return nil
}

// side is the endpoint that an argument names, or the given side.
func (v *view) side(name string, otherwise *node) (*node, *connectors.Finding) {
	n := otherwise
	if name != "" {
		if n = v.named(name); n == nil {
			f := action.Unknown("", "the resource has no endpoint %q", name)
			return nil, &f
		}
	}
	if n == nil {
		f := action.Unknown("", "the resource has no endpoint at the site that is meant")
		return nil, &f
	}
	return n, nil
}

// proved says why a node's answers cannot be used, if they cannot: it did not
// answer, or it is not the declared cluster.
func (v *view) proved(n *node) *connectors.Finding {
	switch {
	case n == nil:
		f := action.Unknown("", "the resource has no endpoint at the site that is meant")
		return &f
	case n.unreached != nil:
		code := n.unreached.code
		if code == "" {
			code = v.visibilityCode(n)
		}
		f := action.Unknown(code, "%s: %s", n.Name, n.unreached.message)
		return &f
	case v.rejected[n]:
		f := action.Refused(readiness.IdentityMismatch, "%s did not prove to be cluster %s", n.Name, v.spec.Identity["systemIdentifier"])
		for _, o := range v.obs {
			if o.Endpoint == n.Name && o.Indicator == identityID {
				for _, x := range o.Findings {
					f.Code, f.Message = x.Code, x.Message
				}
				if o.Failure != nil {
					f.Result, f.Code, f.Message = connectors.Unknown, o.Failure.Code, o.Failure.Message
				}
			}
		}
		return &f
	case v.elsewhere[n] != "":
		f := action.Refused(readiness.IdentityMismatch, "%s", v.elsewhere[n])
		return &f
	case v.alias[n] != nil:
		f := action.Refused(readiness.EndpointAliased, "%s and %s answer as one server", n.Name, v.alias[n].Name)
		return &f
	case v.unknown[n]:
		f := action.Unknown(readiness.VersionUnsupported, "%s runs PostgreSQL %s; bcctl knows 12 to 18", n.Name, versionText(n.facts.Version))
		return &f
	}
	return nil
}

// said collects what readings of a node gave: why they failed, and what was
// found.
func (v *view) said(n *node, ids ...readiness.ID) (failure *readiness.Finding, found []readiness.Finding) {
	for _, o := range v.obs {
		if o.Endpoint != n.Name || !slices.Contains(ids, o.Indicator) {
			continue
		}
		if o.Failure != nil {
			failure = o.Failure
		}
		found = append(found, o.Findings...)
	}
	return failure, found
}

// judged is the verdict of findings: none is a pass with the message given.
func judged(found []readiness.Finding, worst connectors.FindingResult, message string) connectors.Finding {
	if len(found) == 0 {
		return action.Passed("%s", message)
	}
	f := connectors.Finding{Result: worst, Code: found[0].Code, Message: found[0].Message}
	for _, x := range found[1:] {
		f.Message += "; " + x.Message
	}
	return f
}

// reread looks again and again until a condition holds or time is up, at most
// until the context ends. It returns the last view.
func (a *actor) reread(ctx context.Context, limit time.Duration, look func(context.Context) *view, so func(*view) bool) (*view, bool) {
	// The limit ends the waiting, never a look: one that is cut short shows servers
	// as silent that are not.
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		a.forget()
		v := look(ctx)
		if so(v) {
			return v, true
		}
		select {
		case <-over.C:
			return v, false
		default:
		}
		if !pause(ctx, 200*time.Millisecond) {
			return v, false
		}
	}
}

// pause waits, or reports false when the time is over.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
