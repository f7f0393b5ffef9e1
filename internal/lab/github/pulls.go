package github

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

func pullEndpoints() []endpoint {
	const p = "/repos/{owner}/{repo}/pulls"
	return []endpoint{
		{"GET " + p, "pull_requests:read", listPulls},
		{"POST " + p, "pull_requests:write", createPull},
		{"GET " + p + "/{pull_number}", "pull_requests:read|contents:read", onPull(func(c *call, i *issue) reply { return ok(c.pullFull(c.repo, i)) })},
		{"PATCH " + p + "/{pull_number}", "pull_requests:write", onPull(updatePull)},
		{"GET " + p + "/{pull_number}/commits", "pull_requests:read|contents:read", onPull(pullCommits)},
		{"GET " + p + "/{pull_number}/files", "pull_requests:read|contents:read", onPull(pullFiles)},
		{"GET " + p + "/{pull_number}/merge", "pull_requests:read|contents:read", onPull(isMerged)},
		{"PUT " + p + "/{pull_number}/merge", "contents:write", onPull(mergePull)},
		{"PUT " + p + "/{pull_number}/update-branch", "pull_requests:write", onPull(updateBranch)},
		{"GET " + p + "/{pull_number}/requested_reviewers", "pull_requests:read", onPull(listRequested)},
		{"POST " + p + "/{pull_number}/requested_reviewers", "pull_requests:write", onPull(requestReviews)},
		{"DELETE " + p + "/{pull_number}/requested_reviewers", "pull_requests:write", onPull(unrequestReviews)},
		{"GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests:read|contents:read", pullsOfCommit},
	}
}

// onPull finds the pull request that a path names.
func onPull(then func(*call, *issue) reply) func(*call) reply {
	return func(c *call) reply {
		i := c.repo.issue(int(c.number("pull_number")))
		if i == nil || i.Pull == nil {
			return notFound()
		}
		return then(c, i)
	}
}

func listPulls(c *call) reply {
	state := c.query("state")
	if state == "" {
		state = "open"
	}
	var all []*issue
	for _, i := range c.repo.Issues {
		if i.Pull == nil {
			continue
		}
		owner, branch, named := strings.Cut(c.query("head"), ":")
		head := c.st.repo(i.Pull.HeadRepo)
		switch {
		case state != "all" && i.State != state:
		case c.query("base") != "" && c.query("base") != i.Pull.BaseRef:
		case named && (i.Pull.HeadRef != branch || head == nil || !strings.EqualFold(c.st.user(head.Owner).Login, owner)):
		default:
			all = append(all, i)
		}
	}
	if c.query("direction") != "asc" {
		slices.Reverse(all)
	}
	return paged(c, all, func(i *issue) any { return c.pullObj(c.repo, i) })
}

func createPull(c *call) reply {
	var in struct {
		Title, Head, Base, Body string
		Draft                   bool
	}
	c.decode(&in)
	from, branch := c.repo, in.Head
	if owner, rest, ok := strings.Cut(in.Head, ":"); ok {
		branch, from = rest, nil
		for _, r := range c.st.Repos {
			if strings.EqualFold(c.st.user(r.Owner).Login, owner) && (r == c.repo || r.Fork == c.repo.ID) {
				from = r
			}
		}
	}
	if from == nil || from.Refs["refs/heads/"+branch] == "" {
		return invalid("PullRequest", "head", "invalid", "")
	}
	base := c.repo.Refs["refs/heads/"+in.Base]
	if base == "" {
		return invalid("PullRequest", "base", "invalid", "")
	}
	head := from.Refs["refs/heads/"+branch]
	g := c.s.bare(c.repo)
	if from != c.repo {
		if _, err := g.git(nil, "fetch", "-q", "--no-tags", c.s.bare(from).dir, head); err != nil {
			return broken(err)
		}
	}
	for _, i := range c.repo.Issues {
		if i.Pull != nil && i.State == "open" && i.Pull.HeadRepo == from.ID && i.Pull.HeadRef == branch && i.Pull.BaseRef == in.Base {
			return invalid("PullRequest", "", "custom", fmt.Sprintf("A pull request already exists for %s:%s.", c.st.user(from.Owner).Login, branch))
		}
	}
	if g.ancestor(head, base) {
		return invalid("PullRequest", "", "custom", fmt.Sprintf("No commits between %s and %s", in.Base, branch))
	}
	i := c.newIssue(in.Title, in.Body)
	i.Pull = &pull{ID: c.st.id(), HeadRepo: from.ID, HeadRef: branch, HeadSHA: head, BaseRef: in.Base, BaseSHA: base, Draft: in.Draft, LastPush: lastPusher(from, branch)}
	if _, err := g.git(nil, "update-ref", pullRef(i), head); err != nil {
		return broken(err)
	}
	return created(c.pullFull(c.repo, i))
}

