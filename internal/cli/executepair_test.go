//go:build unix

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// mortalName is this test binary as a bcctl with a person at its terminal, which may be
// made to die at a line of the journal: mortal MOMENT LINE ARGS... MOMENT is before or
// after, or signal: it is told to stop then, or halt: it waits after that line until the
// one who started it has answered.
const mortalName = "bcctl-mortal"

// mortal is that bcctl.
func mortal() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // as Main has it
	defer stop()
	env := realEnv()
	env.Terminal = func(io.Reader) bool { return true }
	moment, what := os.Args[1], os.Args[2]
	env.journal = func(j runbook.Journal) runbook.Journal { return &deadly{Journal: j, moment: moment, what: what} }
	return Run(ctx, env, os.Args[3:])
}

// deadly ends the process as kill -9 does, before or after a line is on the disk.
type deadly struct {
	runbook.Journal
	moment, what string
}

func (d *deadly) Append(ctx context.Context, e runbook.Event) error {
	here := eventText(e) == d.what
	if here && d.moment == "before" {
		die()
	}
	err := d.Journal.Append(ctx, e)
	switch {
	case !here || err != nil:
	case d.moment == "after":
		die()
	case d.moment == "halt":
		halt()
	case d.moment == "signal":
		return syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}
	return err
}

// Beside keeps what the journal of a run can do.
func (d *deadly) Beside(ctx context.Context) <-chan error {
	return d.Journal.(runbook.Besider).Beside(ctx)
}

// The files by which halt asks and is answered, as the process inherits them.
const haltAsks, haltIsAnswered = 3, 4

