package runbook

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Compile binds runbooks to resources: it says what a wish comes to, in which order
// and under which parameters. It is pure: the same scope gives the same plan, byte
// for byte. What has nothing to do, nothing to check or no order is an error
// (RUN-07), and so is a lossy action outside a failover (SI-25), a wave over a cap
// (SI-31) or a drill that would reach another environment or a writer in production
// (SI-29). The digest is set; Live is left to the caller.
func Compile(s Scope) (Plan, error) {
	c := &compiler{scope: s, pins: maps.Clone(s.Policies)}
	if c.pins == nil {
		c.pins = map[string]Digest{}
	}
	if !slices.Contains(Types(), s.Wish.Type) {
		return Plan{}, fmt.Errorf("type %q is not known; write switchover, failover, failback or drill", s.Wish.Type)
	}
	names, err := c.leaves()
	if err != nil {
		return Plan{}, err
	}
	plans, failed := map[string]MemberPlan{}, []error{}
	for _, name := range names {
		m, err := c.member(name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		plans[name] = m
	}
	if err := errors.Join(failed...); err != nil {
		return Plan{}, err
	}
	if err := c.unused(names); err != nil {
		return Plan{}, err
	}
	if err := c.apart(plans); err != nil {
		return Plan{}, err
	}
	caps, err := c.caps(names)
	if err != nil {
		return Plan{}, err
	}
	waves, err := c.waves(names, plans, caps)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{
		Schema: PlanSchema, Request: s.Wish.Request, Type: s.Wish.Type, Target: s.Wish.Target,
		AcceptUnprovenWriter: s.Wish.AcceptUnprovenWriter, Accept: s.Wish.Accept, ProductionDrill: s.Wish.ProductionDrill,
		Waves: waves, Pins: c.pins, Commit: s.Commit, Bcctl: s.Bcctl,
	}
	if s.Wish.MaxLoss != nil {
		d := duration.Duration(*s.Wish.MaxLoss)
		p.MaxLoss = &d
	}
	p.Tier, p.From, p.To = c.summary(plans)
	if p.Digest, err = p.Sum(); err != nil {
		return Plan{}, err
	}
	return p, nil
}

type compiler struct {
	scope Scope
	pins  map[string]Digest
}

// leaves lists the resources of the target, those of nested groups included, in
// alphabetical order.
func (c *compiler) leaves() ([]string, error) {
	target := c.scope.Wish.Target
	if _, ok := c.scope.Members[target]; ok {
		return []string{target}, nil
	}
	if _, ok := c.scope.Groups[target]; !ok {
		return nil, fmt.Errorf("there is no resource or group %q", target)
	}
	found := map[string]bool{}
	if err := c.under(target, nil, found); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("group %q has no resource in it: there is nothing to do (RUN-07)", target)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// under adds the resources of a group; path are the groups it was reached through.
func (c *compiler) under(group string, path []string, found map[string]bool) error {
	if slices.Contains(path, group) {
		return fmt.Errorf("groups contain each other: %s", strings.Join(append(path, group), " -> "))
	}
	path = append(slices.Clone(path), group)
	maps.Copy(c.pins, c.scope.Groups[group].Pins)
	for _, name := range c.scope.Groups[group].Members {
		if _, ok := c.scope.Members[name]; ok {
			found[name] = true
		} else if _, ok := c.scope.Groups[name]; ok {
			if err := c.under(name, path, found); err != nil {
				return err
			}
		} else {
			return fmt.Errorf("group %q has the member %q, which does not exist", group, name)
		}
	}
	return nil
}

// member binds the runbook of one resource.
func (c *compiler) member(name string) (MemberPlan, error) {
	m, w := c.scope.Members[name], c.scope.Wish
	maps.Copy(c.pins, m.Pins)
	if m.Book == nil {
		return MemberPlan{}, fmt.Errorf("resource %q cannot be planned: %s", name, m.Why)
	}
	b := m.Book
	if w.Runbook != "" && w.Runbook != b.Name && w.Runbook+"/"+string(w.Type) != b.Name {
		return MemberPlan{}, fmt.Errorf("resource %q: the request names the runbook %q, the resource names %q", name, w.Runbook, b.Name)
	}
	if b.Spec.For.Type != w.Type {
		return MemberPlan{}, fmt.Errorf("resource %q: runbook %q is for %s, not for %s", name, b.Name, b.Spec.For.Type, w.Type)
	}
	if p := b.Spec.For.Platform; p != "" && p != m.Platform {
		return MemberPlan{}, fmt.Errorf("resource %q: runbook %q is for platform %s, not for %s", name, b.Name, p, m.Platform)
	}
	if r := b.Spec.For.Resource; r != "" && r != name {
		return MemberPlan{}, fmt.Errorf("resource %q: runbook %q is for resource %q only", name, b.Name, r)
	}
	if why := b.Spec.Lacks(); len(why) > 0 {
		return MemberPlan{}, fmt.Errorf("resource %q: runbook %q %s", name, b.Name, strings.Join(why, ", and "))
	}
	c.pins[b.Source] = b.Pin
	from, to, err := sides(m, w)
	if err != nil {
		return MemberPlan{}, err
	}
	if w.Type == Failover && w.Request != "" && w.MaxLoss == nil && b.Spec.PointOfNoReturn != "" {
		return MemberPlan{}, fmt.Errorf("resource %q: a failover leaves behind what the other side has; the request needs maxLoss, the most that may be lost (SI-25)", name)
	}
	parameters, err := parameters(b, w.Parameters)
	if err != nil {
		return MemberPlan{}, fmt.Errorf("resource %q: %w", name, err)
	}
	out := MemberPlan{
		Resource: name, Platform: m.Platform, Environment: m.Environment, Tier: m.Tier,
		Identity: m.Identity, Topology: m.Topology, From: from, To: to,
		Runbook: b.Name, Source: b.Source, Parameters: parameters,
		PointOfNoReturn: b.Spec.PointOfNoReturn, HoldPoints: b.Spec.HoldPoints, Atomic: b.Spec.Atomic,
	}
	if b.Spec.Soak != nil {
		out.Soak = b.Spec.Soak.String()
	}
	if err := fill(&out, b.Spec, values(m, w, from, to, parameters)); err != nil {
		return MemberPlan{}, fmt.Errorf("resource %q: runbook %q: %w", name, b.Name, err)
	}
	c.readers(m, &out)
	if err := c.actions(m, out); err != nil {
		return MemberPlan{}, fmt.Errorf("resource %q: runbook %q: %w", name, b.Name, err)
	}
	return out, nil
}

// sides says which site is left and which shall write. Where a primary was seen,
// its site is the one that is left.
func sides(m Member, w Wish) (from, to string, err error) {
	at := func(site string) bool {
		return slices.ContainsFunc(m.Endpoints, func(e Endpoint) bool { return e.Site == site })
	}
	seen := ""
	for _, e := range m.Endpoints {
		if m.Topology[e.Name] == RolePrimary {
			seen = e.Site
		}
	}
	other := func(site string) string {
		if site == m.DR {
			return m.Primary
		}
		return m.DR
	}
	to = w.To
	switch {
	case to != "":
	case w.Type == Failback:
		to = m.Primary
	case w.Type == Drill || seen == "":
		to = m.DR
	default:
		to = other(seen)
	}
	if !at(to) {
		return "", "", fmt.Errorf("resource %q has no node at site %q; it has nodes at %s", m.Name, to, strings.Join(sitesOf(m), ", "))
	}
	if from = seen; from == "" || from == to {
		from = other(to)
	}
	if !at(from) || from == to {
		return "", "", fmt.Errorf("resource %q has no other side than site %q; it has nodes at %s", m.Name, to, strings.Join(sitesOf(m), ", "))
	}
	return from, to, nil
}

func sitesOf(m Member) []string {
	sites := map[string]bool{}
	for _, e := range m.Endpoints {
		sites[e.Site] = true
	}
	return slices.Sorted(maps.Keys(sites))
}

// endpoint is the first node at a site that is not optional, else the first one. A
// node that was seen as the primary goes before both.
func endpoint(m Member, site string) Endpoint {
	best, rank := Endpoint{}, 0
	for _, e := range m.Endpoints {
		if e.Site != site {
			continue
		}
		r := 1
		if !e.Optional {
			r = 2
		}
		if m.Topology[e.Name] == RolePrimary {
			r = 3
		}
		if r > rank {
			best, rank = e, r
		}
	}
	return best
}

// parameters are the values in effect: of the request, else of the resource, else
// the defaults. A value for one that the runbook does not have is not looked at
// here: it may be for another member.
func parameters(b *Book, asked map[string]string) (map[string]string, error) {
	var out map[string]string
	for _, p := range b.Spec.Parameters {
		value, ok := asked[p.Name]
		if !ok {
			value, ok = b.Given[p.Name]
		}
		if !ok && p.Default != nil {
			value, ok = *p.Default, true
		}
		switch {
		case !ok:
			return nil, fmt.Errorf("parameter %q of runbook %q has no value; give it in the resource or in the request", p.Name, b.Name)
		case len(p.Allowed) > 0 && !slices.Contains(p.Allowed, value):
			return nil, fmt.Errorf("parameter %q of runbook %q may be %s, not %q", p.Name, b.Name, strings.Join(p.Allowed, " or "), value)
		case strings.Contains(value, "${"):
			return nil, fmt.Errorf("the value of parameter %q of runbook %q %s; write it out", p.Name, b.Name, RefersElsewhere)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[p.Name] = value
	}
	for name := range b.Given {
		if _, ok := out[name]; !ok {
			return nil, fmt.Errorf("runbook %q has no parameter %q", b.Name, name)
		}
	}
	return out, nil
}

// unused reports parameters of the request that no runbook has: a misspelled one
// must not be passed over.
func (c *compiler) unused(names []string) error {
	for _, parameter := range slices.Sorted(maps.Keys(c.scope.Wish.Parameters)) {
		used := slices.ContainsFunc(names, func(name string) bool {
			return slices.ContainsFunc(c.scope.Members[name].Book.Spec.Parameters, func(p Parameter) bool { return p.Name == parameter })
		})
		if !used {
			return fmt.Errorf("no runbook of this plan has a parameter %q", parameter)
		}
	}
	return nil
}

// values are what placeholders stand for.
func values(m Member, w Wish, from, to string, parameters map[string]string) map[string]string {
	v := maps.Clone(parameters)
	if v == nil {
		v = map[string]string{}
	}
	before, after := endpoint(m, from), endpoint(m, to)
	v["resource"] = m.Name
	v["old.site"], v["new.site"] = from, to
	v["old.endpoint"], v["new.endpoint"] = before.Name, after.Name
	v["old.address"], v["new.address"] = before.Address, after.Address
	if v["unproven"] = "refuse"; w.AcceptUnprovenWriter {
		v["unproven"] = "accept"
	}
	if v["max.loss"] = ""; w.MaxLoss != nil {
		v["max.loss"] = w.MaxLoss.String()
	}
	if v["unbounded"] = "refuse"; slices.ContainsFunc(w.Accept, func(a Acceptance) bool { return a.Code == readiness.RPOUnproven }) {
		v["unbounded"] = "accept"
	}
	v["client.address"], v["integrity"] = m.ClientAddress, m.Integrity
	return v
}

// fill puts values into everything a runbook does.
func fill(m *MemberPlan, spec Runbook, values map[string]string) error {
	checks := func(list []Check) (out []Check, err error) {
		for _, x := range list {
			if x.Operation, err = Expand(x.Operation, values); err != nil {
				return nil, fmt.Errorf("check %q: %w", x.ID, err)
			}
			out = append(out, x)
		}
		return out, nil
	}
	steps := func(list []Step) (out []Step, err error) {
		for _, x := range list {
			if x.Operation, err = Expand(x.Operation, values); err != nil {
				return nil, fmt.Errorf("step %q: %w", x.ID, err)
			}
			for _, op := range []**Operation{&x.Done, &x.Undo} {
				if *op == nil {
					continue
				}
				filled, err := Expand(**op, values)
				if err != nil {
					return nil, fmt.Errorf("step %q: %w", x.ID, err)
				}
				*op = &filled
			}
			out = append(out, x)
		}
		return out, nil
	}
	var failed [4]error
	m.Prechecks, failed[0] = checks(spec.Prechecks)
	m.Steps, failed[1] = steps(spec.Steps)
	m.Postchecks, failed[2] = checks(spec.Postchecks)
	m.Rollback, failed[3] = steps(spec.Rollback)
	return errors.Join(failed[:]...)
}

// readers marks steps whose action changes nothing, as far as the runbook leaves
// that open.
func (c *compiler) readers(m Member, p *MemberPlan) {
	if c.scope.Actions == nil {
		return
	}
	for i, s := range p.Steps {
		if s.Uses == "" || s.Mutates != nil {
			continue
		}
		if a, ok := c.scope.Actions(m.Platform, s.Uses); ok && !a.Changes {
			never := false
			p.Steps[i].Mutates = &never
		}
	}
}

// actions checks what a member would do against what the platform can do.
func (c *compiler) actions(m Member, p MemberPlan) error {
	if c.scope.Actions == nil {
		return nil
	}
	for _, use := range p.Operations() {
		if use.Uses == "" {
			continue
		}
		a, ok := c.scope.Actions(m.Platform, use.Uses)
		if !ok {
			continue // the caller says that it cannot run
		}
		if misuses := use.Misuses(a, c.scope.Wish.Type); len(misuses) > 0 {
			return errors.New(misuses[0].Message)
		}
		if a.Lossy && c.scope.Wish.MaxLoss == nil && c.scope.Wish.Request != "" {
			return fmt.Errorf("%s uses %s, which may give up data; the request needs maxLoss, the most that may be lost (SI-25)", use.Where, use.Uses)
		}
	}
	return nil
}

// Use is one operation of a plan, with where it stands.
type Use struct {
	Operation
	Where    string // such as precheck "p02-target", or undo of "stop-old"
	Step     string // id of the step or check
	ReadOnly bool   // a check or a probe: it must not change anything
}

// Operations lists everything a member may do, in order: what plan and execute
// look at is one list (SI-39).
func (m MemberPlan) Operations() []Use {
	var out []Use
	checks := func(noun string, list []Check) {
		for _, x := range list {
			out = append(out, Use{x.Operation, fmt.Sprintf("%s %q", noun, x.ID), x.ID, true})
		}
	}
	steps := func(noun string, list []Step) {
		for _, x := range list {
			reads := x.Mutates != nil && !*x.Mutates
			out = append(out, Use{x.Operation, fmt.Sprintf("%s %q", noun, x.ID), x.ID, reads})
			if x.Done != nil {
				out = append(out, Use{*x.Done, fmt.Sprintf("probe of %q", x.ID), x.ID, true})
			}
			if x.Undo != nil {
				out = append(out, Use{*x.Undo, fmt.Sprintf("undo of %q", x.ID), x.ID, false})
			}
		}
	}
	checks("precheck", m.Prechecks)
	steps("step", m.Steps)
	checks("postcheck", m.Postchecks)
	steps("rollback step", m.Rollback)
	return out
}

// Members lists the members of all waves, in the order in which they run.
func (p Plan) Members() []MemberPlan {
	var out []MemberPlan
	for _, w := range p.Waves {
		out = append(out, w.Members...)
	}
	return out
}

// summary is the highest tier, and the sites of all members.
func (c *compiler) summary(plans map[string]MemberPlan) (tier int, from, to string) {
	froms, tos := map[string]bool{}, map[string]bool{}
	for _, m := range plans {
		if tier == 0 || m.Tier < tier {
			tier = m.Tier
		}
		froms[m.From], tos[m.To] = true, true
	}
	if g, ok := c.scope.Groups[c.scope.Wish.Target]; ok && g.Tier != 0 {
		tier = cmp.Or(min(tier, g.Tier), tier)
	}
	join := func(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), ", ") }
	return tier, join(froms), join(tos)
}
