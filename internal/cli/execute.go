package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
	"github.com/bcctl/bcctl/pkg/runbook"
)

type executeOptions struct {
	comment int64
	event   bool
	signed  signedOptions
}

func newExecute(a *app) *cobra.Command {
	o := &executeOptions{}
	cmd := &cobra.Command{
		Use:   "execute <request>",
		Short: "Verify approvals, lock, and run an approved request; the same command goes on after a stop",
		Long: `Runs exactly the plan that was approved: verifies the approvals and the plan, asks a
person to confirm, locks everything the plan touches, verifies again, makes every
precheck, carries out the steps, and checks what came of it. Every step is written
to a journal on disk before it is begun and to the audit log off this machine before
the first change and before the point of no return.

After a stop, a crash or a signal the same command goes on where it stopped: it asks
the servers what became of the step that was under way. Ctrl-C stops at the next hold
point; a step that has begun is completed.

At a terminal the confirmation is typed and signed with operator.key. In CI it is a
comment on the pull request, and only the comment's id is taken from the event. No
flag skips a verification or answers a question.

With --offline, where the policy allows it and GitHub does not answer, signed statements
count instead of reviews; lock, claim and record are in offline.dir. Afterwards: bcctl
reconcile.`,
		Example: exampleLines("bcctl execute 2026-001-ledger", "bcctl execute --event", "bcctl execute 2026-001-ledger --offline --snapshot trust --statements statements"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 0 && !o.event {
				return usage(errors.New("name one request: its id, its file, or its pull request"), "bcctl execute 2026-001-ledger")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.signed.check(cmd); err != nil {
				return err
			}
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if o.signed.on {
				return a.executeOffline(ctx, cmd, strings.Join(args, ""), *o)
			}
			return a.execute(ctx, cmd, strings.Join(args, ""), *o)
		},
	}
	f := pflag.NewFlagSet("safety", pflag.ContinueOnError)
	f.BoolVar(&o.event, "event", false, "in GitHub Actions: take the confirming comment's id from the event")
	sections(cmd, flagSection{"Safety", f}, o.signed.flags())
	return cmd
}

// running is one start of a request, with everything it needs.
type running struct {
	a       *app
	r       *repository
	request *config.Request
	raw     []byte
	found   int // number of the pull request
	path    string
	comment int64
	ci      int64         // id of the workflow run
	forge   *forge.Client // nil where GitHub is not asked
	state   runbook.State
	plan    runbook.Plan
	digest  runbook.Digest
	run     string
	again   string // the command that goes on
	offline string // folder of this host for runs without GitHub; empty: with it

	// roster is the one that says who may; nil: that of the default branch. snapshot is
	// the folder of the signed one, without GitHub.
	roster   func(context.Context) (approval.Roster, error)
	snapshot string

	told    bool // the pull request was told how it ended
	brought bool // the journal is of another machine, which may have done more
}

func (a *app) execute(ctx context.Context, cmd *cobra.Command, what string, o executeOptions) error {
	x := &running{a: a}
	var err error
	if o.event {
		if x.comment, err = a.eventComment(); err != nil {
			return err
		}
		if x.ci, err = strconv.ParseInt(a.getenv("GITHUB_RUN_ID"), 10, 64); err != nil {
			return usage(errors.New("--event is for GitHub Actions: GITHUB_RUN_ID is not set"), "bcctl execute REQUEST at a terminal")
		}
	} else if !a.typedBy() {
		return usage(errors.New("the confirmation is typed by a person at a terminal; standard input is none (CONF-08)"), "bcctl execute "+what+" at a terminal, or a comment on its pull request")
	}
	if x.r, err = a.openRepository(ctx, cmd.Flags()); err != nil {
		return err
	}
	gh, err := a.forge(ctx, x.r.settings)
	if err != nil {
		return err
	}
	defer gh.Close()
	x.forge = gh
	ctx = signedIn(ctx, x.r, gh)
	if what == "" {
		c, err := gh.Comment(ctx, x.comment)
		if err != nil {
			return forgeError(err)
		}
		what = "#" + strconv.Itoa(c.Pull)
	}
	found, err := findPull(ctx, gh, what)
	if err != nil {
		return x.unanswered(what, err)
	}
	x.found, x.path = found.Number, found.Path
	if err := x.load(); err != nil {
		return err
	}
	if x.ci != 0 {
		x.again = fmt.Sprintf("the same comment once more on pull request %d", x.found)
	}
	// GitHub is read while the journal is looked for and the plan is made.
	early := execute.Begin(ctx, a.verdicts(x.r, gh), x.query(), a.Now)
	err = x.start(ctx, early)
	early.Leave()
	if err != nil && x.ci != 0 && !x.told {
		x.answer(ctx, err)
	}
	return err
}

// eventComment takes the id of the confirming comment, and nothing else, from the
// event (CONF-01).
func (a *app) eventComment() (int64, error) {
	data, err := os.ReadFile(a.getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		return 0, usage(errors.New("--event is for GitHub Actions: the event cannot be read"), "")
	}
	var event struct {
		Comment struct{ ID int64 }
		Inputs  struct{ Comment json.Number }
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return 0, usage(errors.New("the event is not one that bcctl execute knows"), "")
	}
	id := event.Comment.ID
	if id == 0 {
		id, _ = event.Inputs.Comment.Int64() // not a number: there is no comment
	}
	if id <= 0 {
		return 0, fail(exitNotApproved, errors.New("the event names no comment (CONF-01)"), "write the confirmation as a comment on the pull request")
	}
	return id, nil
}

// load finds the request in the configuration that is checked out.
func (x *running) load() error {
	r := x.r
	for _, q := range r.repo.Requests {
		if q.Origin.File == x.path {
			x.request = q
		}
	}
	if x.request == nil {
		return fail(exitNotApproved, fmt.Errorf("%s is not in this checkout: the request is not merged, or the checkout is older", x.path), "git pull")
	}
	var err error
	if x.raw, err = fs.ReadFile(r.fsys, x.path); err != nil {
		return fail(exitConfig, fmt.Errorf("read the request: %w", err), "")
	}
	if r.settings.GitHub.RepositoryID == 0 {
		return fail(exitConfig, errors.New("github.repository-id is not set, and digests are bound to it"), "bcctl doctor --github")
	}
	x.digest, x.again = runbook.RequestDigest(r.settings.GitHub.RepositoryID, x.path, x.raw), "bcctl execute "+x.request.Name()
	x.run = runOf(x.digest)
	return nil
}

// runsDir is where journals of this repository are.
func (a *app) runsDir(r *repository) (string, error) {
	state := a.userDir("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if state == "" {
		return "", fail(exitConfig, errors.New("neither XDG_STATE_HOME nor HOME is set: the journal of a run needs a place"), "")
	}
	name := r.settings.Repository
	if name == "" {
		name = filepath.Base(r.dir)
	}
	return filepath.Join(state, "bcctl", "runs", safeName(name)+"-"+shortHash(strconv.FormatInt(r.settings.GitHub.RepositoryID, 10))), nil
}

// start opens the journal, makes or reads the plan, and runs it.
func (x *running) start(ctx context.Context, reader execute.Reader) error {
	a, r := x.a, x.r
	dir, err := a.runsDir(r)
	if err != nil {
		return err
	}
	book, err := a.book(ctx, r.dir, r.settings, true)
	if err == nil && x.offline != "" {
		err = x.apart(ctx, book)
	}
	if err != nil {
		return err
	}
	record := &execute.Record{Plan: &x.plan, By: a.actor}
	sinks := execute.Sinks{nil, record}
	j, err := journal.Open(dir, x.run, sinks)
	switch {
	case errors.Is(err, journal.ErrBusy):
		return fail(exitLocked, err, "wait for it, or look at its terminal")
	case err != nil:
		return fail(exitStopped, err, "bcctl audit verify, and look at "+journal.Path(dir, x.run))
	}
	defer func() { _ = j.Close() }() // every line is on the disk already
	if len(j.Torn) > 0 {
		a.remark("the end of the journal was torn by a crash and was cut off (%d bytes that announced nothing yet)", len(j.Torn))
	}
	copied, err := x.gather(ctx, dir, j)
	if err != nil {
		return err
	}
	sinks[0] = copied
	if x.state.Finished != "" && x.state.Released && !x.state.Degraded { // else the log may not have its end yet
		return fail(exitNotApproved, fmt.Errorf("%w: %s", runbook.ErrFinished, x.state.Finished), "bcctl request new "+string(x.request.Spec.Type)+" "+x.request.Spec.Target)
	}
	if record.Answered, err = x.answers(ctx, j); err != nil {
		return err
	}
	if err := x.makePlan(ctx, dir); err != nil {
		return err
	}
	guard := x.guard(reader)
	keeper, err := x.keeper(guard, dir)
	if err != nil {
		return fail(exitStopped, err, "")
	}
	defer keeper.Locks.Foresee(ctx, x.plan.Keys())()
	brought := x.bringSpool(ctx, book)
	if !brought && x.state.Finished != "" && x.state.Released {
		return fail(exitNoAnswer, errors.New("the run is over, and the log still does not take its end"), "bcctl audit recover")
	}
	if brought {
		if record.Opened, err = x.opened(ctx, book); err != nil {
			return err
		}
	}
	record.Log = book.NewRun()
	record.By = func() audit.Actor { return confirmedBy(guard, a.actor()) }
	record.Answers = func() []audit.Evidence { return answered(guard.Case.Reading.Answers) }
	record.Evidence = func() (approval.Verdict, approval.Case) { return guard.Verdict, guard.Case.Case }
	glass := x.glass(guard, record, keeper)
	keeper.Ended(x.state.Finished, x.state.Moved())
	keeper.Current = copied.Current
	record.Attempt = x.state.NextAttempt()
	keeper.Attempting(record.Attempt)
	doer := x.doer(ctx)
	defer func() { _ = doer.Close() }() // a goodbye changes nothing of what was done
	teller := x.tell()
	earlier, err := j.Events(ctx)
	if err != nil {
		return err
	}
	for _, e := range earlier {
		teller.event(ctx, e, false)
	}
	progress := newRunProgress(a, &x.plan, teller.times)
	defer progress.stop()
	seal := &sealing{book: book}
	defer seal.wait() //nolint:errcheck // it was said before, or another error came first
	var kept runbook.Journal = j
	if a.journal != nil {
		kept = a.journal(j)
	}
	runner := &runbook.Runner{
		Run: x.run, Request: x.request.Name(), Plan: &x.plan, Tool: "bcctl " + version(), Catalog: execute.Catalog(r.registry),
		Terms:   runbook.Terms{Type: x.request.Spec.Type, MaxLoss: x.request.Spec.MaxLoss, Accept: x.request.Spec.Accept},
		Journal: kept, Brought: x.brought, Doer: doer, People: terminalPeople{a, guard, progress, execute.Catalog(r.registry)}, Guard: guard, Ledger: keeper, Now: a.Now,
		Watch: func(e runbook.Event, s *runbook.State) {
			switch e.Kind {
			case runbook.Claimed:
				guard.Claimed()
			case runbook.RunFinished:
				keeper.Ended(s.Finished, s.Moved())
			case runbook.Released:
				// All of the run is in the log by now, and what comes yet is not for it.
				if s.Finished != "" && !s.Degraded && x.offline == "" && book.Key != nil && x.request.Spec.BreakGlass == nil {
					seal.begin(ctx)
				}
			}
			teller.event(ctx, e, true)
			progress.event(e)
			progress.goesOn(x.goesOn(s))
		},
	}
	// A second signal must not end the process in the middle of a step.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	done := make(chan struct{})
	defer close(done)
	go progress.signals(signals, done)
	end, err := runner.Start(ctx)
	progress.stop()
	x.again = x.goesOn(&end.State)
	if x.ci != 0 && end.Code == readiness.PersonNeeded {
		x.again = "bcctl execute " + x.request.Name() + " at a terminal, where a person can answer"
	}
	if err != nil && !errors.Is(err, runbook.ErrFinished) {
		teller.end(ctx, "STOPPED, its journal cannot be kept here", x.again)
	}
	if errors.Is(err, runbook.ErrFinished) {
		if x.state.Degraded || !x.state.Released {
			a.remark("this start began nothing: it %s", broughtText(&end.State))
		}
		return fail(exitNotApproved, err, "bcctl request new "+string(x.request.Spec.Type)+" "+x.request.Spec.Target)
	}
	if err != nil {
		return fail(exitStopped, err, x.again+" goes on, once this is mended")
	}
	if end.Kind == runbook.EndDenied && guard.Verdict.Digest != "" {
		rules := end.Rules
		if len(rules) == 0 {
			rules = []string{string(end.Code)}
		}
		if err := record.Denied(context.WithoutCancel(ctx), rules); err != nil {
			a.remark("the denial is not on record: %v", err)
		}
		if err := keepWithdrawal(context.WithoutCancel(ctx), keeper.Records, guard.Verdict, a.Now()); err != nil {
			a.remark("the withdrawal is not in the ledger: %v", err)
		}
	}
	glass.again(context.WithoutCancel(ctx), end)
	// The log is sealed while the pull request is told.
	if x.offline == "" && book.Key != nil && (end.State.Claims > 0 || end.Kind == runbook.EndDenied) {
		seal.begin(ctx)
	}
	err = x.ended(end)
	teller.end(ctx, howEnded(end, teller.claimed), x.next(err))
	if err := seal.wait(); err != nil {
		a.remark("audit: recorded, and not sealed yet: %v", err)
	}
	if end.State.Finished != "" {
		return settledError{err}
	}
	return err
}

// sealing is the sealing of the log at the end of a run, beside what else is to be done.
type sealing struct {
	book *logbook.Book
	done chan struct{} // nil before it began
	err  error
}

func (s *sealing) begin(ctx context.Context) {
	if s.done != nil {
		return
	}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		_, s.err = s.book.Seal(context.WithoutCancel(ctx))
	}()
}

