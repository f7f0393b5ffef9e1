package sqlserver

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/connectortest"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// hand carries a runbook out step by step, as the runner does.
type hand struct {
	t      *testing.T
	lab    *sqlag.Group
	spec   connectors.ActorSpec
	actor  connectors.Actor
	prefix string
	facts  map[string]connectors.Facts
}

func startLab(t testing.TB, o sqlag.Options) *sqlag.Group {
	t.Helper()
	lab, err := sqlag.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab
}

func newHand(t *testing.T, lab *sqlag.Group, from, to string, change ...func(*connectors.ActorSpec)) *hand {
	t.Helper()
	h := &hand{t: t, lab: lab, prefix: plain, facts: map[string]connectors.Facts{}}
	if lab.Form() == sqlag.Distributed {
		h.prefix = distributed
	}
	h.spec = actorSpec(lab, from, to)
	for _, f := range change {
		f(&h.spec)
	}
	h.open()
	return h
}

func actorSpec(lab *sqlag.Group, from, to string) connectors.ActorSpec {
	spec := connectors.ActorSpec{Spec: labSpec(lab, sqlag.UserMonitor), Run: "run-1", From: from, To: to, Fence: 1}
	spec.Credential = func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		user := map[connectors.Purpose]string{connectors.Monitor: sqlag.UserMonitor, connectors.Execute: sqlag.UserExecute}[p]
		return connectors.Credential{Username: user, Password: lab.Password(user)}, nil
	}
	return spec
}

// open begins with a new actor, as a process does that goes on with a run.
func (h *hand) open() {
	h.t.Helper()
	actor, err := Factory{}.OpenActor(h.spec)
	if err != nil {
		h.t.Fatal(err)
	}
	h.actor = actor
	h.t.Cleanup(func() {
		if err := actor.Close(); err != nil {
			h.t.Errorf("close: %v", err)
		}
	})
}

func (h *hand) call(action string, with ...string) connectors.Call {
	h.t.Helper()
	c := connectors.Call{Action: h.prefix + action, With: map[string]string{}}
	for i := 0; i < len(with); i += 2 {
		value := with[i+1]
		if ref, ok := strings.CutPrefix(value, "$"); ok {
			id, name, _ := strings.Cut(ref, ".")
			found, there := h.facts[id][name]
			if !there {
				h.t.Fatalf("%s: step %s gave no %s: %v", action, id, name, h.facts[id])
			}
			value = found
		}
		c.With[with[i]] = value
	}
	return c
}

// soon bounds a call that waits.
func (h *hand) soon() context.Context {
	ctx, cancel := context.WithTimeout(h.t.Context(), 4*time.Second)
	h.t.Cleanup(cancel)
	return ctx
}

func (h *hand) outcome(state connectors.OutcomeState, code readiness.Code, action string, with ...string) connectors.Outcome {
	h.t.Helper()
	o := h.actor.Do(h.t.Context(), h.call(action, with...))
	h.t.Logf("%-20s %-8s %s %s", action, o.State, o.Code, o.Message)
	if o.State != state || o.Code != code {
		h.t.Fatalf("%s: %s %q: %s; want %s %q", action, o.State, o.Code, o.Message, state, code)
	}
	h.facts[action] = maps.Clone(o.Facts)
	return o
}

// do carries out, and asks whether the effect holds.
func (h *hand) do(action string, with ...string) {
	h.t.Helper()
	h.outcome(connectors.Done, "", action, with...)
	h.probe(connectors.Done, action, with...)
}

func (h *hand) probe(state connectors.OutcomeState, action string, with ...string) {
	h.t.Helper()
	if p := h.actor.Probe(h.t.Context(), h.call(action, with...)); p.State != state {
		h.t.Fatalf("probe of %s: %s %s: %s; want %s", action, p.State, p.Code, p.Message, state)
	}
}

