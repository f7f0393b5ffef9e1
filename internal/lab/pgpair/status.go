package pgpair

import (
	"context"
	"fmt"
	"time"
)

// NodeState is what the operating system knows of a server.
type NodeState string

// States of a server.
const (
	Stopped NodeState = "stopped" // no process
	Running NodeState = "running"
	Hung    NodeState = "hung"    // its processes are paused
	Unclear NodeState = "unclear" // the operating system did not tell
)

// Role is what a server is at the moment, whatever its node was made to be.
type Role string

// Roles of a server.
const (
	RolePrimary Role = "primary"
	RoleStandby Role = "standby"
)

// NodeStatus is a node as it is now.
type NodeStatus struct {
	Node
	State    NodeState `json:"state"`
	PID      int       `json:"pid,omitempty"`      // of the postmaster
	Role     Role      `json:"role,omitempty"`     // empty when the server did not answer
	LSN      string    `json:"lsn,omitempty"`      // primary: end of its WAL; standby: replayed up to here
	Receiver string    `json:"receiver,omitempty"` // standby: status of its WAL receiver; empty when it has none
	Paused   bool      `json:"paused,omitempty"`   // standby: replay is paused
	Error    string    `json:"error,omitempty"`    // why nothing more is known
}

// statusTimeout bounds the question to one server.
const statusTimeout = 3 * time.Second

// Status asks every node what it is, through its private socket. It reports what
// it finds out, whatever state the laboratory is in.
func (l *Lab) Status(ctx context.Context) []NodeStatus {
	var all []NodeStatus
	for _, n := range l.state.Nodes {
		all = append(all, l.nodeStatus(ctx, n))
	}
	return all
}

func (l *Lab) nodeStatus(ctx context.Context, n Node) NodeStatus {
	s := NodeStatus{Node: n, State: Stopped}
	main, running, err := postmaster(n.DataDir)
	if err != nil {
		s.State, s.Error = Unclear, err.Error()
		return s
	}
	if !running {
		return s
	}
	s.PID, s.State = main.PID, Running
	if main.Paused {
		s.State = Hung // it would not answer
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	var standby bool
	if err := l.QueryRow(ctx, n.Name, fmt.Sprintf(
		`SELECT pg_is_in_recovery(),
		   coalesce((CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)::text, ''),
		   CASE WHEN pg_is_in_recovery() THEN coalesce((SELECT status FROM pg_stat_wal_receiver), '') ELSE '' END,
		   CASE WHEN pg_is_in_recovery() THEN %s ELSE false END`, l.pausedSQL()),
		&standby, &s.LSN, &s.Receiver, &s.Paused); err != nil {
		s.Error = err.Error()
		return s
	}
	s.Role = RolePrimary
	if standby {
		s.Role = RoleStandby
	}
	return s
}

// pausedSQL is the expression for whether replay stands still because it is
// paused. A pause that is only requested does not count where that can be told.
func (l *Lab) pausedSQL() string {
	if l.state.Binaries.Major < 14 {
		return `pg_is_wal_replay_paused()`
	}
	return `pg_get_wal_replay_pause_state() = 'paused'`
}
