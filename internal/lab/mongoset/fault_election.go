package mongoset

import (
	"errors"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func electionFaults() []fault {
	return []fault{
		{"term-grew", "the primary at home lost its role for a moment and has it again: two elections", codes(readiness.ElectionUnplanned),
			func(s *Set) (func() error, error) {
				home := s.home()
				if !s.main().tryStepDown(home, s.main().now, true) {
					return nil, errors.New("the primary did not step down")
				}
				return func() error { return nil }, nil // settling brings it back
			}},
		{"step-down", "the primary at home stepped down for an hour: the DR site is the primary, and home takes the role back by itself", codes(readiness.PrimaryNotHome, readiness.PriorityUnexpected),
			func(s *Set) (func() error, error) {
				home := s.home()
				if !s.main().tryStepDown(home, s.main().now.Add(time.Hour), false) {
					return nil, errors.New("the primary did not step down")
				}
				return func() error { home.stepDownUntil = s.main().now; return nil }, nil
			}},
		{"priority-bounce", "the DR site has a higher priority than home and is frozen for an hour: it takes the role when that ends", codes(readiness.PriorityUnexpected),
			func(s *Set) (func() error, error) {
				home, away := s.home(), s.away()
				away.stepDownUntil = s.main().now.Add(time.Hour)
				priority := home.self().priority
				undo, err := s.reconfigured("priority-bounce", ofMember(away, func(m *memberConfig) { m.priority = priority + 1 }))
				return func() error { away.stepDownUntil = s.main().now; return undo() }, err
			}},
		{"no-primary", "all members are frozen for an hour and the primary stepped down: they are all there, and none takes writes", codes(readiness.NoPrimary),
			func(s *Set) (func() error, error) {
				r := s.main()
				for _, n := range s.but(s.home()) {
					n.stepDownUntil = r.now.Add(time.Hour)
				}
				undo := func() error {
					for _, n := range r.nodes {
						n.stepDownUntil = r.now
					}
					return nil
				}
				if !r.tryStepDown(s.home(), r.now.Add(time.Hour), true) {
					return undo, errors.New("the primary did not step down")
				}
				return undo, nil
			}},
		{"arbiter-majority", "the third member is an arbiter and the DR site is down: a primary without a majority of data", codes(readiness.WriteMajorityLost),
			func(s *Set) (func() error, error) {
				away := s.away()
				third := s.but(s.home(), away)
				if len(third) == 0 {
					return nil, errors.New("the set has no third member")
				}
				// As by removing it and adding it again.
				undoConfig, err := s.reconfigured("arbiter-majority", ofMember(third[0], func(m *memberConfig) { m.arbiter, m.priority = true, 0 }))
				if err != nil {
					return undoConfig, err
				}
				entries, data := third[0].log.entries, third[0].data
				third[0].log.entries, third[0].data, third[0].committed = nil, store{}, noOpTime
				undoStop, err := s.process("arbiter-majority", stopped, away)
				return func() error {
					third[0].log.entries, third[0].data = entries, data
					return errors.Join(undoConfig(), undoStop())
				}, err
			}},
	}
}
