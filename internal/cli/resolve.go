package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

func newResolve(a *app) *cobra.Command {
	o := resolveOptions{}
	cmd := &cobra.Command{
		Use:   "resolve <request> done|not-done",
		Short: "Say what became of a step that nobody can tell about, so that its run can go on",
		Long: `A step is in doubt when its answer was lost and its probe cannot tell either. Look at
the server yourself, then say whether the effect holds (of a step that was being taken
back: whether that is done). You type the line that names the request, the step and the
answer, and your key under operator.key signs it with the reason. It takes the role
operator in the roster of the default branch.

The journal and the audit log keep what you signed. bcctl execute goes on from there, on
any machine, and checks signature and role once more: an answer that nobody signed, or
that was changed, counts for nothing and the step is in doubt again.

With --offline, of a run that goes on without GitHub, the roster of the trust snapshot
says who may.`,
		Example: exampleLines(`bcctl resolve 2026-001-ledger done --step ledger/promote --reason "pg_controldata says: in production"`, `bcctl resolve 2026-001-ledger not-done --step ledger/promote --reason "pg_controldata says: in archive recovery" --offline --snapshot trust`),
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if args[1] != "done" && args[1] != "not-done" {
				return usage(fmt.Errorf("a step is done or not-done, not %q", args[1]), cmd.CommandPath()+" --help")
			}
			if o.step == "" || strings.TrimSpace(o.reason) == "" {
				return usage(errors.New("--step and --reason are needed"), cmd.CommandPath()+" --help")
			}
			if len(o.reason) > maxReason || term.Sanitize(o.reason) != o.reason {
				return usage(fmt.Errorf("--reason is one line of at most %d bytes: it is signed and recorded as it stands", maxReason), "")
			}
			if err := o.signed.check(cmd); err != nil {
				return err
			}
			o.done = args[1] == "done"
			return a.resolve(ctx, cmd, args[0], o)
		},
	}
	f := pflag.NewFlagSet("step", pflag.ContinueOnError)
	f.StringVar(&o.step, "step", "", "RESOURCE/STEP, as the run said it")
	f.StringVar(&o.reason, "reason", "", "what you looked at; recorded, and shown to whoever reads the audit log")
	without := pflag.NewFlagSet("offline", pflag.ContinueOnError)
	without.BoolVar(&o.signed.on, "offline", false, "of a run without GitHub, on the host that runs it")
	without.StringVar(&o.signed.snapshot, "snapshot", "", "folder of the trust snapshot, whose roster says who may")
	sections(cmd, flagSection{"Step", f}, flagSection{"Without GitHub", without})
	return cmd
}

type resolveOptions struct {
	step, reason string
	done         bool
	signed       signedOptions
}

// maxReason is far below what a line of the journal takes.
const maxReason = 1000

func (a *app) resolve(ctx context.Context, cmd *cobra.Command, what string, o resolveOptions) error {
	if !a.typedBy() {
		return usage(errors.New("a step is settled by a person at a terminal; standard input is none (CONF-08)"), "")
	}
	x, release, err := a.resolving(ctx, cmd, what, o.signed)
	if err != nil {
		return err
	}
	defer release()
	if x.forge != nil {
		defer x.forge.Close()
		ctx = signedIn(ctx, x.r, x.forge)
	}
	signer, err := x.operatorKey(ctx)
	if err != nil {
		return fail(exitConfig, err, "")
	}
	roster, err := x.people(ctx)
	if err != nil {
		return err
	}
	person, err := approval.Resolver(roster, ssh.FingerprintSHA256(signer.PublicKey()), a.Now())
	if err != nil {
		return fail(exitNotApproved, fmt.Errorf("nothing was settled: %w", err), "")
	}
	dir, err := a.runsDir(x.r)
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
	copied, err := x.gather(ctx, dir, j)
	if err != nil {
		return err
	}
	id := x.request.Name()
	switch {
	case x.state.Run == "":
		return fail(exitFailed, fmt.Errorf("no run of %s is known", id), "bcctl explain "+id)
	case x.brought:
		return fail(exitStopped, fmt.Errorf("the run of %s is at work elsewhere, or was lost there", id), x.again+" asks the servers first")
	}
	if _, err := x.answers(ctx, j); err != nil { // one that does not count is in nobody's way
		return err
	}
	if x.state.Doubt() != nil { // else Resolve says what there is
		if err := x.makePlan(ctx, dir); err != nil {
			return err
		}
	}
	member, step, ok := strings.Cut(o.step, "/")
	if !ok {
		member, step = "", o.step
	}
	said := runbook.Resolution{Member: member, Step: step, Done: o.done, By: person.ID, Reason: o.reason, Sign: func(about runbook.StepRef, after string) (runbook.Said, error) {
		return x.typeResolved(ctx, signer, about, approval.ResolvedStatement{After: after, Person: person.ID, Reason: o.reason}, o.done)
	}}
	if _, err := runbook.Resolve(ctx, j, said, a.Now); err != nil {
		if f := (*failure)(nil); errors.As(err, &f) {
			return err
		}
		return fail(exitFailed, err, "")
	}
	answer := "not-done"
	if o.done {
		answer = "done"
	}
	if err := copied.Put(ctx, nil); err != nil {
		return fail(exitNoAnswer, fmt.Errorf("settled: %s is %s, on this machine only: %w", o.step, answer, err), x.again+" on this machine")
	}
	fmt.Fprintf(a.Stdout, "settled: %s is %s, says %s. Next: %s\n", o.step, answer, person.ID, x.again)
	return nil
}