func (h *hand) check(result connectors.FindingResult, code readiness.Code, action string, with ...string) connectors.Finding {
	h.t.Helper()
	f := h.actor.Check(h.soon(), h.call(action, with...))
	h.t.Logf("%-20s %-8s %s %s", action, f.Result, f.Code, f.Message)
	if f.Result != result || f.Code != code {
		h.t.Fatalf("%s: %s %q: %s; want %s %q", action, f.Result, f.Code, f.Message, result, code)
	}
	if f.Observed.IsZero() {
		h.t.Fatalf("%s: when it was seen is missing", action)
	}
	h.facts[action] = f.Facts
	return f
}

func (h *hand) pass(actions ...string) {
	h.t.Helper()
	for _, action := range actions {
		h.check(connectors.Passed, "", action)
	}
}

// changes are the statements that could have changed something, in their order; those
// of the heartbeat as one word.
func (h *hand) changes() []string {
	_, texts := h.lab.Changes()
	var list []string
	for _, text := range texts {
		if strings.Contains(text, "bcctl_heartbeat") {
			text = "heartbeat"
		}
		list = append(list, text)
	}
	return list
}

func (h *hand) changed(want ...string) {
	h.t.Helper()
	if got := h.changes(); !slices.Equal(got, want) {
		h.t.Errorf("statements were\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func broken(t *testing.T, lab *sqlag.Group, fault string) {
	t.Helper()
	if err := lab.Break(fault); err != nil {
		t.Fatal(err)
	}
}

// rolesOf is who takes itself for what, instance by instance.
func rolesOf(lab *sqlag.Group) string {
	var list []string
	for _, n := range lab.Nodes() {
		list = append(list, n.Role)
	}
	return strings.Join(list, " ")
}

// asynchronous makes the sides commit asynchronously, without anything missing.
func asynchronous(lab *sqlag.Group) {
	lab.Change(func(w *model.World) {
		for _, r := range w.Groups[len(w.Groups)-1].Replicas {
			r.Sync = false
		}
	})
}

var (
	plannedChecks = []string{"reachable", "same-group", "single-primary", "target-is-secondary", "quorum", "databases-joined", "no-toxic-state", "not-suspended", "connected",
		"redo-time", "modes-known", "version-parity", "cluster-type", "commit-not-hostage", "log-headroom", "instance-objects", "endpoints", "no-conflicting-work", "listener",
		"automatic-failover", "log-backup", "votes", "clocks"}
	afterwards = []string{"one-primary", "databases-online", "write-probe", "secondaries-move", "no-orphaned-users", "integrity"}
)

// TestSI24PlannedFailover walks the built-in runbook, there and back.
func TestSI24PlannedFailover(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{Databases: []string{"orders", "ledger"}})
	h := newHand(t, lab, "fra", "ams")
	h.pass(plannedChecks...)
	h.pass("failover-ready", "mark", "wait-ready")
	h.changed() // SI-30
	h.do("failover")
	h.pass("wait-online")
	h.do("resume-data-movement")
	h.pass("wait-old-secondary")
	h.pass(afterwards...)
	h.check(connectors.Passed, "", "modes-restored", "modes", "$mark.modes")
	h.check(connectors.Passed, "", "client-path", "address", lab.Listener())
	h.check(connectors.Warned, readiness.ClientPath, "client-path")
	h.changed("orders-b: ALTER AVAILABILITY GROUP [orders] FAILOVER", "heartbeat", "heartbeat", "heartbeat", "heartbeat")

	back := newHand(t, lab, "ams", "fra")
	back.pass(plannedChecks...)
	back.pass("mark", "wait-ready")
	back.do("failover")
	back.pass("wait-online", "wait-old-secondary")
	if got := rolesOf(lab); got != "PRIMARY SECONDARY" {
		t.Errorf("roles are %s", got)
	}
}

// TestSI24SwitchoverOfAnAsynchronousTarget: made synchronous for the run, and put back.
func TestSI24SwitchoverOfAnAsynchronousTarget(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{})
	asynchronous(lab)
	h := newHand(t, lab, "fra", "ams")
	h.pass(plannedChecks...)
	h.check(connectors.Refused, readiness.NotFailoverReady, "failover-ready")
	h.outcome(connectors.Failed, readiness.NotFailoverReady, "failover")
	h.pass("mark")
	h.changed()
	h.do("set-mode")
	h.check(connectors.Refused, readiness.ConfigDrift, "modes-restored", "modes", "$mark.modes")
	h.pass("wait-ready")
	h.do("failover")
	h.pass("wait-online", "wait-old-secondary")
	h.do("restore-modes", "modes", "$mark.modes")
	h.do("restore-modes", "modes", "$mark.modes") // again does no harm, and nothing
	h.check(connectors.Passed, "", "modes-restored", "modes", "$mark.modes")
	modify := func(instance, replica, mode string) string {
		return instance + ": ALTER AVAILABILITY GROUP [orders] MODIFY REPLICA ON N'" + replica + "' WITH (AVAILABILITY_MODE = " + mode + ")"
	}
	h.changed(modify("orders-a", "orders-a", "SYNCHRONOUS_COMMIT"), modify("orders-a", "orders-b", "SYNCHRONOUS_COMMIT"),
		"orders-b: ALTER AVAILABILITY GROUP [orders] FAILOVER", modify("orders-b", "orders-a", "ASYNCHRONOUS_COMMIT"), modify("orders-b", "orders-b", "ASYNCHRONOUS_COMMIT"))
}

