package snowflake

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/execute/executetest"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// stage is a run of a built-in runbook on a pair.
type stage struct {
	*executetest.Stage
	pair *snowpair.Pair
}

// procedure is one built-in runbook in one direction.
type procedure struct {
	book     string // such as snowflake.group-switchover/switchover
	from, to string
	primary  string // endpoint that is seen as primary while the plan is made
	wish     runbook.Wish
	prepare  func(t *testing.T, pair *snowpair.Pair)

	// Own is how many changes at its beginning are not those of a switchover, which
	// tests that are slow pass over here; 0: all are.
	own int
}

func newStage(t *testing.T, pair *snowpair.Pair, p procedure) *stage {
	t.Helper()
	spec := actorSpec(t, pair, p.from, p.to)
	wish := p.wish
	wish.To = p.to
	s := executetest.New(t, executetest.Options{Factory: quick, Spec: spec.Spec, Book: p.book, Wish: wish, Member: runbook.Member{
		Name: "warehouse", Platform: "snowflake", Environment: "lab", Primary: "fra", DR: "ams", Tier: 2, ClientAddress: strings.TrimPrefix(pair.ClientURL(), "https://"),
		Identity: spec.Identity, Topology: map[string]string{p.primary: runbook.RolePrimary},
	}})
	s.OnlyChanges, s.Secrets = true, pair.Secrets()
	return &stage{s, pair}
}

// impatient makes the run wait for one check afterwards only shortly.
func (s *stage) impatient(check string) *stage {
	for i, c := range s.Plan.Waves[0].Members[0].Postchecks {
		if c.ID == check {
			limit := duration.Duration(2 * time.Second)
			s.Plan.Waves[0].Members[0].Postchecks[i].Timeout = &limit
		}
	}
	return s
}

// short leaves only the checks that a test is about: what is left out is walked
// through by the tests of whole procedures.
func (s *stage) short() *stage {
	m := &s.Plan.Waves[0].Members[0]
	m.Prechecks, m.Postchecks = m.Prechecks[:1], m.Postchecks[:1]
	return s
}

// once requires that every statement was carried out exactly once, but for those of
// bcctl's own tables.
func (s *stage) once(want map[string]int) {
	s.T.Helper()
	got := s.pair.Changed()
	maps.DeleteFunc(got, func(sql string, _ int) bool { return strings.Contains(sql, "MERGE INTO") })
	if !maps.Equal(got, want) {
		s.T.Errorf("carried out: %v\nwant: %v\n%s", got, want, s.Journal())
	}
}

func sqls(account string, statements ...string) map[string]int {
	m := map[string]int{}
	for _, sql := range statements {
		m[account+": "+sql] = 1
	}
	return m
}

func all(maps_ ...map[string]int) map[string]int {
	m := map[string]int{}
	for _, x := range maps_ {
		maps.Copy(m, x)
	}
	return m
}

const (
	refreshFG   = `ALTER FAILOVER GROUP "WAREHOUSE_FG" REFRESH`
	promoteFG   = `ALTER FAILOVER GROUP "WAREHOUSE_FG" PRIMARY`
	suspendFG   = `ALTER FAILOVER GROUP "WAREHOUSE_FG" SUSPEND`
	resumeFG    = `ALTER FAILOVER GROUP "WAREHOUSE_FG" RESUME`
	stopTask    = `ALTER TASK "WAREHOUSE_DB"."PUBLIC"."NIGHTLY" SUSPEND`
	startTask   = `ALTER TASK "WAREHOUSE_DB"."PUBLIC"."NIGHTLY" RESUME`
	stopPipe    = `ALTER PIPE "WAREHOUSE_DB"."PUBLIC"."ORDERS_IN" SET PIPE_EXECUTION_PAUSED = true`
	startPipe   = `ALTER PIPE "WAREHOUSE_DB"."PUBLIC"."ORDERS_IN" SET PIPE_EXECUTION_PAUSED = false`
	redirectAll = `ALTER CONNECTION "WAREHOUSE" PRIMARY`
)

var (
	oneHour     = time.Hour
	switching   = procedure{book: "snowflake.group-switchover/switchover", from: "fra", to: "ams", primary: "lab-fra"}
	drilling    = procedure{book: "snowflake.refresh/drill", from: "fra", to: "ams", primary: "lab-fra"}
	failingOver = procedure{book: "snowflake.group-failover/failover", from: "fra", to: "ams", wish: runbook.Wish{MaxLoss: &oneHour, AcceptUnprovenWriter: true},
		prepare: func(t *testing.T, pair *snowpair.Pair) {
			if err := pair.Break("source-down"); err != nil {
				t.Fatal(err)
			}
		}}
	returning = procedure{book: "snowflake.group-failback/failback", from: "ams", to: "fra", primary: "lab-ams", own: 2,
		prepare: func(t *testing.T, pair *snowpair.Pair) { // what a failover leaves behind
			h := newHand(t, pair, "fra", "ams")
			x, o := h.actor.(*actor).open(t.Context(), 1)
			if o != nil {
				t.Fatal(o.Message)
			}
			defer x.close()
			for _, sql := range []string{promoteFG, redirectAll} {
				if o := x.run(t.Context(), sql, "before"); o != nil {
					t.Fatal(o.Message)
				}
			}
		}}
	redirecting = procedure{book: "snowflake.connection-redirect/failover", from: "fra", to: "ams", primary: "lab-ams", wish: runbook.Wish{MaxLoss: &oneHour},
		prepare: func(t *testing.T, pair *snowpair.Pair) {
			h := newHand(t, pair, "fra", "ams")
			x, o := h.actor.(*actor).open(t.Context(), 1)
			if o != nil {
				t.Fatal(o.Message)
			}
			defer x.close()
			if o := x.run(t.Context(), promoteFG, "before"); o != nil {
				t.Fatal(o.Message)
			}
		}}

	switched = all(sqls("LAB_FRA", stopTask, stopPipe, resumeFG), sqls("LAB_AMS", suspendFG, refreshFG, promoteFG, startTask, startPipe, redirectAll))
)

