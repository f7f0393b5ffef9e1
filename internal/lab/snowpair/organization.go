package snowpair

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Types of a group.
const (
	failoverType    = "FAILOVER"
	replicationType = "REPLICATION"
)

// Databases of the default group. The first holds the heartbeat table.
const (
	homeDatabase   = "WAREHOUSE_DB"
	secondDatabase = "REPORTING_DB"
)

// organization is the state of all accounts: pure values and a clock. Whoever
// reads or changes it holds Pair.mu and calls advance first.
type organization struct {
	name     string
	now      func() time.Time
	accounts []*account
	serial   uint64 // of the last query
	release  string // what CURRENT_VERSION() says
}

// account is one account with its own objects, as it knows them itself.
type account struct {
	Account
	org            *organization
	groups         []*group
	connections    []*connection
	users          map[string]*user
	roles          map[string]*role
	warehouses     []*warehouse
	databases      []*database
	cutOff         bool        // hears nothing of the other accounts
	pending        []func()    // what it has to learn when it hears of them again
	stale          *staleRows  // what the others still say about it; nil: the truth
	overrides      []*Override // odd values a test asked for
	refuse         *autoRefuse // a network policy and the like
	groupedRegions bool
	skew           time.Duration // of its clock, as CURRENT_TIMESTAMP() says
	slow           time.Duration // how long reads take
}

// staleRows are rows about an account that other accounts go on showing.
type staleRows struct {
	groups      []group
	connections []connection
}

// autoRefuse is why every login is refused.
type autoRefuse struct {
	code    int
	message string
}

// ref names an object across accounts.
type ref struct{ account, name string }

func (o *organization) text(r ref) string { return o.name + "." + r.account + "." + r.name }

func (o *organization) account(name string) *account {
	i := slices.IndexFunc(o.accounts, func(a *account) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return o.accounts[i]
}

// advance brings every schedule to now.
func (o *organization) advance() time.Time {
	now := o.now()
	for _, a := range o.accounts {
		for _, g := range a.groups {
			g.advance(now)
		}
	}
	return now
}

// nextSerial numbers statements and refreshes.
func (o *organization) nextSerial() uint64 {
	o.serial++
	return o.serial
}

// queryID writes a number in the form of the product's query ids.
func queryID(serial uint64) string {
	return fmt.Sprintf("01bb%04x-0000-%04x-0000-%012x", serial>>32&0xffff, 0x1000|serial>>48&0xfff, serial)
}

func (a *account) group(name string) *group {
	i := slices.IndexFunc(a.groups, func(g *group) bool { return g.name == name })
	if i < 0 {
		return nil
	}
	return a.groups[i]
}

func (a *account) connection(name string) *connection {
	i := slices.IndexFunc(a.connections, func(c *connection) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return a.connections[i]
}

func (a *account) warehouse(name string) *warehouse {
	i := slices.IndexFunc(a.warehouses, func(w *warehouse) bool { return w.name == name })
	if i < 0 {
		return nil
	}
	return a.warehouses[i]
}

func (a *account) database(name string) *database {
	i := slices.IndexFunc(a.databases, func(d *database) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return a.databases[i]
}

// tell lets an account learn something about the others: at once, or when it
// hears of them again.
func (a *account) tell(change func()) {
	if a.cutOff {
		a.pending = append(a.pending, change)
		return
	}
	change()
}

// freeze makes the other accounts go on showing what they know of a today.
func (a *account) freeze() {
	s := &staleRows{}
	for _, g := range a.groups {
		s.groups = append(s.groups, *g)
	}
	for _, c := range a.connections {
		s.connections = append(s.connections, *c)
	}
	a.stale = s
}

// seenGroups are a's groups as another account shows them.
func (a *account) seenGroups() []*group {
	if a.stale == nil {
		return a.groups
	}
	var out []*group
	for i := range a.stale.groups {
		out = append(out, &a.stale.groups[i])
	}
	return out
}

// seenConnections are a's connections as another account shows them.
func (a *account) seenConnections() []*connection {
	if a.stale == nil {
		return a.connections
	}
	var out []*connection
	for i := range a.stale.connections {
		out = append(out, &a.stale.connections[i])
	}
	return out
}

// warehouse is a virtual warehouse. It resumes by itself when a statement needs
// it, and suspends when nothing did for a while.
type warehouse struct {
	name    string
	size    string
	suspend time.Duration
	created time.Time
	used    time.Time // zero: never
	resumed time.Time
	resumes int
}

func (w *warehouse) started(now time.Time) bool {
	return !w.used.IsZero() && now.Sub(w.used) < w.suspend
}

// use is what a statement does to its warehouse.
func (w *warehouse) use(now time.Time) {
	if !w.started(now) {
		w.resumes++
		w.resumed = now
	}
	w.used = now
}

// connection is a connection object of client redirect.
type connection struct {
	account *account
	name    string
	created time.Time
	comment string
	primary bool
	ref     ref
	allowed []string // account names; of the primary
}

// leadsTo is the account to which a connection leads: where it is primary, as far as
// the newest promotion is known.
func (o *organization) leadsTo(name string) *account {
	at := o.accounts[0]
	for _, a := range o.accounts {
		if c := a.connection(name); c != nil && c.primary && !a.cutOff {
			at = a
		}
	}
	return at
}

// linked are all connections of the same name that point to one another.
func (c *connection) linked() []*connection {
	var out []*connection
	for _, a := range c.account.org.accounts {
		for _, other := range a.connections {
			if other != c && (other.ref == c.ref || other.ref == (ref{c.account.Name, c.name})) {
				out = append(out, other)
			}
		}
	}
	return out
}

// promote makes c the primary. Others learn it.
func (c *connection) promote() *failure {
	if c.primary {
		return nil
	}
	org := c.account.org
	old := org.account(c.ref.account)
	var from *connection
	if old != nil {
		from = old.connection(c.ref.name)
	}
	if from == nil || !slices.Contains(from.allowed, c.account.Name) {
		return fail(3150, "42501", "Connection '%s' cannot be promoted: failover to account %s.%s is not enabled.", c.name, org.name, c.account.Name)
	}
	allowed := append(slices.Clone(from.allowed), from.account.Name)
	allowed = slices.DeleteFunc(allowed, func(n string) bool { return n == c.account.Name })
	slices.Sort(allowed)
	own := ref{c.account.Name, c.name}
	for _, other := range c.linked() {
		other.account.tell(func() { other.primary, other.ref, other.allowed = false, own, nil })
	}
	c.primary, c.ref, c.allowed = true, own, slices.Compact(allowed)
	return nil
}

// sortedKeys are a map's keys in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
