package forge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/approval"
)

// Objects is a bare repository with what was fetched. Files are read from it by the
// ids of commits; no branch, working tree or answer of an interface that may lie in a
// cache has a say in what they hold (API-06, POL-01).
type Objects struct {
	Dir string // a bare repository of ours

	read *readBefore // nil: everything is read each time
}

// readBefore keeps what was read of commits, by their full ids. A commit cannot hold
// anything else later, so that this is no cache of what may change: which commit a branch
// is at is asked each time.
type readBefore struct {
	mu    sync.Mutex
	found map[string]any
}

// maxReadBefore is how much is kept; more is begun anew.
const maxReadBefore = 64

// once reads something of commits that has not been read yet. Its key begins with their
// ids and what is asked.
func once[T any](o Objects, read func() (T, error), key ...string) (T, error) {
	if o.read == nil {
		return read()
	}
	o.read.mu.Lock()
	defer o.read.mu.Unlock()
	name := strings.Join(key, "\x00")
	if v, ok := o.read.found[name].(T); ok {
		return v, nil
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	if o.read.found == nil || len(o.read.found) >= maxReadBefore {
		o.read.found = map[string]any{}
	}
	o.read.found[name] = v
	return v, nil
}

// maxFile is how large a file may be to be read.
const maxFile = git.MaxFile

// Content is a file with its bytes.
type Content struct {
	approval.File
	Bytes []byte
}

// Files reads files of a commit. Each path has an entry: what is not there is absent.
// A file that is too large has no digest, and so matches nothing.
func (o Objects) Files(ctx context.Context, commit string, paths ...string) (map[string]Content, error) {
	if len(paths) == 0 {
		return map[string]Content{}, nil
	}
	if found, ok := o.among(commit, paths); ok {
		return found, nil
	}
	return once(o, func() (map[string]Content, error) { return o.files(ctx, commit, paths) }, append([]string{"files", commit}, paths...)...)
}

// among takes files from what was read whole of a commit, where all of them are in it.
func (o Objects) among(commit string, paths []string) (map[string]Content, bool) {
	if o.read == nil {
		return nil, false
	}
	o.read.mu.Lock()
	tree, ok := o.read.found[treeKey(commit)].(fs.FS)
	o.read.mu.Unlock()
	if !ok {
		return nil, false
	}
	found := make(map[string]Content, len(paths))
	for _, path := range paths {
		mode, data, ok := git.Committed(tree, path)
		if !ok {
			return nil, false
		}
		found[path] = Content{approval.FileOf(mode, data), data}
	}
	return found, true
}

// treeKey is under which what a commit holds is kept.
func treeKey(commit string) string { return "tree\x00" + commit }

func (o Objects) files(ctx context.Context, commit string, paths []string) (map[string]Content, error) {
	found := make(map[string]Content, len(paths))
	blobs, err := git.Blobs(ctx, o.Dir, commit, git.MaxFiles, paths...)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", commit, err)
	}
	for _, p := range paths {
		found[p] = Content{File: approval.File{State: approval.FileAbsent}}
	}
	reader, err := git.NewReader(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }() // it only reads; its end says nothing
	for _, b := range blobs {
		if _, wanted := found[b.Path]; !wanted {
			continue // in a folder of a wanted name
		}
		if b.Size > maxFile || b.Mode == "160000" {
			found[b.Path] = Content{File: approval.File{State: approval.FilePresent, Mode: b.Mode, Size: b.Size}}
			continue
		}
		data, err := reader.Read(b.ID, b.Size)
		if err != nil {
			return nil, fmt.Errorf("read %s of commit %s: %w", b.Path, commit, err)
		}
		found[b.Path] = Content{approval.FileOf(b.Mode, data), data}
	}
	return found, nil
}

// File reads one file of a commit.
func (o Objects) File(ctx context.Context, commit, path string) (Content, error) {
	files, err := o.Files(ctx, commit, path)
	return files[path], err
}

// Tree is everything a commit holds.
func (o Objects) Tree(ctx context.Context, commit string) (fs.FS, error) {
	if o.read == nil { // a clone, of which Dir may be a folder
		tree, _, err := git.Tree(ctx, o.Dir, commit)
		return tree, err
	}
	return once(o, func() (fs.FS, error) { return git.TreeOf(ctx, o.Dir, commit) }, treeKey(commit))
}

