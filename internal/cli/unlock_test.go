//go:build unix

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/ledger"
)

// begun waits until a file is there, for at most half a minute.
func (s *stage) begun(name string) {
	s.t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !s.holds(name) {
		select {
		case <-deadline:
			s.t.Fatalf("%s did not come", name)
		case <-tick.C:
		}
	}
}

// A lock is shown with who holds it and whether that run can be at work; it is broken
// by two persons and never under a run that may be at work. The run that was asleep
// wakes up, finds that its lock is gone, and changes nothing more. The next attempt
// has a higher number and goes on.
func TestLOCK05UnlockAndTheSleeperDoesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	unlocksASleeper(t, s)
	// It was at work, and may have come further than its journal says elsewhere (SI-37).
	if records := s.records(ledger.Unlocked); len(records) != 1 || !slices.Equal(records[0].Moved, []string{"ledger"}) {
		t.Errorf("unlocked: %+v", records)
	}
}

func unlocksASleeper(t *testing.T, s *stage) {
	t.Helper()
	there := s.elsewhere()
	if out := there.bcctl("root", "", "unlock", "ledger"); out.code != exitOK || !strings.Contains(out.stdout, "ledger is not locked") {
		t.Fatalf("code %d %s%s", out.code, out.stdout, out.stderr)
	}
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte(strings.Replace(hook, "do) while", `do) : >"$2/begun-$3"; while`, 1)), 0o600))
	s.put("pause-fence")
	slept := make(chan outcome, 1)
	go func() {
		slept <- s.bcctl("root", s.line("execute", 1), "execute", fmt.Sprintf("#%d", s.pull), "--no-color")
	}()
	s.begun("begun-fence")

	const reason = "the runner was deleted"
	line := "/bcctl unlock resource/ledger of " + s.id + " fence=1\n"
	unlock := func(m *stage, typed string, code int, texts []string, args ...string) {
		t.Helper()
		out := m.bcctl("root", typed, append([]string{"unlock", "ledger"}, args...)...)
		if out.code != code {
			t.Fatalf("%v: code %d, want %d\n%s%s", args, out.code, code, out.stdout, out.stderr)
		}
		for _, text := range texts {
			if !strings.Contains(out.stdout+out.stderr, text) {
				t.Errorf("%v: it does not say %q:\n%s%s", args, text, out.stdout, out.stderr)
			}
		}
	}
	// On its own machine it is known to be at work; elsewhere its lease runs.
	unlock(s, "", exitOK, []string{"by            dora", "request " + s.id + ", attempt 1", "number        1", "yes: a bcctl of this machine"})
	unlock(there, "", exitOK, []string{"nobody can tell from here", "its lease runs for"})
	unlock(there, line, exitLocked, []string{"LOCK-05"}, "--reason", reason)
	s.later(6 * time.Minute)
	unlock(s, line, exitLocked, []string{"yes: a bcctl of this machine"}, "--reason", reason)

	// Elsewhere: not without a terminal, not another line, not alone, not the holder twice,
	// not with somebody who has nothing to do with runs.
	unlock(there, "", exitFailed, []string{"at terminals"}, "--reason", reason)
	unlock(there, strings.Replace(line, "fence=1", "fence=2", 1), exitNotApproved, []string{"nothing was unlocked"}, "--reason", reason)
	unlock(there, line, exitNotApproved, []string{"by two persons"}, "--reason", reason)
	file := filepath.Join(t.TempDir(), "unlock.json")
	unlock(there, line, exitOK, []string{"Nothing is unlocked yet"}, "--reason", reason, "--sign", file)
	unlock(there, line, exitNotApproved, []string{"by two persons"}, "--reason", reason, "--with", file)
	unlock(there.as("finn"), line, exitOK, nil, "--reason", reason, "--sign", file)
	unlock(there, line, exitNotApproved, []string{"finn is no operator"}, "--reason", reason, "--with", file)
	unlock(there.as("ben"), line, exitOK, nil, "--reason", reason, "--sign", file)
	unlock(there, line, exitOK, []string{"unlocked: resource/ledger", "bcctl execute " + s.id}, "--reason", reason, "--with", file)
	unlock(there, line, exitFailed, []string{"is not locked"}, "--reason", reason, "--with", file)
	s.ok(os.Remove(filepath.Join(s.world, "pause-fence")))
	out := <-slept
	if out.code != exitStopped || !strings.Contains(out.stderr, "LOCK_LOST") || s.holds("promote") {
		t.Errorf("code %d, promote done %v\n%s", out.code, s.holds("promote"), out.stderr)
	}
	s.verified()
	csv := s.bcctl("dora", "", "audit", "export", "--format", "json", "--kind", "lock.broken")
	for _, want := range []string{"LOCK-05", "unlock/ben", "unlock/dora", "ledger/unlocked/"} {
		if !strings.Contains(csv.stdout, want) {
			t.Errorf("the log lacks %q: %s%s", want, csv.stdout, csv.stderr)
		}
	}
	// Another machine goes on, under a higher number.
	s.later(time.Minute)
	if out := there.bcctl("root", s.line("resume", 2), "execute", fmt.Sprintf("#%d", s.pull), "--no-color"); out.code != exitOK || !strings.Contains(out.stdout, "SUCCEEDED") {
		t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if out := there.bcctl("root", "", "unlock", "ledger"); !strings.Contains(out.stdout, "is not locked") {
		t.Errorf("%s%s", out.stdout, out.stderr)
	}
}
