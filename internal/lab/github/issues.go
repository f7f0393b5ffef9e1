package github

import (
	"net/http"
	"slices"
	"time"
)

func issueEndpoints() []endpoint {
	const i, m = "/repos/{owner}/{repo}/issues", "/repos/{owner}/{repo}/issues/comments/{comment_id}"
	const read, write = "issues:read|pull_requests:read", "issues:write|pull_requests:write"
	return []endpoint{
		{"GET " + i, read, listIssues},
		{"POST " + i, "issues:write", createIssue},
		{"GET " + i + "/{issue_number}", read, onIssue(func(c *call, i *issue) reply { return ok(c.issueObj(c.repo, i)) })},
		{"PATCH " + i + "/{issue_number}", write, onIssue(patchIssue)},
		{"GET " + i + "/{issue_number}/comments", read, onIssue(listComments)},
		{"POST " + i + "/{issue_number}/comments", write, onIssue(createComment)},
		{"GET " + i + "/{issue_number}/events", read, onIssue(listEvents)},
		{"GET " + i + "/{issue_number}/timeline", read, onIssue(timeline)},
		{"GET " + i + "/{issue_number}/labels", read, onIssue(func(c *call, i *issue) reply { return ok(c.labelsOf(c.repo, i)) })},
		{"POST " + i + "/{issue_number}/labels", write, onIssue(addLabels)},
		{"DELETE " + i + "/{issue_number}/labels/{name}", write, onIssue(removeLabel)},
		{"GET " + i + "/{issue_number}/reactions", read, onIssue(func(c *call, i *issue) reply { return c.listReactions(i.Reactions) })},
		{"POST " + i + "/{issue_number}/reactions", write, onIssue(func(c *call, i *issue) reply { return c.react(&i.Reactions) })},
		{"GET " + m, read, onComment(func(c *call, i *issue, m *comment) reply { return ok(c.commentObj(c.repo, i, m)) })},
		{"PATCH " + m, write, onComment(editComment)},
		{"DELETE " + m, write, onComment(deleteComment)},
		{"GET " + m + "/reactions", read, onComment(func(c *call, _ *issue, m *comment) reply { return c.listReactions(m.Reactions) })},
		{"POST " + m + "/reactions", write, onComment(func(c *call, _ *issue, m *comment) reply { return c.react(&m.Reactions) })},
	}
}

func onIssue(then func(*call, *issue) reply) func(*call) reply {
	return func(c *call) reply {
		i := c.repo.issue(int(c.number("issue_number")))
		if i == nil {
			return notFound()
		}
		return then(c, i)
	}
}

func onComment(then func(*call, *issue, *comment) reply) func(*call) reply {
	return func(c *call) reply {
		i, m := c.repo.comment(c.number("comment_id"))
		if m == nil {
			return notFound()
		}
		return then(c, i, m)
	}
}

func listIssues(c *call) reply {
	state := c.query("state")
	if state == "" {
		state = "open"
	}
	var all []*issue
	for _, i := range slices.Backward(c.repo.Issues) {
		if state == "all" || i.State == state {
			all = append(all, i)
		}
	}
	return paged(c, all, func(i *issue) any { return c.issueObj(c.repo, i) })
}

func createIssue(c *call) reply {
	var in struct {
		Title, Body string
		Labels      []string
		Assignees   []string
	}
	c.decode(&in)
	i := c.newIssue(in.Title, in.Body)
	c.label(i, in.Labels)
	for _, login := range in.Assignees {
		if u := c.st.login(login); u != nil {
			i.Assignees = append(i.Assignees, u.ID)
		}
	}
	return created(c.issueObj(c.repo, i))
}

func patchIssue(c *call, i *issue) reply {
	var in struct{ Title, Body, State *string }
	c.decode(&in)
	if !c.mayEdit(i.User) {
		return fail(http.StatusForbidden, "Must have push access to repository")
	}
	if refused := c.updateIssue(i, in.Title, in.Body, in.State); refused.status != 0 {
		return refused
	}
	return ok(c.issueObj(c.repo, i))
}

func listComments(c *call, i *issue) reply {
	since, _ := time.Parse(time.RFC3339, c.query("since"))
	var all []*comment
	for _, m := range i.Comments {
		if !m.Updated.Before(since) {
			all = append(all, m)
		}
	}
	return paged(c, all, func(m *comment) any { return c.commentObj(c.repo, i, m) })
}

func createComment(c *call, i *issue) reply {
	var in struct{ Body string }
	c.decode(&in)
	if in.Body == "" {
		return invalid("IssueComment", "body", "missing_field", "")
	}
	now := c.s.now()
	m := &comment{ID: c.st.id(), User: c.as.user.ID, App: c.via(), Body: in.Body, Created: now, Updated: now}
	i.Comments, i.Updated = append(i.Comments, m), now
	return created(c.commentObj(c.repo, i, m))
}

