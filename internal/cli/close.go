package cli

import (
	"cmp"
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
	return &cobra.Command{
		Use:   "close [request]",
		Short: "Show that what a run moved is protected again; without a request, list what is not",
		Long: `A run that has changed the roles of a resource leaves it PROTECTION_NOT_RESTORED, which
bcctl check shows in red until two things are shown: redundancy, which this command looks
at now (none of the resources may be red or unknown), and a restorable backup of the
server that writes now. bcctl cannot see that one: a person of the roster says at a
terminal which backup was restored where and what it had, and what is typed is signed
with the key under operator.key. It goes to the audit log and to the ledger (SI-37).`,
		Example: exampleLines("bcctl close", "bcctl close 2026-001-ledger"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			return a.close(ctx, cmd.Flags(), strings.Join(args, ""))
		},
	}
}

// closing is the end of PROTECTION_NOT_RESTORED after a request.
type closing struct {
	a       *app
	r       *repository
	request string
	run     ledger.Record // the newest that left something
	number  int           // of this closing of the request, from 1
	moved   []string      // resources
	closes  []string      // names of the records that left them so
}

func (a *app) close(ctx context.Context, flags *pflag.FlagSet, what string) error {
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
	c := closing{a: a, r: r, request: strings.TrimSuffix(what[strings.LastIndexByte(what, '/')+1:], ".yaml"), number: 1}
	for _, resource := range slices.Sorted(maps.Keys(open)) {
		c.take(resource, open[resource])
	}
	for _, other := range all {
		if other.Kind == ledger.Restored && other.Request == c.request {
			c.number = max(c.number, other.Attempt+1)
		}
	}
	switch {
	case len(c.moved) == 0:
		return fail(exitFailed, fmt.Errorf("the ledger has nothing that %q has left without protection: it moved nothing, it has not ended, or it is closed", c.request), "bcctl close")
	case !a.typedBy():
		return usage(errors.New("a request is closed by a person at a terminal; standard input is none (CONF-08)"), "")
	}
	results, err := c.redundant(ctx)
	if err != nil {
		return err
	}
	for _, result := range results {
		fmt.Fprintln(a.Stderr, term.Sanitize(verdictLine(result)))
	}
	return c.closed(ctx)
}

// take adds a resource with all that left it without protection, if this request did.
func (c *closing) take(resource string, left []ledger.Record) {
	at := slices.IndexFunc(left, func(r ledger.Record) bool { return r.Request == c.request })
	if at < 0 {
		return
	}
	c.moved = append(c.moved, resource)
	for i, r := range left {
		if name, err := r.Name(); err == nil && !slices.Contains(c.closes, name) {
			c.closes = append(c.closes, name)
		}
		if i >= at && r.Request == c.request && !r.At.Before(c.run.At) {
			c.run = r
		}
	}
}

func (a *app) listUnprotected(open map[string][]ledger.Record) error {
	for _, name := range slices.Sorted(maps.Keys(open)) {
		run := open[name][len(open[name])-1]
		fmt.Fprintf(a.Stdout, "%s  %s since %s. Next: bcctl close %s\n", term.Sanitize(name), readiness.ProtectionNotRestored, run.At.UTC().Format(time.RFC3339), term.Sanitize(run.Request))
	}
	if len(open) == 0 {
		fmt.Fprintln(a.Stdout, "nothing that a run has moved is without protection")
	}
	return nil
}

// loadOnly lets a check see the runs before it and leave nothing behind.
type loadOnly struct{ check.Store }

func (loadOnly) Save(context.Context, check.Report, map[string]check.Memory) error { return nil }

