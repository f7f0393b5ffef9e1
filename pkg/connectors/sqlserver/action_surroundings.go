package sqlserver

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// surroundings are M11 and M16 to M24: what is not the state of roles and databases.
func surroundings() []operation {
	return slices.Concat(
		reads(plain, "redo-time", "what the target has hardened and not redone fits the recovery time objective", redoTime, []string{"seconds"},
			connectors.ActionParameter{Name: "within", Default: "1m", Summary: "how long redo may take"}),
		readsBoth("log-headroom", "the log of no database on the primary is about to be full or kept by a replica", logHeadroom, []string{"percent"},
			connectors.ActionParameter{Name: "limit", Default: "80", Summary: "percent that may be used"}),
		readsBoth("instance-objects", "logins, jobs, linked servers, credentials and certificates of the primary are there on the target", instanceObjects, nil),
		readsBoth("endpoints", "the endpoints that replicas talk through are started, with certificates that are valid", endpointsStarted, nil, lostParameter),
		readsBoth("no-conflicting-work", "no backup, restore, check or seeding is running", noConflictingWork, nil),
		reads(plain, "listener", "the group's listener has an address that works", listenerThere, nil),
		reads(plain, "automatic-failover", "who else may move the role is known", automaticFailover, nil),
		reads(plain, "log-backup", "the log of every database was backed up not long ago", logBackup, []string{"seconds"},
			connectors.ActionParameter{Name: "within", Default: "24h", Summary: "how old the newest log backup may be"}),
		reads(plain, "votes", "the target's node has a vote in the cluster, and the cluster sees it up", targetVotes, nil),
		readsBoth("clocks", "the clocks of the instances that answer agree with this machine's", clocks, nil),
	)
}

func redoTime(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := c.Limit("within", time.Minute)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	p := a.look(ctx)
	l, bad := p.boundTo()
	if bad != nil {
		return *bad
	}
	worst := 0.0
	for _, pr := range l.pairs {
		s := pr.worstRedo()
		switch {
		case s == nil || s.RedoQueueKB == nil:
			return action.Unknown(readiness.RTOUnproven, "%s does not tell how much of database %s is to be redone", l.name, pr.name)
		case *s.RedoQueueKB == 0:
		case s.RedoRateKB == nil || *s.RedoRateKB <= 0:
			return action.Unknown(readiness.RTOUnproven, "%s has %s of database %s to redo and tells no rate", l.name, kilobytes(*s.RedoQueueKB), pr.name)
		default:
			worst = max(worst, float64(*s.RedoQueueKB)/float64(*s.RedoRateKB))
		}
	}
	f := action.Passed("redo on %s takes about %.1f s", l.name, worst)
	if worst > limit.Seconds() {
		f = action.Refused(readiness.RTOEstimateOver, "redo on %s takes about %.0f s, more than %s", l.name, worst, limit)
	}
	f.Facts = connectors.Facts{"seconds": strconv.FormatFloat(worst, 'f', 1, 64)}
	return f
}

func logHeadroom(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := strconv.ParseInt(c.Arg("limit"), 10, 64)
	if err != nil || limit <= 0 || limit > 100 {
		return action.Unknown("", "limit: %q is no percentage", c.Arg("limit"))
	}
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	name, percent, ok := p.fullest(primary)
	if !ok {
		return action.Unknown(readiness.ValueInvalid, "%s does not tell how full its logs are", primary.Name)
	}
	if percent > limit {
		return action.Refused(readiness.LogSpaceHigh, "the log of database %s on %s is %d %% full, more than %d", name, primary.Name, percent, limit)
	}
	for _, l := range primary.local {
		if l.ReuseWait == "AVAILABILITY_REPLICA" && p.stuck(primary, l.Name) {
			return action.Refused(readiness.LogPinned, "a replica keeps the log of database %s on %s", l.Name, primary.Name)
		}
	}
	f := action.Passed("the fullest log on %s is that of %s, %d %%", primary.Name, name, percent)
	f.Facts = connectors.Facts{"percent": strconv.FormatInt(percent, 10)}
	return f
}

