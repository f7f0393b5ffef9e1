package mongodb

import (
	"slices"
	"strings"
	"testing"

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
