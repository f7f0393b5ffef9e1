package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/dirstore"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
	"github.com/bcctl/bcctl/pkg/runbook"
)

type reconcileOptions struct {
	settle string
	reason string
}

func newReconcile(a *app) *cobra.Command {
	o := &reconcileOptions{}
	cmd := &cobra.Command{
		Use: "reconcile", Short: "After runs without GitHub: bring their records to it, and find what contradicts them", Args: noArgs,
		Long: `Brings what runs without GitHub left in offline.dir of this host to where everybody looks:
their claims and ends to the ledger, their signed record to the audit log, and who signed
what to a comment on the pull request, which is the review. Then it holds them against
what happened on GitHub meanwhile: the same request run twice, an attempt claimed there,
another run on the same targets, a withdrawal, an objection, somebody who signed and may
not have.

Without conflicts the run is settled, and others on its targets may run again. A conflict
ends with 14 and stays until a person who did not run it settles it, with --settle and
--reason, at a terminal. Done twice, or killed in between, it begins where it was.`,
		Example: exampleLines("bcctl reconcile", `bcctl reconcile --settle 4f0c... --reason "the second run found nothing to do; looked at both journals"`),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (o.settle == "") != (strings.TrimSpace(o.reason) == "") {
				return usage(errors.New("--settle names the run, and --reason says why its conflicts are settled"), cmd.CommandPath()+" --help")
			}
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			return a.reconcile(ctx, cmd.Flags(), *o)
		},
	}
	f := pflag.NewFlagSet("conflicts", pflag.ContinueOnError)
	f.StringVar(&o.settle, "settle", "", "id of a run whose conflicts a person has looked into")
	f.StringVar(&o.reason, "reason", "", "what was found; recorded")
	sections(cmd, flagSection{"Conflicts", f})
	return cmd
}

// reconciling is one comparison of what this host has with what GitHub has.
type reconciling struct {
	a      *app
	r      *repository
	dir    string
	host   dirstore.Store
	shared interface {
		ledger.Cells
		ledger.Records
	}
	forge *forge.Client
	book  *logbook.Book
}

func (a *app) reconcile(ctx context.Context, flags *pflag.FlagSet, o reconcileOptions) error {
	if o.settle != "" && !a.typedBy() {
		return usage(errors.New("a conflict is settled by a person at a terminal; standard input is none (CONF-08)"), "")
	}
	r, err := a.openRepository(ctx, flags)
	if err != nil {
		return err
	}
	n := &reconciling{a: a, r: r, shared: a.ledgerStore(r)}
	if n.dir, err = a.offlineDir(r); err != nil {
		return err
	}
	if n.dir == "" {
		return fail(exitConfig, errors.New("offline.dir is not set: no run without GitHub was made here"), "set "+settingVariable("offline.dir"))
	}
	n.host = hostLedger(n.dir)
	release, err := n.host.Hold()
	switch {
	case errors.Is(err, dirstore.ErrBusy):
		return fail(exitLocked, err, "wait for it, or look at its terminal")
	case err != nil:
		return fail(exitConfig, fmt.Errorf("offline.dir: %w", err), "")
	}
	defer func() { _ = release() }() // it ends with this process
	own, err := n.host.All(ctx)
	if err != nil {
		return err
	}
	waiting := waitingRuns(own)
	if len(waiting) == 0 {
		_, err := fmt.Fprintln(a.Stdout, "nothing waits to be reconciled on this host")
		return err
	}
	if n.forge, err = a.forge(ctx, r.settings); err != nil {
		return err
	}
	defer n.forge.Close()
	ctx = signedIn(ctx, r, n.forge)
	if _, err := n.forge.Repository(ctx); err != nil {
		return forgeError(err)
	}
	if n.book, err = a.book(ctx, r.dir, r.settings, true); err != nil {
		return err
	}
	unfinished, conflicts := 0, 0
	for _, run := range waiting {
		over, err := n.over(ctx, run, own)
		if err != nil {
			return err
		}
		if !over {
			unfinished++
		}
	}
	if unfinished == 0 {
		if err := n.bring(ctx); err != nil {
			return err
		}
	}
	for _, run := range waiting {
		found, err := n.run(ctx, run, own, unfinished == 0, o)
		if err != nil {
			return err
		}
		conflicts += found
	}
	switch {
	case conflicts > 0:
		return fail(exitStopped, fmt.Errorf("%s with what happened on GitHub; runs on the same targets wait", plural(conflicts, "conflict")), "look into them, then a person who did not run it: bcctl reconcile --settle RUN --reason TEXT")
	case unfinished > 0:
		return fail(exitStopped, errors.New("a run without GitHub is not over; its record stays on this host until it is"), "bcctl execute REQUEST --offline goes on, then bcctl reconcile")
	}
	return nil
}

