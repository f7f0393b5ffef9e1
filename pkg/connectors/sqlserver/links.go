package sqlserver

import "slices"

// link is one way that log takes: from a primary to a replica of its group, or in
// a distributed group from the primary to the other group.
type link struct {
	from, to *node // to is nil when the replica is no endpoint, from when it is not seen
	name     string
	row      *replica // of the target, as its primary sees it
	own      *replica // the target's own row
	source   *replica // the primary's own row
	across   bool     // between the two groups of a distributed group
	pairs    []pair
}

// pair is one database on both ends of a link. What a primary says of a replica is
// what it heard last; what the replica says is its own: the worse counts.
type pair struct {
	id, name string
	fork     string         // of the primary's database
	source   *databaseState // the primary's own row
	remote   *databaseState // the primary's row of the replica, from the same answer
	own      *databaseState // the replica's own row
	local    *databaseState // a forwarder's own row of the same database in its own group
	joined   *bool          // nil: not told
}

// sides builds the links and records what each end of them says.
func (d *deriver) sides() {
	d.link()
	for _, n := range d.nodes {
		if d.member(n) {
			d.quorum(n)
			d.mirroring(n)
		}
	}
	for _, n := range d.nodes {
		if own := d.places[n].own; d.member(n) && own != nil && own.Role == "PRIMARY" {
			d.primarySide(n)
		}
	}
	for _, l := range d.links {
		if l.to != nil {
			d.replicaSide(l)
		}
	}
	d.exposure()
}

func (d *deriver) link() {
	linked := map[*node]bool{}
	for _, from := range d.nodes {
		p := d.places[from]
		if !d.member(from) || p.own == nil || p.own.Role != "PRIMARY" {
			continue
		}
		if !d.group.distributed && from != d.primary {
			continue // one of two primaries: nothing follows from what it says of others
		}
		for i := range p.replicas {
			r := &p.replicas[i]
			if r.ID == p.own.ID || r.Mode == "CONFIGURATION_ONLY" {
				continue
			}
			l := &link{from: from, name: r.Server, row: r, source: p.own, to: d.endpointOf(r.Server)}
			if l.to != nil {
				linked[l.to] = true
				l.own = d.places[l.to].own
			}
			d.pairs(l, r.Group, r.ID)
			d.links = append(d.links, l)
		}
	}
	if d.group.distributed && d.primary != nil {
		if across, ok := d.acrossFrom(d.primary); ok {
			l := &link{from: d.primary, to: d.forwarder, name: across.Server, row: &across, source: d.places[d.primary].acrossUs, across: true}
			if l.to != nil {
				linked[l.to] = true
				l.own = d.places[l.to].acrossUs
			}
			d.pairs(l, across.Group, across.ID)
			d.links = append(d.links, l)
		}
	}
	for _, n := range d.nodes { // replicas whose primary is not seen
		if r := d.roles[n]; d.member(n) && !linked[n] && (r == secondaryRole || r == resolvingRole || r == forwarderRole) {
			l := &link{to: n, name: n.Name, own: d.places[n].own, across: r == forwarderRole}
			d.pairs(l, l.own.Group, l.own.ID)
			d.links = append(d.links, l)
		}
	}
}

func (d *deriver) endpointOf(server string) *node {
	for _, n := range d.nodes {
		if d.group.serverName(n, d.nodes) == fold(server) && d.alias[n] == nil {
			return n
		}
	}
	return nil
}

// pairs collects the databases of a link, from everybody who knows one: a
// database that one side lacks must not be missing from the list.
func (d *deriver) pairs(l *link, group, replicaID string) {
	find := func(id, name string) *pair {
		if i := slices.IndexFunc(l.pairs, func(p pair) bool { return p.is(id, name, l.across) }); i >= 0 {
			return &l.pairs[i]
		}
		l.pairs = append(l.pairs, pair{id: id, name: name})
		return &l.pairs[len(l.pairs)-1]
	}
	if l.from != nil {
		own := d.places[l.from].own
		forks := l.from.forks()
		for i := range l.from.databases {
			s := &l.from.databases[i]
			switch {
			case s.Group == own.Group && isSet(s.Local):
				p := find(s.ID, s.Name)
				p.source, p.fork = s, forks[s.ID].Fork
			case s.Group == group && s.Replica == replicaID && !isSet(s.Local):
				find(s.ID, s.Name).remote = s
			}
		}
		for _, j := range l.from.joined {
			switch {
			case j.Replica == replicaID:
				find(j.ID, j.Name).joined = j.Joined
			case j.Replica == own.ID && !l.across:
				find(j.ID, j.Name) // a database that has no state anywhere is one of the group all the same
			}
		}
	}
	if l.to == nil || !d.member(l.to) {
		return
	}
	own := d.places[l.to].own
	for i := range l.to.databases {
		s := &l.to.databases[i]
		// A forwarder may show its copy under both groups: it is one copy, and the worse
		// of both rows counts.
		switch {
		case !isSet(s.Local):
		case s.Group == group:
			find(s.ID, s.Name).own = s
		case s.Group == own.Group:
			find(s.ID, s.Name).local = s
		}
	}
	for i := range l.pairs {
		if p := &l.pairs[i]; p.own == nil {
			p.own, p.local = p.local, nil
		}
	}
	if l.from == nil {
		for _, j := range l.to.joined {
			if j.Replica == replicaID {
				find(j.ID, j.Name).joined = j.Joined
			}
		}
	}
}

// is matches by the identifier, which is the same on every replica. That it is the
// same on both sides of a distributed group is not documented, so there the name
// will do. Elsewhere it does only where an identifier is missing: on a server that
// tells letter case apart, two databases can have names that differ in nothing else.
func (p pair) is(id, name string, across bool) bool {
	switch {
	case id != "" && p.id == id:
		return true
	case !across && id != "" && p.id != "":
		return false
	default:
		return name != "" && fold(p.name) == fold(name)
	}
}

// synchronous reports whether commits on the primary wait for this replica as long
// as it keeps up: both ends have to be configured so.
func (l *link) synchronous() bool {
	return l.row != nil && l.source != nil && l.row.synchronous() && l.source.synchronous()
}
