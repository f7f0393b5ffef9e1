package postgres

import (
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// primarySide records what a primary says of itself.
func (d *deriver) primarySide(n *node) {
	if n.position != nil {
		d.addAt(n, n.position.at, positionID, readiness.Num(float64(n.position.Flush)))
		d.add(n, timelineID, readiness.Num(float64(n.position.Timeline)))
	} else {
		d.failedReading(n, positionID)
	}
	d.failedReading(n, lagBytesID)
	d.synchronous(n)
	d.writable(n)
	d.slotStates(n)
	d.archive(n)
	d.rewind(n)
	d.collation(n)
	d.settingsList(n)
}

// synchronous: with fewer standbys than asked for, every commit waits for ever.
func (d *deriver) synchronous(n *node) {
	if n.settings == nil {
		return
	}
	want := n.settings["synchronous_standby_names"]
	var findings []readiness.Finding
	if want != "" && n.facts.Monitor && n.failed[lagBytesID].Code == "" {
		rule, ok := parseSynchronous(want)
		there := 0
		for i := range n.senders {
			if s := n.senders[i].SyncState; s != nil && (*s == "sync" || *s == "quorum") {
				there++
			}
		}
		switch {
		case !ok:
			findings = append(findings, finding(readiness.ValueInvalid, "synchronous_standby_names on %s cannot be read: %q", n.Name, want))
		case there < rule.count:
			message := "synchronous_standby_names is %q on %s, which asks for %d and has %d"
			if n.syncWaiting != nil && *n.syncWaiting > 0 {
				message += "; commits are waiting"
			}
			findings = append(findings, finding(readiness.SyncStandbyMissing, message, want, n.Name, rule.count, there))
		}
	}
	d.add(n, syncID, readiness.Str(want), findings...)
}

// writable: a primary that starts transactions read-only is fenced, on purpose or
// by something left behind.
func (d *deriver) writable(n *node) {
	if n.settings == nil {
		d.failedReading(n, settingsListID)
		return
	}
	d.add(n, settingsID, readiness.Str("primary"), readOnly(n, readiness.PrimaryReadOnly, "it refuses writes of those who do not ask otherwise")...)
}

// kind words a slot: a logical one has no standby, but keeps WAL all the same.
func (s slot) kind() string {
	if s.Type == "logical" {
		return "logical slot"
	}
	return "slot"
}

// slotStates records slots: what they may lose and what they keep.
func (d *deriver) slotStates(n *node) {
	if d.failedReading(n, slotsID) {
		return
	}
	worst, findings := "none", []readiness.Finding(nil)
	var safe *int64
	retained := int64(-1)
	for _, s := range n.slots {
		if s.Temporary {
			continue
		}
		if worst == "none" {
			worst = "good"
		}
		status := ""
		if s.WALStatus != nil {
			status = *s.WALStatus
		}
		switch {
		case status == "lost":
			worst = "lost"
			findings = append(findings, finding(readiness.SlotLost, "%s %q on %s has lost WAL its reader still needs", s.kind(), s.Name, n.Name))
			continue
		case status == "unreserved":
			worst = "at risk"
			findings = append(findings, finding(readiness.SlotAtRisk, "%s %q on %s is unreserved: its WAL goes at the next checkpoint", s.kind(), s.Name, n.Name))
		case !s.Active && s.Restart != nil:
			if worst == "good" {
				worst = "inactive"
			}
			findings = append(findings, finding(readiness.SlotInactive, "%s %q on %s has no reader", s.kind(), s.Name, n.Name))
		}
		if s.SafeSize != nil && (safe == nil || *s.SafeSize < *safe) {
			safe = s.SafeSize
		}
		if !s.Active && s.Restart != nil && n.position != nil {
			retained = max(retained, n.newest().Flush.minus(*s.Restart))
		}
	}
	d.add(n, slotsID, readiness.Str(worst), findings...)
	if safe != nil {
		d.add(n, slotSafeID, readiness.Num(float64(*safe)))
	}
	if retained >= 0 {
		d.add(n, slotRetainedID, readiness.Num(float64(retained)))
	}
}

func (d *deriver) archive(n *node) {
	if d.failedReading(n, archiveID) || n.archiver == nil {
		return
	}
	mode := n.settings["archive_mode"]
	if mode == "" || mode == "off" {
		d.add(n, archiveID, readiness.Str("off"))
		return
	}
	switch {
	case n.archiver.failing():
		file := ""
		if n.archiver.FailedFile != nil {
			file = " (" + *n.archiver.FailedFile + ")"
		}
		d.add(n, archiveID, readiness.Str("failing"), finding(readiness.ArchiveFailing, "the newest attempt to archive on %s failed%s; %d failures in all", n.Name, file, n.archiver.Failed))
	case n.archiveStalled():
		d.add(n, archiveID, readiness.Str("standing still"), finding(readiness.ArchiveFailing, "%d WAL files wait on %s and none was archived since %s", *n.archiveReady, n.Name, sinceWhen(n.archiver.LastArchived)))
	case n.archiver.LastArchived == nil:
		d.add(n, archiveID, readiness.Str("nothing archived yet"))
	default:
		d.add(n, archiveID, readiness.Str("working"))
	}
	if n.archiveReady != nil {
		d.add(n, archiveReadyID, readiness.Num(float64(*n.archiveReady)))
	} else {
		d.failedReading(n, archiveReadyID)
	}
}

// rewind: without hints or checksums, or without full page writes, pg_rewind
// refuses and the way back is a new base backup.
func (d *deriver) rewind(n *node) {
	if n.settings == nil {
		return
	}
	hints := n.settings.on("wal_log_hints") || n.settings.on("data_checksums")
	pages := n.settings.on("full_page_writes")
	if hints && pages {
		d.add(n, rewindID, readiness.Str("possible"))
		return
	}
	d.add(n, rewindID, readiness.Str("impossible"), finding(readiness.RewindImpossible,
		"%s has wal_log_hints = %s, data_checksums = %s, full_page_writes = %s", n.Name, n.settings["wal_log_hints"], n.settings["data_checksums"], n.settings["full_page_writes"]))
}

func (d *deriver) collation(n *node) {
	if d.failedReading(n, collationID) || n.facts.Version < 150000 {
		return
	}
	if len(n.collations) == 0 {
		d.add(n, collationID, readiness.Str("same"))
		return
	}
	d.add(n, collationID, readiness.Str(strings.Join(n.collations, ", ")), finding(readiness.CollationMismatch, "databases %s on %s", strings.Join(n.collations, ", "), n.Name))
}

// Files that wait this many and this long are not on their way: a command that
// hangs or is empty never fails.
const (
	archiveWaiting = 3
	archiveWait    = 5 * time.Minute
)

func (n *node) archiveStalled() bool {
	if n.archiveReady == nil || *n.archiveReady < archiveWaiting {
		return false
	}
	last := n.facts.Started
	if n.archiver.LastArchived != nil {
		last = *n.archiver.LastArchived
	}
	return n.facts.Clock.Sub(last) > archiveWait
}

func sinceWhen(t *time.Time) string {
	if t == nil {
		return "the server started"
	}
	return t.UTC().Format(time.RFC3339)
}
