// Package check is everything of `bcctl check` but the printing: collect in
// parallel, judge, compare with the run before, record.
package check

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Runner sweeps targets. In continuous mode one Runner makes many sweeps and
// keeps its connectors open between them. It is used by one goroutine at a time.
type Runner struct {
	Registry connectors.Registry
	Secrets  Secrets
	Store    Store // nil: no history, no hysteresis, no grace
	Version  string

	Parallel      int           // targets worked on at once, at least 1; those that only wait are not counted
	TargetTimeout time.Duration // all work on one target
	KeepOpen      bool          // keep connections between sweeps
	MaxAge        time.Duration // overrides every maximum age of observations when positive

	Now      func() time.Time
	Progress func(Progress) // called after each target, from several goroutines one at a time; may be nil

	open map[string]connectors.Connector
}

// Sweep is what one run looks at.
type Sweep struct {
	Repo    *config.Repo
	Rules   *rules.Set
	Commit  string
	Targets []*config.Resource
	Groups  []*config.Group
	Replay  *Recording // judge these instead of connecting

	// Residues tells what runs have left without protection; nil where there are no runs.
	// It is asked once a sweep, while targets are read.
	Residues func(context.Context) Residues
}

// Progress tells how far a sweep is.
type Progress struct {
	Done, Total int
	Counts      Counts
	Slowest     string
	SlowestTook time.Duration
}

// Run makes one sweep. It returns a report whatever the targets do; the error is
// about the sweep itself. A store that fails is a warning in the report: history
// is lost, the verdict is not.
func (r *Runner) Run(ctx context.Context, s Sweep) (Report, error) {
	report := Report{Schema: ReportSchema, Bcctl: r.Version, Commit: s.Commit, RunID: newRunID(), StartedAt: r.now(s), Results: []readiness.Result{}}
	if s.Replay != nil {
		report.Replay = &Replay{RecordedAt: s.Replay.RecordedAt}
	}
	before, loaded := r.load(ctx, s, &report)
	protection := r.protection(ctx, s)
	judged, err := r.judgeAll(ctx, s, before, protection)
	if err != nil {
		return report, err
	}
	if w := protection().warning(); w != "" {
		report.Warnings = append(report.Warnings, w)
	}
	report.FinishedAt = r.now(s)
	resources, memories := map[string]readiness.Result{}, map[string]Memory{}
	for _, j := range judged {
		// A sweep may take longer than evidence lasts: the report is about its end.
		result := j.result.At(report.FinishedAt)
		resources[result.Name] = result
		report.Results = append(report.Results, result)
		report.Transitions = append(report.Transitions, j.transitions...)
		if loaded {
			j.memory.Last = &result
			memories[result.Name] = j.memory
		}
	}
	report.Results = append(report.Results, groupResults(report.FinishedAt, s.Repo, s.Groups, resources)...)
	report.Summarize()
	if r.Store != nil {
		// The run is over even when its context is: what is known is still kept.
		saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if err := r.Store.Save(saving, report, memories); err != nil {
			report.Warnings = append(report.Warnings, "history was not kept: "+err.Error())
		}
	}
	return report, nil
}

// Close ends all kept connectors.
func (r *Runner) Close() error {
	var wg sync.WaitGroup
	for _, c := range r.open {
		wg.Go(func() { _ = c.Close() }) // a goodbye that fails changes nothing
	}
	wg.Wait()
	r.open = nil
	return nil
}

// now is the time of a sweep, in UTC as every report is.
func (r *Runner) now(s Sweep) time.Time {
	if s.Replay != nil {
		return s.Replay.RecordedAt.UTC()
	}
	return r.Now().UTC()
}

// load gets what the run before left. Where that cannot be read it must not be
// replaced either: an alert that was raised could never be cleared.
func (r *Runner) load(ctx context.Context, s Sweep, report *Report) (before map[string]Memory, ok bool) {
	if r.Store == nil {
		return nil, true
	}
	var names []string
	for _, t := range s.Targets {
		names = append(names, t.Name())
	}
	loaded, err := r.Store.Load(ctx, names)
	if err != nil {
		report.Warnings = append(report.Warnings, "history could not be read: "+err.Error())
		return nil, false
	}
	return loaded, true
}

// judged is one target's share of a report.
type judged struct {
	result      readiness.Result
	transitions []Transition
	memory      Memory
}

func (r *Runner) judgeAll(ctx context.Context, s Sweep, memories map[string]Memory, protection func() protections) ([]judged, error) {
	out := make([]judged, len(s.Targets))
	progress := Progress{Total: len(s.Targets)}
	if r.open == nil {
		r.open = map[string]connectors.Connector{}
	}
	var mu sync.Mutex // guards progress, r.open
	places := newPlaces(max(r.Parallel, 1))
	var group errgroup.Group
	group.SetLimit(crowd * cap(places))
	for i, target := range s.Targets {
		giveBack := places.take()
		group.Go(func() error {
			defer giveBack()
			memory := memories[target.Name()]
			read := r.read(ctx, s, target, memory, &mu)
			j, err := r.judge(s, target, slices.Concat(read.observations, protection().observed(target.Name(), memory)), memory)
			if err != nil {
				return err
			}
			out[i] = j
			mu.Lock()
			defer mu.Unlock()
			progress.add(target.Name(), j.result.Status, read.took)
			if r.Progress != nil {
				r.Progress(progress)
			}
			return nil
		})
	}
	return out, group.Wait()
}

