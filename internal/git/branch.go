package git

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of changing a branch.
var (
	// ErrMoved says that the branch is not where it was expected: somebody else was
	// first.
	ErrMoved = errors.New("the branch has moved")
	// ErrNoBranch says that there is no such branch.
	ErrNoBranch = errors.New("there is no such branch")
)

// Tip returns the commit a ref of this repository points to, in full form such as
// refs/heads/main. ErrNoBranch when there is none.
func Tip(ctx context.Context, dir, ref string) (string, error) {
	out, err := run(ctx, dir, nil, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	var failed *Error
	if errors.As(err, &failed) {
		if err := inside(ctx, dir); err != nil {
			return "", err
		}
		return "", fmt.Errorf("%w: %s", ErrNoBranch, ref)
	}
	return strings.TrimSpace(string(out)), err
}

// Author is who a commit is by. A machine's commits need no person.
type Author struct{ Name, Email string }

// AddFiles makes a commit that adds files to another one, and touches no branch,
// no index and no work tree. Parent is empty for a first commit. It returns the
// commit's id. Paths must not be in the parent: they would be replaced.
//
// The commit stays without a ref for as long as git keeps what nothing refers to,
// two weeks by default.
func AddFiles(ctx context.Context, dir, parent string, files map[string][]byte, by Author, when time.Time, message string) (string, error) {
	idLength := len(parent)
	if parent == "" {
		var err error
		if idLength, err = lengthOfIDs(ctx, dir); err != nil {
			return "", fmt.Errorf("make a commit: %w", err)
		}
	}
	ref := "refs/bcctl/new/" + strings.ToLower(rand.Text())
	var b bytes.Buffer
	fmt.Fprintf(&b, "feature done\nfeature get-mark\ncommit %s\nmark :1\ncommitter %s <%s> %d +0000\ndata %d\n%s\n", ref, by.Name, by.Email, when.Unix(), len(message), message)
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if strings.ContainsAny(path, "\n\"\x00") {
			return "", fmt.Errorf("make a commit: %q is no path for it", path)
		}
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n", path, len(files[path]))
		b.Write(files[path])
		b.WriteByte('\n')
	}
	// The ref is given up again, so that none is left behind.
	fmt.Fprintf(&b, "\nget-mark :1\nreset %s\nfrom %s\n\ndone\n", ref, strings.Repeat("0", idLength))
	out, err := run(ctx, dir, &b, "fast-import", "--quiet", "--date-format=raw", "--done")
	commit := strings.TrimSpace(string(out))
	if err == nil && len(commit) != idLength {
		err = fmt.Errorf("git fast-import answered %q", out)
	}
	if err != nil {
		return "", fmt.Errorf("make a commit: %w", err)
	}
	return commit, nil
}

// lengths are those of the ids of repositories, which do not change, by folder.
var lengths sync.Map

// lengthOfIDs is how many digits the ids of a repository's objects have.
func lengthOfIDs(ctx context.Context, dir string) (int, error) {
	if n, ok := lengths.Load(dir); ok {
		return n.(int), nil
	}
	format, err := run(ctx, dir, nil, "rev-parse", "--show-object-format")
	if err != nil {
		return 0, err
	}
	n := 40
	if strings.TrimSpace(string(format)) == "sha256" {
		n = 64
	}
	lengths.Store(dir, n)
	return n, nil
}

// SwapRef moves a ref from one commit to another, in one step. Old is empty for a
// ref that must not exist. ErrMoved when it is not at old.
func SwapRef(ctx context.Context, dir, ref, to, old string) error {
	if old == "" {
		old = strings.Repeat("0", len(to))
	}
	_, err := run(ctx, dir, nil, "update-ref", ref, to, old)
	var failed *Error
	if !errors.As(err, &failed) {
		return err
	}
	now, tipErr := Tip(ctx, dir, ref)
	if tipErr == nil && now != old || errors.Is(tipErr, ErrNoBranch) || strings.Contains(failed.Stderr, "cannot lock ref") {
		return fmt.Errorf("%w: %s", ErrMoved, ref)
	}
	return err
}

// Contains reports whether a commit is another one or an ancestor of it.
func Contains(ctx context.Context, dir, commit, ancestor string) (bool, error) {
	_, err := run(ctx, dir, nil, "merge-base", "--is-ancestor", ancestor, commit)
	var failed *Error
	if errors.As(err, &failed) && failed.Code == 1 {
		return false, nil
	}
	return err == nil, err
}

