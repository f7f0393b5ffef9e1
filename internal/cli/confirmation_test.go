package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/connectors/all"
)

// confirmed asks what execute asks: the approved request with a confirmation by dora in
// a workflow run.
func confirmed(t *testing.T, change func(g *gate, run *github.Run, comment *int64)) approval.Verdict {
	t.Helper()
	g := approved(t)
	c, err := forge.New(forge.Options{APIURL: g.URL(), Owner: "acme", Name: "recovery", RepositoryID: g.RepoID(), Auth: forge.Token(g.Token("root")), Mirror: t.TempDir(), Now: g.Now, Sleep: g.Sleep})
	g.ok(err)
	t.Cleanup(c.Close)
	reader := &verdict.Reader{Forge: c, RepositoryID: g.RepoID(), Catalog: all.Registry(), Workflow: executeWorkflow, Now: g.Now, Sleep: g.Sleep, Builtin: builtinFile}
	q := verdict.Query{Pull: g.pull, Path: g.path, Mode: approval.ModeReview}
	k, err := reader.Read(t.Context(), q)
	g.ok(err)
	line := approval.ConfirmationLine(approval.VerbExecute, gateID, k.Request.Spec, g.digest(), 1)
	comment := g.id(g.As("dora").Comment(g.pull, line))
	run := github.Run{Path: executeWorkflow, Event: "issue_comment", HeadBranch: "main", HeadSHA: g.Head("main"), Attempt: 1, Actor: "dora"}
	g.later(time.Minute)
	if change != nil {
		change(g, &run, &comment)
	}
	q = verdict.Query{Pull: g.pull, Path: g.path, Mode: approval.ModeConfirm, Confirmation: comment, Run: g.AddRun(run), Attempt: 1, Checkout: g.Head("main")}
	first, err := reader.Read(t.Context(), q)
	g.ok(err)
	first.Plan = first.Request.Spec.Plan
	second, err := reader.Read(t.Context(), q)
	g.ok(err)
	second.Plan, second.First, second.Claimed = first.Plan, first.Evidence.Fingerprint(), true
	return approval.Verify(second.Case)
}

func TestConfirmedRunIsAllowed(t *testing.T) {
	t.Parallel()
	if v := confirmed(t, nil); !v.Allowed {
		t.Errorf("%+v", v.Denials)
	}
}

// What was confirmed is read from GitHub by the comment's id, and the run by its own.
func TestConfirmationBypassesAreDenied(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(g *gate, run *github.Run, comment *int64){
		"CONF-06 a run that was started again": func(_ *gate, run *github.Run, _ *int64) { run.Attempt = 2 },
		"CONF-06 started by another person":    func(_ *gate, run *github.Run, _ *int64) { run.Triggering = "root" },
		"CONF-07 a workflow of another file":   func(_ *gate, run *github.Run, _ *int64) { run.Path = ".github/workflows/mine.yml" },
		"CONF-07 a run on a branch":            func(_ *gate, run *github.Run, _ *int64) { run.HeadBranch = "topic" },
		"CONF-07 a commit that is not on main": func(g *gate, run *github.Run, _ *int64) {
			run.HeadSHA = g.must(g.As("ann").Commit("topic", github.Change{Files: map[string]string{"x": "x"}}))
		},
		"CONF-04 a comment that was edited": func(g *gate, _ *github.Run, id *int64) {
			g.ok(g.As("dora").EditComment(*id, "/bcctl execute x"))
			g.later(time.Second)
		},
		"CONF-04 an old comment":         func(g *gate, _ *github.Run, _ *int64) { g.later(16 * time.Minute) },
		"CONF-01 a comment that is gone": func(g *gate, _ *github.Run, id *int64) { g.ok(g.As("dora").DeleteComment(*id)) },
		"CONF-02 one character off": func(g *gate, _ *github.Run, id *int64) {
			*id = g.say("dora", func(s string) string { return s + " " + "x" })
		},
		"CONF-03 somebody who is no operator": func(g *gate, _ *github.Run, id *int64) { *id = g.say("ben", func(s string) string { return s }) },
		"CONF-01 a comment on something else": func(g *gate, _ *github.Run, id *int64) { *id = g.elsewhere("dora") },
		"RUN-03 the request was withdrawn": func(g *gate, _ *github.Run, _ *int64) {
			g.id(g.As("ann").Comment(g.pull, approval.WithdrawalLine(gateID)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule := approval.RuleID(strings.Fields(name)[0])
			v := confirmed(t, change)
			found := false
			for _, d := range v.Denials {
				found = found || d.Rule == rule
			}
			if v.Allowed || !found {
				t.Errorf("allowed %v: %+v", v.Allowed, v.Denials)
			}
		})
	}
}

// say comments with an altered confirmation.
func (g *gate) say(login string, alter func(string) string) int64 {
	g.t.Helper()
	line := alter("/bcctl execute " + gateID + " SWITCHOVER ledger@ams " + g.digest().Short() + " attempt=1")
	id := g.id(g.As(login).Comment(g.pull, line))
	g.later(time.Second)
	return id
}

// elsewhere puts the confirmation on another pull request.
func (g *gate) elsewhere(login string) int64 {
	g.t.Helper()
	g.must(g.As(login).Commit("other", github.Change{Base: "main", Files: map[string]string{"other.txt": "x\n"}}))
	n, err := g.As(login).OpenPull("other", "main", "Other", "")
	g.ok(err)
	id := g.id(g.As(login).Comment(n, "/bcctl execute "+gateID+" SWITCHOVER ledger@ams "+g.digest().Short()+" attempt=1"))
	g.later(time.Second)
	return id
}
