package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func newStatus(a *app) *cobra.Command {
	o := &checkOptions{}
	cmd := &cobra.Command{
		Use:   "status [target...]",
		Short: "Show the last recorded verdicts; makes no connection",
		Long: `Reads the history of earlier checks. A verdict that has expired since is shown as
unknown, whatever it was: run check to look again.`,
		Example:           exampleLines("bcctl status", "bcctl status ledger -o json"),
		ValidArgsFunction: a.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error {
			verdict, err := o.verdict()
			if err != nil {
				return err
			}
			report, _, err := a.recorded(cmd, args, &o.selection)
			if err != nil {
				return err
			}
			seen, err := a.render(report, o.output)
			if err != nil {
				return err
			}
			return verdict.verdict(seen)
		},
	}
	judgement := o.judgementFlags()
	sections(cmd, o.selection.flags(), o.output.flags(), judgement)
	cmd.Flags().StringVar(&a.globals.store, "store", "", "history file")
	return cmd
}

// recorded makes a report of the last verdicts, as they must be seen now.
func (a *app) recorded(cmd *cobra.Command, args []string, sel *selection) (check.Report, *repository, error) {
	ctx := cmd.Context()
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return check.Report{}, nil, err
	}
	targets, err := sel.choose(ctx, r, args)
	if err != nil {
		return check.Report{}, r, err
	}
	db, err := a.openStore(ctx, r)
	if err != nil {
		return check.Report{}, r, err
	}
	defer a.closeStore(db)
	var names []string
	for _, t := range targets.targets {
		names = append(names, t.Name())
	}
	for _, g := range targets.groups {
		names = append(names, g.Name())
	}
	report, err := a.lastReport(ctx, db, r, names)
	return report, r, err
}

func (a *app) lastReport(ctx context.Context, db *store.DB, r *repository, names []string) (check.Report, error) {
	judgements, err := db.Latest(ctx, names...)
	if err != nil {
		return check.Report{}, err
	}
	if len(judgements) == 0 {
		return check.Report{}, fail(exitFailed, errors.New("nothing is recorded yet for these targets"), "bcctl check")
	}
	now := a.readerNow(judgements)
	report := check.Report{Schema: check.ReportSchema, Bcctl: version(), FinishedAt: now}
	known := map[string]bool{}
	for _, j := range judgements {
		known[j.Result.Name] = true
		report.Results = append(report.Results, j.Result.At(now))
		if j.Run.FinishedAt.After(report.StartedAt) {
			report.StartedAt, report.Commit, report.RunID, report.Replay = j.Run.FinishedAt, j.Run.Commit, j.Run.ID, j.Run.Replay
		}
	}
	for _, name := range names {
		if !known[name] {
			report.Results = append(report.Results, neverChecked(r, name))
		}
	}
	report.Summarize()
	return report, nil
}

// neverChecked is a target without a record: unknown, not left out.
func neverChecked(r *repository, name string) readiness.Result {
	result := readiness.Result{Name: name, Kind: readiness.KindGroup, Status: readiness.Unknown,
		Reasons: []readiness.Reason{{Code: readiness.NoIndicators, Status: readiness.Unknown, Message: "never checked"}}}
	if res, ok := r.repo.Resource(name); ok {
		result.Kind, result.Platform, result.Tier = readiness.KindResource, res.Spec.Platform, res.Spec.Tier
	}
	return result
}

// watchLine is one result on one line.
func (a *app) watchLine(r readiness.Result) string {
	line := fmt.Sprintf("%-7s %s", r.Status, r.Name)
	if len(r.Reasons) > 0 {
		line += fmt.Sprintf("  %s: %s", r.Reasons[0].Code, r.Reasons[0].Message)
	}
	return line
}
