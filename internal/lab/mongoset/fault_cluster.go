package mongoset

import "github.com/bcctl/bcctl/pkg/readiness"

func clusterFaults() []fault {
	return []fault{
		{"shard-without-primary", "the second shard lost two of its three members: it has no primary, and the mongos looks well", codes(readiness.QuorumLost),
			func(s *Set) (func() error, error) {
				return s.process("shard-without-primary", stopped, s.worlds[2].nodes[1:]...)
			}},
		{"config-servers-down", "two of the three config servers are stopped", codes(readiness.QuorumLost),
			func(s *Set) (func() error, error) {
				return s.process("config-servers-down", stopped, s.worlds[0].nodes[1:]...)
			}},
		{"router-down", "the mongos is stopped", codes(readiness.RouterDown),
			func(s *Set) (func() error, error) {
				return s.process("router-down", stopped, s.servers[len(s.servers)-1].node)
			}},
		{"balancer", "the balancer is moving data", codes(readiness.BalancerActive),
			func(s *Set) (func() error, error) {
				s.balancing = true
				return func() error { s.balancing = false; return nil }, nil
			}},
		{"draining-shard", "the second shard is being removed: its data is moving to the other", codes(readiness.BalancerActive),
			func(s *Set) (func() error, error) {
				s.draining, s.balancing = true, true
				return func() error { s.draining, s.balancing = false, false; return nil }, nil
			}},
	}
}