// Modes are given back in an order in which the server refuses none of it.
func TestModesAreRestoredInOrder(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{})
	broken(t, lab, "automatic-failover")
	h := newHand(t, lab, "fra", "ams")
	h.pass("mark")
	automatic := h.facts["mark"]["modes"]
	asynchronousModes := strings.NewReplacer("SYNCHRONOUS_COMMIT", "ASYNCHRONOUS_COMMIT", "AUTOMATIC", "MANUAL").Replace(automatic)
	h.do("restore-modes", "modes", asynchronousModes)
	h.do("restore-modes", "modes", automatic)
	for _, bad := range []string{"", "{}", "[]", `{"orders-b": {"mode": "FAST"}}`, `{"orders-b": {"mode": "SYNCHRONOUS_COMMIT'); DROP"}}`} {
		if o := h.actor.Do(t.Context(), h.call("restore-modes", "modes", bad)); o.State != connectors.Failed {
			t.Errorf("modes %q: %v", bad, o)
		}
	}
	h.outcome(connectors.Failed, readiness.Conflict, "restore-modes", "modes", `{"orders-x": {"mode": "SYNCHRONOUS_COMMIT"}}`)
}

// TestSI24PlannedIsRefused: everything that a planned failover could lose something by
// is refused before the server is asked, and nothing is ever forced in its place.
func TestSI24PlannedIsRefused(t *testing.T) {
	t.Parallel()
	for fault, c := range map[string]struct {
		check string
		code  readiness.Code
		do    readiness.Code
	}{
		"suspend-database":           {"not-suspended", readiness.DatabaseSuspended, readiness.DatabaseSuspended},
		"sync-lost":                  {"failover-ready", readiness.SynchronizationLost, readiness.SynchronizationLost},
		"async-healthy-looking":      {"failover-ready", readiness.NotFailoverReady, readiness.NotFailoverReady},
		"disconnected":               {"connected", readiness.ReplicaDisconnected, readiness.ReplicaDisconnected},
		"mirroring-endpoint-stopped": {"endpoints", readiness.MirroringEndpointDown, readiness.ReplicaDisconnected},
		"half-joined":                {"databases-joined", readiness.DatabaseNotJoined, readiness.DatabaseNotJoined},
		"reverting":                  {"no-toxic-state", readiness.DatabaseReverting, readiness.DatabaseReverting},
		"initializing":               {"no-toxic-state", readiness.DatabaseReverting, readiness.DatabaseReverting},
		"recovery-pending":           {"no-toxic-state", readiness.DatabaseNotOnline, readiness.DatabaseNotOnline},
		"redo-backlog":               {"redo-time", readiness.RTOEstimateOver, "-"},
		"forced-quorum":              {"quorum", readiness.QuorumForced, readiness.QuorumForced},
		"zero-vote":                  {"votes", readiness.VoteMissing, "-"},
		"log-pinned":                 {"log-headroom", readiness.LogSpaceHigh, "-"},
		"version-mismatch":           {"version-parity", readiness.VersionMismatch, "-"},
		"clock-skew":                 {"clocks", readiness.ClockSkew, "-"},
		"commit-hostage":             {"connected", readiness.ReplicaDisconnected, readiness.ReplicaDisconnected},
		"two-primaries":              {"single-primary", readiness.TwoWriters, readiness.TwoWriters},
		"wrong-group":                {"same-group", readiness.IdentityMismatch, readiness.IdentityMismatch},
		"drop-definition":            {"", "", readiness.InsufficientPrivilege},
		"null-queues":                {"failover-ready", readiness.NotFailoverReady, readiness.NotFailoverReady},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			lab := startLab(t, sqlag.Options{})
			h := newHand(t, lab, "fra", "ams")
			broken(t, lab, fault)
			if c.check != "" {
				h.check(connectors.Refused, c.code, c.check)
			}
			if c.do == "-" { // what a person may accept
				return
			}
			before := rolesOf(lab)
			h.outcome(connectors.Failed, c.do, "failover")
			if got := rolesOf(lab); got != before {
				t.Errorf("roles are %s and were %s", got, before)
			}
			h.changed()
		})
	}
}

