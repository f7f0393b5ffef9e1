//go:build unix

package patroniset

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pki"
)

// Members of a set. The first leads when Up returns.
const (
	First  = "ledger-a" // at fra
	Second = "ledger-b" // at ams
	Third  = "ledger-c" // at ams
)

// Scope is the name of the cluster in Patroni.
const Scope = "ledger"

// Logins of a set, besides Patroni's own.
const (
	RoleMonitor = "bcctl_monitor"
	RoleExecute = "bcctl_execute"
	UserAPI     = "bcctl_api" // of the REST API
	superuser   = "postgres"
)

// Options of a set.
type Options struct {
	Dir  string                    // made by Up, and removed by Destroy
	Tags map[string]map[string]any // of members, by name
}

// Node is a member as bcctl is told of it.
type Node struct {
	Name, Site string
	Address    string // of PostgreSQL
	API        string // of Patroni's REST API
}

type member struct {
	Node
	dir  string
	tags map[string]any
}

func (m *member) data() string { return filepath.Join(m.dir, "data") }

// Set is a cluster.
type Set struct {
	dir      string
	programs Programs
	uid, gid int
	switched bool

	members   []*member
	etcdPorts [2]int // clients, peers
	passwords map[string]string
	ca        []byte
	sysid     string
	api       *http.Client
	processes processes
}

func (s *Set) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Nodes lists the members.
func (s *Set) Nodes() []Node {
	var list []Node
	for _, m := range s.members {
		list = append(list, m.Node)
	}
	return list
}

// Node is the member of a name.
func (s *Set) Node(name string) Node { return s.member(name).Node }

func (s *Set) member(name string) *member {
	i := slices.IndexFunc(s.members, func(m *member) bool { return m.Name == name })
	if i < 0 {
		panic("the set has no member " + name)
	}
	return s.members[i]
}

// CA is the certificate that signed the servers', in PEM.
func (s *Set) CA() []byte { return s.ca }

// SystemIdentifier is that of the cluster.
func (s *Set) SystemIdentifier() string { return s.sysid }

// Password of a login.
func (s *Set) Password(login string) string { return s.passwords[login] }

// Secrets are the passwords that Resource refers to, by login.
func (s *Set) Secrets() map[string]string {
	secrets := map[string]string{}
	for _, login := range []string{RoleMonitor, RoleExecute, UserAPI} {
		secrets[login] = s.passwords[login]
	}
	return secrets
}

// Up starts a set and returns when three members are there and the first leads.
func Up(ctx context.Context, o Options) (*Set, error) {
	programs, err := Find()
	if err != nil {
		return nil, err
	}
	s := &Set{dir: o.Dir, programs: programs, passwords: map[string]string{}}
	if s.uid, s.gid, s.switched, err = pgpair.ServerAccount(); err != nil {
		return nil, err
	}
	if err := s.prepare(o); err != nil {
		return nil, errors.Join(err, os.RemoveAll(o.Dir))
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Destroy())
	}
	return s, nil
}

func (s *Set) prepare(o Options) error {
	if err := os.Mkdir(s.dir, 0o711); err != nil {
		return err
	}
	for i := range s.etcdPorts {
		port, err := pgpair.FreePort()
		if err != nil {
			return err
		}
		s.etcdPorts[i] = port
	}
	for _, login := range []string{superuser, "replicator", "rewind_user", RoleMonitor, RoleExecute, UserAPI} {
		s.passwords[login] = rand.Text()
	}
	for _, dir := range []string{"tls", "etcd", "log", "pid"} {
		if err := s.mkdir(s.path(dir)); err != nil {
			return err
		}
	}
	if err := s.certificates(); err != nil {
		return err
	}
	for _, n := range []Node{{Name: First, Site: "fra"}, {Name: Second, Site: "ams"}, {Name: Third, Site: "ams"}} {
		for _, address := range []*string{&n.Address, &n.API} {
			port, err := pgpair.FreePort()
			if err != nil {
				return err
			}
			*address = "127.0.0.1:" + strconv.Itoa(port)
		}
		m := &member{Node: n, dir: s.path(n.Name), tags: o.Tags[n.Name]}
		s.members = append(s.members, m)
		if err := s.mkdir(m.dir); err != nil {
			return err
		}
		text, err := s.configuration(m)
		if err != nil {
			return err
		}
		if err := s.writeFile(filepath.Join(m.dir, "patroni.yml"), text); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) certificates() error {
	authority, err := pki.New(time.Now())
	if err != nil {
		return err
	}
	s.ca = authority.CertPEM()
	certificate, key, err := authority.Issue("a member of the laboratory", time.Now())
	if err != nil {
		return err
	}
	if s.api, err = apiClient(s.ca); err != nil {
		return err
	}
	return errors.Join(s.writeFile(s.path("tls", "lab-ca.pem"), s.ca), s.writeFile(s.path("tls", "server.crt"), certificate),
		s.writeFile(s.path("tls", "server.key"), key))
}

func (s *Set) mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	return s.own(path)
}

