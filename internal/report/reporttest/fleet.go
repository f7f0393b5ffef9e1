// Package reporttest makes reports to draw: a mixed fleet of eight, one of any
// size, and one whose texts want to harm the reader. Nothing here was read from a
// server.
package reporttest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/report"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Noon is when the pages of this package are written.
var Noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// Checked is when the verdicts were reached, before Noon.
const Checked = 20 * time.Second

// Valid is how long they hold after they were reached.
const Valid = 11 * time.Minute

// system is one resource to make a result of.
type system struct {
	name, platform, environment, owner string
	tier                               int
	nodes                              [2]string // primary, DR
	sites                              [2]string
	group                              string
	status                             readiness.Status
	reasons                            []readiness.Reason
	exposure                           float64 // seconds; negative: not known
	began                              time.Duration
	rpo, rto                           time.Duration
	line                               int
}

// Fleet is eight resources on four platforms in three groups over two sites: some
// healthy, some broken, one unreachable.
func Fleet() report.Input { return input(fleet(), 8) }

func fleet() []system {
	fra, ams := [2]string{"fra", "ams"}, [2]string{"ams", "fra"}
	return []system{
		{name: "orders", platform: "postgresql", tier: 1, owner: "shop-dba", sites: fra, group: "payments", status: readiness.Red, exposure: 412, began: 47 * time.Minute, rpo: 30 * time.Second, rto: 15 * time.Minute,
			reasons: []readiness.Reason{
				{Code: readiness.ReplayPaused, Status: readiness.Red, Endpoint: "orders-b", Indicator: "replay.state", Value: readiness.Str("paused"), Message: "replay on orders-b is paused, with 60.3 MiB received and not applied"},
				{Code: readiness.LagOverRPO, Status: readiness.Red, Indicator: "replication.exposure_seconds", Value: readiness.Num(412), Unit: readiness.Seconds, Threshold: readiness.Num(30), Message: "observed exposure 412 s is over the RPO of 30 s", Source: "policies/status.yaml:14"},
				{Code: "SLOT_INACTIVE", Status: readiness.Yellow, Endpoint: "orders-a", Indicator: "slots.state", Value: readiness.Str("inactive"), Message: `slot "orders_c" on orders-a has no reader`},
			}},
		{name: "billing", platform: "sqlserver", tier: 1, owner: "finance-dba", sites: fra, group: "payments", status: readiness.Red, exposure: -1, began: 9 * time.Minute, rpo: time.Minute, rto: 30 * time.Minute,
			reasons: []readiness.Reason{
				{Code: "DATABASE_SUSPENDED", Status: readiness.Red, Endpoint: "billing-b", Indicator: "database.state", Value: readiness.Str("suspended by user"), Message: "data movement of database Invoices on billing-b is suspended (SUSPEND_FROM_USER); its lag figures are ignored"},
				{Code: readiness.IndicatorMissing, Status: readiness.Unknown, Indicator: "replication.exposure_seconds", Message: "exposure is not known while data movement is suspended"},
			}},
		{name: "sessions", platform: "mongodb", tier: 1, owner: "web-platform", sites: fra, group: "storefront", status: readiness.Unknown, exposure: -1, began: 95 * time.Second, rpo: time.Minute, rto: 10 * time.Minute,
			reasons: []readiness.Reason{
				{Code: readiness.VisDR, Status: readiness.Unknown, Endpoint: "sessions-b", Message: "sessions-b: no answer within 5 s; grace of 2 m until 12:00:25Z, then RED"},
				{Code: readiness.StandbyPathLost, Status: readiness.Yellow, Endpoint: "sessions-b", Message: "sessions-a still hears sessions-b, only bcctl does not"},
			}},
		{name: "marts", platform: "snowflake", tier: 2, owner: "analytics", sites: fra, group: "analytics", status: readiness.Unknown, exposure: -1, began: 26 * time.Hour, rpo: time.Hour, rto: 4 * time.Hour,
			reasons: []readiness.Reason{
				{Code: readiness.InsufficientPrivilege, Status: readiness.Unknown, Endpoint: "marts-b", Message: "SHOW REPLICATION GROUPS on marts-b is empty: a missing privilege, or no group; one cannot be told from the other"},
			}},
		{name: "crm", platform: "sqlserver", tier: 2, owner: "sales-it", sites: ams, group: "storefront", status: readiness.Yellow, exposure: 38, began: 3 * time.Hour, rpo: time.Minute, rto: time.Hour,
			reasons: []readiness.Reason{
				{Code: readiness.LagNearRPO, Status: readiness.Yellow, Indicator: "replication.exposure_seconds", Value: readiness.Num(38), Unit: readiness.Seconds, Threshold: readiness.Num(30), Message: "observed exposure 38 s is over half of the RPO of 1 m", Source: "policies/status.yaml:9"},
			}},
		{name: "ledger", platform: "postgresql", tier: 1, owner: "shop-dba", sites: fra, group: "payments", status: readiness.Green, exposure: 0.4, rpo: 30 * time.Second, rto: 15 * time.Minute},
		{name: "catalog", platform: "mongodb", tier: 2, owner: "web-platform", sites: ams, group: "storefront", status: readiness.Green, exposure: 1.2, rpo: 5 * time.Minute, rto: time.Hour},
		{name: "warehouse", platform: "snowflake", tier: 2, owner: "analytics", sites: fra, group: "analytics", status: readiness.Green, exposure: 540, rpo: time.Hour, rto: 4 * time.Hour},
	}
}

