package sqlag

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag/engine"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/tds"
)

// Instance is the running side of a server: its port and its connections.
type Instance struct {
	group         *Group
	name, site    string
	address       string
	server        *tds.Server
	mu            sync.Mutex
	listener      net.Listener // nil while the port is closed
	hung, stopped bool
}

func (g *Group) listen(i *model.Instance, certificate tls.Certificate) (*Instance, error) {
	n := &Instance{group: g, name: i.Name, site: i.Site}
	n.server = &tds.Server{
		Name:    i.Name,
		Version: tds.Version{Major: byte(i.Version), Build: releases[i.Version].build},
		TLS:     &tls.Config{Certificates: []tls.Certificate{certificate}},
		Handler: n,
	}
	if err := n.open("127.0.0.1:0"); err != nil {
		return nil, err
	}
	n.address = n.listener.Addr().String()
	return n, nil
}

// Name is the instance's name, as SERVERPROPERTY('ServerName') gives it.
func (n *Instance) Name() string { return n.name }

// Site is where it stands.
func (n *Instance) Site() string { return n.site }

// Address is host:port.
func (n *Instance) Address() string { return n.address }

func (n *Instance) open(address string) error {
	var l net.Listener
	var err error
	for range 50 { // the port may take a moment to be free again
		if l, err = net.Listen("tcp", address); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("listen for %s: %w", n.name, err)
	}
	n.listener = l
	go func() { _ = n.server.Serve(l) }() // ends when the listener is closed, which is all its error says
	return nil
}

func (n *Instance) shut(reset bool) {
	n.mu.Lock()
	l := n.listener
	n.listener = nil
	n.mu.Unlock()
	if l != nil {
		_ = l.Close() // the port is given up in any case
	}
	n.server.Disconnect(reset)
}

// Stop ends the instance in an orderly way; its host stays.
func (n *Instance) Stop() { n.down(false) }

// Kill ends the instance and its host at once.
func (n *Instance) Kill() { n.down(true) }

func (n *Instance) down(node bool) {
	n.server.Hang(false)
	n.shut(node)
	n.set(true, false)
	n.model(func(i *model.Instance) { i.SetUp(false, node) })
}

func (n *Instance) set(stopped, hung bool) {
	n.mu.Lock()
	n.stopped, n.hung = stopped, hung
	n.mu.Unlock()
}

// Start starts it again, at the same address.
func (n *Instance) Start() error {
	if err := n.reopen(); err != nil {
		return err
	}
	n.set(false, false)
	n.model(func(i *model.Instance) {
		i.SetUp(true, true)
		n.group.restarted[n.name] = i.Started
	})
	return nil
}

func (n *Instance) reopen() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener != nil {
		return nil
	}
	return n.open(n.address)
}

// Hang makes the instance take connections and answer nothing. Replication stands
// still too, and the others have noticed. With false it comes back.
func (n *Instance) Hang(on bool) {
	n.server.Hang(on)
	n.set(false, on)
	n.model(func(i *model.Instance) { i.World.Change(func() { i.Up = !on }) })
}

// Block closes the instance's port to clients while replication goes on, as a
// firewall would; with false it is open again.
func (n *Instance) Block(on bool) error {
	if on {
		n.shut(true)
		return nil
	}
	return n.reopen()
}

func (n *Instance) model(f func(*model.Instance)) {
	n.group.mu.Lock()
	defer n.group.mu.Unlock()
	f(n.group.world.Instance(n.name))
}

func (n *Instance) state() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.stopped:
		return "stopped"
	case n.hung:
		return "hung"
	}
	return "running"
}

func (n *Instance) close() {
	n.shut(false)
	n.server.Close()
}

// Login implements tds.Handler.
func (n *Instance) Login(l tds.Login) (tds.Session, error) {
	g := n.group
	g.mu.Lock()
	defer g.mu.Unlock()
	a, known := g.accounts[strings.ToLower(l.User)]
	if !known || g.passwords[a.name] != l.Password {
		return nil, sqlerr.LoginFailed(l.User)
	}
	g.world.Advance()
	s := &session{group: g, inst: g.world.Instance(n.name), account: a, login: l, database: "master"}
	if l.Database != "" {
		name, ok := s.databaseNamed(l.Database)
		if !ok {
			return nil, sqlerr.List{sqlerr.CannotOpen(l.Database), sqlerr.LoginFailed(l.User)}
		}
		if err := s.open(name); err != nil {
			var one *sqlerr.Error
			if errors.As(err, &one) && one.Number != 916 {
				return nil, sqlerr.List{one, sqlerr.CannotOpen(l.Database), sqlerr.LoginFailed(l.User)}
			}
			return nil, sqlerr.List{sqlerr.CannotOpen(l.Database), sqlerr.LoginFailed(l.User)}
		}
		s.database = name
	}
	s.run = engine.New(s)
	if g.sessions == nil {
		g.sessions = map[*session]bool{}
	}
	g.lastSession++
	s.id = 50 + g.lastSession // up to 50 they are the server's own
	g.sessions[s] = true
	return s, nil
}