// wait returns when it has ended, at once where it never began.
func (s *sealing) wait() error {
	if s.done != nil {
		<-s.done
	}
	return s.err
}

// bringSpool brings what an earlier start could only keep on this machine to the log, before
// this one looks there for starts without an end: else it would end one whose own end
// comes later, and the log would hold two (AUD-30). It reports whether nothing waits any
// more; while something does, no earlier start is ended.
func (x *running) bringSpool(ctx context.Context, book *logbook.Book) bool {
	log, ok := book.Store.(*gitlog.Log)
	if !ok || book.Key == nil {
		return true
	}
	if ids, err := log.Waiting(""); err == nil && len(ids) == 0 {
		return true
	}
	if _, err := book.Recover(ctx, "", x.a.actor()); err != nil {
		x.a.remark("audit: what waits on this machine: %v", err)
	}
	ids, err := log.Waiting("")
	return err == nil && len(ids) == 0
}

// opened are starts of this run that the log has a beginning of and no end.
func (x *running) opened(ctx context.Context, book *logbook.Book) ([]audit.Evidence, error) {
	past, _, err := x.a.past(ctx, book)
	if err != nil {
		return nil, auditFailure(err)
	}
	var open []audit.Evidence
	for _, e := range past.Open {
		if e.Request == nil || "sha256:"+e.Request.Digest != string(x.digest) {
			continue
		}
		of, err := audit.OfRun(e.Entry)
		if err != nil {
			return nil, err
		}
		open = append(open, of)
	}
	slices.SortFunc(open, func(a, b audit.Evidence) int { return strings.Compare(a.Name, b.Name) })
	return open, nil
}

