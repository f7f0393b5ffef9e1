package pgpair

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bcctl/bcctl/internal/lab/people"
	"github.com/bcctl/bcctl/internal/lab/pki"
)

// prepare makes the directories, passwords, certificates and lab.json.
func (l *Lab) prepare() error {
	if err := l.makeSocketDir(); err != nil {
		return err
	}
	// From here on another process can find and destroy what is made.
	if err := l.save(); err != nil {
		return err
	}
	if err := errors.Join(l.makePasswords(), people.MakeKeys(l.peopleDir())); err != nil {
		return err
	}
	ca, err := pki.New(l.state.CreatedAt)
	if err != nil {
		return err
	}
	for _, dir := range []string{"tls", "nodes"} {
		if err := os.Mkdir(l.path(dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(l.CAFile(), ca.CertPEM(), 0o644); err != nil {
		return err
	}
	for _, n := range l.state.Nodes {
		cert, key, err := ca.Issue(n.Name, l.state.CreatedAt)
		if err != nil {
			return err
		}
		if err := l.account.mkdir(n.root()); err != nil {
			return err
		}
		if err := l.account.mkdir(n.archive()); err != nil {
			return err
		}
		if err := l.account.writeFile(n.file("server.crt"), cert); err != nil {
			return err
		}
		if err := l.account.writeFile(n.file("server.key"), key); err != nil {
			return err
		}
	}
	return nil
}

// maxSocketDir keeps the whole path of a socket under the 104 to 108 bytes that
// systems allow.
const maxSocketDir = 100 - len("/.s.PGSQL.65535")

// farSockets is how directories of sockets outside a laboratory begin. /tmp and
// not the user's temporary directory, which is often as long as what it replaces.
const farSockets = "/tmp/bcctl-run-"

// makeSocketDir makes the private directory of the sockets, elsewhere when the
// laboratory's own path is too long.
func (l *Lab) makeSocketDir() error {
	l.state.SocketDir = l.path("run")
	if len(l.state.SocketDir) <= maxSocketDir {
		return l.account.mkdir(l.state.SocketDir)
	}
	dir, err := os.MkdirTemp(filepath.Split(farSockets))
	if err != nil {
		return fmt.Errorf("make the directory of the sockets: %w", err)
	}
	l.state.SocketDir = dir
	return l.account.own(dir)
}
