package github

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

func gitEndpoints() []endpoint {
	const g = "/repos/{owner}/{repo}/git"
	return []endpoint{
		{"GET " + g + "/ref/{ref}", "contents:read", getRef},
		{"GET " + g + "/matching-refs/{ref}", "contents:read", matchingRefs},
		{"POST " + g + "/refs", "contents:write", createRef},
		{"PATCH " + g + "/refs/{ref}", "contents:write", updateRef},
		{"DELETE " + g + "/refs/{ref}", "contents:write", deleteRef},
		{"GET " + g + "/commits/{commit_sha}", "contents:read", getGitCommit},
		{"POST " + g + "/commits", "contents:write", createGitCommit},
		{"GET " + g + "/trees/{tree_sha}", "contents:read", getTree},
		{"POST " + g + "/trees", "contents:write", createTree},
		{"GET " + g + "/blobs/{file_sha}", "contents:read", getBlob},
		{"POST " + g + "/blobs", "contents:write", createBlob},
	}
}

// refAt is the commit of a ref; those of pull requests are not among the branches.
func (c *call) refAt(ref string) string {
	if sha := c.repo.Refs[ref]; sha != "" {
		return sha
	}
	for _, i := range c.repo.Issues {
		if i.Pull != nil && ref == pullRef(i) {
			return i.Pull.HeadSHA
		}
	}
	return ""
}

func getRef(c *call) reply {
	ref := "refs/" + c.values["ref"]
	sha := c.refAt(ref)
	if sha == "" {
		return notFound()
	}
	return ok(c.refObj(c.repo, ref, sha))
}

func matchingRefs(c *call) reply {
	return ok(each(sortedRefs(c.repo.Refs, "refs/"+c.values["ref"]), func(ref string) any { return c.refObj(c.repo, ref, c.repo.Refs[ref]) }))
}

// guarded changes a ref if rules allow, and records what they said.
func (c *call) guarded(ref, before, after string) reply {
	failed := c.s.against(c.repo, ref, before, after, c.as.user)
	if say := c.s.refuses(c.repo, failed, c.as.user, false); say != "" {
		return fail(http.StatusUnprocessableEntity, "Repository rule violations found\n\n"+say+"\n\n")
	}
	if err := c.s.move(c.repo, ref, before, after, c.as.user, ""); err != nil {
		return fail(http.StatusUnprocessableEntity, "Reference cannot be updated")
	}
	return reply{}
}

func createRef(c *call) reply {
	var in struct{ Ref, SHA string }
	c.decode(&in)
	g := c.s.bare(c.repo)
	_, err := g.git(nil, "check-ref-format", in.Ref)
	switch {
	case !strings.HasPrefix(in.Ref, "refs/") || strings.Count(in.Ref, "/") < 2 || err != nil:
		return fail(http.StatusUnprocessableEntity, "Reference name must start with 'refs/' and contain at least two slashes.")
	case g.kind(in.SHA) == "":
		return fail(http.StatusUnprocessableEntity, "Object does not exist")
	case c.refAt(in.Ref) != "":
		return fail(http.StatusUnprocessableEntity, "Reference already exists")
	}
	if refused := c.guarded(in.Ref, "", in.SHA); refused.status != 0 {
		return refused
	}
	r := created(c.refObj(c.repo, in.Ref, in.SHA))
	r.header = http.Header{"Location": {c.api(c.repo) + "/git/" + in.Ref}}
	return r
}

func updateRef(c *call) reply {
	var in struct {
		SHA   string
		Force bool
	}
	c.decode(&in)
	ref, g := "refs/"+c.values["ref"], c.s.bare(c.repo)
	before := c.repo.Refs[ref]
	switch {
	case before == "":
		return fail(http.StatusUnprocessableEntity, "Reference does not exist")
	case g.kind(in.SHA) == "":
		return fail(http.StatusUnprocessableEntity, "Object does not exist")
	case !in.Force && !g.ancestor(before, in.SHA):
		return fail(http.StatusUnprocessableEntity, "Update is not a fast forward")
	}
	if before != in.SHA {
		if refused := c.guarded(ref, before, in.SHA); refused.status != 0 {
			return refused
		}
	}
	return ok(c.refObj(c.repo, ref, in.SHA))
}