// makePlan compiles the plan anew and compares it with the one that was approved. A
// run that has begun keeps the plan it began with: its own steps have changed what a
// new one would see.
func (x *running) makePlan(ctx context.Context, dir string) error {
	file := planFile(dir, x.run)
	if x.state.Changed() || x.state.Finished != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return fail(exitStopped, fmt.Errorf("read the plan the run began with: %w", err), "bring back "+file)
		}
		if err := json.Unmarshal(data, &x.plan); err != nil {
			return fail(exitStopped, fmt.Errorf("%s: %w", file, err), "")
		}
		sum, err := x.plan.Sum()
		if err != nil {
			return err
		}
		if sum != x.plan.Digest || sum != x.request.Spec.Plan || sum != x.state.Begin.Plan {
			return fail(exitNotApproved, fmt.Errorf("PLAN_DRIFT: %s is not the plan that was approved", file), "bcctl plan "+x.request.Name())
		}
		return nil
	}
	r := *x.r
	r.commit = x.request.Spec.Commit
	p, err := x.a.compilePlan(ctx, &r, x.request.Spec.Wish(x.request.Name()), askedOf(x.request.Spec), true)
	if err != nil {
		return err
	}
	x.plan = p
	if p.Digest != x.request.Spec.Plan {
		for _, d := range runbook.DriftOf(x.request.Spec, p) {
			fmt.Fprintf(x.a.Stderr, "  %s\n", term.Sanitize(d.String()))
		}
		return fail(exitNotApproved, errors.New("PLAN_DRIFT: the plan is no longer the one that was approved; nothing was changed"), "bcctl plan "+x.request.Name())
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return atomicfile.WriteMode(file, data, 0o600)
}