func begin(t *testing.T, p procedure) *stage {
	t.Helper()
	pair := quickPair(t)
	if p.prepare != nil {
		p.prepare(t, pair)
	}
	return newStage(t, pair, p)
}

// TestSI24SwitchoverOfGroups walks the built-in runbook with all its checks.
func TestSI24SwitchoverOfGroups(t *testing.T) {
	t.Parallel()
	s := begin(t, switching)
	s.Must(runbook.EndSucceeded)
	s.once(switched)
	if got := s.pair.PrimaryOf("WAREHOUSE_FG"); got != "LAB_AMS" {
		t.Errorf("%s is primary", got)
	}
	if got := s.pair.ConnectionAt("WAREHOUSE"); got != "LAB_AMS" {
		t.Errorf("the connection leads to %s", got)
	}
	if got := s.pair.StateOf("LAB_FRA", "WAREHOUSE_FG"); got != "STARTED" {
		t.Errorf("the old source is %s", got)
	}
	if got := s.pair.Working("LAB_AMS"); len(got) != 3 { // the root, its child, the pipe
		t.Errorf("running: %v", got)
	}
	if s.Facts("promote")["complete"] != "true" || s.pair.Refreshes("LAB_AMS", "WAREHOUSE_FG") != 1 || s.pair.Counts().Aborts+s.pair.Counts().Orphaned > 0 {
		t.Errorf("promoted %v, counts %+v", s.Facts("promote"), s.pair.Counts())
	}
	if !slices.Equal(s.Asked, []string{"applications"}) {
		t.Errorf("people were asked %v", s.Asked)
	}
}

// TestSI25FailoverOfGroups: the source is gone, and the request accepts that it may be
// primary still.
func TestSI25FailoverOfGroups(t *testing.T) {
	t.Parallel()
	s := begin(t, failingOver)
	s.Must(runbook.EndSucceeded)
	s.once(sqls("LAB_AMS", suspendFG, promoteFG, redirectAll))
	if f := s.Facts("loss"); f["since"] == "" || f["exact"] != "false" || f["secondsAtMost"] != "" {
		t.Errorf("loss: %v", f)
	}
	if s.Facts("promote")["complete"] != "false" {
		t.Errorf("promoted %v", s.Facts("promote"))
	}
}

// TestSI26FailbackOfGroups: home is refreshed only after a person has said so.
func TestSI26FailbackOfGroups(t *testing.T) {
	t.Parallel()
	s := begin(t, returning)
	s.Refuse = "tail"
	s.Must(runbook.EndFailed)
	before := s.pair.Changed()
	if before["LAB_FRA: "+refreshFG] > 0 || before["LAB_FRA: "+resumeFG] > 0 {
		t.Fatalf("home was overwritten: %v", before)
	}
	s = newStage(t, s.pair, returning)
	s.Must(runbook.EndSucceeded)
	want := all(before, sqls("LAB_FRA", suspendFG, resumeFG, promoteFG, startTask, startPipe, redirectAll), sqls("LAB_AMS", stopTask, stopPipe, resumeFG))
	want["LAB_FRA: "+refreshFG] = 2 // one that erases, one that is the last
	s.once(want)
	if got := s.pair.PrimaryOf("WAREHOUSE_FG"); got != "LAB_FRA" {
		t.Errorf("%s is primary", got)
	}
}

// TestRefreshDrill: nothing is promoted, and the schedule goes on.
func TestRefreshDrill(t *testing.T) {
	t.Parallel()
	s := begin(t, drilling)
	s.Must(runbook.EndSucceeded)
	s.once(sqls("LAB_AMS", refreshFG))
	if got := s.pair.StateOf("LAB_AMS", "WAREHOUSE_FG"); got != "STARTED" {
		t.Errorf("the schedule is %s", got)
	}
}

// TestConnectionRedirect is a request of its own after the groups were promoted.
func TestConnectionRedirect(t *testing.T) {
	t.Parallel()
	s := begin(t, redirecting)
	s.Must(runbook.EndSucceeded)
	if got := s.pair.ConnectionAt("WAREHOUSE"); got != "LAB_AMS" {
		t.Errorf("the connection leads to %s", got)
	}
}

// TestRedirectLater: a run that leaves clients where they are succeeds only where the
// request accepts that, and the redirect is not in its way.
func TestRedirectLater(t *testing.T) {
	t.Parallel()
	p := switching
	p.wish.Parameters = map[string]string{"clients": "later"}
	s := begin(t, p).impatient("t6-client")
	if end := s.Must(runbook.EndHeld); end.Step != "t6-client" {
		t.Errorf("held at %s", end.Step)
	}
	p.wish.Accept = []runbook.Acceptance{{Code: readiness.ConnectionSplit, Reason: "redirected by request 2026-002"}}
	s = begin(t, p)
	s.Must(runbook.EndSucceeded)
	if got := s.pair.ConnectionAt("WAREHOUSE"); got != "LAB_FRA" {
		t.Errorf("the connection leads to %s", got)
	}
	s = newStage(t, s.pair, procedure{book: "snowflake.connection-redirect/switchover", from: "fra", to: "ams", primary: "lab-ams"})
	s.Must(runbook.EndSucceeded)
}
