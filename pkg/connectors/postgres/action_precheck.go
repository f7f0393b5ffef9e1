package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Types of run, as the parameter type of a check takes them. What blocks a planned
// change may be a warning where the primary is lost, and the other way round.
const (
	forSwitchover = "switchover"
	forFailover   = "failover"
	forFailback   = "failback"
	forDrill      = "drill"
)

var typeParameter = connectors.ActionParameter{Name: "type", Default: forSwitchover,
	Summary: "what the run is: switchover, failover, failback or drill; it decides whether a finding blocks or warns"}

// strictness is what a finding does by type of run; a type that is missing does
// not ask at all.
type strictness map[string]connectors.FindingResult

const (
	blocks = connectors.Refused
	warns  = connectors.Warned
)

// simple makes a check of the target side that reads no more than a look.
func simple(name, summary string, by strictness, judge func(*view, call) connectors.Finding, more ...connectors.ActionParameter) operation {
	return operation{
		Action: connectors.Action{Name: "pg.native/" + name, Summary: summary, Idempotent: true, Parameters: append([]connectors.ActionParameter{typeParameter}, more...)},
		Check: func(ctx context.Context, a *actor, c call) connectors.Finding {
			return weighed(c, by, func() connectors.Finding {
				v := a.look(ctx)
				f := judge(v, c)
				f.Observed = v.oldestProbe()
				return f
			})
		},
	}
}

// asking is simple for a check that needs more than a look.
func asking(name, summary string, by strictness, judge func(context.Context, *actor, call) connectors.Finding, more ...connectors.ActionParameter) operation {
	return operation{
		Action: connectors.Action{Name: "pg.native/" + name, Summary: summary, Idempotent: true, Parameters: append([]connectors.ActionParameter{typeParameter}, more...)},
		Check: func(ctx context.Context, a *actor, c call) connectors.Finding {
			return weighed(c, by, func() connectors.Finding { return judge(ctx, a, c) })
		},
	}
}

// weighed makes a refusal a warning where the type of run allows that.
func weighed(c call, by strictness, judge func() connectors.Finding) connectors.Finding {
	kind := c.Arg("type")
	if !slices.Contains([]string{forSwitchover, forFailover, forFailback, forDrill}, kind) {
		return action.Unknown("", "type: %q is none of switchover, failover, failback, drill", kind)
	}
	weight, asked := by[kind]
	if !asked {
		return action.Passed("not asked for a %s", kind)
	}
	f := judge()
	if f.Result == connectors.Refused && weight == warns {
		f.Result = connectors.Warned
	}
	return f
}

var (
	always       = strictness{forSwitchover: blocks, forFailover: blocks, forFailback: blocks, forDrill: blocks}
	alwaysWarns  = strictness{forSwitchover: warns, forFailover: warns, forFailback: warns, forDrill: warns}
	notInDrills  = strictness{forSwitchover: warns, forFailover: warns, forFailback: warns}
	plannedWarns = strictness{forSwitchover: warns, forFailback: warns}
)

