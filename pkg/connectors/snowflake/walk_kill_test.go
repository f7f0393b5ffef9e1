package snowflake

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/execute/executetest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// walks are all built-in procedures.
var walks = map[string]procedure{"refresh": drilling, "switchover": switching, "failover": failingOver, "failback": returning, "redirect": redirecting}

// TestSI03KilledAroundEveryChange ends the process after the intent of each change and
// before its outcome is written. The same command then ends where an undisturbed run
// does, and every statement was carried out once.
func TestSI03KilledAroundEveryChange(t *testing.T) {
	t.Parallel()
	for name, p := range walks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := begin(t, p).short()
			before := whole.pair.Changed()
			whole.Must(runbook.EndSucceeded)
			want := whole.pair.Changed()
			if whole.Moments == 0 || maps.Equal(before, want) {
				t.Fatal("nothing was changed")
			}
			step, last := 1, whole.Moments
			if testing.Short() {
				step = 5
			}
			if p.own > 0 {
				last = 2 * p.own
			}
			for at := 1; at <= last; at += step {
				s := begin(t, p).short()
				s.EndAt = at
				if _, err := s.Start(); !errors.Is(err, executetest.ErrEnded) {
					t.Fatalf("moment %d: the process did not end: %v\n%s", at, err, s.Journal())
				}
				s.Must(runbook.EndSucceeded)
				s.once(want)
			}
		})
	}
}

// TestSI34CutAtEveryStatement cuts the connection at each statement that changes
// something, before it is carried out and after, when its answer is lost. It is found
// out what became of it, and it is carried out once.
func TestSI34CutAtEveryStatement(t *testing.T) {
	t.Parallel()
	for name, p := range walks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := begin(t, p).short()
			before := whole.pair.Changed()
			whole.Must(runbook.EndSucceeded)
			want := whole.pair.Changed()
			for sent := range want {
				if before[sent] == want[sent] || p.own > 0 && !strings.HasSuffix(sent, "REFRESH") && !strings.HasSuffix(sent, "RESUME") {
					continue
				}
				account, sql, _ := strings.Cut(sent, ": ")
				for _, executed := range []bool{false, true} {
					if testing.Short() && !executed {
						continue
					}
					s := begin(t, p).short()
					s.pair.Cut(account, sql, executed)
					s.Must(runbook.EndSucceeded)
					if left := s.pair.Uncut(); left != 0 {
						t.Errorf("%s was not sent", sql)
					}
					s.once(want)
				}
			}
		})
	}
}

// TestSI34SnowflakeCutOffAtEachStep: the accounts are out of reach from a step or a statement on.
func TestSI34SnowflakeCutOffAtEachStep(t *testing.T) {
	t.Parallel()
	for name, once := range map[string]map[string]string{
		"switchover": {"promote": promoteFG, "final-start": refreshFG, "clients": redirectAll},
		"failover":   {"promote": promoteFG, "clients": redirectAll},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			executetest.CutOff(t, executetest.Subject{Once: once,
				Begin: func(t *testing.T) executetest.Scene {
					s := begin(t, walks[name])
					return executetest.Scene{Stage: s.Stage, Clients: s.pair, Standing: func() string {
						text := fmt.Sprintf("primary %s, clients at %s", s.pair.PrimaryOf("WAREHOUSE_FG"), s.pair.ConnectionAt("WAREHOUSE"))
						for _, account := range []string{"LAB_FRA", "LAB_AMS"} {
							text += fmt.Sprintf("; %s %s, works %v", account, s.pair.StateOf(account, "WAREHOUSE_FG"), s.pair.Working(account))
						}
						return text
					}}
				},
				Own: func(text string) bool { return strings.Contains(text, "MERGE INTO") },
			})
		})
	}
}

// TestSI24TakenBack: a planned run that fails before the promotion gives back what it
// stopped, also what a step had stopped that did not end.
func TestSI24TakenBack(t *testing.T) {
	t.Parallel()
	s := begin(t, switching).short()
	running := s.pair.Working("LAB_FRA")
	if err := s.pair.Break("failing-refresh"); err != nil {
		t.Fatal(err)
	}
	if end := s.TakenBack(); end.Step != "final-refresh" {
		t.Errorf("it failed at %s", end.Step)
	}
	if got := s.pair.PrimaryOf("WAREHOUSE_FG"); got != "LAB_FRA" {
		t.Errorf("%s is primary", got)
	}
	if got := s.pair.Working("LAB_FRA"); strings.Join(got, " ") != strings.Join(running, " ") {
		t.Errorf("running: %v, before %v", got, running)
	}
	if got := s.pair.StateOf("LAB_AMS", "WAREHOUSE_FG"); got != "STARTED" {
		t.Errorf("the schedule is %s", got)
	}
	for sql := range s.pair.Changed() {
		if strings.Contains(sql, "PRIMARY") {
			t.Errorf("sent: %s", sql)
		}
	}
}

