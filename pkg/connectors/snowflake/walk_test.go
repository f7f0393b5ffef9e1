package snowflake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// stage is a run on a pair with everything around it in memory: the journal, the
// lock, the people. Its process can end around every change; whoever goes on has the lines and the accounts, and nothing else.
type stage struct {
	t    *testing.T
	pair *snowpair.Pair
	plan *runbook.Plan
	wish runbook.Wish
	spec connectors.ActorSpec

	lines   [][]byte
	moments int // at which the process may end, so far
	endAt   int // 0: never
	dead    bool
	fence   int64
	asked   []string // manual steps that people were asked for
	refuse  string   // the one they answer no to
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
	s := &stage{t: t, pair: pair, wish: p.wish, spec: actorSpec(t, pair, p.from, p.to)}
	book, ok := config.BuiltinRunbook(p.book)
	if !ok {
		t.Fatalf("%s does not load", p.book)
	}
	_, kind, _ := strings.Cut(p.book, "/")
	s.wish.Type, s.wish.Target, s.wish.To, s.wish.Request = runbook.Type(kind), "warehouse", p.to, "2026-001"
	m := runbook.Member{
		Name: "warehouse", Platform: "snowflake", Environment: "lab", Primary: "fra", DR: "ams", Tier: 2, ClientAddress: strings.TrimPrefix(pair.ClientURL(), "https://"),
		Identity: s.spec.Identity, Topology: map[string]string{p.primary: runbook.RolePrimary},
		Book: &runbook.Book{Name: p.book, Source: runbook.BuiltinPrefix + p.book, Spec: book.Spec, Given: map[string]string{}, Pin: runbook.FileDigest(nil)},
	}
	for _, ep := range s.spec.Endpoints {
		m.Endpoints = append(m.Endpoints, runbook.Endpoint{Name: ep.Name, Site: ep.Site, Address: ep.Address})
	}
	plan, err := runbook.Compile(runbook.Scope{Wish: s.wish, Members: map[string]runbook.Member{"warehouse": m}, Actions: described})
	if err != nil {
		t.Fatal(err)
	}
	for w := range plan.Waves {
		for i := range plan.Waves[w].Members {
			plan.Waves[w].Members[i].Soak = "" // what soaks is pkg/runbook's
		}
	}
	s.plan = &plan
	return s
}

func described(_, name string) (runbook.ActionFacts, bool) {
	for _, a := range quick.Actions() {
		if a.Name != name {
			continue
		}
		f := runbook.ActionFacts{Summary: a.Summary, Changes: a.Changes, Lossy: a.Lossy, Outputs: a.Outputs}
		for _, p := range a.Parameters {
			f.Parameters = append(f.Parameters, p.Name)
			if p.Required {
				f.Required = append(f.Required, p.Name)
			}
		}
		return f, true
	}
	return runbook.ActionFacts{}, false
}

// impatient makes the run wait for one check afterwards only shortly.
func (s *stage) impatient(check string) *stage {
	for i, c := range s.plan.Waves[0].Members[0].Postchecks {
		if c.ID == check {
			limit := duration.Duration(2 * time.Second)
			s.plan.Waves[0].Members[0].Postchecks[i].Timeout = &limit
		}
	}
	return s
}

// short leaves only the checks that a test is about: what is left out is walked
// through by the tests of whole procedures.
func (s *stage) short() *stage {
	m := &s.plan.Waves[0].Members[0]
	m.Prechecks, m.Postchecks = m.Prechecks[:1], m.Postchecks[:1]
	return s
}

var errEnded = errors.New("the process has ended")

// ends is a moment at which the process may end: after the intent of a change is
// written and before it is sent, or after it was sent and before its outcome is written.
func (s *stage) ends(e runbook.Event, kind runbook.EventKind) bool {
	if e.Kind == kind && s.changing(e.Step) {
		s.moments++
		s.dead = s.moments == s.endAt
	}
	return s.dead
}

// changing reports whether a step changes something.
func (s *stage) changing(id string) bool {
	for _, step := range s.plan.Waves[0].Members[0].Steps {
		if f, ok := described("", step.Uses); step.ID == id && ok {
			return f.Changes
		}
	}
	return false
}

func (s *stage) Events(context.Context) ([]runbook.Event, error) {
	var data []byte
	for _, line := range s.lines {
		data = append(append(data, line...), '\n')
	}
	return runbook.DecodeJournal(data)
}

func (s *stage) Append(_ context.Context, e runbook.Event) error {
	if s.dead || s.ends(e, runbook.StepOutcome) {
		return errEnded
	}
	line, err := e.Encode()
	if err != nil {
		return err
	}
	for _, secret := range s.pair.Secrets() {
		if strings.Contains(string(line), strings.ReplaceAll(secret, "\n", `\n`)) {
			s.t.Error("a secret is in the journal")
		}
	}
	s.lines = append(s.lines, line)
	if s.ends(e, runbook.StepIntent) {
		return errEnded
	}
	return nil
}

func (s *stage) Push(context.Context) error { return nil }

func (s *stage) Lock(_ context.Context, _ string, keys []string) (map[string]int64, error) {
	s.fence++
	fences := map[string]int64{}
	for _, key := range keys {
		fences[key] = s.fence
	}
	return fences, nil
}

func (s *stage) Claim(context.Context, string, int) error { return nil }
func (s *stage) Held(context.Context) error               { return nil }
func (s *stage) Release(context.Context) error            { return nil }

func (s *stage) Verify(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true}
}

func (s *stage) Confirm(context.Context, runbook.Circumstances) runbook.Ruling {
	return runbook.Ruling{Allowed: true, By: "olga", Evidence: "comment 1"}
}

