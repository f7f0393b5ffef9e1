package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/config"
)

func newAuditExport(a *app) *cobra.Command {
	o := verifyOptions{maxAge: -1}
	var filter audit.Filter
	var format, since, until string
	var unverified bool
	cmd := &cobra.Command{
		Use: "export", Short: "Entries as CSV or JSON, with what proves that the selection is whole", Args: noArgs,
		Long: `Verifies the log, then writes the entries that were asked for in the order of the log.
The same log and the same filters give the same bytes, however old the newest entry is
by then. The header (of CSV: every row) says how many entries there are in all and how
many match, so that a selection is seen to be one.
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
			if err := checkExport(format, filter); err != nil {
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
			if format == "json" {
				return export.JSON(a.Stdout, report)
			}
			return export.CSV(a.Stdout, report)
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

// checkExport refuses filters that would select nothing whatever the log has.
func checkExport(format string, f audit.Filter) error {
	switch {
	case format != "csv" && format != "json":
		return usage(fmt.Errorf("format %q is not known; write csv or json", format), "bcctl audit export --format csv")
	case !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until):
		return usage(errors.New("--until is not after --since"), "")
	case f.Kind == "" || slices.Contains(audit.Types(), audit.Type(f.Kind)):
		return nil
	}
	var names []string
	for _, t := range audit.Types() {
		names = append(names, string(t))
	}
	message := fmt.Sprintf("no type of entry is %q", f.Kind)
	if near := config.Nearest(f.Kind, names); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return usage(errors.New(message), "one of "+strings.Join(names, ", "))
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