func (x *running) guard(reader execute.Reader) *execute.Guard {
	g := &execute.Guard{
		Reader: reader, Offline: x.offline != "", Run: x.run, Plan: x.plan.Digest, Before: x.state,
		Query: x.query(),
	}
	if x.comment == 0 {
		g.Type = x.typed
	}
	return g
}

// query is what a verification asks for, but for its mode and attempt.
func (x *running) query() verdict.Query {
	return verdict.Query{Pull: x.found, Path: x.path, Confirmation: x.comment, Run: x.ci, Checkout: x.r.commit}
}

// answered are GitHub's answers by their digests (AUD-03).
func answered(answers []forge.Answer) []audit.Evidence {
	var list []audit.Evidence
	for _, a := range answers {
		list = append(list, audit.Evidence{MediaType: "application/json", Name: a.Method + " " + a.Path, SHA256: a.SHA256})
	}
	return list
}

// confirmedBy is the person who confirmed, with the account of the process beside
// it. In CI it is the workflow: the comment that confirmed is in the evidence.
func confirmedBy(g *execute.Guard, process audit.Actor) audit.Actor {
	if process.Kind == "ci" || g.Person == "" {
		return process
	}
	return personActor(g.Case.Roster.Spec, g.Person, process)
}

// personActor is a person of a roster who acts, with the account of the process.
func personActor(roster approval.Roster, person string, process audit.Actor) audit.Actor {
	who := audit.Actor{Kind: "human", ID: person, Login: person, Runner: process.ID}
	for _, p := range roster.People {
		if p.ID == person && len(p.GitHub) > 0 {
			who.ID, who.Login = strconv.FormatInt(p.GitHub[0].ID, 10), cmp.Or(p.GitHub[0].Login, person)
		}
	}
	return who
}