// instanceObjects is M17.
func instanceObjects(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	l, bad := p.boundTo()
	if bad != nil {
		return *bad
	}
	if l.from == nil {
		if bad := p.proved(p.old); bad != nil {
			return action.Unknown(readiness.DriftLogin, "what %s lacks is not known: %s", p.next.Name, bad.Message)
		}
		return action.Unknown(readiness.DriftLogin, "what %s lacks is not known: no primary is seen to compare with", p.next.Name)
	}
	p.drift(l)
	for _, id := range []readiness.ID{certificatesID, loginsID, jobsID, serversID, credentialsID} {
		for _, o := range p.book.Observations() {
			if o.Endpoint != p.next.Name || o.Indicator != id {
				continue
			}
			if o.Failure != nil {
				return action.Unknown(o.Failure.Code, "%s", o.Failure.Message)
			}
			if len(o.Findings) > 0 {
				return action.Refused(o.Findings[0].Code, "%s", o.Findings[0].Message)
			}
		}
	}
	return action.Passed("%s lacks nothing of what is compared with %s", p.next.Name, l.from.Name)
}

// endpointsStarted is M18.
func endpointsStarted(ctx context.Context, a *actor, c call) connectors.Finding {
	p := a.look(ctx)
	sides := []*node{p.next, p.old}
	if c.Arg("lost") == "allowed" {
		sides = sides[:1]
	}
	if bad := p.provedAll(sides...); bad != nil {
		return *bad
	}
	for _, n := range sides {
		if f, failed := n.failed[mirroringID]; failed {
			return action.Unknown(f.Code, "%s: %s", n.Name, f.Message)
		}
		switch {
		case len(n.mirroring) == 0:
			return action.Refused(readiness.MirroringEndpointDown, "%s has no database mirroring endpoint", n.Name)
		case n.mirroring[0].State != "STARTED":
			return action.Refused(readiness.MirroringEndpointDown, "the endpoint of %s is %s", n.Name, n.mirroring[0].State)
		case n.mirroring[0].MinutesLeft != nil && *n.mirroring[0].MinutesLeft <= 0:
			return action.Refused(readiness.CertExpiry, "the certificate of %s's endpoint has expired: a connection that is lost cannot be made again", n.Name)
		}
	}
	return action.Passed("the endpoints of %s are started", names(sides))
}

// workSQL is what runs for long. (sys.dm_exec_requests)
const workSQL = `SELECT r.command, DB_NAME(r.database_id) AS database_name FROM sys.dm_exec_requests AS r
WHERE r.command LIKE 'BACKUP%' OR r.command LIKE 'RESTORE%' OR r.command LIKE 'DBCC%' OR r.command LIKE 'ALTER INDEX%' OR r.command LIKE 'CREATE INDEX%'`

// noConflictingWork is M19, as far as one view tells it.
func noConflictingWork(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	sides := []*node{p.next, p.old}
	if bad := p.provedAll(sides...); bad != nil {
		return *bad
	}
	for _, n := range sides {
		sets, f := a.ask(ctx, p, n, "master", workSQL, 1)
		if f != nil {
			return action.Unknown(f.Code, "%s", f.Message)
		}
		if len(sets[0]) > 0 {
			return action.Refused(readiness.TransactionsOpen, "%s runs %s on database %s", n.Name, sets[0][0].text("command"), sets[0][0].text("database_name"))
		}
		for _, run := range n.seeding {
			if run.State != "" && run.State != "COMPLETED" && run.State != "FAILED" {
				return action.Refused(readiness.TransactionsOpen, "%s seeds a database (%s)", n.Name, run.State)
			}
		}
	}
	return action.Passed("no backup, restore, check or seeding on %s", names(sides))
}

// listenerThere is M20. Which subnet an address is of is not compared.
func listenerThere(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	if f, failed := p.next.failed[listenerID]; failed {
		return action.Unknown(f.Code, "%s: %s", p.next.Name, f.Message)
	}
	own, addresses := p.places[p.next].own, []string{}
	for _, l := range p.next.listeners {
		if l.Group != own.Group {
			continue
		}
		if l.State == "FAILED" {
			return action.Refused(readiness.ListenerDown, "address %s of listener %s is FAILED", l.Address, l.DNS)
		}
		addresses = append(addresses, strings.TrimSpace(l.DNS+" "+l.Address))
	}
	if len(addresses) == 0 {
		return action.Passed("group %s has no listener: clients are led by something else", p.groupName())
	}
	return action.Passed("the listener has %s", some(addresses))
}

