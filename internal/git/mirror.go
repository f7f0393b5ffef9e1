package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Login is how to sign in at an address. It reaches git by its environment, never by
// the command line, where others could read it, and git sends it to that address only.
type Login struct {
	User     string
	Password string
}

// Mirror is a bare repository of ours that holds what was fetched from one address.
type Mirror struct {
	Dir     string
	Address string // http is taken on loopback only
}

// Open makes the repository when it is not there, or not whole: whoever made it may have
// been stopped in the middle. Making it twice does no harm.
func (m Mirror) Open(ctx context.Context) error {
	whole := true
	for _, part := range []string{"HEAD", "refs", "objects"} {
		_, err := os.Stat(filepath.Join(m.Dir, part))
		whole = whole && err == nil
	}
	if whole {
		return nil
	}
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return fmt.Errorf("make a repository: %w", err)
	}
	if _, err := run(ctx, m.Dir, nil, "init", "--quiet", "--bare", "."); err != nil {
		return fmt.Errorf("make a repository: %w", err)
	}
	return nil
}

// Fetch brings refs here, each by a refspec such as
// +refs/heads/main:refs/mirror/main. ErrNoBranch when the address has not all of them.
func (m Mirror) Fetch(ctx context.Context, login Login, refspecs ...string) error {
	settings := [][2]string{{"http.followRedirects", "false"}, {"credential.helper", ""}}
	if u, err := url.Parse(m.Address); err == nil && u.Scheme == "http" {
		if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
			return errors.New("fetch: http is for loopback only")
		}
		settings = append(settings, [2]string{"protocol.http.allow", "always"})
	}
	if login.Password != "" {
		settings = append(settings, [2]string{"http." + m.Address + ".extraHeader", login.header()})
	}
	args := append([]string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", m.Address}, refspecs...)
	_, err := remoteWith(ctx, m.Dir, configured(settings), args...)
	var failed *Error
	if errors.As(err, &failed) && failed.Code == 128 && noSuchRef(failed.Stderr) {
		return fmt.Errorf("%w: %w", ErrNoBranch, failed)
	}
	if err != nil {
		return fmt.Errorf("fetch from %q: %w", withoutCredentials(m.Address), err)
	}
	return nil
}

// noSuchRef reads from git's words that a ref is missing at the other side.
func noSuchRef(words string) bool { return strings.Contains(words, "couldn't find remote ref") }

// configured gives git settings by its environment.
func configured(settings [][2]string) []string {
	env := []string{"GIT_CONFIG_COUNT=" + strconv.Itoa(len(settings))}
	for i, s := range settings {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+s[0], "GIT_CONFIG_VALUE_"+n+"="+s[1])
	}
	return env
}
