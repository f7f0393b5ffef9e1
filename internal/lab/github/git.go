package github

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bare is a bare repository on disk. All calls are made under the server's lock.
type bare struct {
	dir  string
	said *map[string]string // what git said of commits by their ids, which say the same for ever; nil: it is asked each time
}

// ident is whose commit one is, in Git's words.
type ident struct {
	Name, Email string
	At          time.Time
}

func (i ident) raw() string { return fmt.Sprintf("%s <%s> %d +0000", i.Name, i.Email, i.At.Unix()) }

// gitEnv is the environment of every call: nothing of the person's own settings.
func gitEnv(more ...string) []string {
	env := []string{"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, more...)
}

// gitFailed is a git command that said no.
type gitFailed struct {
	args   []string
	stderr string
}

func (e *gitFailed) Error() string {
	return fmt.Sprintf("git %s: %s", strings.Join(e.args, " "), strings.TrimSpace(e.stderr))
}

func (b bare) git(stdin []byte, args ...string) (string, error) {
	if b.said == nil || stdin != nil || !settled(args) {
		return b.env(nil, stdin, args...)
	}
	question := b.dir + "\x00" + strings.Join(args, "\x00")
	if out, ok := (*b.said)[question]; ok {
		return out, nil
	}
	out, err := b.env(nil, nil, args...)
	if err == nil {
		(*b.said)[question] = out
	}
	return out, err
}

// settled reports whether the answer to a question can never be another one: it names
// commits and trees by their full ids alone. GitHub knows such things without asking git,
// and the laboratory must not be slower than it where bcctl is measured.
func settled(args []string) bool {
	switch args[0] {
	case "cat-file", "rev-parse", "merge-base", "diff-tree", "rev-list", "ls-tree":
	default:
		return false
	}
	named := false
	for _, arg := range args[1:] {
		if strings.HasPrefix(arg, "-") || arg == "commit" && args[0] == "cat-file" {
			continue
		}
		for id := range strings.SplitSeq(strings.TrimSuffix(arg, "^{commit}"), "..") {
			if _, err := hex.DecodeString(id); err != nil || len(id) != len(zeroSHA) {
				return false
			}
		}
		named = true
	}
	return named
}

func (b bare) env(env []string, stdin []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = b.dir, gitEnv(env...), bytes.NewReader(stdin)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		if stderr.Len() == 0 {
			stderr.WriteString(err.Error() + " " + out.String())
		}
		return out.String(), &gitFailed{args, stderr.String()}
	}
	return out.String(), nil
}

// line is git without the last line break.
func (b bare) line(args ...string) (string, error) {
	out, err := b.git(nil, args...)
	return strings.TrimSpace(out), err
}

// AsVariable is the variable of the environment that says who pushes by file path: a
// login. Without it the push is nobody's.
const AsVariable = "BCCTL_LAB_AS"

// refuseVariable says to a hook why a push is refused.
const refuseVariable = "BCCTL_LAB_REFUSE"

// receivedHook tells the server who pushed what.
const receivedHook = `#!/bin/sh
while read -r before after ref; do
	echo "$before $after $ref ${` + AsVariable + `:-}" >> lab-received
done
`

// refusedHook ends a push that the server found to be against a rule.
const refusedHook = `#!/bin/sh
if [ -n "${` + refuseVariable + `:-}" ]; then
	echo "error: GH013: Repository rule violations found. $` + refuseVariable + `" >&2
	exit 1
fi
`

func initBare(dir string) (bare, error) {
	b := bare{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return b, err
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		return b, nil
	}
	if _, err := b.git(nil, "init", "-q", "--bare", "--initial-branch=main", "."); err != nil {
		return b, err
	}
	for _, setting := range [][2]string{
		{"http.receivepack", "true"},
		{"uploadpack.allowAnySHA1InWant", "true"}, // github.com lets any commit be fetched by its id
		{"gc.auto", "0"},                          // and keeps commits that no branch has any more
		{"receive.autogc", "false"},
		{"core.logAllRefUpdates", "false"},
	} {
		if _, err := b.git(nil, "config", setting[0], setting[1]); err != nil {
			return b, err
		}
	}
	hooks := filepath.Join(dir, "hooks")
	if err := os.MkdirAll(hooks, 0o700); err != nil {
		return b, err
	}
	for name, text := range map[string]string{"post-receive": receivedHook, "pre-receive": refusedHook} {
		if err := os.WriteFile(filepath.Join(hooks, name), []byte(text), 0o700); err != nil { //nolint:gosec // a hook has to be executable
			return b, err
		}
	}
	return b, nil
}

