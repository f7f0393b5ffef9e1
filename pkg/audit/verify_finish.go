package audit

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// planned are the findings of the planner, which runs beside the judge.
type planned struct {
	sync.Mutex
	findings []plannedFinding
}

type plannedFinding struct{ rule, path, text string }

// finish checks what can be said only at the end.
func (v *verifier) finish() error {
	for _, f := range v.planned.findings {
		v.report.find(f.rule, f.path, 0, -1, "%s", f.text)
	}
	if len(v.versions) == 0 {
		return nil
	}
	s := &v.state
	v.report.Newest = s.newest.Time
	v.report.Trust = v.inForce().Version
	if !s.hasLeaves {
		v.report.find("AUD-01", "", 0, -1, "there is no first entry")
	}
	if extra := len(v.versions) - s.trust - 1; extra > 0 {
		v.report.find("AUD-22", TrustPath(v.versions[s.trust+1].Version), 0, -1, "no entry puts this version of the keys in force")
	}
	v.unmet()
	for _, f := range s.views {
		if _, there := s.seen[f.digest]; !there {
			v.report.find("AUD-14", f.path, 1, f.leaf, "its writer saw a segment that is not there (SHA-256 %x...)", f.digest[:8])
		}
	}
	v.unsealed()
	if err := v.witnessed(); err != nil {
		return err
	}
	v.age()
	for _, x := range s.ends {
		v.endOf(x.run, x.proof, spot{v, x.path, 0, x.leaf})
	}
	for _, id := range slices.Sorted(maps.Keys(s.runs)) {
		if r := s.runs[id]; r.intent >= 0 && r.outcome < 0 {
			v.report.find("AUD-30", r.path, 0, r.intent, "run %s began and has no end", id)
		}
	}
	for _, x := range s.suspects {
		i := slices.IndexFunc(v.inForce().Keys, func(k Key) bool { return k.ID == x.key })
		if i >= 0 && v.inForce().Keys[i].isSuspect(x.leaf) {
			r := v.inForce().Keys[i].Suspect
			v.report.find("AUD-23", x.path, 0, x.leaf, "key %s is suspect for leaves %d to %d", shortID(x.key), r.From, r.To-1)
		}
	}
	for _, b := range s.emergency {
		if !b.done && !v.options.Now.IsZero() && v.options.Now.After(b.due.Time) {
			v.report.find("AUD-32", b.path, 0, b.leaf, "the emergency of run %s was to be reviewed until %s", b.run, b.due.Format(TimeForm))
		}
	}
	return nil
}

// unmet reports the checkpoints from outside whose size the tree never had.
func (v *verifier) unmet() {
	s := &v.state
	for _, size := range slices.Sorted(maps.Keys(s.wanted)) {
		for _, w := range s.wanted[size] {
			v.report.find(w.rule, "", 0, -1, "%s is of %d leaves, and the tree ends at %d or cannot be followed that far", w.who, size, s.tree.Size())
		}
	}
}

// unsealed checks that what is not sealed is not kept out of the tree.
func (v *verifier) unsealed() {
	s := &v.state
	if v.report.Unsealed == 0 || v.options.Now.IsZero() {
		return
	}
	oldest := s.sealedTo
	if oldest.IsZero() {
		oldest = s.created
	}
	if age := v.options.Now.Sub(oldest.Time); age > seconds(v.inForce().Limits.MaxUnsealed) {
		v.report.find("AUD-15", "", 0, -1, "%d segments are not sealed, and the newest sealed entry is %s old", v.report.Unsealed, age.Round(time.Second))
	}
}

// age checks that the newest entry is not too old: a log whose end was cut off
// stops growing.
func (v *verifier) age() {
	limit := v.options.MaxAge
	if limit == 0 {
		limit = 2 * seconds(v.inForce().Limits.Heartbeat)
	}
	if limit < 0 || v.options.Now.IsZero() || !v.state.hasLeaves {
		return
	}
	if at := v.report.WitnessedAt; !at.IsZero() {
		if age := v.options.Now.Sub(at); age > limit {
			v.report.find("AUD-18", "", 0, -1, "the newest seal was cosigned %s ago, more than %s", age.Round(time.Second), limit)
		}
		return
	}
	if age := v.options.Now.Sub(v.state.newest.Time); age > limit {
		v.report.find("AUD-18", "", 0, -1, "the newest entry is %s old by its writer's clock, more than %s", age.Round(time.Second), limit)
	}
}