// TestSI24PlannedIsNeverForced: no runbook for a planned change can reach what gives
// data up.
func TestSI24PlannedIsNeverForced(t *testing.T) {
	t.Parallel()
	lossy := 0
	for _, a := range quick.Actions() {
		if a.Lossy {
			lossy++
		}
	}
	if lossy != 1 {
		t.Errorf("%d actions are lossy", lossy)
	}
	for name, p := range walks {
		pair := quickPair(t)
		s := newStage(t, pair, p)
		for _, use := range s.Plan.Waves[0].Members[0].Operations() {
			if f, ok := s.Described("", use.Uses); ok && f.Lossy && s.Wish.Type != runbook.Failover {
				t.Errorf("%s: %s uses %s", name, use.Where, use.Uses)
			}
		}
	}
	s := begin(t, failingOver)
	s.Wish.MaxLoss = nil
	if _, err := s.Start(); err == nil || len(s.Lines) > 0 || len(s.pair.Changed()) > 0 {
		t.Errorf("without a ceiling: %v", err)
	}
}

// TestPartsAreTakenBack: the role may not suspend the schedule of the second group. That of
// the first one is started again, also when the process ends meanwhile.
func TestPartsAreTakenBack(t *testing.T) {
	t.Parallel()
	half := func() *stage {
		pair := quickPair(t, "WAREHOUSE_FG", "WAREHOUSE_FG2")
		if err := pair.Disown("LAB_AMS", "WAREHOUSE_FG2"); err != nil {
			t.Fatal(err)
		}
		s := newStage(t, pair, switching).short()
		s.Spec.Options = with(s.Spec.Options, "databases", "WAREHOUSE_DB, REPORTING_DB")
		return s
	}
	over := func(s *stage) {
		t.Helper()
		s.TakenBack()
		// A start after one that was killed may begin anew.
		if n := s.pair.Changed()["LAB_AMS: "+suspendFG]; n < 1 || n > 2 || n > 1 && s.EndAt == 0 {
			t.Errorf("the schedule was suspended %d times\n%s", n, s.Journal())
		}
		for _, group := range []string{"WAREHOUSE_FG", "WAREHOUSE_FG2"} {
			if got := s.pair.StateOf("LAB_AMS", group); got != "STARTED" {
				t.Errorf("the schedule of %s is %s\n%s", group, got, s.Journal())
			}
		}
	}
	whole := half()
	over(whole)
	if whole.pair.Changed()["LAB_AMS: "+resumeFG] != 1 {
		t.Errorf("sent: %v", whole.pair.Changed())
	}
	for at := 1; at <= whole.Moments; at++ {
		s := half()
		s.EndAt = at
		if _, err := s.Start(); !errors.Is(err, executetest.ErrEnded) {
			t.Fatalf("moment %d: the process did not end: %v\n%s", at, err, s.Journal())
		}
		over(s)
	}
}

// TestTakingBackWhatWasNotDone: an undo that is also for what was done in part sends nothing
// where nothing was done.
func TestTakingBackWhatWasNotDone(t *testing.T) {
	t.Parallel()
	h := newHand(t, quickPair(t, "WAREHOUSE_FG", "WAREHOUSE_FG2"), "fra", "ams", func(s *connectors.ActorSpec) {
		s.Options = with(s.Options, "databases", "WAREHOUSE_DB, REPORTING_DB")
	})
	h.pass("mark")
	for _, a := range quick.Actions() {
		if !a.TakesBackParts {
			continue
		}
		if a.Name != onGroup+"resume" {
			t.Errorf("%s is not tried", a.Name)
			continue
		}
		h.do("resume", "schedules", "$mark.schedules")
		h.do("resume", "tail", "attested") // as in a failback, which has started all of them before
	}
	h.unchanged()
}
