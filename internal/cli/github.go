package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/pgstore"
	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// forge makes the client for the repository's GitHub. The credential is resolved now.
func (a *app) forge(ctx context.Context, s Settings) (*forge.Client, error) {
	g := s.GitHub
	owner, name, ok := strings.Cut(g.Repository, "/")
	if !ok || owner == "" || name == "" {
		return nil, fail(exitConfig, errors.New("github.repository is not set; write owner/name into bcctl.yaml"), "bcctl help environment")
	}
	auth, err := a.githubAuth(ctx, g)
	if err != nil {
		return nil, fail(exitConfig, err, "bcctl doctor --github")
	}
	cache := a.cacheDir()
	if cache == "" {
		return nil, fail(exitConfig, errors.New("neither XDG_CACHE_HOME nor HOME is set; git objects need a place"), "")
	}
	if g.APIURL == "" && a.getenv("GITHUB_ACTIONS") == "true" {
		g.APIURL = a.getenv("GITHUB_API_URL") // a server of one's own says so itself
	}
	options := forge.Options{
		APIURL: g.APIURL, Owner: owner, Name: name, RepositoryID: g.RepositoryID, UserAgent: "bcctl/" + version(), Now: a.Now, Sleep: a.Sleep,
		Mirror: filepath.Join(cache, "bcctl", "github", safeName(g.Repository)+"-"+shortHash(g.APIURL+" "+g.Repository)+".git"),
		Auth:   auth,
	}
	c, err := forge.New(options)
	if err != nil {
		return nil, fail(exitConfig, err, "bcctl help environment")
	}
	return c, nil
}

// signedIn lets git sign in as the App where one is configured: locks, records and the
// audit log are the App's to write (LOCK-06, AUD-01), and a checkout of a workflow keeps
// no credential.
func signedIn(ctx context.Context, r *repository, c *forge.Client) context.Context {
	if r.settings.GitHub.AppID == 0 {
		return ctx
	}
	return git.WithSignIn(ctx, c.SignIn)
}

// asApp is signedIn for commands that ask GitHub for nothing else. Where the App's key is
// not there, the credential of the checkout is used: whether it may write is the remote's
// to say. done is called in the end.
func (a *app) asApp(ctx context.Context, r *repository) (signed context.Context, done func()) {
	if r.settings.GitHub.AppID == 0 {
		return ctx, func() {}
	}
	c, err := a.forge(ctx, r.settings)
	if err != nil {
		a.remark("git signs in with the credential of this checkout, not as the App: %v", err)
		return ctx, func() {}
	}
	return signedIn(ctx, r, c), c.Close
}

// ownToken is the default of github.token.
const ownToken = "env:GITHUB_TOKEN"

// githubAuth resolves the credential: an App's key where an App is configured, else a
// token.
func (a *app) githubAuth(ctx context.Context, g GitHubSettings) (forge.Auth, error) {
	resolver := secret.NewResolver(a.Lookup)
	if g.AppID != 0 || g.InstallationID != 0 || g.AppKey != "" {
		key, err := resolver.Value(ctx, config.SecretRef(g.AppKey))
		if err != nil {
			return nil, fmt.Errorf("github.app-key: %w", err)
		}
		return forge.NewApp(g.AppID, g.InstallationID, g.RepositoryID, key)
	}
	if g.Token == ownToken {
		// Documents may not name it, so that none sends it to a database; this setting is
		// what it is for.
		token, err := secret.Env{Lookup: a.Lookup}.Resolve(ctx, "GITHUB_TOKEN")
		return forge.Token(token), err
	}
	token, err := resolver.Value(ctx, config.SecretRef(g.Token))
	if err != nil {
		return nil, fmt.Errorf("github.token: %w", err)
	}
	return forge.Token(token), nil
}

// cacheDir is where what can be read again is kept.
func (a *app) cacheDir() string {
	if dir := a.getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := a.getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache")
	}
	return a.getenv("LocalAppData")
}

