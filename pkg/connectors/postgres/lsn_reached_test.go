package postgres

import "testing"

// A standby that has applied everything is 24 or 40 bytes behind for good where the last
// record ends with its WAL page; any other distance is a record that is missing.
func TestSI24ReachedAtTheEndOfAPage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		replay, insert lsn
		want           bool
	}{
		{0x3000148, 0x3000148, true},
		{0x3000148, 0x3000147, true},
		{0x3000148, 0x3000148 + 24, false}, // a record of 24 bytes
		{0x3002000, 0x3002000 + 24, true},
		{0x4000000, 0x4000000 + 40, true}, // a new segment
		{0x3002000, 0x3002000 + 48, false},
		{0x3001fe0, 0x3002000 + 24, false}, // the last record of the page
	} {
		if got := c.replay.reached(c.insert); got != c.want {
			t.Errorf("%s reached %s: %v", c.replay, c.insert, got)
		}
	}
}
