package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// checkOptions are the flags of check and watch.
type checkOptions struct {
	selection selection
	output    outputOptions
	failOn    string
	maxAge    time.Duration
	every     time.Duration
	record    string

	recordVerdict bool
}

func newCheck(a *app) *cobra.Command {
	o := &checkOptions{}
	cmd := &cobra.Command{
		Use:   "check [target...]",
		Short: "Look at targets now, judge them, record the verdicts",
		Long: `Connects to every endpoint of the selected targets with read-only credentials,
judges what it finds, and compares with the run before. Changes nothing on the
servers, but for a heartbeat row where a resource opts in. A target that cannot
be seen is unknown, never green.`,
		Example: exampleLines(
			"bcctl check",
			"bcctl check ledger",
			"bcctl check -l 'tier=1' -o table -o json=report.json",
			"bcctl check --every 30s",
		),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.check(cmd, args, o)
		},
	}
	sections(cmd, o.selection.flags(), o.output.flags(), o.workFlags(a.globals), o.judgementFlags())
	return cmd
}

func (o *checkOptions) workFlags(g *globals) flagSection {
	f := pflag.NewFlagSet("work", pflag.ContinueOnError)
	f.Int("parallel", 16, "targets worked on together; one that waits for longer than a second is not counted")
	f.Duration("target-timeout", 10*time.Second, "deadline of one target; a hung one costs no other more than its place")
	f.DurationVar(&o.every, "every", 0, "repeat in this process, with connections kept open, until interrupted")
	f.StringVar(&g.asOf, "as-of", "", "judge with the configuration of this Git commit")
	f.StringVar(&g.store, "store", "", "history file (default: one per repository under XDG_STATE_HOME); \"none\" keeps none")
	f.StringVar(&o.record, "record", "", "also write what was observed to this file, for replay")
	f.BoolVar(&o.recordVerdict, "record-verdict", false, "also write the verdicts of groups to the signed audit log: the first of each day and every change")
	return flagSection{"Work", f}
}

func (o *checkOptions) judgementFlags() flagSection {
	f := pflag.NewFlagSet("judgement", pflag.ContinueOnError)
	f.StringVar(&o.failOn, "fail-on", string(failOnRed), "exit non-zero at: red (and unknown), yellow, or never")
	f.DurationVar(&o.maxAge, "max-age", 0, "observations older than this are stale, whatever the policies say")
	return flagSection{"Judgement", f}
}

func (o *checkOptions) verdict() (failOn, error) {
	switch f := failOn(o.failOn); f {
	case failOnRed, failOnYellow, failOnNever:
		return f, nil
	default:
		return "", usage(fmt.Errorf("--fail-on %q is not known; write red, yellow or never", o.failOn), "bcctl check --help")
	}
}

func (a *app) check(cmd *cobra.Command, args []string, o *checkOptions) error {
	ctx, cancel := a.deadline(cmd.Context())
	defer cancel()
	verdict, err := o.verdict()
	if err != nil {
		return err
	}
	s, err := a.newSweeper(ctx, cmd.Flags(), args, o)
	if err != nil {
		return err
	}
	defer s.close()
	if o.recordVerdict && s.sweep.Replay != nil {
		return usage(errors.New("--record-verdict: a replay of recorded observations is no verdict of today"), "bcctl check")
	}
	if o.every <= 0 {
		report, err := s.once(ctx)
		if err != nil {
			return err
		}
		seen, err := a.publish(report, o.output, o.record)
		if err == nil && o.recordVerdict {
			err = a.recordVerdict(ctx, s.repo, report) // after the answer: nothing keeps that back
		}
		if err != nil {
			return err
		}
		return verdict.verdict(seen)
	}
	return a.repeat(ctx, s, o, func(report check.Report) (bool, error) {
		_, err := a.publish(report, o.output, o.record)
		if err == nil && o.recordVerdict {
			a.tryRecordVerdict(ctx, s.repo, report)
		}
		return false, err
	})
}

