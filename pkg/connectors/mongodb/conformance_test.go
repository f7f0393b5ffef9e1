package mongodb_test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/connectors/mongodb"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestConformance holds the connector to the contract of all connectors, on a
// replica set of the laboratory and on a sharded cluster.
func TestConformance(t *testing.T) { // not parallel: the suite sets environment variables
	for name, options := range map[string]mongoset.Options{"replica set": {}, "sharded cluster": {Sharded: true}} {
		t.Run(name, func(t *testing.T) {
			set, err := mongoset.Start(options)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := set.Close(); err != nil {
					t.Errorf("close the laboratory: %v", err)
				}
			})
			connectortest.Run(t, laboratory(t, set))
		})
	}
}

// laboratory is a subject whose servers can be made to lie.
func laboratory(t *testing.T, set *mongoset.Set) connectortest.Subject {
	healthy, rules := labtest.Read(t, set, set.CA(), mongodb.Factory{})
	healthy.Heartbeat = nil // nobody writes it here
	var secrets []string
	for _, secret := range set.Secrets() {
		secrets = append(secrets, secret)
	}
	const otherID = "5f00000000000000000000aa"
	foreign := maps.Clone(healthy.Identity)
	for key := range foreign {
		if strings.HasPrefix(key, "replicaSetId") {
			foreign[key] = otherID
		}
	}
	return connectortest.Subject{
		Factory: mongodb.Factory{}, Laboratory: true, Objectives: rules.Objectives, Secrets: secrets, Foreign: foreign,
		Spec:    func(testing.TB) connectors.Spec { return healthy },
		Reroute: reroute,
		Joint:   joint(),
		Invalid: []connectortest.Invalid{
			{Name: "a mechanism that sends the password", Path: []any{"connection", "options", "authMechanism"},
				Make: func(s *connectors.Spec) { s.Options = map[string]string{"authMechanism": "PLAIN"} }},
			{Name: "a connection string for an address", Path: []any{"endpoints", 1},
				Make: func(s *connectors.Spec) { s.Endpoints[1].Address = "db-b.example.net:27017,db-c.example.net:27017" }},
			{Name: "a replica set id that is none", Path: []any{"identity"},
				Make: func(s *connectors.Spec) { s.Identity = map[string]string{"replicaSetId": "catalog"} }},
		},
		Version: func(t *testing.T) {
			rewrite(t, set, "buildInfo", func(answer bson.D) bson.D { return replace(answer, "version", "4.2.25") })
		},
		Mask: func(t *testing.T) {
			if err := set.Break("drop-privilege"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := set.Repair("drop-privilege"); err != nil {
					t.Error(err)
				}
			})
		},
		Oddities: oddities(set),
		Changes:  func(*testing.T) string { return fmt.Sprint(set.Changes()) },
	}
}

// reroute leads to a member by another path. What the set calls it does not change
// by that.
func reroute(e *connectors.Endpoint, hostport string) {
	options := map[string]string{"member": e.Address}
	maps.Copy(options, e.Options)
	e.Address, e.Options = hostport, options
}

// joint are what the primary tells of the others, or what needs its answer.
func joint() []readiness.ID {
	return []readiness.ID{"replication.lag_seconds", "replication.durable_gap_seconds", "replication.transport_age_seconds",
		"replication.chain_depth", "oplog.headroom_seconds", "node.heartbeats"}
}

// oddities are answers of replSetGetStatus and hello that no server should give.
func oddities(set *mongoset.Set) []connectortest.Oddity {
	status := func(name string, id readiness.ID, field string, value any) connectortest.Oddity {
		return connectortest.Oddity{Name: name, Indicator: id, Make: func(t *testing.T) {
			rewrite(t, set, "replSetGetStatus", func(answer bson.D) bson.D {
				return eachMember(answer, func(member bson.D) bson.D {
					for _, f := range []string{"lastAppliedWallTime", "optimeDate", "optime"} {
						if field == "" || field == f {
							member = replace(member, f, value)
						}
					}
					return member
				})
			})
		}}
	}
	hello := func(name string, id readiness.ID, field string, value any) connectortest.Oddity {
		return connectortest.Oddity{Name: name, Indicator: id, Make: func(t *testing.T) {
			rewrite(t, set, "hello", func(answer bson.D) bson.D { return replace(answer, field, value) })
		}}
	}
	return []connectortest.Oddity{
		status("NULL for positions", "replication.exposure_seconds", "", nil),
		status("no positions", "replication.exposure_seconds", "", missing{}),
		status("text for positions", "replication.exposure_seconds", "", "yesterday"),
		status("the beginning of time for positions", "replication.exposure_seconds", "", primitive.DateTime(0)),
		hello("NULL for the clock", "node.clock_skew_seconds", "localTime", nil),
		hello("no clock", "node.clock_skew_seconds", "localTime", missing{}),
		hello("text for the clock", "node.clock_skew_seconds", "localTime", "noon"),
		hello("a clock in the future", "", "localTime", primitive.NewDateTimeFromTime(time.Now().Add(time.Hour))),
	}
}

// missing stands for a field that is left out.
type missing struct{}

// rewrite changes every member's answers to a command.
func rewrite(t *testing.T, set *mongoset.Set, command string, change func(bson.D) bson.D) {
	t.Helper()
	for _, n := range set.Nodes() {
		if err := set.Rewrite(n.Name, command, change); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := set.Rewrite(n.Name, command, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func replace(document bson.D, key string, value any) bson.D {
	var changed bson.D
	for _, e := range document {
		switch _, drop := value.(missing); {
		case e.Key != key:
			changed = append(changed, e)
		case !drop:
			changed = append(changed, bson.E{Key: key, Value: value})
		}
	}
	return changed
}

func eachMember(answer bson.D, change func(bson.D) bson.D) bson.D {
	var changed bson.D
	for _, e := range answer {
		members, ok := e.Value.(bson.A)
		if e.Key != "members" || !ok {
			changed = append(changed, e)
			continue
		}
		var list bson.A
		for _, m := range members {
			if member, ok := m.(bson.D); ok {
				m = change(member)
			}
			list = append(list, m)
		}
		changed = append(changed, bson.E{Key: e.Key, Value: list})
	}
	return changed
}

// TestConformanceOnRealServers is the same on servers of yours; CONTRIBUTING.md says
// how to lead it to them.
func TestConformanceOnRealServers(t *testing.T) {
	uri := connectortest.Variable(t, "mongodb", "BCCTL_TEST_MONGODB_URI")
	spec, query := connectortest.Servers(t, uri, os.Getenv("BCCTL_TEST_MONGODB_SITES"))
	spec.TLS = connectors.TLS{CA: connectortest.Certificates(t, query.Get("tlsCAFile"))}
	if query.Get("tls") != "true" {
		spec.TLS.Mode = connectors.Disable
	}
	spec.Options = map[string]string{}
	for _, option := range []string{"authMechanism", "authSource"} {
		if value := query.Get(option); value != "" {
			spec.Options[option] = value
		}
	}
	if name := query.Get("replicaSet"); name != "" {
		spec.Identity = map[string]string{"setName": name}
	}
	connectortest.Run(t, connectortest.Real(t, connectortest.Subject{
		Factory: mongodb.Factory{}, Spec: func(testing.TB) connectors.Spec { return spec }, Reroute: reroute, Joint: joint(),
		Foreign: map[string]string{"replicaSetId": "5f00000000000000000000aa"},
	}))
}