func (s *Set) writeFile(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return s.own(path)
}

func (s *Set) own(path string) error {
	if !s.switched {
		return nil
	}
	return os.Chown(path, s.uid, s.gid)
}

// patience is how long the cluster may take for something, on a loaded machine.
const patience = time.Minute

func (s *Set) start(ctx context.Context) error {
	if err := s.startEtcd(ctx); err != nil {
		return err
	}
	if err := s.StartMember(First); err != nil {
		return err
	}
	if err := s.await(ctx, First+" to lead", func(c Cluster) bool { return c.Leader() == First }); err != nil {
		return err
	}
	for _, name := range []string{Second, Third} {
		if err := s.StartMember(name); err != nil {
			return err
		}
	}
	if err := s.AwaitHealthy(ctx, First); err != nil {
		return err
	}
	statements := []string{`SET log_min_error_statement = panic`, grants}
	for _, role := range []string{RoleMonitor, RoleExecute} {
		statements = append(statements, fmt.Sprintf(`ALTER ROLE %s PASSWORD '%s'`, role, s.Password(role)))
	}
	if err := s.Exec(ctx, First, statements...); err != nil {
		return err
	}
	if err := s.QueryRow(ctx, First, `SELECT system_identifier::text FROM pg_control_system()`, &s.sysid); err != nil {
		return err
	}
	return s.AwaitReplay(ctx, First)
}

// AwaitReplay waits until the two members that follow a leader have applied all it has
// written.
func (s *Set) AwaitReplay(ctx context.Context, leader string) error {
	var position string
	if err := s.QueryRow(ctx, leader, `SELECT pg_current_wal_insert_lsn()::text`, &position); err != nil {
		return err
	}
	return s.await(ctx, "the others to apply "+position, func(Cluster) bool {
		var caughtUp int
		err := s.QueryRow(ctx, leader, `SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= $1::text::pg_lsn`, &caughtUp, position)
		return err == nil && caughtUp == 2
	})
}

// AwaitHealthy waits until a member leads and the two others follow on its timeline.
func (s *Set) AwaitHealthy(ctx context.Context, leader string) error {
	return s.await(ctx, leader+" to lead and two members to follow", func(c Cluster) bool {
		following := 0
		timeline := 0
		for _, m := range c.Members {
			if m.Name == leader && m.State == "running" {
				timeline = m.Timeline
			}
		}
		for _, m := range c.Members {
			if m.Name != leader && (m.State == "running" || m.State == "streaming") && m.Timeline == timeline {
				following++
			}
		}
		if c.Leader() != leader || following != 2 {
			return false
		}
		var streaming int
		err := s.QueryRow(ctx, leader, `SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'`, &streaming)
		return err == nil && streaming == 2
	})
}

// AwaitLeader waits until a member leads, or with "" until nobody does.
func (s *Set) AwaitLeader(ctx context.Context, leader string) error {
	return s.await(ctx, fmt.Sprintf("%q to lead", leader), func(c Cluster) bool { return c.Leader() == leader })
}

// Await waits until Patroni's state of the cluster is as it should be.
func (s *Set) Await(ctx context.Context, what string, so func(Cluster) bool) error {
	return s.await(ctx, what, so)
}

// await asks the members that answer until something is so.
func (s *Set) await(ctx context.Context, what string, so func(Cluster) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := Cluster{}
	for {
		for _, m := range s.members {
			if c, err := s.Cluster(ctx, m.Name); err == nil {
				if last = c; so(c) {
					return nil
				}
				break
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; last seen %+v", what, ctx.Err(), last)
		case <-tick.C:
		}
	}
}

// Destroy ends everything and removes the directory.
func (s *Set) Destroy() error {
	for _, m := range s.members {
		s.kill(m)
	}
	s.processes.killAll()
	return os.RemoveAll(s.dir)
}
