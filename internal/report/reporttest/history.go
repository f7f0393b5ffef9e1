package reporttest

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// interval is how often the fleet was checked, but for the gap.
const interval = 5 * time.Minute

// gapFrom and gapTo are when nobody checked, before Noon.
const (
	gapFrom = 9 * time.Hour
	gapTo   = 6*time.Hour + 20*time.Minute
)

// history is a day of a system: green until it began to be what it is, a gap in
// which nobody checked, and the exposure as far as it was measured.
func (s system) history(seed int) render.History {
	h := render.History{Target: s.name, Since: Noon.Add(-24 * time.Hour), Until: Noon}
	series := render.Series{Indicator: "replication.exposure_seconds", Unit: readiness.Seconds}
	last := readiness.Unknown
	noise := rand.New(rand.NewPCG(uint64(seed), 1))
	for back := 24*time.Hour - interval + Checked; back > 0; back -= interval {
		if back < gapFrom && back > gapTo {
			continue
		}
		at := Noon.Add(-back)
		status := readiness.Green
		if s.status != readiness.Green && back <= s.began {
			status = s.status
		}
		h.Statuses = append(h.Statuses, render.StatusPoint{At: at, Last: at, ValidUntil: at.Add(Valid), Covered: Valid, Status: status})
		if status != last && len(h.Statuses) > 1 {
			h.Transitions = append(h.Transitions, check.Transition{Target: s.name, Kind: check.Changed, From: last, To: status, At: at, Since: at})
		}
		last = status
		if s.exposure < 0 && status != readiness.Green {
			continue // not measured
		}
		v := 0.6 + 0.5*math.Sin(float64(back/interval)/9+float64(seed))
		if status != readiness.Green && s.exposure > 0 {
			v = s.exposure * float64(s.began-back+interval) / float64(s.began+interval)
		} else if s.exposure > 100 && s.status == readiness.Green {
			v = s.exposure * (0.5 + 0.5*math.Mod(float64(back/interval), 12)/12)
		}
		v = math.Round(v*(0.7+0.3*noise.Float64())*1000) / 1000
		series.Points = append(series.Points, render.Point{At: at, Min: v, Max: v, Last: v})
	}
	h.Series = []render.Series{series}
	return h
}
