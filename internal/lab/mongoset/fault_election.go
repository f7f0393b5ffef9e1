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
				undo, err := s.reconfigured(func(c *config) { c.member(away.host).priority = priority + 1 })
				return func() error { away.stepDownUntil = s.main().now; return undo() }, err
			}},
		{"arbiter-majority", "the third member is an arbiter and the DR site is down: a primary without a majority of data", codes(readiness.WriteMajorityLost),
			func(s *Set) (func() error, error) {
				away := s.away()
				third := s.but(s.home(), away)
				if len(third) == 0 {
					return nil, errors.New("the set has no third member")
				}
				undoConfig, _ := s.reconfigured(func(c *config) { // by removing and adding it again
					m := c.member(third[0].host)
					m.arbiter, m.priority = true, 0
				})
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
