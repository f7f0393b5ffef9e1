package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
)

type approveOptions struct {
	as      string
	dryRun  bool
	offline offlineApproval
}

func newApprove(a *app) *cobra.Command {
	o := &approveOptions{}
	cmd := &cobra.Command{
		Use:   "approve <request>",
		Short: "Show what a request would run, and approve exactly that by a review on GitHub",
		Long: `Shows the request with its digest, asks for the first 12 digits of it, and posts the
review that counts: the digest ties it to these bytes and to no others.

Refuses with the number of the rule when the approval would not count: your own
request, a commit of yours on it, a role you do not hold, a request that cannot
run. The 12 digits are typed at a terminal; they are not read from a flag, a file
or a pipe.`,
		Example: exampleLines("bcctl approve 2026-001-ledger", "bcctl approve '#12' --as business", "bcctl approve 2026-001-ledger --dry-run"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("name one request: its id, its file, or its pull request"), "bcctl approve 2026-001-ledger")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if o.offline.on {
				return a.approveOffline(ctx, cmd, args[0], approval.SlotRole(o.as), o.offline)
			}
			if o.offline != (offlineApproval{valid: o.offline.valid}) {
				return usage(errors.New("--veto, --key, --out, --incident and --snapshot go with --offline"), "bcctl approve --help")
			}
			return a.approve(ctx, cmd, args[0], *o)
		},
	}
	f := pflag.NewFlagSet("safety", pflag.ContinueOnError)
	f.StringVar(&o.as, "as", "", "slot to fill, it or business; needed when you may fill either")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be posted, and post nothing")
	off := pflag.NewFlagSet("offline", pflag.ContinueOnError)
	off.BoolVar(&o.offline.on, "offline", false, "GitHub does not answer: write a signed statement about a request's file")
	off.BoolVar(&o.offline.veto, "veto", false, "object instead")
	off.StringVar(&o.offline.key, "key", "", "your private SSH key; or your public one, and ssh-keygen signs")
	off.StringVar(&o.offline.out, "out", "", "file of the statement; its signature is beside it")
	off.StringVar(&o.offline.incident, "incident", "", "reference of the incident")
	off.StringVar(&o.offline.snapshot, "snapshot", "", "folder of the trust snapshot")
	off.DurationVar(&o.offline.valid, "valid", time.Hour, "how long the statement counts, at most 4h")
	sections(cmd, flagSection{"Safety", f}, flagSection{"Offline", off})
	return cmd
}

func (a *app) approve(ctx context.Context, cmd *cobra.Command, what string, o approveOptions) error {
	if o.as != "" && approval.SlotRole(o.as).Role() == "" {
		return usage(fmt.Errorf("--as %q is neither it nor business", o.as), "")
	}
	if !o.dryRun && !a.typedBy() {
		return usage(errNotTyped, "bcctl approve "+what+" --dry-run shows what it would do")
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
	me, err := c.Myself(ctx)
	if err != nil {
		return forgeError(fmt.Errorf("find out who you are (an App cannot approve, ID-02): %w", err))
	}
	k, err := a.verdicts(r, c).Read(ctx, verdict.Query{Pull: found.Number, Path: found.Path, Mode: approval.ModeReview})
	if err != nil {
		return forgeError(err)
	}
	v := approval.Verify(k.Case)
	role, err := mayApprove(k, v, me, approval.SlotRole(o.as))
	if err != nil {
		return fail(exitNotApproved, err, "bcctl explain "+what)
	}
	line := approval.ApprovalLine(v.Digest, role)
	a.showRequest(k, v)
	if o.dryRun {
		fmt.Fprintf(a.Stdout, "\nwould post an approving review of commit %s with the line\n  %s\n", k.Evidence.Pull.Head.SHA, line)
		return nil
	}
	if err := a.typeDigest(v, role); err != nil {
		return err
	}
	review, err := c.Approve(ctx, found.Number, k.Evidence.Pull.Head.SHA, line)
	if err != nil {
		return forgeError(err)
	}
	fmt.Fprintf(a.Stdout, "review %d posted as %s. Next: bcctl explain %s\n", review.ID, role, v.Request)
	return nil
}

// mayApprove says which slot an approval of this account would fill, or by which rule
// it would not count. It looks before the review is posted, so that nobody believes in
// an approval that is none; what counts is decided anew by whoever runs the request.
func mayApprove(k verdict.Case, v approval.Verdict, me approval.User, as approval.SlotRole) (approval.SlotRole, error) {
	if me.Type != approval.UserTypeUser {
		return "", fmt.Errorf("ID-02: the account %s is a %s, and only people approve", me.Login, me.Type)
	}
	person, ok := personOf(k.Roster.Spec, me.ID)
	if !ok {
		return "", fmt.Errorf("ID-03: the account %s (%d) is on no roster", me.Login, me.ID)
	}
	for _, e := range v.Excluded {
		if e.Person == person.ID {
			return "", fmt.Errorf("ID-04: %s may not approve this request: %s", person.ID, strings.Join(e.Why, ", "))
		}
	}
	if k.Evidence.Pull.Merged != approval.No {
		return "", errors.New("APP-07: the pull request is merged; an approval after that does not count")
	}
	for _, d := range v.Denials {
		if !waiting[d.Rule] {
			return "", fmt.Errorf("%s: this request cannot run: %s", d.Rule, strings.TrimPrefix(d.Subject+": "+d.Message, ": "))
		}
	}
	return chooseRole(person, v, as, k.Now)
}

// waiting are the rules that do not hold because approvals or the merge are missing:
// what an approval is there to change.
var waiting = map[approval.RuleID]bool{"ID-06": true, "PR-04": true, "APP-02": true, "ADM-02": true}

func chooseRole(person approval.Person, v approval.Verdict, as approval.SlotRole, now time.Time) (approval.SlotRole, error) {
	if person.ActiveFrom != nil && now.Before(*person.ActiveFrom) || person.ActiveUntil != nil && !now.Before(*person.ActiveUntil) {
		return "", fmt.Errorf("ID-03: %s is not active now", person.ID)
	}
	var needed, held []approval.SlotRole
	for _, s := range v.Slots {
		if !slices.Contains(needed, s.Role) {
			needed = append(needed, s.Role)
		}
	}
	for _, role := range needed {
		if slices.Contains(person.Roles, role.Role()) {
			held = append(held, role)
		}
	}
	switch {
	case len(held) == 0:
		return "", fmt.Errorf("APP-08: %s holds none of the roles this request needs: %s", person.ID, joinSlots(needed))
	case as != "" && !slices.Contains(held, as):
		return "", fmt.Errorf("APP-08: %s cannot approve as %s; possible: %s", person.ID, as, joinSlots(held))
	case as != "":
		return as, nil
	case len(held) > 1:
		return "", fmt.Errorf("you may approve as %s; say which with --as", joinSlots(held))
	}
	return held[0], nil
}

func joinSlots(roles []approval.SlotRole) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, " or ")
}

