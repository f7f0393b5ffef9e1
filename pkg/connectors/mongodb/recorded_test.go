package mongodb

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestRecordedSetAtRestIsGreen(t *testing.T) {
	t.Parallel()
	setAtRest().judge(t).wantGreen(t)
}

// TestRecorded judges facts written over those of a set at rest: what servers say
// when something is wrong, and values that no sound server sends.
func TestRecorded(t *testing.T) {
	t.Parallel()
	const green, yellow, red, unknown = readiness.Green, readiness.Yellow, readiness.Red, readiness.Unknown
	for name, c := range map[string]struct {
		change  func(r *recording)
		status  readiness.Status
		codes   []readiness.Code
		without []readiness.Code
	}{
		// Who writes.
		"two primaries of different terms": {
			change: func(r *recording) {
				r.b.hello.Writable, r.b.hello.Secondary, r.b.status.State, r.b.status.Term = true, false, pointer(int64(statePrimary)), pointer(int64(8))
			},
			status: red, codes: []readiness.Code{readiness.TwoWriters, readiness.Conflict},
		},
		"a second primary that refuses the login": {
			change: func(r *recording) {
				h := *r.b.hello
				unseen(r.b, endpoint.Failure{Code: readiness.VisAuth, Message: "login refused", Alive: true})
				h.Writable, h.Secondary = true, false
				r.b.hello = &h
			},
			status: red, codes: []readiness.Code{readiness.TwoWriters, readiness.VisAuth},
		},
		"a secondary that refuses the login": {
			change: func(r *recording) {
				h := *r.b.hello
				unseen(r.b, endpoint.Failure{Code: readiness.VisAuth, Message: "login refused", Alive: true})
				r.b.hello = &h
			},
			status: unknown, codes: []readiness.Code{readiness.VisAuth}, without: []readiness.Code{readiness.WriterUnproven},
		},
		"a hidden primary that no endpoint is listed for": {
			change: func(r *recording) {
				r.add(nil, seat{ID: 9, Host: "db-h:27017", Hidden: true})
				r.views("db-h:27017", func(v *view) { v.State = pointer(int64(statePrimary)) })
			},
			status: unknown, codes: []readiness.Code{readiness.EndpointMissing},
		},
		"all reached and none writes": {
			change: func(r *recording) { stepDown(r.a) },
			status: red, codes: []readiness.Code{readiness.NoPrimary}, without: []readiness.Code{readiness.WriterUnproven},
		},
		"none writes and a member is not listed": {
			change: func(r *recording) { r.add(nil, seat{ID: 9, Host: "db-h:27017", Hidden: true}); stepDown(r.a) },
			status: unknown, codes: []readiness.Code{readiness.EndpointMissing, readiness.WriterUnproven}, without: []readiness.Code{readiness.NoPrimary},
		},
		"a primary steps down while it is read": {
			change: func(r *recording) { r.a.later = statusAtRest(0, stateSecondary) },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"two servers behind one address": {
			change: func(r *recording) { r.b.status = statusAtRest(2, stateSecondary) },
			status: red, codes: []readiness.Code{readiness.Conflict},
		},
		"a forced configuration has a member nobody listed": {
			change: func(r *recording) {
				r.b.config.Version, r.b.config.Term = pointer(int64(40000)), pointer(int64(-1))
				r.b.config.Members = append(r.b.config.Members, seat{ID: 9, Host: "db-h:27017", Priority: 1, Votes: 1})
			},
			status: unknown, codes: []readiness.Code{readiness.EndpointMissing, readiness.ConfigDrift},
		},
		"one version of the configuration with two contents": {
			change: func(r *recording) { r.b.config.Members[0].Priority = 0 },
			status: yellow, codes: []readiness.Code{readiness.ConfigDrift},
		},
		"the term went back": {
			change: func(r *recording) { r.before("db-c", termID, time.Hour, readiness.Num(9)) },
			status: unknown, codes: []readiness.Code{readiness.Conflict}, without: []readiness.Code{readiness.ElectionUnplanned},
		},
		"the primary has less than at the last check": {
			change: func(r *recording) { r.before("db-a", positionID, time.Hour, readiness.Str(at(time.Second).String())) },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"another replicaSetId than at the last check": {
			change: func(r *recording) {
				delete(r.spec.Identity, "replicaSetId")
				r.before("db-a", identityID, time.Hour, readiness.Str(anotherID))
			},
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"a primary that writes nothing": {
			change: func(r *recording) {
				for _, n := range r.nodes() {
					n.status.Applied, n.status.AppliedWall, n.status.Committed, n.status.CommittedWall = at(time.Hour), ago(time.Hour), at(time.Hour), ago(time.Hour)
					for i := range n.status.Members {
						v := &n.status.Members[i]
						v.Applied, v.AppliedWall, v.Durable, v.DurableWall = at(time.Hour), ago(time.Hour), at(time.Hour), ago(time.Hour)
					}
				}
			},
			status: yellow, codes: []readiness.Code{readiness.Conflict},
		},
		"an election timeout of a day": {
			change: func(r *recording) { r.everywhere(func(c *config) { c.Election = 24 * time.Hour }) },
			status: yellow, codes: []readiness.Code{readiness.ThresholdExceeded},
		},
		"heartbeats that would count for a day": {
			change: func(r *recording) {
				r.everywhere(func(c *config) { c.Patience = 24 * time.Hour })
				r.a.status.of(restingHosts[1]).Heard = ago(time.Hour)
			},
			status: red, codes: []readiness.Code{readiness.StandbyAbsent, readiness.NotElectable},
		},
		"majority writes that are not journaled": {
			change: func(r *recording) { r.everywhere(func(c *config) { c.Journaled = pointer(false) }) },
			status: yellow, codes: []readiness.Code{readiness.WriteConcernWeak},
		},
		"a third site would take the role": {
			change: func(r *recording) {
				r.everywhere(func(c *config) { c.Members[1].Priority, c.Members[2].Priority = 1, 2 })
			},
			status: yellow, codes: []readiness.Code{readiness.PriorityUnexpected},
		},
		"primary lost, and another silent that may have been elected": {
			change: func(r *recording) {
				r.before("db-a", roleID, time.Hour, readiness.Str("primary"))
				r.down(restingHosts[0])
				r.down(restingHosts[2])
				silent(r.a)
				silent(r.c)
			},
			status: red, codes: []readiness.Code{readiness.PrimaryUnreachable, readiness.WriterUnproven, readiness.QuorumLost},
		},
		"primary lost, and another silent that was heard following": {
			change: func(r *recording) { r.down(restingHosts[0]); silent(r.a); silent(r.c) },
			status: red, codes: []readiness.Code{readiness.PrimaryUnreachable}, without: []readiness.Code{readiness.WriterUnproven},
		},
		"hello and status disagree": {
			change: func(r *recording) { r.a.status.State = pointer(int64(stateSecondary)) },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"primary by state and not writable yet": {
			change: func(r *recording) { r.a.hello.Writable = false },
			status: red, codes: []readiness.Code{readiness.NodeResolving, readiness.NoPrimary},
		},
		"a member takes another one for the primary": {
			change: func(r *recording) { r.c.hello.Primary = restingHosts[1] },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"an election the primary does not know of": {
			change: func(r *recording) { r.c.status.Term = pointer(int64(8)) },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},

		// One side unreachable.
		"primary unreachable and still heard as primary": {
			change: func(r *recording) { silent(r.a) },
			status: unknown, codes: []readiness.Code{readiness.PrimaryPathLost, readiness.VisPrimary}, without: []readiness.Code{readiness.PrimaryUnreachable},
		},
		"primary unreachable and heard by nobody": {
			change: func(r *recording) { r.down(restingHosts[0]); silent(r.a) },
			status: red, codes: []readiness.Code{readiness.PrimaryUnreachable, readiness.VisPrimary}, without: []readiness.Code{readiness.PrimaryPathLost, readiness.NoPrimary},
		},
		"primary unreachable and its last heartbeat old": {
			change: func(r *recording) {
				r.views(restingHosts[0], func(v *view) { v.Heard = ago(48 * time.Second) })
				silent(r.a)
			},
			status: red, codes: []readiness.Code{readiness.PrimaryUnreachable}, without: []readiness.Code{readiness.PrimaryPathLost},
		},
		"an unlisted member is heard as the primary": {
			change: func(r *recording) {
				r.add(nil, seat{ID: 9, Host: "db-h:27017", Priority: 1, Votes: 0})
				r.views("db-h:27017", func(v *view) { v.State = pointer(int64(statePrimary)) })
				stepDown(r.a)
			},
			status: unknown, codes: []readiness.Code{readiness.WriterUnproven, readiness.EndpointMissing},
		},
		"secondary unreachable and heard by the primary": {
			change: func(r *recording) { silent(r.b) },
			status: yellow, codes: []readiness.Code{readiness.StandbyPathLost}, without: []readiness.Code{readiness.WriterUnproven, readiness.NodeDown},
		},
		"secondary unreachable and heard with another configuration": {
			change: func(r *recording) {
				silent(r.b)
				r.views(restingHosts[1], func(v *view) { v.ConfigVersion = pointer(int64(54321)) })
			},
			status: unknown, codes: []readiness.Code{readiness.WriterUnproven},
		},
		"secondary unreachable and heard long enough ago for an election": {
			change: func(r *recording) {
				silent(r.b)
				r.views(restingHosts[1], func(v *view) { v.Heard = ago(8 * time.Second) })
			},
			status: unknown, codes: []readiness.Code{readiness.WriterUnproven, readiness.StandbyPathLost},
		},
		"member unreachable and heard as a primary": {
			change: func(r *recording) {
				silent(r.b)
				r.views(restingHosts[1], func(v *view) { v.State = pointer(int64(statePrimary)) })
			},
			status: unknown, codes: []readiness.Code{readiness.WriterUnproven},
		},
		"secondary unreachable and heard by nobody": {
			change: func(r *recording) { r.down(restingHosts[1]); silent(r.b) },
			status: red, codes: []readiness.Code{readiness.NodeDown, readiness.VisDR, readiness.WriterUnproven, readiness.StandbyAbsent, readiness.NotElectable},
		},
		"secondary unreachable and its last heartbeat old": {
			change: func(r *recording) {
				silent(r.b)
				r.views(restingHosts[1], func(v *view) { v.Heard = ago(30 * time.Second) })
			},
			status: red, codes: []readiness.Code{readiness.WriterUnproven, readiness.VisDR}, without: []readiness.Code{readiness.StandbyPathLost},
		},
		"arbiter unreachable": {
			change: func(r *recording) { r.asArbiter(r.c); r.down(restingHosts[2]); silent(r.c) },
			status: red, codes: []readiness.Code{readiness.NodeDown, readiness.VisEndpoint}, without: []readiness.Code{readiness.WriterUnproven},
		},
		"none writes and who is silent may": {
			change: func(r *recording) {
				silent(r.b)
				silent(r.c)
				stepDown(r.a)
				r.down(restingHosts[1])
				r.down(restingHosts[2])
			},
			status: red, codes: []readiness.Code{readiness.WriterUnproven, readiness.QuorumLost}, without: []readiness.Code{readiness.NoPrimary},
		},
		"nobody can be reached": {
			change: func(r *recording) { silent(r.a); silent(r.b); silent(r.c) },
			status: unknown, codes: []readiness.Code{readiness.VisBoth, readiness.VisPrimary, readiness.VisDR},
		},
		"the certificate of a member is not accepted": {
			change: func(r *recording) {
				unseen(r.b, endpoint.Failure{Code: readiness.IdentityUnproven, Message: "certificate not accepted", Alive: true})
			},
			status: unknown, codes: []readiness.Code{readiness.IdentityUnproven, readiness.VisDR},
		},
		"an endpoint under an unknown name": {
			change: func(r *recording) { silent(r.b); r.b.Address = "192.0.2.7:27017" },
			status: red, codes: []readiness.Code{readiness.NotAMember, readiness.EndpointMissing, readiness.WriterUnproven},
		},
		"optional endpoint that cannot be seen": {
			change: func(r *recording) { r.c.Optional = true; r.down(restingHosts[2]); silent(r.c) },
			status: yellow, codes: []readiness.Code{readiness.NodeDown, readiness.WriterUnproven},
		},

		// The same set?
		"another set under the same name": {
			change: func(r *recording) {
				r.b.config.ID, r.b.hello.Writable, r.b.hello.Secondary = anotherID, true, false
				r.down(restingHosts[1])
			},
			status: red, codes: []readiness.Code{readiness.IdentityMismatch}, without: []readiness.Code{readiness.TwoWriters, readiness.EndpointMissing, readiness.PartitionOneWay},
		},
		"two sets and none declared": {
			change: func(r *recording) { r.spec.Identity, r.b.config.ID = nil, anotherID },
			status: red, codes: []readiness.Code{readiness.IdentityMismatch},
		},
		"another name of the set": {
			change: func(r *recording) { r.b.hello.SetName = "orders" },
			status: red, codes: []readiness.Code{readiness.IdentityMismatch},
		},
		"no replicaSetId": {
			change: func(r *recording) { r.b.config.ID = "" },
			status: unknown, codes: []readiness.Code{readiness.IdentityUnproven},
		},
		"a standalone server": {
			change: func(r *recording) {
				r.b.hello.SetName, r.b.hello.Writable, r.b.status, r.b.config = "", true, nil, nil
				r.b.refused = &readiness.Finding{Code: readiness.NotAMember, Message: "db-b runs without replication"}
			},
			status: red, codes: []readiness.Code{readiness.NotAMember}, without: []readiness.Code{readiness.TwoWriters},
		},
		"a router in place of a member": {
			change: func(r *recording) {
				r.b.hello = &hello{Router: true, Writable: true, Clock: r.b.hello.Clock}
				r.b.status, r.b.config = nil, nil
			},
			status: red, codes: []readiness.Code{readiness.IdentityMismatch}, without: []readiness.Code{readiness.TwoWriters},
		},
		"removed from its set": {
			change: func(r *recording) {
				r.b.refused = &readiness.Finding{Code: readiness.NodeRemoved, Message: "db-b was removed"}
				r.b.status, r.b.config = nil, nil
			},
			status: red, codes: []readiness.Code{readiness.NodeRemoved},
		},
		"not in the configuration": {
			change: func(r *recording) { r.everywhere(func(c *config) { c.Members = c.Members[:2] }); r.majority(2, 2) },
			status: red, codes: []readiness.Code{readiness.NotAMember},
		},
		"one server behind two endpoints": {
			change: func(r *recording) { r.c.hello = r.b.hello },
			status: unknown, codes: []readiness.Code{readiness.EndpointAliased, readiness.EndpointMissing},
		},
		"two processes under one name": {
			change: func(r *recording) { r.c.hello.Me = r.b.hello.Me },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"an arbiter whose set is vouched for": {
			change: func(r *recording) { r.asArbiter(r.c); r.majority(2, 2) },
			status: yellow, codes: []readiness.Code{readiness.WriteMajorityAtRisk}, without: []readiness.Code{readiness.IdentityUnproven, readiness.QuorumSiteDependent},
		},
		"an arbiter that nobody hears": {
			change: func(r *recording) { r.asArbiter(r.c); r.down(restingHosts[2]) },
			status: red, codes: []readiness.Code{readiness.IdentityUnproven, readiness.PartitionOneWay},
		},
		"another address than the set's": {
			change: func(r *recording) { r.b.Address = "192.0.2.7:27017" },
			status: yellow, codes: []readiness.Code{readiness.AddressMismatch},
		},
		"another address, and the resource says so": {
			change: func(r *recording) {
				r.b.Address, r.b.Options = "192.0.2.7:27017", map[string]string{"member": restingHosts[1]}
			},
			status: green,
		},

		// Versions.
		"version 4.4": {
			change: func(r *recording) { r.b.version = "4.4.29" },
			status: red, codes: []readiness.Code{readiness.VersionUnsupported},
		},
		"version 9 everywhere": {
			change: func(r *recording) { r.a.version, r.b.version, r.c.version = "9.0.0", "9.0.0", "9.0.0" },
			status: unknown, codes: []readiness.Code{readiness.VersionUnsupported}, without: []readiness.Code{readiness.NoPrimary},
		},
		"a version that is none": {
			change: func(r *recording) { r.b.version = "latest" },
			status: red, codes: []readiness.Code{readiness.VersionUnsupported},
		},
		"another release on one member": {
			change: func(r *recording) { r.b.version = "6.0.19" },
			status: red, codes: []readiness.Code{readiness.VersionMismatch},
		},
		"another feature compatibility version": {
			change: func(r *recording) { r.b.feature = "6.0" },
			status: red, codes: []readiness.Code{readiness.VersionMismatch},
		},

		// Configuration.
		"a member with an older configuration": {
			change: func(r *recording) { r.c.config.Version = pointer(int64(3)) },
			status: yellow, codes: []readiness.Code{readiness.ConfigDrift},
		},
		"a configuration no majority has": {
			change: func(r *recording) { r.a.config.Committed = pointer(false) },
			status: yellow, codes: []readiness.Code{readiness.ConfigUncommitted},
		},
		"a forced configuration": {
			change: func(r *recording) { r.everywhere(func(c *config) { c.Term = pointer(int64(-1)) }) },
			status: yellow, codes: []readiness.Code{readiness.ConfigDrift},
		},
		"the configuration cannot be read": {
			change: func(r *recording) {
				for _, n := range r.nodes() {
					n.config, n.failed[identityID] = nil, readiness.Finding{Code: readiness.InsufficientPrivilege, Message: "not authorized"}
				}
			},
			status: unknown, codes: []readiness.Code{readiness.InsufficientPrivilege, readiness.QuorumUnknown},
		},
		"a higher priority than the primary's": {
			change: func(r *recording) { r.everywhere(func(c *config) { c.Members[1].Priority = 10 }) },
			status: yellow, codes: []readiness.Code{readiness.PriorityUnexpected},
		},
		"switched over, and priorities with it": {
			change: func(r *recording) { r.a.Site, r.b.Site = "ams", "fra" },
			status: yellow, codes: []readiness.Code{readiness.PrimaryNotHome}, without: []readiness.Code{readiness.PriorityUnexpected, readiness.NotElectable},
		},
		"the server counts another majority": {
			change: func(r *recording) { r.majority(3, 3) },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},

		// Would it work?
		"hidden member at the DR site": {
			change: func(r *recording) {
				r.everywhere(func(c *config) { c.Members[1].Hidden, c.Members[1].Priority = true, 0 })
			},
			status: red, codes: []readiness.Code{readiness.NotElectable},
		},
		"delayed member at the DR site": {
			change: func(r *recording) {
				r.everywhere(func(c *config) {
					c.Members[1].Hidden, c.Members[1].Priority, c.Members[1].Delay = true, 0, time.Hour
				})
				r.behind(r.b, time.Hour)
			},
			status: red, codes: []readiness.Code{readiness.NotElectable, readiness.ApplyDelay}, without: []readiness.Code{readiness.LagOverRPO, readiness.ReplicationLagHigh},
		},
		"delayed member beside one that could take over": {
			change: func(r *recording) {
				n := memberAtRest("db-d", "ams", 1, stateSecondary)
				r.add(n, seat{ID: 3, Host: "db-d:27017", Hidden: true, Delay: time.Hour})
				n.status.Source = restingHosts[0]
				r.behind(n, time.Hour)
			},
			status: green,
		},
		"priority 0 at the DR site": {
			change: func(r *recording) { r.everywhere(func(c *config) { c.Members[1].Priority = 0 }) },
			status: red, codes: []readiness.Code{readiness.NotElectable},
		},
		"arbiter alone at the DR site": {
			change: func(r *recording) { r.asArbiter(r.b) },
			status: red, codes: []readiness.Code{readiness.NoStandbyAtDR},
		},
		"no member at the DR site": {
			change: func(r *recording) { r.b.Site = "fra" },
			status: red, codes: []readiness.Code{readiness.NoStandbyAtDR, readiness.QuorumSiteDependent},
		},
		"starting": {
			change: func(r *recording) { r.state(r.b, stateStartup) },
			status: red, codes: []readiness.Code{readiness.NodeStarting, readiness.NotElectable},
		},
		"recovering": {
			change: func(r *recording) { r.state(r.b, stateRecovering) },
			status: red, codes: []readiness.Code{readiness.NodeRecovering},
		},
		"too stale": {
			change: func(r *recording) { r.state(r.b, stateRecovering); r.b.status.TooStale = true },
			status: red, codes: []readiness.Code{readiness.NodeRecovering},
		},
		"making its first copy": {
			change: func(r *recording) { r.state(r.b, stateStartup2) },
			status: red, codes: []readiness.Code{readiness.InitialSync, readiness.WriteMajorityAtRisk}, without: []readiness.Code{readiness.QuorumLost},
		},
		"rolling back": {
			change: func(r *recording) { r.state(r.b, stateRollback) },
			status: red, codes: []readiness.Code{readiness.NodeRollback},
		},
		"removed by state": {
			change: func(r *recording) { r.state(r.b, stateRemoved) },
			status: red, codes: []readiness.Code{readiness.NodeRemoved},
		},
		"a state nobody knows": {
			change: func(r *recording) { r.state(r.b, 77) },
			status: red, codes: []readiness.Code{readiness.NodeResolving},
		},
		"no state": {
			change: func(r *recording) { r.b.status.State = nil },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},

		// Majorities.
		"two sites": {
			change: func(r *recording) { r.c.Site = "fra" },
			status: yellow, codes: []readiness.Code{readiness.QuorumSiteDependent, readiness.WriteMajorityAtRisk},
		},
		"a majority is gone": {
			change: func(r *recording) { r.down(restingHosts[1]); r.down(restingHosts[2]); silent(r.b); silent(r.c) },
			status: red, codes: []readiness.Code{readiness.QuorumLost, readiness.WriteMajorityLost},
		},
		"an arbiter keeps a primary alive": {
			change: func(r *recording) { r.asArbiter(r.c); r.down(restingHosts[1]); silent(r.b) },
			status: red, codes: []readiness.Code{readiness.WriteMajorityLost, readiness.WriteMajorityAtRisk}, without: []readiness.Code{readiness.QuorumLost},
		},
		"one member down makes a site indispensable": {
			change: func(r *recording) { r.down(restingHosts[2]); silent(r.c) },
			status: red, codes: []readiness.Code{readiness.QuorumSiteDependent, readiness.WriteMajorityAtRisk, readiness.NodeDown},
		},
		"who hears whom is not told": {
			change: func(r *recording) {
				for _, n := range r.nodes() {
					n.status, n.failed[stateID] = nil, readiness.Finding{Code: readiness.QueryFailed, Message: "timeout"}
				}
			},
			status: unknown, codes: []readiness.Code{readiness.QuorumUnknown, readiness.QueryFailed},
		},
		"bcctl reaches all and they do not hear each other": {
			change: func(r *recording) {
				for _, host := range restingHosts {
					r.down(host)
				}
				stepDown(r.a)
			},
			status: red, codes: []readiness.Code{readiness.QuorumLost, readiness.NoPrimary, readiness.PartitionOneWay},
		},

		// Heartbeats between members.
		"heartbeats in one direction": {
			change: func(r *recording) { r.b.status.of(restingHosts[0]).Hears = ago(40 * time.Second) },
			status: red, codes: []readiness.Code{readiness.PartitionOneWay},
		},
		"a heartbeat from the future": {
			change: func(r *recording) { r.a.status.of(restingHosts[1]).Heard = ago(-time.Hour) },
			status: red, codes: []readiness.Code{readiness.PartitionOneWay, readiness.NotElectable},
		},
		"a failed attempt is no reply": {
			change: func(r *recording) {
				v := r.a.status.of(restingHosts[1])
				v.Health, v.Heard = pointer(0.0), ago(100*time.Millisecond)
			},
			status: red, codes: []readiness.Code{readiness.StandbyAbsent, readiness.NotElectable},
		},
		"a member that has just started": {
			change: func(r *recording) {
				r.b.status.self().Uptime = pointer(3.0)
				for _, host := range []string{restingHosts[0], restingHosts[2]} {
					r.b.status.of(host).Hears = nil
				}
			},
			status: green,
		},
		"the status has no time": {
			change: func(r *recording) { r.a.status.Date = nil },
			status: red, codes: []readiness.Code{readiness.ValueInvalid},
		},

		// Lag.
		"behind by more than may be lost": {
			change: func(r *recording) { r.behind(r.b, 90*time.Second) },
			status: red, codes: []readiness.Code{readiness.LagOverRPO, readiness.ReplicationLagHigh},
		},
		"behind by half of what may be lost": {
			change: func(r *recording) { r.behind(r.b, 40*time.Second) },
			status: yellow, codes: []readiness.Code{readiness.LagNearRPO},
		},
		"the best of two at the DR site counts": {
			change: func(r *recording) { r.c.Site = "ams"; r.behind(r.b, 50*time.Minute) },
			status: yellow, codes: []readiness.Code{readiness.ReplicationLagHigh, readiness.QuorumSiteDependent}, without: []readiness.Code{readiness.LagOverRPO},
		},
		"ahead of the primary by a moment": {
			change: func(r *recording) { r.behind(r.b, -2*time.Second) },
			status: green,
		},
		"a later time of an older term": {
			change: func(r *recording) {
				p := &position{Term: 6, Seconds: uint32(recordedAt.Unix()), Increment: 3}
				r.b.status.Applied = p
				r.views(restingHosts[1], func(v *view) { v.Applied = p })
			},
			status: red, codes: []readiness.Code{readiness.Diverged, readiness.NotElectable},
		},
		"a position of 1970": {
			change: func(r *recording) { r.views(restingHosts[1], func(v *view) { v.Applied, v.AppliedWall = nil, nil }) },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"the primary has no position": {
			change: func(r *recording) { r.a.status.Applied = nil },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"a member contradicts the primary's view of it": {
			change: func(r *recording) { r.b.status.Applied = at(3 * time.Minute) },
			status: unknown, codes: []readiness.Code{readiness.Conflict},
		},
		"wall times that hide what positions show": {
			change: func(r *recording) {
				r.b.status.Applied = at(5 * time.Minute)
				r.views(restingHosts[1], func(v *view) { v.Applied = at(5 * time.Minute) })
			},
			status: red, codes: []readiness.Code{readiness.LagOverRPO},
		},
		"read right after an idle entry": {
			change: func(r *recording) { r.idleEntry(200 * time.Millisecond) },
			status: green,
		},
		"acknowledged and held by no majority": {
			change: func(r *recording) {
				r.a.status.Committed, r.a.status.CommittedWall = at(10*time.Minute), ago(10*time.Minute)
			},
			status: yellow, codes: []readiness.Code{readiness.CommitLagHigh},
		},
		"no commit point": {
			change: func(r *recording) { r.a.status.Committed = nil },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"the primary is slowed down": {
			change: func(r *recording) { r.a.flow.Lagged = pointer(true) },
			status: yellow, codes: []readiness.Code{readiness.FlowControlActive},
		},
		"flow control is not told": {
			change: func(r *recording) { r.a.flow = &flowControl{Enabled: pointer(true)} },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},

		// Who follows whom.
		"nothing to replicate from": {
			change: func(r *recording) { r.b.status.Source = "" },
			status: red, codes: []readiness.Code{readiness.ReceiverDown},
		},
		"follows a stranger": {
			change: func(r *recording) { r.b.status.Source = "192.0.2.99:27017" },
			status: red, codes: []readiness.Code{readiness.UpstreamUnexpected},
		},
		"follows a member that rolls back": {
			change: func(r *recording) { r.b.status.Source = restingHosts[2]; r.state(r.c, stateRollback) },
			status: red, codes: []readiness.Code{readiness.ReceiverDown, readiness.NodeRollback},
		},
		"follows a member that is down": {
			change: func(r *recording) { r.b.status.Source = restingHosts[2]; r.down(restingHosts[2]); silent(r.c) },
			status: red, codes: []readiness.Code{readiness.ReceiverDown},
		},
		"chained": {
			change: func(r *recording) { r.b.status.Source = restingHosts[2] },
			status: green,
		},
		"two that follow each other": {
			change: func(r *recording) { r.b.status.Source, r.c.status.Source = restingHosts[2], restingHosts[1] },
			status: yellow, codes: []readiness.Code{readiness.Conflict},
		},

		// Oplog.
		"a short oplog": {
			change: func(r *recording) { r.c.oplog.First = ago(20 * time.Minute) },
			status: yellow, codes: []readiness.Code{readiness.OplogWindowShort},
		},
		"a new oplog that is far from full": {
			change: func(r *recording) {
				for _, n := range r.nodes() {
					n.oplog = &oplogEnds{First: ago(5 * time.Minute), Last: ago(4 * time.Second), Size: pointer(1e6), Limit: pointer(1e9)}
				}
			},
			status: green,
		},
		"close to the end of the oplog": {
			change: func(r *recording) { r.a.oplog.First = ago(2 * time.Hour); r.behind(r.c, 45*time.Minute) },
			status: yellow, codes: []readiness.Code{readiness.OplogHeadroomLow},
		},
		"an oplog that runs backwards": {
			change: func(r *recording) { r.b.oplog.First = ago(-time.Hour) },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"the oplog may not be read": {
			change: func(r *recording) {
				r.b.failed[oplogWindowID] = readiness.Finding{Code: readiness.InsufficientPrivilege, Message: "not authorized on local"}
				r.b.privileges.Find = nil
			},
			status: unknown, codes: []readiness.Code{readiness.InsufficientPrivilege},
		},

		// Elections, write concern, privileges, clocks.
		"the term grew": {
			change: func(r *recording) { r.before("db-a", termID, time.Minute, readiness.Num(5)) },
			status: yellow, codes: []readiness.Code{readiness.ElectionUnplanned},
		},
		"the term stayed": {
			change: func(r *recording) { r.before("db-a", termID, time.Minute, readiness.Num(7)) },
			status: green,
		},
		"write concern of one": {
			change: func(r *recording) { r.a.writeConcern = &writeConcern{W: "1", Source: "global"} },
			status: yellow, codes: []readiness.Code{readiness.WriteConcernWeak},
		},
		"implied write concern of one": {
			change: func(r *recording) { r.a.writeConcern = &writeConcern{Source: "implicit"} },
			status: yellow, codes: []readiness.Code{readiness.WriteConcernWeak},
		},
		"a named write concern": {
			change: func(r *recording) { r.a.writeConcern = &writeConcern{W: "multiDC", Source: "global"} },
			status: yellow, codes: []readiness.Code{readiness.WriteConcernWeak},
		},
		"a number that is a majority": {
			change: func(r *recording) { r.a.writeConcern = &writeConcern{W: "2", Source: "global"} },
			status: green,
		},
		"a login without clusterMonitor": {
			change: func(r *recording) { r.b.privileges.Cluster = nil },
			status: unknown, codes: []readiness.Code{readiness.InsufficientPrivilege},
		},
		"privileges are not told": {
			change: func(r *recording) { r.b.privileges = nil },
			status: unknown, codes: []readiness.Code{readiness.InsufficientPrivilege},
		},
		"a clock an hour off": {
			change: func(r *recording) { r.b.hello.Clock = ago(time.Hour) },
			status: unknown, codes: []readiness.Code{readiness.ClockSkew},
		},
		"a slow answer that reads like skew": {
			change: func(r *recording) { r.b.hello.Clock, r.b.took = ago(-2300*time.Millisecond), 4800*time.Millisecond },
			status: green,
		},
		"no clock": {
			change: func(r *recording) { r.b.hello.Clock = nil },
			status: unknown, codes: []readiness.Code{readiness.ValueInvalid},
		},

		// Heartbeat document.
		"heartbeat in time": {
			change: func(r *recording) { r.beats(3*time.Second, 4*time.Second) },
			status: green,
		},
		"heartbeat late at the DR site": {
			change: func(r *recording) { r.beats(3*time.Second, 3*time.Minute) },
			status: yellow, codes: []readiness.Code{readiness.HeartbeatLate},
		},
		"nobody writes the heartbeat": {
			change: func(r *recording) { r.beats(time.Hour, time.Hour) },
			status: yellow, codes: []readiness.Code{readiness.HeartbeatWrite}, without: []readiness.Code{readiness.HeartbeatLate},
		},
		"no heartbeat document": {
			change: func(r *recording) { r.beats(time.Second, time.Second); r.b.beat.Local = nil },
			status: yellow, codes: []readiness.Code{readiness.HeartbeatMissing},
		},
		"this check wrote the first heartbeat there is": {
			change: func(r *recording) { r.noBeats() },
			status: green, without: []readiness.Code{readiness.HeartbeatMissing},
		},
		"the heartbeat is gone": {
			change: func(r *recording) {
				r.noBeats()
				for _, n := range r.nodes() {
					r.previous[readiness.Key{Endpoint: n.Name, Indicator: heartbeatSeqID}] = readiness.Observation{Value: readiness.Num(7)}
				}
			},
			status: yellow, codes: []readiness.Code{readiness.HeartbeatMissing},
		},
		"the first heartbeat could not be written": {
			change: func(r *recording) {
				r.noBeats()
				r.written = &readiness.Finding{Code: readiness.HeartbeatWrite, Message: "denied"}
			},
			status: yellow, codes: []readiness.Code{readiness.HeartbeatWrite, readiness.HeartbeatMissing},
		},
		"heartbeat from the future": {
			change: func(r *recording) { r.beats(-time.Hour, -time.Hour) },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"heartbeat without a time": {
			change: func(r *recording) { r.beats(time.Second, time.Second); r.b.beat.Local.At = nil },
			status: yellow, codes: []readiness.Code{readiness.ValueInvalid},
		},
		"heartbeat not acknowledged by a majority": {
			change: func(r *recording) {
				r.beats(time.Second, time.Second)
				r.written = &readiness.Finding{Code: readiness.HeartbeatWrite, Message: "written and not protected"}
			},
			status: yellow, codes: []readiness.Code{readiness.HeartbeatWrite},
		},
		"a fresh heartbeat proves no position": {
			change: func(r *recording) { r.beats(time.Second, time.Second); r.behind(r.b, 3*time.Minute) },
			status: red, codes: []readiness.Code{readiness.LagOverRPO},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setAtRest()
			c.change(r)
			v := r.judge(t)
			if c.status == green {
				v.wantGreen(t)
				return
			}
			v.want(t, c.status, c.codes...)
			v.without(t, c.without...)
		})
	}
}

// stepDown makes a primary a secondary that knows of no other.
func stepDown(n *node) {
	n.hello.Writable, n.hello.Secondary, n.hello.Primary = false, true, ""
	n.status.State, n.status.self().State = pointer(int64(stateSecondary)), pointer(int64(stateSecondary))
	n.config.Committed = nil
}

// state puts a member into a state, by its own status and in everybody's view.
func (r *recording) state(n *node, state int64) {
	n.hello.Secondary = state == stateSecondary
	n.status.State, n.status.self().State = &state, &state
	r.views(n.Address, func(v *view) { v.State = &state })
}

// idleEntry is a primary that has just written the entry of an idle set, read
// again a moment later, when the others have it.
func (r *recording) idleEntry(after time.Duration) {
	first := r.a.status
	later := *first
	later.Members = append([]view(nil), first.Members...)
	entry, wall := at(0), ago(0)
	first.Applied, first.AppliedWall = entry, wall
	first.self().Applied, first.self().AppliedWall = entry, wall
	later.At = first.At.Add(after)
	newer, newerWall := &position{Term: 7, Seconds: entry.Seconds + 10, Increment: 1}, pointer(wall.Add(10*time.Second))
	later.Applied, later.AppliedWall = newer, newerWall
	later.Committed, later.CommittedWall = entry, wall
	for i := range later.Members {
		later.Members[i].Applied, later.Members[i].AppliedWall, later.Members[i].Durable, later.Members[i].DurableWall = entry, wall, entry, wall
	}
	r.a.later = &later
}

// noBeats is a set in which the check writes the heartbeat, and finds none.
func (r *recording) noBeats() {
	r.beats(time.Second, time.Second)
	r.spec.Heartbeat.Write = true
	for _, n := range r.nodes() {
		n.beat.Local, n.beat.Majority = nil, nil
	}
}

// beats are heartbeats of the given ages at the primary and everywhere else.
func (r *recording) beats(primary, others time.Duration) {
	r.spec.Heartbeat = &connectors.Heartbeat{Interval: 10 * time.Second}
	for _, n := range r.nodes() {
		age := others
		if n == r.a {
			age = primary
		}
		b := &beat{Sequence: pointer(int64(7)), At: ago(age)}
		n.beat = &beats{Local: b, Majority: &beat{Sequence: b.Sequence, At: b.At}, Clock: n.hello.Clock}
	}
}
