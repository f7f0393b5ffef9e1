package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// expected adds up what the runbook says its steps take, and what was observed. A
// step without an expectation makes the sum unknown: a guess would be taken for a
// promise.
func expected(m runbook.MemberPlan, r readiness.Result) runbook.Estimate {
	sum, silent, people := 0.0, []string{}, 0
	for _, s := range m.Steps {
		switch {
		case s.Manual != nil || s.Approval != nil:
			people++
		case s.Wait != nil && s.Wait.For != nil:
			sum += s.Wait.For.Std().Seconds()
		case s.Expected == nil:
			silent = append(silent, s.ID)
		default:
			sum += s.Expected.Std().Seconds()
		}
	}
	basis := []string{"sum of what the runbook expects of its steps"}
	if replay, ok := reading(r, "", "recovery.estimated_seconds"); ok {
		if seconds, isNumber := replay.Value.Number(); isNumber && seconds >= 0 {
			sum += seconds
			basis = append(basis, fmt.Sprintf("%s to apply what was received, as observed", seconds2(seconds)))
		}
	}
	if people > 0 {
		basis = append(basis, fmt.Sprintf("without the time of people at %s", count(people, "step", "steps")))
	}
	if m.Soak != "" {
		basis = append(basis, "without the soak of "+m.Soak)
	}
	if len(silent) > 0 {
		return runbook.Estimate{Basis: fmt.Sprintf("the runbook does not say how long these steps take: %s", strings.Join(silent, ", "))}
	}
	return runbook.Estimate{Seconds: &sum, Basis: strings.Join(basis, "; ")}
}

// whole is how long all waves take: the longest member of each, one after the
// other.
func whole(p runbook.Plan, members []runbook.LiveMember) runbook.Estimate {
	sum, i := 0.0, 0
	for _, w := range p.Waves {
		longest := 0.0
		for range w.Members {
			e := members[i].Expected
			if e.Seconds == nil {
				return runbook.Estimate{Basis: fmt.Sprintf("not known for %s: %s", members[i].Resource, e.Basis)}
			}
			longest = max(longest, *e.Seconds)
			i++
		}
		sum += longest
	}
	basis := "the longest member of each wave"
	if len(members) == 1 {
		basis = members[0].Expected.Basis
	}
	return runbook.Estimate{Seconds: &sum, Basis: basis}
}

// loss bounds what a run may lose, from what was observed. No bound is ever zero
// because nothing is known, and a heartbeat alone bounds nothing from below.
func loss(t runbook.Type, m runbook.MemberPlan, r readiness.Result, before check.Memory) runbook.LossEstimate {
	now := exposure(r)
	switch t {
	case runbook.Failover:
		e := runbook.LossEstimate{Method: "not known: the exposure could not be read"}
		if now.bytes != "" || now.seconds != "" {
			if now.limit != nil && *now.limit >= 10*time.Millisecond {
				e.AtMost = now.seconds // nothing seen to be missing is no bound of nothing
			}
			e.Method = fmt.Sprintf("exposure observed at %s%s; it grows until the old primary is proved fenced, so it is a bound for that moment only", now.at.UTC().Format(time.RFC3339), paren(now.bytes))
			return e
		}
		if at, what := lastKnown(m, r, before); what != "" {
			e.AtLeast = what
			e.Method = fmt.Sprintf("newest position read of the old primary, at %s, minus what the target has now; the upper bound is not known: nobody sees what it wrote since", at.UTC().Format(time.RFC3339))
		}
		return e
	case runbook.Drill:
		return runbook.LossEstimate{Method: "the drill does not touch what production wrote; nothing else is claimed"}
	default:
		method := "planned: the run stops before the point of no return unless it proves that the target has everything; before that nothing is claimed"
		if now.bytes != "" {
			method += fmt.Sprintf(". Exposure observed at %s: %s", now.at.UTC().Format(time.RFC3339), now.bytes)
		}
		return runbook.LossEstimate{Method: method}
	}
}

type exposed struct {
	bytes, seconds string
	limit          *time.Duration // upper bound in time
	at             time.Time
}

// exposure is what DR lacks, as this sweep read it.
func exposure(r readiness.Result) exposed {
	var e exposed
	if o, ok := reading(r, "", "replication.exposure_bytes"); ok {
		if n, isNumber := o.Value.Number(); isNumber && n >= 0 {
			e.bytes, e.at = bytesText(n), o.ObservedAt
		}
	}
	if o, ok := reading(r, "", "replication.exposure_seconds"); ok {
		if n, isNumber := o.Value.Number(); isNumber && n >= 0 {
			d := time.Duration(n * float64(time.Second))
			e.limit, e.seconds, e.at = &d, seconds2(n), o.ObservedAt
		}
	}
	return e
}

