package rules_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// picky is a judge with every kind of rule.
func picky(t testing.TB) *rules.Judge {
	sub := ledger
	sub.Objectives = rules.Objectives{RPO: time.Minute, RTO: time.Hour}
	p := limited()
	p.Severities = map[readiness.Code]readiness.Status{readiness.PrimaryNotHome: red, readiness.VisDR: yellow, readiness.Diverged: green}
	p.Thresholds[free] = rules.Threshold{Yellow: level("10MiB"), MaxAge: dur(10 * time.Second)}
	p.Expressions = []rules.Expression{
		{Name: "lag", Expr: `value["replication.lag"] > 1e7`, Status: yellow}, {Name: "lone", Expr: `"site.lone" in flag && flag["site.lone"]`, Status: red},
		{Name: "archive", Expr: `"archive.state" in text && text["archive.state"] == "ok"`, Status: green}}
	return judge(t, sub, p, rules.Policy{Expressions: []rules.Expression{{Name: "far", Expr: `"slot.free" in value && value["slot.free"] < 5.0`, Status: red}}})
}

// world makes random runs.
type world struct{ *rand.Rand }

func pick[T any](w world, list ...T) T { return list[w.IntN(len(list))] }

func (w world) value() readiness.Value {
	return pick(w, readiness.Num(0), readiness.Num(1), readiness.Num(-1), readiness.Num(6<<20), readiness.Num(20<<20), readiness.Num(200<<20), readiness.Num(45),
		readiness.Value{}, readiness.Str("ok"), readiness.Str("failing"), readiness.Bool(true), readiness.Bool(false))
}

func (w world) code() readiness.Code {
	all := readiness.Codes()
	return pick(w, all[w.IntN(len(all))].Code, readiness.VisDR, readiness.PrimaryNotHome, readiness.Diverged, "FROM_LATER", "")
}

// good is a reading that is most probably usable.
func (w world) good(id readiness.ID) readiness.Observation {
	values := map[readiness.ID]readiness.Value{topology: readiness.Str("a; b"), lag: readiness.Num(0), skew: readiness.Num(0.1),
		exposure: readiness.Num(0), free: readiness.Num(1 << 30), archive: readiness.Str("failing"), lone: readiness.Bool(false)}
	o := readAt(pick(w, "", "a", "b"), id, values[id])
	o.ObservedAt = noon.Add(-time.Duration(w.IntN(9)) * time.Second)
	return o
}

func (w world) any() readiness.Observation {
	o := w.good(pick(w, topology, lag, skew, exposure, free, archive, lone, "unlisted"))
	if w.IntN(3) == 0 {
		o.Value = w.value()
	}
	o.ObservedAt = pick(w, o.ObservedAt, o.ObservedAt, noon.Add(-11*time.Second), noon.Add(-2*time.Minute), noon.Add(time.Second), noon.Add(time.Hour), time.Time{})
	o.Optional = w.IntN(4) == 0
	o.Target = pick(w, "ledger", "ledger", "ledger", "", "orders")
	if w.IntN(6) == 0 {
		o.Failure = &readiness.Finding{Code: w.code(), Message: "m"}
	}
	for w.IntN(6) == 0 {
		o.Findings = append(o.Findings, readiness.Finding{Code: w.code(), Message: pick(w, "m", "n")})
	}
	return o
}

// run is a random run. Half of them have all that is required, so that green is
// not rare.
func (w world) run() []readiness.Observation {
	var list []readiness.Observation
	if w.IntN(2) == 0 {
		for _, id := range []readiness.ID{topology, lag, skew, free} {
			list = append(list, w.good(id))
		}
	}
	for range w.IntN(pick(w, 1, 1, 2, 6)) {
		list = append(list, w.any())
	}
	w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// state is what some earlier run left, or nothing.
func (w world) state(j *rules.Judge) rules.State {
	var s rules.State
	for range w.IntN(pick(w, 1, 3)) {
		at := noon.Add(time.Duration(w.IntN(600)-500) * time.Second)
		_, s = j.Evaluate(at, shifted(at.Sub(noon), w.run()), s)
	}
	return s
}
