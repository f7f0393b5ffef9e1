package sqlserver

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var finding = observe.Finding

// derive turns what the instances said into observations. It is pure: the same
// nodes give the same observations.
func derive(spec connectors.Spec, nodes []*node, written []readiness.Finding, now time.Time) []readiness.Observation {
	d := newDeriver(spec, nodes, now)
	for _, n := range nodes {
		d.node(n)
	}
	d.match()
	if form(spec) == formShipping {
		d.shipping()
	} else {
		d.topology()
		d.sides()
		d.heartbeats(written)
	}
	for _, n := range nodes {
		if d.member(n) {
			d.unsaid(n)
		}
	}
	return d.book.Observations()
}

func newDeriver(spec connectors.Spec, nodes []*node, now time.Time) *deriver {
	d := &deriver{spec: spec, nodes: nodes, book: &observe.Book{Target: spec.Target, Now: now},
		places: map[*node]place{}, roles: map[*node]role{}, rejected: map[*node]bool{}, alias: map[*node]*node{}, farSite: spec.Home.DR}
	for _, n := range nodes {
		d.book.Nodes = append(d.book.Nodes, &n.Node)
	}
	d.group, d.ambiguous = findGroup(spec, nodes)
	for _, n := range nodes {
		d.places[n] = d.group.place(n)
		d.roles[n] = d.group.role(d.places[n])
	}
	return d
}

type deriver struct {
	spec  connectors.Spec
	nodes []*node
	book  *observe.Book

	group     group
	ambiguous *readiness.Finding // which group is meant is not known
	places    map[*node]place
	roles     map[*node]role
	rejected  map[*node]bool  // reached, but not proved to be of the declared group
	alias     map[*node]*node // a second name of an instance listed before it

	primary   *node // the one that accepts writes, or nil
	writers   int   // how many of those were seen
	forwarder *node // distributed: the one primary of the other group, or nil
	farSite   string
	links     []*link
}

// add records a reading. There is one of each indicator of each instance: what else
// is said of it becomes a finding of that one.
func (d *deriver) add(n *node, id readiness.ID, v readiness.Value, findings ...readiness.Finding) {
	d.addAt(n, time.Time{}, id, v, findings...)
}

// addAt is add for what was true at another moment, as another instance told it;
// zero is when the instance itself was read.
func (d *deriver) addAt(n *node, at time.Time, id readiness.ID, v readiness.Value, findings ...readiness.Finding) {
	switch {
	case d.book.Has(inBook(n), id):
		for _, f := range findings {
			d.book.Blame(inBook(n), id, f)
		}
	case at.IsZero():
		d.book.Add(inBook(n), id, v, findings...)
	default:
		d.book.AddAt(inBook(n), at, id, v, findings...)
	}
}

// fail records a reading that could not be made.
func (d *deriver) fail(n *node, id readiness.ID, why readiness.Finding) {
	if !d.book.Blame(inBook(n), id, why) {
		d.book.Fail(inBook(n), id, why)
	}
}

// blame adds a finding to a reading that was recorded already.
func (d *deriver) blame(n *node, id readiness.ID, f readiness.Finding) {
	d.book.Blame(inBook(n), id, f)
}

func inBook(n *node) *observe.Node {
	if n == nil {
		return nil
	}
	return &n.Node
}

// failedReading reports a reading that failed on a reached instance, if it did.
func (d *deriver) failedReading(n *node, id readiness.ID) bool {
	f, failed := n.failed[id]
	if failed {
		d.fail(n, id, f)
	}
	return failed
}

// unsaid records what failed and concerned nothing that was derived: a reading
// that failed never disappears.
func (d *deriver) unsaid(n *node) {
	for _, id := range slices.Sorted(maps.Keys(n.failed)) {
		said := slices.ContainsFunc(d.book.Observations(), func(o readiness.Observation) bool {
			return o.Endpoint == n.Name && o.Indicator == id && (o.Failure != nil || slices.Contains(o.Findings, n.failed[id]))
		})
		if !said {
			d.failedReading(n, id)
		}
	}
}

// member reports whether an instance was reached and belongs to the declared group,
// under its first name.
func (d *deriver) member(n *node) bool {
	return n.facts != nil && !d.rejected[n] && d.alias[n] == nil
}

// with lists members of a role.
func (d *deriver) with(wanted role) []*node {
	var found []*node
	for _, n := range d.nodes {
		if d.member(n) && d.roles[n] == wanted {
			found = append(found, n)
		}
	}
	return found
}

// previous is the newest earlier reading; it is used for figures labelled as last
// known, never as proof.
func (d *deriver) previous(endpoint string, id readiness.ID) (readiness.Observation, bool) {
	if d.spec.Previous == nil {
		return readiness.Observation{}, false
	}
	return d.spec.Previous(endpoint, id)
}

// match finds the one primary.
func (d *deriver) match() {
	primaries := d.with(primaryRole)
	d.writers = len(primaries)
	if len(primaries) == 1 {
		d.primary = primaries[0]
		d.farSite = observe.FarSite(d.spec.Home, d.primary.Site)
	}
	if forwarders := d.with(forwarderRole); len(forwarders) == 1 {
		d.forwarder = forwarders[0]
	}
}

func names(nodes []*node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// some lists names for a person, and how many more there are.
func some(list []string) string {
	slices.Sort(list)
	const shown = 5
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:shown], ", ") + " and others"
}

func count(n int64) string { return strconv.FormatInt(n, 10) }
