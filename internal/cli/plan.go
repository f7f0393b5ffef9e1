package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/internal/plan"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// wishOptions are the flags that say what is wanted, of plan and request new.
type wishOptions struct {
	to             string
	parameters     []string
	maxLoss        string
	accept         []string
	unprovenWriter bool
	production     bool
}

func (o *wishOptions) flags() flagSection {
	f := pflag.NewFlagSet("wish", pflag.ContinueOnError)
	f.StringVar(&o.to, "to", "", "site that shall write afterwards (default: the other one; failback: home)")
	f.StringArrayVar(&o.parameters, "param", nil, "NAME=VALUE for a parameter of the runbook; repeatable")
	f.StringVar(&o.maxLoss, "max-loss", "", "failover: the most that may be lost, as time, for example 30s")
	f.StringArrayVar(&o.accept, "accept", nil, "CODE=REASON: accept a warning by its reason code; repeatable")
	f.BoolVar(&o.unprovenWriter, "accept-unproven-writer", false, "failover: promote although the old primary could not be proved fenced")
	f.BoolVar(&o.production, "production-drill", false, "drill: it may reach production servers")
	return flagSection{"What is wanted", f}
}

func (o *wishOptions) wish(kind, target string) (runbook.Wish, error) {
	w := runbook.Wish{Type: runbook.Type(kind), Target: target, To: o.to, AcceptUnprovenWriter: o.unprovenWriter, ProductionDrill: o.production}
	if !slices.Contains(runbook.Types(), w.Type) {
		message := fmt.Sprintf("there is no type %q", kind)
		if near := config.Nearest(kind, typeNames()); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		return w, usage(errors.New(message), "bcctl plan switchover TARGET")
	}
	for _, text := range o.parameters {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return w, usage(fmt.Errorf("--param %q is not NAME=VALUE", text), "")
		}
		if w.Parameters == nil {
			w.Parameters = map[string]string{}
		}
		w.Parameters[name] = value
	}
	if o.maxLoss != "" {
		d, err := duration.Parse(o.maxLoss)
		if err != nil {
			return w, usage(fmt.Errorf("--max-loss: %w", err), "")
		}
		if w.Type != runbook.Failover {
			return w, usage(fmt.Errorf("a %s may lose nothing, so it has no --max-loss", w.Type), "")
		}
		std := d.Std()
		w.MaxLoss = &std
	}
	if w.AcceptUnprovenWriter && w.Type != runbook.Failover {
		return w, usage(fmt.Errorf("a %s may not accept an unproven writer", w.Type), "")
	}
	if w.ProductionDrill && w.Type != runbook.Drill {
		return w, usage(errors.New("--production-drill is for drills only"), "")
	}
	for _, text := range o.accept {
		code, reason, ok := strings.Cut(text, "=")
		if _, known := readiness.Code(code).Info(); !known {
			return w, usage(fmt.Errorf("--accept: there is no reason code %q", code), "bcctl help output")
		}
		if !ok || reason == "" {
			return w, usage(fmt.Errorf("--accept %s needs a reason: %s=REASON", code, code), "")
		}
		w.Accept = append(w.Accept, runbook.Acceptance{Code: readiness.Code(code), Reason: reason})
	}
	return w, nil
}

func typeNames() []string {
	var names []string
	for _, t := range runbook.Types() {
		names = append(names, string(t))
	}
	return names
}

// planOptions are the flags of plan.
type planOptions struct {
	wishOptions
	output         []string
	comment, event bool
}

