// Package pgpairtest starts PostgreSQL laboratories for tests.
package pgpairtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

// Start makes a laboratory and destroys it when the test ends. Options.Dir may
// be empty: then it lies in a temporary directory. Unless Options.Template is
// set, the laboratories of one test binary are made from one template and share
// their system identifier; NoTemplate asks for one of its own.
//
// The test is skipped where PostgreSQL is not installed, and fails there when
// BCCTL_TEST_REQUIRE contains "postgres".
func Start(t testing.TB, o pgpair.Options) *pgpair.Lab {
	t.Helper()
	Require(t)
	base, err := os.MkdirTemp("/tmp", "bcctl-pg-")
	if err != nil {
		t.Fatalf("make a directory for the laboratory: %v", err)
	}
	if err := os.Chmod(base, 0o711); err != nil { // the servers' user must get through
		t.Fatalf("open the laboratory's directory: %v", err)
	}
	g, err := newGuard(base)
	if err != nil {
		t.Fatalf("guard the laboratory: %v", err)
	}
	t.Cleanup(func() {
		if err := g.release(); err != nil {
			t.Errorf("clean up the laboratory: %v", err)
		}
	})
	if o.Dir == "" {
		o.Dir = filepath.Join(base, "lab")
	}
	switch o.Template {
	case "":
		shared, err := template()
		if err != nil {
			t.Fatalf("make a template for laboratories: %v", err)
		}
		o.Template = shared.dir
	case NoTemplate:
		o.Template = ""
	}
	lab, err := pgpair.Up(t.Context(), o)
	if err != nil {
		t.Fatalf("start a laboratory: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := lab.Destroy(ctx); err != nil {
			t.Errorf("destroy the laboratory: %v", err)
		}
	})
	return lab
}

// NoTemplate as Options.Template gives a laboratory a system identifier of its
// own, for the price of an initdb.
const NoTemplate = "none"

// Require skips the test where PostgreSQL is not installed, or fails it when
// BCCTL_TEST_REQUIRE contains "postgres".
func Require(t testing.TB) pgpair.Binaries {
	t.Helper()
	b, err := pgpair.FindBinaries()
	switch {
	case err == nil:
	case !errors.Is(err, pgpair.ErrNotInstalled) || strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "postgres"):
		t.Fatalf("this test needs PostgreSQL: %v", err)
	default:
		t.Skipf("this test needs PostgreSQL: %v", err)
	}
	return b
}

// sharedTemplate is the template of a test binary. It keeps its guard: a pipe
// nobody holds is closed by the garbage collector.
type sharedTemplate struct {
	dir   string
	guard *guard
}

// template makes the template on first use. Its guard removes it when the test
// binary ends, because no test knows that it is the last one.
var template = sync.OnceValues(func() (sharedTemplate, error) {
	base, err := os.MkdirTemp("/tmp", "bcctl-pg-template-")
	if err != nil {
		return sharedTemplate{}, err
	}
	if err := os.Chmod(base, 0o711); err != nil {
		return sharedTemplate{}, err
	}
	g, err := newGuard(base)
	if err != nil {
		return sharedTemplate{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	shared := sharedTemplate{dir: filepath.Join(base, "template"), guard: g}
	if err := pgpair.MakeTemplate(ctx, shared.dir); err != nil {
		return sharedTemplate{}, fmt.Errorf("in %s: %w", base, err)
	}
	return shared, nil
})
