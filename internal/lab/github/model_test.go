package github_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/google/go-github/v60/github"

	"github.com/bcctl/bcctl/internal/lab/github"
)

// review reads one review of the first pull request.
func (l *lab) review(id int64) *api.PullRequestReview {
	l.t.Helper()
	v, _, err := l.as("bob").PullRequests.GetReview(ctx, "acme", "recovery", 1, id)
	check(l.t, err)
	return v
}

func (l *lab) events(kind string) int {
	l.t.Helper()
	all, _, err := l.as("bob").Issues.ListIssueTimeline(ctx, "acme", "recovery", 1, nil)
	check(l.t, err)
	n := 0
	for _, e := range all {
		if e.GetEvent() == kind {
			n++
		}
	}
	return n
}

// A rebase that changes nothing re-points a review to a commit its author never saw;
// one that changes the patch does not.
func TestT02_RebaseRepointsReviews(t *testing.T) {
	l := start(t)
	n := l.open()
	before := l.Head("r1")
	id := must[int64](t)(l.As("bob").Review(n, github.Approve, "ok"))
	must[string](t)(l.As("carol").Commit("main", github.Change{Files: map[string]string{"other": "x\n"}}))
	l.step(time.Minute)
	tip := must[string](t)(l.As("alice").Rebase("r1", "main"))
	if got := l.review(id).GetCommitID(); tip == before || got != tip {
		t.Errorf("review names %s, want the rebased head %s", got, tip)
	}
	if l.events("head_ref_force_pushed") != 1 {
		t.Error("the timeline does not show the force push")
	}
	var all []struct {
		Kind   string `json:"activity_type"`
		Before string
		After  string
		Actor  struct{ Login string }
	}
	_, body, _ := l.get(l.Token("bob"), "/repos/acme/recovery/activity?ref=refs/heads/r1")
	check(t, json.Unmarshal([]byte(body), &all))
	if len(all) != 2 || all[0].Kind != "force_push" || all[0].Before != before || all[0].After != tip || all[0].Actor.Login != "alice" || all[1].Kind != "branch_creation" {
		t.Errorf("activity %+v", all)
	}
	l.step(time.Minute)
	other := must[string](t)(l.As("alice").MakeCommit("main", github.Change{Files: map[string]string{requestPath: "kind: Other\n"}}))
	check(t, l.As("alice").ForcePush("r1", other))
	if got := l.review(id).GetCommitID(); got != tip {
		t.Errorf("review names %s after another patch, want the old head %s", got, tip)
	}
}

func TestT02_StaleReviewsAreDismissedWhereTheRuleSaysSo(t *testing.T) {
	l := start(t)
	l.AddRuleset(github.Ruleset{Name: "main", Include: []string{"refs/heads/main"}, Rules: []github.Rule{github.PullRequestRule(1)}})
	n := l.open()
	id := must[int64](t)(l.As("bob").Review(n, github.Approve, "ok"))
	must[string](t)(l.As("alice").Commit("r1", github.Change{Files: map[string]string{"more": "x"}}))
	if got := l.review(id).GetState(); got != "DISMISSED" {
		t.Errorf("state %s after a push", got)
	}
	if l.events("review_dismissed") != 1 {
		t.Error("the timeline does not show the dismissal")
	}
}