// prechecks are P01 to P24 of the runbooks; P01 is part of each.
func prechecks() []operation {
	return []operation{
		simple("target-is-standby", "the target answers, is the declared cluster, and is a standby", always, targetIsStandby), // P02
		simple("single-primary", "exactly one server accepts writes, at the site that is left; in a failover, none is seen to",
			strictness{forSwitchover: blocks, forFailover: blocks, forFailback: blocks, forDrill: warns}, singlePrimary), // P03
		simple("same-lineage", "both sides are the declared cluster and two different servers", always, sameLineage), // P04
		asking("not-diverged", "the target has nothing that the primary never had",
			strictness{forSwitchover: blocks, forFailover: blocks, forFailback: blocks, forDrill: warns}, notDiverged), // P05
		simple("streaming", "the target streams, and something was heard just now; in a failover, that nothing is heard",
			strictness{forSwitchover: blocks, forFailover: blocks, forFailback: blocks}, streaming, evidenceParameter), // P06
		simple("gap", "what the target lacks is small; in a failover, what is known of it",
			strictness{forSwitchover: blocks, forFailover: warns, forFailback: blocks}, gap,
			connectors.ActionParameter{Name: "limit", Default: strconv.Itoa(gapLimit), Summary: "bytes that may be missing before the drain"}), // P07
		simple("replay-running", "replay on the target is not paused and moves", always, replayRunning),                                                               // P08
		asking("parameters", "settings of the target are not lower than the primary's: a promotion would shut it down", always, parametersCheck, parametersParameter), // P09
		simple("no-apply-delay", "the target applies without a delay, which a promotion would end", alwaysWarns, noApplyDelay),                                        // P10
		asking("rto-realistic", "what the target has yet to apply fits into the recovery time objective", notInDrills, rtoRealistic,
			connectors.ActionParameter{Name: "within", Summary: "the recovery time objective, such as 15m"}), // P11
		simple("synchronous-standbys", "commits on the promoted target would not wait for standbys that are not there", always, // P12
			synchronousStandbys),
		simple("not-fenced", "no read-only default is left on the target",
			strictness{forSwitchover: blocks, forFailover: blocks, forFailback: blocks, forDrill: warns}, // P13
			func(v *view, _ call) connectors.Finding {
				return v.target(func(n *node) connectors.Finding {
					return judged(v.fenceLeft(n), blocks, n.Name+" would accept writes")
				})
			}),
		simple("slots", "no replication slot has lost what it is for, or is about to",
			strictness{forSwitchover: blocks, forFailover: warns, forFailback: blocks}, slotsSane), // P14
		simple("archiving", "WAL is archived", notInDrills, archiving),                                         // P15
		simple("can-rewind", "the former primary could be rewound instead of rebuilt", notInDrills, canRewind), // P16
		simple("can-serve-standbys", "the target could serve standbys once it is promoted", notInDrills, // P18
			func(v *view, _ call) connectors.Finding {
				return v.target(func(n *node) connectors.Finding {
					return judged(v.couldServe(n), blocks, n.Name+" has senders and slots for standbys")
				})
			}),
		asking("nothing-in-doubt", "no prepared or long transaction and no base backup is under way", plannedWarns, nothingInDoubt,
			connectors.ActionParameter{Name: "longest", Default: "1m", Summary: "how long a transaction may have been open"}), // P19
		simple("logical-slots", "logical slots of the old primary are there on the target, or there are none", notInDrills, logicalSlots), // P20
		asking("binary-parity", "versions, collations and preloaded libraries agree", alwaysWarns, binaryParity),                          // P21
		asking("no-ha-manager", "no other program manages the roles of these servers",
			strictness{forSwitchover: blocks, forFailover: blocks, forFailback: blocks, forDrill: warns}, noManager), // P22
		asking("privileges", "the execute login may do what the steps need", always, privilegesCheck), // P23
		simple("clocks", "the clocks agree", notInDrills, clocks),                                     // P24
	}
}

func synchronousStandbys(v *view, c call) connectors.Finding {
	if v.toBeRebuilt(c) {
		_, found := v.said(v.old, syncID)
		return judged(found, blocks, v.old.Name+" waits for nobody who is not there; "+v.next.Name+" is not up yet")
	}
	return v.target(func(n *node) connectors.Finding {
		return judged(v.wouldHang(n), blocks, n.Name+" would wait for nobody who is not there")
	})
}

// toBeRebuilt: a failback begins with a home side that is down, and makes it a
// standby first. What is asked of the target is asked of the other side until then.
func (v *view) toBeRebuilt(c call) bool {
	return c.Arg("type") == forFailback && v.next != nil && v.next.unreached != nil && v.old != nil && v.trusted(v.old)
}

// target judges the node that shall write, if its answers can be used.
func (v *view) target(judge func(*node) connectors.Finding) connectors.Finding {
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	if v.next.settings == nil {
		return action.Unknown(readiness.QueryFailed, "%s did not tell its settings", v.next.Name)
	}
	return judge(v.next)
}