// Objects outside of databases, work that runs, and users without logins.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{})
	h := newHand(t, lab, "fra", "ams")
	lab.Change(func(w *model.World) {
		b := &w.Instance("orders-b").Objects
		b.Jobs = b.Jobs[:1]
		w.Instance("orders-a").Objects.Work = []model.Work{{Command: "BACKUP DATABASE", Database: "orders", Began: time.Now()}}
		w.Instance("orders-a").Objects.Orphans = []string{"left_behind"}
		w.Groups[0].Listener.Addresses[1].Failed = true
	})
	h.check(connectors.Refused, readiness.DriftJob, "instance-objects")
	h.check(connectors.Refused, readiness.TransactionsOpen, "no-conflicting-work")
	h.check(connectors.Refused, readiness.ListenerDown, "listener")
	h.check(connectors.Refused, readiness.DriftLogin, "no-orphaned-users")
	h.check(connectors.Refused, readiness.LogBackupLate, "log-backup", "within", "1s")
	h.check(connectors.Unknown, "", "log-backup", "within", "soon")
	h.check(connectors.Refused, readiness.Conflict, "cluster-type", "type", "NONE")
	h.check(connectors.Passed, "", "integrity", "checks", `{"RowCounts": [{"Name": "beats", "Table": "dbo.bcctl_heartbeat", "Where": "id = 1"}], "Invariants": [{"Name": "one", "Query": "SELECT COUNT(*) FROM dbo.bcctl_heartbeat", "Expect": "1"}]}`)
	h.check(connectors.Refused, readiness.IntegrityFailed, "integrity", "checks", `{"Invariants": [{"Name": "two", "Query": "SELECT COUNT(*) FROM dbo.bcctl_heartbeat", "Expect": "2"}]}`)
	h.check(connectors.Unknown, readiness.IntegrityFailed, "integrity", "checks", `{"Checksums": [{"Name": "sum"}]}`)
	lab.Revoke(sqlag.UserExecute, "ALTER ANY AVAILABILITY GROUP")
	h.check(connectors.Refused, readiness.InsufficientPrivilege, "reachable")
	h.outcome(connectors.Failed, readiness.QueryFailed, "failover") // the server's own refusal
	if got := rolesOf(lab); got != "PRIMARY SECONDARY" {
		t.Errorf("roles are %s", got)
	}
}

