package failover

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// account records what concerns one account alone.
func (d *deriver) account(i int, a *Account) {
	if !a.reached() {
		return // said by topology, which knows what it means
	}
	d.book.Add(&a.Node, reachableID, readiness.Bool(true))
	d.identity(i, a)
	if !d.trusted(a) {
		return
	}
	if a.Self.Version != "" {
		d.book.Add(&a.Node, versionID, readiness.Str(a.Self.Version))
	}
	d.clock(a)
}

// identity checks that the account is the one declared. Somebody who logs in by
// a connection URL gets to whichever account the connection points to today.
func (d *deriver) identity(i int, a *Account) {
	s := a.Self
	if s.Organization == "" || s.Name == "" {
		d.rejected[a] = true
		d.book.Fail(&a.Node, identityID, finding(readiness.IdentityUnproven, "%s did not tell its organization and account", a.Name))
		return
	}
	var findings []readiness.Finding
	if want := d.set.Organization; want != "" && !sameAccount(want, s.Organization) {
		d.rejected[a] = true
		findings = append(findings, finding(readiness.IdentityMismatch, "%s is account %s, the resource declares organization %s", a.Name, s.full(), want))
	}
	if want := d.set.Accounts[i]; want != "" && !s.is(want) {
		d.rejected[a] = true
		findings = append(findings, finding(readiness.IdentityMismatch,
			"%s is account %s, and %s is declared; a connection URL leads to another account whenever the connection moves: use the account's own", a.Name, s.full(), want))
	}
	for _, other := range d.accounts {
		if other == a || !other.reached() || other.Self.Name == "" {
			continue
		}
		switch {
		case equalName(other.Self.full(), s.full()):
			findings = append(findings, finding(readiness.EndpointAliased, "%s and %s are one account, %s", a.Name, other.Name, s.full()))
		case d.set.Organization == "" && !equalName(other.Self.Organization, s.Organization):
			d.rejected[a] = true
			findings = append(findings, finding(readiness.IdentityMismatch, "%s is of organization %s and %s of %s", a.Name, s.Organization, other.Name, other.Self.Organization))
		}
	}
	for _, first := range d.accounts[:i] {
		if first.reached() && equalName(first.Self.full(), s.full()) {
			d.alias[a] = true
		}
	}
	d.book.Add(&a.Node, identityID, readiness.Str(s.full()), findings...)
}

// is reports whether the account is the declared one: ORG-ACCOUNT, ACCOUNT or the
// locator, with hyphens where host names have them.
func (s Self) is(declared string) bool {
	return sameAccount(declared, s.Organization+"-"+s.Name) || sameAccount(declared, s.Name) ||
		s.Locator != "" && strings.EqualFold(declared, s.Locator)
}

// clock compares the account's clock with the collector's. Ages are differences
// on the account's clock alone, but schedules and the age of a reading are not.
func (d *deriver) clock(a *Account) {
	if a.Self.Clock.IsZero() {
		if !d.failedReading(a, clockSkewID) {
			d.book.Fail(&a.Node, clockSkewID, finding(readiness.ValueInvalid, "%s did not tell its time", a.Name))
		}
		return
	}
	skew := a.Self.Clock.Sub(a.At)
	var findings []readiness.Finding
	if skew.Abs()-a.Took/2 > readiness.SkewTolerance {
		findings = append(findings, finding(readiness.ClockSkew, "clock of %s differs from the collector's by %s", a.Name, length(skew)))
	}
	d.book.Add(&a.Node, clockSkewID, readiness.Dur(skew), findings...)
}

// role says what the account is for each group.
func (d *deriver) role(a *Account) {
	list := d.replicasOf(a)
	if len(list) == 0 {
		return // privileges says that no group is seen
	}
	var texts []string
	var findings []readiness.Finding
	words := map[string]bool{}
	for _, r := range list {
		word := "secondary"
		switch {
		case r.isPrimary():
			word = "primary"
		case r.row.IsPrimary == nil:
			word = "not known"
			findings = append(findings, finding(readiness.ValueInvalid, "%s does not say whether %s is primary", a.Name, r.row.Name))
		}
		words[word] = true
		if n := a.rowsNamed(r.row.Name); n > 1 {
			findings = append(findings, finding(readiness.Conflict, "%s shows %d rows about its own group %s", a.Name, n, r.row.Name))
		}
		texts = append(texts, d.label(r.row.Name, word))
		if strings.EqualFold(r.row.Type, "REPLICATION") {
			findings = append(findings, finding(readiness.NotPromotable, "%s on %s is a replication group; only a failover group can be promoted", r.row.Name, a.Name))
		} else if !strings.EqualFold(r.row.Type, "FAILOVER") {
			findings = append(findings, finding(readiness.ValueInvalid, "%s on %s is of type %q", r.row.Name, a.Name, r.row.Type))
		}
		if r.row.AutoFulfillment {
			findings = append(findings, finding(readiness.GroupAutoFulfillment, "%s on %s is the replication of a listing", r.row.Name, a.Name))
		}
	}
	text := strings.Join(texts, "; ")
	if len(words) == 1 {
		for word := range words {
			text = word
		}
	}
	d.book.Add(&a.Node, roleID, readiness.Str(text), findings...)
}

// privileges: an account shows a role nothing of what it may not see, without an
// error, so a group that is missing proves nothing about the group.
func (d *deriver) privileges(a *Account) {
	if d.failedReading(a, privilegesID) {
		return
	}
	var missing []string
	for _, g := range d.groups {
		if g.of(a) == nil {
			missing = append(missing, g.name)
		}
	}
	if len(missing) > 0 {
		d.book.Fail(&a.Node, privilegesID, finding(readiness.GroupNotVisible, "%s does not show %s to role %s: the group is not there, or the role lacks MONITOR on it, which looks the same",
			a.Name, strings.Join(missing, ", "), orNone(a.Self.Role)))
		return
	}
	d.book.Add(&a.Node, privilegesID, readiness.Str(fmt.Sprintf("role %s sees %s", orNone(a.Self.Role), strings.Join(d.set.Groups, ", "))))
}

func orNone(role string) string {
	if role == "" {
		return "(none)"
	}
	return role
}
