package failover

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// connection looks at client redirect beside the groups: clients follow the
// connection, and data follows the groups, each by its own statement.
func (d *deriver) connection() {
	if d.set.Connection == "" {
		return
	}
	own := map[*Account]*Connection{}
	var primary *Account
	primaries := 0
	for _, a := range d.accounts {
		if !d.trusted(a) || a.Connections == nil {
			continue
		}
		for i := range a.Connections {
			if c := &a.Connections[i]; c.Name == d.set.Connection && a.own(c.Account, c.Locator, c.Region) {
				own[a] = c
				if c.IsPrimary != nil && *c.IsPrimary {
					primary = a
					primaries++
				}
			}
		}
	}
	for _, a := range d.accounts {
		if !d.trusted(a) || d.failedReading(a, connectionID) || a.Connections == nil {
			continue
		}
		c := own[a]
		switch {
		case c == nil:
			d.book.Add(&a.Node, connectionID, readiness.Str("none"), finding(readiness.ConnectionMissing,
				"%s shows no connection %s: it is not there, or the role may not see it", a.Name, d.set.Connection))
		case c.IsPrimary == nil:
			d.book.Add(&a.Node, connectionID, readiness.Str("not known"), finding(readiness.ValueInvalid, "%s does not say whether connection %s is primary there", a.Name, c.Name))
		case *c.IsPrimary:
			d.book.Add(&a.Node, connectionID, readiness.Str("primary"), d.primaryConnection(a, c, primaries)...)
		default:
			d.book.Add(&a.Node, connectionID, readiness.Str("secondary"), d.secondaryConnection(a, c, primary)...)
		}
	}
}

// primaryConnection is where clients are sent to.
func (d *deriver) primaryConnection(a *Account, c *Connection, primaries int) []readiness.Finding {
	var findings []readiness.Finding
	if primaries > 1 {
		findings = append(findings, finding(readiness.Conflict, "%s says that connection %s is primary there, and it is not the only one", a.Name, c.Name))
	}
	for _, g := range d.groups {
		if g.primary != nil && g.primary.account != a {
			findings = append(findings, finding(readiness.ConnectionSplit, "connection %s leads to %s, and %s is primary in %s", c.Name, a.Name, g.name, g.primary.account.Name))
		}
	}
	for _, other := range d.accounts {
		if other != a && d.trusted(other) && !slices.ContainsFunc(c.Allowed, other.Self.listed) {
			findings = append(findings, finding(readiness.RedirectNotAllowed, "connection %s on %s may fail over to %s, and %s is not among them", c.Name, a.Name, listOrNobody(c.Allowed), other.Self.full()))
		}
	}
	return findings
}

func listOrNobody(names []string) string {
	if len(names) == 0 {
		return "no other account"
	}
	return strings.Join(names, ", ")
}

// secondaryConnection is where clients could be sent to.
func (d *deriver) secondaryConnection(a *Account, c *Connection, primary *Account) []readiness.Finding {
	org, _, account := splitName(c.Primary)
	named := org + "." + account
	switch {
	case primary != nil && !primary.Self.named(named):
		return []readiness.Finding{finding(readiness.Conflict, "connection %s on %s follows %s, and it is primary on %s", c.Name, a.Name, c.Primary, primary.Name)}
	case primary == nil && !d.anyUnseen():
		return []readiness.Finding{finding(readiness.Conflict, "connection %s is primary in no account of this resource; on %s it follows %s", c.Name, a.Name, c.Primary)}
	default:
		return nil
	}
}

func (d *deriver) anyUnseen() bool {
	return slices.ContainsFunc(d.accounts, func(a *Account) bool { return !d.trusted(a) || a.Connections == nil })
}
