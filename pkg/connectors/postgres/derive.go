package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// derive turns what the nodes said into observations. It is pure: the same nodes
// give the same observations.
func derive(spec connectors.Spec, nodes []*node, written *readiness.Finding, now time.Time) []readiness.Observation {
	return conclude(spec, nodes, written, now).obs
}

// conclude is derive for a caller that needs what the observations come from.
func conclude(spec connectors.Spec, nodes []*node, written *readiness.Finding, now time.Time) *deriver {
	d := &deriver{spec: spec, nodes: nodes, now: now, rejected: map[*node]bool{}, unknown: map[*node]bool{}, alias: map[*node]*node{}}
	for _, n := range nodes {
		d.node(n)
	}
	d.match()
	d.topology()
	for _, n := range nodes {
		if d.trusted(n) && n.isPrimary() {
			d.primarySide(n)
		}
	}
	for _, n := range nodes {
		if d.trusted(n) && n.isStandby() {
			d.standbySide(n)
		}
	}
	d.exposure()
	d.heartbeats(written)
	for _, n := range nodes {
		if d.trusted(n) {
			d.unsaid(n)
		}
	}
	return d
}

type deriver struct {
	spec  connectors.Spec
	nodes []*node
	now   time.Time
	obs   []readiness.Observation

	primary  *node                // the one primary, or nil
	writers  int                  // how many primaries were seen
	farSite  string               // where a standby must be for the resource to survive the loss of the primary's site
	rejected map[*node]bool       // reached, but not the declared cluster
	unknown  map[*node]bool       // reached, of a version whose views are not known
	alias    map[*node]*node      // a second name of a node listed before it
	sentTo   map[*node]*sender    // the primary's sender row of each standby, where it can be bound
	lineage  map[*node]lineageWas // verdict per standby
	exposed  []exposed            // candidates for the resource's exposure
}

type lineageWas struct {
	ok     bool // proved to follow
	proved bool // proved either way
}

// exposed is what one standby at the far site lacks.
type exposed struct {
	node    *node
	bytes   int64
	at      time.Time
	seconds *float64 // upper bound, when known
	atLeast bool     // seconds is a lower bound instead
}

func finding(code readiness.Code, format string, args ...any) readiness.Finding {
	return readiness.Finding{Code: code, Message: fmt.Sprintf(format, args...)}
}

// add records a reading of an endpoint; n nil is the resource as a whole.
func (d *deriver) add(n *node, id readiness.ID, v readiness.Value, findings ...readiness.Finding) {
	o := readiness.Observation{Target: d.spec.Target, Indicator: id, Value: v, Findings: findings, ObservedAt: d.now, CollectedAt: d.now}
	d.place(n, &o)
	d.obs = append(d.obs, o)
}

// addAt is add for a value that was true at another moment.
func (d *deriver) addAt(n *node, at time.Time, id readiness.ID, v readiness.Value, findings ...readiness.Finding) {
	d.add(n, id, v, findings...)
	d.obs[len(d.obs)-1].ObservedAt = at
}

// fail records a reading that could not be made.
func (d *deriver) fail(n *node, id readiness.ID, why readiness.Finding) {
	o := readiness.Observation{Target: d.spec.Target, Indicator: id, Failure: &why, CollectedAt: d.now}
	d.place(n, &o)
	o.ObservedAt = time.Time{}
	d.obs = append(d.obs, o)
}

func (d *deriver) place(n *node, o *readiness.Observation) {
	if n == nil {
		o.ObservedAt = d.oldestProbe()
		return
	}
	o.Endpoint, o.Optional = n.Name, n.Optional
	if !n.at.IsZero() {
		o.ObservedAt = n.at
	}
	if !n.collectedAt.IsZero() {
		o.CollectedAt = n.collectedAt
	}
}

// blame adds a finding to a reading that was recorded already.
func (d *deriver) blame(n *node, id readiness.ID, f readiness.Finding) {
	for i := range d.obs {
		if d.obs[i].Endpoint == n.Name && d.obs[i].Indicator == id {
			d.obs[i].Findings = append(d.obs[i].Findings, f)
		}
	}
}

// oldestProbe is the moment from which a statement about all nodes holds.
func (d *deriver) oldestProbe() time.Time {
	oldest := d.now
	for _, n := range d.nodes {
		if !n.at.IsZero() && n.at.Before(oldest) {
			oldest = n.at
		}
	}
	return oldest
}

// failedReading reports a reading that failed on a reached node, if it did.
func (d *deriver) failedReading(n *node, id readiness.ID) bool {
	f, failed := n.failed[id]
	if failed {
		d.fail(n, id, f)
	}
	return failed
}

// unsaid records what failed and concerned nothing that was derived above: a
// reading that failed never disappears.
func (d *deriver) unsaid(n *node) {
	for _, id := range slices.Sorted(maps.Keys(n.failed)) {
		said := slices.ContainsFunc(d.obs, func(o readiness.Observation) bool {
			return o.Endpoint == n.Name && o.Indicator == id && o.Failure != nil
		})
		if !said {
			d.failedReading(n, id)
		}
	}
}

