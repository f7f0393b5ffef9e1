package sqlserver

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// primarySide records what only the primary of a group tells: its own databases,
// which of them are there, and what waits for its replicas. In a distributed group
// the forwarder is one too.
func (d *deriver) primarySide(n *node) {
	own := d.ownDatabases(n)
	d.primaryStates(n, own)
	if n != d.primary {
		return
	}
	d.membership(n, own)
	d.commit(n)
	d.listener(n)
	d.logSpace(n, own)
	d.logBackups(own)
}

// ownDatabases are the databases of the instance's own group.
func (d *deriver) ownDatabases(n *node) []databaseState {
	group := d.places[n].own.Group
	return slices.DeleteFunc(slices.Clone(n.databases), func(s databaseState) bool { return s.Group != group || !isSet(s.Local) })
}

// primaryStates judges the primary's own databases: a group can have a primary
// while one of its databases does not serve.
func (d *deriver) primaryStates(n *node, databases []databaseState) {
	if d.roles[n] != primaryRole || d.failedReading(n, stateID) {
		return
	}
	if len(databases) == 0 {
		d.fail(n, stateID, finding(readiness.IndicatorMissing, "%s tells of no database in group %s", n.Name, d.groupName()))
		return
	}
	var findings []readiness.Finding
	var each []string
	for _, s := range databases {
		switch s.DatabaseState {
		case "ONLINE":
		case "":
			findings = append(findings, finding(readiness.ValueInvalid, "the state of database %s on the primary %s is not told", s.Name, n.Name))
		default:
			findings = append(findings, finding(readiness.DatabaseNotOnline, "database %s on the primary %s is %s", s.Name, n.Name, s.DatabaseState))
		}
		if isSet(s.Suspended) {
			findings = append(findings, finding(readiness.DatabaseSuspended, "database %s is suspended on the primary %s (%s): nothing of it is sent to anybody", s.Name, n.Name, s.Reason))
		} else if s.State == notSynchronizing {
			findings = append(findings, finding(readiness.NotSynchronizing, "database %s on the primary %s does not send its log", s.Name, n.Name))
		}
		each = append(each, s.Name+" "+cmp.Or(s.DatabaseState, "not told"))
	}
	if r := d.places[n].own.PrimaryRecovery; r != "" && r != "ONLINE" {
		findings = append(findings, finding(readiness.DatabaseNotOnline, "%s is still bringing the databases of %s up (%s)", n.Name, d.groupName(), r))
	}
	d.add(n, stateID, readiness.Str(some(each)), findings...)
}

// membership compares the databases of the group with those that must be there.
func (d *deriver) membership(n *node, databases []databaseState) {
	if d.failedReading(n, listedID) {
		return
	}
	there := map[string]bool{}
	var each []string
	for _, s := range databases {
		there[fold(s.Name)] = true
		each = append(each, s.Name)
	}
	for _, j := range n.joined { // the group's list, which may hold more than has a state
		if j.Replica == d.places[n].own.ID && !there[fold(j.Name)] && j.Name != "" {
			there[fold(j.Name)] = isSet(j.Joined)
			each = append(each, j.Name)
		}
	}
	var missing []string
	for _, name := range endpoint.SplitList(d.spec.Options[databasesOption]) {
		if !there[fold(name)] {
			missing = append(missing, name)
		}
	}
	var findings []readiness.Finding
	if len(missing) > 0 {
		findings = append(findings, finding(readiness.DatabaseUnprotected, "%s must be in group %s and is not: nothing of it gets to the other side", some(missing), d.groupName()))
	}
	d.add(n, listedID, readiness.Str(some(each)), findings...)
}

// commit compares how many synchronous secondaries a commit waits for with how many
// there are, now and after a failover to the other site. (CREATE AVAILABILITY
// GROUP, REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT)
func (d *deriver) commit(n *node) {
	required := d.places[n].own.Required
	if required == nil {
		return // before 2017 there is no such setting
	}
	now, afterwards, failover := int64(0), int64(-1), ""
	for _, l := range d.links {
		if l.from != n || l.across || l.row == nil || !l.row.synchronous() {
			continue
		}
		far := l.to != nil && l.to.Site == d.farSite
		if far {
			afterwards++ // the one that takes over does not wait for itself
			failover = l.name
		}
		if l.synchronous() && l.row.Connected == "CONNECTED" && !slices.ContainsFunc(l.pairs, func(p pair) bool { return p.state() != synchronized }) {
			now++
		}
	}
	var findings []readiness.Finding
	if now < *required {
		findings = append(findings, finding(readiness.SyncStandbyMissing, "commits on %s wait for %d synchronous secondaries and %d keep up: they wait or fail", n.Name, *required, now))
	} else if *required > 0 && failover != "" && afterwards < *required {
		findings = append(findings, finding(readiness.SyncStandbyMissing, "after a failover to %s with the loss of this site commits would wait for %d synchronous secondaries, of which %d are left", failover, *required, max(afterwards, 0)))
	}
	d.add(n, commitID, readiness.Str(count(*required)+" required, "+count(now)+" keep up"), findings...)
}

// listener looks at the addresses that clients use. In several subnets one of them
// is online and the others are not. Only a Windows cluster keeps their state.
func (d *deriver) listener(n *node) {
	if d.failedReading(n, listenerID) {
		return
	}
	own := d.places[n].own
	online, addresses := map[string]bool{}, []string{}
	for _, a := range n.listeners {
		if a.Group != own.Group {
			continue
		}
		online[a.DNS] = online[a.DNS] || a.State == "ONLINE"
		addresses = append(addresses, strings.TrimSpace(a.DNS+" "+a.Address+" "+a.State))
	}
	if len(addresses) == 0 {
		d.add(n, listenerID, readiness.Str("none"))
		return
	}
	var findings []readiness.Finding
	for _, dns := range slices.Sorted(maps.Keys(online)) {
		if !online[dns] && own.windows() {
			findings = append(findings, finding(readiness.ListenerDown, "no address of listener %s is online", dns))
		}
	}
	d.add(n, listenerID, readiness.Str(some(addresses)), findings...)
}
