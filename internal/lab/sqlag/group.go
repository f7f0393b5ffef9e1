package sqlag

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/pki"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
)

// Form is how the databases are kept at two sites.
type Form uint8

// Forms.
const (
	AG          Form = iota // an availability group on a Windows cluster; the default
	Distributed             // two of them, and a distributed one above
	Clusterless             // an availability group with CLUSTER_TYPE = NONE
	LogShipping             // no group at all: backups that are copied and restored
)

// String is the form's name in configuration.
func (f Form) String() string {
	return [...]string{"ag", "dag", "clusterless", "log-shipping"}[f]
}

// Options say what to start.
type Options struct {
	Name      string        // of the system; "orders" if empty
	Authority pki.Authority // signs the certificates; zero makes one for this group alone
	Form      Form
	Databases []string         // the system's name if empty
	Now       func() time.Time // the clock; nil is time.Now
	Version   int              // major version, 13 to 17; 0 is 16
	Idle      bool             // no application writes
}

// Group is a running laboratory. It implements lab.System.
type Group struct {
	options   Options
	authority pki.Authority
	madeAt    time.Time // of the instances; long before they were started
	started   time.Time
	nodes     []*Instance
	passwords map[string]string
	accounts  map[string]account

	breaking sync.Mutex // one fault after the other

	mu          sync.Mutex // guards the model and what follows
	world       *model.World
	broken      []string
	lag         Lag
	noHeartbeat bool
	restarted   map[string]time.Time
	identity    string            // the group's id at the start
	sessions    map[*session]bool // of all instances
	lastSession int

	grants  sync.RWMutex
	granted map[string][]string

	counting sync.Mutex
	changes  int
	texts    []string
	cuts     []cut
	refused  []cut
	watch    lab.Watch

	fronting sync.Mutex
	front    *front // what clients of the application connect to; nil until somebody asks for it
}

var _ lab.System = (*Group)(nil)

// Lag says how secondary_lag_seconds misleads while a database does not move. Each
// was measured on real servers.
type Lag uint8

// Ways to mislead.
const (
	LagZero    Lag = iota // stays 0, as documented
	LagClimbs             // grows with the clock
	LagLatches            // begins after half a minute, and stays
)

