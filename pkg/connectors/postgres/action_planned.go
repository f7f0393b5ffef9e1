package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// planned are the steps of a switchover before its point of no return: S1 to S6.
func planned() []operation {
	return []operation{
		{
			Action: connectors.Action{Name: "pg.native/mark", Summary: "reads how far each side has come, and the settings the target is compared with later",
				Idempotent: true, Outputs: []string{"old", "oldInsert", "oldFlush", "oldTimeline", "parameters", "new", "newHave", "newReplay", "newTimeline", "newLastCommit", "at"}},
			Do: mark, Probe: mark,
		},
		{
			Action: connectors.Action{Name: "pg.native/checkpoint-old", Summary: "CHECKPOINT on the old primary, so that its stop is short",
				Changes: true, Idempotent: true, Outputs: []string{"checkpoint"}},
			Do: checkpointOld, Probe: checkpointOldProbe,
		},
		{
			Action: connectors.Action{Name: "pg.native/soft-fence", Summary: "makes transactions on the old primary read-only by default and ends client sessions; advisory: a session may override it",
				Changes: true, Idempotent: true, Outputs: []string{"ended", "left"}},
			Do: softFence, Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
				return a.readOnlyIs(ctx, c, "on")
			},
		},
		{
			Action: connectors.Action{Name: "pg.native/lift-soft-fence", Summary: "takes the read-only default back, on the old side or on the endpoint given",
				Changes: true, Idempotent: true, TakesBackParts: true, Parameters: []connectors.ActionParameter{{Name: "endpoint", Summary: "name of the endpoint; default the one at the site that is left"}}},
			Do: liftSoftFence, Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
				return a.readOnlyIs(ctx, c, "off")
			},
		},
		{
			Action: connectors.Action{Name: "pg.native/drain", Summary: "waits until the old primary writes no more and the target has applied all of it",
				Idempotent: true, Outputs: []string{"lsn"}},
			Do: drain, Probe: func(ctx context.Context, a *actor, c call) connectors.Outcome {
				return a.drained(ctx)
			},
		},
		{
			Action: connectors.Action{Name: "pg.native/prove-shutdown-checkpoint", Summary: "proves that the target has the record of the old primary's clean stop, and so everything before it",
				Idempotent: true, Outputs: []string{"proof", "checkpoint", "replayed"},
				Parameters: []connectors.ActionParameter{
					{Name: "checkpoint", Required: true, Summary: "location of the last checkpoint, from controldata of the old primary"},
					{Name: "state", Required: true, Summary: "state of the old cluster, from controldata"},
					{Name: "drained", Required: true, Summary: "where drain saw the old primary stand still (${steps.drain.lsn})"},
				}},
			Do: proveShutdown, Probe: proveShutdown,
		},
	}
}

// mark is S1. A side that is not seen leaves its facts empty, and says so.
func mark(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.lookWith(ctx, a.noting)
	facts := connectors.Facts{"at": v.at.UTC().Format(time.RFC3339Nano), "parameters": "", "new": "", "newHave": "", "newReplay": "", "newTimeline": "", "newLastCommit": "",
		"old": "", "oldInsert": "", "oldFlush": "", "oldTimeline": ""}
	message := ""
	if bad := v.proved(v.old); bad != nil {
		message = "; " + bad.Message
	} else {
		facts["old"] = v.old.Name
		facts["parameters"] = parametersText(v.old.settings)
		if p := v.old.position; p != nil {
			facts["oldInsert"], facts["oldFlush"], facts["oldTimeline"] = p.Insert.String(), p.Flush.String(), strconv.Itoa(p.Timeline)
		}
	}
	if bad := v.proved(v.next); bad != nil {
		return connectors.Outcome{State: connectors.InDoubt, Code: bad.Code, Message: bad.Message}
	}
	facts["new"] = v.next.Name
	if have, known := v.next.have(); known && v.next.isStandby() {
		facts["newHave"], facts["newReplay"] = have.String(), v.next.replay.Replay.String()
		if r := v.next.replay.Receiver; r != nil && r.Timeline != nil {
			facts["newTimeline"] = strconv.Itoa(*r.Timeline)
		}
		if t := v.next.replay.LastCommit; t != nil {
			facts["newLastCommit"] = t.UTC().Format(time.RFC3339Nano)
		}
	}
	return action.Done(facts, "marked%s", message)
}

type control struct {
	Location *lsn
	Redo     *lsn
	Timeline *int
	Age      *float64
	Current  *int
}

func checkpointOld(ctx context.Context, a *actor, _ call) connectors.Outcome {
	return a.checkpoint(ctx, a.look(ctx).old)
}

