package pgpair

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// run runs one of the PostgreSQL programs as the servers' user. Its environment
// holds nothing of ours: a long-running server must not carry the caller's
// tokens about, and a PGHOST or PGDATA of the caller must not redirect it.
func (l *Lab) run(ctx context.Context, program string, args ...string) error {
	return run(ctx, l.account, l.state.Binaries.path(program), args...)
}

func run(ctx context.Context, a account, path string, args ...string) error {
	program := filepath.Base(path)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/"}
	if lib, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+lib)
	}
	cmd.Dir = "/" // our own may be one the servers' user cannot enter
	cmd.WaitDelay = time.Second
	runAs(a, cmd)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if text := strings.TrimSpace(string(out)); text != "" {
		return fmt.Errorf("%s: %w: %s", program, err, lastLines(text, 5))
	}
	return fmt.Errorf("%s: %w", program, err)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// initdb makes an empty database cluster. Its WAL files have 1 MiB instead of
// 16, so that copying, switching and losing them is quick.
func (l *Lab) initdb(ctx context.Context, dataDir string) error {
	return initdb(ctx, l.state.Binaries, l.account, dataDir)
}

func initdb(ctx context.Context, b Binaries, a account, dataDir string) error {
	return run(ctx, a, b.path("initdb"), "-D", dataDir, "-U", superuser, "--auth=reject", // our own pg_hba.conf decides
		"--encoding=UTF8", "--no-locale", "--wal-segsize=1", "--no-sync")
}

// MakeTemplate makes a directory that Options.Template takes: a database cluster
// that was never started. The directory must not exist, its parent must. Like
// Up, it leaves nothing when it fails.
func MakeTemplate(ctx context.Context, dir string) error {
	b, err := FindBinaries()
	if err != nil {
		return err
	}
	a, err := serverAccount()
	if err != nil {
		return err
	}
	if dir, err = resolve(dir); err != nil {
		return err
	}
	if err := a.canReach(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := a.mkdir(dir); err != nil {
		return fmt.Errorf("make template: %w", err)
	}
	if err := initdb(ctx, b, a, filepath.Join(dir, "data")); err != nil {
		return errors.Join(fmt.Errorf("make template: %w", err), os.RemoveAll(dir))
	}
	return nil
}

// copyTree copies a data directory that no server uses, for the account.
func copyTree(from, to string, a account) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return a.mkdir(target)
		case d.Type().IsRegular():
			return copyFile(path, target, a)
		default:
			return fmt.Errorf("%s is neither a file nor a directory", path)
		}
	})
}

func copyFile(from, to string, a account) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := out.ReadFrom(in); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := out.Close(); err != nil {
		return err
	}
	return a.own(to)
}