// verdicts reads and decides about requests of a repository.
func (a *app) verdicts(r *repository, c *forge.Client) *verdict.Reader {
	return &verdict.Reader{
		Forge: c, RepositoryID: r.settings.GitHub.RepositoryID, Catalog: r.registry, Workflow: executeWorkflow, Now: a.Now, Sleep: a.sleep(),
		Builtin: builtinFile, Ledger: a.ledgerOf(r),
	}
}

// executeWorkflow is the one workflow that may execute, as `bcctl init` writes it.
const executeWorkflow = ".github/workflows/execute.yml"

// builtinFile is a file that is part of bcctl, by its pinned path.
func builtinFile(path string) ([]byte, bool) {
	name, ok := strings.CutPrefix(path, "bcctl:runbooks/")
	if !ok {
		return nil, false
	}
	return runbook.BuiltinSource(name)
}

// ledgerStore is where the locks and the records of a repository are.
func (a *app) ledgerStore(r *repository) interface {
	ledger.Cells
	ledger.Records
} {
	if l := r.settings.Ledger; l.URL != "" {
		return &pgstore.Store{
			URL:              func(ctx context.Context) (string, error) { return a.secretValue(ctx, "ledger.url", l.URL) },
			SystemIdentifier: l.SystemIdentifier, Repository: r.settings.Repository,
		}
	}
	return r.ledger(a.Now)
}

// allRecords reads the ledger beside the repository, where it has a remote, and what runs
// without GitHub left on this host: others learn of those when they are reconciled
// (OFF-06).
func (a *app) allRecords(r *repository) func(context.Context) ([]ledger.Record, error) {
	store := a.ledgerStore(r)
	return func(ctx context.Context) ([]ledger.Record, error) {
		records, err := store.All(ctx)
		if err != nil {
			return nil, err
		}
		own, err := a.hostRecords(ctx, r)
		return ledger.Merge(records, own), err
	}
}

// ledgerOf is what allRecords says about a request and keys, in the terms of the rules.
func (a *app) ledgerOf(r *repository) func(context.Context, string, []string) (approval.Ledger, error) {
	all := a.allRecords(r)
	return func(ctx context.Context, request string, keys []string) (approval.Ledger, error) {
		records, err := all(ctx)
		if err != nil {
			return approval.Ledger{}, err
		}
		return verdict.LedgerOf(records, request, keys), nil
	}
}

// forgeError gives an error of the forge its exit code (API-04).
func forgeError(err error) error {
	var f *failure
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.Is(err, forge.ErrUnavailable), errors.Is(err, forge.ErrLost), errors.Is(err, forge.ErrCached):
		return fail(exitNoAnswer, fmt.Errorf("%w; nothing was decided", err), "bcctl doctor --github")
	case errors.Is(err, forge.ErrPermission), errors.Is(err, forge.ErrNotFound), errors.Is(err, forge.ErrRepository):
		return fail(exitNoAnswer, err, "bcctl doctor --github")
	default:
		return err
	}
}

// findPull finds the pull request of a request: by its id, the path of its file, or
// the number or address of the pull request.
func findPull(ctx context.Context, c *forge.Client, what string) (forge.Found, error) {
	if n, ok := pullNumber(what); ok {
		found, err := c.AtPull(ctx, n)
		return found, forgeError(err)
	}
	id := strings.TrimSuffix(what[strings.LastIndexByte(what, '/')+1:], ".yaml")
	all, err := c.Find(ctx, id)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return forge.Found{}, fail(exitFailed, fmt.Errorf("there is no pull request that adds the request %q", id), "bcctl request new TYPE TARGET")
	case err != nil:
		return forge.Found{}, forgeError(err)
	}
	// The merged one is the request; else the one that is open; else the newest.
	for _, better := range []func(forge.Found) bool{func(f forge.Found) bool { return f.Merged }, func(f forge.Found) bool { return f.State == "open" }} {
		for _, f := range all {
			if better(f) {
				return f, nil
			}
		}
	}
	return all[0], nil
}
