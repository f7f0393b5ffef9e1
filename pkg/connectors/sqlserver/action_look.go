package sqlserver

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// picture is what all instances said at one moment, with the two sides of the run.
type picture struct {
	*deriver
	from, to string

	// old and next are the instances of the two sides that matter: who is primary of
	// its group there, else the first that is not optional.
	old, next *node
}

// planFreshFor is how long one look serves the checks of a plan, which then describe
// one moment. In a run every check and every change looks anew.
const planFreshFor = 10 * time.Second

// look reads every instance directly, with the monitor credential and nothing else.
func (a *actor) look(ctx context.Context) *picture {
	if p := a.first; p != nil {
		a.first = nil
		return p
	}
	if a.spec.Run == "" && a.last != nil && a.c.now().Sub(a.lastAt) < planFreshFor {
		return a.last
	}
	a.lastAt = a.c.now()
	sessions := make([]*session, len(a.spec.Endpoints))
	var wg sync.WaitGroup
	for i := range a.spec.Endpoints {
		wg.Go(func() { sessions[i] = a.c.probe(ctx, i) })
	}
	wg.Wait()
	if !a.standstill(sessions) {
		late, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
		defer cancel()
		a.c.confirm(late, sessions)
	}
	for _, s := range sessions {
		s.conn.close()
	}
	d := newDeriver(a.spec.Spec, nodesOf(sessions), a.c.now())
	for _, n := range d.nodes {
		d.node(n)
	}
	d.match()
	d.link()
	p := &picture{deriver: d, from: a.spec.From, to: a.spec.To}
	p.old, p.next = p.at(p.from), p.at(p.to)
	a.last = p
	return p
}

// standstill reports states in which nobody is primary and that last: an instance is
// not reached, or both sides of a distributed group are secondary, as they are in the
// middle of a planned change. Looking again at once would only lengthen an outage.
func (a *actor) standstill(sessions []*session) bool {
	g, _ := findGroup(a.spec.Spec, nodesOf(sessions))
	forwarders := 0
	for _, s := range sessions {
		if s.node.unreached != nil {
			return true
		}
		if g.role(g.place(s.node)) == forwarderRole {
			forwarders++
		}
	}
	return forwarders > 1
}

// at is the instance of a site that matters.
func (p *picture) at(site string) *node {
	var best *node
	for _, n := range p.nodes {
		switch {
		case n.Site != site:
		case p.localPrimaryOf(n):
			return n
		case best == nil || best.Optional && !n.Optional:
			best = n
		}
	}
	return best
}

func (p *picture) localPrimaryOf(n *node) bool {
	return p.member(n) && (p.roles[n] == primaryRole || p.roles[n] == forwarderRole)
}

// proved says why what an instance says cannot be used, if it cannot.
func (p *picture) proved(n *node) *connectors.Finding {
	var f connectors.Finding
	switch {
	case n == nil:
		f = action.Unknown(readiness.EndpointMissing, "the resource has no endpoint at the site that is meant")
	case n.unreached != nil:
		f = action.Unknown(cmp.Or(n.unreached.Code, p.sideCode(n)), "%s: %s", n.Name, n.unreached.Message)
	case p.alias[n] != nil:
		f = action.Refused(readiness.EndpointAliased, "%s and %s answer as one instance", p.alias[n].Name, n.Name)
	case p.rejected[n]:
		f = p.stranger(n)
	case p.roles[n] == unknownRole:
		f = action.Unknown(readiness.ValueInvalid, "%s did not tell its role", n.Name)
	default:
		return nil
	}
	return &f
}

// stranger words why an instance is not taken for one of the group.
func (p *picture) stranger(n *node) connectors.Finding {
	f := action.Unknown(readiness.IdentityUnproven, "%s did not prove to be of group %s", n.Name, p.groupName())
	for _, o := range p.book.Observations() {
		if o.Endpoint != n.Name || o.Indicator != identityID && o.Indicator != versionID {
			continue
		}
		found := o.Findings
		if o.Failure != nil {
			found = append([]readiness.Finding{*o.Failure}, found...)
		}
		for _, x := range found {
			f.Code, f.Message = x.Code, x.Message
		}
	}
	if slices.Contains([]readiness.Code{readiness.IdentityMismatch, readiness.NotAMember, readiness.VersionUnsupported}, f.Code) {
		f.Result = connectors.Refused
	}
	return f
}

// provedAll is proved for several.
func (p *picture) provedAll(nodes ...*node) *connectors.Finding {
	for _, n := range nodes {
		if bad := p.proved(n); bad != nil {
			return bad
		}
	}
	return nil
}

// onlyPrimary requires that exactly one instance accepts writes, and that the group
// has no replica that nobody looked at.
func (p *picture) onlyPrimary() (*node, *connectors.Finding) {
	no := func(f connectors.Finding) (*node, *connectors.Finding) { return nil, &f }
	if split := p.twoLocalPrimaries(); len(split) > 0 {
		return no(action.Refused(split[0].Code, "%s", split[0].Message))
	}
	switch writers := p.with(primaryRole); len(writers) {
	case 1:
		if strangers := p.strangers(); len(strangers) > 0 {
			return no(action.Refused(strangers[0].Code, "%s", strangers[0].Message))
		}
		return writers[0], nil
	case 0:
		for _, n := range p.nodes {
			if bad := p.proved(n); bad != nil {
				return no(*bad)
			}
		}
		if forwarders := p.with(forwarderRole); len(forwarders) > 1 {
			return no(action.Refused(readiness.SwitchIncomplete, "both sides of %s are secondary (%s): nobody accepts writes", p.groupName(), names(forwarders)))
		}
		return no(action.Refused(readiness.NoPrimary, "every instance answers and none is primary"))
	default:
		return no(action.Refused(readiness.TwoWriters, "%s are primary of %s at the same time", names(writers), p.groupName()))
	}
}

// silent lists instances that gave no proof that they do not write: neither their own
// answer nor a connection of the primary to them as to its secondaries.
func (p *picture) silent(primary *node) []*node {
	var list []*node
	for _, n := range p.nodes {
		if n == primary || p.proved(n) == nil {
			continue
		}
		if _, r, known := p.seenFrom(n); known && follows(r) && n.unreached != nil {
			continue
		}
		list = append(list, n)
	}
	return list
}

// gone reports whether nothing at all answers at an instance's address. What takes
// connections and says nothing may go on at any moment.
func (n *node) gone() bool {
	return n.unreached != nil && !n.unreached.Alive && !n.accepted && n.unreached.Code == ""
}

// bound is the link over which the instance that shall write gets its log, or nil.
func (p *picture) bound() *link {
	var own *link
	for _, l := range p.links {
		if l.to == p.next && p.next != nil && (own == nil || l.across) {
			own = l
		}
	}
	return own
}

// ag is the name of the group by which statements refer to it, as the server writes
// it.
func (p *picture) ag(n *node) string {
	at := p.places[n]
	switch {
	case p.group.distributed && len(at.across) > 0:
		return at.across[0].GroupName
	case !p.group.distributed && at.own != nil:
		return at.own.GroupName
	default:
		return ""
	}
}

// await waits for what a picture shows.
func (a *actor) await(ctx context.Context, judge func(*picture) (f connectors.Finding, final bool)) connectors.Finding {
	return action.Await(ctx, func(ctx context.Context) (connectors.Finding, bool) { return judge(a.look(ctx)) })
}
