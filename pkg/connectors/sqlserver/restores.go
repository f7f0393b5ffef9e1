package sqlserver

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// restores judges the copies and says what the far site lacks: everything since
// the newest backup that was restored was taken.
func (d *deriver) restores(wanted []string, copies []*node) {
	best := time.Duration(-1)
	for _, n := range copies {
		var findings []readiness.Finding
		worst, known := time.Duration(0), true
		for _, name := range wanted {
			age, problem := d.restoredAge(n, name)
			if problem != nil {
				findings, known = append(findings, *problem), false
				continue
			}
			worst = max(worst, age)
		}
		d.add(n, stateID, readiness.Str(n.shippedStates(wanted)))
		d.shippedLineage(n, wanted)
		d.copies(n, wanted)
		if d.primary != nil {
			l := &link{from: d.primary, to: n, name: n.Name, source: &replica{}}
			for _, name := range wanted {
				l.pairs = append(l.pairs, pair{name: name})
			}
			d.versions(l)
			d.drift(l)
		}
		if !known {
			d.fail(n, restoreAgeID, findings[0])
			continue
		}
		d.add(n, restoreAgeID, readiness.Dur(worst))
		if n.Site == d.farSite && (best < 0 || worst < best) {
			best = worst
		}
	}
	switch {
	case d.primary == nil:
		d.noExposure(exposureSecondsID, d.whyNoExposure())
	case best < 0:
		d.noExposure(exposureSecondsID, finding(readiness.NoStandbyAtDR, "no copy at site %s tells which backup it has restored last", d.farSite))
	default:
		d.addAt(nil, d.primary.At, exposureSecondsID, readiness.Dur(best))
	}
}

// restoredAge is how long ago the newest backup that was restored was taken, by the
// clock of the instance that took it. Both times are local to that instance.
func (d *deriver) restoredAge(n *node, name string) (time.Duration, *readiness.Finding) {
	because := func(code readiness.Code, format string, args ...any) (time.Duration, *readiness.Finding) {
		f := finding(code, format, args...)
		return 0, &f
	}
	if f, failed := n.failed[restoreAgeID]; failed {
		return 0, &f
	}
	var newest, finished *time.Time
	for _, r := range n.shippedLog.restored {
		if fold(r.Name) == fold(name) && r.Newest != nil && (newest == nil || r.Newest.After(*newest)) {
			newest, finished = r.Newest, r.Finished
		}
	}
	switch {
	case newest == nil:
		return because(readiness.LogRestoreLate, "%s has no record of a backup of %s that was restored", n.Name, name)
	case d.primary == nil:
		return because(readiness.VisPrimary, "the newest backup of %s that %s restored was taken at %s by the primary's clock, which is not seen", name, n.Name, newest.Format("2006-01-02 15:04:05"))
	}
	taken := d.primary.shippedLog.taken[fold(name)]
	if taken.clock == nil {
		return because(readiness.LogBackupLate, "%s remembers no log backup of %s", d.primary.Name, name)
	}
	age := taken.clock.Sub(*newest)
	if age < 0 || finished != nil && finished.After(*taken.clock) {
		return because(readiness.ValueInvalid, "the newest backup of %s that %s restored was taken in the future of %s's clock", name, n.Name, d.primary.Name)
	}
	return age, nil
}

// shippedLineage compares the families of backups: a copy that was restored from
// another database's backups is of another family.
func (d *deriver) shippedLineage(n *node, wanted []string) {
	if d.primary == nil {
		d.fail(n, lineageID, finding(readiness.LineageUnproven, "no primary is seen to compare the history of %s with", n.Name))
		return
	}
	for _, name := range wanted {
		source, _ := d.primary.shipped(name)
		found, same := false, true
		for _, r := range n.shippedLog.restored {
			if fold(r.Name) == fold(name) && r.Family != "" {
				found, same = true, same && r.Family == source.Family
			}
		}
		switch {
		case !found || source.Family == "":
			d.fail(n, lineageID, finding(readiness.LineageUnproven, "whether %s on %s was restored from %s's backups is not known", name, n.Name, d.primary.Name))
			return
		case !same:
			d.add(n, lineageID, readiness.Str("another family"), finding(readiness.Diverged, "%s on %s was restored from backups of another database than the one on %s", name, n.Name, d.primary.Name))
			return
		}
	}
	d.add(n, lineageID, readiness.Str("restored from the primary's backups"))
}

func (d *deriver) copies(n *node, wanted []string) {
	if n.shippedLog.copied == nil {
		return
	}
	worst, found := time.Duration(0), false
	for _, name := range wanted {
		age, ok := n.shippedLog.copied[fold(name)]
		if ok && age < 0 {
			d.fail(n, copyAgeID, finding(readiness.ValueInvalid, "the copy job of %s on %s reports a time in the future of its clock", name, n.Name))
			return
		}
		if ok {
			worst, found = max(worst, age), true
		}
	}
	if found {
		d.add(n, copyAgeID, readiness.Dur(worst))
	}
}
