package model

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// Role is what a replica takes itself for.
type Role uint8

// Roles, numbered as role of sys.dm_hadr_availability_replica_states is.
const (
	Resolving Role = iota
	Primary
	Secondary
)

func (r Role) String() string { return [...]string{"RESOLVING", "PRIMARY", "SECONDARY"}[r] }

// State is the movement of a database's log, numbered as synchronization_state is.
type State uint8

// States.
const (
	NotSynchronizing State = iota
	Synchronizing
	Synchronized
	Reverting
	Initializing
)

func (s State) String() string {
	return [...]string{"NOT SYNCHRONIZING", "SYNCHRONIZING", "SYNCHRONIZED", "REVERTING", "INITIALIZING"}[s]
}

// Health is a judgement of the server's own.
type Health uint8

// Healths.
const (
	NotHealthy Health = iota
	PartiallyHealthy
	Healthy
)

func (h Health) String() string {
	return [...]string{"NOT_HEALTHY", "PARTIALLY_HEALTHY", "HEALTHY"}[h]
}

// ClusterType says who looks after a group, numbered as cluster_type is.
type ClusterType uint8

// Cluster types.
const (
	WSFC ClusterType = iota
	External
	None
)

func (t ClusterType) String() string { return [...]string{"WSFC", "EXTERNAL", "NONE"}[t] }

// Group is an availability group. In a distributed one the replicas are groups.
type Group struct {
	World       *World
	ID          sqltype.GUID
	Name        string
	Distributed bool
	Type        ClusterType
	RSSC        int // required_synchronized_secondaries_to_commit; of a distributed group each side has its own
	Sequence    int64
	Replicas    []*Replica
	Databases   []*Database
	Listener    *Listener // nil without
	ready       map[readyKey]bool
}

type readyKey struct {
	replica  *Replica
	database string
}

// Database is a database of a group: what is the same on all its replicas.
type Database struct {
	Name string
	ID   sqltype.GUID // group_database_id
}

// Replica is one place in a group.
type Replica struct {
	Group     *Group
	ID        sqltype.GUID
	Name      string
	Instance  *Instance // of a local group
	Member    *Group    // of a distributed group
	Role      Role      // as it sees itself
	Sync      bool
	Automatic bool
	Seeding   bool // automatic
	Timeout   int  // seconds
	Readable  string
	Joined    bool
	Required  int // RSSC as the side of a distributed group has it
}

// Listener is the name clients connect to.
type Listener struct {
	ID        sqltype.GUID
	Name      string
	Port      int
	Addresses []ListenerAddress
}

// ListenerAddress is one of a listener's addresses: one is online, where the
// primary is.
type ListenerAddress struct {
	Address, Site string
	Failed        bool
}

// NewGroup makes an empty group and adds it to the world.
func (w *World) NewGroup(name string, t ClusterType) *Group {
	g := &Group{World: w, ID: w.GUID("group", name), Name: name, Type: t, Sequence: 4294967300, ready: map[readyKey]bool{}}
	w.Groups = append(w.Groups, g)
	return g
}

// Add gives a group a replica on an instance.
func (g *Group) Add(i *Instance, role Role, sync bool) *Replica {
	r := &Replica{Group: g, ID: g.World.GUID("replica", g.Name, i.Name), Name: i.Name, Instance: i, Role: role, Sync: sync, Seeding: true, Timeout: 10, Readable: "ALL", Joined: true}
	g.Replicas = append(g.Replicas, r)
	return r
}

// AddMember gives a distributed group a member.
func (g *Group) AddMember(m *Group, role Role, sync bool) *Replica {
	r := &Replica{Group: g, ID: g.World.GUID("replica", g.Name, m.Name), Name: m.Name, Member: m, Role: role, Sync: sync, Seeding: true, Timeout: 10, Readable: "ALL", Joined: true}
	g.Replicas = append(g.Replicas, r)
	g.Distributed = true
	return r
}

// ReplicaOn is the replica of an instance; nil if it has none.
func (g *Group) ReplicaOn(i *Instance) *Replica {
	for _, r := range g.Replicas {
		if r.Instance == i && i != nil {
			return r
		}
	}
	return nil
}

// Replica finds one by name; nil if there is none.
func (g *Group) Replica(name string) *Replica {
	for _, r := range g.Replicas {
		if strings.EqualFold(r.Name, name) {
			return r
		}
	}
	return nil
}

// memberOn is the place of a distributed group that an instance acts for: it must be
// primary of the member.
func (g *Group) memberOn(i *Instance) *Replica {
	for _, r := range g.Replicas {
		if local := r.Member.ReplicaOn(i); local != nil && local.Role == Primary {
			return r
		}
	}
	return nil
}

// Local is the replica that is an instance's own, of either kind of group.
func (g *Group) Local(i *Instance) *Replica {
	if g.Distributed {
		return g.memberOn(i)
	}
	return g.ReplicaOn(i)
}

// Acting is the instance that acts for a replica: its own, or its member's primary.
func (r *Replica) Acting() *Instance {
	if r.Member == nil {
		return r.Instance
	}
	if p := r.Member.actingPrimary(); p != nil {
		return p.Instance
	}
	return nil
}

// Copy is the copy a replica has of a database; nil if nobody acts for it or there
// is none.
func (r *Replica) Copy(database string) *Copy {
	if i := r.Acting(); i != nil {
		return i.Database(database)
	}
	return nil
}

// primaries are the replicas that take themselves for primary and are alive.
func (g *Group) primaries() []*Replica {
	var out []*Replica
	for _, r := range g.Replicas {
		if i := r.Acting(); r.Role == Primary && i != nil && i.Up {
			out = append(out, r)
		}
	}
	return out
}

// actingPrimary is a primary that is alive and, on a cluster, has quorum; nil if
// there is none.
func (g *Group) actingPrimary() *Replica {
	for _, r := range g.primaries() {
		if g.Distributed || g.Type != WSFC || r.Instance.Quorum() {
			return r
		}
	}
	return nil
}

// PrimaryName is who an instance believes to be primary; empty if it does not know.
func (g *Group) PrimaryName(as *Instance) string {
	if l := g.Local(as); l != nil && l.Role == Primary {
		return l.Name
	}
	if g.Type == WSFC && !g.Distributed && !as.Quorum() {
		return ""
	}
	for _, r := range g.primaries() {
		if g.Type == WSFC || g.World.Connected(as, r.Acting()) {
			return r.Name
		}
	}
	return ""
}

// Upstream is the replica that a replica gets its log from; nil if there is none it
// can reach.
func (g *Group) Upstream(r *Replica) *Replica {
	if r.Role != Secondary {
		return nil
	}
	for _, p := range g.primaries() {
		if p != r && g.World.Connected(r.Acting(), p.Acting()) {
			return p
		}
	}
	return nil
}
