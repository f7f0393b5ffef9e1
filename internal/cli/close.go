package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func newClose(a *app) *cobra.Command {
	var backup string
	cmd := &cobra.Command{
		Use:   "close [request]",
		Short: "Show that what a run moved is protected again; without a request, list what is not",
		Long: `A run that has changed the roles of a resource leaves it PROTECTION_NOT_RESTORED, which
bcctl check shows in red until two things are shown: redundancy, which this command looks
at now (none of the resources may be red or unknown), and a restorable backup of the
server that writes now, which a person says who has restored it somewhere: bcctl cannot
see that. The person is of the roster, is at a terminal, and signs with the key under
operator.key. It goes to the audit log and to the ledger (SI-37).`,
		Example: exampleLines("bcctl close", `bcctl close 2026-001-ledger --backup "base backup of 10:40 restored on stage-3, 1,204,331 orders"`),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if len(args) == 1 && strings.TrimSpace(backup) == "" {
				return usage(errors.New("--backup is needed: which backup was restored where, and what it had"), cmd.CommandPath()+" --help")
			}
			return a.close(ctx, cmd.Flags(), strings.Join(args, ""), backup)
		},
	}
	f := pflag.NewFlagSet("close", pflag.ContinueOnError)
	f.StringVar(&backup, "backup", "", "which backup of the server that writes now was restored where, and what it had; recorded")
	sections(cmd, flagSection{"Close", f})
	return cmd
}

func (a *app) close(ctx context.Context, flags *pflag.FlagSet, what, backup string) error {
	r, err := a.openRepository(ctx, flags)
	if err != nil {
		return err
	}
	ctx, done := a.asApp(ctx, r)
	defer done()
	all, err := a.allRecords(r)(ctx)
	if err != nil {
		return fail(exitNoAnswer, err, "")
	}
	open := ledger.Unprotected(all)
	if what == "" {
		return a.listUnprotected(open)
	}
	id := strings.TrimSuffix(what[strings.LastIndexByte(what, '/')+1:], ".yaml")
	var run ledger.Record
	var names []string
	for _, name := range slices.Sorted(maps.Keys(open)) {
		if open[name].Request == id {
			run, names = open[name], append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return fail(exitFailed, fmt.Errorf("%q has left nothing without protection, or somebody has closed it", id), "bcctl close")
	case !a.typedBy():
		return usage(errors.New("a request is closed by a person at a terminal; standard input is none (CONF-08)"), "")
	}
	results, err := a.redundant(ctx, r, names)
	if err != nil {
		return err
	}
	for _, result := range results {
		fmt.Fprintln(a.Stderr, term.Sanitize(verdictLine(result)))
	}
	return a.closed(ctx, r, run, names, backup)
}

func (a *app) listUnprotected(open map[string]ledger.Record) error {
	for _, name := range slices.Sorted(maps.Keys(open)) {
		run := open[name]
		fmt.Fprintf(a.Stdout, "%s  %s since %s: %s\n", term.Sanitize(name), readiness.ProtectionNotRestored, run.At.UTC().Format(time.RFC3339), term.Sanitize(run.Request))
	}
	if len(open) == 0 {
		fmt.Fprintln(a.Stdout, "nothing that a run has moved is without protection")
	}
	return nil
}

// redundant looks at resources now. Any that is red or unknown is an error.
func (a *app) redundant(ctx context.Context, r *repository, names []string) ([]readiness.Result, error) {
	sweep := check.Sweep{Repo: r.repo, Rules: r.rules, Commit: r.commit}
	for _, name := range names {
		res, ok := r.repo.Resource(name)
		if !ok {
			return nil, fail(exitConfig, fmt.Errorf("the run has moved %s, which is no resource of this repository", term.Sanitize(name)), "git log -- resources")
		}
		sweep.Targets = append(sweep.Targets, res)
	}
	runner := a.checkRunner(r)
	defer func() { _ = runner.Close() }() // goodbyes that fail change nothing
	report, err := runner.Run(ctx, sweep)
	if err != nil {
		return nil, err
	}
	var bad []string
	for _, result := range report.Results {
		if result.Status != readiness.Green && result.Status != readiness.Yellow {
			bad = append(bad, verdictLine(result))
		}
	}
	if len(bad) > 0 {
		return nil, fail(exitRefused, fmt.Errorf("%s: redundancy is not there: %s", readiness.ProtectionNotRestored, term.Sanitize(strings.Join(bad, "; "))), "bcctl explain "+names[0]+" --live")
	}
	return report.Results, nil
}

func verdictLine(r readiness.Result) string {
	line := strings.ToUpper(r.Status.String()) + " " + r.Name
	var codes []string
	for _, reason := range r.Reasons {
		codes = append(codes, string(reason.Code))
	}
	slices.Sort(codes)
	return strings.Join(append([]string{line}, slices.Compact(codes)...), " ")
}

// closed lets a person say that there is a backup, looks again, and records what shows
// that resources are protected.
func (a *app) closed(ctx context.Context, r *repository, run ledger.Record, names []string, backup string) error {
	no := func(err error) error { return fail(exitNotApproved, fmt.Errorf("nothing was closed: %w", err), "") }
	who, err := a.signatory(ctx, r)
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
	fmt.Fprintln(a.Stderr, "backup: "+term.Sanitize(backup))
	line := "/bcctl close " + run.Request
	typed, err := who.types(ctx, a, "say that this backup of the server that writes now was restored", line, approval.NamespaceConfirm)
	switch {
	case errors.Is(err, errNotTheLine):
		return no(err)
	case err != nil:
		return err
	}
	results, err := a.redundant(ctx, r, names) // typing may have taken any time
	if err != nil {
		return err
	}
	record := ledger.Record{Kind: ledger.Restored, Request: run.Request, Digest: run.Digest, Run: run.Run, Moved: names, Persons: []string{who.ID}, Reason: backup, At: a.Now()}
	name, data, err := record.Encode()
	if err != nil {
		return err
	}
	evidence := []audit.Evidence{{Name: "ledger/" + name, SHA256: audit.SHA256(data)}, {Name: "close/" + who.ID, SHA256: audit.SHA256(typed.Statement)}}
	by := personActor(who.roster, who.ID, a.actor())
	var entries []audit.Entry
	for _, v := range logbook.Verdicts(check.Report{Commit: r.commit, Results: results}, by) {
		v.Type, v.Action, v.Request, v.Evidence = audit.ProtectionRestored, "close", &audit.Request{Digest: strings.TrimPrefix(run.Digest, "sha256:")}, evidence
		entries = append(entries, v)
	}
	// The log first: an end that only the ledger has would not be found by who verifies.
	if err := book.Record(ctx, entries...); err != nil && !errors.Is(err, logbook.ErrUnsealed) {
		return auditFailure(err)
	}
	if err := a.ledgerStore(r).Add(ctx, record); errors.Is(err, ledger.ErrExists) {
		return fail(exitFailed, fmt.Errorf("somebody else has closed %s at the same time", run.Request), "bcctl close")
	} else if err != nil {
		return fail(exitNoAnswer, err, "bcctl close "+run.Request)
	}
	_, err = fmt.Fprintf(a.Stdout, "closed: %s, by %s\n", term.Sanitize(run.Request), who.ID)
	return err
}