// refs returns branches and tags. The files that git keeps them in are read, because each
// request asks where they are.
func (b bare) refs() (map[string]string, error) {
	refs := map[string]string{}
	packed, err := os.ReadFile(filepath.Join(b.dir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(packed)) {
		if sha, ref, ok := strings.Cut(strings.TrimSpace(line), " "); ok && len(sha) == len(zeroSHA) && shown(ref) {
			refs[ref] = sha
		}
	}
	err = filepath.WalkDir(filepath.Join(b.dir, "refs"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has just gone
		}
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		ref, err := filepath.Rel(b.dir, path)
		if err != nil || !shown(filepath.ToSlash(ref)) {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		refs[filepath.ToSlash(ref)] = strings.TrimSpace(string(data))
		return err
	})
	return refs, err
}

// shown reports whether a ref is a branch or a tag, or one of the laboratory's own.
func shown(ref string) bool {
	return strings.HasPrefix(ref, "refs/heads/") || strings.HasPrefix(ref, "refs/tags/") || strings.HasPrefix(ref, "refs/bcctl/")
}

// received takes what the hook has written since the last call.
func (b bare) received() []pushed {
	path := filepath.Join(b.dir, "lab-received")
	taken := path + ".taken"
	if os.Rename(path, taken) != nil {
		return nil
	}
	data, err := os.ReadFile(taken)
	if err != nil {
		return nil
	}
	var all []pushed
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) == 4 {
			all = append(all, pushed{ref: f[2], before: f[0], after: f[1], login: f[3]})
		}
	}
	return all
}

// pushed is one movement of a ref.
type pushed struct{ ref, before, after, login string }

func (b bare) exists(id string) bool {
	_, err := b.git(nil, "cat-file", "-e", id)
	return err == nil
}

func (b bare) kind(id string) string {
	kind, err := b.line("cat-file", "-t", id)
	if err != nil {
		return ""
	}
	return kind
}

func (b bare) ancestor(old, next string) bool {
	_, err := b.git(nil, "merge-base", "--is-ancestor", old, next)
	return err == nil
}

func (b bare) mergeBase(x, y string) string {
	base, err := b.line("merge-base", x, y)
	if err != nil {
		return ""
	}
	return base
}

// commit is a commit as it is stored.
type commit struct {
	sha, tree         string
	parents           []string
	author, committer ident
	message           string
	signed            bool // it carries a signature of its own
}

func (b bare) commit(rev string) (commit, error) {
	sha, err := b.line("rev-parse", "--verify", "--quiet", rev+"^{commit}")
	if err != nil {
		return commit{}, err
	}
	raw, err := b.git(nil, "cat-file", "commit", sha)
	if err != nil {
		return commit{}, err
	}
	c := commit{sha: sha}
	head, message, _ := strings.Cut(raw, "\n\n")
	c.message = strings.TrimSuffix(message, "\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "tree":
			c.tree = value
		case "parent":
			c.parents = append(c.parents, value)
		case "author":
			c.author = parseIdent(value)
		case "committer":
			c.committer = parseIdent(value)
		case "gpgsig", "gpgsig-sha256":
			c.signed = true
		}
	}
	return c, nil
}

func parseIdent(text string) ident {
	open, end := strings.LastIndex(text, "<"), strings.LastIndex(text, ">")
	if open < 0 || end < open {
		return ident{Name: text}
	}
	i := ident{Name: strings.TrimSpace(text[:open]), Email: text[open+1 : end]}
	if f := strings.Fields(text[end+1:]); len(f) > 0 {
		if seconds, err := strconv.ParseInt(f[0], 10, 64); err == nil {
			i.At = time.Unix(seconds, 0).UTC()
		}
	}
	return i
}

// write stores a commit and returns its id.
func (b bare) write(c commit) (string, error) {
	var raw strings.Builder
	fmt.Fprintf(&raw, "tree %s\n", c.tree)
	for _, p := range c.parents {
		fmt.Fprintf(&raw, "parent %s\n", p)
	}
	fmt.Fprintf(&raw, "author %s\ncommitter %s\n\n%s\n", c.author.raw(), c.committer.raw(), strings.TrimSuffix(c.message, "\n"))
	out, err := b.git([]byte(raw.String()), "hash-object", "-t", "commit", "-w", "--stdin")
	return strings.TrimSpace(out), err
}

func (b bare) blob(data []byte) (string, error) {
	out, err := b.git(data, "hash-object", "-t", "blob", "-w", "--stdin")
	return strings.TrimSpace(out), err
}

// treeEntry is a path with what is to be there. An empty sha takes it away.
type treeEntry struct{ path, mode, sha string }

