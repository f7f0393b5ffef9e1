package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

func newResolve(a *app) *cobra.Command {
	var step, reason string
	cmd := &cobra.Command{
		Use:   "resolve <request> done|not-done",
		Short: "Say what became of a step that nobody can tell about, so that its run can go on",
		Long: `A step is in doubt when its answer was lost and its probe cannot tell either. Look at
the server yourself, then say whether the effect holds. It takes the role operator in
the roster of the default branch. It is written to the journal with your name and the
reason, and bcctl execute goes on from there, on any machine.`,
		Example: exampleLines(`bcctl resolve 2026-001-ledger done --step ledger/promote --reason "pg_controldata says: in production"`),
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if args[1] != "done" && args[1] != "not-done" {
				return usage(fmt.Errorf("a step is done or not-done, not %q", args[1]), cmd.CommandPath()+" --help")
			}
			if step == "" || strings.TrimSpace(reason) == "" {
				return usage(errors.New("--step and --reason are needed"), cmd.CommandPath()+" --help")
			}
			return a.resolve(ctx, cmd, args[0], step, args[1] == "done", reason)
		},
	}
	f := pflag.NewFlagSet("step", pflag.ContinueOnError)
	f.StringVar(&step, "step", "", "RESOURCE/STEP, as the run said it")
	f.StringVar(&reason, "reason", "", "what you looked at")
	sections(cmd, flagSection{"Step", f})
	return cmd
}

func (a *app) resolve(ctx context.Context, cmd *cobra.Command, what, step string, done bool, reason string) error {
	if !a.typedBy() {
		return usage(errors.New("a step is settled by a person at a terminal; standard input is none (CONF-08)"), "")
	}
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return err
	}
	req, err := a.findRequest(r, what)
	if err != nil {
		return err
	}
	x := &running{a: a, r: r, path: req.Origin.File}
	if err := x.load(); err != nil {
		return err
	}
	signer, err := x.operatorKey(ctx)
	if err != nil {
		return fail(exitConfig, err, "")
	}
	if r.settings.GitHub.AppID != 0 {
		c, err := a.forge(ctx, r.settings)
		if err != nil {
			return err
		}
		defer c.Close()
		ctx = signedIn(ctx, r, c)
	}
	// What lies in this checkout anybody who sits here could have written.
	roster, err := a.rosterOfMain(ctx, r)
	if err != nil {
		return err
	}
	person, err := approval.Resolver(roster, ssh.FingerprintSHA256(signer.PublicKey()), a.Now())
	if err != nil {
		return fail(exitNotApproved, fmt.Errorf("nothing was settled: %w", err), "")
	}
	dir, err := a.runsDir(r)
	if err != nil {
		return err
	}
	j, err := journal.Open(dir, x.run, nil)
	if errors.Is(err, journal.ErrBusy) {
		return fail(exitLocked, err, "")
	}
	if err != nil {
		return fail(exitStopped, err, "")
	}
	defer func() { _ = j.Close() }() // every line is on the disk already
	member, id, ok := strings.Cut(step, "/")
	if !ok {
		member, id = "", step
	}
	copied, err := x.gather(ctx, dir, j)
	if err != nil {
		return err
	}
	switch {
	case x.state.Run == "":
		return fail(exitFailed, fmt.Errorf("no run of %s is known", req.Name()), "bcctl explain "+req.Name())
	case x.brought:
		return fail(exitStopped, fmt.Errorf("the run of %s is at work elsewhere, or was lost there", req.Name()), "bcctl execute "+req.Name()+" asks the servers first")
	case x.state.Doubt() != nil: // else Resolve says what there is
		if err := x.makePlan(ctx, dir); err != nil {
			return err
		}
	}
	said := "not-done"
	if done {
		said = "done"
	}
	line := step + " " + said
	fmt.Fprintf(a.Stderr, "To settle %s of %s as %s, as %s, type exactly:\n  %s\n> ", step, req.Name(), said, person.ID, line)
	text, err := a.readLine(ctx)
	if err != nil || text != line {
		return fail(exitNotApproved, errors.New("that is not it; nothing was settled"), "")
	}
	if _, err := runbook.Resolve(ctx, j, runbook.Resolution{Member: member, Step: id, Done: done, By: person.ID, Reason: reason}, a.Now()); err != nil {
		return fail(exitFailed, err, "")
	}
	if err := copied.Put(ctx, nil); err != nil {
		return fail(exitNoAnswer, fmt.Errorf("settled: %s is %s, on this machine only: %w", step, said, err), "bcctl execute "+req.Name()+" on this machine")
	}
	fmt.Fprintf(a.Stdout, "settled: %s is %s. Next: bcctl execute %s\n", step, said, req.Name())
	return nil
}
