// Package secret turns references into values, at the last moment. Values are
// never stored, logged or put into an error.
package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors"
)

// Provider resolves references of one scheme. Path is the part after the colon.
// The error names the reference and what to do, never a value.
type Provider interface {
	Resolve(ctx context.Context, path string) (string, error)
}

// Resolver resolves references by their scheme.
type Resolver map[string]Provider

// NewResolver returns the providers of this version: env and file.
func NewResolver(lookup func(string) (string, bool)) Resolver {
	return Resolver{"env": Env{Lookup: lookup}, "file": File{}}
}

// Credential resolves a login.
func (r Resolver) Credential(ctx context.Context, c *config.Credential) (connectors.Credential, error) {
	username := string(c.Username)
	ref, isRef, err := c.Username.Ref()
	if err != nil {
		return connectors.Credential{}, fmt.Errorf("username: %w", err)
	}
	if isRef {
		if username, err = r.resolve(ctx, ref); err != nil {
			return connectors.Credential{}, fmt.Errorf("username: %w", err)
		}
	}
	password := ""
	if c.Password != "" {
		if password, err = r.resolve(ctx, c.Password); err != nil {
			return connectors.Credential{}, fmt.Errorf("password: %w", err)
		}
	}
	privateKey := ""
	if c.PrivateKey != "" {
		if privateKey, err = r.resolve(ctx, c.PrivateKey); err != nil {
			return connectors.Credential{}, fmt.Errorf("private key: %w", err)
		}
	}
	return connectors.Credential{Username: username, Password: password, PrivateKey: privateKey}, nil
}

// Value resolves a reference that stands by itself.
func (r Resolver) Value(ctx context.Context, ref config.SecretRef) (string, error) {
	return r.resolve(ctx, ref)
}

func (r Resolver) resolve(ctx context.Context, ref config.SecretRef) (string, error) {
	// A text that is no reference may be the secret itself: nothing of it is used
	// or repeated.
	ref, err := config.ParseSecretRef(string(ref))
	if err != nil {
		return "", err
	}
	provider, ok := r[ref.Scheme()]
	if !ok {
		return "", fmt.Errorf("secret references with %s: are not supported here", ref.Scheme())
	}
	return provider.Resolve(ctx, ref.Path())
}

// Env reads environment variables.
type Env struct {
	Lookup func(string) (string, bool)
}

// Resolve implements Provider.
func (e Env) Resolve(_ context.Context, name string) (string, error) {
	value, ok := e.Lookup(name)
	if !ok || value == "" {
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
	return value, nil
}

// File reads files: one secret each, a trailing newline is dropped.
type File struct{}

// maxSecret is far above any password or key.
const maxSecret = 64 << 10

// Resolve implements Provider. A file that others may read is refused: it is no
// secret any more.
func (File) Resolve(_ context.Context, path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("secret file %s does not exist", path)
	case err != nil:
		return "", fmt.Errorf("secret file %s cannot be read: %w", path, withoutPath(err))
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("secret file %s is not a regular file", path)
	case othersMayRead(info):
		return "", fmt.Errorf("secret file %s may be read by everybody (mode %04o); run chmod 600 on it", path, info.Mode().Perm())
	}
	data, err := readFile(path)
	if err != nil {
		return "", fmt.Errorf("secret file %s cannot be read: %w", path, err)
	}
	value := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(data) > maxSecret: // not asked of the file before: some have no size of their own
		return "", fmt.Errorf("secret file %s is larger than %d bytes", path, maxSecret)
	case strings.Contains(value, "\x00"):
		// What the kernel shows of a process, its environment for one, is such a file.
		return "", fmt.Errorf("secret file %s holds a NUL byte, which no secret has", path)
	case value == "":
		return "", fmt.Errorf("secret file %s is empty", path)
	}
	return value, nil
}

// readFile reads at most one byte more than a secret may have. Its error does not
// repeat the path.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	return data, nil
}

func withoutPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
