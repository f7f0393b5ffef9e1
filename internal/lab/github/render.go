package github

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How things look in the REST interface. Addresses are complete, because GitHub's
// description requires them; nobody needs to follow most of them.

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// null is a value, or null when it is empty.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// account shows who did something. A deleted account is null.
func (c *call) account(id int64) any {
	u := c.st.user(id)
	if u == nil || u.Deleted {
		return nil
	}
	return c.userObj(u)
}

// somebody shows who did something where the description allows no null: a deleted
// account is the ghost.
func (c *call) somebody(id int64) obj {
	u := c.st.user(id)
	if u == nil || u.Deleted {
		u = c.st.user(ghostID)
	}
	return c.userObj(u)
}

func (c *call) userObj(u *user) obj {
	api, html := c.s.URL()+"/users/"+u.Login, c.s.URL()+"/"+u.Login
	o := obj{
		"login": u.Login, "id": u.ID, "node_id": nodeID("U", u.ID), "type": u.Type, "site_admin": false, "gravatar_id": "",
		"avatar_url": fmt.Sprintf("%s/avatars/u/%d", c.s.URL(), u.ID), "url": api, "html_url": html, "user_view_type": "public",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "following_url": api + "/following{/other_user}",
		"events_url": api + "/events{/privacy}", "organizations_url": api + "/orgs",
	}
	for _, part := range []string{"followers", "subscriptions", "repos", "received_events"} {
		o[part+"_url"] = api + "/" + part
	}
	return o
}

// publicUser is an account that is asked for by itself.
func (c *call) publicUser(u *user) obj {
	o := c.userObj(u)
	for _, field := range []string{"bio", "company", "hireable", "location", "email"} {
		o[field] = nil
	}
	for k, v := range (obj{"name": null(u.Name), "blog": "", "followers": 0, "following": 0, "public_gists": 0, "public_repos": 0, "created_at": stamp(u.Created), "updated_at": stamp(u.Created)}) {
		o[k] = v
	}
	return o
}

func (c *call) api(r *repo) string  { return c.s.URL() + "/repos/" + c.st.fullName(r) }
func (c *call) html(r *repo) string { return c.s.URL() + "/" + c.st.fullName(r) }

func (c *call) repoObj(r *repo) obj {
	api, html, name := c.api(r), c.html(r), c.st.fullName(r)
	open := 0
	for _, i := range r.Issues {
		if i.State == "open" {
			open++
		}
	}
	o := obj{
		"id": r.ID, "node_id": nodeID("R", r.ID), "name": r.Name, "full_name": name, "owner": c.somebody(r.Owner), "private": r.Private,
		"visibility": map[bool]string{true: "private", false: "public"}[r.Private], "html_url": html, "url": api, "description": nil, "fork": r.Fork != 0,
		"clone_url": html + ".git", "git_url": "git://" + strings.TrimPrefix(html, "http://") + ".git", "ssh_url": "git@localhost:" + name + ".git", "svn_url": html,
		"default_branch": r.DefaultBranch, "homepage": nil, "language": nil, "license": nil, "mirror_url": nil, "archived": false, "disabled": false,
		"has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_discussions": false, "has_downloads": true,
		"created_at": stamp(r.Created), "updated_at": stamp(r.Pushed), "pushed_at": stamp(r.Pushed), "size": 0, "topics": []any{},
		"forks": 0, "forks_count": 0, "open_issues": open, "open_issues_count": open, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
		"network_count": 0, "subscribers_count": 0, "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true,
		"allow_forking": false, "is_template": false, "web_commit_signoff_required": false,
	}
	for field, tail := range map[string]string{
		"archive": "/{archive_format}{/ref}", "assignees": "/assignees{/user}", "blobs": "/git/blobs{/sha}", "branches": "/branches{/branch}",
		"collaborators": "/collaborators{/collaborator}", "comments": "/comments{/number}", "commits": "/commits{/sha}", "compare": "/compare/{base}...{head}",
		"contents": "/contents/{+path}", "contributors": "/contributors", "deployments": "/deployments", "downloads": "/downloads", "events": "/events",
		"forks": "/forks", "git_commits": "/git/commits{/sha}", "git_refs": "/git/refs{/sha}", "git_tags": "/git/tags{/sha}", "hooks": "/hooks",
		"issue_comment": "/issues/comments{/number}", "issue_events": "/issues/events{/number}", "issues": "/issues{/number}", "keys": "/keys{/key_id}",
		"labels": "/labels{/name}", "languages": "/languages", "merges": "/merges", "milestones": "/milestones{/number}",
		"notifications": "/notifications{?since,all,participating}", "pulls": "/pulls{/number}", "releases": "/releases{/id}", "stargazers": "/stargazers",
		"statuses": "/statuses/{sha}", "subscribers": "/subscribers", "subscription": "/subscription", "tags": "/tags", "teams": "/teams", "trees": "/git/trees{/sha}",
	} {
		o[field+"_url"] = api + tail
	}
	return o
}

