package sqlserver

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

var forcedChecks = []string{"primary-gone", "databases-joined", "no-toxic-state", "redo-time", "listener", "automatic-failover", "votes", "clocks", "cluster-type", "target-may-be-forced"}

const evidence = "dora attested at the terminal"

// lost is a group whose primary is gone, asynchronous so that nothing says that the
// target has everything.
func lost(t *testing.T) (*sqlag.Group, *hand) {
	t.Helper()
	lab := startLab(t, sqlag.Options{})
	asynchronous(lab)
	broken(t, lab, "kill-primary")
	return lab, newHand(t, lab, "fra", "ams")
}

// TestSI25SI26ForcedFailover walks the built-in runbook after the loss of the primary, and
// the way home with what has to be given up by name.
func TestSI25SI26ForcedFailover(t *testing.T) {
	t.Parallel()
	lab, h := lost(t)
	h.pass(forcedChecks...)
	h.check(connectors.Passed, "", "same-group", "lost", "allowed")
	h.check(connectors.Unknown, readiness.VisPrimary, "same-group")
	h.check(connectors.Passed, "", "quorum", "forced", "allowed")
	h.check(connectors.Passed, "", "commit-not-hostage", "lost", "allowed", "unblocks", "true")
	h.check(connectors.Unknown, readiness.VersionMismatch, "version-parity")
	h.check(connectors.Warned, readiness.RPOUnproven, "loss-bound", "maxLoss", "1m")
	h.pass("mark")
	h.check(connectors.Refused, readiness.WriterUnproven, "writer-fenced")
	h.check(connectors.Passed, "", "writer-fenced", "evidence", evidence)
	h.check(connectors.Passed, "", "writer-fenced", "unproven", "accept")
	fencedAt := time.Now().UTC().Format(time.RFC3339Nano)
	h.outcome(connectors.Failed, readiness.RPOUnproven, "force-failover", "evidence", evidence)                      // no ceiling
	h.outcome(connectors.Failed, readiness.WriterUnproven, "force-failover", "maxLoss", "1h", "unbounded", "accept") // no fence
	h.outcome(connectors.Failed, readiness.RPOUnproven, "force-failover", "evidence", evidence, "maxLoss", "1h")     // no bound
	// Nor does the fence give one: the last commit is by the clock of a host whose zone
	// nobody tells any more.
	o := h.outcome(connectors.Failed, readiness.RPOUnproven, "force-failover", "evidence", evidence, "maxLoss", "1h", "fencedAt", fencedAt)
	if !strings.Contains(o.Message, "offset from UTC") {
		t.Errorf("the estimate is not told, with what it takes for granted: %s", o.Message)
	}
	h.outcome(connectors.Failed, readiness.VisPrimary, "failover") // and no planned one becomes possible
	h.changed()
	h.do("force-failover", "evidence", evidence, "maxLoss", "1h", "fencedAt", fencedAt, "unbounded", "accept")
	h.pass("wait-online")
	h.do("unblock-commits")
	f := h.check(connectors.Passed, "", "measure-loss", "loss", "$mark.loss", "fencedAt", fencedAt)
	if f.Facts["exact"] != "false" || f.Facts["secondsAtMost"] != "" || !strings.Contains(f.Message, "not known") {
		t.Errorf("loss: %s, %v", f.Message, f.Facts)
	}
	h.check(connectors.Unknown, readiness.WriterUnproven, "one-primary")
	h.check(connectors.Passed, "", "one-primary", "evidence", evidence)
	h.pass("databases-online", "write-probe", "no-orphaned-users")
	h.changed("orders-b: ALTER AVAILABILITY GROUP [orders] FORCE_FAILOVER_ALLOW_DATA_LOSS", "heartbeat", "heartbeat")
	h.check(connectors.Refused, readiness.ReplicaDisconnected, "secondaries-move")

	// The old primary comes back as a suspended secondary with log of its own.
	if err := lab.Instance("orders-a").Start(); err != nil {
		t.Fatal(err)
	}
	lab.Change(func(w *model.World) {
		a := w.Instance("orders-a").Databases[0]
		a.Suspended, a.Reason = true, "SUSPEND_FROM_PARTNER"
		a.End += 4 << 20
	})
	back := newHand(t, lab, "ams", "fra")
	back.check(connectors.Refused, readiness.DatabaseSuspended, "not-suspended")
	back.check(connectors.Refused, readiness.TailNotPreserved, "not-suspended", "resumes", "true")
	back.outcome(connectors.Failed, readiness.TailNotPreserved, "resume-data-movement") // SI-26
	back.outcome(connectors.Failed, readiness.TailNotPreserved, "resume-data-movement", "discard", "ledger")
	back.check(connectors.Passed, "", "not-suspended", "resumes", "true", "discard", "Orders")
	back.do("resume-data-movement", "discard", "ledger, Orders")
	back.pass("mark")
	back.do("set-mode")
	back.pass("wait-ready")
	back.do("failover")
	back.do("restore-modes", "modes", "$mark.modes")
	back.pass("wait-online", "wait-old-secondary")
}

