package sqlserver

import (
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// lineage compares the recovery forks of each database: what a system identifier
// with its timeline is elsewhere. (sys.database_recovery_status)
func (d *deriver) lineage(l *link) {
	if l.from == nil {
		d.fail(l.to, lineageID, finding(readiness.LineageUnproven, "no primary is seen to compare the history of %s with", l.to.Name))
		return
	}
	theirs := l.to.forks()
	var findings []readiness.Finding
	same, following := 0, 0
	var untold []string
	for _, p := range l.pairs {
		other := theirs[p.id]
		if other.Fork == "" {
			other = byName(l.to.local, p.name)
		}
		switch {
		case p.fork != "" && other.Fork != "" && p.fork == other.Fork:
			same++
		case p.fork != "" && other.Fork != "":
			findings = append(findings, forkFinding(l, p, other))
		case p.moving() && l.row.Connected == "CONNECTED":
			following++ // the engine compares histories before it sends log
		default:
			untold = append(untold, p.name)
		}
	}
	switch {
	case len(findings) > 0:
		d.add(l.to, lineageID, readiness.Str("diverged"), findings...)
	case len(untold) > 0 || len(l.pairs) == 0:
		why := "neither its recovery fork nor a connection tells"
		if f, failed := l.to.failed[lineageID]; failed {
			why = f.Message
		}
		d.fail(l.to, lineageID, finding(readiness.LineageUnproven, "whether %s on %s is of %s's history is not proved: %s", some(untold), l.to.Name, l.from.Name, why))
	default:
		d.add(l.to, lineageID, readiness.Str(fmt.Sprintf("%d on the primary's recovery fork, %d receiving its log", same, following)))
	}
}

func byName(list []localDatabase, name string) localDatabase {
	for _, l := range list {
		if fold(l.Name) == fold(name) {
			return l
		}
	}
	return localDatabase{}
}

// versions compares the major versions. A failover to a higher one upgrades the
// databases, and there is no way back.
func (d *deriver) versions(l *link) {
	if l.from == nil || l.from.facts.Major == l.to.facts.Major {
		return
	}
	d.blame(l.to, versionID, finding(readiness.VersionMismatch, "%s runs version %d and %s version %d: a failover to a higher one upgrades the databases for good", l.from.Name, l.from.facts.Major, l.to.Name, l.to.facts.Major))
}
