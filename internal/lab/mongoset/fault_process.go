package mongoset

import (
	"errors"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func processFaults() []fault {
	return []fault{
		{"stop-member", "the member at the DR site is stopped: its port refuses, and the others show it with ts 0", codes(readiness.NodeDown),
			func(s *Set) (func() error, error) { return s.process("stop-member", stopped, s.away()) }},
		{"kill-primary", "the primary at home is killed: the set elects another one", codes(readiness.PrimaryNotHome, readiness.NodeDown),
			func(s *Set) (func() error, error) { return s.process("kill-primary", stopped, s.home()) }},
		{"hang-member", "the member at the DR site accepts connections and answers nothing", codes(readiness.VisDR),
			func(s *Set) (func() error, error) { return s.process("hang-member", hung, s.away()) }},
		{"hang-primary", "the primary at home answers nothing: the set elects another one, and nobody knows what the old one takes itself for", codes(readiness.WriterUnproven, readiness.PrimaryNotHome),
			func(s *Set) (func() error, error) { return s.process("hang-primary", hung, s.home()) }},
		{"no-majority", "all members but the one at home are stopped: it steps down", codes(readiness.QuorumLost),
			func(s *Set) (func() error, error) { return s.process("no-majority", stopped, s.but(s.home())...) }},
		{"stop-witness", "the member at the third site is stopped: one more loss, and there is no majority", codes(readiness.QuorumSiteDependent),
			func(s *Set) (func() error, error) {
				third := s.but(s.home(), s.away())
				if len(third) == 0 {
					return nil, errors.New("the set has no third member")
				}
				return s.process("stop-witness", stopped, third...)
			}},
		{"all-down", "all members are stopped", codes(readiness.VisBoth),
			func(s *Set) (func() error, error) { return s.process("all-down", stopped, s.main().nodes...) }},
		{"hang-all", "all members accept connections and answer nothing", codes(readiness.VisBoth),
			func(s *Set) (func() error, error) { return s.process("hang-all", hung, s.main().nodes...) }},
	}
}
