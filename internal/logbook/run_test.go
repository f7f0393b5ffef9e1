package logbook

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

func runGit(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// newBook begins a log on a remote, and opens it from a clone.
func newBook(t *testing.T) (b *Book, remote string) {
	t.Helper()
	dir := t.TempDir()
	remote, clone := filepath.Join(dir, "remote.git"), filepath.Join(dir, "clone")
	runGit(t, "init", "--quiet", "--bare", remote)
	runGit(t, "clone", "--quiet", remote, clone)
	k := audittest.NewKeys(t, audit.BackendEd25519)
	log, err := gitlog.Open(t.Context(), gitlog.Options{Dir: clone, Remote: "origin"})
	if err != nil {
		t.Fatal(err)
	}
	b = &Book{Store: log, Origin: audittest.Origin, Signer: k.Writer, Key: &k.Log, Tool: "bcctl test"}
	if err := Begin(t.Context(), b, k.Trust); err != nil {
		t.Fatal(err)
	}
	return b, remote
}

var (
	anyDigest = strings.Repeat("0", 64)
	operator  = audit.Actor{Kind: "human", ID: "7"}
)

func intent(steps ...string) audit.Entry {
	return audit.Entry{Type: audit.ExecutionIntent, Actor: &operator, System: "ledger", Action: "switchover",
		Request: &audit.Request{By: "5", Digest: anyDigest, HeadSHA: "c0ffee"},
		Policy: &audit.Policy{Digest: anyDigest, Required: []string{"business", "it"}, Satisfied: true, Approvals: []audit.Approval{
			{ID: "1", Role: "it", CommitSHA: "c0ffee", State: "APPROVED"}, {ID: "2", Role: "business", CommitSHA: "c0ffee", State: "APPROVED"}}},
		Plan: &audit.Plan{Digest: anyDigest, Steps: steps}}
}

func step(index int64, name string) audit.Entry {
	return audit.Entry{Type: audit.StepResult, Step: &audit.Step{Index: index, Name: name, Mutating: true, Status: "done", Attempts: 1}}
}

func outcome(evidence ...audit.Evidence) audit.Entry {
	return audit.Entry{Type: audit.ExecutionOutcome, Outcome: audit.Succeeded, Evidence: evidence}
}

func verify(t *testing.T, b *Book) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), b.Store, audit.Options{Now: time.Now().Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func appendTo(t *testing.T, r *Run, want Kept, entries ...audit.Entry) Receipt {
	t.Helper()
	receipt, err := r.Append(t.Context(), entries...)
	if err != nil || receipt.Kept != want || (receipt.Trouble != nil) == (want == Durable) {
		t.Fatalf("append: kept %d, trouble %v, error %v; want kept %d", receipt.Kept, receipt.Trouble, err, want)
	}
	return receipt
}

// A run whose remote goes away in the middle and comes back is whole, in order, and
// nobody had to do anything about it.
func TestRunGoesOnWithoutRemote(t *testing.T) {
	t.Parallel()
	b, remote := newBook(t)
	r := b.NewRun()
	appendTo(t, r, Durable, intent("demote", "promote", "attach"))
	appendTo(t, r, Durable, step(0, "demote"))
	if err := os.Rename(remote, remote+".away"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, r, Spooled, step(1, "promote"))
	appendTo(t, r, Spooled, step(2, "attach"))
	if err := os.Rename(remote+".away", remote); err != nil {
		t.Fatal(err)
	}
	if got := verify(t, b); got.Result != audit.Incomplete || got.Findings[0].Rule != "AUD-30" {
		t.Fatalf("before the end: %s, %+v", got.Result, got.Findings)
	}
	appendTo(t, r, Durable, outcome())
	if _, err := b.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := verify(t, b); got.Result != audit.Verified || got.Segments != 6 || got.Entries != 11 {
		t.Fatalf("%s, %d segments, %d entries, %+v", got.Result, got.Segments, got.Entries, got.Findings)
	}
	if waiting, err := b.Store.(*gitlog.Log).Pending(); err != nil || len(waiting) != 0 {
		t.Errorf("still waiting: %v, %v", waiting, err)
	}
}

// F1: what could not be kept anywhere is an error, and leaves no gap.
func TestF1NotKeptIsAnError(t *testing.T) {
	t.Parallel()
	b, _ := newBook(t)
	r := b.NewRun()
	bad := intent("demote")
	bad.Policy = nil
	if receipt, err := r.Append(t.Context(), bad); err == nil || receipt.Kept != Nowhere {
		t.Fatalf("an entry that says too little: %+v, %v", receipt, err)
	}
	if receipt, err := r.Append(t.Context()); err == nil || receipt.Kept != Nowhere {
		t.Fatalf("nothing: %+v, %v", receipt, err)
	}
	honest := b.Signer
	b.Signer = audittest.Signer(t, audit.BackendEd25519)
	if receipt, err := r.Append(t.Context(), intent("demote")); err == nil || receipt.Kept != Nowhere || !strings.Contains(err.Error(), "not among the keys") {
		t.Fatalf("a key nobody trusts: %+v, %v", receipt, err)
	}
	b.Signer = honest
	appendTo(t, r, Durable, intent("demote"), step(0, "demote"), outcome())
	if got := verify(t, b); got.Result != audit.Verified {
		t.Fatalf("%s, %+v", got.Result, got.Findings)
	}
}

// F8: a run that was killed is seen, and the one that continues it ends both.
func TestF8KilledRunIsEndedByTheNext(t *testing.T) {
	t.Parallel()
	b, _ := newBook(t)
	appendTo(t, b.NewRun(), Durable, intent("demote", "promote"), step(0, "demote")) // and killed
	past, _, err := ReadPast(t.Context(), b.Store, audit.Options{Now: time.Now(), MaxAge: -1})
	if err != nil || len(past.Open) != 1 {
		t.Fatalf("open runs: %v, %v", past.Open, err)
	}
	var named []audit.Evidence
	for _, e := range past.Open {
		of, err := audit.OfRun(e.Entry)
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, of)
	}
	r := b.NewRun()
	appendTo(t, r, Durable, intent("demote", "promote"))
	appendTo(t, r, Durable, step(1, "promote"))
	appendTo(t, r, Durable, outcome(named...))
	if got := verify(t, b); got.Result != audit.Verified {
		t.Fatalf("%s, %+v", got.Result, got.Findings)
	}
	if past, _, err := ReadPast(t.Context(), b.Store, audit.Options{Now: time.Now(), MaxAge: -1}); err != nil || len(past.Open) != 0 {
		t.Errorf("still open: %v, %v", past.Open, err)
	}
}

