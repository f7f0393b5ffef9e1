package sqlserver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// heartbeatSQL reads the marker row of one database.
const heartbeatSQL = `SELECT seq, written_at, SYSDATETIMEOFFSET() AS node_clock FROM dbo.bcctl_heartbeat WHERE id = 1`

// heartbeatWriteSQL is the only statement of this package that changes anything. It
// changes nothing on a replica that is not the primary, whatever was read before.
// (sys.fn_hadr_is_primary_replica)
const heartbeatWriteSQL = `SET LOCK_TIMEOUT 1000;
UPDATE dbo.bcctl_heartbeat SET seq = seq + 1, written_at = SYSDATETIMEOFFSET(), writer = N'bcctl'
WHERE id = 1 AND sys.fn_hadr_is_primary_replica(DB_NAME()) = 1`

// heartbeat is the marker row of one database on one instance, or why there is
// none. Each database has a log stream of its own, so that a row in one proves
// nothing about another.
type heartbeat struct {
	database  string
	seq       *int64
	writtenAt *time.Time
	clock     *time.Time
	failure   *readiness.Finding
}

// age is how old the row is by the clock of the instance that shows it.
func (h heartbeat) age() (float64, bool) {
	if h.seq == nil || h.writtenAt == nil || h.clock == nil {
		return 0, false
	}
	seconds := h.clock.Sub(*h.writtenAt).Seconds()
	return seconds, seconds >= -readiness.SkewTolerance.Seconds()
}

// heartbeatLogins bounds how many databases of one instance are logged in to at once.
const heartbeatLogins = 4

// readHeartbeats reads the row of each database on each instance that serves
// reads, over a connection to that database: on a replica with the intent to read
// only, without which it may be refused.
func (c *Connector) readHeartbeats(ctx context.Context, sessions []*session) {
	if c.spec.Heartbeat == nil || c.form() == formShipping {
		return
	}
	nodes := nodesOf(sessions)
	g, problem := findGroup(c.spec, nodes)
	if problem != nil {
		return
	}
	var wg sync.WaitGroup
	for i, s := range sessions {
		p := g.place(s.node)
		if s.conn == nil || p.own == nil {
			continue
		}
		r := g.role(p)
		for _, database := range c.heartbeatDatabases(s.node, p) {
			s.node.beats = append(s.node.beats, heartbeat{database: database})
		}
		queue := make(chan *heartbeat, len(s.node.beats))
		for b := range s.node.beats {
			queue <- &s.node.beats[b]
		}
		close(queue)
		for range min(len(s.node.beats), heartbeatLogins) {
			wg.Go(func() {
				for h := range queue {
					c.readHeartbeat(ctx, i, s, r != primaryRole, h)
				}
			})
		}
	}
	wg.Wait()
}

// heartbeatDatabases are those that the options name, else all of the group.
func (c *Connector) heartbeatDatabases(n *node, p place) []string {
	for _, option := range []string{beatsOption, databasesOption} {
		if named := endpoint.SplitList(c.spec.Options[option]); len(named) > 0 {
			return named
		}
	}
	var found []string
	for _, s := range n.databases {
		if s.Group == p.own.Group && isSet(s.Local) && s.Name != "" {
			found = append(found, s.Name)
		}
	}
	return found
}

func (c *Connector) readHeartbeat(ctx context.Context, i int, s *session, readOnly bool, h *heartbeat) {
	fail := func(f readiness.Finding) { h.failure = &f }
	conn, a, err := c.openers[i].open(ctx, s.cred, h.database, readOnly)
	if err != nil {
		fail(finding(readiness.HeartbeatMissing, "database %s on %s: %s", h.database, s.node.Name, unreached(ctx, err, a, c.endpointTimeout(), s.cred.Password).Message))
		return
	}
	defer conn.close()
	reader := &session{node: s.node, conn: conn, cred: s.cred}
	sets, err := reader.query(ctx, heartbeatSQL, 1)
	switch {
	case err != nil:
		fail(finding(readiness.HeartbeatMissing, "database %s on %s: %s", h.database, s.node.Name, reader.failure(ctx, err).Message))
	case len(sets[0]) != 1:
		fail(finding(readiness.HeartbeatMissing, "database %s on %s: dbo.bcctl_heartbeat has no row with id 1", h.database, s.node.Name))
	default:
		r := sets[0][0]
		h.seq, h.writtenAt, h.clock = r.number("seq"), r.time("written_at"), r.time("node_clock")
	}
}

// writeHeartbeats updates the rows on the one primary, where the resource opts in,
// with its own login and after everything was read. The next check reads them.
func (c *Connector) writeHeartbeats(ctx context.Context, nodes []*node) []readiness.Finding {
	if c.spec.Heartbeat == nil || !c.spec.Heartbeat.Write || c.form() == formShipping {
		return nil
	}
	d := newDeriver(c.spec, nodes, c.now())
	for _, n := range nodes {
		d.node(n)
	}
	d.match()
	if d.primary == nil || len(d.twoLocalPrimaries()) > 0 {
		return nil // no primary, or two, or not the declared group: write nowhere
	}
	cred, err := c.spec.Credential(ctx, connectors.HeartbeatWriter)
	if err != nil {
		return []readiness.Finding{finding(readiness.HeartbeatWrite, "the heartbeat on %s could not be written: %s", d.primary.Name, err)}
	}
	var findings []readiness.Finding
	for i, n := range nodes {
		if n != d.primary {
			continue
		}
		for _, h := range n.beats {
			if err := c.writeHeartbeat(ctx, i, cred, h.database); err != "" {
				findings = append(findings, finding(readiness.HeartbeatWrite, "the heartbeat in database %s on %s could not be written: %s", h.database, n.Name, err))
			}
		}
	}
	return findings
}

func (c *Connector) writeHeartbeat(ctx context.Context, i int, cred connectors.Credential, database string) (problem string) {
	conn, a, err := c.openers[i].open(ctx, cred, database, false)
	if err != nil {
		return unreached(ctx, err, a, c.endpointTimeout(), cred.Password).Message
	}
	defer conn.close()
	defer conn.within(ctx)()
	result, err := conn.conn.ExecContext(ctx, heartbeatWriteSQL)
	if err == nil {
		var changed int64
		if changed, err = result.RowsAffected(); err == nil && changed != 1 {
			err = errors.New("dbo.bcctl_heartbeat has no row with id 1, or this is not the primary replica")
		}
	}
	switch {
	case err == nil:
		return ""
	case number(err) == 0 && (expired(ctx) || ctx.Err() != nil):
		return "no answer in time; whether it was written is not known"
	default:
		return queryFailure(err, cred.Password).Message
	}
}
