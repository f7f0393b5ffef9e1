package github

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Actor does things as an account. It goes the way of the REST interface, with its
// checks and permissions, but meets no Fault.
type Actor struct {
	s    *Server
	id   int64
	app  int64
	repo string // owner/name; empty: the first repository
}

// As returns somebody by login: a person, or an App's bot such as "bcctl[bot]".
func (s *Server) As(login string) *Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &Actor{s: s, id: s.must(login).ID}
	for _, app := range s.st.Apps {
		if app.Bot == a.id {
			a.app = app.ID
		}
	}
	return a
}

// Via returns the same person, acting through an App: what is written says so.
func (a *Actor) Via(app App) *Actor { return &Actor{a.s, a.id, app.ID, a.repo} }

// In returns the same account, in another repository.
func (a *Actor) In(fullName string) *Actor { return &Actor{a.s, a.id, a.app, fullName} }

// Refusal is an answer that is an error.
type Refusal struct {
	Status  int
	Message string
	What    string // the request
}

// Error says what was asked and what GitHub answered.
func (e *Refusal) Error() string { return fmt.Sprintf("%s: %d %s", e.What, e.Status, e.Message) }

// Do sends a request below the repository, such as PATCH /pulls/1, and reads the
// answer into out, which may be nil.
func (a *Actor) Do(method, path string, in, out any) error {
	return a.do(context.Background(), method, path, in, out)
}

func (a *Actor) do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	var err error
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	a.s.mu.Lock()
	name := a.repo
	if name == "" {
		name = a.s.st.fullName(a.s.first())
	}
	who := &identity{user: a.s.st.user(a.id), app: a.s.st.app(a.app)}
	a.s.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, method, "http://lab/repos/"+name+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	got := a.s.answer(r, body, who)
	if got.status >= 300 {
		var say struct {
			Message string
			Errors  json.RawMessage
		}
		_ = json.Unmarshal(got.body, &say) // an error without words is one too
		if len(say.Errors) > 0 {
			say.Message += " " + string(say.Errors)
		}
		return &Refusal{got.status, say.Message, method + " " + path}
	}
	if out == nil || len(got.body) == 0 {
		return nil
	}
	return json.Unmarshal(got.body, out)
}

// Change is a commit to make.
type Change struct {
	Base    string            // branch or commit; empty: the branch itself, or main for a new one
	Files   map[string]string // path -> contents
	Modes   map[string]string // path -> 100755, 120000; others are ordinary files
	Delete  []string
	Message string // empty: "Change"

	// Whose commit it is. Empty: the actor's, as after git commit on their machine.
	AuthorName, AuthorEmail       string
	CommitterName, CommitterEmail string
}

// Commit makes a commit on a branch and pushes it. It returns the commit.
func (a *Actor) Commit(branch string, c Change) (string, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	r, me, err := a.here()
	if err != nil {
		return "", err
	}
	g, ref := a.s.bare(r), "refs/heads/"+branch
	parent := r.Refs[ref]
	if parent == "" || c.Base != "" && r.Refs[ref] == "" {
		base := c.Base
		if base == "" {
			base = r.DefaultBranch
		}
		if parent = r.Refs["refs/heads/"+base]; parent == "" {
			parent = base
		}
	}
	sha, err := a.s.makeCommit(g, parent, c, me)
	if err != nil {
		return "", err
	}
	return sha, a.push(r, ref, sha, false)
}

// MakeCommit makes a commit that no branch has.
func (a *Actor) MakeCommit(parent string, c Change) (string, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	r, me, err := a.here()
	if err != nil {
		return "", err
	}
	if at := r.Refs["refs/heads/"+parent]; at != "" {
		parent = at
	}
	return a.s.makeCommit(a.s.bare(r), parent, c, me)
}

func (s *Server) makeCommit(g bare, parent string, c Change, me *user) (string, error) {
	var entries []treeEntry
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		sha, err := g.blob([]byte(c.Files[path]))
		if err != nil {
			return "", err
		}
		mode := c.Modes[path]
		if mode == "" {
			mode = "100644"
		}
		entries = append(entries, treeEntry{path, mode, sha})
	}
	for _, path := range c.Delete {
		entries = append(entries, treeEntry{path: path})
	}
	tree, err := g.treeWith(parent, entries)
	if err != nil {
		return "", err
	}
	author := ident{me.Name, me.Emails[0], s.now()}
	if c.AuthorEmail != "" {
		author.Email = c.AuthorEmail
	}
	if c.AuthorName != "" {
		author.Name = c.AuthorName
	}
	committer := author
	if c.CommitterEmail != "" {
		committer.Email = c.CommitterEmail
	}
	if c.CommitterName != "" {
		committer.Name = c.CommitterName
	}
	if c.Message == "" {
		c.Message = "Change"
	}
	return g.write(commit{tree: tree, parents: []string{parent}, author: author, committer: committer, message: c.Message})
}

