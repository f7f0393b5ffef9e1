package sqlserver

import (
	"context"
	"errors"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// session is a node with the connection its facts came from.
type session struct {
	node *node
	conn *connection
	cred connectors.Credential
}

// reading is one statement, the indicator it is for, and where its rows go.
type reading struct {
	id   readiness.ID
	sql  string
	keep func([]row)
}

// list makes a reading that keeps each row in a list.
func list[T any](id readiness.ID, sql string, into *[]T, decode func(row) T) reading {
	return reading{id, sql, func(rows []row) {
		decoded := make([]T, len(rows))
		for i, r := range rows {
			decoded[i] = decode(r)
		}
		*into = decoded
	}}
}

// probe reads one endpoint within its own deadline. It always returns a node.
func (c *Connector) probe(parent context.Context, i int) *session {
	budget := c.endpointTimeout()
	ctx, cancel := context.WithTimeout(parent, budget)
	defer cancel()
	s := &session{node: c.newNode(i)}
	defer func() { s.node.CollectedAt = c.now() }()

	kept := c.kept[i]
	c.kept[i] = nil
	cred, err := c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		kept.close()
		s.node.unreached = &endpoint.Failure{Code: readiness.SecretUnresolved, Message: err.Error()}
		return s
	}
	s.cred = cred
	if kept != nil {
		// Stale after a restart, or cut by something on the way that does not say so:
		// connect anew before judging, while there is time.
		half, stop := context.WithTimeout(ctx, budget/2)
		s.conn = kept
		err := c.readNode(half, s)
		stop()
		if err == nil {
			return s
		}
		kept.close()
		s.node, s.conn = c.newNode(i), nil
	}
	conn, a, err := c.openers[i].open(ctx, cred, c.database(), false)
	if err != nil {
		s.node.unreached, s.node.accepted = unreached(ctx, err, a, budget, cred.Password), a.accepted
		return s
	}
	s.conn = conn
	if err := c.readNode(ctx, s); err != nil {
		conn.close()
		s.node, s.conn = c.newNode(i), nil
		s.node.unreached, s.node.accepted = mute(ctx, err, a, budget, cred.Password), a.accepted
	}
	return s
}

func (c *Connector) newNode(i int) *node {
	return &node{Node: observe.Node{Endpoint: c.spec.Endpoints[i]}, failed: map[readiness.ID]readiness.Finding{}}
}

// database is where the monitoring login begins. No user database is needed.
func (c *Connector) database() string {
	if c.spec.Database != "" {
		return c.spec.Database
	}
	return "master"
}

// readNode reads the facts, then what they allow to be asked, in two round trips.
func (c *Connector) readNode(ctx context.Context, s *session) error {
	start := c.now()
	sets, err := s.query(ctx, factsSQL, 1)
	if err != nil {
		return err
	}
	end := c.now()
	if len(sets[0]) != 1 {
		return errors.New("the instance did not say what it is")
	}
	n := s.node
	n.facts = instanceOf(sets[0][0])
	n.At, n.took = start.Add(end.Sub(start)/2), end.Sub(start)
	if n.facts.supported() {
		s.readAll(ctx, c.readings(n)...)
	}
	return nil
}