func (c *call) appObj(a *app) obj {
	return obj{
		"id": a.ID, "slug": a.Slug, "node_id": nodeID("A", a.ID), "client_id": clientID(a), "name": a.Slug, "owner": c.somebody(a.Owner), "description": "", "external_url": c.s.URL(),
		"html_url": c.s.URL() + "/apps/" + a.Slug, "created_at": stamp(a.Created), "updated_at": stamp(a.Created), "permissions": a.Permissions, "events": []any{},
	}
}

func (c *call) appOrNull(id int64) any {
	if a := c.st.app(id); a != nil {
		return c.appObj(a)
	}
	return nil
}

// association is what somebody is to the repository.
func (c *call) association(r *repo, id int64) string {
	u := c.st.user(id)
	switch {
	case u == nil || u.Deleted:
		return "NONE"
	case id == r.Owner:
		return "OWNER"
	case c.st.user(r.Owner).Members[id] != "":
		return "MEMBER"
	case atLeast(c.st.role(r, u), "read") && u.Type == "User" && r.Roles[id] != "":
		return "COLLABORATOR"
	case u.Type == "Bot":
		return "CONTRIBUTOR"
	}
	return "NONE"
}

func link(href string) obj { return obj{"href": href} }

func (c *call) labelObj(r *repo, id int64) any {
	for _, l := range r.Labels {
		if l.ID == id {
			return obj{"id": l.ID, "node_id": nodeID("LA", l.ID), "url": c.api(r) + "/labels/" + l.Name, "name": l.Name, "description": "", "color": l.Color, "default": false}
		}
	}
	return nil
}

func (c *call) labelsOf(r *repo, i *issue) []any {
	return each(i.Labels, func(id int64) any { return c.labelObj(r, id) })
}

// side is head or base of a pull request.
func (c *call) side(r *repo, ref, sha string) obj {
	owner := c.st.user(r.Owner)
	return obj{"label": owner.Login + ":" + ref, "ref": ref, "sha": sha, "user": c.userObj(owner), "repo": c.repoObj(r)}
}

