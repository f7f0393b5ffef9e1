package failover

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// What an earlier check read with a warehouse is used again in one case: all was
// well then, it is not older than the interval at which histories are read, and
// in this check the account's own row shows the copy of the same primary with its
// schedule running and not overdue. That a snapshot has arrived stays true, so
// the time since then bounds the exposure from above, and the bound only grows.
// The readings carry the time at which the history was read, and expire by it.
// What was bad is never remembered: it is read again.

// settledState is the text of refresh.state of a history of which nothing is odd.
const settledState = "completed"

// meanwhile is what may pass between the decision not to read and the conclusion.
const meanwhile = time.Minute

// remembered is what an earlier check left about an account.
type remembered struct {
	at        time.Time // when the history was read
	snapshots []snapshot
	usual     readiness.Value
}

// snapshot is what the newest completed refresh of a group brought, with the
// primary that the group followed when that was read, and the account it was read
// in: what is remembered of one primary or one copy says nothing about another,
// and an endpoint may lead to another account since.
type snapshot struct {
	group   string
	at      time.Time
	of      string
	account string // ORG.ACCOUNT
}

// remember records what an earlier check read. It reports whether that was done;
// where the history was read in this check, or tried to be, it is not.
func (d *deriver) remember(a *Account, list []*replica) bool {
	if len(a.Histories) > 0 || a.Failed[refreshID].Code != "" {
		return false
	}
	m, ok := d.stands(a, list, d.set.HistoryInterval+meanwhile)
	if !ok {
		return false
	}
	for i, r := range list {
		lag := max(a.Self.Clock.Sub(m.snapshots[i].at), 0)
		r.lag, r.snapshot, r.lagAt, r.earlier = &lag, m.snapshots[i].at, m.at, true
		r.usual = lengthOf(m.usual)
	}
	var states []string
	for _, r := range list {
		states = append(states, d.label(r.row.Name, settledState))
	}
	n := &a.Node
	d.book.AddAt(n, m.at, refreshID, readiness.Str(strings.Join(states, "; ")))
	d.book.AddAt(n, m.at, snapshotID, readiness.Str(formatSnapshots(m.snapshots)))
	d.book.AddAt(n, m.at, failuresID, readiness.Num(0))
	if !m.usual.IsAbsent() {
		d.book.AddAt(n, m.at, durationID, m.usual)
	}
	d.book.AddAt(n, m.at, danglingID, readiness.Num(0))
	d.lags(a, m.at)
	return true
}

// recall finds what an earlier check left, if it may stand for a reading.
func recall(set Settings, previous func(string, readiness.ID) (readiness.Observation, bool), a *Account, list []*replica, now time.Time, within time.Duration) (remembered, bool) {
	var m remembered
	if previous == nil || set.HistoryInterval <= 0 || a.Self.Clock.IsZero() {
		return m, false
	}
	state, okState := previous(a.Name, refreshID)
	newest, okNewest := previous(a.Name, snapshotID)
	failures, okFailures := previous(a.Name, failuresID)
	if !okState || !okNewest || !okFailures || len(state.Findings) > 0 || len(newest.Findings) > 0 || len(failures.Findings) > 0 {
		return m, false
	}
	m.at = state.ObservedAt
	age := now.Sub(m.at)
	if age < 0 || age >= within || !newest.ObservedAt.Equal(m.at) || !failures.ObservedAt.Equal(m.at) {
		return m, false
	}
	if count, ok := failures.Value.Number(); !ok || count != 0 {
		return m, false
	}
	text, _ := state.Value.Text()
	for _, part := range strings.Split(text, "; ") {
		if part != settledState && !strings.HasSuffix(part, ": "+settledState) {
			return m, false
		}
	}
	text, _ = newest.Value.Text()
	all, ok := parseSnapshots(text)
	if !ok {
		return m, false
	}
	for _, r := range list {
		i := slices.IndexFunc(all, func(s snapshot) bool { return s.group == r.row.Name })
		if i < 0 || all[i].of != r.row.Primary || all[i].account != a.Self.full() || all[i].at.After(a.Self.Clock) {
			return m, false
		}
		m.snapshots = append(m.snapshots, all[i])
	}
	dangling, ok := previous(a.Name, danglingID)
	if count, isNumber := dangling.Value.Number(); !ok || !dangling.ObservedAt.Equal(m.at) || !isNumber || count != 0 || len(dangling.Findings) > 0 {
		return m, false // among them one that failed when the history was read
	}
	if o, ok := previous(a.Name, durationID); ok && o.ObservedAt.Equal(m.at) {
		m.usual = o.Value
	}
	return m, true
}

// lengthOf is a duration that was read earlier; nil when it is none.
func lengthOf(v readiness.Value) *time.Duration {
	seconds, ok := v.Number()
	if !ok || seconds <= 0 || seconds > maxDuration.Seconds() {
		return nil
	}
	length := time.Duration(seconds * float64(time.Second))
	return &length
}

func formatSnapshots(list []snapshot) string {
	var parts []string
	for _, s := range list {
		parts = append(parts, fmt.Sprintf("%q %s of %q in %q", s.group, s.at.UTC().Format(time.RFC3339Nano), s.of, s.account))
	}
	return strings.Join(parts, ", ")
}

func parseSnapshots(text string) ([]snapshot, bool) {
	var list []snapshot
	for text != "" {
		var s snapshot
		var ok bool
		if s.group, text, ok = cutQuoted(text); !ok {
			return nil, false
		}
		when, rest, _ := strings.Cut(strings.TrimPrefix(text, " "), " of ")
		at, err := time.Parse(time.RFC3339Nano, when)
		if err != nil {
			return nil, false
		}
		s.at = at
		if s.of, text, ok = cutQuoted(rest); !ok {
			return nil, false
		}
		if text, ok = strings.CutPrefix(text, " in "); !ok {
			return nil, false
		}
		if s.account, text, ok = cutQuoted(text); !ok {
			return nil, false
		}
		list, text = append(list, s), strings.TrimPrefix(text, ", ")
	}
	return list, len(list) > 0
}

// cutQuoted takes a quoted text from the beginning of another.
func cutQuoted(text string) (value, rest string, ok bool) {
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", "", false
	}
	value, err = strconv.Unquote(quoted)
	return value, text[len(quoted):], err == nil
}
