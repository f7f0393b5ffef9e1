package sqlserver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// States of synchronization. (sys.dm_hadr_database_replica_states)
const (
	synchronized     = "SYNCHRONIZED"
	synchronizing    = "SYNCHRONIZING"
	notSynchronizing = "NOT SYNCHRONIZING"
	reverting        = "REVERTING"
	initializing     = "INITIALIZING"
)

// replicaSide records what both ends say of a replica.
func (d *deriver) replicaSide(l *link) {
	d.connection(l)
	d.mode(l)
	d.states(l)
	d.seedings(l)
	if !d.member(l.to) {
		return
	}
	d.lineage(l)
	d.queues(l)
	d.versions(l)
	if l.from != nil {
		d.drift(l)
	}
}

func (d *deriver) connection(l *link) {
	var told []string
	var findings []readiness.Finding
	if l.row != nil && l.row.Connected != "" {
		told = append(told, "primary: "+l.row.Connected)
		if l.row.Connected != "CONNECTED" {
			findings = append(findings, finding(readiness.ReplicaDisconnected, "%s has no connection to %s%s; its log grows until it is back or removed", l.from.Name, l.name, d.fullness(l.from)))
		}
	}
	if l.own != nil && l.own.Connected != "" && d.roles[l.to] != resolvingRole {
		told = append(told, "replica: "+l.own.Connected)
		if l.own.Connected != "CONNECTED" && len(findings) == 0 {
			findings = append(findings, finding(readiness.ReplicaDisconnected, "%s is not connected to its primary", l.to.Name))
		}
	}
	findings = append(findings, d.contradictions(l)...)
	if len(told) == 0 {
		d.fail(l.to, connectionID, finding(readiness.ValueInvalid, "whether %s is connected is not told", l.name))
		return
	}
	d.addAt(l.to, d.told(l), connectionID, readiness.Str(strings.Join(told, ", ")), findings...)
}

// contradictions: both ends were read, and do not say the same of who follows whom.
// In a distributed group each end tells of its own side.
func (d *deriver) contradictions(l *link) []readiness.Finding {
	if l.from == nil || l.row == nil || l.own == nil || l.across || d.roles[l.to] != secondaryRole {
		return nil
	}
	var findings []readiness.Finding
	if l.row.Role != "" && l.row.Role != "SECONDARY" {
		findings = append(findings, finding(readiness.Conflict, "%s shows %s as %s, which itself says that it is SECONDARY", l.from.Name, l.name, l.row.Role))
	}
	if l.own.Primary != "" && fold(l.own.Primary) != fold(l.from.facts.ServerName) {
		findings = append(findings, finding(readiness.Conflict, "%s has %s as its primary, and %s is primary", l.to.Name, l.own.Primary, l.from.Name))
	}
	return findings
}

// fullness says how full the fullest log is, where it is known.
func (d *deriver) fullness(n *node) string {
	name, percent, ok := d.fullest(n)
	if !ok {
		return ", how full its logs are is not known"
	}
	return fmt.Sprintf(", whose log of %s is %d %% full", name, percent)
}

func (d *deriver) mode(l *link) {
	r := l.row
	if r == nil {
		r = l.own
	}
	if r == nil {
		return
	}
	if r.Mode == "" {
		d.fail(l.to, modeID, finding(readiness.ValueInvalid, "whether commits wait for %s is not told", l.name))
		return
	}
	text := r.Mode
	if r.Failover != "" {
		text += ", failover " + r.Failover
	}
	if r.Basic {
		text += ", basic group"
	}
	d.addAt(l.to, d.told(l), modeID, readiness.Str(text), d.unmeant(l)...)
}

// unmeant compares the mode of a replica at the far site with what the resource says
// is meant. An asynchronous replica is one that may lack something at any time,
// whatever the server calls it; a person has to have said so.
func (d *deriver) unmeant(l *link) []readiness.Finding {
	if l.row == nil || l.from != d.primary || l.to.Site != d.farSite || l.synchronous() || d.spec.Options[commitOption] == "asynchronous" {
		return nil
	}
	return []readiness.Finding{finding(readiness.NotFailoverReady, "%s is asynchronous: a failover to it may lose what it lacks at that moment; if that is meant, say commit: asynchronous in connection.options", l.name)}
}

// states judges every database of a replica. The value is the worst state.
func (d *deriver) states(l *link) {
	if d.member(l.to) && l.from == nil && d.failedReading(l.to, stateID) {
		return
	}
	if f, failed := d.linkFailed(l); failed {
		d.fail(l.to, stateID, f)
		return
	}
	var findings []readiness.Finding
	var each []string
	for _, p := range l.pairs {
		findings = append(findings, d.pairFindings(l, p)...)
		each = append(each, p.name+" "+p.state())
	}
	if len(l.pairs) == 0 {
		d.fail(l.to, stateID, finding(readiness.IndicatorMissing, "no database of the group is known on %s", l.name))
		return
	}
	d.addAt(l.to, d.told(l), stateID, readiness.Str(some(each)), findings...)
}

// told is when something was true that the other end told of a replica which was
// not reached itself.
func (d *deriver) told(l *link) time.Time {
	if l.from != nil && !d.member(l.to) {
		return l.from.At
	}
	return time.Time{}
}

func (d *deriver) linkFailed(l *link) (readiness.Finding, bool) {
	if l.from == nil {
		return readiness.Finding{}, false
	}
	f, failed := l.from.failed[stateID]
	return f, failed
}

