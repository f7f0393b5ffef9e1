package execute

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/postgres"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// counter is a real pair with a table that counts what statements do to it.
type counter struct {
	lab *pgpair.Lab
	ca  []byte
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	lab := pgpairtest.Start(t, pgpair.Options{})
	ca, err := lab.CA()
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Exec(t.Context(), pgpair.Primary,
		`CREATE TABLE app.steps(step text, at timestamptz DEFAULT clock_timestamp(), secret text DEFAULT 'canary-row')`,
		`GRANT USAGE ON SCHEMA app TO `+pgpair.RoleExecute+`, `+pgpair.RoleMonitor,
		`GRANT SELECT, INSERT, DELETE ON app.steps TO `+pgpair.RoleExecute,
		`GRANT SELECT ON app.steps TO `+pgpair.RoleMonitor); err != nil {
		t.Fatal(err)
	}
	return &counter{lab, ca}
}

// doer is a process that carries out steps; address is where it finds the primary.
func (c *counter) doer(t *testing.T, address string) *Doer {
	t.Helper()
	spec := connectors.Spec{
		Target: "ledger", Home: connectors.Home{Primary: "fra", DR: "ams"},
		Identity: map[string]string{"systemIdentifier": c.lab.SystemIdentifier()},
		TLS:      connectors.TLS{CA: c.ca}, EndpointTimeout: 5 * time.Second,
		Credential: func(_ context.Context, p connectors.Purpose) (connectors.Credential, error) {
			role := map[connectors.Purpose]string{connectors.Monitor: pgpair.RoleMonitor, connectors.Execute: pgpair.RoleExecute}[p]
			return connectors.Credential{Username: role, Password: c.lab.Password(role)}, nil
		},
	}
	for _, n := range c.lab.Nodes() {
		e := connectors.Endpoint{Name: n.Name, Site: n.Site, Address: n.Address()}
		if n.Name == pgpair.Primary && address != "" {
			e.Address = address
		}
		spec.Endpoints = append(spec.Endpoints, e)
	}
	return doerOf(t, spec)
}