// waitingRun is a run with those of its attempts that are not reconciled. What a record
// says of one attempt it says of all of them: since the first, by anybody, on any key.
type waitingRun struct {
	ledger.Record
	attempts []ledger.Record
}

// waitingRuns are the runs of this host that are not reconciled, oldest first.
func waitingRuns(own []ledger.Record) []waitingRun {
	var runs []waitingRun
	for _, r := range ledger.Waiting(own) {
		at := slices.IndexFunc(runs, func(w waitingRun) bool { return w.Run == r.Run })
		if at < 0 {
			at, runs = len(runs), append(runs, waitingRun{Record: r})
		}
		w := &runs[at]
		w.attempts = append(w.attempts, r)
		w.Keys, w.Persons = distinct(w.Keys, r.Keys), distinct(w.Persons, r.Persons)
	}
	return runs
}

func distinct(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// claims are the claims of the attempts that wait.
func (w waitingRun) claims(own []ledger.Record) []ledger.Record {
	return slices.DeleteFunc(ledger.Of(own, w.Request).Claims, func(c ledger.Record) bool {
		return !slices.ContainsFunc(w.attempts, func(r ledger.Record) bool { return r.Attempt == 0 || r.Attempt == c.Attempt })
	})
}

// numbers names the attempts that wait.
func (w waitingRun) numbers(own []ledger.Record) string {
	var list []string
	for _, c := range w.claims(own) {
		list = append(list, strconv.Itoa(c.Attempt))
	}
	if len(list) == 1 {
		return "attempt " + list[0]
	}
	return "attempts " + strings.Join(list, ", ")
}

// over tells whether nothing more will come of a run: it has ended, or it changed
// nothing.
func (n *reconciling) over(ctx context.Context, run waitingRun, own []ledger.Record) (bool, error) {
	if f := ledger.Of(own, run.Request).Finished; f != nil {
		return true, nil
	}
	dir, err := n.a.runsDir(n.r)
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(journal.Path(dir, run.Run)); err != nil {
		return false, nil // who has its journal can tell
	}
	j, err := journal.Open(dir, run.Run, nil)
	if errors.Is(err, journal.ErrBusy) {
		return false, nil
	}
	if err != nil {
		return false, fail(exitStopped, err, "")
	}
	defer func() { _ = j.Close() }() // it was only read
	events, err := j.Events(ctx)
	if err != nil {
		return false, err
	}
	s, err := runbook.Fold(events)
	return err == nil && s.Finished == "" && !s.Changed() && s.Open == nil, err
}

// bring brings the signed record to the audit log, and says that it came late.
func (n *reconciling) bring(ctx context.Context) error {
	log, ok := n.book.Store.(*gitlog.Log)
	if !ok {
		return nil // a log in a directory has it already
	}
	brought, done, err := log.Bring(ctx, auditFolder(n.dir))
	switch {
	case errors.Is(err, gitlog.ErrDamaged):
		return fail(exitFailed, err, "keep the file as evidence elsewhere, then bcctl reconcile")
	case err != nil:
		return fail(exitNoAnswer, err, "bcctl reconcile, once the remote is back")
	case len(brought) == 0:
		return nil
	}
	if err := n.write(ctx, logbook.Imported(brought, n.a.actor())...); err != nil {
		return err
	}
	fmt.Fprintf(n.a.Stdout, "%s brought to the audit log\n", plural(len(brought), "segment"))
	return done()
}

// run reconciles one run, and returns how many conflicts stay.
func (n *reconciling) run(ctx context.Context, run waitingRun, own []ledger.Record, whole bool, o reconcileOptions) (int, error) {
	fmt.Fprintf(n.a.Stdout, "request %s, run %s, %s, of %s, by %s\n", term.Sanitize(run.Request), run.Run, run.numbers(own), run.At.Format(time.RFC3339), term.Sanitize(strings.Join(run.Persons, ", ")))
	conflicts, err := n.publish(ctx, run, own)
	if err != nil {
		return 0, fail(exitNoAnswer, err, "bcctl reconcile")
	}
	if !whole {
		for _, c := range conflicts {
			fmt.Fprintf(n.a.Stdout, "  CONFLICT %s\n", term.Sanitize(c))
		}
		return len(conflicts), nil
	}
	signed, err := n.signed(run, own)
	if err != nil {
		return 0, err
	}
	pull, v, more, err := n.compare(ctx, run, signed)
	if err != nil {
		return 0, forgeError(err)
	}
	conflicts = append(conflicts, more...)
	slices.Sort(conflicts)
	for _, c := range conflicts {
		fmt.Fprintf(n.a.Stdout, "  CONFLICT %s\n", term.Sanitize(c))
	}
	reason, persons := "nothing on GitHub contradicts it", []string(nil)
	var evidence []audit.Evidence
	if len(conflicts) > 0 {
		if o.settle != run.Run {
			return len(conflicts), n.review(ctx, pull, run, own, signed, conflicts, "")
		}
		person, typed, err := n.person(ctx, run)
		if err != nil {
			return 0, err
		}
		persons, reason = []string{person}, o.reason
		evidence = append(evidence, audit.Evidence{Name: "settle/" + person, SHA256: audit.SHA256(typed.Statement)})
	}
	if err := n.review(ctx, pull, run, own, signed, conflicts, reason); err != nil {
		return 0, err
	}
	// The shared ledger first: what is settled here only would be published again.
	var settled []ledger.Record
	var moved []string // which the end in the shared ledger does not tell (SI-37)
	if end := ledger.Of(own, run.Request).Finished; end != nil && slices.ContainsFunc(conflicts, func(c string) bool { return strings.HasPrefix(c, endedTwice) }) {
		moved = end.Moved
	}
	for _, r := range run.attempts {
		r, err := n.settle(ctx, ledger.Record{Kind: ledger.Settled, Request: r.Request, Digest: r.Digest, Attempt: r.Attempt, Run: r.Run, Moved: moved, Persons: persons, Reason: reason, At: n.a.Now().UTC().Truncate(time.Second)})
		if err != nil {
			return 0, fail(exitNoAnswer, err, "bcctl reconcile")
		}
		settled = append(settled, r)
	}
	if err := n.record(ctx, run, v, conflicts, settled, evidence); err != nil {
		return 0, err
	}
	if err := n.host.Add(ctx, settled...); err != nil {
		return 0, err
	}
	_, err = fmt.Fprintf(n.a.Stdout, "  settled: %s\n", term.Sanitize(reason))
	return 0, err
}

// settle says in the shared ledger that an attempt is reconciled, and returns what it
// says there: a call that was killed may have said it before.
func (n *reconciling) settle(ctx context.Context, settled ledger.Record) (ledger.Record, error) {
	err := n.shared.Add(ctx, settled)
	if !errors.Is(err, ledger.ErrExists) {
		return settled, err
	}
	all, err := n.shared.All(ctx)
	if err != nil {
		return settled, err
	}
	at := slices.IndexFunc(all, func(r ledger.Record) bool {
		return r.Kind == ledger.Settled && r.Run == settled.Run && r.Attempt == settled.Attempt
	})
	if at < 0 {
		return settled, fmt.Errorf("that attempt %d of run %s is settled was there, and is not any more", settled.Attempt, settled.Run)
	}
	return all[at], nil
}

const endedTwice = "RUN-02 the request ended twice"

// publish brings the records of a run to the shared ledger, first the one that makes
// others wait, and returns what is there already and says something else.
func (n *reconciling) publish(ctx context.Context, run waitingRun, own []ledger.Record) (conflicts []string, err error) {
	for _, r := range run.attempts {
		if err := n.shared.Add(ctx, r); err != nil && !errors.Is(err, ledger.ErrExists) {
			return nil, err
		}
	}
	before, err := n.shared.All(ctx)
	if err != nil {
		return nil, err
	}
	h := ledger.Of(own, run.Request)
	mine := slices.Concat(h.Seen, run.claims(own))
	if h.Finished != nil {
		mine = append(mine, *h.Finished)
	}
	for _, r := range mine {
		err := n.shared.Add(ctx, r)
		if err == nil {
			continue
		}
		if !errors.Is(err, ledger.ErrExists) {
			return nil, err
		}
		name, _, err := r.Encode()
		if err != nil {
			return nil, err
		}
		for _, there := range before {
			if other, _, err := there.Encode(); err != nil || other != name {
				continue
			}
			switch {
			case r.Kind == ledger.Seen && r.Path == there.Path && r.Digest == there.Digest:
			case r.Kind == ledger.Seen:
				conflicts = append(conflicts, fmt.Sprintf("PR-07 the request was seen with GitHub with another content, at %s", there.Path))
			case r.Kind == ledger.Claimed:
				conflicts = append(conflicts, fmt.Sprintf("RUN-01 attempt %d was claimed twice: without GitHub at %s, with it at %s", r.Attempt, r.At.Format(time.RFC3339), there.At.Format(time.RFC3339)))
			default:
				conflicts = append(conflicts, fmt.Sprintf(endedTwice+": without GitHub at %s (%s), with it at %s (%s)", r.At.Format(time.RFC3339), r.Result, there.At.Format(time.RFC3339), there.Result))
			}
		}
	}
	conflicts = append(conflicts, n.meanwhile(run, own, before)...)
	return conflicts, n.fences(ctx, run)
}

// meanwhile finds claims with GitHub since the run began without it: of further attempts
// of the request, and of other requests on the same targets. One whose targets are not
// known might be.
func (n *reconciling) meanwhile(run waitingRun, own, shared []ledger.Record) (conflicts []string) {
	for _, r := range shared {
		if r.Kind != ledger.Claimed || r.At.Before(run.At) || slices.ContainsFunc(own, func(o ledger.Record) bool {
			return o.Kind == ledger.Claimed && o.Request == r.Request && o.Attempt == r.Attempt
		}) {
			continue
		}
		if r.Request == run.Request {
			conflicts = append(conflicts, fmt.Sprintf("RUN-01 attempt %d was claimed with GitHub at %s", r.Attempt, r.At.Format(time.RFC3339)))
			continue
		}
		q, known := n.r.repo.Request(r.Request)
		if !known || slices.ContainsFunc(verdict.Keys(n.r.repo, q.Spec.Target), func(k string) bool { return slices.Contains(run.Keys, k) }) {
			conflicts = append(conflicts, fmt.Sprintf("LOCK-01 request %s was run on the same targets with GitHub, at %s", r.Request, r.At.Format(time.RFC3339)))
		}
	}
	return conflicts
}

// fences sees to it that the next numbers of the shared locks are larger than those this
// host gave (LOCK-03).
func (n *reconciling) fences(ctx context.Context, run waitingRun) error {
	local := &ledger.Locks{Cells: n.host, Now: n.a.Now}
	above, err := local.Fences(ctx, run.Keys...)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	shared := &ledger.Locks{Cells: n.shared, Now: n.a.Now, Above: above}
	given, err := shared.Fences(ctx, run.Keys...)
	if err != nil {
		return err
	}
	h := ledger.Holder{Request: run.Request, Digest: run.Digest, Run: "reconcile-" + run.Run, Person: strings.Join(run.Persons, ", "), Host: host, Attempt: 1}
	shared.Gone = func(o ledger.Holder) bool { return o.Run == h.Run && o.Host == host } // we hold this host's ledger
	locks, err := shared.Look(ctx, run.Keys...)
	if err != nil && !errors.Is(err, ledger.ErrBusy) {
		return err
	}
	left := slices.ContainsFunc(locks, func(l ledger.Lock) bool { return l.Holder.Run == h.Run }) // by one of us that was killed
	if !left && !slices.ContainsFunc(run.Keys, func(k string) bool { return given[k] <= above[k] }) {
		return nil
	}
	held, err := shared.Take(ctx, run.Keys, h)
	if errors.Is(err, ledger.ErrBusy) {
		return fail(exitLocked, err, "when that run has ended: bcctl reconcile")
	}
	if err != nil {
		return err
	}
	return shared.Release(ctx, held)
}

// signed are the statements that decided about the attempts that wait, each once.
func (n *reconciling) signed(run waitingRun, own []ledger.Record) ([]approval.SignedStatement, error) {
	claims := run.claims(own)
	if len(claims) == 0 {
		return nil, fail(exitStopped, fmt.Errorf("run %s has no claim", run.Run), "")
	}
	var list []approval.SignedStatement
	for _, c := range claims {
		file := evidenceFile(n.dir, run.Run, c.Attempt)
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && slices.ContainsFunc(run.attempts, func(r ledger.Record) bool { return r.Attempt == 0 }) {
			continue
		}
		if err != nil {
			return nil, fail(exitStopped, fmt.Errorf("who signed for run %s: %w", run.Run, err), "bring back "+file)
		}
		var e approval.Evidence
		if err := json.Unmarshal(data, &e); err != nil || e.Offline == nil {
			return nil, fail(exitStopped, errors.Join(fmt.Errorf("%s is not what bcctl wrote", file), err), "")
		}
		for _, s := range e.Offline.Statements {
			if !slices.ContainsFunc(list, func(o approval.SignedStatement) bool { return bytes.Equal(o.Statement, s.Statement) }) {
				list = append(list, s)
			}
		}
	}
	return list, nil
}

// contradicting are the rules of which only GitHub knows whether they hold, and that
// speak against a run that has been made. Others are as they must be (nobody reviewed,
// the window is over) or change afterwards (a pinned file).
var contradicting = []approval.RuleID{"PR-01", "PR-02", "PR-03", "PR-04", "PR-05", "PR-07", "BIND-01", "ID-04", "ID-05", "APP-02", "RUN-03", "ADM-02"}

// compare holds a run against what GitHub knows.
func (n *reconciling) compare(ctx context.Context, run waitingRun, signed []approval.SignedStatement) (pull int, v approval.Verdict, conflicts []string, err error) {
	found, err := findPull(ctx, n.forge, run.Request)
	if errors.Is(err, forge.ErrNotFound) || codeOf(err) == exitFailed {
		return 0, v, []string{"PR-04 no pull request on GitHub adds the request"}, nil
	}
	if err != nil {
		return 0, v, nil, err
	}
	k, v, err := n.a.verdicts(n.r, n.forge).Decide(ctx, verdict.Query{Pull: found.Number, Path: found.Path, Mode: approval.ModeReview}, false)
	if err != nil {
		return 0, v, nil, err
	}
	if string(v.Digest) != run.Digest {
		conflicts = append(conflicts, "BIND-01 the request on GitHub has other bytes than the one that ran")
	}
	for _, d := range v.Denials {
		if slices.Contains(contradicting, d.Rule) {
			conflicts = append(conflicts, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Rule, d.Subject, d.Message)))
		}
	}
	for _, s := range statementsOf(signed) {
		if s.Decision != approval.Approve {
			continue
		}
		for _, x := range v.Excluded {
			if x.Person == s.Person {
				conflicts = append(conflicts, fmt.Sprintf("ID-04 %s signed, and is: %s", s.Person, strings.Join(x.Why, ", ")))
			}
		}
		if !slices.ContainsFunc(k.Roster.Spec.People, func(p approval.Person) bool { return p.ID == s.Person && slices.Contains(p.Roles, s.Role.Role()) }) {
			conflicts = append(conflicts, fmt.Sprintf("ID-03 %s signed as %s, which the roster of the default branch does not say", s.Person, s.Role))
		}
	}
	return found.Number, v, slices.Compact(conflicts), nil
}