// Start starts instances on loopback. Close ends them.
func Start(o Options) (*Group, error) {
	if o.Name == "" {
		o.Name = "orders"
	}
	if len(o.Databases) == 0 {
		o.Databases = []string{o.Name}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Version == 0 {
		o.Version = 16
	}
	if _, ok := releases[o.Version]; !ok {
		return nil, fmt.Errorf("start %s: no major version %d; there are 13 to 17", o.Name, o.Version)
	}
	now := o.Now()
	g := &Group{options: o, authority: o.Authority, started: now, madeAt: now.Add(-90 * 24 * time.Hour).Truncate(time.Hour), restarted: map[string]time.Time{}, accounts: accounts(), granted: grants(), passwords: map[string]string{}}
	if g.authority == (pki.Authority{}) {
		var err error
		if g.authority, err = pki.New(now); err != nil {
			return nil, fmt.Errorf("start %s: %w", o.Name, err)
		}
	}
	for _, u := range Users() {
		g.passwords[u] = newPassword()
	}
	g.world = g.build()
	if g.options.Form != LogShipping {
		g.identity = top(g.world).ID.String()
	}
	certificate, err := g.certificate(now)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	for _, i := range g.world.Instances {
		n, err := g.listen(i, certificate)
		if err != nil {
			_ = g.Close() // of what was started; the error is the other one
			return nil, fmt.Errorf("start %s: %w", o.Name, err)
		}
		g.nodes = append(g.nodes, n)
	}
	return g, nil
}

func (g *Group) certificate(now time.Time) (tls.Certificate, error) {
	cert, key, err := g.authority.Issue(g.options.Name, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// Name implements lab.System.
func (g *Group) Name() string { return g.options.Name }

// Platform implements lab.System.
func (g *Group) Platform() string { return "sqlserver" }

// Form is how the databases are kept.
func (g *Group) Form() Form { return g.options.Form }

// CA is the certificate that signs those of the servers, as PEM.
func (g *Group) CA() []byte { return g.authority.CertPEM() }

// Password is the password of one of Users.
func (g *Group) Password(user string) string { return g.passwords[user] }

// Secrets implements lab.System.
func (g *Group) Secrets() map[string]string { return maps.Clone(g.passwords) }

// Instances lists the servers. The first is where the primary belongs.
func (g *Group) Instances() []*Instance { return slices.Clone(g.nodes) }

// Instance finds a server by its name; nil if there is none.
func (g *Group) Instance(name string) *Instance {
	for _, n := range g.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// GroupID is the native identity: group_id of the group, of the distributed one if
// there is one; empty for log shipping. It stays what it was at the start.
func (g *Group) GroupID() string { return g.identity }

// Change lets a test change the model, under the group's lock. Repair undoes it.
func (g *Group) Change(f func(*model.World)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.world.Change(func() { f(g.world) })
}

// Odd makes an instance show a value in place of the true one, in all rows of a view:
// column is written dm_hadr_database_replica_states.redo_queue_size. A function
// func(any) any gets the true value. Repair of any fault undoes it.
func (g *Group) Odd(instance, column string, value any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.world.Instance(instance)
	if i == nil {
		return
	}
	if i.Odd == nil {
		i.Odd = map[string]any{}
	}
	i.Odd[column] = value
}

// SetLag says how secondary_lag_seconds misleads.
func (g *Group) SetLag(l Lag) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lag = l
}

// Grant gives a login a permission of the server; "SELECT IN MSDB" is that to read the
// tables of msdb.
func (g *Group) Grant(user, permission string) {
	g.grants.Lock()
	defer g.grants.Unlock()
	g.granted[user] = append(slices.Clone(g.granted[user]), permission)
}

// Revoke takes a permission away.
func (g *Group) Revoke(user, permission string) {
	g.grants.Lock()
	defer g.grants.Unlock()
	g.granted[user] = slices.DeleteFunc(slices.Clone(g.granted[user]), func(p string) bool { return p == permission })
}

// count notes statements that could change state.
func (g *Group) count(i *model.Instance, n int, text string) {
	if n == 0 {
		return
	}
	g.counting.Lock()
	defer g.counting.Unlock()
	g.changes += n
	if len(g.texts) < 100 {
		g.texts = append(g.texts, i.Name+": "+text)
	}
}

// Changes is how many statements arrived so far that could change state, allowed or
// not, and the first of them. Who monitors sends none but those of the heartbeat.
func (g *Group) Changes() (int, []string) {
	g.counting.Lock()
	defer g.counting.Unlock()
	return g.changes, slices.Clone(g.texts)
}

// cut is a connection that is to be lost.
type cut struct {
	instance, text string
	applied        bool
}

// Cut makes an instance end the connection in place of an answer, once: of the next
// batch that has a text in it. With applied it carries the batch out before; to the
// client both look the same.
func (g *Group) Cut(instance, text string, applied bool) {
	g.counting.Lock()
	defer g.counting.Unlock()
	g.cuts = append(g.cuts, cut{instance, strings.ToLower(text), applied})
}

// Refuse makes an instance refuse every statement with the text, as it does when the login
// lacks the permission there.
func (g *Group) Refuse(instance, text string) {
	g.counting.Lock()
	defer g.counting.Unlock()
	g.refused = append(g.refused, cut{instance: instance, text: strings.ToLower(text)})
}

// refuses reports whether a batch is refused.
func (g *Group) refuses(instance, text string) bool {
	g.counting.Lock()
	defer g.counting.Unlock()
	text = strings.ToLower(text)
	return slices.ContainsFunc(g.refused, func(c cut) bool { return c.instance == instance && strings.Contains(text, c.text) })
}

// Cuts is how many connections are still to be lost.
func (g *Group) Cuts() int {
	g.counting.Lock()
	defer g.counting.Unlock()
	return len(g.cuts)
}

// cutFor takes the cut that a batch is for.
func (g *Group) cutFor(instance, text string) (lost, applied bool) {
	g.counting.Lock()
	defer g.counting.Unlock()
	text = strings.ToLower(text)
	i := slices.IndexFunc(g.cuts, func(c cut) bool { return c.instance == instance && strings.Contains(text, c.text) })
	if i < 0 {
		return false, false
	}
	applied = g.cuts[i].applied
	g.cuts = slices.Delete(g.cuts, i, i+1)
	return true, applied
}

// Nodes implements lab.System.
func (g *Group) Nodes() []lab.Node {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.world.Advance()
	var out []lab.Node
	for _, n := range g.nodes {
		i := g.world.Instance(n.name)
		role, detail := describe(g.world, i)
		out = append(out, lab.Node{Name: n.name, Site: n.site, Address: n.address, State: n.state(), Role: role, Detail: detail})
	}
	return out
}

func describe(w *model.World, i *model.Instance) (role, detail string) {
	for _, g := range w.GroupsOf(i) {
		r := g.Local(i)
		if g.Distributed {
			detail += fmt.Sprintf(", %s in %s", r.Role, g.Name)
			continue
		}
		role = r.Role.String()
		for _, d := range g.Databases {
			c := i.Database(d.Name)
			detail += fmt.Sprintf(", %s %s", d.Name, g.StateOf(r, d.Name))
			if c != nil && c.Suspended {
				detail += " (suspended)"
			}
		}
	}
	if sh := i.Objects.Shipping; sh != nil {
		role = "log shipping secondary"
		if sh.Primary == i {
			role = "log shipping primary"
		}
		detail = ", " + sh.Database + " " + i.Database(sh.Database).Status
	}
	if len(detail) > 2 {
		detail = detail[2:]
	}
	return role, detail
}

// Close implements lab.System.
func (g *Group) Close() error {
	g.fronting.Lock()
	if g.front != nil {
		g.front.close()
	}
	g.fronting.Unlock()
	for _, n := range g.nodes {
		n.close()
	}
	return nil
}