func newPlan(a *app) *cobra.Command {
	o := &planOptions{}
	cmd := &cobra.Command{
		Use:   "plan (TYPE TARGET | REQUEST | --event)",
		Short: "Show exactly what a request would do, checked against the servers; changes nothing",
		Long: `Compiles a switchover, failover, failback or drill of a resource or group: who is
what now, every precheck with its result, every step with what it changes, its
probe and its undo, where a run may stop, the point of no return, how long it
should take, what it could lose, what could not be checked, and who must approve.

With a request (its id, or its file) the plan is made anew and compared: what has
changed since is named. Reads with monitoring credentials; writes nothing to any
server, not even heartbeats.

With --comment the request is read from its pull request on GitHub, and the plan is
kept up to date as a comment there. --event does the same in GitHub Actions for the
pull request on which somebody commented "/bcctl plan": only the number of the comment
is taken from the event, and everything else is asked of GitHub.`,
		Example: exampleLines(
			"bcctl plan switchover ledger",
			"bcctl plan failover ledger --to ams --max-loss 30s",
			"bcctl plan drill payments -o markdown",
			"bcctl plan 20261126-ledger-switchover-k3f9",
			"bcctl plan 20261126-ledger-switchover-k3f9 --comment",
		),
		Args:              o.args,
		ValidArgsFunction: a.completePlan,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if err := o.onlyWish(cmd, args); err != nil {
				return err
			}
			switch {
			case o.event:
				return a.planEvent(ctx, cmd.Flags(), o)
			case o.comment:
				return a.planOnPull(ctx, cmd.Flags(), args[0], o)
			case len(args) == 1:
				return a.planRequest(ctx, cmd, args[0], o)
			}
			w, err := o.wish(args[0], args[1])
			if err != nil {
				return err
			}
			r, err := a.openRepository(ctx, cmd.Flags())
			if err != nil {
				return err
			}
			if err := knownTarget(r, w.Target); err != nil {
				return err
			}
			p, err := a.makePlan(ctx, r, w, plan.By{})
			if err != nil {
				return err
			}
			return a.showPlan(a.planView(p), o.output)
		},
	}
	f := pflag.NewFlagSet("output", pflag.ContinueOnError)
	f.StringArrayVarP(&o.output, "output", "o", nil, "table, json or markdown; FORMAT=FILE writes a file; repeatable")
	g := pflag.NewFlagSet("github", pflag.ContinueOnError)
	g.BoolVar(&o.comment, "comment", false, "read the request from its pull request, and keep the plan as a comment there")
	g.BoolVar(&o.event, "event", false, "in GitHub Actions: the same, for the comment that the event names")
	sections(cmd, o.wishOptions.flags(), flagSection{"GitHub", g}, flagSection{"Output", f}, a.planWorkFlags())
	return cmd
}

// args checks what is named: an event names it itself, and GitHub knows requests only.
func (o *planOptions) args(cmd *cobra.Command, args []string) error {
	switch {
	case o.event && len(args) > 0:
		return usage(errors.New("--event says itself which request is meant"), "bcctl plan --event")
	case o.event:
		return nil
	case o.comment && len(args) != 1:
		return usage(errors.New("--comment needs one request: its id, its file, or its pull request"), "bcctl plan REQUEST --comment")
	case len(args) == 0 || len(args) > 2:
		return usage(errors.New("say what is planned: a type and a target, or a request"), "bcctl plan switchover TARGET, or bcctl plan REQUEST")
	default:
		return nil
	}
}

// onlyWish refuses flags that say what is wanted where a request says it.
func (o *planOptions) onlyWish(cmd *cobra.Command, args []string) error {
	if len(args) == 2 {
		return nil
	}
	for _, f := range []string{"to", "param", "max-loss", "accept", "accept-unproven-writer", "production-drill"} {
		if cmd.Flags().Changed(f) {
			return usage(fmt.Errorf("--%s: a request says itself what is wanted", f), strings.TrimSpace("bcctl plan "+strings.Join(args, " ")))
		}
	}
	if (o.event || o.comment) && cmd.Flags().Changed("as-of") {
		return usage(errors.New("--as-of: the configuration is that of main as GitHub has it"), "")
	}
	return nil
}

