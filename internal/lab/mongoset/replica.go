package mongoset

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Intervals that the product fixes, or has as defaults nobody changes.
const (
	noopInterval         = 10 * time.Second // periodicNoopIntervalSecs
	maxSyncSourceLag     = 30 * time.Second // maxSyncSourceLagSecs
	takeoverFreshness    = 2                // priorityTakeoverFreshnessWindowSeconds
	flowControlTargetLag = 10 * time.Second // flowControlTargetLagSeconds
	rollbackTime         = 3 * time.Second  // how long a rollback takes here
)

// replica is a replica set: the model that answers are made from. It is pure: it
// knows no network and no clock but the times it is given, and changes only
// inside its methods. Whoever uses it holds a lock.
//
// Nothing ticks. What would have happened since the last call is made up when
// somebody asks, in the order in which it would have happened.
type replica struct {
	name     string
	nodes    []*node
	severed  map[link]int // connections that cannot be made, by who would open them, and for how many reasons
	now      time.Time
	onChange func() // called when a server's topology version grew
}

type link struct{ from, to int }

// process is what became of a server's process.
type process int

const (
	running process = iota
	stopped         // its port refuses
	hung            // its port accepts, and nothing is ever answered
)

// memberState is a member's state by the product's numbers.
type memberState int32

const (
	stateStartup    memberState = 0
	statePrimary    memberState = 1
	stateSecondary  memberState = 2
	stateRecovering memberState = 3
	stateStartup2   memberState = 5
	stateUnknown    memberState = 6
	stateArbiter    memberState = 7
	stateDown       memberState = 8
	stateRollback   memberState = 9
	stateRemoved    memberState = 10
)

func (s memberState) String() string {
	switch s {
	case stateStartup:
		return "STARTUP"
	case statePrimary:
		return "PRIMARY"
	case stateSecondary:
		return "SECONDARY"
	case stateRecovering:
		return "RECOVERING"
	case stateStartup2:
		return "STARTUP2"
	case stateArbiter:
		return "ARBITER"
	case stateDown:
		return "DOWN"
	case stateRollback:
		return "ROLLBACK"
	case stateRemoved:
		return "REMOVED"
	}
	return "UNKNOWN"
}

// node is one server. What it believes of the others is in its views, and no two
// nodes share a belief.
type node struct {
	index int
	name  string
	site  string
	host  string
	v     version

	process   process
	processes map[string]process // what each fault made of it; the worst holds
	since     time.Time          // the process began
	processID primitive.ObjectID
	counter   int64 // of the topology version

	cfg     *config
	state   memberState
	term    int64
	voted   int64 // the last term it voted in
	primary string
	views   map[string]*view

	log       oplog
	data      store
	committed opTime
	source    string // whom it pulls from
	info      string // infoMessage, about the last change of source
	tooStale  bool

	lastRound     time.Time // of heartbeats
	heartbeatDue  time.Time
	electionDue   time.Time
	takeoverDue   time.Time // zero: no takeover is planned
	noopDue       time.Time
	rollbackUntil time.Time
	stepDownUntil time.Time // no candidate before

	electionTime primitive.Timestamp
	electionTerm int64
	firstOfTerm  opTime
	candidate    *candidacy
	ballot       *ballot
	elections    electionCounts

	quirks quirks
	odd    map[string]func(*quirks) // what each fault changes of them
}

// quirks are what faults do to a node that a healthy one would not do by itself.
type quirks struct {
	skew         time.Duration // its clock is ahead
	paused       bool          // does not pull
	held         bool          // stays in its state
	stubborn     bool          // does not step down
	frozenViews  bool          // heartbeats are neither sent nor noticed
	deafToConfig bool          // installs no newer configuration
	noSource     bool          // finds nobody to pull from
	nullOptimes  bool          // answers that it has no position
	silentAbout  bool          // sends no topology version
	flowLagged   bool
}

