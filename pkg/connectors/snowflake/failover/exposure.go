package failover

import (
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/snowflake/schedule"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// exposure records what the far site lacks: of each group the newest copy there
// counts, and of all groups the worst. It needs nothing of the primary's account,
// which may be gone.
func (d *deriver) exposure() {
	var worst time.Duration
	var at time.Time
	for _, g := range d.groups {
		best := g.newestCopy()
		if g.writers > 1 || best == nil {
			d.book.Fail(nil, exposureID, d.whyNoExposure(g))
			return
		}
		worst = max(worst, *best.lag)
		if at.IsZero() || best.lagAt.Before(at) {
			at = best.lagAt
		}
	}
	if len(d.groups) > 0 {
		d.book.AddAt(nil, at, exposureID, readiness.Dur(worst))
	}
}

// newestCopy is the copy at the far site that lacks least; nil when of none it is
// known what it lacks.
func (g *group) newestCopy() *replica {
	var best *replica
	for _, r := range g.replicas {
		if r.secondary() && r.account.Site == g.farSite && r.lag != nil && (best == nil || *r.lag < *best.lag) {
			best = r
		}
	}
	return best
}

func (d *deriver) whyNoExposure(g *group) readiness.Finding {
	if g.writers > 1 {
		return finding(readiness.Conflict, "what a copy of %s lacks cannot be said while %d accounts are primary", g.name, g.writers)
	}
	for _, a := range d.accounts {
		if a.Site != g.farSite {
			continue
		}
		switch r := g.of(a); {
		case !a.reached():
			return finding(readiness.VisDR, "what the copy of %s lacks can only be read in its own account, and %s is not seen", g.name, a.Name)
		case r == nil || r.row.IsPrimary == nil:
			return finding(readiness.GroupNotVisible, "%s does not show its copy of %s", a.Name, g.name)
		case r.secondary():
			return finding(readiness.RPOUnproven, "how old the copy of %s on %s is, is not known", g.name, a.Name)
		}
	}
	return finding(readiness.IndicatorMissing, "no copy of %s at site %s gives a figure that can be trusted", g.name, g.farSite)
}

// skew says how far apart the groups of one application are: after a failover a
// stream in one and its table in another would not fit together.
func (d *deriver) skew() {
	if len(d.groups) < 2 {
		return
	}
	var oldest, newest, at time.Time
	var normal time.Duration
	for _, g := range d.groups {
		r := g.newestCopy()
		if r == nil {
			return
		}
		if oldest.IsZero() || r.snapshot.Before(oldest) {
			oldest = r.snapshot
		}
		if r.snapshot.After(newest) {
			newest = r.snapshot
		}
		if at.IsZero() || r.lagAt.Before(at) {
			at = r.lagAt
		}
		if plan, err := schedule.Parse(r.row.Schedule); err == nil {
			if pause, ok := plan.Longest(r.account.Self.Clock); ok {
				normal = max(normal, pause)
			}
		}
		if r.usual != nil {
			normal += *r.usual
		}
	}
	spread := newest.Sub(oldest)
	var findings []readiness.Finding
	if spread > max(normal, leastGrace) {
		findings = append(findings, finding(readiness.SnapshotSkew, "the groups are at snapshots from %s to %s, %s apart; their schedules explain %s", when(oldest), when(newest), length(spread), length(normal)))
	}
	d.book.AddAt(nil, at, skewOfSetID, readiness.Dur(spread), findings...)
}
