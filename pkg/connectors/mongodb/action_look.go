package mongodb

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// look reads every member directly, as a check does, and puts together who is who.
// Nothing of an earlier look is used: roles change at any moment.
func (a *actor) look(ctx context.Context) *set {
	nodes := make([]*node, len(a.spec.Endpoints))
	var wg sync.WaitGroup
	for i := range a.spec.Endpoints {
		wg.Go(func() {
			s := a.c.probe(ctx, i)
			nodes[i] = s.node
			if s.server != nil {
				s.server.close()
			}
		})
	}
	wg.Wait()
	d := &deriver{spec: a.spec.Spec, nodes: nodes, parts: map[readiness.ID][]part{}}
	d.book = &observe.Book{Target: a.spec.Target, Now: a.c.now()}
	for _, n := range nodes {
		d.book.Nodes = append(d.book.Nodes, &n.Node)
	}
	d.group()
	s := d.sets[0]
	s.identify()
	s.aliases()
	s.elect()
	s.bind()
	return s
}

// ask sends a member one command that only reads, with the monitor credential.
func (a *actor) ask(ctx context.Context, n *node, question command) (document, error) {
	i := slices.IndexFunc(a.spec.Endpoints, func(e connectors.Endpoint) bool { return e.Name == n.Name })
	cred, err := a.c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		return nil, err
	}
	server, err := a.c.open(i, &cred, a.c.endpointTimeout())
	if err != nil {
		return nil, err
	}
	defer server.close()
	timed, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	return question.run(timed, server)
}

// proved reports why what a member says cannot be read as this set's.
func (s *set) proved(n *node) *connectors.Finding {
	var f connectors.Finding
	switch {
	case n == nil:
		f = action.Unknown(readiness.EndpointMissing, "the resource has no endpoint for the member")
	case s.rejected[n] && n.refused != nil:
		f = action.Refused(n.refused.Code, "%s", n.refused.Message)
	case s.rejected[n]:
		why, _ := s.stranger(n)
		f = action.Refused(why.Code, "%s", why.Message)
	case s.alias[n] != nil:
		f = action.Refused(readiness.EndpointAliased, "%s and %s answer as one server", s.alias[n].Name, n.Name)
	case n.unreached != nil:
		f = action.Unknown(cmp.Or(n.unreached.Code, readiness.VisEndpoint), "%s: %s", n.Name, n.unreached.Message)
	case s.unproven[n]:
		f = action.Unknown(readiness.IdentityUnproven, "%s did not prove that it is of the declared set", n.Name)
	case n.unsupported():
		f = action.Unknown(readiness.VersionUnsupported, "%s runs MongoDB %s; bcctl knows 5.0 to 8.x", n.Name, n.version)
	case !n.arbiter() && (n.status == nil || n.status.State == nil || n.status.Term == nil || n.config == nil):
		f = action.Unknown(readiness.QueryFailed, "%s did not tell its status and configuration", n.Name)
	default:
		return nil
	}
	return &f
}

// target is the seat that shall be primary: of those at the target site that the
// configuration lets be elected the one with the highest priority. It depends on
// nothing but the configuration, so that a run that goes on means the same one.
func (s *set) target(to string) *seat {
	var best *seat
	if s.config == nil {
		return nil
	}
	for i := range s.config.Members {
		m := &s.config.Members[i]
		if s.site(m) == to && m.electable() && (best == nil || m.Priority > best.Priority || m.Priority == best.Priority && m.ID < best.ID) {
			best = m
		}
	}
	return best
}

// electable is what the configuration says; state and data are another matter.
func (m *seat) electable() bool {
	return !m.Arbiter && !m.Hidden && m.Delay == 0 && m.Priority > 0 && m.Votes > 0
}

// ready finds the target and requires that it can be elected now (M4).
func (s *set) ready(to string) (*seat, *node, *connectors.Finding) {
	no := func(f connectors.Finding) (*seat, *node, *connectors.Finding) { return nil, nil, &f }
	if s.config == nil {
		return no(action.Unknown(readiness.QuorumUnknown, "no member told the configuration"))
	}
	m := s.target(to)
	if m == nil {
		var why []string
		for i := range s.config.Members {
			if seat := &s.config.Members[i]; s.site(seat) == to {
				why = append(why, s.called(seat)+" "+seat.obstacle())
			}
		}
		return no(action.Refused(readiness.NotElectable, "no member at %s can become primary: %s", to, cmp.Or(strings.Join(why, "; "), "there is none")))
	}
	n := s.at(m)
	if f := s.proved(n); f != nil {
		return no(*f)
	}
	if state := *n.status.State; state != stateSecondary && state != statePrimary {
		return no(action.Refused(readiness.NotElectable, "%s is %s", n.Name, stateName(state)))
	}
	if p := s.authority(); p != nil && p != n {
		if _, ok := s.heard(p, p.newest().of(m.Host)); !ok {
			return no(action.Refused(readiness.NotElectable, "the primary %s does not hear %s", p.Name, n.Name))
		}
	}
	return m, n, nil
}

func (m *seat) obstacle() string {
	switch {
	case m.Arbiter:
		return "is an arbiter"
	case m.Delay > 0:
		return "applies " + m.Delay.String() + " late"
	case m.Hidden:
		return "is hidden"
	case m.Votes == 0:
		return "has no vote"
	}
	return "has priority 0"
}

// onlyPrimary requires that exactly one member writes, and that no other may (M2).
func (s *set) onlyPrimary() (*node, *connectors.Finding) {
	no := func(f connectors.Finding) (*node, *connectors.Finding) { return nil, &f }
	switch len(s.writers) {
	case 0:
		for _, n := range s.nodes {
			if f := s.proved(n); f != nil {
				return no(*f)
			}
		}
		return no(action.Refused(readiness.NoPrimary, "every member answers and none is primary"))
	case 1:
	default:
		var names []string
		for _, n := range s.writers {
			names = append(names, n.Name)
		}
		return no(action.Refused(readiness.TwoWriters, "%s all say that they are primary", strings.Join(names, ", ")))
	}
	p := s.primary
	if f := s.proved(p); f != nil {
		return no(*f)
	}
	if overtaken(p, s.nodes) {
		return no(action.Refused(readiness.Conflict, "%s is primary of term %d and another member knows of a later election", p.Name, *p.status.Term))
	}
	if hosts := s.unlistedSeats(); len(hosts) > 0 {
		return no(action.Refused(readiness.EndpointMissing, "%s is in the configuration and no endpoint of the resource: nobody looked whether it writes", strings.Join(hosts, ", ")))
	}
	return p, nil
}

// silent lists members that gave no proof that they do not write: neither their own
// answer nor a fresh heartbeat of the primary as a follower.
func (s *set) silent(p *node) []*node {
	var list []*node
	for _, n := range s.nodes {
		if n == p || n.hello != nil && !s.rejected[n] && !n.hello.Writable {
			continue
		}
		if seat := s.seats[n]; seat != nil && (seat.Arbiter || s.heardFollowing(seat)) {
			continue
		}
		list = append(list, n)
	}
	return list
}

// gone reports whether nothing of a node gave a sign of life.
func (n *node) gone() bool {
	return n.hello == nil && n.unreached != nil && !n.unreached.Alive && !n.accepted && n.unreached.Code == ""
}