func deleteRef(c *call) reply {
	ref := "refs/" + c.values["ref"]
	before := c.repo.Refs[ref]
	if before == "" {
		return fail(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	if refused := c.guarded(ref, before, ""); refused.status != 0 {
		return refused
	}
	return noBody
}

func getGitCommit(c *call) reply {
	k, err := c.s.bare(c.repo).commit(c.values["commit_sha"])
	if err != nil {
		return notFound()
	}
	return ok(c.gitCommitObj(c.repo, k))
}

type whom struct {
	Name, Email string
	Date        time.Time
}

func (w *whom) ident(or ident) ident {
	if w == nil {
		return or
	}
	at := w.Date
	if at.IsZero() {
		at = or.At
	}
	return ident{w.Name, w.Email, at.UTC()}
}

func createGitCommit(c *call) reply {
	var in struct {
		Message, Tree     string
		Parents           []string
		Author, Committer *whom
	}
	c.decode(&in)
	g := c.s.bare(c.repo)
	if g.kind(in.Tree) != "tree" {
		return fail(http.StatusUnprocessableEntity, "Tree SHA does not exist")
	}
	for _, p := range in.Parents {
		if g.kind(p) != "commit" {
			return fail(http.StatusUnprocessableEntity, "Parent SHA does not exist or is not a commit object")
		}
	}
	me := ident{c.as.user.Name, noreply(c.as.user), c.s.now()}
	author := in.Author.ident(me)
	k := commit{tree: in.Tree, parents: in.Parents, message: in.Message, author: author, committer: in.Committer.ident(author)}
	sha, err := g.write(k)
	if err != nil {
		return broken(err)
	}
	if c.as.app != nil && in.Author == nil && in.Committer == nil {
		c.sign(sha)
	}
	k.sha = sha
	return created(c.gitCommitObj(c.repo, k))
}

func (c *call) entryObj(e entry) any {
	o := obj{"path": e.path, "mode": e.mode, "type": e.kind, "sha": e.sha, "url": fmt.Sprintf("%s/git/%ss/%s", c.api(c.repo), e.kind, e.sha)}
	if e.kind == "blob" {
		o["size"] = e.size
	}
	return o
}

// treeObj shows a tree. GitHub cuts one of more than 100,000 entries, so does this.
func (c *call) treeObj(sha string, recursive bool) (obj, error) {
	const most = 100_000
	all, err := c.s.bare(c.repo).tree(sha, recursive)
	if err != nil {
		return nil, err
	}
	cut := all[:min(len(all), most)]
	return obj{"sha": sha, "url": c.api(c.repo) + "/git/trees/" + sha, "truncated": len(all) > most, "tree": each(cut, func(e entry) any { return c.entryObj(e) })}, nil
}

func getTree(c *call) reply {
	rev := c.values["tree_sha"]
	if at := c.refAt("refs/heads/" + rev); at != "" {
		rev = at
	}
	sha, err := c.s.bare(c.repo).line("rev-parse", "--verify", "--quiet", rev+"^{tree}")
	if err != nil {
		return notFound()
	}
	o, err := c.treeObj(sha, c.query("recursive") != "")
	if err != nil {
		return broken(err)
	}
	return ok(o)
}

func createTree(c *call) reply {
	var in struct {
		Base string `json:"base_tree"`
		Tree []struct {
			Path, Mode, Type string
			SHA              *string
			Content          *string
		}
	}
	c.decode(&in)
	g := c.s.bare(c.repo)
	var entries []treeEntry
	for _, e := range in.Tree {
		next := treeEntry{path: e.Path, mode: e.Mode}
		switch {
		case e.Content != nil:
			sha, err := g.blob([]byte(*e.Content))
			if err != nil {
				return broken(err)
			}
			next.sha = sha
		case e.SHA != nil:
			next.sha = *e.SHA
			if g.kind(next.sha) == "" {
				return fail(http.StatusUnprocessableEntity, "tree.sha "+next.sha+" is not a valid object")
			}
		}
		entries = append(entries, next)
	}
	sha, err := g.treeWith(in.Base, entries)
	if err != nil {
		return fail(http.StatusUnprocessableEntity, "GitRPC::BadObjectState")
	}
	o, err := c.treeObj(sha, false)
	if err != nil {
		return broken(err)
	}
	return created(o)
}

func getBlob(c *call) reply {
	g, sha := c.s.bare(c.repo), c.values["file_sha"]
	if g.kind(sha) != "blob" {
		return notFound()
	}
	data, err := g.git(nil, "cat-file", "blob", sha)
	if err != nil {
		return broken(err)
	}
	if c.wantsRaw() {
		return ok([]byte(data))
	}
	return ok(obj{"sha": sha, "node_id": "B_" + sha, "size": len(data), "url": c.api(c.repo) + "/git/blobs/" + sha, "content": wrap64([]byte(data)), "encoding": "base64"})
}

// wrap64 is base64 in lines of 60, as GitHub writes it.
func wrap64(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for part := range slices.Chunk([]byte(text), 60) {
		b.Write(part)
		b.WriteByte('\n')
	}
	return b.String()
}

func createBlob(c *call) reply {
	var in struct{ Content, Encoding string }
	c.decode(&in)
	data := []byte(in.Content)
	if in.Encoding == "base64" {
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(in.Content, "\n", "")); err != nil {
			return fail(http.StatusUnprocessableEntity, "content is not valid Base64")
		}
	}
	sha, err := c.s.bare(c.repo).blob(data)
	if err != nil {
		return broken(err)
	}
	return created(obj{"sha": sha, "url": c.api(c.repo) + "/git/blobs/" + sha})
}