func targetIsStandby(v *view, _ call) connectors.Finding {
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	if n := v.next; n.isPrimary() {
		return action.Refused(readiness.RoleUnexpected, "%s at site %s is a primary, not a standby", n.Name, n.Site)
	}
	return action.Passed("%s at site %s is a standby", v.next.Name, v.next.Site)
}

func singlePrimary(v *view, c call) connectors.Finding {
	var writers []*node
	for _, n := range v.nodes {
		if v.member(n) && n.isPrimary() {
			writers = append(writers, n)
		}
	}
	failover := c.Arg("type") == forFailover
	switch {
	case len(writers) > 1:
		return action.Refused(readiness.TwoWriters, "%s accept writes at the same time", names(writers))
	case failover && len(writers) == 1:
		return action.Refused(readiness.PrimaryAlive, "%s answers and accepts writes: this is a switchover, not a failover", writers[0].Name)
	case failover:
		return action.Passed("no server that answers accepts writes")
	case len(writers) == 0:
		code := readiness.VisPrimary
		if f := v.proved(v.old); f != nil && f.Code != "" {
			code = f.Code
		}
		return action.Unknown(code, "no primary is seen: %s", describe(nil, v.standbys(), v.unseen()))
	case writers[0] != v.old:
		return action.Refused(readiness.RoleUnexpected, "%s at site %s is the primary, not a server at the site that is left", writers[0].Name, writers[0].Site)
	}
	for _, n := range v.nodes {
		if f := v.proved(n); f != nil && n != v.old {
			if _, ok := v.answering(v.sentTo[n], n); ok && n.unreached != nil {
				continue // the primary hears from it as from a standby
			}
			if c.Arg("type") == forFailback && n.unreached != nil && n.unreached.refused {
				continue // its host says that nothing listens there: it is to be rebuilt
			}
			return action.Unknown(readiness.WriterUnproven, "that %s does not accept writes is not proved: %s", n.Name, f.Message)
		}
	}
	return action.Passed("%s at site %s is the only primary", v.old.Name, v.old.Site)
}

func (v *view) standbys() []*node {
	return v.those(func(n *node) bool { return v.member(n) && n.isStandby() })
}
func (v *view) unseen() []*node { return v.those(func(n *node) bool { return !v.member(n) }) }

func (v *view) those(test func(*node) bool) []*node {
	var list []*node
	for _, n := range v.nodes {
		if test(n) {
			list = append(list, n)
		}
	}
	return list
}

func sameLineage(v *view, c call) connectors.Finding {
	if v.spec.Identity["systemIdentifier"] == "" {
		return action.Refused(readiness.IdentityUnproven, "the resource declares no identity.systemIdentifier")
	}
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	if c.Arg("type") != forFailover {
		if bad := v.proved(v.old); bad != nil {
			return *bad
		}
	}
	for _, n := range v.nodes {
		if f := v.proved(n); f != nil && f.Result == connectors.Refused {
			return *f
		}
	}
	return action.Passed("all that answer are cluster %s, each a server of its own", v.next.facts.SystemIdentifier)
}

func notDiverged(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.look(ctx)
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	n := v.next
	failure, found := v.said(n, lineageID)
	switch was := v.lineage[n]; {
	case was.ok && was.proved:
		return action.Passed("%s has nothing the primary never had", n.Name)
	case len(found) > 0:
		return judged(found, blocks, "")
	case c.Arg("type") == forFailover && v.primary == nil:
		return a.lastLineage(ctx, v, n)
	case failure != nil:
		return action.Unknown(failure.Code, "%s", failure.Message)
	default:
		return action.Unknown(readiness.LineageUnproven, "that %s has only what the primary had is not proved", n.Name)
	}
}

