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

// isSilent gives the silence that still counts, to checks that follow each other only.
func (a *actor) isSilent(i int) (*node, bool) {
	s, ok := a.silent[i]
	if !ok || !a.sharing || a.c.now().Sub(s.at) >= silentFor {
		return nil, false
	}
	again := *s.node
	return &again, true
}

// noteSilence keeps that an endpoint did not answer, if that took long.
func (a *actor) noteSilence(i int, n *node, asked time.Time) {
	if n.unreached == nil || n.unreached.alive || n.collectedAt.Sub(asked) < freshFor {
		return
	}
	if a.silent == nil {
		a.silent = map[int]silence{}
	}
	kept := *n
	a.silent[i] = silence{node: &kept, at: n.collectedAt}
}

// forget lets the next look read everything anew.
func (a *actor) forget() { a.seen, a.silent = nil, nil }

// look reads every endpoint, with the monitor credential and nothing else.
func (a *actor) look(ctx context.Context) *view {
	if a.serves() {
		return a.seen
	}
	at := a.c.now()
	sessions := make([]*session, len(a.c.spec.Endpoints))
	var waited time.Time
	var wg sync.WaitGroup
	for i := range sessions {
		if n, silent := a.isSilent(i); silent {
			sessions[i] = &session{node: n}
			if waited.IsZero() || n.collectedAt.Before(waited) {
				waited = n.collectedAt
			}
			continue
		}
		wg.Go(func() { sessions[i] = a.c.probe(ctx, i) })
	}
	wg.Wait()
	late, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	a.c.confirm(late, sessions)
	nodes := make([]*node, len(sessions))
	for i, s := range sessions {
		a.c.noteReplay(i, s.node)
		if a.sharing {
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
	a.seen = v
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
	var found *node
	for _, n := range v.nodes {
		if n.Site == site && (found == nil || found.Optional && !n.Optional) {
			found = n
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
func (a *actor) reread(ctx context.Context, limit time.Duration, so func(*view) bool) (*view, bool) {
	// The limit ends the waiting, never a look: one that is cut short shows servers
	// as silent that are not.
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		a.forget()
		v := a.look(ctx)
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
