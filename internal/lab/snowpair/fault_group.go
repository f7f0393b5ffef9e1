package snowpair

import (
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Faults that need two groups.
const (
	faultSnapshotSkew = "snapshot-skew"
	faultGroupsSplit  = "groups-split"
)

// until makes the history a clean one that ends at some time: nothing started
// after it. The last one had some time to end.
func (g *group) until(end time.Time) {
	g.history, g.base, g.fate, g.state = nil, end.Add(-age).Add(-lead), fate{}, stateStarted
	g.advance(end)
}

// long makes the newest refresh one that took very long and has just ended.
func (g *group) long(now time.Time, nominal time.Duration) {
	const ended = 20 * time.Second
	start := now.Add(-ended).Add(-nominal)
	g.until(start.Add(-time.Minute))
	g.history = append(g.history, fate{}.refresh(g.account.org.nextSerial(), start, nominal, false))
	g.base = now // the next one waits for its time
}

func scheduleFaults() []fault {
	return []fault{
		newFault("suspend-schedule", "suspend the secondary's schedule, as any failover does and people forget", func(p *Pair, _ time.Time) {
			p.breakage(0).secondary.state = stateSuspended
		}, readiness.ScheduleSuspended),
		newFault("no-schedule", "take the schedule off the group", func(p *Pair, _ time.Time) {
			p.breakage(0).primary.schedule = ""
		}, readiness.ScheduleMissing),
		newFault("never-runs", "set a schedule of 20000 MINUTE, which is accepted and never runs", func(p *Pair, _ time.Time) {
			p.breakage(0).primary.schedule = "20000 MINUTE"
		}, readiness.ScheduleNeverRuns),
		newFault("slow-schedule", "refresh every two hours, which cannot meet an RPO of one", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.primary.schedule = "120 MINUTE"
			b.secondary.base = now
		}, readiness.ScheduleTooSlow),
		newFault("schedule-drift", "refresh every quarter of an hour, which is not what the repository declares", func(p *Pair, _ time.Time) {
			p.breakage(0).primary.schedule = "15 MINUTE"
		}, readiness.ScheduleDrift),
		newFault("missed-refresh", "scheduled refreshes do not start", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.secondary.until(now.Add(-4 * b.interval))
			b.secondary.fate.stalled = true
		}, readiness.RefreshMissed),
	}
}

func refreshFaults() []fault {
	return []fault{
		newFault("failing-refresh", "every refresh fails, as one external table in the group makes it", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.secondary.until(now.Add(-4 * b.interval))
			b.secondary.fate = fate{ends: phaseFailed, in: phaseMetadata, code: 3906, message: "Table 'WAREHOUSE_DB.PUBLIC.LANDING' is an external table, which cannot be replicated."}
			b.secondary.advance(now)
		}, readiness.RefreshFailing),
		newFault("stuck-refresh", "a refresh runs and does not advance", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.secondary.until(now.Add(-3 * b.interval))
			b.secondary.fate = fate{stuck: true, in: phaseData}
			b.secondary.advance(now)
		}, readiness.RefreshStuck),
		newFault("running-refresh", "a refresh takes much longer than usual, and is soon done", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			nominal := 5 * b.secondary.duration
			b.secondary.history = append(b.secondary.history, fate{}.refresh(p.org.nextSerial(), now.Add(-nominal/2), nominal, true))
		}, readiness.RefreshRunning),
		newFault("never-refreshed", "no refresh ever completed", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.secondary.history, b.secondary.base = nil, now
			b.secondary.fate = fate{ends: phaseFailed, in: phaseMembership, code: 3001, message: "Insufficient privileges of the owner role."}
		}, readiness.NeverRefreshed),
		newFault("inconsistent-target", "the last refresh was canceled while it downloaded", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.secondary.until(now.Add(-2 * b.interval))
			b.secondary.fate = fate{ends: phaseCanceled, in: phaseDownloadData}
			b.secondary.advance(now)
		}, readiness.TargetInconsistent),
		newFault("dangling", "a policy used in the group is outside of it: refreshes fail", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.secondary.until(now.Add(-2 * b.interval))
			b.primary.dangling = []danglingReference{{
				referencedDomain: "MASKING POLICY", referencedName: "SECURITY_DB.POLICIES.MASK_IBAN",
				referencingDomain: "TABLE", referencingName: "WAREHOUSE_DB.PUBLIC.PAYMENT", blocking: true,
			}}
			b.secondary.advance(now)
		}, readiness.DanglingReferences),
		newFault("lag", "refreshes take so long that a snapshot is older than the RPO when it arrives", func(p *Pair, now time.Time) {
			p.breakage(0).secondary.long(now, 90*time.Minute)
		}, readiness.LagOverRPO),
		newFault(faultSnapshotSkew, "the second group is at a much older snapshot than the first", func(p *Pair, now time.Time) {
			p.breakage(1).secondary.long(now, 50*time.Minute)
		}, readiness.SnapshotSkew),
		newFault("members-drift", "take a database out of the group, which drops its copy with the next refresh", func(p *Pair, _ time.Time) {
			g := p.breakage(0).primary
			g.databases = slices.Clone(g.databases[:len(g.databases)-1])
		}, readiness.DriftMembers),
	}
}

