package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// scopes from the least to the most specific; each matches the subject below.
var scopes = []rules.Scope{
	{}, {Platform: "postgresql"},
	{Tier: 1}, {Tier: 1, Platform: "postgresql"},
	{Labels: map[string]string{"app": "pay"}}, {Labels: map[string]string{"app": "pay"}, Platform: "postgresql"},
	{Group: "payments"}, {Group: "payments", Platform: "postgresql"},
	{Resource: "ledger"}, {Resource: "ledger", Platform: "postgresql"},
}

func scoped() rules.Subject {
	sub := ledger
	sub.Labels, sub.Groups = map[string]string{"app": "pay", "x": "y"}, []string{"other", "payments"}
	return sub
}

// Of every two matching scopes the more specific one decides, in whatever order
// they are given: resource > group > label > tier > default, and a platform
// narrows within its rank.
func TestMoreSpecificScopeDecides(t *testing.T) {
	t.Parallel()
	for i, weak := range scopes {
		for k := i + 1; k < len(scopes); k++ {
			weakPolicy := policyWith(weak, "1MiB", time.Minute)
			strongPolicy := policyWith(scopes[k], "9MiB", 9*time.Minute)
			for _, order := range [][]rules.Policy{{weakPolicy, strongPolicy}, {strongPolicy, weakPolicy}} {
				j := judge(t, scoped(), order...)
				limits, _ := j.Limits(lag)
				if limits.Yellow == nil || limits.Yellow.Raise != 9<<20 {
					t.Errorf("%+v lost its threshold against %+v", scopes[k], weak)
				}
				if j.MaxAge != 9*time.Minute || j.VisibilityGrace != 9*time.Minute || j.ReminderEvery != 9*time.Minute {
					t.Errorf("%+v lost max age %s, grace %s or reminder %s against %+v", scopes[k], j.MaxAge, j.VisibilityGrace, j.ReminderEvery, weak)
				}
			}
		}
	}
}

func policyWith(s rules.Scope, limit rules.Quantity, d time.Duration) rules.Policy {
	return rules.Policy{Scope: s, MaxAge: dur(d), VisibilityGrace: dur(d), ReminderEvery: dur(d),
		Thresholds: map[readiness.ID]rules.Threshold{lag: {Yellow: level(limit)}}}
}

func TestScopeMatches(t *testing.T) {
	t.Parallel()
	sub := scoped()
	for _, s := range scopes {
		if !s.Matches(sub) {
			t.Errorf("%+v does not match", s)
		}
	}
	for _, s := range []rules.Scope{
		{Tier: 2}, {Platform: "mongodb"}, {Resource: "ledge"}, {Group: "pay"}, {Labels: map[string]string{"app": "pay", "x": "z"}},
		{Labels: map[string]string{"missing": ""}}, {Resource: "ledger", Platform: "mongodb"}, {Group: "payments", Tier: 2},
	} {
		if s.Matches(sub) {
			t.Errorf("%+v matches", s)
		}
	}
}

// The winner of an indicator decides about it whole: it does not inherit the
// loser's red limit. About other indicators it says nothing.
func TestWinnerDecidesAnIndicatorWhole(t *testing.T) {
	t.Parallel()
	j := judge(t, scoped(),
		rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{
			lag: {Yellow: level("1MiB"), Red: level("2MiB"), MaxAge: dur(time.Hour), ClearFor: dur(time.Hour)}, free: {Red: level("5MiB")}}},
		rules.Policy{Scope: rules.Scope{Tier: 1}, Thresholds: map[readiness.ID]rules.Threshold{lag: {Yellow: level("3MiB")}}})
	limits, _ := j.Limits(lag)
	if limits.Red != nil || limits.MaxAge != 0 || limits.ClearFor != 0 || limits.Source != "b.yaml:1" {
		t.Errorf("lag has %+v, want the tier policy's yellow alone", limits)
	}
	if limits, ok := j.Limits(free); !ok || limits.Red == nil || limits.Source != "a.yaml:1" {
		t.Errorf("free has %+v", limits)
	}
}

