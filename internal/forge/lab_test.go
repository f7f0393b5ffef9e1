package forge_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/lab/github"
	"github.com/bcctl/bcctl/pkg/approval"
)

// lab is a GitHub with a request of ann's in a pull request.
type lab struct {
	*github.Server
	t    *testing.T
	mu   sync.Mutex
	now  time.Time
	pull int
}

const requestFile = "requests/2026/r1.yaml"

func (l *lab) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *lab) Sleep(ctx context.Context, d time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
	return ctx.Err()
}

func start(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, now: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
	srv, err := github.Start(t.TempDir(), github.Options{Now: l.Now, Violation: func(s string) { t.Error("violation: " + s) }, Files: map[string]string{"README.md": "x\n"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	l.Server = srv
	for _, login := range []string{"ann", "ben"} {
		srv.AddUser(login)
	}
	if _, err := srv.As("ann").Commit("request", github.Change{Base: "main", Files: map[string]string{requestFile: "x: 1\n"}}); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) client(auth forge.Auth) *forge.Client {
	l.t.Helper()
	c, err := forge.New(forge.Options{APIURL: l.URL(), Owner: "acme", Name: "recovery", RepositoryID: l.RepoID(), Auth: auth, Mirror: l.t.TempDir(), Now: l.Now, Sleep: l.Sleep})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(c.Close)
	return c
}

func (l *lab) as(login string) *forge.Client { return l.client(forge.Token(l.Token(login))) }

func (l *lab) open() {
	l.t.Helper()
	var err error
	if l.pull, err = l.As("ann").OpenPull("request", "main", "Ask", ""); err != nil {
		l.t.Fatal(err)
	}
	_ = l.Sleep(l.t.Context(), time.Minute)
}

// count is how often a request was made.
func (l *lab) count(request string) int {
	n := 0
	for _, r := range l.Requests() {
		if r == request {
			n++
		}
	}
	return n
}

// losses are the ways in which the answer to a change gets lost.
var losses = map[string]struct {
	fault github.Fault
	posts int // of which one is done
}{
	"nothing lost":            {github.Fault{Match: "POST /no/such"}, 1},
	"lost before it was done": {github.Fault{DropBefore: true}, 2},
	"lost after it was done":  {github.Fault{DropAfter: true}, 1},
	"bad gateway":             {github.Fault{Status: 502}, 2},
}

// API-03: a change whose answer was lost is looked for, and made once.
func TestAPI03ChangesAreMadeOnce(t *testing.T) {
	t.Parallel()
	for name, loss := range losses {
		inject := func(l *lab, match string) {
			f := loss.fault
			if f.Match == "" {
				f.Match, f.Times = match, 1
			}
			l.Inject(f)
		}
		t.Run("pull request, "+name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			c := l.as("ann")
			inject(l, "POST /repos/*/pulls")
			n := forge.NewPull{Branch: "request", Title: "Ask", Body: "plan", Reviewers: []string{"ben"}, Labels: []string{"switchover"}}
			one, _, err := c.OpenPull(t.Context(), n)
			if err != nil || one == 0 {
				t.Fatalf("%d, %v", one, err)
			}
			two, _, err := c.OpenPull(t.Context(), n)
			if err != nil || one != two || l.count("POST /repos/acme/recovery/pulls") != loss.posts {
				t.Errorf("numbers %d and %d, %v; posted %d times", one, two, err, l.count("POST /repos/acme/recovery/pulls"))
			}
		})
		t.Run("review, "+name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.open()
			c := l.as("ben")
			inject(l, "POST /repos/*/reviews")
			head := l.Head("request")
			one, err := c.Approve(t.Context(), l.pull, head, "bcctl-approve x as it")
			if err != nil || one.ID == 0 || one.CommitID != head || one.State != approval.Approved {
				t.Fatalf("%+v, %v", one, err)
			}
			two, err := c.Approve(t.Context(), l.pull, head, "bcctl-approve x as it")
			if err != nil || two.ID != one.ID || l.count("POST /repos/acme/recovery/pulls/1/reviews") != loss.posts {
				t.Errorf("%+v, %v", two, err)
			}
			if three, err := c.Approve(t.Context(), l.pull, head, "bcctl-approve y as it"); err != nil || three.ID == one.ID {
				t.Errorf("another digest is another review: %+v, %v", three, err)
			}
		})
		t.Run("comment, "+name, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			l.open()
			c := l.as("ben")
			// Somebody else's comment with our marker is not ours.
			if _, err := l.As("ann").Comment(l.pull, forge.Marker("plan")+"\nmine"); err != nil {
				t.Fatal(err)
			}
			inject(l, "POST /repos/*/comments")
			for _, body := range []string{"one", "one", "two"} {
				if _, err := c.KeepComment(t.Context(), l.pull, "plan", body); err != nil {
					t.Fatal(err)
				}
			}
			if posts, patches := l.count("POST /repos/acme/recovery/issues/1/comments"), l.patches(); posts != loss.posts || patches != 1 {
				t.Errorf("%d posts, %d patches", posts, patches)
			}
			for range 2 {
				if _, err := c.Say(t.Context(), l.pull, "started", "run"); err != nil {
					t.Fatal(err)
				}
			}
			if posts := l.count("POST /repos/acme/recovery/issues/1/comments"); posts != loss.posts+1 {
				t.Errorf("%d posts", posts)
			}
		})
	}
}

