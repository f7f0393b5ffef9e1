package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/bcctl/bcctl/internal/lab/fleet"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/pgpair/pgpairtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bcctl": func() { os.Exit(Main()) }, mortalName: func() { os.Exit(mortal()) }, personName: func() { os.Exit(person()) }})
}

// TestScripts runs the command line as people type it.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// TestPostgresScripts does the same with a laboratory of real servers.
func TestPostgresScripts(t *testing.T) {
	pgpairtest.Require(t)
	runScripts(t, "testdata/postgres")
}

func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, ".state"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
			env.Setenv("LC_ALL", "C")
			return labDirectory(env)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"example": example,
			"commit":  commit,
			"auditto": auditto,
			"witness": witness,
		},
	})
}

// labDirectory gives a script a place for a laboratory that the user who runs the
// servers can enter, and removes what a failed script left there.
func labDirectory(env *testscript.Env) error {
	dir, err := os.MkdirTemp("/tmp", "bcctl-script")
	if err != nil {
		return err
	}
	env.Setenv("LAB", filepath.Join(dir, "lab"))
	env.Defer(func() {
		// The script's own failure is what counts.
		if f, err := fleet.Open(filepath.Join(dir, "lab")); err == nil {
			_ = f.Destroy(context.Background())
		} else if lab, err := pgpair.Open(filepath.Join(dir, "lab")); err == nil {
			_ = lab.Destroy(context.Background())
		}
		_ = os.RemoveAll(dir)
	})
	return os.Chmod(dir, 0o755)
}

// exits runs a command and checks its exact exit code: exits 4 bcctl check. Its
// output is then in stdout and stderr, as for exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// example writes an example repository: example demo DIR.
func example(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: example NAME DIR")
	}
	files, err := scaffoldFiles(args[0])
	ts.Check(err)
	for _, f := range files {
		ts.Check(writeNew(filepath.Join(ts.MkAbs(args[1]), filepath.FromSlash(f.name)), f.data))
	}
}

// commit makes the folder a Git repository if it is none, and commits everything:
// commit DIR.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(ts.Exec("git", "init", "--quiet", "--initial-branch=main", dir))
	ts.Check(ts.Exec("git", "-C", dir, "add", "--all"))
	ts.Check(ts.Exec("git", "-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.net", "commit", "--quiet", "--allow-empty", "--message=Change"))
}

// auditto gives a repository a bare remote, and the environment the settings of an
// audit log there, with keys made in $WORK/keys: auditto DIR REMOTE.
func auditto(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: auditto DIR REMOTE")
	}
	dir, remote := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	ts.Check(ts.Exec("git", "init", "--quiet", "--bare", remote))
	ts.Check(ts.Exec("git", "-C", dir, "remote", "add", "origin", remote))
	ts.Check(ts.Exec("bcctl", "audit", "keygen", "--origin", "example.com/acme/audit", "--out", ts.Getenv("WORK")+"/keys"))
	ts.Setenv("BCCTL_AUDIT_ORIGIN", "example.com/acme/audit")
	ts.Setenv("BCCTL_AUDIT_KEY", "file:"+ts.Getenv("WORK")+"/keys/writer.pem")
	ts.Setenv("BCCTL_AUDIT_LOG_KEY", "file:"+ts.Getenv("WORK")+"/keys/log.key")
}

// witness does what a witness of an audit log does: witness NAME makes its key and
// its public half is the variable WITNESS; witness NAME NOTE ANSWER cosigns a checkpoint.
func witness(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: witness NAME [NOTE ANSWER]")
	}
	held := ts.MkAbs(args[0]) + ".key"
	if len(args) == 1 {
		private, public, err := note.GenerateKey(rand.Reader, args[0])
		ts.Check(err)
		public, err = cosignature.VKeyToCosignatureV1(public)
		ts.Check(err)
		ts.Check(os.WriteFile(held, []byte(private), 0o600))
		ts.Setenv("WITNESS", public)
		return
	}
	signer, err := cosignature.NewSignerForCosignatureV1(ts.ReadFile(held))
	ts.Check(err)
	text, _, _ := strings.Cut(ts.ReadFile(args[1]), "\n\n")
	answer, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), answer, 0o600))
}