// treeWith returns a tree that differs from another in some entries. The base may
// be empty.
func (b bare) treeWith(base string, entries []treeEntry) (string, error) {
	index, err := os.CreateTemp(b.dir, "lab-index-*")
	if err != nil {
		return "", err
	}
	name := index.Name()
	_ = index.Close()
	_ = os.Remove(name)   // git wants to make it
	defer os.Remove(name) //nolint:errcheck // a temporary file
	env := []string{"GIT_INDEX_FILE=" + name}
	if base != "" {
		if _, err := b.env(env, nil, "read-tree", base); err != nil {
			return "", err
		}
	}
	var info bytes.Buffer
	for _, e := range entries {
		if e.sha == "" {
			fmt.Fprintf(&info, "0 %s\t%s\x00", zeroSHA, e.path)
		} else {
			fmt.Fprintf(&info, "%s %s\t%s\x00", e.mode, e.sha, e.path)
		}
	}
	if _, err := b.env(env, info.Bytes(), "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	out, err := b.env(env, nil, "write-tree")
	return strings.TrimSpace(out), err
}

// mergeTree merges two commits. ok is false when they conflict.
func (b bare) mergeTree(ours, theirs string) (tree string, ok bool) {
	out, err := b.git(nil, "merge-tree", "--write-tree", "--allow-unrelated-histories", ours, theirs)
	if err != nil {
		return "", false
	}
	return strings.TrimSpace(out), true
}

// cherry applies a commit on another one and returns the tree.
func (b bare) cherry(onto string, c commit) (string, bool) {
	// git before 2.40 cannot be told the base of a merge. A commit with the contents
	// of onto and the parent of c has it.
	o, err := b.commit(onto)
	if err != nil || len(c.parents) == 0 {
		return "", false
	}
	o.parents = c.parents[:1]
	helper, err := b.write(o)
	if err != nil {
		return "", false
	}
	return b.mergeTree(helper, c.sha)
}

// between lists the commits of a branch that are not in another, oldest first.
func (b bare) between(base, head string) ([]commit, error) {
	out, err := b.git(nil, "rev-list", "--reverse", "--topo-order", base+".."+head)
	if err != nil {
		return nil, err
	}
	var all []commit
	for sha := range strings.Lines(out) {
		c, err := b.commit(strings.TrimSpace(sha))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// patchID names what a branch changes, wherever it starts from.
func (b bare) patchID(base, head string) string {
	from := b.mergeBase(base, head)
	if from == "" {
		return ""
	}
	diff, err := b.git(nil, "diff-tree", "-r", "-p", from, head)
	if err != nil {
		return ""
	}
	out, err := b.git([]byte(diff), "patch-id", "--stable")
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(out, " ")
	return id
}

// fileDiff is a changed file.
type fileDiff struct {
	status, path, previous, sha string
	additions, deletions        int
	patch                       string
}

func (b bare) diff(from, to string) ([]fileDiff, error) {
	raw, err := b.git(nil, "diff-tree", "-r", "-M", "-z", "--raw", "--no-abbrev", from, to)
	if err != nil {
		return nil, err
	}
	f := strings.Split(raw, "\x00")
	var all []fileDiff
	for i := 0; i+1 < len(f); i += 2 {
		head := strings.Fields(f[i])
		if len(head) != 5 {
			return nil, fmt.Errorf("git diff-tree wrote %q", f[i])
		}
		d := fileDiff{path: f[i+1], sha: head[3]}
		switch head[4][0] {
		case 'A':
			d.status = "added"
		case 'D':
			d.status, d.sha = "removed", head[2]
		case 'R':
			d.status, d.previous, d.path = "renamed", f[i+1], f[i+2]
			i++
		case 'T':
			d.status = "changed"
		default:
			d.status = "modified"
		}
		all = append(all, d)
	}
	counts, err := b.git(nil, "diff-tree", "-r", "-M", "--numstat", from, to)
	if err != nil {
		return nil, err
	}
	lines := slices.Collect(strings.Lines(counts))
	patches, err := b.git(nil, "diff-tree", "-r", "-M", "-p", from, to)
	if err != nil {
		return nil, err
	}
	hunks := strings.Split("\n"+patches, "\ndiff --git ")[1:]
	for i := range all {
		if i < len(lines) {
			n := strings.Fields(lines[i])
			all[i].additions, _ = strconv.Atoi(n[0]) // "-" for a binary file: 0, as on github.com
			all[i].deletions, _ = strconv.Atoi(n[1])
		}
		if i < len(hunks) {
			if at := strings.Index(hunks[i], "\n@@"); at >= 0 {
				all[i].patch = strings.TrimSuffix(hunks[i][at+1:], "\n")
			}
		}
	}
	return all, nil
}

// entry is a line of a tree.
type entry struct {
	mode, kind, sha, path string
	size                  int64
}

func (b bare) tree(rev string, recursive bool, paths ...string) ([]entry, error) {
	args := []string{"ls-tree", "-z", "--long", "--full-tree"}
	if recursive {
		args = append(args, "-r", "-t")
	}
	out, err := b.git(nil, slices.Concat(args, []string{rev, "--"}, paths)...)
	if err != nil {
		return nil, err
	}
	var all []entry
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		head, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(head)
		if !ok || len(f) != 4 {
			continue
		}
		size, _ := strconv.ParseInt(f[3], 10, 64)
		all = append(all, entry{f[0], f[1], f[2], path, size})
	}
	return all, nil
}

// setRef moves a ref if it is where it is expected; "" stands for none.
func (b bare) setRef(ref, to, old string) error {
	if old == "" {
		old = zeroSHA
	}
	if to == "" {
		_, err := b.git(nil, "update-ref", "-d", ref, old)
		return err
	}
	_, err := b.git(nil, "update-ref", ref, to, old)
	return err
}
