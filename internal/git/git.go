// Package git asks the git binary about a repository: which commit is checked
// out, what has changed, and what a commit holds.
//
// Every call has the same environment, whatever the caller's is: no locale, no
// prompt, no hook, no file system monitor, no network. Nothing is written to the
// repository.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Errors a caller may ask for.
var (
	ErrNoGit           = errors.New("the git program was not found; install git 2.30 or newer")
	ErrNotRepository   = errors.New("not a git repository")
	ErrUnknownRevision = errors.New("unknown revision")
	ErrNoCommit        = errors.New("the repository has no commit yet")
	ErrTooLarge        = errors.New("too large")
)

// Error is a git command that failed.
type Error struct {
	Args   []string // without the fixed options
	Code   int      // exit code; -1 when it was killed
	Stderr string   // what git said, in English
}

// Error returns the command and git's own words, on one line.
func (e *Error) Error() string {
	var lines []string
	for line := range strings.Lines(strings.TrimPrefix(e.Stderr, "fatal: ")) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	words := strings.Join(lines, "; ")
	if words == "" {
		words = fmt.Sprintf("exit code %d", e.Code)
	}
	return fmt.Sprintf("git %s: %s", strings.Join(e.Args, " "), words)
}

// fixed are options of every call. A repository must not be able to run programs
// by its configuration when it is only read.
var fixed = []string{
	"--no-pager", "--no-replace-objects", "--literal-pathspecs",
	"-c", "core.fsmonitor=false",
	"-c", "core.hooksPath=/dev/null",
	"-c", "core.quotePath=false",
	"-c", "protocol.allow=never",
}

// kept are the variables git needs from the caller: to find itself and the
// person's safe.directory. GIT_* are not among them: they would point it at
// another repository.
var kept = []string{"PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "APPDATA", "PROGRAMDATA"}

func environment() []string {
	env := []string{"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_ASKPASS="}
	for _, name := range kept {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// maxOutput bounds what one command may print, apart from contents of files.
const maxOutput = 64 << 20

// run runs git in dir and returns what it prints. The error is of type *Error
// when git itself failed.
func run(ctx context.Context, dir string, stdin io.Reader, args ...string) ([]byte, error) {
	var out limited
	if err := stream(ctx, dir, stdin, &out, args...); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func stream(ctx context.Context, dir string, stdin io.Reader, stdout io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", slices.Concat(fixed, args)...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout = dir, environment(), stdin, stdout
	cmd.WaitDelay = 5 * time.Second // a child that keeps a pipe open must not hang us
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("run git %s: %w", args[0], ctx.Err())
	case errors.Is(err, exec.ErrNotFound):
		return ErrNoGit
	case errors.As(err, &exit):
		return &Error{Args: args, Code: exit.ExitCode(), Stderr: stderr.String()}
	default:
		return fmt.Errorf("run git %s: %w", args[0], err)
	}
}

// limited is a buffer that refuses to grow without end.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("output of git: %w", ErrTooLarge)
	}
	return l.Buffer.Write(p)
}

// inside checks that dir is in a repository.
func inside(ctx context.Context, dir string) error {
	_, err := run(ctx, dir, nil, "rev-parse", "--git-dir")
	var failed *Error
	if errors.As(err, &failed) {
		// Git gives the same code for a directory that belongs to somebody else; its
		// own words say which of them it is.
		return fmt.Errorf("%w: %w", ErrNotRepository, failed)
	}
	return err
}

// Resolve returns the full id of the commit that a revision names: a branch, a
// tag, HEAD~1 or an id. Errors are ErrNotRepository, ErrUnknownRevision.
func Resolve(ctx context.Context, dir, revision string) (string, error) {
	id, err := resolve(ctx, dir, revision)
	if errors.Is(err, ErrUnknownRevision) {
		if outside := inside(ctx, dir); outside != nil {
			return "", outside
		}
	}
	return id, err
}

func resolve(ctx context.Context, dir, revision string) (string, error) {
	if revision == "" || strings.HasPrefix(revision, "-") {
		return "", fmt.Errorf("%w %q", ErrUnknownRevision, revision)
	}
	out, err := run(ctx, dir, nil, "rev-parse", "--verify", "--quiet", revision+"^{commit}")
	var failed *Error
	if errors.As(err, &failed) {
		return "", fmt.Errorf("%w %q", ErrUnknownRevision, revision)
	}
	return strings.TrimSpace(string(out)), err
}