// read gets the observations of one target: recorded ones, or live.
func (r *Runner) read(ctx context.Context, s Sweep, target *config.Resource, memory Memory, mu *sync.Mutex) collected {
	name := target.Name()
	if s.Replay != nil {
		return collected{observations: s.Replay.Of(name)}
	}
	if ctx.Err() != nil {
		return collected{observations: collectorFailed(name, r.Now(), "the check was interrupted before this target was read")}
	}
	factory, ok := r.Registry[target.Spec.Platform]
	if !ok {
		message := fmt.Sprintf("bcctl %s has no connector for platform %q", r.Version, target.Spec.Platform)
		return collected{observations: []readiness.Observation{failedTarget(name, r.Now(), readiness.PlatformUnsupported, message)}}
	}
	mu.Lock()
	connector := r.open[name]
	delete(r.open, name)
	mu.Unlock()
	if connector == nil {
		var err error
		if connector, err = factory.Open(r.spec(s, target, memory)); err != nil {
			return collected{observations: collectorFailed(name, r.Now(), "prepare the connection: "+err.Error())}
		}
	}
	read := collect(ctx, connector, name, r.TargetTimeout, r.Now)
	if read.whole {
		read.observations = slices.Concat(read.observations, unmentioned(target, read.observations, r.Now()))
	}
	switch {
	case read.broken:
		leave(connector, read.over)
	case r.KeepOpen:
		mu.Lock()
		r.open[name] = connector
		mu.Unlock()
	default:
		_ = connector.Close() // a goodbye that fails changes nothing
	}
	return read
}

func (r *Runner) spec(s Sweep, target *config.Resource, memory Memory) connectors.Spec {
	spec := Spec(s.Repo, target, r.Secrets)
	// Half for the first answers, the rest for second questions and for reporting.
	spec.EndpointTimeout = r.TargetTimeout / 2
	spec.KeepOpen = r.KeepOpen
	spec.Now = r.Now
	spec.Previous = newPrevious(memory.Observations).find
	return spec
}

// judge evaluates one target and works out what changed.
func (r *Runner) judge(s Sweep, target *config.Resource, observations []readiness.Observation, memory Memory) (judged, error) {
	j, err := s.Rules.For(Subject(s.Repo, target))
	if err != nil {
		return judged{}, fmt.Errorf("rules for %q: %w", target.Name(), err)
	}
	if r.MaxAge > 0 {
		j.OverrideMaxAge(r.MaxAge)
	}
	state := readEpisodes(memory.Episodes)
	now := r.now(s)
	result, ruleState := j.Evaluate(now, observations, state.Rules)
	result.Owner = target.Spec.Owner
	result.File = target.Origin.File
	result.Line, _ = target.Origin.At()
	sites := map[string]string{}
	for _, e := range target.Spec.Endpoints {
		sites[e.Name] = e.Site
	}
	for i := range result.Children {
		result.Children[i].Site = sites[result.Children[i].Name]
	}
	alerts, transitions := advance(state.Alerts, result, j, now)
	next := Memory{Observations: merge(memory.Observations, observations), SavedAt: now, LastKnownGood: memory.LastKnownGood}
	if result.Status == readiness.Green {
		next.LastKnownGood = lastKnownGood(result)
	} else {
		result.LastKnownGood = memory.LastKnownGood
	}
	if next.Episodes, err = json.Marshal(episodes{Rules: ruleState, Alerts: alerts}); err != nil {
		return judged{}, fmt.Errorf("keep the state of %q: %w", target.Name(), err)
	}
	return judged{result: result, transitions: transitions, memory: next}, nil
}

func (p *Progress) add(name string, s readiness.Status, took time.Duration) {
	p.Done++
	p.Counts.add(s)
	if took > p.SlowestTook {
		p.Slowest, p.SlowestTook = name, took
	}
}

func (c *Counts) add(s readiness.Status) {
	switch s {
	case readiness.Red:
		c.Red++
	case readiness.Yellow:
		c.Yellow++
	case readiness.Green:
		c.Green++
	default:
		c.Unknown++
	}
}

// Summarize sorts the results worst first and works out the verdict over them.
func (r *Report) Summarize() {
	slices.SortStableFunc(r.Results, func(a, b readiness.Result) int {
		switch {
		case a.Status.Worse(b.Status):
			return -1
		case b.Status.Worse(a.Status):
			return 1
		default:
			return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Name, b.Name)) // resources before groups
		}
	})
	var statuses []readiness.Status
	r.Counts = Counts{}
	for _, result := range r.Results {
		statuses = append(statuses, result.Status)
		if result.Kind == readiness.KindResource {
			r.Counts.add(result.Status)
		}
	}
	r.Verdict = readiness.Worst(statuses...)
	if r.Transitions == nil {
		r.Transitions = []Transition{}
	}
	slices.SortStableFunc(r.Transitions, func(a, b Transition) int { return cmp.Compare(a.Target, b.Target) })
}

func newRunID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails (Go 1.24)
	return hex.EncodeToString(b[:])
}