// TestSI25LossWithinTheCeiling: what is measured and over the ceiling is refused,
// whatever was accepted; what the cluster vouches for needs nothing.
func TestSI25LossWithinTheCeiling(t *testing.T) {
	t.Parallel()
	force := []string{"evidence", evidence, "maxLoss", "1m"}
	t.Run("the cluster has it as ready", func(t *testing.T) {
		t.Parallel()
		lab := startLab(t, sqlag.Options{})
		broken(t, lab, "kill-primary")
		h := newHand(t, lab, "fra", "ams")
		f := h.check(connectors.Passed, "", "loss-bound", "maxLoss", "1ms")
		var list []loss
		if err := json.Unmarshal([]byte(f.Facts["loss"]), &list); err != nil || len(list) != 1 || list[0].Seconds == nil || *list[0].Seconds != 0 {
			t.Errorf("loss %s, %v", f.Facts["loss"], err)
		}
		h.pass("mark")
		h.do("force-failover", force...)
		if got := h.facts["force-failover"]["method"]; !strings.Contains(got, "planned") {
			t.Errorf("method %q", got)
		}
		if f := h.check(connectors.Passed, "", "measure-loss", "loss", "$mark.loss"); f.Facts["exact"] != "true" || f.Facts["secondsAtMost"] != "0.0" {
			t.Errorf("loss: %v", f.Facts)
		}
	})
	t.Run("quorum was forced", func(t *testing.T) {
		t.Parallel()
		lab := startLab(t, sqlag.Options{})
		broken(t, lab, "kill-primary")
		lab.Change(func(w *model.World) { w.Clusters[0].Forced = true })
		h := newHand(t, lab, "fra", "ams")
		h.check(connectors.Warned, readiness.RPOUnproven, "loss-bound") // the flag is not used
		h.outcome(connectors.Failed, readiness.RPOUnproven, "force-failover", force...)
		h.do("force-failover", append(force, "unbounded", "accept")...)
	})
	t.Run("the old primary answers and has more", func(t *testing.T) {
		t.Parallel()
		lab := startLab(t, sqlag.Options{})
		asynchronous(lab)
		lab.Change(func(w *model.World) {
			c := w.Instance("orders-b").Databases[0]
			c.End -= 600 * (64 << 10) // ten minutes of the application
			c.Redone, c.SendLimit = c.End, 1
		})
		broken(t, lab, "resolving")
		h := newHand(t, lab, "fra", "ams")
		h.pass("primary-gone", "writer-fenced")
		h.check(connectors.Refused, readiness.LagOverRPO, "loss-bound", "maxLoss", "1m")
		h.outcome(connectors.Failed, readiness.LagOverRPO, "force-failover", append(force, "unbounded", "accept")...)
		h.changed()
	})
}

