package failover

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Indicators of a resource as a whole. Names without a platform prefix mean the
// same on every platform.
const (
	topologyID  readiness.ID = "topology"
	exposureID  readiness.ID = "replication.exposure_seconds"
	plannedID   readiness.ID = "replication.planned_exposure_seconds"
	skewOfSetID readiness.ID = "replication.snapshot_skew_seconds"
	recoveryID  readiness.ID = "recovery.estimated_seconds"
)

// Indicators of one account.
const (
	reachableID  readiness.ID = "node.reachable"
	roleID       readiness.ID = "node.role"
	identityID   readiness.ID = "node.identity"
	versionID    readiness.ID = "node.version"
	clockSkewID  readiness.ID = "node.clock_skew_seconds"
	privilegesID readiness.ID = "node.privileges"
	upstreamID   readiness.ID = "replication.upstream"
	lagID        readiness.ID = "replication.lag_seconds"
	scheduleID   readiness.ID = "schedule.state"
	overdueID    readiness.ID = "schedule.overdue_seconds"
	refreshID    readiness.ID = "refresh.state"
	snapshotID   readiness.ID = "refresh.snapshot"
	durationID   readiness.ID = "refresh.duration_seconds"
	runningID    readiness.ID = "refresh.running_seconds"
	phaseID      readiness.ID = "refresh.phase"
	failuresID   readiness.ID = "refresh.failures"
	danglingID   readiness.ID = "references.dangling"
	connectionID readiness.ID = "connection.state"
	membersID    readiness.ID = "members.databases"
)

// Indicators that are not known when a statement fails.
const (
	PrivilegesID = privilegesID
	ConnectionID = connectionID
	MembersID    = membersID
	RefreshID    = refreshID
	DanglingID   = danglingID
)

// historyAge is how long a reading counts that needs a warehouse, and so is not
// made in every sweep: the longest interval and some time until the next check.
// The interval of the resource ends it before (see memory.go).
const historyAge = MaxHistoryInterval + 5*time.Minute

// Catalog lists every indicator. The required ones are what a verdict about
// readiness cannot do without: which accounts answer, that they are the declared
// ones and show the group, which one is primary, what the other one follows,
// that refreshes are scheduled and start, how the last one ended, and how old
// what it brought is.
var Catalog = []readiness.Indicator{
	{ID: topologyID, Required: true, Help: "which account is primary for each group and which follow, over all accounts"},
	{ID: exposureID, Unit: readiness.Seconds, Required: true, Breach: readiness.LagOverRPO, Periodic: true, MaxAge: historyAge,
		Help: "time whose changes the far account does not have: its clock minus the newest snapshot of a completed refresh"},
	{ID: plannedID, Unit: readiness.Seconds, Breach: readiness.ScheduleTooSlow,
		Help: "exposure that the schedule leads to: its longest pause plus the usual length of a refresh"},
	{ID: skewOfSetID, Unit: readiness.Seconds, Breach: readiness.SnapshotSkew, MaxAge: historyAge,
		Help: "time between the oldest and the newest snapshot of the groups of one application"},
	{ID: recoveryID, Unit: readiness.Seconds, Breach: readiness.RTOEstimateOver, MaxAge: historyAge,
		Help: "time until a promotion would be accepted: what is left of a running refresh"},

	{ID: reachableID, Required: true, Help: "whether the account answered a query within its deadline"},
	{ID: roleID, Required: true, Help: "primary or secondary, by the account's own row of SHOW FAILOVER GROUPS"},
	{ID: identityID, Required: true, Help: "organization and account"},
	{ID: versionID, Help: "release of the account"},
	{ID: clockSkewID, Unit: readiness.Seconds, Required: true, Signed: true, Help: "account's clock minus collector clock at the middle of the request"},
	{ID: privilegesID, Required: true, Help: "whether the monitoring role sees the groups"},
	{ID: upstreamID, Required: true, Help: "the primary that the account's own row names"},
	{ID: lagID, Unit: readiness.Seconds, MaxAge: historyAge, Help: "account's clock minus the newest snapshot of a completed refresh"},
	{ID: scheduleID, Required: true, Help: "whether refreshes are scheduled, and how"},
	{ID: overdueID, Unit: readiness.Seconds, Required: true, Help: "how long the next scheduled refresh has been due"},
	{ID: refreshID, Required: true, MaxAge: historyAge, Help: "how the newest refresh ended, or that it runs"},
	{ID: snapshotID, MaxAge: historyAge, Help: "newest snapshot of a completed refresh, by group"},
	{ID: durationID, Unit: readiness.Seconds, MaxAge: historyAge, Help: "usual length of a refresh: the median of the newest ten"},
	{ID: runningID, Unit: readiness.Seconds, Help: "how long the running refresh has been running"},
	{ID: phaseID, Help: "phase of the running refresh, and since when it was seen"},
	{ID: failuresID, Unit: readiness.Count, MaxAge: historyAge, Help: "refreshes that failed or were canceled since the last one that completed"},
	{ID: danglingID, Unit: readiness.Count, MaxAge: historyAge, Help: "references that keep refreshes from completing"},
	{ID: connectionID, Help: "what the connection that clients use is in the account"},
	{ID: membersID, Help: "databases of the groups"},
}
