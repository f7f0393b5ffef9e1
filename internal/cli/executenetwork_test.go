//go:build unix

package cli

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/internal/lab/pgpair"
	"github.com/bcctl/bcctl/internal/lab/rehearsal"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// What is cut from bcctl.
const (
	toServers = "servers"
	toGitHub  = "GitHub"
	toRemote  = "git remote"
)

// networkCut is one: after a line of the journal, until the process ends.
type networkCut struct{ from, after string }

// journalLines are the lines of a run after which it is cut off.
func journalLines(kind runbook.Type) []string {
	steps := []string{"mark", "checkpoint-old", "soft-fence", "drain", "stop-old", "control-data", "prove", "promote", "reign", "checkpoint-new", "slot", "siblings", "rejoin", "stale-slots", "lift-fence"}
	if kind == runbook.Failover {
		steps = []string{"mark", "control-data", "settings", "fence", "proof", "detach", "promote", "reign", "checkpoint-new", "siblings", "loss"}
	}
	lines := []string{"run.started", "locked", "claimed", "precheck.result p17-hook"}
	for _, step := range steps {
		lines = append(lines, "step.intent "+step, "step.outcome "+step)
	}
	return append(lines, "point-of-no-return promote", "postcheck.result one-primary", "soak.started", "soak.ended", "run.finished", "released")
}

// networkStage is a pair whose sides are taken in turn.
type networkStage struct {
	*pairStage
	ways      map[string]*way
	calls     func(string) int
	at, other string // who writes, and who follows
}

func newNetworkStage(t *testing.T) *networkStage {
	s, ways := newRoutedStage(t)
	n := &networkStage{pairStage: s, ways: ways, calls: s.spied(), at: pgpair.Primary, other: pgpair.Standby}
	s.load(pgpair.Primary, 100)
	return n
}

func (n *networkStage) remote(url string) {
	n.t.Helper()
	if out, err := exec.CommandContext(n.t.Context(), "git", "-C", n.Clone, "remote", "set-url", "origin", url).CombinedOutput(); err != nil {
		n.t.Fatalf("%v\n%s", err, out)
	}
}

func (n *networkStage) cut(from string) {
	switch from {
	case toServers:
		for _, w := range n.ways {
			w.cut()
		}
	case toGitHub:
		n.GitHub.Inject(github.Fault{DropBefore: true, Times: -1})
	case toRemote:
		n.remote("http://127.0.0.1:1/acme/recovery.git")
	}
}

func (n *networkStage) mend(from string) {
	n.t.Helper()
	switch from {
	case toServers:
		for _, w := range n.ways {
			w.mend()
		}
	case toGitHub:
		n.GitHub.Heal()
	case toRemote:
		n.remote("file://" + n.GitHub.GitDir())
	}
}

// site is where a server stands.
func (n *networkStage) site(name string) string {
	n.t.Helper()
	node, err := n.Pair.Node(name)
	n.ok(err)
	return node.Site
}

