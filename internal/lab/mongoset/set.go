package mongoset

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pki"
)

// ThirdSite is where the witness of the default set is.
const ThirdSite = "par"

// Options say what to start. The zero value is a set of three at three sites.
type Options struct {
	Name      string        // of the resource and of the set; catalog when empty
	Authority pki.Authority // signs the servers' certificate; one of its own when zero
	Members   []Member      // DefaultMembers when empty; a sharded cluster has its own
	Sharded   bool          // config servers, two shards and a mongos
	Version   string        // of the servers; 7.0.14 when empty

	// Now is the clock that the servers live by; time.Now when nil. Clients are
	// given real time to answer in either case.
	Now func() time.Time
}

// Member describes one server of a set. The zero value of each field is the
// product's default.
type Member struct {
	Name      string
	Site      string
	Priority  float64 // 0 is 1, or 0 where the configuration allows no other
	Passive   bool    // priority 0
	NoVote    bool
	Hidden    bool
	Delay     time.Duration
	Arbiter   bool
	NoIndexes bool
	Tags      map[string]string // beside site
}

// DefaultMembers are three voters that hold data, each at a site of its own: the
// loss of any site leaves a majority.
func DefaultMembers(name string) []Member {
	return []Member{
		{Name: name + "-a", Site: lab.PrimarySite, Priority: 3},
		{Name: name + "-b", Site: lab.DRSite, Priority: 2},
		{Name: name + "-c", Site: ThirdSite, Priority: 1},
	}
}

// TwoSites are two members at the primary site and one at the DR site: the loss
// of the former leaves no majority.
func TwoSites(name string) []Member {
	return []Member{
		{Name: name + "-a", Site: lab.PrimarySite, Priority: 3},
		{Name: name + "-b", Site: lab.PrimarySite, Priority: 2},
		{Name: name + "-c", Site: lab.DRSite, Priority: 1},
	}
}

// WithArbiter are a primary, a secondary and an arbiter.
func WithArbiter(name string) []Member {
	return []Member{
		{Name: name + "-a", Site: lab.PrimarySite, Priority: 2},
		{Name: name + "-b", Site: lab.DRSite, Priority: 1},
		{Name: name + "-c", Site: ThirdSite, Arbiter: true},
	}
}

// Set is a running laboratory: one replica set, or a sharded cluster.
type Set struct {
	name     string
	sharded  bool
	clock    func() time.Time
	ca       []byte
	tls      *tls.Config
	commands map[string]command
	patience patience

	mu           sync.Mutex
	closed       bool
	done         chan struct{}
	changed      chan struct{} // closed and replaced when something changed
	worlds       []*replica    // the set; of a cluster the config servers, then the shards
	servers      []*server
	listed       []*server // what Resource lists
	identities   []string  // replicaSetId of each of worlds, as started
	users        map[string]*user
	passwords    map[string]string
	calls        map[string]int
	changes      map[string]int
	cursorID     int64
	defaultWrite any // explicit default write concern; nil is the implicit one
	balancing    bool
	draining     bool
	broken       []string
	undo         map[string]func() error
	members      []memberConfig // of the configuration before faults changed it; nil when none did
	edits        []edit
	watch        lab.Watch
	unplugged    bool // no client gets through
}

var _ lab.System = (*Set)(nil)

// Start starts the servers. They stand at rest when it returns, as if they had
// been running for a day.
func Start(o Options) (*Set, error) {
	if o.Name == "" {
		o.Name = "catalog"
	}
	if o.Version == "" {
		o.Version = "7.0.14"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Members) == 0 {
		o.Members = DefaultMembers(o.Name)
	}
	v, err := parseVersion(o.Version)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	s := &Set{
		name: o.Name, sharded: o.Sharded, clock: o.Now, commands: commands(), patience: defaultPatience(), done: make(chan struct{}), changed: make(chan struct{}),
		calls: map[string]int{}, changes: map[string]int{}, undo: map[string]func() error{},
	}
	if err := s.prepare(o.Authority); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	s.mu.Lock()
	if o.Sharded {
		err = s.startCluster(v)
	} else {
		err = s.startReplica(o.Name, o.Members, v, false)
	}
	s.mu.Unlock()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", o.Name, err), s.Close())
	}
	return s, nil
}

