package failover

import (
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func TestRecordedHealthyPairIsGreen(t *testing.T) {
	t.Parallel()
	v := healthyPair().judge(t)
	v.wantGreen(t)
	if lag := v.number(t, "", exposureID); lag < 350 || lag > 360 {
		t.Errorf("exposure is %.0f s; the newest snapshot is six minutes old", lag)
	}
	if planned := v.number(t, "", plannedID); planned != 640 {
		t.Errorf("the schedule leads to an exposure of %.0f s, want ten minutes and forty seconds", planned)
	}
}

// A pair that is refreshed on schedule within its RPO stays green between two
// refreshes, although its copy grows old: that is what a schedule is.
func TestLagWithinTheScheduleIsNormal(t *testing.T) {
	t.Parallel()
	r := healthyPair()
	r.spec.RPO = 15 * time.Minute
	for minute := range 10 {
		back := time.Duration(minute) * time.Minute
		r := healthyPair()
		for i := range r.history().Refreshes {
			f := &r.history().Refreshes[i]
			f.Start, f.End, f.Snapshot = pointer(f.Start.Add(4*time.Minute+30*time.Second-back)), pointer(f.End.Add(4*time.Minute+30*time.Second-back)), pointer(f.Snapshot.Add(4*time.Minute+30*time.Second-back))
		}
		r.own(r.ams).Next = pointer(r.newest().Start.Add(10 * time.Minute))
		if v := r.judge(t); v.Status != readiness.Green {
			t.Errorf("%s after a refresh:\n%s", back+90*time.Second, v)
		}
	}
}

// What was read with a warehouse stands for a while, as a bound that grows, and
// carries its own age.
func TestHistoryOfAnEarlierCheckIsABound(t *testing.T) {
	t.Parallel()
	r := healthyPair()
	r.laterBy(t, 12*time.Minute)
	if needs := Needs(r.spec, r.settings(t), r.accounts(), r.now); len(needs) > 0 {
		t.Fatalf("the history would be read again: %+v", needs)
	}
	v := r.judge(t)
	v.wantGreen(t)
	if lag := v.number(t, "", exposureID); lag < 17*60 || lag > 19*60 {
		t.Errorf("exposure is %.0f s: it must count from the snapshot that is known to now", lag)
	}
	for _, o := range v.observations {
		if o.Indicator == exposureID && !o.ObservedAt.Equal(recordedAt) {
			t.Errorf("the exposure is dated %s, and rests on what was read at %s", o.ObservedAt, recordedAt)
		}
	}
	if want := recordedAt.Add(historyAge); v.ValidUntil.After(want) {
		t.Errorf("the verdict is good until %s, longer than what it rests on", v.ValidUntil)
	}
}

// Each of these makes an earlier reading worthless: the history is due again, and
// if it is not read, nothing is green.
func TestSI8AnEarlierHistoryDoesNotStandForEverything(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, r *recording){
		"it is older than the interval":        func(t *testing.T, r *recording) { r.laterBy(t, 4*time.Minute) },
		"every check reads it":                 func(t *testing.T, r *recording) { r.spec.Options["historyInterval"] = "0s" },
		"the bound comes near the objective":   func(t *testing.T, r *recording) { r.spec.RPO = 19 * time.Minute },
		"the schedule was suspended":           func(t *testing.T, r *recording) { r.own(r.ams).State = "SUSPENDED" },
		"the schedule was taken away":          func(t *testing.T, r *recording) { r.own(r.ams).Schedule = "" },
		"the schedule was changed":             func(t *testing.T, r *recording) { r.own(r.ams).Schedule = "20000 MINUTE" },
		"a refresh is overdue":                 func(t *testing.T, r *recording) { r.own(r.ams).Next = pointer(r.now.Add(-time.Hour)) },
		"when the next one is due is not said": func(t *testing.T, r *recording) { r.own(r.ams).Next = nil },
		"it follows another primary":           func(t *testing.T, r *recording) { r.own(r.ams).Primary = "ACME.OTHER.FG" },
		"the group was made anew":              func(t *testing.T, r *recording) { r.own(r.ams).Created = pointer(r.now.Add(-time.Minute)) },
		"when it was made is not said":         func(t *testing.T, r *recording) { r.own(r.ams).Created = nil },
		"the account's clock is not known":     func(t *testing.T, r *recording) { r.ams.Self.Clock = time.Time{} },
		"the account's clock went back":        func(t *testing.T, r *recording) { r.ams.Self.Clock = r.ams.Self.Clock.Add(-time.Hour) },
		"the earlier refresh had failed":       func(t *testing.T, r *recording) { r.before("wh-ams", refreshID, recordedAt, readiness.Str("failed")) },
		"a refresh ran then":                   func(t *testing.T, r *recording) { r.before("wh-ams", refreshID, recordedAt, readiness.Str("running")) },
		"refreshes had failed before":          func(t *testing.T, r *recording) { r.before("wh-ams", failuresID, recordedAt, readiness.Num(2)) },
		"references dangled then":              func(t *testing.T, r *recording) { r.before("wh-ams", danglingID, recordedAt, readiness.Num(1)) },
		"the snapshot is of another reading": func(t *testing.T, r *recording) {
			r.before("wh-ams", snapshotID, recordedAt.Add(-time.Hour), readiness.Str(`"FG" 2026-03-14T08:20:00Z of "ACME.PROD_FRA.FG" in "ACME.PROD_AMS"`))
		},
		"the snapshot is of another group": func(t *testing.T, r *recording) {
			r.before("wh-ams", snapshotID, recordedAt, readiness.Str(`"OTHER" 2026-03-14T09:20:00Z of "ACME.PROD_FRA.FG" in "ACME.PROD_AMS"`))
		},
		"the snapshot is of another primary": func(t *testing.T, r *recording) {
			r.before("wh-ams", snapshotID, recordedAt, readiness.Str(`"FG" 2026-03-14T09:20:00Z of "ACME.OTHER.FG" in "ACME.PROD_AMS"`))
		},
		"the snapshot cannot be read": func(t *testing.T, r *recording) {
			r.before("wh-ams", snapshotID, recordedAt, readiness.Str(`FG today`))
		},
		"the snapshot is in the future": func(t *testing.T, r *recording) {
			r.before("wh-ams", snapshotID, recordedAt, readiness.Str(`"FG" 2027-03-14T09:20:00Z of "ACME.PROD_FRA.FG" in "ACME.PROD_AMS"`))
		},
		"the reading is from the future": func(t *testing.T, r *recording) { r.now = recordedAt.Add(-time.Hour) },
		"there is no earlier reading":    func(t *testing.T, r *recording) { clear(r.previous) },
		"there is no store":              func(t *testing.T, r *recording) { r.spec.Previous = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := healthyPair()
			r.laterBy(t, 12*time.Minute)
			change(t, r)
			if d := planner(r.spec, r.settings(t), r.accounts(), r.now); d.trusted(r.ams) {
				if needs := Needs(r.spec, r.settings(t), r.accounts(), r.now); len(needs) != 1 || needs[0].Account != r.ams || needs[0].Group != "FG" {
					t.Errorf("needed is %+v", needs)
				}
			}
			if name == "it is older than the interval" || name == "the bound comes near the objective" {
				return // a moment later, what was decided a moment ago still holds
			}
			if v := r.judge(t); v.Status == readiness.Green {
				t.Errorf("green without a history\n%s", v)
			}
		})
	}
}
