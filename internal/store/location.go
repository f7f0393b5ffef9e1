package store

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// pathOf returns the absolute path that a store URL names. Its errors never
// repeat the URL, which may hold a password.
func pathOf(raw string) (string, error) {
	path, isSQLite := strings.CutPrefix(raw, "sqlite:")
	if isSQLite {
		path = strings.TrimPrefix(path, "//") // sqlite:///absolute, as other programs write it
	} else if scheme, _, ok := strings.Cut(raw, "://"); ok {
		if scheme == "postgres" || scheme == "postgresql" {
			return "", errors.New("this version keeps history in SQLite only, not in PostgreSQL; give a file path or sqlite:PATH")
		}
		return "", errors.New("the store's URL has a scheme that is not known; give a file path or sqlite:PATH")
	}
	switch {
	case path == "":
		return "", errors.New("no file is named; give a file path or sqlite:PATH")
	case path == ":memory:" || strings.HasPrefix(path, "file:"):
		return "", errors.New("history needs a plain file path; give a file path or sqlite:PATH")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the history file: %w", err)
	}
	return absolute, nil
}

// create makes the directory and an empty file that only their owner can read,
// where they do not exist.
//
// The file is made under another name and linked into place, so that this
// process never opens and closes a file that another goroutine may be using
// through SQLite: on POSIX systems that would drop SQLite's locks.
func create(path string) error {
	if exists(path) {
		return nil
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the history directory: %w", err)
	}
	empty, err := os.CreateTemp(dir, ".history-*") // mode 0600
	if err != nil {
		return fmt.Errorf("create the history file: %w", err)
	}
	defer func() { _ = os.Remove(empty.Name()) }() // the link stays; a name left over holds nothing
	if err := empty.Close(); err != nil {
		return fmt.Errorf("create the history file: %w", err)
	}
	if err := os.Link(empty.Name(), path); err != nil && !exists(path) {
		return createWithoutLink(path)
	}
	return nil
}

// createWithoutLink is for file systems without hard links.
func createWithoutLink(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create the history file: %w", err)
	}
	return f.Close()
}

// dsn returns how the driver opens the file: settings stand in the DSN so that
// every connection of the pool has them.
func dsn(path string) string {
	return fileURI(path, url.Values{
		"mode": {"rw"},
		"_pragma": {
			"busy_timeout(5000)", // milliseconds; first, so that it holds for the others
			"journal_mode(WAL)",
			"synchronous(NORMAL)", // a power cut may cost the last runs, never the file
			"foreign_keys(1)",
			"cache_size(-16000)",           // KiB
			"wal_autocheckpoint(8000)",     // pages: not in the middle of every large run
			"journal_size_limit(67108864)", // bytes
		},
		// A transaction that starts by reading and then writes can fail at once
		// where another process wrote in between; one that starts writing waits.
		"_txlock": {"immediate"},
	})
}

// inspectionDSN opens the file without changing anything in it.
func inspectionDSN(path string) string {
	return fileURI(path, url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(5000)"}})
}

func fileURI(path string, query url.Values) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // file:///C:/...
	}
	uri := url.URL{Scheme: "file", Path: slashed, RawQuery: query.Encode()}
	return uri.String()
}
