package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
)

// TestSavePrunesALittle gives one save more to condense than it may take.
func TestSavePrunesALittle(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer expectClose(t, db)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	save := func(at time.Time) {
		t.Helper()
		if err := db.Save(t.Context(), check.Report{RunID: fmt.Sprint(at.UnixMilli()), FinishedAt: at}, nil); err != nil {
			t.Fatal(err)
		}
	}
	waiting := func() (n int) {
		t.Helper()
		if err := db.pool.QueryRowContext(t.Context(), `SELECT count(*) FROM run WHERE rolled = 0`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const backlog = (chunksPerSave + 1) * rollRuns
	for i := range backlog {
		save(start.Add(time.Duration(i) * time.Millisecond))
	}
	now := start.Add(3 * day)
	save(now)
	if got, want := waiting(), backlog-chunksPerSave*rollRuns+1; got != want {
		t.Errorf("%d runs are not condensed after one save, want %d", got, want)
	}
	save(now.Add(time.Second))
	if got, want := waiting(), 2; got != want {
		t.Errorf("%d runs are not condensed after two saves, want %d: the new ones", got, want)
	}
}

func TestRetentionEffective(t *testing.T) {
	defaults := Retention{Raw: 48 * time.Hour, Buckets: 35 * day, Changes: 400 * day}
	for _, test := range []struct {
		name string
		set  Retention
		want Retention
	}{
		{"nothing set", Retention{}, defaults},
		{"longer", Retention{Raw: 72 * time.Hour}, Retention{Raw: 72 * time.Hour, Buckets: 35 * day, Changes: 400 * day}},
		{"under a day", Retention{Raw: 1, Buckets: 2, Changes: 3}, Retention{Raw: day, Buckets: day, Changes: day}},
		{"negative", Retention{Raw: -day, Buckets: -day, Changes: -day}, Retention{Raw: day, Buckets: day, Changes: day}},
		{"a later one below an earlier", Retention{Raw: 50 * day}, Retention{Raw: 50 * day, Buckets: 50 * day, Changes: 400 * day}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.set.effective(); got != test.want {
				t.Errorf("effective() = %+v, want %+v", got, test.want)
			}
		})
	}
}
