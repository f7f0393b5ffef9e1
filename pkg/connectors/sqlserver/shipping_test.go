package sqlserver

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// shippedPair is log shipping of which nothing is wrong: backups every ten minutes
// and an objective of one minute would not fit, so its newest is fresh.
func shippedPair() *recording {
	r := &recording{now: recordedAt, previous: map[readiness.Key]readiness.Observation{}}
	r.spec = connectors.Spec{Target: "claims", Home: connectors.Home{Primary: "fra", DR: "ams"}, Options: map[string]string{"form": "log-shipping", "databases": "orders, ledger"}}
	r.a, r.b = newNode("sql-a", "fra", 15), newNode("sql-b", "ams", 15)
	local := recordedAt.Add(2 * time.Hour) // the primary's own time of day, without a zone
	r.a.shippedLog = shipping{taken: map[string]backupTime{}, copied: map[string]time.Duration{}}
	r.b.shippedLog = shipping{taken: map[string]backupTime{}, copied: map[string]time.Duration{}}
	for _, name := range []string{"orders", "ledger"} {
		r.a.shippedLog.databases = append(r.a.shippedLog.databases, shippedDatabase{Name: name, State: "ONLINE", Family: "fam-" + name, Standby: pointer(false), ReadOnly: pointer(false)})
		r.a.shippedLog.taken[name] = backupTime{pointer(local.Add(-20 * time.Second)), pointer(local)}
		r.b.shippedLog.databases = append(r.b.shippedLog.databases, shippedDatabase{Name: name, State: "RESTORING", Family: "fam-" + name})
		r.b.shippedLog.restored = append(r.b.shippedLog.restored, restoredBackup{Name: name, Family: "fam-" + name, Newest: pointer(local.Add(-20 * time.Second))})
		r.b.shippedLog.copied[name] = 15 * time.Second
	}
	return r
}

func TestLogShippingIsGreen(t *testing.T) {
	t.Parallel()
	v := shippedPair().judge(t)
	v.want(t, green, nil, nil)
	if got := v.number(t, "", exposureSecondsID); got != 20 {
		t.Errorf("exposure is %v s: the backup that was restored was taken 20 s ago by its own host's clock", got)
	}
}

func TestLogShipping(t *testing.T) {
	t.Parallel()
	type codes = []readiness.Code
	for name, c := range map[string]struct {
		change func(r *recording)
		status readiness.Status
		codes  codes
	}{
		"the newest restored backup is old, however late it was restored": {
			change: func(r *recording) {
				r.b.shippedLog.restored[1].Newest = pointer(r.b.shippedLog.restored[1].Newest.Add(-time.Hour))
			},
			status: red, codes: codes{readiness.LagOverRPO},
		},
		"nothing was restored": {
			change: func(r *recording) { r.b.shippedLog.restored = r.b.shippedLog.restored[:1] },
			status: red, codes: codes{readiness.LogRestoreLate, readiness.LineageUnproven},
		},
		"copies are late": {
			change: func(r *recording) { r.b.shippedLog.copied["orders"] = time.Hour },
			status: yellow, codes: codes{readiness.LogCopyLate},
		},
		"the copy was opened for writing": {
			change: func(r *recording) {
				for i := range r.b.shippedLog.databases {
					r.b.shippedLog.databases[i].State = "ONLINE"
				}
			},
			status: red, codes: codes{readiness.TwoWriters},
		},
		"one of two databases was opened": {
			change: func(r *recording) { r.b.shippedLog.databases[0].State = "ONLINE" },
			status: red, codes: codes{readiness.SwitchIncomplete},
		},
		"a copy in standby": {
			change: func(r *recording) {
				for i := range r.b.shippedLog.databases {
					r.b.shippedLog.databases[i].State, r.b.shippedLog.databases[i].Standby = "ONLINE", pointer(true)
				}
			},
			status: green,
		},
		"both are being restored": {
			change: func(r *recording) {
				for i := range r.a.shippedLog.databases {
					r.a.shippedLog.databases[i].State = "RESTORING"
				}
			},
			status: red, codes: codes{readiness.NoPrimary},
		},
		"the copy is of another database": {
			change: func(r *recording) { r.b.shippedLog.restored[0].Family = "fam-other" },
			status: red, codes: codes{readiness.Diverged},
		},
		"a database is not there": {
			change: func(r *recording) { r.b.shippedLog.databases = r.b.shippedLog.databases[:1] },
			status: red, codes: codes{readiness.SwitchIncomplete},
		},
		"the copy is not seen": {
			change: func(r *recording) { unseen(r.b, silent) },
			status: red, codes: codes{readiness.WriterUnproven, readiness.VisDR},
		},
		"the primary is not seen": {
			change: func(r *recording) { unseen(r.a, silent) },
			status: unknown, codes: codes{readiness.WriterUnproven, readiness.VisPrimary},
		},
		"the restore history cannot be read": {
			change: func(r *recording) {
				r.b.shippedLog.restored = nil
				r.b.failed[restoreAgeID] = finding(readiness.InsufficientPrivilege, "denied (error 229)")
			},
			status: red, codes: codes{readiness.InsufficientPrivilege},
		},
		"the primary takes no backups": {
			change: func(r *recording) { r.a.shippedLog.taken = map[string]backupTime{} },
			status: red, codes: codes{readiness.LogBackupLate},
		},
		"a backup of the future": {
			change: func(r *recording) {
				r.b.shippedLog.restored[0].Newest = pointer(r.b.shippedLog.restored[0].Newest.Add(time.Hour))
			},
			status: red, codes: codes{readiness.ValueInvalid},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shippedPair()
			c.change(r)
			r.judge(t).want(t, c.status, c.codes, nil)
		})
	}
}