// firstParent is the commit a commit was made on.
func (o Objects) firstParent(ctx context.Context, commit string) (string, error) {
	return once(o, func() (string, error) { return git.Resolve(ctx, o.Dir, commit+"^1") }, "first parent", commit)
}

// contains reports whether a commit is another one or has it behind it.
func (o Objects) contains(ctx context.Context, commit, ancestor string) (bool, error) {
	if commit == ancestor {
		return true, nil
	}
	return once(o, func() (bool, error) { return git.Contains(ctx, o.Dir, commit, ancestor) }, "contains", commit, ancestor)
}

// refs of the mirror.
const (
	mirrorMain = "refs/mirror/main"
	mirrorPull = "refs/mirror/pull"
)

// Main brings the default branch into the mirror, and returns its newest commit.
func (c *Client) Main(ctx context.Context) (o Objects, tip string, err error) {
	ctx = c.withBudget(ctx)
	r, err := c.configured(ctx)
	if err != nil {
		return o, "", err
	}
	if err := c.bring(ctx, r.CloneURL, "+refs/heads/"+r.DefaultBranch+":"+mirrorMain); err != nil {
		return o, "", err
	}
	o = c.objects()
	tip, err = git.Tip(ctx, o.Dir, mirrorMain)
	return o, tip, err
}

// objects are those of the mirror, with what was read of them before.
func (c *Client) objects() Objects { return Objects{c.opts.Mirror, &c.read} }

// fetch brings the default branch and the head of a pull request into the mirror, and
// returns their commits. The ref of the pull request is named by its number: two
// processes may fetch at once.
func (c *Client) fetch(ctx context.Context, cloneURL, branch string, number int) (o Objects, tip, head string, err error) {
	pull := fmt.Sprintf("%s-%d", mirrorPull, number)
	if err := c.bring(ctx, cloneURL, "+refs/heads/"+branch+":"+mirrorMain, fmt.Sprintf("+refs/pull/%d/head:%s", number, pull)); err != nil {
		return o, "", "", err
	}
	o = c.objects()
	refs, err := git.Refs(ctx, o.Dir, "", mirrorMain, pull)
	if err != nil {
		return o, "", "", err
	}
	tip, head = refs[mirrorMain], refs[pull]
	if tip == "" || head == "" {
		return o, "", "", fmt.Errorf("%w: %s or %s, just after it was fetched", git.ErrNoBranch, mirrorMain, pull)
	}
	return o, tip, head, nil
}

// SignIn is how git signs in at the repository now, with the credential of the client.
func (c *Client) SignIn(ctx context.Context) (address string, login git.Login, err error) {
	ctx = c.withBudget(ctx)
	known, err := c.cloneURL(ctx)
	if err != nil {
		return "", git.Login{}, err
	}
	token, err := c.token(ctx)
	return known, git.Login{User: "x-access-token", Password: token}, err
}

// cloneURL is the address to clone from. Several may ask at once; GitHub is asked once.
func (c *Client) cloneURL(ctx context.Context) (string, error) {
	c.cloning.Lock()
	defer c.cloning.Unlock()
	if c.clone != "" {
		return c.clone, nil
	}
	r, err := c.configured(ctx)
	if err != nil {
		return "", err
	}
	if !c.belongs(r.CloneURL) {
		return "", fmt.Errorf("%w: GitHub names an address to clone from that is not its own", ErrRepository)
	}
	c.clone = r.CloneURL
	return c.clone, nil
}

// bring fetches refs into the mirror.
func (c *Client) bring(ctx context.Context, cloneURL string, refs ...string) error {
	if !c.belongs(cloneURL) {
		return fmt.Errorf("%w: GitHub names an address to clone from that is not its own", ErrRepository)
	}
	token, err := c.token(ctx)
	if err != nil {
		return err
	}
	m := git.Mirror{Dir: c.opts.Mirror, Address: cloneURL}
	if err := m.Open(ctx); err != nil {
		return err
	}
	err = m.Fetch(ctx, git.Login{User: "x-access-token", Password: token}, refs...)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, git.ErrNoGit):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// token is the credential of this moment, for git.
func (c *Client) token(ctx context.Context) (string, error) {
	if app, ok := c.t.auth.(*App); ok {
		if header, ok := app.ready(c.now()); ok {
			return bearerOf(header), nil
		}
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	b, ok := ctx.Value(budgetKey{}).(*budget)
	if !ok {
		b = &budget{c.t.opts.Budget}
	}
	header, err := c.t.auth.authorization(ctx, c.t, b, false)
	return bearerOf(header), err
}
