package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Head returns the id of the commit that is checked out, and whether anything
// below dir differs from it: changed, added, or not known to git, also when git
// is told to ignore it and it would be read as a document. Errors are
// ErrNotRepository and ErrNoCommit.
func Head(ctx context.Context, dir string) (sha string, dirty bool, err error) {
	sha, err = Resolve(ctx, dir, "HEAD")
	if errors.Is(err, ErrUnknownRevision) {
		return "", false, ErrNoCommit
	}
	if err != nil {
		return "", false, err
	}
	status, err := run(ctx, dir, nil, "status", "--porcelain", "-z", "--ignore-submodules=all", "--untracked-files=normal", "--", ".")
	if err != nil {
		return "", false, fmt.Errorf("compare files with HEAD: %w", err)
	}
	if len(status) > 0 {
		return sha, true, nil
	}
	ignored, err := run(ctx, dir, nil, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", ".")
	if err != nil {
		return "", false, fmt.Errorf("list ignored files: %w", err)
	}
	return sha, slices.ContainsFunc(split(ignored), document), nil
}

// document reports whether a file would be read as a document.
func document(name string) bool {
	if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		return false
	}
	return !strings.HasPrefix(name, ".") && !strings.Contains(name, "/.")
}

// ChangedSince lists the files below dir that differ from a revision, with
// slashes and relative to dir, sorted: changed, added and removed ones, also
// those that are not committed. On a branch it means since the branch left the
// revision's history.
func ChangedSince(ctx context.Context, dir, revision string) ([]string, error) {
	if err := inside(ctx, dir); err != nil {
		return nil, err
	}
	from, err := resolve(ctx, dir, revision)
	if err != nil {
		return nil, err
	}
	base, err := run(ctx, dir, nil, "merge-base", from, "HEAD")
	var failed *Error
	switch {
	case err == nil:
		from = strings.TrimSpace(string(base))
	case !errors.As(err, &failed):
		return nil, err
	default:
		// No common history, as in a shallow clone: compare with the revision itself,
		// which names too many files rather than too few.
	}
	changed, err := run(ctx, dir, nil, "diff", "--name-only", "-z", "--relative", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", from, "--", ".")
	if err != nil {
		return nil, fmt.Errorf("compare files with %s: %w", revision, err)
	}
	added, err := run(ctx, dir, nil, "ls-files", "-z", "--others", "--exclude-standard", "--", ".")
	if err != nil {
		return nil, fmt.Errorf("list new files: %w", err)
	}
	names := slices.Concat(split(changed), split(added))
	slices.Sort(names)
	return slices.Compact(names), nil
}

// split takes a list with NUL after each entry apart.
func split(list []byte) []string {
	var names []string
	for name := range bytes.SplitSeq(list, []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names
}