// prepare makes the certificate and the users.
func (s *Set) prepare(authority pki.Authority) error {
	var err error
	if authority == (pki.Authority{}) {
		if authority, err = pki.New(time.Now()); err != nil {
			return err
		}
	}
	s.ca = authority.CertPEM()
	certPEM, keyPEM, err := authority.Issue(s.name, time.Now())
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("read the certificate of the servers: %w", err)
	}
	s.tls = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s.users, s.passwords, err = newUsers()
	return err
}

// startReplica starts a set's servers.
func (s *Set) startReplica(name string, members []Member, v version, configServer bool) error {
	c := &config{
		name: name, version: 1, id: primitive.NewObjectID(), configServer: configServer, chainingAllowed: true,
		heartbeatInterval: 2 * time.Second, heartbeatTimeout: 10 * time.Second, electionTimeout: 10 * time.Second, catchUpTimeout: -1,
	}
	var nodes []*node
	var started []*server
	for i, m := range members {
		srv, err := s.newServer(m.Name, m.Site, v)
		if err != nil {
			return err
		}
		started, nodes = append(started, srv), append(nodes, srv.node)
		c.members = append(c.members, m.config(i, srv.node.host))
	}
	if failed := c.check(); failed != nil {
		return errors.New(failed.message)
	}
	if len(nodes) == 0 || !slices.ContainsFunc(c.members, func(m memberConfig) bool { return m.electable() }) {
		return errors.New("a set needs a member that can become primary")
	}
	world := newReplica(c, nodes, s.now())
	world.onChange = s.signal
	s.worlds = append(s.worlds, world)
	s.identities = append(s.identities, c.id.Hex())
	for _, srv := range started {
		srv.world = world
		srv.serve(srv.listener)
	}
	return nil
}

func (m Member) config(id int, host string) memberConfig {
	c := memberConfig{id: id, host: host, arbiter: m.Arbiter, hidden: m.Hidden, priority: m.Priority, votes: 1, delay: m.Delay, indexes: !m.NoIndexes, tags: map[string]string{}}
	maps.Copy(c.tags, m.Tags)
	if m.Site != "" {
		c.tags["site"] = m.Site
	}
	if c.priority == 0 {
		c.priority = 1
	}
	if m.NoVote {
		c.votes = 0
	}
	if m.Passive || m.NoVote || m.Hidden || m.Delay > 0 || m.Arbiter {
		c.priority = 0
	}
	return c
}

// newServer makes a server that listens and does not serve yet.
func (s *Set) newServer(name, site string, v version) (*server, error) {
	l, err := listen()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	srv := &server{
		set: s, tls: s.tls, listener: l, conns: map[net.Conn]bool{}, cursors: map[int64]*cursor{}, rewrites: map[string]func(bson.D) bson.D{}, drops: map[string]bool{}, loses: map[string]bool{},
		node: &node{name: name, site: site, host: l.Addr().String(), v: v, processes: map[string]process{}, odd: map[string]func(*quirks){}, processID: primitive.NewObjectID()},
	}
	s.servers = append(s.servers, srv)
	s.listed = append(s.listed, srv)
	return srv, nil
}

func (s *Set) now() time.Time { return s.clock() }

// advance brings every set to the present; the lock is held.
func (s *Set) advance() {
	now := s.now()
	for _, w := range s.worlds {
		w.advance(now)
	}
}

// signal wakes whoever waits for news; the lock is held.
func (s *Set) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Set) nextCursor() int64 {
	s.cursorID++
	return s.cursorID<<20 + 1
}

func (s *Set) serverOf(n *node) *server {
	i := slices.IndexFunc(s.servers, func(srv *server) bool { return srv.node == n })
	if i < 0 {
		return nil
	}
	return s.servers[i]
}

// Name is the name of the resource, and of the set unless it is a cluster.
func (s *Set) Name() string { return s.name }

// Platform is mongodb.
func (s *Set) Platform() string { return "mongodb" }

// Secrets returns the users' passwords by user.
func (s *Set) Secrets() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.passwords)
}

// CA returns the certificate that the servers' own is signed by, in PEM form.
func (s *Set) CA() []byte { return slices.Clone(s.ca) }

// Close ends the servers and waits for their goroutines.
func (s *Set) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		s.signal()
		for _, srv := range s.servers {
			srv.shut()
		}
	}
	servers := slices.Clone(s.servers)
	s.mu.Unlock()
	for _, srv := range servers {
		srv.wg.Wait()
	}
	return nil
}
