package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Written is a commit with who made it, as the commit itself says.
type Written struct {
	Commit    string
	Parents   []string
	Author    string // address
	Committer string // address
	Message   string
}

// ErrShallow says that a clone has a part of the history only.
var ErrShallow = errors.New("the clone is shallow: who wrote a file is not in it; git fetch --unshallow")

// Authorship lists the commits by which a file became what it is in a commit, with no
// order: those that were merged when the main line got the file or changed it, all of
// the merged branch, and those on the main line itself. A merge is among them only when
// the file came out of it other than it was on every side: who merges writes nothing.
//
// More than max commits are cut off, and complete is false then.
func Authorship(ctx context.Context, dir, commit, path string, max int) (list []Written, complete bool, err error) {
	shallow, err := run(ctx, dir, nil, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return nil, false, err
	}
	if strings.TrimSpace(string(shallow)) != "false" {
		return nil, false, ErrShallow
	}
	out, err := run(ctx, dir, nil, "log", "--first-parent", "--no-renames", "--full-history", "--format=%H %P", commit, "--", path)
	if err != nil {
		return nil, false, fmt.Errorf("read who wrote %s: %w", path, err)
	}
	var ids []string
	for line := range strings.Lines(string(out)) {
		step := strings.Fields(line)
		if len(step) < 3 {
			ids = append(ids, step[:min(1, len(step))]...)
			continue
		}
		merged, err := run(ctx, dir, nil, "rev-list", step[1]+".."+step[0])
		if err != nil {
			return nil, false, fmt.Errorf("read who wrote %s: %w", path, err)
		}
		ids = append(ids, slices.DeleteFunc(strings.Fields(string(merged)), func(id string) bool { return id == step[0] })...)
		own, err := changedByMerge(ctx, dir, path, step[0], step[2:])
		if err != nil {
			return nil, false, err
		}
		if own {
			ids = append(ids, step[0])
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	complete = len(ids) <= max
	list, err = written(ctx, dir, ids[:min(len(ids), max)])
	return list, complete, err
}

// changedByMerge reports whether a file is in a merge other than on every side that was
// merged.
func changedByMerge(ctx context.Context, dir, path, merge string, sides []string) (bool, error) {
	is, err := Blobs(ctx, dir, merge, 1, path)
	if err != nil {
		return false, err
	}
	for _, side := range sides {
		was, err := Blobs(ctx, dir, side, 1, path)
		if err != nil || slices.Equal(is, was) {
			return false, err
		}
	}
	return true, nil
}

func written(ctx context.Context, dir string, ids []string) ([]Written, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := run(ctx, dir, strings.NewReader(strings.Join(ids, "\n")+"\n"), "log", "--no-walk=unsorted", "--stdin", "-z", "--no-mailmap", "--encoding=UTF-8", "--format=%H%x00%P%x00%ae%x00%ce%x00%B")
	if err != nil {
		return nil, fmt.Errorf("read commits: %w", err)
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	const each = 5
	if len(fields) != each*len(ids) {
		return nil, fmt.Errorf("read commits: git log gave %d fields for %d commits", len(fields), len(ids))
	}
	var list []Written
	for f := range slices.Chunk(fields, each) {
		list = append(list, Written{f[0], strings.Fields(f[1]), f[2], f[3], f[4]})
	}
	return list, nil
}