func TestT02_ReviewsPendingEditedDismissed(t *testing.T) {
	l := start(t)
	n := l.open()
	bob := l.As("bob")
	if _, err := l.As("alice").Review(n, github.Approve, "mine"); err == nil {
		t.Error("an author approved")
	}
	id := must[int64](t)(bob.Review(n, github.Pending, "draft"))
	reviews := func(login string) int {
		all, _, err := l.as(login).PullRequests.ListReviews(ctx, "acme", "recovery", n, nil)
		check(t, err)
		return len(all)
	}
	if reviews("carol") != 0 || reviews("bob") != 1 {
		t.Error("a pending review is for its author alone")
	}
	l.step(time.Minute)
	check(t, bob.Submit(n, id, github.Approve, "final"))
	if v := l.review(id); v.GetState() != "APPROVED" || v.GetBody() != "final" || !v.GetSubmittedAt().Time.Equal(l.Now()) {
		t.Errorf("submitted %v", v)
	}
	edits := func() (last any, by string, total float64) {
		query := `query($owner: String!, $name: String!, $n: Int!) { repository(owner: $owner, name: $name) { pullRequest(number: $n) { reviews(first: 100) {
			pageInfo { hasNextPage endCursor } nodes { databaseId lastEditedAt includesCreatedEdit editor { login ... on User { databaseId } } userContentEdits(first: 10) { totalCount nodes { editedAt editor { login } } } } } } } }`
		in, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"owner": "acme", "name": "recovery", "n": n}})
		check(t, err)
		_, body, _ := l.send("POST", l.Token("bob"), "/graphql", string(in))
		var out struct {
			Data struct {
				Repository struct {
					PullRequest struct {
						Reviews struct {
							Nodes []struct {
								DatabaseID       int64 `json:"databaseId"`
								LastEditedAt     any
								Editor           struct{ Login string }
								UserContentEdits struct{ TotalCount float64 }
							}
						}
					}
				}
			}
		}
		check(t, json.Unmarshal([]byte(body), &out))
		v := out.Data.Repository.PullRequest.Reviews.Nodes
		if len(v) != 1 || v[0].DatabaseID != id {
			t.Fatalf("GraphQL answered %s", body)
		}
		return v[0].LastEditedAt, v[0].Editor.Login, v[0].UserContentEdits.TotalCount
	}
	if last, _, n := edits(); last != nil || n != 0 {
		t.Error("a review that nobody edited was edited")
	}
	check(t, l.As("carol").EditReview(n, id, "bcctl-approve"))
	if last, by, n := edits(); last == nil || by != "carol" || n != 2 {
		t.Errorf("edited at %v by %q, %v texts", last, by, n)
	}
	check(t, bob.Dismiss(n, id, "changed my mind"))
	if got := l.review(id).GetState(); got != "DISMISSED" {
		t.Errorf("state %s", got)
	}
}

func TestT01_GraphQLRefusesWhatIsNotModelled(t *testing.T) {
	l := start(t)
	for _, query := range []string{`{ viewer { shoeSize } }`, `{ viewer }`, `{ repository(owner:"acme", name:"recovery") { id { x } } }`} {
		in, err := json.Marshal(map[string]any{"query": query})
		check(t, err)
		if _, body, _ := l.send("POST", l.Token("bob"), "/graphql", string(in)); !strings.Contains(body, `"errors"`) || strings.Contains(body, `"data"`) {
			t.Errorf("%s: %s", query, body)
		}
	}
	if v := l.forgive(); len(v) != 3 {
		t.Errorf("violations %q", v)
	}
	in, err := json.Marshal(map[string]any{"query": `{ viewer { login`})
	check(t, err)
	if _, body, _ := l.send("POST", l.Token("bob"), "/graphql", string(in)); !strings.Contains(body, `"errors"`) {
		t.Errorf("half a query: %s", body)
	}
}

// The login goes to somebody else; the number stays.
func TestT02_RenamedAndDeletedAccounts(t *testing.T) {
	l := start(t)
	n := l.open()
	was, _ := l.User("bob")
	id := must[int64](t)(l.As("bob").Review(n, github.Approve, "ok"))
	cid := must[int64](t)(l.As("bob").Comment(n, "hello"))
	l.Rename("bob", "robert")
	now := l.AddUser("bob")
	if got := l.review(id).GetUser(); got.GetID() != was.ID || got.GetLogin() != "robert" || now.ID == was.ID {
		t.Errorf("review by %v", got)
	}
	l.DeleteUser("robert")
	if got := l.review(id); got.User != nil {
		t.Errorf("review by %v after its author left", got.User)
	}
	if _, body, _ := l.get(l.Token("carol"), "/repos/acme/recovery/issues/comments/"+num(cid)); !strings.Contains(body, `"user":null`) {
		t.Errorf("comment %s", body)
	}
	l.events("reviewed") // the timeline has to stand it too
}

