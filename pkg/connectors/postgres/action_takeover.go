package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// takeover are the steps that make the target the primary: S7 to S9, F3 to F7.
func takeover() []operation {
	return []operation{
		{
			Action: connectors.Action{Name: "pg.native/detach", Summary: "ends reception on the target, so that what it has is final and a primary that returns gets no acknowledgment from it",
				Changes: true, Idempotent: true, Outputs: []string{"have", "replay", "timeline", "lastCommit"}},
			Do: detach, Probe: detachProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/attach", Summary: "takes detach back, where primary_conninfo was set elsewhere than by ALTER SYSTEM",
				Changes: true, Idempotent: true},
			Do: attach, Probe: attachProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/promote", Summary: "promotes the target, unless another server writes or may write (SI-22)",
				Changes: true, Idempotent: true, Outputs: []string{"timeline", "fork"},
				Parameters: []connectors.ActionParameter{
					{Name: "evidence", Summary: "what proves that the old primary is down or fenced: ${steps.prove.proof}, or ${steps.fence.evidence}"},
					unprovenParameter, parametersParameter}},
			Do: promote, Probe: promoteProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/reign", Summary: "the first write of the new primary: a row in bcctl.reign that is this run's",
				Changes: true, Idempotent: true, Outputs: []string{"reign", "fork", "timeline"}},
			Do: reignWrite, Probe: reignProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/checkpoint-new", Summary: "CHECKPOINT on the new primary, without which pg_rewind before 16 does nothing and says that all is well",
				Changes: true, Idempotent: true, Outputs: []string{"checkpoint", "timeline"}},
			Do: checkpointNew, Probe: checkpointNewProbe,
		},
	}
}

type receiving struct {
	Receivers  int
	Receive    *lsn
	Replay     *lsn
	LastCommit *time.Time
	Conninfo   *string
}

func (r receiving) detached() bool { return r.Receivers == 0 && r.Conninfo != nil && *r.Conninfo == "" }

// detach is F3. Before 13 the setting needs a restart, which is not this action's.
func detach(ctx context.Context, a *actor, _ call) connectors.Outcome {
	next := a.target()
	if next == nil {
		return action.Failed("", "the resource has no endpoint at the target site")
	}
	s, o := a.open(ctx, next.Name, asStandby)
	if o != nil {
		return *o
	}
	defer s.close()
	if s.facts.Version < 130000 {
		return action.Failed(readiness.VersionUnsupported, "before PostgreSQL 13 primary_conninfo cannot be changed while %s runs", next.Name)
	}
	if err := s.run(ctx, detachSQL); err != nil {
		return s.ended("ALTER SYSTEM SET primary_conninfo", err)
	}
	if err := s.run(ctx, reloadSQL); err != nil {
		return action.Partly(true, s.ended("pg_reload_conf()", err))
	}
	for range 100 {
		if o := a.detached(ctx, next.Name); o.State == connectors.Done {
			return o
		}
		if !pause(ctx, 50*time.Millisecond) {
			break
		}
	}
	return action.InDoubt("", "%s was told to let go and still receives", next.Name)
}

func (a *actor) detached(ctx context.Context, name string) connectors.Outcome {
	var r receiving
	if err := a.ask(ctx, name, receiverGoneSQL, &r); err != nil {
		return action.InDoubt("", "%s: %v", name, err)
	}
	if !r.detached() || r.Replay == nil {
		return action.NotDone("", "%s still has an upstream", name)
	}
	n := node{replay: &replay{Receive: r.Receive, Replay: r.Replay}}
	have, _ := n.have()
	facts := connectors.Facts{"have": have.String(), "replay": r.Replay.String(), "timeline": "", "lastCommit": ""}
	if r.LastCommit != nil {
		facts["lastCommit"] = r.LastCommit.UTC().Format(time.RFC3339Nano)
	}
	if h, err := a.history(ctx, name); err == nil {
		facts["timeline"] = strconv.Itoa(h.system.timeline)
	}
	return action.Done(facts, "%s receives nothing any more; it has everything up to %s", name, have)
}

func detachProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.lookAtTarget(ctx)
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if v.next.isPrimary() {
		return action.Done(connectors.Facts{"have": "", "replay": "", "timeline": "", "lastCommit": ""}, "%s is a primary and receives nothing", v.next.Name)
	}
	return a.detached(ctx, v.next.Name)
}

