package sqlserver

import (
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// group is the availability group, or distributed availability group, that a
// resource is.
type group struct {
	name        string
	distributed bool
	members     map[string]bool // distributed: names of the two groups it consists of
}

// findGroup finds out which group is meant: the one named in the options, the one
// with the declared identity, or else the only one there is.
func findGroup(spec connectors.Spec, nodes []*node) (group, *readiness.Finding) {
	seen := groupNames(nodes, func(r replica) bool { return wanted(spec, r) })
	if len(seen) == 0 && spec.Options[groupOption] == "" {
		seen = groupNames(nodes, func(replica) bool { return true }) // none is the declared one: what is there is said to be another
	}
	if len(seen) == 0 {
		return group{name: spec.Options[groupOption]}, nil // not seen at all: said of each node
	}
	names := slices.Sorted(maps.Keys(seen))
	if above := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !seen[name] }); len(above) == 1 && spec.Options[groupOption] == "" {
		names = above // the groups below it are its parts
	}
	if len(names) > 1 {
		f := observe.Finding(readiness.IdentityUnproven, "the instances have several availability groups (%s): say in connection.options.availabilityGroup which one this is", strings.Join(names, ", "))
		return group{}, &f
	}
	g := group{name: names[0], distributed: seen[names[0]], members: map[string]bool{}}
	if g.distributed {
		for _, n := range nodes {
			for _, r := range n.replicas {
				if r.Distributed && fold(r.GroupName) == g.name {
					g.members[fold(r.Server)] = true
				}
			}
		}
	}
	return g, nil
}

// groupNames lists groups, and whether each is a distributed one.
func groupNames(nodes []*node, counts func(replica) bool) map[string]bool {
	seen := map[string]bool{}
	for _, n := range nodes {
		for _, r := range n.replicas {
			if name := fold(r.GroupName); counts(r) {
				seen[name] = seen[name] || r.Distributed
			}
		}
	}
	return seen
}

// wanted reports whether a row is of the group that the resource names, or declares
// the identity of.
func wanted(spec connectors.Spec, r replica) bool {
	if name := spec.Options[groupOption]; name != "" {
		return fold(name) == fold(r.GroupName)
	}
	if id := spec.Identity[groupIdentity]; id != "" {
		return strings.ToLower(id) == r.Group
	}
	return true
}

// place is where an instance stands in the group.
type place struct {
	replicas []replica // of the group, or of the member group of a distributed one
	own      *replica
	across   []replica // distributed: the two groups, as this instance sees them
	acrossUs *replica  // of them the one that this instance belongs to
}

func (g group) place(n *node) place {
	var p place
	for _, r := range n.replicas {
		switch name := fold(r.GroupName); {
		case r.Distributed && g.distributed && name == g.name:
			p.across = append(p.across, r)
		case !r.Distributed && (g.distributed && g.members[name] || !g.distributed && name == g.name):
			p.replicas = append(p.replicas, r)
		}
	}
	p.own = ownRow(p.replicas, func(r replica) bool { return n.facts != nil && fold(r.Server) == fold(n.facts.ServerName) })
	if p.own != nil {
		name := fold(p.own.GroupName)
		p.acrossUs = ownRow(p.across, func(r replica) bool { return fold(r.Server) == name })
	}
	return p
}

// ownRow is the row of the instance itself: the local one, or where no state is
// told the one of its name.
func ownRow(rows []replica, named func(replica) bool) *replica {
	for i := range rows {
		if rows[i].local() {
			return &rows[i]
		}
	}
	for i := range rows {
		if named(rows[i]) && rows[i].Local == nil {
			return &rows[i]
		}
	}
	return nil
}

// role is what an instance is to its clients.
type role string

const (
	primaryRole   role = "primary"
	secondaryRole role = "secondary"
	forwarderRole role = "forwarder" // primary of its own group, which is the secondary of a distributed one: not writable
	resolvingRole role = "resolving" // between roles
	unknownRole   role = ""
)

// role is taken from the instance's own row only.
func (g group) role(p place) role {
	if p.own == nil {
		return unknownRole
	}
	switch p.own.Role {
	case "SECONDARY":
		return secondaryRole
	case "RESOLVING":
		return resolvingRole
	case "PRIMARY":
	default:
		return unknownRole
	}
	if !g.distributed {
		return primaryRole
	}
	// A distributed group shows up on the primaries of its member groups only.
	switch {
	case p.acrossUs == nil:
		return unknownRole
	case p.acrossUs.Role == "PRIMARY":
		return primaryRole
	case p.acrossUs.Role == "SECONDARY":
		return forwarderRole
	case p.acrossUs.Role == "RESOLVING":
		return resolvingRole
	default:
		return unknownRole
	}
}

// serverName is what the group calls an instance: what it says itself, what the
// resource says, or the one name that its endpoint or host has.
func (g group) serverName(n *node, nodes []*node) string {
	if n.facts != nil && n.facts.ServerName != "" {
		return fold(n.facts.ServerName)
	}
	if name := n.Options[replicaOption]; name != "" {
		return fold(name)
	}
	host, _, err := net.SplitHostPort(n.Address)
	if err != nil {
		host = n.Address
	}
	label, _, _ := strings.Cut(host, ".")
	for _, other := range nodes {
		for _, r := range g.place(other).replicas {
			if name := fold(r.Server); name == fold(n.Name) || name == fold(host) || name == fold(label) {
				return name
			}
		}
	}
	return ""
}
