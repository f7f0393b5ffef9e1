package failover

import (
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// View is what accounts said of themselves at one moment, for somebody who is about
// to change something. It judges nothing but who is who.
type View struct {
	d *deriver
}

// NewView looks at accounts as Derive does. It is pure.
func NewView(spec connectors.Spec, set Settings, accounts []*Account, now time.Time) *View {
	d := &deriver{spec: spec, set: set, accounts: accounts, now: now, rejected: map[*Account]bool{}, alias: map[*Account]bool{},
		book: observe.Book{Target: spec.Target, Nodes: nodes(accounts), Now: now}}
	for i, a := range accounts {
		if a.reached() {
			d.identity(i, a)
		}
	}
	for i := range set.Groups {
		d.groups = append(d.groups, d.match(i))
	}
	return &View{d}
}

// Doubt says why what an account says cannot be used, if it cannot: it was not
// reached, or is not the declared one. Known reports whether that is an answer, and
// not the lack of one.
func (v *View) Doubt(a *Account) (f readiness.Finding, known, doubted bool) {
	switch {
	case !a.reached():
		f = finding(a.Unreached.Code, "%s: %s", a.Name, a.Unreached.Message)
		if f.Code == "" {
			f.Code = observe.SideCode(v.d.spec.Home, a.Endpoint, v.d.siteSeen(a))
		}
		return f, false, true
	case v.d.alias[a]:
		return finding(readiness.EndpointAliased, "%s is the account %s, which another endpoint leads to as well", a.Name, a.Self.full()), true, true
	case v.d.rejected[a]:
		for _, o := range v.d.book.Observations() {
			if o.Endpoint != a.Name || o.Indicator != identityID {
				continue
			}
			if o.Failure != nil {
				return *o.Failure, false, true
			}
			if len(o.Findings) > 0 {
				return o.Findings[0], true, true
			}
		}
		return finding(readiness.IdentityUnproven, "%s did not prove to be the declared account", a.Name), false, true
	}
	return readiness.Finding{}, false, false
}

// Row is an account's own row of a declared group, by its number; nil when the account
// shows none.
func (v *View) Row(group int, a *Account) *Group {
	if r := v.d.groups[group].of(a); r != nil {
		return r.row
	}
	return nil
}

// Follows reports whether a group's row names as its primary an account that is the
// given endpoint's.
func (v *View) Follows(row *Group, a *Account) bool {
	i := slices.Index(v.d.accounts, a)
	org, _, account := splitName(row.Primary)
	if a.reached() && a.Self.Name != "" {
		return a.Self.named(org + "." + account)
	}
	if i < 0 || v.d.set.Accounts[i] == "" {
		return false
	}
	want := v.d.set.Accounts[i]
	return sameAccount(want, account) || sameAccount(want, org+"-"+account)
}

// Connection is an account's own row of the declared connection; nil when it shows
// none.
func (v *View) Connection(a *Account) *Connection {
	for i := range a.Connections {
		if c := &a.Connections[i]; c.Name == v.d.set.Connection && a.own(c.Account, c.Locator, c.Region) {
			return c
		}
	}
	return nil
}

// PrimaryConnection is a row about the declared connection where it is primary, as the
// account shows it: its own or one about another account.
func (v *View) PrimaryConnection(a *Account) *Connection {
	for i := range a.Connections {
		if c := &a.Connections[i]; c.Name == v.d.set.Connection && c.IsPrimary != nil && *c.IsPrimary {
			return c
		}
	}
	return nil
}

// Others are groups of the account that are copies like the declared ones and are not
// declared.
func (v *View) Others(a *Account) []string {
	var names []string
	for i := range a.Groups {
		row := &a.Groups[i]
		declared := slices.ContainsFunc(v.d.groups, func(g *group) bool { r := g.of(a); return r != nil && r.row == row })
		if !declared && a.own(row.Account, row.Locator, row.Region) && strings.EqualFold(row.Type, "FAILOVER") {
			names = append(names, row.Name)
		}
	}
	return names
}

// Listed reports whether a list of accounts names this one.
func (a *Account) Listed(list []string) bool { return slices.ContainsFunc(list, a.Self.listed) }

// Full is ORG.ACCOUNT.
func (a *Account) Full() string { return a.Self.full() }

// Promotable says why a group's row is of one that cannot or must not be promoted; no
// code means that it can.
func (g *Group) Promotable() readiness.Finding {
	switch {
	case g.AutoFulfillment:
		return finding(readiness.GroupAutoFulfillment, "%s is the replication of a listing", g.Name)
	case strings.EqualFold(g.Type, "FAILOVER"):
		return readiness.Finding{}
	case strings.EqualFold(g.Type, "REPLICATION"):
		return finding(readiness.NotPromotable, "%s is a replication group; only a failover group can be promoted", g.Name)
	}
	return finding(readiness.ValueInvalid, "%s is of type %q", g.Name, g.Type)
}

// Suspended and Started read secondary_state; neither is so where it says something
// else.
func (g *Group) Suspended() bool { return strings.EqualFold(g.State, "SUSPENDED") }

// Started reports whether scheduled refreshes start.
func (g *Group) Started() bool { return strings.EqualFold(g.State, "STARTED") }

// Plan says what is wrong with the schedule of an account's copy, as check does.
func (v *View) Plan(group int, a *Account) []readiness.Finding {
	r := v.d.groups[group].of(a)
	if r == nil {
		return nil
	}
	_, findings := v.d.plan(r)
	return findings
}

// Story is what a history tells about one copy.
type Story struct {
	Snapshot *time.Time // newest that a completed refresh brought; nil: none is known
	Running  *Refresh
	Last     *Refresh // the newest that is over
	// Findings are values that contradict each other or cannot be, and whether the copy
	// is of one snapshot.
	Findings []readiness.Finding
}

// Tell reads a history. Where names the copy in texts.
func (h *History) Tell(where string) Story {
	list, findings := h.inOrder(where)
	s := Story{Findings: findings}
	newest, more := h.newestSnapshot(list, where)
	s.Snapshot, s.Findings = newest, append(s.Findings, more...)
	s.Running, more = runningOf(list, where)
	s.Findings = append(s.Findings, more...)
	for _, r := range list {
		if r.over() {
			s.Last = r
			break
		}
	}
	if newest == nil {
		s.Findings = append(s.Findings, neverRefreshed(h, where))
	}
	s.Findings = append(s.Findings, failing(sinceCompleted(list), where)...)
	s.Findings = append(s.Findings, inconsistent(list, h, where)...)
	return s
}

// Job is the refresh with an id, or nil.
func (h *History) Job(id string) *Refresh {
	for i := range h.Refreshes {
		if h.Refreshes[i].Job == id {
			return &h.Refreshes[i]
		}
	}
	return nil
}

// Completed reports whether a refresh ended well.
func (r *Refresh) Completed() bool { return r.completed() }

// Over reports whether it has ended.
func (r *Refresh) Over() bool { return r.over() }

// AtSource reports whether a refresh is in a phase in which the primary takes part: it
// was alive when the phase began.
func (r *Refresh) AtSource() bool { return strings.HasPrefix(r.phase(), "PRIMARY_") }

// How words how a refresh is or ended.
func (r *Refresh) How() string {
	switch {
	case !r.over():
		return "is in " + r.phase()
	case r.completed():
		return "completed"
	case r.Code != "" || r.Message != "":
		return verb(r) + ": error " + r.Code + ": " + brief(r.Message)
	}
	return verb(r)
}
