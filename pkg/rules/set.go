package rules

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Document is a policy with the place it came from.
type Document struct {
	Policy Policy
	Source string // "policies/default.yaml:1"
	// At gives the place of a part of the policy, for messages and reasons; nil
	// means Source for all parts.
	At func(path ...any) string
}

func (d Document) at(path ...any) string {
	if d.At == nil {
		return d.Source
	}
	return d.At(path...)
}

// Objectives are a resource's recovery objectives; zero means none was set.
type Objectives struct {
	RPO time.Duration // at most this much data, in time, may be lost
	RTO time.Duration // at most this long may the service be away
}

// Subject is what the rules need to know about a resource.
type Subject struct {
	Name        string
	Platform    string
	Tier        int
	Environment string
	Labels      map[string]string
	Groups      []string
	Objectives  Objectives
	// Own holds the thresholds and requirements that the resource document itself
	// carries; they win over every policy.
	Own Document
}

// Set is all policies of a repository, ready to judge.
type Set struct {
	documents []compiled
	catalog   func(platform string) []readiness.Indicator
}

type compiled struct {
	Document
	expressions []program
}

// NewSet compiles the expressions of all policies. The error joins one line per
// expression that does not compile, with its place.
func NewSet(documents []Document, catalog func(platform string) []readiness.Indicator) (*Set, error) {
	s := &Set{catalog: catalog}
	var problems []error
	for _, d := range documents {
		c := compiled{Document: d}
		for i, e := range d.Policy.Expressions {
			p, err := compile(e)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: expression %q: %w", d.at("expressions", i, "expr"), e.Name, err))
				continue
			}
			p.source = d.at("expressions", i, "expr")
			c.expressions = append(c.expressions, p)
		}
		s.documents = append(s.documents, c)
	}
	return s, errors.Join(problems...)
}

// Specificity orders scopes: resource > group > label > tier > default. A
// platform narrows a scope within its rank.
func (s Scope) Specificity() int {
	rank := 0
	switch {
	case s.Resource != "":
		rank = 8
	case s.Group != "":
		rank = 6
	case len(s.Labels) > 0:
		rank = 4
	case s.Tier != 0:
		rank = 2
	}
	if s.Platform != "" {
		rank++
	}
	return rank
}

// Matches reports whether the scope covers a resource.
func (s Scope) Matches(sub Subject) bool {
	if s.Tier != 0 && s.Tier != sub.Tier || s.Platform != "" && s.Platform != sub.Platform ||
		s.Resource != "" && s.Resource != sub.Name || s.Group != "" && !slices.Contains(sub.Groups, s.Group) {
		return false
	}
	for k, v := range s.Labels {
		if have, ok := sub.Labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// Limits are the numbers of a threshold in its indicator's unit, with where they
// were written.
type Limits struct {
	Yellow, Red *Limit
	For         time.Duration
	ClearFor    time.Duration
	MaxAge      time.Duration
	Source      string
}

// Limit is one level of a threshold.
type Limit struct{ Raise, Clear float64 }

// Judge is a Set as it applies to one resource.
type Judge struct {
	Subject         Subject
	MaxAge          time.Duration
	VisibilityGrace time.Duration
	ReminderEvery   time.Duration
	indicators      map[readiness.ID]readiness.Indicator
	required        map[readiness.ID]bool
	limits          map[readiness.ID]Limits
	severities      map[readiness.Code]readiness.Status
	expressions     []program
	oneAge          bool // MaxAge holds for all indicators
}

// Defaults that apply where no policy says otherwise (docs/rules.md).
const (
	defaultMaxAge        = time.Minute
	defaultReminderEvery = 4 * time.Hour
)

// DefaultFor is how long a breach must last before it is alerted, by tier.
func DefaultFor(tier int) time.Duration {
	if tier == 1 {
		return time.Minute
	}
	return 5 * time.Minute
}

func defaultGrace(tier int) time.Duration {
	if tier == 1 {
		return 2 * time.Minute
	}
	return 10 * time.Minute
}

// For works out what applies to one resource. The error is about a quantity that
// does not fit its indicator, which `bcctl validate` reports with its place.
func (s *Set) For(sub Subject) (*Judge, error) {
	j := &Judge{
		Subject: sub, MaxAge: defaultMaxAge, VisibilityGrace: defaultGrace(sub.Tier), ReminderEvery: defaultReminderEvery,
		indicators: map[readiness.ID]readiness.Indicator{}, required: map[readiness.ID]bool{},
		limits: map[readiness.ID]Limits{}, severities: map[readiness.Code]readiness.Status{},
	}
	for _, i := range s.catalog(sub.Platform) {
		j.indicators[i.ID] = i
		j.required[i.ID] = i.Required
	}
	var problems []error
	if err := j.apply(builtin(sub, j.indicators)); err != nil {
		problems = append(problems, err)
	}
	matching := slices.DeleteFunc(slices.Clone(s.documents), func(c compiled) bool { return !c.Policy.Scope.Matches(sub) })
	slices.SortStableFunc(matching, func(a, b compiled) int {
		return cmp.Compare(a.Policy.Scope.Specificity(), b.Policy.Scope.Specificity())
	})
	for _, c := range matching { // least specific first: the last word counts
		if err := j.apply(c.Document); err != nil {
			problems = append(problems, err)
		}
		j.expressions = append(j.expressions, c.expressions...)
	}
	if err := j.apply(sub.Own); err != nil {
		problems = append(problems, err)
	}
	return j, errors.Join(problems...)
}

func (j *Judge) apply(d Document) error {
	p := d.Policy
	set(&j.MaxAge, p.MaxAge)
	set(&j.VisibilityGrace, p.VisibilityGrace)
	set(&j.ReminderEvery, p.ReminderEvery)
	maps.Copy(j.severities, p.Severities)
	for id, required := range p.Require {
		if _, known := j.indicators[id]; known {
			j.required[id] = required
		}
	}
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(p.Thresholds)) {
		t := p.Thresholds[id]
		indicator, known := j.indicators[id]
		if !known {
			continue // of another platform; validate has checked the name
		}
		limits, err := t.limits(indicator.Unit)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: threshold of %s: %w", d.at("thresholds", string(id)), id, err))
			continue
		}
		limits.Source = d.at("thresholds", string(id))
		j.limits[id] = limits
	}
	return errors.Join(problems...)
}

