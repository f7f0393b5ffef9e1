package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Person returns who makes commits in a repository, by git's own settings. A part
// that is not set is empty.
func Person(ctx context.Context, dir string) (Author, error) {
	var by Author
	for key, to := range map[string]*string{"user.name": &by.Name, "user.email": &by.Email} {
		out, err := run(ctx, dir, nil, "config", "--get", key)
		var failed *Error
		if errors.As(err, &failed) && failed.Code == 1 {
			continue
		}
		if err != nil {
			return by, fmt.Errorf("ask git who you are: %w", err)
		}
		*to = strings.TrimSpace(string(out))
	}
	return by, nil
}

// Prefix returns the way from the root of the work tree to dir, with a slash at its
// end, or nothing where they are the same.
func Prefix(ctx context.Context, dir string) (string, error) {
	if err := inside(ctx, dir); err != nil {
		return "", err
	}
	out, err := run(ctx, dir, nil, "rev-parse", "--show-prefix")
	return strings.TrimSuffix(string(out), "\n"), err
}