func (x *running) keeper(g *execute.Guard, dir string) (*execute.Ledger, error) {
	store := x.store()
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	journals, err := journal.Folder(dir)
	if err != nil {
		return nil, err
	}
	holder := ledger.Holder{Request: x.request.Name(), Digest: string(x.digest), Run: x.run, Host: host, Journals: journals}
	if x.ci != 0 {
		holder.CI = strconv.FormatInt(x.ci, 10)
	}
	locks := &ledger.Locks{Cells: store, Now: x.a.Now, Above: x.state.Fences, Gone: func(h ledger.Holder) bool {
		// We have the journal of this run in this folder, exclusively: who had it before is
		// no more. A journal elsewhere, on a host of the same name or of another person on
		// this one, says nothing.
		return h.Run == x.run && h.Host == host && h.Journals == journals && h.CI == "" && holder.CI == ""
	}, Ended: x.ranOut}
	l := &execute.Ledger{Locks: locks, Records: store, Holder: holder, Path: x.path, Comment: x.comment, Now: x.a.Now, Person: func() string { return g.Person }}
	if x.offline != "" {
		l.Offline, l.Claiming = true, func(attempt int) error { return x.keepEvidence(g, attempt) }
	}
	return l, nil
}

// ranOut tells whether the workflow run that holds a lock has come to its end, as GitHub
// says. Of a run on a host nobody can tell from elsewhere.
func (x *running) ranOut(ctx context.Context, h ledger.Holder) (bool, error) {
	if h.CI == "" {
		return false, fmt.Errorf("it runs, or ran, on the host %s: go on there, or bcctl unlock by two persons", h.Host)
	}
	if x.forge == nil {
		return false, errors.New("it is a workflow run, and GitHub is not asked now")
	}
	state, err := runState(ctx, x.forge, h)
	return err == nil && state.Ended(), err
}

