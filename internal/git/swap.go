package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// RefChange moves one ref in one step. From is the commit it must be at, empty
// for a ref that must not exist; To is where it shall be, empty to delete it.
type RefChange struct {
	Ref, From, To string

	// Forward is for a push alone: the ref is moved forward to To, from wherever that is
	// forward, and never forced. From is not looked at.
	Forward bool
}

// SwapRefs makes all changes in this repository, or none. ErrMoved when one of the
// refs is not where it was expected.
func SwapRefs(ctx context.Context, dir string, changes []RefChange) error {
	var b bytes.Buffer
	for _, c := range changes {
		switch {
		case c.To == "":
			fmt.Fprintf(&b, "delete %s %s\n", c.Ref, c.From)
		case c.From == "":
			fmt.Fprintf(&b, "create %s %s\n", c.Ref, c.To)
		default:
			fmt.Fprintf(&b, "update %s %s %s\n", c.Ref, c.To, c.From)
		}
	}
	// Without a transaction of its own, --stdin makes all changes in one.
	_, err := run(ctx, dir, &b, "update-ref", "--stdin")
	var failed *Error
	if errors.As(err, &failed) && strings.Contains(failed.Stderr, "cannot lock ref") {
		return fmt.Errorf("%w: %s", ErrMoved, failed.Stderr)
	}
	return err
}

// PushSwap is SwapRefs at a remote, in one push: the remote makes all changes or
// none, and refuses them when a ref is not where it was expected. A ref may move
// to a commit that does not follow the one before.
//
// ErrMoved says that nothing was changed. Any other error leaves open whether the
// push arrived: look before doing it again.
func PushSwap(ctx context.Context, dir, name string, changes []RefChange) error {
	args := []string{"push", "--porcelain", "--no-verify", "--atomic"}
	for _, c := range changes {
		if !c.Forward {
			args = append(args, "--force-with-lease="+c.Ref+":"+c.From)
		}
	}
	args = append(args, name)
	for _, c := range changes {
		args = append(args, c.To+":"+c.Ref)
	}
	out, err := remote(ctx, dir, args...)
	var failed *Error
	if errors.As(err, &failed) {
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "!") && refusedAsMoved(line) {
				return fmt.Errorf("%w at the remote %q", ErrMoved, withoutCredentials(name))
			}
		}
	}
	if err != nil {
		return fmt.Errorf("push to the remote %q: %w", withoutCredentials(name), err)
	}
	return nil
}

// refusedAsMoved tells from a line of a push whether somebody else was first.
func refusedAsMoved(line string) bool {
	for _, words := range []string{"[rejected]", "cannot lock ref", "failed to update ref", "incorrect old value", "reference already exists", "atomic transaction failed", "atomic push failed"} {
		if strings.Contains(line, words) {
			return true
		}
	}
	return false
}

// Refs returns the commits that refs of this repository, or of a remote when name
// is not empty, point to, by ref. Patterns are as git for-each-ref takes them, in
// full: refs/heads/x or refs/heads/x-*. A ref that does not exist is not in it.
func Refs(ctx context.Context, dir, name string, patterns ...string) (map[string]string, error) {
	var out []byte
	var err error
	if name == "" {
		out, err = run(ctx, dir, nil, append([]string{"for-each-ref", "--format=%(objectname)\t%(refname)"}, patterns...)...)
	} else {
		out, err = remote(ctx, dir, append([]string{"ls-remote", name}, patterns...)...)
	}
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		id, ref, found := strings.Cut(strings.TrimSpace(line), "\t")
		if !found {
			return nil, fmt.Errorf("list refs: git said %q", line)
		}
		refs[ref] = id
	}
	return refs, nil
}

// FetchAll brings refs of a remote here; no ref of this repository is changed.
func FetchAll(ctx context.Context, dir, name string, refs ...string) error {
	args := append([]string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", name}, refs...)
	if _, err := remote(ctx, dir, args...); err != nil {
		return fmt.Errorf("fetch from the remote %q: %w", withoutCredentials(name), err)
	}
	return nil
}

// Show returns a file of a commit.
func Show(ctx context.Context, dir, commit, path string) ([]byte, error) {
	out, err := run(ctx, dir, nil, "cat-file", "blob", commit+":"+path)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", path, commit, err)
	}
	return out, nil
}
