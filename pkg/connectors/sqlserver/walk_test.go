package sqlserver_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/execute/executetest"
	"github.com/bcctl/bcctl/internal/lab/labtest"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/sqlserver"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// walk is a run of a built-in runbook on servers of the laboratory.
type walk struct {
	*executetest.Stage
	lab *sqlag.Group
}

// procedure is a built-in runbook with the laboratory that it is for.
type procedure struct {
	name    string
	form    sqlag.Form
	async   bool // the sides commit asynchronously
	lost    bool // the primary is gone
	accept  []readiness.Code
	changes map[string]string // step -> what is in the statement it sends, and where
}

func procedures() []procedure {
	const onA, onB, onC = "orders-a ", "orders-b ", "orders-c "
	return []procedure{
		{name: "mssql.ag-planned/switchover", changes: map[string]string{"failover": onB + "] FAILOVER"}},
		{name: "mssql.ag-planned-async/switchover", async: true, changes: map[string]string{
			"make-sync": onA + "= SYNCHRONOUS_COMMIT", "failover": onB + "] FAILOVER", "restore-modes": onB + "= ASYNCHRONOUS_COMMIT"}},
		{name: "mssql.ag-forced/failover", lost: true, accept: []readiness.Code{readiness.VersionMismatch}, changes: map[string]string{"force": onB + "FORCE_FAILOVER"}},
		{name: "mssql.dag-planned/switchover", form: sqlag.Distributed, async: true, changes: map[string]string{
			"make-sync": onC + "= SYNCHRONOUS_COMMIT", "demote": onA + "ROLE = SECONDARY", "require": onA + "TO_COMMIT = 1", "take-over": onC + "FORCE_FAILOVER",
			"release": onC + "TO_COMMIT = 0", "restore-modes": onC + "= ASYNCHRONOUS_COMMIT"}},
	}
}

// newWalk compiles the runbook as it is, or for runs that are begun many times with one of
// its prechecks.
func newWalk(t *testing.T, p procedure, whole bool) *walk {
	t.Helper()
	lab, err := sqlag.Start(sqlag.Options{Form: p.form, Idle: p.form == sqlag.Distributed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	if p.async {
		lab.Change(func(w *model.World) {
			for _, r := range w.Groups[len(w.Groups)-1].Replicas {
				r.Sync = false
			}
		})
	}
	spec, _ := labtest.Read(t, lab, lab.CA(), sqlserver.Factory{})
	spec.Heartbeat = nil
	spec.Credential = func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
		user := map[connectors.Purpose]string{connectors.Monitor: sqlag.UserMonitor, connectors.Execute: sqlag.UserExecute}[p]
		return connectors.Credential{Username: user, Password: lab.Password(user)}, nil
	}
	wish := runbook.Wish{To: "ams"}
	if strings.HasSuffix(p.name, "/failover") {
		wish.MaxLoss = new(time.Hour)
	}
	for _, code := range p.accept {
		wish.Accept = append(wish.Accept, runbook.Acceptance{Code: code, Reason: "known"})
	}
	s := executetest.New(t, executetest.Options{Factory: sqlserver.Factory{}, Spec: spec, Book: p.name, Wish: wish,
		Member: runbook.Member{Name: "orders", Platform: "sqlserver", Environment: "test", Primary: "fra", DR: "ams", Tier: 1, ClientAddress: lab.Listener()},
		Adapt: func(spec *runbook.Runbook) {
			if !whole {
				spec.Prechecks = spec.Prechecks[:1]
			}
		}})
	s.OnlyChanges, s.EveryLine, s.Secrets, s.Limits = true, true, lab.Secrets(), runbook.Limits{Between: time.Millisecond, Look: time.Millisecond}
	if p.lost {
		if err := lab.Break("kill-primary"); err != nil {
			t.Fatal(err)
		}
	}
	return &walk{s, lab}
}

// finished is how the run is over for good, by its journal.
func (w *walk) finished() runbook.Ending {
	w.T.Helper()
	state := w.State()
	return state.Finished
}

// standing is the state that a run leaves behind: who writes, modes, what commits wait
// for, and what is suspended or does not move.
func (w *walk) standing() string {
	var b strings.Builder
	w.lab.Change(func(world *model.World) {
		for _, g := range world.Groups {
			fmt.Fprintf(&b, "%s %d:", g.Name, g.RSSC)
			for _, r := range g.Replicas {
				fmt.Fprintf(&b, " %s %s sync=%v automatic=%v required=%d", r.Name, r.Role, r.Sync, r.Automatic, r.Required)
			}
			b.WriteString("; ")
		}
		for _, i := range world.Instances {
			for _, c := range i.Databases {
				if c.Suspended {
					fmt.Fprintf(&b, "%s on %s is suspended; ", c.DB.Name, i.Name)
				}
			}
		}
	})
	return b.String()
}

// sent counts statements by their verbs.
func (w *walk) sent() map[string]int {
	_, texts := w.lab.Changes()
	count := map[string]int{}
	for _, text := range texts {
		for _, verb := range []string{"] FAILOVER", "FORCE_FAILOVER", "ROLE = SECONDARY"} {
			if strings.Contains(text, verb) {
				count[verb]++
			}
		}
	}
	return count
}

// TestSI24SI25RunbooksOfSQLServer carries the built-in runbooks out whole, with every
// precheck, as the runner does.
func TestSI24SI25RunbooksOfSQLServer(t *testing.T) {
	t.Parallel()
	for _, p := range procedures() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, p, true)
			w.Plan.Waves[0].Members[0].Soak = "10ms"
			before := w.standing()
			if end := w.Settled(); end.Kind != runbook.EndSucceeded {
				t.Fatalf("ended %s %s %s: %s\n%s", end.Kind, end.Code, end.Step, end.Message, w.Journal())
			}
			if after := w.standing(); after == before || strings.Contains(after, "suspended") != p.lost { // forced, the others stay so
				t.Errorf("before: %s\nafter:  %s", before, after)
			}
		})
	}
}

