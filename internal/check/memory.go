package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

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
		return strings.Compare(a.Endpoint+"|"+string(a.Indicator), b.Endpoint+"|"+string(b.Indicator))
	})
}