// TestSI22ForceNeedsAFence: no primary is made beside another one.
func TestSI22ForceNeedsAFence(t *testing.T) {
	t.Parallel()
	all := []string{"evidence", evidence, "maxLoss", "1h", "unbounded", "accept", "unproven", "accept"}
	for name, c := range map[string]struct {
		fault string
		check readiness.Code
		do    readiness.Code
	}{
		"it is alive":           {"", readiness.PrimaryAlive, readiness.TwoWriters},
		"only the path is lost": {"path-primary", readiness.PrimaryAlive, "-"},
		"it hangs":              {"hang-primary", readiness.WriterUnproven, readiness.WriterUnproven},
		"no quorum":             {"no-quorum", "-", readiness.QuorumLost},
		"the target undoes":     {"reverting", "-", readiness.DatabaseReverting},
		"not joined":            {"half-joined", "-", readiness.DatabaseNotJoined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := startLab(t, sqlag.Options{})
			h := newHand(t, lab, "fra", "ams")
			h.spec.EndpointTimeout = time.Second
			h.open()
			if c.fault != "" {
				broken(t, lab, c.fault)
			}
			if c.do == readiness.DatabaseReverting || c.do == readiness.DatabaseNotJoined {
				broken(t, lab, "kill-primary")
			}
			if c.check != "-" {
				result := connectors.Refused
				if c.check == readiness.WriterUnproven {
					result = connectors.Unknown
				}
				h.check(result, c.check, "primary-gone")
			}
			with := all
			if c.do == readiness.WriterUnproven {
				with = all[:6] // not accepted, and evidence is contradicted by what answers there
			}
			if c.do == "-" {
				return
			}
			h.outcome(connectors.Failed, c.do, "force-failover", with...)
			h.changed()
		})
	}
}

// TestSI34ForceIsNotSentTwice: no answer is no answer.
func TestSI34ForceIsNotSentTwice(t *testing.T) {
	t.Parallel()
	for name, applied := range map[string]bool{"answer lost": true, "statement lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab, h := lost(t)
			lab.Cut("orders-b", "FORCE_FAILOVER", applied)
			h.outcome(connectors.InDoubt, "", "force-failover", "evidence", evidence, "maxLoss", "1m", "unbounded", "accept")
			h.open()
			if applied {
				h.probe(connectors.Done, "force-failover")
			} else {
				// The target is between roles, as it is while a force is carried out.
				h.probe(connectors.InDoubt, "force-failover")
				if err := lab.Instance("orders-a").Start(); err != nil {
					t.Fatal(err)
				}
				h.probe(connectors.NotDone, "force-failover") // it follows another primary
			}
			h.changed("orders-b: ALTER AVAILABILITY GROUP [orders] FORCE_FAILOVER_ALLOW_DATA_LOSS")
		})
	}
}

// A force that was accepted and is slow: the target becomes primary after it was asked.
func TestSI34ForceUnderWay(t *testing.T) {
	t.Parallel()
	lab, h := lost(t)
	lab.Cut("orders-b", "FORCE_FAILOVER", false) // its effect comes later
	h.outcome(connectors.InDoubt, "", "force-failover", "evidence", evidence, "maxLoss", "1m", "unbounded", "accept")
	h.open()
	h.probe(connectors.InDoubt, "force-failover")
	lab.Change(func(w *model.World) {
		if err := w.Groups[0].Force(w.Instance("orders-b")); err != nil {
			t.Error(err)
		}
	})
	h.probe(connectors.Done, "force-failover")
	h.changed("orders-b: ALTER AVAILABILITY GROUP [orders] FORCE_FAILOVER_ALLOW_DATA_LOSS")
}

// TestForceNeedsAWindowsCluster: without one, and under Pacemaker, nothing is forced,
// whatever was accepted.
func TestForceNeedsAWindowsCluster(t *testing.T) {
	t.Parallel()
	for _, kind := range []model.ClusterType{model.None, model.External} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			lab, h := lost(t)
			lab.Change(func(w *model.World) { w.Groups[0].Type = kind })
			h.check(connectors.Refused, readiness.Conflict, "cluster-type")
			h.outcome(connectors.Failed, readiness.Conflict, "force-failover", "evidence", evidence, "maxLoss", "1h", "unbounded", "accept", "unproven", "accept")
			h.changed()
		})
	}
}