// member reports whether a node was reached and is one of the declared cluster,
// under its first name. Its role is known; more only when it is trusted.
func (d *deriver) member(n *node) bool {
	return n.facts != nil && !d.rejected[n] && d.alias[n] == nil
}

// trusted reports whether a node is a member whose views can be read.
func (d *deriver) trusted(n *node) bool { return d.member(n) && !d.unknown[n] }

// previous is the newest earlier reading; it is used for rates and for figures
// labelled as last known, never as proof.
func (d *deriver) previous(n *node, id readiness.ID) (readiness.Observation, bool) {
	if d.spec.Previous == nil {
		return readiness.Observation{}, false
	}
	return d.spec.Previous(n.Name, id)
}

// node records what concerns one endpoint alone: reachable, version, identity,
// role, clock, privileges.
func (d *deriver) node(n *node) {
	if n.unreached != nil {
		return // said by topology, which knows what it means
	}
	d.add(n, reachableID, readiness.Bool(true))
	d.version(n)
	d.identity(n)
	if d.rejected[n] {
		return
	}
	d.role(n)
	if d.unknown[n] {
		return
	}
	if n.facts.Clock.IsZero() { // a NULL: not a clock two thousand years ago
		d.fail(n, clockSkewID, finding(readiness.ValueInvalid, "%s gave no clock", n.Name))
		return
	}
	skew := n.facts.Clock.Sub(n.at)
	var findings []readiness.Finding
	// The server may have looked at its clock at any moment of the request.
	if skew.Abs()-n.took/2 > readiness.SkewTolerance {
		findings = append(findings, finding(readiness.ClockSkew, "clock of %s differs from the collector's by %s; ages in seconds across hosts are not known", n.Name, skew.Round(100*time.Millisecond)))
	}
	d.add(n, clockSkewID, readiness.Dur(skew), findings...)
	d.privileges(n)
}

func (d *deriver) version(n *node) {
	v := n.facts.Version
	var findings []readiness.Finding
	if v < minVersion || v > maxVersion {
		d.unknown[n] = true
		findings = append(findings, finding(readiness.VersionUnsupported, "%s runs PostgreSQL %s; bcctl knows 12 to 18", n.Name, versionText(v)))
	}
	d.add(n, versionID, readiness.Str(versionText(v)), findings...)
}

func (d *deriver) identity(n *node) {
	id := n.facts.SystemIdentifier
	if id == "" {
		d.rejected[n] = true
		d.fail(n, identityID, finding(readiness.IdentityUnproven, "%s did not tell its system identifier", n.Name))
		return
	}
	var findings []readiness.Finding
	if want := d.spec.Identity["systemIdentifier"]; want != "" && want != id {
		d.rejected[n] = true
		findings = append(findings, finding(readiness.IdentityMismatch, "%s is cluster %s, the resource declares %s", n.Name, id, want))
	}
	for _, other := range d.nodes {
		if other == n || other.facts == nil || other.facts.SystemIdentifier == "" {
			continue
		}
		if id != other.facts.SystemIdentifier && d.spec.Identity["systemIdentifier"] == "" {
			d.rejected[n] = true
			findings = append(findings, finding(readiness.IdentityMismatch, "%s is cluster %s and %s is cluster %s", n.Name, id, other.Name, other.facts.SystemIdentifier))
		}
		if sameServer(n, other) {
			findings = append(findings, finding(readiness.EndpointAliased, "%s and %s answer as one server, started %s", n.Name, other.Name, n.facts.Started.UTC().Format(time.RFC3339)))
		}
	}
	d.add(n, identityID, readiness.Str(id), findings...)
}

// sameServer recognises one node behind two names: same cluster, started in the
// same microsecond. What it says of its own address does not count: that is the
// virtual IP where one was connected to, and nothing behind a local pooler.
func sameServer(a, b *node) bool {
	return a.facts.SystemIdentifier == b.facts.SystemIdentifier && a.facts.Started.Equal(b.facts.Started)
}

func (d *deriver) role(n *node) {
	role := "primary"
	if n.facts.InRecovery {
		role = "standby"
	}
	var findings []readiness.Finding
	if n.inHotStandby != "" && (n.inHotStandby == "on") != n.facts.InRecovery {
		findings = append(findings, finding(readiness.Conflict, "%s says pg_is_in_recovery() = %v and in_hot_standby = %s", n.Name, n.facts.InRecovery, n.inHotStandby))
	}
	d.add(n, roleID, readiness.Str(role), findings...)
}

// privileges detects masking: without pg_monitor the views answer with NULLs
// instead of an error.
func (d *deriver) privileges(n *node) {
	if n.facts.Monitor {
		d.add(n, privilegeID, readiness.Str("pg_monitor"))
		return
	}
	d.fail(n, privilegeID, finding(readiness.InsufficientPrivilege, "the monitoring role on %s lacks pg_monitor: replication views show NULL instead of values; run GRANT pg_monitor TO the role on the primary", n.Name))
}

func names(nodes []*node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
