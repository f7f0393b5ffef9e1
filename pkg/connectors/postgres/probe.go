package postgres

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Supported server versions (documentation of 12 to 18; see indicators.go for
// what differs).
const minVersion, maxVersion = 120000, 189999

// probe reads one endpoint within its own deadline, of which its host may use as much as
// connect to take a connection; zero: all of it. It always returns a node.
func (c *Connector) probe(parent context.Context, i int, connect time.Duration) *session {
	budget := c.endpointTimeout()
	ctx, cancel := context.WithTimeout(parent, budget)
	defer cancel()
	s := &session{node: c.newNode(i)}
	defer func() { s.node.collectedAt = c.now() }()

	kept := c.kept[i]
	c.kept[i] = nil
	cred, err := c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		closeQuietly(kept)
		s.node.unreached = &unreached{code: readiness.SecretUnresolved, message: err.Error()}
		return s
	}
	s.cred = cred
	if kept != nil {
		// Stale after a restart, or cut by something on the way that does not say so:
		// connect anew before judging, while there is time.
		half, stop := context.WithTimeout(ctx, budget/2)
		err := c.readNode(half, s, kept)
		stop()
		if err == nil && !kept.IsClosed() {
			return s
		}
		closeQuietly(kept)
		s.node, s.conn = c.newNode(i), nil
	}
	conn, accepted, err := c.dialers[i].dialWithin(ctx, connect, cred, nil)
	if err != nil {
		if !accepted && connect > 0 {
			budget = min(budget, connect)
		}
		s.node.unreached = classify(err, accepted, budget, cred.Password)
		return s
	}
	if err := c.readNode(ctx, s, conn); err != nil {
		s.node, s.conn = c.newNode(i), nil
		s.node.unreached = classifyFirstQuery(err, budget, cred.Password)
		closeQuietly(conn)
	}
	return s
}

func (c *Connector) newNode(i int) *node {
	return &node{Endpoint: c.spec.Endpoints[i], failed: map[readiness.ID]readiness.Finding{}}
}

// readNode reads everything about a node: at once, or where that fails from the
// documented views.
func (c *Connector) readNode(ctx context.Context, s *session, conn *pgx.Conn) error {
	if done, err := c.readAtOnce(ctx, s, conn); done || err != nil {
		return err
	}
	return c.readViews(ctx, s, conn)
}

// readViews reads the facts, then one by one everything that depends on role and
// version.
func (c *Connector) readViews(ctx context.Context, s *session, conn *pgx.Conn) error {
	n := s.node
	start := c.now()
	facts := &nodeFacts{}
	failed := map[readiness.ID]readiness.Finding{}
	var firstErr error
	batch := &pgx.Batch{}
	batch.Queue(readOnlySQL)
	batch.Queue(factsSQL)
	results := conn.SendBatch(ctx, batch)
	if _, firstErr = results.Exec(); firstErr == nil {
		firstErr = readOne(results, intoValue(reachableID, factsSQL, facts))
	}
	if err := results.Close(); firstErr == nil {
		firstErr = err
	}
	if firstErr != nil {
		return firstErr
	}
	end := c.now()
	n.at, n.took = middle(start, end), end.Sub(start)
	n.facts, s.conn = facts, conn
	n.inHotStandby = conn.PgConn().ParameterStatus("in_hot_standby")
	if facts.Version < minVersion || facts.Version > maxVersion {
		return nil // the facts say so; what the other views mean is not known
	}
	n.failed = failed
	readAll(ctx, conn, s.cred.Password, failed, c.readings(n)...)
	if n.position != nil {
		n.position.at = n.at
	}
	return nil
}

// readings lists what to read from a node by its role and version.
func (c *Connector) readings(n *node) []reading {
	v := n.facts.Version
	list := []reading{
		intoValue(settingsListID, settingsSQL, &n.settings),
		intoValue(lagBytesID, sendersSQL, &n.senders),
		intoValue(slotsID, slotsSQL(v), &n.slots),
		intoValue(settingsID, roleSettingsSQL, &n.readOnlyFor),
		into(archiveID, archiverSQL, &n.archiver),
	}
	if n.facts.InRecovery {
		list = append(list, into(transportAgeID, receiverSQL(v), &n.replay))
		list = append(list, reading{conflictsID, conflictsSQL, func(text string) error {
			return decodeField(text, "total", &n.conflicts)
		}})
	} else {
		list = append([]reading{into(positionID, positionSQL, &n.position)}, list...)
		list = append(list, syncWaitReading(n))
	}
	if n.facts.Monitor {
		list = append(list, reading{archiveReadyID, archiveReadySQL, func(text string) error {
			return decodeField(text, "ready", &n.archiveReady)
		}})
	}
	if v >= 150000 {
		list = append(list, intoValue(collationID, collationSQL, &n.collations))
	}
	if n.facts.Heartbeat && c.spec.Heartbeat != nil {
		list = append(list, into(heartbeatAgeID, heartbeatSQL, &n.heartbeat))
	}
	switch {
	case !n.facts.Reign:
	case n.facts.InRecovery:
		list = append(list, reignReading(n)) // after what it has replayed
	default:
		list = append([]reading{reignReading(n)}, list...) // before its position: who has that has this
	}
	return list
}

func syncWaitReading(n *node) reading {
	return reading{syncID, syncWaitSQL, func(text string) error {
		return decodeField(text, "waiting", &n.syncWaiting)
	}}
}

func reignReading(n *node) reading { return into(lineageID, reignSQL, &n.reign) }

func decodeField(text, field string, target **int64) error {
	var object map[string]*float64
	if err := decodeJSON(text, &object); err != nil {
		return err
	}
	if value := object[field]; value != nil {
		n := int64(*value)
		*target = &n
	}
	return nil
}

// identifySystem asks over a replication connection, which alone knows a
// standby's timeline without a receiver, and the history files. It needs
// REPLICATION and is opened only when lineage is in question.
func (c *Connector) identifySystem(ctx context.Context, i int, s *session, withHistory bool) error {
	conn, _, err := c.dialers[i].dial(ctx, s.cred, map[string]string{"replication": "database"})
	if err != nil {
		return err
	}
	defer closeQuietly(conn)
	results, err := conn.PgConn().Exec(ctx, "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		return err
	}
	if len(results) == 0 || len(results[0].Rows) == 0 || len(results[0].Rows[0]) < 3 {
		return fmt.Errorf("IDENTIFY_SYSTEM returned no row")
	}
	row := results[0].Rows[0]
	info := &systemInfo{systemIdentifier: string(row[0])}
	if _, err := fmt.Sscan(string(row[1]), &info.timeline); err != nil {
		return fmt.Errorf("IDENTIFY_SYSTEM returned timeline %q", row[1])
	}
	if info.position, err = parseLSN(string(row[2])); err != nil {
		return err
	}
	s.node.system = info
	if !withHistory || info.timeline < 2 {
		return nil // timeline 1 has no history file
	}
	results, err = conn.PgConn().Exec(ctx, fmt.Sprintf("TIMELINE_HISTORY %d", info.timeline)).ReadAll()
	if err != nil {
		return err
	}
	if len(results) == 0 || len(results[0].Rows) == 0 || len(results[0].Rows[0]) < 2 {
		return fmt.Errorf("TIMELINE_HISTORY returned no row")
	}
	s.node.history, err = parseHistory(string(results[0].Rows[0][1]))
	return err
}

// resolve finds the addresses of a host. An address and a socket's directory have
// none but themselves.
func resolve(ctx context.Context, host string) []string {
	if net.ParseIP(host) != nil || strings.Contains(host, "/") {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil
	}
	return addrs
}
