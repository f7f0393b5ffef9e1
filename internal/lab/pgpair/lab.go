package pgpair

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Lab is a laboratory. Its methods may be called by several goroutines and
// processes at once, except that Break, Repair and what starts or stops
// servers need the laboratory for themselves.
type Lab struct {
	dir       string
	state     state
	account   account
	passwords map[string]string
	progress  func(string)
}

// state is what lab.json keeps. What changes while servers run, such as
// process numbers, is not in it: postmaster.pid knows better.
type state struct {
	Version          int               `json:"version"`
	CreatedAt        time.Time         `json:"createdAt"`
	Account          string            `json:"account"`
	Binaries         Binaries          `json:"binaries"`
	SocketDir        string            `json:"socketDir"`
	SystemIdentifier string            `json:"systemIdentifier"`
	SenderTimeout    time.Duration     `json:"senderTimeoutNanoseconds"`
	ReceiverTimeout  time.Duration     `json:"receiverTimeoutNanoseconds"`
	MaxSlotWALKeepMB int               `json:"maxSlotWalKeepMB,omitempty"`
	Settings         map[string]string `json:"settings,omitempty"`
	Nodes            []Node            `json:"nodes"`
	ClientPort       int               `json:"clientPort"` // where the clients' address is
	Program          string            `json:"program,omitempty"`
}

const stateVersion = 2

// ErrNoLab is returned by Open for a directory that holds no laboratory.
var ErrNoLab = errors.New("no laboratory here")

// Open finds a laboratory that Up made, in this process or another. It starts
// nothing and makes no connection.
func Open(dir string) (*Lab, error) {
	dir, err := resolve(dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir, progress: func(string) {}}
	text, err := os.ReadFile(l.path("lab.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open laboratory %s: %w", dir, ErrNoLab)
	}
	if err != nil {
		return nil, fmt.Errorf("open laboratory: %w", err)
	}
	if err := json.Unmarshal(text, &l.state); err != nil {
		return nil, fmt.Errorf("open laboratory: read %s: %w", l.path("lab.json"), err)
	}
	if l.state.Version != stateVersion {
		return nil, fmt.Errorf("open laboratory %s: it was made by another version of bcctl (format %d, this one knows %d)", dir, l.state.Version, stateVersion)
	}
	for _, n := range l.state.Nodes {
		if n.DataDir != l.path("nodes", n.Name, "data") {
			return nil, fmt.Errorf("open laboratory %s: it was made as %s and cannot be moved", dir, filepath.Dir(filepath.Dir(n.root())))
		}
	}
	if l.account, err = accountNamed(l.state.Account); err != nil {
		return nil, fmt.Errorf("open laboratory %s: %w", dir, err)
	}
	if err := l.readPasswords(); err != nil {
		return nil, fmt.Errorf("open laboratory %s: %w", dir, err)
	}
	return l, nil
}

// Dir returns the absolute path of the laboratory.
func (l *Lab) Dir() string { return l.dir }

// SystemIdentifier returns what all nodes share and pg_control_system reports.
func (l *Lab) SystemIdentifier() string { return l.state.SystemIdentifier }

// ServerVersion returns the version of the servers, such as 15.18.
func (l *Lab) ServerVersion() string { return l.state.Binaries.Version }

func (l *Lab) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

// save writes lab.json so that a reader sees the old text or the new one.
func (l *Lab) save() error { return writeJSON(l.path("lab.json"), l.state) }

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	part := path + ".part"
	if err := os.WriteFile(part, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// resolve makes a path absolute and free of links, as far as it exists: the
// servers report the real path of their data directory.
func resolve(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("a laboratory needs a directory")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find directory %q: %w", dir, err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", fmt.Errorf("find the parent of directory %q: %w", dir, err)
	}
	abs = filepath.Join(parent, filepath.Base(abs))
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	return abs, nil
}

// checkDir refuses paths that would need quoting in a shell, a connection
// string or a configuration file.
func checkDir(dir string) error {
	if bad := regexp.MustCompile(`[^A-Za-z0-9/._+@=,-]`).FindString(dir); bad != "" {
		return fmt.Errorf("the path of a laboratory may not contain %q: %s", bad, dir)
	}
	return nil
}
