package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/dirstore"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// executeOffline runs a request while GitHub does not answer: the same run, with other
// places for what decides, for lock and claim, and for the record.
func (a *app) executeOffline(ctx context.Context, cmd *cobra.Command, what string, o executeOptions) error {
	switch {
	case o.event:
		return usage(errors.New("--event is GitHub's, and --offline is without it"), "")
	case !a.typedBy():
		return usage(errors.New("the confirmation is typed by a person at a terminal; standard input is none (CONF-08)"), "bcctl execute "+what+" --offline at a terminal")
	}
	r, q, err := a.offlineRequest(ctx, cmd, what)
	if err != nil {
		return err
	}
	x := &running{a: a, r: r, path: q.Origin.File}
	if err := x.load(); err != nil {
		return err
	}
	reader, release, err := x.withoutGitHub(ctx, o.signed)
	if err != nil {
		return err
	}
	defer release()
	return x.start(ctx, reader)
}

// withoutGitHub lets a run be looked at and gone on with on this host: its folder is held
// until release is called, and statements and the clone say who may.
func (x *running) withoutGitHub(ctx context.Context, o signedOptions) (reader *verdict.Clone, release func(), err error) {
	a, r := x.a, x.r
	x.snapshot = o.snapshot
	x.again += " --offline --snapshot " + render.Quote(o.snapshot)
	for _, s := range o.statements {
		x.again += " --statements " + render.Quote(s)
	}
	if x.offline, err = a.offlineDir(r); err != nil {
		return nil, nil, err
	}
	if x.offline == "" {
		return nil, nil, fail(exitConfig, errors.New("offline.dir is not set: a run without GitHub needs a folder on another medium for its lock, its claim and its record (OFF-05, SI-1)"), "set "+settingVariable("offline.dir")+", or offline.dir in your own settings file")
	}
	if err := x.onAnotherMedium(); err != nil {
		return nil, nil, err
	}
	store := hostLedger(x.offline)
	letGo, err := store.Hold()
	switch {
	case errors.Is(err, dirstore.ErrBusy):
		return nil, nil, fail(exitLocked, fmt.Errorf("OFF-05: %w: one run without GitHub at a time", err), "wait for it, or look at its terminal")
	case err != nil:
		return nil, nil, fail(exitConfig, fmt.Errorf("offline.dir: %w", err), "")
	}
	release = func() { _ = letGo() } // it ends with this process
	defer func() {
		if err != nil {
			release()
		}
	}()
	answered, err := a.answers(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	reader, err = a.clone(r, o, func(ctx context.Context, e *approval.OfflineEvidence, request string, attempt int) error {
		records, err := store.All(ctx)
		if err != nil {
			return err
		}
		claimed := slices.ContainsFunc(ledger.Of(records, request).Claims, func(c ledger.Record) bool { return c.Attempt == attempt && c.Run == x.run })
		e.Answered, e.HostLock, e.LocalClaim = answered, approval.Yes, approval.FactOf(claimed)
		e.Begun = approval.FactOf(x.state.Changed() && slices.Contains(ledger.RunsOf(records, request), x.run))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	x.roster = func(ctx context.Context) (approval.Roster, error) { return x.rosterOfSnapshot(ctx, reader) }
	return reader, release, nil
}

// rosterOfSnapshot is the roster that root keys signed, where this host may do without
// GitHub now.
func (x *running) rosterOfSnapshot(ctx context.Context, reader *verdict.Clone) (approval.Roster, error) {
	c, err := reader.Read(ctx, verdict.Query{Path: x.path, Mode: approval.ModeOfflineReview})
	if err != nil {
		return approval.Roster{}, fail(exitConfig, err, "")
	}
	c.ToRun = true
	for _, d := range approval.Verify(c.Case).Denials {
		switch d.Rule {
		case "OFF-01", "OFF-02", "OFF-05", "PR-01":
			return approval.Roster{}, fail(exitNotApproved, fmt.Errorf("%s %s: %s", d.Rule, d.Subject, d.Message), strings.Replace(x.again, "execute", "explain", 1))
		}
	}
	return c.Roster.Spec, nil
}

// answers asks GitHub for the repository, once. An answer of any kind is one.
func (a *app) answers(ctx context.Context, r *repository) (approval.Fact, error) {
	c, err := a.forge(ctx, r.settings)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_, err = c.Repository(ctx)
	return approval.FactOf(!errors.Is(err, forge.ErrUnavailable)), nil
}

// onAnotherMedium checks that what is written for others to find would survive this
// machine's disk (SI-1).
func (x *running) onAnotherMedium() error {
	runs, err := x.a.runsDir(x.r)
	if err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(runs, 0o700), os.MkdirAll(x.offline, 0o700)); err != nil {
		return fail(exitConfig, err, "")
	}
	medium := x.a.Medium
	if medium == nil {
		medium = mediumOf
	}
	places := map[string]string{"offline.dir": x.offline}
	if dir := x.r.settings.Audit.Dir; dir != "" {
		places["audit.dir"] = x.a.path(dir)
	}
	here, err := medium(runs)
	if err != nil {
		return fail(exitConfig, err, "")
	}
	for name, dir := range places {
		switch there, err := medium(dir); {
		case err != nil:
			return fail(exitConfig, fmt.Errorf("%s: %w", name, err), "")
		case there == here:
			return fail(exitConfig, fmt.Errorf("%s is on the same medium as the journal in %s: the record of a run must survive this machine (SI-1)", name, runs), "name a folder of another disk or host")
		}
	}
	return nil
}

// apart lets a book write where no remote is asked.
func (x *running) apart(ctx context.Context, book *logbook.Book) error {
	s := x.r.settings.Audit
	if s.Dir != "" {
		return nil // it is a folder already
	}
	pin, err := logbook.ReadPin(book.PinFile)
	if err != nil {
		return err
	}
	book.Store, err = gitlog.Open(ctx, gitlog.Options{Dir: x.r.dir, Ref: s.Ref, Remote: s.Remote, Pin: pin, Now: x.a.Now, Folder: auditFolder(x.offline)})
	return err
}

// auditFolder is where signed segments of runs without GitHub wait.
func auditFolder(dir string) string { return filepath.Join(dir, "audit") }

// evidenceFile is what decided about an attempt without GitHub, for the one who compares
// it afterwards.
func evidenceFile(dir, run string, attempt int) string {
	return filepath.Join(dir, "evidence", fmt.Sprintf("%s-%06d.json", run, attempt))
}

// keepEvidence writes what decided beside the claim that is about to be made: the
// statements, the snapshot, what was typed, and what was read of the clone.
func (x *running) keepEvidence(g *execute.Guard, attempt int) error {
	data, err := json.Marshal(g.Case.Evidence)
	if err != nil {
		return err
	}
	file := evidenceFile(x.offline, x.run, attempt)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteMode(file, data, 0o600)
}

// wayOut is what else there is to do when GitHub does not answer.
func (x *running) wayOut() string {
	if x.offline != "" || x.request == nil {
		return ""
	}
	return offlineWay(x.request.Name())
}

func offlineWay(request string) string {
	return "; or without GitHub, where the policy allows it: bcctl execute " + render.Quote(request) + " --offline --snapshot DIR --statements DIR (docs/offline.md)"
}

// unanswered adds the way out to an error of a GitHub that does not answer.
func (x *running) unanswered(what string, err error) error {
	var f *failure
	if !errors.As(err, &f) || !errors.Is(err, forge.ErrUnavailable) {
		return err
	}
	if _, pull := pullNumber(what); pull {
		what = "REQUEST"
	}
	return fail(f.code, f.err, strings.TrimPrefix(f.hint+offlineWay(what), "; "))
}
