package check

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// episodes is the form of Memory.Episodes.
type episodes struct {
	Rules  rules.State `json:"rules"`
	Alerts Alerts      `json:"alerts"`
}

// readEpisodes reads what the run before left. State that cannot be read is no
// state, not half of one: a verdict does not rest on it.
func readEpisodes(data json.RawMessage) episodes {
	var state episodes
	if len(data) == 0 || json.Unmarshal(data, &state) != nil {
		return episodes{}
	}
	return state
}

// lastKnownGood keeps the evidence of a green result, without its colour: no
// reader can show by mistake what is not so any more.
func lastKnownGood(r readiness.Result) *readiness.LastKnownGood {
	good := &readiness.LastKnownGood{ObservedAt: r.ObservedAt, Indicators: slices.Clone(r.Indicators)}
	for i := range good.Indicators {
		good.Indicators[i].Status = readiness.Unknown
	}
	return good
}

// previous finds earlier readings by series.
type previous map[readiness.Key]readiness.Observation

func newPrevious(observations []readiness.Observation) previous {
	p := previous{}
	for _, o := range observations {
		key := o.Key()
		key.Target = ""
		p[key] = o
	}
	return p
}

func (p previous) find(endpoint string, id readiness.ID) (readiness.Observation, bool) {
	o, ok := p[readiness.Key{Endpoint: endpoint, Indicator: id}]
	return o, ok
}

// Recorded finds what earlier runs read, in what the store has of one target.
func Recorded(m Memory) func(endpoint string, id readiness.ID) (readiness.Observation, bool) {
	return newPrevious(m.Observations).find
}

// merge keeps the newest successful reading of each series. A failed one does
// not replace what was last known.
func merge(old, fresh []readiness.Observation) []readiness.Observation {
	newest := map[readiness.Key]readiness.Observation{}
	for _, list := range [][]readiness.Observation{old, fresh} {
		for _, o := range list {
			if o.Failure == nil && !o.Value.IsAbsent() && !o.ObservedAt.IsZero() {
				newest[o.Key()] = o
			}
		}
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b readiness.Observation) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Indicator, b.Indicator), cmp.Compare(a.Target, b.Target))
	})
}
