// Package sqlserver reads SQL Server's availability groups, distributed groups and
// log shipping: each instance directly, never through a listener, which follows
// the primary role and would hide a second primary.
//
// It knows the engine's own views and nothing of hosts: neither the Windows
// cluster's commands nor Pacemaker, shares or DNS.
package sqlserver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Connector reads one resource: every instance directly, then what only all of
// them together tell.
type Connector struct {
	spec    connectors.Spec
	openers []*opener
	kept    []*connection // by endpoint; used only with spec.KeepOpen
}

var _ connectors.Connector = (*Connector)(nil)

const defaultEndpointTimeout = 5 * time.Second

// Collect probes all endpoints at once. A hung endpoint costs its own deadline
// and nothing of the others' answers.
func (c *Connector) Collect(ctx context.Context) ([]readiness.Observation, error) {
	sessions := make([]*session, len(c.spec.Endpoints))
	var wg sync.WaitGroup
	for i := range c.spec.Endpoints {
		wg.Go(func() { sessions[i] = c.probe(ctx, i) })
	}
	wg.Wait()

	// What is left to ask has one more deadline in all, however many questions.
	late, cancel := context.WithTimeout(ctx, c.endpointTimeout())
	defer cancel()
	c.confirm(late, sessions)
	c.readHeartbeats(late, sessions)
	nodes := nodesOf(sessions)
	written := c.writeHeartbeats(late, nodes)
	for i, s := range sessions {
		c.release(i, s)
	}
	return derive(c.spec, nodes, written, c.now()), nil
}

func nodesOf(sessions []*session) []*node {
	nodes := make([]*node, len(sessions))
	for i, s := range sessions {
		nodes[i] = s.node
	}
	return nodes
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
	if c.spec.KeepOpen && s.conn != nil && s.node.facts != nil {
		c.kept[i] = s.conn
		return
	}
	s.conn.close()
	c.kept[i] = nil
}

// Close ends kept connections.
func (c *Connector) Close() error {
	var wg sync.WaitGroup
	for i, conn := range c.kept {
		wg.Go(conn.close)
		c.kept[i] = nil
	}
	wg.Wait()
	return nil
}

// Factory opens SQL Server connectors.
type Factory struct{}

var _ connectors.Factory = Factory{}

// Platform implements connectors.Factory.
func (Factory) Platform() string { return "sqlserver" }

// Indicators implements connectors.Factory.
func (Factory) Indicators() []readiness.Indicator { return catalog }

// Open implements connectors.Factory.
func (Factory) Open(spec connectors.Spec) (connectors.Connector, error) {
	if spec.Credential == nil {
		return nil, errors.New("no monitor credential is configured")
	}
	c := &Connector{spec: spec, kept: make([]*connection, len(spec.Endpoints))}
	for _, ep := range spec.Endpoints {
		o, err := newOpener(spec, ep)
		if err != nil {
			return nil, err
		}
		c.openers = append(c.openers, o)
	}
	return c, nil
}