// rows are what both ends say of the replica's database.
func (p pair) rows() []*databaseState {
	return slices.DeleteFunc([]*databaseState{p.remote, p.own, p.local}, func(s *databaseState) bool { return s == nil })
}

// state is the worst that either end says.
func (p pair) state() string {
	rank := []string{reverting, initializing, notSynchronizing, "", synchronizing, synchronized}
	worst := synchronized
	rows := p.rows()
	if len(rows) == 0 {
		return "not told"
	}
	for _, s := range rows {
		if at := slices.Index(rank, s.State); at < slices.Index(rank, worst) {
			worst = s.State
			if at < 0 {
				return s.State // a state that is not documented
			}
		}
	}
	if worst == "" {
		return "not told"
	}
	return worst
}

func (p pair) suspended() (reason string, yes bool) {
	for _, s := range append(p.rows(), p.source) {
		if s != nil && isSet(s.Suspended) {
			reason, yes = s.Reason, true
			if reason != "" {
				return reason, true
			}
		}
	}
	return reason, yes
}

// moving reports whether log gets there.
func (p pair) moving() bool { return p.trouble(&link{}) == nil }

func (d *deriver) pairFindings(l *link, p pair) []readiness.Finding {
	var findings []readiness.Finding
	say := func(code readiness.Code, format string, args ...any) {
		findings = append(findings, finding(code, "database "+p.name+" on "+l.name+" "+format, args...))
	}
	if p.absent() {
		say(readiness.DatabaseNotJoined, "is not joined: a failover would leave it behind")
		return findings
	}
	if reason, yes := p.suspended(); yes {
		if reason == "" {
			reason = "a reason that is not told"
		}
		say(readiness.DatabaseSuspended, "is suspended (%s): its figures mean nothing%s", reason, p.discards())
	}
	switch state := p.state(); state {
	case reverting, initializing:
		say(readiness.DatabaseReverting, "is %s: a failover forced now would leave it unable to start", state)
	case notSynchronizing:
		say(readiness.NotSynchronizing, "is NOT SYNCHRONIZING: its figures mean nothing")
	case synchronizing:
		switch {
		case l.synchronous():
			say(readiness.SynchronizationLost, "is configured to be synchronous and only SYNCHRONIZING: commits do not wait for it, and a failover would lose what it lacks")
		case l.row != nil && l.row.synchronous() && !l.across:
			say(readiness.SynchronizationLost, "is configured to be synchronous, and %s is not: commits do not wait for it", l.from.Name)
		}
	case synchronized:
		if p.remote != nil && !isSet(p.remote.Ready) && l.synchronous() && !l.across {
			say(readiness.NotFailoverReady, "is SYNCHRONIZED, and the cluster does not have it as ready for a failover")
		}
	default:
		say(readiness.ValueInvalid, "is in a state that is %s", state)
	}
	for _, s := range p.rows() {
		switch s.DatabaseState {
		case "", "ONLINE", "RECOVERING":
		default:
			say(readiness.DatabaseNotOnline, "is %s", s.DatabaseState)
		}
	}
	if l.to != nil && d.member(l.to) {
		if s, there := l.to.forks()[p.id]; there && (s.State == "SUSPECT" || s.State == "EMERGENCY" || s.State == "OFFLINE" || s.State == "RECOVERY_PENDING") && (p.own == nil || p.own.DatabaseState != s.State) {
			say(readiness.DatabaseNotOnline, "is %s in the catalog of the instance", s.State)
		}
	}
	if f := d.untold(l, p); f != nil {
		findings = append(findings, *f)
	}
	if p.moving() {
		if s := p.worstRedo(); s == nil {
			say(readiness.ValueInvalid, "does not tell how much it has to redo")
		}
	}
	return findings
}

// untold says what a replica that was reached does not tell of a database of its
// own: what its primary says of it is what the primary heard last.
func (d *deriver) untold(l *link, p pair) *readiness.Finding {
	if l.to == nil || !d.member(l.to) {
		return nil
	}
	if _, failed := l.to.failed[stateID]; failed {
		return nil // said of the reading
	}
	what := ""
	switch {
	case p.own == nil:
		what = "itself shows nothing of database " + p.name + ", which its primary says it has"
	case p.own.DatabaseState == "" && (p.local == nil || p.local.DatabaseState == ""):
		what = "does not tell the state of database " + p.name
	case !slices.ContainsFunc(p.rows(), func(s *databaseState) bool { return s.Suspended != nil }):
		what = "does not tell whether database " + p.name + " is suspended, nor does its primary"
	default:
		return nil
	}
	f := finding(readiness.ValueInvalid, "%s %s", l.to.Name, what)
	return &f
}

// absent reports whether somebody says that the replica does not have the database,
// and nobody that it does.
func (p pair) absent() bool {
	if p.joined != nil && !*p.joined {
		return true
	}
	for _, s := range p.rows() {
		if s.Joined != nil && !*s.Joined {
			return true
		}
	}
	return len(p.rows()) == 0
}

// discards says what resuming a former primary would throw away: the primary's
// recovery_lsn for it is below what it has hardened. (sys.dm_hadr_database_replica_states)
func (p pair) discards() string {
	if p.remote == nil {
		return ""
	}
	hardened := p.remote.Hardened
	if p.own != nil && p.own.Hardened != "" {
		hardened = p.own.Hardened
	}
	order, ok := compareLSN(p.remote.Recovery, hardened)
	if ok && order < 0 {
		return "; it holds log that resuming it would discard"
	}
	return ""
}
