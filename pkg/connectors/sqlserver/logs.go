package sqlserver

import (
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
)

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