// TestSI03SI34SQLServerKilledAtEachStep ends the process before and after each line of
// the journal that is about a step which changes something: so before its effect, after
// it, and after its outcome is known. The run comes to the same end, and changes of the
// role are sent once.
func TestSI03SI34SQLServerKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, p := range procedures()[1:] { // the first is part of the second
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			whole := newWalk(t, p, false)
			if end := whole.Settled(); end.Kind != runbook.EndSucceeded {
				t.Fatalf("ended %s: %s\n%s", end.Kind, end.Message, whole.Journal())
			}
			want, sent := whole.standing(), whole.sent()
			if whole.Moments < 8 {
				t.Fatalf("only %d moments", whole.Moments)
			}
			for k := 1; k <= whole.Moments; k++ {
				t.Run(fmt.Sprint(k), func(t *testing.T) {
					t.Parallel()
					w := newWalk(t, p, false)
					w.EndAt = k
					end := w.Settled()
					if p.lost && w.sent()["FORCE_FAILOVER"] == 0 {
						// It was written down and not sent: the target is between roles, as
						// it would be while a force is carried out, so a person has to say.
						if end.Kind != runbook.EndInDoubt || end.Step != "force" {
							t.Errorf("ended %s %s: %s\n%s", end.Kind, end.Step, end.Message, w.Journal())
						}
						return
					}
					if w.finished() != runbook.Succeeded {
						t.Errorf("ended %s %s: %s\n%s", end.Kind, end.Step, end.Message, w.Journal())
					}
					if got := w.standing(); got != want {
						t.Errorf("got  %s\nwant %s\n%s", got, want, w.Journal())
					}
					if got := w.sent(); !maps.Equal(got, sent) {
						t.Errorf("sent %v, want %v\n%s", got, sent, w.Journal())
					}
				})
			}
		})
	}
}

// TestSI34SQLServerCutAtEachChange loses the connection of each change, before and
// after it is carried out. The run succeeds, or everything is as it was before; a
// forced failover that was not carried out stays in doubt, because the target is
// between roles either way.
func TestSI34SQLServerCutAtEachChange(t *testing.T) {
	t.Parallel()
	for _, p := range procedures() {
		for _, step := range slices.Sorted(maps.Keys(p.changes)) {
			for _, applied := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/applied %v", p.name, step, applied), func(t *testing.T) {
					t.Parallel()
					w := newWalk(t, p, false)
					before := w.standing()
					instance, text, _ := strings.Cut(p.changes[step], " ")
					w.lab.Cut(instance, text, applied)
					end := w.Settled()
					if w.lab.Cuts() != 0 {
						t.Fatalf("nothing was cut\n%s", w.Journal())
					}
					once := slices.Contains([]string{"failover", "force", "take-over"}, step)
					want := runbook.Succeeded
					if once && !applied {
						want = "" // proved not to be done and not sent again by itself: another start begins anew
						if end.Kind != runbook.EndHeld && end.Kind != runbook.EndInDoubt {
							t.Errorf("ended %s %s: %s\n%s", end.Kind, end.Step, end.Message, w.Journal())
						}
					}
					if step == "force" && !applied {
						if end.Kind != runbook.EndInDoubt || end.Step != step {
							t.Errorf("ended %s %s: %s, want in doubt\n%s", end.Kind, end.Step, end.Message, w.Journal())
						}
						want = "" // until a person says
					}
					if got := w.finished(); got != want {
						t.Errorf("ended %q (%s %s: %s), want %q\n%s", got, end.Kind, end.Step, end.Message, want, w.Journal())
					}
					after := w.standing()
					if same := after == before; same != (want != runbook.Succeeded) || want == runbook.Succeeded && strings.Contains(after, "suspended") != p.lost {
						t.Errorf("before: %s\nafter:  %s\n%s", before, after, w.Journal())
					}
					for verb, n := range w.sent() {
						give := 1
						if verb == "FORCE_FAILOVER" && step == "take-over" && !applied {
							give = 2 // the taking over, and the role given back
						}
						if verb == "ROLE = SECONDARY" && step == "demote" && !applied {
							give = 2 // which may be repeated
						}
						if n != give {
							t.Errorf("%s was sent %d times, want %d\n%s", verb, n, give, w.Journal())
						}
					}
				})
			}
		}
	}
}

