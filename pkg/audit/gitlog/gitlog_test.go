package gitlog_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// run runs git as a person would.
func run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=x", "GIT_AUTHOR_EMAIL=x@localhost", "GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x@localhost")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// remoteAndClones makes a bare repository and clones of it.
func remoteAndClones(t testing.TB, n int) (remote string, clones []string) {
	t.Helper()
	dir := t.TempDir()
	remote = filepath.Join(dir, "remote.git")
	run(t, dir, "init", "--quiet", "--bare", remote)
	for i := range n {
		clone := filepath.Join(dir, "clone"+string(rune('a'+i)))
		run(t, dir, "clone", "--quiet", remote, clone)
		clones = append(clones, clone)
	}
	return remote, clones
}

func open(t testing.TB, dir, remote string) *gitlog.Log {
	t.Helper()
	l, err := gitlog.Open(t.Context(), gitlog.Options{Dir: dir, Remote: remote})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func verify(t testing.TB, l *gitlog.Log, o audit.Options) audit.Report {
	t.Helper()
	s, err := l.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	o.Now = time.Now()
	r, err := audit.Verify(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func append1(t testing.TB, l *gitlog.Log, k audittest.Keys, entries ...audit.Entry) audit.Segment {
	t.Helper()
	s, err := audittest.Append(t.Context(), l, k, time.Now(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAppendSealVerify(t *testing.T) {
	t.Parallel()
	_, clones := remoteAndClones(t, 2)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	a, b := open(t, clones[0], "origin"), open(t, clones[1], "origin")
	if _, err := a.View(t.Context()); !errors.Is(err, audit.ErrNoLog) {
		t.Errorf("before there is a log: %v", err)
	}
	audittest.Init(t, a, k, time.Now())
	if err := b.Init(t.Context(), nil, audit.Signed{}); !errors.Is(err, audit.ErrExists) {
		t.Errorf("a second beginning: %v", err)
	}
	append1(t, a, k, audittest.Verdict("payments"))
	append1(t, b, k, audittest.Verdict("shop"), audittest.Verdict("analytics"))
	sealing, err := b.Seal(t.Context(), k.Log)
	if err != nil {
		t.Fatal(err)
	}
	append1(t, a, k, audittest.Verdict("payments"))
	r := verify(t, a, audit.Options{Pin: sealing.Note})
	if r.Result != audit.Verified || r.Segments != 4 || r.Unsealed != 1 || r.Entries != 8 || r.Head != sealing.Head {
		t.Errorf("%+v", r)
	}
	if again, err := a.Seal(t.Context(), k.Log); err != nil || again.Head.Size <= sealing.Head.Size {
		t.Errorf("second seal: %+v, %v", again.Head, err)
	}
	if idle, err := b.Seal(t.Context(), k.Log); err != nil || idle.Note != nil {
		t.Errorf("nothing to seal: %+v, %v", idle, err)
	}
	// The work tree and the configuration's branches are as they were.
	if out := run(t, clones[0], "status", "--porcelain"); out != "" {
		t.Errorf("the work tree changed: %s", out)
	}
	if out := run(t, clones[0], "for-each-ref", "--format=%(refname)"); out != "refs/remotes/origin/bcctl-audit" {
		t.Errorf("refs are left: %s", out) // git push itself notes what the remote has
	}
	// A public check needs no bcctl: nothing was ever changed or removed.
	if out := run(t, clones[0], "log", "--diff-filter=MDRT", "--name-only", "--format=", fetch(t, clones[0]), "--", "audit/"); out != "" {
		t.Errorf("changed or removed: %s", out)
	}
}

// Somebody else appends after the log was looked at: what is added then comes on top of
// that, and what was looked at is not taken for the tip a second time.
func TestAppendAfterOthersWentOn(t *testing.T) {
	t.Parallel()
	_, clones := remoteAndClones(t, 2)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	a, b := open(t, clones[0], "origin"), open(t, clones[1], "origin")
	audittest.Init(t, a, k, time.Now())
	view, err := a.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	append1(t, b, k, audittest.Verdict("shop"))
	for _, name := range []string{"payments", "analytics"} {
		s, err := audit.NewRun(audittest.Origin, time.Now(), "bcctl test").Open(time.Now(), view, k.Writer.ID(), audittest.Verdict(name))
		if err != nil {
			t.Fatal(err)
		}
		sidecar, err := k.Writer.Sign(t.Context(), audittest.Origin, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Append(t.Context(), audit.Signed{Segment: s, Sidecar: sidecar}); err != nil {
			t.Fatal(err)
		}
		append1(t, b, k, audittest.Verdict("shop"))
	}
	if r := verify(t, a, audit.Options{}); r.Segments != 6 {
		t.Errorf("%d segments, %s, %v", r.Segments, r.Result, r.Findings)
	}
	if waiting, err := a.Pending(); err != nil || len(waiting) != 0 {
		t.Errorf("still waiting: %v, %v", waiting, err)
	}
}

// What this process has added is known without reading the log once more, and is what
// another process reads there.
func TestViewKnowsWhatItAdded(t *testing.T) {
	t.Parallel()
	_, clones := remoteAndClones(t, 2)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	a := open(t, clones[0], "origin")
	audittest.Init(t, a, k, time.Now())
	append1(t, open(t, clones[1], "origin"), k, audittest.Verdict("shop"))
	same := func(when string) {
		t.Helper()
		own, err := a.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read, err := open(t, clones[1], "origin").View(t.Context())
		if err != nil || own.Seen != read.Seen || own.Index != read.Index || own.Keys.Version != read.Keys.Version || !slices.Equal(own.Frontier, read.Frontier) {
			t.Errorf("%s: known %+v, read %+v, %v", when, own, read, err)
		}
	}
	same("nothing added")
	for range 3 {
		append1(t, a, k, audittest.Verdict("payments"), audittest.Verdict("shop"))
		same("added")
	}
	if _, err := a.Seal(t.Context(), k.Log); err != nil {
		t.Fatal(err)
	}
	same("sealed")
	append1(t, a, k, audittest.Verdict("payments"))
	append1(t, open(t, clones[1], "origin"), k, audittest.Verdict("shop"))
	append1(t, a, k, audittest.Verdict("payments")) // by what it knew, which is not all any more
	same("others have gone on")
	if r := verify(t, a, audit.Options{}); r.Result != audit.Verified || r.Segments != 8 {
		t.Errorf("%s, %d segments, %+v", r.Result, r.Segments, r.Findings)
	}
}

// A branch that was tampered with since is not added to by what was known before.
func TestTamperedSinceIsNotAddedTo(t *testing.T) {
	t.Parallel()
	remote, clones := remoteAndClones(t, 1)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	l := open(t, clones[0], "origin")
	audittest.Init(t, l, k, time.Now())
	if _, err := l.Seal(t.Context(), k.Log); err != nil {
		t.Fatal(err)
	}
	append1(t, l, k, audittest.Verdict("payments"))
	work := filepath.Join(t.TempDir(), "work")
	run(t, ".", "clone", "--quiet", "--branch", "bcctl-audit", remote, work)
	change(t, filepath.Join(work, first(t, work, "*.jsonl")), func(b []byte) []byte { return append(b, b...) })
	run(t, work, "commit", "--quiet", "-am", "change")
	run(t, work, "push", "--quiet", "origin", "HEAD:bcctl-audit")
	was := fetch(t, clones[0])
	if _, err := audittest.Append(t.Context(), l, k, time.Now(), audittest.Verdict("payments")); !errors.Is(err, audit.ErrTampered) || !errors.Is(err, gitlog.ErrSpooled) {
		t.Errorf("added to a log that was tampered with: %v", err)
	}
	if now := fetch(t, clones[0]); now != was {
		t.Error("the branch was moved")
	}
}

// A segment and other branches of the remote get there in one push, or nothing of it does
// and nothing waits.
func TestAppendWithOtherBranches(t *testing.T) {
	t.Parallel()
	remote, clones := remoteAndClones(t, 2)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	l := open(t, clones[0], "origin")
	if !l.Beside(clones[0], "origin") || l.Beside(clones[1], "origin") || l.Beside(clones[0], "") || open(t, clones[0], "").Beside(clones[0], "") {
		t.Error("what is beside it is another place")
	}
	audittest.Init(t, l, k, time.Now())
	tip := func(ref string) string {
		out, err := exec.Command("git", "-C", remote, "rev-parse", "--verify", "--quiet", ref).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(text string) string {
		return run(t, clones[0], "commit-tree", "-m", text, run(t, clones[0], "hash-object", "-t", "tree", "-w", "/dev/null"))
	}
	signed := func() audit.Signed {
		t.Helper()
		view, err := l.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, err := audit.NewRun(audittest.Origin, time.Now(), "bcctl test").Open(time.Now(), view, k.Writer.ID(), audittest.Verdict("payments"))
		if err != nil {
			t.Fatal(err)
		}
		return audittest.Sign(t, s, k.Writer)
	}
	first, second := commit("first"), commit("second")
	if err := l.AppendWith(t.Context(), signed(), []git.RefChange{{Ref: "refs/heads/copy", To: first}}); err != nil {
		t.Fatal(err)
	}
	if tip("refs/heads/copy") != first {
		t.Error("the other branch is not there")
	}
	refused := func(why string, s audit.Signed, from, want string) {
		t.Helper()
		was := tip(gitlog.DefaultRef)
		err := l.AppendWith(t.Context(), s, []git.RefChange{{Ref: "refs/heads/copy", From: from, To: second}})
		if !errors.Is(err, git.ErrMoved) || errors.Is(err, gitlog.ErrSpooled) {
			t.Errorf("%s: %v", why, err)
		}
		if tip("refs/heads/copy") != want || tip(gitlog.DefaultRef) != was {
			t.Errorf("%s: half of it was done", why)
		}
		if waiting, err := l.Pending(); err != nil || len(waiting) != 0 {
			t.Errorf("%s: waiting: %v, %v", why, waiting, err)
		}
	}
	refused("the other branch is elsewhere", signed(), second, first)
	refused("the other branch should not be there", signed(), "", first)
	late := signed()
	append1(t, open(t, clones[1], "origin"), k, audittest.Verdict("shop"))
	refused("the log has gone on", late, first, first)
	if err := l.AppendWith(t.Context(), signed(), []git.RefChange{{Ref: "refs/heads/copy", From: first, To: second}}); err != nil || tip("refs/heads/copy") != second {
		t.Errorf("after that: %v", err)
	}
	if err := os.Rename(remote, remote+".away"); err != nil {
		t.Fatal(err)
	}
	if err := l.AppendWith(t.Context(), signed(), []git.RefChange{{Ref: "refs/heads/copy", From: second, To: first}}); !errors.Is(err, gitlog.ErrSpooled) {
		t.Errorf("the remote is away: %v", err)
	}
	if waiting, err := l.Pending(); err != nil || len(waiting) != 1 {
		t.Errorf("the remote is away: waiting: %v, %v", waiting, err)
	}
	if err := os.Rename(remote+".away", remote); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, l, audit.Options{}); r.Result != audit.Verified || r.Segments != 4 {
		t.Errorf("%s, %d segments, %+v", r.Result, r.Segments, r.Findings)
	}
}

func fetch(t testing.TB, clone string) string {
	t.Helper()
	run(t, clone, "fetch", "--quiet", "origin", gitlog.DefaultRef)
	return run(t, clone, "rev-parse", "FETCH_HEAD")
}

// Losing the remote loses no record: what was to be appended waits, and gets there
// with the same bytes.
func TestRemoteAway(t *testing.T) {
	t.Parallel()
	remote, clones := remoteAndClones(t, 1)
	k := audittest.NewKeys(t, audit.BackendSSH)
	l := open(t, clones[0], "origin")
	audittest.Init(t, l, k, time.Now())
	view, err := l.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := audit.NewRun(audittest.Origin, time.Now(), "bcctl test").Open(time.Now(), view, k.Writer.ID(), audittest.Verdict("payments"))
	if err != nil {
		t.Fatal(err)
	}
	signed := audittest.Sign(t, s, k.Writer)
	if err := os.Rename(remote, remote+".away"); err != nil {
		t.Fatal(err)
	}
	// What was fetched last is what a writer has seen.
	if away, err := l.View(t.Context()); err != nil || away.Seen != view.Seen || len(away.Frontier) != len(view.Frontier) {
		t.Errorf("view without a remote: %+v, %v", away, err)
	}
	if err := l.Append(t.Context(), signed); !errors.Is(err, gitlog.ErrSpooled) {
		t.Fatalf("append without a remote: %v", err)
	}
	if ids, err := l.Pending(); err != nil || len(ids) != 1 || ids[0] != s.ID.String() {
		t.Fatalf("pending: %v, %v", ids, err)
	}
	if _, err := l.Publish(t.Context()); err == nil {
		t.Error("published to a remote that is away")
	}
	if err := os.Rename(remote+".away", remote); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Publish(t.Context()); err != nil || n != 1 {
		t.Fatalf("published %d, %v", n, err)
	}
	if ids, err := l.Pending(); err != nil || len(ids) != 0 {
		t.Errorf("still pending: %v, %v", ids, err)
	}
	got, err := l.Read(t.Context(), audit.SegmentPath(s.ID))
	if err != nil || string(got) != string(s.Raw) {
		t.Errorf("read back: %q, %v", got, err)
	}
	if r := verify(t, l, audit.Options{}); r.Result != audit.Verified || r.Entries != 3 {
		t.Errorf("%+v", r)
	}
	// The same once more is no second entry.
	if err := l.Append(t.Context(), signed); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	if r := verify(t, l, audit.Options{}); r.Entries != 3 {
		t.Errorf("%d entries after the same once more", r.Entries)
	}
}

// What only Git shows: each way to tamper with the branch itself is found.
func TestTamperedBranch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(t *testing.T, work string)
		rule string
	}{
		"a merge commit": {func(t *testing.T, work string) {
			run(t, work, "checkout", "--quiet", "-b", "side", "HEAD~1")
			run(t, work, "commit", "--quiet", "--allow-empty", "-m", "side")
			run(t, work, "checkout", "--quiet", "-")
			run(t, work, "merge", "--quiet", "--no-ff", "-m", "merge", "side")
		}, "AUD-40"},
		"a changed file": {func(t *testing.T, work string) {
			name := first(t, work, "*.jsonl")
			change(t, filepath.Join(work, name), func(b []byte) []byte { return append(b, b...) })
			run(t, work, "commit", "--quiet", "-am", "change")
		}, "AUD-40"},
		"a change taken back": {func(t *testing.T, work string) {
			name := first(t, work, "*.jsonl")
			run(t, work, "rm", "--quiet", name)
			run(t, work, "commit", "--quiet", "-m", "remove")
			run(t, work, "revert", "--no-edit", "HEAD")
		}, "AUD-40"},
		"a removed file": {func(t *testing.T, work string) {
			run(t, work, "rm", "--quiet", first(t, work, "*.dsse.json"))
			run(t, work, "commit", "--quiet", "-m", "remove")
		}, "AUD-04"},
		"a symbolic link": {func(t *testing.T, work string) {
			name := filepath.Join(work, first(t, work, "*.jsonl"))
			if err := os.Rename(name, name+".real"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Base(name)+".real", name); err != nil {
				t.Fatal(err)
			}
			run(t, work, "add", "-A")
			run(t, work, "commit", "--quiet", "-m", "link")
		}, "AUD-02"},
		"carriage returns": {func(t *testing.T, work string) {
			change(t, filepath.Join(work, first(t, work, "*.jsonl")), func(b []byte) []byte {
				return []byte(strings.ReplaceAll(string(b), "\n", "\r\n"))
			})
			run(t, work, "commit", "--quiet", "-am", "endings")
		}, "AUD-03"},
		"an executable": {func(t *testing.T, work string) {
			if err := os.Chmod(filepath.Join(work, first(t, work, "*.jsonl")), 0o755); err != nil {
				t.Fatal(err)
			}
			run(t, work, "commit", "--quiet", "-am", "mode")
		}, "AUD-02"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, clones := remoteAndClones(t, 1)
			k := audittest.NewKeys(t, audit.BackendEd25519)
			l := open(t, clones[0], "origin")
			audittest.Init(t, l, k, time.Now())
			append1(t, l, k, audittest.Verdict("payments"))
			if _, err := l.Seal(t.Context(), k.Log); err != nil {
				t.Fatal(err)
			}
			append1(t, l, k, audittest.Verdict("payments"))
			work := filepath.Join(t.TempDir(), "work")
			run(t, ".", "clone", "--quiet", "--branch", "bcctl-audit", remote, work)
			tt.do(t, work)
			run(t, work, "push", "--quiet", "origin", "HEAD:bcctl-audit")
			r := verify(t, l, audit.Options{})
			found := false
			for _, f := range r.Findings {
				found = found || f.Rule == tt.rule
			}
			if r.Result != audit.Tampered || !found {
				t.Errorf("%s, want %s: %+v", r.Result, tt.rule, r.Findings)
			}
		})
	}
}

func first(t testing.TB, work, pattern string) string {
	t.Helper()
	files := strings.Fields(run(t, work, "ls-files", pattern))
	if len(files) == 0 {
		t.Fatalf("no file %s", pattern)
	}
	return files[0]
}

func change(t testing.TB, name string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, how(data), 0o644); err != nil {
		t.Fatal(err)
	}
}
