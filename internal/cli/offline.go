package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
)

// signedOptions say where that is which counts instead of GitHub.
type signedOptions struct {
	on         bool
	snapshot   string
	statements []string
}

func (o *signedOptions) flags() flagSection {
	f := pflag.NewFlagSet("offline", pflag.ContinueOnError)
	f.BoolVar(&o.on, "offline", false, "without GitHub, by signed statements, a trust snapshot and this clone")
	f.StringVar(&o.snapshot, "snapshot", "", "folder of the trust snapshot")
	f.StringArrayVar(&o.statements, "statements", nil, "signed statement, or a folder of them; may be repeated")
	return flagSection{"Without GitHub", f}
}

// check refuses flags that belong to --offline without it, and the other way round.
func (o *signedOptions) check(cmd *cobra.Command) error {
	switch {
	case o.on && o.snapshot == "":
		return usage(errors.New("--offline needs the trust snapshot that counts"), cmd.CommandPath()+" REQUEST --offline --snapshot trust --statements statements")
	case !o.on && (o.snapshot != "" || len(o.statements) > 0):
		return usage(errors.New("--snapshot and --statements are for --offline"), cmd.CommandPath()+" --help")
	}
	return nil
}

// offlineRequest loads the configuration of the clone, and finds a request in it.
func (a *app) offlineRequest(ctx context.Context, cmd *cobra.Command, what string) (*repository, *config.Request, error) {
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return nil, nil, err
	}
	if r.settings.GitHub.RepositoryID == 0 {
		return nil, nil, fail(exitConfig, errors.New("github.repository-id is not set, and digests are bound to it"), "write it into bcctl.yaml")
	}
	if prefix, err := git.Prefix(ctx, r.dir); err != nil || prefix != "" {
		return nil, nil, fail(exitConfig, errors.Join(errors.New("offline, the configuration is at the root of its Git repository"), err), "")
	}
	if _, pull := pullNumber(what); pull {
		return nil, nil, usage(errors.New("GitHub alone knows pull requests; name the request by its id or its file"), "")
	}
	q, err := a.findRequest(r, what)
	return r, q, err
}

// clone reads about requests without GitHub. More tells what this host knows of an
// attempt; nil: nothing is run.
func (a *app) clone(r *repository, o signedOptions, more func(context.Context, *approval.OfflineEvidence, string, int) error) (*verdict.Clone, error) {
	snapshot, signatures, err := a.readSnapshot(o.snapshot)
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("read the trust snapshot: %w", err), "bcctl trust snapshot show --snapshot DIR")
	}
	statements, err := a.readStatements(o.statements)
	if err != nil {
		return nil, err
	}
	seen, err := a.seenSnapshot(r)
	if err != nil {
		return nil, err
	}
	if s, err := approval.VerifySnapshot(snapshot, signatures, r.trust()); err == nil && s.Version > seen && s.Repository == r.settings.GitHub.RepositoryID {
		if err := a.sawSnapshot(r, s.Version); err != nil { // from now on no older one counts here
			return nil, err
		}
		seen = s.Version
	}
	host := r.settings.Offline.Host
	if host == "" {
		if host, err = os.Hostname(); err != nil {
			host = "" // which no policy names
		}
	}
	return &verdict.Clone{
		Dir: r.dir, Remote: r.settings.Audit.Remote, RepositoryID: r.settings.GitHub.RepositoryID, Catalog: r.registry, Builtin: builtinFile, Now: a.Now,
		Trust: r.trust(),
		Signed: func(ctx context.Context, request string, attempt int) (approval.OfflineEvidence, error) {
			e := approval.OfflineEvidence{Asked: approval.FactOf(o.on), Host: host, Snapshot: snapshot, Signatures: signatures, HighestSeen: &seen, Statements: statements}
			if more == nil {
				return e, nil
			}
			err := more(ctx, &e, request, attempt)
			return e, err
		},
		Ledger: func(ctx context.Context, request string, keys []string) (approval.Ledger, error) {
			records, err := a.knownRecords(ctx, r)
			if err != nil {
				return approval.Ledger{}, err
			}
			l := verdict.LedgerOf(records, request, keys)
			// Whether a run may go on does not wait for its own reconciliation.
			own := ledger.RunsOf(records, request)
			l.Unreconciled.Items = slices.DeleteFunc(l.Unreconciled.Items, func(run string) bool { return slices.Contains(own, run) })
			return l, nil
		},
	}, nil
}

// readStatements reads statements with the signatures beside them. One without is read
// too: the verdict says what is wrong with it.
func (a *app) readStatements(from []string) ([]approval.SignedStatement, error) {
	var files []string
	for _, path := range from {
		path = a.path(path)
		info, err := os.Stat(path)
		if err != nil {
			return nil, usage(fmt.Errorf("read the statements: %w", err), "")
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "*.json"))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) > maxSignatures {
		return nil, usage(fmt.Errorf("%d statements are more than the %d that are read", len(files), maxSignatures), "")
	}
	var list []approval.SignedStatement
	for _, path := range files {
		text, err := readAtMost(path)
		if err != nil {
			return nil, err
		}
		signature, err := readAtMost(path + ".sig")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		list = append(list, approval.SignedStatement{Statement: text, Signature: signature})
	}
	return list, nil
}

// knownRecords are what this host knows of the ledger without asking anybody: its own,
// and the shared one as it was fetched last.
func (a *app) knownRecords(ctx context.Context, r *repository) ([]ledger.Record, error) {
	if r.settings.Ledger.URL != "" {
		return nil, fail(exitConfig, errors.New("the ledger is in a database (ledger.url), of which a clone has no copy: what was withdrawn, claimed or finished is not known without it, so nothing is decided offline"), "use the ledger on branches where runs without GitHub are needed")
	}
	store := &gitstore.Store{Dir: r.dir, Remote: r.settings.Audit.Remote, Now: a.Now}
	shared, err := store.Fetched(ctx)
	if err != nil {
		return nil, err
	}
	own, err := a.hostRecords(ctx, r)
	if err != nil {
		return nil, err
	}
	return ledger.Merge(shared, own), nil
}

// explainOffline says how far signed statements are, and what is missing. No connection
// is made.
func (a *app) explainOffline(ctx context.Context, cmd *cobra.Command, what, output string, o signedOptions) error {
	if output != "" && output != "table" && output != "json" {
		return usage(fmt.Errorf("a request is explained as table or json, not as %q", output), "bcctl explain REQUEST -o json")
	}
	r, q, err := a.offlineRequest(ctx, cmd, what)
	if err != nil {
		return err
	}
	reader, err := a.clone(r, o, nil)
	if err != nil {
		return err
	}
	c, err := reader.Read(ctx, verdict.Query{Path: q.Origin.File, Mode: approval.ModeOfflineReview})
	if err != nil {
		return fail(exitConfig, err, "")
	}
	v := approval.Verify(c.Case)
	show := render.Verdict
	if output == "json" {
		show = render.VerdictJSON
	}
	if err := show(a.Stdout, render.VerdictView{Verdict: v}); err != nil {
		return err
	}
	if !v.Allowed {
		return verdictError(exitNotApproved)
	}
	return nil
}
