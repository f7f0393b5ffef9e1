package pgpair

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// startFirst gives a server a free port, writes its configuration and starts it.
// Between the choice and the start another program may take the port: then it
// tries again with another one.
func (l *Lab) startFirst(ctx context.Context, name string) error {
	for attempt := 1; ; attempt++ {
		if err := l.assignPort(name); err != nil {
			return err
		}
		for _, n := range l.state.Nodes {
			if err := l.writeNodeConfig(n); err != nil {
				return err
			}
		}
		n, err := l.Node(name)
		if err != nil {
			return err
		}
		l.progress(fmt.Sprintf("start %s on %s", name, n.Address()))
		err = l.StartNode(ctx, name)
		if err == nil {
			return errors.Join(l.save(), l.reloadUpstreams(ctx, name))
		}
		if attempt == 5 || portIsFree(n.Port) {
			return err // the port is not what stands in the way
		}
	}
}

// reloadUpstreams tells the servers started before where the newcomer is.
func (l *Lab) reloadUpstreams(ctx context.Context, newcomer string) error {
	for _, n := range l.state.Nodes {
		if n.Name == newcomer || n.Port == 0 {
			continue
		}
		if err := l.Exec(ctx, n.Name, `SELECT pg_reload_conf()`); err != nil {
			return err
		}
	}
	return nil
}

// Ports are taken from below those that systems give to outgoing connections,
// so that a stopped server finds its port free when it comes back.
const (
	firstPort = 21000
	lastPort  = 29999
)

// assignPort gives a node a port nobody listens on.
func (l *Lab) assignPort(name string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	for i := range l.state.Nodes {
		if l.state.Nodes[i].Name == name {
			l.state.Nodes[i].Port = port
		}
	}
	return nil
}

// FreePort returns a port of loopback on which nobody listens.
func FreePort() (int, error) { return freePort() }

func freePort() (int, error) {
	for range 200 {
		if port := firstPort + rand.IntN(lastPort-firstPort+1); portIsFree(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port on 127.0.0.1 between %d and %d", firstPort, lastPort)
}

func portIsFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
