package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// namesRequest tells whether an argument can only mean a request: a pull request, or
// a file below requests/.
func namesRequest(what string) bool {
	_, pull := pullNumber(what)
	return pull || strings.HasPrefix(what, "requests/")
}

// isRequest tells whether an argument means a request rather than a target: by its
// form, or because no target has the name and requests are on GitHub.
func (a *app) isRequest(ctx context.Context, cmd *cobra.Command, what string) bool {
	if namesRequest(what) {
		return true
	}
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil || r.settings.GitHub.Repository == "" {
		return false // what is wrong is said by the way that targets take
	}
	if _, ok := r.repo.Request(what); ok {
		return true
	}
	if strings.ContainsAny(what, "*?[") {
		return false
	}
	return knownTarget(r, what) != nil
}

// explainRequest says how far a request's approvals are, and why they are no further.
// The exit code is the verdict (APP-11). What a confirmation must say is checked with
// the confirmation; here it is asked what approvals are worth.
func (a *app) explainRequest(ctx context.Context, cmd *cobra.Command, what, output string) error {
	if output != "" && output != "table" && output != "json" {
		return usage(fmt.Errorf("a request is explained as table or json, not as %q", output), "bcctl explain REQUEST -o json")
	}
	r, err := a.openSettings(ctx, cmd.Flags())
	if err != nil {
		return err
	}
	c, err := a.forge(ctx, r.settings)
	if err != nil {
		return err
	}
	defer c.Close()
	found, err := findPull(ctx, c, what)
	if err != nil {
		return err
	}
	q := verdict.Query{Pull: found.Number, Path: found.Path, Mode: approval.ModeReview}
	reader := a.verdicts(r, c)
	reader.Ledger = a.withJournals(r, reader.Ledger)
	k, v, err := reader.Decide(ctx, q, false)
	if err != nil {
		return forgeError(err)
	}
	view := render.VerdictView{Verdict: v, Pull: k.Evidence.Pull}
	if v.Allowed && k.Repo != nil {
		if why, until := execute.Frozen(k); why != "" {
			view.Frozen = why + "; " + until
		}
	}
	show := render.Verdict
	if output == "json" {
		show = render.VerdictJSON
	}
	if err := show(a.Stdout, view); err != nil {
		return err
	}
	if !v.Allowed {
		return verdictError(exitNotApproved)
	}
	return nil
}

// withJournals adds to what the ledger says of attempts what their journals know, where
// they are on this machine: whether there is anything to go on with. A journal that is
// in use or cannot be read adds nothing.
func (a *app) withJournals(r *repository, read func(context.Context, string, []string) (approval.Ledger, error)) func(context.Context, string, []string) (approval.Ledger, error) {
	return func(ctx context.Context, request string, keys []string) (approval.Ledger, error) {
		l, err := read(ctx, request, keys)
		if err != nil || len(l.Attempts.Items) == 0 {
			return l, err
		}
		dir, err := a.runsDir(r)
		if err != nil {
			return l, nil // no place for journals, so there is none
		}
		run := runOf(l.Attempts.Items[0].Digest)
		if _, err := os.Stat(journal.Path(dir, run)); err != nil {
			return l, nil // it ran elsewhere
		}
		j, err := journal.Open(dir, run, nil)
		if err != nil {
			a.remark("the journal of this request on this machine was not read: %v", err)
			return l, nil
		}
		defer func() { _ = j.Close() }() // it was only read
		if len(j.Torn) > 0 {
			a.remark("the end of the journal was torn by a crash and was cut off (%d bytes that announced nothing yet)", len(j.Torn))
		}
		events, err := j.Events(ctx)
		if err != nil {
			return l, err
		}
		state, err := runbook.Fold(events)
		if err != nil {
			a.remark("the journal of this request on this machine was not understood: %v", err)
			return l, nil
		}
		execute.Known(&l, state)
		return l, nil
	}
}

// runOf is the id of the run of a request.
func runOf(digest runbook.Digest) string {
	hex := strings.TrimPrefix(string(digest), "sha256:")
	return hex[:min(32, len(hex))]
}

var errNotTyped = errors.New("an approval is typed by a person at a terminal; standard input is none (CONF-08)")