// automaticFailover is M21.
func automaticFailover(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	var alone []string
	for _, r := range p.places[p.next].replicas {
		switch r.Failover {
		case "AUTOMATIC":
			alone = append(alone, r.Server)
		case "MANUAL":
		case "EXTERNAL":
			return action.Refused(readiness.HAManager, "an external cluster moves the role of %s", p.groupName())
		default:
			return action.Unknown(readiness.ValueInvalid, "%s does not tell the failover mode of %s", p.next.Name, r.Server)
		}
	}
	if len(alone) > 0 {
		return action.Passed("the cluster may move the role by itself between %s", some(alone))
	}
	return action.Passed("the role moves by hand only")
}

// logBackup is M22.
func logBackup(ctx context.Context, a *actor, c call) connectors.Finding {
	limit, err := c.Limit("within", 24*time.Hour)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	p := a.look(ctx)
	primary, bad := p.onlyPrimary()
	if bad != nil {
		return *bad
	}
	p.logBackups(p.ownDatabases(primary))
	for _, o := range p.book.Observations() {
		if o.Indicator != logBackupID || o.Endpoint != primary.Name {
			continue
		}
		if o.Failure != nil {
			return action.Unknown(o.Failure.Code, "%s", o.Failure.Message)
		}
		age, _ := o.Value.Number()
		f := action.Passed("the oldest of the newest log backups is %s old", time.Duration(age*float64(time.Second)))
		if age > limit.Seconds() {
			f = action.Refused(readiness.LogBackupLate, "the newest log backup of some database is %s old, more than %s", time.Duration(age*float64(time.Second)), limit)
		}
		f.Facts = connectors.Facts{"seconds": strconv.FormatFloat(age, 'f', 0, 64)}
		return f
	}
	return action.Unknown(readiness.IndicatorMissing, "when logs were backed up was not told")
}

// targetVotes is M23.
func targetVotes(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	if bad := p.proved(p.next); bad != nil {
		return *bad
	}
	if !p.places[p.next].own.windows() {
		return action.Passed("%s is on no Windows cluster", p.next.Name)
	}
	if f, failed := p.next.failed[votesID]; failed {
		return action.Unknown(f.Code, "%s: %s", p.next.Name, f.Message)
	}
	m := p.next.memberOf(p.next)
	switch {
	case m == nil || m.Votes == nil || *m.Votes < 0:
		return action.Unknown(readiness.VoteMissing, "whether the node of %s has a vote is not told", p.next.Name)
	case *m.Votes == 0:
		return action.Refused(readiness.VoteMissing, "the node of %s has no vote: quorum has to be seen to before", p.next.Name)
	case m.State != "UP":
		return action.Refused(readiness.NotFailoverReady, "the cluster has the node of %s as %s", p.next.Name, m.State)
	}
	return action.Passed("the node of %s has %d votes and is up", p.next.Name, *m.Votes)
}

// clocks is M24.
func clocks(ctx context.Context, a *actor, _ call) connectors.Finding {
	p := a.look(ctx)
	var agree []*node
	for _, n := range p.nodes {
		if p.proved(n) != nil {
			continue
		}
		for _, o := range p.book.Observations() {
			if o.Endpoint != n.Name || o.Indicator != clockSkewID {
				continue
			}
			if o.Failure != nil {
				return action.Unknown(o.Failure.Code, "%s", o.Failure.Message)
			}
			if len(o.Findings) > 0 {
				return action.Refused(o.Findings[0].Code, "%s", o.Findings[0].Message)
			}
			agree = append(agree, n)
		}
	}
	if len(agree) == 0 {
		return action.Unknown(readiness.VisBoth, "no instance told its clock")
	}
	return action.Passed("the clocks of %s agree with this machine's", names(agree))
}