// pullObj is a pull request as a list shows it.
func (c *call) pullObj(r *repo, i *issue) obj {
	p := i.Pull
	api := fmt.Sprintf("%s/pulls/%d", c.api(r), i.Number)
	issue := fmt.Sprintf("%s/issues/%d", c.api(r), i.Number)
	html := fmt.Sprintf("%s/pull/%d", c.html(r), i.Number)
	statuses := c.api(r) + "/statuses/" + p.HeadSHA
	head := c.st.repo(p.HeadRepo)
	if head == nil {
		head = r
	}
	return obj{
		"id": p.ID, "node_id": nodeID("PR", p.ID), "number": i.Number, "state": i.State, "title": i.Title, "body": null(i.Body), "user": c.somebody(i.User),
		"draft": p.Draft, "locked": false, "labels": c.labelsOf(r, i), "assignee": c.firstAssignee(i), "assignees": c.accounts(i.Assignees), "milestone": nil,
		"requested_reviewers": c.accounts(p.Requested), "requested_teams": []any{}, "auto_merge": nil, "author_association": c.association(r, i.User),
		"head": c.side(head, p.HeadRef, p.HeadSHA), "base": c.side(r, p.BaseRef, p.BaseSHA), "merge_commit_sha": null(p.MergeSHA),
		"created_at": stamp(i.Created), "updated_at": stamp(i.Updated), "closed_at": stamp(i.Closed), "merged_at": stamp(p.MergedAt),
		"url": api, "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue, "commits_url": api + "/commits",
		"review_comments_url": api + "/comments", "review_comment_url": c.api(r) + "/pulls/comments{/number}", "comments_url": issue + "/comments", "statuses_url": statuses,
		"_links": obj{
			"self": link(api), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"), "review_comments": link(api + "/comments"),
			"review_comment": link(c.api(r) + "/pulls/comments{/number}"), "commits": link(api + "/commits"), "statuses": link(statuses),
		},
	}
}

func (c *call) firstAssignee(i *issue) any {
	if len(i.Assignees) == 0 {
		return nil
	}
	return c.account(i.Assignees[0])
}

func (c *call) accounts(ids []int64) []any {
	return each(ids, func(id int64) any { return c.somebody(id) })
}

// pullFull is a pull request that is asked for by itself.
func (c *call) pullFull(r *repo, i *issue) obj {
	o, p, g := c.pullObj(r, i), i.Pull, c.s.bare(r)
	base := c.pullBase(r, i)
	commits, _ := g.between(base, p.HeadSHA)
	files, _ := g.diff(base, p.HeadSHA)
	additions, deletions := 0, 0
	for _, f := range files {
		additions, deletions = additions+f.additions, deletions+f.deletions
	}
	var mergeable any
	state := "unknown"
	if i.State == "open" {
		_, clean := g.mergeTree(r.Refs["refs/heads/"+p.BaseRef], p.HeadSHA)
		mergeable, state = clean, "dirty"
		if clean {
			state = "clean"
			if len(c.s.unmet(c.st, r, i)) > 0 {
				state = "blocked"
			}
		}
	}
	for k, v := range (obj{
		"merged": !p.MergedAt.IsZero(), "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": state, "merged_by": c.account(p.MergedBy),
		"comments": len(i.Comments), "review_comments": 0, "maintainer_can_modify": false, "commits": len(commits), "additions": additions, "deletions": deletions, "changed_files": len(files),
	}) {
		o[k] = v
	}
	return o
}

// pullBase is the commit that a pull request's changes are shown against.
func (c *call) pullBase(r *repo, i *issue) string {
	g := c.s.bare(r)
	tip := i.Pull.BaseSHA
	if i.State == "open" {
		if now := r.Refs["refs/heads/"+i.Pull.BaseRef]; now != "" {
			tip = now
		}
	}
	if base := g.mergeBase(tip, i.Pull.HeadSHA); base != "" {
		return base
	}
	return tip
}

func (c *call) reviewObj(r *repo, i *issue, v *review) obj {
	pull := fmt.Sprintf("%s/pulls/%d", c.api(r), i.Number)
	html := fmt.Sprintf("%s/pull/%d#pullrequestreview-%d", c.html(r), i.Number, v.ID)
	o := obj{
		"id": v.ID, "node_id": nodeID("PRR", v.ID), "user": c.account(v.User), "body": v.Body, "state": v.State, "commit_id": null(v.Commit),
		"html_url": html, "pull_request_url": pull, "author_association": c.association(r, v.User), "_links": obj{"html": link(html), "pull_request": link(pull)},
	}
	if !v.Submitted.IsZero() {
		o["submitted_at"] = stamp(v.Submitted)
	}
	return o
}

