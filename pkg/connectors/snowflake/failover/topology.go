package failover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// topology says which account is primary and which follow, and what it means
// that one cannot be seen. It never chooses between two primaries and never
// takes an account that is not reached for one that is gone.
func (d *deriver) topology() {
	var unseen []*Account
	for _, a := range d.accounts {
		if !a.reached() {
			unseen = append(unseen, a)
			d.unseen(a)
		}
	}
	var texts []string
	var findings []readiness.Finding
	for _, g := range d.groups {
		texts = append(texts, d.label(g.name, d.describe(g, unseen)))
		findings = append(findings, d.roles(g, unseen)...)
		findings = append(findings, d.hints(g)...)
	}
	findings = append(findings, d.split()...)
	d.book.Add(nil, topologyID, readiness.Str(strings.Join(texts, "; ")), findings...)
}

// unseen records why an account gave nothing, as loss of visibility of its side.
// What the other account shows of it is a hint, not a sight of it.
func (d *deriver) unseen(a *Account) {
	side := observe.SideCode(d.spec.Home, a.Endpoint, d.siteSeen(a))
	code := a.Unreached.Code
	if code == "" {
		code = side
	} else if code != side && side != readiness.VisEndpoint {
		d.book.Fail(&a.Node, roleID, finding(side, "%s gave no facts", a.Name))
	}
	message := a.Name + ": " + a.Unreached.Message
	if side == readiness.VisPrimary {
		message += "; whether the account is down cannot be told from here"
	}
	d.book.Fail(&a.Node, reachableID, readiness.Finding{Code: code, Message: message})
}

// siteSeen reports whether another account of the same site was seen.
func (d *deriver) siteSeen(a *Account) bool {
	return slices.ContainsFunc(d.accounts, func(other *Account) bool {
		return other != a && other.Site == a.Site && d.trusted(other)
	})
}

func (d *deriver) describe(g *group, unseen []*Account) string {
	var primary, secondary []*Account
	for _, r := range g.replicas {
		switch {
		case r.isPrimary():
			primary = append(primary, r.account)
		case r.secondary():
			secondary = append(secondary, r.account)
		}
	}
	var hidden []*Account
	for _, a := range d.accounts {
		if !slices.Contains(unseen, a) && !slices.Contains(primary, a) && !slices.Contains(secondary, a) {
			hidden = append(hidden, a)
		}
	}
	var parts []string
	for _, part := range []struct {
		label string
		list  []*Account
	}{{"primary", primary}, {"secondary", secondary}, {"not seen", append(slices.Clone(unseen), hidden...)}} {
		if len(part.list) > 0 {
			parts = append(parts, part.label+" "+accountNames(part.list))
		}
	}
	return strings.Join(parts, "; ")
}

// roles judges who is primary for one group.
func (d *deriver) roles(g *group, unseen []*Account) []readiness.Finding {
	switch {
	case g.writers > 1:
		var names []string
		for _, r := range g.replicas {
			if r.isPrimary() {
				names = append(names, r.account.Name)
				d.book.Blame(&r.account.Node, roleID, finding(readiness.TwoWriters, "%s is primary for %s, and it is not the only one", r.account.Name, g.name))
			}
		}
		return []readiness.Finding{finding(readiness.TwoWriters, "%s are primary for %s at the same time; a refresh of either would erase what only it has", strings.Join(names, " and "), g.name)}
	case g.writers == 1:
		return d.onePrimary(g, unseen)
	default:
		return d.noPrimary(g, unseen)
	}
}

