package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/selector"
	"github.com/bcctl/bcctl/pkg/config"
)

// selection are the flags that choose targets, the same on every command.
type selection struct {
	selector     string
	sites        []string
	groups       []string
	exclude      []string
	changedSince string
	allowEmpty   bool
}

func (s *selection) flags() flagSection {
	f := pflag.NewFlagSet("selection", pflag.ContinueOnError)
	f.StringVarP(&s.selector, "selector", "l", "", "targets by field or label: 'tier=1,platform in (postgresql,mongodb),app!=blog'")
	f.StringSliceVar(&s.sites, "site", nil, "targets with an endpoint at this site")
	f.StringSliceVar(&s.groups, "group", nil, "members of this group, and the group")
	f.StringSliceVar(&s.exclude, "exclude", nil, "leave out targets matching this pattern")
	f.StringVar(&s.changedSince, "changed-since", "", "targets whose file changed since this Git revision")
	f.BoolVar(&s.allowEmpty, "allow-empty", false, "no matching target is not an error")
	return flagSection{"Selection", f}
}

// chosen is what a selection came to.
type chosen struct {
	targets []*config.Resource
	groups  []*config.Group
	all     bool // nothing was excluded
}

// choose resolves arguments and flags. Choosing nothing is an error, because an
// empty sweep would look like a healthy one.
func (s *selection) choose(ctx context.Context, r *repository, args []string) (chosen, error) {
	match, err := selector.Parse(s.selector)
	if err != nil {
		return chosen{}, usage(err, "bcctl check -l 'tier=1,platform=postgresql'")
	}
	if err := s.known(r.repo, match); err != nil {
		return chosen{}, err
	}
	named, groups, err := s.named(r.repo, args)
	if err != nil {
		return chosen{}, err
	}
	changed, err := s.changed(ctx, r)
	if err != nil {
		return chosen{}, err
	}
	var c chosen
	c.all = len(args) == 0 && len(s.groups) == 0 && s.selector == "" && len(s.sites) == 0 && len(s.exclude) == 0 && s.changedSince == ""
	for _, res := range r.repo.Resources {
		if !c.all && (named != nil && !named[res.Name()] || !s.keeps(res, match, changed)) {
			continue
		}
		c.targets = append(c.targets, res)
	}
	if c.all {
		c.groups = r.repo.Groups
	} else {
		c.groups = groups
	}
	if len(c.targets) == 0 && !s.allowEmpty {
		return chosen{}, fail(exitFailed, errors.New("no target matches"), "bcctl check -o name lists all; --allow-empty accepts none")
	}
	return c, nil
}

// known refuses sites and fields that nothing has: a slip of the hand would
// choose nothing, or with != everything.
func (s *selection) known(repo *config.Repo, match selector.Selector) error {
	var sites []string
	for _, site := range repo.Sites() {
		sites = append(sites, site.Name)
	}
	for _, name := range s.sites {
		if !slices.Contains(sites, name) {
			return usage(fmt.Errorf("no site %q; sites: %s", name, strings.Join(sites, ", ")), "bcctl check --site "+strings.Join(sites[:min(1, len(sites))], ""))
		}
	}
	fields := []string{"name", "platform", "tier", "environment", "owner"}
	for _, res := range repo.Resources {
		for label := range res.Metadata.Labels {
			if !slices.Contains(fields, label) {
				fields = append(fields, label)
			}
		}
	}
	for _, c := range match {
		if !slices.Contains(fields, c.Key) {
			slices.Sort(fields)
			message := fmt.Sprintf("no target has the field or label %q", c.Key)
			if near := config.Nearest(c.Key, fields); near != "" {
				message += fmt.Sprintf("; did you mean %q?", near)
			}
			return usage(errors.New(message), "fields and labels here: "+strings.Join(fields, ", "))
		}
	}
	return nil
}

// named finds the resources that arguments and --group name; nil means all.
func (s *selection) named(repo *config.Repo, args []string) (map[string]bool, []*config.Group, error) {
	if len(args) == 0 && len(s.groups) == 0 {
		return nil, nil, nil
	}
	names := map[string]bool{}
	var groups []*config.Group
	take := func(g *config.Group) {
		groups = append(groups, g)
		for _, name := range members(repo, g, map[string]bool{}) {
			names[name] = true
		}
	}
	for _, arg := range args {
		found := false
		for _, res := range repo.Resources {
			if matches(arg, res.Name()) {
				names[res.Name()], found = true, true
			}
		}
		for _, g := range repo.Groups {
			if matches(arg, g.Name()) {
				take(g)
				found = true
			}
		}
		if !found {
			return nil, nil, unknownTarget(repo, arg)
		}
	}
	for _, name := range s.groups {
		g, ok := repo.Group(name)
		if !ok {
			return nil, nil, unknownTarget(repo, name)
		}
		take(g)
	}
	return names, groups, nil
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok || pattern == name
}

// fewTargets are no more than a message can name.
const fewTargets = 12

func unknownTarget(repo *config.Repo, name string) error {
	var known []string
	for _, res := range repo.Resources {
		known = append(known, res.Name())
	}
	for _, g := range repo.Groups {
		known = append(known, g.Name())
	}
	message := fmt.Sprintf("no target %q", name)
	if near := config.Nearest(name, known); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	} else if len(known) <= fewTargets {
		message += "; there are " + strings.Join(known, ", ")
	}
	return fail(exitFailed, errors.New(message), "bcctl status -o name lists what was looked at")
}

// members are the resources of a group, those of groups inside it included, and
// of what it depends on, without which it cannot be judged.
func members(repo *config.Repo, g *config.Group, seen map[string]bool) []string {
	if seen[g.Name()] {
		return nil
	}
	seen[g.Name()] = true
	var names []string
	inner := slices.Clone(g.Spec.DependsOn)
	for _, m := range g.Spec.Members {
		inner = append(inner, m.Name)
	}
	for _, name := range inner {
		if sub, ok := repo.Group(name); ok {
			names = append(names, members(repo, sub, seen)...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

func (s *selection) keeps(res *config.Resource, match selector.Selector, changed map[string]bool) bool {
	if slices.ContainsFunc(s.exclude, func(p string) bool { return matches(p, res.Name()) }) {
		return false
	}
	if changed != nil && !changed[res.Origin.File] {
		return false
	}
	if len(s.sites) > 0 && !slices.ContainsFunc(res.Spec.Endpoints, func(e config.Endpoint) bool { return slices.Contains(s.sites, e.Site) }) {
		return false
	}
	return match.Matches(func(key string) (string, bool) { return field(res, key) })
}

// field is what a selector can ask: a few fields, and labels.
func field(res *config.Resource, key string) (string, bool) {
	switch key {
	case "name":
		return res.Name(), true
	case "platform":
		return res.Spec.Platform, true
	case "tier":
		return fmt.Sprint(res.Spec.Tier), true
	case "environment":
		return res.Spec.Environment, true
	case "owner":
		return res.Spec.Owner, true
	}
	value, ok := res.Metadata.Labels[key]
	return value, ok
}

func (s *selection) changed(ctx context.Context, r *repository) (map[string]bool, error) {
	if s.changedSince == "" {
		return nil, nil
	}
	files, err := git.ChangedSince(ctx, r.dir, s.changedSince)
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("changed since %s: %w", s.changedSince, err), "git log --oneline")
	}
	changed := map[string]bool{}
	for _, f := range files {
		changed[strings.TrimPrefix(f, "./")] = true
	}
	return changed, nil
}
