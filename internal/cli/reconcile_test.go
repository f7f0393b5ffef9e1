//go:build unix

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/pkg/approval"
)

// newDarkRun is an outage in which the request was run.
func newDarkRun(t *testing.T) *outage {
	t.Helper()
	o := newOutage(t)
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	o.run(exitOK, o.line("execute", 1), "SUCCEEDED")
	return o
}

func (o *outage) reconcile(code int, typed string, args []string, texts ...string) outcome {
	o.t.Helper()
	return o.expect(code, typed, append([]string{"reconcile", "--no-color"}, args...), texts...)
}

func (o *outage) shared() *gitstore.Store {
	return &gitstore.Store{Dir: o.dir, Remote: "origin", Now: o.Now}
}

func (o *outage) kinds() map[ledger.Kind]int {
	o.t.Helper()
	records, err := o.shared().All(o.t.Context())
	o.ok(err)
	kinds := map[ledger.Kind]int{}
	for _, r := range records {
		kinds[r.Kind]++
	}
	return kinds
}

func (o *outage) runID() string { return runOf(o.digest) }

// What ran without GitHub is brought to it once, whatever is called how often: the
// ledger, the audit log, and a comment for the review.
func TestOFF06Reconcile(t *testing.T) {
	t.Parallel()
	o := newDarkRun(t)
	o.reconcile(exitNoAnswer, "", nil, "GitHub unavailable")
	o.up()
	// Who asks with GitHub before is told to reconcile first (OFF-06).
	if out := o.bcctl("root", "", "explain", fmt.Sprintf("#%d", o.pull)); out.code != exitNotApproved || !strings.Contains(out.stdout, "OFF-06") {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	o.reconcile(exitOK, "", nil, "brought to the audit log", "settled: nothing on GitHub contradicts it")
	want := map[ledger.Kind]int{ledger.Seen: 1, ledger.Claimed: 1, ledger.Finished: 1, ledger.Offline: 1, ledger.Settled: 1}
	if got := o.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the shared ledger has %v, want %v", got, want)
	}
	o.reconcile(exitOK, "", nil, "nothing waits")
	o.verified()
	csv := o.bcctl("root", "", "audit", "export", "--format", "csv")
	for _, text := range []string{"recovery.import", "execution.intent", "execution.outcome", "reconcile"} {
		if !strings.Contains(csv.stdout, text) {
			t.Errorf("the audit log has no %s:\n%s", text, csv.stdout)
		}
	}
	comments := o.comments()
	if n := strings.Count(comments, "Run without GitHub: please review"); n != 1 || !strings.Contains(comments, "BEGIN SSH SIGNATURE") || !strings.Contains(comments, "ben") {
		t.Errorf("%d reviews:\n%s", n, comments)
	}
	if left, err := filepath.Glob(filepath.Join(o.vars["BCCTL_OFFLINE_DIR"], "*", "audit", "*.json")); err != nil || len(left) > 0 {
		t.Errorf("left on this host: %v, %v", left, err)
	}
	// The number of the next lock is larger than that of the run.
	fences, err := (&ledger.Locks{Cells: o.shared(), Now: o.Now}).Fences(t.Context(), "resource/ledger")
	if err != nil || fences["resource/ledger"] < 2 {
		t.Errorf("%v, %v", fences, err)
	}
	out := o.bcctl("root", "", "explain", fmt.Sprintf("#%d", o.pull))
	if strings.Contains(out.stdout, "OFF-06") || !strings.Contains(out.stdout, "RUN-02") {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
}

// What happened with GitHub meanwhile is found, each alone. It stays until a person who
// did not run it settles it; that makes way for others.
func TestOFF06Conflicts(t *testing.T) {
	t.Parallel()
	o := newDarkRun(t)
	o.up()
	o.later(time.Minute)
	began := o.Now()
	add := func(r ledger.Record) { o.ok(o.shared().Add(t.Context(), r)) }
	for _, c := range []struct {
		name string
		says string
		fail func()
	}{
		{"the same attempt was claimed with GitHub, and ended", "RUN-01 attempt 1 was claimed twice", func() {
			add(ledger.Record{Kind: ledger.Claimed, Request: o.id, Digest: string(o.digest), Attempt: 1, Run: o.runID(), At: began})
			add(ledger.Record{Kind: ledger.Finished, Request: o.id, Digest: string(o.digest), Run: o.runID(), Result: "succeeded", At: began})
		}},
		{"so the request ended twice", "RUN-02 the request ended twice", func() {}},
		{"a further attempt was claimed with GitHub", "RUN-01 attempt 2 was claimed with GitHub", func() {
			add(ledger.Record{Kind: ledger.Claimed, Request: o.id, Digest: string(o.digest), Attempt: 2, Run: o.runID(), At: began})
		}},
		{"another request, of which nothing is known here, ran", "LOCK-01 request other was run", func() {
			add(ledger.Record{Kind: ledger.Claimed, Request: "other", Digest: "sha256:" + strings.Repeat("a", 64), Attempt: 1, Run: "other", At: began})
		}},
		{"somebody objected on GitHub", "APP-02", func() {
			o.id64(o.As("finn").Review(o.pull, github.RequestChanges, "no"))
			o.later(time.Minute)
		}},
		{"it was withdrawn", "RUN-03", func() {
			if out := o.bcctl("ann", "", "withdraw", fmt.Sprintf("#%d", o.pull)); out.code != exitOK {
				t.Fatalf("withdraw: %d %s", out.code, out.stderr)
			}
		}},
	} {
		c.fail()
		o.reconcile(exitStopped, "", nil, "CONFLICT "+c.says, "bcctl reconcile --settle RUN")
	}
	if got := o.kinds(); got[ledger.Settled] != 0 || got[ledger.Offline] != 1 {
		t.Errorf("%v", got)
	}
	line := "/bcctl settle " + o.id + " " + o.runID() + "\n"
	settle := []string{"--settle", o.runID(), "--reason", "the second executor found nothing to do"}
	o.reconcile(exitFailed, "", settle, "CONF-08")
	o.reconcile(exitFailed, line, settle[:2], "--reason")
	o.reconcile(exitNotApproved, line, settle, "dora ran it")
	o.vars["BCCTL_OPERATOR_KEY"] = "file:" + o.keys["finn"]
	o.reconcile(exitNotApproved, line, settle, "may only look")
	o.vars["BCCTL_OPERATOR_KEY"] = "file:" + o.keys["ben"]
	o.reconcile(exitNotApproved, "yes\n", settle, "not the line")
	o.reconcile(exitOK, line, settle, "settled: the second executor")
	o.reconcile(exitOK, "", nil, "nothing waits")
	o.verified()
}

// Killed after every change that it makes, it begins again and ends with the same.
func TestOFF06ReconcileKilled(t *testing.T) {
	t.Parallel()
	o := newDarkRun(t)
	o.up()
	// The remote takes two pushes of each call, and none afterwards.
	budget := filepath.Join(o.world, "budget")
	hookFile := filepath.Join(o.GitDir(), "hooks", "pre-receive")
	o.ok(os.MkdirAll(filepath.Dir(hookFile), 0o700))
	o.ok(os.WriteFile(hookFile, []byte(fmt.Sprintf("#!/bin/sh\n[ -e %[1]s-1 ] && exec rm %[1]s-1\n[ -e %[1]s-2 ] && exec rm %[1]s-2\nexit 1\n", budget)), 0o700)) //nolint:gosec // it is a program
	calls := 0
	for ; calls < 30; calls++ {
		o.ok(os.WriteFile(budget+"-1", nil, 0o600))
		o.ok(os.WriteFile(budget+"-2", nil, 0o600))
		out := o.bcctl("root", "", "reconcile", "--no-color", "--timeout", "20s")
		if out.code == exitOK {
			break
		}
		if out.code != exitNoAnswer {
			t.Fatalf("call %d: code %d\n%s%s", calls, out.code, out.stdout, out.stderr)
		}
	}
	o.ok(os.Remove(hookFile))
	if calls < 4 || calls == 30 {
		t.Fatalf("%d calls", calls)
	}
	t.Logf("%d calls were cut off", calls)
	o.reconcile(exitOK, "", nil, "nothing waits")
	want := map[ledger.Kind]int{ledger.Seen: 1, ledger.Claimed: 1, ledger.Finished: 1, ledger.Offline: 1, ledger.Settled: 1}
	if got := o.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the shared ledger has %v, want %v", got, want)
	}
	if n := strings.Count(o.comments(), "Run without GitHub: please review"); n != 1 {
		t.Errorf("%d reviews", n)
	}
	if out := o.bcctl("root", "", "audit", "seal"); out.code != exitOK {
		t.Errorf("seal: code %d\n%s", out.code, out.stderr)
	}
	o.verified()
}