func (x *running) doer(ctx context.Context) *execute.Doer {
	recorded := x.recorded(ctx)
	secrets := secret.NewResolver(x.a.Lookup)
	return &execute.Doer{
		Registry: x.r.registry, Secrets: secrets, Now: x.a.Now,
		Commands: execute.Commands{Allow: x.r.settings.Commands.Allow, Path: x.a.getenv("PATH"), Home: x.a.getenv("HOME")},
		Spec: func(resource string) (connectors.Spec, bool) {
			res, ok := x.r.repo.Resource(resource)
			if !ok {
				return connectors.Spec{}, false
			}
			spec := x.spec(res, secrets)
			spec.Previous = check.Recorded(recorded[resource])
			return spec, true
		},
	}
}

// recorded is what earlier checks of this operator read of the resources of the plan. It
// helps to say what may be lost; without it less is known, and nothing else changes.
func (x *running) recorded(ctx context.Context) map[string]check.Memory {
	if x.a.globals.store == "none" {
		return nil
	}
	db, err := x.a.openStore(ctx, x.r)
	if err != nil {
		x.a.remark("what earlier checks read is not used: %v", err)
		return nil
	}
	defer x.a.closeStore(db)
	var names []string
	for _, m := range x.plan.Members() {
		names = append(names, m.Resource)
	}
	memories, err := db.Load(ctx, names)
	if err != nil {
		x.a.remark("what earlier checks read is not used: %v", err)
	}
	return memories
}

// spec is how a run reaches a resource: with the login to execute with where a
// change needs it, else with the one that reads.
func (x *running) spec(res *config.Resource, secrets check.Secrets) connectors.Spec {
	spec := check.Spec(x.r.repo, res, secrets)
	reading := spec.Credential
	spec.Credential = func(ctx context.Context, p connectors.Purpose) (connectors.Credential, error) {
		var c *config.Credential
		switch p {
		case connectors.Execute:
			c = res.Spec.Credentials.Execute
		case connectors.Manager:
			c = res.Spec.Credentials.Manager
		default:
			return reading(ctx, p)
		}
		if c == nil {
			return connectors.Credential{}, fmt.Errorf("no %s credential is configured; add spec.credentials.%s to %s", p, p, res.Origin)
		}
		return secrets.Credential(ctx, c)
	}
	spec.EndpointTimeout, spec.KeepOpen, spec.Now = x.r.settings.Check.TargetTimeout/2, true, x.a.Now
	return spec
}

// broughtText says what became of the end of a run that was not everywhere yet.
func broughtText(s *runbook.State) string {
	switch {
	case s.Degraded:
		return "tried to bring the end of the run to the log, which does not take it yet"
	case !s.Released:
		return "tried to give the locks back, which the ledger does not take yet"
	default:
		return "brought the end of the run to where it was missing"
	}
}

