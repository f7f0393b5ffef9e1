package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Frozen returns why nothing of a type may be begun at targets now: one line for each
// freeze of a calendar that is for one of them. A freeze that is repeated counts from its
// first time on, because nothing here can tell between which of its times now lies: it
// must be written out.
func (r *Repo) Frozen(now time.Time, what runbook.Type, targets []approval.Target) []string {
	var why []string
	for _, c := range r.Calendars {
		for _, w := range c.Spec.Freezes {
			if len(w.Actions) > 0 && !slices.Contains(w.Actions, what) {
				continue
			}
			i := slices.IndexFunc(targets, func(t approval.Target) bool { return r.matches(w.Match, t) })
			if i < 0 || !w.holds(now) {
				continue
			}
			text := fmt.Sprintf("%s: the freeze %s of calendar %s is for %s", c.Origin, w.Name, c.Name(), targets[i].Resource)
			if w.Repeat != "" {
				text += ", and it is repeated: whether it holds now cannot be told; write its times out"
			} else {
				text += " until " + w.end().UTC().Format(time.RFC3339)
			}
			if w.Reason != "" {
				text += " (" + w.Reason + ")"
			}
			why = append(why, text)
		}
	}
	return why
}

// holds reports whether a window holds at a moment, or may.
func (w Window) holds(at time.Time) bool {
	return !at.Before(w.From) && (w.Repeat != "" || at.Before(w.end()))
}

// end is when a window ends, the first time.
func (w Window) end() time.Time {
	switch {
	case w.Until != nil:
		return *w.Until
	case w.Lasts != nil:
		return w.From.Add(w.Lasts.Std())
	default:
		return w.From
	}
}

// matches reports whether a match is for a target, in the tier that its groups lend it.
// What is not given matches all; a resource that is not there is matched by everything.
func (r *Repo) matches(m Match, t approval.Target) bool {
	name := t.Resource
	res, ok := r.Resource(name)
	if !ok {
		return true
	}
	s := res.Spec
	site := func(at string) bool {
		return slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool { return e.Site == at })
	}
	for label, value := range m.Labels {
		if res.Metadata.Labels[label] != value {
			return false
		}
	}
	return (len(m.Tiers) == 0 || slices.Contains(m.Tiers, t.Tier)) &&
		(len(m.Environments) == 0 || slices.Contains(m.Environments, s.Environment)) &&
		(len(m.Platforms) == 0 || slices.Contains(m.Platforms, s.Platform)) &&
		(len(m.Resources) == 0 || slices.Contains(m.Resources, name)) &&
		(len(m.Sites) == 0 || slices.ContainsFunc(m.Sites, site)) &&
		(len(m.Groups) == 0 || slices.ContainsFunc(m.Groups, func(g string) bool { return r.inside(g, name, nil) }))
}

// inside reports whether a resource belongs to a group, at any depth.
func (r *Repo) inside(group, name string, above []string) bool {
	g, ok := r.Group(group)
	if !ok || slices.Contains(above, group) {
		return false
	}
	above = append(above, group)
	return slices.ContainsFunc(g.Spec.Members, func(m Member) bool { return m.Name == name || r.inside(m.Name, name, above) })
}
