package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/approval"
)

// roster registers the people and reports what would make one person count as
// two, or two as one.
func (c *checker) roster() {
	c.people = make(map[string]place)
	lists := byPlace(c.repo.Rosters)
	for _, extra := range lists[min(1, len(lists)):] {
		c.problems = append(c.problems, extra.Origin.Problem(
			fmt.Sprintf("second Roster; the first is at %s", lists[0].Origin), "keep one: who may approve must be readable in one place"))
	}
	if len(lists) == 0 {
		return
	}
	o := lists[0].Origin
	first := make(map[string]place) // by kind of mark and mark
	mark := func(noun, value string, path ...any) {
		key := noun + "\x00" + value
		if earlier, twice := first[key]; twice {
			c.add(o, fmt.Sprintf("%s is given twice; first at %s", noun, earlier), "it may belong to one person only", path...)
			return
		}
		first[key] = place{o, inSpec(path...)}
	}
	for i, p := range lists[0].Spec.People {
		mark(fmt.Sprintf("person %q", p.ID), p.ID, "people", i, "id")
		if _, ok := c.people[p.ID]; !ok {
			c.people[p.ID] = place{o, inSpec("people", i, "id")}
		}
		for j, a := range p.GitHub {
			mark(fmt.Sprintf("GitHub account %d", a.ID), "", "people", i, "github", j, "id")
		}
		for j, email := range p.Emails {
			mark(fmt.Sprintf("e-mail address %q", strings.ToLower(email)), "", "people", i, "emails", j)
		}
		for j, k := range p.SSHKeys {
			mark("SSH key", keyBody(k.Key), "people", i, "sshKeys", j, "key")
			c.span(o, k.ValidFrom, k.ValidUntil, "validUntil", "people", i, "sshKeys", j)
		}
		c.span(o, p.ActiveFrom, p.ActiveUntil, "activeUntil", "people", i)
		approver := slices.Contains(p.Roles, approval.ApproverIT) || slices.Contains(p.Roles, approval.ApproverBusiness)
		if approver && len(p.GitHub) == 0 && len(p.SSHKeys) == 0 {
			c.add(o, fmt.Sprintf("person %q may approve but has no way to do so", p.ID), "add a GitHub account or an SSH key", "people", i, "roles")
		}
	}
}

// keyBody is a public key without its comment.
func keyBody(key string) string {
	fields := strings.Fields(key)
	return strings.Join(fields[:min(2, len(fields))], " ")
}

// span checks that a time of validity ends after it begins.
func (c *checker) span(o Origin, from, until *time.Time, last string, path ...any) {
	if from != nil && until != nil && !until.After(*from) {
		c.add(o, last+" is not after its beginning", "swap them, or correct one", append(slices.Clone(path), last)...)
	}
}

// referPerson checks that somebody is on the roster. Without a roster nobody is
// unknown: a repository that only monitors needs none.
func (c *checker) referPerson(o Origin, id string, path ...any) {
	if len(c.people) == 0 || c.broken[KindRoster] || c.mentioned[id] {
		return
	}
	if _, ok := c.people[id]; ok {
		return
	}
	var ids []string
	for known := range c.people {
		ids = append(ids, known)
	}
	c.add(o, fmt.Sprintf("person %q is not on the roster", id), c.suggest(id, ids, "add the person, or name another"), path...)
}