func TestT02_MovedRepositoryRedirects(t *testing.T) {
	l := start(t)
	l.open()
	id, tok := l.RepoID(), l.Token("bob")
	l.RenameRepository("resilience")
	status, body, header := l.get(tok, "/repos/acme/recovery/pulls/1")
	want := fmt.Sprintf("%s/repositories/%d/pulls/1", l.URL(), id)
	if status != http.StatusMovedPermanently || header.Get("Location") != want {
		t.Errorf("%d %s to %s, want %s", status, body, header.Get("Location"), want)
	}
	pr, _, err := l.client(tok).PullRequests.Get(ctx, "acme", "recovery", 1)
	check(t, err)
	if pr.GetBase().GetRepo().GetID() != id || pr.GetBase().GetRepo().GetFullName() != "acme/resilience" {
		t.Errorf("followed to %v", pr.GetBase().GetRepo())
	}
	if status, _, _ := l.send("POST", tok, "/repos/acme/recovery/issues/1/comments", `{"body":"x"}`); status != http.StatusTemporaryRedirect {
		t.Errorf("POST answered %d", status)
	}
	other := must[int64](t)(l.ReplaceRepository("acme/recovery"))
	r, _, err := l.client(tok).Repositories.Get(ctx, "acme", "recovery")
	check(t, err)
	if r.GetID() != other || other == id {
		t.Errorf("the old name leads to %d, want the new repository %d", r.GetID(), other)
	}
}

func TestT02_Pages(t *testing.T) {
	l := start(t)
	n := l.open()
	for i := range 101 {
		must[int64](t)(l.As("bob").Review(n, github.Comment, fmt.Sprint("remark ", i)))
	}
	var all []*api.PullRequestReview
	opts := &api.ListOptions{PerPage: 500}
	pages := 0
	for range 10 {
		page, resp, err := l.as("bob").PullRequests.ListReviews(ctx, "acme", "recovery", n, opts)
		check(t, err)
		all, pages = append(all, page...), pages+1
		if resp.NextPage == 0 {
			break
		}
		opts.Page = resp.NextPage
	}
	if len(all) != 101 || pages != 2 || all[100].GetBody() != "remark 100" {
		t.Errorf("%d reviews on %d pages", len(all), pages)
	}
	page, resp, err := l.as("bob").PullRequests.ListReviews(ctx, "acme", "recovery", n, nil)
	check(t, err)
	if len(page) != 30 || resp.LastPage != 4 {
		t.Errorf("%d on a page by default, last %d", len(page), resp.LastPage)
	}
	l.Inject(github.Fault{Match: "GET /repos/*/reviews", Times: -1, EndlessNext: true})
	for number := range 7 {
		page, resp, err := l.as("bob").PullRequests.ListReviews(ctx, "acme", "recovery", n, &api.ListOptions{Page: number + 1, PerPage: 100})
		check(t, err)
		if resp.NextPage != number+2 || len(page) == 0 {
			t.Fatalf("page %d: next %d, %d entries", number+1, resp.NextPage, len(page))
		}
	}
	// Activity is paged by cursor.
	for i := range 5 {
		must[string](t)(l.As("alice").Commit("r1", github.Change{Files: map[string]string{"f": fmt.Sprint(i)}}))
	}
	l.Heal()
	next, seen := "/repos/acme/recovery/activity?per_page=2", 0
	for range 10 {
		_, body, header := l.get(l.Token("bob"), next)
		var part []any
		check(t, json.Unmarshal([]byte(body), &part))
		seen += len(part)
		link := header.Get("Link")
		if !strings.Contains(link, `rel="next"`) {
			break
		}
		next = strings.TrimPrefix(link[1:strings.Index(link, ">")], l.URL())
	}
	if seen != 6 {
		t.Errorf("%d activities over all pages", seen)
	}
}

