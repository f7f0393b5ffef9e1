package readiness

//go:generate go run ../../internal/docgen reason-codes ../../docs/reason-codes.md

// Reason codes. Names of the constants are for Go; the texts are the contract.
const (
	VisPrimary            Code = "VIS_PRIMARY"             // bcctl cannot see the primary side, so nothing about it is proved
	VisDR                 Code = "VIS_DR"                  // bcctl cannot see the DR side, so nothing about it is proved
	VisBoth               Code = "VIS_BOTH"                // bcctl can see neither side
	VisStale              Code = "VIS_STALE"               // the newest evidence is older than it may be
	VisAuth               Code = "VIS_AUTH"                // a server refused the monitoring credential
	VisCollector          Code = "VIS_COLLECTOR"           // the collector itself failed or did not finish in time
	VisEndpoint           Code = "VIS_ENDPOINT"            // an endpoint that is neither the primary's nor the DR side's only one cannot be seen
	NoIndicators          Code = "NO_INDICATORS"           // nothing required was measured, so there is nothing to judge
	IndicatorMissing      Code = "INDICATOR_MISSING"       // a required indicator was not measured in this run
	ValueInvalid          Code = "VALUE_INVALID"           // a reading was NULL, negative, in the future or not parsable, and is not taken as zero
	ClockSkew             Code = "CLOCK_SKEW"              // two clocks differ by more than the tolerance, so ages in seconds mean nothing
	Conflict              Code = "CONFLICT"                // two sources contradict each other; the worse one counts
	ExprError             Code = "EXPR_ERROR"              // an expression rule could not be evaluated
	ExprRule              Code = "EXPR_RULE"               // an expression rule of this repository holds
	InsufficientPrivilege Code = "INSUFFICIENT_PRIVILEGE"  // the monitoring role may not read what it must; masked values are not zero
	QueryFailed           Code = "QUERY_FAILED"            // a reading failed on a server that was reached
	SecretUnresolved      Code = "SECRET_UNRESOLVED"       // a credential reference could not be resolved, so no connection was made
	IdentityMismatch      Code = "IDENTITY_MISMATCH"       // a server is not the one the resource declares, by its native identity
	IdentityUnproven      Code = "IDENTITY_UNPROVEN"       // a server did not tell its native identity
	EndpointAliased       Code = "ENDPOINT_ALIASED"        // two configured endpoints are one and the same server, so one side is not seen at all
	VersionUnsupported    Code = "VERSION_UNSUPPORTED"     // the server's version is outside the range bcctl knows
	PlatformUnsupported   Code = "PLATFORM_UNSUPPORTED"    // this bcctl has no connector for the platform
	TwoWriters            Code = "TWO_WRITERS"             // two nodes of one cluster accept writes at the same time (split brain)
	WriterUnproven        Code = "WRITER_UNPROVEN"         // a node that may be writable cannot be seen while another one is primary
	NoPrimary             Code = "NO_PRIMARY"              // every node was reached and none accepts writes
	PrimaryNotHome        Code = "PRIMARY_NOT_HOME"        // the primary runs at the DR site
	NoStandbyAtDR         Code = "NO_STANDBY_AT_DR"        // no standby was found at the DR site
	PrimaryPathLost       Code = "PRIMARY_PATH_LOST"       // the primary is alive and sends to its standby; only bcctl's own path to it is broken
	PrimaryUnreachable    Code = "PRIMARY_UNREACHABLE"     // the primary does not answer and its standby hears nothing from it; it is down or partitioned, which cannot be told from here
	StandbyPathLost       Code = "STANDBY_PATH_LOST"       // the standby reports to the primary but does not answer bcctl; figures are one-sided
	StandbyAbsent         Code = "STANDBY_ABSENT"          // the primary has no live standby: DR is absent
	NodeStarting          Code = "NODE_STARTING"           // the server is alive but starting, stopping or not open for reading
	ReceiverDown          Code = "RECEIVER_DOWN"           // the standby does not receive from an upstream
	TransportSilent       Code = "TRANSPORT_SILENT"        // the replication link is shown as up but nothing was heard over it for too long
	UpstreamUnexpected    Code = "UPSTREAM_UNEXPECTED"     // the standby follows a server that is not part of this resource
	Diverged              Code = "DIVERGED"                // the standby's history is not the primary's: it has data the primary never had
	LineageUnproven       Code = "LINEAGE_UNPROVEN"        // whether the standby's history is the primary's could not be proved
	ReignMismatch         Code = "REIGN_MISMATCH"          // the standby carries another reign row than the primary: timelines with the same number are not the same
	ReplicationLagHigh    Code = "REPLICATION_LAG_HIGH"    // the standby lacks more log than allowed
	LagOverRPO            Code = "LAG_OVER_RPO"            // the observed exposure is at or over the recovery point objective
	LagNearRPO            Code = "LAG_NEAR_RPO"            // the observed exposure is over half of the recovery point objective
	ReplayBacklogHigh     Code = "REPLAY_BACKLOG_HIGH"     // log received but not applied is over the limit; promotion has to apply it first
	RTOEstimateOver       Code = "RTO_ESTIMATE_OVER"       // applying what was received would alone take longer than the recovery time objective
	ReplayPaused          Code = "REPLAY_PAUSED"           // replay on the standby is paused; it receives but does not apply
	ReplayStalled         Code = "REPLAY_STALLED"          // replay stands still while there is WAL to apply
	ApplyDelay            Code = "APPLY_DELAY"             // the standby applies with a configured delay; promotion would apply everything at once
	ReplayConflicts       Code = "REPLAY_CONFLICTS"        // queries on the standby were cancelled by replay since the last check
	ParameterTooLow       Code = "PARAMETER_TOO_LOW"       // a setting on the standby is lower than on the primary: a promotion would shut the standby down
	RecoveryTargetSet     Code = "RECOVERY_TARGET_SET"     // a standby has a recovery target: when it gets there it pauses, shuts down or promotes itself beside the primary
	FenceLeft             Code = "FENCE_LEFT"              // writes are off by default on a node that would become primary
	SyncStandbyMissing    Code = "SYNC_STANDBY_MISSING"    // fewer synchronous standbys keep up than commits wait for: they wait or would wait for ever
	PrimaryReadOnly       Code = "PRIMARY_READ_ONLY"       // the primary starts transactions read-only
	SlotLost              Code = "SLOT_LOST"               // a replication slot has lost WAL its standby still needs
	SlotAtRisk            Code = "SLOT_AT_RISK"            // a replication slot is close to losing WAL its standby needs
	SlotInactive          Code = "SLOT_INACTIVE"           // nobody reads from a replication slot, and it keeps WAL on the primary
	SlotMissing           Code = "SLOT_MISSING"            // the slot a standby names does not exist on its upstream
	ArchiveFailing        Code = "ARCHIVE_FAILING"         // the newest attempt to archive WAL failed, or none ever succeeded
	ArchiveBacklogHigh    Code = "ARCHIVE_BACKLOG_HIGH"    // many WAL files wait to be archived
	VersionMismatch       Code = "VERSION_MISMATCH"        // primary and standby run different major versions
	CollationMismatch     Code = "COLLATION_MISMATCH"      // collation versions differ from those the data was built with; indexes may be wrong after promotion
	RewindImpossible      Code = "REWIND_IMPOSSIBLE"       // after a failover the old primary could not be rewound, only rebuilt
	StandbySettings       Code = "STANDBY_SETTINGS"        // the standby's settings would keep it from serving standbys after promotion
	HeartbeatWrite        Code = "HEARTBEAT_WRITE"         // the heartbeat could not be written or is not being written, so it says nothing about lag
	HeartbeatMissing      Code = "HEARTBEAT_MISSING"       // the heartbeat row cannot be read on a node
	HeartbeatLate         Code = "HEARTBEAT_LATE"          // the heartbeat arrives late on the standby
	ThresholdExceeded     Code = "THRESHOLD_EXCEEDED"      // an indicator is beyond its limit
	Clearing              Code = "CLEARING"                // the value is good again but not yet for long enough
	MemberRed             Code = "MEMBER_RED"              // a required member of the group is red
	MemberUnknown         Code = "MEMBER_UNKNOWN"          // a required member of the group is unknown
	MemberYellow          Code = "MEMBER_YELLOW"           // a member of the group is yellow, or an optional one is worse
	MemberMissing         Code = "MEMBER_MISSING"          // a required member of the group was not judged in this run
	DependencyNotGreen    Code = "DEPENDENCY_NOT_GREEN"    // something this target depends on is not green
	RTOUnproven           Code = "RTO_UNPROVEN"            // no exercise has shown that the recovery time objective can be met
	RPOUnproven           Code = "RPO_UNPROVEN"            // the exposure in seconds is not known, so the recovery point objective is not proved by time
	QuorumLost            Code = "QUORUM_LOST"             // no majority of votes can be reached: nothing can be elected, and what was primary may stop accepting writes
	QuorumForced          Code = "QUORUM_FORCED"           // quorum was forced: what the cluster remembers of synchronization is not to be trusted
	QuorumSiteDependent   Code = "QUORUM_SITE_DEPENDENT"   // losing one site leaves no majority: there would be no automatic failover, only a forced one
	QuorumUnknown         Code = "QUORUM_UNKNOWN"          // whether a majority of votes can be reached is not known
	WriteMajorityAtRisk   Code = "WRITE_MAJORITY_AT_RISK"  // too few members hold data for writes to be acknowledged by a majority after the loss of a site
	WriteMajorityLost     Code = "WRITE_MAJORITY_LOST"     // a primary is there, but too few members that hold data: writes with majority concern wait for ever
	EndpointMissing       Code = "ENDPOINT_MISSING"        // the system has a member that the resource does not list, so nobody looked at it
	NotAMember            Code = "NOT_A_MEMBER"            // a server that the resource lists is not a member of the system
	AddressMismatch       Code = "ADDRESS_MISMATCH"        // a server calls itself by another address than the resource does
	NodeDown              Code = "NODE_DOWN"               // the others report a node as down, and it does not answer
	NodeRecovering        Code = "NODE_RECOVERING"         // a node is recovering or too far behind, and holds no usable copy
	NodeResolving         Code = "NODE_RESOLVING"          // a node is between roles: neither primary nor secondary
	NodeRollback          Code = "NODE_ROLLBACK"           // a node is undoing writes that the others never had
	NodeRemoved           Code = "NODE_REMOVED"            // a node was removed from the configuration it should be in
	InitialSync           Code = "INITIAL_SYNC"            // a node is still making its first copy: it votes but holds no usable data
	SeedingFailed         Code = "SEEDING_FAILED"          // making the copy of a database failed
	NotElectable          Code = "NOT_ELECTABLE"           // no node at the DR site can become primary: priority 0, no vote, hidden, delayed or no data
	PriorityUnexpected    Code = "PRIORITY_UNEXPECTED"     // priorities would move the primary role by themselves
	PartitionOneWay       Code = "PARTITION_ONE_WAY"       // heartbeats between two members arrive in one direction only, or are too old
	OplogWindowShort      Code = "OPLOG_WINDOW_SHORT"      // the oplog holds less time than allowed: a member away for longer needs a full copy
	OplogHeadroomLow      Code = "OPLOG_HEADROOM_LOW"      // a member is behind by a large part of the oplog: soon it needs a full copy
	FlowControlActive     Code = "FLOW_CONTROL_ACTIVE"     // the primary is slowed down so that its secondaries keep up: lag looks better than it is
	ConfigDrift           Code = "CONFIG_DRIFT"            // nodes or this repository disagree about the system's configuration
	ConfigUncommitted     Code = "CONFIG_UNCOMMITTED"      // the newest configuration is not yet known to a majority
	ElectionUnplanned     Code = "ELECTION_UNPLANNED"      // there was an election since the last check
	WriteConcernWeak      Code = "WRITE_CONCERN_WEAK"      // by default a write is acknowledged before a majority has it, so a failover can lose acknowledged writes
	CommitLagHigh         Code = "COMMIT_LAG_HIGH"         // acknowledged writes are not yet held by a majority for longer than allowed
	ShardMissing          Code = "SHARD_MISSING"           // the cluster has a shard that the resource does not list, so nobody looked at it
	RouterDown            Code = "ROUTER_DOWN"             // no router of the cluster answers
	BalancerActive        Code = "BALANCER_ACTIVE"         // the balancer is moving data between shards
	DatabaseSuspended     Code = "DATABASE_SUSPENDED"      // data movement of a database is suspended: its lag figures mean nothing
	NotSynchronizing      Code = "NOT_SYNCHRONIZING"       // a database does not synchronize: its lag figures mean nothing
	SynchronizationLost   Code = "SYNCHRONIZATION_LOST"    // a replica is configured to be synchronous and is not synchronized: a failover would lose data
	NotFailoverReady      Code = "NOT_FAILOVER_READY"      // a database is not ready for a planned failover
	DatabaseReverting     Code = "DATABASE_REVERTING"      // a database is undoing or initializing: a failover to it would leave it unable to start
	DatabaseNotOnline     Code = "DATABASE_NOT_ONLINE"     // a database is not online where it should serve
	DatabaseNotJoined     Code = "DATABASE_NOT_JOINED"     // a database of the group is not joined on a replica
	DatabaseUnprotected   Code = "DATABASE_UNPROTECTED"    // a database that must be replicated is not in the group
	ReplicaDisconnected   Code = "REPLICA_DISCONNECTED"    // the primary has no connection to a replica
	VoteMissing           Code = "VOTE_MISSING"            // the DR node has no vote in the cluster: after the loss of the primary site quorum must be forced
	LogPinned             Code = "LOG_PINNED"              // the log of a database cannot be truncated because a replica has not received it
	LogSpaceHigh          Code = "LOG_SPACE_HIGH"          // the log of a database is fuller than allowed
	MirroringEndpointDown Code = "MIRRORING_ENDPOINT_DOWN" // the endpoint that replicas talk through is not started
	ListenerDown          Code = "LISTENER_DOWN"           // the listener that clients connect to is not online
	CertExpiry            Code = "CERT_EXPIRY"             // a certificate that replication depends on expires soon or has expired
	DriftLogin            Code = "DRIFT_LOGIN"             // logins differ between the sides: after a failover somebody could not log in
	DriftJob              Code = "DRIFT_JOB"               // jobs differ between the sides
	DriftLinkedServer     Code = "DRIFT_LINKED_SERVER"     // linked servers differ between the sides
	DriftCertificate      Code = "DRIFT_CERTIFICATE"       // an encrypted database's certificate is missing on the other side: it could not be opened there
	DriftCredential       Code = "DRIFT_CREDENTIAL"        // credentials differ between the sides: what uses them fails after a failover
	LogBackupLate         Code = "LOG_BACKUP_LATE"         // the newest log backup is older than allowed
	LogCopyLate           Code = "LOG_COPY_LATE"           // log backups are not copied to the other side
	LogRestoreLate        Code = "LOG_RESTORE_LATE"        // log backups are not restored on the other side
	SwitchIncomplete      Code = "SWITCH_INCOMPLETE"       // a change of roles was begun and not completed: no side accepts writes
	ScheduleSuspended     Code = "SCHEDULE_SUSPENDED"      // scheduled refreshes are suspended: the copy ages without end
	ScheduleMissing       Code = "SCHEDULE_MISSING"        // the group has no refresh schedule
	ScheduleNeverRuns     Code = "SCHEDULE_NEVER_RUNS"     // the schedule never runs: intervals of more than 11520 minutes are accepted and ignored
	ScheduleTooSlow       Code = "SCHEDULE_TOO_SLOW"       // the schedule cannot meet the recovery point objective: interval and refresh take longer
	ScheduleDrift         Code = "SCHEDULE_DRIFT"          // the schedule is not the one this repository declares
	RefreshMissed         Code = "REFRESH_MISSED"          // a scheduled refresh did not start when it was due
	RefreshFailing        Code = "REFRESH_FAILING"         // refreshes fail since the last good one
	RefreshStuck          Code = "REFRESH_STUCK"           // a refresh runs much longer than usual or does not advance
	RefreshRunning        Code = "REFRESH_RUNNING"         // a refresh is running; a promotion would be refused until it ends
	NeverRefreshed        Code = "NEVER_REFRESHED"         // no refresh has ever completed within the history that is kept
	TargetInconsistent    Code = "TARGET_INCONSISTENT"     // the last refresh ended while it was changing the copy: objects may be missing or mixed
	DanglingReferences    Code = "DANGLING_REFERENCES"     // objects refer to others outside the group: refreshes fail
	NotPromotable         Code = "NOT_PROMOTABLE"          // the group is a replication group, which cannot be promoted
	GroupNotVisible       Code = "GROUP_NOT_VISIBLE"       // the group does not show up in the account: it is not there, or the role may not see it, which looks the same
	GroupAutoFulfillment  Code = "GROUP_AUTO_FULFILLMENT"  // the group belongs to a listing's own replication and must not be touched
	ConnectionSplit       Code = "CONNECTION_SPLIT"        // clients are sent to another account than the one whose data is writable
	ConnectionMissing     Code = "CONNECTION_MISSING"      // the connection that clients use is not seen on both sides: it is not there, or the role may not see it
	RedirectNotAllowed    Code = "REDIRECT_NOT_ALLOWED"    // the other account is not allowed to take over the connection
	SnapshotSkew          Code = "SNAPSHOT_SKEW"           // groups of one application are at different snapshots
	GroupsSplit           Code = "GROUPS_SPLIT"            // groups of one application are primary on different sides: neither side can write all of it
	DriftMembers          Code = "DRIFT_MEMBERS"           // what is replicated is not what this repository declares
	RoleUnexpected        Code = "ROLE_UNEXPECTED"         // a node is not in the role that the run expects of it
	PrimaryAlive          Code = "PRIMARY_ALIVE"           // the primary gives signs of life: a failover now would make a second writer
	ShutdownUnproven      Code = "SHUTDOWN_UNPROVEN"       // that the standby has the last record of the stopped primary is not proved
	ParametersUnproven    Code = "PARAMETERS_UNPROVEN"     // settings could not be compared with those of the primary, so a promotion might shut the server down
	ManagerPaused         Code = "MANAGER_PAUSED"          // the program that manages the roles is in maintenance mode
	HAManager             Code = "HA_MANAGER"              // another program manages the roles of this system, and would undo or contradict what bcctl does
	TransactionsOpen      Code = "TRANSACTIONS_OPEN"       // prepared transactions, long transactions or a base backup are under way
	LogicalSlots          Code = "LOGICAL_SLOTS"           // logical replication slots would not be there on the new primary
	BinaryMismatch        Code = "BINARY_MISMATCH"         // libraries loaded at start differ between the servers
	ForkUnexpected        Code = "FORK_UNEXPECTED"         // the new timeline does not begin where it must: something was lost, or something else was promoted
	WriteUnproven         Code = "WRITE_UNPROVEN"          // a write to the new primary was not confirmed
	ClientPath            Code = "CLIENT_PATH"             // the address that clients use does not lead to the primary
	IntegrityFailed       Code = "INTEGRITY_FAILED"        // a declared check of the data did not give the expected answer
	TailNotPreserved      Code = "TAIL_NOT_PRESERVED"      // a former primary has data that nobody else has, and it is not preserved
	CandidateBehind       Code = "CANDIDATE_BEHIND"        // another standby has more of the primary's log than the one that would be promoted
	RunCanceled           Code = "RUN_CANCELED"            // a person or a signal asked a run to stop; it stopped where it may
	RunDenied             Code = "RUN_DENIED"              // approvals, pins, window or roster do not allow a run, or not any more
	RunNoAnswer           Code = "RUN_NO_ANSWER"           // something that must be asked before a run goes on, or a server a step is for, did not answer
	LockLost              Code = "LOCK_LOST"               // the lock of a run is not its own any more; it acts no further
	JournalAway           Code = "JOURNAL_AWAY"            // no place off this machine takes the record of a run
	PrecheckRefused       Code = "PRECHECK_REFUSED"        // a precheck of a run did not pass; nothing was changed by this start
	HookRefused           Code = "HOOK_REFUSED"            // a program that a run asks says no, could not tell, or may not be run
	PostcheckFailed       Code = "POSTCHECK_FAILED"        // what should be so after a run is not, or could not be shown
	StepFailed            Code = "STEP_FAILED"             // a step of a run was not carried out
	UndoFailed            Code = "UNDO_FAILED"             // a step of a run could not be taken back
	StepInDoubt           Code = "STEP_IN_DOUBT"           // whether a step of a run took effect cannot be told
	StepTimeout           Code = "STEP_TIMEOUT"            // a step took longer than it may; what it did is not known by that
	ProbeDisagrees        Code = "PROBE_DISAGREES"         // a step said that it was done, and live state says otherwise
	PlaceholderUnresolved Code = "PLACEHOLDER_UNRESOLVED"  // a step needs what an earlier one did not return
	PersonNeeded          Code = "PERSON_NEEDED"           // a run waits for a person, and nobody answered
	StepCrashed           Code = "STEP_CRASHED"            // bcctl itself failed in a step; its effect is not known
	PlanDrift             Code = "PLAN_DRIFT"              // the plan is no longer the one that was approved
	ProtectionNotRestored Code = "PROTECTION_NOT_RESTORED" // roles have changed, and redundancy and a restorable backup have not been shown since
)