// deadline bounds the whole command where --timeout asks for it.
func (a *app) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.globals.timeout > 0 {
		return context.WithTimeout(ctx, a.globals.timeout)
	}
	return context.WithCancel(ctx)
}

// repeat sweeps until done or interrupted. A sweep that takes longer than the
// interval is followed by the next one at once; sweeps never overlap.
func (a *app) repeat(ctx context.Context, s *sweeper, o *checkOptions, each func(check.Report) (done bool, err error)) error {
	ticker := time.NewTicker(o.every)
	defer ticker.Stop()
	for {
		report, err := s.once(ctx)
		if err != nil {
			return err
		}
		if done, err := each(report); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// sweeper is a prepared check: it can be made once or again and again.
type sweeper struct {
	app    *app
	repo   *repository
	sweep  check.Sweep
	runner *check.Runner
	store  closer
	status *term.Progress

	warnings []string // about this process, for every report it makes
}

type closer interface{ Close() error }

func (a *app) newSweeper(ctx context.Context, flags *pflag.FlagSet, args []string, o *checkOptions) (*sweeper, error) {
	r, err := a.openRepository(ctx, flags)
	if err != nil {
		return nil, err
	}
	targets, err := o.selection.choose(ctx, r, args)
	if err != nil {
		return nil, err
	}
	s := &sweeper{app: a, repo: r, sweep: check.Sweep{Repo: r.repo, Rules: r.rules, Commit: r.commit, Targets: targets.targets, Groups: targets.groups}}
	if r.settings.Replay != "" {
		if s.sweep.Replay, err = check.LoadRecording(r.fsys, r.settings.Replay, r.repo); err != nil {
			return nil, fail(exitConfig, err, "")
		}
	}
	s.sweep.Residues = a.residues(r)
	boundMemory(len(targets.targets), a.getenv("GOMEMLIMIT"))
	s.runner = a.checkRunner(r)
	s.runner.KeepOpen, s.runner.MaxAge = o.every > 0, o.maxAge
	if !a.globals.quiet {
		s.status = term.NewProgress(a.Stderr, a.profile(a.Stderr), time.Now)
		s.runner.Progress = func(p check.Progress) { s.status.Update(progressStep(p)) }
	}
	return s, s.openStore(ctx, a)
}

func (a *app) checkRunner(r *repository) *check.Runner {
	return &check.Runner{
		Registry: r.registry, Secrets: secret.NewResolver(a.Lookup), Version: version(),
		Parallel: r.settings.Check.Parallel, TargetTimeout: r.settings.Check.TargetTimeout, Now: a.Now,
	}
}

// residues asks the ledger, and this host for what ran without GitHub, what runs have left
// without protection; nil where the settings name neither: nothing can run there. A remote
// that does not answer is asked as the App, where there is one, and then what git fetched
// last counts: a CI job without a credential has checked it out just now.
func (a *app) residues(r *repository) func(context.Context) check.Residues {
	if r.settings.GitHub.Repository == "" && r.settings.Ledger.URL == "" {
		return nil
	}
	store := a.ledgerStore(r)
	return func(ctx context.Context) (left check.Residues) {
		records, err := store.All(ctx)
		if err != nil && r.settings.GitHub.AppID != 0 {
			signed, done := a.asApp(ctx, r)
			defer done()
			records, err = store.All(signed)
		}
		if err != nil {
			var fresh bool
			if records, fresh = a.fetchedRecords(context.WithoutCancel(ctx), r); fresh {
				left.Stale = err
			} else {
				left.Unknown = err // what was fetched once can only make it worse
			}
		}
		here, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // a remote that hangs leaves no time
		defer cancel()
		own, err := a.hostRecords(here, r)
		if err != nil {
			left.Unknown = errors.Join(left.Unknown, err)
		}
		left.Of = map[string]check.Residue{}
		for name, runs := range ledger.Unprotected(ledger.Merge(records, own)) {
			newest := runs[len(runs)-1]
			left.Of[name] = check.Residue{Request: newest.Request, At: newest.At}
		}
		return left
	}
}

// justFetched is how old a fetch may be for what it brought to stand for the ledger: as old
// as a CI job may be that has checked out at its start.
const justFetched = 15 * time.Minute

// fetchedRecords are the records as git fetched them last, and whether that was just now:
// with their branch, or where there was none, with the log's, which is there before any
// run. A fetch that failed, or was of another branch, is none.
func (a *app) fetchedRecords(ctx context.Context, r *repository) (records []ledger.Record, fresh bool) {
	if r.settings.Ledger.URL != "" {
		return nil, false
	}
	records, err := r.ledger(a.Now).Fetched(ctx)
	if err != nil {
		return nil, false
	}
	branches, at, err := git.Fetched(ctx, r.dir)
	if err != nil || a.Now().Sub(at) > justFetched {
		return records, false
	}
	branch := gitstore.RecordsBranch
	if records == nil {
		branch = strings.TrimPrefix(r.settings.Audit.Ref, "refs/heads/")
	}
	tip, err := git.Tip(ctx, r.dir, "refs/remotes/"+r.settings.Audit.Remote+"/"+branch)
	return records, err == nil && branches[branch] == tip
}

// boundMemory makes the collector work harder rather than the process grow beyond
// what a sweep of this many targets needs, on small runners above all. The bound is
// soft: it costs time, never a verdict. GOMEMLIMIT overrides it.
func boundMemory(targets int, override string) {
	const least, perTarget = 80 << 20, 160 << 10
	if override == "" {
		debug.SetMemoryLimit(max(least, int64(targets)*perTarget))
	}
}

// openStore opens the history. A history that cannot be opened costs the
// history, not the verdict.
func (s *sweeper) openStore(ctx context.Context, a *app) error {
	if a.globals.store == "none" {
		return nil
	}
	db, err := a.openStore(ctx, s.repo)
	if err != nil {
		s.warnings = append(s.warnings, "history is not kept: "+err.Error())
		return nil
	}
	s.runner.Store, s.store = db, db
	return nil
}

func (s *sweeper) once(ctx context.Context) (check.Report, error) {
	if s.status != nil {
		s.status.Start(len(s.sweep.Targets))
	}
	report, err := s.runner.Run(ctx, s.sweep)
	if s.status != nil {
		s.status.Done()
	}
	if err != nil {
		return report, err
	}
	report.Warnings = append(report.Warnings, s.warnings...)
	if shift := clockShift(s.app.Lookup); shift != 0 {
		report.Warnings = append(report.Warnings, fmt.Sprintf("the collector's clock is shifted by %s (%s), for the laboratory", shift, labClockSkew))
	}
	for _, w := range report.Warnings {
		s.app.remark("%s", w)
	}
	return report, nil
}

func (s *sweeper) close() {
	_ = s.runner.Close() // goodbyes that fail change nothing
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.app.remark("%v", err)
		}
	}
}

// publish renders a report everywhere it was asked for, and writes a recording.
func (a *app) publish(report check.Report, o outputOptions, record string) (readiness.Status, error) {
	if record != "" {
		data, err := json.MarshalIndent(check.Record(report), "", "  ")
		if err != nil {
			return readiness.Unknown, err
		}
		if err := atomicfile.Write(a.path(record), append(data, '\n')); err != nil {
			return readiness.Unknown, err
		}
	}
	return a.render(report, o)
}

// remark prints a line on stderr that is neither answer nor error.
func (a *app) remark(format string, args ...any) {
	if !a.globals.quiet {
		fmt.Fprintf(a.Stderr, "bcctl: "+format+"\n", args...)
	}
}

func progressStep(p check.Progress) term.Step {
	return term.Step{Done: p.Done, Total: p.Total, Red: p.Counts.Red, Unknown: p.Counts.Unknown, Slowest: p.Slowest, SlowestTook: p.SlowestTook}
}