func TestT02_KindsOfMerge(t *testing.T) {
	for _, kind := range []struct {
		name     string
		o        github.MergeOptions
		parents  int
		activity string
		by       string
		signed   bool
	}{
		{"merge", github.MergeOptions{Method: "merge"}, 2, "pr_merge", "carol", true},
		{"squash", github.MergeOptions{Method: "squash"}, 1, "pr_merge", "carol", true},
		{"rebase", github.MergeOptions{Method: "rebase"}, 1, "pr_merge", "carol", false},
		{"queue", github.MergeOptions{Method: "squash", Queue: true}, 1, "merge_queue_merge", "github-merge-queue[bot]", true},
	} {
		t.Run(kind.name, func(t *testing.T) {
			l := start(t)
			n := l.open()
			bob, _ := l.User("bob")
			must[string](t)(l.As("bob").Commit("r1", github.Change{Files: map[string]string{requestPath: "kind: Request\nmore: 1\n"}, Message: "More\n\nCo-authored-by: carol <carol@example.com>"}))
			must[string](t)(l.As("carol").Commit("main", github.Change{Files: map[string]string{"other": "x"}}))
			sha := must[string](t)(l.As("carol").Merge(n, kind.o))
			if sha != l.Head("main") {
				t.Errorf("main is not at %s", sha)
			}
			pr, _, err := l.as("bob").PullRequests.Get(ctx, "acme", "recovery", n)
			check(t, err)
			if pr.GetMergeCommitSHA() != sha || pr.GetMergedBy().GetLogin() != kind.by {
				t.Errorf("merged by %s as %s", pr.GetMergedBy().GetLogin(), pr.GetMergeCommitSHA())
			}
			k, _, err := l.as("bob").Repositories.GetCommit(ctx, "acme", "recovery", sha, nil)
			check(t, err)
			if len(k.Parents) != kind.parents || k.GetCommit().GetVerification().GetVerified() != kind.signed {
				t.Errorf("%d parents, verified %v", len(k.Parents), k.GetCommit().GetVerification())
			}
			if message := k.GetCommit().GetMessage(); kind.o.Method == "squash" {
				for _, want := range []string{"(#1)", "Co-authored-by: bob <" + bob.Email + ">", "Co-authored-by: carol <carol@example.com>"} {
					if !strings.Contains(message, want) {
						t.Errorf("message %q has no %q", message, want)
					}
				}
			}
			_, body, _ := l.get(l.Token("bob"), "/repos/acme/recovery/activity?ref=refs/heads/main&per_page=1")
			if !strings.Contains(body, kind.activity) {
				t.Errorf("activity %s", body)
			}
			text, _, _, err := l.as("bob").Repositories.GetContents(ctx, "acme", "recovery", requestPath, &api.RepositoryContentGetOptions{Ref: sha})
			check(t, err)
			if got, err := text.GetContent(); err != nil || got != "kind: Request\nmore: 1\n" {
				t.Errorf("contents %q %v", got, err)
			}
		})
	}
}

func TestT02_MergeThatSmugglesContents(t *testing.T) {
	l := start(t)
	n := l.open()
	sha := must[string](t)(l.As("carol").Merge(n, github.MergeOptions{Alter: map[string]string{requestPath: "kind: Other\n"}}))
	text, _, _, err := l.as("bob").Repositories.GetContents(ctx, "acme", "recovery", requestPath, &api.RepositoryContentGetOptions{Ref: sha})
	check(t, err)
	if got, err := text.GetContent(); err != nil || got != "kind: Other\n" {
		t.Errorf("contents %q %v", got, err)
	}
}

