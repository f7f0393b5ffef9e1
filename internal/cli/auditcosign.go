package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/audit"
)

func newAuditCosign(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: "cosign FILE", Short: "Keep what witnesses signed under the newest checkpoint", Args: cobra.ExactArgs(1),
		Long: `A witness takes a checkpoint (bcctl audit checkpoint prints it), makes sure that it goes
on from what it saw before, and answers with a signature line (C2SP tlog-cosignature). This
checks the lines of witnesses that the keys of the log name, and keeps each under the
newest checkpoint, once. FILE has the lines alone or the whole checkpoint with them; - is
standard input. bcctl asks no witness by itself.`,
		Example: exampleLines("bcctl audit checkpoint > checkpoint.note", "bcctl audit cosign answer.note", "bcctl audit cosign answer.note --dry-run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			read := func() ([]byte, error) { return os.ReadFile(a.path(args[0])) }
			if args[0] == "-" {
				read = func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.Stdin, 1<<20)) }
			}
			answer, err := read()
			if err != nil {
				return fail(exitFailed, fmt.Errorf("read cosignatures: %w", err), "")
			}
			b, ctx, done, err := a.openLog(ctx)
			if err != nil {
				return err
			}
			defer done()
			return a.cosign(ctx, b, answer, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check the lines and keep nothing")
	return cmd
}

func (a *app) cosign(ctx context.Context, b *logbook.Book, answer []byte, dryRun bool) error {
	pin, err := logbook.ReadPin(b.PinFile)
	if err != nil {
		return err
	}
	archive, done, err := snapshotOf(ctx, b.Store)
	if err != nil {
		return auditFailure(err)
	}
	defer func() { _ = done() }() // it was read to the end, or failed
	report, err := audit.Verify(ctx, archive, audit.Options{Now: a.Now(), Pin: pin, MaxAge: -1})
	if err != nil {
		return err
	}
	if err := tampered(report); err != nil {
		return err
	}
	witnesses, checkpoint, err := audit.WitnessesOf(ctx, archive, report)
	if err != nil {
		return fail(exitFailed, err, "bcctl audit trust propose --witness NAME+HASH+KEY --out proposal.json")
	}
	lines, err := witnesses.Cosignatures(checkpoint, answer)
	if err != nil {
		return fail(exitFailed, err, "bcctl audit checkpoint, and ask the witness once more")
	}
	if len(lines) == 0 {
		return fail(exitFailed, errors.New("no line is by a witness that the keys of the log name"), "bcctl audit trust show")
	}
	for _, c := range lines {
		word := "kept"
		if dryRun {
			word = "would keep"
		} else if err := b.Store.AddCosignature(ctx, report.Head.Size, c); errors.Is(err, audit.ErrExists) {
			word = "there already"
		} else if err != nil {
			return auditFailure(err)
		}
		fmt.Fprintf(a.Stdout, "%s: %s, %d leaves at %s\n", word, c.Name, report.Head.Size, c.At.Format(time.RFC3339))
	}
	return nil
}
