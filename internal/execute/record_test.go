package execute

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/audittest"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// balking is a store that takes nothing, not even into its spool, while it is told so.
type balking struct {
	*gitlog.Log
	full *bool
}

func (b balking) Append(ctx context.Context, s audit.Signed) error {
	if *b.full {
		return errors.New("no space left on device")
	}
	return b.Log.Append(ctx, s)
}

// silent is a place that takes nothing.
type silent struct{}

func (silent) Put(context.Context, []runbook.Event) error { return errors.New("no answer") }

// A run of which each event is put again and again, because some place does not take
// it, has one intent, one result for each step and one end in the log, whatever failed
// meanwhile: the remote, the disk, or another place beside the log.
func TestSI03EachEventIsRecordedOnce(t *testing.T) {
	t.Parallel()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	const (
		sound  = ""
		remote = "the remote is away"
		disk   = "the disk is full"
		beside = "another place is away"
	)
	events := []runbook.Event{
		{Kind: runbook.Claimed},
		{Kind: runbook.StepIntent, Member: "ledger", Step: "fence", Mutates: true},
		{Kind: runbook.StepOutcome, Member: "ledger", Step: "fence", State: "done"},
		{Kind: runbook.StepIntent, Member: "ledger", Step: "promote", Mutates: true},
		{Kind: runbook.StepOutcome, Member: "ledger", Step: "promote", State: "done"},
		{Kind: runbook.RunFinished, State: string(runbook.Succeeded)},
	}
	for i := range events {
		events[i].Seq, events[i].Attempt, events[i].At = int64(i), 2, time.Now()
	}
	// The claim of the start before this one never got to the log.
	events = append([]runbook.Event{{Kind: runbook.Claimed, Attempt: 1}}, events...)
	for i := range events {
		events[i].Seq = int64(i)
	}
	for _, what := range []string{sound, remote, disk, beside} {
		for from := range events {
			t.Run(what+" from "+string(events[from].Kind)+events[from].Step, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				bare, clone := filepath.Join(dir, "remote.git"), filepath.Join(dir, "clone")
				git("init", "--quiet", "--bare", bare)
				git("clone", "--quiet", bare, clone)
				log, err := gitlog.Open(t.Context(), gitlog.Options{Dir: clone, Remote: "origin"})
				if err != nil {
					t.Fatal(err)
				}
				k, full := audittest.NewKeys(t, audit.BackendEd25519), false
				book := &logbook.Book{Store: balking{log, &full}, Origin: audittest.Origin, Signer: k.Writer, Key: &k.Log, Tool: "bcctl test"}
				if err := logbook.Begin(t.Context(), book, k.Trust); err != nil {
					t.Fatal(err)
				}
				plan := &runbook.Plan{Type: runbook.Switchover, Target: "ledger", Digest: runbook.Digest("sha256:" + strings.Repeat("0", 64)),
					Waves: []runbook.Wave{{Members: []runbook.MemberPlan{{Resource: "ledger", Steps: []runbook.Step{{ID: "fence"}, {ID: "promote"}}}}}}}
				record := &Record{
					Log: book.NewRun(), Plan: plan, Attempt: 2, By: func() audit.Actor { return audit.Actor{Kind: "human", ID: "104"} },
					Evidence: func() (approval.Verdict, approval.Case) {
						return approval.Verdict{Allowed: true, Digest: runbook.Digest("sha256:" + strings.Repeat("1", 64))}, approval.Case{Evidence: approval.Evidence{
							Pull: approval.PullRequest{Number: 7, Head: approval.Ref{SHA: strings.Repeat("c", 40)}, Author: &approval.User{ID: 101, Type: approval.UserTypeUser}}}}
					},
				}
				sinks := Sinks{record}
				pushed, bad := 0, false
				for i := range events {
					if i == from {
						switch bad = what != sound; what {
						case remote:
							if err := os.Rename(bare, bare+".away"); err != nil {
								t.Fatal(err)
							}
						case disk:
							full = true
						case beside:
							sinks = Sinks{silent{}, record}
						}
					}
					if i == len(events)-1 && what == disk && from < i {
						full, bad = false, false // a disk that stays full ends a run long before
					}
					if err := sinks.Put(t.Context(), events[pushed:i+1]); err == nil {
						pushed = i + 1
					} else if !bad {
						t.Fatal(err)
					}
				}
				switch what {
				case remote:
					if err := os.Rename(bare+".away", bare); err != nil {
						t.Fatal(err)
					}
				case disk:
					full = false
				}
				if what != beside {
					if err := sinks.Put(t.Context(), events[pushed:]); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := book.Seal(t.Context()); err != nil {
					t.Fatal(err)
				}
				count := map[audit.Type]int{}
				got, err := audit.Verify(t.Context(), log, audit.Options{Now: time.Now().Add(time.Second), Each: func(e audit.Recorded) error {
					count[e.Type]++
					return nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				if got.Result != audit.Verified {
					t.Errorf("%s: %+v", got.Result, got.Findings)
				}
				if count[audit.ExecutionIntent] != 1 || count[audit.StepResult] != 2 || count[audit.ExecutionOutcome] != 1 {
					t.Errorf("entries: %v", count)
				}
			})
		}
	}
}
