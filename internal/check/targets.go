package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/rules"
)

// Secrets resolves a login as late as possible. Errors name the reference, never
// a value.
type Secrets interface {
	Credential(ctx context.Context, c *config.Credential) (connectors.Credential, error)
}

// Rules compiles the status policies of a repository.
func Rules(repo *config.Repo, registry connectors.Registry) (*rules.Set, error) {
	var documents []rules.Document
	for _, p := range repo.StatusPolicies {
		documents = append(documents, rules.Document{Policy: p.Spec, Source: p.Origin.String(), At: at(p.Origin)})
	}
	return rules.NewSet(documents, registry.Indicators)
}

func at(o config.Origin) func(path ...any) string {
	return func(path ...any) string {
		line, _ := o.At(append([]any{"spec"}, path...)...)
		return fmt.Sprintf("%s:%d", o.File, line)
	}
}

// Subject is what the rules need to know about a resource. Objectives that the
// resource does not have come from its groups, the strictest first.
func Subject(repo *config.Repo, res *config.Resource) rules.Subject {
	s := rules.Subject{
		Name: res.Name(), Platform: res.Spec.Platform, Tier: res.Spec.Tier, Environment: res.Spec.Environment,
		Labels: res.Metadata.Labels,
		Own: rules.Document{
			Policy: rules.Policy{Thresholds: res.Spec.Thresholds, Require: res.Spec.Require},
			Source: res.Origin.String(), At: at(res.Origin),
		},
	}
	objectives := []config.Objectives{res.Spec.Objectives}
	inherited := []config.Objectives{}
	for _, g := range repo.Groups {
		if slices.ContainsFunc(g.Spec.Members, func(m config.Member) bool { return m.Name == res.Name() }) {
			s.Groups = append(s.Groups, g.Name())
			inherited = append(inherited, g.Spec.Objectives)
		}
	}
	s.Objectives = strictest(objectives)
	fromGroups := strictest(inherited)
	if s.Objectives.RPO == 0 {
		s.Objectives.RPO = fromGroups.RPO
	}
	if s.Objectives.RTO == 0 {
		s.Objectives.RTO = fromGroups.RTO
	}
	return s
}

func strictest(list []config.Objectives) rules.Objectives {
	var o rules.Objectives
	for _, x := range list {
		o.RPO = stricter(o.RPO, x.RPO)
		o.RTO = stricter(o.RTO, x.RTO)
	}
	return o
}

// stricter is the shorter of two objectives; zero and nil are none. An objective
// of 0s is the strictest there is, not none: it becomes the shortest time the
// rules can tell from nothing at all.
func stricter(have time.Duration, objective *duration.Duration) time.Duration {
	if objective == nil {
		return have
	}
	d := max(objective.Std(), time.Millisecond)
	if have == 0 || d < have {
		return d
	}
	return have
}

// Spec is what a connector needs to know about a resource. Credential is called
// by the connector, late; Previous, the clock and the deadlines are the run's.
func Spec(repo *config.Repo, res *config.Resource, secrets Secrets) connectors.Spec {
	spec := connectors.Spec{
		Target:   res.Name(),
		Home:     connectors.Home{Primary: res.Spec.Home.Primary, DR: res.Spec.Home.DR},
		Identity: res.Spec.Identity,
		Options:  res.Spec.Connection.Options,
		Database: res.Spec.Connection.Database,
		RPO:      Subject(repo, res).Objectives.RPO,
		TLS:      connectors.TLS{Mode: res.Spec.Connection.TLS.Mode, CA: repo.CA(res), ServerName: res.Spec.Connection.TLS.ServerName},
	}
	for _, e := range res.Spec.Endpoints {
		spec.Endpoints = append(spec.Endpoints, connectors.Endpoint{Name: e.Name, Site: e.Site, Address: e.Where(), Options: e.Options, Optional: e.Optional})
	}
	if h := res.Spec.Heartbeat; h != nil {
		spec.Heartbeat = &connectors.Heartbeat{Write: h.Write, Interval: h.Interval.Std()}
	}
	spec.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
		var c *config.Credential
		switch p {
		case connectors.Monitor:
			c = res.Spec.Credentials.Monitor
		case connectors.HeartbeatWriter:
			c = res.Spec.Credentials.Heartbeat
		}
		if c == nil {
			return connectors.Credential{}, fmt.Errorf("no %s credential is configured; add spec.credentials.%s to %s", p, p, res.Origin)
		}
		return secrets.Credential(ctx, c)
	}
	return spec
}

// Group is what the rules need to know about a group. It is of an environment
// when all its resources are.
func Group(repo *config.Repo, g *config.Group) rules.Group {
	line, _ := g.Origin.At()
	group := rules.Group{Name: g.Name(), Tier: g.Spec.Tier, Owner: g.Spec.Owner, DependsOn: g.Spec.DependsOn, File: g.Origin.File, Line: line}
	environments := map[string]bool{}
	for _, m := range g.Spec.Members {
		group.Members = append(group.Members, rules.Member{Name: m.Name, Optional: m.Optional})
		res, ok := repo.Resource(m.Name)
		if !ok {
			continue
		}
		if g.Spec.Tier == 0 && (group.Tier == 0 || res.Spec.Tier < group.Tier) {
			group.Tier = res.Spec.Tier
		}
		group.Environment = res.Spec.Environment
		environments[res.Spec.Environment] = true
	}
	if len(environments) > 1 {
		group.Environment = ""
	}
	return group
}

// groupResults judges the groups named, and whatever groups they contain or
// depend on, from the results of the resources.
func groupResults(now time.Time, repo *config.Repo, groups []*config.Group, resources map[string]readiness.Result) []readiness.Result {
	known := map[string]readiness.Result{}
	for name, r := range resources {
		known[name] = r
	}
	visiting := map[string]bool{}
	var judge func(g *config.Group) readiness.Result
	judge = func(g *config.Group) readiness.Result {
		if r, ok := known[g.Name()]; ok {
			return r
		}
		visiting[g.Name()] = true
		spec := Group(repo, g)
		needed := slices.Clone(spec.DependsOn)
		for _, m := range spec.Members {
			needed = append(needed, m.Name)
		}
		for _, name := range needed {
			if inner, ok := repo.Group(name); ok && !visiting[name] {
				judge(inner)
			}
		}
		r := rules.EvaluateGroup(now, spec, known)
		known[g.Name()] = r
		return r
	}
	var out []readiness.Result
	for _, g := range groups {
		out = append(out, judge(g))
	}
	return out
}
