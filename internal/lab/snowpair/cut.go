package snowpair

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// cut is a connection that is to end at a statement.
type cut struct {
	account string
	words   string // that the statement contains, in upper case
	after   bool   // it is executed before
}

// Cut makes the connection end, once, at the next statement of an account that
// contains the words: before it is executed, or after, so that its answer is lost.
func (p *Pair) Cut(accountName, words string, executed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts = append(p.cuts, &cut{accountName, strings.ToUpper(words), executed})
}

// Uncut reports how many cuts were not made, and forgets them.
func (p *Pair) Uncut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.cuts)
	p.cuts = nil
	return n
}

// cutOf takes the cut that is meant for a statement. Pair.mu is held.
func (p *Pair) cutOf(a *account, sql string) *cut {
	for i, c := range p.cuts {
		if c.account == a.Name && strings.Contains(strings.ToUpper(sql), c.words) {
			p.cuts = slices.Delete(p.cuts, i, i+1)
			return c
		}
	}
	return nil
}

// Changed counts, by account and statement, what was changed by statements that were
// executed without an error.
func (p *Pair) Changed() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.changed)
}

// Work starts or stops the tasks and pipes of a database, as somebody does at the
// console.
func (p *Pair) Work(accountName, databaseName string, runs bool) error {
	return p.change(accountName, func(a *account, _ time.Time) error {
		if d := a.database(databaseName); d != nil {
			for _, t := range d.tasks {
				t.started = runs
			}
			for _, x := range d.pipes {
				x.paused = !runs
			}
		}
		return nil
	})
}

// Busy makes a run of a task go on for d.
func (p *Pair) Busy(accountName, databaseName, taskName string, d time.Duration) error {
	return p.change(accountName, func(a *account, now time.Time) error {
		if db := a.database(databaseName); db != nil {
			for _, t := range db.tasks {
				if t.name == taskName {
					t.busyUntil = now.Add(d)
				}
			}
		}
		return nil
	})
}

// Working lists the tasks that are started and the pipes that are not paused in an
// account's databases that may be written.
func (p *Pair) Working(accountName string) []string {
	var out []string
	_ = p.change(accountName, func(a *account, _ time.Time) error { // an unknown account has none
		for _, d := range a.databases {
			if d.readOnly() {
				continue
			}
			for _, t := range d.tasks {
				if t.started {
					out = append(out, d.name+"."+t.schema+"."+t.name)
				}
			}
			for _, x := range d.pipes {
				if !x.paused {
					out = append(out, d.name+"."+x.schema+"."+x.name)
				}
			}
		}
		return nil
	})
	return out
}

// PrimaryOf is the name of the account that calls itself primary for a group; several
// are joined.
func (p *Pair) PrimaryOf(groupName string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.org.advance()
	var names []string
	for _, a := range p.org.accounts {
		if g := a.group(groupName); g != nil && g.primary {
			names = append(names, a.Name)
		}
	}
	return strings.Join(names, ", ")
}

// StateOf is secondary_state of a group in an account.
func (p *Pair) StateOf(accountName, groupName string) string {
	state := ""
	_ = p.change(accountName, func(a *account, _ time.Time) error { // an unknown account has none
		if g := a.group(groupName); g != nil {
			state = g.state
		}
		return nil
	})
	return state
}

// ConnectionAt is the account where a connection is primary.
func (p *Pair) ConnectionAt(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.org.accounts {
		if c := a.connection(name); c != nil && c.primary {
			return a.Name
		}
	}
	return ""
}

// Refreshes counts the refreshes of a group in an account that were started by hand.
func (p *Pair) Refreshes(accountName, groupName string) int {
	n := 0
	_ = p.change(accountName, func(a *account, _ time.Time) error { // an unknown account has none
		if g := a.group(groupName); g != nil {
			for i := range g.history {
				if g.history[i].manual {
					n++
				}
			}
		}
		return nil
	})
	return n
}
