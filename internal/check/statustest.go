package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// TestOutcome is what came of one case of a StatusTest.
type TestOutcome struct {
	Test   string   `json:"test"`
	Case   string   `json:"case"`
	Place  string   `json:"place"` // file:line of the case
	Passed bool     `json:"passed"`
	Wrong  []string `json:"wrong,omitempty"` // each difference, in words
}

// RunStatusTests tries every case of a repository's StatusTests. The error is
// about a repository that package config should have refused.
func RunStatusTests(repo *config.Repo, set *rules.Set) ([]TestOutcome, error) {
	var out []TestOutcome
	for _, test := range repo.StatusTests {
		res, ok := repo.Resource(test.Spec.Resource)
		if !ok {
			return nil, fmt.Errorf("%s: resource %q does not exist", test.Origin, test.Spec.Resource)
		}
		judge, err := set.For(Subject(repo, res))
		if err != nil {
			return nil, err
		}
		for i, c := range test.Spec.Cases {
			line, _ := test.Origin.At("spec", "cases", i)
			wrong := runCase(judge, res, c)
			out = append(out, TestOutcome{Test: test.Name(), Case: c.Name, Place: fmt.Sprintf("%s:%d", test.Origin.File, line), Passed: len(wrong) == 0, Wrong: wrong})
		}
	}
	return out, nil
}

func runCase(judge *rules.Judge, res *config.Resource, c config.StatusCase) []string {
	var state rules.State
	for _, earlier := range c.Previous {
		_, state = judge.Evaluate(earlier.Now, readings(res.Name(), earlier.Now, earlier.Observations), state)
	}
	result, _ := judge.Evaluate(c.Now, readings(res.Name(), c.Now, c.Observations), state)
	var wrong []string
	if result.Status != c.Expect.Status {
		wrong = append(wrong, fmt.Sprintf("status is %s, expected %s (%s)", result.Status, c.Expect.Status, reasonList(result)))
	}
	has := func(code readiness.Code) bool {
		return slices.ContainsFunc(result.Reasons, func(r readiness.Reason) bool { return r.Code == code })
	}
	for _, code := range c.Expect.Codes {
		if !has(code) {
			wrong = append(wrong, fmt.Sprintf("%s is missing (%s)", code, reasonList(result)))
		}
	}
	for _, code := range c.Expect.Absent {
		if has(code) {
			wrong = append(wrong, fmt.Sprintf("%s is there and should not be", code))
		}
	}
	return wrong
}

func reasonList(r readiness.Result) string {
	if len(r.Reasons) == 0 {
		return "no reasons"
	}
	var list []string
	for _, reason := range r.Reasons {
		list = append(list, fmt.Sprintf("%s %s", reason.Status, reason.Code))
	}
	return "reasons: " + strings.Join(slices.Compact(list), ", ")
}

// readings are the observations a test gives, as a connector would.
func readings(target string, now time.Time, list []config.TestObservation) []readiness.Observation {
	var out []readiness.Observation
	for _, o := range list {
		reading := readiness.Observation{Target: target, Endpoint: o.Endpoint, Indicator: o.Indicator, Value: o.Value,
			ObservedAt: o.At(now), CollectedAt: now, Optional: o.Optional}
		if o.Failure != "" {
			reading.Failure = &readiness.Finding{Code: o.Failure, Message: "given by the test"}
		}
		for _, code := range o.Findings {
			reading.Findings = append(reading.Findings, readiness.Finding{Code: code, Message: "given by the test"})
		}
		out = append(out, reading)
	}
	return out
}
