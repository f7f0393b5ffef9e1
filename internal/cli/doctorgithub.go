package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
)

// executeEnvironment is the environment whose secrets execution needs, as `bcctl init`
// writes it.
const executeEnvironment = "bcctl-execute"

// doctorGitHub looks at GitHub: credentials, permissions, rules of branches, the
// environment and workflows. What this credential cannot see is said, and is neither
// fine nor wrong.
func (a *app) doctorGitHub(ctx context.Context, cmd *cobra.Command) error {
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return err
	}
	c, err := a.forge(ctx, r.settings)
	if err != nil {
		return err
	}
	defer c.Close()
	probes, err := c.Probe(ctx, a.expected(r))
	bad, open := 0, 0
	for _, p := range probes {
		switch name := term.Sanitize(p.Name); {
		case p.Unproven:
			open++
			fmt.Fprintf(a.Stdout, "?     %s: cannot be proved: %s\n", name, term.Sanitize(p.Problem))
		case p.Problem == "":
			fmt.Fprintf(a.Stdout, "ok    %s%s\n", name, prefixed(": ", term.Sanitize(p.Note)))
			continue
		default:
			bad++
			fmt.Fprintf(a.Stdout, "BAD   %s: %s\n", name, term.Sanitize(p.Problem))
			if p.Why != "" {
				fmt.Fprintf(a.Stdout, "      why it matters: %s\n", p.Why)
			}
		}
		if p.Fix != "" {
			fmt.Fprintf(a.Stdout, "      fix: %s\n", term.Sanitize(p.Fix))
		}
	}
	if err != nil {
		return forgeError(err)
	}
	if bad > 0 {
		return fail(exitFailed, fmt.Errorf("%s found", plural(bad, "problem")), "")
	}
	if open > 0 {
		fmt.Fprintf(a.Stdout, "nothing found; %s could not be proved with this credential\n", plural(open, "thing"))
		return nil
	}
	fmt.Fprintln(a.Stdout, "nothing found")
	return nil
}

// expected says what should be set up for this repository.
func (a *app) expected(r *repository) forge.Expected {
	want := forge.Expected{
		Environment: executeEnvironment, LockBranch: "bcctl-lock-doctor",
		Owned:         []string{config.SettingsFile, executeWorkflow},
		WorkflowToken: a.getenv("GITHUB_ACTIONS") == "true" && r.settings.GitHub.AppID == 0,
	}
	if branch, ok := strings.CutPrefix(r.settings.Audit.Ref, "refs/heads/"); ok {
		want.AuditBranch = branch
	}
	for _, roster := range r.repo.Rosters {
		want.Owned = append(want.Owned, roster.Origin.File)
	}
	team := func(slots []approval.Slot) {
		for _, s := range slots {
			if s.Team != nil && !slices.Contains(want.Teams, *s.Team) {
				want.Teams = append(want.Teams, *s.Team)
			}
		}
	}
	for _, p := range r.repo.ApprovalPolicies {
		want.Owned = append(want.Owned, p.Origin.File)
		for _, e := range p.Spec.Entries {
			team(e.Slots)
		}
		for _, b := range p.Spec.BreakGlass {
			team(b.Slots)
		}
	}
	slices.Sort(want.Owned)
	want.Owned = slices.Compact(want.Owned)
	return want
}
