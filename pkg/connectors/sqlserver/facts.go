package sqlserver

import (
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// node is everything one probe learned about one instance. The derive functions
// read it and nothing else. What is a pointer or empty was NULL or not told.
type node struct {
	observe.Node

	took time.Duration // of the first request

	// unreached is set when the instance gave no facts; facts is nil then.
	unreached *endpoint.Failure
	facts     *instance
	accepted  bool // its host took a TCP connection

	started    *time.Time
	replicas   []replica
	databases  []databaseState
	joined     []joinedDatabase
	cluster    *cluster // nil: no row, which is no quorum, or not read
	members    []clusterMember
	local      []localDatabase
	logUsed    map[string]int64 // percent, by database
	backups    map[string]int64 // seconds since the newest log backup, by database
	listeners  []listenerAddress
	mirroring  []mirroringEndpoint
	seeding    []seedingRun
	outside    outside
	shippedLog shipping
	beats      []heartbeat

	// failed holds readings that failed on an instance that was reached, by the
	// indicator they were for.
	failed map[readiness.ID]readiness.Finding
}

// instance is what SERVERPROPERTY says.
type instance struct {
	ServerName      string
	PhysicalName    string // of the host it runs on now; changes when a cluster instance moves
	ProductVersion  string
	Major           int64
	Engine          int64
	HADR, Clustered *bool
	ViewDefinition  bool
	ViewState       bool // or what is enough of it in this version
	Clock           time.Time
}

// replica is a row of replicasSQL: one replica of one group, as one instance sees
// it. In a distributed group a replica is a whole availability group.
type replica struct {
	Group       string // identifier
	GroupName   string
	Distributed bool
	Basic       bool
	Contained   bool
	ClusterType string // WSFC, EXTERNAL, NONE; empty before 2017, which knows WSFC only
	Required    *int64 // synchronous secondaries that a commit waits for
	Sequence    *int64 // of the group's configuration

	Primary         string // name of the primary replica, as this instance knows it
	PrimaryRecovery string // ONLINE, ONLINE_IN_PROGRESS; on the primary only

	ID          string
	Server      string // replica_server_name
	Mode        string // SYNCHRONOUS_COMMIT, ASYNCHRONOUS_COMMIT, CONFIGURATION_ONLY
	Failover    string // AUTOMATIC, MANUAL, EXTERNAL
	Timeout     *int64 // seconds without an answer until it counts as disconnected
	Connections string // NO, READ_ONLY, ALL

	Local       *bool
	Role        string // PRIMARY, SECONDARY, RESOLVING; empty when not told
	Operational string
	Connected   string // CONNECTED, DISCONNECTED
}

func (r replica) local() bool { return r.Local != nil && *r.Local }

func (r replica) synchronous() bool { return r.Mode == "SYNCHRONOUS_COMMIT" }

// windows reports whether a Windows cluster decides who is primary.
func (r replica) windows() bool { return r.ClusterType == "" || r.ClusterType == "WSFC" }

// databaseState is a row of databasesSQL.
type databaseState struct {
	Group, Replica, ID string
	Name               string
	Local, Primary     *bool

	State         string // of synchronization
	DatabaseState string
	Suspended     *bool
	Reason        string
	Ready         *bool // is_failover_ready, which the cluster stores
	Joined        *bool

	Hardened, EndOfLog, Recovery string
	LastCommit                   *time.Time // no zone: good for differences within one answer
	SendQueueKB, RedoQueueKB     *int64
	RedoRateKB                   *int64
}

type joinedDatabase struct {
	Replica, ID, Name string
	Joined            *bool
}

type cluster struct{ Name, QuorumType, QuorumState string }

type clusterMember struct {
	Name, Type, State string
	Votes             *int64
}

type localDatabase struct {
	Name, ID     string
	State        string
	ReuseWait    string
	Encrypted    *bool
	Fork, Family string
}

type listenerAddress struct {
	Group, DNS, Address, State string
}

type mirroringEndpoint struct {
	Name, State, Certificate string
	MinutesLeft              *int64
}

type seedingRun struct {
	Group, Database, Replica string
	Started                  *time.Time
	State, Failure           string
}

// outside is what lies outside of databases and matters after a failover.
type outside struct {
	logins       map[string]login
	jobs         map[string]bool // enabled
	servers      map[string]bool
	credentials  map[string]bool
	certificates map[string]bool   // thumbprint -> has its private key
	encryptors   map[string]string // database -> thumbprint of the certificate
}

type login struct {
	Type, SID string
}

// fold makes names comparable: without letter case, as
// most servers do.
func fold(name string) string { return strings.ToLower(name) }

func instanceOf(r row) *instance {
	f := &instance{
		ServerName: r.text("server_name"), PhysicalName: r.text("physical_name"), ProductVersion: r.text("product_version"),
		HADR: r.flag("hadr_enabled"), Clustered: r.flag("is_clustered"),
		ViewDefinition: isSet(r.flag("view_definition")),
		ViewState:      isSet(r.flag("view_state")) || isSet(r.flag("view_performance_state")),
	}
	if n := r.number("major_version"); n != nil {
		f.Major = *n
	}
	if n := r.number("engine_edition"); n != nil {
		f.Engine = *n
	}
	if t := r.time("node_clock"); t != nil {
		f.Clock = *t
	}
	return f
}

func replicaOf(r row) replica {
	return replica{
		Group: r.id("group_id"), GroupName: r.text("group_name"), Distributed: isSet(r.flag("is_distributed")), Basic: isSet(r.flag("basic_features")),
		Contained: isSet(r.flag("is_contained")), ClusterType: strings.ToUpper(r.text("cluster_type_desc")),
		Required: r.number("required_synchronized_secondaries_to_commit"), Sequence: r.number("sequence_number"),
		Primary: r.text("primary_replica"), PrimaryRecovery: r.text("primary_recovery_health_desc"),
		ID: r.id("replica_id"), Server: r.text("replica_server_name"), Mode: r.text("availability_mode_desc"), Failover: r.text("failover_mode_desc"),
		Timeout: r.number("session_timeout"), Connections: r.text("secondary_role_allow_connections_desc"),
		Local: r.flag("is_local"), Role: r.text("role_desc"), Operational: r.text("operational_state_desc"), Connected: r.text("connected_state_desc"),
	}
}

func databaseOf(r row) databaseState {
	s := databaseState{
		Group: r.id("group_id"), Replica: r.id("replica_id"), ID: r.id("group_database_id"), Name: r.text("database_name"),
		Local: r.flag("is_local"), Primary: r.flag("is_primary_replica"),
		State: r.text("synchronization_state_desc"), DatabaseState: r.text("database_state_desc"),
		Suspended: r.flag("is_suspended"), Reason: r.text("suspend_reason_desc"), Ready: r.flag("is_failover_ready"), Joined: r.flag("is_database_joined"),
		Hardened: r.text("last_hardened_lsn"), EndOfLog: r.text("end_of_log_lsn"), Recovery: r.text("recovery_lsn"),
		LastCommit: r.time("last_commit_time"), SendQueueKB: r.number("log_send_queue_size"), RedoQueueKB: r.number("redo_queue_size"), RedoRateKB: r.number("redo_rate"),
	}
	if s.Name == "" {
		s.Name = r.text("local_name")
	}
	return s
}

func isSet(b *bool) bool { return b != nil && *b }
