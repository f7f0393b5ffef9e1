package mongoset

import (
	"fmt"

	"github.com/bcctl/bcctl/internal/lab"
)

// Watch has somebody told of every command that would change something; nil ends it.
func (s *Set) Watch(w lab.Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = w
}

// watched tells of the command. It reports whether the connection ends in place of an
// answer.
func (c *call) watched(done bool) bool {
	set := c.server.set
	watch := set.watch
	if watch == nil || !set.commands[c.name].changes {
		return false
	}
	set.mu.Unlock() // what is told may take its time
	defer set.mu.Lock()
	return watch(c.server.node.name, c.name, done)
}

// Unplug cuts all clients off: connections end, and new ones are refused. Among themselves
// the members go on.
func (s *Set) Unplug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unplugged = true
	for _, srv := range s.servers {
		srv.shut()
	}
}

// Plug undoes Unplug.
func (s *Set) Plug() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unplugged = false
	for _, srv := range s.servers {
		if s.closed || srv.listener != nil || srv.node.process == stopped {
			continue
		}
		l, err := relisten(srv.node.host)
		if err != nil {
			return fmt.Errorf("plug %s in: %w", srv.node.name, err)
		}
		srv.serve(l)
	}
	return nil
}

// Survive is what people do at a survivor's shell when the majority is lost: a
// configuration by force, in which only members that run have votes.
func (s *Set) Survive(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.named(name)
	if srv == nil || srv.world == nil || srv.node.process != running {
		return fmt.Errorf("force a configuration: no member %q that runs", name)
	}
	s.advance()
	n := srv.node
	forced := n.cfg.change(func(c *config) {
		for i, m := range c.members {
			if on := srv.world.at(m.host); on == nil || on.process != running {
				c.members[i].votes, c.members[i].priority = 0, 0
			}
		}
	})
	if failed := srv.world.reconfigure(n, forced, true, 1); failed != nil {
		return fmt.Errorf("force a configuration on %s: %s", name, failed.message)
	}
	s.changes["replSetReconfig"]++
	s.signal()
	return nil
}
