package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/dirlog"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// measureAppends records single entries, each sealed, as bcctl check does.
func measureAppends(ctx context.Context, long string, n int) (err error) {
	dir, err := os.MkdirTemp("", "bcctl-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	git := func(args ...string) error {
		if out, err := exec.CommandContext(ctx, "git", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %v: %w: %s", args, err, out)
		}
		return nil
	}
	local, bare, clone := filepath.Join(dir, "local"), filepath.Join(dir, "bare.git"), filepath.Join(dir, "clone")
	if err := errors.Join(git("init", "--quiet", local), git("init", "--quiet", "--bare", bare), git("clone", "--quiet", bare, clone)); err != nil {
		return err
	}
	branch, err := gitlog.Open(ctx, gitlog.Options{Dir: local})
	if err != nil {
		return err
	}
	pushed, err := gitlog.Open(ctx, gitlog.Options{Dir: clone, Remote: "origin"})
	if err != nil {
		return err
	}
	for _, place := range []struct {
		what  string
		store audit.Store
	}{{"a directory", dirlog.Open(filepath.Join(dir, "log"), nil)}, {"a branch", branch}, {"a branch, pushed", pushed}} {
		k, err := newKeys()
		if err != nil {
			return err
		}
		b := &logbook.Book{Store: place.store, Origin: origin, Signer: k.writer, Key: &k.log, Tool: "bcctl bench"}
		if err := logbook.Begin(ctx, b, k.trust); err != nil {
			return err
		}
		begun := time.Now()
		for range n {
			if err := b.Record(ctx, verdict("payments", 0)); err != nil {
				return err
			}
		}
		took := time.Since(begun)
		fmt.Printf("record and seal in %-20s %7.1f a second, %s each\n", place.what, float64(n)/took.Seconds(), (took / time.Duration(n)).Round(time.Millisecond))
	}
	begun := time.Now()
	if _, err := dirlog.Open(long, nil).View(ctx); err != nil {
		return err
	}
	fmt.Printf("looking at the long log before an append  %.3f s\n", time.Since(begun).Seconds())
	return nil
}
