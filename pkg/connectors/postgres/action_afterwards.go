package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// afterwards are the steps that restore protection: S10 to S12, F8 and F9.
func afterwards() []operation {
	whose := connectors.ActionParameter{Name: "endpoint", Summary: "the standby the slot is for; default the one at the site that is left"}
	slotName := connectors.ActionParameter{Name: "slot", Summary: "name of the slot; default the endpoint's option slot, else its name with _ for -"}
	return []operation{
		{
			Action: connectors.Action{Name: "pg.native/create-slot", Summary: "makes a physical replication slot on the new primary; one that is there and usable stays",
				Changes: true, Idempotent: true, Outputs: []string{"slot"}, Parameters: []connectors.ActionParameter{whose, slotName}},
			Do: createSlot, Probe: createSlotProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/repoint-siblings", Summary: "points the other standbys at the new primary; one that has gone past the fork is left alone and named",
				Changes: true, Idempotent: true, Outputs: []string{"moved", "following"}},
			Do: repoint, Probe: repointProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/drop-stale-slots", Summary: "drops, on the former primary, the slot that the new primary read from; never one of anybody else, nor one in use",
				Changes: true, Idempotent: true, Outputs: []string{"dropped"}},
			Do: dropStale, Probe: dropStaleProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/measure-loss", Summary: "bounds what was lost: exactly, where the end of the old primary's log is known, else at least",
				Idempotent: true, Outputs: []string{"fork", "end", "exact", "bytes", "commits", "secondsAtMost", "method"},
				Parameters: []connectors.ActionParameter{
					{Name: "end", Summary: "end of the old primary's log, from the host (${steps.preserve.end})"},
					{Name: "commits", Summary: "commits in what was lost, from the host (${steps.preserve.commits})"},
					{Name: "observed", Summary: "the last position of the old primary that was seen (${steps.mark.oldInsert}); default the recorded one"},
					{Name: "lastCommit", Summary: "time of the last commit the target had (${steps.detach.lastCommit})"},
					{Name: "fencedAt", Summary: "the moment at which the fence was proved (${steps.fence.at})"}}},
			Do: measureLoss, Probe: measureLoss,
		},
	}
}

// slotFor is the slot a standby uses, as it is to be named on another server.
func (v *view) slotFor(n *node, given string) string {
	if given != "" {
		return given
	}
	if slot := n.Options["slot"]; slot != "" {
		return slot
	}
	if slot := n.settings["primary_slot_name"]; slot != "" {
		return slot
	}
	return strings.ReplaceAll(n.Name, "-", "_")
}

var slotForm = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

type slotState struct {
	Type         string
	Active, Lost bool
}

func (a *actor) slotOn(version int, name string) string {
	if version < 130000 {
		return slotSQL12(name)
	}
	return slotSQL(name)
}

func createSlot(ctx context.Context, a *actor, c call) connectors.Outcome {
	v := a.look(ctx)
	n, bad := v.side(c.Arg("endpoint"), v.old)
	if bad != nil {
		return action.NotBegun(*bad)
	}
	if v.next == nil {
		return action.Failed("", "the resource has no endpoint at the target site")
	}
	s, o := a.open(ctx, v.next.Name, asAny)
	if o != nil {
		return *o
	}
	defer s.close()
	return s.ensureSlot(ctx, a, v.slotFor(n, c.Arg("slot")))
}

// ensureSlot makes a slot unless it is there. One that has lost WAL, or is of
// another kind, is somebody's to look at: it is not replaced.
func (s *changing) ensureSlot(ctx context.Context, a *actor, name string) connectors.Outcome {
	if !slotForm.MatchString(name) {
		return action.Failed("", "%q is no name of a replication slot", name)
	}
	var there slotState
	if err := s.read(ctx, a.slotOn(s.facts.Version, name), &there); err != nil {
		return s.ended("the search for the slot", err)
	}
	switch {
	case there.Lost:
		return action.Failed(readiness.SlotLost, "slot %q on %s has lost WAL: whoever it was for is to look at it, then drop it", name, s.node.Name)
	case there.Type == "logical":
		return action.Failed(readiness.Conflict, "slot %q on %s is a logical one", name, s.node.Name)
	case there.Type == "":
		if err := s.run(ctx, createSlotSQL(name)); err != nil {
			return s.ended("pg_create_physical_replication_slot()", err)
		}
	}
	return action.Done(connectors.Facts{"slot": name}, "slot %q is on %s", name, s.node.Name)
}