// Commits that would wait for a replica that is gone are let go on.
func TestUnblockCommits(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{})
	lab.Change(func(w *model.World) { w.Groups[0].RSSC = 1 })
	broken(t, lab, "kill-primary")
	h := newHand(t, lab, "fra", "ams")
	h.check(connectors.Refused, readiness.SyncStandbyMissing, "commit-not-hostage", "lost", "allowed")
	h.do("force-failover", "evidence", evidence, "maxLoss", "1m", "unbounded", "accept")
	h.probe(connectors.NotDone, "unblock-commits")
	h.do("unblock-commits")
	h.pass("write-probe")
}

// TestSI26ResumeOfWhatLosesNothing: nothing has to be named where nothing is given up.
func TestSI26ResumeOfWhatLosesNothing(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{Databases: []string{"orders", "ledger"}})
	h := newHand(t, lab, "fra", "ams")
	lab.Change(func(w *model.World) {
		for _, c := range w.Instance("orders-b").Databases {
			c.Suspended, c.Reason = true, "SUSPEND_FROM_USER"
		}
	})
	h.probe(connectors.NotDone, "resume-data-movement")
	// The connection is lost with the first of two resumed: the rest is done by who goes on.
	lab.Cut("orders-b", "SET HADR RESUME", true)
	h.outcome(connectors.InDoubt, "", "resume-data-movement")
	h.probe(connectors.NotDone, "resume-data-movement")
	h.do("resume-data-movement")
	if n := len(h.changes()); n != 2 {
		t.Errorf("%d statements: %v", n, h.changes())
	}
}

// TestSI24DistributedSwitch walks the built-in runbook of a distributed group.
func TestSI24DistributedSwitch(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{Form: sqlag.Distributed, Idle: true, Databases: []string{"orders", "ledger"}})
	asynchronous(lab)
	h := newHand(t, lab, "fra", "ams")
	h.pass("reachable", "same-group", "single-primary", "target-is-forwarder", "quorum", "databases-joined", "no-toxic-state", "not-suspended", "connected", "modes-known",
		"version-parity", "log-headroom", "instance-objects", "endpoints", "no-conflicting-work", "clocks", "mark")
	h.outcome(connectors.Failed, readiness.NotFailoverReady, "demote")
	h.outcome(connectors.Failed, readiness.RoleUnexpected, "take-over") // nothing is taken that was not given up
	h.changed()
	h.do("set-mode")
	h.pass("wait-equal")
	h.do("demote")
	h.check(connectors.Refused, readiness.SwitchIncomplete, "one-primary")
	h.do("require-commits", "number", "1")
	h.pass("prove-equal")
	h.do("take-over")
	h.pass("wait-online")
	h.do("require-commits", "number", "$mark.required")
	h.do("restore-modes", "modes", "$mark.modes")
	h.pass("one-primary", "databases-online", "write-probe", "forwarder-follows", "integrity")
	h.check(connectors.Passed, "", "modes-restored", "modes", "$mark.modes")
	h.check(connectors.Passed, "", "client-path", "address", lab.Listener())
	h.outcome(connectors.Failed, readiness.RoleUnexpected, "restore-primary") // there is no way back by force
	if n := len(h.changes()); n != 18 {
		t.Errorf("%d statements:\n%s", n, strings.Join(h.changes(), "\n"))
	}

	back := newHand(t, lab, "ams", "fra")
	back.pass("single-primary", "target-is-forwarder", "connected", "mark")
	back.do("set-mode")
	back.pass("wait-equal")
	back.do("demote")
	back.pass("prove-equal")
	back.do("take-over")
	back.pass("wait-online")
}

