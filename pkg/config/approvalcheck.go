package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Limits of the approval rules.
const (
	breakGlassMax = time.Hour     // BG-02
	statementMax  = 4 * time.Hour // OFF-03
)

// matter is what an entry of an approval policy is about.
type matter struct {
	tier   int
	action runbook.Type
}

func (m matter) String() string { return fmt.Sprintf("tier %d %s", m.tier, m.action) }

func (c *checker) approvalPolicies() {
	entries, glass := make(map[matter]place), make(map[matter]place)
	for _, p := range byPlace(c.repo.ApprovalPolicies) {
		o := p.Origin
		for i, e := range p.Spec.Entries {
			at := []any{"entries", i}
			c.once(entries, matter{e.Tier, e.Action}, "entry", o, at)
			c.entry(o, p.Spec, e, at)
		}
		for i, b := range p.Spec.BreakGlass {
			at := []any{"breakGlass", i}
			c.once(glass, matter{b.Tier, b.Action}, "break-glass entry", o, at)
			c.breakGlass(o, b, at)
		}
		if f := p.Spec.Offline; f != nil {
			c.atMost(o, f.StatementMaxAge, statementMax, "offline", "statementMaxAge")
		}
	}
	c.requestable(entries)
}

// once reports a second entry about the same matter (POL-02).
func (c *checker) once(first map[matter]place, m matter, noun string, o Origin, at []any) {
	if earlier, twice := first[m]; twice {
		c.add(o, fmt.Sprintf("second %s for %s; first at %s", noun, m, earlier), "keep exactly one", at...)
		return
	}
	first[m] = place{o, inSpec(at...)}
}

func (c *checker) entry(o Origin, p approval.Policy, e approval.Entry, at []any) {
	m := matter{e.Tier, e.Action}
	roles := namesOf(e.Slots, func(s approval.Slot) string { return string(s.Role) })
	if e.Tier == 1 && e.Action != runbook.Drill { // POL-03
		for _, role := range []string{string(approval.SlotIT), string(approval.SlotBusiness)} {
			if !slices.Contains(roles, role) {
				c.addKey(o, fmt.Sprintf("%s has no %s slot", m, role), "tier 1 switchover, failover and failback need it and business", append(at, "slots")...)
			}
		}
	}
	c.fillable(o, m, e.Slots, at)
	if e.Tier == 1 && e.DigestLine == approval.DigestOptional { // APP-05
		c.add(o, fmt.Sprintf("%s does not ask for the digest line", m), "it is optional for tier 2 only; write required", append(at, "digestLine")...)
	}
	if e.Offline && p.Offline == nil {
		c.add(o, fmt.Sprintf("%s may be approved offline, but the policy does not say on which hosts", m), "add spec.offline with hosts", append(at, "offline")...)
	}
	for _, limit := range []struct {
		key   string
		value *duration.Duration
	}{{"approvalMaxAge", e.ApprovalMaxAge}, {"windowMax", e.WindowMax}} {
		if limit.value != nil && *limit.value <= 0 {
			c.add(o, limit.key+" is zero: no request could ever run", "write for example 72h", append(at, limit.key)...)
		}
	}
}

func (c *checker) breakGlass(o Origin, b approval.BreakGlass, at []any) {
	c.fillable(o, matter{b.Tier, b.Action}, b.Slots, at)
	c.atMost(o, b.ValidFor, breakGlassMax, append(slices.Clone(at), "validFor")...)
	for i, id := range b.Relax {
		here := append(slices.Clone(at), "relax", i)
		switch {
		case !id.Known():
			c.add(o, fmt.Sprintf("unknown rule %q", id), "write the id of a rule, for example APP-07", here...)
		case !id.Relaxable():
			c.add(o, fmt.Sprintf("rule %s may never be relaxed", id), "identity, content binding, confirmation, journal, locks and audit always hold", here...)
		}
	}
}

// atMost checks a duration against its upper limit and zero.
func (c *checker) atMost(o Origin, d *duration.Duration, limit time.Duration, path ...any) {
	if d != nil && (d.Std() > limit || *d <= 0) {
		c.add(o, fmt.Sprintf("%v: %s is not between 1s and %s", path[len(path)-1], d, duration.Duration(limit)), "write "+duration.Duration(limit).String()+" or less", path...)
	}
}

// fillable checks that the roster has distinct people for all slots. Times of
// validity are not looked at: a repository must not turn invalid overnight.
func (c *checker) fillable(o Origin, m matter, slots []approval.Slot, at []any) {
	if c.broken[KindRoster] {
		return
	}
	roster, ok := c.repo.Roster()
	if !ok {
		if len(c.mentioned) == 0 {
			c.addKey(o, fmt.Sprintf("%s needs approvals, but there is no Roster", m), "add a document of kind Roster", append(slices.Clone(at), "slots")...)
		}
		return
	}
	people := roster.Spec.People
	for i, s := range slots {
		if !slices.ContainsFunc(people, func(p approval.Person) bool { return slices.Contains(p.Roles, s.Role.Role()) }) {
			c.add(o, fmt.Sprintf("nobody on the roster has the role %s", s.Role.Role()), "give it to somebody in "+roster.Origin.File, append(slices.Clone(at), "slots", i, "role")...)
			return
		}
	}
	if n := filled(slots, people); n < len(slots) {
		c.addKey(o, fmt.Sprintf("%s needs %d different people, but the roster has only %d who may fill its slots", m, len(slots), n), "one person fills one slot; give the roles to more people", append(slices.Clone(at), "slots")...)
	}
}

// filled returns how many slots can be filled by different people: the size of a
// maximum matching.
func filled(slots []approval.Slot, people []approval.Person) int {
	slotOf := make(map[int]int) // person -> slot
	var try func(slot int, seen map[int]bool) bool
	try = func(slot int, seen map[int]bool) bool {
		for i, p := range people {
			if seen[i] || !slices.Contains(p.Roles, slots[slot].Role.Role()) {
				continue
			}
			seen[i] = true
			if other, taken := slotOf[i]; !taken || try(other, seen) {
				slotOf[i] = slot
				return true
			}
		}
		return false
	}
	n := 0
	for i := range slots {
		if try(i, make(map[int]bool)) {
			n++
		}
	}
	return n
}

// requestable reports procedures that no entry would ever let run. A repository
// without any approval policy only monitors.
func (c *checker) requestable(entries map[matter]place) {
	if len(c.repo.ApprovalPolicies) == 0 || c.broken[KindApprovalPolicy] {
		return
	}
	told := make(map[matter]bool)
	for _, r := range c.repo.Resources {
		for _, t := range runbook.Types() {
			m := matter{r.Spec.Tier, t}
			if r.Spec.Procedures.Of(t) == nil || told[m] {
				continue
			}
			if _, ok := entries[m]; ok {
				continue
			}
			told[m] = true
			c.addKey(r.Origin, fmt.Sprintf("no ApprovalPolicy has an entry for %s, so it could never run", m), "add an entry, or remove the procedure", "procedures", string(t))
		}
	}
}