func (c *call) commentObj(r *repo, i *issue, m *comment) obj {
	kind := "issues"
	if i.Pull != nil {
		kind = "pull"
	}
	api := fmt.Sprintf("%s/issues/comments/%d", c.api(r), m.ID)
	return obj{
		"id": m.ID, "node_id": nodeID("IC", m.ID), "url": api, "html_url": fmt.Sprintf("%s/%s/%d#issuecomment-%d", c.html(r), kind, i.Number, m.ID),
		"issue_url": fmt.Sprintf("%s/issues/%d", c.api(r), i.Number), "user": c.account(m.User), "body": m.Body, "created_at": stamp(m.Created), "updated_at": stamp(m.Updated),
		"author_association": c.association(r, m.User), "performed_via_github_app": c.appOrNull(m.App), "reactions": rollup(api, m.Reactions),
	}
}

func rollup(api string, all []*reaction) obj {
	o := obj{"url": api + "/reactions", "total_count": len(all)}
	for _, kind := range []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket"} {
		n := 0
		for _, r := range all {
			if r.Content == kind {
				n++
			}
		}
		o[kind] = n
	}
	return o
}

func (c *call) issueObj(r *repo, i *issue) obj {
	api := fmt.Sprintf("%s/issues/%d", c.api(r), i.Number)
	html := fmt.Sprintf("%s/issues/%d", c.html(r), i.Number)
	o := obj{
		"id": i.ID, "node_id": nodeID("I", i.ID), "number": i.Number, "title": i.Title, "body": null(i.Body), "state": i.State, "state_reason": nil, "locked": false,
		"user": c.account(i.User), "labels": c.labelsOf(r, i), "assignee": c.firstAssignee(i), "assignees": c.accounts(i.Assignees), "milestone": nil, "comments": len(i.Comments),
		"created_at": stamp(i.Created), "updated_at": stamp(i.Updated), "closed_at": stamp(i.Closed), "author_association": c.association(r, i.User),
		"url": api, "html_url": html, "repository_url": c.api(r), "comments_url": api + "/comments", "events_url": api + "/events", "labels_url": api + "/labels{/name}",
		"performed_via_github_app": c.appOrNull(i.App), "reactions": rollup(api, i.Reactions),
	}
	if i.Pull != nil {
		pull := fmt.Sprintf("%s/pull/%d", c.html(r), i.Number)
		o["html_url"] = pull
		o["pull_request"] = obj{"url": fmt.Sprintf("%s/pulls/%d", c.api(r), i.Number), "html_url": pull, "diff_url": pull + ".diff", "patch_url": pull + ".patch", "merged_at": stamp(i.Pull.MergedAt)}
	}
	return o
}

func (c *call) eventObj(r *repo, e *event) obj {
	o := obj{
		"id": e.ID, "node_id": nodeID("EV", e.ID), "url": fmt.Sprintf("%s/issues/events/%d", c.api(r), e.ID), "actor": c.somebody(e.Actor), "event": e.Kind,
		"commit_id": null(e.Commit), "commit_url": nil, "created_at": stamp(e.Created), "performed_via_github_app": nil,
	}
	if e.Commit != "" {
		o["commit_url"] = c.api(r) + "/commits/" + e.Commit
	}
	for k, v := range e.More {
		if id, isUser := v.(float64); isUser && (k == "requested_reviewer" || k == "review_requester") {
			v = c.somebody(int64(id))
		}
		if id, isUser := v.(int64); isUser && (k == "requested_reviewer" || k == "review_requester") {
			v = c.somebody(id)
		}
		o[k] = v
	}
	return o
}

func identObj(i ident) obj {
	return obj{"name": i.Name, "email": i.Email, "date": stamp(i.At)}
}

