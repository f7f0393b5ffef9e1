package postgres

import (
	"testing"

	"github.com/bcctl/bcctl/internal/lab/pgpair"
)

// TestSI24SwitchoverAndBackLosesNothing walks the planned switchover there and
// back, with every check, step, probe and postcheck.
func TestSI24SwitchoverAndBackLosesNothing(t *testing.T) {
	t.Parallel()
	lab := pgpairtestStart(t)
	relayed(t, lab)
	load(t, lab, 500)
	there := newHand(t, lab, "run-1", "fra", "ams")
	there.switchOver(pgpair.Primary, pgpair.Standby)
	if n := entries(t, lab, pgpair.Standby); n != 500 {
		t.Errorf("%d rows of 500 after the switchover", n)
	}
	load(t, lab, 100)
	back := newHand(t, lab, "run-2", "ams", "fra")
	back.switchOver(pgpair.Standby, pgpair.Primary)
	if n := entries(t, lab, pgpair.Primary); n != 600 {
		t.Errorf("%d rows of 600 after the way back", n)
	}
	newDesk(t, lab).awaitGreen(t)
}
