package mongodb

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Connector reads one MongoDB resource: every member directly, then what only all
// members together tell.
type Connector struct {
	spec    connectors.Spec
	dialers []*dialer
	kept    []*kept // by endpoint; used only with spec.KeepOpen

	// open makes a connection to endpoint i; nil credential: without a login.
	open func(i int, cred *connectors.Credential, budget time.Duration) (server, error)
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
	nodes := make([]*node, len(sessions))
	for i, s := range sessions {
		nodes[i] = s.node
	}
	written := c.writeHeartbeat(late, nodes)
	for i, s := range sessions {
		wg.Go(func() { c.release(i, s) })
	}
	wg.Wait()
	return derive(c.spec, nodes, written, c.now()), nil
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
	switch {
	case s.server == nil:
	case c.spec.KeepOpen && s.node.reached():
		c.kept[i] = &kept{s.server, s.cred}
	default:
		s.server.close()
	}
}

// Close ends kept connections.
func (c *Connector) Close() error {
	var wg sync.WaitGroup
	for i, k := range c.kept {
		if k != nil {
			wg.Go(k.server.close)
		}
		c.kept[i] = nil
	}
	wg.Wait()
	return nil
}

// Factory opens MongoDB connectors.
type Factory struct{}

var _ connectors.Factory = Factory{}

// Platform implements connectors.Factory.
func (Factory) Platform() string { return "mongodb" }

// Indicators implements connectors.Factory.
func (Factory) Indicators() []readiness.Indicator { return catalog }

// Open implements connectors.Factory.
func (f Factory) Open(spec connectors.Spec) (connectors.Connector, error) {
	if spec.Credential == nil {
		return nil, errors.New("no monitor credential is configured")
	}
	c := &Connector{spec: spec, kept: make([]*kept, len(spec.Endpoints))}
	for _, ep := range spec.Endpoints {
		d, err := newDialer(spec, ep)
		if err != nil {
			return nil, err
		}
		c.dialers = append(c.dialers, d)
	}
	c.open = func(i int, cred *connectors.Credential, budget time.Duration) (server, error) {
		return c.dialers[i].open(cred, budget)
	}
	return c, nil
}