func halt() {
	_ = os.NewFile(haltAsks, "asks").Close()
	_, _ = os.NewFile(haltIsAnswered, "is answered").Read(make([]byte, 1)) // it ends when that side closes
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// eventText names an event: kind, and for steps their name.
func eventText(e runbook.Event) string {
	text := string(e.Kind)
	if e.Step != "" {
		text += " " + e.Step
	}
	if e.Undo {
		text += " undo"
	}
	return text
}

// pairStage is a stage with a real pair.
type pairStage struct{ *rehearsed }

// newPairStage makes one. The soak of every runbook is a second, for the tests.
func newPairStage(t *testing.T, change ...func(*pgpair.Options, *rehearsal.Options)) *pairStage {
	t.Helper()
	po, ro := pairOptions(t, change...)
	ro.Pair = pgpairtest.Start(t, po)
	return stageOf(t, ro)
}

// newRoutedStage is newPairStage, where bcctl reaches each server over a way that can be
// cut.
func newRoutedStage(t *testing.T) (*pairStage, map[string]*way) {
	t.Helper()
	po, ro := pairOptions(t)
	ro.Pair = pgpairtest.Start(t, po)
	ways := map[string]*way{}
	for _, n := range ro.Pair.Nodes() {
		ways[n.Name] = newWay(t, n)
	}
	ro.Files = map[string]string{"resources/ledger.yaml": routed(ro.Pair, ways)}
	return stageOf(t, ro), ways
}

func pairOptions(t *testing.T, change ...func(*pgpair.Options, *rehearsal.Options)) (pgpair.Options, rehearsal.Options) {
	t.Helper()
	pgpairtest.Require(t)
	program, err := exec.LookPath("bcctl")
	if err != nil {
		t.Fatal(err)
	}
	po := pgpair.Options{Program: program, WALSenderTimeout: 3 * time.Second, WALReceiverTimeout: 3 * time.Second}
	ro := rehearsal.Options{Dir: t.TempDir(), Bcctl: (&child{}).run, Soak: "1s"}
	for _, f := range change {
		f(&po, &ro)
	}
	return po, ro
}

// stageOf makes a stage for a pair that runs.
func stageOf(t *testing.T, ro rehearsal.Options) *pairStage {
	t.Helper()
	return &pairStage{rehearse(t, ro)}
}

// child is a process that runs bcctl.
type child struct {
	moment, what string
	started      func(*os.Process)
	halted       func()                       // at the moment halt; what it does is done before the process goes on
	answer       func(question string) string // of a person who is asked during the run; nil: what was typed ahead
}

func (c *child) run(ctx context.Context, call rehearsal.Call) (rehearsal.Result, error) {
	args := append([]string{"-", "-"}, call.Args...)
	if c.moment != "" {
		args[0], args[1] = c.moment, c.what
	}
	name := mortalName
	if call.Typed == "" {
		name, args = "bcctl", call.Args
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdin = call.Dir, strings.NewReader(call.Typed)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null"}
	for _, key := range slices.Sorted(maps.Keys(call.Env)) {
		cmd.Env = append(cmd.Env, key+"="+call.Env[key])
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if c.halted != nil {
		answered, err := c.halts(cmd)
		if err != nil {
			return rehearsal.Result{}, err
		}
		defer answered()
	}
	if c.answer != nil {
		typed, keyboard, err := os.Pipe()
		if err != nil {
			return rehearsal.Result{}, err
		}
		defer func() { _, _ = typed.Close(), keyboard.Close() }()
		if _, err := keyboard.WriteString(call.Typed); err != nil {
			return rehearsal.Result{}, err
		}
		cmd.Stdin, cmd.Stderr = typed, &interview{heard: &stderr, keyboard: keyboard, answer: c.answer}
	}
	if err := cmd.Start(); err != nil {
		return rehearsal.Result{}, err
	}
	for _, f := range cmd.ExtraFiles {
		_ = f.Close() // the process has its own
	}
	if c.started != nil {
		c.started(cmd.Process)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return rehearsal.Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, err
}

// halts connects a process that will wait at its line. The function returned waits until
// nothing is done for it any more.
func (c *child) halts(cmd *exec.Cmd) (func(), error) {
	asks, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	wait, answer, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, asks.Close(), theirs.Close())
	}
	cmd.ExtraFiles = []*os.File{theirs, wait}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = asks.Read(make([]byte, 1)) // it ends when the process has closed its side
		c.halted()
		_, _ = asks.Close(), answer.Close()
	}()
	return func() { <-done }, nil
}

// interview answers what a run asks a person, once it has been asked.
type interview struct {
	heard    *bytes.Buffer
	seen     int
	keyboard io.Writer
	answer   func(question string) string
}

func (i *interview) Write(p []byte) (int, error) {
	n, err := i.heard.Write(p)
	_, question, asked := strings.Cut(i.heard.String()[i.seen:], "Type yes if this is so, no if it is not: ")
	if !asked || !strings.HasSuffix(question, "\n> ") {
		return n, err
	}
	i.seen = i.heard.Len()
	_, err = io.WriteString(i.keyboard, i.answer(strings.TrimSuffix(question, "\n> "))+"\n")
	return n, err
}

// query reads one value.
func query[T any](s *pairStage, node, sql string) T {
	s.t.Helper()
	var v T
	s.ok(s.Pair.QueryRow(s.t.Context(), node, sql, &v))
	return v
}

// writes says which servers accept writes.
func (s *pairStage) writes() []string {
	s.t.Helper()
	var names []string
	for _, n := range s.Pair.Nodes() {
		var primary bool
		if err := s.Pair.QueryRow(s.t.Context(), n.Name, `SELECT NOT pg_is_in_recovery()`, &primary); err == nil && primary {
			names = append(names, n.Name)
		}
	}
	return names
}

// ended expects the pair as a run shall leave it: one server writes, the other follows
// on its timeline, and every row is there.
func (s *pairStage) ended(primary, standby string, rows int) {
	s.t.Helper()
	if w := s.writes(); !slices.Equal(w, []string{primary}) {
		s.t.Fatalf("%v accept writes, want %s", w, primary)
	}
	if !query[bool](s, primary, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = '`+standby+`' AND state = 'streaming')`) {
		s.t.Errorf("%s does not stream from %s", standby, primary)
	}
	if n := query[int](s, primary, `SELECT count(*) FROM app.entries`); n != rows {
		s.t.Errorf("%d rows, want %d", n, rows)
	}
	for _, node := range []string{primary, standby} {
		if query[string](s, node, `SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only'`) != "off" {
			s.t.Errorf("%s is left read-only", node)
		}
	}
}

