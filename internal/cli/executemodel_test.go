//go:build unix

package cli

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/internal/lab/sqlag"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// modelStage is a stage with a model of a platform: its servers speak the platform's
// protocol to the unmodified driver, and what is around them is as for real servers. A
// person at the terminal says yes to what a run asks.
func modelStage(t *testing.T, m rehearsal.Model, edit func(files map[string]string), answer ...func(question string) string) *rehearsed {
	t.Helper()
	bcctl := &child{answer: func(string) string { return "yes" }}
	if len(answer) > 0 {
		bcctl.answer = answer[0]
	}
	return askingStage(t, m, edit, bcctl)
}

// askingStage is modelStage with another person at the terminal.
func askingStage(t *testing.T, m rehearsal.Model, edit func(files map[string]string), bcctl *child) *rehearsed {
	t.Helper()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close the model: %v", err)
		}
	})
	return rehearse(t, rehearsal.Options{Model: m, Dir: t.TempDir(), Bcctl: bcctl.run, Edit: edit, Soak: "100ms", Patience: "45s"})
}

func mongoStage(t *testing.T, edit func(files map[string]string)) (*rehearsed, *mongoset.Set) {
	t.Helper()
	set, err := mongoset.Start(mongoset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return modelStage(t, set, edit), set
}

func sqlStage(t *testing.T, edit func(files map[string]string)) (*rehearsed, *sqlag.Group) {
	t.Helper()
	group, err := sqlag.Start(sqlag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return modelStage(t, group, edit), group
}

func snowStage(t *testing.T, edit func(files map[string]string)) (*rehearsed, *snowpair.Pair) {
	t.Helper()
	pair, err := snowpair.Start(snowpair.Options{Groups: []snowpair.Group{{Name: "WAREHOUSE_FG", Duration: 100 * time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	return modelStage(t, pair, edit), pair
}

// changed expects what was carried out at a model, by statements or commands, and how
// often; what writes to bcctl's own tables, to prove that one can, is left out.
func (s *rehearsed) changed(got, want map[string]int) {
	s.t.Helper()
	got = maps.Clone(got)
	maps.DeleteFunc(got, func(text string, _ int) bool {
		return text == "update" || strings.Contains(text, "UPDATE dbo.bcctl_heartbeat ") || strings.Contains(text, "MERGE INTO")
	})
	if !maps.Equal(got, want) {
		s.t.Errorf("carried out: %v\nwant: %v", got, want)
	}
}

// counted is how often each statement was carried out.
func counted(group *sqlag.Group) map[string]int {
	_, texts := group.Changes()
	count := map[string]int{}
	for _, text := range texts {
		count[text]++
	}
	return count
}

// refused makes a request, has it approved, and expects that its start is refused.
func (s *rehearsed) refused(kind runbook.Type, to string, texts []string, more ...string) {
	s.t.Helper()
	r := s.approved(kind, to, more...)
	s.execute(exitRefused, r, approval.VerbExecute, 1, append(texts, "nothing was changed")...)
}

// TestSI24ExecuteMongoDB: a step-down, and a move by priorities.
func TestSI24ExecuteMongoDB(t *testing.T) {
	t.Parallel()
	for procedure, c := range map[string]struct {
		loss    string
		changes map[string]int
	}{
		"mongodb.stepdown":      {"nothing was lost", map[string]int{"replSetFreeze": 2, "replSetStepDown": 1, "replSetReconfig": 1}},
		"mongodb.priority-move": {"all that was seen of the old primary", map[string]int{"replSetReconfig": 1}},
	} {
		t.Run(procedure, func(t *testing.T) {
			t.Parallel()
			s, set := mongoStage(t, switchedBy("catalog", "mongodb.stepdown", "name: "+procedure))
			r := s.approved(runbook.Switchover, "ams")
			s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "catalog writes at ams", "POINT OF NO RETURN", "catalog/loss done: "+c.loss, "PROTECTION_NOT_RESTORED")
			s.changed(set.Changes(), c.changes)
			if set.Primary() != "catalog-b" {
				t.Fatalf("%s is primary", set.Primary())
			}
			s.verified()
		})
	}
}

// switchedBy has a resource switched over by something else than the laboratory says.
func switchedBy(resource, builtin, instead string) func(files map[string]string) {
	return func(files map[string]string) {
		path := "resources/" + resource + ".yaml"
		files[path] = strings.Replace(files[path], "switchover: {name: "+builtin+"}", "switchover: {"+instead+"}", 1)
	}
}

// TestSI34ExecuteMongoDBStepDownOnce: the connection goes after the step-down was
// received, or before it could be. Either way it is not sent a second time: carried out
// it counts, and not carried out the run takes back what it did, and may begin anew.
func TestSI34ExecuteMongoDBStepDownOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		applied bool
		code    int
		says    string
		changes map[string]int
		primary string
	}{
		"the answer is lost":  {true, exitOK, "SUCCEEDED", map[string]int{"replSetFreeze": 2, "replSetStepDown": 1, "replSetReconfig": 1}, "catalog-b"},
		"the command is lost": {false, exitStopped, "is taken back", map[string]int{"replSetFreeze": 3}, "catalog-a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, set := mongoStage(t, nil)
			cut := set.Lose
			if c.applied {
				cut = set.Drop
			}
			s.ok(cut("catalog-a", "replSetStepDown", true))
			r := s.approved(runbook.Switchover, "ams")
			s.execute(c.code, r, approval.VerbExecute, 1, c.says)
			if n := set.Calls()["replSetStepDown"]; n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			s.changed(set.Changes(), c.changes)
			if set.Primary() != c.primary {
				t.Errorf("%s is primary", set.Primary())
			}
			if !c.applied {
				// Another start is another decision: everything is looked at anew.
				s.ok(set.Lose("catalog-a", "replSetStepDown", false))
				s.execute(exitOK, r, approval.VerbExecute, 2, "SUCCEEDED")
				if set.Primary() != "catalog-b" || set.Calls()["replSetStepDown"] != 2 {
					t.Errorf("%s is primary, after %d commands", set.Primary(), set.Calls()["replSetStepDown"])
				}
			}
			s.verified()
		})
	}
}

// TestSI22ExecuteMongoDBPrimaryAlive: no failover while the primary writes.
func TestSI22ExecuteMongoDBPrimaryAlive(t *testing.T) {
	t.Parallel()
	s, set := mongoStage(t, nil)
	s.refused(runbook.Failover, "ams", []string{"PRIMARY_ALIVE"}, "--max-loss", "1h", "--accept-unproven-writer")
	s.changed(set.Changes(), map[string]int{})
	if set.Primary() != "catalog-a" {
		t.Errorf("%s is primary", set.Primary())
	}
	s.verified()
}

// TestSI23ExecuteMongoDBElectedByItself: the primary dies, the set elects another one,
// and the run proves it and changes nothing.
func TestSI23ExecuteMongoDBElectedByItself(t *testing.T) {
	t.Parallel()
	s, set := mongoStage(t, nil)
	s.ok(set.Break("kill-primary"))
	r := s.approved(runbook.Failover, "ams", "--max-loss", "1h", "--accept", "RPO_UNPROVEN=the primary is gone", "--accept", "PRIORITY_UNEXPECTED=put right by a switchover")
	s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "catalog writes at ams", "catalog/loss done", "there is no bound", "PROTECTION_NOT_RESTORED")
	s.changed(set.Changes(), map[string]int{})
	if set.Primary() != "catalog-b" {
		t.Errorf("%s is primary", set.Primary())
	}
	s.verified()
}

// TestSI24ExecuteSQLServerThereAndBack: a planned failover of an availability group, and
// another one back.
func TestSI24ExecuteSQLServerThereAndBack(t *testing.T) {
	t.Parallel()
	s, group := sqlStage(t, nil)
	const there, back = "orders-b: ALTER AVAILABILITY GROUP [orders] FAILOVER", "orders-a: ALTER AVAILABILITY GROUP [orders] FAILOVER"
	r := s.approved(runbook.Switchover, "ams")
	s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "orders writes at ams", "POINT OF NO RETURN", "PROTECTION_NOT_RESTORED")
	s.changed(counted(group), map[string]int{there: 1})
	s.verified()
	r = s.approved(runbook.Failback, "fra")
	s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "orders writes at fra")
	s.changed(counted(group), map[string]int{there: 1, back: 1})
	s.verified()
}

