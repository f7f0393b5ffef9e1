package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// historyEntry is a line of a timeline history file: the WAL of timeline ended
// at switchAt, where the next timeline begins.
type historyEntry struct {
	timeline int
	switchAt lsn
}

// parseHistory reads what TIMELINE_HISTORY returns. Lines are parent timeline,
// switch position and reason, separated by tabs; others are ignored, as the
// server does.
func parseHistory(content string) ([]historyEntry, error) {
	var entries []historyEntry
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			return nil, fmt.Errorf("timeline history line %q has no switch position", line)
		}
		timeline, err := strconv.Atoi(fields[0])
		if err != nil || timeline < 1 {
			return nil, fmt.Errorf("timeline history line %q has no timeline", line)
		}
		at, err := parseLSN(fields[1])
		if err != nil {
			return nil, fmt.Errorf("timeline history line %q: %w", line, err)
		}
		entries = append(entries, historyEntry{timeline, at})
	}
	return entries, nil
}

// leader is the node a history is compared with.
type leader struct {
	timeline int
	position lsn
	history  []historyEntry
}

// canFollow decides whether a node at (timeline, have) can follow the leader
// without losing anything it has. The text says why, either way.
func (l leader) canFollow(timeline int, have lsn) (bool, string) {
	switch {
	case timeline == l.timeline:
		if ahead := have.minus(l.position); ahead > 0 {
			return false, fmt.Sprintf("it has %s of timeline %d that the primary never wrote", sizeText(ahead), timeline)
		}
		return true, fmt.Sprintf("same timeline %d", timeline)
	case timeline > l.timeline:
		return false, fmt.Sprintf("it is on timeline %d and the primary on the older timeline %d: the primary is stale", timeline, l.timeline)
	}
	for _, e := range l.history {
		if e.timeline != timeline {
			continue
		}
		if past := have.minus(e.switchAt); past > 0 {
			return false, fmt.Sprintf("it has %s of timeline %d past %s, where the primary's history left it", sizeText(past), timeline, e.switchAt)
		}
		return true, fmt.Sprintf("on timeline %d, which the primary's history contains", timeline)
	}
	return false, fmt.Sprintf("its timeline %d is not in the primary's history", timeline)
}

// forkedApart finds a timeline that two histories left at different positions:
// what follows it in one is not what follows it in the other, whatever its number.
func forkedApart(a, b []historyEntry) (inA, inB historyEntry, differ bool) {
	for _, x := range a {
		for _, y := range b {
			if x.timeline == y.timeline && x.switchAt != y.switchAt {
				return x, y, true
			}
		}
	}
	return historyEntry{}, historyEntry{}, false
}

// contains reports whether the leader's history passed through a timeline.
func (l leader) contains(timeline int) bool {
	for _, e := range l.history {
		if e.timeline == timeline {
			return true
		}
	}
	return false
}

// sizeText words a number of bytes for people.
func sizeText(bytes int64) string { return readiness.Num(float64(bytes)).Format(readiness.Bytes) }