func (s *pairStage) timeline(node string) int {
	s.t.Helper()
	return query[int](s, node, `SELECT ('x'||substr(pg_walfile_name(pg_current_wal_lsn()),1,8))::bit(32)::int`)
}

func (s *pairStage) load(node string, rows int) {
	s.t.Helper()
	s.ok(s.Pair.Exec(s.t.Context(), node, fmt.Sprintf(`INSERT INTO app.entries(note) SELECT 'row '||g FROM generate_series(1,%d) g`, rows)))
}

// TestSI24ExecuteThereAndBack: a switchover and the way back through the command line,
// with everything people do in between.
func TestSI24ExecuteThereAndBack(t *testing.T) {
	t.Parallel()
	s := newPairStage(t)
	s.load(pgpair.Primary, 100)
	for i, way := range [][3]string{{"ams", pgpair.Standby, pgpair.Primary}, {"fra", pgpair.Primary, pgpair.Standby}} {
		r := s.approved(runbook.Switchover, way[0])
		s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "ledger writes at "+way[0])
		s.ended(way[1], way[2], 100)
		if tli := s.timeline(way[1]); tli != i+2 {
			t.Errorf("timeline %d after %d promotions", tli, i+1)
		}
		s.verified()
	}
}

// lose kills the primary with rows that nobody else has. What is to be done before the
// kill sees them.
func (s *pairStage) lose(rows int, before ...func()) {
	s.t.Helper()
	ctx := s.t.Context()
	s.ok(s.Pair.Exec(ctx, pgpair.Standby, `ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`))
	s.eventually("the standby lets go", func() bool {
		return query[bool](s, pgpair.Standby, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})
	s.load(pgpair.Primary, rows)
	for _, f := range before {
		f()
	}
	s.ok(s.Pair.KillNode(ctx, pgpair.Primary))
	s.ok(s.Pair.Exec(ctx, pgpair.Standby, `ALTER SYSTEM RESET primary_conninfo`, `SELECT pg_reload_conf()`))
}

// withoutPrimary are the warnings of a failover that its approvers accept, as a request
// names them.
func withoutPrimary() []string {
	return []string{"--max-loss", "1m", "--accept", "LINEAGE_UNPROVEN=the primary is gone", "--accept", "RPO_UNPROVEN=the primary is gone", "--accept", "VIS_PRIMARY=the primary is gone"}
}

// TestSI25SI26ExecuteFailoverAndBack: the primary dies with what nobody else has. The
// request says how much may be lost, the old primary is fenced before another one
// writes, what only it had is kept before anything overwrites it, and the way home ends
// with two servers as before.
func TestSI25SI26ExecuteFailoverAndBack(t *testing.T) {
	t.Parallel()
	for _, rebuild := range []string{"rewind", "basebackup"} {
		t.Run(rebuild, func(t *testing.T) {
			t.Parallel()
			s := newPairStage(t)
			s.load(pgpair.Primary, 200)
			s.eventually("the rows are everywhere", func() bool { return query[int](s, pgpair.Standby, `SELECT count(*) FROM app.entries`) == 200 })
			s.lose(25, func() {
				if rebuild == "rewind" { // the other one shows a primary that was never recorded
					_, err := s.Bcctl(t.Context(), rehearsal.Call{Args: []string{"check", "ledger"}})
					s.ok(err)
				}
			})
			r := s.approved(runbook.Failover, "ams", withoutPrimary()...)
			s.execute(exitOK, r, approval.VerbExecute, 1, "SUCCEEDED", "ledger writes at ams", "PROTECTION_NOT_RESTORED")
			if w := s.writes(); !slices.Equal(w, []string{pgpair.Standby}) {
				t.Fatalf("%v accept writes", w)
			}
			if n := query[int](s, pgpair.Standby, `SELECT count(*) FROM app.entries`); n != 200 {
				t.Errorf("%d rows of 200 are left", n)
			}
			if e := s.fact(r, "fence", "evidence"); !strings.Contains(e, "powered off") {
				t.Errorf("evidence of the fence: %q", e)
			}
			s.verified()
			atLeast, exact := s.fact(r, "loss", "bytes"), s.fact(r, "loss", "exact")
			if recorded := strings.Contains(s.fact(r, "loss", "method"), "position of "+pgpair.Primary+" observed at"); recorded != (rebuild == "rewind") || recorded == (atLeast == "") || exact != "false" {
				t.Errorf("loss: %q bytes, exact %s, %s", atLeast, exact, s.fact(r, "loss", "method"))
			}

			s.load(pgpair.Standby, 10)
			r = s.approved(runbook.Failback, "fra", "--param", "rebuild="+rebuild)
			s.answered(r)
			s.ended(pgpair.Primary, pgpair.Standby, 210)
			if n := s.fact(r, "preserve", "commits"); n == "" || n == "0" {
				t.Errorf("kept %q commits of the old primary, which had some of its own", n)
			}
			if least, err := strconv.Atoi(atLeast); atLeast != "" {
				all, err2 := strconv.Atoi(s.fact(r, "preserve", "bytes"))
				if err != nil || err2 != nil || least <= 0 || least > all {
					t.Errorf("at least %q bytes were lost, of %q that the old primary had", atLeast, s.fact(r, "preserve", "bytes"))
				}
			}
			if tli := s.timeline(pgpair.Primary); tli != 3 {
				t.Errorf("timeline %d after two promotions", tli)
			}
			s.verified()
		})
	}
}

// TestSI29ExecuteDrillGivenUp: people who look at the copy say no. The copy is destroyed
// all the same, a probe shows that, and nothing is left in doubt.
func TestSI29ExecuteDrillGivenUp(t *testing.T) {
	t.Parallel()
	s := newPairStage(t)
	s.load(pgpair.Primary, 50)
	r := s.approved(runbook.Drill, "ams")
	call := s.Execute(r, approval.VerbExecute, 1)
	call.Typed += "no\n"
	out, err := s.Bcctl(t.Context(), call)
	s.ok(err)
	s.said(out, exitFailed, "answered no", "taken back as the runbook says")
	if left, err := s.Pair.Hook(t.Context(), pgpair.HookCall{Verb: "clone-status", Endpoint: pgpair.Standby, Is: "absent", Run: string(r.Digest)[7:39]}); err != nil {
		t.Errorf("the copy is still there: %v %v", left, err)
	}
	s.ended(pgpair.Primary, pgpair.Standby, 50)
	s.verified()
}

// TestSI29ExecuteDrill: a copy of the standby is promoted, written to and destroyed, and
// production goes on as before.
func TestSI29ExecuteDrill(t *testing.T) {
	t.Parallel()
	s := newPairStage(t)
	s.load(pgpair.Primary, 50)
	before := s.timeline(pgpair.Primary)
	r := s.approved(runbook.Drill, "ams")
	s.answered(r)
	s.ended(pgpair.Primary, pgpair.Standby, 50)
	if now := s.timeline(pgpair.Primary); now != before {
		t.Errorf("timeline %d, before %d", now, before)
	}
	left, err := s.Pair.Hook(t.Context(), pgpair.HookCall{Verb: "clone-status", Endpoint: pgpair.Standby, Is: "absent", Run: string(r.Digest)[7:39]})
	if err != nil {
		t.Errorf("the copy is still there: %v %v", left, err)
	}
	s.verified()
}
