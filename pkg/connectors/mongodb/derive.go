package mongodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// derive turns what the nodes said into observations. It is pure: the same nodes
// give the same observations.
func derive(spec connectors.Spec, nodes []*node, written *readiness.Finding, now time.Time) []readiness.Observation {
	d := &deriver{spec: spec, nodes: nodes, written: written, parts: map[readiness.ID][]part{}}
	d.book = &observe.Book{Target: spec.Target, Now: now}
	for _, n := range nodes {
		d.book.Nodes = append(d.book.Nodes, &n.Node)
	}
	d.group()
	for _, s := range d.sets {
		s.derive()
	}
	d.routers()
	d.shards()
	d.merge()
	return d.book.Observations()
}

type deriver struct {
	spec    connectors.Spec
	nodes   []*node
	written *readiness.Finding
	book    *observe.Book
	sets    []*set
	mongos  []*node
	parts   map[readiness.ID][]part
}

// set is one replica set: the whole resource, or the config servers or one shard
// of a sharded cluster.
type set struct {
	*deriver
	key   string // name of the shard, or config; empty where there is one set only
	nodes []*node

	rejected map[*node]bool  // answered, and is not of this set
	unproven map[*node]bool  // answered, and did not prove to be of it
	alias    map[*node]*node // a second name of a node listed before it
	primary  *node           // the one that writes, or nil
	writers  []*node         // all that say they write
	farSite  string          // where a copy must be for the set to survive the loss of the primary's site
	config   *config         // the configuration in force: the primary's, else the newest
	from     *node           // whose answer that is
	seats    map[*node]*seat
}

// group puts endpoints into sets, in the order of the resource.
func (d *deriver) group() {
	byKey := map[string]*set{}
	for _, n := range d.nodes {
		if isRouter(n.Endpoint) {
			d.mongos = append(d.mongos, n)
			continue
		}
		key := setKey(n.Endpoint)
		if byKey[key] == nil {
			byKey[key] = &set{deriver: d, key: key, rejected: map[*node]bool{}, unproven: map[*node]bool{}, alias: map[*node]*node{}, seats: map[*node]*seat{}}
			d.sets = append(d.sets, byKey[key])
		}
		byKey[key].nodes = append(byKey[key].nodes, n)
	}
}

func (s *set) derive() {
	s.identify()
	s.aliases()
	s.elect()
	s.bind()
	for _, n := range s.nodes {
		s.node(n)
	}
	s.topology()
	s.membership()
	s.quorum()
	s.lags()
	s.candidates()
	s.exposure()
	s.heartbeatViews()
	s.sources()
	s.oplogs()
	s.terms()
	s.throttle()
	s.defaultConcern()
	s.beats()
	for _, n := range s.nodes {
		if n.reached() {
			s.unsaid(n)
		}
	}
}

// member reports whether a node answered and is not known to be a stranger, under
// its first name. Its role is known; more only when it is trusted.
func (s *set) member(n *node) bool {
	return n.hello != nil && !s.rejected[n] && s.alias[n] == nil
}

// trusted reports whether a node's views can be read as this set's.
func (s *set) trusted(n *node) bool {
	return s.member(n) && n.reached() && !s.unproven[n] && !n.unsupported()
}

// elect finds who writes, by each node's own hello and nothing else: two that
// claim it are two, whatever their terms.
func (s *set) elect() {
	for _, n := range s.nodes {
		if s.member(n) && n.writes() {
			s.writers = append(s.writers, n)
		}
	}
	if len(s.writers) == 1 {
		s.primary = s.writers[0]
	}
	site := ""
	if s.primary != nil {
		site = s.primary.Site
	}
	s.farSite = observe.FarSite(s.spec.Home, site)
}

// authority is the node whose views count: the primary, where it told its status.
func (s *set) authority() *node {
	if s.primary != nil && s.trusted(s.primary) && s.primary.status != nil {
		return s.primary
	}
	return nil
}

// patience is how long a heartbeat counts.
func (s *set) patience() time.Duration {
	if s.config == nil {
		return defaultPatience
	}
	return s.config.Patience
}

// failedReading reports a reading that failed on a reached node, if it did.
func (s *set) failedReading(n *node, id readiness.ID) bool {
	f, failed := n.failed[id]
	if failed {
		s.book.Fail(&n.Node, id, f)
	}
	return failed
}

// unsaid records what failed and concerned nothing that was derived: a reading
// that failed never disappears.
func (s *set) unsaid(n *node) {
	for _, id := range slices.Sorted(maps.Keys(n.failed)) {
		said := slices.ContainsFunc(s.book.Observations(), func(o readiness.Observation) bool {
			return o.Endpoint == n.Name && o.Indicator == id && o.Failure != nil
		})
		if !said {
			s.failedReading(n, id)
		}
	}
}

// part is what one set adds to an indicator of the resource as a whole.
type part struct {
	set      *set
	value    readiness.Value
	at       time.Time
	findings []readiness.Finding
	failure  *readiness.Finding
}

func (s *set) add(id readiness.ID, at time.Time, v readiness.Value, findings ...readiness.Finding) {
	if text, ok := v.Text(); ok && s.key != "" {
		v = readiness.Str(s.key + ": " + text)
	}
	s.parts[id] = append(s.parts[id], part{set: s, value: v, at: at, findings: s.named(findings)})
}

func (s *set) fail(id readiness.ID, why readiness.Finding, findings ...readiness.Finding) {
	why = s.named([]readiness.Finding{why})[0]
	s.parts[id] = append(s.parts[id], part{set: s, failure: &why, findings: s.named(findings)})
}

// named puts the name of the set before each message, where there are several.
func (s *set) named(findings []readiness.Finding) []readiness.Finding {
	if s.key == "" {
		return findings
	}
	list := slices.Clone(findings)
	for i := range list {
		list[i].Message = s.key + ": " + list[i].Message
	}
	return list
}

// merge records what the sets said together: numbers by the worst set, texts side
// by side. One set that is not known makes the whole not known.
func (d *deriver) merge() {
	for _, i := range catalog {
		parts := d.parts[i.ID]
		if len(parts) == 0 {
			continue
		}
		var failure *readiness.Finding
		var findings []readiness.Finding
		value, at := parts[0].value, parts[0].at
		for n, p := range parts {
			if p.failure != nil && failure != nil {
				findings = append(findings, *p.failure)
			} else if p.failure != nil {
				failure = p.failure
			}
			findings = append(findings, p.findings...)
			if n > 0 {
				value = worse(i, value, p.value)
			}
			if at.IsZero() || !p.at.IsZero() && p.at.Before(at) {
				at = p.at
			}
		}
		switch {
		case failure != nil:
			d.book.Fail(nil, i.ID, *failure)
			for _, f := range findings {
				d.book.Blame(nil, i.ID, f)
			}
		case at.IsZero():
			d.book.Add(nil, i.ID, value, findings...)
		default:
			d.book.AddAt(nil, at, i.ID, value, findings...)
		}
	}
}

func worse(i readiness.Indicator, a, b readiness.Value) readiness.Value {
	x, isNumber := a.Number()
	y, both := b.Number()
	switch {
	case !isNumber || !both:
		return readiness.Str(a.Format(i.Unit) + "; " + b.Format(i.Unit))
	case i.Unit == readiness.Count: // of votes, voters and candidates the fewest
		return readiness.Num(min(x, y))
	default:
		return readiness.Num(max(x, y))
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

// seconds prints a duration for a message.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