func doerOf(t *testing.T, spec connectors.Spec) *Doer {
	d := &Doer{Registry: connectors.Registry{"postgresql": postgres.Factory{}}, Now: time.Now,
		Spec: func(string) (connectors.Spec, bool) { return spec, true }}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// adding is a step that adds a row, and takes a while to do so.
func adding(step string) runbook.Task {
	return runbook.Task{
		Run: "run-" + step, ID: step, Member: runbook.MemberPlan{Resource: "ledger", Platform: "postgresql", From: "fra", To: "ams"},
		Operation: runbook.Operation{SQL: &runbook.SQL{Side: runbook.Old, Statement: fmt.Sprintf("INSERT INTO app.steps(step) SELECT '%s' FROM pg_sleep(0.4)", step)}},
		Done:      &runbook.Operation{SQL: &runbook.SQL{Side: runbook.Old, Statement: fmt.Sprintf("SELECT count(*) = 1 FROM app.steps WHERE step = '%s'", step)}},
	}
}

func (c *counter) count(t *testing.T, step string) int {
	t.Helper()
	var n int
	if err := c.lab.QueryRow(t.Context(), pgpair.Primary, `SELECT count(*) FROM app.steps WHERE step = '`+step+`'`, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// underWay waits until the statement of a run is being carried out.
func (c *counter) underWay(t *testing.T, run string) {
	t.Helper()
	for range 500 {
		var active bool
		if err := c.lab.QueryRow(t.Context(), pgpair.Primary,
			`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bcctl sql `+run+`' AND query LIKE 'INSERT%' AND state = 'active')`, &active); err != nil {
			t.Fatal(err)
		}
		if active {
			return
		}
	}
	t.Fatal("the statement never began")
}

// finish is what a process does that goes on after an answer was lost: it asks, and
// does again only what is not done. The effect is there once.
func (c *counter) finish(t *testing.T, task runbook.Task) {
	t.Helper()
	d := c.doer(t, "")
	out := d.Probe(t.Context(), task)
	t.Logf("%s: probe: %s %s, and there are %d", task.ID, out.State, out.Message, c.count(t, task.ID))
	switch out.State {
	case connectors.Done:
	case connectors.NotDone:
		if again := d.Do(t.Context(), task); again.State != connectors.Done {
			t.Errorf("%s: again: %s %s", task.ID, again.State, again.Message)
		}
	default:
		t.Errorf("%s: probe: %s %s", task.ID, out.State, out.Message)
	}
	if n := c.count(t, task.ID); n != 1 {
		t.Errorf("%s: its effect is there %d times", task.ID, n)
	}
	if out := d.Probe(t.Context(), task); out.State != connectors.Done {
		t.Errorf("%s: probe at the end: %s %s", task.ID, out.State, out.Message)
	}
}

// path is a way to the primary that can be cut, or made to swallow everything.
type path struct {
	net.Listener
	mute atomic.Bool
	mu   sync.Mutex
	open []net.Conn
}

func newPath(t *testing.T, target string) *path {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &path{Listener: l}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			p.mu.Lock()
			p.open = append(p.open, client, server)
			p.mu.Unlock()
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				running.Go(func() {
					_, _ = io.Copy(muted{way[0], &p.mute}, way[1])
					_ = way[0].Close()
					_ = way[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		running.Wait()
	})
	return p
}

func (p *path) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

type muted struct {
	io.Writer
	mute *atomic.Bool
}

func (m muted) Write(b []byte) (int, error) {
	if m.mute.Load() {
		return len(b), nil
	}
	return m.Writer.Write(b)
}

// TestSI34StatementOnce: whatever happens to the connection or the process while a
// statement is under way, whoever goes on finds out, and its effect is there once.
func TestSI34StatementOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	primary, err := c.lab.Node(pgpair.Primary)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("answered", func(t *testing.T) {
		task := adding("answered")
		if out := c.doer(t, "").Do(t.Context(), task); out.State != connectors.Done || out.Facts["rows"] != "1" {
			t.Errorf("%s %s %v", out.State, out.Message, out.Facts)
		}
		c.finish(t, task)
	})
	t.Run("cut", func(t *testing.T) {
		p := newPath(t, primary.Address())
		task := adding("cut")
		ended := make(chan connectors.Outcome, 1)
		d := c.doer(t, p.Addr().String())
		go func() { ended <- d.Do(t.Context(), task) }()
		c.underWay(t, task.Run)
		p.cut()
		if out := <-ended; out.State != connectors.InDoubt {
			t.Errorf("%s %s", out.State, out.Message)
		}
		c.finish(t, task)
	})
	t.Run("swallowed", func(t *testing.T) {
		p := newPath(t, primary.Address())
		task := adding("swallowed")
		ended := make(chan connectors.Outcome, 1)
		d := c.doer(t, p.Addr().String())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { ended <- d.Do(ctx, task) }()
		c.underWay(t, task.Run)
		p.mute.Store(true)
		// Nothing tells the server that nobody listens: its session stays after the effect.
		for c.count(t, task.ID) == 0 {
		}
		cancel()
		if out := <-ended; out.State != connectors.InDoubt {
			t.Errorf("%s %s", out.State, out.Message)
		}
		c.finish(t, task)
	})
	t.Run("asked too soon", func(t *testing.T) {
		p := newPath(t, primary.Address())
		task := adding("asked too soon")
		ended := make(chan connectors.Outcome, 1)
		d := c.doer(t, p.Addr().String())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { ended <- d.Do(ctx, task) }()
		c.underWay(t, task.Run)
		p.mute.Store(true) // not even the wish to cancel it gets through
		cancel()
		if out := <-ended; out.State != connectors.InDoubt {
			t.Errorf("%s %s", out.State, out.Message)
		}
		if n := c.count(t, task.ID); n != 0 {
			t.Fatalf("the statement was over too soon for this test: %d", n)
		}
		var over sync.WaitGroup
		over.Go(func() {
			for c.count(t, task.ID) == 0 {
			}
			p.cut()
		})
		c.finish(t, task)
		over.Wait()
	})
	t.Run("killed", func(t *testing.T) {
		for i := range 5 {
			task := adding("killed-" + strconv.Itoa(i))
			child := exec.Command(os.Args[0], "-test.run=^TestStatementOfAChild$", "-test.count=1")
			child.Env = append(os.Environ(), "BCCTL_STATEMENT="+task.ID, "BCCTL_LAB="+c.lab.Dir())
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			c.underWay(t, task.Run)
			timer := time.NewTimer(time.Duration(i) * 100 * time.Millisecond)
			<-timer.C
			_ = child.Process.Kill()
			_ = child.Wait()
			c.finish(t, task)
		}
	})
}

// TestStatementOfAChild is the process that TestSI34StatementOnce kills.
func TestStatementOfAChild(t *testing.T) {
	step := os.Getenv("BCCTL_STATEMENT")
	if step == "" {
		t.Skip("is run by TestSI34StatementOnce")
	}
	lab, err := pgpair.Open(os.Getenv("BCCTL_LAB"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := lab.CA()
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{lab, ca}
	t.Log(c.doer(t, "").Do(t.Context(), adding(step)))
}

// TestSI21StatementGoesToWhoIsMeant: nothing is sent to a server that is another one.
func TestSI21StatementGoesToWhoIsMeant(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d := c.doer(t, "")
	spec, _ := d.Spec("")
	for name, change := range map[string]func(*connectors.Spec){
		"another cluster": func(s *connectors.Spec) { s.Identity = map[string]string{"systemIdentifier": "1"} },
		"no identity":     func(s *connectors.Spec) { s.Identity = nil },
	} {
		other := spec
		change(&other)
		d := doerOf(t, other)
		task := adding("elsewhere")
		if out := d.Do(t.Context(), task); out.State != connectors.Failed {
			t.Errorf("%s: %s %s", name, out.State, out.Message)
		}
		if f := d.Check(t.Context(), runbook.Task{Member: task.Member, Operation: *task.Done}); f.Result == connectors.Passed || f.Result == connectors.Refused {
			t.Errorf("%s: a question was answered: %s", name, f.Message)
		}
	}
	if n := c.count(t, "elsewhere"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// What a statement may come to, and what is said of it: no data but a number.
func TestSI05StatementOutcomes(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d := c.doer(t, "")
	expect := func(text string) *string { return &text }
	never := false
	if out := d.Do(t.Context(), adding("there")); out.State != connectors.Done {
		t.Fatalf("%s %s", out.State, out.Message)
	}
	for name, tt := range map[string]struct {
		sql    runbook.SQL
		reads  bool
		limit  time.Duration
		state  connectors.OutcomeState
		finds  connectors.FindingResult // the same as a check
		saying string
	}{
		"rows are counted":     {sql: runbook.SQL{Statement: "SELECT secret FROM app.steps"}, state: connectors.Done, finds: connectors.Unknown},
		"as expected":          {sql: runbook.SQL{Statement: "SELECT count(*) FROM app.steps", Expect: expect("1")}, state: connectors.Done, finds: connectors.Passed},
		"not as expected":      {sql: runbook.SQL{Statement: "SELECT secret FROM app.steps", Expect: expect("x")}, state: connectors.InDoubt, finds: connectors.Refused},
		"no":                   {sql: runbook.SQL{Statement: "SELECT false"}, reads: true, state: connectors.Failed, finds: connectors.Refused},
		"yes":                  {sql: runbook.SQL{Statement: "SELECT true"}, reads: true, state: connectors.Done, finds: connectors.Passed},
		"NULL":                 {sql: runbook.SQL{Statement: "SELECT NULL::boolean"}, reads: true, state: connectors.NotDone, finds: connectors.Unknown},
		"no row":               {sql: runbook.SQL{Statement: "SELECT true WHERE false"}, reads: true, state: connectors.NotDone, finds: connectors.Unknown},
		"two rows":             {sql: runbook.SQL{Statement: "VALUES (true), (true)"}, reads: true, state: connectors.NotDone, finds: connectors.Unknown},
		"a question writes":    {sql: runbook.SQL{Statement: "INSERT INTO app.steps VALUES ('sly') RETURNING true"}, reads: true, state: connectors.NotDone, finds: connectors.Unknown},
		"two statements":       {sql: runbook.SQL{Statement: "INSERT INTO app.steps VALUES ('sly'); SELECT true"}, state: connectors.Failed, finds: connectors.Unknown},
		"a transaction":        {sql: runbook.SQL{Statement: "BEGIN"}, state: connectors.Failed, finds: connectors.Unknown, saying: "transaction open"},
		"a value in an error":  {sql: runbook.SQL{Statement: "SELECT secret::int FROM app.steps"}, state: connectors.Failed, finds: connectors.Unknown, saying: "22P02"},
		"no table":             {sql: runbook.SQL{Statement: "SELECT FROM app.nothing"}, state: connectors.Failed, finds: connectors.Unknown, saying: "app.nothing"},
		"a block that commits": {sql: runbook.SQL{Statement: "DO $$BEGIN RAISE 'no'; END$$"}, state: connectors.InDoubt, finds: connectors.Unknown},
		"one behind a comment": {sql: runbook.SQL{Statement: "-- tidy up\n/* a /* b */ */ DO $$BEGIN RAISE 'no'; END$$"}, state: connectors.InDoubt, finds: connectors.Unknown},
		"another database":     {sql: runbook.SQL{Statement: "SELECT current_database() = 'template1'", Database: "template1"}, reads: true, state: connectors.Done, finds: connectors.Passed},
		"too slow":             {sql: runbook.SQL{Statement: "SELECT true FROM pg_sleep(60)"}, limit: 1500 * time.Millisecond, state: connectors.InDoubt, finds: connectors.Unknown},
		"the standby":          {sql: runbook.SQL{Side: runbook.New, Statement: "INSERT INTO app.steps VALUES ('sly')"}, state: connectors.Failed, finds: connectors.Unknown, saying: "25006"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.sql.Side == "" {
				tt.sql.Side = runbook.Old
			}
			step := runbook.Step{ID: "one", Operation: runbook.Operation{SQL: &tt.sql}}
			if tt.reads {
				step.Mutates = &never
			}
			task := runbook.Task{Run: "run-outcomes", ID: "one", Operation: step.Operation,
				Member: runbook.MemberPlan{Resource: "ledger", Platform: "postgresql", From: "fra", To: "ams", Steps: []runbook.Step{step}}}
			ctx := func() context.Context {
				if tt.limit == 0 {
					return t.Context()
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				t.Cleanup(cancel)
				return ctx
			}
			out := d.Do(ctx(), task)
			if out.State != tt.state || !strings.Contains(out.Message, tt.saying) {
				t.Errorf("as a step: %s %s", out.State, out.Message)
			}
			f := d.Check(ctx(), task)
			if f.Result != tt.finds || f.Observed.IsZero() {
				t.Errorf("as a check: %s %s", f.Result, f.Message)
			}
			if text := out.Message + f.Message + fmt.Sprint(out.Facts, f.Facts); strings.Contains(text, "canary") || strings.TrimSpace(out.Message) == "" || strings.TrimSpace(f.Message) == "" {
				t.Errorf("it says %q", text)
			}
			if why := d.settled(t.Context(), task); why != "" {
				t.Errorf("afterwards: %s", why)
			}
		})
	}
	if n := c.count(t, "sly"); n != 0 {
		t.Errorf("%d rows were written that nothing may write", n)
	}
}
