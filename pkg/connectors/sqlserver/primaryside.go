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

// fullest is the log that is fullest, of the databases of the group.
func (d *deriver) fullest(n *node) (name string, percent int64, ok bool) {
	if n.logUsed == nil {
		return "", 0, false
	}
	for _, s := range d.ownDatabases(n) {
		used, told := n.logUsed[fold(s.Name)]
		if told && used >= 0 && used <= 100 && (!ok || used > percent) {
			name, percent, ok = s.Name, used, true
		}
	}
	return name, percent, ok
}

// pinnedFrom is how full a log is, in percent, before it matters that a replica
// keeps it from being truncated: that is so for a moment on every busy primary.
const pinnedFrom = 50

func (d *deriver) logSpace(n *node, databases []databaseState) {
	if _, percent, ok := d.fullest(n); ok {
		d.add(n, logUsedID, readiness.Num(float64(percent)/100))
	} else if !d.failedReading(n, logUsedID) {
		d.fail(n, logUsedID, finding(readiness.ValueInvalid, "%s does not tell how full its logs are", n.Name))
	}
	group := map[string]bool{}
	for _, s := range databases {
		group[fold(s.Name)] = true
	}
	var waits []string
	var findings []readiness.Finding
	for _, l := range n.local {
		if !group[fold(l.Name)] || l.ReuseWait == "" {
			continue
		}
		waits = append(waits, l.Name+" "+l.ReuseWait)
		used, told := n.logUsed[fold(l.Name)]
		if l.ReuseWait == "AVAILABILITY_REPLICA" && (!told || used >= pinnedFrom || d.stuck(n, l.Name)) {
			findings = append(findings, finding(readiness.LogPinned, "the log of database %s on %s cannot be truncated before a replica has received it", l.Name, n.Name))
		}
	}
	if len(waits) > 0 {
		d.add(n, logWaitID, readiness.Str(some(waits)), findings...)
	}
}

// stuck reports whether some replica receives nothing of a database.
func (d *deriver) stuck(n *node, database string) bool {
	return slices.ContainsFunc(d.links, func(l *link) bool {
		return l.from == n && slices.ContainsFunc(l.pairs, func(p pair) bool { return fold(p.name) == fold(database) && !p.moving() })
	})
}

// logBackups finds for each database the newest log backup that any instance
// remembers: backups may be taken on every replica, and each msdb knows its own.
func (d *deriver) logBackups(databases []databaseState) {
	worst, all := int64(-1), true
	for _, n := range d.nodes {
		all = all && d.member(n) && n.backups != nil
	}
	for _, s := range databases {
		newest := int64(-1)
		for _, n := range d.nodes {
			if age, ok := n.backups[fold(s.Name)]; ok && d.member(n) && age >= 0 && (newest < 0 || age < newest) {
				newest = age
			}
		}
		switch {
		case newest >= 0:
			worst = max(worst, newest)
		case all:
			d.fail(d.primary, logBackupID, finding(readiness.LogBackupLate, "no instance remembers a log backup of database %s within 30 days", s.Name))
			return
		default:
			d.fail(d.primary, logBackupID, finding(readiness.ValueInvalid, "when the log of database %s was backed up is not known: not every instance's msdb could be read", s.Name))
			return
		}
	}
	if worst >= 0 {
		d.add(d.primary, logBackupID, readiness.Num(float64(worst)))
	}
}

// mirroring looks at the endpoint that replicas talk through and its certificate.
func (d *deriver) mirroring(n *node) {
	if d.failedReading(n, mirroringID) {
		return
	}
	if len(n.mirroring) == 0 {
		d.add(n, mirroringID, readiness.Str("none"), finding(readiness.MirroringEndpointDown, "%s has no database mirroring endpoint", n.Name))
		return
	}
	e := n.mirroring[0] // there can be one
	var findings []readiness.Finding
	if e.State != "STARTED" {
		findings = append(findings, finding(readiness.MirroringEndpointDown, "endpoint %s of %s is %s", e.Name, n.Name, cmp.Or(e.State, "in a state that is not told")))
	}
	d.add(n, mirroringID, readiness.Str(strings.TrimSpace(e.Name+" "+e.State)), findings...)
	if e.Certificate != "" && e.MinutesLeft != nil {
		var expired []readiness.Finding
		if *e.MinutesLeft <= 0 {
			expired = append(expired, finding(readiness.CertExpiry, "certificate %s of %s's endpoint has expired: a connection that is lost cannot be made again", e.Certificate, n.Name))
		}
		d.add(n, certificateID, readiness.Num(float64(*e.MinutesLeft)*60), expired...)
	}
}

// seedings looks at copies that were being made automatically. In a group whose
// database was restored by hand a failed run can be left over, so it counts only
// where the database is missing.
func (d *deriver) seedings(l *link) {
	if l.from == nil || l.row == nil || l.from.seeding == nil {
		return
	}
	latest := map[string]seedingRun{}
	for _, run := range l.from.seeding {
		if run.Replica != l.row.ID {
			continue
		}
		if last, ok := latest[run.Database]; !ok || later(run, last) {
			latest[run.Database] = run
		}
	}
	var findings []readiness.Finding
	for _, p := range l.pairs {
		if run, ok := latest[p.id]; ok && run.State == "FAILED" && !p.moving() {
			findings = append(findings, finding(readiness.SeedingFailed, "seeding of database %s to %s failed: %s", p.name, l.name, cmp.Or(run.Failure, "no reason is told")))
		}
	}
	if len(latest) > 0 {
		d.addAt(l.to, d.told(l), seedingID, readiness.Str(count(int64(len(findings)))+" failed"), findings...)
	}
}

func later(a, b seedingRun) bool {
	return b.Started == nil || a.Started != nil && a.Started.After(*b.Started)
}
