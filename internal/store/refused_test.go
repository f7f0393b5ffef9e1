package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
)

// refused opens a file that cannot be used, and checks that it stays as it was.
func refused(t *testing.T, path string, want error, words ...string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), path)
	if !errors.Is(err, want) {
		t.Fatalf("Open: %v, want %v", err, want)
	}
	for _, word := range append(words, path) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestOpenNewerFile(t *testing.T) {
	path := newFile(t)
	execRaw(t, path, `PRAGMA user_version = 99`)
	refused(t, path, store.ErrNewer, "version 99", "upgrade bcctl")
}

func TestOpenForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.sqlite")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	execRaw(t, path, `CREATE TABLE bookmarks (url TEXT)`)
	refused(t, path, store.ErrForeign, "another file")
}

func TestOpenTextFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, path, store.ErrDamaged, "may be deleted", "history only")
}

func TestOpenTruncatedFile(t *testing.T) {
	path := newFile(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:5000], 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, path, store.ErrDamaged, "may be deleted")
}

// TestDamagedInside overwrites everything behind the first page, which opening
// does not look at.
func TestDamagedInside(t *testing.T) {
	path := newFile(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(whole); i++ {
		whole[i] = 0x55
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), path)
	if err == nil {
		_, err = db.Runs(t.Context(), store.Query{})
		if closed := db.Close(); closed != nil {
			t.Error(closed)
		}
	}
	if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("reading a damaged file: %v, want %v with its path", err, store.ErrDamaged)
	}
}

// TestNewerWhileOpen upgrades the file under a store that has it open.
func TestNewerWhileOpen(t *testing.T) {
	path := newFile(t)
	db := open(t, path, store.Options{})
	saveOne(t, db, "two")
	execRaw(t, path, `PRAGMA user_version = 99`)
	err := db.Save(t.Context(), check.Report{RunID: "three", FinishedAt: time.Unix(1, 0)}, nil)
	if !errors.Is(err, store.ErrNewer) {
		t.Errorf("Save: %v, want %v", err, store.ErrNewer)
	}
	var n int
	pool := raw(t, path)
	if err := pool.QueryRow(`SELECT count(*) FROM run`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d runs, want 2 (%v)", n, err)
	}
}