func (a *actor) checkpoint(ctx context.Context, n *node) connectors.Outcome {
	if n == nil {
		return action.Failed("", "the resource has no endpoint at the site that is meant")
	}
	s, o := a.open(ctx, n.Name, asPrimary)
	if o != nil {
		return *o
	}
	defer s.close()
	if err := s.runLong(ctx, checkpointSQL); err != nil {
		return s.ended("CHECKPOINT", err)
	}
	var c control
	if err := s.read(ctx, controlSQL, &c); err != nil || c.Location == nil {
		return action.InDoubt("", "CHECKPOINT on %s was done, and where cannot be read", n.Name)
	}
	return action.Done(connectors.Facts{"checkpoint": c.Location.String()}, "checkpoint on %s at %s", n.Name, c.Location)
}

// recentCheckpoint is how old a checkpoint may be and still make a stop short.
const recentCheckpoint = 5 * time.Minute

func checkpointOldProbe(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.look(ctx)
	if bad := v.proved(v.old); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	var c control
	if err := a.ask(ctx, v.old.Name, controlSQL, &c); err != nil || c.Age == nil || c.Location == nil {
		return action.InDoubt("", "%s did not tell its last checkpoint", v.old.Name)
	}
	if *c.Age > recentCheckpoint.Seconds() {
		return action.NotDone("", "the last checkpoint on %s was %.0f s ago", v.old.Name, *c.Age)
	}
	return action.Done(connectors.Facts{"checkpoint": c.Location.String()}, "the last checkpoint on %s was %.0f s ago", v.old.Name, *c.Age)
}

// softFence is S3. The setting first, so that whoever is ended and comes back
// finds it.
func softFence(ctx context.Context, a *actor, _ call) connectors.Outcome {
	v := a.look(ctx)
	if v.old == nil {
		return action.Failed("", "the resource has no endpoint at the site that is left")
	}
	s, o := a.open(ctx, v.old.Name, asPrimary)
	if o != nil {
		return *o
	}
	defer s.close()
	if err := s.run(ctx, softFenceSQL); err != nil {
		return s.ended("ALTER SYSTEM SET default_transaction_read_only", err)
	}
	if err := s.run(ctx, reloadSQL); err != nil {
		return action.Partly(true, s.ended("pg_reload_conf()", err))
	}
	if !a.settles(ctx, v.old.Name, "default_transaction_read_only", "on") {
		return action.InDoubt("", "%s was told to be read-only by default and does not say so yet", v.old.Name)
	}
	var clients struct{ Ended, Left int }
	if err := s.read(ctx, endClientsSQL, &clients); err != nil {
		return action.Partly(true, s.ended("pg_terminate_backend()", err))
	}
	return action.Done(connectors.Facts{"ended": strconv.Itoa(clients.Ended), "left": strconv.Itoa(clients.Left)},
		"%s starts transactions read-only, and %d client sessions were ended; a session that insists can still write", v.old.Name, clients.Ended)
}

// settles waits a little until new sessions find a setting as it should be: a
// reload takes a moment.
func (a *actor) settles(ctx context.Context, name, setting, want string) bool {
	for range 50 {
		if value, err := a.configured(ctx, name, setting); err == nil && value == want {
			return true
		}
		if !pause(ctx, 50*time.Millisecond) {
			return false
		}
	}
	return false
}

// configured is what a new session finds a setting to be.
func (a *actor) configured(ctx context.Context, name, setting string) (string, error) {
	var found struct{ Value *string }
	if err := a.ask(ctx, name, configuredSQL(setting), &found); err != nil {
		return "", err
	}
	if found.Value == nil {
		return "", nil
	}
	return *found.Value, nil
}

func liftSoftFence(ctx context.Context, a *actor, c call) connectors.Outcome {
	v := a.look(ctx)
	n, bad := v.side(c.Arg("endpoint"), v.old)
	if bad != nil {
		return action.NotBegun(*bad)
	}
	s, o := a.open(ctx, n.Name, asAny)
	if o != nil {
		return *o
	}
	defer s.close()
	if err := s.run(ctx, softLiftSQL); err != nil {
		return s.ended("ALTER SYSTEM RESET default_transaction_read_only", err)
	}
	if err := s.run(ctx, reloadSQL); err != nil {
		return action.Partly(true, s.ended("pg_reload_conf()", err))
	}
	if !a.settles(ctx, n.Name, "default_transaction_read_only", "off") {
		return action.NotDone(readiness.FenceLeft, "default_transaction_read_only on %s is on from somewhere else than ALTER SYSTEM", n.Name)
	}
	return action.Done(nil, "%s starts transactions as it did before", n.Name)
}

func (a *actor) readOnlyIs(ctx context.Context, c call, want string) connectors.Outcome {
	v := a.look(ctx)
	n, bad := v.side(c.Arg("endpoint"), v.old)
	if bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if bad := v.proved(n); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	value, err := a.configured(ctx, n.Name, "default_transaction_read_only")
	switch {
	case err != nil:
		return action.InDoubt("", "%s: %v", n.Name, err)
	case value != want:
		return action.NotDone("", "default_transaction_read_only is %s on %s", value, n.Name)
	}
	return action.Done(nil, "default_transaction_read_only is %s on %s", value, n.Name)
}