func createSlotProbe(ctx context.Context, a *actor, c call) connectors.Outcome {
	v := a.look(ctx)
	n, bad := v.side(c.Arg("endpoint"), v.old)
	if bad == nil {
		bad = v.proved(v.next)
	}
	if bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	name := v.slotFor(n, c.Arg("slot"))
	var there slotState
	if err := a.ask(ctx, v.next.Name, a.slotOn(v.next.facts.Version, name), &there); err != nil {
		return action.InDoubt("", "%s: %v", v.next.Name, err)
	}
	if there.Type != "physical" || there.Lost {
		return action.NotDone("", "there is no usable slot %q on %s", name, v.next.Name)
	}
	return action.Done(connectors.Facts{"slot": name}, "slot %q is on %s", name, v.next.Name)
}

// siblings are the other standbys: neither the target nor at the old side as its
// former primary.
func (v *view) siblings() []*node {
	return v.those(func(n *node) bool {
		return n != v.next && n != v.old
	})
}

// lookAtFollowers is a look for the target and its siblings.
func (a *actor) lookAtFollowers(ctx context.Context) *view {
	if a.serves() {
		return a.seen
	}
	old := firstAt(a.c.spec.Endpoints, a.spec.From)
	return a.lookWith(ctx, func(i int, _ time.Duration) bool { return old != nil && a.c.spec.Endpoints[i].Name == old.Name })
}

// follows reports whether a standby streams, directly or over others, from the
// target on its timeline.
func (v *view) follows(n *node, timeline int) bool {
	r := n.replay
	if r == nil || !r.Receiver.streaming() || r.Receiver.Timeline == nil || *r.Receiver.Timeline != timeline {
		return false
	}
	up := v.upstreamOf(n)
	for range v.nodes {
		if up == nil || up == v.next {
			return up == v.next
		}
		up = v.upstreamOf(up)
	}
	return false
}

// repoint is S10 and F8. A standby below another one that follows is left where it
// is: it follows its upstream to the new timeline by itself.
func repoint(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v, _ := a.reread(ctx, 3*time.Second, a.lookAtFollowers, func(v *view) bool { return v.allFollow() })
	if bad := v.proved(v.next); bad != nil {
		return action.NotBegun(*bad)
	}
	if !v.next.isPrimary() || v.next.position == nil {
		return action.Failed(readiness.RoleUnexpected, "%s is not a primary", v.next.Name)
	}
	fork, timeline, err := a.fork(ctx, v.next.Name)
	if err != nil {
		return action.Failed(readiness.LineageUnproven, "where the timeline of %s began is not known, so which standbys may follow is not: %v", v.next.Name, err)
	}
	var moved []string
	for _, n := range v.siblings() {
		switch {
		case v.proved(n) != nil || !n.isStandby() || v.follows(n, timeline):
			continue // said by the probe
		case n.receivesFrom(v) == v.next:
			continue // it is already told to
		}
		// A standby can only follow what it is a beginning of.
		if have, known := n.have(); !known || have > fork && !v.lineage[n].ok {
			return action.Failed(readiness.Diverged, "%s has WAL past %s, where the new timeline began: it cannot follow and has to be rebuilt", n.Name, fork)
		}
		if o := a.repointOne(ctx, v, n); o.State != connectors.Done {
			return o
		}
		moved = append(moved, n.Name)
	}
	a.reread(ctx, 15*time.Second, a.lookAtFollowers, func(v *view) bool { return v.allFollow() })
	o := repointProbe(ctx, a, call{})
	if o.Facts != nil {
		o.Facts["moved"] = strings.Join(moved, ",")
	}
	return o
}

func (n *node) receivesFrom(v *view) *node {
	if n.replay == nil || !n.replay.Receiver.streaming() {
		return nil
	}
	return v.upstreamOf(n)
}

func (v *view) allFollow() bool {
	if v.next == nil || !v.trusted(v.next) || v.next.position == nil {
		return false
	}
	for _, n := range v.siblings() {
		if v.trusted(n) && n.isStandby() && !v.follows(n, v.next.position.Timeline) {
			return false
		}
	}
	return true
}

