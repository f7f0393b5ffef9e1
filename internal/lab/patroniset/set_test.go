//go:build unix

package patroniset_test

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/patroniset"
	"github.com/bcctl/bcctl/internal/lab/patroniset/patronisettest"
)

// A set is a real cluster: the leader's sudden end makes another member lead, and the
// former leader follows when it comes back.
func TestLeaderDies(t *testing.T) {
	t.Parallel()
	set := patronisettest.Start(t, patroniset.Options{Tags: map[string]map[string]any{patroniset.Third: {"nofailover": true}}})
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if set.SystemIdentifier() == "" || set.Password(patroniset.RoleMonitor) == "" {
		t.Error("no identity or no password")
	}
	ok(set.Exec(t.Context(), patroniset.First, `INSERT INTO app.entries(note) VALUES ('kept')`))
	ok(set.AwaitHealthy(t.Context(), patroniset.First))
	set.Kill(patroniset.First)
	ok(set.AwaitLeader(t.Context(), patroniset.Second))
	ok(set.StartMember(patroniset.First))
	ok(set.AwaitHealthy(t.Context(), patroniset.Second))
	var rows int
	ok(set.QueryRow(t.Context(), patroniset.First, `SELECT count(*) FROM app.entries`, &rows))
	if rows != 1 {
		t.Errorf("%d rows", rows)
	}
	ok(set.Pause(t.Context(), true))
	ok(set.Pause(t.Context(), false))
}
