package mongodb

import (
	"context"
	"errors"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// session is a node with the connection its facts came from.
type session struct {
	node   *node
	server server
	cred   connectors.Credential
}

// kept is a connection left open from the sweep before.
type kept struct {
	server server
	cred   connectors.Credential
}

// probe reads one endpoint within its own deadline. It always returns a node.
func (c *Connector) probe(parent context.Context, i int) *session {
	budget := c.endpointTimeout()
	ctx, cancel := context.WithTimeout(parent, budget)
	defer cancel()
	s := &session{node: c.newNode(i)}
	defer func() { s.node.CollectedAt = c.now() }()

	old := c.kept[i]
	c.kept[i] = nil
	cred, err := c.spec.Credential(ctx, connectors.Monitor)
	if err != nil {
		if old != nil {
			old.server.close()
		}
		s.node.unreached = &endpoint.Failure{Code: readiness.SecretUnresolved, Message: err.Error()}
		return s
	}
	s.cred = cred
	if old != nil {
		// Stale after a restart, or cut by something on the way that does not say so:
		// connect anew before judging, while there is time.
		half, stop := context.WithTimeout(ctx, budget/2)
		err := errors.New("the login has changed")
		if old.cred == cred {
			err = c.readNode(half, s, old.server)
		}
		stop()
		if err == nil {
			return s
		}
		old.server.close()
		s.node, s.server = c.newNode(i), nil
	}
	c.probeAnew(ctx, i, s, budget)
	return s
}

func (c *Connector) probeAnew(ctx context.Context, i int, s *session, budget time.Duration) {
	fresh, err := c.open(i, &s.cred, budget)
	if err != nil {
		s.node.unreached = classify(err, false, budget, s.cred.Password)
		return
	}
	if err := c.readNode(ctx, s, fresh); err == nil {
		return
	} else {
		s.node, s.server = c.newNode(i), nil
		s.node.accepted = fresh.accepted()
		s.node.unreached = classify(err, s.node.accepted, budget, s.cred.Password)
	}
	fresh.close()
	if s.node.unreached.Code == readiness.VisAuth {
		c.probeWithoutLogin(ctx, i, s, budget)
	}
}

// probeWithoutLogin asks a server that refuses the login for hello, which needs
// none: a second writer must not hide behind a changed password.
func (c *Connector) probeWithoutLogin(ctx context.Context, i int, s *session, budget time.Duration) {
	anonymous, err := c.open(i, nil, budget)
	if err != nil {
		return // why the login failed is what is said
	}
	defer anonymous.close()
	if err := c.readHello(ctx, s.node, anonymous); err != nil {
		s.node.hello = nil
	}
}

func (c *Connector) newNode(i int) *node {
	return &node{Node: observe.Node{Endpoint: c.spec.Endpoints[i]}, failed: map[readiness.ID]readiness.Finding{}}
}

// readHello is the first question: who are you, and do you take writes.
func (c *Connector) readHello(ctx context.Context, n *node, s server) error {
	start := c.now()
	answer, err := helloCommand().run(ctx, s)
	if a, ok := asAnswered(err); ok && a.code == codeCommandNotFound {
		answer, err = isMasterCommand().run(ctx, s)
	}
	if err != nil {
		return err
	}
	end := c.now()
	n.At, n.took, n.hello = middle(start, end), end.Sub(start), decodeHello(answer)
	return nil
}

// readNode reads the facts, then one by one everything that depends on role and
// version: one command that is refused must not hide the others.
func (c *Connector) readNode(ctx context.Context, s *session, from server) error {
	if err := c.readHello(ctx, s.node, from); err != nil {
		return err
	}
	s.server = from
	if s.node.arbiter() {
		return nil // it holds no users, so it answers nothing else
	}
	for _, r := range c.readings(s.node) {
		if s.node.unsupported() {
			return nil // what its other answers mean is not known
		}
		start := c.now()
		answer, err := r.command.run(ctx, from)
		s.node.answeredAt = middle(start, c.now())
		if err == nil {
			err = r.decode(answer)
		}
		if err != nil && (r.otherwise == nil || !r.otherwise(err)) {
			s.node.failed[r.indicator] = queryFailure(r.command.name(), err, s.cred.Password)
		}
	}
	return nil
}

// middle is the collector's clock halfway through a request: the best guess of
// when the server answered.
func middle(start, end time.Time) time.Time { return start.Add(end.Sub(start) / 2) }
