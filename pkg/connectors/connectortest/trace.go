package connectortest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// together: connectors share nothing, so that one target's trouble is not another
// one's, however many are read at once.
func together(t *testing.T, s *suite) {
	wrong := s.spec(t)
	s.hide(wrongLogin(t, &wrong)...)
	dead := s.spec(t, s.everywhere(t, nobody(t)))
	specs := []connectors.Spec{s.spec(t), wrong, s.spec(t, keepOpen), dead}
	views := make([][]view, len(specs))
	var all sync.WaitGroup
	for i, spec := range specs {
		c := s.open(t, spec)
		all.Go(func() {
			for range 3 {
				views[i] = append(views[i], s.collect(t, t.Context(), spec, c))
			}
		})
	}
	all.Wait()
	for i, list := range views {
		for _, v := range list {
			if i%2 == 0 {
				s.wantHealthy(t, v)
			} else {
				s.wantUnhealthy(t, v)
			}
		}
	}
}

// noTrace: bcctl runs as somebody, on a machine that is not its own. It leaves no
// file but its history, and its environment as it was.
func noTrace(t *testing.T, s *suite) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	knownBefore := names(home)
	dir := t.TempDir()
	for _, variable := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "TMPDIR"} {
		path := filepath.Join(dir, variable)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, path)
	}
	environment := os.Environ()
	spec, wrong := s.spec(t, keepOpen), s.spec(t)
	s.hide(wrongLogin(t, &wrong)...)
	before := contents(t, dir) // Spec may write what it likes
	c := s.open(t, spec)
	for range 2 {
		s.wantHealthy(t, s.collect(t, t.Context(), spec, c))
	}
	s.look(t, wrong)
	if now := os.Environ(); !slices.Equal(now, environment) {
		t.Errorf("the environment was %q and is %q", environment, now)
	}
	for _, path := range contents(t, dir) {
		if !slices.Contains(before, path) {
			t.Errorf("a file was left: %s", path)
		}
	}
	// A driver may have looked up the home directory before this test began.
	for _, name := range names(home) {
		if !slices.Contains(knownBefore, name) {
			t.Errorf("the home directory has a new entry: %s", name)
		}
	}
}

// contents lists the files below a directory.
func contents(t testing.TB, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// names lists what programs leave in a home directory: its own entries and those
// of the directories for caches and settings.
func names(home string) []string {
	var found []string
	for _, pattern := range []string{"*", ".*", ".cache/*", ".config/*", ".local/*/*"} {
		matches, _ := filepath.Glob(filepath.Join(home, pattern)) // the patterns are well-formed
		found = append(found, matches...)
	}
	return found
}

// noGoroutine: a connector that is closed has ended everything it began, whatever
// state its servers are in.
func noGoroutine(t *testing.T, s *suite) {
	options := []goleak.Option{goleak.IgnoreCurrent()}
	for function := range s.Goroutines {
		options = append(options, goleak.IgnoreAnyFunction(function))
	}
	t.Run("collect", func(t *testing.T) { // its end closes connectors and listeners
		spec := s.spec(t, keepOpen)
		c := s.open(t, spec)
		s.collect(t, t.Context(), spec, c)
		s.collect(t, t.Context(), spec, c)
		s.look(t, s.spec(t, s.short, s.everywhere(t, silent(t).address())))
		s.look(t, s.spec(t, s.everywhere(t, nobody(t))))
	})
	if err := goleak.Find(options...); err != nil {
		t.Errorf("after Close: %v", err)
	}
}
