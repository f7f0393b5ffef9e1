package mongoset

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/bcctl/bcctl/internal/lab"
)

// Nodes lists the servers, by what they are themselves.
func (s *Set) Nodes() []lab.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	var all []lab.Node
	for _, srv := range s.servers {
		n := srv.node
		node := lab.Node{Name: n.name, Site: n.site, Address: n.host, State: "running", Role: n.state.String()}
		switch {
		case srv.router:
			node.Role = "MONGOS"
		case n.cfg != nil && n.arbiter():
			node.Detail = fmt.Sprintf("term %d", n.term)
		default:
			at := n.log.position()
			node.Detail = fmt.Sprintf("term %d, at %d:%d, written %s", n.term, at.ts.T, at.ts.I, n.appliedWall().UTC().Format(time.RFC3339))
		}
		switch n.process {
		case stopped:
			node.State, node.Role = "stopped", ""
		case hung:
			node.State = "hung"
		}
		all = append(all, node)
	}
	return all
}

// Address returns the host and port of a server; empty when there is none of
// that name.
func (s *Set) Address(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if srv := s.named(name); srv != nil {
		return srv.node.host
	}
	return ""
}

// Primary returns the name of the server that is the primary of the set, by its
// own account; of the newest term when there are several, empty when there is
// none. Of a cluster it is the first shard's.
func (s *Set) Primary() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	return s.primaryName()
}

func (s *Set) primaryName() string {
	name, term := "", int64(-1)
	for _, p := range s.main().primaries() {
		if p.term > term {
			name, term = p.name, p.term
		}
	}
	return name
}

// main is the set that faults are about: the only one, or the first shard.
func (s *Set) main() *replica {
	if s.sharded {
		return s.worlds[1]
	}
	return s.worlds[0]
}

func (s *Set) named(name string) *server {
	i := slices.IndexFunc(s.servers, func(srv *server) bool { return srv.node.name == name })
	if i < 0 {
		return nil
	}
	return s.servers[i]
}

// Stop ends a server's process, as if by kill; what it had on disk stays.
func (s *Set) Stop(name string) error { return s.control(name, "", stopped) }

// Hang stops a server's process from doing anything while its port still
// accepts, as SIGSTOP does.
func (s *Set) Hang(name string) error { return s.control(name, "", hung) }

// Resume starts a stopped server again, or lets a hung one go on.
func (s *Set) Resume(name string) error { return s.control(name, "", running) }

func (s *Set) control(name, by string, p process) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.named(name)
	if srv == nil || s.closed {
		return fmt.Errorf("no server %q", name)
	}
	s.advance()
	return s.setProcess(srv, by, p)
}

// setProcess says what one cause makes of a process; the worst of all causes
// holds.
func (s *Set) setProcess(srv *server, by string, p process) error {
	n := srv.node
	n.processes[by] = p
	worst := running
	switch causes := slices.Collect(maps.Values(n.processes)); {
	case slices.Contains(causes, stopped):
		worst = stopped
	case slices.Contains(causes, hung):
		worst = hung
	}
	before := n.process
	if worst == before {
		return nil
	}
	defer s.signal()
	n.process = worst
	switch {
	case worst == stopped:
		srv.shut()
	case before == stopped && s.unplugged:
		if srv.world != nil {
			srv.world.restart(n)
		}
	case before == stopped:
		l, err := relisten(n.host)
		if err != nil {
			n.process, n.processes[by] = before, stopped
			return fmt.Errorf("start %s: %w", n.name, err)
		}
		if srv.world != nil {
			srv.world.restart(n)
		}
		srv.serve(l)
	case before == hung && srv.world != nil:
		n.heartbeatDue = srv.world.now // it goes on with what it knew
		n.electionDue = srv.world.timeout(n)
	}
	return nil
}

// Cut lets connections from one server to another fail; both ways are two calls.
// Join undoes it.
func (s *Set) Cut(from, to string) error { return s.sever(from, to, 1) }

// Join undoes Cut.
func (s *Set) Join(from, to string) error { return s.sever(from, to, 0) }

func (s *Set) sever(from, to string, cut int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, b := s.named(from), s.named(to)
	if a == nil || b == nil || a.world == nil || a.world != b.world {
		return fmt.Errorf("cut %s from %s: they are no two members of one set", from, to)
	}
	s.advance()
	a.world.severed[link{a.node.index, b.node.index}] = cut
	s.signal()
	return nil
}

// Settle lets everything happen at once that the situation leads to: timeouts
// expire, elections are held. Break and Repair do so by themselves.
func (s *Set) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	s.settle()
}

func (s *Set) settle() {
	for _, w := range s.worlds {
		w.settle()
	}
	s.signal()
}

// SetLate makes every answer of a server late.
func (s *Set) SetLate(name string, by time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.named(name)
	if srv == nil {
		return fmt.Errorf("no server %q", name)
	}
	srv.late = by
	return nil
}

// Rewrite lets a test change a server's answers to a command, errors included,
// before they are sent: fields can be left out, be null, negative or of the
// future. A nil function undoes it. The function must not use the set.
func (s *Set) Rewrite(name, command string, change func(answer bson.D) bson.D) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.named(name)
	if srv == nil {
		return fmt.Errorf("no server %q", name)
	}
	if change == nil {
		delete(srv.rewrites, command)
	} else {
		srv.rewrites[command] = change
	}
	return nil
}

// Drop lets a server carry out a command and close the connection in place of an
// answer, so that the client does not know what became of it.
func (s *Set) Drop(name, command string, drop bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.named(name)
	if srv == nil {
		return fmt.Errorf("no server %q", name)
	}
	srv.drops[command] = drop
	return nil
}

// Lose lets a server close the connection in place of carrying out a command: to the
// client it looks the same as Drop.
func (s *Set) Lose(name, command string, lose bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv := s.named(name)
	if srv == nil {
		return fmt.Errorf("no server %q", name)
	}
	srv.loses[command] = lose
	return nil
}

// Changes returns how often each command arrived that would change something:
// writes, notes, and what changes the state of the set. Refused ones count.
func (s *Set) Changes() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.changes)
}

// Calls returns how often each command arrived.
func (s *Set) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Connections returns how many connections of clients are open, and how many
// there have been.
func (s *Set) Connections() (open int, ever int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, srv := range s.servers {
		open += len(srv.conns)
		ever += srv.accepted
	}
	return open, ever
}