// lastLineage compares with what was recorded of a primary that is gone: was the
// target on its timeline?
func (a *actor) lastLineage(ctx context.Context, v *view, n *node) connectors.Finding {
	unproved := func(why string) connectors.Finding {
		return action.Warned(readiness.LineageUnproven, "the primary cannot be asked; %s", why)
	}
	mine, err := a.history(ctx, n.Name)
	if err != nil {
		return unproved("and the timeline of " + n.Name + " is not known: " + err.Error())
	}
	for _, other := range v.nodes {
		role, ok := v.previous(other, roleID)
		was, _ := role.Value.Text()
		timeline, known := v.previous(other, timelineID)
		number, isNumber := timeline.Value.Number()
		if other == n || !ok || was != "primary" || !known || !isNumber {
			continue
		}
		if int(number) != mine.system.timeline {
			return action.Refused(readiness.Diverged, "%s is on timeline %d, and %s was on %d when last seen at %s", n.Name, mine.system.timeline, other.Name, int(number), timeline.ObservedAt.UTC().Format(time.RFC3339))
		}
		return action.Passed("%s is on timeline %d, that of %s when last seen at %s", n.Name, mine.system.timeline, other.Name, timeline.ObservedAt.UTC().Format(time.RFC3339))
	}
	return unproved("nothing is recorded of it to compare with")
}

func streaming(v *view, c call) connectors.Finding {
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	n := v.next
	if c.Arg("type") == forFailover {
		if silent, ok := v.receiving(n); ok && c.Arg("evidence") == "" {
			return action.Refused(readiness.PrimaryAlive, "%s heard from %s %s ago: that server is alive", n.Name, n.replay.Receiver.upstream(), seconds(silent))
		}
		return action.Passed("%s hears from nobody", n.Name)
	}
	failure, found := v.said(n, transportAgeID)
	if failure != nil {
		return action.Unknown(failure.Code, "%s", failure.Message)
	}
	if len(found) > 0 {
		return judged(found, blocks, "")
	}
	silent, ok := v.receiving(n)
	if !ok {
		return action.Unknown(readiness.TransportSilent, "%s did not tell when it heard from its upstream", n.Name)
	}
	if slot := v.slotOf(n); slot != "" && v.old != nil && v.sentTo[n] != nil && v.sentTo[n].SlotName == nil {
		return action.Passed("%s streams from %s without its slot %q, and heard from it %s ago", n.Name, v.old.Name, slot, seconds(silent))
	}
	return action.Passed("%s streams, and heard from its upstream %s ago", n.Name, seconds(silent))
}

// gapLimit is one WAL segment of the default size.
const gapLimit = 16 << 20

func gap(v *view, c call) connectors.Finding {
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	have, known := v.next.have()
	if !known {
		return action.Unknown(readiness.ValueInvalid, "%s did not tell its position", v.next.Name)
	}
	if c.Arg("type") == forFailover && v.primary == nil {
		if v.old == nil {
			return action.Unknown("", "the resource has no endpoint at the site that is left")
		}
		f := action.Warned(readiness.RPOUnproven, "%s", v.lossBound(v.old, v.standbys()))
		if seen, why := v.lossSeen(v.old, v.standbys()); why == "" {
			f.Facts = connectors.Facts{"method": "observed", "bytesAtLeast": strconv.FormatInt(max(seen.bytes, 0), 10),
				"observedAt": seen.at.UTC().Format(time.RFC3339), "ageSeconds": strconv.FormatFloat(v.now.Sub(seen.at).Seconds(), 'f', 0, 64)}
		}
		return f
	}
	if v.primary == nil || v.primary.position == nil {
		return action.Unknown(readiness.VisPrimary, "the primary did not tell its position")
	}
	limit, err := strconv.ParseInt(c.Arg("limit"), 10, 64)
	if err != nil || limit < 0 {
		return action.Unknown("", "limit: %q is no number of bytes", c.Arg("limit"))
	}
	missing := v.primary.newest().Flush.minus(have)
	if s := v.sentTo[v.next]; s != nil && s.Flush != nil {
		missing = v.senderLag(s)
	}
	f := action.Passed("%s lacks %s", v.next.Name, sizeText(max(missing, 0)))
	switch {
	case have > v.primary.newest().Flush:
		f = action.Refused(readiness.ValueInvalid, "%s is %d bytes ahead of the primary, which is divergence, not zero lag", v.next.Name, have.minus(v.primary.newest().Flush))
	case missing > limit:
		f = action.Refused(readiness.ReplicationLagHigh, "%s lacks %s; at most %s may be missing before the drain", v.next.Name, sizeText(missing), sizeText(limit))
	}
	f.Facts = connectors.Facts{"bytes": strconv.FormatInt(missing, 10)}
	return f
}