func statementsOf(signed []approval.SignedStatement) []approval.Statement {
	var list []approval.Statement
	for _, raw := range signed {
		if s, err := approval.DecodeStatement(raw.Statement); err == nil {
			list = append(list, s)
		}
	}
	return list
}

// person lets somebody who did not run it settle the conflicts of a run.
func (n *reconciling) person(ctx context.Context, run waitingRun) (string, approval.TypedLine, error) {
	no := func(err error) (string, approval.TypedLine, error) {
		return "", approval.TypedLine{}, fail(exitNotApproved, fmt.Errorf("nothing was settled: %w", err), "")
	}
	person, err := n.a.signatory(ctx, n.r)
	switch {
	case errors.Is(err, errNobody):
		return no(err)
	case err != nil:
		return "", approval.TypedLine{}, err
	case slices.Contains(run.Persons, person.ID):
		return no(fmt.Errorf("%s ran it; another person looks into its conflicts", person.ID))
	case !slices.ContainsFunc(person.Roles, func(r approval.Role) bool { return r != approval.Viewer }):
		return no(fmt.Errorf("%s may only look", person.ID))
	}
	typed, err := person.types(ctx, n.a, "settle its conflicts", "/bcctl settle "+run.Request+" "+run.Run, approval.NamespaceConfirm)
	if errors.Is(err, errNotTheLine) {
		return no(err)
	}
	return person.ID, typed, err
}