// personOf finds the person of an account, by its number (ID-01).
func personOf(roster approval.Roster, account int64) (approval.Person, bool) {
	for _, p := range roster.People {
		for _, a := range p.GitHub {
			if a.ID == account {
				return p, true
			}
		}
	}
	return approval.Person{}, false
}

// showRequest shows what would run. The plan itself is in the pull request and, made
// anew against the servers, in bcctl plan.
func (a *app) showRequest(k verdict.Case, v approval.Verdict) {
	r := k.Request.Spec
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(a.Stdout, "  %-13s %s\n", name, term.Sanitize(value))
		}
	}
	fmt.Fprintf(a.Stdout, "request %s\n", term.Sanitize(v.Request))
	row("does", fmt.Sprintf("%s of %s, so that %s writes (tier %d)", r.Type, r.Target, r.TargetSite, v.Tier))
	var reached []string
	for _, t := range k.Targets {
		reached = append(reached, t.Resource)
	}
	row("reaches", strings.Join(reached, ", "))
	row("reason", r.Reason)
	row("asked by", r.Requester)
	row("ticket", r.Ticket)
	row("window", r.NotBefore.UTC().Format(time.RFC3339)+" to "+r.ExpiresAt.UTC().Format(time.RFC3339))
	row("runbook", r.Runbook)
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		row("parameter", name+" = "+r.Parameters[name])
	}
	row("schedule", r.Schedule)
	if r.ProductionDrill {
		row("accepts", "that a drill reaches production servers")
	}
	if r.MaxLoss != nil {
		row("may lose", r.MaxLoss.String())
	}
	if r.AcceptUnprovenWriter {
		row("accepts", "a node that may still write and could not be fenced")
	}
	for _, x := range r.Accept {
		row("accepts", fmt.Sprintf("%s: %s", x.Code, x.Reason))
	}
	if r.BreakGlass != nil {
		row("break-glass", r.BreakGlass.Incident+": "+r.BreakGlass.Reason)
	}
	row("plan", string(r.Plan))
	row("pins", fmt.Sprintf("%d files, each by its SHA-256", len(r.Pins)))
	row("pull request", k.Evidence.Pull.URL)
	row("digest", string(v.Digest))
	fmt.Fprintf(a.Stdout, "  steps, probes and prechecks: bcctl plan %s\n", term.Sanitize(v.Request))
}

// typeDigest asks for the first twelve digits of the digest. They are typed, never
// taken from a flag, a file or a pipe (CONF-08).
func (a *app) typeDigest(v approval.Verdict, role approval.SlotRole) error {
	want := v.Digest.Short()
	fmt.Fprintf(a.Stderr, "\nTo approve this as %s, type the first 12 digits of the digest: ", role)
	text, err := bufio.NewReader(io.LimitReader(a.Stdin, 256)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read what was typed: %w", err)
	}
	if got := strings.TrimRight(text, "\r\n"); want == "" || got != want {
		return fail(exitNotApproved, errors.New("that is not the digest; nothing was posted"), "bcctl approve "+v.Request)
	}
	return nil
}