func (l *lab) patches() int {
	n := 0
	for _, r := range l.Requests() {
		if strings.HasPrefix(r, "PATCH ") {
			n++
		}
	}
	return n
}

// A person's token shows a status, an App's a check run.
func TestReport(t *testing.T) {
	t.Parallel()
	l := start(t)
	app := l.AddApp("bcctl", github.Permissions{"metadata": "read", "contents": "write", "checks": "write", "pull_requests": "write", "issues": "write", "statuses": "write"})
	auth, err := forge.NewApp(app.ID, app.Installation, l.RepoID(), string(app.Key))
	if err != nil {
		t.Fatal(err)
	}
	c := l.client(auth)
	for _, state := range []forge.State{forge.Running, forge.Passed, forge.Failed} {
		if err := c.Report(t.Context(), forge.Check{SHA: l.Head("request"), Name: "bcctl/plan", State: state, Title: "t", Summary: "s"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.count("POST /repos/acme/recovery/check-runs"); n != 1 {
		t.Errorf("%d check runs", n)
	}
	if err := l.as("ann").Report(t.Context(), forge.Check{SHA: l.Head("request"), Name: "bcctl/plan", State: forge.Passed, Title: strings.Repeat("long ", 100)}); err != nil {
		t.Fatal(err)
	}
	if n := l.count("POST /repos/acme/recovery/statuses/" + l.Head("request")); n != 1 {
		t.Errorf("%d statuses", n)
	}
	l.open()
	if _, err := c.KeepComment(t.Context(), l.pull, "plan", "by the App"); err != nil {
		t.Error(err)
	}
	if _, err := c.KeepComment(t.Context(), l.pull, "plan", "by the App again"); err != nil || l.patches() == 0 {
		t.Errorf("%v, %d patches", err, l.patches())
	}
	if _, err := c.Myself(t.Context()); !errors.Is(err, forge.ErrPermission) {
		t.Errorf("an App is nobody: %v", err)
	}
}

// PR-01: after a rename reads follow, and changes do not; another repository under the
// old name is refused for changes and told from the body for reads.
func TestPR01TheNumberCounts(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.open()
	c := l.as("ann")
	l.RenameRepository("elsewhere")
	if r, err := c.Repository(t.Context()); err != nil || r.ID != l.RepoID() || r.Name != "elsewhere" {
		t.Errorf("%+v, %v", r, err)
	}
	id, err := l.ReplaceRepository("acme/recovery")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Repository(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != id {
		t.Errorf("%+v", r)
	}
	if _, _, err := c.OpenPull(t.Context(), forge.NewPull{Branch: "request", Title: "x"}); !errors.Is(err, forge.ErrRepository) {
		t.Errorf("a change in another repository: %v", err)
	}
}

// Evidence is the same when nothing changed, and has what the rules ask for.
func TestAPP10TwoReadsAreTheSame(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.open()
	id, err := l.As("ben").Review(l.pull, github.Approve, "ok")
	if err != nil {
		t.Fatal(err)
	}
	c := l.as("ann")
	one, err := c.Read(t.Context(), l.pull, requestFile)
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.Read(t.Context(), l.pull, requestFile)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := one.Evidence.Fingerprint(), two.Evidence.Fingerprint(); a == "" || a != b {
		t.Errorf("%s and %s", a, b)
	}
	e := one.Evidence
	if e.Pull.FetchedHead != e.Pull.Head.SHA || e.Main.Tip != l.Head("main") || string(e.Request) != "x: 1\n" || len(e.Reviews.Items) != 1 || e.Reviews.Items[0].Edited != approval.No || len(one.Answers) < 10 {
		t.Errorf("%+v, %d answers", e, len(one.Answers))
	}
	if err := l.As("ben").EditReview(l.pull, id, "changed"); err != nil {
		t.Fatal(err)
	}
	three, err := c.Read(t.Context(), l.pull, requestFile)
	if err != nil || three.Evidence.Reviews.Items[0].Edited != approval.Yes || three.Evidence.Fingerprint() == e.Fingerprint() {
		t.Errorf("%+v, %v", three.Evidence.Reviews, err)
	}
}

// What moves while it is read is read anew.
func TestAPP10AHeadThatMovesIsReadAnew(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.open()
	c := l.as("ann")
	l.Inject(github.Fault{Match: "GET /repos/*/reviews", Times: 1, Before: func() {
		if _, err := l.As("ann").Commit("request", github.Change{Files: map[string]string{requestFile: "x: 2\n"}}); err != nil {
			t.Error(err)
		}
	}})
	r, err := c.Read(t.Context(), l.pull, requestFile)
	if err != nil || r.Evidence.Pull.Head.SHA != l.Head("request") || string(r.Evidence.Request) != "x: 2\n" || len(r.Evidence.Commits.Items) != 2 {
		t.Errorf("%+v, %v", r.Evidence.Pull, err)
	}
}

// API-06: what commits hold is read once; which commit the branch is at is asked each time.
func TestAPI06TheBranchIsReadEachTime(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.open()
	c := l.as("ann")
	read := func() (forge.Reading, string) {
		t.Helper()
		r, err := c.Read(t.Context(), l.pull, requestFile)
		if err != nil {
			t.Fatal(err)
		}
		files, err := r.Objects.Files(t.Context(), r.Evidence.Main.Tip, "README.md", "gone")
		if err != nil || files["gone"].State != approval.FileAbsent {
			t.Fatalf("%+v, %v", files, err)
		}
		return r, string(files["README.md"].Bytes)
	}
	first, text := read()
	again, same := read()
	if text != "x\n" || same != text || first.Evidence.Main != again.Evidence.Main {
		t.Errorf("%q and %q, %+v and %+v", text, same, first.Evidence.Main, again.Evidence.Main)
	}
	if len(again.Answers) != len(first.Answers) {
		t.Errorf("%d answers, and %d the first time", len(again.Answers), len(first.Answers))
	}
	if _, err := l.As("ann").Commit("main", github.Change{Files: map[string]string{"README.md": "y\n"}}); err != nil {
		t.Fatal(err)
	}
	if moved, text := read(); text != "y\n" || moved.Evidence.Main.Tip == first.Evidence.Main.Tip {
		t.Errorf("after the branch moved: %q, %+v", text, moved.Evidence.Main)
	}
}

// API-01: what is null stays nobody and nothing.
func TestAPI01NullsStayAbsent(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.open()
	if _, err := l.As("ben").Review(l.pull, github.Approve, "ok"); err != nil {
		t.Fatal(err)
	}
	l.Inject(github.Fault{Match: "GET /repos/*/reviews", Times: -1, Rewrite: func(body []byte) []byte {
		text := string(body)
		if i := strings.Index(text, `"commit_id":"`); i >= 0 {
			text = text[:i] + `"commit_id":null` + text[i+len(`"commit_id":"`)+41:]
		}
		return []byte(text)
	}})
	l.DeleteUser("ben")
	r, err := l.as("ann").Read(t.Context(), l.pull, requestFile)
	if err != nil || len(r.Evidence.Reviews.Items) != 1 {
		t.Fatalf("%+v, %v", r.Evidence.Reviews, err)
	}
	if v := r.Evidence.Reviews.Items[0]; v.CommitID != "" {
		t.Errorf("%+v", v)
	}
}

// ID-07: a team that cannot be read is no answer, which differs from no member.
func TestID07Teams(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.open()
	l.AddTeam("dba", "ann")
	if _, err := l.As("ben").Review(l.pull, github.Approve, "ok"); err != nil {
		t.Fatal(err)
	}
	team, secret := approval.Team{Org: "acme", Slug: "dba"}, approval.Team{Org: "acme", Slug: "no-such"}
	ask := func(c *forge.Client) []approval.TeamMembership {
		r, err := c.Read(t.Context(), l.pull, requestFile)
		if err == nil {
			err = c.Teams(t.Context(), &r, []approval.Team{team, secret})
		}
		if err != nil {
			t.Fatal(err)
		}
		return r.Evidence.Teams
	}
	if r, err := l.as("ann").Read(t.Context(), l.pull, requestFile); err != nil {
		t.Fatal(err)
	} else if before := len(l.Requests()); l.as("ann").Teams(t.Context(), &r, nil) != nil || len(l.Requests()) != before || r.Evidence.Teams != nil {
		t.Errorf("no team is named: %v", l.Requests()[before:])
	}
	got := ask(l.as("ann"))
	if len(got) != 2 || got[0].Membership != approval.MemberNone || got[1].Membership != "" {
		t.Errorf("%+v", got)
	}
	l.SetTeamMember("dba", "ben", "active")
	if got := ask(l.as("ann")); got[0].Membership != approval.MemberActive {
		t.Errorf("%+v", got)
	}
	blind := l.client(forge.Token(l.TokenWith("ann", github.Permissions{"metadata": "read", "contents": "read", "pull_requests": "read", "issues": "read"})))
	if got := ask(blind); got[0].Membership != "" {
		t.Errorf("without the permission: %+v", got)
	}
}

// API-05: rules of a type nobody knows are kept.
func TestAPI05UnknownRulesAreKept(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.AddRuleset(github.Ruleset{Name: "main", Include: []string{"refs/heads/main"}, Rules: []github.Rule{{Type: "merge_queue", Parameters: map[string]any{
		"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5}}, {Type: "deletion"}}})
	rules, err := l.as("ann").BranchRules(t.Context(), "main")
	if err != nil || len(rules) != 2 {
		t.Errorf("%+v, %v", rules, err)
	}
}

// RUN-03: of an edited comment it is known what it asked for before; of one that nobody
// edited, that nobody did. Where the interface answers with an error neither is known.
func TestRUN03FormerTextsOfComments(t *testing.T) {
	t.Parallel()
	l := start(t)
	l.open()
	plain, err := l.As("ben").Comment(l.pull, "hello")
	if err != nil {
		t.Fatal(err)
	}
	edited, err := l.As("ann").Comment(l.pull, "/bcctl withdraw r1\r\n")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Sleep(t.Context(), time.Minute)
	for _, text := range []string{"and more", "never mind"} {
		if err := l.As("ann").EditComment(edited, text); err != nil {
			t.Fatal(err)
		}
	}
	read := func() map[int64]approval.Comment {
		t.Helper()
		r, err := l.as("ben").Read(t.Context(), l.pull, requestFile)
		if err != nil {
			t.Fatal(err)
		}
		found := map[int64]approval.Comment{}
		for _, m := range r.Evidence.Comments.Items {
			found[m.ID] = m
		}
		return found
	}
	found := read()
	if m := found[plain]; m.Edited != approval.No || len(m.Former.Items) > 0 {
		t.Errorf("not edited: %+v", m)
	}
	if m := found[edited]; m.Edited != approval.Yes || m.Former.Complete != approval.Yes || len(m.Former.Items) != 1 || m.Former.Items[0] != "/bcctl withdraw r1" {
		t.Errorf("edited: %+v", m)
	}
	l.Inject(github.Fault{Match: "POST /graphql", Times: -1, Rewrite: func([]byte) []byte {
		return []byte(`{"data":null,"errors":[{"type":"FORBIDDEN","message":"no"}]}`)
	}})
	for id, m := range read() {
		if m.Edited != "" || m.Former.Complete != "" {
			t.Errorf("comment %d, nothing answered: %+v", id, m)
		}
	}
}
