//go:build unix

package patroni_test

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/patroniset"
	"github.com/bcctl/bcctl/internal/lab/patroniset/patronisettest"
)

// TestSwitchoverAndBack walks the planned switchover there and back on a real Patroni
// cluster, with every check, step, probe and postcheck.
func TestSwitchoverAndBack(t *testing.T) {
	t.Parallel()
	set := patronisettest.Start(t, patroniset.Options{})
	load(t, set, patroniset.First, 500)
	newCrew(t, set, "run-1", "fra", "ams").switchOver()
	if n := entries(t, set, patroniset.Second); n != 500 {
		t.Errorf("%d rows of 500 after the switchover", n)
	}
	load(t, set, patroniset.Second, 100)
	newCrew(t, set, "run-2", "ams", "fra").switchOver()
	if n := entries(t, set, patroniset.First); n != 600 {
		t.Errorf("%d rows of 600 after the way back", n)
	}
}