func lastPusher(r *repo, branch string) int64 {
	for _, a := range slices.Backward(r.Activity) {
		if a.Ref == "refs/heads/"+branch {
			return a.Actor
		}
	}
	return 0
}

func (c *call) newIssue(title, body string) *issue {
	c.repo.LastNumber++
	now := c.s.now()
	i := &issue{ID: c.st.id(), Number: c.repo.LastNumber, User: c.as.user.ID, App: c.via(), Title: title, Body: body, State: "open", Created: now, Updated: now}
	c.repo.Issues = append(c.repo.Issues, i)
	return i
}

// via is the App through which something is done; 0 when it is done directly.
func (c *call) via() int64 {
	if c.as.app == nil {
		return 0
	}
	return c.as.app.ID
}

// mayEdit reports whether somebody may change what another has written.
func (c *call) mayEdit(author int64) bool {
	return author == c.as.user.ID || atLeast(c.roleHere(), "write")
}

func updatePull(c *call, i *issue) reply {
	var in struct{ Title, Body, State, Base *string }
	c.decode(&in)
	if !c.mayEdit(i.User) {
		return fail(http.StatusForbidden, "Must have push access to repository")
	}
	p, me := i.Pull, c.as.user.ID
	if in.Base != nil && *in.Base != p.BaseRef {
		base := c.repo.Refs["refs/heads/"+*in.Base]
		if base == "" {
			return invalid("PullRequest", "base", "invalid", "")
		}
		if i.State != "open" {
			return invalid("PullRequest", "base", "invalid", "Cannot change the base branch of a closed pull request.")
		}
		p.BaseRef, p.BaseSHA = *in.Base, base
		c.s.event(i, me, "base_ref_changed", "", nil)
	}
	if refused := c.updateIssue(i, in.Title, in.Body, in.State); refused.status != 0 {
		return refused
	}
	return ok(c.pullFull(c.repo, i))
}

// updateIssue changes what issues and pull requests have in common.
func (c *call) updateIssue(i *issue, title, body, state *string) reply {
	me, now := c.as.user.ID, c.s.now()
	if title != nil && *title != i.Title {
		c.s.event(i, me, "renamed", "", obj{"rename": obj{"from": i.Title, "to": *title}})
		i.Title = *title
	}
	if body != nil {
		i.Body = *body
	}
	if state != nil && *state != i.State {
		if *state == "open" {
			if i.Pull != nil && !i.Pull.MergedAt.IsZero() {
				return invalid("PullRequest", "state", "invalid", "state cannot be changed. The pull request cannot be reopened.")
			}
			i.State, i.Closed = "open", time.Time{}
			c.s.event(i, me, "reopened", "", obj{"state_reason": nil})
		} else {
			i.State, i.Closed = "closed", now
			c.s.event(i, me, "closed", "", obj{"state_reason": nil})
		}
	}
	i.Updated = now
	return reply{}
}

func pullCommits(c *call, i *issue) reply {
	all, err := c.s.bare(c.repo).between(c.pullBase(c.repo, i), i.Pull.HeadSHA)
	if err != nil {
		return broken(err)
	}
	// GitHub lists 250 and not one more.
	return paged(c, all[:min(len(all), 250)], func(k commit) any { return c.commitObj(c.repo, k) })
}

func pullFiles(c *call, i *issue) reply {
	all, err := c.s.bare(c.repo).diff(c.pullBase(c.repo, i), i.Pull.HeadSHA)
	if err != nil {
		return broken(err)
	}
	return paged(c, all[:min(len(all), 3000)], func(f fileDiff) any { return c.fileObj(c.repo, i.Pull.HeadSHA, f) })
}

func isMerged(_ *call, i *issue) reply {
	if i.Pull.MergedAt.IsZero() {
		return notFound()
	}
	return noBody
}

// mergeExtra is what only the laboratory can ask of a merge.
type mergeExtra struct {
	queue bool
	alter map[string]string
}

type mergeKey struct{}

