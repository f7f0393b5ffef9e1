package failover

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Derive turns what the accounts said into observations. It is pure: the same
// accounts give the same observations.
func Derive(spec connectors.Spec, set Settings, accounts []*Account, now time.Time) []readiness.Observation {
	d := &deriver{spec: spec, set: set, accounts: accounts, now: now, rejected: map[*Account]bool{}, alias: map[*Account]bool{},
		book: observe.Book{Target: spec.Target, Nodes: nodes(accounts), Now: now}}
	for i, a := range accounts {
		d.account(i, a)
	}
	for i := range set.Groups {
		d.groups = append(d.groups, d.match(i))
	}
	for _, a := range accounts {
		if d.trusted(a) {
			d.role(a)
			d.privileges(a)
		}
	}
	d.topology()
	for _, a := range accounts {
		if d.trusted(a) {
			d.upstream(a)
			d.schedule(a)
			d.refreshes(a)
			d.dangling(a)
			d.members(a)
		}
	}
	d.exposure()
	d.planned()
	d.skew()
	d.recovery()
	d.connection()
	for _, a := range accounts {
		if d.trusted(a) {
			d.unsaid(a)
		}
	}
	return d.book.Observations()
}

type deriver struct {
	spec     connectors.Spec
	set      Settings
	accounts []*Account
	now      time.Time
	book     observe.Book

	rejected map[*Account]bool // reached, but not the declared account
	alias    map[*Account]bool // a second name of an account listed before it
	groups   []*group
}

// group is one declared group over all accounts.
type group struct {
	name     string // as declared
	replicas []*replica
	primary  *replica // the one primary, or nil
	writers  int
	farSite  string
}

// replica is a group as one account has it, by the account's own row.
type replica struct {
	account *Account
	row     *Group

	lag      *time.Duration // by the newest snapshot; nil: not known
	lagAt    time.Time      // when that was read
	earlier  bool           // by an earlier check
	snapshot time.Time
	usual    *time.Duration // length of a refresh
	running  *Refresh
}

func (r *replica) isPrimary() bool { return r.row.IsPrimary != nil && *r.row.IsPrimary }

// secondary reports whether the account's own row says that it is no primary.
func (r *replica) secondary() bool { return r.row.IsPrimary != nil && !*r.row.IsPrimary }

// full is ORG.ACCOUNT.GROUP.
func (r *replica) full() string { return r.account.Self.full() + "." + r.row.Name }

// trusted reports whether an account was reached, under its first name, and is
// the declared one.
func (d *deriver) trusted(a *Account) bool {
	return a.reached() && !d.rejected[a] && !d.alias[a]
}

// previous is the newest earlier reading.
func (d *deriver) previous(a *Account, id readiness.ID) (readiness.Observation, bool) {
	if d.spec.Previous == nil {
		return readiness.Observation{}, false
	}
	return d.spec.Previous(a.Name, id)
}

// replicasOf are the groups an account has, in the order of their declaration.
func (d *deriver) replicasOf(a *Account) []*replica {
	var list []*replica
	for _, g := range d.groups {
		for _, r := range g.replicas {
			if r.account == a {
				list = append(list, r)
			}
		}
	}
	return list
}

// secondaries are the groups of which an account holds a copy.
func (d *deriver) secondaries(a *Account) []*replica {
	return slices.DeleteFunc(d.replicasOf(a), func(r *replica) bool { return !r.secondary() })
}

// label names a group before a text about it where there are several.
func (d *deriver) label(name, text string) string {
	if len(d.set.Groups) < 2 {
		return text
	}
	return name + ": " + text
}

// failedReading records a reading that failed on a reached account, if it did.
func (d *deriver) failedReading(a *Account, id readiness.ID) bool {
	f, failed := a.Failed[id]
	if failed {
		d.book.Fail(&a.Node, id, f)
	}
	return failed
}

// unsaid records what failed and concerned nothing that was derived: a reading
// that failed never disappears.
func (d *deriver) unsaid(a *Account) {
	for _, id := range slices.Sorted(maps.Keys(a.Failed)) {
		said := slices.ContainsFunc(d.book.Observations(), func(o readiness.Observation) bool {
			return o.Endpoint == a.Name && o.Indicator == id && o.Failure != nil
		})
		if !said {
			d.failedReading(a, id)
		}
	}
}

func finding(code readiness.Code, format string, args ...any) readiness.Finding {
	return observe.Finding(code, format, args...)
}

func accountNames(list []*Account) string {
	var names []string
	for _, a := range list {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

// length words a duration for people.
func length(d time.Duration) string {
	if d.Abs() >= time.Minute {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }
