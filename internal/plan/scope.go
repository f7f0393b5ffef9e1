package plan

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// scope copies out of a configuration what Compile needs.
func (m *Maker) scope(src Source, wish runbook.Wish) (runbook.Scope, error) {
	p := pinner{src.FS, map[string]runbook.Digest{}}
	s := runbook.Scope{
		Wish: wish, Members: map[string]runbook.Member{}, Groups: map[string]runbook.Group{},
		Actions: m.actions(), Commit: src.Commit, Bcctl: m.Version,
	}
	for _, res := range src.Repo.Resources {
		member, err := p.member(src.Repo, res, wish.Type)
		if err != nil {
			return s, err
		}
		s.Members[res.Name()] = member
	}
	for _, g := range src.Repo.Groups {
		pins, err := p.of(g.Origin.File)
		if err != nil {
			return s, err
		}
		group := runbook.Group{Name: g.Name(), DependsOn: g.Spec.DependsOn, Tier: g.Spec.Tier, Pins: pins,
			PerRun: g.Spec.Caps.PerRun, PerSite: g.Spec.Caps.PerSite, PerWindow: g.Spec.Caps.PerWindow != nil}
		for _, member := range g.Spec.Members {
			group.Members = append(group.Members, member.Name)
		}
		s.Groups[g.Name()] = group
	}
	files := policyFiles(src.Repo)
	if wish.Schedule != "" {
		schedule, ok := src.Repo.Schedule(wish.Schedule)
		if !ok {
			return s, fmt.Errorf("there is no schedule %q", wish.Schedule)
		}
		files = append(files, schedule.Origin.File)
	}
	var err error
	s.Policies, err = p.of(files...)
	return s, err
}

// policyFiles are the documents that have a say in every plan. The roster is not
// among them: people come and go while a request waits (ID-03).
func policyFiles(repo *config.Repo) []string {
	var files []string
	for _, d := range repo.ApprovalPolicies {
		files = append(files, d.Origin.File)
	}
	for _, d := range repo.StatusPolicies {
		files = append(files, d.Origin.File)
	}
	for _, d := range repo.SiteLists {
		files = append(files, d.Origin.File)
	}
	return files
}

// pinner reads files once and keeps their digests.
type pinner struct {
	fsys  fs.FS
	known map[string]runbook.Digest
}

func (p pinner) digest(name string) (runbook.Digest, error) {
	if d, ok := p.known[name]; ok {
		return d, nil
	}
	data, err := fs.ReadFile(p.fsys, name)
	if err != nil {
		return "", fmt.Errorf("pin %s: %w", name, err)
	}
	p.known[name] = runbook.FileDigest(data)
	return p.known[name], nil
}

func (p pinner) of(names ...string) (map[string]runbook.Digest, error) {
	pins := map[string]runbook.Digest{}
	for _, name := range names {
		d, err := p.digest(name)
		if err != nil {
			return nil, err
		}
		pins[name] = d
	}
	return pins, nil
}

func (p pinner) member(repo *config.Repo, res *config.Resource, t runbook.Type) (runbook.Member, error) {
	m := runbook.Member{
		Name: res.Name(), Platform: res.Spec.Platform, Environment: res.Spec.Environment, Tier: res.Spec.Tier,
		Primary: res.Spec.Home.Primary, DR: res.Spec.Home.DR, Identity: res.Spec.Identity, DependsOn: res.Spec.DependsOn,
	}
	for _, e := range res.Spec.Endpoints {
		m.Endpoints = append(m.Endpoints, runbook.Endpoint{Name: e.Name, Site: e.Site, Address: e.Where(), Optional: e.Optional})
	}
	if res.Spec.ClientPath != nil {
		m.ClientAddress = res.Spec.ClientPath.Address
	}
	if res.Spec.Integrity != nil {
		text, err := json.Marshal(res.Spec.Integrity)
		if err != nil {
			return m, fmt.Errorf("integrity of %q: %w", res.Name(), err)
		}
		m.Integrity = string(text)
	}
	files := []string{res.Origin.File}
	if ca := res.Spec.Connection.TLS.CA; ca != "" {
		files = append(files, ca)
	}
	var err error
	if m.Pins, err = p.of(files...); err != nil {
		return m, err
	}
	procedure := res.Spec.Procedures.Of(t)
	if procedure == nil {
		m.Why = fmt.Sprintf("it has no procedure for a %s; add spec.procedures.%s to %s", t, t, res.Origin)
		if known := config.ProceduresFor(res.Spec.Platform, t); len(known) > 0 {
			m.Why += fmt.Sprintf(", such as procedures: {%s: {name: %s}}; there are %s", t, known[0], strings.Join(known, ", "))
		}
		return m, nil
	}
	book, name, ok := repo.RunbookOf(*procedure, t)
	if !ok {
		m.Why = fmt.Sprintf("there is no runbook %q, in this repository or in this version of bcctl; for a %s of %s there are %s",
			name, t, res.Spec.Platform, strings.Join(config.ProceduresFor(res.Spec.Platform, t), ", "))
		return m, nil
	}
	m.Book = &runbook.Book{Name: name, Source: book.Origin.File, Spec: book.Spec, Given: procedure.Parameters}
	if text, builtin := runbook.BuiltinSource(name); builtin && strings.HasPrefix(book.Origin.File, runbook.BuiltinPrefix) {
		m.Book.Pin = runbook.FileDigest(text)
		return m, nil
	}
	m.Book.Pin, err = p.digest(book.Origin.File)
	return m, err
}

// operator is the platform's, where this version can change it.
func (m *Maker) operator(platform string) (connectors.Operator, bool) {
	o, ok := m.Registry[platform].(connectors.Operator)
	return o, ok
}

// actions looks actions up in the registry.
func (m *Maker) actions() func(platform, name string) (runbook.ActionFacts, bool) {
	known := map[string]map[string]runbook.ActionFacts{}
	for _, platform := range m.Registry.Platforms() {
		known[platform] = check.Actions(m.Registry[platform])
	}
	return func(platform, name string) (runbook.ActionFacts, bool) {
		f, ok := known[platform][name]
		return f, ok
	}
}

// topology is who was seen to be what. A node that did not say is unknown, whatever
// it was before.
func topology(m runbook.Member, r readiness.Result) map[string]string {
	roles := map[string]string{}
	for _, e := range m.Endpoints {
		roles[e.Name] = runbook.RoleUnknown
		if o, ok := reading(r, e.Name, "node.role"); ok {
			if role, isText := o.Value.Text(); isText {
				roles[e.Name] = strings.ToLower(role)
			}
		}
	}
	return roles
}

// reading finds a usable reading of this sweep.
func reading(r readiness.Result, endpoint string, id readiness.ID) (readiness.Observation, bool) {
	for _, i := range r.Indicators {
		if i.Observation.Endpoint == endpoint && i.Observation.Indicator == id && i.Failure == nil && !i.Value.IsAbsent() {
			return i.Observation, true
		}
	}
	for _, child := range r.Children {
		if child.Name != endpoint {
			continue
		}
		for _, i := range child.Indicators {
			if i.Observation.Indicator == id && i.Failure == nil && !i.Value.IsAbsent() {
				return i.Observation, true
			}
		}
	}
	return readiness.Observation{}, false
}
