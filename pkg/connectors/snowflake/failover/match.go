package failover

import (
	"github.com/bcctl/bcctl/pkg/connectors/observe"
)

// match finds a declared group in each account by the account's own rows.
func (d *deriver) match(i int) *group {
	g := &group{name: d.set.Groups[i], farSite: d.spec.Home.DR}
	for n, a := range d.accounts {
		if !d.trusted(a) {
			continue
		}
		if row := d.ownRow(a, g.name, d.localName(n, i)); row != nil {
			g.replicas = append(g.replicas, &replica{account: a, row: row})
		}
	}
	for _, r := range g.replicas {
		if r.isPrimary() {
			g.writers++
			g.primary = r
		}
	}
	if g.writers != 1 {
		g.primary = nil
	}
	if g.primary != nil {
		g.farSite = observe.FarSite(d.spec.Home, g.primary.account.Site)
	}
	return g
}

// localName is the name a group has in an account where that is declared.
func (d *deriver) localName(endpoint, group int) string {
	if names := d.set.LocalGroups[endpoint]; names != nil {
		return names[group]
	}
	return ""
}

// ownRow is the account's own row of a group. A secondary may be named otherwise
// than its primary, whose name stands in its column primary; and an account may
// have a group of its own under the same name. So a secondary that follows
// another account's group of that name is it, and only then the name decides.
func (d *deriver) ownRow(a *Account, name, local string) *Group {
	var byName *Group
	for i := range a.Groups {
		row := &a.Groups[i]
		if !a.own(row.Account, row.Locator, row.Region) {
			continue
		}
		if local != "" {
			if row.Name == local {
				return row
			}
			continue
		}
		org, object, account := splitName(row.Primary)
		if row.IsPrimary != nil && !*row.IsPrimary && object == name && d.declares(org, account) && !equalName(account, a.Self.Name) {
			return row
		}
		if row.Name == name && byName == nil {
			byName = row
		}
	}
	return byName
}

// rowsNamed counts the account's own rows of a name, of which there can be one.
func (a *Account) rowsNamed(name string) (n int) {
	for i := range a.Groups {
		if row := &a.Groups[i]; row.Name == name && a.own(row.Account, row.Locator, row.Region) {
			n++
		}
	}
	return n
}

// declares reports whether an account, by its own name, is one of the endpoints.
func (d *deriver) declares(org, account string) bool {
	for i, other := range d.accounts {
		if other.reached() && other.Self.named(org+"."+account) {
			return true
		}
		if want := d.set.Accounts[i]; sameAccount(want, account) || sameAccount(want, org+"-"+account) {
			return true
		}
	}
	return false
}

// of is the group as an account has it, or nil.
func (g *group) of(a *Account) *replica {
	for _, r := range g.replicas {
		if r.account == a {
			return r
		}
	}
	return nil
}
