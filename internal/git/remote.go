package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// remoteFixed are options of calls that talk to a remote. Only ways that are
// known are taken; a helper of the repository's own making (ext::) is not.
var remoteFixed = []string{
	"--no-pager", "--no-replace-objects", "--literal-pathspecs",
	"-c", "core.fsmonitor=false",
	"-c", "core.hooksPath=/dev/null",
	"-c", "protocol.allow=never",
	"-c", "protocol.file.allow=always",
	"-c", "protocol.https.allow=always",
	"-c", "protocol.ssh.allow=always",
	"-c", "gc.auto=0",
}

// remoteKept are further variables that calls to a remote need: how to get through
// a proxy, the agent that has the key, and for the laboratory's GitHub in a folder,
// which has no login, whose push it is.
var remoteKept = []string{"BCCTL_LAB_AS", "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}

func remoteEnvironment() []string {
	env := environment()
	for _, name := range remoteKept {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	// Never a question to a person who is not there.
	return append(env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
}

// remote runs a git command that talks to a remote.
func remote(ctx context.Context, dir string, args ...string) ([]byte, error) {
	more, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	return remoteWith(ctx, dir, more, args...)
}

// remoteWith is remote with more of an environment.
func remoteWith(ctx context.Context, dir string, more []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", slices.Concat(remoteFixed, args)...)
	var out limited
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, append(remoteEnvironment(), more...), &out, &stderr, 5*time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("run git %s: %w", args[0], ctx.Err())
	case errors.Is(err, exec.ErrNotFound):
		return nil, ErrNoGit
	case errors.As(err, &exit):
		shown := slices.Clone(args)
		for i := range shown {
			shown[i] = withoutCredentials(shown[i])
		}
		return out.Bytes(), &Error{Args: shown, Code: exit.ExitCode(), Stderr: withoutCredentials(stderr.String())}
	default:
		return nil, fmt.Errorf("run git %s: %w", args[0], err)
	}
}

// withoutCredentials takes what stands before the @ of an address out of a text,
// such as git's words: some people keep a token there.
func withoutCredentials(text string) string {
	for from := 0; ; {
		i := strings.Index(text[from:], "://")
		if i < 0 {
			return text
		}
		begin := from + i + 3
		end := begin + strings.IndexAny(text[begin:]+" ", "/ '\"\n")
		if at := strings.LastIndexByte(text[begin:end], '@'); at >= 0 {
			text = text[:begin] + "***" + text[begin+at:]
		}
		from = begin
	}
}

// Fetched returns the branches that git fetched here last, with their commits, and when.
// A fetch that failed has brought none.
func Fetched(ctx context.Context, dir string) (branches map[string]string, at time.Time, err error) {
	out, err := run(ctx, dir, nil, "rev-parse", "--git-path", "FETCH_HEAD")
	if err != nil {
		return nil, time.Time{}, err
	}
	path := strings.TrimSuffix(string(out), "\n")
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	branches = map[string]string{}
	for line := range strings.Lines(string(text)) {
		// Its id, whether it is to be merged, and: branch 'NAME' of ADDRESS.
		fields := strings.SplitN(line, "\t", 3)
		if len(fields) != 3 {
			continue
		}
		if name, ok := strings.CutPrefix(fields[2], "branch '"); ok {
			name, _, _ = strings.Cut(name, "'")
			branches[name] = fields[0]
		}
	}
	return branches, info.ModTime(), nil
}

// RemoteTip returns the commit that a ref of a remote points to. The commit need
// not be here. ErrNoBranch when the remote has no such ref.
func RemoteTip(ctx context.Context, dir, name, ref string) (string, error) {
	out, err := remote(ctx, dir, "ls-remote", name, ref)
	if err != nil {
		return "", fmt.Errorf("ask the remote %q: %w", withoutCredentials(name), err)
	}
	id, _, found := strings.Cut(string(out), "\t")
	if !found {
		return "", fmt.Errorf("%w: %s at the remote %q", ErrNoBranch, ref, withoutCredentials(name))
	}
	return id, nil
}

// Fetch brings a ref of a remote here and returns its commit. No ref of this
// repository is changed. ErrNoBranch when the remote has no such ref.
func Fetch(ctx context.Context, dir, name, ref string) (string, error) {
	return FetchNew(ctx, dir, name, ref, "")
}

// FetchNew is Fetch for who knows of a commit that it is here, with all that is behind
// it: when the ref is still there, nothing is looked for.
func FetchNew(ctx context.Context, dir, name, ref, known string) (string, error) {
	id, err := RemoteTip(ctx, dir, name, ref)
	if err != nil || id == known {
		return id, err
	}
	if _, err := run(ctx, dir, nil, "cat-file", "-e", id+"^{commit}"); err == nil {
		return id, nil
	}
	if _, err := remote(ctx, dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", name, ref); err != nil {
		return "", fmt.Errorf("fetch from the remote %q: %w", withoutCredentials(name), err)
	}
	return id, nil
}

// Push moves a ref of a remote forward to a commit. ErrMoved when that would not
// be forward, because somebody else was first.
func Push(ctx context.Context, dir, name, commit, ref string) error {
	out, err := remote(ctx, dir, "push", "--porcelain", "--no-verify", name, commit+":"+ref)
	var failed *Error
	if errors.As(err, &failed) {
		for line := range strings.Lines(string(out)) {
			// "!<TAB>src:dst<TAB>[rejected] (fetch first)", or [remote rejected] when two
			// pushes meet at the lock of the ref. Any other refusal is not for us to try
			// again.
			if strings.HasPrefix(line, "!") && (strings.Contains(line, "[rejected]") || strings.Contains(line, "cannot lock ref") || strings.Contains(line, "failed to update ref") || strings.Contains(line, "incorrect old value")) {
				return fmt.Errorf("%w: %s at the remote %q", ErrMoved, ref, withoutCredentials(name))
			}
		}
	}
	if err != nil {
		return fmt.Errorf("push to the remote %q: %w", withoutCredentials(name), err)
	}
	return nil
}

// Unbundle brings a ref of a bundle into a new bare repository in dir, and returns
// its commit.
func Unbundle(ctx context.Context, bundle, dir, ref string) (string, error) {
	if _, err := run(ctx, dir, nil, "init", "--quiet", "--bare", "."); err != nil {
		return "", fmt.Errorf("make a repository: %w", err)
	}
	return Fetch(ctx, dir, bundle, ref)
}
