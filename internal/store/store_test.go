package store_test

import (
	"path/filepath"
	"testing"

	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "state", "history.db")
		return func(o store.Options) storetest.Store { return open(t, path, o) }
	})
}

// open opens a store that is closed when the test ends.
func open(t testing.TB, path string, o store.Options) *store.DB {
	t.Helper()
	db, err := store.OpenWith(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