// lastKnown is how much more the old primary had when it was last read than the
// target has now, in bytes of WAL. It is a lower bound and nothing else.
func lastKnown(m runbook.MemberPlan, r readiness.Result, before check.Memory) (time.Time, string) {
	var last readiness.Observation
	for _, o := range before.Observations {
		if o.Indicator == "wal.position_bytes" && o.ObservedAt.After(last.ObservedAt) {
			last = o
		}
	}
	had, ok := last.Value.Number()
	if !ok {
		return time.Time{}, ""
	}
	best, found := 0.0, false
	for endpoint := range m.Topology {
		applied, ok := reading(r, endpoint, "replay.position_bytes")
		if !ok {
			continue
		}
		n, _ := applied.Value.Number()
		if backlog, ok := reading(r, endpoint, "replay.backlog_bytes"); ok {
			b, _ := backlog.Value.Number()
			n += b
		} else {
			continue // what was received and not applied is not lost
		}
		best, found = max(best, n), true
	}
	if !found || had <= best {
		return time.Time{}, ""
	}
	return last.ObservedAt, bytesText(had-best) + " of WAL"
}

// lossRefusals are what SI-25 has against a failover.
func lossRefusals(p runbook.Plan, m runbook.MemberPlan, r readiness.Result, lossy bool) []runbook.Refusal {
	if p.Type != runbook.Failover || !lossy {
		return nil
	}
	e := exposure(r)
	switch {
	case p.MaxLoss == nil:
		return []runbook.Refusal{{Resource: m.Resource, Rule: "SI-25", Message: "a failover may lose data, and no ceiling is given",
			Next: "give --max-loss, the most that may be lost, as time"}}
	case e.limit == nil:
		for _, a := range p.Accept {
			if a.Code == readiness.RPOUnproven {
				return nil
			}
		}
		return []runbook.Refusal{{Resource: m.Resource, Rule: "SI-25", Message: fmt.Sprintf("how much would be lost is not known in time, and the ceiling is %s", p.MaxLoss),
			Next: "accept it by name: --accept RPO_UNPROVEN=REASON"}}
	case *e.limit > p.MaxLoss.Std():
		return []runbook.Refusal{{Resource: m.Resource, Rule: "SI-25", Message: fmt.Sprintf("up to %s could be lost, and the ceiling is %s", e.seconds, p.MaxLoss),
			Next: "raise --max-loss in a new request, which is approved anew"}}
	default:
		return nil
	}
}

// wayBack says how one gets back, before and after the point of no return.
func wayBack(repo *config.Repo, m runbook.MemberPlan, r readiness.Result) string {
	var parts []string
	if m.PointOfNoReturn == "" {
		parts = append(parts, "nothing is done that cannot be taken back")
	} else if undo := undoable(m); undo > 0 {
		parts = append(parts, fmt.Sprintf("before %q: %s of the runbook can be taken back", m.PointOfNoReturn, count(undo, "step", "steps")))
	} else {
		parts = append(parts, fmt.Sprintf("before %q: stop; no step changes anything that has to be taken back", m.PointOfNoReturn))
	}
	if m.PointOfNoReturn == "" {
		return strings.Join(parts, "")
	}
	res, ok := repo.Resource(m.Resource)
	if !ok || res.Spec.Procedures.Failback == nil {
		return parts[0] + fmt.Sprintf("; after it: no failback procedure is declared for %s", m.Resource)
	}
	after := fmt.Sprintf("after it: bcctl request new failback %s --to %s", m.Resource, m.From)
	if slower, ok := reading(r, "", "settings.rewind"); ok && len(slower.Findings) > 0 {
		after += ", which has to build the old side anew: it could not be rewound"
	}
	return parts[0] + "; " + after
}

func undoable(m runbook.MemberPlan) int {
	n := 0
	for _, s := range m.Steps {
		if s.ID == m.PointOfNoReturn {
			break
		}
		if s.Undo != nil {
			n++
		}
	}
	return n
}

func paren(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// seconds2 shows seconds as people read them.
func seconds2(n float64) string {
	d := time.Duration(n * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return duration.Duration(d.Round(time.Second)).String()
}

func bytesText(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n >= 1024 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}
