package mongoset

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/bcctl/bcctl/internal/lab"
)

// startCluster starts config servers, two shards and a mongos.
func (s *Set) startCluster(v version) error {
	for i, part := range []string{"config", "shard01", "shard02"} {
		name := s.name + "-" + part
		if err := s.startReplica(name, DefaultMembers(name), v, i == 0); err != nil {
			return err
		}
	}
	for _, p := range s.configSet().primaries() {
		for _, shard := range s.shards() {
			s.configSet().write(p, &entry{op: "i", ns: "config.shards", o: bson.D{{Key: "_id", Value: s.shardName(shard)}, {Key: "host", Value: shard.hosts()}, {Key: "state", Value: int32(1)}}})
		}
	}
	s.configSet().talk()
	router, err := s.newServer(s.name+"-router", lab.PrimarySite, v)
	if err != nil {
		return err
	}
	router.router = true
	router.node.since = s.now().Add(-pastUptime)
	router.serve(router.listener)
	return nil
}

func (s *Set) configSet() *replica { return s.worlds[0] }

// shards are the sets that hold documents.
func (s *Set) shards() []*replica {
	if s.sharded {
		return s.worlds[1:]
	}
	return s.worlds
}

// shardName is how the cluster calls a shard: without its own name before it.
func (s *Set) shardName(r *replica) string { return strings.TrimPrefix(r.name, s.name+"-") }

// hosts is a set as a seed list, from the configuration of its primary, or of
// whoever is there.
func (r *replica) hosts() string {
	c := r.nodes[0].cfg
	for _, p := range r.primaries() {
		c = p.cfg
	}
	var all []string
	for _, m := range c.members {
		if !m.hidden && !m.arbiter && m.delay == 0 {
			all = append(all, m.host)
		}
	}
	return r.name + "/" + strings.Join(all, ",")
}

func (s *server) routerHello(legacy bool) bson.D {
	writable := "isWritablePrimary"
	if legacy {
		writable = "ismaster"
	}
	d := bson.D{}
	if s.node.v.atLeast(4, 4) && !s.node.quirks.silentAbout {
		d = append(d, bson.E{Key: "topologyVersion", Value: s.node.topologyVersion()})
	}
	d = append(d, bson.E{Key: writable, Value: true}, bson.E{Key: "msg", Value: "isdbgrid"})
	return append(d, s.node.helloLimits(s.set.now())...)
}

func (c *call) listShards() (bson.D, *failure) {
	shards := bson.A{}
	set := c.server.set
	if len(set.configSet().primaries()) == 0 {
		return nil, fail(codeNoReadableMember, "Could not find host matching read preference { mode: \"nearest\" } for set %s", set.configSet().name)
	}
	for i, r := range set.shards() {
		shard := bson.D{{Key: "_id", Value: set.shardName(r)}, {Key: "host", Value: r.hosts()}, {Key: "state", Value: int32(1)},
			{Key: "topologyTime", Value: primitive.Timestamp{T: uint32(r.nodes[0].since.Unix()), I: 1}}}
		if set.draining && i == len(set.shards())-1 {
			shard = append(shard, bson.E{Key: "draining", Value: true})
		}
		shards = append(shards, shard)
	}
	return bson.D{{Key: "shards", Value: shards}}, nil
}

func (c *call) getShardMap() (bson.D, *failure) {
	set := c.server.set
	if !set.sharded {
		return nil, fail(codeCommandNotFound, "no such command: 'getShardMap'")
	}
	all, hosts := bson.D{{Key: "config", Value: set.configSet().hosts()}}, bson.D{}
	for i, r := range set.worlds {
		name := "config"
		if i > 0 {
			name = set.shardName(r)
			all = append(all, bson.E{Key: name, Value: r.hosts()})
		}
		for _, n := range r.nodes { // of members, hidden ones too
			hosts = append(hosts, bson.E{Key: n.host, Value: name})
		}
	}
	return bson.D{{Key: "map", Value: all}, {Key: "hosts", Value: hosts}, {Key: "connStrings", Value: bson.D{}}}, nil
}

// balancerStatus: a balancer that is on is in a round only while there is
// something to move.
func (c *call) balancerStatus() (bson.D, *failure) {
	rounds := int64(c.server.set.now().Sub(c.server.node.since) / (10 * time.Second))
	return bson.D{{Key: "mode", Value: "full"}, {Key: "inBalancerRound", Value: c.server.set.balancing}, {Key: "numBalancerRounds", Value: rounds}}, nil
}
