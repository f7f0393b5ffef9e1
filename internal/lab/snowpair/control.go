package snowpair

import (
	"fmt"
	"slices"
	"time"
)

// Counts is what clients did so far.
type Counts struct {
	Requests   int // all of them
	Logins     int // attempts
	Refused    int // logins that were refused
	Statements int
	Changes    int // statements that change something, or would
	Repeated   int // statements sent again with the id of a former request
	Aborts     int // requests to abort a statement
	Renewals   int // of tokens
	Heartbeats int // of sessions
	Closed     int // sessions
	Telemetry  int // calls of the telemetry endpoint
	Resumes    int // of warehouses
	Orphaned   int // statements that ran when their session was logged out of, and were canceled
}

// Counts returns what clients did so far.
func (p *Pair) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	for _, a := range p.org.accounts {
		for _, w := range a.warehouses {
			c.Resumes += w.resumes
		}
	}
	return c
}

// change runs f on an account with everything brought up to now.
func (p *Pair) change(accountName string, f func(a *account, now time.Time) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.org.account(accountName)
	if a == nil {
		return fmt.Errorf("no account %q", accountName)
	}
	return f(a, p.org.advance())
}

// Override makes an account show something odd until undo is called.
func (p *Pair) Override(accountName string, o Override) (undo func(), err error) {
	err = p.change(accountName, func(a *account, _ time.Time) error {
		a.overrides = append(a.overrides, &o)
		return nil
	})
	return func() {
		_ = p.change(accountName, func(a *account, _ time.Time) error { // the account exists: it did before
			if i := slices.Index(a.overrides, &o); i >= 0 {
				a.overrides = slices.Delete(slices.Clone(a.overrides), i, i+1)
			}
			return nil
		})
	}, err
}

// Slow makes reads of tables and functions take d of the model's clock.
func (p *Pair) Slow(accountName string, d time.Duration) error {
	return p.change(accountName, func(a *account, _ time.Time) error {
		a.slow = d
		return nil
	})
}

// Duration makes later refreshes of a secondary group take d.
func (p *Pair) Duration(accountName, groupName string, d time.Duration) error {
	return p.change(accountName, func(a *account, _ time.Time) error {
		g := a.group(groupName)
		if g == nil {
			return fmt.Errorf("no group %q in %s", groupName, accountName)
		}
		g.duration = d
		return nil
	})
}

// Status makes an account answer every request with an HTTP status; 0 ends that.
func (p *Pair) Status(accountName string, status int) error {
	return p.change(accountName, func(a *account, _ time.Time) error {
		p.site(a.Name).status = status
		return nil
	})
}

// Refuse makes an account refuse every login with a code and message of the
// service; code 0 ends that.
func (p *Pair) Refuse(accountName string, code int, message string) error {
	return p.change(accountName, func(a *account, _ time.Time) error {
		a.refuse = nil
		if code != 0 {
			a.refuse = &autoRefuse{code, message}
		}
		return nil
	})
}

// Disown takes the ownership of one group from the role that runs use in an account: it
// may refresh and promote the group then, and not start or stop its schedule.
func (p *Pair) Disown(accountName, groupName string) error {
	return p.change(accountName, func(a *account, now time.Time) error {
		r := a.roles[UserExecute]
		r.grants = slices.DeleteFunc(r.grants, func(g grant) bool { return g.on == onGroup && g.name == groupName && g.privilege == "OWNERSHIP" })
		a.allow(r.name, onGroup, groupName, now, "REPLICATE", "FAILOVER", "MONITOR")
		return nil
	})
}

// ExpireTokens ends the life of every session token, and of master tokens too if
// so wanted.
func (p *Pair) ExpireTokens(masters bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.org.advance()
	for _, s := range p.open {
		s.expires = now
		if masters {
			s.dies = now
		}
	}
}

// CutOff keeps an account from hearing of the others, as in a partition: it goes
// on believing what it believes, and the others go on showing what they know of
// it. False ends the partition, and it learns what it missed.
func (p *Pair) CutOff(accountName string, cut bool) error {
	return p.change(accountName, func(a *account, _ time.Time) error {
		a.cut(cut)
		return nil
	})
}

func (a *account) cut(cut bool) {
	a.cutOff = cut
	if cut {
		a.freeze()
		return
	}
	a.stale = nil
	for _, f := range a.pending {
		f()
	}
	a.pending = nil
}
