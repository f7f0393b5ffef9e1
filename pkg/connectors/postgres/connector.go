package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Connector reads one PostgreSQL resource: every node directly, then what only
// all nodes together tell.
type Connector struct {
	spec    connectors.Spec
	dialers []*dialer
	kept    []*pgx.Conn // by endpoint; used only with spec.KeepOpen

	// applied is how far each endpoint had replayed when last seen, and since when:
	// sweeps may follow each other too soon for two of them to tell a standstill.
	applied []applied
}

type applied struct {
	position lsn
	since    time.Time
}

var _ connectors.Connector = (*Connector)(nil)

const defaultEndpointTimeout = 5 * time.Second

// Collect probes all endpoints at once. A hung endpoint costs its own deadline
// and nothing of the others' answers.
func (c *Connector) Collect(ctx context.Context) ([]readiness.Observation, error) {
	sessions := make([]*session, len(c.spec.Endpoints))
	var wg sync.WaitGroup
	for i := range c.spec.Endpoints {
		wg.Go(func() { sessions[i] = c.probe(ctx, i, 0) })
	}
	wg.Wait()
	for i, s := range sessions {
		c.noteReplay(i, s.node)
	}

	// What is left to ask has one more deadline in all, however many questions.
	late, cancel := context.WithTimeout(ctx, c.endpointTimeout())
	defer cancel()
	c.confirm(late, sessions)
	nodes := make([]*node, len(sessions))
	for i, s := range sessions {
		nodes[i] = s.node
	}
	written := c.writeHeartbeat(late, nodes)
	for i, s := range sessions {
		c.release(i, s)
	}
	return derive(c.spec, nodes, written, c.now()), nil
}

func (c *Connector) noteReplay(i int, n *node) {
	if n.replay == nil || n.replay.Replay == nil {
		return
	}
	if mark := &c.applied[i]; mark.since.IsZero() || mark.position != *n.replay.Replay {
		*mark = applied{*n.replay.Replay, n.at}
	}
	n.replayedAt = c.applied[i].since
}

// session is a node with the connection its facts came from.
type session struct {
	node *node
	conn *pgx.Conn
	cred connectors.Credential
}

func (c *Connector) now() time.Time {
	if c.spec.Now != nil {
		return c.spec.Now()
	}
	return time.Now()
}

func (c *Connector) endpointTimeout() time.Duration {
	if c.spec.EndpointTimeout > 0 {
		return c.spec.EndpointTimeout
	}
	return defaultEndpointTimeout
}

// release keeps a good connection for the next sweep, or ends it.
func (c *Connector) release(i int, s *session) {
	if c.spec.KeepOpen && s.conn != nil && !s.conn.IsClosed() && s.node.facts != nil {
		c.kept[i] = s.conn
		return
	}
	closeQuietly(s.conn)
	c.kept[i] = nil
}

// Close ends kept connections.
func (c *Connector) Close() error {
	var wg sync.WaitGroup
	for i, conn := range c.kept {
		wg.Go(func() { closeQuietly(conn) })
		c.kept[i] = nil
	}
	wg.Wait()
	return nil
}

// Factory opens PostgreSQL connectors.
type Factory struct{}

var _ connectors.Factory = Factory{}

// Platform implements connectors.Factory.
func (Factory) Platform() string { return "postgresql" }

// Indicators implements connectors.Factory.
func (Factory) Indicators() []readiness.Indicator { return catalog }

// Options that Resource.spec.connection.options and endpoints[].options may hold.
var (
	resourceOptions = []string{"transport", "requireAuth"}
	endpointOptions = []string{"slot", "applicationName", patroniOption, patroniMemberOption}
)

// Validate implements connectors.Factory.
func (Factory) Validate(spec connectors.Spec) []connectors.Problem {
	var problems []connectors.Problem
	add := func(what, hint string, path ...any) {
		problems = append(problems, connectors.Problem{Path: path, What: what, Hint: hint})
	}
	for i, ep := range spec.Endpoints {
		addr, err := endpoint.Parse(ep.Address, defaultPort)
		if err != nil {
			add("endpoint \""+ep.Name+"\" "+err.Error(), "write the node's own host:port, for example db-a.example.net:5432", "endpoints", i)
			continue
		}
		if _, err := endpoint.TLSConfig(spec.TLS, addr); err != nil {
			add(err.Error(), "", "connection", "tls")
		}
		if _, err := patroniClient(spec, ep); err != nil {
			add("Patroni's REST API "+err.Error(), "write host:port of the member's own API, for example db-a.example.net:8008", "endpoints", i, "options", patroniOption)
		}
		endpoint.UnknownOptions(ep.Options, endpointOptions, func(key, hint string) {
			add("unknown option \""+key+"\" of a postgresql endpoint", hint, "endpoints", i, "options", key)
		})
	}
	endpoint.UnknownOptions(spec.Options, resourceOptions, func(key, hint string) {
		add("unknown option \""+key+"\" of a postgresql connection", hint, "connection", "options", key)
	})
	if t := spec.Options["transport"]; t != "" && t != "streaming" && t != "archive" {
		add("transport \""+t+"\" is not known", "write streaming (default) or archive", "connection", "options", "transport")
	}
	for _, method := range endpoint.SplitList(spec.Options["requireAuth"]) {
		if method != "scram-sha-256" && method != "md5" {
			add("authentication method \""+method+"\" is not allowed", "write scram-sha-256 (default) or scram-sha-256,md5", "connection", "options", "requireAuth")
		}
	}
	for key := range spec.Identity {
		if key != "systemIdentifier" {
			add("unknown identity \""+key+"\" of a postgresql resource", "write systemIdentifier, as pg_control_system() shows it", "identity", key)
		}
	}
	return problems
}

// Open implements connectors.Factory.
func (f Factory) Open(spec connectors.Spec) (connectors.Connector, error) {
	if spec.Credential == nil {
		return nil, errors.New("no monitor credential is configured")
	}
	c := &Connector{spec: spec, kept: make([]*pgx.Conn, len(spec.Endpoints)), applied: make([]applied, len(spec.Endpoints))}
	for _, ep := range spec.Endpoints {
		d, err := newDialer(spec, ep)
		if err != nil {
			return nil, err
		}
		c.dialers = append(c.dialers, d)
	}
	return c, nil
}
