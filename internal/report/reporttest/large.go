package reporttest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bcctl/bcctl/internal/report"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Large is a fleet of n resources, of which about one in three has something to
// say. Equal n gives equal input.
func Large(n int) report.Input {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	models := fleet()
	sites := [][2]string{{"fra", "ams"}, {"ams", "fra"}, {"dub", "fra"}, {"lon", "dub"}}
	var list []system
	for i := range n {
		s := models[5+rng.IntN(3)] // green
		if rng.IntN(3) == 0 {
			s = models[rng.IntN(5)]
		}
		s.name = fmt.Sprintf("%s-%03d", s.name, i)
		if i%50 == 49 {
			s.name += "-with-a-name-that-somebody-thought-should-say-everything-about-it"
		}
		s.tier, s.sites, s.group = 1+rng.IntN(2), sites[rng.IntN(len(sites))], fmt.Sprintf("service-%02d", i%(1+n/14))
		s.began = s.began * time.Duration(1+rng.IntN(5)) / 3
		list = append(list, s)
	}
	return input(list, n)
}

// Broken is Large with nothing that works: what a page shows, and how big it is,
// when the collector has lost its network.
func Broken(n int) report.Input {
	in := Large(n)
	for i := range in.Report.Results {
		r := &in.Report.Results[i]
		if r.Kind != readiness.KindResource {
			continue
		}
		r.Status = readiness.Unknown
		r.Reasons = []readiness.Reason{{Code: readiness.VisBoth, Status: readiness.Unknown, Message: "no endpoint of " + r.Name + " answers"}}
		r.Reasons = append(r.Reasons,
			readiness.Reason{Code: readiness.VisPrimary, Status: readiness.Unknown, Indicator: "replication.exposure_bytes", Message: "what DR lacks is not known while no single primary is seen; the last known figure is not proof"},
			readiness.Reason{Code: readiness.IndicatorMissing, Status: readiness.Unknown, Message: "not proved in this run: node.clock_skew_seconds, node.identity, node.privileges, node.reachable, node.role, node.version, replay.backlog_bytes, replication.exposure_bytes, replication.lineage, replication.transport_age_seconds"})
		for k := range r.Children {
			c := &r.Children[k]
			c.Status, c.ValidUntil = readiness.Unknown, time.Time{}
			r.Reasons = append(r.Reasons, readiness.Reason{Code: readiness.VisEndpoint, Status: readiness.Unknown, Endpoint: c.Name, Message: c.Name + ": dial tcp 10.20.30.40:5432: connect: network is unreachable"})
		}
		for k := range r.Indicators {
			x := &r.Indicators[k]
			x.Status, x.Value, x.ValidUntil = readiness.Unknown, readiness.Value{}, time.Time{}
			x.Failure = &readiness.Finding{Code: readiness.VisEndpoint, Message: "network is unreachable"}
		}
	}
	in.Report.Summarize()
	return in
}
