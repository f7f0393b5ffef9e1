package mongoset

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// fault is how one is put in. What inject returns takes it out again; the lock is
// held around both, and the set settles after each.
type fault struct {
	name   string
	help   string
	shows  []readiness.Code
	inject func(s *Set) (undo func() error, err error)
}

func codes(c ...readiness.Code) []readiness.Code { return c }

// catalog is what can be broken in this set.
func (s *Set) catalog() []fault {
	all := slices.Concat(processFaults(), networkFaults(), dataFaults(), electionFaults(), configFaults(), answerFaults())
	if s.sharded {
		all = append(all, clusterFaults()...)
	}
	return all
}

// Faults lists what Break knows.
func (s *Set) Faults() []lab.Fault {
	var all []lab.Fault
	for _, f := range s.catalog() {
		all = append(all, lab.Fault{Name: f.name, Help: f.help, Shows: f.shows, Repairable: true})
	}
	return all
}

// Broken lists the faults that are in, oldest first.
func (s *Set) Broken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.broken)
}

// Break puts a fault in and lets its consequences happen at once.
func (s *Set) Break(name string) error {
	all := s.catalog()
	i := slices.IndexFunc(all, func(f fault) bool { return f.name == name })
	if i < 0 {
		var names []string
		for _, f := range all {
			names = append(names, f.name)
		}
		return fmt.Errorf("no fault %q; there are %s", name, strings.Join(names, ", "))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.broken, name) {
		return fmt.Errorf("break %s: it is broken already", name)
	}
	s.advance()
	undo, err := all[i].inject(s)
	if undo != nil {
		s.undo[name] = undo
		s.broken = append(s.broken, name)
	}
	s.settle()
	if err != nil {
		return fmt.Errorf("break %s: %w", name, err)
	}
	return nil
}

// Repair takes a fault out. The member of the highest priority is the primary
// again then, unless another fault keeps it from being so.
func (s *Set) Repair(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.broken, name) {
		return fmt.Errorf("repair %s: it is not broken", name)
	}
	s.advance()
	if err := s.undo[name](); err != nil {
		return fmt.Errorf("repair %s: %w", name, err)
	}
	delete(s.undo, name)
	s.broken = slices.DeleteFunc(s.broken, func(b string) bool { return b == name })
	s.settle()
	return nil
}

// The roles faults give to members, whoever they are in this set.

// home is the member that should be the primary.
func (s *Set) home() *node {
	r := s.main()
	best := r.nodes[0]
	for _, n := range r.nodes {
		if m := n.self(); m != nil && best.self() != nil && m.priority > best.self().priority && !samePort(n.host, best.host) {
			best = n
		}
	}
	return best
}

// away is the electable member at another site that comes next.
func (s *Set) away() *node {
	home := s.home()
	var best *node
	for _, n := range s.main().nodes {
		if m := n.self(); n != home && n.site != home.site && m != nil && !m.arbiter && (best == nil || m.priority > best.self().priority) {
			best = n
		}
	}
	if best == nil {
		for _, n := range s.main().nodes {
			if n != home {
				return n
			}
		}
	}
	return best
}

func (s *Set) but(left ...*node) []*node {
	return slices.DeleteFunc(slices.Clone(s.main().nodes), func(n *node) bool { return slices.Contains(left, n) })
}

// process makes processes stop or hang for a fault.
func (s *Set) process(fault string, p process, nodes ...*node) (func() error, error) {
	undo := func() error {
		for _, n := range nodes {
			if err := s.setProcess(s.serverOf(n), fault, running); err != nil {
				return err
			}
		}
		return nil
	}
	for _, n := range nodes {
		if err := s.setProcess(s.serverOf(n), fault, p); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// quirk changes a node's behaviour for a fault, beside what other faults change.
func quirk(fault string, change func(*quirks), nodes ...*node) (func() error, error) {
	for _, n := range nodes {
		n.odd[fault] = change
		n.behave()
	}
	return func() error {
		for _, n := range nodes {
			delete(n.odd, fault)
			n.behave()
		}
		return nil
	}, nil
}

// behave works out what the faults that are in make of a node.
func (n *node) behave() {
	n.quirks = quirks{}
	for _, fault := range sortedKeys(n.odd) {
		n.odd[fault](&n.quirks)
	}
}

// both undoes two things.
func both(a, b func() error) func() error {
	return func() error { return errors.Join(a(), b()) }
}

// pausedSince lets a member pull no more, and undoes what it did since a time ago:
// as if it had stopped then.
func (s *Set) pausedSince(fault string, by time.Duration, nodes ...*node) (func() error, error) {
	for _, n := range nodes {
		s.rewind(n, by)
	}
	return quirk(fault, func(q *quirks) { q.paused = true }, nodes...)
}

// rewind takes a member back to where it was some time ago.
func (s *Set) rewind(n *node, by time.Duration) {
	since := s.main().now.Add(-by)
	for len(n.log.entries) > 1 && n.log.last().wall.After(since) {
		n.log.cut(n.log.entries[len(n.log.entries)-2].at)
	}
	at := n.log.position()
	n.data.revert(at)
	if at.before(n.committed) {
		n.committed = at
	}
}
