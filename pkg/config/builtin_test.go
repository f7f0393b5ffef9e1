package config

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// What bcctl brings along must pass what it asks of others.
func TestBuiltinRunbooksLoad(t *testing.T) {
	t.Parallel()
	names := runbook.BuiltinNames()
	if len(names) == 0 {
		t.Fatal("there are no runbooks")
	}
	for _, name := range names {
		book, problems := loadBuiltin(name, nil)
		for _, p := range problems {
			t.Errorf("%s", p)
		}
		if book == nil {
			continue
		}
		if _, ok := BuiltinRunbook(name); !ok {
			t.Errorf("%s cannot be had by its name", name)
		}
		s := book.Spec
		if want := string(s.For.Type); name[len(name)-len(want):] != want {
			t.Errorf("%s is for %s", name, want)
		}
		// RUN-07, SI-36: a run that checks nothing proves nothing.
		if len(s.Prechecks) == 0 || len(s.Steps) == 0 || len(s.Postchecks) == 0 || s.Description == "" {
			t.Errorf("%s: %d prechecks, %d steps, %d postchecks, description %q", name, len(s.Prechecks), len(s.Steps), len(s.Postchecks), s.Description)
		}
	}
	if _, ok := BuiltinRunbook("pg.native/nothing"); ok {
		t.Error("a runbook that does not exist was found")
	}
}
