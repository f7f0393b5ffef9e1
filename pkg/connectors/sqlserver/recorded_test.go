package sqlserver

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

const green, yellow, red, unknown = readiness.Green, readiness.Yellow, readiness.Red, readiness.Unknown

func TestRecordedHealthyPairIsGreen(t *testing.T) {
	t.Parallel()
	v := healthyPair().judge(t)
	v.want(t, green, nil, nil)
	if b, s := v.number(t, "", exposureBytesID), v.number(t, "", exposureSecondsID); b != 0 || s != 0 {
		t.Errorf("exposure is %v bytes, %v s", b, s)
	}
}

// TestRecorded judges the facts of a pair of which one thing is wrong.
func TestRecorded(t *testing.T) {
	t.Parallel()
	type codes = []readiness.Code
	for name, c := range map[string]struct {
		change  func(r *recording)
		status  readiness.Status
		codes   codes
		without codes
	}{
		// Figures of a database that does not move.
		"suspended, with a lag of zero": {
			change: func(r *recording) {
				r.eachCopy(func(s *databaseState) {
					s.Suspended, s.Reason, s.State = pointer(true), "SUSPEND_FROM_USER", "NOT SYNCHRONIZING"
				})
			},
			status: red, codes: codes{readiness.DatabaseSuspended, readiness.NotSynchronizing},
		},
		"suspended, and still shown as synchronizing": {
			change: func(r *recording) {
				r.asynchronous()
				r.eachCopy(func(s *databaseState) { s.Suspended, s.Reason = pointer(true), "SUSPEND_FROM_PARTNER" })
			},
			status: red, codes: codes{readiness.DatabaseSuspended},
		},
		"suspended by the replica's own word only": {
			change: func(r *recording) { state(r.b, replicaB, ledgerID).Suspended = pointer(true) },
			status: red, codes: codes{readiness.DatabaseSuspended},
		},
		"suspended on the primary": {
			change: func(r *recording) { state(r.a, replicaA, ordersID).Suspended = pointer(true) },
			status: red, codes: codes{readiness.DatabaseSuspended},
		},
		"suspended without a common point of the logs": {
			change: func(r *recording) {
				r.eachCopy(func(s *databaseState) {
					s.Suspended, s.Reason, s.State = pointer(true), "SUSPEND_FROM_XRF_UPDATE", "NOT SYNCHRONIZING"
				})
			},
			status: red, codes: codes{readiness.DatabaseSuspended},
		},
		"NULL send queue": {
			change: func(r *recording) {
				r.asynchronous()
				state(r.a, replicaB, ordersID).SendQueueKB = nil
			},
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"NULL send queue of one that is SYNCHRONIZED": {
			change: func(r *recording) { state(r.a, replicaB, ordersID).SendQueueKB = nil },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"NULL redo queue on both ends": {
			change: func(r *recording) { r.eachCopy(func(s *databaseState) { s.RedoQueueKB = nil }) },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"negative send queue": {
			change: func(r *recording) {
				r.asynchronous()
				state(r.a, replicaB, ordersID).SendQueueKB = pointer(int64(-1))
			},
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"negative redo queue": {
			change: func(r *recording) { state(r.b, replicaB, ordersID).RedoQueueKB = pointer(int64(-5)) },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"NULL state": {
			change: func(r *recording) { r.eachCopy(func(s *databaseState) { s.State = "" }) },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"a state nobody documented": {
			change: func(r *recording) { r.eachCopy(func(s *databaseState) { s.State = "DREAMING" }) },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"NOT SYNCHRONIZING": {
			change: func(r *recording) { r.eachCopy(func(s *databaseState) { s.State = "NOT SYNCHRONIZING" }) },
			status: red, codes: codes{readiness.NotSynchronizing},
		},
		"NOT SYNCHRONIZING by the replica's own word only": {
			change: func(r *recording) { state(r.b, replicaB, ledgerID).State = "NOT SYNCHRONIZING" },
			status: red, codes: codes{readiness.NotSynchronizing},
		},
		"REVERTING": {
			change: func(r *recording) { state(r.b, replicaB, ledgerID).State = "REVERTING" },
			status: red, codes: codes{readiness.DatabaseReverting},
		},
		"INITIALIZING": {
			change: func(r *recording) { r.eachCopy(func(s *databaseState) { s.State = "INITIALIZING" }) },
			status: red, codes: codes{readiness.DatabaseReverting},
		},

		// What is configured and what is.
		"asynchronous and nobody said so": {
			change: func(r *recording) { r.asynchronous(); delete(r.spec.Options, "commit") },
			status: yellow, codes: codes{readiness.NotFailoverReady},
		},
		"asynchronous as declared, with nothing to send": {
			change: func(r *recording) { r.asynchronous() },
			status: green,
		},
		"asynchronous and called HEALTHY": {
			change: func(r *recording) {
				r.asynchronous()
				r.eachCopy(func(s *databaseState) {
					s.SendQueueKB = pointer(int64(40 << 10))
					s.LastCommit = pointer(s.LastCommit.Add(-50 * time.Second))
				})
			},
			status: yellow, codes: codes{readiness.ReplicationLagHigh, readiness.LagNearRPO},
		},
		"asynchronous and over the objective": {
			change: func(r *recording) {
				r.asynchronous()
				state(r.a, replicaB, ledgerID).LastCommit = pointer(recordedAt.Add(-50 * time.Minute))
			},
			status: red, codes: codes{readiness.LagOverRPO},
		},
		"asynchronous without the time of the last commit": {
			change: func(r *recording) {
				r.asynchronous()
				state(r.a, replicaB, ledgerID).LastCommit = nil
			},
			status: yellow, codes: codes{readiness.RPOUnproven},
		},
		"asynchronous and ahead of its primary": {
			change: func(r *recording) {
				r.asynchronous()
				state(r.a, replicaB, ledgerID).LastCommit = pointer(recordedAt)
			},
			status: yellow, codes: codes{readiness.RPOUnproven},
		},
		"synchronous that left": {
			change: func(r *recording) {
				r.eachCopy(func(s *databaseState) { s.State, s.Ready = "SYNCHRONIZING", pointer(false) })
			},
			status: red, codes: codes{readiness.SynchronizationLost},
		},
		"synchronous to an asynchronous primary": {
			change: func(r *recording) {
				r.eachReplica("SQL-A", func(x *replica) { x.Mode = "ASYNCHRONOUS_COMMIT" })
				r.eachCopy(func(s *databaseState) { s.State, s.Ready = "SYNCHRONIZING", pointer(false) })
			},
			status: red, codes: codes{readiness.SynchronizationLost},
		},
		"SYNCHRONIZED and not ready": {
			change: func(r *recording) { r.eachCopy(func(s *databaseState) { s.Ready = pointer(false) }) },
			status: yellow, codes: codes{readiness.NotFailoverReady},
		},
		"more synchronous secondaries required than keep up": {
			change: func(r *recording) { r.everyReplica(func(x *replica) { x.Required = pointer(int64(2)) }) },
			status: red, codes: codes{readiness.SyncStandbyMissing},
		},
		"more synchronous secondaries required than are left after a failover": {
			change: func(r *recording) { r.everyReplica(func(x *replica) { x.Required = pointer(int64(1)) }) },
			status: red, codes: codes{readiness.SyncStandbyMissing},
		},

		// Redo.
		"redo takes longer than the objective": {
			change: func(r *recording) {
				r.eachCopy(func(s *databaseState) { s.RedoQueueKB, s.RedoRateKB = pointer(int64(4<<20)), pointer(int64(1024)) })
			},
			status: red, codes: codes{readiness.RTOEstimateOver, readiness.ReplayBacklogHigh},
		},
		"redo stands still": {
			change: func(r *recording) {
				r.eachCopy(func(s *databaseState) { s.RedoQueueKB, s.RedoRateKB = pointer(int64(1024)), pointer(int64(0)) })
			},
			status: yellow, codes: codes{readiness.ValueInvalid},
		},

		// Quorum.
		"quorum was forced and the flag says ready": {
			change: func(r *recording) {
				r.a.cluster.QuorumState, r.b.cluster.QuorumState = "FORCED_QUORUM", "FORCED_QUORUM"
			},
			status: red, codes: codes{readiness.QuorumForced},
		},
		"quorum state that is not told": {
			change: func(r *recording) { r.b.cluster.QuorumState = "UNKNOWN_QUORUM_STATE" },
			status: yellow, codes: codes{readiness.QuorumUnknown},
		},
		"no quorum on the secondary": {
			change: func(r *recording) { r.b.cluster, r.b.members = nil, nil },
			status: red, codes: codes{readiness.QuorumLost},
		},
		"no vote at DR": {
			change: func(r *recording) { r.b.members[1].Votes = pointer(int64(0)) },
			status: yellow, codes: codes{readiness.VoteMissing},
		},

		// Roles.
		"two primaries": {
			change: func(r *recording) { own(r.b).Role = "PRIMARY" },
			status: red, codes: codes{readiness.TwoWriters}, without: codes{readiness.NoPrimary},
		},
		"two primaries that have parted": {
			change: func(r *recording) {
				own(r.b).Role = "PRIMARY"
				r.b.local[0].Fork = "f9000000-0000-0000-0000-000000000009"
			},
			status: red, codes: codes{readiness.TwoWriters},
		},
		"both resolving": {
			change: func(r *recording) {
				own(r.a).Role, own(r.a).Operational = "RESOLVING", "PENDING_FAILOVER"
				own(r.b).Role, own(r.b).Operational = "RESOLVING", "OFFLINE"
			},
			status: unknown, codes: codes{readiness.NodeResolving}, without: codes{readiness.NoPrimary, readiness.TwoWriters, readiness.NodeDown},
		},
		"the secondary resolving": {
			change: func(r *recording) { own(r.b).Role = "RESOLVING" },
			status: unknown, codes: codes{readiness.NodeResolving},
		},
		"nobody is primary": {
			change: func(r *recording) { own(r.a).Role = "SECONDARY" },
			status: red, codes: codes{readiness.NoPrimary}, without: codes{readiness.SwitchIncomplete},
		},
		"nobody is primary and no cluster decides": {
			change: func(r *recording) {
				r.everyReplica(func(x *replica) { x.ClusterType = "NONE" })
				own(r.a).Role = "SECONDARY"
			},
			status: red, codes: codes{readiness.SwitchIncomplete},
		},
		"the primary at the DR site": {
			change: func(r *recording) { r.a.Site, r.b.Site = "ams", "fra" },
			status: yellow, codes: codes{readiness.PrimaryNotHome}, without: codes{readiness.NoStandbyAtDR},
		},
		"no replica at the DR site": {
			change: func(r *recording) { r.b.Site = "fra" },
			status: red, codes: codes{readiness.NoStandbyAtDR},
		},
		"a role that is not told": {
			change: func(r *recording) { own(r.a).Role = "" },
			status: unknown, codes: codes{readiness.ValueInvalid, readiness.WriterUnproven},
		},

		// Somebody is not seen.
		"primary unreachable and the secondary connected to it": {
			change: func(r *recording) { unseen(r.a, silent) },
			status: unknown, codes: codes{readiness.PrimaryPathLost}, without: codes{readiness.PrimaryUnreachable},
		},
		"primary unreachable and the secondary disconnected": {
			change: func(r *recording) { unseen(r.a, silent); r.cutOff() },
			status: red, codes: codes{readiness.PrimaryUnreachable, readiness.VisPrimary}, without: codes{readiness.QuorumLost, readiness.PrimaryPathLost},
		},
		"primary unreachable and the secondary resolving": {
			change: func(r *recording) {
				unseen(r.a, silent)
				r.cutOff()
				own(r.b).Role, own(r.b).Operational = "RESOLVING", "OFFLINE"
			},
			status: red, codes: codes{readiness.PrimaryUnreachable, readiness.NodeResolving},
		},
		"primary unreachable and no quorum here": {
			change: func(r *recording) {
				unseen(r.a, silent)
				r.cutOff()
				r.b.cluster, r.b.members = nil, nil
				own(r.b).Role, own(r.b).Operational = "RESOLVING", "FAILED_NO_QUORUM"
			},
			status: red, codes: codes{readiness.PrimaryUnreachable, readiness.QuorumLost},
		},
		"primary unreachable and no word of a connection": {
			change: func(r *recording) { unseen(r.a, silent); own(r.b).Connected = "" },
			status: unknown, codes: codes{readiness.WriterUnproven}, without: codes{readiness.PrimaryUnreachable, readiness.PrimaryPathLost},
		},
		"primary refuses the login": {
			change: func(r *recording) {
				unseen(r.a, endpoint.Failure{Code: readiness.VisAuth, Message: "login refused", Alive: true})
			},
			status: unknown, codes: codes{readiness.VisAuth}, without: codes{readiness.PrimaryUnreachable},
		},
		"secondary unreachable and connected": {
			change: func(r *recording) { unseen(r.b, silent) },
			status: unknown, codes: codes{readiness.StandbyPathLost}, without: codes{readiness.WriterUnproven, readiness.ReplicaDisconnected},
		},
		"secondary unreachable and disconnected": {
			change: func(r *recording) { unseen(r.b, silent); r.lost() },
			status: red, codes: codes{readiness.ReplicaDisconnected, readiness.WriterUnproven, readiness.VisDR},
		},
		"secondary refuses the login and is connected": {
			change: func(r *recording) {
				unseen(r.b, endpoint.Failure{Code: readiness.VisAuth, Message: "login refused", Alive: true})
			},
			status: unknown, codes: codes{readiness.VisAuth}, without: codes{readiness.StandbyPathLost, readiness.WriterUnproven},
		},
		"secondary unreachable, connected, and not as a secondary": {
			change: func(r *recording) { unseen(r.b, silent); seen(r.a, "SQL-B").Role = "RESOLVING" },
			status: unknown, codes: codes{readiness.WriterUnproven}, without: codes{readiness.StandbyPathLost},
		},
		"secondary unreachable of a name nobody knows": {
			change: func(r *recording) { unseen(r.b, silent); r.b.Name, r.b.Address = "dr", "192.0.2.7:1433" },
			status: unknown, codes: codes{readiness.WriterUnproven}, without: codes{readiness.StandbyPathLost},
		},
		"both unreachable": {
			change: func(r *recording) { unseen(r.a, silent); unseen(r.b, silent) },
			status: unknown, codes: codes{readiness.VisBoth, readiness.VisPrimary, readiness.VisDR},
		},
		"secondary disconnected and reached": {
			change: func(r *recording) { r.lost(); r.cutOff() },
			status: red, codes: codes{readiness.ReplicaDisconnected, readiness.NotSynchronizing},
		},
		"secondary of which the primary does not tell whether it is connected": {
			change: func(r *recording) { seen(r.a, "SQL-B").Connected = "" },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"a replica that is no endpoint and not connected": {
			change: func(r *recording) {
				x := *seen(r.a, "SQL-B")
				x.ID, x.Server, x.Connected = replicaC, "SQL-C", "DISCONNECTED"
				r.a.replicas = append(r.a.replicas, x)
			},
			status: unknown, codes: codes{readiness.EndpointMissing},
		},
		"an optional replica unreachable and disconnected": {
			change: func(r *recording) { unseen(r.b, silent); r.b.Optional = true; r.lost() },
			status: unknown, codes: codes{readiness.IndicatorMissing, readiness.ReplicaDisconnected, readiness.WriterUnproven},
		},

		// Whether it is the declared one.
		"another group than declared": {
			change: func(r *recording) { r.spec.Identity["groupId"] = "11111111-2222-3333-4444-555555555555" },
			status: red, codes: codes{readiness.IdentityMismatch}, without: codes{readiness.NoPrimary},
		},
		"the declared identifier in capitals": {
			change: func(r *recording) { r.spec.Identity["groupId"] = "0F2C8A1E-6B1D-4A57-9D5E-0C6F3E2A7B10" },
			status: green,
		},
		"two groups of one name": {
			change: func(r *recording) {
				r.spec.Identity = nil
				for i := range r.b.replicas {
					r.b.replicas[i].Group = "99999999-6b1d-4a57-9d5e-0c6f3e2a7b10"
				}
			},
			status: red, codes: codes{readiness.IdentityMismatch},
		},
		"several groups and none is named": {
			change: func(r *recording) {
				r.spec.Identity = nil
				delete(r.spec.Options, "availabilityGroup")
				other := r.a.replicas[0]
				other.Group, other.GroupName = "88888888-6b1d-4a57-9d5e-0c6f3e2a7b10", "billing"
				r.a.replicas = append(r.a.replicas, other)
			},
			status: unknown, codes: codes{readiness.IdentityUnproven},
		},
		"one group and none is named": {
			change: func(r *recording) {
				r.spec.Identity = nil
				delete(r.spec.Options, "availabilityGroup")
			},
			status: green,
		},
		"an instance of another name than declared": {
			change: func(r *recording) { r.b.Options = map[string]string{"replica": "SQL-X"} },
			status: red, codes: codes{readiness.IdentityMismatch, readiness.WriterUnproven},
		},
		"an instance without the group": {
			change: func(r *recording) { r.b.replicas = nil },
			status: red, codes: codes{readiness.NotAMember},
		},
		"availability groups not enabled": {
			change: func(r *recording) { r.b.replicas, r.b.facts.HADR = nil, pointer(false) },
			status: red, codes: codes{readiness.NotAMember},
		},
		"one instance behind two endpoints": {
			change: func(r *recording) {
				b := r.b.Endpoint
				*r.b = *r.a
				r.b.Endpoint = b
			},
			status: unknown, codes: codes{readiness.EndpointAliased}, without: codes{readiness.TwoWriters},
		},
		"two instances of one name": {
			change: func(r *recording) {
				r.b.facts.ServerName = "SQL-A"
				own(r.b).Role = "PRIMARY"
			},
			status: red, codes: codes{readiness.TwoWriters}, without: codes{readiness.EndpointAliased},
		},

		// Rights.
		"no VIEW ANY DEFINITION on the secondary": {
			change: func(r *recording) {
				r.b.facts.ViewDefinition, r.b.replicas, r.b.databases, r.b.local = false, nil, nil, nil
			},
			status: unknown, codes: codes{readiness.InsufficientPrivilege}, without: codes{readiness.NotAMember, readiness.NoStandbyAtDR},
		},
		"no VIEW ANY DEFINITION anywhere": {
			change: func(r *recording) {
				for _, n := range r.nodes() {
					n.facts.ViewDefinition, n.replicas, n.databases, n.local = false, nil, nil, nil
				}
			},
			status: unknown, codes: codes{readiness.InsufficientPrivilege}, without: codes{readiness.NotAMember, readiness.NoPrimary},
		},
		"no right to see states": {
			change: func(r *recording) {
				r.b.facts.ViewState = false
				denied := readiness.Finding{Code: readiness.InsufficientPrivilege, Message: "VIEW SERVER STATE permission was denied (error 300)"}
				r.b.replicas, r.b.databases, r.b.cluster, r.b.started = nil, nil, nil, nil
				for _, id := range []readiness.ID{roleID, stateID, quorumID, startedID} {
					r.b.failed[id] = denied
				}
			},
			status: unknown, codes: codes{readiness.InsufficientPrivilege}, without: codes{readiness.NotAMember},
		},
		"no right to see states, and yet all of them": {
			change: func(r *recording) { r.b.facts.ViewState = false },
			status: unknown, codes: codes{readiness.InsufficientPrivilege},
		},
		"no right to see jobs and backups": {
			change: func(r *recording) {
				denied := readiness.Finding{Code: readiness.InsufficientPrivilege, Message: "SELECT permission was denied (error 229)"}
				r.a.failed[jobsID], r.b.failed[jobsID], r.a.failed[logBackupID] = denied, denied, denied
				r.a.outside.jobs, r.b.outside.jobs, r.a.backups = nil, nil, nil
			},
			status: yellow, codes: codes{readiness.InsufficientPrivilege},
		},

		// Databases.
		"a database that is not joined": {
			change: func(r *recording) {
				r.b.databases = r.b.databases[:1]
				r.a.databases = r.a.databases[:3]
				for i := range r.a.joined {
					if r.a.joined[i].Replica == replicaB && r.a.joined[i].ID == ledgerID {
						r.a.joined[i].Joined = pointer(false)
					}
				}
			},
			status: red, codes: codes{readiness.DatabaseNotJoined},
		},
		"a database of which the replica has no row at all": {
			change: func(r *recording) {
				r.b.databases, r.a.databases = r.b.databases[:1], r.a.databases[:3]
				r.a.joined, r.b.joined = nil, nil
			},
			status: red, codes: codes{readiness.DatabaseNotJoined},
		},
		"a required database outside the group": {
			change: func(r *recording) { r.spec.Options["databases"] = "orders, ledger, archive" },
			status: red, codes: codes{readiness.DatabaseUnprotected},
		},
		"a database that does not serve on the primary": {
			change: func(r *recording) { state(r.a, replicaA, ledgerID).DatabaseState = "RECOVERY_PENDING" },
			status: red, codes: codes{readiness.DatabaseNotOnline},
		},
		"a suspect database on the secondary": {
			change: func(r *recording) { state(r.b, replicaB, ledgerID).DatabaseState = "SUSPECT" },
			status: red, codes: codes{readiness.DatabaseNotOnline},
		},
		"the primary still recovers": {
			change: func(r *recording) { own(r.a).PrimaryRecovery = "ONLINE_IN_PROGRESS" },
			status: red, codes: codes{readiness.DatabaseNotOnline},
		},
		"a database of another name on the instance": {
			change: func(r *recording) { r.b.local[0].Name = "orders_dr" },
			status: green,
		},
		"no database in the group": {
			change: func(r *recording) { r.a.databases, r.b.databases, r.a.joined, r.b.joined = nil, nil, nil, nil },
			status: red, codes: codes{readiness.DatabaseUnprotected, readiness.IndicatorMissing},
		},
		"the database states of the primary cannot be read": {
			change: func(r *recording) {
				r.a.databases, r.a.failed[stateID] = nil, readiness.Finding{Code: readiness.QueryFailed, Message: "deadlock victim (error 1205)"}
			},
			status: unknown, codes: codes{readiness.QueryFailed},
		},

		// History.
		"a secondary on another recovery fork": {
			change: func(r *recording) { r.b.local[1].Fork = "f9000000-0000-0000-0000-000000000009" },
			status: red, codes: codes{readiness.Diverged},
		},
		"a recovery fork that is not told while log flows": {
			change: func(r *recording) { r.b.local[0].Fork, r.b.local[1].Fork = "", "" },
			status: green,
		},
		"a recovery fork that is not told and no log flows": {
			change: func(r *recording) {
				r.b.local[0].Fork, r.b.local[1].Fork = "", ""
				r.lost()
				r.cutOff()
			},
			status: red, codes: codes{readiness.LineageUnproven},
		},
		"a former primary whose log would be discarded": {
			change: func(r *recording) {
				r.eachCopy(func(s *databaseState) {
					s.Suspended, s.Reason, s.State, s.Recovery = pointer(true), "SUSPEND_FROM_PARTNER", "NOT SYNCHRONIZING", "35000000011000001"
				})
			},
			status: red, codes: codes{readiness.DatabaseSuspended},
		},

		// What is around.
		"different major versions": {
			change: func(r *recording) { r.b.facts.Major = 17 },
			status: red, codes: codes{readiness.VersionMismatch},
		},
		"version 12": {
			change: func(r *recording) { r.a.facts.Major, r.b.facts.Major = 12, 12 },
			status: unknown, codes: codes{readiness.VersionUnsupported},
		},
		"version 18 beside a primary": {
			change: func(r *recording) { r.b.facts.Major = 18 },
			status: unknown, codes: codes{readiness.VersionUnsupported, readiness.WriterUnproven},
		},
		"a managed instance": {
			change: func(r *recording) { r.b.facts.Engine = 8 },
			status: unknown, codes: codes{readiness.VersionUnsupported},
		},
		"a clock that is wrong": {
			change: func(r *recording) { r.b.facts.Clock = r.b.facts.Clock.Add(time.Hour) },
			status: unknown, codes: codes{readiness.ClockSkew},
		},
		"a clock that is not told": {
			change: func(r *recording) { r.b.facts.Clock = time.Time{} },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"a login with another SID": {
			change: func(r *recording) { r.b.outside.logins = map[string]login{"app": {"SQL_LOGIN", "9f02"}} },
			status: yellow, codes: codes{readiness.DriftLogin},
		},
		"a login that is missing": {
			change: func(r *recording) { r.b.outside.logins = map[string]login{} },
			status: yellow, codes: codes{readiness.DriftLogin},
		},
		"a login of the host itself": {
			change: func(r *recording) { r.a.outside.logins[`SQL-A\backup`] = login{"WINDOWS_LOGIN", "0105"} },
			status: green,
		},
		"a login that is missing from a contained group": {
			change: func(r *recording) {
				r.b.outside.logins = map[string]login{}
				r.everyReplica(func(x *replica) { x.Contained = true })
			},
			status: green,
		},
		"a job that is missing": {
			change: func(r *recording) { r.b.outside.jobs = map[string]bool{} },
			status: yellow, codes: codes{readiness.DriftJob},
		},
		"a linked server that is missing": {
			change: func(r *recording) { r.a.outside.servers = map[string]bool{"WAREHOUSE": true} },
			status: yellow, codes: codes{readiness.DriftLinkedServer},
		},
		"a credential that is missing": {
			change: func(r *recording) { r.a.outside.credentials = map[string]bool{"backup-store": true} },
			status: yellow, codes: codes{readiness.DriftCredential},
		},
		"an encrypted database that could not be opened": {
			change: func(r *recording) { r.a.outside.encryptors = map[string]string{"ledger": "aa11"} },
			status: red, codes: codes{readiness.DriftCertificate},
		},
		"a certificate without its private key": {
			change: func(r *recording) {
				r.a.outside.encryptors = map[string]string{"ledger": "aa11"}
				r.b.outside.certificates = map[string]bool{"aa11": false}
			},
			status: red, codes: codes{readiness.DriftCertificate},
		},
		"the mirroring endpoint stopped": {
			change: func(r *recording) { r.b.mirroring[0].State = "STOPPED" },
			status: red, codes: codes{readiness.MirroringEndpointDown},
		},
		"no mirroring endpoint": {
			change: func(r *recording) { r.b.mirroring = nil },
			status: red, codes: codes{readiness.MirroringEndpointDown},
		},
		"the endpoint's certificate expires soon": {
			change: func(r *recording) { r.b.mirroring[0].MinutesLeft = pointer(int64(20 * 24 * 60)) },
			status: yellow, codes: codes{readiness.CertExpiry},
		},
		"the endpoint's certificate has expired": {
			change: func(r *recording) { r.b.mirroring[0].MinutesLeft = pointer(int64(-5)) },
			status: red, codes: codes{readiness.CertExpiry},
		},
		"no address of the listener is online": {
			change: func(r *recording) { r.a.listeners[0].State = "FAILED" },
			status: yellow, codes: codes{readiness.ListenerDown},
		},
		"a replica pins the log": {
			change: func(r *recording) { r.a.local[0].ReuseWait, r.a.logUsed["orders"] = "AVAILABILITY_REPLICA", 60 },
			status: yellow, codes: codes{readiness.LogPinned},
		},
		"a replica holds the log for a moment": {
			change: func(r *recording) { r.a.local[0].ReuseWait = "AVAILABILITY_REPLICA" },
			status: green,
		},
		"the log is full": {
			change: func(r *recording) { r.a.logUsed["ledger"] = 93 },
			status: red, codes: codes{readiness.LogSpaceHigh},
		},
		"how full the log is is not told": {
			change: func(r *recording) { r.a.logUsed = map[string]int64{"ledger": 400} },
			status: yellow, codes: codes{readiness.ValueInvalid},
		},
		"log backups stopped": {
			change: func(r *recording) { r.a.backups["ledger"] = 2 * 24 * 3600 },
			status: yellow, codes: codes{readiness.LogBackupLate},
		},
		"log backups are taken on the secondary": {
			change: func(r *recording) {
				r.a.backups, r.b.backups = map[string]int64{}, map[string]int64{"orders": 60, "ledger": 90}
			},
			status: green,
		},
		"nobody remembers a log backup": {
			change: func(r *recording) { r.a.backups = map[string]int64{} },
			status: yellow, codes: codes{readiness.LogBackupLate},
		},
		"seeding failed and the database is missing": {
			change: func(r *recording) {
				r.b.databases, r.a.databases = r.b.databases[:1], r.a.databases[:3]
				r.a.seeding = []seedingRun{{claimsGroup, ledgerID, replicaB, pointer(recordedAt), "FAILED", "Seeding Check Message Timeout"}}
			},
			status: red, codes: codes{readiness.SeedingFailed, readiness.DatabaseNotJoined},
		},
		"seeding failed once and the database is there": {
			change: func(r *recording) {
				r.a.seeding = []seedingRun{{claimsGroup, ledgerID, replicaB, pointer(recordedAt), "FAILED", "Seeding Check Message Timeout"}}
			},
			status: green,
		},
		"a basic group": {
			change: func(r *recording) {
				r.everyReplica(func(x *replica) { x.Basic, x.Connections = true, "NO" })
			},
			status: green,
		},
		"no cluster decides": {
			change: func(r *recording) {
				r.everyReplica(func(x *replica) { x.ClusterType = "NONE" })
				r.a.cluster, r.b.cluster, r.a.members, r.b.members = nil, nil, nil, nil
			},
			status: green,
		},
		"Pacemaker decides": {
			change: func(r *recording) {
				r.everyReplica(func(x *replica) { x.ClusterType, x.Failover = "EXTERNAL", "EXTERNAL" })
				r.a.cluster, r.b.cluster, r.a.members, r.b.members = nil, nil, nil, nil
				x := *seen(r.a, "SQL-B")
				x.ID, x.Server, x.Mode = replicaC, "SQL-C", "CONFIGURATION_ONLY"
				r.a.replicas = append(r.a.replicas, x)
			},
			status: green,
		},
		"2016, without the columns of later versions": {
			change: func(r *recording) {
				r.a.facts.Major, r.b.facts.Major = 13, 13
				r.everyReplica(func(x *replica) { x.ClusterType, x.Required, x.Sequence = "", nil, nil })
			},
			status: green,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			c.change(r)
			r.judge(t).want(t, c.status, c.codes, c.without)
		})
	}
}

// lost makes the primary see the secondary as disconnected, as it then looks.
func (r *recording) lost() {
	x := seen(r.a, "SQL-B")
	x.Connected, x.Role = "DISCONNECTED", ""
	for i := range r.a.databases {
		if s := &r.a.databases[i]; s.Replica == replicaB {
			s.State, s.Ready = "NOT SYNCHRONIZING", pointer(false)
		}
	}
}

// cutOff makes the secondary one that is disconnected, as it then looks.
func (r *recording) cutOff() {
	own(r.b).Connected = "DISCONNECTED"
	for i := range r.b.databases {
		r.b.databases[i].State = "NOT SYNCHRONIZING"
	}
}
