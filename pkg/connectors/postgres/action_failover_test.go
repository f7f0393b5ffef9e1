package postgres

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// lose lets the standby miss what the primary writes, and then kills the primary:
// a failover that loses something. The standby's settings are as before.
func lose(t *testing.T, lab *pgpair.Lab, rows int) {
	t.Helper()
	exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM SET primary_conninfo = ''`)...)
	eventually(t, "the standby lets go", func() bool {
		return ask[bool](t, lab, pgpair.Standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})
	for range rows {
		exec(t, lab, pgpair.Primary, `INSERT INTO app.entries(note) VALUES ('nobody else has this')`)
	}
	if err := lab.KillNode(t.Context(), pgpair.Primary); err != nil {
		t.Fatal(err)
	}
	exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM RESET primary_conninfo`)...)
}

// failOver is the emergency failover up to its postchecks.
func (h *hand) failOver(old, next string) {
	h.t.Helper()
	kind := []string{"type", "failover"}
	for _, check := range []string{"target-is-standby", "single-primary", "same-lineage", "streaming", "replay-running", "no-apply-delay", "synchronous-standbys",
		"not-fenced", "can-serve-standbys", "no-ha-manager", "privileges", "clocks", "primary-gone", "most-advanced"} {
		h.check(connectors.Passed, "", check, kind...)
	}
	h.check(connectors.Warned, readiness.LineageUnproven, "not-diverged", kind...)
	h.check(connectors.Warned, readiness.RPOUnproven, "gap", kind...)
	h.hook("controldata", next)
	h.check(connectors.Unknown, readiness.ParametersUnproven, "parameters", kind...)
	h.check(connectors.Passed, "", "parameters", "type", "failover", "parameters", "$controldata.parameters")
	h.do("mark")

	// SI-22: that it does not answer is no proof that it does not write.
	h.check(connectors.Refused, readiness.WriterUnproven, "writer-fenced", kind...)
	h.outcome(connectors.Failed, readiness.WriterUnproven, "promote", "parameters", "$controldata.parameters")
	h.hook("fence", old)
	h.hook("status", old, is("stopped"))
	h.check(connectors.Passed, "", "writer-fenced", "type", "failover", "evidence", "$fence.evidence")
	h.do("detach")
	h.do("promote", "evidence", "$fence.evidence", "parameters", "$controldata.parameters")
	h.do("reign")
	h.hook("repoint", "", func(c *pgpair.HookCall) { c.To = next })
	h.do("checkpoint-new")
	h.check(connectors.Passed, "", "one-primary", "evidence", "$fence.evidence")
	h.check(connectors.Passed, "", "fork-point", "replay", "$detach.replay", "have", "$detach.have")
	h.pass("write-probe")
	h.check(connectors.Passed, "", "client-path", "address", h.lab.ClientAddress())
	h.check(connectors.Warned, readiness.FenceLeft, "no-fence-remnants") // of the old one nothing is known
	h.check(connectors.Passed, "", "no-fence-remnants", kind...)
}

func refuses(t *testing.T, lab *pgpair.Lab, verb string) {
	t.Helper()
	if facts, err := lab.Hook(t.Context(), pgpair.HookCall{Verb: verb, Endpoint: pgpair.Primary, Of: pgpair.Standby}); err == nil {
		t.Fatalf("%s was not refused: %v", verb, facts)
	} else {
		t.Logf("%s: %v", verb, err)
	}
}

