package sqlserver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Versions whose views are known from documentation: 2016 to 2025.
const minMajor, maxMajor = 13, 17

// Engines that are no SQL Server instance of one's own. (SERVERPROPERTY)
const azureDatabase, managedInstance = 5, 8

func (f *instance) supported() bool {
	return f != nil && f.Major >= minMajor && f.Major <= maxMajor && f.Engine != azureDatabase && f.Engine != managedInstance
}

// node records what concerns one instance alone.
func (d *deriver) node(n *node) {
	if n.unreached != nil {
		return // said by topology, which knows what it means
	}
	d.add(n, reachableID, readiness.Bool(true))
	if !d.version(n) {
		return
	}
	d.clock(n)
	d.privileges(n)
	if n.started != nil {
		d.add(n, startedID, readiness.Str(n.started.Format("2006-01-02 15:04:05.000")))
	}
	d.identity(n)
	if !d.rejected[n] && form(d.spec) == formGroup {
		d.role(n)
	}
}

func (d *deriver) version(n *node) bool {
	f := n.facts
	var findings []readiness.Finding
	switch {
	case f.Engine == azureDatabase || f.Engine == managedInstance:
		findings = append(findings, finding(readiness.VersionUnsupported, "%s is Azure SQL (engine edition %d); bcctl reads instances of SQL Server", n.Name, f.Engine))
	case !f.supported():
		findings = append(findings, finding(readiness.VersionUnsupported, "%s runs version %s; bcctl knows 13 (2016) to 17 (2025)", n.Name, f.ProductVersion))
	}
	d.add(n, versionID, readiness.Str(f.ProductVersion), findings...)
	if len(findings) > 0 {
		d.rejected[n] = true
	}
	return len(findings) == 0
}

func (d *deriver) clock(n *node) {
	if n.facts.Clock.IsZero() {
		d.fail(n, clockSkewID, finding(readiness.ValueInvalid, "%s did not tell its time", n.Name))
		return
	}
	skew := n.facts.Clock.Sub(n.At)
	var findings []readiness.Finding
	// The server may have looked at its clock at any moment of the request.
	if skew.Abs()-n.took/2 > readiness.SkewTolerance {
		findings = append(findings, finding(readiness.ClockSkew, "clock of %s differs from the collector's by %s; ages in seconds across hosts are not known", n.Name, skew.Round(100*time.Millisecond)))
	}
	d.add(n, clockSkewID, readiness.Dur(skew), findings...)
}

// privileges tells masking from absence: without VIEW ANY DEFINITION the catalog
// shows no group at all, and does not fail.
func (d *deriver) privileges(n *node) {
	var missing []string
	if !n.facts.ViewDefinition {
		missing = append(missing, "VIEW ANY DEFINITION (without it the views show no availability group, and do not fail)")
	}
	if !n.facts.ViewState {
		missing = append(missing, stateRight(n.facts.Major))
	}
	if len(missing) > 0 {
		d.fail(n, privilegeID, finding(readiness.InsufficientPrivilege, "the monitoring login on %s lacks %s", n.Name, strings.Join(missing, " and ")))
		return
	}
	d.add(n, privilegeID, readiness.Str("VIEW ANY DEFINITION, "+stateRight(n.facts.Major)))
}

func stateRight(major int64) string {
	if major >= 16 {
		return "VIEW SERVER PERFORMANCE STATE"
	}
	return "VIEW SERVER STATE"
}

// identity decides whether the instance belongs to the declared group.
func (d *deriver) identity(n *node) {
	reject := func(f readiness.Finding) {
		d.rejected[n] = true
		d.fail(n, identityID, f)
	}
	if form(d.spec) == formShipping {
		d.add(n, identityID, readiness.Str(n.facts.ServerName), d.aliases(n)...)
		return
	}
	p := d.places[n]
	switch f, failed := n.failed[roleID]; {
	case failed:
		reject(f)
	case !n.facts.ViewDefinition:
		reject(finding(readiness.InsufficientPrivilege, "whether %s has the availability group is not known: without VIEW ANY DEFINITION the views show none", n.Name))
	case d.ambiguous != nil:
		reject(*d.ambiguous)
	case n.facts.HADR != nil && !*n.facts.HADR:
		reject(finding(readiness.NotAMember, "availability groups are not enabled on %s", n.Name))
	case d.mayBeBelow(n):
		reject(finding(readiness.IdentityUnproven, "%s is no primary, and only primaries show the distributed group that theirs is in; whether it belongs here is not known until they are seen", n.Name))
	case p.own == nil && d.spec.Identity[groupIdentity] != "" && d.spec.Options[groupOption] == "" && len(n.replicas) > 0:
		reject(finding(readiness.IdentityMismatch, "%s has %s, and none with the declared group_id %s", n.Name, groupsOf(n), d.spec.Identity[groupIdentity]))
	case p.own == nil:
		reject(finding(readiness.NotAMember, "%s has no replica of availability group %s", n.Name, d.groupName()))
	case n.Options[replicaOption] != "" && fold(n.Options[replicaOption]) != fold(n.facts.ServerName):
		reject(finding(readiness.IdentityMismatch, "%s is instance %s, the resource declares %s", n.Name, n.facts.ServerName, n.Options[replicaOption]))
	default:
		d.groupIdentity(n)
	}
}