// redundant looks at the resources now, as bcctl check does. Any that is red or unknown is
// an error. One that the repository does not have any more has no redundancy to show.
func (c *closing) redundant(ctx context.Context) ([]readiness.Result, error) {
	sweep := check.Sweep{Repo: c.r.repo, Rules: c.r.rules, Commit: c.r.commit}
	for _, name := range c.moved {
		if res, ok := c.r.repo.Resource(name); ok {
			sweep.Targets = append(sweep.Targets, res)
			continue
		}
		c.a.remark("%s is no resource of this repository any more: nothing is looked at there", term.Sanitize(name))
	}
	runner := c.a.checkRunner(c.r)
	defer func() { _ = runner.Close() }() // goodbyes that fail change nothing
	if c.a.globals.store != "none" {
		db, err := c.a.openStore(ctx, c.r)
		if err != nil {
			return nil, fail(exitFailed, fmt.Errorf("what earlier checks saw is not known: %w", err), "bcctl check")
		}
		defer func() { _ = db.Close() }() // it was only read
		runner.Store = loadOnly{db}
	}
	report, err := runner.Run(ctx, sweep)
	if err != nil {
		return nil, err
	}
	var bad []string
	first := ""
	for _, result := range report.Results {
		if result.Status != readiness.Green && result.Status != readiness.Yellow {
			bad, first = append(bad, verdictLine(result)), cmp.Or(first, result.Name)
		}
	}
	if len(bad) > 0 {
		return nil, fail(exitRefused, fmt.Errorf("%s: redundancy is not there: %s", readiness.ProtectionNotRestored, term.Sanitize(strings.Join(bad, "; "))), "bcctl explain "+first+" --live")
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

// closed lets a person say which backup was restored, looks again, and records both.
func (c *closing) closed(ctx context.Context) error {
	a := c.a
	no := func(err error) error { return fail(exitNotApproved, fmt.Errorf("nothing was closed: %w", err), "") }
	who, err := a.signatory(ctx, c.r)
	switch {
	case errors.Is(err, errNobody):
		return no(err)
	case err != nil:
		return err
	case !slices.ContainsFunc(who.Roles, func(r approval.Role) bool { return r != approval.Viewer }):
		return no(fmt.Errorf("%s may only look", who.ID))
	}
	book, err := a.book(ctx, c.r.dir, c.r.settings, true)
	if err != nil {
		return err
	}
	term.Discard(a.Stdin) // what was typed during the look is no answer
	fmt.Fprintf(a.Stderr, "\nWhich backup of the server that writes now was restored where, and what had it? It is signed as %s and recorded; an empty line ends this.\n> ", who.ID)
	backup, err := a.readLine(ctx)
	if backup = strings.TrimSpace(backup); err != nil || backup == "" {
		return no(errors.New("nothing was said about a backup"))
	}
	typed, err := signTyped(who.signer, approval.TypedStatement{At: a.Now().UTC().Truncate(time.Second), Line: "/bcctl close " + c.request + " " + backup, Person: who.ID}, approval.NamespaceConfirm)
	if err != nil {
		return err
	}
	results, err := c.redundant(ctx) // typing may have taken any time
	if err != nil {
		return err
	}
	record := ledger.Record{Kind: ledger.Restored, Request: c.request, Digest: c.run.Digest, Run: c.run.Run, Attempt: c.number, Moved: c.moved, Closes: c.closes, Persons: []string{who.ID}, Reason: backup, At: a.Now()}
	name, data, err := record.Encode()
	if err != nil {
		return err
	}
	by := personActor(who.roster, who.ID, a.actor())
	said := &audit.Resolution{By: who.ID, Reason: backup, Signature: string(typed.Signature), Statement: string(typed.Statement)}
	entries := logbook.Verdicts(check.Report{Commit: c.r.commit, Results: c.lookedAt(results)}, by)
	for i := range entries {
		e := &entries[i]
		e.Type, e.Action, e.Resolution = audit.ProtectionRestored, "close", said
		e.Request = &audit.Request{Digest: strings.TrimPrefix(c.run.Digest, "sha256:")}
		e.Evidence = []audit.Evidence{{Name: "ledger/" + name, SHA256: audit.SHA256(data)}}
	}
	// The log first: an end that only the ledger has would not be found by who verifies.
	switch err := book.Record(ctx, entries...); {
	case errors.Is(err, logbook.ErrUnsealed):
		a.remark("audit: %v", err)
	case err != nil:
		return auditFailure(err)
	}
	if err := a.ledgerStore(c.r).Add(ctx, record); errors.Is(err, ledger.ErrExists) {
		return fail(exitFailed, fmt.Errorf("somebody else has closed %s at the same time; what you said is in the log as well", c.request), "bcctl close")
	} else if err != nil {
		return fail(exitNoAnswer, fmt.Errorf("what you said is in the log, and the ledger did not take it: it stays %s: %w", readiness.ProtectionNotRestored, err), "bcctl close "+c.request)
	}
	_, err = fmt.Fprintf(a.Stdout, "closed: %s, by %s\n", term.Sanitize(c.request), who.ID)
	return err
}

// lookedAt are results, with one for each resource that could not be looked at because the
// repository does not have it any more: the log says that it was closed all the same.
func (c *closing) lookedAt(results []readiness.Result) []readiness.Result {
	for _, name := range c.moved {
		if !slices.ContainsFunc(results, func(r readiness.Result) bool { return r.Name == name }) {
			results = append(results, readiness.Result{Name: name, Kind: readiness.KindResource, Status: readiness.Unknown, Reasons: []readiness.Reason{{Code: readiness.VisCollector, Status: readiness.Unknown}}})
		}
	}
	return results
}
