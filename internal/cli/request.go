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

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/plan"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

func newRequest(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "request",
		Short:   "Ask for a switchover, failover, failback or drill",
		Example: exampleLines("bcctl request new switchover ledger --reason 'power supply in fra'"),
	}
	cmd.AddCommand(newRequestNew(a))
	return cmd
}

// requestOptions are the flags of request new.
type requestOptions struct {
	wishOptions
	reason, ticket, requester string
	schedule                  string
	notBefore, expires        string
	incident, glassReason     string
	base, remote              string
	dryRun, noPush            bool
}

func newRequestNew(a *app) *cobra.Command {
	o := &requestOptions{}
	cmd := &cobra.Command{
		Use:   "new TYPE TARGET",
		Short: "Plan, write one request file, and open the pull request that is the request",
		Long: `Compiles the plan against the servers, writes one file with what is asked for, the
digest of every file the plan was made from and the digest of the plan, commits it on
a branch of its own, pushes the branch and opens a pull request with the plan as its
text. Reviews of it are the approvals. Your work tree is not touched, and nothing is
changed on any server.`,
		Example: exampleLines(
			"bcctl request new switchover ledger --reason 'power supply in fra' --ticket CHG0012345",
			"bcctl request new failover ledger --to ams --max-loss 30s --reason 'fra is lost'",
			"bcctl request new failover ledger --max-loss 30s --reason 'fra is lost' --break-glass INC-7 --break-glass-reason 'business is not reachable'",
			"bcctl request new drill payments --not-before 2026-12-01T09:00:00Z --expires 8h --reason 'quarterly drill' --dry-run",
		),
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completePlan,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			return a.requestNew(ctx, cmd.Flags(), args, o)
		},
	}
	f := pflag.NewFlagSet("request", pflag.ContinueOnError)
	f.StringVar(&o.reason, "reason", "", "why, for the approvers and the auditor (needed)")
	f.StringVar(&o.ticket, "ticket", "", "change ticket")
	f.StringVar(&o.requester, "requester", "", "who asks, by the id of the roster (default: whose e-mail git has)")
	f.StringVar(&o.schedule, "schedule", "", "Schedule document that this is a request of; its owner asks, unless --requester says who does")
	f.StringVar(&o.notBefore, "not-before", "", "when it may start: a time such as 2026-12-01T09:00:00Z, or a length of time from now (default: now)")
	f.StringVar(&o.expires, "expires", "", "when it may not start any more: a time, or a length of time from --not-before (default: 24h, or what the policy allows; with --break-glass at most 1h)")
	f.StringVar(&o.incident, "break-glass", "", "incident reference: ask by the break-glass entry of the policy")
	f.StringVar(&o.glassReason, "break-glass-reason", "", "why the ordinary way will not do")
	p := pflag.NewFlagSet("publish", pflag.ContinueOnError)
	p.StringVar(&o.base, "base", "", "commit or branch to plan from (default: the remote's main branch as known here, else what is checked out)")
	p.StringVar(&o.remote, "remote", "origin", "remote to push the branch to")
	p.BoolVar(&o.noPush, "no-push", false, "make the branch and commit here, and print the commands that publish them")
	p.BoolVar(&o.dryRun, "dry-run", false, "print the file and the text of the pull request; write nothing anywhere")
	sections(cmd, o.wishOptions.flags(), flagSection{"Request", f}, flagSection{"Publish", p}, a.requestWorkFlags())
	return cmd
}

func (a *app) requestWorkFlags() flagSection {
	f := pflag.NewFlagSet("work", pflag.ContinueOnError)
	f.IntVar(&a.globals.planParallel, "parallel", 64, "resources looked at together")
	f.Duration("target-timeout", 10*time.Second, "deadline of one resource, for looking at it and again for its prechecks")
	return flagSection{"Work", f}
}

// newRequestText is a request that was made and is not yet anywhere.
type newRequestText struct {
	id, path string // path from the root of the repository
	base     string // commit it is made from
	file     []byte
	view     render.PlanView
}

func (n newRequestText) branch() string { return "bcctl/request/" + n.id }

func (n newRequestText) title() string {
	return fmt.Sprintf("%s of %s to %s (%s)", n.view.Plan.Type, n.view.Plan.Target, n.view.Plan.To, n.id)
}