// query runs statements that give a number of result sets, in one round trip.
func (s *session) query(ctx context.Context, sql string, sets int) ([][]row, error) {
	defer s.conn.within(ctx)()
	rows, err := s.conn.conn.QueryContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what it would say was said by Err
	var all [][]row
	for {
		one, err := scanRows(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if !rows.NextResultSet() {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(all) != sets {
		return nil, errors.New("the instance answered another number of questions than it was asked")
	}
	return all, nil
}

// readAll asks everything at once. Where one statement fails the server may leave
// out the others, so then each is asked alone, and one refusal hides nothing else.
func (s *session) readAll(ctx context.Context, readings ...reading) {
	if len(readings) == 0 {
		return
	}
	statements := make([]string, len(readings))
	for i, r := range readings {
		statements[i] = r.sql
	}
	if sets, err := s.query(ctx, strings.Join(statements, ";\n"), len(readings)); err == nil {
		for i, r := range readings {
			r.keep(sets[i])
		}
		return
	}
	for _, r := range readings {
		sets, err := s.query(ctx, r.sql, 1)
		if err != nil {
			s.node.failed[r.id] = s.failure(ctx, err)
			continue
		}
		r.keep(sets[0])
	}
}

// failure words an error of a reading. Once time is up the driver tells so in
// many ways.
func (s *session) failure(ctx context.Context, err error) readiness.Finding {
	if number(err) == 0 && (expired(ctx) || ctx.Err() != nil) {
		return observe.Finding(readiness.QueryFailed, "there was no time left to ask")
	}
	return queryFailure(err, s.cred.Password)
}

// readings lists what to read from an instance.
func (c *Connector) readings(n *node) []reading {
	major := int(n.facts.Major)
	readings := []reading{
		{startedID, startedSQL, func(rows []row) {
			if len(rows) == 1 {
				n.started = rows[0].time("started")
			}
		}},
	}
	if c.form() == formShipping {
		return append(readings, c.shippingReadings(n)...)
	}
	readings = append(readings,
		list(roleID, replicasSQL(major), &n.replicas, replicaOf),
		list(stateID, databasesSQL, &n.databases, databaseOf),
		list(listedID, joinedSQL, &n.joined, func(r row) joinedDatabase {
			return joinedDatabase{r.id("replica_id"), r.id("group_database_id"), r.text("database_name"), r.flag("is_database_joined")}
		}),
		n.clusterReading(),
		list(votesID, membersSQL, &n.members, func(r row) clusterMember {
			return clusterMember{r.text("member_name"), r.text("member_type_desc"), r.text("member_state_desc"), r.number("number_of_quorum_votes")}
		}),
		list(lineageID, localSQL, &n.local, func(r row) localDatabase {
			return localDatabase{Name: r.text("database_name"), ID: r.id("group_database_id"), State: r.text("state_desc"), ReuseWait: r.text("log_reuse_wait_desc"),
				Encrypted: r.flag("is_encrypted"), Fork: r.id("recovery_fork"), Family: r.id("family")}
		}),
		numbers(logUsedID, logUsedSQL, "percent_used", &n.logUsed),
		numbers(logBackupID, logBackupsSQL, "age", &n.backups),
		list(listenerID, listenersSQL, &n.listeners, func(r row) listenerAddress {
			return listenerAddress{r.id("group_id"), r.text("dns_name"), r.text("ip_address"), r.text("state_desc")}
		}),
		list(mirroringID, mirroringSQL, &n.mirroring, func(r row) mirroringEndpoint {
			return mirroringEndpoint{r.text("endpoint_name"), r.text("state_desc"), r.text("certificate_name"), r.number("minutes_left")}
		}),
		list(seedingID, seedingSQL, &n.seeding, func(r row) seedingRun {
			return seedingRun{r.id("group_id"), r.id("group_database_id"), r.id("replica_id"), r.time("start_time"), r.text("current_state"), r.text("failure_state_desc")}
		}),
	)
	return append(readings, n.outside.readings()...)
}

func (n *node) clusterReading() reading {
	return reading{quorumID, clusterSQL, func(rows []row) {
		if len(rows) > 0 {
			n.cluster = &cluster{rows[0].text("cluster_name"), rows[0].text("quorum_type_desc"), rows[0].text("quorum_state_desc")}
		}
	}}
}

// numbers makes a reading of one number for each database.
func numbers(id readiness.ID, sql, column string, into *map[string]int64) reading {
	return reading{id, sql, func(rows []row) {
		found := map[string]int64{}
		for _, r := range rows {
			if n := r.number(column); n != nil {
				found[fold(r.text("database_name"))] = *n
			}
		}
		*into = found
	}}
}

// readings lists what lies outside of databases. The certificate's private key
// counts: without it nothing can be opened.
func (o *outside) readings() []reading {
	return []reading{
		{loginsID, loginsSQL, func(rows []row) {
			o.logins = map[string]login{}
			for _, r := range rows {
				o.logins[r.text("name")] = login{r.text("type_desc"), r.binary("sid")}
			}
		}},
		flags(jobsID, jobsSQL, "enabled", &o.jobs),
		flags(serversID, linkedServersSQL, "", &o.servers),
		flags(credentialsID, credentialsSQL, "", &o.credentials),
		{certificatesID, certificatesSQL, func(rows []row) {
			o.certificates = map[string]bool{}
			for _, r := range rows {
				o.certificates[r.binary("thumbprint")] = r.text("pvt_key_encryption_type_desc") != "NO_PRIVATE_KEY"
			}
		}},
		{certificatesID, encryptionSQL, func(rows []row) {
			o.encryptors = map[string]string{}
			for _, r := range rows {
				if r.text("encryptor_type") == "CERTIFICATE" {
					o.encryptors[fold(r.text("database_name"))] = r.binary("thumbprint")
				}
			}
		}},
	}
}

// flags makes a reading of names with a yes or no of each.
func flags(id readiness.ID, sql, column string, into *map[string]bool) reading {
	return reading{id, sql, func(rows []row) {
		found := map[string]bool{}
		for _, r := range rows {
			found[r.text("name")] = column == "" || isSet(r.flag(column))
		}
		*into = found
	}}
}
