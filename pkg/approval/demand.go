package approval

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// Demand is the one entry of the policies that is about a request: the ordinary one, or
// the break-glass entry of an emergency. Whoever makes a request and whoever decides
// about it ask it the same questions, so that what is made can be accepted.
type Demand struct {
	Policy     int         // index of the policy that has the entry
	Entry      *Entry      // of an ordinary request, else nil
	BreakGlass *BreakGlass // of an emergency, else nil
}

// DemandOf finds the entries about an action on a tier. There is a demand only where
// found is exactly one (POL-02, BG-01).
func DemandOf(policies []Policy, tier int, action runbook.Type, emergency bool) (d Demand, found int) {
	for i, p := range policies {
		if emergency {
			for _, b := range p.BreakGlass {
				if b.Tier == tier && b.Action == action {
					d, found = Demand{Policy: i, BreakGlass: &b}, found+1
				}
			}
			continue
		}
		for _, e := range p.Entries {
			if e.Tier == tier && e.Action == action {
				d, found = Demand{Policy: i, Entry: &e}, found+1
			}
		}
	}
	if found != 1 {
		return Demand{}, found
	}
	return d, found
}

// Slots are the approvals that are needed. A node that may still write is a risk of its
// own, and takes one more person.
func (d Demand) Slots(unprovenWriter bool) []Slot {
	var slots []Slot
	switch {
	case d.BreakGlass != nil:
		slots = slices.Clone(d.BreakGlass.Slots)
	case d.Entry != nil:
		slots = slices.Clone(d.Entry.Slots)
	}
	if unprovenWriter {
		slots = append(slots, Slot{Role: SlotIT})
	}
	return slots
}

// MaxAge is how old an approval may be (APP-07).
func (d Demand) MaxAge() time.Duration {
	switch {
	case d.BreakGlass != nil:
		return d.Grant()
	case d.Entry != nil:
		return orDefault(d.Entry.ApprovalMaxAge, defaultMaxAge)
	default:
		return defaultMaxAge
	}
}

// Window is how far notBefore and expiresAt may lie apart (BIND-06). An emergency has
// no longer one than its grant.
func (d Demand) Window() time.Duration {
	switch {
	case d.BreakGlass != nil:
		return d.Grant()
	case d.Entry != nil:
		return orDefault(d.Entry.WindowMax, defaultWindow)
	default:
		return defaultWindow
	}
}

// Grant is how long an emergency's approvals are good (BG-02); zero for others.
func (d Demand) Grant() time.Duration {
	if d.BreakGlass == nil {
		return 0
	}
	return min(orDefault(d.BreakGlass.ValidFor, breakGlassAge), breakGlassAge)
}

// Ticket says what is wrong with a reference of a change ticket; empty when nothing is.
// An emergency needs none: it has an incident.
func (d Demand) Ticket(reference string) string {
	if d.Entry == nil || d.Entry.Ticket == nil {
		return ""
	}
	switch t := d.Entry.Ticket; {
	case reference == "":
		return "the policy asks for a change ticket in " + t.System + ", and the request names none"
	case t.Pattern != "" && !whole(t.Pattern, reference):
		return "all of it must match the policy's pattern " + t.Pattern
	default:
		return ""
	}
}

// Incident says what is wrong with what an emergency must say; empty when nothing is
// (BG-01).
func (d Demand) Incident(b runbook.BreakGlass) string {
	switch {
	case d.BreakGlass == nil:
		return ""
	case !whole(d.BreakGlass.IncidentPattern, b.Incident):
		return fmt.Sprintf("all of the incident's reference must match the policy's pattern %s", d.BreakGlass.IncidentPattern)
	case strings.TrimSpace(b.Reason) == "":
		return "a reason is missing"
	default:
		return ""
	}
}

// whole reports whether a pattern matches all of a text. A pattern that is not one
// matches nothing.
func whole(pattern, text string) bool {
	if pattern == "" || len(pattern) > maxPatternLength {
		return false
	}
	expression, err := regexp.Compile(`^(?:` + pattern + `)$`)
	return err == nil && expression.MatchString(text)
}