// here is the repository with all that has happened to it, and who acts.
func (a *Actor) here() (*repo, *user, error) {
	r := a.s.first()
	if a.repo != "" {
		if r, _ = a.s.st.named(a.repo); r == nil {
			return nil, nil, fmt.Errorf("the laboratory's GitHub has no repository %q", a.repo)
		}
	}
	return r, a.s.st.user(a.id), a.s.sync(r, nil)
}

func (a *Actor) push(r *repo, ref, sha string, force bool) error {
	me, before := a.s.st.user(a.id), r.Refs[ref]
	if before == sha {
		return nil
	}
	if !force && before != "" && sha != "" && !a.s.bare(r).ancestor(before, sha) {
		return &Refusal{http.StatusUnprocessableEntity, "rejected (non-fast-forward)", "push " + ref}
	}
	if a.app == 0 && !atLeast(a.s.st.role(r, me), "write") {
		return &Refusal{http.StatusForbidden, "Permission to " + a.s.st.fullName(r) + ".git denied to " + me.Login, "push " + ref}
	}
	if say := a.s.refuses(r, a.s.against(r, ref, before, sha, me), me, false); say != "" {
		return &Refusal{http.StatusUnprocessableEntity, say, "push " + ref}
	}
	if err := a.s.move(r, ref, before, sha, me, ""); err != nil {
		return err
	}
	a.s.changed = false
	return a.s.save()
}

// Push moves a branch forward to a commit that is there, or makes it.
func (a *Actor) Push(branch, sha string) error { return a.pushTo(branch, sha, false) }

// ForcePush moves a branch to any commit.
func (a *Actor) ForcePush(branch, sha string) error { return a.pushTo(branch, sha, true) }

// DeleteBranch deletes a branch.
func (a *Actor) DeleteBranch(branch string) error { return a.pushTo(branch, "", true) }

func (a *Actor) pushTo(branch, sha string, force bool) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	r, _, err := a.here()
	if err != nil {
		return err
	}
	return a.push(r, "refs/heads/"+branch, sha, force)
}

// Rebase puts a branch's commits on another one's tip and force-pushes it. It
// returns the new tip.
func (a *Actor) Rebase(branch, onto string) (string, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	r, me, err := a.here()
	if err != nil {
		return "", err
	}
	g := a.s.bare(r)
	tip := r.Refs["refs/heads/"+onto]
	commits, err := g.between(tip, r.Refs["refs/heads/"+branch])
	if err != nil {
		return "", err
	}
	for _, k := range commits {
		tree, clean := g.cherry(tip, k)
		if !clean {
			return "", fmt.Errorf("rebase %s: %s conflicts", branch, k.sha)
		}
		k.tree, k.parents, k.committer = tree, []string{tip}, ident{me.Name, me.Emails[0], a.s.now()}
		if tip, err = g.write(k); err != nil {
			return "", err
		}
	}
	return tip, a.push(r, "refs/heads/"+branch, tip, true)
}

// OpenPull opens a pull request from a branch, or from owner:branch of a fork, and
// returns its number.
func (a *Actor) OpenPull(head, base, title, body string) (int, error) {
	var out struct{ Number int }
	err := a.Do(http.MethodPost, "/pulls", obj{"head": head, "base": base, "title": title, "body": body}, &out)
	return out.Number, err
}

// Event is what a review says.
type Event string

// Events of a review. Pending ones are seen by their author alone until Submit.
const (
	Approve        Event = "APPROVE"
	RequestChanges Event = "REQUEST_CHANGES"
	Comment        Event = "COMMENT"
	Pending        Event = ""
)

func pullPath(number int, rest string) string { return "/pulls/" + strconv.Itoa(number) + rest }

// Review reviews the pull request's head and returns the review's number.
func (a *Actor) Review(number int, e Event, body string) (int64, error) {
	return a.ReviewCommit(number, "", e, body)
}