// A log that somebody damages during a run does not end the record of the run.
func TestRunGoesOnBesideADamagedLog(t *testing.T) {
	t.Parallel()
	b, remote := newBook(t)
	r := b.NewRun()
	appendTo(t, r, Durable, intent("demote"))
	work := filepath.Join(t.TempDir(), "work")
	runGit(t, "clone", "--quiet", "--branch", "bcctl-audit", remote, work)
	sealed, err := filepath.Glob(filepath.Join(work, "audit", "seals", "*.note"))
	if err != nil || len(sealed) == 0 {
		t.Fatal(sealed, err)
	}
	runGit(t, "-C", work, "rm", "--quiet", sealed[0])
	runGit(t, "-C", work, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--quiet", "--message=x")
	runGit(t, "-C", work, "push", "--quiet")
	receipt := appendTo(t, r, Spooled, step(0, "demote"))
	if !strings.Contains(receipt.Trouble.Error(), "AUD-") {
		t.Errorf("the trouble does not say what is wrong: %v", receipt.Trouble)
	}
	if _, err := b.NewRun().Append(t.Context(), intent("demote")); err == nil {
		t.Error("a run began on a log that does not verify")
	}
}

// F3: what a killed run left on its machine is brought by another one, byte for byte,
// with an entry that says so; and a damaged file brings nothing at all.
func TestF3Recover(t *testing.T) {
	t.Parallel()
	b, remote := newBook(t)
	r := b.NewRun()
	appendTo(t, r, Durable, intent("demote", "promote"))
	if err := os.Rename(remote, remote+".away"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, e := range []audit.Entry{step(0, "demote"), step(1, "promote"), outcome()} {
		receipt := appendTo(t, r, Spooled, e)
		want[receipt.Segment] = receipt.SHA256
	}
	if n := b.Waiting(); n != 3 {
		t.Fatalf("%d segments wait, want 3", n)
	}
	if err := os.Rename(remote+".away", remote); err != nil {
		t.Fatal(err)
	}
	// The folder as a CI job kept it, on a machine with a clone of its own.
	artifact, clone := b.Store.(*gitlog.Log).Dir(), filepath.Join(t.TempDir(), "other")
	runGit(t, "clone", "--quiet", remote, clone)
	log, err := gitlog.Open(t.Context(), gitlog.Options{Dir: clone, Remote: "origin"})
	if err != nil {
		t.Fatal(err)
	}
	other := &Book{Store: log, Origin: b.Origin, Signer: b.Signer, Key: b.Key, Tool: b.Tool}
	if n, err := other.Recover(t.Context(), artifact, operator); err != nil || n != 3 {
		t.Fatalf("recovered %d, %v", n, err)
	}
	for id, digest := range want {
		parsed, err := audit.ParseSegmentID(id)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := log.Read(t.Context(), audit.SegmentPath(parsed))
		if err != nil || audit.SHA256(raw) != digest {
			t.Errorf("segment %s has other bytes: %v", id, err)
		}
	}
	var named int
	got, err := audit.Verify(t.Context(), log, audit.Options{Now: time.Now().Add(time.Second), Each: func(e audit.Recorded) error {
		if e.Type == audit.RecoveryImport {
			named += len(e.Evidence)
		}
		return nil
	}})
	if err != nil || got.Result != audit.Verified || named != 3 || got.Unsealed != 0 {
		t.Fatalf("%v, %s, %d named, %+v", err, got.Result, named, got.Findings)
	}
	// The first machine finds them there, and has nothing left.
	if n, err := b.Recover(t.Context(), "", operator); err != nil || n != 3 || b.Waiting() != 0 {
		t.Errorf("recovered %d, %v, %d wait", n, err, b.Waiting())
	}
}

// What waits cannot smuggle a file into the log.
func TestF3DamagedSpoolBringsNothing(t *testing.T) {
	t.Parallel()
	b, _ := newBook(t)
	before := verify(t, b)
	id := "20260301T120000Z-00112233445566778899aabbccddeeff-0001"
	for name, text := range map[string]string{
		"no JSON":         `x`,
		"no segment":      `{"id":"` + id + `","files":{}}`,
		"another id":      `{"id":"x","files":{"audit/log/2026/03/01/` + id + `.jsonl":""}}`,
		"a path outside":  `{"id":"` + id + `","files":{"audit/log/2026/03/01/` + id + `.jsonl":"","README.md":""}}`,
		"a seal":          `{"id":"` + id + `","files":{"audit/log/2026/03/01/` + id + `.jsonl":"","audit/seals/000000000009.json":""}}`,
		"without segment": `{"id":"` + id + `","files":{"audit/log/2026/03/01/` + id + `.jsonl.sig":""}}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, id+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := b.Recover(t.Context(), dir, operator); err == nil || n != 0 {
			t.Errorf("%s: recovered %d, %v", name, n, err)
		}
	}
	if after := verify(t, b); after.Segments != before.Segments || after.Result != audit.Verified {
		t.Errorf("%d segments, %s, %+v", after.Segments, after.Result, after.Findings)
	}
}
