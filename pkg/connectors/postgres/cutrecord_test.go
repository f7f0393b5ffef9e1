package postgres

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// A primary that died has sent the beginning of a record: its standby never applies it,
// and a failover is not refused for that. A pause, and more than a page, still count.
func TestCutRecordIsNoStall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code    readiness.Code
		backlog int64
		left    int
	}{
		{readiness.LineageUnproven, 984, 0}, {readiness.ReplayStalled, 984, 0}, {readiness.LineageUnproven, 8191, 0},
		{readiness.LineageUnproven, 8192, 1}, {readiness.ReplayStalled, 9000, 1}, {readiness.ReplayPaused, 984, 1}, {readiness.ReplayStalled, 0, 1},
	} {
		if got := withoutCutRecord([]readiness.Finding{{Code: c.code}}, c.backlog); len(got) != c.left {
			t.Errorf("%s with %d B: %v", c.code, c.backlog, got)
		}
	}
}