// TestSI25SI26FailoverAndBackByRewind: the primary dies with what nobody else has.
// The loss is bounded, then exact; the tail is preserved before anything
// overwrites it; and the way home is a switchover.
func TestSI25SI26FailoverAndBackByRewind(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t, func(o *pgpair.Options) {
		o.Settings = map[string]string{"autovacuum": "off"} // its commits would be counted
	})
	relayed(t, lab)
	load(t, lab, 200)
	lose(t, lab, 25)
	h := newHand(t, lab, "run-1", "fra", "ams")
	h.failOver(pgpair.Primary, pgpair.Standby)
	if n := entries(t, lab, pgpair.Standby); n != 200 {
		t.Errorf("%d rows of 200 are left", n)
	}

	h.do("measure-loss", "lastCommit", "$detach.lastCommit", "fencedAt", "$fence.at")
	if f := h.facts["measure-loss"]; f["exact"] != "false" || f["bytes"] != "" || f["secondsAtMost"] == "" {
		t.Errorf("with nothing known of the old primary: %v", f)
	}
	h.do("measure-loss", "observed", "$detach.have")
	if f := h.facts["measure-loss"]; f["exact"] != "false" || f["bytes"] == "" {
		t.Errorf("with an observed position: %v", f)
	}

	// A failback begins while the home side is down.
	home := newHand(t, lab, "run-2", "ams", "fra")
	for _, check := range []string{"single-primary", "synchronous-standbys", "archiving", "can-rewind", "nothing-in-doubt", "no-ha-manager", "privileges", "clocks"} {
		home.check(connectors.Passed, "", check, "type", "failback")
	}
	home.check(connectors.Unknown, readiness.VisPrimary, "target-is-standby", "type", "failback")

	for _, verb := range []string{"make-standby", "rewind", "basebackup"} {
		refuses(t, lab, verb) // SI-26
	}
	h.hook("quarantine", pgpair.Primary)
	h.do("measure-loss")
	quarantined := h.facts["measure-loss"]
	h.hook("stop", pgpair.Primary)
	refuses(t, lab, "rewind")
	h.hook("preserve", pgpair.Primary, of(pgpair.Standby))
	h.do("measure-loss", "end", "$preserve.end", "commits", "$preserve.commits")
	f := h.facts["measure-loss"]
	if f["exact"] != "true" || f["commits"] != "25" || f["bytes"] == "0" {
		t.Errorf("exact loss: %v", f)
	}
	if quarantined["exact"] != "true" || quarantined["end"] != f["end"] {
		t.Errorf("in quarantine %v, from the host %v", quarantined, f)
	}
	h.do("create-slot")
	h.hook("rewind", pgpair.Primary, of(pgpair.Standby))
	h.pass("standby-follows", "no-fence-remnants")
	h.do("repoint-siblings")
	h.do("drop-stale-slots")

	for _, verb := range []string{"preserve", "rewind", "basebackup", "make-standby"} {
		h.hook(verb, pgpair.Primary, of(pgpair.Standby)) // again: it follows, so nothing is left to do
	}
	back := newHand(t, lab, "run-2", "ams", "fra")
	back.switchOver(pgpair.Standby, pgpair.Primary)
	newDesk(t, lab).awaitGreen(t)
}

// TestSI26FailoverAndBackByBaseBackup: somebody gives up by name what only the old
// primary has.
func TestSI26FailoverAndBackByBaseBackup(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	relayed(t, lab)
	lose(t, lab, 5)
	h := newHand(t, lab, "run-1", "fra", "ams")
	h.failOver(pgpair.Primary, pgpair.Standby)
	refuses(t, lab, "basebackup")
	h.hook("basebackup", pgpair.Primary, of(pgpair.Standby), func(c *pgpair.HookCall) { c.WaivedBy = "alice" })
	h.pass("standby-follows", "no-fence-remnants")
	h.do("drop-stale-slots")
}

// TestSI29DrillLeavesProductionAlone promotes a copy of the standby. Nothing that
// belongs to the resource can be taken for one.
func TestSI29DrillLeavesProductionAlone(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	load(t, lab, 50)
	h := newHand(t, lab, "run-1", "fra", "ams")
	before := h.actor.Markers(t.Context())
	archived := ask[int](t, lab, pgpair.Primary, `SELECT archived_count FROM pg_stat_archiver`)
	for _, n := range lab.Nodes() {
		h.outcome(connectors.Failed, readiness.IdentityMismatch, "promote-clone", "address", n.Address())
		via := forward(t, n.Address())
		h.outcome(connectors.Failed, readiness.IdentityMismatch, "promote-clone", "address", via.address())
	}
	h.hook("clone", pgpair.Standby)
	h.hook("clone-start", pgpair.Standby)
	h.hook("clone-status", pgpair.Standby, is("present"))
	h.check(connectors.Refused, readiness.RoleUnexpected, "clone-serves", "address", "$clone-start.address")
	h.do("promote-clone", "address", "$clone-start.address")
	h.check(connectors.Passed, "", "clone-serves", "address", "$clone-start.address")
	newDesk(t, lab).awaitGreen(t)
	h.hook("clone-destroy", pgpair.Standby)
	h.hook("clone-status", pgpair.Standby, is("absent"))
	newDesk(t, lab).awaitGreen(t)
	for i, m := range h.actor.Markers(t.Context()) {
		if m.Role != before[i].Role || m.Timeline != before[i].Timeline || m.Failure != "" {
			t.Errorf("production changed: %+v, before %+v", m, before[i])
		}
	}
	if now := ask[int](t, lab, pgpair.Primary, `SELECT archived_count FROM pg_stat_archiver`); now < archived {
		t.Errorf("archived %d, before %d", now, archived)
	}
}

// TestSI25TheMostAdvancedStandbyIsPromoted: another standby has what the target
// lacks, and losing that would be avoidable.
func TestSI25TheMostAdvancedStandbyIsPromoted(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t, func(o *pgpair.Options) { o.Cascade = true })
	follow(t, lab, pgpair.Cascade, pgpair.Primary)
	lose(t, lab, 10)
	h := newHand(t, lab, "run-1", "fra", "ams")
	h.hook("controldata", pgpair.Standby)
	h.hook("fence", pgpair.Primary)
	h.check(connectors.Refused, readiness.CandidateBehind, "most-advanced", "type", "failover")
	h.outcome(connectors.Failed, readiness.CandidateBehind, "promote", "evidence", "$fence.evidence", "parameters", "$controldata.parameters")
}
