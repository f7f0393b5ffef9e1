package github_test

import (
	"net/http"
	"testing"
	"time"

	api "github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/internal/lab/github"
)

func TestT01_PullRequestFromBranchToMerge(t *testing.T) {
	l := start(t)
	alice, bob := l.as("alice"), l.as("bob")
	base, _, err := alice.Git.GetRef(ctx, "acme", "recovery", "refs/heads/main")
	check(t, err)
	_, _, err = alice.Git.CreateRef(ctx, "acme", "recovery", &api.Reference{Ref: api.String("refs/heads/r1"), Object: &api.GitObject{SHA: base.Object.SHA}})
	check(t, err)
	_, _, err = alice.Repositories.CreateFile(ctx, "acme", "recovery", requestPath, &api.RepositoryContentFileOptions{Message: api.String("Ask"), Content: []byte("kind: Request\n"), Branch: api.String("r1")})
	check(t, err)
	pr, _, err := alice.PullRequests.Create(ctx, "acme", "recovery", &api.NewPullRequest{Title: api.String("Failover"), Head: api.String("r1"), Base: api.String("main"), Body: api.String("plan")})
	check(t, err)
	if pr.GetNumber() != 1 || pr.GetUser().GetLogin() != "alice" || !pr.GetMergeable() {
		t.Errorf("pull request %v", pr)
	}
	l.step(time.Minute)
	rv, _, err := bob.PullRequests.CreateReview(ctx, "acme", "recovery", 1, &api.PullRequestReviewRequest{Body: api.String("ok"), Event: api.String("APPROVE")})
	check(t, err)
	if rv.GetState() != "APPROVED" || rv.GetCommitID() != pr.GetHead().GetSHA() || !rv.GetSubmittedAt().Time.Equal(l.Now()) {
		t.Errorf("review %v", rv)
	}
	files, _, err := bob.PullRequests.ListFiles(ctx, "acme", "recovery", 1, nil)
	check(t, err)
	if len(files) != 1 || files[0].GetStatus() != "added" || files[0].GetFilename() != requestPath || files[0].GetAdditions() != 1 {
		t.Errorf("files %v", files)
	}
	m, _, err := alice.PullRequests.Merge(ctx, "acme", "recovery", 1, "", &api.PullRequestOptions{MergeMethod: "merge", SHA: pr.GetHead().GetSHA()})
	check(t, err)
	after, _, err := bob.PullRequests.Get(ctx, "acme", "recovery", 1)
	check(t, err)
	if !after.GetMerged() || after.GetMergeCommitSHA() != m.GetSHA() || after.GetMergedBy().GetLogin() != "alice" || after.GetState() != "closed" {
		t.Errorf("after the merge: %v", after)
	}
	text, _, _, err := bob.Repositories.GetContents(ctx, "acme", "recovery", requestPath, nil)
	check(t, err)
	if got, err := text.GetContent(); err != nil || got != "kind: Request\n" {
		t.Errorf("contents %q, %v", got, err)
	}
	commit, _, err := bob.Repositories.GetCommit(ctx, "acme", "recovery", m.GetSHA(), nil)
	check(t, err)
	if !commit.GetCommit().GetVerification().GetVerified() || commit.GetCommitter().GetLogin() != "web-flow" || len(commit.Parents) != 2 {
		t.Errorf("merge commit %v", commit)
	}
}