// ended says how a start ended and what to do now, and gives it its exit code.
func (x *running) ended(end runbook.End) error {
	id, again := x.request.Name(), x.again
	where := end.Member
	if end.Step != "" {
		where += "/" + end.Step
	}
	why := errors.New(strings.TrimSpace(fmt.Sprintf("%s %s: %s", end.Code, where, term.Sanitize(end.Message))))
	if len(end.Rules) > 0 {
		why = fmt.Errorf("%s: %w", strings.Join(end.Rules, " "), why)
	}
	unchanged := "nothing was changed"
	if end.State.Changed() {
		unchanged = "nothing more was changed, and the run is part way"
	}
	switch end.Kind {
	case runbook.EndSucceeded:
		fmt.Fprintf(x.a.Stdout, "SUCCEEDED %s: %s writes at %s\n", id, x.plan.Target, x.plan.To)
		if end.State.Unprotected() {
			fmt.Fprintf(x.a.Stdout, "PROTECTION_NOT_RESTORED until redundancy and a restorable backup are shown. Next: bcctl check %s; then bcctl close %s\n", x.plan.Target, id)
		}
		if !end.State.Released {
			fmt.Fprintf(x.a.Stdout, "the ledger does not have its end, and its locks are kept. Next, once it answers: bcctl execute %s\n", id)
		}
		if end.State.Degraded {
			fmt.Fprintln(x.a.Stdout, "part of the record is on this machine only. Next: bcctl audit recover")
		}
		if x.offline != "" {
			fmt.Fprintln(x.a.Stdout, "GitHub knows nothing of it yet. Next, when it answers again: bcctl reconcile")
		}
		return nil
	case runbook.EndInDoubt:
		without := ""
		if x.offline != "" {
			without = " --offline --snapshot " + render.Quote(x.snapshot)
		}
		return fail(exitStopped, fmt.Errorf("nobody can tell whether %s took effect: %w", where, why), fmt.Sprintf("look at the server, then bcctl resolve %s --step %s done|not-done --reason TEXT%s, then %s", id, where, without, again))
	case runbook.EndHeld:
		how := "stopped part way"
		if !end.State.Changed() {
			how = "stopped; what the runbook can take back is taken back"
		}
		if x.request.Spec.BreakGlass != nil && !end.State.AnyPassed() {
			// It is good for one attempt (BG-02): another start takes back what it can.
			again += " ends it and frees its locks, then a new request: one of break-glass is good for one attempt"
		}
		return fail(exitStopped, fmt.Errorf("%s: %w", how, why), again)
	case runbook.EndRefused:
		return fail(exitRefused, fmt.Errorf("%s: %w", unchanged, why), "bcctl plan "+id)
	case runbook.EndDenied:
		hint := strings.Replace(again, "execute", "explain", 1)
		if d := end.State.Doubt(); d != nil {
			hint += fmt.Sprintf("; or, where %[1]s/%[2]s was not done, bcctl resolve %[3]s --step %[1]s/%[2]s not-done --reason TEXT, then %[4]s takes back what was", d.Member, d.Step, id, again)
		}
		return fail(exitNotApproved, fmt.Errorf("%s: %w", unchanged, why), hint)
	case runbook.EndLocked:
		return fail(exitLocked, fmt.Errorf("%s: %w", unchanged, why), "wait for that run to end")
	case runbook.EndNoAnswer:
		return fail(exitNoAnswer, fmt.Errorf("%s: %w", unchanged, why), again+x.wayOut())
	case runbook.EndAborted:
		return fail(exitNotApproved, fmt.Errorf("ended; the steps that were done are taken back as the runbook says: %w", why), "bcctl check "+x.plan.Target)
	default:
		back, next := "the steps that were done are taken back as the runbook says", "bcctl check "+x.plan.Target+", then a new request"
		switch step := end.State.Step(end.Member, end.Step); {
		case step.Status == runbook.StepUndone:
			back = fmt.Sprintf("the steps that were done, and what %s changed in part, are taken back as the runbook says", where)
		case step.Status == runbook.StepNotDone && step.Mutates:
			back += fmt.Sprintf(", what %s changed in part is not", where)
			next = "look at what it is about, " + next
		}
		return fail(exitFailed, fmt.Errorf("failed; %s: %w", back, why), next)
	}
}
