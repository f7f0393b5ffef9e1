package reporttest

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// result is the verdict on a system, with readings of both sides.
func (s system) result() readiness.Result {
	checked := Noon.Add(-Checked)
	r := readiness.Result{Name: s.name, Kind: readiness.KindResource, Platform: s.platform, Tier: s.tier, Environment: s.environment, Owner: s.owner,
		Status: s.status, ObservedAt: checked.Add(-time.Second), EvaluatedAt: checked, ValidUntil: checked.Add(Valid),
		Reasons: s.reasons, File: "resources/" + s.name + ".yaml", Line: s.line}
	lost := s.status == readiness.Unknown // the DR side does not answer
	for i, node := range s.nodes {
		end := readiness.Result{Name: node, Kind: readiness.KindEndpoint, Site: s.sites[i], Status: readiness.Green, ObservedAt: checked.Add(-time.Second), EvaluatedAt: checked, ValidUntil: checked.Add(Valid)}
		for _, x := range s.reasons {
			if x.Endpoint == node {
				end.Status = readiness.Worst(end.Status, x.Status)
			}
		}
		if lost && i == 1 {
			end.Status, end.ValidUntil, end.ObservedAt = readiness.Unknown, time.Time{}, time.Time{}
		}
		r.Children = append(r.Children, end)
		r.Indicators = append(r.Indicators, s.node(node, i, lost && i == 1)...)
	}
	exposure := s.reading("", "replication.exposure_seconds", readiness.Num(s.exposure), readiness.Seconds, true)
	if s.exposure < 0 {
		exposure.Value, exposure.Status = readiness.Value{}, readiness.Unknown
		exposure.Failure = &readiness.Finding{Code: readiness.IndicatorMissing, Message: "not measured in this run"}
	}
	r.Indicators = append(r.Indicators, s.reading("", "topology", readiness.Str("primary "+s.nodes[0]+"; standby "+s.nodes[1]), readiness.None, true), exposure)
	if s.status != readiness.Green {
		good := readiness.LastKnownGood{ObservedAt: checked.Add(-s.began)}
		was := s.reading("", "replication.exposure_seconds", readiness.Num(2.1), readiness.Seconds, true)
		was.ObservedAt = good.ObservedAt
		good.Indicators = append(good.Indicators, was)
		r.LastKnownGood = &good
	}
	return r
}

// node is the readings of one node.
func (s system) node(name string, side int, lost bool) []readiness.IndicatorResult {
	roles := [2]string{"primary", "standby"}
	list := []readiness.IndicatorResult{
		s.reading(name, "node.reachable", readiness.Bool(true), readiness.None, true),
		s.reading(name, "node.role", readiness.Str(roles[side]), readiness.None, true),
		s.reading(name, "node.identity", readiness.Str("7711515147133322586"), readiness.None, true),
		s.reading(name, "node.version", readiness.Str("15.18"), readiness.None, true),
		s.reading(name, "node.clock_skew_seconds", readiness.Num(0.0023), readiness.Seconds, true),
		s.reading(name, "node.privileges", readiness.Str("monitor"), readiness.None, true),
		s.reading(name, "log.position_bytes", readiness.Num(8436040), readiness.Bytes, false),
		s.reading(name, "archive.state", readiness.Str("working"), readiness.None, false),
		s.reading(name, "settings.promotion", readiness.Str("promotable"), readiness.None, false),
		s.reading(name, "settings.values", readiness.Str("max_connections=60 max_worker_processes=8"), readiness.None, false),
	}
	if side == 1 {
		list = append(list, s.reading(name, "replication.transport_age_seconds", readiness.Num(0.287), readiness.Seconds, true),
			s.reading(name, "replay.backlog_bytes", readiness.Num(0), readiness.Bytes, true), s.reading(name, "replay.state", readiness.Str("not paused"), readiness.None, false))
	}
	for i := range list {
		x := &list[i]
		for _, reason := range s.reasons {
			if reason.Endpoint == name && reason.Indicator == x.Indicator {
				x.Status, x.Value = reason.Status, reason.Value
			}
		}
		if lost {
			x.Status, x.Value, x.ValidUntil = readiness.Unknown, readiness.Value{}, time.Time{}
			x.Failure = &readiness.Finding{Code: readiness.VisEndpoint, Message: "no answer within 5 s"}
		}
	}
	return list
}

func (s system) reading(endpoint string, id readiness.ID, v readiness.Value, unit readiness.Unit, required bool) readiness.IndicatorResult {
	at := Noon.Add(-Checked)
	return readiness.IndicatorResult{Observation: readiness.Observation{Target: s.name, Endpoint: endpoint, Indicator: id, Value: v, ObservedAt: at.Add(-time.Second), CollectedAt: at},
		Unit: unit, Status: readiness.Green, ValidUntil: at.Add(Valid), Required: required}
}
