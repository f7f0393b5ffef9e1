package mongodb

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestSites is about sets and clusters of other forms than three members at three
// sites.
func TestSites(t *testing.T) {
	t.Parallel()
	step(t, "two sites", func(t *testing.T) {
		set := startSet(t, mongoset.Options{Members: mongoset.TwoSites("catalog")})
		v := newDesk(t, set).sweep(t)
		v.want(t, readiness.Yellow, readiness.QuorumSiteDependent)
		wantMessage(t, v, readiness.QuorumSiteDependent, "without site fra 1 of 3 votes are left")
	})
	step(t, "an arbiter at a third site", func(t *testing.T) {
		set := startSet(t, mongoset.Options{Members: mongoset.WithArbiter("catalog")})
		v := newDesk(t, set).sweep(t)
		v.want(t, readiness.Yellow, readiness.WriteMajorityAtRisk, readiness.WriteConcernWeak)
		v.without(t, readiness.QuorumSiteDependent, readiness.IdentityUnproven)
		if got := v.text(t, "catalog-c", identityID); !strings.Contains(got, "by the heartbeats of") {
			t.Errorf("the identity of the arbiter is %q", got)
		}
	})
	step(t, "hidden, delayed and voteless members beside three", func(t *testing.T) {
		members := append(mongoset.DefaultMembers("catalog"),
			mongoset.Member{Name: "catalog-hidden", Site: "ams", Hidden: true, NoVote: true},
			mongoset.Member{Name: "catalog-late", Site: "ams", Hidden: true, NoVote: true, Delay: 3600e9})
		set := startSet(t, mongoset.Options{Members: members})
		v := newDesk(t, set).sweep(t)
		v.wantGreen(t)
		if got := v.number(t, "catalog-late", applyDelayID); got != 3600 {
			t.Errorf("the delay is %v", got)
		}
		if got := v.number(t, "", candidatesID); got != 1 {
			t.Errorf("%v members could take over, want the one that can be elected", got)
		}
	})
	step(t, "a shard nobody listed", func(t *testing.T) {
		set := startSet(t, mongoset.Options{Sharded: true})
		v := newDesk(t, set, clustered(t, set), without("shard02")).sweep(t)
		v.want(t, readiness.Unknown, readiness.ShardMissing)
	})
	step(t, "a cluster without a router", func(t *testing.T) {
		set := startSet(t, mongoset.Options{Sharded: true})
		routerless := func(spec *connectors.Spec) {
			spec.Endpoints = slices.DeleteFunc(spec.Endpoints, isRouter)
		}
		v := newDesk(t, set, clustered(t, set), routerless).sweep(t)
		v.without(t, readiness.ShardMissing, readiness.RouterDown)
		if v.Status == readiness.Green {
			v.number(t, "", shardsID) // the config servers told
		} else {
			v.want(t, readiness.Unknown, readiness.QueryFailed)
		}
		newDesk(t, set, clustered(t, set), routerless, without("shard02")).sweep(t).want(t, readiness.Unknown)
	})
	const patient = 10 * time.Second // nothing hangs here, and eleven servers answer
	foreign := func(answer bson.D) bson.D {
		return bson.D{{Key: "shards", Value: bson.A{
			bson.D{{Key: "_id", Value: "shard01"}, {Key: "host", Value: "shard01/stage-a.example.net:27018"}},
			bson.D{{Key: "_id", Value: "shard02"}, {Key: "host", Value: "shard02/stage-b.example.net:27018"}},
		}}, {Key: "ok", Value: 1.0}}
	}
	step(t, "a router of a cluster with the same names", func(t *testing.T) {
		set := startSet(t, mongoset.Options{Sharded: true})
		d := newDesk(t, set, clustered(t, set), func(spec *connectors.Spec) { spec.Identity, spec.EndpointTimeout = nil, patient })
		d.sweep(t).without(t, readiness.IdentityMismatch)
		if err := set.Rewrite(routerOf(t, d.spec).Name, "listShards", foreign); err != nil {
			t.Fatal(err)
		}
		d.sweep(t).want(t, readiness.Red, readiness.IdentityMismatch)
	})
	step(t, "two routers of two clusters", func(t *testing.T) {
		set := startSet(t, mongoset.Options{Sharded: true})
		d := newDesk(t, set, clustered(t, set), func(spec *connectors.Spec) {
			spec.EndpointTimeout = patient
			second := routerOf(t, *spec)
			second.Name += "-2"
			spec.Endpoints = append(spec.Endpoints, second)
		})
		d.sweep(t).wantGreen(t)
		var turns atomic.Int32
		if err := set.Rewrite(routerOf(t, d.spec).Name, "listShards", func(answer bson.D) bson.D {
			if turns.Add(1)%2 == 0 {
				return foreign(answer)
			}
			return answer
		}); err != nil {
			t.Fatal(err)
		}
		d.sweep(t).want(t, readiness.Red, readiness.IdentityMismatch)
	})
	step(t, "endpoints of two shards mixed up", func(t *testing.T) {
		set := startSet(t, mongoset.Options{Sharded: true})
		v := newDesk(t, set, clustered(t, set), func(spec *connectors.Spec) {
			spec.Identity = nil
			for i := range spec.Endpoints {
				switch spec.Endpoints[i].Options["shard"] {
				case "shard01":
					spec.Endpoints[i].Options = map[string]string{"shard": "shard02"}
				case "shard02":
					spec.Endpoints[i].Options = map[string]string{"shard": "shard01"}
				}
			}
		}).sweep(t)
		v.want(t, readiness.Red, readiness.IdentityMismatch)
	})
}

func routerOf(t testing.TB, spec connectors.Spec) connectors.Endpoint {
	t.Helper()
	i := slices.IndexFunc(spec.Endpoints, isRouter)
	if i < 0 {
		t.Fatal("no router is listed")
	}
	return spec.Endpoints[i]
}

// without leaves the endpoints of a shard out, and its identity.
func without(shard string) func(*connectors.Spec) {
	return func(spec *connectors.Spec) {
		spec.Endpoints = slices.DeleteFunc(spec.Endpoints, func(ep connectors.Endpoint) bool { return ep.Options["shard"] == shard })
		for key := range spec.Identity {
			if strings.HasSuffix(key, "/"+shard) {
				delete(spec.Identity, key)
			}
		}
	}
}
