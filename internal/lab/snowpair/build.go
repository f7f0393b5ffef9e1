package snowpair

import (
	"crypto/rand"
	"fmt"
	"slices"
	"time"
)

// age is how long everything has existed when a pair starts: long enough for a
// history, short enough to cost nothing.
const age = 2 * 24 * time.Hour

// newOrganization builds the state of a healthy pair.
func newOrganization(o Options, keys Keys, now time.Time) (*organization, error) {
	org := &organization{name: o.Organization, now: o.Now, release: "10.38.1"}
	born := now.Add(-age).Add(-lead)
	password, token := rand.Text(), rand.Text()+rand.Text()
	for i, spec := range o.Accounts {
		if spec.Locator == "" {
			spec.Locator = fmt.Sprintf("LAB%05d", 10001+i)
		}
		if spec.Edition == "" {
			spec.Edition = "BUSINESS_CRITICAL"
		}
		a := &account{Account: spec, org: org, groupedRegions: o.RegionGroups, users: map[string]*user{}, roles: map[string]*role{}}
		a.warehouses = []*warehouse{{name: warehouse1, size: "X-Small", suspend: time.Minute, created: born}}
		for _, name := range userNames() {
			u := &user{name: name, role: name, roles: []string{name, rolePublic}, key: &keys[name].PublicKey, warehouse: warehouse1}
			switch name {
			case UserMonitor:
				u.token = token
			case UserLimited:
				u.password, u.warehouse = password, ""
			case UserAdmin:
				u.role, u.roles = roleAdmin, []string{roleAdmin, rolePublic}
			}
			print, err := fingerprint(u.key)
			if err != nil {
				return nil, fmt.Errorf("fingerprint of the key of %s: %w", name, err)
			}
			u.fingerprint = print
			a.users[name] = u
			if name != UserAdmin {
				a.roles[name] = &role{name: name}
			}
		}
		a.roles[roleAdmin], a.roles[rolePublic] = &role{name: roleAdmin}, &role{name: rolePublic}
		org.accounts = append(org.accounts, a)
	}
	org.settle(o, now)
	return org, nil
}

// settle puts groups, connections and privileges in the state of a healthy pair
// that has been running for a while. Tables, users and warehouses stay.
func (o *organization) settle(options Options, now time.Time) {
	born := now.Add(-age).Add(-lead)
	for _, a := range o.accounts {
		a.groups, a.connections, a.cutOff, a.pending, a.stale, a.refuse, a.skew = nil, nil, false, nil, nil, nil, 0
		for _, r := range a.roles {
			r.grants = nil
		}
		for _, u := range a.users {
			u.refused = false
		}
		for _, r := range []string{UserMonitor, UserExecute, UserHeartbeat} {
			a.allow(r, onWarehouse, warehouse1, born, "USAGE")
			a.allow(r, onDatabase, homeDatabase, born, "USAGE")
		}
		a.allow(UserExecute, onWarehouse, warehouse1, born, "OPERATE")
		a.allow(UserExecute, onTable, HeartbeatTable, born, "SELECT", "INSERT", "UPDATE")
		a.allow(UserMonitor, onTable, HeartbeatTable, born, "SELECT")
		a.allow(UserHeartbeat, onTable, HeartbeatTable, born, "SELECT", "INSERT", "UPDATE")
	}
	for i, spec := range options.Groups {
		o.addGroup(spec, born.Add(time.Duration(i)*time.Second))
	}
	if options.Connection != none {
		o.addConnection(options.Connection, born)
	}
	o.advance()
}

// lead is how long ago the newest refresh started, where the schedule is in
// minutes that divide a day.
const lead = 3 * time.Minute

func (a *account) allow(roleName, on, name string, since time.Time, privileges ...string) {
	for _, p := range privileges {
		a.roles[roleName].grants = append(a.roles[roleName].grants, grant{p, on, name, since})
	}
}

// addGroup makes a group: its primary in the first account, a secondary in every
// other one.
func (o *organization) addGroup(spec Group, born time.Time) {
	home := ref{o.accounts[0].Name, spec.Name}
	var names []string
	for _, a := range o.accounts {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	types := []string{"DATABASES"}
	if len(spec.Shares) > 0 {
		types = append(types, "SHARES")
	}
	for i, a := range o.accounts {
		g := &group{
			account: a, name: spec.Secondary, kind: spec.Type, created: born, owner: UserExecute, ref: home, state: stateStarted,
			databases: spec.Databases, shares: spec.Shares, schedule: spec.Schedule, base: born, duration: spec.Duration,
			committing: !spec.Uncommitted, listing: spec.AutoFulfilled,
		}
		if i == 0 {
			g.name, g.primary, g.state, g.allowed, g.objectTypes = spec.Name, true, "", names, types
		}
		for _, name := range spec.Databases {
			if a.database(name) == nil {
				a.databases = append(a.databases, newDatabase(a, name, born))
			}
			a.allow(UserExecute, onDatabase, name, born, "USAGE", "OPERATE")
		}
		a.groups = append(a.groups, g)
		a.allow(UserMonitor, onGroup, g.name, born, "MONITOR")
		a.allow(UserExecute, onGroup, g.name, born, "OWNERSHIP", "FAILOVER", "REPLICATE")
	}
}

func (o *organization) addConnection(name string, born time.Time) {
	home := ref{o.accounts[0].Name, name}
	var others []string
	for _, a := range o.accounts[1:] {
		others = append(others, a.Name)
	}
	for i, a := range o.accounts {
		c := &connection{account: a, name: name, created: born, ref: home}
		if i == 0 {
			c.primary, c.allowed = true, others
		}
		a.connections = append(a.connections, c)
		a.allow(UserExecute, onConnection, name, born, "FAILOVER")
	}
}
