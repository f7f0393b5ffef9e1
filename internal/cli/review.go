package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
)

func newReview(a *app) *cobra.Command {
	var result string
	cmd := &cobra.Command{
		Use:   "review [request]",
		Short: "Say what came of looking at a use of break-glass; without a request, list the open reviews",
		Long: `A use of break-glass opens a review. It is done by a person of the roster who neither
asked for the emergency nor ran it, at a terminal, with the key under operator.key, and
goes to the ledger and to the audit log. While a review is overdue who asked gets no
other emergency (BG-04).`,
		Example: exampleLines("bcctl review", `bcctl review 2026-001-ledger --result "INC-7: the site had no power; two people would have been reachable"`),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if len(args) == 1 && strings.TrimSpace(result) == "" {
				return usage(errors.New("--result is needed: it is what the review found"), cmd.CommandPath()+" --help")
			}
			return a.review(ctx, cmd.Flags(), strings.Join(args, ""), result)
		},
	}
	f := pflag.NewFlagSet("review", pflag.ContinueOnError)
	f.StringVar(&result, "result", "", "what the review found; recorded")
	sections(cmd, flagSection{"Review", f})
	return cmd
}

func (a *app) review(ctx context.Context, flags *pflag.FlagSet, what, result string) error {
	r, err := a.openSettings(ctx, flags)
	if err != nil {
		return err
	}
	ctx, done := a.asApp(ctx, r)
	defer done()
	store := a.ledgerStore(r)
	records, err := store.All(ctx)
	if err != nil {
		return fail(exitNoAnswer, err, "")
	}
	open := ledger.OpenReviews(records)
	if what == "" {
		for _, e := range open {
			late := ""
			if e.Due.Before(a.Now()) {
				late = "  OVERDUE"
			}
			fmt.Fprintf(a.Stdout, "%s  %s  asked by %s, due %s%s\n", term.Sanitize(e.Request), term.Sanitize(e.Reason), term.Sanitize(strings.Join(e.Persons, ", ")), e.Due.Format(time.RFC3339), late)
		}
		if len(open) == 0 {
			fmt.Fprintln(a.Stdout, "no review of break-glass is open")
		}
		return nil
	}
	id := strings.TrimSuffix(what[strings.LastIndexByte(what, '/')+1:], ".yaml")
	i := slices.IndexFunc(open, func(e ledger.Record) bool { return e.Request == id })
	switch {
	case i < 0:
		return fail(exitFailed, fmt.Errorf("no review of %q is open", id), "bcctl review")
	case !a.typedBy():
		return usage(errors.New("a review is done by a person at a terminal; standard input is none (CONF-08)"), "")
	}
	return a.reviewed(ctx, r, store, open[i], result)
}

// reviewed records what a person found about a use of break-glass.
func (a *app) reviewed(ctx context.Context, r *repository, store ledger.Records, used ledger.Record, result string) error {
	no := func(err error) error { return fail(exitNotApproved, fmt.Errorf("nothing was recorded: %w", err), "") }
	person, err := a.signatory(ctx, r)
	switch {
	case errors.Is(err, errNobody):
		return no(err)
	case err != nil:
		return err
	}
	book, err := a.book(ctx, r.dir, r.settings, true)
	if err != nil {
		return err
	}
	past, _, err := a.past(ctx, book)
	if err != nil {
		return auditFailure(err)
	}
	invoked, ok := past.Emergencies[strings.TrimPrefix(used.Digest, "sha256:")]
	switch account := personActor(person.roster, person.ID, a.actor()).ID; {
	case !ok:
		return fail(exitAudit, errors.New("the audit log has no use of break-glass by this request"), "bcctl audit recover, on the machine that ran it")
	case slices.Contains(used.Persons, person.ID):
		return no(fmt.Errorf("%s asked for it; somebody else reviews it (BG-04)", person.ID))
	case invoked.Actor.ID == account:
		return no(fmt.Errorf("%s ran it; somebody else reviews it (BG-04)", person.ID))
	}
	line := "/bcctl review " + used.Request + " " + used.Reason
	fmt.Fprintln(a.Stderr, term.Sanitize(result))
	typed, err := person.types(ctx, a, "record this as the review", line, approval.NamespaceConfirm)
	switch {
	case errors.Is(err, errNotTheLine):
		return no(err)
	case err != nil:
		return err
	}
	of, err := audit.OfRun(invoked.Entry)
	if err != nil {
		return err
	}
	record := ledger.Record{Kind: ledger.Reviewed, Request: used.Request, Digest: used.Digest, Persons: []string{person.ID}, Reason: result, At: a.Now().UTC().Truncate(time.Second)}
	name, data, err := record.Encode()
	if err != nil {
		return err
	}
	by := personActor(person.roster, person.ID, a.actor())
	// The log first: a review that only the ledger has would not be found by who verifies.
	err = book.Record(ctx, audit.Entry{Type: audit.BreakGlassReview, Actor: &by, System: invoked.System, Request: &audit.Request{Digest: strings.TrimPrefix(used.Digest, "sha256:")},
		Evidence: []audit.Evidence{of, {Name: "ledger/" + name, SHA256: audit.SHA256(data)}, {Name: "review/" + person.ID, SHA256: audit.SHA256(typed.Statement)}}})
	if err != nil && !errors.Is(err, logbook.ErrUnsealed) {
		return auditFailure(err)
	}
	if err := store.Add(ctx, record); err != nil && !errors.Is(err, ledger.ErrExists) {
		return fail(exitNoAnswer, err, "bcctl review "+used.Request)
	}
	_, err = fmt.Fprintf(a.Stdout, "reviewed: %s, by %s\n", term.Sanitize(used.Request), person.ID)
	return err
}
