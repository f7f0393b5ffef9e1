//go:build unix

package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/internal/lab/snowpair"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// changeCase is a built-in runbook that moves the role on a model of a platform.
type changeCase struct {
	name  string
	stage func(t *testing.T) *changeStage

	// once are the steps whose statement is never sent again by itself, with what is in it.
	once map[string]string

	// Where it is disturbed in a run of all tests; BCCTL_TEST_EXECUTE_FULL=1 has all.
	kills    []killing
	networks []outOfReach
}

// changeStage is a model with a request that may run.
type changeStage struct {
	*rehearsed
	system interface {
		rehearsal.Model
		lab.Clients
	}
	kind     runbook.Type
	more     []string
	answer   func(question string) string
	counts   func() map[string]int // what was carried out, by statement; nil: what was seen to be
	standing func() string         // who writes, and all else that a run changes

	before string
	r      rehearsal.Request

	mu   sync.Mutex
	came []statement
	done map[string]int // that were carried out
}

// statement is one that would change something and came to a server: the nth there.
type statement struct {
	server, text string
	nth          int
}

func (s statement) String() string { return fmt.Sprintf("%s: %s (%d)", s.server, s.text, s.nth) }

// ownTable reports whether a statement writes to bcctl's own table, as often as somebody
// looks whether one can write.
func ownTable(text string) bool {
	return text == "update" || strings.Contains(text, "bcctl_heartbeat") || strings.Contains(text, "MERGE INTO")
}

func changeCases() []changeCase {
	yes := func(string) string { return "yes" }
	mongo := func(procedure string) func(t *testing.T) *changeStage {
		return func(t *testing.T) *changeStage {
			set := startModel(t, func() (*mongoset.Set, error) { return mongoset.Start(mongoset.Options{}) })
			return &changeStage{rehearsed: modelStage(t, set, switchedBy("catalog", "mongodb.stepdown", "name: "+procedure)), system: set, kind: runbook.Switchover, answer: yes,
				counts: set.Changes, standing: func() string { return roles(set) }}
		}
	}
	elected := func(t *testing.T) *changeStage {
		s := mongo("mongodb.stepdown")(t)
		s.ok(s.system.Break("kill-primary"))
		s.kind, s.more = runbook.Failover, []string{"--max-loss", "1h", "--accept", "RPO_UNPROVEN=the primary is gone", "--accept", "PRIORITY_UNEXPECTED=put right by a switchover"}
		return s
	}
	forced := func(t *testing.T) *changeStage {
		set := startModel(t, func() (*mongoset.Set, error) {
			return mongoset.Start(mongoset.Options{Members: mongoset.TwoSites("catalog")})
		})
		s := &changeStage{system: set, kind: runbook.Failover, counts: set.Changes, standing: func() string { return roles(set) },
			more: []string{"--max-loss", "1h", "--accept", "RPO_UNPROVEN=nobody can tell"}}
		s.answer = func(question string) string {
			if strings.Contains(question, "forced configuration") && set.Changes()["replSetReconfig"] == 0 {
				s.ok(set.Survive("catalog-c"))
			}
			return "yes"
		}
		s.rehearsed = modelStage(t, set, func(files map[string]string) {
			const path = "resources/catalog.yaml"
			files[path] = strings.Replace(files[path], "failover: {name: mongodb.verify-election}", "failover: {name: mongodb.force-reconfig}", 1)
		}, s.answer)
		for _, name := range []string{"catalog-a", "catalog-b"} {
			s.ok(set.Stop(name))
		}
		set.Settle()
		return s
	}
	planned := func(t *testing.T) *changeStage {
		s, group := sqlStage(t, nil)
		return &changeStage{rehearsed: s, system: group, kind: runbook.Switchover, answer: yes,
			standing: func() string { return groupsOf(group.Change) }}
	}
	lossy := func(t *testing.T) *changeStage {
		s, group := sqlStage(t, nil)
		group.Change(func(w *model.World) {
			for _, r := range w.Groups[0].Replicas {
				r.Sync = false
			}
		})
		s.ok(group.Break("kill-primary"))
		return &changeStage{rehearsed: s, system: group, kind: runbook.Failover, answer: yes,
			standing: func() string { return groupsOf(group.Change) },
			more:     []string{"--max-loss", "1h", "--accept-unproven-writer", "--accept", "VERSION_MISMATCH=the primary is gone", "--accept", "RPO_UNPROVEN=nobody can tell"}}
	}
	groups := func(kind runbook.Type) func(t *testing.T) *changeStage {
		return func(t *testing.T) *changeStage {
			s, pair := snowStage(t, nil)
			c := &changeStage{rehearsed: s, system: pair, kind: kind, answer: yes, counts: pair.Changed, standing: func() string { return accounts(pair) }}
			if kind == runbook.Failover {
				s.ok(pair.Break("source-down"))
				c.more = []string{"--max-loss", "24h", "--accept-unproven-writer"}
			}
			return c
		}
	}
	done := func(server, text string) killing { return killing{when: "done", st: statement{server, text, 1}} }
	return []changeCase{
		{name: "mongodb.stepdown", stage: mongo("mongodb.stepdown"), once: map[string]string{"step-down": "replSetStepDown"},
			networks: []outOfReach{{done("catalog-a", "replSetStepDown"), true}}},
		{name: "mongodb.priority-move", stage: mongo("mongodb.priority-move"), once: map[string]string{"priorities": "replSetReconfig"}},
		{name: "mongodb.verify-election", stage: elected},
		{name: "mongodb.force-reconfig", stage: forced, once: map[string]string{"force": "replSetReconfig"}},
		{name: "mssql.ag-planned", stage: planned, once: map[string]string{"failover": "] FAILOVER"},
			kills: []killing{done("orders-b", "ALTER AVAILABILITY GROUP [orders] FAILOVER")}, networks: []outOfReach{{killing{when: "after", line: "step.intent failover"}, false}}},
		{name: "mssql.ag-forced", stage: lossy, once: map[string]string{"force": "FORCE_FAILOVER"}},
		{name: "snowflake.group-switchover", stage: groups(runbook.Switchover), once: map[string]string{"promote": `GROUP "WAREHOUSE_FG" PRIMARY`, "final-start": "REFRESH"}},
		{name: "snowflake.group-failover", stage: groups(runbook.Failover), once: map[string]string{"promote": `GROUP "WAREHOUSE_FG" PRIMARY`},
			kills: []killing{{when: "after", line: "step.intent promote"}}},
	}
}