func (a *app) requestNew(ctx context.Context, flags *pflag.FlagSet, args []string, o *requestOptions) error {
	w, err := o.wish(args[0], args[1])
	if err != nil {
		return err
	}
	if strings.TrimSpace(o.reason) == "" {
		return usage(errors.New("--reason is needed: approvers and auditors read it"), "bcctl request new --help")
	}
	if (o.incident == "") != (o.glassReason == "") {
		return usage(errors.New("--break-glass and --break-glass-reason go together: the policy asks for an incident, and approvers read why the ordinary way will not do"),
			"bcctl request new "+args[0]+" "+args[1]+" --break-glass INCIDENT --break-glass-reason TEXT --reason TEXT")
	}
	dir, err := a.findRepository()
	if err != nil {
		return err
	}
	if err := atRoot(ctx, dir); err != nil {
		return err
	}
	// The plan is made from a commit, never from files that nobody else has.
	if a.globals.asOf, err = a.requestBase(ctx, dir, o); err != nil {
		return err
	}
	r, err := a.openRepository(ctx, flags)
	if err != nil {
		return err
	}
	if err := knownTarget(r, w.Target); err != nil {
		return err
	}
	by, err := git.Person(ctx, dir)
	if err != nil {
		return err
	}
	if o.schedule != "" {
		if w, err = ofSchedule(r.repo, w, o); err != nil {
			return err
		}
	}
	requester, err := requesterOf(r.repo, o.requester, by)
	if err != nil {
		return err
	}
	if !o.noPush && !o.dryRun && r.settings.GitHub.RepositoryID == 0 {
		return fail(exitConfig, errors.New("github.repository-id is not set, and approvals name it; write it into bcctl.yaml: it is the id in https://api.github.com/repos/OWNER/NAME"), "without GitHub: bcctl request new ... --no-push")
	}
	text, err := a.makeRequest(ctx, r, w, o, requester)
	if err != nil {
		return err
	}
	if len(text.view.Plan.Live.Refusals) > 0 {
		if err := a.showPlan(text.view, nil); err != nil {
			var v verdictError
			if !errors.As(err, &v) {
				return err
			}
		}
		return fail(exitRefused, errors.New("no request was made: nobody could carry it out"), "")
	}
	if o.dryRun {
		return a.printRequest(text)
	}
	return a.publishRequest(ctx, r, text, o, by)
}

// atRoot refuses a configuration in a folder of its Git repository. Whoever decides
// about a request reads the configuration from the root, and a request anywhere but in
// requests/ there is none (PR-03).
func atRoot(ctx context.Context, dir string) error {
	prefix, err := git.Prefix(ctx, dir)
	switch {
	case err != nil:
		return fail(exitConfig, fmt.Errorf("a request is a commit: %w", err), "git init && git add --all && git commit")
	case prefix != "":
		return fail(exitConfig, fmt.Errorf("the configuration is in the folder %s of its Git repository, and requests of it would be refused (PR-03): bcctl.yaml must be at the root", strings.TrimSuffix(prefix, "/")),
			"give the configuration a repository of its own, or move it up: git mv "+prefix+"* . && git commit")
	}
	return nil
}

// requestBase is the commit that a request is made from.
func (a *app) requestBase(ctx context.Context, dir string, o *requestOptions) (string, error) {
	candidates := []string{"refs/remotes/" + o.remote + "/HEAD", "refs/remotes/" + o.remote + "/main", "HEAD"}
	if o.base != "" {
		candidates = []string{o.base}
	}
	var last error
	for _, c := range candidates {
		id, err := git.Resolve(ctx, dir, c)
		if err == nil {
			return id, nil
		}
		last = err
	}
	return "", fail(exitConfig, fmt.Errorf("a request is made from a commit: %w", last), "git add --all && git commit")
}

// requesterOf finds the person who asks on the roster.
func requesterOf(repo *config.Repo, id string, by git.Author) (string, error) {
	roster, ok := repo.Roster()
	if !ok {
		return "", fail(exitConfig, errors.New("the commit that the request is made from has no Roster, so nobody could ask or approve; what is not committed does not count"), "docs/configuration.md shows a roster and an approval policy; then: git add --all && git commit")
	}
	var ids []string
	for _, p := range roster.Spec.People {
		ids = append(ids, p.ID)
		if id != "" && p.ID == id {
			return p.ID, nil
		}
		for _, e := range p.Emails {
			if id == "" && by.Email != "" && strings.EqualFold(e, by.Email) {
				return p.ID, nil
			}
		}
	}
	if id == "" {
		return "", usage(fmt.Errorf("git's user.email %q is nobody's on the roster", by.Email), "bcctl request new ... --requester ID")
	}
	message := fmt.Sprintf("nobody on the roster has the id %q", id)
	if near := config.Nearest(id, ids); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return "", usage(errors.New(message), "")
}

