// Package plan makes a runbook.Plan of a configuration and of what the servers say
// now. It reads; it changes nothing (SI-30): the sweep writes no heartbeat and no
// history, prechecks use the monitoring login, and no program of a runbook is run.
package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Source is a configuration at a commit.
type Source struct {
	Repo   *config.Repo
	Rules  *rules.Set
	FS     fs.FS // the files the documents were read from
	Commit string
	Replay *check.Recording // judge these instead of connecting; prechecks are not made then
}

// Maker makes plans.
type Maker struct {
	Registry connectors.Registry
	Secrets  check.Secrets
	Store    check.Store // read only; nil: nothing is known of earlier checks
	Version  string

	Parallel      int           // resources worked on at once, at least 1
	TargetTimeout time.Duration // the sweep of one resource, and all prechecks of one resource
	Now           func() time.Time

	// RunFollows leaves the prechecks to the run that starts at once and makes them itself:
	// a plan decides nothing, and in an emergency every look costs time.
	RunFollows bool

	Progress func(check.Progress) // of the sweep; may be nil
}

// ErrWish is in errors of Make that are about what was asked for, not about servers.
var ErrWish = errors.New("no plan")

// Make compiles a wish against live state. The error is about the documents and the
// wish; what servers do or do not answer is in the plan.
func (m *Maker) Make(ctx context.Context, src Source, wish runbook.Wish, by By) (runbook.Plan, error) {
	scope, err := m.scope(src, wish)
	if err != nil {
		return runbook.Plan{}, fmt.Errorf("%w: %w", ErrWish, err)
	}
	// The first time without topology, to learn which resources are in it and whether
	// it can be a plan at all before anybody waits for a server.
	draft, err := runbook.Compile(scope)
	if err != nil {
		return runbook.Plan{}, fmt.Errorf("%w: %w", ErrWish, err)
	}
	seen, err := m.sweep(ctx, src, draft)
	if err != nil {
		return runbook.Plan{}, err
	}
	for name, s := range seen.results {
		member := scope.Members[name]
		member.Topology = topology(member, s)
		scope.Members[name] = member
	}
	p, err := runbook.Compile(scope)
	if err != nil {
		return runbook.Plan{}, fmt.Errorf("%w: %w", ErrWish, err)
	}
	p.Live = m.live(ctx, src, scope, p, seen, &by)
	Freeze(&p, src.Repo, by)
	return p, nil
}

// sweepSeen is what one sweep saw.
type sweepSeen struct {
	results  map[string]readiness.Result
	before   map[string]check.Memory
	warnings []string
}

// sweep looks at every resource of a plan once.
func (m *Maker) sweep(ctx context.Context, src Source, p runbook.Plan) (sweepSeen, error) {
	s := check.Sweep{Repo: src.Repo, Rules: src.Rules, Commit: src.Commit, Replay: src.Replay}
	var names []string
	for _, member := range p.Members() {
		res, ok := src.Repo.Resource(member.Resource)
		if !ok {
			return sweepSeen{}, fmt.Errorf("resource %q was planned and is not there", member.Resource)
		}
		s.Targets = append(s.Targets, quiet(res))
		names = append(names, member.Resource)
	}
	remembered := &onlyLoad{store: m.Store}
	r := check.Runner{
		Registry: m.Registry, Secrets: m.Secrets, Version: m.Version, Store: remembered,
		Parallel: max(m.Parallel, 1), TargetTimeout: m.TargetTimeout, Now: m.Now, Progress: m.Progress,
	}
	report, err := r.Run(ctx, s)
	if err != nil {
		return sweepSeen{}, fmt.Errorf("look at the targets: %w", err)
	}
	seen := sweepSeen{results: map[string]readiness.Result{}, before: remembered.loaded, warnings: report.Warnings}
	for _, result := range report.Results {
		if slices.Contains(names, result.Name) {
			seen.results[result.Name] = result
		}
	}
	return seen, nil
}

// quiet is a resource whose heartbeat is read and not written.
func quiet(res *config.Resource) *config.Resource {
	if res.Spec.Heartbeat == nil || !res.Spec.Heartbeat.Write {
		return res
	}
	silent := *res
	heartbeat := *res.Spec.Heartbeat
	heartbeat.Write = false
	silent.Spec.Heartbeat = &heartbeat
	return &silent
}

// onlyLoad lets a sweep see the runs before it and leave nothing behind.
type onlyLoad struct {
	store  check.Store
	loaded map[string]check.Memory
}

// Load returns what the store has.
func (o *onlyLoad) Load(ctx context.Context, targets []string) (map[string]check.Memory, error) {
	if o.store == nil {
		return nil, nil
	}
	var err error
	o.loaded, err = o.store.Load(ctx, targets)
	return o.loaded, err
}

// Save does nothing.
func (*onlyLoad) Save(context.Context, check.Report, map[string]check.Memory) error { return nil }

// live is everything of a plan that was measured or looked up.
func (m *Maker) live(ctx context.Context, src Source, scope runbook.Scope, p runbook.Plan, seen sweepSeen, by *By) runbook.Live {
	live := runbook.Live{At: m.Now().UTC()}
	checked := m.prechecks(ctx, src, p, seen.before)
	for i, member := range p.Members() {
		result := seen.results[member.Resource]
		seenMember := runbook.LiveMember{
			Resource:  member.Resource,
			Status:    result.Status.String(),
			Prechecks: checked[i].seen,
			Expected:  expected(member, result),
			Loss:      loss(p.Type, member, result, seen.before[member.Resource]),
			Return:    wayBack(src.Repo, member, result),
		}
		live.Members = append(live.Members, seenMember)
		live.Unchecked = append(live.Unchecked, checked[i].unchecked...)
		live.Unchecked = append(live.Unchecked, m.outOfReach(scope, member)...)
		live.Refusals = append(live.Refusals, lossRefusals(p, member, result, m.lossy(scope, member))...)
	}
	live.Unchecked = append(live.Unchecked, elsewhere(scope, p, slices.ContainsFunc(src.Repo.Calendars, func(c *config.Calendar) bool { return len(c.Spec.AfterFailover) > 0 }))...)
	for _, warning := range seen.warnings {
		live.Unchecked = append(live.Unchecked, runbook.Unchecked{What: "earlier checks", Why: warning})
	}
	if schedule, ok := src.Repo.Schedule(scope.Wish.Schedule); ok {
		by.owner = schedule.Spec.Owner
	}
	var refusals []runbook.Refusal
	live.Approvers, refusals = approvers(src.Repo, p, *by, live.At)
	live.Refusals = append(live.Refusals, refusals...)
	live.Expected = whole(p, live.Members)
	return live
}

// Refused reports whether a plan could not be carried out as things stand: a
// precheck refused or could not tell, or something else is in the way.
func Refused(p runbook.Plan) bool {
	if len(p.Live.Refusals) > 0 {
		return true
	}
	for _, member := range p.Live.Members {
		for _, c := range member.Prechecks {
			if c.Result == string(connectors.Refused) || c.Result == string(connectors.Unknown) {
				return true
			}
		}
	}
	return false
}
