package check

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Objectives are the resource's own, each by itself, else the strictest of its
// groups. One of 0s is the strictest there is and not none at all.
func TestObjectivesOfASubject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		own    config.Objectives
		groups []config.Objectives
		want   rules.Objectives
	}{
		{"none", config.Objectives{}, nil, rules.Objectives{}},
		{"own", config.Objectives{RPO: dur(m), RTO: dur(h)}, nil, rules.Objectives{RPO: m, RTO: h}},
		{"own wins, though milder", config.Objectives{RPO: dur(h)}, []config.Objectives{{RPO: dur(m), RTO: dur(2 * h)}}, rules.Objectives{RPO: h, RTO: 2 * h}},
		{"strictest of the groups", config.Objectives{}, []config.Objectives{{RPO: dur(h), RTO: dur(h)}, {RPO: dur(m)}, {RTO: dur(2 * h)}}, rules.Objectives{RPO: m, RTO: h}},
		{"own of nothing lost", config.Objectives{RPO: dur(0)}, []config.Objectives{{RPO: dur(m)}}, rules.Objectives{RPO: time.Millisecond}},
		{"a group's of nothing lost", config.Objectives{}, []config.Objectives{{RPO: dur(m)}, {RPO: dur(0)}}, rules.Objectives{RPO: time.Millisecond}},
	} {
		res := resource("ledger", func(s *config.ResourceSpec) { s.Objectives = tt.own })
		var groups []*config.Group
		for i, o := range tt.groups {
			g := group(string(rune('a'+i)), "ledger")
			g.Spec.Objectives = o
			groups = append(groups, g)
		}
		other := group("z", "another")
		other.Spec.Objectives = config.Objectives{RPO: dur(time.Second), RTO: dur(time.Second)}
		sub := Subject(repository([]*config.Resource{res}, append(groups, other)...), res)
		if sub.Objectives != tt.want || len(sub.Groups) != len(tt.groups) {
			t.Errorf("%s: %+v in %v, want %+v", tt.name, sub.Objectives, sub.Groups, tt.want)
		}
	}
}

// SI-6: a resource that may lose nothing is red with any exposure at all, and
// green with none.
func TestSI6ObjectiveOfNothingLostIsJudged(t *testing.T) {
	t.Parallel()
	exposed := func(seconds float64) collecting {
		return func(ctx context.Context, s connectors.Spec) ([]readiness.Observation, error) {
			o, err := healthy(ctx, s)
			o[1].Value = readiness.Num(seconds)
			return o, err
		}
	}
	f := &fleet{behave: map[string]collecting{"some": exposed(0.5), "none": exposed(0)}}
	strict := func(s *config.ResourceSpec) { s.Objectives.RPO = dur(0) }
	report := newBench(t, repository([]*config.Resource{resource("some", strict), resource("none", strict)}), f).run(t)
	expect(t, find(t, report, "some"), red, readiness.LagOverRPO)
	expect(t, find(t, report, "none"), green, "")
}

func TestSubjectIsTheResource(t *testing.T) {
	t.Parallel()
	res := resource("ledger", func(s *config.ResourceSpec) {
		s.Thresholds, s.Require = thresholds(lag, "1MiB"), map[readiness.ID]bool{exposure: true}
	})
	res.Metadata.Labels = map[string]string{"app": "pay"}
	sub := Subject(repository([]*config.Resource{res}, group("g", "ledger"), group("h", "ledger?")), res)
	if sub.Name != "ledger" || sub.Platform != "postgresql" || sub.Tier != 1 || sub.Environment != "production" || sub.Labels["app"] != "pay" || !slices.Equal(sub.Groups, []string{"g", "h"}) {
		t.Errorf("%+v", sub)
	}
	if len(sub.Own.Policy.Thresholds) != 1 || !sub.Own.Policy.Require[exposure] || sub.Own.Source != "resources/ledger.yaml:1" {
		t.Errorf("%+v", sub.Own)
	}
}

// A policy's reasons name its file.
func TestPoliciesOfTheRepositoryDecide(t *testing.T) {
	t.Parallel()
	repo := repository([]*config.Resource{resource("ledger")})
	p := &config.StatusPolicy{Metadata: config.Metadata{Name: "p"}, Origin: config.Origin{File: "policies/p.yaml", Line: 3}}
	p.Spec.Thresholds = thresholds(lag, "0")
	repo.StatusPolicies = []*config.StatusPolicy{p}
	r := find(t, newBench(t, repo, &fleet{}).run(t), "ledger")
	expect(t, r, yellow, readiness.ReplicationLagHigh)
	if !strings.HasPrefix(r.Reasons[0].Source, "policies/p.yaml:") {
		t.Errorf("source %q", r.Reasons[0].Source)
	}
}

func TestSpecOfAConnector(t *testing.T) {
	t.Parallel()
	res := resource("ledger", func(s *config.ResourceSpec) {
		s.Identity = map[string]string{"systemIdentifier": "7"}
		s.Objectives.RPO = dur(time.Minute)
		s.Endpoints[1].Optional, s.Endpoints[1].Options = true, map[string]string{"slot": "b"}
		s.Heartbeat = &config.Heartbeat{Write: true, Interval: *dur(10 * time.Second)}
		s.Credentials = config.Credentials{Monitor: &config.Credential{Username: "m"}, Execute: &config.Credential{Username: "x"}, Heartbeat: &config.Credential{Username: "hb"}}
	})
	spec := Spec(repository([]*config.Resource{res}), res, echo{})
	if spec.Target != "ledger" || spec.Home != (connectors.Home{Primary: "fra", DR: "ams"}) || spec.Identity["systemIdentifier"] != "7" ||
		len(spec.Endpoints) != 2 || spec.Endpoints[0].Optional || !spec.Endpoints[1].Optional || spec.Endpoints[1].Options["slot"] != "b" || spec.Endpoints[1].Address != "b:5432" ||
		spec.RPO != time.Minute || spec.Heartbeat == nil || !spec.Heartbeat.Write || spec.Heartbeat.Interval != 10*time.Second {
		t.Errorf("%+v", spec)
	}
	for purpose, want := range map[connectors.Purpose]string{connectors.Monitor: "m", connectors.HeartbeatWriter: "hb"} {
		if c, err := spec.Credential(context.Background(), purpose); err != nil || c.Username != want {
			t.Errorf("%s: %s, %v", purpose, c, err)
		}
	}
}

// SI-30: a check cannot get at the credential that changes things, though the
// resource has one.
func TestSI30CheckHasNoExecuteCredential(t *testing.T) {
	t.Parallel()
	res := resource("ledger", func(s *config.ResourceSpec) {
		s.Credentials.Execute = &config.Credential{Username: "x", Password: "env:X"}
	})
	spec := Spec(repository([]*config.Resource{res}), res, echo{})
	for _, p := range []connectors.Purpose{connectors.Execute, connectors.Monitor, connectors.HeartbeatWriter, "other"} {
		if c, err := spec.Credential(context.Background(), p); err == nil {
			t.Errorf("for %s: %s", p, c)
		}
	}
}

// echo resolves every credential to its user name.
type echo struct{}

func (echo) Credential(_ context.Context, c *config.Credential) (connectors.Credential, error) {
	return connectors.Credential{Username: string(c.Username)}, nil
}
