package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func newWatch(a *app) *cobra.Command {
	o := &checkOptions{failOn: string(failOnRed)}
	var deadline time.Duration
	cmd := &cobra.Command{
		Use:   "watch target...",
		Short: "Check again and again until green, or until a deadline",
		Long: `Repeats the check of the targets and prints one line for every change. Ends with
0 as soon as all are green; after the deadline with the exit code of the last
verdict.`,
		Example:           exampleLines("bcctl watch ledger", "bcctl watch ledger --deadline 10m --every 5s"),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && o.selection.selector == "" && len(o.selection.groups) == 0 {
				return usage(errors.New("name what to watch"), "bcctl watch ledger")
			}
			return a.watch(cmd, args, o, deadline)
		},
	}
	f := pflag.NewFlagSet("watch", pflag.ContinueOnError)
	f.DurationVar(&deadline, "deadline", 30*time.Minute, "give up after this long")
	work := o.workFlags(a.globals)
	work.flags.Lookup("every").DefValue = "10s"
	o.every = 10 * time.Second
	sections(cmd, o.selection.flags(), flagSection{"Watch", f}, work)
	return cmd
}

func (a *app) watch(cmd *cobra.Command, args []string, o *checkOptions, deadline time.Duration) error {
	if o.every <= 0 {
		return usage(fmt.Errorf("--every %s is not an interval", o.every), "bcctl watch --help")
	}
	interrupted := cmd.Context()
	ctx, cancel := context.WithTimeout(interrupted, deadline)
	defer cancel()
	s, err := a.newSweeper(ctx, cmd.Flags(), args, o)
	if err != nil {
		return err
	}
	defer s.close()
	if s.sweep.Replay != nil {
		return fail(exitFailed, errors.New("this repository is judged from a recording, which does not change"), "bcctl check")
	}
	s.runner.Progress = nil // the lines below are the progress
	a.remark("until green, at most %s, looking every %s", deadline, o.every)
	shown := map[string]string{}
	last := readiness.Unknown
	err = a.repeat(ctx, s, o, func(report check.Report) (bool, error) {
		last = report.Verdict
		for _, r := range report.Results {
			line := a.watchLine(r)
			if shown[r.Name] == whatChanges(r) {
				continue
			}
			shown[r.Name] = whatChanges(r)
			if _, err := fmt.Fprintf(a.Stdout, "%s  %s\n", a.Now().Format("15:04:05"), line); err != nil {
				return true, err
			}
		}
		return last == readiness.Green, nil
	})
	switch {
	case interrupted.Err() != nil:
		return interrupted.Err()
	case errors.Is(err, context.DeadlineExceeded):
		a.remark("not green after %s", deadline)
		return failOnRedOrYellow(last)
	default:
		return err
	}
}

// whatChanges is what makes a new line: the status and the codes, not the figures
// in the messages.
func whatChanges(r readiness.Result) string {
	text := r.Status.String()
	for _, reason := range r.Reasons {
		text += " " + string(reason.Code) + "@" + reason.Endpoint
	}
	return text
}

// failOnRedOrYellow: watching for green has not succeeded while yellow.
func failOnRedOrYellow(s readiness.Status) error { return failOnYellow.verdict(s) }
