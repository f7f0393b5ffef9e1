package failover

import (
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// refreshes says how the account's copies were refreshed: from the history where
// it was read in this sweep, else from what an earlier sweep left, where that
// still says something.
func (d *deriver) refreshes(a *Account) {
	list := d.secondaries(a)
	if len(list) == 0 {
		return
	}
	if d.remember(a, list) {
		return
	}
	t := tally{d: d, account: a, at: a.historyAt()}
	for _, r := range list {
		if h := a.Histories[r.row.Name]; h != nil && h.Asked.Refreshes {
			t.read(r, h)
		} else if _, failed := a.Failed[refreshID]; !failed {
			d.book.Fail(&a.Node, refreshID, finding(readiness.QueryFailed, "the history of %s on %s was not read", r.row.Name, a.Name))
		}
	}
	d.failedReading(a, refreshID)
	t.write()
}

// tally adds up what the histories of an account's groups say.
type tally struct {
	d         *deriver
	account   *Account
	at        time.Time
	states    []string
	findings  []readiness.Finding
	snapshots []snapshot
	usual     *time.Duration
	running   *time.Duration
	phases    []string
	stuck     []readiness.Finding
	failures  int
	failing   []readiness.Finding
}

func (t *tally) read(r *replica, h *History) {
	where := r.row.Name + " on " + r.account.Name
	list, findings := h.inOrder(where)
	t.findings = append(t.findings, findings...)
	newest, fs := h.newestSnapshot(list, where)
	t.findings = append(t.findings, fs...)
	running, fs := runningOf(list, where)
	t.findings = append(t.findings, fs...)

	r.usual, r.running, r.lagAt = usualLength(list), running, h.ReadAt
	if newest != nil {
		lag := max(h.Clock.Sub(*newest), 0)
		r.lag, r.snapshot = &lag, *newest
		t.snapshots = append(t.snapshots, snapshot{r.row.Name, *newest, r.row.Primary, r.account.Self.full()})
	} else {
		t.findings = append(t.findings, neverRefreshed(h, where))
	}
	if r.usual != nil && (t.usual == nil || *r.usual > *t.usual) {
		t.usual = r.usual
	}
	bad := sinceCompleted(list)
	t.failing = append(t.failing, failing(bad, where)...)
	t.failures += len(bad)
	t.findings = append(t.findings, inconsistent(list, h, where)...)

	state := "no refresh in the history"
	switch {
	case running != nil:
		state = "running"
		t.runs(r, h, where)
	case len(list) > 0:
		state = strings.ToLower(list[0].phase())
	}
	t.states = append(t.states, t.d.label(r.row.Name, state))
}

func neverRefreshed(h *History, where string) readiness.Finding {
	if h.Since.IsZero() || h.Clock.Sub(h.Since) < WholeRange {
		return finding(readiness.RPOUnproven, "the history of %s shows no completed refresh, and how far back it goes is not known", where)
	}
	return finding(readiness.NeverRefreshed, "no refresh of %s has completed since %s; the history goes back no further", where, when(h.Since))
}

// failing says what went wrong since the last refresh that completed.
func failing(bad []*Refresh, where string) []readiness.Finding {
	if len(bad) == 0 {
		return nil
	}
	text := fmt.Sprintf("the newest %d refreshes of %s failed or were canceled", len(bad), where)
	if len(bad) == 1 {
		text = fmt.Sprintf("the newest refresh of %s that ended, of %s, %s", where, when(*bad[0].Start), strings.ToLower(verb(bad[0])))
	}
	for _, r := range bad {
		if r.Code != "" || r.Message != "" {
			text += fmt.Sprintf(": error %s: %s", r.Code, brief(r.Message))
			break
		}
	}
	return []readiness.Finding{{Code: readiness.RefreshFailing, Message: text}}
}

func verb(r *Refresh) string {
	if r.canceled() {
		return "was canceled"
	}
	return "failed"
}

// brief keeps a server's text from filling the screen.
func brief(text string) string {
	const enough = 300
	if len(text) > enough {
		return strings.ToValidUTF8(text[:enough], "") + " ..."
	}
	return text
}

// inconsistent: a refresh that ended while it was changing the copy leaves objects
// that are missing or of different snapshots, until one completes.
func inconsistent(list []*Refresh, h *History, where string) []readiness.Finding {
	for i, r := range sinceCompleted(list) {
		if i == lookedInto {
			break
		}
		phases, known := h.Phases[r.Job]
		for _, p := range phases {
			if changes(p) {
				return []readiness.Finding{finding(readiness.TargetInconsistent, "the refresh of %s that started at %s %s in or after %s: what the copy holds is not of one snapshot", where, when(*r.Start), verb(r), strings.ToUpper(p))}
			}
		}
		if !known {
			return []readiness.Finding{finding(readiness.RPOUnproven, "the refresh of %s that started at %s %s, and how far it had come is not known: whether the copy is of one snapshot is not proved", where, when(*r.Start), verb(r))}
		}
	}
	return nil
}

// write records the sums.
func (t *tally) write() {
	if len(t.states) == 0 {
		return
	}
	d, n := t.d, &t.account.Node
	if d.book.Has(n, refreshID) { // of one of the groups nothing could be read
		for _, f := range t.findings {
			d.book.Blame(n, refreshID, f)
		}
	} else {
		d.book.AddAt(n, t.at, refreshID, readiness.Str(strings.Join(t.states, "; ")), t.findings...)
	}
	if len(t.snapshots) > 0 {
		d.book.AddAt(n, t.at, snapshotID, readiness.Str(formatSnapshots(t.snapshots)))
	}
	if t.usual != nil {
		d.book.AddAt(n, t.at, durationID, readiness.Dur(*t.usual))
	}
	d.book.AddAt(n, t.at, failuresID, readiness.Num(float64(t.failures)), t.failing...)
	if t.running != nil {
		d.book.AddAt(n, t.at, runningID, readiness.Dur(*t.running), t.stuck...)
		d.book.AddAt(n, t.at, phaseID, readiness.Str(strings.Join(t.phases, "; ")))
	}
	d.lags(t.account, t.at)
}

// lags records the worst lag of the account's groups.
func (d *deriver) lags(a *Account, at time.Time) {
	worst := time.Duration(-1)
	for _, r := range d.secondaries(a) {
		if r.lag == nil {
			return
		}
		worst = max(worst, *r.lag)
	}
	if worst >= 0 {
		d.book.AddAt(&a.Node, at, lagID, readiness.Dur(worst))
	}
}