func replayRunning(v *view, c call) connectors.Finding {
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	if v.next.isPrimary() {
		return action.Refused(readiness.RoleUnexpected, "%s is a primary and replays nothing", v.next.Name)
	}
	failure, found := v.said(v.next, replayStateID, backlogID)
	if failure != nil {
		return action.Unknown(failure.Code, "%s", failure.Message)
	}
	text := v.next.Name + " applies what it receives"
	if have, known := v.next.have(); known && v.primary == nil && c.Arg("type") == forFailover {
		if rest := withoutCutRecord(found, have.minus(*v.next.replay.Replay)); len(rest) < len(found) {
			found, text = rest, v.next.Name+" has less than a page that it cannot apply: a record that its primary did not send whole"
		}
	}
	return judged(found, blocks, text)
}

// cutRecord is below how many bytes what a standby has and does not apply may be the
// beginning of a record: a page of WAL, which is what a primary that dies has sent of it.
const cutRecord = 8 << 10

// withoutCutRecord leaves out that replay does not move where all there is to apply may be
// such a beginning. It never moves then, and a promotion begins right before it ("WAL
// Internals"); to refuse a failover for it would be to refuse it for good.
func withoutCutRecord(found []readiness.Finding, backlog int64) []readiness.Finding {
	if backlog <= 0 || backlog >= cutRecord {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(f readiness.Finding) bool {
		return f.Code == readiness.LineageUnproven || f.Code == readiness.ReplayStalled
	})
}

var parametersParameter = connectors.ActionParameter{Name: "parameters",
	Summary: "the primary's settings as mark recorded them (${steps.mark.parameters}), for when it cannot be asked"}

// parametersOf gives the settings a standby must not have lower than its primary:
// read now, read before in this run, given, or recorded by an earlier check.
func (a *actor) parametersOf(v *view, given string) (settings, string) {
	if v.primary != nil && v.primary.settings != nil {
		return v.primary.settings, v.primary.Name
	}
	if a.primary != nil {
		return a.primary, "the primary, earlier in this run"
	}
	s := settings{}
	for field := range strings.FieldsSeq(given) {
		if name, value, ok := strings.Cut(field, "="); ok {
			s[name] = value
		}
	}
	if len(s) > 0 {
		return s, "the primary, as marked"
	}
	return v.recordedSettings()
}

// promotable is P09, which also guards the promotion itself: too low, and the
// server shuts down instead of becoming a primary.
func (a *actor) promotable(v *view, n *node, given string) connectors.Finding {
	if n.settings == nil {
		return action.Unknown(readiness.ParametersUnproven, "%s did not tell its settings", n.Name)
	}
	reference, from := a.parametersOf(v, given)
	for _, name := range notLower {
		need, known := reference.number(name)
		got, told := n.settings.number(name)
		switch {
		case !known:
			return action.Unknown(readiness.ParametersUnproven, "what %s was on the primary is not known, so a promotion of %s might shut it down", name, n.Name)
		case !told:
			return action.Unknown(readiness.ParametersUnproven, "%s did not tell %s", n.Name, name)
		case got < need:
			return action.Refused(readiness.ParameterTooLow, "on %s %s is %d, and %s has %d: a promotion would shut it down", n.Name, name, got, from, need)
		}
	}
	return action.Passed("%s has nothing lower than %s", n.Name, from)
}

func parametersCheck(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.lookAtTarget(ctx)
	return v.target(func(n *node) connectors.Finding { return a.promotable(v, n, c.Arg("parameters")) })
}