// drain is S4: the old primary stands still over two readings, and the target has
// applied up to there. What never stands still is not drained (SI-24).
func drain(ctx context.Context, a *actor, _ call) connectors.Outcome {
	last := action.NotDone(readiness.ReplicationLagHigh, "nothing was read yet")
	for {
		o := a.drained(ctx)
		if o.State == connectors.Done {
			return o
		}
		if ctx.Err() == nil {
			last = o
		}
		if !pause(ctx, standsStill) {
			return last
		}
	}
}

// standsStill is how far apart the two readings are: clients wait for it. That nothing
// was written after them is proved later, by the record of the clean stop.
const standsStill = 50 * time.Millisecond

func (a *actor) drained(ctx context.Context) connectors.Outcome {
	a.seen = nil
	first := a.look(ctx)
	if bad := first.proved(first.old); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if first.primary == nil || first.primary != first.old || first.old.position == nil {
		return action.InDoubt(readiness.RoleUnexpected, "%s at the site that is left is not seen as the only primary", first.old.Name)
	}
	if !pause(ctx, standsStill) {
		return action.InDoubt("", "the time was over before a second reading")
	}
	a.seen = nil
	v := a.look(ctx)
	if v.primary == nil || v.primary.Name != first.primary.Name || v.primary.position == nil {
		return action.InDoubt(readiness.RoleUnexpected, "the primary changed or was lost between two readings")
	}
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	if v.next.replay == nil || v.next.replay.Replay == nil {
		return action.InDoubt(readiness.ValueInvalid, "%s did not tell what it has replayed", v.next.Name)
	}
	before, now, replay := first.primary.position.Insert, v.primary.position.Insert, *v.next.replay.Replay
	switch {
	case before != now:
		return action.NotDone(readiness.ReplicationLagHigh, "%s still writes: %s in %s", v.primary.Name, sizeText(now.minus(before)), standsStill)
	case !replay.reached(now):
		return action.NotDone(readiness.ReplicationLagHigh, "%s has %s to apply", v.next.Name, sizeText(now.minus(replay)))
	}
	return action.Done(connectors.Facts{"lsn": now.String()}, "%s stands still at %s, and %s has applied that", v.primary.Name, now, v.next.Name)
}

// proveShutdown is S6: the record of the clean stop begins at C, so the target has
// it when it has replayed past C, strictly. C must not lie before where the drain
// ended, or it is the stop of an earlier day; and the server must still be down,
// or it has written more.
func proveShutdown(ctx context.Context, a *actor, c call) connectors.Outcome {
	if state := c.Arg("state"); state != "shut down" {
		return action.Failed(readiness.ShutdownUnproven, "the old primary's state is %q; only %q is a clean stop", state, "shut down")
	}
	checkpoint, err := parseLSN(c.Arg("checkpoint"))
	if err != nil {
		return action.Failed(readiness.ShutdownUnproven, "checkpoint: %v", err)
	}
	drained, err := parseLSN(c.Arg("drained"))
	if err != nil {
		return action.Failed(readiness.ShutdownUnproven, "drained: %v", err)
	}
	if checkpoint < drained {
		return action.Failed(readiness.ShutdownUnproven, "the checkpoint at %s is before %s, where the drain ended: it is not that of this stop", checkpoint, drained)
	}
	v, covered := a.reread(ctx, 5*time.Second, a.look, func(v *view) bool {
		have, known := v.next.replayed()
		return known && have > checkpoint
	})
	if bad := v.proved(v.next); bad != nil {
		return action.InDoubt(bad.Code, "%s", bad.Message)
	}
	for _, n := range v.those(func(n *node) bool { return n.Site == v.fromSite() && !(v.member(n) && n.isStandby()) }) {
		switch {
		case n.unreached == nil:
			return action.Failed(readiness.ShutdownUnproven, "%s answers: it was started again after its stop, and may have written more", n.Name)
		case !n.unreached.refused:
			return action.InDoubt(readiness.ShutdownUnproven, "that %s is still down is not proved: %s", n.Name, n.unreached.message)
		}
	}
	replayed, known := v.next.replayed()
	if !known {
		return action.InDoubt(readiness.ShutdownUnproven, "%s did not tell what it has replayed", v.next.Name)
	}
	if !covered {
		return action.Failed(readiness.ShutdownUnproven, "%s has replayed to %s and not past the last record at %s: it lacks at least %s; start the old primary again",
			v.next.Name, replayed, checkpoint, sizeText(checkpoint.minus(replayed)))
	}
	proof := "shutdown checkpoint " + checkpoint.String() + " replayed to " + replayed.String()
	return action.Done(connectors.Facts{"proof": proof, "checkpoint": checkpoint.String(), "replayed": replayed.String()},
		"%s has the last record of the old primary: it begins at %s, and %s has replayed to %s", v.next.Name, checkpoint, v.next.Name, replayed)
}

func (n *node) replayed() (lsn, bool) {
	if n == nil || n.replay == nil || n.replay.Replay == nil {
		return 0, false
	}
	return *n.replay.Replay, true
}
