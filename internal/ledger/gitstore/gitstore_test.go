package gitstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/internal/ledger/ledgertest"
)

// rounds is how often two racers meet; BCCTL_TEST_ROUNDS asks for more.
func rounds(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("BCCTL_TEST_ROUNDS")); err == nil && n > 0 {
		return n
	}
	if testing.Short() {
		return 5
	}
	return 40
}

func repository(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	if out, err := exec.CommandContext(t.Context(), "git", append([]string{"init", "--quiet", dir}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	return dir
}

func TestRemote(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, ledgertest.Options{Rounds: rounds(t), Open: func(t *testing.T) func() ledgertest.Store {
		bare := repository(t, "--bare")
		return func() ledgertest.Store {
			// Each runner has a clone of its own.
			return &gitstore.Store{Dir: repository(t), Remote: bare}
		}
	}})
}

func TestLocal(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, ledgertest.Options{Rounds: rounds(t), Open: func(t *testing.T) func() ledgertest.Store {
		dir := repository(t)
		return func() ledgertest.Store { return &gitstore.Store{Dir: dir} }
	}})
}
