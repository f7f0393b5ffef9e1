package runbook

import (
	"fmt"
	"maps"
	"slices"
)

// Drift is one difference between the plan that a request was made from and the
// plan as it would be now.
type Drift struct {
	Kind string `json:"kind"` // pin, topology, version, plan
	What string `json:"what"` // a path, or resource/endpoint
	Was  string `json:"was"`
	Is   string `json:"is"`
}

// String says what has changed.
func (d Drift) String() string {
	return fmt.Sprintf("%s %s: was %s, is %s", d.Kind, d.What, d.Was, d.Is)
}

// DriftOf names every difference between a request and the plan as it is now. Equal
// digests mean none (SI-14). Where the digests differ and nothing else that a
// request records does, the plan itself is the one difference.
func DriftOf(r Request, now Plan) []Drift {
	var out []Drift
	for _, path := range union(r.Pins, now.Pins) {
		if was, is := r.Pins[path], now.Pins[path]; was != is {
			out = append(out, Drift{"pin", path, absent(string(was), "not pinned"), absent(string(is), "not read any more")})
		}
	}
	topology := now.Topology()
	for _, resource := range union(r.Topology, topology) {
		if len(r.Topology) == 0 {
			break // the request does not say
		}
		for _, endpoint := range union(r.Topology[resource], topology[resource]) {
			if was, is := r.Topology[resource][endpoint], topology[resource][endpoint]; was != is {
				out = append(out, Drift{"topology", resource + "/" + endpoint, absent(was, "not there"), absent(is, "not there")})
			}
		}
	}
	if r.Bcctl != "" && r.Bcctl != now.Bcctl {
		out = append(out, Drift{"version", "bcctl", r.Bcctl, now.Bcctl})
	}
	if len(out) == 0 && r.Plan != now.Digest {
		out = append(out, Drift{"plan", "digest", absent(string(r.Plan), "none"), string(now.Digest)})
	}
	return out
}

// Topology is who was seen to be what, by resource and endpoint.
func (p Plan) Topology() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, m := range p.Members() {
		out[m.Resource] = m.Topology
	}
	return out
}

func absent(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func union[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