func set(target *time.Duration, value *duration.Duration) {
	if value != nil {
		*target = value.Std()
	}
}

func (t Threshold) limits(u readiness.Unit) (Limits, error) {
	var l Limits
	var err error
	if l.Yellow, err = t.Yellow.limit(u); err != nil {
		return l, err
	}
	if l.Red, err = t.Red.limit(u); err != nil {
		return l, err
	}
	set(&l.For, t.For)
	set(&l.ClearFor, t.ClearFor)
	set(&l.MaxAge, t.MaxAge)
	return l, nil
}

func (l *Level) limit(u readiness.Unit) (*Limit, error) {
	if l == nil {
		return nil, nil
	}
	raise, err := l.Raise.In(u)
	if err != nil {
		return nil, err
	}
	limit := &Limit{Raise: raise, Clear: raise}
	if l.Clear != nil {
		if limit.Clear, err = l.Clear.In(u); err != nil {
			return nil, err
		}
	}
	return limit, nil
}

// builtin are the thresholds every resource starts with: its objectives, and a
// distance in bytes or in time at which a person should look. Half of an
// objective is a reason to look as well, except where the value rises and falls
// by itself.
func builtin(sub Subject, indicators map[readiness.ID]readiness.Indicator) Document {
	seconds := func(d time.Duration) Level { return Level{Raise: Quantity(duration.Duration(d).String())} }
	thresholds := map[readiness.ID]Threshold{
		"replication.exposure_bytes": {Yellow: &Level{Raise: "16MiB"}},
		"replication.lag_bytes":      {Yellow: &Level{Raise: "64MiB"}},
		"replay.backlog_bytes":       {Yellow: &Level{Raise: "64MiB"}},
		"archive.backlog_files":      {Yellow: &Level{Raise: "100"}},

		// Three idle entries of a MongoDB primary, which writes one every ten seconds:
		// less says nothing.
		"replication.commit_lag_seconds": {Yellow: &Level{Raise: "30s"}},
		"oplog.window_seconds":           {Yellow: &Level{Raise: "1h"}},
		"backup.log_age_seconds":         {Yellow: &Level{Raise: "1h"}},
		"log.used_ratio":                 {Yellow: &Level{Raise: "0.7"}, Red: &Level{Raise: "0.9"}},
		// Low is bad: days to renew it in, and the last of them.
		"replication.certificate_seconds": {Yellow: &Level{Raise: "30d"}, Red: &Level{Raise: "3d"}},
	}
	half := func(d time.Duration) *Level {
		if d < 2*time.Millisecond {
			return nil // durations are written in whole milliseconds, and half of one would be 0s
		}
		l := seconds(d / 2)
		return &l
	}
	if rpo := sub.Objectives.RPO; rpo > 0 {
		over := seconds(rpo)
		early := half(rpo)
		if indicators["replication.exposure_seconds"].Periodic {
			early = nil
		}
		thresholds["replication.exposure_seconds"] = Threshold{Yellow: early, Red: &over}
		thresholds["replication.planned_exposure_seconds"] = Threshold{Red: &over}
		thresholds["replication.lag_seconds"] = Threshold{Yellow: &over}
		thresholds["heartbeat.lag_seconds"] = Threshold{Yellow: &over}
		thresholds["heartbeat.committed_lag_seconds"] = Threshold{Yellow: &over}
		thresholds["shipping.copy_age_seconds"] = Threshold{Yellow: &over}
		thresholds["shipping.restore_age_seconds"] = Threshold{Yellow: &over}
	}
	if rto := sub.Objectives.RTO; rto > 0 {
		over := seconds(rto)
		thresholds["recovery.estimated_seconds"] = Threshold{Yellow: half(rto), Red: &over}
	}
	return Document{Policy: Policy{Thresholds: thresholds}, Source: "built-in"}
}

// Limits returns the limits in force for an indicator.
func (j *Judge) Limits(id readiness.ID) (Limits, bool) {
	l, ok := j.limits[id]
	return l, ok
}

// AlertAfter is how long a breach of an indicator must last before it is alerted.
func (j *Judge) AlertAfter(id readiness.ID) time.Duration {
	if l, ok := j.limits[id]; ok && l.For > 0 {
		return l.For
	}
	return DefaultFor(j.Subject.Tier)
}
