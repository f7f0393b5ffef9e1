package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Group is what the rules need to know about a group.
type Group struct {
	Name        string
	Tier        int
	Owner       string
	Members     []Member
	DependsOn   []string
	File        string
	Line        int
	Environment string
}

// Member is a part of a group.
type Member struct {
	Name     string
	Optional bool // makes the group at most yellow
}

// EvaluateGroup rolls up results that were already reached, each as it is at now:
// one that has expired since is unknown. A required member that was not judged
// makes the group unknown: a part of a sweep proves nothing about the whole.
func EvaluateGroup(now time.Time, g Group, results map[string]readiness.Result) readiness.Result {
	r := readiness.Result{Name: g.Name, Kind: readiness.KindGroup, Tier: g.Tier, Environment: g.Environment, Owner: g.Owner,
		EvaluatedAt: now, File: g.File, Line: g.Line, Reasons: []readiness.Reason{}, Indicators: []readiness.IndicatorResult{}, Children: []readiness.Result{}}
	statuses := []readiness.Status{readiness.Green}
	add := func(reason readiness.Reason) {
		r.Reasons = append(r.Reasons, reason)
		statuses = append(statuses, reason.Status)
	}
	required := 0
	for _, m := range g.Members {
		result, judged := results[m.Name]
		status := readiness.Unknown
		if judged {
			result = result.At(now)
			status = result.Status
			r.Children = append(r.Children, brief(result))
			rest(&r, result)
		}
		if !m.Optional {
			required++
		} else {
			status = status.AtMost(readiness.Yellow)
		}
		switch {
		case !judged:
			add(readiness.Reason{Code: readiness.MemberMissing, Status: status, Message: m.Name + " was not judged in this run"})
		case status != readiness.Green:
			add(memberReason(m, result, status))
		}
	}
	if required == 0 {
		add(readiness.Reason{Code: readiness.NoIndicators, Status: readiness.Unknown, Message: "the group has no required member, so nothing was proved"})
	}
	for _, name := range g.DependsOn {
		result, judged := results[name]
		result = result.At(now)
		if !judged || result.Status != readiness.Green {
			add(readiness.Reason{Code: readiness.DependencyNotGreen, Status: result.Status, Message: fmt.Sprintf("depends on %s, which is %s", name, result.Status)})
		}
		if judged {
			rest(&r, result)
		}
	}
	r.Status = readiness.Worst(statuses...)
	r.Reasons = readiness.SortReasons(r.Reasons)
	return r
}

// rest notes a result the group's verdict rests on.
func rest(r *readiness.Result, on readiness.Result) {
	r.ObservedAt = earlier(r.ObservedAt, on.ObservedAt)
	r.ValidUntil = earlier(r.ValidUntil, on.ValidUntil)
}

func memberReason(m Member, result readiness.Result, status readiness.Status) readiness.Reason {
	code := readiness.MemberUnknown
	switch status {
	case readiness.Red:
		code = readiness.MemberRed
	case readiness.Yellow:
		code = readiness.MemberYellow
	}
	var why []string
	for _, reason := range result.Reasons {
		if reason.Status == result.Status {
			why = append(why, string(reason.Code))
		}
	}
	message := fmt.Sprintf("%s is %s", m.Name, result.Status)
	if len(why) > 0 {
		message += ": " + strings.Join(compact(why), ", ")
	}
	if m.Optional {
		message += " (optional)"
	}
	return readiness.Reason{Code: code, Status: status, Message: message}
}

func compact(codes []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, c := range codes {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// brief is a member as its group shows it; the whole of it stands beside.
func brief(r readiness.Result) readiness.Result {
	r.Indicators, r.Children, r.LastKnownGood = []readiness.IndicatorResult{}, []readiness.Result{}, nil
	return r
}
