//go:build unix

package patroniset

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

// ErrNotInstalled is returned by Find when a program is missing. The error's text
// says which, and how it is installed.
var ErrNotInstalled = errors.New("no Patroni that the laboratory could run")

// Programs are what a set runs.
type Programs struct {
	Patroni, Etcd string // paths
	Version       string // of Patroni
	Servers       pgpair.Binaries
}

// Find looks for Patroni, etcd and PostgreSQL. The error wraps ErrNotInstalled when
// one of them is not there.
func Find() (Programs, error) {
	servers, err := pgpair.FindBinaries()
	if err != nil {
		return Programs{}, fmt.Errorf("%w: %w", ErrNotInstalled, err)
	}
	p := Programs{Servers: servers}
	for name, into := range map[string]*string{"patroni": &p.Patroni, "etcd": &p.Etcd} {
		if *into, err = exec.LookPath(name); err != nil {
			return Programs{}, fmt.Errorf("%w: %s is missing; run scripts/setup-patroni.sh in a checkout of bcctl, or install the packages patroni and etcd-server", ErrNotInstalled, name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, p.Patroni, "--version").CombinedOutput()
	if err != nil {
		return Programs{}, fmt.Errorf("%w: %s does not run: %s", ErrNotInstalled, p.Patroni, strings.TrimSpace(string(out)))
	}
	_, p.Version, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return p, nil
}
