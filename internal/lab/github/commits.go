package github

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

func commitEndpoints() []endpoint {
	const r = "/repos/{owner}/{repo}"
	return []endpoint{
		{"GET " + r + "/commits", "contents:read", listCommits},
		{"GET " + r + "/commits/{ref}", "contents:read", getCommit},
		{"GET " + r + "/compare/{basehead}", "contents:read", compare},
		{"GET " + r + "/branches", "contents:read", listBranches},
		{"GET " + r + "/branches/{branch}", "contents:read", getBranch},
		{"GET " + r + "/contents/{path}", "contents:read", getContents},
		{"PUT " + r + "/contents/{path}", "contents:write", putContents},
		{"DELETE " + r + "/contents/{path}", "contents:write", deleteContents},
		{"GET " + r + "/activity", "contents:read", listActivity},
	}
}

// resolve finds the commit that a name means: a branch, a tag, a ref, an id.
func (c *call) resolve(name string) (commit, bool) {
	if name == "" {
		name = c.repo.DefaultBranch
	}
	rev := name
	for _, ref := range []string{"refs/heads/" + name, "refs/tags/" + name, "refs/" + name, name} {
		if at := c.refAt(ref); at != "" {
			rev = at
			break
		}
	}
	if strings.ContainsAny(rev, ":^~@{ ") || strings.HasPrefix(rev, "-") {
		return commit{}, false
	}
	k, err := c.s.bare(c.repo).commit(rev)
	return k, err == nil
}

func listCommits(c *call) reply {
	from, found := c.resolve(c.query("sha"))
	if !found {
		return notFound()
	}
	args := []string{"rev-list", "--topo-order", from.sha}
	if p := c.query("path"); p != "" {
		args = append(args, "--", p)
	}
	out, err := c.s.bare(c.repo).git(nil, args...)
	if err != nil {
		return broken(err)
	}
	all := strings.Fields(out)
	return paged(c, all, func(sha string) any {
		k, err := c.s.bare(c.repo).commit(sha)
		if err != nil {
			return nil
		}
		return c.commitObj(c.repo, k)
	})
}

// emptyTree is what a first commit is compared with.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

func getCommit(c *call) reply {
	k, found := c.resolve(c.values["ref"])
	if !found {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.values["ref"])
	}
	o := c.commitObj(c.repo, k)
	parent := emptyTree
	if len(k.parents) > 0 {
		parent = k.parents[0]
	}
	files, err := c.s.bare(c.repo).diff(parent, k.sha)
	if err != nil {
		return broken(err)
	}
	additions, deletions := 0, 0
	for _, f := range files {
		additions, deletions = additions+f.additions, deletions+f.deletions
	}
	o["stats"] = obj{"additions": additions, "deletions": deletions, "total": additions + deletions}
	o["files"] = each(page(c, files), func(f fileDiff) any { return c.fileObj(c.repo, k.sha, f) })
	return ok(o)
}

func compare(c *call) reply {
	from, to, cut := strings.Cut(c.values["basehead"], "...")
	base, one := c.resolve(from)
	head, two := c.resolve(to)
	g := c.s.bare(c.repo)
	if !cut || !one || !two {
		return notFound()
	}
	mergeBase := g.mergeBase(base.sha, head.sha)
	common, err := g.commit(mergeBase)
	if err != nil {
		return fail(http.StatusNotFound, "No common ancestor between "+from+" and "+to+".")
	}
	ahead, err := g.between(base.sha, head.sha)
	if err != nil {
		return broken(err)
	}
	behind, err := g.between(head.sha, base.sha)
	if err != nil {
		return broken(err)
	}
	files, err := g.diff(mergeBase, head.sha)
	if err != nil {
		return broken(err)
	}
	state := "diverged"
	switch {
	case len(ahead) == 0 && len(behind) == 0:
		state = "identical"
	case len(behind) == 0:
		state = "ahead"
	case len(ahead) == 0:
		state = "behind"
	}
	at, html := c.api(c.repo)+"/compare/"+c.values["basehead"], c.html(c.repo)+"/compare/"+c.values["basehead"]
	return ok(obj{
		"url": at, "html_url": html, "permalink_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "base_commit": c.commitObj(c.repo, base),
		"merge_base_commit": c.commitObj(c.repo, common), "status": state, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"commits": each(page(c, ahead), func(k commit) any { return c.commitObj(c.repo, k) }),
		"files":   each(files[:min(len(files), 300)], func(f fileDiff) any { return c.fileObj(c.repo, head.sha, f) }),
	})
}

