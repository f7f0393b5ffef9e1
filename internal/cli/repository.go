package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/rules"
)

// marker is the one file that makes a directory a configuration repository.
const marker = "bcctl.yaml"

// repository is a loaded configuration.
type repository struct {
	dir      string
	fsys     fs.FS
	commit   string // "" outside git; "+dirty" appended when files differ
	settings Settings
	repo     *config.Repo
	rules    *rules.Set
	registry connectors.Registry
	store    *gitstore.Store // made when it is needed
}

// ledger is where the locks and the records are. It is one store for all who ask: what it
// has read is not fetched again while it stands.
func (r *repository) ledger(now func() time.Time) *gitstore.Store {
	if r.store == nil {
		r.store = &gitstore.Store{Dir: r.dir, Remote: r.settings.Audit.Remote, Now: now}
	}
	return r.store
}

// findRepository goes upwards to the marker, never past a Git root.
func (a *app) findRepository() (string, error) {
	given := a.globals.repo
	if given == "" {
		given = a.getenv("BCCTL_REPO")
	}
	if given != "" {
		dir := a.path(given)
		if _, err := os.Stat(dir); err != nil {
			return "", fail(exitConfig, fmt.Errorf("directory %s does not exist", given), "")
		}
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return "", fail(exitConfig, fmt.Errorf("%s is not a configuration repository: it has no %s", given, marker), "bcctl init "+given)
		}
		return dir, nil
	}
	for dir := a.Dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, marker)); err == nil {
			return dir, nil
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil || filepath.Dir(dir) == dir {
			return "", fail(exitConfig, fmt.Errorf("no %s found from %s upwards", marker, a.Dir), "bcctl init DIR, or bcctl -C DIR ...")
		}
	}
}

// openSettings finds the repository and reads its settings, documents not yet.
func (a *app) openSettings(ctx context.Context, flags *pflag.FlagSet) (*repository, error) {
	dir, err := a.findRepository()
	if err != nil {
		return nil, err
	}
	r := &repository{dir: dir, registry: a.Registry()}
	if a.globals.asOf != "" {
		if r.fsys, r.commit, err = git.Tree(ctx, dir, a.globals.asOf); err != nil {
			return nil, fail(exitConfig, fmt.Errorf("read the configuration as of %s: %w", a.globals.asOf, err), "git log --oneline")
		}
	} else {
		r.fsys = os.DirFS(dir)
		if sha, dirty, err := git.Head(ctx, dir); err == nil {
			r.commit = sha
			if dirty {
				r.commit += "+dirty"
			}
		} // outside git there is no commit to name
	}
	data, err := fs.ReadFile(r.fsys, marker)
	if err != nil {
		return nil, fail(exitConfig, fmt.Errorf("read %s: %w", marker, err), "")
	}
	r.settings, err = a.loadSettings(data, flags)
	return r, err
}

// openRepository loads and checks everything. Any problem anywhere is an error:
// a repository with problems is not acted upon.
func (a *app) openRepository(ctx context.Context, flags *pflag.FlagSet) (*repository, error) {
	r, err := a.openSettings(ctx, flags)
	if err != nil {
		return nil, err
	}
	problems := r.load()
	if len(problems) > 0 {
		return nil, fail(exitConfig, errors.New(problems.Error()), "bcctl validate")
	}
	return r, nil
}

// load reads the documents and returns every problem of them.
func (r *repository) load() config.Problems {
	var problems config.Problems
	r.repo, problems = config.Load(r.fsys, config.Options{Catalog: r.registry})
	if len(problems) > 0 {
		// Of the rest, what follows would only repeat them.
		return append(problems, check.Runbooks(r.repo, r.registry)...).Sorted()
	}
	var platform config.Problems
	r.rules, platform = check.Validate(r.repo, r.registry)
	return append(platform, r.ledgerApart()...)
}

// ledgerApart finds resources on whose own cluster the ledger is: its locks would go down
// with the server that a run stops, or be those of a while ago.
func (r *repository) ledgerApart() config.Problems {
	ledger := r.settings.Ledger.SystemIdentifier
	if ledger == "" {
		return nil
	}
	var problems config.Problems
	for _, res := range r.repo.Resources {
		if res.Spec.Identity["systemIdentifier"] == ledger {
			problems = append(problems, res.Origin.Problem("the ledger (ledger.system-identifier of bcctl.yaml) is in this very cluster", "keep locks and claims on a cluster that no run changes, or on branches", "spec", "identity", "systemIdentifier"))
		}
	}
	return problems
}

// storeURL is where this repository's history is: one file per repository.
func (a *app) storeURL(r *repository) (string, error) {
	if a.globals.store != "" {
		return a.globals.store, nil
	}
	if r.settings.Store.URL != "" {
		return r.settings.Store.URL, nil
	}
	state := a.userDir("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if state == "" {
		return "", errors.New("neither XDG_STATE_HOME nor HOME is set; say where history goes with --store FILE")
	}
	name := r.settings.Repository
	if name == "" {
		name = filepath.Base(r.dir)
	}
	return filepath.Join(state, "bcctl", safeName(name)+"-"+shortHash(r.dir)+".db"), nil
}

func safeName(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return '-'
	}, s)
}