// parametersText writes settings as recorded facts hold them.
func parametersText(s settings) string {
	var parts []string
	for _, name := range notLower {
		if value, ok := s[name]; ok {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, " ")
}

func noApplyDelay(v *view, _ call) connectors.Finding {
	return v.target(func(n *node) connectors.Finding {
		delay, known := n.settings.milliseconds("recovery_min_apply_delay")
		switch {
		case !known:
			return action.Unknown(readiness.ValueInvalid, "%s did not tell recovery_min_apply_delay", n.Name)
		case delay > 0:
			return action.Refused(readiness.ApplyDelay, "%s applies with a delay of %s; a promotion applies everything at once, and the delay is lost", n.Name, delay)
		}
		return action.Passed("%s applies at once", n.Name)
	})
}

func rtoRealistic(ctx context.Context, a *actor, c call) connectors.Finding {
	objective, err := c.Limit("within", 0)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	v := a.look(ctx)
	backlog := func(v *view) (int64, lsn, bool) {
		have, known := v.next.have()
		if !known {
			return 0, 0, false
		}
		return have.minus(*v.next.replay.Replay), *v.next.replay.Replay, true
	}
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	rest, first, known := backlog(v)
	if !known {
		return action.Unknown(readiness.ValueInvalid, "%s did not tell what it has replayed", v.next.Name)
	}
	if rest == 0 {
		f := action.Passed("%s has applied all it received", v.next.Name)
		f.Facts = connectors.Facts{"seconds": "0"}
		return f
	}
	from := a.c.now()
	pause(ctx, time.Second)
	a.seen = nil
	later := a.look(ctx)
	if bad := later.proved(later.next); bad != nil {
		return *bad
	}
	rest, second, _ := backlog(later)
	if rest == 0 {
		return action.Passed("%s has applied all it received", later.next.Name)
	}
	took, applied := a.c.now().Sub(from).Seconds(), second.minus(first)
	if applied <= 0 && rest < cutRecord && c.Arg("type") == forFailover {
		f := action.Passed("%s has %s that it cannot apply: a record that its primary did not send whole", later.next.Name, sizeText(rest))
		f.Facts = connectors.Facts{"seconds": "0"}
		return f
	}
	if applied <= 0 || took <= 0 {
		return action.Unknown(readiness.RTOUnproven, "%s has %s to apply and applied none within %.1f s", later.next.Name, sizeText(rest), took)
	}
	need := float64(rest) / (float64(applied) / took)
	f := action.Passed("%s needs about %.0f s to apply %s", later.next.Name, need, sizeText(rest))
	switch {
	case objective > 0 && need > objective.Seconds():
		f = action.Refused(readiness.RTOEstimateOver, "%s needs about %.0f s to apply %s; the objective is %s", later.next.Name, need, sizeText(rest), objective)
	case objective == 0 && need > 60:
		f = action.Refused(readiness.RTOUnproven, "%s needs about %.0f s to apply %s, and no objective is given to compare with", later.next.Name, need, sizeText(rest))
	}
	f.Facts = connectors.Facts{"seconds": strconv.FormatFloat(need, 'f', 0, 64)}
	return f
}

func slotsSane(v *view, _ call) connectors.Finding {
	if bad := v.proved(v.old); bad != nil {
		return *bad
	}
	failure, found := v.said(v.old, slotsID)
	if failure != nil {
		return action.Unknown(failure.Code, "%s", failure.Message)
	}
	// A slot without a reader keeps WAL, which is not what this is about.
	idle := func(f readiness.Finding) bool { return f.Code == readiness.SlotInactive }
	if rest := slices.DeleteFunc(slices.Clone(found), idle); len(rest) > 0 {
		return judged(rest, blocks, "")
	}
	return judged(found, warns, "the slots on "+v.old.Name+" are sound")
}

func archiving(v *view, _ call) connectors.Finding {
	if bad := v.proved(v.old); bad != nil {
		return *bad
	}
	failure, found := v.said(v.old, archiveID)
	if failure != nil {
		return action.Unknown(failure.Code, "%s", failure.Message)
	}
	if v.old.archiver == nil {
		return action.Unknown(readiness.ValueInvalid, "%s did not tell about its archive", v.old.Name)
	}
	return judged(found, blocks, "no attempt of "+v.old.Name+" to archive failed")
}

func canRewind(v *view, _ call) connectors.Finding {
	for _, n := range []*node{v.old, v.next} {
		if n != nil && v.trusted(n) {
			if _, found := v.said(n, rewindID); len(found) > 0 {
				return judged(found, blocks, "")
			}
		}
	}
	if bad := v.proved(v.old); bad != nil {
		return *bad
	}
	return action.Passed("%s could be rewound", v.old.Name)
}

func nothingInDoubt(ctx context.Context, a *actor, c call) connectors.Finding {
	longest, err := c.Limit("longest", time.Minute)
	if err != nil {
		return action.Unknown("", "%v", err)
	}
	v := a.look(ctx)
	if bad := v.proved(v.old); bad != nil {
		return *bad
	}
	var open struct {
		Prepared, Backups int
		Oldest            float64
	}
	if err := a.ask(ctx, v.old.Name, openWorkSQL(v.old.facts.Version), &open); err != nil {
		return action.Unknown(readiness.QueryFailed, "%s: %v", v.old.Name, err)
	}
	var found []readiness.Finding
	if open.Prepared > 0 {
		found = append(found, finding(readiness.TransactionsOpen, "%d prepared transactions on %s keep their locks on the new primary", open.Prepared, v.old.Name))
	}
	if open.Oldest > longest.Seconds() {
		found = append(found, finding(readiness.TransactionsOpen, "a transaction on %s has been open for %.0f s", v.old.Name, open.Oldest))
	}
	if open.Backups > 0 {
		found = append(found, finding(readiness.TransactionsOpen, "%d base backups of %s are under way and would be cut", open.Backups, v.old.Name))
	}
	return judged(found, blocks, "nothing long and nothing prepared on "+v.old.Name)
}

func logicalSlots(v *view, c call) connectors.Finding {
	if bad := v.proved(v.old); bad != nil {
		return *bad
	}
	var here []string
	for _, s := range v.old.slots {
		if s.Type == "logical" && !s.Temporary {
			here = append(here, s.Name)
		}
	}
	if len(here) == 0 {
		return action.Passed("%s has no logical slot", v.old.Name)
	}
	if v.next == nil || !v.trusted(v.next) && c.Arg("type") != forFailback {
		return *v.proved(v.next)
	}
	// A server that is rebuilt has none: they are not copied.
	missing := slices.DeleteFunc(here, func(name string) bool {
		return v.trusted(v.next) && slices.ContainsFunc(v.next.slots, func(t slot) bool { return t.Name == name && t.Type == "logical" })
	})
	if len(missing) > 0 {
		return action.Refused(readiness.LogicalSlots, "logical slots %s on %s are not on %s: their subscriptions would stop", strings.Join(missing, ", "), v.old.Name, v.next.Name)
	}
	return action.Passed("no logical slot would be lost")
}

func binaryParity(ctx context.Context, a *actor, _ call) connectors.Finding {
	v := a.look(ctx)
	if bad := v.proved(v.next); bad != nil {
		return *bad
	}
	var found []readiness.Finding
	if _, collations := v.said(v.next, collationID); len(collations) > 0 {
		found = append(found, collations...)
	}
	if bad := v.proved(v.old); bad != nil {
		if len(found) > 0 {
			return judged(found, blocks, "")
		}
		return *bad
	}
	if v.old.facts.Version/10000 != v.next.facts.Version/10000 {
		found = append(found, finding(readiness.VersionMismatch, "%s runs %s, %s runs %s", v.old.Name, versionText(v.old.facts.Version), v.next.Name, versionText(v.next.facts.Version)))
	}
	var libraries [2]struct{ Preload, JIT *string }
	for i, n := range []*node{v.old, v.next} {
		if err := a.ask(ctx, n.Name, librariesSQL, &libraries[i]); err != nil {
			return action.Unknown(readiness.QueryFailed, "%s: %v", n.Name, err)
		}
		if libraries[i].Preload == nil {
			return action.Unknown(readiness.InsufficientPrivilege, "%s did not tell shared_preload_libraries", n.Name)
		}
	}
	if *libraries[0].Preload != *libraries[1].Preload {
		found = append(found, finding(readiness.BinaryMismatch, "shared_preload_libraries is %q on %s and %q on %s", *libraries[0].Preload, v.old.Name, *libraries[1].Preload, v.next.Name))
	}
	return judged(found, blocks, "versions, collations and libraries agree")
}

func noManager(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.look(ctx)
	asked := 0
	for _, n := range v.nodes {
		if !v.trusted(n) {
			continue
		}
		var traces struct{ Sessions, Extensions []string }
		if err := a.ask(ctx, n.Name, managerSQL, &traces); err != nil {
			return action.Unknown(readiness.QueryFailed, "%s: %v", n.Name, err)
		}
		asked++
		if all := slices.Concat(traces.Sessions, traces.Extensions); len(all) > 0 {
			return action.Refused(readiness.HAManager, "%s shows %s", n.Name, strings.Join(all, ", "))
		}
	}
	if bad := v.proved(v.next); bad != nil && !v.toBeRebuilt(c) {
		return *bad
	}
	return action.Passed("no trace of a cluster manager on %d servers", asked)
}

func privilegesCheck(ctx context.Context, a *actor, c call) connectors.Finding {
	v := a.look(ctx)
	var sides []*node
	if bad := v.proved(v.next); bad == nil {
		sides = append(sides, v.next)
	} else if !v.toBeRebuilt(c) {
		return *bad
	}
	if v.old != nil && v.trusted(v.old) {
		sides = append(sides, v.old)
	}
	super := ""
	for _, n := range sides {
		s, o := a.open(ctx, n.Name, asAny)
		if o != nil {
			return action.Unknown(o.Code, "with the execute login: %s", o.Message)
		}
		var may struct {
			Superuser, Replication, Monitor, Signal, Promote, Reload, Schema, Checkpoint, Settings bool
		}
		err := s.run(ctx, readOnlySQL)
		if err == nil {
			err = s.read(ctx, privilegesSQL(s.facts.Version), &may)
		}
		s.close()
		if err != nil {
			return action.Unknown(readiness.QueryFailed, "%s: %s", n.Name, queryFailure(err, s.cred.Password).Message)
		}
		if missing := missingPrivileges(may.Superuser, map[string]bool{
			"REPLICATION": may.Replication, "pg_monitor": may.Monitor, "pg_signal_backend": may.Signal,
			"EXECUTE on pg_promote(boolean, integer)": may.Promote, "EXECUTE on pg_reload_conf()": may.Reload,
			"a place for bcctl.reign (CREATE on the database, or INSERT and SELECT on the table)": may.Schema,
			"CHECKPOINT": may.Checkpoint, "ALTER SYSTEM on parameters": may.Settings,
		}); len(missing) > 0 {
			return action.Refused(readiness.InsufficientPrivilege, "on %s the execute login lacks %s", n.Name, strings.Join(missing, ", "))
		}
		if may.Superuser {
			super = "; it is a superuser, which is more than it needs"
		}
	}
	return action.Passed("the execute login may do what the steps need on %s%s", names(sides), super)
}

func missingPrivileges(super bool, have map[string]bool) []string {
	var missing []string
	for what, has := range have {
		if !has && !super {
			missing = append(missing, what)
		}
	}
	slices.Sort(missing)
	return missing
}

func clocks(v *view, _ call) connectors.Finding {
	var all []string
	for _, n := range v.nodes {
		if !v.trusted(n) {
			continue
		}
		failure, found := v.said(n, clockSkewID)
		if failure != nil {
			return action.Unknown(failure.Code, "%s", failure.Message)
		}
		if len(found) > 0 {
			return judged(found, blocks, "")
		}
		all = append(all, n.Name)
	}
	if len(all) == 0 {
		return action.Unknown(readiness.VisBoth, "no server told its clock")
	}
	return action.Passed("%s", fmt.Sprintf("the clocks of %s agree with this machine's", strings.Join(all, ", ")))
}
