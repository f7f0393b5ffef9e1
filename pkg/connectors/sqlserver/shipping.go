package sqlserver

import (
	"fmt"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// shippedSQL is every database with its state and the family of its backups, which
// a copy shares with its source. (sys.databases; sys.database_recovery_status)
const shippedSQL = `SELECT d.name AS database_name, d.state_desc, d.is_in_standby, d.is_read_only, CONVERT(nvarchar(36), r.family_guid) AS family
FROM sys.databases AS d LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
WHERE d.database_id > 4`

// takenSQL is the log backups that were taken here, as the newest of each database,
// with the local time of this instance: the times in msdb have no zone.
// (backupset)
const takenSQL = `SELECT b.database_name, MAX(b.backup_finish_date) AS newest, SYSDATETIME() AS local_clock
FROM msdb.dbo.backupset AS b WHERE b.type = 'L' AND b.is_copy_only = 0 AND b.backup_finish_date > DATEADD(day, -30, SYSDATETIME()) GROUP BY b.database_name`

// restoredSQL is what was restored here last, by the time at which that backup was
// begun on its source: the time of the restore says nothing about the data, and a
// backup holds the log of up to some moment while it was made. Only the last restore
// counts: the history also holds those of before the copy was made anew from an
// older backup, or from that of another database. The engine writes it; the monitor
// tables hold what jobs reported. (restorehistory; backupset)
const restoredSQL = `SELECT h.destination_database_name AS database_name, b.backup_start_date AS newest, b.backup_finish_date AS finished, CONVERT(nvarchar(36), b.family_guid) AS family
FROM msdb.dbo.restorehistory AS h
JOIN (SELECT MAX(restore_history_id) AS last_id FROM msdb.dbo.restorehistory WHERE restore_type IN ('D', 'I', 'L') GROUP BY destination_database_name) AS r ON r.last_id = h.restore_history_id
JOIN msdb.dbo.backupset AS b ON b.backup_set_id = h.backup_set_id`

// copiedSQL is what the copy job reported. (log_shipping_monitor_secondary)
const copiedSQL = `SELECT s.secondary_database AS database_name, s.last_copied_date_utc, s.last_restored_date_utc, SYSUTCDATETIME() AS utc_clock
FROM msdb.dbo.log_shipping_monitor_secondary AS s`

// shipping is what one instance knows of log shipping.
type shipping struct {
	databases []shippedDatabase
	taken     map[string]backupTime
	restored  []restoredBackup
	copied    map[string]time.Duration // since the last copy
}

type shippedDatabase struct {
	Name, State, Family string
	Standby, ReadOnly   *bool
}

// writable reports whether the database accepts writes.
func (s shippedDatabase) writable() bool {
	return s.State == "ONLINE" && !isSet(s.Standby) && !isSet(s.ReadOnly)
}

// restoring reports whether more log can be restored into it.
func (s shippedDatabase) restoring() bool { return s.State == "RESTORING" || isSet(s.Standby) }

type backupTime struct {
	newest, clock *time.Time // local to the instance
}

type restoredBackup struct {
	Name, Family string
	Newest       *time.Time // when it was begun, local to the source
	Finished     *time.Time // likewise
}

func (c *Connector) shippingReadings(n *node) []reading {
	s := &n.shippedLog
	return append(n.outside.readings(), []reading{
		list(stateID, shippedSQL, &s.databases, func(r row) shippedDatabase {
			return shippedDatabase{r.text("database_name"), r.text("state_desc"), r.id("family"), r.flag("is_in_standby"), r.flag("is_read_only")}
		}),
		{logBackupID, takenSQL, func(rows []row) {
			s.taken = map[string]backupTime{}
			for _, r := range rows {
				s.taken[fold(r.text("database_name"))] = backupTime{r.time("newest"), r.time("local_clock")}
			}
		}},
		list(restoreAgeID, restoredSQL, &s.restored, func(r row) restoredBackup {
			b := restoredBackup{r.text("database_name"), r.id("family"), r.time("newest"), r.time("finished")}
			if b.Finished == nil {
				b.Newest = nil // a backup without an end is none
			}
			return b
		}),
		{copyAgeID, copiedSQL, func(rows []row) {
			s.copied = map[string]time.Duration{}
			for _, r := range rows {
				if at, now := r.time("last_copied_date_utc"), r.time("utc_clock"); at != nil && now != nil {
					s.copied[fold(r.text("database_name"))] = now.Sub(*at)
				}
			}
		}},
	}...)
}

// shipping judges a pair of instances with log shipping: the unit of role is the
// database, and the resource is as bad as the worst of them.
func (d *deriver) shipping() {
	wanted := endpoint.SplitList(d.spec.Options[databasesOption])
	var unseen, writers, copies []*node
	var findings []readiness.Finding
	for _, n := range d.nodes {
		switch {
		case n.unreached != nil:
			unseen = append(unseen, n)
			d.unseenNode(n)
		case !d.member(n):
		case n.holds(wanted, shippedDatabase.writable):
			writers = append(writers, n)
			d.add(n, roleID, readiness.Str(string(primaryRole)))
		case n.holds(wanted, shippedDatabase.restoring):
			copies = append(copies, n)
			d.add(n, roleID, readiness.Str(string(secondaryRole)))
		default:
			if !d.failedReading(n, stateID) {
				d.add(n, roleID, readiness.Str("mixed"), finding(readiness.SwitchIncomplete, "%s has %s neither all open for writing nor all being restored: %s", n.Name, some(wanted), n.shippedStates(wanted)))
			}
		}
	}
	switch {
	case len(writers) > 1:
		findings = append(findings, finding(readiness.TwoWriters, "%s all accept writes to %s", names(writers), some(wanted)))
	case len(writers) == 1:
		d.primary = writers[0]
		d.farSite = observe.FarSite(d.spec.Home, d.primary.Site)
		if d.primary.Site != d.spec.Home.Primary {
			findings = append(findings, finding(readiness.PrimaryNotHome, "%s at site %s is primary; home is %s", d.primary.Name, d.primary.Site, d.spec.Home.Primary))
		}
		for _, n := range unseen {
			findings = append(findings, finding(readiness.WriterUnproven, "%s cannot be seen while %s is primary, and nothing but itself tells whether its copy was opened", n.Name, d.primary.Name))
		}
	case len(unseen) == 0:
		findings = append(findings, finding(readiness.NoPrimary, "no instance that was reached accepts writes to %s", some(wanted)))
	case len(copies) == 0:
		findings = append(findings, finding(readiness.VisBoth, "no instance of this resource could be judged"))
	default:
		findings = append(findings, finding(readiness.WriterUnproven, "%s cannot be seen, and nothing on the other side tells whether it is alive; what was not restored would be lost", names(unseen)))
	}
	d.add(nil, topologyID, readiness.Str(d.describeShipping(writers, copies, unseen)), findings...)
	for _, n := range writers {
		d.add(n, stateID, readiness.Str(n.shippedStates(wanted)))
		d.add(n, listedID, readiness.Str(some(wanted)))
	}
	d.restores(wanted, copies)
	d.shippedBackups(wanted)
}

// shippedBackups is how old the newest log backup on the primary is.
func (d *deriver) shippedBackups(wanted []string) {
	if d.primary == nil || d.failedReading(d.primary, logBackupID) {
		return
	}
	worst := time.Duration(0)
	for _, name := range wanted {
		taken := d.primary.shippedLog.taken[fold(name)]
		if taken.newest == nil || taken.clock == nil {
			d.fail(d.primary, logBackupID, finding(readiness.LogBackupLate, "%s remembers no log backup of %s", d.primary.Name, name))
			return
		}
		age := taken.clock.Sub(*taken.newest)
		if age < 0 {
			d.fail(d.primary, logBackupID, finding(readiness.ValueInvalid, "the newest log backup of %s was taken in the future of %s's clock", name, d.primary.Name))
			return
		}
		worst = max(worst, age)
	}
	d.add(d.primary, logBackupID, readiness.Dur(worst))
}

func (d *deriver) describeShipping(writers, copies, unseen []*node) string {
	return fmt.Sprintf("log shipping: primary %s; secondary %s; not seen %s", orNone(writers), orNone(copies), orNone(unseen))
}

func orNone(nodes []*node) string {
	if len(nodes) == 0 {
		return "none"
	}
	return names(nodes)
}

func (n *node) shipped(name string) (shippedDatabase, bool) {
	for _, s := range n.shippedLog.databases {
		if fold(s.Name) == fold(name) {
			return s, true
		}
	}
	return shippedDatabase{}, false
}

// holds reports whether all of the databases are in a state.
func (n *node) holds(wanted []string, state func(shippedDatabase) bool) bool {
	for _, name := range wanted {
		if s, ok := n.shipped(name); !ok || !state(s) {
			return false
		}
	}
	return len(wanted) > 0
}

func (n *node) shippedStates(wanted []string) string {
	var each []string
	for _, name := range wanted {
		switch s, ok := n.shipped(name); {
		case !ok:
			each = append(each, name+" is not there")
		case isSet(s.Standby):
			each = append(each, name+" STANDBY")
		default:
			each = append(each, name+" "+s.State)
		}
	}
	return some(each)
}
