package sqlserver

import (
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

const (
	fraGroup = "10000000-0000-0000-0000-0000000000f1"
	amsGroup = "20000000-0000-0000-0000-0000000000a2"
	fraSide  = "30000000-0000-0000-0000-0000000000f3" // the groups as replicas of the distributed one
	amsSide  = "40000000-0000-0000-0000-0000000000a4"
	replicaD = "d0000000-0000-0000-0000-00000000000d"
)

// healthyDistributed is two groups of two instances each: sql-a writes, sql-c
// follows it at home; sql-b is the forwarder, sql-d follows it at the DR site.
func healthyDistributed() *recording {
	pair := healthyPair()
	r := &recording{spec: pair.spec, previous: pair.previous, now: pair.now, a: pair.a, b: newNode("sql-b", "ams", 16)}
	c, d := newNode("sql-c", "fra", 16), newNode("sql-d", "ams", 16)
	r.others = []*node{c, d}
	r.spec.Options["commit"] = "asynchronous"
	base := pair.a.replicas[0]
	base.Local, base.Primary, base.PrimaryRecovery = nil, "", ""

	member := func(group, name, id, server, role string, local *bool) replica {
		x := base
		x.Group, x.GroupName, x.ID, x.Server, x.Role, x.Local = group, name, id, server, role, local
		return x
	}
	side := func(id, name, role string, local *bool) replica {
		x := base
		x.Group, x.GroupName, x.Distributed, x.ID, x.Server, x.Role, x.Local, x.Mode = claimsGroup, "claims", true, id, name, role, local, "ASYNCHRONOUS_COMMIT"
		return x
	}
	yes, no := pointer(true), pointer(false)
	r.a.replicas = []replica{member(fraGroup, "claims-fra", replicaA, "SQL-A", "PRIMARY", yes), member(fraGroup, "claims-fra", replicaC, "SQL-C", "SECONDARY", no),
		side(fraSide, "claims-fra", "PRIMARY", yes), side(amsSide, "claims-ams", "SECONDARY", no)}
	c.replicas = []replica{member(fraGroup, "claims-fra", replicaA, "SQL-A", "", nil), member(fraGroup, "claims-fra", replicaC, "SQL-C", "SECONDARY", yes)}
	r.b.replicas = []replica{member(amsGroup, "claims-ams", replicaB, "SQL-B", "PRIMARY", yes), member(amsGroup, "claims-ams", replicaD, "SQL-D", "SECONDARY", no),
		side(fraSide, "claims-fra", "", nil), side(amsSide, "claims-ams", "SECONDARY", yes)}
	d.replicas = []replica{member(amsGroup, "claims-ams", replicaB, "SQL-B", "", nil), member(amsGroup, "claims-ams", replicaD, "SQL-D", "SECONDARY", yes)}

	source, copied := pair.a.databases[0], pair.a.databases[1]
	row := func(template databaseState, group, replica, id, name string, local *bool) databaseState {
		template.Group, template.Replica, template.ID, template.Name, template.Local = group, replica, id, name, local
		if isSet(local) {
			template.DatabaseState = "ONLINE" // told of an instance's own databases
		}
		return template
	}
	r.a.databases = nil
	for _, db := range []struct{ name, id string }{{"orders", ordersID}, {"ledger", ledgerID}} {
		across := row(copied, claimsGroup, amsSide, db.id, db.name, no)
		across.State, across.Ready = "SYNCHRONIZING", pointer(false)
		forwarded := row(source, amsGroup, replicaB, db.id, db.name, yes)
		forwarded.Primary = pointer(true)
		received := row(copied, claimsGroup, amsSide, db.id, db.name, yes)
		received.State, received.Ready, received.SendQueueKB = "SYNCHRONIZING", pointer(false), nil
		r.a.databases = append(r.a.databases, row(source, fraGroup, replicaA, db.id, db.name, yes), row(copied, fraGroup, replicaC, db.id, db.name, no), across)
		c.databases = append(c.databases, row(copied, fraGroup, replicaC, db.id, db.name, yes))
		r.b.databases = append(r.b.databases, forwarded, row(copied, amsGroup, replicaD, db.id, db.name, no), received)
		d.databases = append(d.databases, row(copied, amsGroup, replicaD, db.id, db.name, yes))
	}
	for _, n := range r.nodes() {
		n.local, n.joined, n.listeners = pair.a.local, nil, nil
		n.cluster, n.members = &cluster{"wsfc", "NODE_MAJORITY", "NORMAL_QUORUM"}, nil
	}
	return r
}

// across is the row of the distributed group that an instance has about one side.
func across(n *node, id string) *replica {
	for i := range n.replicas {
		if n.replicas[i].Distributed && n.replicas[i].ID == id {
			return &n.replicas[i]
		}
	}
	panic("the recording has no such row")
}

func TestDistributedHealthyIsGreen(t *testing.T) {
	t.Parallel()
	v := healthyDistributed().judge(t)
	v.want(t, green, nil, nil)
	for endpoint, want := range map[string]string{"sql-a": "primary", "sql-b": "forwarder", "sql-c": "secondary", "sql-d": "secondary"} {
		if got := v.text(t, endpoint, roleID); got != want {
			t.Errorf("%s is %q, want %q", endpoint, got, want)
		}
	}
}

func TestDistributed(t *testing.T) {
	t.Parallel()
	type codes = []readiness.Code
	for name, c := range map[string]struct {
		change  func(r *recording)
		status  readiness.Status
		codes   codes
		without codes
	}{
		"the forwarder is primary of its own group and does not write": {
			change: func(*recording) {}, status: green, without: codes{readiness.TwoWriters},
		},
		"neither primary is seen": {
			change: func(r *recording) {
				unseen(r.a, silent)
				unseen(r.b, silent)
			},
			status: unknown, codes: codes{readiness.IdentityUnproven}, without: codes{readiness.IdentityMismatch, readiness.NotAMember},
		},
		"both sides secondary": {
			change: func(r *recording) { across(r.a, fraSide).Role = "SECONDARY" },
			status: red, codes: codes{readiness.SwitchIncomplete}, without: codes{readiness.NoPrimary},
		},
		"both sides primary": {
			change: func(r *recording) { across(r.b, amsSide).Role = "PRIMARY" },
			status: red, codes: codes{readiness.TwoWriters},
		},
		"two primaries of one member group": {
			change: func(r *recording) {
				n := r.others[1]
				own(n).Role = "PRIMARY"
				n.replicas = append(n.replicas, *across(r.b, fraSide), *across(r.b, amsSide))
			},
			status: red, codes: codes{readiness.TwoWriters},
		},
		"the other group has no primary": {
			change: func(r *recording) {
				r.b.replicas = r.b.replicas[:2]
				own(r.b).Role = "SECONDARY"
				r.b.replicas[1].Role = ""
			},
			status: red, codes: codes{readiness.NoPrimary}, without: codes{readiness.TwoWriters},
		},
		"the forwarder unreachable and connected": {
			change: func(r *recording) { unseen(r.b, silent) },
			status: unknown, codes: codes{readiness.StandbyPathLost}, without: codes{readiness.TwoWriters},
		},
		"the forwarder unreachable and disconnected": {
			change: func(r *recording) {
				unseen(r.b, silent)
				across(r.a, amsSide).Connected = "DISCONNECTED"
			},
			status: red, codes: codes{readiness.WriterUnproven, readiness.ReplicaDisconnected},
		},
		"the primary unreachable and the forwarder connected": {
			change: func(r *recording) { unseen(r.a, silent) },
			status: unknown, codes: codes{readiness.PrimaryPathLost}, without: codes{readiness.PrimaryUnreachable, readiness.NoPrimary},
		},
		"the primary's group unreachable and the forwarder disconnected": {
			change: func(r *recording) {
				unseen(r.a, silent)
				unseen(r.others[0], silent)
				across(r.b, amsSide).Connected = "DISCONNECTED"
			},
			status: red, codes: codes{readiness.PrimaryUnreachable, readiness.VisPrimary},
		},
		"a local primary that does not show the distributed group": {
			change: func(r *recording) { r.b.replicas = r.b.replicas[:2] },
			status: unknown, codes: codes{readiness.WriterUnproven, readiness.IdentityUnproven}, without: codes{readiness.NoPrimary},
		},
		"resolving between the halves of a switch": {
			change: func(r *recording) { across(r.a, fraSide).Role = "RESOLVING" },
			status: unknown, codes: codes{readiness.NodeResolving}, without: codes{readiness.SwitchIncomplete},
		},
		"suspended between the groups": {
			change: func(r *recording) {
				s := state(r.a, amsSide, ledgerID)
				s.Suspended, s.Reason, s.State = pointer(true), "SUSPEND_FROM_PARTNER", "NOT SYNCHRONIZING"
			},
			status: red, codes: codes{readiness.DatabaseSuspended},
		},
		"suspended behind the forwarder": {
			change: func(r *recording) {
				s := state(r.b, replicaD, ledgerID)
				s.Suspended, s.State = pointer(true), "NOT SYNCHRONIZING"
			},
			status: red, codes: codes{readiness.DatabaseSuspended},
		},
		"NULL queue between the groups": {
			change: func(r *recording) { state(r.a, amsSide, ledgerID).SendQueueKB = nil },
			status: unknown, codes: codes{readiness.ValueInvalid},
		},
		"the forwarder on another recovery fork": {
			change: func(r *recording) {
				r.b.local = []localDatabase{{Name: "orders", ID: ordersID, Fork: "f9000000-0000-0000-0000-000000000009"}, r.a.local[1]}
			},
			status: red, codes: codes{readiness.Diverged},
		},
		"identifiers of databases differ between the groups": {
			change: func(r *recording) {
				for i := range r.a.databases {
					if s := &r.a.databases[i]; s.Group == claimsGroup {
						s.ID = strings.Replace(s.ID, "d", "e", 1)
					}
				}
			},
			status: green,
		},
		"another distributed group than declared": {
			change: func(r *recording) { r.spec.Identity["groupId"] = "11111111-2222-3333-4444-555555555555" },
			status: red, codes: codes{readiness.IdentityMismatch},
		},
		"no primary of the other group proves which one it is": {
			change: func(r *recording) { unseen(r.b, silent) },
			status: unknown, codes: codes{readiness.IdentityUnproven},
		},
		"the primary at the DR site": {
			change: func(r *recording) {
				for _, n := range r.nodes() {
					n.Site = map[string]string{"fra": "ams", "ams": "fra"}[n.Site]
				}
			},
			status: yellow, codes: codes{readiness.PrimaryNotHome},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyDistributed()
			c.change(r)
			r.judge(t).want(t, c.status, c.codes, c.without)
		})
	}
}

// The send queue and the two rows of the last commit are those between the groups,
// not those of the replica at home, which keeps up.
func TestDistributedExposureIsBetweenTheGroups(t *testing.T) {
	t.Parallel()
	r := healthyDistributed()
	s := state(r.a, amsSide, ledgerID)
	s.SendQueueKB, s.LastCommit = pointer(int64(300)), pointer(s.LastCommit.Add(-9e9))
	v := r.judge(t)
	if b, sec := v.number(t, "", exposureBytesID), v.number(t, "", exposureSecondsID); b != 300*1024 || sec != 9 {
		t.Errorf("exposure is %v bytes and %v s", b, sec)
	}
}