// TestSI22SI25ExecuteSQLServerForced: what gives data up is refused while the primary
// lives, then while it is over the ceiling or not bounded, and is done once when the
// request accepts that.
func TestSI22SI25ExecuteSQLServerForced(t *testing.T) {
	t.Parallel()
	s, group := sqlStage(t, nil)
	group.Change(func(w *model.World) {
		for _, r := range w.Groups[0].Replicas {
			r.Sync = false
		}
	})
	lossy := []string{"--max-loss", "1h", "--accept-unproven-writer", "--accept", "VERSION_MISMATCH=the primary is gone"}
	s.refused(runbook.Failover, "ams", []string{"PRIMARY_ALIVE"}, lossy...)
	s.changed(counted(group), map[string]int{})
	s.ok(group.Break("kill-primary"))
	r := s.approved(runbook.Failover, "ams", append(lossy, "--accept", "RPO_UNPROVEN=nobody can tell")...)
	s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "orders writes at ams", "orders/loss done", "not known", "PROTECTION_NOT_RESTORED")
	s.changed(counted(group), map[string]int{"orders-b: ALTER AVAILABILITY GROUP [orders] FORCE_FAILOVER_ALLOW_DATA_LOSS": 1})
	s.verified()
}

// TestSI24ExecuteSnowflake: groups are promoted after a last refresh, and the connection
// leads clients over.
func TestSI24ExecuteSnowflake(t *testing.T) {
	t.Parallel()
	s, pair := snowStage(t, nil)
	r := s.approved(runbook.Switchover, "ams")
	s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "warehouse writes at ams", "POINT OF NO RETURN", "warehouse/promote done", "PROTECTION_NOT_RESTORED")
	once := func(account string, statements ...string) map[string]int {
		m := map[string]int{}
		for _, sql := range statements {
			m[account+": "+sql] = 1
		}
		return m
	}
	want := once("LAB_AMS", `ALTER FAILOVER GROUP "WAREHOUSE_FG" SUSPEND`, `ALTER FAILOVER GROUP "WAREHOUSE_FG" REFRESH`, `ALTER FAILOVER GROUP "WAREHOUSE_FG" PRIMARY`,
		`ALTER CONNECTION "WAREHOUSE" PRIMARY`, `ALTER TASK "WAREHOUSE_DB"."PUBLIC"."NIGHTLY" RESUME`, `ALTER PIPE "WAREHOUSE_DB"."PUBLIC"."ORDERS_IN" SET PIPE_EXECUTION_PAUSED = false`)
	maps.Copy(want, once("LAB_FRA", `ALTER TASK "WAREHOUSE_DB"."PUBLIC"."NIGHTLY" SUSPEND`, `ALTER PIPE "WAREHOUSE_DB"."PUBLIC"."ORDERS_IN" SET PIPE_EXECUTION_PAUSED = true`, `ALTER FAILOVER GROUP "WAREHOUSE_FG" RESUME`))
	s.changed(pair.Changed(), want)
	if group, clients := pair.PrimaryOf("WAREHOUSE_FG"), pair.ConnectionAt("WAREHOUSE"); group != "LAB_AMS" || clients != "LAB_AMS" {
		t.Errorf("the group is primary at %s, and clients are led to %s", group, clients)
	}
	s.verified()
}

