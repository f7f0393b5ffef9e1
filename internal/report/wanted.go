package report

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// mostCharts is how many series of one resource are drawn.
const mostCharts = 3

// Wanted picks, of the series that were recorded of a target, those that are
// worth drawing: what DR lacks, and the numbers the reasons are about. The worst
// reason comes first.
func Wanted(r readiness.Result, have []readiness.Key) []readiness.Key {
	var picked []readiness.Key
	pick := func(k readiness.Key) {
		if len(picked) < mostCharts && !slices.Contains(picked, k) {
			picked = append(picked, k)
		}
	}
	if i := slices.IndexFunc(have, func(k readiness.Key) bool { return rank(k) == best(have) }); i >= 0 && best(have) < noRank {
		pick(have[i])
	}
	for _, reason := range r.Reasons {
		for _, k := range have {
			if k.Indicator == reason.Indicator && k.Endpoint == reason.Endpoint {
				pick(k)
			}
		}
	}
	return picked
}

func best(have []readiness.Key) int {
	rank0 := noRank
	for _, k := range have {
		rank0 = min(rank0, rank(k))
	}
	return rank0
}

const noRank = 100

// rank orders series by how well they tell what DR lacks; the lowest is best.
// Exposure has one name on every platform; where it is not measured, a lag is next.
func rank(k readiness.Key) int {
	id := string(k.Indicator)
	rank := noRank
	switch {
	case id == "replication.exposure_seconds":
		rank = 0
	case id == "replication.exposure_bytes":
		rank = 1
	case strings.Contains(id, "exposure"):
		rank = 2
	case strings.HasSuffix(id, "lag_seconds") && !strings.HasPrefix(id, "heartbeat."):
		rank = 3
	case strings.Contains(id, "lag") && !strings.HasPrefix(id, "heartbeat."):
		rank = 4
	}
	if rank < noRank && k.Endpoint != "" {
		rank += 10 // that of the resource as a whole says more than that of one node
	}
	return rank
}

// exposure is the reading that tells best what DR lacks; false when there is none.
func exposure(r readiness.Result) (readiness.IndicatorResult, bool) {
	found, lowest := readiness.IndicatorResult{}, noRank
	for _, i := range r.Indicators {
		if n := rank(readiness.Key{Endpoint: i.Endpoint, Indicator: i.Indicator}); n < lowest {
			found, lowest = i, n
		}
	}
	return found, lowest < noRank
}