// TestSI34FailoverIsNotSentTwice: no answer is no answer, and the roles are read.
func TestSI34FailoverIsNotSentTwice(t *testing.T) {
	t.Parallel()
	for name, applied := range map[string]bool{"answer lost": true, "statement lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := startLab(t, sqlag.Options{})
			h := newHand(t, lab, "fra", "ams")
			lab.Cut("orders-b", "] FAILOVER", applied)
			h.outcome(connectors.InDoubt, "", "failover")
			h.open() // another process goes on
			want := connectors.NotDone
			if applied {
				want = connectors.Done
			}
			h.probe(want, "failover")
			h.changed("orders-b: ALTER AVAILABILITY GROUP [orders] FAILOVER")
			// As long as something of the kind runs there, nobody knows.
			lab.Change(func(w *model.World) {
				w.Instance("orders-b").Objects.Work = []model.Work{{Command: "ALTER AVAILABILITY GROUP", Database: "master", Began: time.Now()}}
			})
			if !applied {
				h.probe(connectors.InDoubt, "failover")
			}
		})
	}
}

// What an action may not be, for the runner never to repeat it by itself.
func TestSI34RolesAreNotRepeated(t *testing.T) {
	t.Parallel()
	for _, a := range (Factory{}).Actions() {
		_, name, _ := strings.Cut(a.Name, "/")
		once := slices.Contains([]string{"failover", "force-failover", "take-over", "restore-primary"}, name)
		if a.Idempotent == once {
			t.Errorf("%s: idempotent %v", a.Name, a.Idempotent)
		}
		if lossy := name == "force-failover"; a.Lossy != lossy { // SI-25
			t.Errorf("%s: lossy %v", a.Name, a.Lossy)
		}
	}
}

// TestSI21NothingIsSentToAnotherServer: whatever it is called.
func TestSI21NothingIsSentToAnotherServer(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{})
	for name, c := range map[string]struct {
		change func(*connectors.ActorSpec)
		code   readiness.Code
	}{
		"another group declared":  {func(s *connectors.ActorSpec) { s.Identity["groupId"] = "00000000-0000-4000-8000-00000000000a" }, readiness.IdentityMismatch},
		"nothing declared":        {func(s *connectors.ActorSpec) { s.Identity = nil }, readiness.IdentityUnproven},
		"two names of one server": {func(s *connectors.ActorSpec) { s.Endpoints[1].Address = s.Endpoints[0].Address }, ""},
		"another replica": {func(s *connectors.ActorSpec) {
			s.Endpoints[1].Options = map[string]string{"replica": "orders-x"}
		}, readiness.IdentityMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t, lab, "fra", "ams", c.change)
			if f := h.actor.Check(t.Context(), h.call("same-group")); f.Result != connectors.Refused || c.code != "" && f.Code != c.code {
				t.Errorf("same-group: %+v", f)
			}
			for _, call := range []connectors.Call{h.call("failover"), h.call("set-mode"), h.call("resume-data-movement"), h.call("unblock-commits"),
				h.call("force-failover", "maxLoss", "1h", "unbounded", "accept", "unproven", "accept")} {
				if o := h.actor.Do(t.Context(), call); o.State == connectors.InDoubt || o.State == connectors.Done && !strings.Contains(call.Action, "set-mode") && !strings.Contains(call.Action, "resume") {
					t.Errorf("%s: %+v", call.Action, o)
				}
			}
			h.changed()
		})
	}
}

// The server was replaced between the look and the change.
func TestSI21AnotherProcess(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{})
	restarted := false
	h := newHand(t, lab, "fra", "ams", func(s *connectors.ActorSpec) {
		with := s.Credential
		s.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
			if p == connectors.Execute && !restarted {
				restarted = true
				lab.Change(func(w *model.World) { w.Instance("orders-b").Started = time.Now() })
			}
			return with(ctx, p)
		}
	})
	h.outcome(connectors.Failed, readiness.IdentityMismatch, "failover")
	h.changed()
}