func TestT02_RulesAndTheirBypass(t *testing.T) {
	l := start(t)
	l.AddRuleset(github.Ruleset{
		Name: "main", Include: []string{"~DEFAULT_BRANCH"}, Rules: []github.Rule{github.PullRequestRule(1), {Type: "non_fast_forward"}, {Type: "deletion"}},
		Bypass: []github.BypassActor{{ID: 5, Type: "RepositoryRole"}},
	})
	n := l.open()
	var refused *github.Refusal
	if _, err := l.As("bob").Merge(n, github.MergeOptions{}); !errors.As(err, &refused) || refused.Status != http.StatusMethodNotAllowed {
		t.Errorf("a merge without reviews: %v", err)
	}
	if _, err := l.As("bob").Commit("main", github.Change{Files: map[string]string{"x": "x"}}); err == nil {
		t.Error("a push went past the pull request rule")
	}
	suite := func(sha string) string {
		l.SetRole("carol", "admin")
		_, body, _ := l.get(l.Token("carol"), "/repos/acme/recovery/rulesets/rule-suites?ref=main&time_period=day")
		var all []struct {
			AfterSHA string `json:"after_sha"`
			Result   string
		}
		check(t, json.Unmarshal([]byte(body), &all))
		for _, e := range all {
			if e.AfterSHA == sha {
				return e.Result
			}
		}
		return "none of " + body
	}
	must[int64](t)(l.As("bob").Review(n, github.Approve, "ok"))
	if got := suite(must[string](t)(l.As("bob").Merge(n, github.MergeOptions{}))); got != "pass" {
		t.Errorf("rule suite %s after an approved merge", got)
	}
	must[string](t)(l.As("alice").Commit("r2", github.Change{Files: map[string]string{"requests/2026/r2.yaml": "x"}}))
	n = must[int](t)(l.As("alice").OpenPull("r2", "main", "Two", ""))
	if got := suite(must[string](t)(l.As("carol").Merge(n, github.MergeOptions{}))); got != "bypass" {
		t.Errorf("rule suite %s after an administrator's merge", got)
	}
	if got, _, err := l.as("bob").Repositories.GetRulesForBranch(ctx, "acme", "recovery", "main"); err != nil || len(got) != 3 {
		t.Errorf("rules %v, %v", got, err)
	}
}

func TestT02_RefsAreComparedAndSwapped(t *testing.T) {
	l := start(t)
	c := l.as("alice")
	main := l.Head("main")
	ref := &api.Reference{Ref: api.String("refs/heads/lock-1"), Object: &api.GitObject{SHA: &main}}
	_, _, err := c.Git.CreateRef(ctx, "acme", "recovery", ref)
	check(t, err)
	says := func(err error, want string) {
		t.Helper()
		var e *api.ErrorResponse
		if !errors.As(err, &e) || e.Response.StatusCode != http.StatusUnprocessableEntity || e.Message != want {
			t.Errorf("answered %v, want %s", err, want)
		}
	}
	_, _, err = c.Git.CreateRef(ctx, "acme", "recovery", ref)
	says(err, "Reference already exists")
	next := must[string](t)(l.As("alice").MakeCommit("main", github.Change{Message: "one"}))
	side := must[string](t)(l.As("alice").MakeCommit("main", github.Change{Message: "two"}))
	_, _, err = c.Git.UpdateRef(ctx, "acme", "recovery", &api.Reference{Ref: ref.Ref, Object: &api.GitObject{SHA: &next}}, false)
	check(t, err)
	_, _, err = c.Git.UpdateRef(ctx, "acme", "recovery", &api.Reference{Ref: ref.Ref, Object: &api.GitObject{SHA: &side}}, false)
	says(err, "Update is not a fast forward")
	_, err = c.Git.DeleteRef(ctx, "acme", "recovery", "heads/lock-1")
	check(t, err)
	_, err = c.Git.DeleteRef(ctx, "acme", "recovery", "heads/lock-1")
	says(err, "Reference does not exist")
	if _, resp, err := c.Git.GetRef(ctx, "acme", "recovery", "heads/lock-1"); err == nil || resp.StatusCode != http.StatusNotFound {
		t.Error("a deleted ref is there")
	}
	// Somebody else is a moment earlier.
	l.Inject(github.Fault{Match: "POST /repos/*/git/refs", Before: func() {
		check(t, l.As("bob").Push("lock-1", side))
	}})
	_, _, err = c.Git.CreateRef(ctx, "acme", "recovery", ref)
	says(err, "Reference already exists")
	if l.Head("lock-1") != side {
		t.Error("the ref is not the winner's")
	}
}