// What the resource document itself says wins over a policy for that resource.
func TestOwnThresholdsWin(t *testing.T) {
	t.Parallel()
	sub := scoped()
	sub.Own = rules.Document{Source: "ledger.yaml:1", Policy: rules.Policy{
		Thresholds: map[readiness.ID]rules.Threshold{lag: {Red: level("7MiB")}}, Require: map[readiness.ID]bool{archive: true, lag: false}}}
	j := judge(t, sub, rules.Policy{Scope: rules.Scope{Resource: "ledger", Platform: "postgresql"},
		Thresholds: map[readiness.ID]rules.Threshold{lag: {Yellow: level("1MiB")}}, Require: map[readiness.ID]bool{archive: false, lag: true}})
	if limits, _ := j.Limits(lag); limits.Yellow != nil || limits.Red == nil || limits.Source != "ledger.yaml:1" {
		t.Errorf("lag has %+v", limits)
	}
	expect(t, now(j, without(lag, healthy())), readiness.Unknown, readiness.IndicatorMissing)
	expect(t, now(j, without(lag, healthy(read(archive, readiness.Str("ok"))))), readiness.Green)
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for tier, want := range map[int]struct{ grace, after time.Duration }{
		1: {2 * time.Minute, time.Minute}, 2: {10 * time.Minute, 5 * time.Minute}, 0: {10 * time.Minute, 5 * time.Minute},
	} {
		sub := ledger
		sub.Tier = tier
		j := judge(t, sub)
		if j.MaxAge != time.Minute || j.VisibilityGrace != want.grace || j.AlertAfter(lag) != want.after || j.ReminderEvery != 4*time.Hour {
			t.Errorf("tier %d: max age %s, grace %s, alert after %s, reminder %s", tier, j.MaxAge, j.VisibilityGrace, j.AlertAfter(lag), j.ReminderEvery)
		}
	}
	j := judge(t, ledger, rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{lag: {Red: level("1MiB"), For: dur(7 * time.Second)}}})
	if j.AlertAfter(lag) != 7*time.Second || j.AlertAfter(free) != time.Minute {
		t.Errorf("alert after %s and %s", j.AlertAfter(lag), j.AlertAfter(free))
	}
}

// The objectives of a resource are limits without any policy; half of one is
// yellow. An objective too short to halve has no yellow that is always reached.
func TestObjectivesAreLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rpo    time.Duration
		value  float64
		status readiness.Status
		codes  []readiness.Code
	}{
		{0, 1e6, readiness.Green, nil},
		{time.Minute, 29, readiness.Green, nil},
		{time.Minute, 30, readiness.Yellow, []readiness.Code{readiness.LagNearRPO}},
		{time.Minute, 60, readiness.Red, []readiness.Code{readiness.LagOverRPO}},
		{time.Millisecond, 0, readiness.Green, nil},
		{time.Millisecond, 0.001, readiness.Red, []readiness.Code{readiness.LagOverRPO}},
	} {
		sub := ledger
		sub.Objectives.RPO = tt.rpo
		expect(t, now(judge(t, sub), healthy(read(exposure, readiness.Num(tt.value)))), tt.status, tt.codes...)
	}
}

// A limit that does not fit its unit is an error that names every such limit, in
// the same order each time.
func TestLimitsThatDoNotFitAreNamedInOrder(t *testing.T) {
	t.Parallel()
	policy := rules.Policy{Thresholds: map[readiness.ID]rules.Threshold{
		lag: {Yellow: level("30s")}, exposure: {Red: level("5")}, free: {Red: &rules.Level{Raise: "1MiB", Clear: quantity("soon")}}, archive: {Yellow: level("many")}}}
	first := ""
	for range 20 {
		set, err := rules.NewSet([]rules.Document{{Policy: policy, Source: "p.yaml:1",
			At: func(path ...any) string { return fmt.Sprint("p.yaml:", len(path), " ", path[len(path)-1]) }}}, catalog)
		if err != nil {
			t.Fatal(err)
		}
		_, err = set.For(ledger)
		if err == nil {
			t.Fatal("no error")
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Fatalf("two errors for one policy:\n%s\n%s", err, first)
		}
	}
	lines := strings.Split(first, "\n")
	if len(lines) != 4 || !slices.IsSorted(lines) {
		t.Errorf("problems:\n%s", first)
	}
	for _, want := range []string{"p.yaml:2 " + string(lag), `"30s" is not a size`, `"5" is not a duration`, `"soon" is not a size`, `"many" is not a number`} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
}
