package mongodb

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/mongoset"
	"github.com/bcctl/bcctl/pkg/connectors"
)

// TestSetAtRest: a set of which nothing is wrong is green, in every release, again
// and again, and over connections that are kept.
func TestSetAtRest(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"5.0.31", "6.0.19", "7.0.14", "8.0.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			set := startSet(t, mongoset.Options{Version: version})
			d := newDesk(t, set, func(s *connectors.Spec) { s.KeepOpen = true })
			for range 3 {
				d.sweep(t).wantGreen(t)
			}
			if changes := set.Changes(); len(changes) > 0 {
				t.Errorf("a check changed something: %v", changes)
			}
		})
	}
}