func editComment(c *call, i *issue, m *comment) reply {
	var in struct{ Body string }
	c.decode(&in)
	if !c.mayEdit(m.User) {
		return fail(http.StatusForbidden, "Must have push access to repository")
	}
	if len(m.Edits) == 0 {
		m.First = m.Body
	}
	m.Body, m.Updated = in.Body, c.s.now()
	m.Edits = append(m.Edits, edit{m.Updated, c.as.user.ID, m.Body})
	return ok(c.commentObj(c.repo, i, m))
}

func deleteComment(c *call, i *issue, m *comment) reply {
	if !c.mayEdit(m.User) {
		return fail(http.StatusForbidden, "Must have push access to repository")
	}
	i.Comments = slices.DeleteFunc(i.Comments, func(o *comment) bool { return o == m })
	if m.User != c.as.user.ID { // of one's own nothing remains
		c.s.event(i, c.as.user.ID, "comment_deleted", "", nil)
	}
	return noBody
}

func listEvents(c *call, i *issue) reply {
	return paged(c, i.Events, func(e *event) any { return c.eventObj(c.repo, e) })
}

// timeline is all that happened to an issue, oldest first.
func timeline(c *call, i *issue) reply {
	type line struct {
		at   time.Time
		show any
	}
	var all []line
	for _, e := range i.Events {
		all = append(all, line{e.Created, c.eventObj(c.repo, e)})
	}
	for _, m := range i.Comments {
		o := c.commentObj(c.repo, i, m)
		o["event"], o["actor"], o["user"] = "commented", c.somebody(m.User), c.somebody(m.User)
		all = append(all, line{m.Created, o})
	}
	if i.Pull != nil {
		for _, v := range i.Pull.Reviews {
			if v.State == pending {
				continue
			}
			o := c.reviewObj(c.repo, i, v)
			o["event"], o["user"] = "reviewed", c.somebody(v.User)
			if v.Commit == "" {
				o["commit_id"] = i.Pull.HeadSHA
			}
			all = append(all, line{v.Submitted, o})
		}
		commits, err := c.s.bare(c.repo).between(c.pullBase(c.repo, i), i.Pull.HeadSHA)
		if err != nil {
			return broken(err)
		}
		for _, k := range commits {
			o := c.gitCommitObj(c.repo, k)
			o["event"] = "committed"
			all = append(all, line{k.committer.At, o})
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	return paged(c, all, func(l line) any { return l.show })
}

// label puts labels on an issue, and makes those that do not exist.
func (c *call) label(i *issue, names []string) {
	for _, name := range names {
		l := c.repo.label(name)
		if l == nil {
			l = &label{c.st.id(), name, "ededed"}
			c.repo.Labels = append(c.repo.Labels, l)
		}
		if !has(i.Labels, l.ID) {
			i.Labels = append(i.Labels, l.ID)
			c.s.event(i, c.as.user.ID, "labeled", "", obj{"label": obj{"name": l.Name, "color": l.Color}})
		}
	}
}

func addLabels(c *call, i *issue) reply {
	if !atLeast(c.roleHere(), "triage") {
		return fail(http.StatusForbidden, "Must have triage access to repository")
	}
	var named struct{ Labels []string }
	var plain []string
	c.decode(&named)
	c.decode(&plain)
	c.label(i, append(named.Labels, plain...))
	return ok(c.labelsOf(c.repo, i))
}

func removeLabel(c *call, i *issue) reply {
	l := c.repo.label(c.values["name"])
	if l == nil || !has(i.Labels, l.ID) {
		return fail(http.StatusNotFound, "Label does not exist")
	}
	i.Labels = slices.DeleteFunc(i.Labels, func(id int64) bool { return id == l.ID })
	c.s.event(i, c.as.user.ID, "unlabeled", "", obj{"label": obj{"name": l.Name, "color": l.Color}})
	return ok(c.labelsOf(c.repo, i))
}

func (c *call) reactionObj(r *reaction) any {
	return obj{"id": r.ID, "node_id": nodeID("REA", r.ID), "user": c.account(r.User), "content": r.Content, "created_at": stamp(r.Created)}
}

func (c *call) listReactions(all []*reaction) reply {
	return paged(c, all, func(r *reaction) any { return c.reactionObj(r) })
}

func (c *call) react(all *[]*reaction) reply {
	var in struct{ Content string }
	c.decode(&in)
	for _, r := range *all {
		if r.User == c.as.user.ID && r.Content == in.Content {
			return ok(c.reactionObj(r))
		}
	}
	r := &reaction{c.st.id(), c.as.user.ID, in.Content, c.s.now()}
	*all = append(*all, r)
	return created(c.reactionObj(r))
}