// mayBeBelow reports whether an instance that does not show the group may be in one
// of the two that a distributed group consists of: only their primaries show it, and
// one of those may be among the instances that told nothing.
func (d *deriver) mayBeBelow(n *node) bool {
	declared := d.spec.Identity[groupIdentity] != "" || d.spec.Options[groupOption] != ""
	shows := slices.ContainsFunc(n.replicas, func(r replica) bool { return wanted(d.spec, r) })
	if !declared || shows || d.group.distributed || len(n.replicas) == 0 {
		return false
	}
	if slices.ContainsFunc(n.replicas, func(r replica) bool { return r.Distributed || r.local() && r.Role == "PRIMARY" }) {
		return false
	}
	return slices.ContainsFunc(d.nodes, func(other *node) bool {
		_, failed := other.failed[roleID]
		return other != n && (other.unreached != nil || failed)
	})
}

// groupsOf lists the groups an instance shows.
func groupsOf(n *node) string {
	var list []string
	for _, r := range n.replicas {
		if text := fmt.Sprintf("%q (%s)", r.GroupName, r.Group); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (d *deriver) groupName() string {
	if d.group.name == "" {
		return "of this resource"
	}
	return fmt.Sprintf("%q", d.group.name)
}

// groupIdentity compares identifiers. Names alone repeat in other clusters.
func (d *deriver) groupIdentity(n *node) {
	id := d.identifier(n)
	if id == "" {
		d.rejected[n] = true
		d.fail(n, identityID, finding(readiness.IdentityUnproven, "%s is in a group of the distributed group's name, and no primary of that group proves that it is the one", n.Name))
		return
	}
	want := strings.ToLower(d.spec.Identity[groupIdentity])
	findings := d.aliases(n)
	if want != "" && want != id {
		d.rejected[n] = true
		findings = append(findings, finding(readiness.IdentityMismatch, "%s has group %s, the resource declares %s", n.Name, id, want))
	}
	for _, other := range d.nodes {
		if theirs := d.identifier(other); want == "" && other != n && theirs != "" && theirs != id {
			d.rejected[n] = true
			findings = append(findings, finding(readiness.IdentityMismatch, "%s has group %s and %s has group %s of the same name", n.Name, id, other.Name, theirs))
		}
	}
	d.add(n, identityID, readiness.Str(id), findings...)
}

// identifier is the group_id of the group as this instance shows it. Of a
// distributed group only the primaries of its member groups show it; the others
// are known by their own group's.
func (d *deriver) identifier(n *node) string {
	p := d.places[n]
	switch {
	case p.own == nil:
		return ""
	case !d.group.distributed:
		return p.own.Group
	case len(p.across) > 0:
		return p.across[0].Group
	}
	for _, other := range d.nodes {
		if q := d.places[other]; q.own != nil && q.own.Group == p.own.Group && len(q.across) > 0 {
			return q.across[0].Group
		}
	}
	return ""
}

// aliases finds endpoints that are one instance: the same name, started in the same
// moment. A second instance can have the same name; where a start is not told, the
// name decides.
func (d *deriver) aliases(n *node) []readiness.Finding {
	var findings []readiness.Finding
	before := true
	for _, other := range d.nodes {
		if other == n {
			before = false
			continue
		}
		if !sameInstance(n, other) {
			continue
		}
		if before && d.alias[n] == nil {
			d.alias[n] = other
		}
		findings = append(findings, finding(readiness.EndpointAliased, "%s and %s answer as one instance, %s", n.Name, other.Name, n.facts.ServerName))
	}
	return findings
}

func sameInstance(a, b *node) bool {
	if a.facts == nil || b.facts == nil || a.facts.ServerName == "" || fold(a.facts.ServerName) != fold(b.facts.ServerName) {
		return false
	}
	return a.started == nil || b.started == nil || a.started.Equal(*b.started)
}

func (d *deriver) role(n *node) {
	p, r := d.places[n], d.roles[n]
	switch r {
	case unknownRole:
		why := "its own row tells no role"
		if p.own.Role == "PRIMARY" {
			why = "it is primary of " + p.own.GroupName + " and does not show its role in the distributed group"
		} else if p.own.Role != "" {
			why = "its role is " + p.own.Role
		}
		d.fail(n, roleID, finding(readiness.ValueInvalid, "%s: %s", n.Name, why))
	case resolvingRole:
		state := p.own.Operational
		if state == "" {
			state = "not told"
		}
		d.add(n, roleID, readiness.Str(string(r)), finding(readiness.NodeResolving, "%s is between roles, operational state %s: it serves nobody, and it is not down", n.Name, state))
	default:
		d.add(n, roleID, readiness.Str(string(r)), d.notOperational(n)...)
	}
}

// notOperational says what keeps an instance that has a role from doing its part:
// FAILED is one that cannot use its cluster, and it may be the last to notice.
// (sys.dm_hadr_availability_replica_states)
func (d *deriver) notOperational(n *node) []readiness.Finding {
	switch state := d.places[n].own.Operational; state {
	case "", "ONLINE":
		return nil
	default:
		return []readiness.Finding{finding(readiness.NodeResolving, "%s has a role and operational state %s: it is not ready to serve", n.Name, state)}
	}
}