func (c *call) protected(branch string) bool {
	return c.repo.Protections[branch] != nil || slices.ContainsFunc(c.repo.Rulesets, func(rs *Ruleset) bool {
		return rs.Enforcement == "active" && rs.applies(c.repo, "refs/heads/"+branch)
	})
}

func listBranches(c *call) reply {
	return paged(c, sortedRefs(c.repo.Refs, "refs/heads/"), func(ref string) any {
		sha, name := c.repo.Refs[ref], strings.TrimPrefix(ref, "refs/heads/")
		return obj{"name": name, "commit": obj{"sha": sha, "url": c.api(c.repo) + "/commits/" + sha}, "protected": c.protected(name)}
	})
}

func getBranch(c *call) reply {
	name := c.values["branch"]
	k, found := c.resolve("heads/" + name)
	if !found {
		return fail(http.StatusNotFound, "Branch not found")
	}
	at := c.api(c.repo) + "/branches/" + name
	protection := obj{"enabled": c.protected(name)}
	return ok(obj{
		"name": name, "commit": c.commitObj(c.repo, k), "protected": c.protected(name), "protection": protection, "protection_url": at + "/protection",
		"_links": obj{"self": at, "html": c.html(c.repo) + "/tree/" + name},
	})
}

// contentObj is a file or a folder's line for it.
func (c *call) contentObj(at string, e entry, data []byte) obj {
	api := c.api(c.repo) + "/contents/" + e.path + "?ref=" + at
	html := c.html(c.repo) + "/blob/" + at + "/" + e.path
	git := fmt.Sprintf("%s/git/%ss/%s", c.api(c.repo), e.kind, e.sha)
	o := obj{
		"name": path.Base(e.path), "path": e.path, "sha": e.sha, "size": e.size, "url": api, "html_url": html, "git_url": git, "download_url": c.html(c.repo) + "/raw/" + at + "/" + e.path,
		"type": map[string]string{"tree": "dir", "commit": "submodule"}[e.kind], "_links": obj{"self": api, "git": git, "html": html},
	}
	if e.kind == "blob" {
		o["type"] = "file"
	}
	if e.kind != "blob" {
		o["download_url"], o["size"] = nil, 0
	}
	switch {
	case data == nil:
	case e.mode == "120000":
		o["type"], o["target"] = "symlink", string(data)
	case len(data) > 1<<20:
		o["content"], o["encoding"] = "", "none"
	default:
		o["content"], o["encoding"] = wrap64(data), "base64"
	}
	return o
}

func getContents(c *call) reply {
	k, found := c.resolve(c.query("ref"))
	if !found {
		return fail(http.StatusNotFound, "No commit found for the ref "+c.query("ref"))
	}
	g, at := c.s.bare(c.repo), strings.Trim(c.values["path"], "/")
	ref := c.query("ref")
	if ref == "" {
		ref = c.repo.DefaultBranch
	}
	if at != "" {
		found, err := g.tree(k.sha, false, at)
		if err != nil || len(found) != 1 {
			return notFound()
		}
		if found[0].kind != "tree" {
			data, err := g.git(nil, "cat-file", "blob", found[0].sha)
			if err != nil {
				return broken(err)
			}
			if c.wantsRaw() {
				return ok([]byte(data))
			}
			return ok(c.contentObj(ref, found[0], []byte(data)))
		}
		at += "/"
	}
	var entries []entry
	var err error
	if at == "" {
		entries, err = g.tree(k.sha, false)
	} else {
		entries, err = g.tree(k.sha, false, at)
	}
	if err != nil {
		return broken(err)
	}
	return ok(each(entries, func(e entry) any { return c.contentObj(ref, e, nil) }))
}

type contentChange struct {
	Message, Content, SHA, Branch string
	Author, Committer             *whom
}

func putContents(c *call) reply { return c.changeContents(false) }

func deleteContents(c *call) reply { return c.changeContents(true) }