// resolving finds the run of a request, with what says who may settle a step of it.
func (a *app) resolving(ctx context.Context, cmd *cobra.Command, what string, signed signedOptions) (x *running, release func(), err error) {
	nothing := func() {}
	if signed.on {
		r, req, err := a.offlineRequest(ctx, cmd, what)
		if err != nil {
			return nil, nil, err
		}
		x := &running{a: a, r: r, path: req.Origin.File}
		if err := x.load(); err != nil {
			return nil, nil, err
		}
		_, release, err := x.withoutGitHub(ctx, signed)
		return x, release, err
	}
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return nil, nil, err
	}
	req, err := a.findRequest(r, what)
	if err != nil {
		return nil, nil, err
	}
	x = &running{a: a, r: r, path: req.Origin.File}
	if err := x.load(); err != nil {
		return nil, nil, err
	}
	if r.settings.GitHub.AppID != 0 {
		x.forge, err = a.forge(ctx, r.settings)
	}
	return x, nothing, err
}

// typeResolved lets a person type the line that names the step and the answer, and signs
// it with the reason, for this place of the journal.
func (x *running) typeResolved(ctx context.Context, signer ssh.Signer, about runbook.StepRef, s approval.ResolvedStatement, done bool) (runbook.Said, error) {
	line := approval.ResolveLine(x.request.Name(), x.digest, about, done)
	fmt.Fprintf(x.a.Stderr, "%s/%s is in doubt (%s)\n  reason        %s\n\nTo settle it, as %s, type exactly:\n  %s\n> ", about.Member, about.Step, term.Sanitize(x.state.Step(about.Member, about.Step).Message), term.Sanitize(s.Reason), s.Person, line)
	text, err := x.a.readLine(ctx)
	if err != nil || text != line {
		return runbook.Said{}, fail(exitNotApproved, errors.New("that is not the line; nothing was settled"), "")
	}
	s.Line, s.At = text, x.a.Now().UTC().Truncate(time.Second)
	statement, err := approval.EncodeResolved(s)
	if err != nil {
		return runbook.Said{}, err
	}
	signature, err := signWith(signer, statement, approval.NamespaceResolve)
	return runbook.Said{Statement: string(statement), Signature: string(signature)}, err
}

// people is the roster that says who may: what lies in this checkout anybody who sits here
// could have written.
func (x *running) people(ctx context.Context) (approval.Roster, error) {
	if x.roster != nil {
		return x.roster(ctx)
	}
	return x.a.rosterOfMain(ctx, x.r)
}

// answers returns what persons said of steps of the run since it was last at work. One
// that does not count is disputed first, which puts its step back in doubt.
func (x *running) answers(ctx context.Context, j *journal.File) ([]runbook.Event, error) {
	events, err := j.Events(ctx)
	if err != nil {
		return nil, err
	}
	standing := runbook.Standing(runbook.Answers(events))
	if len(standing) == 0 || x.state.Finished != "" {
		return runbook.Answers(events), nil
	}
	roster, err := x.people(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range standing {
		no := approval.Answered(roster, x.request.Name(), x.digest, e, x.a.Now())
		if no == nil {
			continue
		}
		if x.brought { // which must be known for as long as nobody has asked the servers
			return nil, fail(exitStopped, fmt.Errorf("what %s is said to have answered about %s/%s does not count: %w; the machine that ran it was lost in the middle, so nothing is put right here", e.By, e.Member, e.Step, no), "look at the server and at the journal; an operator whose key counts again makes the answer count again")
		}
		x.a.remark("what %s is said to have answered about %s/%s does not count: %v", e.By, e.Member, e.Step, no)
		if err := runbook.Dispute(ctx, j, e, no.Error(), x.a.Now()); err != nil {
			return nil, fail(exitStopped, err, "look at the journal")
		}
	}
	if events, err = j.Events(ctx); err != nil {
		return nil, err
	}
	x.state, err = runbook.Fold(events)
	return runbook.Answers(events), err
}
