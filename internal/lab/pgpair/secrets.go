package pgpair

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SecretFile returns the path of the file that has the password of a role, for
// a `file:` reference. Only the user that made the laboratory may read it.
func (l *Lab) SecretFile(role string) string { return filepath.Join(l.dir, "secrets", role) }

// Password returns the password of a role, or "" for a role that has none, as
// every role has that is not one of the Role constants.
func (l *Lab) Password(role string) string { return l.passwords[role] }

// makePasswords invents one password per role and keeps each in its file.
func (l *Lab) makePasswords() error {
	if err := os.Mkdir(filepath.Join(l.dir, "secrets"), 0o700); err != nil {
		return err
	}
	l.passwords = make(map[string]string)
	for _, role := range roles() {
		l.passwords[role] = rand.Text()
		if err := os.WriteFile(l.SecretFile(role), []byte(l.passwords[role]+"\n"), 0o600); err != nil {
			return fmt.Errorf("keep the password of %s: %w", role, err)
		}
	}
	return nil
}

// readPasswords reads what makePasswords kept.
func (l *Lab) readPasswords() error {
	l.passwords = make(map[string]string)
	for _, role := range roles() {
		text, err := os.ReadFile(l.SecretFile(role))
		if err != nil {
			return fmt.Errorf("read the password of %s: %w", role, err)
		}
		l.passwords[role] = strings.TrimSpace(string(text))
	}
	return nil
}