func roleFaults() []fault {
	return []fault{
		newFault("wrong-primary", "the group and the connection have failed over to the DR site, and replicate back", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			for n := range p.options.Groups {
				b := p.breakage(n)
				if !b.secondary.primary && b.secondary.kind == failoverType {
					b.swap(now)
				}
			}
			if c := b.target.connection(p.options.Connection); c != nil && !c.primary {
				_ = c.promote() // it was allowed, or the connection stays
			}
		}, readiness.PrimaryNotHome),
		newFault("two-primaries", "the DR site is promoted while the primary's account hears nothing of it", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			b.source.cut(true)
			b.swap(now)
		}, readiness.TwoWriters),
		newFault(faultGroupsSplit, "the second group has failed over alone", func(p *Pair, now time.Time) {
			p.breakage(1).swap(now)
		}, readiness.GroupsSplit),
		newFault("wrong-upstream", "the secondary follows a group of an account nobody knows", func(p *Pair, _ time.Time) {
			p.breakage(0).secondary.ref = ref{"LAB_OLD", "OTHER_FG"}
		}, readiness.UpstreamUnexpected),
		newFault("no-primary", "the primary is an account nobody knows; both are secondaries", func(p *Pair, now time.Time) {
			b := p.breakage(0)
			lost := ref{"LAB_LOST", b.primary.name}
			b.primary.primary, b.primary.ref, b.primary.state, b.primary.base = false, lost, stateSuspended, now
			b.secondary.ref = lost
		}, readiness.NoPrimary),
		newFault("stale-rows", "each account shows an old row about the other; own rows are right", func(p *Pair, _ time.Time) {
			for _, a := range []*account{p.source(), p.target()} {
				a.freeze()
				for i := range a.stale.groups {
					g := &a.stale.groups[i]
					g.primary = !g.primary
					if g.primary {
						g.ref, g.state, g.allowed = ref{a.Name, g.name}, "", []string{p.source().Name, p.target().Name}
					} else {
						g.ref, g.state = ref{p.target().Name, p.options.Groups[0].Secondary}, stateStarted
					}
				}
			}
		}, readiness.Conflict),
		newFault("replication-group", "the group is a replication group, which cannot be promoted", func(p *Pair, _ time.Time) {
			b := p.breakage(0)
			b.primary.kind, b.secondary.kind = replicationType, replicationType
		}, readiness.NotPromotable),
		newFault("auto-fulfillment", "the group belongs to a listing", func(p *Pair, _ time.Time) {
			b := p.breakage(0)
			b.primary.listing, b.secondary.listing = true, true
		}, readiness.GroupAutoFulfillment),
	}
}

// swap fails a group over to the target, and lets it replicate back with a clean
// history where the old primary knows of it.
func (b breakage) swap(now time.Time) {
	b.secondary.history = slices.DeleteFunc(b.secondary.history, func(r refresh) bool { return r.running(now) })
	if f := b.secondary.promote(now); f != nil {
		return
	}
	if !b.primary.primary {
		b.primary.history, b.primary.base, b.primary.state = nil, now.Add(-age).Add(-lead), stateStarted
		b.primary.advance(now)
	}
}

func connectionFaults() []fault {
	return []fault{
		newFault("connection-split", "clients are sent to the DR site, whose data is read-only", func(p *Pair, _ time.Time) {
			_ = p.target().connection(p.options.Connection).promote() // it was allowed, or it is no worse
		}, readiness.ConnectionSplit),
		newFault("connection-missing", "the DR site has no secondary connection", func(p *Pair, _ time.Time) {
			p.target().connections = nil
		}, readiness.ConnectionMissing),
		newFault("redirect-not-allowed", "the primary connection may not fail over to the DR site", func(p *Pair, _ time.Time) {
			if c := p.source().connection(p.options.Connection); c != nil {
				c.allowed = nil
			}
		}, readiness.RedirectNotAllowed),
	}
}
