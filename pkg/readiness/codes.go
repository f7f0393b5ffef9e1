package readiness

//go:generate go run ../../internal/docgen reason-codes ../../docs/reason-codes.md

// Reason codes. Names of the constants are for Go; the texts are the contract.
const (
	VisPrimary            Code = "VIS_PRIMARY"            // bcctl cannot see the primary side, so nothing about it is proved
	VisDR                 Code = "VIS_DR"                 // bcctl cannot see the DR side, so nothing about it is proved
	VisBoth               Code = "VIS_BOTH"               // bcctl can see neither side
	VisStale              Code = "VIS_STALE"              // the newest evidence is older than it may be
	VisAuth               Code = "VIS_AUTH"               // a server refused the monitoring credential
	VisCollector          Code = "VIS_COLLECTOR"          // the collector itself failed or did not finish in time
	VisEndpoint           Code = "VIS_ENDPOINT"           // an endpoint that is neither the primary's nor the DR side's only one cannot be seen
	NoIndicators          Code = "NO_INDICATORS"          // nothing required was measured, so there is nothing to judge
	IndicatorMissing      Code = "INDICATOR_MISSING"      // a required indicator was not measured in this run
	ValueInvalid          Code = "VALUE_INVALID"          // a reading was NULL, negative, in the future or not parsable, and is not taken as zero
	ClockSkew             Code = "CLOCK_SKEW"             // two clocks differ by more than the tolerance, so ages in seconds mean nothing
	Conflict              Code = "CONFLICT"               // two sources contradict each other; the worse one counts
	ExprError             Code = "EXPR_ERROR"             // an expression rule could not be evaluated
	ExprRule              Code = "EXPR_RULE"              // an expression rule of this repository holds
	InsufficientPrivilege Code = "INSUFFICIENT_PRIVILEGE" // the monitoring role may not read what it must; masked values are not zero
	QueryFailed           Code = "QUERY_FAILED"           // a reading failed on a server that was reached
	SecretUnresolved      Code = "SECRET_UNRESOLVED"      // a credential reference could not be resolved, so no connection was made
	IdentityMismatch      Code = "IDENTITY_MISMATCH"      // a server is not the one the resource declares, by its native identity
	IdentityUnproven      Code = "IDENTITY_UNPROVEN"      // a server did not tell its native identity
	EndpointAliased       Code = "ENDPOINT_ALIASED"       // two configured endpoints are one and the same server, so one side is not seen at all
	VersionUnsupported    Code = "VERSION_UNSUPPORTED"    // the server's version is outside the range bcctl knows
	PlatformUnsupported   Code = "PLATFORM_UNSUPPORTED"   // this bcctl has no connector for the platform
	TwoWriters            Code = "TWO_WRITERS"            // two nodes of one cluster accept writes at the same time (split brain)
	WriterUnproven        Code = "WRITER_UNPROVEN"        // a node that may be writable cannot be seen while another one is primary
	NoPrimary             Code = "NO_PRIMARY"             // every node was reached and none accepts writes
	PrimaryNotHome        Code = "PRIMARY_NOT_HOME"       // the primary runs at the DR site
	NoStandbyAtDR         Code = "NO_STANDBY_AT_DR"       // no standby was found at the DR site
	PrimaryPathLost       Code = "PRIMARY_PATH_LOST"      // the primary is alive and sends to its standby; only bcctl's own path to it is broken
	PrimaryUnreachable    Code = "PRIMARY_UNREACHABLE"    // the primary does not answer and its standby hears nothing from it; it is down or partitioned, which cannot be told from here
	StandbyPathLost       Code = "STANDBY_PATH_LOST"      // the standby reports to the primary but does not answer bcctl; figures are one-sided
	StandbyAbsent         Code = "STANDBY_ABSENT"         // the primary has no live standby: DR is absent
	NodeStarting          Code = "NODE_STARTING"          // the server is alive but starting, stopping or not open for reading
	ReceiverDown          Code = "RECEIVER_DOWN"          // the standby does not receive from an upstream
	TransportSilent       Code = "TRANSPORT_SILENT"       // the replication link is shown as up but nothing was heard over it for too long
	UpstreamUnexpected    Code = "UPSTREAM_UNEXPECTED"    // the standby follows a server that is not part of this resource
	Diverged              Code = "DIVERGED"               // the standby's history is not the primary's: it has data the primary never had
	LineageUnproven       Code = "LINEAGE_UNPROVEN"       // whether the standby's history is the primary's could not be proved
	ReignMismatch         Code = "REIGN_MISMATCH"         // the standby carries another reign row than the primary: timelines with the same number are not the same
	ReplicationLagHigh    Code = "REPLICATION_LAG_HIGH"   // the standby lacks more WAL than allowed
	LagOverRPO            Code = "LAG_OVER_RPO"           // the observed exposure is at or over the recovery point objective
	LagNearRPO            Code = "LAG_NEAR_RPO"           // the observed exposure is over half of the recovery point objective
	ReplayBacklogHigh     Code = "REPLAY_BACKLOG_HIGH"    // WAL received but not applied is over the limit; promotion has to apply it first
	RTOEstimateOver       Code = "RTO_ESTIMATE_OVER"      // applying what was received would alone take longer than the recovery time objective
	ReplayPaused          Code = "REPLAY_PAUSED"          // replay on the standby is paused; it receives but does not apply
	ReplayStalled         Code = "REPLAY_STALLED"         // replay stands still while there is WAL to apply
	ApplyDelay            Code = "APPLY_DELAY"            // the standby applies with a configured delay; promotion would apply everything at once
	ReplayConflicts       Code = "REPLAY_CONFLICTS"       // queries on the standby were cancelled by replay since the last check
	ParameterTooLow       Code = "PARAMETER_TOO_LOW"      // a setting on the standby is lower than on the primary: a promotion would shut the standby down
	RecoveryTargetSet     Code = "RECOVERY_TARGET_SET"    // a standby has a recovery target: when it gets there it pauses, shuts down or promotes itself beside the primary
	FenceLeft             Code = "FENCE_LEFT"             // writes are off by default on a node that would become primary
	SyncStandbyMissing    Code = "SYNC_STANDBY_MISSING"   // synchronous_standby_names is set and no standby satisfies it: commits wait or would wait for ever
	PrimaryReadOnly       Code = "PRIMARY_READ_ONLY"      // the primary starts transactions read-only
	SlotLost              Code = "SLOT_LOST"              // a replication slot has lost WAL its standby still needs
	SlotAtRisk            Code = "SLOT_AT_RISK"           // a replication slot is close to losing WAL its standby needs
	SlotInactive          Code = "SLOT_INACTIVE"          // nobody reads from a replication slot, and it keeps WAL on the primary
	SlotMissing           Code = "SLOT_MISSING"           // the slot a standby names does not exist on its upstream
	ArchiveFailing        Code = "ARCHIVE_FAILING"        // the newest attempt to archive WAL failed, or none ever succeeded
	ArchiveBacklogHigh    Code = "ARCHIVE_BACKLOG_HIGH"   // many WAL files wait to be archived
	VersionMismatch       Code = "VERSION_MISMATCH"       // primary and standby run different major versions
	CollationMismatch     Code = "COLLATION_MISMATCH"     // collation versions differ from those the data was built with; indexes may be wrong after promotion
	RewindImpossible      Code = "REWIND_IMPOSSIBLE"      // after a failover the old primary could not be rewound, only rebuilt
	StandbySettings       Code = "STANDBY_SETTINGS"       // the standby's settings would keep it from serving standbys after promotion
	HeartbeatWrite        Code = "HEARTBEAT_WRITE"        // the heartbeat could not be written or is not being written, so it says nothing about lag
	HeartbeatMissing      Code = "HEARTBEAT_MISSING"      // the heartbeat row cannot be read on a node
	HeartbeatLate         Code = "HEARTBEAT_LATE"         // the heartbeat arrives late on the standby
	ThresholdExceeded     Code = "THRESHOLD_EXCEEDED"     // an indicator is beyond its limit
	Clearing              Code = "CLEARING"               // the value is good again but not yet for long enough
	MemberRed             Code = "MEMBER_RED"             // a required member of the group is red
	MemberUnknown         Code = "MEMBER_UNKNOWN"         // a required member of the group is unknown
	MemberYellow          Code = "MEMBER_YELLOW"          // a member of the group is yellow, or an optional one is worse
	MemberMissing         Code = "MEMBER_MISSING"         // a required member of the group was not judged in this run
	DependencyNotGreen    Code = "DEPENDENCY_NOT_GREEN"   // something this target depends on is not green
	RTOUnproven           Code = "RTO_UNPROVEN"           // no exercise has shown that the recovery time objective can be met
	RPOUnproven           Code = "RPO_UNPROVEN"           // the exposure in seconds is not known, so the recovery point objective is not proved by time
)