func mergePull(c *call, i *issue) reply {
	var in struct {
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
		SHA     string `json:"sha"`
		Method  string `json:"merge_method"`
	}
	c.decode(&in)
	extra, _ := c.r.Context().Value(mergeKey{}).(mergeExtra)
	p, g, ref := i.Pull, c.s.bare(c.repo), "refs/heads/"+i.Pull.BaseRef
	base := c.repo.Refs[ref]
	switch {
	case !p.MergedAt.IsZero() || i.State != "open":
		return fail(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case p.Draft:
		return fail(http.StatusMethodNotAllowed, "Pull Request is still a draft")
	case in.SHA != "" && in.SHA != p.HeadSHA:
		return fail(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	unmet := c.s.unmet(c.st, c.repo, i)
	if say := c.s.refuses(c.repo, unmet, c.as.user, true); say != "" {
		return fail(http.StatusMethodNotAllowed, "Repository rule violations found\n\n"+say+"\n\n")
	}
	if c.hasRule(ref, "merge_queue") && !extra.queue && !c.bypassesAll(ref) {
		return fail(http.StatusMethodNotAllowed, "Repository rule violations found\n\nChanges must be made through the merge queue\n\n")
	}
	if in.Method == "" {
		in.Method = "merge"
	}
	sha, kind, err := c.merge(i, in.Method, in.Title, in.Message, extra)
	if err != nil {
		return broken(err)
	}
	if sha == "" {
		return fail(http.StatusMethodNotAllowed, "Merge conflict")
	}
	by, activity := c.as.user, "pr_merge"
	if extra.queue {
		by, activity = c.st.user(queueID), "merge_queue_merge"
	}
	if err := g.setRef(ref, sha, base); err != nil {
		return fail(http.StatusMethodNotAllowed, "Base branch was modified. Review and try the merge again.")
	}
	c.s.moved(c.repo, ref, base, sha, by, activity)
	c.s.evaluated(c.repo, ref, base, sha, by, unmet)
	c.s.merged(i, sha, by.ID)
	return ok(obj{"sha": sha, "merged": true, "message": "Pull Request successfully " + kind})
}

func (c *call) hasRule(ref, kind string) bool {
	return slices.ContainsFunc(c.repo.Rulesets, func(rs *Ruleset) bool {
		return rs.Enforcement == "active" && rs.applies(c.repo, ref) && slices.ContainsFunc(rs.Rules, func(r Rule) bool { return r.Type == kind })
	})
}

func (c *call) bypassesAll(ref string) bool {
	for _, rs := range c.repo.Rulesets {
		if rs.applies(c.repo, ref) && !c.s.bypasses(rs, c.repo, c.as.user, true) {
			return false
		}
	}
	return true
}

// merge makes the commits of a merge and returns the last. An empty one is a conflict.
func (c *call) merge(i *issue, method, title, message string, extra mergeExtra) (sha, kind string, err error) {
	p, g, now := i.Pull, c.s.bare(c.repo), c.s.now()
	base := c.repo.Refs["refs/heads/"+p.BaseRef]
	me := ident{c.as.user.Name, noreply(c.as.user), now}
	web := ident{"GitHub", "noreply@github.com", now}
	commits, err := g.between(base, p.HeadSHA)
	if err != nil {
		return "", "", err
	}
	var made commit
	switch method {
	case "rebase":
		onto := base
		for n, k := range commits {
			if len(k.parents) > 1 {
				continue
			}
			tree, clean := g.cherry(onto, k)
			if !clean {
				return "", "", nil
			}
			next := commit{tree: tree, parents: []string{onto}, author: k.author, committer: me, message: k.message}
			if n == len(commits)-1 {
				if next.tree, err = c.alter(tree, extra.alter); err != nil {
					return "", "", err
				}
			}
			if onto, err = g.write(next); err != nil {
				return "", "", err
			}
		}
		return onto, "merged", nil
	case "squash":
		made = commit{parents: []string{base}, author: c.authorOf(i, now), committer: web, message: squashMessage(i, title, message, commits)}
		kind = "merged"
	default:
		if title == "" {
			title = fmt.Sprintf("Merge pull request #%d from %s/%s", i.Number, c.st.user(c.st.repo(p.HeadRepo).Owner).Login, p.HeadRef)
		}
		if message == "" {
			message = i.Title
		}
		made = commit{parents: []string{base, p.HeadSHA}, author: me, committer: web, message: title + "\n\n" + message}
		kind = "merged"
	}
	tree, clean := g.mergeTree(base, p.HeadSHA)
	if !clean {
		return "", "", nil
	}
	if made.tree, err = c.alter(tree, extra.alter); err != nil {
		return "", "", err
	}
	if sha, err = g.write(made); err != nil {
		return "", "", err
	}
	c.sign(sha)
	return sha, kind, nil
}

// sign notes that GitHub itself has signed a commit.
func (c *call) sign(sha string) {
	if c.repo.Signed == nil {
		c.repo.Signed = map[string]time.Time{}
	}
	c.repo.Signed[sha] = c.s.now()
}

func (c *call) authorOf(i *issue, at time.Time) ident {
	u := c.st.user(i.User)
	return ident{u.Name, noreply(u), at}
}

// squashMessage names the pull request's number and, as GitHub does, everybody else
// who has a commit in it.
func squashMessage(i *issue, title, message string, commits []commit) string {
	if title == "" {
		title = fmt.Sprintf("%s (#%d)", i.Title, i.Number)
	}
	var lines, trailers []string
	for _, k := range commits {
		lines = append(lines, "* "+strings.SplitN(k.message, "\n", 2)[0])
		for line := range strings.Lines(k.message) {
			if strings.HasPrefix(strings.ToLower(line), "co-authored-by:") {
				trailers = append(trailers, strings.TrimSpace(line))
			}
		}
		if k.author.Email != commits[0].author.Email {
			trailers = append(trailers, fmt.Sprintf("Co-authored-by: %s <%s>", k.author.Name, k.author.Email))
		}
	}
	if message == "" {
		message = strings.Join(lines, "\n")
	}
	slices.Sort(trailers)
	if trailers = slices.Compact(trailers); len(trailers) > 0 {
		message += "\n\n" + strings.Join(trailers, "\n")
	}
	return title + "\n\n" + message
}

// alter puts other contents into a merge's tree.
func (c *call) alter(tree string, files map[string]string) (string, error) {
	if len(files) == 0 {
		return tree, nil
	}
	g := c.s.bare(c.repo)
	var entries []treeEntry
	for _, path := range slices.Sorted(maps.Keys(files)) {
		sha, err := g.blob([]byte(files[path]))
		if err != nil {
			return "", err
		}
		entries = append(entries, treeEntry{path, "100644", sha})
	}
	return g.treeWith(tree, entries)
}

func updateBranch(c *call, i *issue) reply {
	var in struct {
		Expected string `json:"expected_head_sha"`
	}
	c.decode(&in)
	p := i.Pull
	if in.Expected != "" && in.Expected != p.HeadSHA {
		return invalid("PullRequest", "expected_head_sha", "invalid", "expected_head_sha does not match the pull request's head")
	}
	head := c.st.repo(p.HeadRepo)
	g, now := c.s.bare(head), c.s.now()
	base := c.repo.Refs["refs/heads/"+p.BaseRef]
	tree, clean := g.mergeTree(p.HeadSHA, base)
	if !clean {
		return invalid("PullRequest", "", "custom", "merge conflict between base and head")
	}
	sha, err := g.write(commit{
		tree: tree, parents: []string{p.HeadSHA, base}, author: ident{c.as.user.Name, noreply(c.as.user), now},
		committer: ident{"GitHub", "noreply@github.com", now}, message: fmt.Sprintf("Merge branch '%s' into %s", p.BaseRef, p.HeadRef),
	})
	if err != nil {
		return broken(err)
	}
	c.sign(sha)
	if err := c.s.move(head, "refs/heads/"+p.HeadRef, p.HeadSHA, sha, c.as.user, ""); err != nil {
		return broken(err)
	}
	return reply{status: http.StatusAccepted, body: obj{"message": "Updating pull request branch.", "url": fmt.Sprintf("%s/pull/%d", c.html(c.repo), i.Number)}}
}

func listRequested(c *call, i *issue) reply {
	return ok(obj{"users": c.accounts(i.Pull.Requested), "teams": []any{}})
}

func requestReviews(c *call, i *issue) reply {
	var in struct{ Reviewers []string }
	c.decode(&in)
	for _, login := range in.Reviewers {
		u := c.st.login(login)
		if u == nil || !atLeast(c.st.role(c.repo, u), "read") {
			return fail(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the "+c.st.fullName(c.repo)+" repository.")
		}
		if u.ID == i.User {
			return fail(http.StatusUnprocessableEntity, "Review cannot be requested from pull request author.")
		}
		if !has(i.Pull.Requested, u.ID) {
			i.Pull.Requested = append(i.Pull.Requested, u.ID)
			c.s.event(i, c.as.user.ID, "review_requested", "", obj{"review_requester": c.as.user.ID, "requested_reviewer": u.ID})
		}
	}
	return created(c.pullObj(c.repo, i))
}

func unrequestReviews(c *call, i *issue) reply {
	var in struct{ Reviewers []string }
	c.decode(&in)
	for _, login := range in.Reviewers {
		if u := c.st.login(login); u != nil && has(i.Pull.Requested, u.ID) {
			i.Pull.Requested = slices.DeleteFunc(i.Pull.Requested, func(id int64) bool { return id == u.ID })
			c.s.event(i, c.as.user.ID, "review_request_removed", "", obj{"review_requester": c.as.user.ID, "requested_reviewer": u.ID})
		}
	}
	return ok(c.pullObj(c.repo, i))
}

func pullsOfCommit(c *call) reply {
	sha, g := c.values["commit_sha"], c.s.bare(c.repo)
	var all []*issue
	for _, i := range c.repo.Issues {
		if p := i.Pull; p != nil && (p.MergeSHA == sha || g.exists(sha) && g.ancestor(sha, p.HeadSHA) && !g.ancestor(sha, p.BaseSHA)) {
			all = append(all, i)
		}
	}
	return paged(c, all, func(i *issue) any { return c.pullObj(c.repo, i) })
}