// A run that is not over stays where it is; others learn of it and wait.
func TestOFF06UnfinishedRun(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	o.put("break-repoint")
	o.ok(os.WriteFile(filepath.Join(o.world, "hook.sh"), []byte(brokenHook), 0o600))
	o.run(exitStopped, o.line("execute", 1), "stopped part way")
	o.up()
	o.reconcile(exitStopped, "", nil, "is not over", "--offline goes on")
	if got := o.kinds(); got[ledger.Offline] != 1 || got[ledger.Claimed] != 1 || got[ledger.Settled] != 0 {
		t.Errorf("%v", got)
	}
	o.ok(os.Remove(filepath.Join(o.world, "break-repoint")))
	o.run(exitOK, o.line("resume", 2), "SUCCEEDED")
	o.reconcile(exitOK, "", nil, "settled")
	o.verified()
}

// Each attempt without GitHub is brought to it: one that changed nothing is settled, and a
// later one of the same request makes others wait anew.
func TestOFF06EachAttemptIsReconciled(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	o.put("unfit")
	o.run(exitRefused, o.line("execute", 1), "nothing was changed")
	o.up()
	o.reconcile(exitOK, "", nil, "settled: nothing on GitHub contradicts it")
	o.reconcile(exitOK, "", nil, "nothing waits")
	o.down()
	o.later(time.Minute)
	o.ok(os.Remove(filepath.Join(o.world, "unfit")))
	o.put("break-repoint")
	o.ok(os.WriteFile(filepath.Join(o.world, "hook.sh"), []byte(brokenHook), 0o600))
	o.run(exitStopped, o.line("execute", 2), "stopped part way")
	o.up()
	o.explained(exitNotApproved, "OFF-06")
	o.reconcile(exitStopped, "", nil, "is not over", "--offline goes on")
	// Everybody knows of it now, not this host alone.
	far := o.elsewhere()
	delete(far.vars, "BCCTL_OFFLINE_DIR")
	far.explained(exitNotApproved, "OFF-06")
	o.ok(os.Remove(filepath.Join(o.world, "break-repoint")))
	o.run(exitOK, o.line("resume", 3), "SUCCEEDED")
	o.reconcile(exitOK, "", nil, "attempts 2, 3", "settled: nothing on GitHub contradicts it")
	o.reconcile(exitOK, "", nil, "nothing waits")
	want := map[ledger.Kind]int{ledger.Seen: 1, ledger.Claimed: 3, ledger.Finished: 1, ledger.Offline: 3, ledger.Settled: 3}
	if got := o.kinds(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the shared ledger has %v, want %v", got, want)
	}
	if out := far.bcctl("root", "", "explain", fmt.Sprintf("#%d", o.pull)); strings.Contains(out.stdout, "OFF-06") || !strings.Contains(out.stdout, "RUN-02") {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	// The review of the first attempt is not overwritten by the one of the others.
	if n := strings.Count(o.comments(), "Run without GitHub: please review"); n != 2 {
		t.Errorf("%d reviews:\n%s", n, o.comments())
	}
	o.verified()
}