// ofSchedule is a wish as a schedule has it. What the schedule would not ask for is
// refused (SCH-01). Its owner asks, where nobody else is named.
func ofSchedule(repo *config.Repo, w runbook.Wish, o *requestOptions) (runbook.Wish, error) {
	s, ok := repo.Schedule(o.schedule)
	if !ok {
		var names []string
		for _, s := range repo.Schedules {
			names = append(names, s.Name())
		}
		message := fmt.Sprintf("there is no schedule %q", o.schedule)
		if near := config.Nearest(o.schedule, names); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		return w, usage(errors.New(message), "")
	}
	switch {
	case s.Spec.Type != w.Type || !slices.Contains(s.Spec.Targets, w.Target):
		return w, usage(fmt.Errorf("the schedule %s asks for a %s of %s (SCH-01)", s.Name(), s.Spec.Type, strings.Join(s.Spec.Targets, " or ")), "")
	case s.Spec.TargetSite != "" && w.To != "" && s.Spec.TargetSite != w.To:
		return w, usage(fmt.Errorf("the schedule %s leads to %s (SCH-01)", s.Name(), s.Spec.TargetSite), "")
	case o.incident != "" || w.ProductionDrill:
		return w, usage(errors.New("a schedule uses no break-glass and reaches no production in a drill (SCH-01)"), "")
	}
	w.Schedule = s.Name()
	w.To = cmp.Or(w.To, s.Spec.TargetSite)
	o.requester = cmp.Or(o.requester, s.Spec.Owner)
	given := w.Parameters
	if len(s.Spec.Parameters) > 0 {
		w.Parameters = maps.Clone(s.Spec.Parameters)
		maps.Copy(w.Parameters, given)
	}
	return w, nil
}