func (s *stage) Ask(_ context.Context, t runbook.Task) runbook.Answer {
	s.asked = append(s.asked, t.ID)
	return runbook.Answer{Given: true, Yes: t.ID != s.refuse, By: "olga", Message: "signed"}
}

// start starts the run in a new process.
func (s *stage) start() (runbook.End, error) {
	s.dead = false
	doer := &execute.Doer{Registry: connectors.NewRegistry(quick), Now: time.Now, Spec: func(string) (connectors.Spec, bool) { return s.spec.Spec, true }}
	defer func() { _ = doer.Close() }()
	terms := runbook.Terms{Type: s.wish.Type, Accept: s.wish.Accept}
	if s.wish.MaxLoss != nil {
		most := duration.Duration(*s.wish.MaxLoss)
		terms.MaxLoss = &most
	}
	r := &runbook.Runner{Run: "r1", Request: "2026-001", Plan: s.plan, Terms: terms, Tool: "bcctl test", Catalog: doer.Catalog,
		Journal: s, Doer: doer, People: s, Guard: s, Ledger: s,
		Limits: runbook.Limits{Between: 10 * time.Millisecond, Check: 30 * time.Second, Step: time.Minute}}
	return r.Start(s.t.Context())
}

func (s *stage) must(want runbook.EndKind) runbook.End {
	s.t.Helper()
	end, err := s.start()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.journal())
	}
	if end.Kind != want {
		s.t.Fatalf("the run ended %s (%s %s: %s), want %s\n%s", end.Kind, end.Code, end.Step, end.Message, want, s.journal())
	}
	return end
}

func (s *stage) journal() string {
	events, err := s.Events(context.Background())
	if err != nil {
		return err.Error()
	}
	text := ""
	for _, e := range events {
		text += fmt.Sprintf("%3d %d %s %s undo=%v try=%d %s %s %s %v\n", e.Seq, e.Attempt, e.Kind, e.Step, e.Undo, e.Try, e.State, e.Code, e.Message, e.Facts)
	}
	return text
}

// facts are those that a step returned.
func (s *stage) facts(step string) connectors.Facts {
	events, _ := s.Events(context.Background())
	var facts connectors.Facts
	for _, e := range events {
		if e.Step == step && e.State == string(connectors.Done) && !e.Undo {
			facts = e.Facts
		}
	}
	return facts
}

// once requires that every statement was carried out exactly once, but for those of
// bcctl's own tables.
func (s *stage) once(want map[string]int) {
	s.t.Helper()
	got := s.pair.Changed()
	maps.DeleteFunc(got, func(sql string, _ int) bool { return strings.Contains(sql, "MERGE INTO") })
	if !maps.Equal(got, want) {
		s.t.Errorf("carried out: %v\nwant: %v\n%s", got, want, s.journal())
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
	s.must(runbook.EndSucceeded)
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
	if s.facts("promote")["complete"] != "true" || s.pair.Refreshes("LAB_AMS", "WAREHOUSE_FG") != 1 || s.pair.Counts().Aborts+s.pair.Counts().Orphaned > 0 {
		t.Errorf("promoted %v, counts %+v", s.facts("promote"), s.pair.Counts())
	}
	if !slices.Equal(s.asked, []string{"applications"}) {
		t.Errorf("people were asked %v", s.asked)
	}
}

// TestSI25FailoverOfGroups: the source is gone, and the request accepts that it may be
// primary still.
func TestSI25FailoverOfGroups(t *testing.T) {
	t.Parallel()
	s := begin(t, failingOver)
	s.must(runbook.EndSucceeded)
	s.once(sqls("LAB_AMS", suspendFG, promoteFG, redirectAll))
	if f := s.facts("loss"); f["since"] == "" || f["exact"] != "false" || f["secondsAtMost"] != "" {
		t.Errorf("loss: %v", f)
	}
	if s.facts("promote")["complete"] != "false" {
		t.Errorf("promoted %v", s.facts("promote"))
	}
}

// TestSI26FailbackOfGroups: home is refreshed only after a person has said so.
func TestSI26FailbackOfGroups(t *testing.T) {
	t.Parallel()
	s := begin(t, returning)
	s.refuse = "tail"
	s.must(runbook.EndFailed)
	before := s.pair.Changed()
	if before["LAB_FRA: "+refreshFG] > 0 || before["LAB_FRA: "+resumeFG] > 0 {
		t.Fatalf("home was overwritten: %v", before)
	}
	s = newStage(t, s.pair, returning)
	s.must(runbook.EndSucceeded)
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
	s.must(runbook.EndSucceeded)
	s.once(sqls("LAB_AMS", refreshFG))
	if got := s.pair.StateOf("LAB_AMS", "WAREHOUSE_FG"); got != "STARTED" {
		t.Errorf("the schedule is %s", got)
	}
}

// TestConnectionRedirect is a request of its own after the groups were promoted.
func TestConnectionRedirect(t *testing.T) {
	t.Parallel()
	s := begin(t, redirecting)
	s.must(runbook.EndSucceeded)
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
	if end := s.must(runbook.EndHeld); end.Step != "t6-client" {
		t.Errorf("held at %s", end.Step)
	}
	p.wish.Accept = []runbook.Acceptance{{Code: readiness.ConnectionSplit, Reason: "redirected by request 2026-002"}}
	s = begin(t, p)
	s.must(runbook.EndSucceeded)
	if got := s.pair.ConnectionAt("WAREHOUSE"); got != "LAB_FRA" {
		t.Errorf("the connection leads to %s", got)
	}
	s = newStage(t, s.pair, procedure{book: "snowflake.connection-redirect/switchover", from: "fra", to: "ams", primary: "lab-ams"})
	s.must(runbook.EndSucceeded)
}