// CommitAt returns the newest commit of a branch, by its first parents, that was made at a
// moment or before; empty where there is none.
func CommitAt(ctx context.Context, dir, commit string, at time.Time) (string, error) {
	out, err := run(ctx, dir, nil, "rev-list", "-1", "--first-parent", "--before="+at.UTC().Format(time.RFC3339), commit)
	if err != nil {
		return "", fmt.Errorf("find the commit of %s at %s: %w", commit, at.UTC().Format(time.RFC3339), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Step is a commit of a branch with what it did to files.
type Step struct {
	Commit  string
	Parents int
	Changes []PathChange
}

// PathChange is a file that a commit changed. Kind is A for one that was added, and
// another letter of git's (M, D, T) for everything else.
type PathChange struct {
	Kind string
	Path string
}

// Log lists the commits that a commit has behind it, oldest first, with what each
// did to files compared with its first parent.
func Log(ctx context.Context, dir, commit string) ([]Step, error) {
	out, err := run(ctx, dir, nil, "log", "--reverse", "--topo-order", "--root", "--diff-merges=first-parent", "--no-renames", "--name-status", "-z", "--format=%x01%H %P", commit)
	if err != nil {
		return nil, fmt.Errorf("read the history of %s: %w", commit, err)
	}
	var steps []Step
	// Each commit is a record that begins with \x01; its fields end with NUL.
	for record := range bytes.SplitSeq(out, []byte{1}) {
		if len(record) == 0 {
			continue
		}
		step, err := parseStep(record)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func parseStep(record []byte) (Step, error) {
	fields := strings.Split(strings.TrimRight(string(record), "\x00\n"), "\x00")
	ids := strings.Fields(fields[0])
	if len(ids) == 0 {
		return Step{}, fmt.Errorf("unexpected line %q of git log", fields[0])
	}
	step := Step{Commit: ids[0], Parents: len(ids) - 1}
	rest := fields[1:]
	for len(rest) > 0 {
		kind := strings.TrimSpace(rest[0])
		if kind == "" {
			rest = rest[1:]
			continue
		}
		if len(rest) < 2 {
			return Step{}, fmt.Errorf("unexpected end of git log after %q", kind)
		}
		step.Changes = append(step.Changes, PathChange{kind, rest[1]})
		rest = rest[2:]
	}
	return step, nil
}

// Differences lists the paths whose contents or modes differ between two commits, sorted.
func Differences(ctx context.Context, dir, before, after string) ([]string, error) {
	out, err := run(ctx, dir, nil, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", before, after)
	if err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", before, after, err)
	}
	paths := split(out)
	slices.Sort(paths)
	return paths, nil
}

// CommonDir returns the folder in which a repository keeps what all its work trees
// share.
func CommonDir(ctx context.Context, dir string) (string, error) {
	out, err := run(ctx, dir, nil, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		if outside := inside(ctx, dir); outside != nil {
			return "", outside
		}
		return "", err
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// Changes is what happened between two commits.
type Changes struct {
	Commits int
	Authors []string // as Git names them, sorted
	Files   []string // sorted
}

// Between says what happened after from, up to and with to. From is empty for
// everything up to to.
func Between(ctx context.Context, dir, from, to string) (Changes, error) {
	revisions := to
	if from != "" {
		revisions = from + ".." + to
	}
	out, err := run(ctx, dir, nil, "log", "-z", "--format=%x01%an <%ae>", "--no-renames", "--name-only", "--diff-merges=first-parent", "--root", revisions, "--")
	if err != nil {
		return Changes{}, fmt.Errorf("read what changed: %w", err)
	}
	var c Changes
	authors, files := map[string]bool{}, map[string]bool{}
	for record := range bytes.SplitSeq(out, []byte{1}) {
		fields := strings.Split(string(record), "\x00")
		if fields[0] == "" && len(fields) == 1 {
			continue
		}
		c.Commits++
		authors[fields[0]] = true
		for _, f := range fields[1:] {
			if f = strings.TrimPrefix(f, "\n"); f != "" {
				files[f] = true
			}
		}
	}
	c.Authors, c.Files = slices.Sorted(maps.Keys(authors)), slices.Sorted(maps.Keys(files))
	return c, nil
}