func (c *call) changeContents(remove bool) reply {
	var in contentChange
	c.decode(&in)
	if in.Branch == "" {
		in.Branch = c.repo.DefaultBranch
	}
	g, ref, name := c.s.bare(c.repo), "refs/heads/"+in.Branch, strings.Trim(c.values["path"], "/")
	before := c.repo.Refs[ref]
	if before == "" {
		return fail(http.StatusNotFound, "Branch "+in.Branch+" not found")
	}
	there, err := g.tree(before, false, name)
	if err != nil {
		return broken(err)
	}
	switch {
	case len(there) == 1 && in.SHA == "":
		return fail(http.StatusUnprocessableEntity, "Invalid request.\n\n\"sha\" wasn't supplied.")
	case len(there) == 1 && there[0].sha != in.SHA, len(there) == 0 && in.SHA != "":
		return fail(http.StatusConflict, name+" does not match "+in.SHA)
	case len(there) == 0 && remove:
		return notFound()
	}
	next := treeEntry{path: name, mode: "100644"}
	var data []byte
	if !remove {
		if data, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(in.Content, "\n", "")); err != nil {
			return fail(http.StatusUnprocessableEntity, "content is not valid Base64")
		}
		if next.sha, err = g.blob(data); err != nil {
			return broken(err)
		}
	}
	tree, err := g.treeWith(before, []treeEntry{next})
	if err != nil {
		return broken(err)
	}
	now := c.s.now()
	me := ident{c.as.user.Name, noreply(c.as.user), now}
	k := commit{tree: tree, parents: []string{before}, message: in.Message, author: in.Author.ident(me), committer: in.Committer.ident(ident{"GitHub", "noreply@github.com", now})}
	if k.sha, err = g.write(k); err != nil {
		return broken(err)
	}
	if in.Committer == nil {
		c.sign(k.sha)
	}
	if refused := c.guarded(ref, before, k.sha); refused.status != 0 {
		refused.status = http.StatusConflict
		return refused
	}
	o := obj{"commit": c.gitCommitObj(c.repo, k), "content": nil}
	if remove {
		return ok(o)
	}
	written, err := g.tree(k.sha, false, name)
	if err != nil || len(written) != 1 {
		return broken(fmt.Errorf("%s is not where it was written: %w", name, err))
	}
	o["content"] = c.contentObj(in.Branch, written[0], nil)
	if len(there) == 0 {
		return created(o)
	}
	return ok(o)
}

// listActivity pages by cursor, not by number: newest first.
func listActivity(c *call) reply {
	ref := c.query("ref")
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	since := c.s.now().Add(-within[c.query("time_period")])
	var all []*activity
	for _, a := range slices.Backward(c.repo.Activity) {
		u := c.st.user(a.Actor)
		switch {
		case ref != "" && a.Ref != ref:
		case c.query("activity_type") != "" && a.Kind != c.query("activity_type"):
		case c.query("time_period") != "" && a.At.Before(since):
		case c.query("actor") != "" && (u == nil || !strings.EqualFold(u.Login, c.query("actor"))):
		default:
			all = append(all, a)
		}
	}
	if c.query("direction") == "asc" {
		slices.Reverse(all)
	}
	cursor := func(a *activity) string { return base64.RawURLEncoding.EncodeToString(fmt.Append(nil, a.ID)) }
	if after := c.query("after"); after != "" {
		i := slices.IndexFunc(all, func(a *activity) bool { return cursor(a) == after })
		all = all[i+1:]
	}
	if before := c.query("before"); before != "" {
		if i := slices.IndexFunc(all, func(a *activity) bool { return cursor(a) == before }); i >= 0 {
			all = all[:i]
		}
	}
	_, size := c.bounds()
	shown := all[:min(size, len(all))]
	switch {
	case c.fault != nil && c.fault.EndlessNext:
		c.links = c.link("next", "after", "again")
	case len(all) > size:
		c.links = c.link("next", "after", cursor(shown[size-1]))
	}
	return ok(each(shown, func(a *activity) any {
		return obj{"id": a.ID, "node_id": nodeID("PSH", a.ID), "before": a.Before, "after": a.After, "ref": a.Ref, "timestamp": stamp(a.At), "activity_type": a.Kind, "actor": c.account(a.Actor)}
	}))
}