// ReviewCommit reviews one commit of a pull request.
func (a *Actor) ReviewCommit(number int, sha string, e Event, body string) (int64, error) {
	var out struct{ ID int64 }
	in := obj{"body": body}
	if e != Pending {
		in["event"] = string(e)
	}
	if sha != "" {
		in["commit_id"] = sha
	}
	err := a.Do(http.MethodPost, pullPath(number, "/reviews"), in, &out)
	return out.ID, err
}

func reviewPath(number int, id int64, rest string) string {
	return pullPath(number, "/reviews/"+itoa(id)+rest)
}

// Submit submits a pending review.
func (a *Actor) Submit(number int, id int64, e Event, body string) error {
	return a.Do(http.MethodPost, reviewPath(number, id, "/events"), obj{"event": string(e), "body": body}, nil)
}

// EditReview changes a review's text. Whoever may write to the repository may edit
// another's.
func (a *Actor) EditReview(number int, id int64, body string) error {
	return a.Do(http.MethodPut, reviewPath(number, id, ""), obj{"body": body}, nil)
}

// Dismiss takes a review's weight away.
func (a *Actor) Dismiss(number int, id int64, why string) error {
	return a.Do(http.MethodPut, reviewPath(number, id, "/dismissals"), obj{"message": why}, nil)
}

// Comment comments on an issue or a pull request and returns the comment's number.
func (a *Actor) Comment(number int, body string) (int64, error) {
	var out struct{ ID int64 }
	err := a.Do(http.MethodPost, fmt.Sprintf("/issues/%d/comments", number), obj{"body": body}, &out)
	return out.ID, err
}

// EditComment changes a comment.
func (a *Actor) EditComment(id int64, body string) error {
	return a.Do(http.MethodPatch, "/issues/comments/"+itoa(id), obj{"body": body}, nil)
}

// DeleteComment deletes a comment.
func (a *Actor) DeleteComment(id int64) error {
	return a.Do(http.MethodDelete, "/issues/comments/"+itoa(id), nil, nil)
}

// Label puts labels on an issue or a pull request.
func (a *Actor) Label(number int, names ...string) error {
	return a.Do(http.MethodPost, fmt.Sprintf("/issues/%d/labels", number), obj{"labels": names}, nil)
}

// React adds a reaction, such as +1.
func (a *Actor) React(number int, content string) error {
	return a.Do(http.MethodPost, fmt.Sprintf("/issues/%d/reactions", number), obj{"content": content}, nil)
}

// Status sets a commit's status in a context.
func (a *Actor) Status(sha, context, state string) error {
	return a.Do(http.MethodPost, "/statuses/"+sha, obj{"state": state, "context": context}, nil)
}

// Retarget gives a pull request another base.
func (a *Actor) Retarget(number int, base string) error {
	return a.Do(http.MethodPatch, pullPath(number, ""), obj{"base": base}, nil)
}

// Retitle gives a pull request another title.
func (a *Actor) Retitle(number int, title string) error {
	return a.Do(http.MethodPatch, pullPath(number, ""), obj{"title": title}, nil)
}

// ClosePull closes a pull request without merging it.
func (a *Actor) ClosePull(number int) error {
	return a.Do(http.MethodPatch, pullPath(number, ""), obj{"state": "closed"}, nil)
}

// RequestReview asks people for a review.
func (a *Actor) RequestReview(number int, logins ...string) error {
	return a.Do(http.MethodPost, pullPath(number, "/requested_reviewers"), obj{"reviewers": logins}, nil)
}

// UpdateBranch merges the base into a pull request's branch.
func (a *Actor) UpdateBranch(number int) error {
	return a.Do(http.MethodPut, pullPath(number, "/update-branch"), obj{}, nil)
}

// MergeOptions say how to merge.
type MergeOptions struct {
	Method string            // merge, squash or rebase; empty is merge
	Queue  bool              // by the merge queue, in the actor's stead
	Alter  map[string]string // contents that get into the merge commit and were in no review
	SHA    string            // the head that is expected
}

// Merge merges a pull request and returns the commit. Rules of the base are asked;
// a ruleset's bypass actors get past them, and that is recorded.
func (a *Actor) Merge(number int, o MergeOptions) (string, error) {
	if o.Method == "" {
		o.Method = "merge"
	}
	in := obj{"merge_method": o.Method}
	if o.SHA != "" {
		in["sha"] = o.SHA
	}
	var out struct{ SHA string }
	ctx := context.WithValue(context.Background(), mergeKey{}, mergeExtra{o.Queue, o.Alter})
	err := a.do(ctx, http.MethodPut, pullPath(number, "/merge"), in, &out)
	return out.SHA, err
}
