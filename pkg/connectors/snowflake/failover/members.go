package failover

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// members compares the databases of the groups, in the primary's account, with
// those declared. Taking one out of a group drops its copy at the next refresh,
// and one that was never put in has none.
func (d *deriver) members(a *Account) {
	if d.set.Databases == nil {
		return
	}
	var have []string
	for _, g := range d.groups {
		r := g.of(a)
		if r == nil || !r.isPrimary() {
			continue
		}
		list, read := a.Databases[r.row.Name]
		if !read {
			if !d.failedReading(a, membersID) {
				d.book.Fail(&a.Node, membersID, finding(readiness.QueryFailed, "the databases of %s on %s were not read", r.row.Name, a.Name))
			}
			return
		}
		have = append(have, list...)
	}
	if g := d.replicasOf(a); !slices.ContainsFunc(g, (*replica).isPrimary) {
		return
	}
	slices.Sort(have)
	have = slices.Compact(have)
	var findings []readiness.Finding
	if missing := without(d.set.Databases, have); len(missing) > 0 {
		findings = append(findings, finding(readiness.DriftMembers, "declared, and not seen in the groups: %s; not there, or the role has no MONITOR on the database", few(missing)))
	}
	if more := without(have, d.set.Databases); len(more) > 0 {
		findings = append(findings, finding(readiness.DriftMembers, "replicated, although not declared: %s", few(more)))
	}
	d.book.Add(&a.Node, membersID, readiness.Str(strings.Join(have, ", ")), findings...)
}

// without are the names of list that are not in other.
func without(list, other []string) []string {
	var rest []string
	for _, name := range list {
		if !slices.Contains(other, name) {
			rest = append(rest, name)
		}
	}
	return rest
}
