package failover

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// unseen makes an account one that gave nothing.
func unseen(a *Account, f endpoint.Failure) {
	*a = Account{Node: a.Node, Unreached: &f, Failed: map[readiness.ID]readiness.Finding{}}
	a.At = time.Time{}
}

var silence = endpoint.Failure{Message: "no answer within 5s"}

// ended makes a refresh one that ended otherwise than well.
func (r *recording) ended(phase, code, message string, through ...string) {
	f := r.newest()
	f.Phase, f.Code, f.Message, f.Snapshot = phase, code, message, nil
	r.history().Phases = map[string][]string{f.Job: through}
}

// running makes the newest refresh one that has run for d.
func (r *recording) running(d time.Duration, phase string) {
	f := r.newest()
	*f = Refresh{Job: f.Job, Phase: phase, Start: pointer(r.now.Add(-d))}
	r.own(r.ams).Next = pointer(r.now.Add(-d).Add(10 * time.Minute))
}

// TestRecorded judges what accounts said, or could say. Each case is the healthy
// pair with one thing written over it.
func TestRecorded(t *testing.T) {
	t.Parallel()
	const green, yellow, red, unknown = readiness.Green, readiness.Yellow, readiness.Red, readiness.Unknown
	for name, c := range map[string]struct {
		change  func(r *recording)
		status  readiness.Status
		codes   []readiness.Code
		without []readiness.Code
	}{
		// Who is who.
		"another account than declared": {
			change: func(r *recording) { r.ams.Self.Name = "PROD_PAR" },
			status: red, codes: []readiness.Code{readiness.IdentityMismatch, readiness.WriterUnproven},
		},
		"login through the connection URL": {
			change: func(r *recording) {
				r.spec.Endpoints[1].Address = "https://acme-main.snowflakecomputing.com"
				r.ams.Self = r.fra.Self
			},
			status: red, codes: []readiness.Code{readiness.IdentityMismatch, readiness.EndpointAliased},
		},
		"another organization": {
			change: func(r *recording) { r.fra.Self.Organization, r.ams.Self.Organization = "OTHER", "OTHER" },
			status: red, codes: []readiness.Code{readiness.IdentityMismatch},
		},
		"two organizations, none declared": {
			change: func(r *recording) {
				delete(r.spec.Identity, "organization")
				r.spec.Endpoints[1].Options = map[string]string{"account": "PROD_AMS"}
				r.ams.Self.Organization = "OTHER"
			},
			status: red, codes: []readiness.Code{readiness.IdentityMismatch},
		},
		"the account does not say who it is": {
			change: func(r *recording) { r.ams.Self.Name = "" },
			status: unknown, codes: []readiness.Code{readiness.IdentityUnproven},
		},
		"an account is known by its locator": {
			change: func(r *recording) {
				r.spec.Endpoints[1].Address = "https://ab10002.west-europe.azure.snowflakecomputing.com"
			},
			status: green,
		},
		"two endpoints are one account": {
			change: func(r *recording) {
				r.spec.Endpoints[1].Options = map[string]string{"account": "ACME-PROD_FRA"}
				r.ams.Self, r.ams.Groups = r.fra.Self, r.fra.Groups
			},
			status: unknown, codes: []readiness.Code{readiness.EndpointAliased},
		},
		"the clock is wrong": {
			change: func(r *recording) { r.ams.Self.Clock = r.ams.Self.Clock.Add(-40 * time.Second) },
			status: unknown, codes: []readiness.Code{readiness.ClockSkew},
		},

		// What is shown to whom.
		"SHOW is empty": {
			change: func(r *recording) { r.ams.Groups = nil },
			status: unknown, codes: []readiness.Code{readiness.GroupNotVisible, readiness.WriterUnproven},
			without: []readiness.Code{readiness.NoStandbyAtDR, readiness.NoPrimary},
		},
		"SHOW is empty in both accounts": {
			change: func(r *recording) { r.ams.Groups, r.fra.Groups = nil, nil },
			status: unknown, codes: []readiness.Code{readiness.GroupNotVisible, readiness.WriterUnproven},
			without: []readiness.Code{readiness.NoPrimary},
		},
		"only rows about the other account": {
			change: func(r *recording) { r.ams.Groups = r.ams.Groups[:1] },
			status: unknown, codes: []readiness.Code{readiness.GroupNotVisible},
		},
		"SHOW fails": {
			change: func(r *recording) {
				r.ams.Groups, r.ams.Histories = nil, nil
				r.ams.Failed[privilegesID] = finding(readiness.QueryFailed, "internal error")
			},
			status: unknown, codes: []readiness.Code{readiness.QueryFailed},
		},
		"a replication group": {
			change: func(r *recording) { r.own(r.fra).Type, r.own(r.ams).Type = "REPLICATION", "REPLICATION" },
			status: red, codes: []readiness.Code{readiness.NotPromotable},
		},
		"a group of no known type": {
			change: func(r *recording) { r.own(r.ams).Type = "" },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"the group of a listing": {
			change: func(r *recording) { r.own(r.fra).AutoFulfillment = true },
			status: red, codes: []readiness.Code{readiness.GroupAutoFulfillment},
		},
		"the secondary has another name": {
			change: func(r *recording) {
				r.own(r.ams).Name = "FG_COPY"
				r.ams.Histories = map[string]*History{"FG_COPY": r.history()}
			},
			status: green,
		},
		"a group of the same name beside the copy": {
			change: func(r *recording) {
				local := *r.own(r.ams)
				local.Primary, local.IsPrimary, local.State, local.Next = "ACME.PROD_AMS.FG", pointer(true), "", nil
				r.own(r.ams).Name = "FG_COPY"
				r.ams.Groups = append([]Group{local}, r.ams.Groups...)
				r.ams.Histories = map[string]*History{"FG_COPY": r.history()}
			},
			status: green,
		},
		"columns of another edition": {
			change: func(r *recording) {
				for _, a := range r.accounts() {
					for i := range a.Groups {
						a.Groups[i].Region, a.Groups[i].Locator = "", ""
					}
				}
			},
			status: green,
		},
		"a row of a namesake in another region": {
			change: func(r *recording) { r.own(r.ams).Locator = "AB99999" },
			status: unknown, codes: []readiness.Code{readiness.GroupNotVisible},
		},

		// Who is primary.
		"two primaries": {
			change: func(r *recording) {
				row := r.own(r.ams)
				row.IsPrimary, row.Primary, row.State, row.Next = pointer(true), "ACME.PROD_AMS.FG", "", nil
			},
			status: red, codes: []readiness.Code{readiness.TwoWriters, readiness.Conflict},
		},
		"no primary": {
			change: func(r *recording) {
				row := r.own(r.fra)
				row.IsPrimary, row.Primary, row.State = pointer(false), "ACME.LOST.FG", "SUSPENDED"
				r.own(r.ams).Primary = "ACME.LOST.FG"
			},
			status: red, codes: []readiness.Code{readiness.NoPrimary, readiness.UpstreamUnexpected},
		},
		"the primary is at the DR site": {
			change: func(r *recording) { swap(r) },
			status: yellow, codes: []readiness.Code{readiness.PrimaryNotHome},
			without: []readiness.Code{readiness.NoStandbyAtDR},
		},
		"failed over, and the way back is suspended": {
			change: func(r *recording) { swap(r); r.own(r.fra).State, r.own(r.fra).Next = "SUSPENDED", nil },
			status: red, codes: []readiness.Code{readiness.PrimaryNotHome, readiness.ScheduleSuspended},
		},
		"two rows about one group": {
			change: func(r *recording) {
				other := *r.own(r.ams)
				other.IsPrimary = pointer(true)
				r.ams.Groups = append(r.ams.Groups, other)
			},
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"neither true nor false": {
			change: func(r *recording) { r.own(r.ams).IsPrimary = nil },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"the other account's row says otherwise": {
			change: func(r *recording) { r.fra.Groups[1].IsPrimary = pointer(true) },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
			without: []readiness.Code{readiness.TwoWriters},
		},
		"the copy follows a stranger": {
			change: func(r *recording) { r.own(r.ams).Primary = "ACME.PROD_PAR.FG" },
			status: red, codes: []readiness.Code{readiness.UpstreamUnexpected},
		},
		"the copy follows another group": {
			change: func(r *recording) { r.own(r.ams).Primary = "ACME.PROD_FRA.OTHER" },
			status: red, codes: []readiness.Code{readiness.UpstreamUnexpected},
		},
		"what the copy follows is not said": {
			change: func(r *recording) { r.own(r.ams).Primary = "" },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"a primary that names another one": {
			change: func(r *recording) { r.own(r.fra).Primary = "ACME.PROD_AMS.FG" },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"the primary does not allow the copy": {
			change: func(r *recording) { r.own(r.fra).Allowed = []string{"ACME.PROD_FRA"} },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"allowed accounts with a third part": {
			change: func(r *recording) { r.own(r.fra).Allowed = []string{"ACME.PROD_FRA.FG", "acme.prod_ams.FG"} },
			status: green,
		},
		"no account at the DR site": {
			change: func(r *recording) { r.ams.Site = "par" },
			status: red, codes: []readiness.Code{readiness.NoStandbyAtDR},
		},

		// The schedule.
		"the schedule is suspended": {
			change: func(r *recording) { r.own(r.ams).State, r.own(r.ams).Next = "suspended", nil },
			status: red, codes: []readiness.Code{readiness.ScheduleSuspended},
		},
		"the state of the schedule is not said": {
			change: func(r *recording) { r.own(r.ams).State = "" },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"no schedule": {
			change: func(r *recording) { r.own(r.ams).Schedule, r.own(r.ams).Next = "", nil },
			status: red, codes: []readiness.Code{readiness.ScheduleMissing},
		},
		"a schedule of more than eight days": {
			change: func(r *recording) { r.own(r.ams).Schedule, r.own(r.ams).Next = "11521 MINUTE", nil },
			status: red, codes: []readiness.Code{readiness.ScheduleNeverRuns, readiness.ScheduleDrift},
		},
		"a date that never comes": {
			change: func(r *recording) { r.own(r.ams).Schedule, r.own(r.ams).Next = "USING CRON 0 0 30 FEB * UTC", nil },
			status: red, codes: []readiness.Code{readiness.ScheduleNeverRuns},
		},
		"a schedule that cannot be read": {
			change: func(r *recording) { r.own(r.ams).Schedule = "now and then" },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"another schedule than declared": {
			change: func(r *recording) {
				r.own(r.ams).Schedule, r.own(r.ams).Next = "15 MINUTE", pointer(recordedAt.Add(9*time.Minute))
			},
			status: yellow, codes: []readiness.Code{readiness.ScheduleDrift},
		},
		"a schedule too slow for the objective": {
			change: func(r *recording) {
				delete(r.spec.Options, "schedule")
				r.own(r.ams).Schedule, r.own(r.ams).Next = "60 MINUTE", pointer(recordedAt.Add(50*time.Minute))
			},
			status: red, codes: []readiness.Code{readiness.ScheduleTooSlow},
		},
		"a schedule that is too slow at weekends": {
			change: func(r *recording) {
				delete(r.spec.Options, "schedule")
				r.own(r.ams).Schedule, r.own(r.ams).Next = "USING CRON */10 * * * MON-FRI UTC", pointer(time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC))
			},
			status: red, codes: []readiness.Code{readiness.ScheduleTooSlow},
		},
		"a schedule in cron form": {
			change: func(r *recording) {
				delete(r.spec.Options, "schedule")
				r.own(r.ams).Schedule, r.own(r.ams).Next = "USING CRON */10 * * * * Europe/Berlin", pointer(recordedAt.Add(3*time.Minute+7*time.Second))
			},
			status: green,
		},
		"a refresh was missed": {
			change: func(r *recording) { r.own(r.ams).Next = pointer(recordedAt.Add(-6 * time.Minute)) },
			status: red, codes: []readiness.Code{readiness.RefreshMissed},
		},
		"a refresh is late, as documented": {
			change: func(r *recording) { r.own(r.ams).Next = pointer(recordedAt.Add(-4 * time.Minute)) },
			status: green,
		},
		"the next refresh is not said": {
			change: func(r *recording) { r.own(r.ams).Next = nil },
			status: green, // by the start of the newest one
		},
		"the next refresh is not said and was missed": {
			change: func(r *recording) {
				r.own(r.ams).Next = nil
				r.history().Refreshes = r.history().Refreshes[2:]
			},
			status: red, codes: []readiness.Code{readiness.RefreshMissed},
		},
		"the next refresh is no time": {
			change: func(r *recording) { r.own(r.ams).Next, r.own(r.ams).NextText = nil, "soon" },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"the next refresh lies too far ahead": {
			change: func(r *recording) { r.own(r.ams).Next = pointer(recordedAt.Add(3 * time.Hour)) },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},

		// Refreshes.
		"the history was not read": {
			change: func(r *recording) { r.ams.Histories = nil },
			status: unknown, codes: []readiness.Code{readiness.QueryFailed},
		},
		"no warehouse": {
			change: func(r *recording) {
				r.ams.Histories = nil
				r.ams.Failed[refreshID] = finding(readiness.InsufficientPrivilege, "no warehouse")
			},
			status: unknown, codes: []readiness.Code{readiness.InsufficientPrivilege},
		},
		"lag by the snapshot, not by the end": {
			change: func(r *recording) { // ended a moment ago, of a snapshot that is over an hour old
				f := r.newest()
				f.Start, f.Snapshot, f.End = pointer(recordedAt.Add(-62*time.Minute)), pointer(recordedAt.Add(-61*time.Minute)), pointer(recordedAt.Add(-10*time.Second))
				r.history().Refreshes = r.history().Refreshes[:1]
			},
			status: red, codes: []readiness.Code{readiness.LagOverRPO},
		},
		"never refreshed": {
			change: func(r *recording) {
				r.history().Refreshes, r.history().Since = nil, r.now.Add(-WholeRange-time.Second)
			},
			status: red, codes: []readiness.Code{readiness.NeverRefreshed},
		},
		"none completed in the range that was asked for": {
			change:  func(r *recording) { r.history().Refreshes = nil },
			status:  unknown,
			codes:   []readiness.Code{readiness.RPOUnproven},
			without: []readiness.Code{readiness.NeverRefreshed},
		},
		"refreshes fail": {
			change: func(r *recording) {
				r.ended("FAILED", "003906", "external table", "SECONDARY_SYNCHRONIZING_MEMBERSHIP", "PRIMARY_UPLOADING_METADATA")
			},
			status: red, codes: []readiness.Code{readiness.RefreshFailing},
			without: []readiness.Code{readiness.TargetInconsistent, readiness.RefreshRunning, readiness.RefreshStuck},
		},
		"a failure before the last good one": {
			change: func(r *recording) { r.history().Refreshes[1].Phase = "FAILED" },
			status: green,
		},
		"canceled while it downloaded": {
			change: func(r *recording) {
				r.ended("CANCELED", "", "", "PRIMARY_UPLOADING_DATA", "SECONDARY_DOWNLOADING_METADATA")
			},
			status: red, codes: []readiness.Code{readiness.TargetInconsistent, readiness.RefreshFailing},
		},
		"failed while it committed": {
			change: func(r *recording) { r.ended("FAILED", "1", "x", "SECONDARY_COMMITTING", "FAILED") },
			status: red, codes: []readiness.Code{readiness.TargetInconsistent},
		},
		"canceled, and how far it had come is not known": {
			change: func(r *recording) { r.ended("CANCELED", "", ""); r.history().Phases = nil },
			status: red, codes: []readiness.Code{readiness.RefreshFailing, readiness.RPOUnproven},
		},
		"a refresh runs": {
			change: func(r *recording) { r.running(20*time.Second, "SECONDARY_DOWNLOADING_DATA") },
			status: green,
		},
		"a refresh runs in a phase of another release": {
			change: func(r *recording) { r.running(20*time.Second, "SECONDARY_POLISHING") },
			status: green,
		},
		"a refresh runs longer than usual": {
			change: func(r *recording) { r.running(90*time.Second, "PRIMARY_UPLOADING_DATA") },
			status: yellow, codes: []readiness.Code{readiness.RefreshRunning},
		},
		"a refresh runs while the primary is not seen": {
			change: func(r *recording) {
				r.running(20*time.Second, "SECONDARY_DOWNLOADING_DATA")
				unseen(r.fra, silence)
			},
			status: unknown, codes: []readiness.Code{readiness.VisPrimary, readiness.RefreshRunning},
		},
		"a refresh is stuck": {
			change: func(r *recording) { r.running(8*time.Minute, "PRIMARY_UPLOADING_DATA") },
			status: yellow, codes: []readiness.Code{readiness.RefreshStuck},
		},
		"a refresh does not advance from check to check": {
			change: func(r *recording) {
				for i := range r.history().Refreshes {
					f := &r.history().Refreshes[i]
					f.End = pointer(f.Start.Add(4 * time.Minute))
				}
				r.running(9*time.Minute, "PRIMARY_UPLOADING_DATA")
				r.before("wh-ams", phaseID, recordedAt.Add(-time.Minute), readiness.Str(formatPhase("PRIMARY_UPLOADING_DATA", r.newest().Job, recordedAt.Add(-6*time.Minute))))
			},
			status: yellow, codes: []readiness.Code{readiness.RefreshStuck},
		},
		"a running one that is not the newest": {
			change: func(r *recording) { r.history().Refreshes[3].Phase = "SECONDARY_DOWNLOADING_DATA" },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"references dangle": {
			change: func(r *recording) {
				r.history().Dangling = []Reference{{From: "TABLE SALES.PUBLIC.T", To: "MASKING POLICY SEC.P.M", Blocking: true}, {From: "VIEW A", To: "TABLE B"}}
			},
			status: red, codes: []readiness.Code{readiness.DanglingReferences},
		},
		"references dangle and block nothing": {
			change: func(r *recording) { r.history().Dangling = []Reference{{From: "VIEW A", To: "TABLE B"}} },
			status: green,
		},
		"references cannot be read": {
			change: func(r *recording) {
				r.history().Asked.Dangling = false
				r.ams.Failed[danglingID] = finding(readiness.QueryFailed, "unknown function")
			},
			status: yellow, codes: []readiness.Code{readiness.QueryFailed},
		},

		// Values no sound account sends.
		"NULL snapshot": {
			change: func(r *recording) { r.newest().Snapshot = nil },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"a snapshot in the future": {
			change: func(r *recording) { r.newest().Snapshot = pointer(recordedAt.Add(time.Hour)) },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"a start in the future": {
			change: func(r *recording) { r.newest().Start = pointer(recordedAt.Add(time.Hour)) },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"NULL start": {
			change: func(r *recording) { r.newest().Start = nil },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"NULL phase": {
			change: func(r *recording) { r.newest().Phase = "" },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"NULL clock": {
			change: func(r *recording) { r.ams.Self.Clock = time.Time{} },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"it ended before it began": {
			change: func(r *recording) { r.newest().End = pointer(r.newest().Start.Add(-time.Hour)) },
			status: green, // of no consequence: lengths are taken from the others
		},

		// One side is not seen.
		"the source is not seen": {
			change: func(r *recording) { unseen(r.fra, silence) },
			status: unknown, codes: []readiness.Code{readiness.VisPrimary},
			without: []readiness.Code{readiness.PrimaryUnreachable, readiness.NoPrimary},
		},
		"the target is not seen": {
			change: func(r *recording) { unseen(r.ams, silence) },
			status: unknown, codes: []readiness.Code{readiness.VisDR, readiness.WriterUnproven},
			without: []readiness.Code{readiness.NoStandbyAtDR},
		},
		"neither is seen": {
			change: func(r *recording) { unseen(r.fra, silence); unseen(r.ams, silence) },
			status: unknown, codes: []readiness.Code{readiness.VisBoth},
		},
		"the login is refused": {
			change: func(r *recording) {
				unseen(r.ams, endpoint.Failure{Code: readiness.VisAuth, Message: "login refused: Incorrect username or password was specified. (390100)", Alive: true})
			},
			status: unknown, codes: []readiness.Code{readiness.VisAuth, readiness.VisDR},
		},
		"an optional account is not seen": {
			change: func(r *recording) {
				r.spec.Endpoints = append(r.spec.Endpoints, connectors.Endpoint{Name: "wh-par", Site: "par", Address: "https://acme-prod-par.snowflakecomputing.com", Optional: true})
				r.others = []*Account{r.account(2, "PROD_PAR", "", "")}
				unseen(r.others[0], silence)
			},
			status: yellow, codes: []readiness.Code{readiness.WriterUnproven, readiness.VisEndpoint},
		},

		// The connection beside the group.
		"the connection leads elsewhere": {
			change: func(r *recording) {
				r.fra.Connections[0].IsPrimary, r.fra.Connections[0].Primary = pointer(false), "ACME.PROD_AMS.MAIN"
				r.ams.Connections[1].IsPrimary, r.ams.Connections[1].Primary, r.ams.Connections[1].Allowed = pointer(true), "ACME.PROD_AMS.MAIN", []string{"ACME.PROD_FRA"}
			},
			status: red, codes: []readiness.Code{readiness.ConnectionSplit},
		},
		"the group moved and the connection did not": {
			change: func(r *recording) {
				swap(r)
				r.ams.Connections, r.fra.Connections = healthyPair().ams.Connections, healthyPair().fra.Connections
			},
			status: red, codes: []readiness.Code{readiness.ConnectionSplit, readiness.PrimaryNotHome},
		},
		"no secondary connection": {
			change: func(r *recording) { r.ams.Connections = []Connection{} },
			status: yellow, codes: []readiness.Code{readiness.ConnectionMissing},
		},
		"the redirect is not allowed": {
			change: func(r *recording) { r.fra.Connections[0].Allowed = []string{"ACME.PROD_FRA"} },
			status: red, codes: []readiness.Code{readiness.RedirectNotAllowed},
		},
		"the connection is primary twice": {
			change: func(r *recording) { r.ams.Connections[1].IsPrimary = pointer(true) },
			status: red, codes: []readiness.Code{readiness.Conflict, readiness.ConnectionSplit},
		},
		"the connection is primary nowhere": {
			change: func(r *recording) { r.fra.Connections[0].IsPrimary = pointer(false) },
			status: yellow, codes: []readiness.Code{readiness.Conflict},
		},
		"the connection does not say what it is": {
			change: func(r *recording) { r.ams.Connections[1].IsPrimary = nil },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"connections cannot be read": {
			change: func(r *recording) {
				r.ams.Connections = nil
				r.ams.Failed[connectionID] = finding(readiness.QueryFailed, "internal error")
			},
			status: yellow, codes: []readiness.Code{readiness.QueryFailed},
		},
		"no connection is declared": {
			change: func(r *recording) {
				delete(r.spec.Options, "connection")
				r.fra.Connections, r.ams.Connections = nil, nil
			},
			status: green,
		},

		// What is replicated.
		"a database is missing in the group": {
			change: func(r *recording) { r.fra.Databases["FG"] = []string{"SALES"} },
			status: red, codes: []readiness.Code{readiness.DriftMembers},
		},
		"a database more in the group": {
			change: func(r *recording) { r.fra.Databases["FG"] = []string{"SALES", "CRM", "LAB"} },
			status: red, codes: []readiness.Code{readiness.DriftMembers},
		},
		"members cannot be read": {
			change: func(r *recording) { delete(r.fra.Databases, "FG") },
			status: yellow, codes: []readiness.Code{readiness.QueryFailed},
		},

		// Several groups of one application.
		"two groups": {
			change: func(r *recording) { second(r, 3*time.Minute) },
			status: green,
		},
		"two groups far apart": {
			change: func(r *recording) { second(r, 40*time.Minute) },
			status: yellow, codes: []readiness.Code{readiness.SnapshotSkew},
		},
		"one of two groups was promoted": {
			change: func(r *recording) {
				second(r, 3*time.Minute)
				for _, a := range r.accounts() {
					for i := range a.Groups {
						row := &a.Groups[i]
						if row.Name == "FG2" {
							*row.IsPrimary = !*row.IsPrimary
							row.Primary = "ACME.PROD_AMS.FG2"
						}
					}
				}
			},
			status: red, codes: []readiness.Code{readiness.GroupsSplit, readiness.PrimaryNotHome, readiness.ConnectionSplit},
		},
		"one of two groups is not seen": {
			change: func(r *recording) {
				r.spec.Identity = map[string]string{"organization": "ACME", "failoverGroups": "FG, FG2"}
			},
			status: unknown, codes: []readiness.Code{readiness.GroupNotVisible},
		},
		"one of two groups was never refreshed": {
			change: func(r *recording) {
				second(r, 3*time.Minute)
				r.ams.Histories["FG2"].Refreshes, r.ams.Histories["FG2"].Since = nil, r.now.Add(-WholeRange-time.Second)
			},
			status: red, codes: []readiness.Code{readiness.NeverRefreshed},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			c.change(r)
			for i, a := range r.accounts() {
				at, site := a.At, a.Site
				a.Endpoint = r.spec.Endpoints[i]
				a.At, a.Site = at, site
			}
			v := r.judge(t)
			if c.status == readiness.Green {
				v.wantGreen(t)
			}
			v.want(t, c.status, c.codes...)
			v.without(t, c.without...)
		})
	}
}

// swap is the pair after a failover that was completed: roles, schedule, history
// and connection are the other way round.
func swap(r *recording) {
	for _, a := range r.accounts() {
		for i := range a.Groups {
			row := &a.Groups[i]
			*row = *flip(row)
		}
		for i := range a.Connections {
			c := &a.Connections[i]
			primary := !*c.IsPrimary
			c.IsPrimary, c.Primary, c.Allowed = &primary, "ACME.PROD_AMS.MAIN", nil
			if primary {
				c.Allowed = []string{"ACME.PROD_FRA"}
			}
		}
	}
	r.own(r.fra).Next = pointer(recordedAt.Add(4 * time.Minute))
	r.fra.Histories, r.ams.Histories = r.ams.Histories, nil
	r.ams.Databases, r.fra.Databases = r.fra.Databases, nil
}

func flip(row *Group) *Group {
	primary := !*row.IsPrimary
	row.IsPrimary, row.Primary, row.State, row.Next, row.Allowed = &primary, "ACME.PROD_AMS.FG", "STARTED", nil, nil
	if primary {
		row.State, row.Allowed = "", []string{"ACME.PROD_FRA", "ACME.PROD_AMS"}
	}
	return row
}

// second adds a second group, whose newest snapshot is so much older.
func second(r *recording, older time.Duration) {
	r.spec.Identity = map[string]string{"organization": "ACME", "failoverGroups": "FG, FG2"}
	for _, a := range r.accounts() {
		for _, row := range a.Groups {
			row.Name, row.Primary, row.IsPrimary = "FG2", "ACME.PROD_FRA.FG2", pointer(*row.IsPrimary)
			a.Groups = append(a.Groups, row)
		}
	}
	r.fra.Databases["FG2"] = nil
	h := *r.history()
	h.Refreshes = nil
	for _, f := range r.history().Refreshes {
		f.Start, f.End, f.Snapshot = pointer(f.Start.Add(-older)), pointer(f.End.Add(-older)), pointer(f.Snapshot.Add(-older))
		h.Refreshes = append(h.Refreshes, f)
	}
	r.ams.Histories["FG2"] = &h
}