// view is what one member knows of another, from heartbeats.
type view struct {
	health        float64
	state         memberState
	upSince       time.Time
	lastHeartbeat time.Time // the last attempt that ended, failed ones included, as in the product
	lastReceived  time.Time // the last request from it
	lastAlive     time.Time // anything that proves it to be alive
	message       string
	applied       opTime // of the last heartbeat; none when that failed
	durable       opTime
	known         opTime // the newest position ever heard of
	knownWall     time.Time
	source        string
	term          int64
	electionTime  primitive.Timestamp
	cfgVersion    int
	cfgTerm       int64
	frozen        bool // may not be elected now
}

func (v *view) up() bool { return v.health > 0 }

func (v *view) setDown(now time.Time, message string) {
	*v = view{
		state: stateDown, lastHeartbeat: now, lastReceived: v.lastReceived, lastAlive: v.lastAlive, message: message,
		applied: opTime{term: -1}, durable: opTime{term: -1}, known: v.known, knownWall: v.knownWall, term: v.term,
		cfgVersion: -1, cfgTerm: -1,
	}
}

func (r *replica) at(host string) *node {
	i := slices.IndexFunc(r.nodes, func(n *node) bool { return samePort(n.host, host) })
	if i < 0 {
		return nil
	}
	return r.nodes[i]
}

// reaches tells whether one node can open a connection to another and be
// answered.
func (r *replica) reaches(from, to *node) bool {
	return from != nil && to != nil && from.process == running && to.process == running && r.severed[link{from.index, to.index}] == 0
}

func (n *node) self() *memberConfig {
	if n.cfg == nil {
		return nil
	}
	return n.cfg.member(n.host)
}

// me is the name the configuration has for the node.
func (n *node) me() string {
	if m := n.self(); m != nil {
		return m.host
	}
	return n.host
}

func (n *node) arbiter() bool {
	m := n.self()
	return m != nil && m.arbiter
}

// others are the configured members but the node itself.
func (n *node) others() []memberConfig {
	if n.cfg == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(n.cfg.members), func(m memberConfig) bool { return samePort(m.host, n.host) })
}

func (n *node) view(host string) *view {
	for h, v := range n.views {
		if samePort(h, host) {
			return v
		}
	}
	v := &view{state: stateUnknown, applied: noOpTime, durable: noOpTime, known: noOpTime, cfgVersion: -1, cfgTerm: -1}
	n.views[host] = v
	return v
}

// clock is the time by the node's own clock.
func (n *node) clock(now time.Time) time.Time { return now.Add(n.quirks.skew) }

func (r *replica) touch(n *node) {
	n.counter++
	if r.onChange != nil {
		r.onChange()
	}
}

func (r *replica) setState(n *node, s memberState) {
	if n.state != s {
		n.state = s
		r.touch(n)
	}
}

func (r *replica) setPrimary(n *node, host string) {
	if n.primary != host {
		n.primary = host
		r.touch(n)
	}
}

// install makes a configuration the node's own.
func (r *replica) install(n *node, c *config) {
	n.cfg = c
	m := n.self()
	switch {
	case m == nil:
		r.setState(n, stateRemoved)
		n.primary, n.source = "", ""
	case m.arbiter:
		r.setState(n, stateArbiter)
	case n.state == stateRemoved || n.state == stateArbiter || n.state == stateStartup:
		r.setState(n, stateSecondary)
		n.electionDue = r.timeout(n)
	case n.state == statePrimary && !m.electable():
		r.stepDown(n)
	}
	n.takeoverDue = time.Time{}
	r.touch(n)
}

// timeout is when a node that hears of no primary stands for election. Members
// wait a little differently, so that they do not stand at once.
func (r *replica) timeout(n *node) time.Time {
	return r.now.Add(n.cfg.electionTimeout + time.Duration(n.index)*n.cfg.electionTimeout/20)
}

func (r *replica) primaries() []*node {
	var all []*node
	for _, n := range r.nodes {
		if n.process == running && n.state == statePrimary {
			all = append(all, n)
		}
	}
	return all
}