// input makes the whole input of a page.
func input(systems []system, total int) report.Input {
	in := report.Input{Now: Noon, Total: total, Targets: map[string]report.Target{},
		Report: check.Report{Schema: check.ReportSchema, Bcctl: "1.2.3", Commit: "4f9c1d2e8b7a", RunID: "b19b2e466215ec1d", StartedAt: Noon.Add(-Checked), FinishedAt: Noon}}
	groups := map[string]*readiness.Result{}
	var names []string
	for i, s := range systems {
		s.line = 4 + i%3
		s.environment = "production"
		s.nodes = [2]string{s.name + "-a", s.name + "-b"}
		s.reasons = s.renamed()
		r := s.result()
		in.Report.Results = append(in.Report.Results, r)
		in.Targets[s.name] = report.Target{RPO: s.rpo, RTO: s.rto, Groups: []string{s.group}, History: s.history(i)}
		g, ok := groups[s.group]
		if !ok {
			g = &readiness.Result{Name: s.group, Kind: readiness.KindGroup, Tier: 1, Status: readiness.Green, ObservedAt: r.ObservedAt, EvaluatedAt: r.EvaluatedAt, ValidUntil: r.ValidUntil}
			groups[s.group] = g
			names = append(names, s.group)
		}
		g.Status = readiness.Worst(g.Status, r.Status)
		if r.Status != readiness.Green {
			g.Reasons = append(g.Reasons, readiness.Reason{Code: "MEMBER_" + codeOf(r.Status), Status: r.Status, Message: fmt.Sprintf("%s is %s: %s", r.Name, r.Status, r.Reasons[0].Code)})
		}
	}
	for _, name := range names {
		in.Report.Results = append(in.Report.Results, *groups[name])
	}
	in.Report.Summarize()
	return in
}

// renamed gives the reasons of a model the names of the system's own nodes.
func (s system) renamed() []readiness.Reason {
	reasons := slices.Clone(s.reasons)
	for i := range reasons {
		x := &reasons[i]
		if x.Endpoint == "" {
			continue
		}
		node := s.nodes[0]
		if strings.HasSuffix(x.Endpoint, "-b") {
			node = s.nodes[1]
		}
		x.Message, x.Endpoint = strings.ReplaceAll(x.Message, x.Endpoint, node), node
	}
	return reasons
}

func codeOf(s readiness.Status) readiness.Code {
	return map[readiness.Status]readiness.Code{readiness.Red: "RED", readiness.Yellow: "YELLOW", readiness.Unknown: "UNKNOWN"}[s]
}

// Green is one resource in one group, both green.
func Green() report.Input { return input(fleet()[5:6], 1) }

// Pair is a red and a green resource in one group.
func Pair() report.Input { return input([]system{fleet()[0], fleet()[5]}, 2) }