// repointOne gives a standby the new primary's address in its own conninfo, of
// which everything else stays: it may hold a password, which is never shown.
func (a *actor) repointOne(ctx context.Context, v *view, n *node) connectors.Outcome {
	s, o := a.open(ctx, n.Name, asStandby)
	if o != nil {
		return *o
	}
	defer s.close()
	if s.facts.Version < 130000 {
		return action.Failed(readiness.VersionUnsupported, "before PostgreSQL 13 %s has to be restarted to follow another server", n.Name)
	}
	up, o := a.open(ctx, v.next.Name, asPrimary)
	if o != nil {
		return *o
	}
	defer up.close()
	slot := v.slotFor(n, "")
	if o := up.ensureSlot(ctx, a, slot); o.State != connectors.Done {
		return o
	}
	var now struct{ Value *string }
	if err := s.read(ctx, configuredSQL("primary_conninfo"), &now); err != nil {
		return s.ended("reading primary_conninfo", err)
	}
	if now.Value == nil || *now.Value == "" {
		return action.Failed("", "%s has no primary_conninfo whose other members could be kept", n.Name)
	}
	addr, err := endpoint.Parse(v.next.Address, defaultPort)
	if err != nil {
		return action.Failed("", "%s: %v", v.next.Name, err)
	}
	if err := s.run(ctx, conninfoSQL(redirect(*now.Value, addr.Host, int(addr.Port)))); err != nil {
		return s.ended("ALTER SYSTEM SET primary_conninfo", err)
	}
	if err := s.run(ctx, `ALTER SYSTEM SET primary_slot_name = `+literal(slot)); err != nil {
		return s.ended("ALTER SYSTEM SET primary_slot_name", err)
	}
	if err := s.run(ctx, reloadSQL); err != nil {
		return s.ended("pg_reload_conf()", err)
	}
	return action.Done(nil, "%s was pointed at %s", n.Name, v.next.Name)
}

// conninfoMember is one member of a connection string: name, =, and a value that
// may be quoted.
var conninfoMember = regexp.MustCompile(`\s*([A-Za-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)`)

// redirect replaces the address in a connection string. Of several members of one
// name libpq takes the last.
func redirect(conninfo, host string, port int) string {
	var kept []string
	for _, m := range conninfoMember.FindAllStringSubmatch(conninfo, -1) {
		if name := strings.ToLower(m[1]); name != "host" && name != "hostaddr" && name != "port" {
			kept = append(kept, m[1]+"="+m[2])
		}
	}
	return strings.Join(append([]string{"host=" + host, "port=" + strconv.Itoa(port)}, kept...), " ")
}

func repointProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.lookAtFollowers(ctx)
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if !v.next.isPrimary() || v.next.position == nil {
		return action.NotDone(readiness.RoleUnexpected, "%s is not a primary", v.next.Name)
	}
	var following, doubtful []string
	for _, n := range v.siblings() {
		switch {
		case v.proved(n) != nil:
			if !n.Optional {
				doubtful = append(doubtful, n.Name)
			}
		case n.isPrimary():
			return action.NotDone(readiness.TwoWriters, "%s accepts writes", n.Name)
		case v.follows(n, v.next.position.Timeline):
			following = append(following, n.Name)
		default:
			return action.NotDone("", "%s does not follow %s on timeline %d", n.Name, v.next.Name, v.next.position.Timeline)
		}
	}
	if len(doubtful) > 0 {
		return action.InDoubt(readiness.VisEndpoint, "%s cannot be seen", strings.Join(doubtful, ", "))
	}
	slices.Sort(following)
	return action.Done(connectors.Facts{"moved": "", "following": strings.Join(following, ",")}, "all other standbys follow %s: %s", v.next.Name, orNone(following))
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "there are none"
	}
	return strings.Join(list, ", ")
}

// dropStale is S12: after it has rejoined, the former primary keeps the slot its
// standby used, which holds WAL for ever.
func dropStale(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.look(ctx)
	if v.old == nil || v.next == nil {
		return action.Failed("", "the resource has no endpoint at one of the sites")
	}
	name := v.slotFor(v.next, "")
	s, o := a.open(ctx, v.old.Name, asStandby)
	if o != nil {
		return *o
	}
	defer s.close()
	var there slotState
	if err := s.read(ctx, a.slotOn(s.facts.Version, name), &there); err != nil {
		return s.ended("the search for the slot", err)
	}
	switch {
	case there.Type == "":
		return action.Done(connectors.Facts{"dropped": ""}, "%s has no slot %q", v.old.Name, name)
	case there.Type != "physical":
		return action.Failed(readiness.Conflict, "slot %q on %s is a logical one", name, v.old.Name)
	case there.Active:
		return action.Failed(readiness.Conflict, "somebody reads from slot %q on %s", name, v.old.Name)
	}
	if err := s.run(ctx, dropSlotSQL(name)); err != nil {
		return s.ended("pg_drop_replication_slot()", err)
	}
	return action.Done(connectors.Facts{"dropped": name}, "slot %q on %s is gone", name, v.old.Name)
}

func dropStaleProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.look(ctx)
	for _, n := range []*node{v.old, v.next} {
		if bad := v.proved(n); bad != nil {
			return action.InDoubt(bad.Code, "%s", bad.Message)
		}
	}
	name := v.slotFor(v.next, "")
	for _, s := range v.old.slots {
		if s.Name == name && s.Type == "physical" {
			return action.NotDone(readiness.SlotInactive, "slot %q is on %s", name, v.old.Name)
		}
	}
	return action.Done(connectors.Facts{"dropped": ""}, "%s has no slot %q", v.old.Name, name)
}

// measureLoss is F9. F, where the new timeline began, is what was kept. E, the end
// of the old log, is known only when the old server can be examined; without it
// every figure is a lower bound, and only time has an upper one.
func measureLoss(ctx context.Context, a *actor, c call) connectors.Outcome {
	v := a.look(ctx)
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	fork, _, err := a.fork(ctx, v.next.Name)
	if err != nil {
		return action.InDoubt(readiness.LineageUnproven, "where the timeline of %s began is not known: %v", v.next.Name, err)
	}
	facts := connectors.Facts{"fork": fork.String(), "end": "", "exact": "false", "bytes": "", "commits": c.Arg("commits"), "secondsAtMost": "", "method": ""}
	if at, err := time.Parse(time.RFC3339Nano, c.Arg("fencedAt")); err == nil {
		if last, err := time.Parse(time.RFC3339Nano, c.Arg("lastCommit")); err == nil && !at.Before(last) {
			facts["secondsAtMost"] = strconv.FormatFloat(at.Sub(last).Seconds(), 'f', 1, 64)
		}
	}
	end, how, exact := a.endOfOld(ctx, v, c)
	if how == "" {
		facts["method"] = "no position of the old primary is known"
		return action.Done(facts, "what was lost is not known: the old primary cannot be examined and no position of it is recorded; everything before %s was kept", fork)
	}
	lost := max(end.minus(fork), 0)
	facts["end"], facts["bytes"], facts["method"] = end.String(), strconv.FormatInt(lost, 10), how
	if !exact {
		return action.Done(facts, "at least %d bytes were lost (%s minus the fork at %s); upper bound not known", lost, how, fork)
	}
	facts["exact"] = "true"
	if facts["commits"] == "" && v.old != nil && v.trusted(v.old) && lost > 0 && v.old.facts.Version >= 150000 {
		var n struct{ Commits *int }
		if err := a.ask(ctx, v.old.Name, commitsSQL(fork, end), &n); err == nil && n.Commits != nil {
			facts["commits"] = strconv.Itoa(*n.Commits)
		}
	}
	if lost == 0 {
		facts["commits"] = "0"
	}
	return action.Done(facts, "%d bytes of the old primary's log are past the fork at %s (%s)", lost, fork, how)
}

// endOfOld is how far the old log goes, how that is known, and whether it is the
// end or only a position on the way.
func (a *actor) endOfOld(ctx context.Context, v *view, c call) (end lsn, how string, exact bool) {
	if at, err := parseLSN(c.Arg("end")); err == nil {
		return at, "end of the old log, read on its host", true
	}
	// In quarantine: in recovery, with no upstream, on the timeline that was left.
	if n := v.old; n != nil && v.trusted(n) && n.isStandby() && n.replay != nil && n.replay.Receiver == nil {
		var r receiving
		if err := a.ask(ctx, n.Name, receiverGoneSQL, &r); err == nil && r.detached() && r.Replay != nil {
			return *r.Replay, "end of the old log, as the old server recovered it in quarantine", true
		}
	}
	if at, err := parseLSN(c.Arg("observed")); err == nil {
		return at, "last position of the old primary seen in this run", false
	}
	for _, n := range v.nodes {
		if n.Site != v.fromSite() || v.trusted(n) && n == v.next {
			continue
		}
		if prev, ok := v.previous(n, positionID); ok {
			if at, isNumber := prev.Value.Number(); isNumber && !prev.ObservedAt.After(v.now) {
				return lsn(uint64(at)), fmt.Sprintf("position of %s observed at %s, %s ago", n.Name, prev.ObservedAt.UTC().Format(time.RFC3339), v.now.Sub(prev.ObservedAt).Round(time.Second)), false
			}
		}
	}
	return 0, "", false
}