// TestSI34SQLServerCutOffAtEachStep: the instances are out of reach from a step or a
// statement on.
func TestSI34SQLServerCutOffAtEachStep(t *testing.T) {
	t.Parallel()
	once := map[string]string{"failover": "] FAILOVER", "force": "FORCE_FAILOVER", "take-over": "FORCE_FAILOVER"}
	for _, p := range procedures()[:3] {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			executetest.CutOff(t, executetest.Subject{Once: once,
				Begin: func(t *testing.T) executetest.Scene {
					w := newWalk(t, p, false)
					return executetest.Scene{Stage: w.Stage, Clients: w.lab, Standing: w.standing}
				},
				Own: func(text string) bool { return strings.Contains(text, "bcctl_heartbeat") },
			})
		})
	}
}

// TestClusterTypeIsChecked: what fails a plain group over is refused before
// anything is done where the group is on no Windows cluster.
func TestClusterTypeIsChecked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mssql.ag-planned/switchover", "mssql.ag-planned/failback", "mssql.ag-planned-async/switchover", "mssql.ag-planned-async/failback", "mssql.ag-forced/failover"} {
		book, ok := config.BuiltinRunbook(name)
		if !ok {
			t.Fatalf("there is no runbook %s", name)
		}
		if !slices.ContainsFunc(book.Spec.Prechecks, func(c runbook.Check) bool {
			return c.Uses == "mssql.ag/cluster-type" && c.With["type"] == "WSFC" && c.OnFailure != "warn"
		}) {
			t.Errorf("%s: no precheck of the type of cluster that blocks", name)
		}
	}
}

// TestPartsAreTakenBack: of a change that takes several statements the second one is refused. The
// first one is taken back, before whatever was done before the step.
func TestPartsAreTakenBack(t *testing.T) {
	t.Parallel()
	dag := procedures()[3]
	for _, c := range []struct{ name, step, instance, text string }{
		{"what commits wait for", "require", "orders-c", "TO_COMMIT = 1"},
		{"modes", "make-sync", "orders-a", "N'orders-fra' WITH (AVAILABILITY_MODE = SYNCHRONOUS_COMMIT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, dag, false)
			before := w.standing()
			w.lab.Refuse(c.instance, c.text)
			end := w.Settled()
			_, texts := w.lab.Changes()
			if len(texts) < 3 {
				t.Fatalf("nothing was changed and taken back: %q", texts)
			}
			if after := w.standing(); after != before || end.Kind != runbook.EndFailed && end.Kind != runbook.EndHeld || end.Step != c.step {
				t.Errorf("ended %s at %s: %s\nbefore: %s\nafter:  %s\n%s", end.Kind, end.Step, end.Message, before, after, w.Journal())
			}
			if !strings.Contains(w.Journal(), "step.outcome "+c.step+" undo=true try=1 done") {
				t.Errorf("%s was not taken back\n%s", c.step, w.Journal())
			}
		})
	}
	// The machine ends at each moment of that.
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		whole := newWalk(t, dag, false)
		before := whole.standing()
		whole.lab.Refuse("orders-c", "TO_COMMIT = 1")
		whole.Settled()
		for k := 1; k <= whole.Moments; k++ {
			t.Run(fmt.Sprint(k), func(t *testing.T) {
				t.Parallel()
				w := newWalk(t, dag, false)
				w.lab.Refuse("orders-c", "TO_COMMIT = 1")
				w.EndAt = k
				end := w.Settled()
				if after := w.standing(); after != before || end.Kind != runbook.EndFailed && end.Kind != runbook.EndHeld {
					t.Errorf("ended %s at %s: %s\nbefore: %s\nafter:  %s\n%s", end.Kind, end.Step, end.Message, before, after, w.Journal())
				}
				if n := w.sent()["FORCE_FAILOVER"]; n > 1 {
					t.Errorf("the role was given back %d times\n%s", n, w.Journal())
				}
			})
		}
	})
}