// record writes to the audit log how the run was compared.
func (n *reconciling) record(ctx context.Context, run waitingRun, v approval.Verdict, conflicts []string, settled []ledger.Record, evidence []audit.Evidence) error {
	reasons := []string{"OFF-06"}
	for _, c := range conflicts {
		rule, _, _ := strings.Cut(c, " ")
		reasons = append(reasons, rule)
	}
	by := n.a.actor()
	if roster, ok := n.r.repo.Roster(); ok && len(settled[0].Persons) > 0 {
		by = personActor(roster.Spec, settled[0].Persons[0], by)
	}
	for _, r := range settled {
		name, data, err := r.Encode()
		if err != nil {
			return err
		}
		evidence = append(evidence, audit.Evidence{Name: "ledger/" + name, SHA256: audit.SHA256(data)})
	}
	digest := strings.TrimPrefix(run.Digest, "sha256:")
	return n.write(ctx, audit.Entry{Type: audit.RequestEvaluated, Actor: &by, System: string(v.Target), Action: "reconcile", Outcome: audit.Succeeded,
		Request: &audit.Request{Digest: digest}, Policy: &audit.Policy{Rule: "bcctl-approval-v1", Digest: digest, Required: []string{}, Approvals: []audit.Approval{}},
		Reasons: slices.Compact(slices.Sorted(slices.Values(reasons))), Evidence: evidence})
}

