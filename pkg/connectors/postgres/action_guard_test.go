package postgres

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// TestSI24CleanStopIsNoProof: the standby is cut off after the drain, so the old
// primary stops cleanly and its last record is nowhere else.
func TestSI24CleanStopIsNoProof(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	h := newHand(t, lab, "run-1", "fra", "ams")
	h.do("mark")
	h.do("soft-fence")
	h.do("drain")
	exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM SET primary_conninfo = ''`)...)
	eventually(t, "the standby lets go", func() bool {
		return ask[bool](t, lab, pgpair.Standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})
	h.hook("stop", pgpair.Primary)
	h.hook("controldata", pgpair.Primary)
	if state := h.facts["controldata"]["state"]; state != "shut down" {
		t.Fatalf("state %q", state)
	}
	proof := []string{"checkpoint", "$controldata.checkpoint", "state", "$controldata.state", "drained", "$drain.lsn"}
	h.outcome(connectors.Failed, readiness.ShutdownUnproven, "prove-shutdown-checkpoint", proof...)
	for _, wrong := range [][]string{
		{"checkpoint", "0/1", "state", "shut down", "drained", "$drain.lsn"},
		{"checkpoint", "$controldata.checkpoint", "state", "in production", "drained", "$drain.lsn"},
		{"checkpoint", "nonsense", "state", "shut down", "drained", "$drain.lsn"},
	} {
		h.outcome(connectors.Failed, readiness.ShutdownUnproven, "prove-shutdown-checkpoint", wrong...)
	}
	// The way back, before the point of no return.
	h.hook("start", pgpair.Primary)
	exec(t, lab, pgpair.Standby, reloadAfter(`ALTER SYSTEM RESET primary_conninfo`)...)
	h.do("lift-soft-fence")
	eventually(t, "the standby follows again", func() bool {
		return ask[bool](t, lab, pgpair.Standby, `SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')`)
	})
	// It answers now: what it wrote since is not covered by any proof.
	h.outcome(connectors.Failed, readiness.ShutdownUnproven, "prove-shutdown-checkpoint", proof...)
	newDesk(t, lab).awaitGreen(t)
}

// TestTakingBackWhatWasNotDone: the only undo that is also for what was done in part leaves
// the settings of a server alone where nothing was done, and a fence that was made in part
// is taken back by it.
func TestTakingBackWhatWasNotDone(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	h := newHand(t, lab, "run-1", "fra", "ams")
	for _, a := range (Factory{}).Actions() {
		if a.TakesBackParts && a.Name != "pg.native/lift-soft-fence" {
			t.Errorf("%s is not tried", a.Name)
		}
	}
	settings := func() string {
		return ask[string](t, lab, pgpair.Primary, `SELECT string_agg(name || '=' || setting, ' ' ORDER BY seqno) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'`)
	}
	exec(t, lab, pgpair.Primary, `ALTER SYSTEM SET log_min_duration_statement = '1h'`)
	before := settings()
	h.do("lift-soft-fence")
	if got := settings(); got != before {
		t.Errorf("settings are %s, and were %s", got, before)
	}
	exec(t, lab, pgpair.Primary, `REVOKE EXECUTE ON FUNCTION pg_reload_conf() FROM `+pgpair.RoleExecute)
	if o := h.actor.Do(t.Context(), h.call("soft-fence")); o.State != connectors.NotDone || settings() == before {
		t.Errorf("%+v, settings %s", o, settings())
	}
	exec(t, lab, pgpair.Primary, `GRANT EXECUTE ON FUNCTION pg_reload_conf() TO `+pgpair.RoleExecute)
	h.do("lift-soft-fence")
	if got := settings(); got != before {
		t.Errorf("settings are %s, and were %s", got, before)
	}
}

