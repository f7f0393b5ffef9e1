package plan

import (
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// ahead is how far ahead of a plan that is not of a request freezes are looked for.
const ahead = 7 * 24 * time.Hour

// Freeze says in a plan which freezes of calendars are for it from the moment at which
// it could begin (SI-33), and who may let it begin all the same.
func Freeze(p *runbook.Plan, repo *config.Repo, by By) {
	p.Live.Freezes, p.Live.FreezesUntil, p.Live.Override = nil, nil, nil
	if !slices.ContainsFunc(repo.Calendars, func(c *config.Calendar) bool { return len(c.Spec.Freezes) > 0 }) {
		return
	}
	from, until := p.Live.At, p.Live.At.Add(ahead)
	if by.From.After(from) {
		from = by.From.UTC()
	}
	if !by.Until.IsZero() {
		until = by.Until.UTC()
	}
	p.Live.FreezesUntil = &until
	for _, f := range repo.Freezes(from, until, p.Type, repo.Reached(p.Target)) {
		seen := runbook.FreezeSeen{
			Calendar: f.Calendar, Name: f.Name, Reason: f.Reason, Place: f.Place, Resource: f.Resource,
			From: f.From, Holds: f.Holds(from), Overridden: by.Emergency,
		}
		if !f.Until.IsZero() {
			seen.Until = &f.Until
		}
		p.Live.Freezes = append(p.Live.Freezes, seen)
	}
	if len(p.Live.Freezes) > 0 {
		emergency := by
		emergency.Emergency = true
		p.Live.Override, _ = approvers(repo, *p, emergency, p.Live.At) // without an entry nobody may
	}
}

// Frozen reports whether a plan could not be begun because of a freeze.
func Frozen(p runbook.Plan) bool {
	return slices.ContainsFunc(p.Live.Freezes, func(f runbook.FreezeSeen) bool { return f.Holds && !f.Overridden })
}
