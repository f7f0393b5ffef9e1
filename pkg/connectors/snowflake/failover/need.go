package failover

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/schedule"
)

// Kept is how long Snowflake keeps the history of refreshes; a longer range is an
// error (documentation of REPLICATION_GROUP_REFRESH_HISTORY).
const Kept = 14 * 24 * time.Hour

// WholeRange is all that can be asked for, with some distance to the edge.
const WholeRange = Kept - time.Hour

// leastRange is what is asked for at least: without a range the answer covers
// twelve hours, in which a daily schedule looks as if it never ran.
const leastRange = 24 * time.Hour

// Need says what to read with a warehouse in this sweep, from what the accounts
// said without one.
type Need struct {
	Account *Account
	Group   string        // the name the group has in the account
	Range   time.Duration // how far back
}

// Needs lists the histories to read: of every copy, unless what an earlier check
// read still stands.
func Needs(spec connectors.Spec, set Settings, accounts []*Account, now time.Time) []Need {
	d := planner(spec, set, accounts, now)
	var needs []Need
	for _, a := range accounts {
		list := d.secondaries(a)
		if len(list) == 0 || !d.trusted(a) {
			continue
		}
		if _, ok := d.stands(a, list, set.HistoryInterval); ok {
			continue
		}
		for _, r := range list {
			needs = append(needs, Need{a, r.row.Name, rangeOf(r.row.Schedule, a.Self.Clock)})
		}
	}
	return needs
}

// Primaries lists the groups that are primary by their account's own row.
func Primaries(spec connectors.Spec, set Settings, accounts []*Account, now time.Time) []Need {
	d := planner(spec, set, accounts, now)
	var list []Need
	for _, a := range accounts {
		for _, r := range d.replicasOf(a) {
			if r.isPrimary() {
				list = append(list, Need{Account: a, Group: r.row.Name})
			}
		}
	}
	return list
}

// Lacking lists the accounts that show not every group among their failover
// groups. A replication group is looked for elsewhere.
func Lacking(spec connectors.Spec, set Settings, accounts []*Account, now time.Time) []*Account {
	d := planner(spec, set, accounts, now)
	var list []*Account
	for _, a := range accounts {
		if d.trusted(a) && len(d.replicasOf(a)) < len(d.groups) {
			list = append(list, a)
		}
	}
	return list
}

// planner is a deriver that has matched groups and recorded nothing.
func planner(spec connectors.Spec, set Settings, accounts []*Account, now time.Time) *deriver {
	d := &deriver{spec: spec, set: set, accounts: accounts, now: now, rejected: map[*Account]bool{}, alias: map[*Account]bool{}}
	for i, a := range accounts {
		if a.reached() {
			d.identity(i, a)
		}
	}
	for i := range set.Groups {
		d.groups = append(d.groups, d.match(i))
	}
	return d
}

// rangeOf is three times the longest pause of a schedule, within what is kept.
func rangeOf(text string, clock time.Time) time.Duration {
	within := leastRange
	if plan, err := schedule.Parse(text); err == nil {
		if pause, ok := plan.Longest(clock); ok {
			within = max(within, 3*pause)
		}
	}
	return min(within, WholeRange)
}

// stands reports whether what an earlier check read may stand for a reading, and
// returns it (see memory.go).
func (d *deriver) stands(a *Account, list []*replica, within time.Duration) (remembered, bool) {
	m, ok := recall(d.set, d.spec.Previous, a, list, d.now, within)
	if !ok {
		return m, false
	}
	for i, r := range list {
		plan, findings := d.plan(r)
		if plan == nil || len(findings) > 0 {
			return m, false
		}
		if _, f := d.overdue(r, *plan); f != nil {
			return m, false
		}
		if r.row.Created == nil || r.row.Created.After(m.at) {
			return m, false // dropped and made anew, or nothing says that it was not
		}
		// Before the bound reaches the objective, something newer has to be read.
		if age := a.Self.Clock.Sub(m.snapshots[i].at); d.set.RPO > 0 && age >= d.set.RPO-d.set.RPO/10 {
			return m, false
		}
	}
	return m, true
}

// upstreams is the text of replication.upstream.
func (d *deriver) upstreams(a *Account) string {
	text := ""
	for _, g := range d.groups {
		if r := g.of(a); r != nil && r.row.Primary != "" {
			if text != "" {
				text += "; "
			}
			text += d.label(r.row.Name, r.row.Primary)
		}
	}
	return text
}
