package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/pkg/audit"
)

func newAuditShow(a *app) *cobra.Command {
	o := verifyOptions{maxAge: -1}
	var limit int
	cmd := &cobra.Command{
		Use: "show [run]", Short: "The entries as a timeline a person can read; of one run in full, or the newest ones",
		Long: `Verifies the log and prints entries run by run, with times since the run began, by its
writer's clock. A run is named by the beginning of its id, as the timeline shows it; then
everything its entries say is printed.`,
		Args:    cobra.MaximumNArgs(1),
		Example: exampleLines("bcctl audit show", "bcctl audit show --limit 100", "bcctl audit show 3f2a9c01"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usage(fmt.Errorf("--limit %d is no number of entries", limit), "bcctl audit show --limit 30")
			}
			run := ""
			if len(args) > 0 {
				run = args[0]
			}
			var entries []audit.Recorded
			report, err := a.verifyLog(cmd, o, func(e audit.Recorded) error {
				if e.Type == audit.SegmentOpen || !strings.HasPrefix(e.Run, run) {
					return nil
				}
				entries = append(entries, e)
				if run == "" && len(entries) > 2*limit {
					entries = append(entries[:0], entries[len(entries)-limit:]...)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if run == "" && len(entries) > limit {
				entries = entries[len(entries)-limit:]
			}
			if len(entries) > 0 {
				timeline{a.Stdout, run != ""}.print(entries)
			}
			switch {
			case report.Result == audit.Tampered:
				return verificationFailed(report)
			case run != "" && len(entries) == 0:
				return fail(exitFailed, fmt.Errorf("no run begins with %q", run), "bcctl audit show")
			case report.Result != audit.Verified:
				f := report.Findings[0]
				a.remark("audit: %s (%s) at %s: %s", f.Rule, report.Result, f.Place(), f.Message)
			}
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 30, "how many of the newest entries, without a run")
	return cmd
}