func TestT02_GitTreesBlobsCommits(t *testing.T) {
	l := start(t)
	app := l.AddApp("bcctl", github.Permissions{"contents": "write"})
	c := l.client(l.AppToken(app))
	main := l.Head("main")
	blob, _, err := c.Git.CreateBlob(ctx, "acme", "recovery", &api.Blob{Content: api.String("eA=="), Encoding: api.String("base64")})
	check(t, err)
	tree, _, err := c.Git.CreateTree(ctx, "acme", "recovery", main, []*api.TreeEntry{
		{Path: api.String("a/b"), Mode: api.String("100644"), Type: api.String("blob"), SHA: blob.SHA},
		{Path: api.String("c"), Mode: api.String("100644"), Type: api.String("blob"), Content: api.String("text\n")},
	})
	check(t, err)
	if len(tree.Entries) != 4 { // README.md policies a c
		t.Errorf("tree %v", tree)
	}
	k, _, err := c.Git.CreateCommit(ctx, "acme", "recovery", &api.Commit{Message: api.String("Record"), Tree: tree, Parents: []*api.Commit{{SHA: &main}}}, nil)
	check(t, err)
	if !k.GetVerification().GetVerified() || k.GetAuthor().GetName() != "bcctl[bot]" {
		t.Errorf("commit of an App %v", k)
	}
	data, _, err := c.Git.GetBlobRaw(ctx, "acme", "recovery", blob.GetSHA())
	check(t, err)
	if string(data) != "x" {
		t.Errorf("blob %q", data)
	}
	got, _, err := c.Git.GetTree(ctx, "acme", "recovery", k.GetSHA(), true)
	check(t, err)
	if !slices.ContainsFunc(got.Entries, func(e *api.TreeEntry) bool { return e.GetPath() == "a/b" && e.GetSHA() == blob.GetSHA() }) {
		t.Errorf("tree %v", got.Entries)
	}
}

