package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/audit"
)

func newAuditShow(a *app) *cobra.Command {
	var o verifyOptions
	var limit int
	cmd := &cobra.Command{
		Use: "show [run]", Short: "The entries as a timeline a person can read; of one run, or the newest ones",
		Long: `Verifies the log and prints entries in the order of the log. A run is named by the
beginning of its id, as the timeline shows it.`,
		Args:    cobra.MaximumNArgs(1),
		Example: exampleLines("bcctl audit show", "bcctl audit show --limit 100", "bcctl audit show 3f2a9c01"),
		RunE: func(cmd *cobra.Command, args []string) error {
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
			if run != "" && len(entries) == 0 {
				return fail(exitFailed, fmt.Errorf("no run begins with %q", run), "bcctl audit show")
			}
			if run == "" && len(entries) > limit {
				entries = entries[len(entries)-limit:]
			}
			a.printTimeline(entries)
			if report.Result == audit.Tampered {
				return verificationFailed(report)
			}
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 30, "how many of the newest entries, without a run")
	return cmd
}

func (a *app) printTimeline(entries []audit.Recorded) {
	t := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "TIME\tRUN\tWHAT\tTARGET\tBY\tDETAIL")
	for _, e := range entries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Time.UTC().Format(time.RFC3339), e.Run[:8], e.Type, dash(clean(e.System)), dash(clean(actorOf(e.Actor))), dash(clean(detailOf(e.Entry))))
	}
	_ = t.Flush() // the writer's error shows at the next write
}

// clean makes foreign text one harmless line.
func clean(text string) string { return strings.Join(strings.Fields(term.Sanitize(text)), " ") }

func actorOf(x *audit.Actor) string {
	switch {
	case x == nil:
		return ""
	case x.Login != "":
		return x.Login
	default:
		return x.Kind + " " + x.ID
	}
}

// detailOf says in a few words what an entry records.
func detailOf(e audit.Entry) string {
	switch {
	case e.Verdict != nil:
		return strings.TrimSpace(strings.ToUpper(e.Verdict.Status) + " " + strings.Join(e.Reasons, " "))
	case e.Change != nil:
		return fmt.Sprintf("%d commits up to %.12s, %d files, by %s", e.Change.Commits, e.Change.To, int64(len(e.Change.Files))+e.Change.Omitted, strings.Join(e.Change.Authors, ", "))
	case e.Step != nil:
		return fmt.Sprintf("step %d %s: %s %s", e.Step.Index, e.Step.Name, e.Step.Status, e.Step.Code)
	case e.Outcome != "":
		return strings.TrimSpace(string(e.Outcome) + " " + strings.Join(e.Reasons, " "))
	case e.Trust != nil:
		return fmt.Sprintf("version %d of the keys", e.Trust.Version)
	case e.BreakGlass != nil:
		return e.BreakGlass.Code + ": " + e.BreakGlass.Reason
	case e.Request != nil:
		return e.Request.Reason
	default:
		return strings.Join(e.Reasons, " ")
	}
}

func newAuditExport(a *app) *cobra.Command {
	var o verifyOptions
	var filter audit.Filter
	var format, since, until string
	var unverified bool
	cmd := &cobra.Command{
		Use: "export", Short: "Entries as CSV or JSON, with what proves that the selection is whole", Args: noArgs,
		Long: `Verifies the log, then writes the entries that were asked for in the order of the log.
The same log and the same filters give the same bytes. The header says how many entries
there are in all and how many match, so that a selection is seen to be one.
CSV is safe to open in a spreadsheet: no cell begins a formula.`,
		Example: exampleLines("bcctl audit export --format csv --since 2026-01-01 --until 2026-04-01 > q1.csv", "bcctl audit export --format json --target payments --kind check.result"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if filter.Since, err = dateOf("since", since); err != nil {
				return err
			}
			if filter.Until, err = dateOf("until", until); err != nil {
				return err
			}
			export := audit.NewExport(filter)
			report, err := a.verifyLog(cmd, o, export.Add)
			if err != nil {
				return err
			}
			if report.Result == audit.Tampered && !unverified {
				return verificationFailed(report)
			}
			switch format {
			case "json":
				return export.JSON(a.Stdout, report)
			case "csv":
				return export.CSV(a.Stdout, report)
			default:
				return usage(fmt.Errorf("format %q is not known", format), "bcctl audit export --format csv")
			}
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&format, "format", "csv", "csv or json")
	f.StringVar(&since, "since", "", "from this time on, inclusive: 2026-01-31 or 2026-01-31T12:00:00Z, UTC")
	f.StringVar(&until, "until", "", "up to this time, exclusive")
	f.StringVar(&filter.Target, "target", "", "resource or group")
	f.StringVar(&filter.Actor, "actor", "", "number or login of who did it")
	f.StringVar(&filter.Kind, "kind", "", "type of entry, such as check.result")
	f.StringVar(&filter.Run, "run", "", "beginning of the id of a run")
	f.BoolVar(&unverified, "unverified", false, "write entries of a log that does not verify, each row marked so")
	return cmd
}

// dateOf reads a time of a flag; the zero time when it is empty.
func dateOf(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage(fmt.Errorf("--%s: %q is no time", flag, text), "write 2026-01-31 or 2026-01-31T12:00:00Z")
}
