//go:build unix

package dirstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/dirstore"
	"github.com/bcctl/bcctl/internal/ledger/ledgertest"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, ledgertest.Options{Rounds: 1000, Open: func(t *testing.T) func() ledgertest.Store {
		dir := filepath.Join(t.TempDir(), "ledger")
		return func() ledgertest.Store { return dirstore.Store{Dir: dir} }
	}})
}

// A process that died between deciding and doing has decided: whoever comes next
// does it.
func TestAHalfDoneSwapIsFinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := dirstore.Store{Dir: dir}
	versions, err := store.Swap(t.Context(), ledger.Change{Name: "a", Data: []byte("1")}, ledger.Change{Name: "b", Data: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Swap(t.Context(), ledger.Change{Name: "a", From: versions["a"]}, ledger.Change{Name: "b", From: "else"}); err == nil {
		t.Fatal("a swap with a wrong version was made")
	}
	// One of two writes is there.
	if err := os.WriteFile(filepath.Join(dir, "pending.json"), []byte(`[{"path":"cells/a.json","data":"Mg=="},{"path":"cells/b.json","data":null}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cells", "a.json"), []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	cells, err := store.Read(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if _, there := cells["b"]; there || string(cells["a"].Data) != "2" {
		t.Errorf("cells are %v", cells)
	}
}
