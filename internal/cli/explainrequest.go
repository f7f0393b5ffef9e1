package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
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
	k, v, err := a.verdicts(r, c).Decide(ctx, q, false)
	if err != nil {
		return forgeError(err)
	}
	view := render.VerdictView{Verdict: v, Pull: k.Evidence.Pull}
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

var errNotTyped = errors.New("an approval is typed by a person at a terminal; standard input is none (CONF-08)")
