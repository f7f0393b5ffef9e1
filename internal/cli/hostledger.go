package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/dirstore"
)

// offlineDir is where this host keeps what belongs to runs of a repository without
// GitHub; empty where nothing is configured. The configured folder must be there: one
// that is made because a medium is not mounted would be another one.
func (a *app) offlineDir(r *repository) (string, error) {
	if r.settings.Offline.Dir == "" {
		return "", nil
	}
	dir := a.path(r.settings.Offline.Dir)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", fail(exitConfig, fmt.Errorf("offline.dir: there is no folder %s; is its medium mounted?", dir), "")
	}
	return filepath.Join(dir, strconv.FormatInt(r.settings.GitHub.RepositoryID, 10)), nil
}

// hostRecords are the records of the ledger of this host.
func (a *app) hostRecords(ctx context.Context, r *repository) ([]ledger.Record, error) {
	dir, err := a.offlineDir(r)
	if err != nil || dir == "" {
		return nil, err
	}
	return hostLedger(dir).All(ctx)
}

// hostLedger is the ledger in the folder that offlineDir gives.
func hostLedger(dir string) dirstore.Store { return dirstore.Store{Dir: filepath.Join(dir, "ledger")} }