// planWorkFlags are the flags about looking at servers.
func (a *app) planWorkFlags() flagSection {
	f := pflag.NewFlagSet("work", pflag.ContinueOnError)
	f.IntVar(&a.globals.planParallel, "parallel", 64, "resources looked at together")
	f.Duration("target-timeout", 10*time.Second, "deadline of one resource, for looking at it and again for its prechecks")
	f.StringVar(&a.globals.asOf, "as-of", "", "plan with the configuration of this Git commit")
	f.StringVar(&a.globals.store, "store", "", "history file, which is read only")
	return flagSection{"Work", f}
}

func (a *app) completePlan(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return typeNames(), cobra.ShellCompDirectiveNoFileComp
	}
	if len(args) == 1 {
		return a.completeTargets(cmd, nil, typed)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// knownTarget refuses a mistyped target with the nearest name.
func knownTarget(r *repository, name string) error {
	if _, ok := r.repo.Resource(name); ok {
		return nil
	}
	if _, ok := r.repo.Group(name); ok {
		return nil
	}
	var known []string
	for _, x := range r.repo.Resources {
		known = append(known, x.Name())
	}
	for _, g := range r.repo.Groups {
		known = append(known, g.Name())
	}
	message := fmt.Sprintf("there is no resource or group %q", name)
	if near := config.Nearest(name, known); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return fail(exitFailed, errors.New(message), "bcctl status -o name lists what was looked at")
}

// makePlan compiles a wish against what the servers say now.
func (a *app) makePlan(ctx context.Context, r *repository, w runbook.Wish, by plan.By) (runbook.Plan, error) {
	return a.compilePlan(ctx, r, w, by, false)
}

// compilePlan is makePlan; where a run follows at once, that makes the prechecks.
func (a *app) compilePlan(ctx context.Context, r *repository, w runbook.Wish, by plan.By, runFollows bool) (runbook.Plan, error) {
	a.reportIgnored()
	m := plan.Maker{
		Registry: r.registry, Secrets: secret.NewResolver(a.Lookup), Version: version(),
		Parallel: a.globals.planParallel, TargetTimeout: r.settings.Check.TargetTimeout, Now: a.Now, RunFollows: runFollows,
	}
	src := plan.Source{Repo: r.repo, Rules: r.rules, FS: r.fsys, Commit: r.commit}
	if r.settings.Replay != "" {
		var err error
		if src.Replay, err = check.LoadRecording(r.fsys, r.settings.Replay, r.repo); err != nil {
			return runbook.Plan{}, fail(exitConfig, err, "")
		}
	}
	if a.globals.store != "none" {
		if db, err := a.openStore(ctx, r); err == nil { // what earlier checks read is a help, not a need
			defer a.closeStore(db)
			m.Store = db
		}
	}
	if !a.globals.quiet {
		status := term.NewProgress(a.Stderr, a.profile(a.Stderr), time.Now)
		status.Start(len(r.repo.Resources))
		defer status.Done()
		m.Progress = func(p check.Progress) { status.Update(progressStep(p)) }
	}
	p, err := m.Make(ctx, src, w, by)
	if errors.Is(err, plan.ErrWish) {
		return p, fail(exitConfig, err, "bcctl plan --help")
	}
	return p, err
}

// elsewhere are variables by which drivers and tools are told of another server.
var elsewhere = []string{"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE", "PGSERVICEFILE", "MONGODB_URI", "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_HOST", "SQLCMDSERVER"}

// reportIgnored says of variables that would name another target that they do not:
// where a resource is, is in pinned files alone (BIND-07).
func (a *app) reportIgnored() {
	for _, name := range elsewhere {
		if a.getenv(name) != "" {
			a.remark("%s is set and ignored: what is planned and run comes from the files of the configuration alone (BIND-07)", name)
		}
	}
}

// askedOf is who asks, and how, by a request.
func askedOf(r runbook.Request) plan.By {
	return plan.By{Person: r.Requester, Emergency: r.BreakGlass != nil, From: r.NotBefore, Until: r.ExpiresAt}
}

func (a *app) planView(p runbook.Plan) render.PlanView {
	return render.PlanView{Plan: p, Refused: plan.Refused(p) || plan.Frozen(p), Profile: a.profile(a.Stdout), Command: a.command()}
}

// showPlan prints a plan in every format asked for. Refused is exit code 13.
func (a *app) showPlan(v render.PlanView, outputs []string) error {
	if len(outputs) == 0 {
		outputs = []string{"table"}
	}
	stdout := 0
	for _, output := range outputs {
		format, path, file := strings.Cut(output, "=")
		if !slices.Contains(render.PlanFormats, format) {
			return usage(fmt.Errorf("a plan has no format %q; write %s", format, strings.Join(render.PlanFormats, ", ")), "bcctl plan --help")
		}
		if file && path == "" {
			return usage(fmt.Errorf("-o %s names no file", output), "")
		}
		if !file {
			stdout++
		}
	}
	if stdout > 1 {
		return usage(errors.New("two formats cannot share stdout; give all but one a file"), "bcctl plan switchover TARGET -o table -o json=plan.json")
	}
	for _, output := range outputs {
		format, path, file := strings.Cut(output, "=")
		if file {
			path = a.path(path)
		}
		if err := render.Plan(a.Stdout, format, path, v); err != nil {
			return err
		}
	}
	switch {
	case len(v.Drift) > 0:
		return verdictError(exitNotApproved)
	case v.Refused:
		return verdictError(exitRefused)
	default:
		return nil
	}
}

// planRequest makes the plan of a request anew and names what has changed.
func (a *app) planRequest(ctx context.Context, cmd *cobra.Command, name string, o *planOptions) error {
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return err
	}
	req, err := a.findRequest(r, name)
	if err != nil {
		return err
	}
	raw, err := fs.ReadFile(r.fsys, req.Origin.File)
	if err != nil {
		return fail(exitConfig, fmt.Errorf("read the request: %w", err), "")
	}
	// The plan is worked out as of the request's own commit; what has changed in the
	// files since is in the pins.
	r.commit = req.Spec.Commit
	p, err := a.makePlan(ctx, r, req.Spec.Wish(req.Name()), askedOf(req.Spec))
	if err != nil {
		return err
	}
	v := a.planView(p)
	v.Request, v.Drift = &req.Spec, runbook.DriftOf(req.Spec, p)
	if id := r.settings.GitHub.RepositoryID; id != 0 {
		v.Digest = runbook.RequestDigest(id, req.Origin.File, raw)
	}
	return a.showPlan(v, o.output)
}

// findRequest finds a request by its id or its file.
func (a *app) findRequest(r *repository, name string) (*config.Request, error) {
	if req, ok := r.repo.Request(name); ok {
		return req, nil
	}
	var ids []string
	for _, req := range r.repo.Requests {
		if filepath.Join(r.dir, filepath.FromSlash(req.Origin.File)) == a.path(name) || req.Origin.File == filepath.ToSlash(name) {
			return req, nil
		}
		ids = append(ids, req.Name())
	}
	message := fmt.Sprintf("there is no request %q in this configuration", name)
	if slices.Contains(typeNames(), name) {
		message = fmt.Sprintf("%s of what? Name a resource or a group", name)
	} else if near := config.Nearest(name, append(ids, typeNames()...)); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	hint := "bcctl plan TYPE TARGET"
	if _, pull := pullNumber(name); pull {
		hint = "bcctl plan '" + name + "' --comment reads it from GitHub; without it a request is a file of this configuration"
	}
	if strings.Contains(name, "-") {
		hint += ", or for a request that is not merged: git fetch, and --as-of origin/bcctl/request/" + name
	}
	return nil, fail(exitFailed, errors.New(message), hint)
}