// verification says whether GitHub believes a commit's signature. It knows its own
// alone; it never checks another.
func (c *call) verification(r *repo, k commit) obj {
	if at, ok := r.Signed[k.sha]; ok {
		return obj{"verified": true, "reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----\n(of the laboratory)\n-----END PGP SIGNATURE-----\n", "payload": "tree " + k.tree + "\n", "verified_at": stamp(at)}
	}
	reason := "unsigned"
	if k.signed {
		reason = "unknown_key"
	}
	return obj{"verified": false, "reason": reason, "signature": nil, "payload": nil, "verified_at": nil}
}

func (c *call) commitURL(r *repo, sha string) obj {
	return obj{"sha": sha, "url": c.api(r) + "/commits/" + sha, "html_url": c.html(r) + "/commit/" + sha}
}

// commitObj is a commit as the repository shows it: with the accounts whose e-mail
// it names.
func (c *call) commitObj(r *repo, k commit) obj {
	o := c.commitURL(r, k.sha)
	byEmail := func(i ident) any {
		if u := c.st.byEmail(i.Email); u != nil {
			return c.userObj(u)
		}
		return nil
	}
	for key, v := range (obj{
		"node_id": "C_" + base64.RawURLEncoding.EncodeToString([]byte(k.sha)), "comments_url": c.api(r) + "/commits/" + k.sha + "/comments",
		"author": byEmail(k.author), "committer": byEmail(k.committer), "parents": each(k.parents, func(p string) any { return c.commitURL(r, p) }),
		"commit": obj{
			"url": c.api(r) + "/git/commits/" + k.sha, "author": identObj(k.author), "committer": identObj(k.committer), "message": k.message,
			"tree": obj{"sha": k.tree, "url": c.api(r) + "/git/trees/" + k.tree}, "comment_count": 0, "verification": c.verification(r, k),
		},
	}) {
		o[key] = v
	}
	return o
}

// gitCommitObj is a commit as Git stores it.
func (c *call) gitCommitObj(r *repo, k commit) obj {
	return obj{
		"sha": k.sha, "node_id": "C_" + base64.RawURLEncoding.EncodeToString([]byte(k.sha)), "url": c.api(r) + "/git/commits/" + k.sha, "html_url": c.html(r) + "/commit/" + k.sha,
		"author": identObj(k.author), "committer": identObj(k.committer), "message": k.message, "tree": obj{"sha": k.tree, "url": c.api(r) + "/git/trees/" + k.tree},
		"parents": each(k.parents, func(p string) any { return c.commitURL(r, p) }), "verification": c.verification(r, k),
	}
}

func (c *call) fileObj(r *repo, sha string, f fileDiff) obj {
	o := obj{
		"sha": f.sha, "filename": f.path, "status": f.status, "additions": f.additions, "deletions": f.deletions, "changes": f.additions + f.deletions,
		"blob_url": c.html(r) + "/blob/" + sha + "/" + f.path, "raw_url": c.html(r) + "/raw/" + sha + "/" + f.path, "contents_url": c.api(r) + "/contents/" + f.path + "?ref=" + sha,
	}
	if f.patch != "" {
		o["patch"] = f.patch
	}
	if f.previous != "" {
		o["previous_filename"] = f.previous
	}
	return o
}

func (c *call) refObj(r *repo, ref, sha string) obj {
	kind := c.s.bare(r).kind(sha)
	return obj{
		"ref": ref, "node_id": "REF_" + base64.RawURLEncoding.EncodeToString([]byte(ref)), "url": c.api(r) + "/git/" + ref,
		"object": obj{"sha": sha, "type": kind, "url": fmt.Sprintf("%s/git/%ss/%s", c.api(r), kind, sha)},
	}
}

// sorted returns keys that start with a prefix, in order.
func sortedRefs(refs map[string]string, prefix string) []string {
	var all []string
	for ref := range refs {
		if strings.HasPrefix(ref, prefix) {
			all = append(all, ref)
		}
	}
	slices.Sort(all)
	return all
}
