package mongodb

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// node is everything one probe learned about one endpoint. The derive functions
// read it and nothing else.
type node struct {
	observe.Node

	took       time.Duration // of the first request
	answeredAt time.Time     // the middle of the newest one

	// unreached is set when the node gave less than it should; hello may be there
	// all the same, because it needs no login.
	unreached *endpoint.Failure

	// accepted is set when the host of a node that was not reached took a connection:
	// its process may go on at any moment.
	accepted bool

	hello   *hello
	version string
	status  *status
	later   *status // of a primary: read again, when somebody seemed behind
	config  *config

	feature      string // featureCompatibilityVersion
	oplog        *oplogEnds
	flow         *flowControl
	writeConcern *writeConcern
	privileges   *privileges
	beat         *beats
	cluster      *cluster // what a router, or a config server, says of its cluster

	// refused is what the server said instead of its status: that it is in no set.
	refused *readiness.Finding

	// failed holds readings that failed on a node that was reached, by the
	// indicator they were for.
	failed map[readiness.ID]readiness.Finding
}

func (n *node) reached() bool { return n.unreached == nil && n.hello != nil }

// writes reports whether the node's own answer claims that it accepts writes.
func (n *node) writes() bool { return n.hello != nil && n.hello.Writable && !n.router() }

func (n *node) arbiter() bool { return n.hello != nil && n.hello.Arbiter }

func (n *node) router() bool { return n.hello != nil && n.hello.Router }

// newest is the latest status of the node.
func (n *node) newest() *status {
	if n.later != nil {
		return n.later
	}
	return n.status
}

// hello is the answer every server gives without a login (Server Manual, hello).
type hello struct {
	SetName   string     `json:"setName"`
	Me        string     `json:"me"`
	Primary   string     `json:"primary"` // whom this node takes for the primary
	Router    bool       `json:"router"`
	Writable  bool       `json:"writable"`
	Secondary bool       `json:"secondary"`
	Arbiter   bool       `json:"arbiter"`
	Clock     *time.Time `json:"clock"`
	Wire      int64      `json:"wire"`
	Process   string     `json:"process"` // of topologyVersion: another one after each restart
}

// status is replSetGetStatus of one member: what it knows of itself, and what it
// believes of the others.
type status struct {
	At            time.Time  `json:"-"` // collector's clock at the middle of the request
	Set           string     `json:"set"`
	Date          *time.Time `json:"date"` // the member's clock
	State         *int64     `json:"state"`
	Term          *int64     `json:"term"`
	Source        string     `json:"source"`
	MajorityVotes *int64     `json:"majorityVotes"`
	WriteMajority *int64     `json:"writeMajority"`
	Applied       *position  `json:"applied"`
	AppliedWall   *time.Time `json:"appliedWall"`
	Committed     *position  `json:"committed"`
	CommittedWall *time.Time `json:"committedWall"`
	TooStale      bool       `json:"tooStale"`
	InitialSync   string     `json:"initialSync"`
	Elected       string     `json:"elected"` // why it was elected, of a primary
	Members       []view     `json:"members"`
}

// view is one member as another, or itself, sees it.
type view struct {
	ID            *int64     `json:"id"`
	Name          string     `json:"name"`
	Self          bool       `json:"self"`
	Health        *float64   `json:"health"`
	State         *int64     `json:"state"`
	Uptime        *float64   `json:"uptime"`
	Applied       *position  `json:"applied"`
	AppliedWall   *time.Time `json:"appliedWall"`
	Durable       *position  `json:"durable"`
	DurableWall   *time.Time `json:"durableWall"`
	Heard         *time.Time `json:"heard"`   // lastHeartbeat: it replied
	Hears         *time.Time `json:"hears"`   // lastHeartbeatRecv: it asked
	Message       string     `json:"message"` // lastHeartbeatMessage
	Source        string     `json:"source"`
	Info          string     `json:"info"`
	ConfigVersion *int64     `json:"configVersion"`
	ConfigTerm    *int64     `json:"configTerm"`
}

// of finds the view of a member by the name the set has for it.
func (s *status) of(host string) *view {
	if s == nil {
		return nil
	}
	for i := range s.Members {
		if sameHost(s.Members[i].Name, host) {
			return &s.Members[i]
		}
	}
	return nil
}

func (s *status) self() *view {
	if s == nil {
		return nil
	}
	for i := range s.Members {
		if s.Members[i].Self {
			return &s.Members[i]
		}
	}
	return nil
}

// config is replSetGetConfig of one member: the only place that lists hidden
// members.
type config struct {
	Set       string        `json:"set"`
	Version   *int64        `json:"version"`
	Term      *int64        `json:"term"` // -1 after a forced one
	ID        string        `json:"id"`   // settings.replicaSetId
	Committed *bool         `json:"committed"`
	Patience  time.Duration `json:"patience"`  // settings.heartbeatTimeoutSecs
	Interval  time.Duration `json:"interval"`  // settings.heartbeatIntervalMillis
	Election  time.Duration `json:"election"`  // settings.electionTimeoutMillis; 0 where not told
	Journaled *bool         `json:"journaled"` // writeConcernMajorityJournalDefault
	Members   []seat        `json:"members"`
}

// seat is one member as the configuration has it.
type seat struct {
	ID       int64         `json:"id"`
	Host     string        `json:"host"`
	Arbiter  bool          `json:"arbiter"`
	Hidden   bool          `json:"hidden"`
	Priority float64       `json:"priority"`
	Votes    int64         `json:"votes"`
	Delay    time.Duration `json:"delay"`
}

func (c *config) seat(host string) *seat {
	if c == nil {
		return nil
	}
	for i := range c.Members {
		if sameHost(c.Members[i].Host, host) {
			return &c.Members[i]
		}
	}
	return nil
}

// oplogEnds is what local.oplog.rs holds.
type oplogEnds struct {
	First *time.Time `json:"first"`
	Last  *time.Time `json:"last"`
	Size  *float64   `json:"size"` // bytes in use and allowed, where collStats may be asked
	Limit *float64   `json:"limit"`
}

// flowControl is serverStatus.flowControl.
type flowControl struct {
	Enabled *bool `json:"enabled"`
	Lagged  *bool `json:"lagged"`
}

// writeConcern is getDefaultRWConcern.
type writeConcern struct {
	W      string `json:"w"` // "majority", a number, a name; empty: none is set
	Source string `json:"source"`
}

// cluster is what a sharded cluster says of itself.
type cluster struct {
	Shards   map[string]string `json:"shards"` // name of the shard -> set/hosts; nil: not told
	Draining []string          `json:"draining"`
	Config   string            `json:"config"` // the config servers, set/hosts
	Balancer string            `json:"balancer"`
	InRound  bool              `json:"inRound"`
}

// beat is the heartbeat document as one member shows it.
type beat struct {
	Sequence *int64     `json:"sequence"`
	At       *time.Time `json:"at"`
}

// beats are both readings of it: what the member has applied, and what it knows
// to be committed.
type beats struct {
	Local    *beat      `json:"local"`
	Majority *beat      `json:"majority"`
	Clock    *time.Time `json:"clock"` // the member's own, at that moment
}

// States of a member (Server Manual, replica set member states).
const (
	stateStartup    = 0
	statePrimary    = 1
	stateSecondary  = 2
	stateRecovering = 3
	stateStartup2   = 5
	stateUnknown    = 6
	stateArbiter    = 7
	stateDown       = 8
	stateRollback   = 9
	stateRemoved    = 10
)