// leading codes are read first whatever else is wrong: every minute makes them
// worse, or nothing else can be believed.
var leading = []Code{TwoWriters, SwitchIncomplete}

// codes is sorted by Code, so that Info can search it; a test keeps it so.
var codes = []CodeInfo{
	{AddressMismatch, Yellow,
		"a server calls itself by another address than the resource does",
		"check that both names lead to one server from everywhere, clients included", false},
	{ApplyDelay, Yellow,
		"the standby applies with a configured delay; promotion would apply everything at once",
		"use another standby for failover, or accept that the delay is lost", false},
	{ArchiveBacklogHigh, Yellow,
		"many WAL files wait to be archived",
		"check the archive's speed and space", false},
	{ArchiveFailing, Yellow,
		"the newest attempt to archive WAL failed, or none ever succeeded",
		"read the server's log for archive_command; check the archive's space", false},
	{BalancerActive, Yellow,
		"the balancer is moving data between shards",
		"stop the balancer before a planned change", false},
	{BinaryMismatch, Yellow,
		"libraries loaded at start differ between the servers",
		"make the servers alike before applications need what is missing", false},
	{CandidateBehind, Red,
		"another standby has more of the primary's log than the one that would be promoted",
		"promote the one that has most", false},
	{CertExpiry, Yellow,
		"a certificate that replication depends on expires soon or has expired",
		"renew it on both sides before it does", false},
	{Clearing, Yellow,
		"the value is good again but not yet for long enough",
		"wait; the message says how long", true},
	{ClientPath, Red,
		"the address that clients use does not lead to the primary",
		"point the pooler, the virtual address or the name to the primary", false},
	{ClockSkew, Unknown,
		"two clocks differ by more than the tolerance, so ages in seconds mean nothing",
		"fix time synchronization on the host named", false},
	{CollationMismatch, Yellow,
		"collation versions differ from those the data was built with; indexes may be wrong after promotion",
		"compare the hosts' C library and ICU versions; reindex where needed", false},
	{CommitLagHigh, Yellow,
		"acknowledged writes are not yet held by a majority for longer than allowed",
		"find the slow members; a failover now could roll these writes back", false},
	{ConfigDrift, Yellow,
		"nodes or this repository disagree about the system's configuration",
		"compare the versions named; find out which is meant", false},
	{ConfigUncommitted, Yellow,
		"the newest configuration is not yet known to a majority",
		"wait and check again; do not change roles before", false},
	{Conflict, Unknown,
		"two sources contradict each other; the worse one counts",
		"compare both readings in `bcctl explain`", false},
	{ConnectionMissing, Yellow,
		"the connection that clients use is not seen on both sides: it is not there, or the role may not see it",
		"create the secondary connection, or give the monitoring role a privilege on it", false},
	{ConnectionSplit, Red,
		"clients are sent to another account than the one whose data is writable",
		"redirect the connection, or promote the group, so that both are one", false},
	{DanglingReferences, Red,
		"objects refer to others outside the group: refreshes fail",
		"add the objects named to the group, or remove the references", false},
	{DatabaseNotJoined, Red,
		"a database of the group is not joined on a replica",
		"restore and join it there", false},
	{DatabaseNotOnline, Red,
		"a database is not online where it should serve",
		"read the server's log; restore it if it is suspect", false},
	{DatabaseReverting, Red,
		"a database is undoing or initializing: a failover to it would leave it unable to start",
		"wait until it has finished; never force a failover to it", false},
	{DatabaseSuspended, Red,
		"data movement of a database is suspended: its lag figures mean nothing",
		"find out who suspended it and why; resuming may discard data on a former primary", false},
	{DatabaseUnprotected, Red,
		"a database that must be replicated is not in the group",
		"add it to the group", false},
	{DependencyNotGreen, Unknown,
		"something this target depends on is not green",
		"`bcctl explain` the dependency", false},
	{Diverged, Red,
		"the standby's history is not the primary's: it has data the primary never had",
		"keep its data; it needs a rewind or a new base backup, after the tail is saved", false},
	{DriftCertificate, Red,
		"an encrypted database's certificate is missing on the other side: it could not be opened there",
		"restore the certificate with its key", false},
	{DriftCredential, Yellow,
		"credentials differ between the sides: what uses them fails after a failover",
		"create the missing ones", false},
	{DriftJob, Yellow,
		"jobs differ between the sides",
		"create the missing jobs; leave them disabled where they must not run", false},
	{DriftLinkedServer, Yellow,
		"linked servers differ between the sides",
		"create the missing ones", false},
	{DriftLogin, Yellow,
		"logins differ between the sides: after a failover somebody could not log in",
		"create the missing logins with the same SID", false},
	{DriftMembers, Red,
		"what is replicated is not what this repository declares",
		"compare; taking a database out of a group drops its copy", false},
	{ElectionUnplanned, Yellow,
		"there was an election since the last check",
		"read the reason of the election; look for a flapping host or network", false},
	{EndpointAliased, Unknown,
		"two configured endpoints are one and the same server, so one side is not seen at all",
		"use direct node addresses, not a virtual IP, pooler or load balancer", false},
	{EndpointMissing, Unknown,
		"the system has a member that the resource does not list, so nobody looked at it",
		"add it to endpoints; a hidden writer would be there", false},
	{ExprError, Unknown,
		"an expression rule could not be evaluated",
		"run `bcctl rules test` and correct the rule at the place named", false},
	{ExprRule, Yellow,
		"an expression rule of this repository holds",
		"read the rule at the place named", false},
	{FenceLeft, Red,
		"writes are off by default on a node that would become primary",
		"reset default_transaction_read_only on the node, for roles and databases too", false},
	{FlowControlActive, Yellow,
		"the primary is slowed down so that its secondaries keep up: lag looks better than it is",
		"find the slow secondary", false},
	{ForkUnexpected, Red,
		"the new timeline does not begin where it must: something was lost, or something else was promoted",
		"do not reuse the old primary; compare the histories of both", false},
	{GroupsSplit, Red,
		"groups of one application are primary on different sides: neither side can write all of it",
		"find out how far a change of roles had come, and complete it or take it back", false},
	{GroupAutoFulfillment, Red,
		"the group belongs to a listing's own replication and must not be touched",
		"use another group", false},
	{GroupNotVisible, Unknown,
		"the group does not show up in the account: it is not there, or the role may not see it, which looks the same",
		"grant MONITOR on the group to the monitoring role", false},
	{HAManager, Red,
		"another program manages the roles of this system, and would undo or contradict what bcctl does",
		"use the procedure of that program", false},
	{HeartbeatLate, Yellow,
		"the heartbeat arrives late on the standby",
		"compare with the lag in bytes; see the trend with `bcctl history`", false},
	{HeartbeatMissing, Unknown,
		"the heartbeat row cannot be read on a node",
		"if the node admits no reads, see its other reasons; else create the heartbeat on the primary and let the monitoring login read it", false},
	{HeartbeatWrite, Unknown,
		"the heartbeat could not be written or is not being written, so it says nothing about lag",
		"check the heartbeat writer and its credential", false},
	{HookRefused, Red,
		"a program that a run asks says no, could not tell, or may not be run",
		"read what the program says; try it by hand with the same arguments", false},
	{IdentityMismatch, Red,
		"a server is not the one the resource declares, by its native identity",
		"stop; find out which server answers at this address before anything else", false},
	{IdentityUnproven, Unknown,
		"a server did not tell its native identity",
		"check the role's grants and the version of the server", false},
	{IndicatorMissing, Unknown,
		"a required indicator was not measured in this run",
		"see the other reasons of this target; `bcctl explain` shows what was read", true},
	{InitialSync, Red,
		"a node is still making its first copy: it votes but holds no usable data",
		"wait for it to finish; see its progress in `bcctl explain`", false},
	{InsufficientPrivilege, Unknown,
		"the monitoring role may not read what it must; masked values are not zero",
		"grant what the message names, for PostgreSQL usually `GRANT pg_monitor`", false},
	{IntegrityFailed, Red,
		"a declared check of the data did not give the expected answer",
		"keep both sides as they are and find out which one is right", false},
	{JournalAway, Unknown,
		"no place off this machine takes the record of a run",
		"make the remote of the audit log answer, then the same command again", false},
	{LagNearRPO, Yellow,
		"the observed exposure is over half of the recovery point objective",
		"watch the trend with `bcctl history`", false},
	{LagOverRPO, Red,
		"the observed exposure is at or over the recovery point objective",
		"find out why the standby falls behind; a failover now would exceed the RPO", false},
	{LineageUnproven, Unknown,
		"whether the standby's history is the primary's could not be proved",
		"allow the monitoring role to read timeline history (REPLICATION), or keep the reign table", true},
	{ListenerDown, Yellow,
		"the listener that clients connect to is not online",
		"look at its address in the cluster", false},
	{LockLost, Red,
		"the lock of a run is not its own any more; it acts no further",
		"find out who broke the lock, and what they did since", false},
	{LogicalSlots, Yellow,
		"logical replication slots would not be there on the new primary",
		"tell the owners of the subscriptions, or accept that they have to be made anew", false},
	{LogBackupLate, Yellow,
		"the newest log backup is older than allowed",
		"look at the backup job on the primary", false},
	{LogCopyLate, Red,
		"log backups are not copied to the other side",
		"look at the copy job and the share", false},
	{LogPinned, Yellow,
		"the log of a database cannot be truncated because a replica has not received it",
		"bring the replica back or remove it before the disk is full", false},
	{LogRestoreLate, Red,
		"log backups are not restored on the other side",
		"look at the restore job; a restore in the wrong order stops all later ones", false},
	{LogSpaceHigh, Yellow,
		"the log of a database is fuller than allowed",
		"find out what keeps it: see the reading in `bcctl explain`", false},
	{ManagerPaused, Red,
		"the program that manages the roles is in maintenance mode",
		"ask who works on the cluster; end the maintenance when they are done", false},
	{MemberMissing, Unknown,
		"a required member of the group was not judged in this run",
		"check the whole group: `bcctl check GROUP`", true},
	{MemberRed, Red,
		"a required member of the group is red",
		"`bcctl explain` the member", false},
	{MemberUnknown, Unknown,
		"a required member of the group is unknown",
		"`bcctl explain` the member", false},
	{MemberYellow, Yellow,
		"a member of the group is yellow, or an optional one is worse",
		"`bcctl explain` the member", false},
	{MirroringEndpointDown, Red,
		"the endpoint that replicas talk through is not started",
		"start it: ALTER ENDPOINT ... STATE = STARTED", false},
	{NeverRefreshed, Red,
		"no refresh has ever completed within the history that is kept",
		"refresh the group and look at its history", false},
	{NodeDown, Red,
		"the others report a node as down, and it does not answer",
		"look at the host; start the server", false},
	{NodeRecovering, Red,
		"a node is recovering or too far behind, and holds no usable copy",
		"read its log; it may need a new copy", false},
	{NodeRemoved, Red,
		"a node was removed from the configuration it should be in",
		"compare the system's configuration with this repository", false},
	{NodeResolving, Unknown,
		"a node is between roles: neither primary nor secondary",
		"wait and check again; if it lasts, look at the cluster's log", false},
	{NodeRollback, Red,
		"a node is undoing writes that the others never had",
		"collect its rollback files before they are cleaned up", false},
	{NodeStarting, Unknown,
		"the server is alive but starting, stopping or not open for reading",
		"wait and check again; read the server's log if it lasts", false},
	{NotAMember, Red,
		"a server that the resource lists is not a member of the system",
		"correct the endpoint, or add the server back", false},
	{NotElectable, Red,
		"no node at the DR site can become primary: priority 0, no vote, hidden, delayed or no data",
		"give a member at the DR site a priority above 0", true},
	{NotFailoverReady, Yellow,
		"a database is not ready for a planned failover",
		"planned: make the replica synchronous first; see the databases named", false},
	{NotPromotable, Red,
		"the group is a replication group, which cannot be promoted",
		"make it a failover group", false},
	{NotSynchronizing, Red,
		"a database does not synchronize: its lag figures mean nothing",
		"read the server's log on both sides", true},
	{NoIndicators, Unknown,
		"nothing required was measured, so there is nothing to judge",
		"check that the resource has endpoints at both sites and that the platform is supported", false},
	{NoPrimary, Red,
		"every node was reached and none accepts writes",
		"find out whether a failover is in progress; if not, this is an outage", false},
	{NoStandbyAtDR, Red,
		"no standby was found at the DR site",
		"build or reconnect a standby at the DR site", false},
	{OplogHeadroomLow, Yellow,
		"a member is behind by a large part of the oplog: soon it needs a full copy",
		"find out why it falls behind; enlarge the oplog", false},
	{OplogWindowShort, Yellow,
		"the oplog holds less time than allowed: a member away for longer needs a full copy",
		"enlarge the oplog", false},
	{ParametersUnproven, Unknown,
		"settings could not be compared with those of the primary, so a promotion might shut the server down",
		"run bcctl check while the primary is up, or read its settings from its configuration", false},
	{ParameterTooLow, Red,
		"a setting on the standby is lower than on the primary: a promotion would shut the standby down",
		"raise the setting on the standby and restart it", false},
	{PartitionOneWay, Red,
		"heartbeats between two members arrive in one direction only, or are too old",
		"check the network between the two hosts in both directions", false},
	{PersonNeeded, Unknown,
		"a run waits for a person, and nobody answered",
		"run the same command at a terminal", false},
	{PlaceholderUnresolved, Red,
		"a step needs what an earlier one did not return",
		"mend the runbook or the program that should return it", false},
	{PlanDrift, Red,
		"the plan is no longer the one that was approved",
		"bcctl plan REQUEST names what has changed; make a new request", false},
	{PlatformUnsupported, Unknown,
		"this bcctl has no connector for the platform",
		"use a version that has it; the target stays unknown until then", false},
	{PostcheckFailed, Red,
		"what should be so after a run is not, or could not be shown",
		"look at what the check names, then the same command again", false},
	{PrecheckRefused, Red,
		"a precheck of a run did not pass; nothing was changed by this start",
		"bcctl plan REQUEST, and mend what it names", false},
	{PrimaryAlive, Red,
		"the primary gives signs of life: a failover now would make a second writer",
		"ask for a switchover, or fence the primary first and keep the evidence", false},
	{PrimaryNotHome, Yellow,
		"the primary runs at the DR site",
		"plan the failback, or change home in the configuration if this is the new normal", false},
	{PrimaryPathLost, Unknown,
		"the primary is alive and sends to its standby; only bcctl's own path to it is broken",
		"repair the path; do not fail over, the primary still writes", false},
	{PrimaryReadOnly, Red,
		"the primary starts transactions read-only",
		"check whether it is fenced on purpose; reset default_transaction_read_only otherwise", false},
	{PrimaryUnreachable, Red,
		"the primary does not answer and its standby hears nothing from it; it is down or partitioned, which cannot be told from here",
		"look at the host from a second place; fence it before any promotion", false},
	{PriorityUnexpected, Yellow,
		"priorities would move the primary role by themselves",
		"set the priorities for the side that should be primary", false},
	{ProbeDisagrees, Red,
		"a step said that it was done, and live state says otherwise",
		"find out what the step did instead", false},
	{ProtectionNotRestored, Red,
		"roles have changed, and redundancy and a restorable backup have not been shown since",
		"build the standby again, restore a backup of the new primary somewhere, then bcctl close REQUEST", false},
	{QueryFailed, Unknown,
		"a reading failed on a server that was reached",
		"run the query named as the monitoring role", false},
	{QuorumForced, Red,
		"quorum was forced: what the cluster remembers of synchronization is not to be trusted",
		"re-establish normal quorum, and check every database before any failover", false},
	{QuorumLost, Red,
		"no majority of votes can be reached: nothing can be elected, and what was primary may stop accepting writes",
		"bring voting members back; force a new configuration only after the old primary is fenced with proof", false},
	{QuorumSiteDependent, Yellow,
		"losing one site leaves no majority: there would be no automatic failover, only a forced one",
		"move votes or add a voting member at a third site", false},
	{QuorumUnknown, Unknown,
		"whether a majority of votes can be reached is not known",
		"reach the members named; see their readings in `bcctl explain`", true},
	{ReceiverDown, Red,
		"the standby does not receive from an upstream",
		"read the standby's log; check its connection settings and slot", true},
	{RecoveryTargetSet, Red,
		"a standby has a recovery target: when it gets there it pauses, shuts down or promotes itself beside the primary",
		"remove recovery_target* from the standby's configuration and restart it", false},
	{RedirectNotAllowed, Red,
		"the other account is not allowed to take over the connection",
		"add it to the connection's accounts", false},
	{RefreshFailing, Red,
		"refreshes fail since the last good one",
		"read the error in the message and repair its cause", false},
	{RefreshMissed, Red,
		"a scheduled refresh did not start when it was due",
		"look at the refresh history; check the owner role's privileges", false},
	{RefreshRunning, Yellow,
		"a refresh is running; a promotion would be refused until it ends",
		"wait for it", false},
	{RefreshStuck, Yellow,
		"a refresh runs much longer than usual or does not advance",
		"look at its phase; do not cancel it while it downloads", false},
	{ReignMismatch, Red,
		"the standby carries another reign row than the primary: timelines with the same number are not the same",
		"treat it as diverged; rebuild it after saving its tail", false},
	{ReplayBacklogHigh, Yellow,
		"log received but not applied is over the limit; promotion has to apply it first",
		"look for long queries, conflicts or slow storage on the standby", false},
	{ReplayConflicts, Yellow,
		"queries on the standby were cancelled by replay since the last check",
		"look at long queries on the standby", false},
	{ReplayPaused, Red,
		"replay on the standby is paused; it receives but does not apply",
		"find out who paused it, then resume: SELECT pg_wal_replay_resume() on the standby; if it pauses again, see PARAMETER_TOO_LOW", false},
	{ReplayStalled, Red,
		"replay stands still while there is WAL to apply",
		"read the standby's log: conflict, missing segment or diverged history", true},
	{ReplicationLagHigh, Yellow,
		"the standby lacks more log than allowed",
		"check network and standby I/O; see the trend with `bcctl history`", false},
	{ReplicaDisconnected, Red,
		"the primary has no connection to a replica",
		"look at the replica's host and the mirroring endpoint on both sides", false},
	{RewindImpossible, Yellow,
		"after a failover the old primary could not be rewound, only rebuilt",
		"enable wal_log_hints or data checksums, and full_page_writes", false},
	{RoleUnexpected, Red,
		"a node is not in the role that the run expects of it",
		"look with bcctl check, and make a new plan from what is so now", false},
	{RouterDown, Red,
		"no router of the cluster answers",
		"look at the mongos hosts", false},
	{RPOUnproven, Yellow,
		"the exposure in seconds is not known, so the recovery point objective is not proved by time",
		"configure a heartbeat, or check more often", false},
	{RTOEstimateOver, Red,
		"applying what was received would alone take longer than the recovery time objective",
		"reduce the backlog; see the replay rate in `bcctl explain`", false},
	{RTOUnproven, Yellow,
		"no exercise has shown that the recovery time objective can be met",
		"run a drill", false},
	{RunCanceled, Unknown,
		"a person or a signal asked a run to stop; it stopped where it may",
		"start it again with the same command", false},
	{RunDenied, Red,
		"approvals, pins, window or roster do not allow a run, or not any more",
		"bcctl explain REQUEST", false},
	{RunNoAnswer, Unknown,
		"something that must be asked before a run goes on, or a server a step is for, did not answer",
		"see that it answers (bcctl check RESOURCE, bcctl doctor --github), then the same command again", false},
	{ScheduleDrift, Yellow,
		"the schedule is not the one this repository declares",
		"find out which is meant", false},
	{ScheduleMissing, Red,
		"the group has no refresh schedule",
		"set a replication schedule on the primary", false},
	{ScheduleNeverRuns, Red,
		"the schedule never runs: intervals of more than 11520 minutes are accepted and ignored",
		"set a shorter interval", false},
	{ScheduleSuspended, Red,
		"scheduled refreshes are suspended: the copy ages without end",
		"resume the group on the side that is secondary, unless that side holds rows nobody else has", false},
	{ScheduleTooSlow, Red,
		"the schedule cannot meet the recovery point objective: interval and refresh take longer",
		"refresh more often, or change the objective", false},
	{SecretUnresolved, Unknown,
		"a credential reference could not be resolved, so no connection was made",
		"set the variable or file the message names", false},
	{SeedingFailed, Red,
		"making the copy of a database failed",
		"read the reason in the message; repair and start again", false},
	{ShardMissing, Unknown,
		"the cluster has a shard that the resource does not list, so nobody looked at it",
		"add its members to endpoints", false},
	{ShutdownUnproven, Red,
		"that the standby has the last record of the stopped primary is not proved",
		"start the old primary again: nothing is lost yet; then find out why the standby did not receive it", false},
	{SlotAtRisk, Yellow,
		"a replication slot is close to losing WAL its standby needs",
		"bring the standby back or raise max_slot_wal_keep_size", false},
	{SlotInactive, Yellow,
		"nobody reads from a replication slot, and it keeps WAL on the primary",
		"bring its standby back, or drop the slot if it is a left-over", true},
	{SlotLost, Red,
		"a replication slot has lost WAL its standby still needs",
		"rebuild the standby, unless the archive has the WAL", false},
	{SlotMissing, Red,
		"the slot a standby names does not exist on its upstream",
		"create the slot, or repair the standby's primary_slot_name", false},
	{SnapshotSkew, Yellow,
		"groups of one application are at different snapshots",
		"refresh them together; they are consistent only as of the oldest", false},
	{StandbyAbsent, Red,
		"the primary has no live standby: DR is absent",
		"start or reconnect the standby before its slot or WAL runs out", false},
	{StandbyPathLost, Yellow,
		"the standby reports to the primary but does not answer bcctl; figures are one-sided",
		"repair the path from the collector to the standby", false},
	{StandbySettings, Yellow,
		"the standby's settings would keep it from serving standbys after promotion",
		"raise wal_level, max_wal_senders or max_replication_slots as named", false},
	{StepCrashed, Unknown,
		"bcctl itself failed in a step; its effect is not known",
		"report it; the probe of the step decides", false},
	{StepFailed, Red,
		"a step of a run was not carried out",
		"read the message of the step", false},
	{StepInDoubt, Unknown,
		"whether a step of a run took effect cannot be told",
		"look at the server, then bcctl resolve", false},
	{StepTimeout, Unknown,
		"a step took longer than it may; what it did is not known by that",
		"the probe of the step decides", false},
	{SwitchIncomplete, Red,
		"a change of roles was begun and not completed: no side accepts writes",
		"finish it or take it back now; see the message for which side is where", false},
	{SynchronizationLost, Red,
		"a replica is configured to be synchronous and is not synchronized: a failover would lose data",
		"find out why it left; commits have not waited for it since", false},
	{SyncStandbyMissing, Red,
		"fewer synchronous standbys keep up than commits wait for: they wait or would wait for ever",
		"change the setting or bring the named standby back", false},
	{TailNotPreserved, Red,
		"a former primary has data that nobody else has, and it is not preserved",
		"preserve it, or have a named person waive it; until then nothing may overwrite it", false},
	{TargetInconsistent, Red,
		"the last refresh ended while it was changing the copy: objects may be missing or mixed",
		"refresh again before any promotion", false},
	{ThresholdExceeded, Yellow,
		"an indicator is beyond its limit",
		"look at the indicator and the limit in `bcctl explain`", false},
	{TransactionsOpen, Yellow,
		"prepared transactions, long transactions or a base backup are under way",
		"end them, or accept that they are cut or kept", false},
	{TransportSilent, Red,
		"the replication link is shown as up but nothing was heard over it for too long",
		"treat the peer as hung or cut off; check both hosts", false},
	{TwoWriters, Red,
		"two nodes of one cluster accept writes at the same time (split brain)",
		"fence one of them now; do not restart, rewind or promote anything until you know which history is legitimate", false},
	{UndoFailed, Red,
		"a step of a run could not be taken back",
		"look at the server; the same command tries again", false},
	{UpstreamUnexpected, Red,
		"the standby follows a server that is not part of this resource",
		"check the standby's connection settings", false},
	{ValueInvalid, Unknown,
		"a reading was NULL, negative, in the future or not parsable, and is not taken as zero",
		"look at the reading in `bcctl explain`; query the server directly", false},
	{VersionMismatch, Red,
		"primary and standby run different major versions",
		"rebuild the standby with the primary's version", false},
	{VersionUnsupported, Unknown,
		"the server's version is outside the range bcctl knows",
		"upgrade the server or bcctl; see the table of engines in the documentation", false},
	{VisAuth, Unknown,
		"a server refused the monitoring credential",
		"check the credential reference and the role's grants; `bcctl doctor` probes both", false},
	{VisBoth, Unknown,
		"bcctl can see neither side",
		"check the collector's own network first, then both servers", false},
	{VisCollector, Unknown,
		"the collector itself failed or did not finish in time",
		"run `bcctl check -v` on this target; check load and clock of the collector", false},
	{VisDR, Unknown,
		"bcctl cannot see the DR side, so nothing about it is proved",
		"check the network path and the server; see the other reasons for what the primary reports", false},
	{VisEndpoint, Unknown,
		"an endpoint that is neither the primary's nor the DR side's only one cannot be seen",
		"check the network path and the server", false},
	{VisPrimary, Unknown,
		"bcctl cannot see the primary side, so nothing about it is proved",
		"check the network path and the server; see the other reasons for what the standby reports", false},
	{VisStale, Unknown,
		"the newest evidence is older than it may be",
		"run `bcctl check`; if it ran, look at why this reading is old", false},
	{VoteMissing, Yellow,
		"the DR node has no vote in the cluster: after the loss of the primary site quorum must be forced",
		"plan the cluster commands, or give it a vote", false},
	{WriterUnproven, Unknown,
		"a node that may be writable cannot be seen while another one is primary",
		"reach the node or prove that it is fenced", true},
	{WriteConcernWeak, Yellow,
		"by default a write is acknowledged before a majority has it, so a failover can lose acknowledged writes",
		"set the default write concern to majority, or accept it in the objectives", false},
	{WriteMajorityAtRisk, Yellow,
		"too few members hold data for writes to be acknowledged by a majority after the loss of a site",
		"replace an arbiter by a member that holds data", false},
	{WriteMajorityLost, Red,
		"a primary is there, but too few members that hold data: writes with majority concern wait for ever",
		"bring a member that holds data back", false},
	{WriteUnproven, Red,
		"a write to the new primary was not confirmed",
		"read what the message says about the write; look for a fence and for synchronous standbys", false},
}