// TestSI22NeverTwoWriters: nothing makes a promotion possible while another server
// accepts writes.
func TestSI22NeverTwoWriters(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	h := newHand(t, lab, "run-1", "fra", "ams")
	h.outcome(connectors.Failed, readiness.TwoWriters, "promote", "evidence", "it is off", "unproven", "accept")
	h.check(connectors.Refused, readiness.TwoWriters, "writer-fenced", "evidence", "it is off", "unproven", "accept")
	h.check(connectors.Refused, readiness.PrimaryAlive, "single-primary", "type", "failover")
	h.check(connectors.Refused, readiness.PrimaryAlive, "primary-gone", "type", "failover")
	h.check(connectors.Refused, readiness.PrimaryAlive, "streaming", "type", "failover")
	// A standby that hears from a primary bcctl cannot reach proves that it lives.
	hidden := newHand(t, lab, "run-1", "fra", "ams", func(s *connectors.ActorSpec) { s.Endpoints[0].Address = refusedAddress(t) })
	hidden.check(connectors.Unknown, readiness.WriterUnproven, "primary-gone", "type", "failover") // under another address
	hidden.outcome(connectors.Failed, readiness.WriterUnproven, "promote")
	if ask[bool](t, lab, pgpair.Standby, `SELECT NOT pg_is_in_recovery()`) {
		t.Fatal("the standby was promoted")
	}
}

// TestSI23HungPrimaryIsNotGone: a server that takes connections and says nothing
// may go on at any moment.
func TestSI23HungPrimaryIsNotGone(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	during(t, lab, "hang-primary", func() {
		h := newHand(t, lab, "run-1", "fra", "ams")
		h.check(connectors.Unknown, readiness.WriterUnproven, "primary-gone", "type", "failover")
		h.check(connectors.Refused, readiness.WriterUnproven, "writer-fenced", "type", "failover", "evidence", "somebody says so")
		h.check(connectors.Unknown, readiness.VisPrimary, "single-primary")
		if o := h.actor.Probe(t.Context(), h.call("soft-fence")); o.State != connectors.InDoubt {
			t.Errorf("probe of a hung server: %+v", o)
		}
		h.outcome(connectors.Failed, readiness.RunNoAnswer, "soft-fence")
	})
}