func startModel[M rehearsal.Model](t *testing.T, start func() (M, error)) M {
	t.Helper()
	m, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// roles are those of the members of a set.
func roles(set *mongoset.Set) string {
	var b strings.Builder
	for _, n := range set.Nodes() {
		fmt.Fprintf(&b, "%s %s %s; ", n.Name, n.State, n.Role)
	}
	return b.String()
}

// groupsOf is how availability groups stand: roles, modes, and what is suspended.
func groupsOf(change func(func(*model.World))) string {
	var b strings.Builder
	change(func(world *model.World) {
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

// accounts is how a pair stands: who is primary, where clients are led, schedules and work.
func accounts(pair *snowpair.Pair) string {
	const group = "WAREHOUSE_FG"
	text := fmt.Sprintf("primary %s, clients at %s", pair.PrimaryOf(group), pair.ConnectionAt("WAREHOUSE"))
	for _, account := range []string{"LAB_FRA", "LAB_AMS"} {
		text += fmt.Sprintf("; %s %s, works %v", account, pair.StateOf(account, group), pair.Working(account))
	}
	return text
}

// begin makes the request and has it approved.
func (c changeCase) begin(t *testing.T) *changeStage {
	t.Helper()
	s := c.stage(t)
	s.before, s.done = s.standing(), map[string]int{}
	s.r = s.approved(s.kind, "ams", s.more...)
	s.watch(nil)
	return s
}

// watch notes what comes to the servers, and tells of it.
func (s *changeStage) watch(told func(st statement, done bool) bool) {
	nth := map[[2]string]int{}
	s.system.Watch(func(server, text string, done bool) bool {
		s.mu.Lock()
		key := [2]string{server, text}
		if !done {
			nth[key]++
			s.came = append(s.came, statement{server, text, nth[key]})
		}
		st := statement{server, text, nth[key]}
		if done {
			s.done[server+": "+text]++
		}
		s.mu.Unlock()
		return told != nil && told(st, done)
	})
}

// arrived is how often a statement with a text came to a server.
func (s *changeStage) arrived(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.came {
		if strings.Contains(c.text, text) {
			n++
		}
	}
	return n
}

// start runs the command in a process of its own.
func (s *changeStage) start(c *child) rehearsal.Result {
	s.t.Helper()
	call := s.Execute(s.r, approval.VerbExecute, 1)
	call.Env, call.Dir, c.answer = s.Env, s.Clone, s.answer
	out, err := c.run(s.t.Context(), call)
	s.ok(err)
	return out
}

// carried is what was carried out, without what proves that one can write and, for
// freezes, which nothing shows and which are sent again, how often.
func (s *changeStage) carried() map[string]int {
	var got map[string]int
	if s.counts != nil {
		got = maps.Clone(s.counts())
	} else {
		s.mu.Lock()
		got = maps.Clone(s.done)
		s.mu.Unlock()
	}
	maps.DeleteFunc(got, func(text string, _ int) bool { return ownTable(text) })
	if got["replSetFreeze"] > 0 {
		got["replSetFreeze"] = 1
	}
	return got
}

// undisturbed is what a run does that nobody disturbs.
type undisturbed struct {
	lines      []string // of the journal
	statements []statement
	carried    map[string]int
	standing   string
}

func (c changeCase) undisturbed(t *testing.T) undisturbed {
	t.Helper()
	s := c.begin(t)
	if out := s.start(&child{}); out.Code != exitOK {
		t.Fatalf("code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	u := undisturbed{carried: s.carried(), standing: s.standing()}
	if u.standing == s.before && s.kind == runbook.Switchover {
		t.Fatalf("nothing was changed: %s", u.standing)
	}
	events, err := s.Events(s.r)
	s.ok(err)
	for i, e := range events {
		// Checks change nothing: the first and the last one of a kind stand for all.
		check := e.Kind == runbook.PrecheckResult || e.Kind == runbook.PostcheckResult
		if text := eventText(e); !slices.Contains(u.lines, text) && (!check || events[i-1].Kind != e.Kind || events[i+1].Kind != e.Kind) {
			u.lines = append(u.lines, text)
		}
	}
	for _, st := range s.came {
		if !ownTable(st.text) {
			u.statements = append(u.statements, st)
		}
	}
	s.verified()
	return u
}

// settled brings a run to its end: by the same command, and where nobody can tell what
// became of a step by the word of a person who looks. It returns how often it was started.
func (s *changeStage) settled(c changeCase) (runbook.Ending, int) {
	s.t.Helper()
	var last rehearsal.Result
	for starts := range 6 {
		state := s.state(s.r)
		if state.Finished != "" && state.Released {
			return state.Finished, starts
		}
		if starts > 0 {
			s.resolve(c, state) // what the command itself did not find out
		}
		last = s.again(s.r)
	}
	s.t.Fatalf("it does not come to an end: code %d\n%s%s\n%s", last.Code, last.Stdout, last.Stderr, s.journal())
	return "", 0
}

// resolve says of steps in doubt what is so.
func (s *changeStage) resolve(c changeCase, state runbook.State) {
	s.t.Helper()
	for name, m := range state.Members {
		for id, step := range m.Steps {
			if step.Status != runbook.StepInDoubt && step.Undo != runbook.StepInDoubt {
				continue
			}
			text := c.once[id]
			if text == "" {
				s.t.Fatalf("%s is in doubt\n%s", id, s.journal())
			}
			answer := "not-done"
			for what := range s.carried() {
				if strings.Contains(what, text) {
					answer = "done"
				}
			}
			line := fmt.Sprintf("/bcctl resolve %s %s/%s %s %s\n", s.r.ID, name, id, answer, s.r.Digest.Short())
			out, err := s.Bcctl(s.t.Context(), rehearsal.Call{Typed: line,
				Args: []string{"resolve", s.r.ID, answer, "--step", name + "/" + id, "--reason", "looked at the servers", "--no-color"}})
			s.ok(err)
			s.said(out, exitOK, "settled")
			s.t.Logf("a person said that %s is %s\n%s", id, answer, s.journal())
		}
	}
}

// as expects what an undisturbed run leaves, or where this one was taken back what was
// there before and what another request leaves then.
func (s *changeStage) as(c changeCase, want undisturbed, ended runbook.Ending) {
	s.t.Helper()
	if out, err := s.Bcctl(s.t.Context(), rehearsal.Call{Args: []string{"audit", "recover"}}); err != nil || out.Code != exitOK {
		s.t.Errorf("recover: %v, code %d\n%s%s", err, out.Code, out.Stdout, out.Stderr)
	}
	for _, text := range c.once {
		if n := effects(s.carried(), text); n > 1 || ended == runbook.Succeeded && n != effects(want.carried, text) {
			s.t.Errorf("%s was carried out %d times\n%s", text, n, s.journal())
		}
	}
	switch {
	case ended == runbook.Succeeded:
		if got := s.carried(); !maps.Equal(got, want.carried) && !strings.Contains(s.journal(), string(runbook.UndoStarted)) { // else it began anew
			s.t.Errorf("carried out: %v\nwant: %v\n%s", got, want.carried, s.journal())
		}
	default:
		if now := s.standing(); now != s.before {
			s.t.Errorf("taken back, and it is not as before:\n%s\nbefore:\n%s\n%s", now, s.before, s.journal())
		}
		journal := s.journal()
		s.r = s.approved(s.kind, "ams", s.more...)
		if out := s.start(&child{}); out.Code != exitOK {
			s.t.Fatalf("another request: code %d\n%s%s\nthe first one\n%s", out.Code, out.Stdout, out.Stderr, journal)
		}
	}
	if now := s.standing(); now != want.standing {
		s.t.Errorf("%s\nwant:\n%s\n%s", now, want.standing, s.journal())
	}
	s.verified()
}

func effects(carried map[string]int, text string) int {
	n := 0
	for what, times := range carried {
		if strings.Contains(what, text) {
			n += times
		}
	}
	return n
}

func (s *changeStage) journal() string {
	events, err := s.Events(s.r)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range events {
		if e.Kind != runbook.PrecheckResult || e.State != "passed" {
			fmt.Fprintf(&b, "%3d %d %s try=%d %s %s %s\n", e.Seq, e.Attempt, eventText(e), e.Try, e.State, e.Code, e.Message)
		}
	}
	return b.String()
}

// killing is where the process dies: before or after a line of the journal, or while a
// server has a statement: when it has come, lost when it will not be carried out either,
// or done when its answer is on its way.
type killing struct {
	when, line string
	st         statement
}

func (k killing) String() string {
	if k.line != "" {
		return k.when + " " + k.line
	}
	return k.when + " " + k.st.String()
}

// killed starts the request and lets its process die.
func (s *changeStage) killed(k killing) {
	s.t.Helper()
	c := &child{moment: k.when, what: k.line}
	if k.line == "" {
		process := make(chan *os.Process, 1)
		c.moment, c.started = "", func(p *os.Process) { process <- p }
		s.watch(func(st statement, done bool) bool {
			if st != k.st || done != (k.when == "done") {
				return false
			}
			p := <-process
			_ = p.Kill() // a process that is gone is what is wanted
			process <- p
			return k.when != "come" // to who is dead an answer goes nowhere
		})
	}
	out := s.start(c)
	if out.Code != -1 {
		s.t.Fatalf("it did not die %s: code %d\n%s%s", k, out.Code, out.Stdout, out.Stderr)
	}
	s.watch(nil)
}

// kills are all moments of a run that differ: after each line, and before the lines that
// tell of what was done since the one before.
func (u undisturbed) kills() []killing {
	var all []killing
	for _, line := range u.lines {
		if kind, _, _ := strings.Cut(line, " "); slices.Contains([]string{"run.started", "locked", "claimed", string(runbook.StepOutcome), "run.finished", "released"}, kind) {
			all = append(all, killing{when: "before", line: line})
		}
		all = append(all, killing{when: "after", line: line})
	}
	for _, st := range u.statements {
		for _, when := range []string{"come", "lost", "done"} {
			all = append(all, killing{when: when, st: st})
		}
	}
	return all
}

// outOfReach is when the servers cannot be reached: after a line of the journal, or from
// a statement on, which is lost, or done and its answer lost.
type outOfReach struct {
	killing
	long bool // until the process ends
}

func (o outOfReach) String() string {
	if o.long {
		return o.killing.String() + ", long"
	}
	return o.killing.String() + ", short"
}

// shortly is how long the servers are out of reach in a short time: less than anything
// waits for.
const shortly = 700 * time.Millisecond

// cut starts the request and cuts it off from the servers.
func (s *changeStage) cut(o outOfReach) rehearsal.Result {
	s.t.Helper()
	var mending sync.WaitGroup
	cut := func() {
		s.system.Unplug()
		if !o.long {
			mending.Add(1)
			time.AfterFunc(shortly, func() {
				defer mending.Done()
				if err := s.system.Plug(); err != nil {
					s.t.Error(err)
				}
			})
		}
	}
	c, happened := &child{}, false
	if o.line != "" {
		c = &child{moment: "halt", what: o.line, halted: func() { happened = true; cut() }}
	} else {
		s.watch(func(st statement, done bool) bool {
			if happened || st != o.st || done != (o.when == "done") {
				return false
			}
			happened = true
			cut()
			return true
		})
	}
	out := s.start(c)
	mending.Wait()
	s.watch(nil)
	if !happened {
		s.t.Fatalf("it never came to %s: code %d\n%s%s", o, out.Code, out.Stdout, out.Stderr)
	}
	s.ok(s.system.Plug())
	return out
}

// networks are cuts for long after each line, and for short where servers are asked next.
func (u undisturbed) networks() []outOfReach {
	var all []outOfReach
	for _, long := range []bool{false, true} {
		for _, line := range u.lines {
			if long || strings.HasPrefix(line, string(runbook.StepIntent)+" ") {
				all = append(all, outOfReach{killing{when: "after", line: line}, long})
			}
		}
		for _, st := range u.statements {
			for _, when := range []string{"lost", "done"} {
				all = append(all, outOfReach{killing{when: when, st: st}, long})
			}
		}
	}
	return all
}

// TestRUN04RUN09ChangeDisturbed: the process of a change is killed at lines of the journal
// and around statements, or its servers are out of reach from there on. It comes to the
// same end, by itself or by the same command, with each effect once and a log that
// verifies; or it was taken back, nothing is left of it, and another request goes through.
func TestRUN04RUN09ChangeDisturbed(t *testing.T) {
	t.Parallel()
	for _, c := range changeCases() {
		if !everywhere() && len(c.kills)+len(c.networks) == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := c.undisturbed(t)
			kills, networks := c.kills, c.networks
			if everywhere() {
				kills, networks = part(want.kills()), part(want.networks())
			}
			for _, k := range kills {
				t.Run("killed "+k.String(), func(t *testing.T) {
					t.Parallel()
					s := c.begin(t)
					s.killed(k)
					ended, starts := s.settled(c)
					t.Logf("%s after %d more starts", ended, starts)
					s.as(c, want, ended)
				})
			}
			for _, o := range networks {
				t.Run("cut "+o.String(), func(t *testing.T) {
					t.Parallel()
					s := c.begin(t)
					first := s.cut(o)
					for _, text := range c.once {
						if n := s.arrived(text); o.when == "done" && strings.Contains(o.st.text, text) && n > 1 {
							t.Errorf("%s was carried out, and sent %d times\n%s", text, n, s.journal())
						}
					}
					ended, starts := s.settled(c)
					t.Logf("code %d, %s after %d more starts", first.Code, ended, starts)
					s.as(c, want, ended)
				})
			}
		})
	}
}