func attach(ctx context.Context, a *actor, _ call) connectors.Outcome {
	next := a.target()
	if next == nil {
		return action.Failed("", "the resource has no endpoint at the target site")
	}
	s, o := a.open(ctx, next.Name, asStandby)
	if o != nil {
		return *o
	}
	defer s.close()
	if err := s.run(ctx, attachSQL); err != nil {
		return s.ended("ALTER SYSTEM RESET primary_conninfo", err)
	}
	if err := s.run(ctx, reloadSQL); err != nil {
		return s.ended("pg_reload_conf()", err)
	}
	for range 50 {
		if o := attachProbe(ctx, a, call{}); o.State == connectors.Done {
			return o
		}
		if !pause(ctx, 50*time.Millisecond) {
			break
		}
	}
	return action.NotDone("", "%s has no primary_conninfo but the one that was set by ALTER SYSTEM: set it again by hand", next.Name)
}

func attachProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.lookAtTarget(ctx)
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	conninfo, err := a.configured(ctx, v.next.Name, "primary_conninfo")
	switch {
	case err != nil:
		return action.InDoubt("", "%s: %v", v.next.Name, err)
	case conninfo == "":
		return action.NotDone("", "%s has no upstream", v.next.Name)
	}
	return action.Done(nil, "%s has an upstream", v.next.Name)
}

// promotePoll is how often is asked whether the target has become primary.
const promotePoll = 20 * time.Millisecond

// wakeAgain is how soon a server that was told to become primary is told again.
const wakeAgain = 300 * time.Millisecond

// promote is S7 and F5, the point of no return. Everything that forbids it is
// looked at immediately before, on servers and not in memory: another writer, a
// paused replay, a setting that would shut the server down, a better candidate.
func promote(ctx context.Context, a *actor, c call) connectors.Outcome {
	v := a.look(ctx)
	if bad := v.proved(v.next); bad != nil {
		return action.NotBegun(*bad)
	}
	n := v.next
	if n.isPrimary() {
		if a.asked || a.reigns(ctx, n.Name).State == connectors.Done {
			return a.promoted(ctx, n.Name)
		}
		return action.Failed(readiness.RoleUnexpected, "%s is a primary already, and not by this run", n.Name)
	}
	if f := v.fenced(c.Arg("evidence"), c.Arg("unproven") == "accept"); f.Result != connectors.Passed && f.Result != connectors.Warned {
		return action.NotBegun(f)
	}
	if f := mostAdvanced(v, c); f.Result != connectors.Passed {
		return action.NotBegun(f)
	}
	if f := a.promotable(v, n, c.Arg("parameters")); f.Result != connectors.Passed {
		return action.NotBegun(f)
	}
	if pause := n.replay.Pause; pause == nil || *pause != "not paused" {
		return action.Failed(readiness.ReplayPaused, "replay on %s is paused; a promotion would end the pause and apply everything: resume it first", n.Name)
	}
	s, o := a.open(ctx, n.Name, asStandby)
	if o != nil {
		return *o
	}
	defer s.close()
	// Its answer says nothing: true is "asked for", and a second call is "false".
	a.asked = true
	if err := s.run(ctx, promoteSQL); err != nil {
		return s.ended("pg_promote()", err)
	}
	for next := time.Now().Add(wakeAgain); ; {
		if o := a.promoted(ctx, n.Name); o.State == connectors.Done {
			return o
		}
		if now := time.Now(); now.After(next) {
			// One that was told just as its receiver lost the old primary may have taken the
			// news for that, and then sleeps for up to wal_retrieve_retry_interval (5 s). Told
			// again, it wakes. That it is a primary by now is no failure.
			next = now.Add(wakeAgain)
			_ = s.run(ctx, promoteSQL)
		}
		if !pause(ctx, promotePoll) {
			return action.InDoubt("", "%s was told to become primary and is none yet; it may still become one", n.Name)
		}
	}
}

// promoted tells whether a server is a primary, with its timeline and where that
// began.
func (a *actor) promoted(ctx context.Context, name string) connectors.Outcome {
	var f nodeFacts
	if err := a.ask(ctx, name, factsSQL, &f); err != nil {
		return action.InDoubt("", "%s: %v", name, err)
	}
	switch {
	case f.SystemIdentifier != a.spec.Identity["systemIdentifier"]:
		return action.InDoubt(readiness.IdentityMismatch, "%s is cluster %q", name, f.SystemIdentifier)
	case f.InRecovery:
		return action.NotDone("", "%s is still a standby", name)
	}
	var p position
	if err := a.ask(ctx, name, positionSQL, &p); err != nil {
		return action.InDoubt("", "%s: %v", name, err)
	}
	facts := connectors.Facts{"timeline": strconv.Itoa(p.Timeline), "fork": ""}
	if at, _, err := a.fork(ctx, name); err == nil {
		facts["fork"] = at.String()
	}
	return action.Done(facts, "%s is primary on timeline %d, which began at %s", name, p.Timeline, orNotKnown(facts["fork"]))
}

func orNotKnown(text string) string {
	if text == "" {
		return "a position that is not known"
	}
	return text
}

func promoteProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	next := a.target()
	if next == nil {
		return action.InDoubt("", "the resource has no endpoint at the target site")
	}
	return a.promoted(ctx, next.Name)
}

// reignID is the row's key: the same for each attempt of one run on one cluster,
// so that a write whose answer was lost can be made again.
func (a *actor) reignID() string {
	sum := sha256.Sum256([]byte("bcctl reign\n" + a.spec.Run + "\n" + a.spec.Target + "\n" + a.spec.Identity["systemIdentifier"] + "\n" + a.spec.To))
	h := fmt.Sprintf("%x", sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// reignWrite is S8 and F6. The table is made where it is missing, with the login
// that changes things, and the login that reads may read it.
func reignWrite(ctx context.Context, a *actor, _ call) connectors.Outcome {
	if a.spec.Run == "" {
		return action.Failed("", "there is no run whose reign it would be")
	}
	next := a.target()
	if next == nil {
		return action.Failed("", "the resource has no endpoint at the target site")
	}
	name := next.Name
	fork, forkErr := "", error(nil)
	if at, _, err := a.fork(ctx, name); err == nil {
		fork = at.String()
	} else {
		forkErr = err
	}
	s, o := a.open(ctx, name, asPrimary)
	if o != nil {
		return *o
	}
	defer s.close()
	var table struct{ There bool }
	if err := s.read(ctx, reignThereSQL, &table); err != nil {
		return s.ended("the search for bcctl.reign", err)
	}
	if !table.There {
		if err := s.run(ctx, reignTableSQL); err != nil {
			return s.ended("CREATE TABLE bcctl.reign", err)
		}
		if monitor, err := a.c.spec.Credential(ctx, connectors.Monitor); err == nil && monitor.Username != s.cred.Username {
			if err := s.run(ctx, reignGrantSQL(monitor.Username)); err != nil {
				return s.ended("GRANT SELECT ON bcctl.reign", err)
			}
		}
	}
	if err := s.run(ctx, reignWriteSQL(a.reignID(), fork, a.spec.Run, name)); err != nil {
		return s.ended("the first write", err)
	}
	o2 := a.reigns(ctx, name)
	if o2.State == connectors.Done && forkErr != nil {
		o2.Message += "; where its timeline began could not be read: " + forkErr.Error()
	}
	return o2
}

func reignProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.lookAtTarget(ctx)
	if v.next == nil {
		return action.InDoubt("", "the resource has no endpoint at the target site")
	}
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	return a.reigns(ctx, v.next.Name)
}

// reigns tells whether the row of this run is there.
func (a *actor) reigns(ctx context.Context, name string) connectors.Outcome {
	var table struct{ There bool }
	if err := a.ask(ctx, name, reignThereSQL, &table); err != nil {
		return action.InDoubt("", "%s: %v", name, err)
	}
	if table.There {
		if err := a.ask(ctx, name, reignFindSQL(a.reignID()), &table); err != nil {
			return action.InDoubt("", "%s: %v", name, err)
		}
	}
	if !table.There {
		return action.NotDone("", "%s has no reign of this run", name)
	}
	facts := connectors.Facts{"reign": a.reignID(), "fork": "", "timeline": ""}
	if at, timeline, err := a.fork(ctx, name); err == nil {
		facts["fork"], facts["timeline"] = at.String(), strconv.Itoa(timeline)
	}
	return action.Done(facts, "%s carries reign %s", name, a.reignID())
}

// checkpointNew is S9. Before 16 pg_rewind reads the timeline of the control file,
// which is the old one until this is done.
func checkpointNew(ctx context.Context, a *actor, _ call) connectors.Outcome {
	if o := a.checkpoint(ctx, a.lookAtTarget(ctx).next); o.State != connectors.Done {
		return o
	}
	return checkpointNewProbe(ctx, a, call{})
}

func checkpointNewProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.lookAtTarget(ctx)
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if !v.next.isPrimary() {
		return action.NotDone(readiness.RoleUnexpected, "%s is not a primary", v.next.Name)
	}
	var c control
	if err := a.ask(ctx, v.next.Name, controlSQL, &c); err != nil || c.Timeline == nil || c.Current == nil || c.Location == nil {
		return action.InDoubt("", "%s did not tell its last checkpoint", v.next.Name)
	}
	if *c.Timeline != *c.Current {
		return action.NotDone("", "the last checkpoint on %s is of timeline %d, and it is on %d", v.next.Name, *c.Timeline, *c.Current)
	}
	return action.Done(connectors.Facts{"checkpoint": c.Location.String(), "timeline": strconv.Itoa(*c.Timeline)}, "%s has a checkpoint of timeline %d", v.next.Name, *c.Timeline)
}
