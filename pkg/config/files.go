package config

import (
	"errors"
	"fmt"
	"io"
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

// source is a file that holds documents.
type source struct {
	name string
	link bool
}

// documentFiles lists the files that hold documents: every YAML file but the
// settings, what a name with a leading dot hides, and recorded observations.
func documentFiles(fsys fs.FS) (names []source, problems Problems) {
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
			link := d.Type()&fs.ModeSymlink != 0
			if !link && !d.Type().IsRegular() {
				problems = append(problems, irregular(name)) // opening a pipe would wait for ever
				return nil
			}
			names = append(names, source{name, link})
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

// read reads the file. Only a link needs to be resolved: the walk that found the
// file went through none.
func (s source) read(fsys fs.FS) ([]byte, *Problem) {
	if s.link {
		return readBounded(fsys, s.name)
	}
	return readPlain(fsys, s.name, s.name)
}

// readBounded reads an ordinary file of the repository of at most
// yamldoc.MaxBytes, by way of links inside of it.
func readBounded(fsys fs.FS, name string) ([]byte, *Problem) {
	real, err := resolve(fsys, name)
	if errors.Is(err, errOutside) {
		p := outside(name)
		return nil, &p
	}
	if err != nil {
		return nil, unreadable(name, err)
	}
	info, err := fs.Stat(fsys, real)
	if err != nil {
		return nil, unreadable(name, err)
	}
	if !info.Mode().IsRegular() {
		p := irregular(name)
		return nil, &p
	}
	return readPlain(fsys, name, real)
}

func irregular(name string) Problem {
	return Problem{name, 1, 1, "is not an ordinary file", "remove it"}
}

func unreadable(name string, err error) *Problem {
	return &Problem{name, 1, 1, "cannot be read: " + cause(err), ""}
}

// readPlain reads the file at real, which messages call name.
func readPlain(fsys fs.FS, name, real string) ([]byte, *Problem) {
	f, err := fsys.Open(real)
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, unreadable(name, err)
	case !info.Mode().IsRegular():
		p := irregular(name)
		return nil, &p
	case info.Size() > yamldoc.MaxBytes:
		// Reading it would cost memory for nothing.
		return nil, &Problem{name, 1, 1, fmt.Sprintf("file has %d bytes, more than %d (1 MiB)", info.Size(), yamldoc.MaxBytes), "split it into several files"}
	}
	// One byte more than it has, to see its end; it may have grown meanwhile.
	data := make([]byte, info.Size()+1)
	n, err := io.ReadFull(f, data)
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		if err == nil {
			err = errors.New("it changes while it is read")
		}
		return nil, unreadable(name, err)
	}
	return data[:n:n], nil
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