// write adds entries to the audit log. What is signed and waits on this machine is
// brought by the next command that writes there.
func (n *reconciling) write(ctx context.Context, entries ...audit.Entry) error {
	switch err := n.book.Record(ctx, entries...); {
	case errors.Is(err, logbook.ErrUnsealed), errors.Is(err, gitlog.ErrSpooled):
		n.a.remark("audit: %v", err)
		return nil
	case err != nil:
		return auditFailure(err)
	default:
		return nil
	}
}

// review keeps a comment on the pull request: what ran, who signed, and what contradicts
// it. It is where people look at it afterwards.
func (n *reconciling) review(ctx context.Context, pull int, run waitingRun, own []ledger.Record, signed []approval.SignedStatement, conflicts []string, settled string) error {
	if pull == 0 {
		return nil // there is no place; the conflict says so
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## Run without GitHub: please review\n\nRun `%s`, confirmed by %s, began %s", run.Run, md(strings.Join(run.Persons, ", ")), run.At.Format(time.RFC3339))
	h := ledger.Of(own, run.Request)
	if h.Finished != nil {
		fmt.Fprintf(&b, ", and %s at %s", md(h.Finished.Result), h.Finished.At.Format(time.RFC3339))
	} else {
		b.WriteString(", and changed nothing")
	}
	fmt.Fprintf(&b, ". It is %s. Targets: %s.\n\n", run.numbers(own), md(strings.Join(run.Keys, ", ")))
	for _, c := range conflicts {
		fmt.Fprintf(&b, "- **Conflict**: %s\n", md(c))
	}
	if settled != "" {
		fmt.Fprintf(&b, "\nSettled: %s\n", md(settled))
	}
	b.WriteString("\nSigned statements:\n")
	for _, raw := range signed {
		s, err := approval.DecodeStatement(raw.Statement)
		if err != nil {
			continue // it counted for nothing
		}
		fmt.Fprintf(&b, "\n- %s by %s as %s, %s, incident %s\n\n```\n%s\n%s```\n", s.Decision, md(s.Person), s.Role, s.Issued.Format(time.RFC3339), md(s.Incident), bytes.TrimSpace(raw.Statement), raw.Signature)
	}
	// Attempts that come later have a review of their own.
	place := "offline-" + run.Run
	if first := run.attempts[0].Attempt; first > 1 {
		place = fmt.Sprintf("%s-%d", place, first)
	}
	_, err := n.forge.KeepComment(ctx, pull, place, b.String())
	return forgeError(err)
}

// md is a text that Markdown does not read as anything else.
func md(text string) string { return "`" + strings.ReplaceAll(term.Sanitize(text), "`", "'") + "`" }
