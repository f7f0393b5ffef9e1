package failover

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// upstream says which primary the account's own rows name, and whether that is
// the account that says it is primary.
func (d *deriver) upstream(a *Account) {
	var findings []readiness.Finding
	for _, g := range d.groups {
		r := g.of(a)
		if r == nil {
			continue
		}
		if r.row.Primary == "" {
			d.book.Fail(&a.Node, upstreamID, finding(readiness.ValueInvalid, "%s does not say what %s follows", a.Name, r.row.Name))
			continue
		}
		findings = append(findings, d.follows(g, r)...)
	}
	if text := d.upstreams(a); text != "" {
		d.book.Add(&a.Node, upstreamID, readiness.Str(text), findings...)
	}
}

func (d *deriver) follows(g *group, r *replica) []readiness.Finding {
	a := r.account
	org, object, account := splitName(r.row.Primary)
	named := org + "." + account
	switch {
	case r.isPrimary():
		if !a.Self.named(named) {
			return []readiness.Finding{finding(readiness.Conflict, "%s says that it is primary for %s, and that the primary is %s", a.Name, r.row.Name, r.row.Primary)}
		}
		return nil
	case !r.secondary():
		return nil
	case !d.declares(org, account) || a.Self.named(named):
		return []readiness.Finding{finding(readiness.UpstreamUnexpected, "%s on %s follows %s, which is no endpoint of this resource", r.row.Name, a.Name, r.row.Primary)}
	case object != g.name && (g.primary == nil || object != g.primary.row.Name):
		return []readiness.Finding{finding(readiness.UpstreamUnexpected, "%s on %s follows %s, and the resource is %s", r.row.Name, a.Name, r.row.Primary, g.name)}
	case g.primary == nil:
		return nil
	}
	p := g.primary
	var findings []readiness.Finding
	if !p.account.Self.named(named) {
		findings = append(findings, finding(readiness.Conflict, "%s says that %s follows %s, and the primary is %s", a.Name, r.row.Name, r.row.Primary, p.full()))
	}
	// A primary lists its own account beside the others, or does not.
	if len(p.row.Allowed) == 0 {
		findings = append(findings, finding(readiness.ValueInvalid, "%s does not say which accounts may hold a copy of %s", p.account.Name, p.row.Name))
	} else if !slices.ContainsFunc(p.row.Allowed, a.Self.listed) {
		findings = append(findings, finding(readiness.Conflict, "%s on %s follows %s, which allows only %s", r.row.Name, a.Name, p.full(), strings.Join(p.row.Allowed, ", ")))
	}
	return findings
}