// TestSI8ASilentServerIsWaitedForOnceARound: prechecks that follow each other share that
// a server let its deadline pass, with its age, and so does what is only written down; a
// step that judges, and a later round, ask anew.
func TestSI8ASilentServerIsWaitedForOnceARound(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	way := forward(t, lab.Nodes()[0].Address())
	var later atomic.Int64
	h := newHand(t, lab, "run-1", "fra", "ams", func(s *connectors.ActorSpec) {
		s.Endpoints[0].Address, s.Endpoints[0].Options = way.address(), nil
		s.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	asked := func(want int, when string) {
		t.Helper()
		if n := way.attempts(); n != want {
			t.Errorf("%s: the silent server was asked %d times, want %d", when, n, want)
		}
	}
	round := func() (last connectors.Finding) {
		for _, name := range []string{"primary-gone", "target-is-standby", "same-lineage", "not-diverged", "most-advanced", "gap", "replay-running", "no-apply-delay",
			"rto-realistic", "synchronous-standbys", "not-fenced", "slots", "archiving", "can-serve-standbys", "logical-slots", "binary-parity", "no-ha-manager", "privileges", "clocks", "writer-fenced"} {
			last = h.actor.Check(t.Context(), h.call(name, "type", "failover"))
		}
		return last
	}
	way.swallow()
	began := time.Now()
	f := round()
	took := time.Since(began)
	asked(1, "a round")
	if took > silentFor {
		t.Fatalf("the round took %s, and its silence is good for %s: this shows nothing", took, silentFor)
	}
	if f.Result != connectors.Refused || f.Code != readiness.WriterUnproven || f.Observed.Sub(began) > 2*probeLimit {
		t.Errorf("writer-fenced: %+v, %s after the round began", f, f.Observed.Sub(began))
	}
	if m := h.actor.Markers(t.Context()); m[0].Failure == "" {
		t.Errorf("markers: %+v", m)
	}
	asked(1, "what is written down before a change")
	round()
	asked(2, "another round")
	later.Add(int64(silentFor + time.Second))
	round()
	asked(3, "a round after the silence is too old")
	later.Add(int64(silentFor + time.Second))
	if m := h.actor.Markers(t.Context()); m[0].Failure == "" {
		t.Errorf("markers: %+v", m)
	}
	asked(4, "what is written down later")

	// It goes on, and the silence of a moment ago must not let it pass for fenced.
	way.answer()
	proof := h.call("writer-fenced", "type", "failover", "evidence", "powered off")
	if f := h.actor.Check(t.Context(), proof); f.Code != readiness.WriterUnproven {
		t.Errorf("within the round: %+v", f)
	}
	proof.Anew = true
	if f := h.actor.Check(t.Context(), proof); f.Result != connectors.Refused || f.Code != readiness.TwoWriters {
		t.Errorf("a step: %+v", f)
	}
	h.outcome(connectors.Failed, readiness.TwoWriters, "promote", "evidence", "powered off", "unproven", "accept")
}

// TestSI22ParameterGuard: a promotion would shut the server down.
func TestSI22ParameterGuard(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	h := newHand(t, lab, "run-1", "fra", "ams")
	exec(t, lab, pgpair.Primary, `ALTER SYSTEM SET max_connections = 90`)
	h.hook("stop", pgpair.Primary)
	h.hook("start", pgpair.Primary)
	eventually(t, "the standby pauses", func() bool {
		return ask[bool](t, lab, pgpair.Standby, `SELECT pg_get_wal_replay_pause_state() = 'paused'`)
	})
	h.check(connectors.Refused, readiness.ParameterTooLow, "parameters")
	h.check(connectors.Refused, readiness.ReplayPaused, "replay-running")
	h.do("mark")
	h.hook("stop", pgpair.Primary)
	h.outcome(connectors.Failed, readiness.ParameterTooLow, "promote", "evidence", "stopped", "parameters", "$mark.parameters")
	h.open() // another process, which never saw the primary
	h.outcome(connectors.Failed, readiness.ParametersUnproven, "promote", "evidence", "stopped")
	h.outcome(connectors.Failed, readiness.ParameterTooLow, "promote", "evidence", "stopped", "parameters", "$mark.parameters")
	if !ask[bool](t, lab, pgpair.Standby, `SELECT pg_is_in_recovery()`) {
		t.Fatal("the standby was promoted")
	}
}

// TestSI21SwappedEndpoints: between the prechecks and a change the addresses lead
// to each other's server.
func TestSI21SwappedEndpoints(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	nodes := lab.Nodes()
	ways := []*forwarder{forward(t, nodes[0].Address()), forward(t, nodes[1].Address())}
	h := newHand(t, lab, "run-1", "fra", "ams", func(s *connectors.ActorSpec) {
		for i := range s.Endpoints {
			s.Endpoints[i].Address = ways[i].address()
		}
	})
	h.pass("target-is-standby", "single-primary")
	ways[0].lead(nodes[1].Address())
	ways[1].lead(nodes[0].Address())
	for _, action := range []string{"checkpoint-old", "soft-fence", "detach", "reign", "checkpoint-new", "lift-soft-fence", "create-slot", "drop-stale-slots", "promote"} {
		if o := h.actor.Do(t.Context(), h.call(action)); o.State != connectors.Failed {
			t.Errorf("%s: %+v", action, o)
		} else {
			t.Logf("%-20s %s %s", action, o.Code, o.Message)
		}
	}
	h.open() // another process, which has seen nothing else
	for _, action := range []string{"reign", "checkpoint-old", "promote", "detach"} {
		h.outcome(connectors.Failed, readiness.IdentityMismatch, action)
	}
	other := newHand(t, lab, "run-1", "fra", "ams", func(s *connectors.ActorSpec) { s.Identity = map[string]string{"systemIdentifier": "1"} })
	other.outcome(connectors.Failed, readiness.IdentityMismatch, "soft-fence")
	none := newHand(t, lab, "run-1", "fra", "ams", func(s *connectors.ActorSpec) { s.Identity = nil })
	none.outcome(connectors.Failed, readiness.IdentityUnproven, "soft-fence")
	v := newDesk(t, lab).sweep(t)
	if !green(v) {
		t.Errorf("something was changed: %+v", v.Result)
	}
}

// wire loses a connection at one statement, above TLS: before it is sent, or after
// the server has carried it out and before its answer arrives.
type wire struct {
	mu     sync.Mutex
	needle string
	after  bool
	hit    bool
}

func (w *wire) at(needle string, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.needle, w.after, w.hit = needle, after, false
}

// frontend makes both ends of one connection.
func (w *wire) frontend(r io.Reader, out io.Writer) *pgproto3.Frontend {
	lost := false
	read := readerFunc(func(p []byte) (int, error) {
		if !lost {
			return r.Read(p)
		}
		if w.after {
			_, _ = r.Read(p) // the server has answered
		}
		return 0, io.ErrUnexpectedEOF
	})
	write := writerFunc(func(p []byte) (int, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.needle != "" && !w.hit && bytes.Contains(p, []byte(w.needle)) {
			lost, w.hit = true, true
			if !w.after {
				return len(p), nil
			}
		}
		return out.Write(p)
	})
	return pgproto3.NewFrontend(read, write)
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// TestSI34LostConnectionAtEachChange: whether the statement was carried out or
// not, the outcome is in doubt, the probe tells the truth, and doing it again
// leads to the same end.
func TestSI34LostConnectionAtEachChange(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	h := newHand(t, lab, "run-1", "fra", "ams")
	w := &wire{}
	wired := func() {
		for _, d := range h.actor.(*actor).c.dialers {
			d.base.BuildFrontend = w.frontend
		}
	}
	wired()
	lossy := func(action, needle string, notYet connectors.OutcomeState, with ...string) {
		h.t.Helper()
		for _, after := range []bool{false, true} {
			w.at(needle, after)
			o := h.actor.Do(t.Context(), h.call(action, with...))
			t.Logf("%-20s lost after=%-5v %s: %s", action, after, o.State, o.Message)
			if !w.hit {
				t.Fatalf("%s never sent %q: %+v", action, needle, o)
			}
			if o.State != connectors.InDoubt {
				t.Fatalf("%s lost at %q (after=%v): %+v", action, needle, after, o)
			}
			want := notYet
			if after {
				want = connectors.Done
			}
			var p connectors.Outcome
			eventually(t, action+" is seen", func() bool { // a reload and a promotion take a moment
				p = h.actor.Probe(t.Context(), h.call(action, with...))
				return p.State == want
			})
		}
		h.do(action, with...)
	}
	// What changes in two statements is only half done after the first.
	lossy("soft-fence", "pg_reload_conf", connectors.NotDone)
	lossy("lift-soft-fence", "pg_reload_conf", connectors.NotDone)
	h.do("soft-fence")
	h.do("drain")
	w.at("CHECKPOINT", true)
	h.outcome(connectors.InDoubt, "", "checkpoint-old")
	h.do("checkpoint-old")
	h.do("mark")
	h.hook("stop", pgpair.Primary)
	h.hook("controldata", pgpair.Primary)
	h.do("prove-shutdown-checkpoint", "checkpoint", "$controldata.checkpoint", "state", "$controldata.state", "drained", "$drain.lsn")
	lossy("promote", "pg_promote(false)", connectors.NotDone, "evidence", "$prove-shutdown-checkpoint.proof")
}

// TestSI34PromotionIsNotRepeated: a promotion that was this run's is done, and one
// that was not is refused.
func TestSI34PromotionIsNotRepeated(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	h := newHand(t, lab, "run-1", "fra", "ams")
	h.do("soft-fence")
	h.do("drain")
	h.hook("stop", pgpair.Primary)
	h.hook("controldata", pgpair.Primary)
	h.do("prove-shutdown-checkpoint", "checkpoint", "$controldata.checkpoint", "state", "$controldata.state", "drained", "$drain.lsn")
	h.do("promote", "evidence", "$prove-shutdown-checkpoint.proof")
	h.do("promote", "evidence", "$prove-shutdown-checkpoint.proof")
	h.open() // another process
	w := &wire{}
	for _, d := range h.actor.(*actor).c.dialers {
		d.base.BuildFrontend = w.frontend
	}
	// Without a reign it could be anybody's; the probe is what a resumed run asks.
	h.outcome(connectors.Failed, readiness.RoleUnexpected, "promote", "evidence", "$prove-shutdown-checkpoint.proof")
	for _, after := range []bool{false, true} {
		w.at("INSERT INTO bcctl.reign", after)
		h.outcome(connectors.InDoubt, "", "reign")
		want := connectors.NotDone
		if after {
			want = connectors.Done
		}
		eventually(t, "the reign is seen", func() bool { return h.actor.Probe(t.Context(), h.call("reign")).State == want })
	}
	h.do("reign")
	if n := ask[int](t, lab, pgpair.Standby, `SELECT count(*) FROM bcctl.reign WHERE run_id = 'run-1'`); n != 1 {
		t.Errorf("%d reigns of one run", n)
	}
	h.do("promote", "evidence", "$prove-shutdown-checkpoint.proof")
	for _, after := range []bool{false, true} {
		w.at("pg_create_physical_replication_slot", after)
		h.outcome(connectors.InDoubt, "", "create-slot")
	}
	h.do("create-slot")
	h.hook("make-standby", pgpair.Primary, of(pgpair.Standby))
	for _, after := range []bool{false, true} {
		w.at("pg_drop_replication_slot", after)
		h.outcome(connectors.InDoubt, "", "drop-stale-slots")
	}
	h.do("drop-stale-slots")
}

// TestP12WriteProbeLooksItsTokenUp: a commit waits for a standby that does not
// exist, no deadline of the server interrupts it, and the row would be there.
func TestP12WriteProbeLooksItsTokenUp(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	exec(t, lab, pgpair.Primary, reloadAfter(`ALTER SYSTEM SET synchronous_standby_names = 'ghost'`)...)
	eventually(t, "the setting holds", func() bool { return ask[string](t, lab, pgpair.Primary, `SHOW synchronous_standby_names`) == "ghost" })
	h := newHand(t, lab, "run-1", "ams", "fra") // where the primary is
	start := time.Now()
	f := h.check(connectors.Refused, readiness.SyncStandbyMissing, "write-probe", "within", "1s")
	if !strings.Contains(f.Message, "although it is there") && !strings.Contains(f.Message, "still in progress") {
		t.Errorf("message: %s", f.Message)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	h.check(connectors.Refused, readiness.SyncStandbyMissing, "no-fence-remnants")
}

// TestS10SiblingsFollow: a standby of the old primary is pointed at the new one,
// and one below the new one is left where it is.
func TestS10SiblingsFollow(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t, func(o *pgpair.Options) { o.Cascade = true })
	relayed(t, lab)
	follow(t, lab, pgpair.Cascade, pgpair.Primary)
	// The site has two standbys: the first is the target.
	h := newHand(t, lab, "run-1", "fra", "ams")
	h.switchOver(pgpair.Primary, pgpair.Standby)
	if f := h.facts["repoint-siblings"]; f["moved"] != "ledger-c" || f["following"] != "ledger-c" {
		t.Errorf("siblings: %v", f)
	}
	h.do("repoint-siblings")
	if f := h.facts["repoint-siblings"]; f["moved"] != "" {
		t.Errorf("moved again: %v", f)
	}
}

func TestRedirectKeepsTheRest(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"host=a port=1 user=r passfile=/p/f sslmode=verify-full":    "host=b port=2 user=r passfile=/p/f sslmode=verify-full",
		`user=r password='it\'s  x' hostaddr=10.0.0.1 host = 'a b'`: `host=b port=2 user=r password='it\'s  x'`,
		"HOST=a user=r\tPort=9":                                     "host=b port=2 user=r",
		"":                                                          "host=b port=2",
	} {
		if got := redirect(in, "b", 2); got != want {
			t.Errorf("redirect(%q) = %q, want %q", in, got, want)
		}
	}
}

// follow lets a standby stream from another server than the laboratory made it for.
func follow(t *testing.T, lab *pgpair.Lab, standby, upstream string) {
	t.Helper()
	up, err := lab.Node(upstream)
	if err != nil {
		t.Fatal(err)
	}
	conninfo := ask[string](t, lab, standby, `SHOW primary_conninfo`)
	exec(t, lab, upstream, `SELECT pg_create_physical_replication_slot('`+strings.ReplaceAll(standby, "-", "_")+`', true)`)
	exec(t, lab, standby, reloadAfter(`ALTER SYSTEM SET primary_conninfo = '`+redirect(conninfo, up.Host, up.Port)+`'`)...)
	eventually(t, standby+" streams from "+upstream, func() bool {
		return ask[bool](t, lab, upstream, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = '`+standby+`' AND state = 'streaming')`)
	})
}