// request asks for a change to the other side; for a failover the primary is lost first.
func (n *networkStage) request(kind runbook.Type) rehearsal.Request {
	n.t.Helper()
	if kind == runbook.Switchover {
		return n.approved(kind, n.site(n.other))
	}
	n.eventually("the rows are everywhere", func() bool { return query[int](n.pairStage, n.other, `SELECT count(*) FROM app.entries`) == 100 })
	n.ok(n.Pair.KillNode(n.t.Context(), n.at))
	n.eventually("the standby lets go", func() bool {
		return query[bool](n.pairStage, n.other, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	})
	return n.lossy()
}

// lossy asks for a failover. After the first one the primary that is lost stands at the
// site that is not its home, and its silence has another code.
func (n *networkStage) lossy() rehearsal.Request {
	n.t.Helper()
	return n.approved(runbook.Failover, n.site(n.other), append(withoutPrimary(), "--accept", "VIS_DR=the primary is gone")...)
}

// begin starts a request and cuts it off after a line.
func (n *networkStage) begin(r rehearsal.Request, c networkCut) rehearsal.Result {
	n.t.Helper()
	call := n.Execute(r, approval.VerbExecute, 1)
	call.Env, call.Dir = n.Env, n.Clone
	halted := false
	out, err := (&child{moment: "halt", what: c.after, halted: func() {
		halted = true
		n.cut(c.from)
	}}).run(n.t.Context(), call)
	n.ok(err)
	if events, err := n.Events(r); err != nil || !halted || !slices.ContainsFunc(events, func(e runbook.Event) bool { return eventText(e) == c.after }) {
		n.t.Fatalf("it never came to %q (%v): code %d\n%s%s", c.after, err, out.Code, out.Stdout, out.Stderr)
	}
	return out
}

// rejoin lets a server that was lost follow again, as a failback would begin.
func (n *networkStage) rejoin(lost, of string) {
	n.t.Helper()
	if _, err := n.Pair.Hook(n.t.Context(), pgpair.HookCall{Verb: "make-standby", Endpoint: lost, Of: of}); err == nil {
		return
	}
	_, err := n.Pair.Hook(n.t.Context(), pgpair.HookCall{Verb: "basebackup", Endpoint: lost, Of: of, WaivedBy: "alice"})
	n.ok(err)
}

// survives carries a change out that is cut off once, and compares: the same command
// brings it to the end that was asked for. It reports whether it was taken back meanwhile.
func (n *networkStage) survives(kind runbook.Type, c networkCut) (anew bool) {
	n.t.Helper()
	began, before := time.Now(), n.timeline(n.at)
	n.calls("")
	r := n.request(kind)
	first := n.begin(r, c)
	n.mend(c.from)
	last, starts := first, 1
	for ; n.state(r).Finished == "" || !n.state(r).Released; starts++ {
		if starts > 3 {
			n.t.Fatalf("it does not come to an end: code %d\n%s%s", last.Code, last.Stdout, last.Stderr)
		}
		last = n.again(r)
	}
	state := n.state(r)
	n.t.Logf("%s, %s cut after %s: code %d; %s after %d starts, %s", kind, c.from, c.after, first.Code, state.Finished, starts, time.Since(began).Round(time.Second))
	bad := func(format string, args ...any) {
		n.t.Helper()
		n.t.Errorf("%s, %s cut after %s: %s\nfirst %d %s%s\nlast %d %s%s", kind, c.from, c.after, fmt.Sprintf(format, args...), first.Code, first.Stdout, first.Stderr, last.Code, last.Stdout, last.Stderr)
	}
	if state.Finished != runbook.Succeeded {
		bad("it ended %q", state.Finished)
		n.t.FailNow()
	}
	n.at, n.other = n.other, n.at
	events, err := n.Events(r)
	n.ok(err)
	back := 0 // how often it was stopped in vain
	for _, e := range events {
		anew = anew || e.Kind == runbook.UndoEnded
		if eventText(e) == "step.outcome stop-old undo" && e.State == string(connectors.Done) {
			back++
		}
	}
	want := map[string]int{"stop": 1 + back, "make-standby": 1}
	if kind == runbook.Failover {
		want = map[string]int{"fence": 1}
	}
	if kind == runbook.Failover {
		n.rejoin(n.other, n.at)
	}
	n.ended(n.at, n.other, 100)
	if now := n.timeline(n.at); now != before+1 {
		bad("timeline %d, and it was %d", now, before)
	}
	if got := query[int](n.pairStage, n.at, fmt.Sprintf(`SELECT count(*) FROM bcctl.reign WHERE tli = %d`, before+1)); got != 1 {
		bad("%d reigns", got)
	}
	for verb, calls := range want {
		if got := n.calls(verb); got != calls {
			bad("the hook was asked to %s %d times, want %d", verb, got, calls)
		}
	}
	if out, err := n.Bcctl(n.t.Context(), rehearsal.Call{Args: []string{"audit", "recover"}}); err != nil || out.Code != exitOK {
		bad("recover: %v, code %d\n%s%s", err, out.Code, out.Stdout, out.Stderr)
	}
	n.verified()
	return anew
}

// TestRUN09ExecuteNetworkCut: what a run needs is taken away after a line of its journal
// and is back when the process has ended. The same command then brings it to its end, with
// every effect once; where what was done was taken back before, once more after it.
func TestRUN09ExecuteNetworkCut(t *testing.T) {
	t.Parallel()
	for _, kind := range []runbook.Type{runbook.Switchover, runbook.Failover} {
		for from, sample := range map[string]map[runbook.Type]string{
			toServers: {runbook.Switchover: "step.outcome stop-old", runbook.Failover: "step.outcome fence"},
			toGitHub:  {runbook.Switchover: "step.outcome stop-old", runbook.Failover: ""},
			toRemote:  {runbook.Switchover: "", runbook.Failover: "step.intent fence"},
		} {
			lines := []string{sample[kind]}
			if everywhere() {
				lines = journalLines(kind)
			} else if sample[kind] == "" {
				continue
			}
			t.Run(strings.Join([]string{string(kind), from}, " "), func(t *testing.T) {
				t.Parallel()
				n := newNetworkStage(t)
				anew := 0
				for _, line := range lines {
					if n.survives(kind, networkCut{from, line}) {
						anew++
					}
				}
				t.Logf("%d cuts, %d began anew", len(lines), anew)
			})
		}
	}
}
