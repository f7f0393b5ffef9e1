package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/yamldoc"
)

// SettingsFile is the file that marks the root of a repository. It holds
// settings, not documents.
const SettingsFile = "bcctl.yaml"

// recordedDir holds recorded observations, which are not documents.
const recordedDir = "recorded"

// documentFiles lists the files that hold documents: every YAML file but the
// settings, what a name with a leading dot hides, and recorded observations.
func documentFiles(fsys fs.FS) (names []string, problems Problems) {
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			problems = append(problems, Problem{name, 1, 1, "cannot be read: " + cause(err), ""})
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case name == ".":
			return nil
		case strings.HasPrefix(d.Name(), "."), name == recordedDir:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir(), name == SettingsFile:
			return nil
		}
		if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" {
			names = append(names, name)
		} else if d.Type()&fs.ModeSymlink != 0 {
			// A link to a directory is not followed; one that leads outside says that
			// documents are expected where nobody reviews them.
			if _, err := resolve(fsys, name); errors.Is(err, errOutside) {
				problems = append(problems, outside(name))
			}
		}
		return nil
	})
	if err != nil {
		problems = append(problems, Problem{".", 1, 1, "cannot be listed: " + cause(err), ""})
	}
	return names, problems
}

func outside(name string) Problem {
	return Problem{name, 1, 1, "symbolic link leads out of the repository", "put the file itself here"}
}

// readBounded reads an ordinary file of the repository of at most yamldoc.MaxBytes.
func readBounded(fsys fs.FS, name string) ([]byte, *Problem) {
	real, err := resolve(fsys, name)
	if err != nil {
		if errors.Is(err, errOutside) {
			p := outside(name)
			return nil, &p
		}
		return nil, &Problem{name, 1, 1, "cannot be read: " + cause(err), ""}
	}
	info, err := fs.Stat(fsys, real)
	switch {
	case err != nil:
		return nil, &Problem{name, 1, 1, "cannot be read: " + cause(err), ""}
	case !info.Mode().IsRegular():
		return nil, &Problem{name, 1, 1, "is not an ordinary file", "remove it"}
	case info.Size() > yamldoc.MaxBytes:
		// Reading it would cost memory for nothing.
		return nil, &Problem{name, 1, 1, fmt.Sprintf("file has %d bytes, more than %d (1 MiB)", info.Size(), yamldoc.MaxBytes), "split it into several files"}
	}
	data, err := fs.ReadFile(fsys, real)
	if err != nil {
		return nil, &Problem{name, 1, 1, "cannot be read: " + cause(err), ""}
	}
	return data, nil
}

var errOutside = errors.New("symbolic link leads out of the repository")

// resolve follows the symbolic links in name by itself, one element after the
// other, because an fs.FS of a directory would follow them out of it.
func resolve(fsys fs.FS, name string) (string, error) {
	links, ok := fsys.(fs.ReadLinkFS)
	if !ok {
		return name, nil // a tree without links
	}
	const maxLinks = 40
	done, rest := ".", strings.Split(name, "/")
	for followed := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		if next == ".." || strings.HasPrefix(next, "../") {
			return "", errOutside
		}
		info, err := links.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if followed++; followed > maxLinks {
			return "", errors.New("too many symbolic links")
		}
		target, err := links.ReadLink(next)
		if err != nil {
			return "", err
		}
		target = strings.ReplaceAll(target, `\`, "/")
		if path.IsAbs(target) || strings.Contains(target, ":") {
			return "", errOutside
		}
		// The elements are taken one by one, so that a link among them is seen; ".."
		// goes up from where the link stands, never above the root.
		rest = slices.Concat(strings.Split(target, "/"), rest)
	}
	return done, nil
}

// cause takes the operation and path off an error: the problem names the file
// already, and an absolute path says nothing to the reader of a review.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
