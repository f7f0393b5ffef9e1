package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

func newAuditRecover(a *app) *cobra.Command {
	var from string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "recover", Short: "Bring records that waited on a machine to the log, byte for byte", Args: noArgs,
		Long: `A record that could not reach the remote is kept beside the repository, signed, and
survives a kill. This appends what waits there with the same bytes, and an entry that
names what came late (recovery.import). --from is a folder that another machine kept, such
as the artifact of a CI job; it is left as it is.
Do it within a day: an entry that comes much later than what its writer had seen looks
like one that was back-dated (AUD-20).`,
		Example: exampleLines("bcctl audit recover", "bcctl audit recover --dry-run", "bcctl audit recover --from ./bcctl-audit-spool"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			r, err := a.openSettings(ctx, nil)
			if err != nil {
				return err
			}
			b, err := a.book(ctx, r.dir, r.settings, true)
			if err != nil {
				return err
			}
			ctx, done := a.asApp(ctx, r)
			defer done()
			return a.recoverRecords(ctx, b, from, dryRun)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "folder that another machine kept (default the spool of this repository)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "list what waits and append nothing")
	return cmd
}

func (a *app) recoverRecords(ctx context.Context, b *logbook.Book, from string, dryRun bool) error {
	log, ok := b.Store.(*gitlog.Log)
	if !ok {
		return fail(exitFailed, errors.New("the log is in a directory: nothing waits"), "")
	}
	if from != "" {
		from = a.path(from)
	}
	if dryRun {
		ids, err := log.Waiting(from)
		if err != nil {
			return fail(exitFailed, err, "")
		}
		for _, id := range ids {
			fmt.Fprintf(a.Stdout, "would append %s\n", id)
		}
		_, err = fmt.Fprintf(a.Stdout, "dry run: %s\n", verb(len(ids), "segment waits", "segments wait"))
		return err
	}
	n, err := b.Recover(ctx, from, a.actor())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(exitFailed, err, "bcctl audit recover --from FOLDER")
	case errors.Is(err, logbook.ErrUnsealed):
		a.remark("audit: %v", err)
	case errors.Is(err, gitlog.ErrDamaged):
		return fail(exitFailed, err, "keep the file as evidence elsewhere, then bcctl audit recover")
	case err != nil:
		return fail(exitNoAnswer, err, "bcctl audit recover, once the remote is back")
	}
	_, err = fmt.Fprintf(a.Stdout, "%s brought to the log\n", plural(n, "segment"))
	return err
}