func TestT01_EveryReadMatchesTheDescription(t *testing.T) {
	l := start(t)
	n := l.open()
	app := l.AddApp("bcctl", github.Permissions{"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "statuses": "write", "administration": "write", "members": "read", "actions": "write"})
	l.AddTeam("dba", "bob")
	l.AddRuleset(github.Ruleset{Name: "main", Include: []string{"~DEFAULT_BRANCH"}, Rules: []github.Rule{{Type: "non_fast_forward"}, {Type: "deletion"}, github.PullRequestRule(1)}, Bypass: []github.BypassActor{{ID: 5, Type: "RepositoryRole"}}})
	l.Protect("main", &github.Protection{Reviews: 1})
	l.AddEnvironment(github.Environment{Name: "execute", Reviewers: []string{"bob"}, BranchPolicy: "custom", Branches: []string{"main"}})
	run := l.AddRun(github.Run{Path: ".github/workflows/execute.yml", Event: "issue_comment", Actor: "carol"})
	bob := l.As("bob")
	rid := must[int64](t)(bob.Review(n, github.Approve, "fine"))
	cid := must[int64](t)(bob.Comment(n, "hello"))
	check(t, bob.Label(n, "tier-1"))
	check(t, bob.React(n, "+1"))
	check(t, l.As("alice").RequestReview(n, "carol"))
	check(t, l.As("alice").Retitle(n, "Other"))
	check(t, bob.Dismiss(n, rid, "no"))
	bob2 := must[int64](t)(bob.Review(n, github.Approve, "fine again"))
	check(t, l.As("bcctl[bot]").Do("POST", "/check-runs", map[string]any{"name": "bcctl", "head_sha": l.Head("r1"), "conclusion": "success", "status": "completed"}, nil))
	check(t, bob.Status(l.Head("r1"), "ci", "success"))
	merge := must[string](t)(l.As("alice").Merge(n, github.MergeOptions{Method: "squash"}))
	tok := l.AppToken(app)
	for _, path := range []string{
		"/repos/acme/recovery", "/repos/acme/recovery/pulls?state=all", "/repos/acme/recovery/pulls/1", "/repos/acme/recovery/pulls/1/commits", "/repos/acme/recovery/pulls/1/files",
		"/repos/acme/recovery/pulls/1/reviews", "/repos/acme/recovery/pulls/1/reviews/" + num(bob2), "/repos/acme/recovery/pulls/1/requested_reviewers", "/repos/acme/recovery/issues/1", "/repos/acme/recovery/issues?state=all",
		"/repos/acme/recovery/issues/1/comments", "/repos/acme/recovery/issues/comments/" + num(cid), "/repos/acme/recovery/issues/1/events", "/repos/acme/recovery/issues/1/timeline",
		"/repos/acme/recovery/issues/1/labels", "/repos/acme/recovery/issues/1/reactions", "/repos/acme/recovery/issues/comments/" + num(cid) + "/reactions", "/repos/acme/recovery/activity", "/repos/acme/recovery/activity?ref=refs/heads/main&activity_type=pr_merge",
		"/repos/acme/recovery/rules/branches/main", "/repos/acme/recovery/rulesets", "/repos/acme/recovery/rulesets/rule-suites", "/repos/acme/recovery/branches", "/repos/acme/recovery/branches/main",
		"/repos/acme/recovery/branches/main/protection", "/repos/acme/recovery/environments", "/repos/acme/recovery/environments/execute", "/repos/acme/recovery/environments/execute/deployment-branch-policies",
		"/repos/acme/recovery/actions/runs", "/repos/acme/recovery/actions/runs/" + num(run), "/repos/acme/recovery/actions/permissions/workflow", "/repos/acme/recovery/collaborators/bob/permission",
		"/repos/acme/recovery/commits", "/repos/acme/recovery/commits/main", "/repos/acme/recovery/commits/" + merge + "/pulls", "/repos/acme/recovery/commits/r1/check-runs", "/repos/acme/recovery/commits/r1/status", "/repos/acme/recovery/commits/r1/statuses",
		"/repos/acme/recovery/compare/main...r1", "/repos/acme/recovery/contents/requests", "/repos/acme/recovery/contents/README.md?ref=r1", "/repos/acme/recovery/git/ref/heads/main", "/repos/acme/recovery/git/matching-refs/heads/",
		"/repos/acme/recovery/git/ref/pull/1/head", "/repos/acme/recovery/git/trees/main?recursive=1", "/repos/acme/recovery/git/commits/" + merge, "/orgs/acme/memberships/bob", "/orgs/acme/teams/dba", "/orgs/acme/teams/dba/members", "/orgs/acme/teams/dba/memberships/bob",
		"/users/bob", "/installation/repositories", "/rate_limit", "/meta",
	} {
		if status, body, _ := l.get(tok, path); status != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
	if status, body, _ := l.get(l.Token("bob"), "/user"); status != http.StatusOK {
		t.Errorf("GET /user: %d %s", status, body)
	}
}
