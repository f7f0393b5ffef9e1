package execute

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/gitstore"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// pushing are a copy of a journal and the audit log in one remote.
type pushing struct {
	t           *testing.T
	dir, remote string
	log         *gitlog.Log
	book        *logbook.Book
	copy        *Copy
	sinks       Sinks
	events      []runbook.Event
	pushed      int
}

func runGit(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func newPushing(t *testing.T) *pushing {
	t.Helper()
	dir := t.TempDir()
	p := &pushing{t: t, dir: dir, remote: filepath.Join(dir, "remote.git")}
	clone := filepath.Join(dir, "clone")
	runGit(t, "init", "--quiet", "--bare", p.remote)
	runGit(t, "clone", "--quiet", p.remote, clone)
	var err error
	if p.log, err = gitlog.Open(t.Context(), gitlog.Options{Dir: clone, Remote: "origin"}); err != nil {
		t.Fatal(err)
	}
	k := audittest.NewKeys(t, audit.BackendEd25519)
	p.book = &logbook.Book{Store: p.log, Origin: audittest.Origin, Signer: k.Writer, Key: &k.Log, Tool: "bcctl test"}
	if err := logbook.Begin(t.Context(), p.book, k.Trust); err != nil {
		t.Fatal(err)
	}
	plan := &runbook.Plan{Type: runbook.Switchover, Target: "ledger", Digest: runbook.Digest("sha256:" + strings.Repeat("0", 64)),
		Waves: []runbook.Wave{{Members: []runbook.MemberPlan{{Resource: "ledger", Steps: []runbook.Step{{ID: "fence"}, {ID: "promote"}}}}}}}
	p.copy = &Copy{Cells: &gitstore.Store{Dir: clone, Remote: "origin"}, Run: "r1", Plan: func() *runbook.Plan { return plan },
		Whole: func() ([]runbook.Event, error) { return p.events, nil }}
	p.sinks = Sinks{p.copy, &Record{
		Log: p.book.NewRun(), Plan: plan, Attempt: 1, By: func() audit.Actor { return audit.Actor{Kind: "human", ID: "104"} },
		Evidence: func() (approval.Verdict, approval.Case) {
			return approval.Verdict{Allowed: true, Digest: runbook.Digest("sha256:" + strings.Repeat("1", 64))}, approval.Case{Evidence: approval.Evidence{
				Pull: approval.PullRequest{Number: 7, Head: approval.Ref{SHA: strings.Repeat("c", 40)}, Author: &approval.User{ID: 101, Type: approval.UserTypeUser}}}}
		},
	}}
	return p
}

// put adds an event to the journal and brings what is new to the sinks.
func (p *pushing) put(e runbook.Event) error {
	e.Seq, e.Attempt, e.At, e.V, e.Run = int64(len(p.events)), 1, time.Now(), runbook.EventVersion, "r1"
	p.events = append(p.events, e)
	return p.again()
}

func (p *pushing) again() error {
	err := p.sinks.Put(p.t.Context(), p.events[p.pushed:])
	if err == nil {
		p.pushed = len(p.events)
	}
	return err
}

// whole ends the run, and looks whether both places have all of it, once.
func (p *pushing) whole() {
	p.t.Helper()
	if err := p.put(runbook.Event{Kind: runbook.RunFinished, State: string(runbook.Succeeded)}); err != nil {
		p.t.Fatal(err)
	}
	lines, _, err := (&Copy{Cells: p.copy.Cells, Run: "r1"}).Load(p.t.Context())
	if n := strings.Count(string(lines), "\n"); err != nil || n != len(p.events) {
		p.t.Errorf("the copy has %d of %d lines, %v", n, len(p.events), err)
	}
	if err := p.copy.Current(p.t.Context()); err != nil {
		p.t.Errorf("the copy: %v", err)
	}
	if waiting, err := p.log.Pending(); err != nil || len(waiting) != 0 {
		p.t.Errorf("waiting: %v, %v", waiting, err)
	}
	if _, err := p.book.Seal(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	count := map[audit.Type]int{}
	got, err := audit.Verify(p.t.Context(), p.log, audit.Options{Now: time.Now().Add(time.Second), Each: func(e audit.Recorded) error {
		count[e.Type]++
		return nil
	}})
	if err != nil || got.Result != audit.Verified {
		p.t.Errorf("%s: %+v, %v", got.Result, got.Findings, err)
	}
	if count[audit.ExecutionIntent] != 1 || count[audit.StepResult] != 1 || count[audit.ExecutionOutcome] != 1 {
		p.t.Errorf("entries: %v", count)
	}
}

var fenced = []runbook.Event{
	{Kind: runbook.Claimed},
	{Kind: runbook.StepIntent, Member: "ledger", Step: "fence", Mutates: true},
	{Kind: runbook.StepOutcome, Member: "ledger", Step: "fence", State: "done"},
}

// The copy of the journal and the entries of the log get there in one push, which the
// remote takes whole: its hook sees both branches at once.
func TestSI02CopyAndLogInOnePush(t *testing.T) {
	t.Parallel()
	p := newPushing(t)
	seen := filepath.Join(p.dir, "seen")
	hook := "#!/bin/sh\nn=0\nwhile read -r before after ref; do n=$((n+1)); done\necho $n >> " + seen + "\n"
	if err := os.WriteFile(filepath.Join(p.remote, "hooks", "pre-receive"), []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range fenced {
		if err := p.put(e); err != nil {
			t.Fatal(err)
		}
	}
	// The intent of a step alone is no entry, so that the copy goes alone.
	if text, err := os.ReadFile(seen); err != nil || strings.Join(strings.Fields(string(text)), " ") != "2 1 2" {
		t.Errorf("branches in each push: %q, %v", text, err)
	}
	p.whole()
}

// Whatever happens to a push that has both, each event is there once in the end: the
// remote is away, its answer is lost after it took everything, or others add to the log.
func TestSI03AfterAPushThatFailedBothAreWhole(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(p *pushing, put func() error){
		"the remote is away": func(p *pushing, put func() error) {
			if err := os.Rename(p.remote, p.remote+".away"); err != nil {
				p.t.Fatal(err)
			}
			if err := put(); !errors.Is(err, ErrOnlyHere) {
				p.t.Errorf("without a remote: %v", err)
			}
			if err := os.Rename(p.remote+".away", p.remote); err != nil {
				p.t.Fatal(err)
			}
		},
		"the answer is lost": func(p *pushing, put func() error) {
			hook := filepath.Join(p.remote, "hooks", "post-receive")
			if err := os.WriteFile(hook, []byte("#!/bin/sh\nmv "+p.remote+" "+p.remote+".away\n"), 0o755); err != nil {
				p.t.Fatal(err)
			}
			if err := put(); !errors.Is(err, ErrOnlyHere) {
				p.t.Errorf("without an answer: %v", err)
			}
			if err := errors.Join(os.Rename(p.remote+".away", p.remote), os.Remove(hook)); err != nil {
				p.t.Fatal(err)
			}
		},
		"others add to the log": func(p *pushing, put func() error) {
			other := *p.book
			clone := filepath.Join(p.dir, "other")
			runGit(p.t, "clone", "--quiet", p.remote, clone)
			var err error
			if other.Store, err = gitlog.Open(p.t.Context(), gitlog.Options{Dir: clone, Remote: "origin"}); err != nil {
				p.t.Fatal(err)
			}
			if _, err := other.NewRun().Append(p.t.Context(), audittest.Verdict("shop")); err != nil {
				p.t.Fatal(err)
			}
			if err := put(); err != nil {
				p.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPushing(t)
			for i, e := range fenced {
				if i == len(fenced)-1 {
					at(p, func() error { return p.put(e) })
				} else if err := p.put(e); err != nil {
					t.Fatal(err)
				}
			}
			p.whole()
		})
	}
}

// Where another machine has gone on with the run, nothing of a push gets there, and no
// entry of this machine waits to get there later.
func TestSI32OvertakenPushesNothing(t *testing.T) {
	t.Parallel()
	p := newPushing(t)
	if err := p.put(fenced[0]); err != nil {
		t.Fatal(err)
	}
	cells, err := p.copy.Cells.Read(t.Context(), p.copy.cell())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.copy.Cells.Swap(t.Context(), ledger.Change{Name: p.copy.cell(), From: cells[p.copy.cell()].Version, Data: []byte("another machine's")}); err != nil {
		t.Fatal(err)
	}
	was := runGit(t, "-C", p.remote, "rev-parse", gitlog.DefaultRef)
	p.events = append(p.events, fenced[1])
	if err := p.put(fenced[2]); !errors.Is(err, ErrOvertaken) {
		t.Errorf("overtaken: %v", err)
	}
	if now := runGit(t, "-C", p.remote, "rev-parse", gitlog.DefaultRef); now != was {
		t.Error("the log was added to")
	}
	if waiting, err := p.log.Pending(); err != nil || len(waiting) != 0 {
		t.Errorf("waiting: %v, %v", waiting, err)
	}
}