func TestT02_PermissionsOfTokens(t *testing.T) {
	l := start(t)
	n := l.open()
	app := l.AddApp("bcctl", github.Permissions{"contents": "read"})
	l.AddTeam("dba", "bob")
	l.AddAccount("mallory", "User")
	for _, c := range []struct {
		name, token, path string
		status            int
		message           string
	}{
		{"no token", "", "/repos/acme/recovery", 401, "Requires authentication"},
		{"unknown token", "ghp_x", "/repos/acme/recovery", 401, "Bad credentials"},
		{"outsider", l.Token("mallory"), "/repos/acme/recovery", 404, "Not Found"},
		{"App without reviews", l.AppToken(app), "/repos/acme/recovery/pulls/1/reviews", 403, "Resource not accessible by integration"},
		{"App without members", l.AppToken(app), "/orgs/acme/teams/dba/memberships/bob", 403, "Resource not accessible by integration"},
		{"person without members", l.TokenWith("bob", github.Permissions{"contents": "read"}), "/orgs/acme/teams/dba/memberships/bob", 404, "Not Found"},
		{"person without reviews", l.TokenWith("bob", github.Permissions{"contents": "read"}), "/repos/acme/recovery/pulls/1/reviews", 403, "Resource not accessible by personal access token"},
		{"no administrator", l.Token("bob"), "/repos/acme/recovery/actions/permissions/workflow", 403, "Must have admin rights to Repository."},
		{"no member of the team", l.Token("bob"), "/orgs/acme/teams/dba/memberships/carol", 404, "Not Found"},
		{"App with contents", l.AppToken(app), "/repos/acme/recovery/commits/main", 200, ""},
	} {
		status, body, _ := l.get(c.token, c.path)
		if status != c.status || !strings.Contains(body, c.message) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	l.SetRole("bob", "read")
	if status, body, _ := l.send("PUT", l.Token("bob"), fmt.Sprintf("/repos/acme/recovery/pulls/%d/merge", n), `{}`); status != http.StatusForbidden {
		t.Errorf("a reader merged: %d %s", status, body)
	}
}

func TestT02_AppSignsInAndItsTokenEnds(t *testing.T) {
	l := start(t)
	app := l.AddApp("bcctl", github.Permissions{"pull_requests": "write", "issues": "write"})
	n := l.open()
	path := "/app/installations/" + num(app.Installation) + "/access_tokens"
	status, body, _ := l.send("POST", sign(t, app, l.Now()), path, `{"permissions":{"issues":"write"},"repositories":["recovery"]}`)
	var got struct {
		Token   string
		Expires time.Time `json:"expires_at"`
	}
	check(t, json.Unmarshal([]byte(body), &got))
	if status != http.StatusCreated || !got.Expires.Equal(l.Now().Add(time.Hour)) {
		t.Fatalf("%d %s", status, body)
	}
	comment := fmt.Sprintf("/repos/acme/recovery/issues/%d/comments", n)
	status, body, _ = l.send("POST", got.Token, comment, `{"body":"from an App"}`)
	if status != http.StatusCreated || !strings.Contains(body, `"slug":"bcctl"`) || !strings.Contains(body, `"type":"Bot"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := l.get(got.Token, "/repos/acme/recovery/pulls/1/reviews"); status != http.StatusForbidden {
		t.Errorf("a token with fewer permissions read reviews: %d", status)
	}
	if status, _, _ := l.send("POST", sign(t, app, l.Now()), path, `{"permissions":{"contents":"write"}}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a token got more than its App has: %d", status)
	}
	l.step(time.Hour)
	if status, _, _ := l.send("POST", got.Token, comment, `{"body":"late"}`); status != http.StatusUnauthorized {
		t.Errorf("an expired token: %d", status)
	}
	if status, body, _ := l.send("POST", sign(t, app, l.Now().Add(-time.Hour)), path, ""); status != http.StatusUnauthorized {
		t.Errorf("an expired JWT: %d %s", status, body)
	}
	if must[int64](t)(l.As("bob").Via(app).Comment(n, "through an App")) == 0 {
		t.Error("no comment")
	}
}

// sign makes the JWT of an App.
func sign(t *testing.T, app github.App, now time.Time) string {
	t.Helper()
	block, _ := pem.Decode(app.Key)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	check(t, err)
	e := base64.RawURLEncoding.EncodeToString
	text := e([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + e(fmt.Appendf(nil, `{"iat":%d,"exp":%d,"iss":"%d"}`, now.Add(-time.Minute).Unix(), now.Add(9*time.Minute).Unix(), app.ID))
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	check(t, err)
	return text + "." + e(sig)
}

func TestT02_Forks(t *testing.T) {
	l := start(t)
	fork := must[string](t)(l.AddFork("alice"))
	must[string](t)(l.As("alice").In(fork).Commit("r9", github.Change{Files: map[string]string{requestPath: "x"}}))
	n := must[int](t)(l.As("alice").OpenPull("alice:r9", "main", "From a fork", ""))
	pr, _, err := l.as("bob").PullRequests.Get(ctx, "acme", "recovery", n)
	check(t, err)
	if pr.GetHead().GetRepo().GetID() == pr.GetBase().GetRepo().GetID() || pr.GetHead().GetRepo().GetFullName() != fork || pr.GetChangedFiles() != 1 {
		t.Errorf("head %v", pr.GetHead())
	}
}

func TestT02_RetargetAndRename(t *testing.T) {
	l := start(t)
	n := l.open()
	check(t, l.As("alice").Push("release", l.Head("main")))
	check(t, l.As("alice").Retarget(n, "release"))
	check(t, l.As("alice").Retitle(n, "Another"))
	if l.events("base_ref_changed") != 1 || l.events("renamed") != 1 {
		t.Error("the timeline shows neither")
	}
	check(t, l.As("alice").DeleteBranch("r1"))
	pr, _, err := l.as("bob").PullRequests.Get(ctx, "acme", "recovery", n)
	check(t, err)
	if pr.GetState() != "closed" || pr.GetMerged() || pr.GetBase().GetRef() != "release" {
		t.Errorf("after its branch is gone: %v", pr)
	}
}

func git(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_AUTHOR_NAME=alice", "GIT_AUTHOR_EMAIL=alice@example.com", "GIT_COMMITTER_NAME=alice", "GIT_COMMITTER_EMAIL=alice@example.com"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("git %v: %v\n%s", args, err, out)
		return "failed: " + string(out)
	}
	return string(out)
}

// A push of several refs moves all or none, over HTTP and by file, and the server
// knows who it was.
func TestT02_AtomicPush(t *testing.T) {
	for _, how := range []string{"http", "file"} {
		t.Run(how, func(t *testing.T) {
			l := start(t)
			at := "file://" + l.GitDir()
			if how == "http" {
				at = strings.Replace(l.GitURL(), "http://", "http://alice:"+l.Token("alice")+"@", 1)
			}
			dir := filepath.Join(t.TempDir(), "clone")
			env := []string{"BCCTL_LAB_AS=alice"}
			git(t, t.TempDir(), env, "clone", "-q", at, dir)
			git(t, dir, env, "commit", "-q", "--allow-empty", "-m", "lock")
			if out := git(t, dir, env, "push", "-q", "--atomic", at, "HEAD:refs/heads/lock-a", "HEAD:refs/heads/lock-b"); strings.HasPrefix(out, "failed") {
				t.Fatal(out)
			}
			_, body, _ := l.get(l.Token("bob"), "/repos/acme/recovery/activity?actor=alice&activity_type=branch_creation")
			if strings.Count(body, `"branch_creation"`) != 2 {
				t.Errorf("activity %s", body)
			}
			git(t, dir, env, "commit", "-q", "--amend", "--allow-empty", "-m", "lock again")
			if out := git(t, dir, env, "push", "-q", "--atomic", at, "HEAD:refs/heads/lock-c", "HEAD:refs/heads/lock-a"); !strings.HasPrefix(out, "failed") {
				t.Error("a push that is no fast forward was taken")
			}
			if l.Head("lock-c") != "" || l.Head("lock-a") == "" {
				t.Error("half of an atomic push was done")
			}
		})
	}
}

func TestT02_PushOverHTTPObeysRulesAndTokens(t *testing.T) {
	l := start(t)
	app := l.AddApp("bcctl", github.Permissions{"contents": "write"})
	l.AddRuleset(github.Ruleset{Name: "locks", Include: []string{"refs/heads/lock-*"}, Rules: []github.Rule{{Type: "creation"}, {Type: "update"}, {Type: "deletion"}}, Bypass: []github.BypassActor{{ID: app.ID, Type: "Integration"}}})
	dir := filepath.Join(t.TempDir(), "clone")
	at := func(token string) string { return strings.Replace(l.GitURL(), "http://", "http://x:"+token+"@", 1) }
	git(t, t.TempDir(), nil, "clone", "-q", at(l.Token("alice")), dir)
	if out := git(t, dir, nil, "push", at(l.Token("alice")), "HEAD:refs/heads/lock-a"); !strings.HasPrefix(out, "failed") || !strings.Contains(out, "GH013") {
		t.Errorf("a person made a lock: %s", out)
	}
	if out := git(t, dir, nil, "push", at(l.AppToken(app)), "HEAD:refs/heads/lock-a"); strings.HasPrefix(out, "failed") {
		t.Errorf("the App could not make a lock: %s", out)
	}
	if out := git(t, dir, nil, "push", at(l.TokenWith("alice", github.Permissions{"contents": "read"})), "HEAD:refs/heads/x"); !strings.HasPrefix(out, "failed") {
		t.Error("a token that may read wrote")
	}
	if out := git(t, dir, nil, "fetch", at(l.Token("bob")), l.Head("main")); strings.HasPrefix(out, "failed") {
		t.Errorf("fetch of a commit by its id: %s", out)
	}
}

// A forged committer is not GitHub, whatever its e-mail says.
func TestT02_UnsignedCommitOfTheWebCommitter(t *testing.T) {
	l := start(t)
	sha := must[string](t)(l.As("alice").Commit("forged", github.Change{Files: map[string]string{"x": "y"}, CommitterName: "GitHub", CommitterEmail: "noreply@github.com", AuthorEmail: "nobody@nowhere.example"}))
	k, _, err := l.as("bob").Repositories.GetCommit(ctx, "acme", "recovery", sha, nil)
	check(t, err)
	if k.GetCommit().GetVerification().GetVerified() || k.GetCommitter().GetLogin() != "web-flow" || k.Author != nil {
		t.Errorf("commit %v", k)
	}
}
