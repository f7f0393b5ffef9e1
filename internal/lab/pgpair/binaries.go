package pgpair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// minMajor is the oldest major version the laboratory runs: before 13 a standby
// takes a new upstream only with a restart, and slots cannot lose WAL.
const minMajor = 13

// ErrNotInstalled is returned by FindBinaries when no usable installation was
// found. The error's text says what to install.
var ErrNotInstalled = errors.New("no PostgreSQL server programs (13 or newer) found")

// Binaries are the server programs of one PostgreSQL installation.
type Binaries struct {
	Dir     string `json:"dir"`     // absolute path of the folder that has them
	Version string `json:"version"` // as the server prints it, such as 15.18
	Major   int    `json:"major"`
}

// path returns the path of one program.
func (b Binaries) path(program string) string { return filepath.Join(b.Dir, program) }

// FindBinaries looks for the server programs: in PATH first, then where
// distributions put them, newest version first. The error wraps ErrNotInstalled
// when there are none.
func FindBinaries() (Binaries, error) {
	var rejected []error
	for _, dir := range candidateDirs() {
		b, err := inspect(dir)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			rejected = append(rejected, err)
		}
	}
	hint := `run scripts/setup-postgres.sh in a checkout of bcctl, or install them: ` +
		`"apt-get install postgresql" on Debian and Ubuntu, "dnf install postgresql-server" on Fedora and RHEL, ` +
		`"brew install postgresql@17" on macOS`
	if err := errors.Join(rejected...); err != nil {
		return Binaries{}, fmt.Errorf("%w; %s (%w)", ErrNotInstalled, hint, err)
	}
	return Binaries{}, fmt.Errorf("%w; %s", ErrNotInstalled, hint)
}

// candidateDirs lists folders that may have the programs, best first.
func candidateDirs() []string {
	var dirs []string
	if p, err := exec.LookPath("postgres"); err == nil {
		// A link in /usr/local/bin points into the folder that has the others too.
		if real, err := filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // packages of the PostgreSQL project for RHEL
		"/usr/libexec/postgresql*",  // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, _ := filepath.Glob(pattern) // the patterns are constants and well formed
		slices.SortFunc(found, func(a, b string) int { return cmp.Compare(lastNumber(b), lastNumber(a)) })
		dirs = append(dirs, found...)
	}
	return dirs
}

// lastNumber returns the last number in a path, which there is the version.
func lastNumber(path string) int {
	all := regexp.MustCompile(`\d+`).FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1]) // absurdly long digits sort last
	return n
}

// inspect says which version is in dir, and that nothing needed is missing.
func inspect(dir string) (Binaries, error) {
	for _, program := range []string{"postgres", "initdb", "pg_ctl", "pg_basebackup"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return Binaries{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("ask %s for its version: %w", filepath.Join(dir, "postgres"), err)
	}
	version, major, err := parseVersion(string(out))
	if err != nil {
		return Binaries{}, fmt.Errorf("%s: %w", dir, err)
	}
	if major < minMajor {
		return Binaries{}, fmt.Errorf("%s has version %s, which is older than %d", dir, version, minMajor)
	}
	return Binaries{Dir: dir, Version: version, Major: major}, nil
}

// parseVersion reads the output of `postgres --version`. Before a release it has
// no dot, as in 18beta1.
func parseVersion(out string) (version string, major int, err error) {
	m := regexp.MustCompile(`\(PostgreSQL\) ((\d+)[0-9.a-z]*)`).FindStringSubmatch(out)
	if m == nil {
		return "", 0, fmt.Errorf("%q is not the version line of a PostgreSQL server", out)
	}
	major, err = strconv.Atoi(m[2])
	if err != nil {
		return "", 0, fmt.Errorf("read version %q: %w", m[1], err)
	}
	return m[1], major, nil
}