// TestSI24DistributedGivesBack: between the demotion and the taking over nobody writes,
// and what cannot be proved equal is given back to who has everything.
func TestSI24DistributedGivesBack(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{Form: sqlag.Distributed, Idle: true})
	h := newHand(t, lab, "fra", "ams")
	h.pass("mark", "wait-equal")
	h.do("demote")
	lab.Change(func(w *model.World) { // what was hardened last has not arrived
		c := w.Instance("orders-c").Databases[0]
		c.End -= 1 << 20
		c.Redone, c.SendLimit = c.End, 1
	})
	h.check(connectors.Refused, readiness.SynchronizationLost, "prove-equal")
	h.outcome(connectors.Failed, readiness.SynchronizationLost, "take-over") // SI-24, SI-25
	h.probe(connectors.NotDone, "take-over")
	h.do("restore-primary")
	h.probe(connectors.NotDone, "demote")
	if got := h.changes(); len(got) != 2 {
		t.Errorf("statements: %v", got)
	}
	// The other way round the old side would lack something: it is not given back.
	other := startLab(t, sqlag.Options{Form: sqlag.Distributed, Idle: true})
	h = newHand(t, other, "fra", "ams")
	h.do("demote")
	other.Change(func(w *model.World) {
		c := w.Instance("orders-a").Databases[0]
		c.End -= 1 << 20
		c.Redone = c.End
	})
	h.outcome(connectors.Failed, readiness.CandidateBehind, "restore-primary")
}

// TestSI34DistributedIsNotSentTwice: each change of the role, with its connection lost
// before and after.
func TestSI34DistributedIsNotSentTwice(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"demote", "take-over", "restore-primary"} {
		for name, applied := range map[string]bool{"answer lost": true, "statement lost": false} {
			t.Run(step+" "+name, func(t *testing.T) {
				t.Parallel()
				lab := startLab(t, sqlag.Options{Form: sqlag.Distributed, Idle: true})
				h := newHand(t, lab, "fra", "ams")
				if step != "demote" {
					h.do("demote")
				}
				instance, text := "orders-a", "ROLE = SECONDARY"
				if step != "demote" {
					text = "FORCE_FAILOVER"
				}
				if step == "take-over" {
					instance = "orders-c"
				}
				lab.Cut(instance, text, applied)
				h.outcome(connectors.InDoubt, "", step)
				h.open()
				want := connectors.NotDone
				if applied {
					want = connectors.Done
				}
				h.probe(want, step)
				if lab.Cuts() != 0 {
					t.Error("nothing was cut")
				}
			})
		}
	}
}

// The actions of one kind of group are not for the other.
func TestActionsOfTheOtherKind(t *testing.T) {
	t.Parallel()
	for _, form := range []sqlag.Form{sqlag.AG, sqlag.Distributed} {
		lab := startLab(t, sqlag.Options{Form: form})
		h := newHand(t, lab, "fra", "ams")
		h.prefix = map[string]string{plain: distributed, distributed: plain}[h.prefix]
		h.check(connectors.Refused, readiness.Conflict, "single-primary")
		h.check(connectors.Refused, readiness.Conflict, "mark")
		before := rolesOf(lab)
		for _, a := range (Factory{}).Actions() {
			if !a.Changes || !strings.HasPrefix(a.Name, h.prefix) {
				continue
			}
			c := connectors.Call{Action: a.Name, With: map[string]string{"modes": `{"orders-b": {"mode": "ASYNCHRONOUS_COMMIT", "failover": "MANUAL"}}`, "number": "1", "maxLoss": "1h", "evidence": evidence, "unbounded": "accept", "unproven": "accept"}}
			for name := range c.With {
				known := false
				for _, p := range a.Parameters {
					known = known || p.Name == name
				}
				if !known {
					delete(c.With, name)
				}
			}
			if o := h.actor.Do(t.Context(), c); o.State == connectors.Done || o.State == connectors.InDoubt {
				t.Errorf("%s on %s: %+v", a.Name, form, o)
			}
		}
		if got := rolesOf(lab); got != before {
			t.Errorf("%s: roles are %s and were %s", form, got, before)
		}
		h.changed()
	}
}
