// Command switchover measures how long the applications of a real pair cannot write: in
// a switchover and in an emergency failover by bcctl, and in those that an expert makes
// of the same servers with pg_ctl and pg_promote. A writer at the clients' address
// commits every 10 ms. It also measures what bcctl itself takes.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

func main() {
	program := flag.String("bcctl", "bin/bcctl", "bcctl to measure")
	rounds := flag.Int("rounds", 5, "switchovers of each kind")
	failovers := flag.Int("failovers", 3, "emergency failovers of each kind")
	far := flag.Duration("latency", 100*time.Millisecond, "of each answer of GitHub, for the time up to the first change")
	verbose := flag.Bool("steps", false, "show when each event of a switchover was")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := bench{verbose: *verbose}
	var err error
	if b.program, err = filepath.Abs(*program); err == nil {
		err = b.run(ctx, *rounds, *failovers, *far)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	program string
	verbose bool
	path    string        // with the slow git; empty: as it is
	cpu     time.Duration // of the last bcctl
}

// one is what one switchover or failover took.
type one struct {
	gap, command, prechecks, own, first time.Duration

	steps time.Duration // between what a step was to do and what became of it

	cpu time.Duration // of bcctl and of the programs it started, git for the most part
}

func (b *bench) run(ctx context.Context, rounds, failovers int, far time.Duration) error {
	load, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		fmt.Printf("load of the machine: %s", load)
	}
	var planned, script, emergency, promoted, remote []one
	err = b.on(ctx, func(s *rehearsal.Stage, w *writer) error {
		sites := []string{"ams", "fra"}
		for i := range 2 * rounds {
			to := sites[i%2]
			// Two of each in turn, so that both go both ways.
			var got one
			var err error
			if i/2%2 == 0 {
				got, err = b.planned(ctx, s, w, to)
				planned = append(planned, got)
			} else {
				got, err = b.script(ctx, s, w, to)
				script = append(script, got)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for range failovers {
		for _, f := range []struct {
			list *[]one
			do   func(context.Context, *rehearsal.Stage, *writer) (one, error)
		}{{&emergency, b.failover}, {&promoted, b.promote}} {
			err := b.on(ctx, func(s *rehearsal.Stage, w *writer) error {
				got, err := f.do(ctx, s, w)
				*f.list = append(*f.list, got)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	err = b.on(ctx, func(s *rehearsal.Stage, w *writer) error {
		s.GitHub.SetLatency(far)
		if err := b.slowGit(filepath.Dir(s.Pair.Dir()), far); err != nil {
			return err
		}
		for _, to := range []string{"ams", "fra", "ams"} {
			got, err := b.planned(ctx, s, w, to)
			if err != nil {
				return err
			}
			remote = append(remote, got)
		}
		return nil
	})
	if err != nil {
		return err
	}
	gap := func(o one) time.Duration { return o.gap }
	show("switchover, no writes for: bcctl", planned, gap)
	show("switchover, no writes for: pg_ctl and pg_promote", script, gap)
	show("failover, no writes from its start on: bcctl", emergency, gap)
	show("failover, no writes from its start on: pg_promote", promoted, gap)
	show("switchover by bcctl, whole command but prechecks and soak", planned, func(o one) time.Duration { return o.own })
	show("of it, from the intent of a step to its outcome", planned, func(o one) time.Duration { return o.steps })
	show("of it, outside of steps", planned, func(o one) time.Duration { return o.own - o.steps })
	show("its CPU, with that of the programs it starts", planned, func(o one) time.Duration { return o.cpu })
	show("its prechecks", planned, func(o one) time.Duration { return o.prechecks })
	show(fmt.Sprintf("GitHub and git answer after %s: start to first change", far), remote, func(o one) time.Duration { return o.first })
	show(fmt.Sprintf("GitHub and git answer after %s: no writes for", far), remote, gap)
	show(fmt.Sprintf("GitHub and git answer after %s: whole command but prechecks and soak", far), remote, func(o one) time.Duration { return o.own })
	if load, err = os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load of the machine: %s", load)
	}
	return nil
}

func show(what string, all []one, of func(one) time.Duration) {
	var values []time.Duration
	for _, o := range all {
		values = append(values, of(o).Round(time.Millisecond))
	}
	slices.Sort(values)
	if len(values) > 0 {
		fmt.Printf("%-72s median %6s  best %6s  worst %6s  of %d\n", what, values[len(values)/2], values[0], values[len(values)-1], len(values))
	}
}

// soak is a second here: it is a wait that a request asks for.
const soak = time.Second

// on makes a pair and everything around it for a while.
func (b *bench) on(ctx context.Context, f func(*rehearsal.Stage, *writer) error) (err error) {
	dir, err := os.MkdirTemp("/tmp", "bcctl-bench-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // the servers' user must get through
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pair, err := pgpair.Up(ctx, pgpair.Options{Dir: filepath.Join(dir, "pair"), Program: b.program})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Destroy(context.WithoutCancel(ctx))) }()
	stage, err := rehearsal.New(ctx, rehearsal.Options{Pair: pair, Dir: dir, Bcctl: b.bcctl, Soak: soak.String()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	if err := pair.Exec(ctx, pgpair.Primary, `GRANT USAGE ON SCHEMA app TO `+pgpair.RoleHeartbeat, `GRANT INSERT ON app.entries TO `+pgpair.RoleHeartbeat); err != nil {
		return err
	}
	w, err := newWriter(ctx, pair)
	if err != nil {
		return err
	}
	defer w.stop()
	return f(stage, w)
}

// slowGit lets git take as long with a remote as with one that is far away: three
// answers for each command.
func (b *bench) slowGit(dir string, far time.Duration) error {
	git, err := exec.LookPath("git")
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, "far")
	text := fmt.Sprintf("#!/bin/sh\ncase \" $* \" in *http:*) ;; *\" ls-remote \"* | *\" fetch \"* | *\" push \"*) sleep %g ;; esac\nexec %s \"$@\"\n", (3 * far).Seconds(), git)
	b.path = dir + string(filepath.ListSeparator) + os.Getenv("PATH")
	return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "git"), []byte(text), 0o755))
}

func (b *bench) bcctl(ctx context.Context, c rehearsal.Call) (rehearsal.Result, error) {
	cmd := exec.CommandContext(ctx, b.program, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, []string{"PATH=" + cmp.Or(b.path, os.Getenv("PATH")), "GIT_CONFIG_GLOBAL=/dev/null"}
	for name, value := range maps.All(c.Env) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	b.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return rehearsal.Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, err
}

// execute carries out an approved request, as CI does.
func (b *bench) execute(ctx context.Context, s *rehearsal.Stage, r rehearsal.Request) (o one, began time.Time, err error) {
	call, err := s.Workflow(r, approval.VerbExecute, 1)
	if err != nil {
		return o, began, err
	}
	began = time.Now()
	result, err := s.Bcctl(ctx, call)
	o.command, o.cpu = time.Since(began), b.cpu
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("bcctl execute: exit code %d\n%s%s", result.Code, result.Stdout, result.Stderr)
	}
	if err != nil {
		return o, began, err
	}
	events, err := s.Events(r)
	if err != nil {
		return o, began, err
	}
	var claimed, step, intent time.Time
	for _, e := range events {
		switch {
		case e.Kind == runbook.Claimed:
			claimed = e.At
		case e.Kind == runbook.StepIntent && step.IsZero():
			step = e.At
			o.prechecks = step.Sub(claimed)
		case e.Kind == runbook.StepOutcome && o.first == 0 && e.Step == firstChange(events):
			o.first = e.At.Sub(began)
		}
		switch e.Kind {
		case runbook.StepIntent:
			intent = e.At
		case runbook.StepOutcome:
			o.steps += e.At.Sub(intent)
		}
		if b.verbose {
			fmt.Printf("%8s %s %s\n", e.At.Sub(began).Round(time.Millisecond), e.Kind, e.Step)
		}
	}
	o.own = o.command - o.prechecks - soak
	return o, began, nil
}

// firstChange is the step that changed something first.
func firstChange(events []runbook.Event) string {
	for _, e := range events {
		if e.Kind == runbook.StepIntent && e.Mutates {
			return e.Step
		}
	}
	return ""
}

func (b *bench) planned(ctx context.Context, s *rehearsal.Stage, w *writer, to string) (one, error) {
	r, err := s.Approved(ctx, runbook.Switchover, to)
	if err != nil {
		return one{}, err
	}
	o, began, err := b.execute(ctx, s, r)
	o.gap = w.gap(began)
	return o, err
}

// script is what an expert types: stop the old primary cleanly, see that the standby has
// its last record, promote. That the old one follows again comes after that.
func (b *bench) script(ctx context.Context, s *rehearsal.Stage, w *writer, to string) (one, error) {
	old, next := pgpair.Primary, pgpair.Standby
	if to == "fra" {
		old, next = next, old
	}
	if err := s.Pair.Exec(ctx, old, `CHECKPOINT`); err != nil {
		return one{}, err
	}
	began := time.Now()
	if err := s.Pair.StopNode(ctx, old); err != nil {
		return one{}, err
	}
	data, err := s.Pair.Hook(ctx, pgpair.HookCall{Verb: "controldata", Endpoint: old})
	if err != nil {
		return one{}, err
	}
	for has := false; !has; {
		if err := s.Pair.QueryRow(ctx, next, `SELECT pg_last_wal_replay_lsn() > '`+data["checkpoint"]+`'`, &has); err != nil {
			return one{}, err
		}
	}
	if err := s.Pair.Exec(ctx, next, `SELECT pg_promote(true, 60)`); err != nil {
		return one{}, err
	}
	if err := w.again(ctx, time.Now()); err != nil {
		return one{}, err
	}
	o := one{gap: w.gap(began)}
	if err := s.Pair.Exec(ctx, next, `CHECKPOINT`); err != nil {
		return o, err
	}
	_, err = s.Pair.Hook(ctx, pgpair.HookCall{Verb: "make-standby", Endpoint: old, Of: next})
	return o, err
}

// failover lets the primary die, asks, and counts from the start of the command on.
func (b *bench) failover(ctx context.Context, s *rehearsal.Stage, w *writer) (one, error) {
	if err := s.Pair.KillNode(ctx, pgpair.Primary); err != nil {
		return one{}, err
	}
	r, err := s.Approved(ctx, runbook.Failover, "ams", append([]string{"--max-loss", "1m"}, accepted(ctx, s)...)...)
	if err != nil {
		return one{}, err
	}
	o, began, err := b.execute(ctx, s, r)
	o.gap = w.next(began).Sub(began)
	return o, err
}

// accepted are the warnings of a failover whose primary is gone.
func accepted(context.Context, *rehearsal.Stage) []string {
	var flags []string
	for _, code := range []string{"LINEAGE_UNPROVEN", "RPO_UNPROVEN", "VIS_PRIMARY"} {
		flags = append(flags, "--accept", code+"=the primary is gone")
	}
	return flags
}

func (b *bench) promote(ctx context.Context, s *rehearsal.Stage, w *writer) (one, error) {
	if err := s.Pair.KillNode(ctx, pgpair.Primary); err != nil {
		return one{}, err
	}
	began := time.Now()
	if err := s.Pair.Exec(ctx, pgpair.Standby, `SELECT pg_promote(true, 60)`); err != nil {
		return one{}, err
	}
	if err := w.again(ctx, began); err != nil {
		return one{}, err
	}
	return one{gap: w.next(began).Sub(began)}, nil
}