// TestSI30OperatorConformance holds the actions to the contract of all platforms that
// can be changed.
func TestSI30OperatorConformance(t *testing.T) {
	t.Parallel()
	for _, form := range []sqlag.Form{sqlag.AG, sqlag.Distributed} {
		t.Run(form.String(), func(t *testing.T) {
			t.Parallel()
			lab := startLab(t, sqlag.Options{Form: form, Idle: form == sqlag.Distributed})
			var secrets []string
			for _, secret := range lab.Secrets() {
				secrets = append(secrets, secret)
			}
			modes := map[string]string{"modes": `{"orders-a": {"mode": "SYNCHRONOUS_COMMIT", "failover": "MANUAL"}}`}
			connectortest.RunOperator(t, connectortest.Operated{
				Operator: Factory{},
				Spec:     func(testing.TB) connectors.ActorSpec { return actorSpec(lab, "fra", "ams") },
				Arguments: map[string]map[string]string{
					plain + "restore-modes": modes, distributed + "restore-modes": modes, plain + "modes-restored": modes, distributed + "modes-restored": modes,
					distributed + "require-commits": {"number": "1"},
				},
				Secrets:  secrets,
				Patience: 4 * time.Second, // of steps that wait for what will not come
				Changes: func(*testing.T) string {
					_, texts := lab.Changes()
					return strings.Join(texts, "\n")
				},
				Traces: map[string]string{
					plain + "write-probe":       "the row of the heartbeat: a write is proved by writing",
					distributed + "write-probe": "the row of the heartbeat: a write is proved by writing",
				},
			})
		})
	}
}

// TestSI30PlanReadsOnly: without a run no login but the monitor's is used, and nothing
// is written.
func TestSI30PlanReadsOnly(t *testing.T) {
	t.Parallel()
	lab := startLab(t, sqlag.Options{})
	asked := false
	h := newHand(t, lab, "fra", "ams", func(s *connectors.ActorSpec) {
		s.Run = ""
		with := s.Credential
		s.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
			if p != connectors.Monitor {
				asked = true
				return connectors.Credential{}, context.Canceled // what a plan withholds
			}
			return with(ctx, p)
		}
	})
	for _, name := range plannedChecks {
		if name != "reachable" {
			h.pass(name)
		}
	}
	if asked {
		t.Error("a check of a plan asked for another login than the monitor's")
	}
	h.check(connectors.Unknown, readiness.SecretUnresolved, "reachable") // which a plan shows as not checked
	for _, a := range (Factory{}).Actions() {
		if a.Changes && strings.HasPrefix(a.Name, plain) {
			if o := h.actor.Do(t.Context(), connectors.Call{Action: a.Name, With: map[string]string{}}); o.State != connectors.Failed {
				t.Errorf("%s without a run: %+v", a.Name, o)
			}
		}
	}
	for _, m := range h.actor.Markers(t.Context()) {
		if m.Kind != "lsn" || m.Position == "" || m.Timeline == "" || m.Failure != "" {
			t.Errorf("marker %+v", m)
		}
	}
	h.changed()
}

// TestTakingBackWhatWasNotDone: an undo that is also for what was done in part sends nothing
// where nothing was done.
func TestTakingBackWhatWasNotDone(t *testing.T) {
	t.Parallel()
	for _, form := range []sqlag.Form{sqlag.AG, sqlag.Distributed} {
		t.Run(form.String(), func(t *testing.T) {
			t.Parallel()
			lab := startLab(t, sqlag.Options{Form: form, Idle: form == sqlag.Distributed})
			asynchronous(lab)
			h := newHand(t, lab, "fra", "ams")
			h.pass("mark")
			for _, a := range (Factory{}).Actions() {
				name, ours := strings.CutPrefix(a.Name, h.prefix)
				if !a.TakesBackParts || !ours {
					continue
				}
				switch name {
				case "restore-modes":
					h.do(name, "modes", "$mark.modes")
				case "require-commits":
					h.do(name, "number", "$mark.required")
				default:
					t.Errorf("%s is not tried", a.Name)
				}
			}
			h.changed()
		})
	}
}