func (a *app) makeRequest(ctx context.Context, r *repository, w runbook.Wish, o *requestOptions, requester string) (newRequestText, error) {
	now := a.Now().UTC().Truncate(time.Second)
	w.Request = plan.NewID(now, w.Target, w.Type)
	by := plan.By{Person: requester, Emergency: o.incident != ""}
	p, err := a.makePlan(ctx, r, w, by)
	if err != nil {
		return newRequestText{}, err
	}
	if strings.Contains(p.To, ",") {
		return newRequestText{}, usage(fmt.Errorf("the members of %s would write at different sites: %s; a request names one", w.Target, p.To), "bcctl request new ... --to SITE")
	}
	ask := plan.Ask{Reason: o.reason, Requester: requester, Ticket: o.ticket}
	// Without exactly one entry the plan has said so already, and is refused.
	demand, _ := plan.DemandOf(r.repo, p, o.incident != "")
	if o.incident != "" {
		ask.BreakGlass = &runbook.BreakGlass{Incident: o.incident, Reason: o.glassReason}
		if why := demand.Incident(*ask.BreakGlass); why != "" {
			return newRequestText{}, usage(fmt.Errorf("--break-glass %q: %s (BG-01)", o.incident, why), "")
		}
	}
	if err := checkTicket(demand, o.ticket); err != nil {
		return newRequestText{}, err
	}
	if ask.NotBefore, ask.ExpiresAt, err = startWindow(now, o.notBefore, o.expires, demand); err != nil {
		return newRequestText{}, err
	}
	by.From, by.Until = ask.NotBefore, ask.ExpiresAt
	plan.Freeze(&p, r.repo, by)
	if at, holding, free := r.repo.Thawed(later(now, ask.NotBefore), ask.ExpiresAt, p.Type, r.repo.Reached(p.Target)); !by.Emergency && len(holding) > 0 {
		switch {
		case free:
			a.remark("it may not begin before %s (SI-33): %s", at.UTC().Format(time.RFC3339), holding[0])
		default:
			next := "let it begin later: --not-before " + at.UTC().Format(time.RFC3339)
			if holding[0].Until.IsZero() {
				next = "change the calendar, by review"
			}
			p.Live.Refusals = append(p.Live.Refusals, runbook.Refusal{Rule: "SI-33", Resource: holding[0].Resource, Next: next,
				Message: fmt.Sprintf("nothing may begin while the request could, up to %s: %s", ask.ExpiresAt.UTC().Format(time.RFC3339), holding[0])})
		}
	}
	req := plan.Request(p, w, ask)
	file, err := plan.Marshal(w.Request, req)
	if err != nil {
		return newRequestText{}, err
	}
	text := newRequestText{id: w.Request, path: plan.RequestPath(w.Request), base: r.commit, file: file, view: a.planView(p)}
	text.view.Request, text.view.Refused = &req, plan.Refused(p) // a freeze ends while the request waits
	if id := r.settings.GitHub.RepositoryID; id != 0 {
		text.view.Digest = runbook.RequestDigest(id, text.path, file)
	}
	return text, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// checkTicket holds the ticket against what will be asked of it when the request is
// verified.
func checkTicket(d approval.Demand, ticket string) error {
	switch why := d.Ticket(ticket); {
	case why == "":
		return nil
	case ticket == "":
		return usage(fmt.Errorf("--ticket is needed: the approval policy asks for one in %s", d.Entry.Ticket.System), "")
	default:
		return usage(fmt.Errorf("--ticket %q does not look like one of %s: %s (POL-02)", ticket, d.Entry.Ticket.System, why), "")
	}
}

// windowDefault is how long a request may start where nothing says otherwise and the
// policy allows as much (BIND-06).
const windowDefault = 24 * time.Hour

// startWindow reads the times between which a request may start.
func startWindow(now time.Time, notBefore, expires string, d approval.Demand) (from, until time.Time, err error) {
	most := d.Window()
	if from, err = moment(now, notBefore, now); err != nil {
		return from, until, usage(fmt.Errorf("--not-before: %w", err), "")
	}
	if until, err = moment(from, expires, from.Add(min(windowDefault, most))); err != nil {
		return from, until, usage(fmt.Errorf("--expires: %w", err), "")
	}
	switch {
	case !until.After(from):
		return from, until, usage(errors.New("--expires is not after --not-before"), "")
	case !until.After(now):
		return from, until, usage(errors.New("--expires is in the past"), "")
	case until.Sub(from) > most:
		return from, until, usage(fmt.Errorf("the request could start for %s; the policy allows %s (BIND-06)", duration.Duration(until.Sub(from)), duration.Duration(most)), "")
	}
	return from, until, nil
}

// moment reads a time, or a length of time from another one.
func moment(from time.Time, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if d, err := duration.Parse(text); err == nil {
		return from.Add(d.Std()), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a time such as 2026-12-01T09:00:00Z nor a length of time such as 4h", text)
	}
	return t.UTC(), nil
}

// printRequest prints what would be written and called.
func (a *app) printRequest(n newRequestText) error {
	fmt.Fprintf(a.Stdout, "--- file %s, on the branch %s from %s\n%s", n.path, n.branch(), n.base, n.file)
	_, err := fmt.Fprintf(a.Stdout, "--- pull request: %s\n%s", n.title(), n.view.Markdown())
	if err == nil && n.view.Refused {
		a.remark("prechecks do not pass now; the request could be made, and would be refused if it ran now")
	}
	return err
}

// publishRequest makes the branch and the commit, and the pull request.
func (a *app) publishRequest(ctx context.Context, r *repository, n newRequestText, o *requestOptions, by git.Author) error {
	if by.Name == "" || by.Email == "" {
		return usage(errors.New("git does not know who you are; approvals are counted by who made the commit"), "git config user.name NAME && git config user.email ADDRESS")
	}
	message := fmt.Sprintf("Request: %s\n\n%s\n", n.title(), n.view.Request.Reason)
	commit, err := git.AddFiles(ctx, r.dir, n.base, map[string][]byte{n.path: n.file}, by, a.Now(), message)
	if err != nil {
		return err
	}
	if err := git.SwapRef(ctx, r.dir, "refs/heads/"+n.branch(), commit, ""); err != nil {
		return err
	}
	if n.view.Refused {
		a.remark("prechecks do not pass now; the run will be refused as long as they do not")
	}
	if o.noPush {
		body := a.planBody(n)
		fmt.Fprintf(a.Stdout, "request %s\nbranch  %s\ncommit  %s\n", n.id, n.branch(), commit)
		if n.view.Digest != "" {
			fmt.Fprintf(a.Stdout, "approve %s\n", n.view.Digest)
		}
		fmt.Fprintf(a.Stdout, "\nNothing was pushed. To publish it:\n  git push %s %s\n  %s plan %s --as-of %s -o markdown=%s\n  gh pr create --head %s --title %s --body-file %s\n",
			o.remote, n.branch(), a.command(), n.id, n.branch(), body, n.branch(), term.Sanitize(shellQuote(n.title())), body)
		return nil
	}
	if err := git.Push(ctx, r.dir, o.remote, commit, "refs/heads/"+n.branch()); err != nil {
		return fail(exitNoAnswer, fmt.Errorf("the request is on the branch %s here, and was not published: %w", n.branch(), err), fmt.Sprintf("git push %s %s", o.remote, n.branch()))
	}
	address, err := a.openPull(ctx, r, n)
	if err != nil {
		return fail(exitNoAnswer, fmt.Errorf("the branch %s was pushed, and no pull request was opened: %w", n.branch(), err), "open it by hand, with the text of "+a.command()+" plan "+n.id+" --as-of "+n.branch()+" -o markdown")
	}
	fmt.Fprintf(a.Stdout, "request %s\n%s\napprove %s\n", n.id, address, n.view.Digest)
	return nil
}

func (a *app) planBody(n newRequestText) string { return n.id + ".md" }

// shellQuote quotes a text for a POSIX shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