// codes is sorted by Code, so that Info can search it; a test keeps it so.
var codes = []CodeInfo{
	{ApplyDelay, Yellow,
		"the standby applies with a configured delay; promotion would apply everything at once",
		"use another standby for failover, or accept that the delay is lost", false},
	{ArchiveBacklogHigh, Yellow,
		"many WAL files wait to be archived",
		"check the archive's speed and space", false},
	{ArchiveFailing, Yellow,
		"the newest attempt to archive WAL failed, or none ever succeeded",
		"read the server's log for archive_command; check the archive's space", false},
	{Clearing, Yellow,
		"the value is good again but not yet for long enough",
		"wait; the message says how long", true},
	{ClockSkew, Unknown,
		"two clocks differ by more than the tolerance, so ages in seconds mean nothing",
		"fix time synchronization on the host named", false},
	{CollationMismatch, Yellow,
		"collation versions differ from those the data was built with; indexes may be wrong after promotion",
		"compare the hosts' C library and ICU versions; reindex where needed", false},
	{Conflict, Unknown,
		"two sources contradict each other; the worse one counts",
		"compare both readings in `bcctl explain`", false},
	{DependencyNotGreen, Unknown,
		"something this target depends on is not green",
		"`bcctl explain` the dependency", false},
	{Diverged, Red,
		"the standby's history is not the primary's: it has data the primary never had",
		"keep its data; it needs a rewind or a new base backup, after the tail is saved", false},
	{EndpointAliased, Unknown,
		"two configured endpoints are one and the same server, so one side is not seen at all",
		"use direct node addresses, not a virtual IP, pooler or load balancer", false},
	{ExprError, Unknown,
		"an expression rule could not be evaluated",
		"run `bcctl rules test` and correct the rule at the place named", false},
	{ExprRule, Yellow,
		"an expression rule of this repository holds",
		"read the rule at the place named", false},
	{FenceLeft, Red,
		"writes are off by default on a node that would become primary",
		"reset default_transaction_read_only on the node, for roles and databases too", false},
	{HeartbeatLate, Yellow,
		"the heartbeat arrives late on the standby",
		"compare with the lag in bytes; see the trend with `bcctl history`", false},
	{HeartbeatMissing, Unknown,
		"the heartbeat row cannot be read on a node",
		"create the heartbeat table on the primary and grant SELECT to the monitoring role", false},
	{HeartbeatWrite, Unknown,
		"the heartbeat could not be written or is not being written, so it says nothing about lag",
		"check the heartbeat writer and its credential", false},
	{IdentityMismatch, Red,
		"a server is not the one the resource declares, by its native identity",
		"stop; find out which server answers at this address before anything else", false},
	{IdentityUnproven, Unknown,
		"a server did not tell its native identity",
		"check the role's grants and the version of the server", false},
	{IndicatorMissing, Unknown,
		"a required indicator was not measured in this run",
		"see the other reasons of this target; `bcctl explain` shows what was read", true},
	{InsufficientPrivilege, Unknown,
		"the monitoring role may not read what it must; masked values are not zero",
		"grant what the message names, for PostgreSQL usually `GRANT pg_monitor`", false},
	{LagNearRPO, Yellow,
		"the observed exposure is over half of the recovery point objective",
		"watch the trend with `bcctl history`", false},
	{LagOverRPO, Red,
		"the observed exposure is at or over the recovery point objective",
		"find out why the standby falls behind; a failover now would exceed the RPO", false},
	{LineageUnproven, Unknown,
		"whether the standby's history is the primary's could not be proved",
		"allow the monitoring role to read timeline history (REPLICATION), or keep the reign table", true},
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
	{NodeStarting, Unknown,
		"the server is alive but starting, stopping or not open for reading",
		"wait and check again; read the server's log if it lasts", false},
	{NoIndicators, Unknown,
		"nothing required was measured, so there is nothing to judge",
		"check that the resource has endpoints at both sites and that the platform is supported", false},
	{NoPrimary, Red,
		"every node was reached and none accepts writes",
		"find out whether a failover is in progress; if not, this is an outage", false},
	{NoStandbyAtDR, Red,
		"no standby was found at the DR site",
		"build or reconnect a standby at the DR site", false},
	{ParameterTooLow, Red,
		"a setting on the standby is lower than on the primary: a promotion would shut the standby down",
		"raise the setting on the standby and restart it", false},
	{PlatformUnsupported, Unknown,
		"this bcctl has no connector for the platform",
		"use a version that has it; the target stays unknown until then", false},
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
	{QueryFailed, Unknown,
		"a reading failed on a server that was reached",
		"run the query named as the monitoring role", false},
	{ReceiverDown, Red,
		"the standby does not receive from an upstream",
		"read the standby's log; check its connection settings and slot", true},
	{RecoveryTargetSet, Red,
		"a standby has a recovery target: when it gets there it pauses, shuts down or promotes itself beside the primary",
		"remove recovery_target* from the standby's configuration and restart it", false},
	{ReignMismatch, Red,
		"the standby carries another reign row than the primary: timelines with the same number are not the same",
		"treat it as diverged; rebuild it after saving its tail", false},
	{ReplayBacklogHigh, Yellow,
		"WAL received but not applied is over the limit; promotion has to apply it first",
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
		"the standby lacks more WAL than allowed",
		"check network and standby I/O; see the trend with `bcctl history`", false},
	{RewindImpossible, Yellow,
		"after a failover the old primary could not be rewound, only rebuilt",
		"enable wal_log_hints or data checksums, and full_page_writes", false},
	{RPOUnproven, Yellow,
		"the exposure in seconds is not known, so the recovery point objective is not proved by time",
		"configure a heartbeat, or check more often", false},
	{RTOEstimateOver, Red,
		"applying what was received would alone take longer than the recovery time objective",
		"reduce the backlog; see the replay rate in `bcctl explain`", false},
	{RTOUnproven, Yellow,
		"no exercise has shown that the recovery time objective can be met",
		"run a drill", false},
	{SecretUnresolved, Unknown,
		"a credential reference could not be resolved, so no connection was made",
		"set the variable or file the message names", false},
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
	{StandbyAbsent, Red,
		"the primary has no live standby: DR is absent",
		"start or reconnect the standby before its slot or WAL runs out", false},
	{StandbyPathLost, Yellow,
		"the standby reports to the primary but does not answer bcctl; figures are one-sided",
		"repair the path from the collector to the standby", false},
	{StandbySettings, Yellow,
		"the standby's settings would keep it from serving standbys after promotion",
		"raise wal_level, max_wal_senders or max_replication_slots as named", false},
	{SyncStandbyMissing, Red,
		"synchronous_standby_names is set and no standby satisfies it: commits wait or would wait for ever",
		"change the setting or bring the named standby back", false},
	{ThresholdExceeded, Yellow,
		"an indicator is beyond its limit",
		"look at the indicator and the limit in `bcctl explain`", false},
	{TransportSilent, Red,
		"the replication link is shown as up but nothing was heard over it for too long",
		"treat the peer as hung or cut off; check both hosts", false},
	{TwoWriters, Red,
		"two nodes of one cluster accept writes at the same time (split brain)",
		"fence one of them now; do not restart, rewind or promote anything until you know which history is legitimate", false},
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
	{WriterUnproven, Unknown,
		"a node that may be writable cannot be seen while another one is primary",
		"reach the node or prove that it is fenced", true},
}