// TestSI22SI25ExecuteSnowflakeForced: refused while the source answers as primary; with
// the source gone the groups are promoted once, and what may be lost is said.
func TestSI22SI25ExecuteSnowflakeForced(t *testing.T) {
	t.Parallel()
	s, pair := snowStage(t, nil)
	lossy := []string{"--max-loss", "24h", "--accept-unproven-writer"}
	s.refused(runbook.Failover, "ams", []string{"PRIMARY_ALIVE"}, lossy...)
	s.changed(pair.Changed(), map[string]int{})
	s.ok(pair.Break("source-down"))
	r := s.approved(runbook.Failover, "ams", lossy...)
	s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "warehouse writes at ams", "warehouse/loss done", "PROTECTION_NOT_RESTORED")
	s.changed(pair.Changed(), map[string]int{`LAB_AMS: ALTER FAILOVER GROUP "WAREHOUSE_FG" SUSPEND`: 1, `LAB_AMS: ALTER FAILOVER GROUP "WAREHOUSE_FG" PRIMARY`: 1, `LAB_AMS: ALTER CONNECTION "WAREHOUSE" PRIMARY`: 1})
	s.verified()
}

// TestSI24ExecuteForcedIsNoSwitchover: nobody can ask for a switchover that is carried
// out by what may lose data.
func TestSI24ExecuteForcedIsNoSwitchover(t *testing.T) {
	t.Parallel()
	forced := func(resource, planned, builtin string) func(files map[string]string) {
		return func(files map[string]string) {
			source, _ := runbook.BuiltinSource(builtin)
			files["runbooks/forced.yaml"] = strings.NewReplacer("name: "+builtin+"\n", "name: forced\n", "type: failover", "type: switchover").Replace(string(source))
			switchedBy(resource, planned, "runbook: forced")(files)
		}
	}
	no := func(s *rehearsed, texts ...string) {
		s.t.Helper()
		_, err := s.Ask(s.t.Context(), runbook.Switchover, "ams")
		if err == nil {
			s.t.Fatal("it was asked for")
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				s.t.Errorf("it does not say %q: %v", text, err)
			}
		}
	}
	t.Run("mongodb", func(t *testing.T) {
		t.Parallel()
		s, set := mongoStage(t, switchedBy("catalog", "mongodb.stepdown", "name: mongodb.force-reconfig"))
		no(s, "mongodb.force-reconfig")
		s.changed(set.Changes(), map[string]int{})
	})
	t.Run("sqlserver", func(t *testing.T) {
		t.Parallel()
		s, group := sqlStage(t, forced("orders", "mssql.ag-planned", "mssql.ag-forced/failover"))
		no(s, "mssql.ag/force-failover")
		s.changed(counted(group), map[string]int{})
	})
	t.Run("snowflake", func(t *testing.T) {
		t.Parallel()
		s, pair := snowStage(t, forced("warehouse", "snowflake.group-switchover", "snowflake.group-failover/failover"))
		no(s, "snowflake.group/force-promote")
		s.changed(pair.Changed(), map[string]int{})
	})
}