func (d *deriver) onePrimary(g *group, unseen []*Account) []readiness.Finding {
	p := g.primary.account
	var findings []readiness.Finding
	if p.Site != d.spec.Home.Primary {
		findings = append(findings, finding(readiness.PrimaryNotHome, "%s at site %s is primary for %s; home is %s", p.Name, p.Site, g.name, d.spec.Home.Primary))
	}
	far := false // even one that is not seen: why it is not is said of it
	for _, a := range d.accounts {
		far = far || a != p && a.Site == g.farSite
	}
	if !far {
		findings = append(findings, finding(readiness.NoStandbyAtDR, "no account at site %s, where a copy of %s is needed while %s is primary", g.farSite, g.name, p.Name))
	}
	for _, a := range unseen {
		f := finding(readiness.WriterUnproven, "%s cannot be seen while %s is primary for %s; that it is not primary as well is not proved", a.Name, p.Name, g.name)
		if a.Optional {
			d.book.Fail(&a.Node, roleID, f) // of the endpoint, so that it counts as one
		} else {
			findings = append(findings, f)
		}
	}
	for _, a := range d.accounts {
		if a.reached() && !d.trusted(a) {
			findings = append(findings, finding(readiness.WriterUnproven, "something else answers in place of %s, which may be primary for %s as well", a.Name, g.name))
		} else if r := g.of(a); a.reached() && (r == nil || r.row.IsPrimary == nil) {
			findings = append(findings, finding(readiness.WriterUnproven, "%s does not show what it is for %s while %s is primary", a.Name, g.name, p.Name))
		}
	}
	return findings
}

func (d *deriver) noPrimary(g *group, unseen []*Account) []readiness.Finding {
	var secondaries, hidden []*Account
	for _, a := range d.accounts {
		switch r := g.of(a); {
		case r != nil && r.secondary():
			secondaries = append(secondaries, a)
		case a.reached():
			hidden = append(hidden, a)
		}
	}
	switch {
	case len(secondaries) == 0 && len(hidden) == 0:
		return []readiness.Finding{finding(readiness.VisBoth, "no account of this resource could be seen")}
	case len(secondaries) == 0:
		return []readiness.Finding{finding(readiness.WriterUnproven, "no account shows what it is for %s", g.name)}
	case len(unseen) == 0 && len(hidden) == 0:
		return []readiness.Finding{finding(readiness.NoPrimary, "%s were reached and none is primary for %s", accountNames(secondaries), g.name)}
	case len(unseen) == 0:
		return []readiness.Finding{finding(readiness.WriterUnproven, "%s may be primary for %s and do not show it", accountNames(hidden), g.name)}
	default:
		return []readiness.Finding{finding(readiness.VisPrimary, "%s is secondary for %s, and %s cannot be seen; down or out of reach cannot be told apart from here", accountNames(secondaries), g.name, accountNames(unseen))}
	}
}

// hints compares what an account shows of the others with what those say of
// themselves. Such rows come from afar and can be old: where they differ, the
// account's own row counts and the difference is said.
func (d *deriver) hints(g *group) []readiness.Finding {
	var findings []readiness.Finding
	for _, a := range d.accounts {
		if !d.trusted(a) {
			continue
		}
		for i := range a.Groups {
			row := &a.Groups[i]
			if a.own(row.Account, row.Locator, row.Region) {
				continue
			}
			for _, r := range g.replicas {
				if r.account == a || r.row.Name != row.Name || !r.account.own(row.Account, row.Locator, row.Region) {
					continue
				}
				if row.IsPrimary != nil && r.row.IsPrimary != nil && *row.IsPrimary != *r.row.IsPrimary {
					findings = append(findings, finding(readiness.Conflict, "%s shows %s as %s for %s, which itself says that it is %s",
						a.Name, r.account.Name, word(*row.IsPrimary), g.name, word(*r.row.IsPrimary)))
				}
			}
		}
	}
	return findings
}

func word(primary bool) string {
	if primary {
		return "primary"
	}
	return "secondary"
}

// split: an application whose groups are primary in different accounts can
// completely write in neither.
func (d *deriver) split() []readiness.Finding {
	at := map[string][]string{}
	var order []string
	for _, g := range d.groups {
		if g.primary == nil {
			continue
		}
		name := g.primary.account.Name
		if at[name] == nil {
			order = append(order, name)
		}
		at[name] = append(at[name], g.name)
	}
	if len(order) < 2 {
		return nil
	}
	var parts []string
	for _, name := range order {
		parts = append(parts, fmt.Sprintf("%s at %s", strings.Join(at[name], ", "), name))
	}
	return []readiness.Finding{finding(readiness.GroupsSplit, "groups of one application are primary in different accounts: %s", strings.Join(parts, "; "))}
}
