package mongodb

import (
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// routers judges the routers of a sharded cluster. A router works while a shard
// behind it has no primary, so it proves nothing about shards.
func (d *deriver) routers() {
	if len(d.mongos) == 0 {
		return
	}
	answering := 0
	for _, n := range d.mongos {
		if n.unreached != nil {
			code := n.unreached.Code
			if code == "" {
				code = readiness.VisEndpoint
			}
			d.book.Fail(&n.Node, reachableID, observe.Finding(code, "%s: %s", n.Name, n.unreached.Message))
			continue
		}
		d.router(n)
		if n.router() && d.ours(n) {
			answering++
		}
	}
	var findings []readiness.Finding
	switch {
	case answering > 0:
	case d.blind():
		d.book.Fail(nil, routersID, observe.Finding(readiness.VisEndpoint, "whether one of the routers %s answers is not known from here", names(d.mongos)))
		return
	default:
		findings = append(findings, observe.Finding(readiness.RouterDown, "none of the routers %s answers as one", names(d.mongos)))
	}
	d.book.Add(nil, routersID, readiness.Num(float64(answering)), findings...)
}

// blind reports whether that no router answers may be this collector's own trouble:
// nothing else of the cluster was reached either, or a router was there and would
// not have us, or was not asked.
func (d *deriver) blind() bool {
	others := func(n *node) bool { return !isRouter(n.Endpoint) && n.unreached == nil }
	refused := func(n *node) bool { return n.unreached != nil && n.unreached.Code != "" }
	return !slices.ContainsFunc(d.nodes, others) || slices.ContainsFunc(d.mongos, refused)
}

func (d *deriver) router(n *node) {
	s := &set{deriver: d, nodes: []*node{n}, rejected: map[*node]bool{}, unproven: map[*node]bool{}, alias: map[*node]*node{}}
	d.book.Add(&n.Node, reachableID, readiness.Bool(true))
	if !n.router() {
		d.book.Fail(&n.Node, identityID, observe.Finding(readiness.IdentityMismatch, "%s is no router (mongos)", n.Name))
		return
	}
	d.book.Add(&n.Node, roleID, readiness.Str("router"))
	s.version(n)
	s.clock(n)
	s.privileges(n)
	s.unsaid(n)
}

// shards compares what the cluster says it consists of with the resource.
func (d *deriver) shards() {
	if !sharded(d.spec) {
		return
	}
	told, by := d.told()
	if told == nil {
		for _, s := range d.sets[:min(1, len(d.sets))] {
			s.parts[topologyID] = append(s.parts[topologyID], part{set: s, failure: &readiness.Finding{Code: readiness.QueryFailed,
				Message: "neither a router nor the config servers told which shards there are"}})
		}
		return
	}
	var findings []readiness.Finding
	for _, name := range slices.Sorted(maps.Keys(told.Shards)) {
		findings = append(findings, d.shard(name, told.Shards[name], by)...)
	}
	for _, s := range d.sets {
		if _, known := told.Shards[s.key]; !known && s.key != roleConfig {
			findings = append(findings, observe.Finding(readiness.NotAMember, "the cluster has no shard %s, which the resource lists", s.key))
		}
	}
	if s := d.set(roleConfig); s == nil {
		findings = append(findings, observe.Finding(readiness.EndpointMissing, "the resource lists no config servers (role: config), and the cluster cannot do without"))
	} else if told.Config != "" {
		findings = append(findings, d.sameSet(s, told.Config, by)...)
	}
	d.book.Add(nil, shardsID, readiness.Num(float64(len(told.Shards))), findings...)
	if len(findings) > 0 { // shards may be optional, what nobody looks at is not
		d.parts[topologyID] = append(d.parts[topologyID], part{value: readiness.Str("cluster"), findings: findings})
	}
	d.balancer(by, told)
}

// told is the newest answer to what the cluster consists of: a router's, else the
// config servers'.
func (d *deriver) told() (*cluster, *node) {
	for _, n := range d.mongos {
		if n.reached() && n.router() && n.cluster != nil && n.cluster.Shards != nil {
			return n.cluster, n
		}
	}
	if s := d.set(roleConfig); s != nil && s.primary != nil && s.trusted(s.primary) && s.primary.cluster != nil && s.primary.cluster.Shards != nil {
		return s.primary.cluster, s.primary
	}
	return nil, nil
}

// ours reports whether a router is of the same cluster as the one that is asked
// what the cluster consists of, and says so if it is not: its clients reach other
// data.
func (d *deriver) ours(n *node) bool {
	told, by := d.told()
	if told == nil || by == n || !told.apart(n.cluster) {
		return true
	}
	d.book.Blame(&n.Node, roleID, observe.Finding(readiness.IdentityMismatch, "%s is a router of another cluster than %s tells of: its config servers are %q and those of %s are %q", n.Name, by.Name, n.cluster.Config, by.Name, told.Config))
	return false
}

// apart reports whether two answers are of two clusters: some set that both name
// has no host in common.
func (c *cluster) apart(other *cluster) bool {
	if other == nil {
		return false
	}
	differ := func(a, b string) bool {
		x, y := hostsOf(a), hostsOf(b)
		return len(x) > 0 && len(y) > 0 && !slices.ContainsFunc(x, func(h string) bool {
			return slices.ContainsFunc(y, func(i string) bool { return sameHost(h, i) })
		})
	}
	for name, hosts := range c.Shards {
		if differ(hosts, other.Shards[name]) {
			return true
		}
	}
	return differ(c.Config, other.Config)
}

func (d *deriver) set(key string) *set {
	for _, s := range d.sets {
		if s.key == key {
			return s
		}
	}
	return nil
}

func (d *deriver) shard(name, hosts string, by *node) []readiness.Finding {
	s := d.set(name)
	if s == nil {
		return []readiness.Finding{observe.Finding(readiness.ShardMissing, "shard %s (%s) is in the cluster and not in the resource: nobody looked at it", name, hosts)}
	}
	return d.sameSet(s, hosts, by)
}

// sameSet: the set behind the endpoints of a shard must be the one the cluster
// means. A copy of a cluster has sets of the same names, so hosts are compared as
// well: one of those the cluster tells must be a member here.
func (d *deriver) sameSet(s *set, hosts string, by *node) []readiness.Finding {
	want := setOf(hosts)
	if list := hostsOf(hosts); s.config != nil && len(list) > 0 && !slices.ContainsFunc(list, func(h string) bool { return s.config.seat(h) != nil }) {
		return []readiness.Finding{observe.Finding(readiness.IdentityMismatch, "%s says that %s is %s, and none of these is a member of the set that the resource lists", by.Name, s.key, hosts)}
	}
	for _, n := range s.nodes {
		if s.member(n) && n.hello.SetName != "" && want != "" && n.hello.SetName != want {
			return []readiness.Finding{observe.Finding(readiness.IdentityMismatch, "%s says that %s is set %q, and %s is of set %q", by.Name, s.key, want, n.Name, n.hello.SetName)}
		}
	}
	return nil
}

// balancer: a round without work is over at once, so one that is seen moves data.
func (d *deriver) balancer(by *node, told *cluster) {
	if told.Balancer == "" && len(told.Draining) == 0 {
		return
	}
	text := told.Balancer
	if text == "" {
		text = "mode not told"
	}
	var findings []readiness.Finding
	if told.InRound {
		text += ", in a round"
		findings = append(findings, observe.Finding(readiness.BalancerActive, "%s says that the balancer is in a round", by.Name))
	}
	if len(told.Draining) > 0 {
		findings = append(findings, observe.Finding(readiness.BalancerActive, "%s says that %s is draining: its data moves to the other shards", by.Name, strings.Join(told.Draining, ", ")))
	}
	d.book.Add(nil, balancerID, readiness.Str(text), findings...)
}
