package snowflake

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// sight is what all accounts say of themselves at one moment.
type sight struct {
	*failover.View
	a        *actor
	accounts []*failover.Account // in the order of the endpoints
	from, to *failover.Account   // nil: no endpoint is at the site

	at        time.Time
	histories which
}

// which histories a look reads: each needs a warehouse.
type which int

const (
	noHistory which = iota
	targetHistory
	everyHistory
)

// planFreshFor is how long a look serves while a plan is made, where nothing is decided:
// its checks then describe one moment, and cost one login to each account. In a run
// nothing of an earlier look is used.
const planFreshFor = 10 * time.Second

// look reads every account directly, with the monitor credential, as a check does.
func (a *actor) look(ctx context.Context, histories which) *sight {
	if a.spec.Run != "" {
		return a.lookNow(ctx, histories)
	}
	if s := a.seen; s != nil && s.histories >= histories && a.c.now().Sub(s.at) < planFreshFor {
		return s
	}
	s := a.lookNow(ctx, max(histories, targetHistory))
	if ctx.Err() == nil { // what a deadline cut off says nothing about the accounts
		a.seen = s
	}
	return s
}

func (a *actor) lookNow(ctx context.Context, histories which) *sight {
	visits := make([]*visit, len(a.spec.Endpoints))
	var wg sync.WaitGroup
	for i := range visits {
		wg.Go(func() { visits[i] = a.c.probe(ctx, i) })
	}
	wg.Wait()
	s := &sight{a: a, accounts: accountsOf(visits), histories: histories, at: a.c.now()}
	for _, acc := range failover.Lacking(a.c.spec, a.c.set, s.accounts, a.c.now()) {
		for _, v := range visits {
			if v.account == acc && v.session != nil {
				a.c.replicationGroups(ctx, v)
			}
		}
	}
	s.View = failover.NewView(a.c.spec, a.c.set, s.accounts, a.c.now())
	if i := a.at(a.spec.From); i >= 0 {
		s.from = s.accounts[i]
	}
	if i := a.at(a.spec.To); i >= 0 {
		s.to = s.accounts[i]
	}
	late, cancel := context.WithTimeout(ctx, a.c.endpointTimeout())
	defer cancel()
	for _, v := range visits {
		wg.Go(func() {
			if v.session == nil {
				return
			}
			if histories == everyHistory || histories == targetHistory && v.account == s.to {
				a.readHistories(late, s, v)
			}
			v.session.Close()
		})
	}
	wg.Wait()
	return s
}

// recent is how far back a history is read at first; where no refresh completed in it,
// all of it is.
const recent = 24 * time.Hour

func (a *actor) readHistories(ctx context.Context, s *sight, v *visit) {
	if _, _, bad := s.Doubt(v.account); bad {
		return
	}
	woken := false
	for i := range a.groups() {
		row := s.Row(i, v.account)
		if row == nil || row.IsPrimary == nil || *row.IsPrimary {
			continue
		}
		if !woken {
			a.c.warehouse(ctx, v)
			woken = true
		}
		a.c.history(ctx, v, failover.Need{Account: v.account, Group: row.Name, Range: recent})
	}
}

// proved says why what an account says cannot be used, if it cannot.
func (s *sight) proved(acc *failover.Account) *connectors.Finding {
	if acc == nil {
		f := action.Unknown("", "the resource has no endpoint at the site that is meant")
		return &f
	}
	why, known, doubted := s.Doubt(acc)
	if !doubted {
		return nil
	}
	f := action.Unknown(why.Code, "%s", why.Message)
	if known {
		f.Result = connectors.Refused
	}
	return &f
}

// row is an account's own row of a group, and requires that it says what it is.
func (s *sight) row(i int, acc *failover.Account) (*failover.Group, *connectors.Finding) {
	if bad := s.proved(acc); bad != nil {
		return nil, bad
	}
	return ownRow(s.View, i, acc, s.a.groups()[i])
}

func ownRow(v *failover.View, i int, acc *failover.Account, name string) (*failover.Group, *connectors.Finding) {
	no := func(f connectors.Finding) (*failover.Group, *connectors.Finding) { return nil, &f }
	row := v.Row(i, acc)
	switch {
	case row == nil:
		if why, failed := acc.Failed[failover.PrivilegesID]; failed {
			return no(action.Unknown(why.Code, "%s: %s", acc.Name, why.Message))
		}
		return no(action.Unknown(readiness.GroupNotVisible, "%s does not show %s to role %s: it is not there, or the role may not see it", acc.Name, name, acc.Self.Role))
	case row.IsPrimary == nil:
		return no(action.Unknown(readiness.ValueInvalid, "%s does not say whether %s is primary there", acc.Name, name))
	}
	return row, nil
}

// isCopy requires that a group is a secondary failover group of the declared source.
func isCopy(v *failover.View, row *failover.Group, acc, source *failover.Account) *connectors.Finding {
	no := func(f connectors.Finding) *connectors.Finding { return &f }
	if *row.IsPrimary {
		return no(action.Refused(readiness.RoleUnexpected, "%s is primary on %s, and should be a copy", row.Name, acc.Name))
	}
	if why := row.Promotable(); why.Code != "" {
		return no(action.Refused(why.Code, "%s on %s", why.Message, acc.Name))
	}
	if source == nil || !v.Follows(row, source) {
		return no(action.Refused(readiness.UpstreamUnexpected, "%s on %s follows %s, which is not the declared source", row.Name, acc.Name, row.Primary))
	}
	return nil
}

// copies requires that every group is a copy of the declared source in an account.
func (s *sight) copies(acc *failover.Account) ([]*failover.Group, *connectors.Finding) {
	var list []*failover.Group
	for i := range s.a.groups() {
		row, bad := s.row(i, acc)
		if bad == nil {
			bad = isCopy(s.View, row, acc, s.from)
		}
		if bad != nil {
			return nil, bad
		}
		list = append(list, row)
	}
	return list, nil
}

// sources requires that the source answers and is primary for every group.
func (s *sight) sources() *connectors.Finding {
	for i := range s.a.groups() {
		row, bad := s.row(i, s.from)
		if bad != nil {
			return bad
		}
		if !*row.IsPrimary {
			f := action.Refused(readiness.RoleUnexpected, "%s on %s is not primary", row.Name, s.from.Name)
			return &f
		}
	}
	return nil
}

// here requires that every group is primary in the target.
func (s *sight) here() *connectors.Finding {
	pending, bad := s.pending()
	if bad == nil && len(pending) > 0 {
		f := action.Refused(readiness.RoleUnexpected, "%s on %s is not primary", s.a.groups()[pending[0]], s.to.Name)
		bad = &f
	}
	return bad
}

// story is how a copy was refreshed, as this look read it.
func (s *sight) story(i int, acc *failover.Account) (failover.Story, *failover.History, *connectors.Finding) {
	no := func(f connectors.Finding) (failover.Story, *failover.History, *connectors.Finding) {
		return failover.Story{}, nil, &f
	}
	row, bad := s.row(i, acc)
	if bad != nil {
		return failover.Story{}, nil, bad
	}
	h := acc.Histories[row.Name]
	if h == nil || !h.Asked.Refreshes {
		if why, failed := acc.Failed[failover.RefreshID]; failed {
			return no(action.Unknown(why.Code, "the history of %s on %s: %s", row.Name, acc.Name, why.Message))
		}
		return no(action.Unknown(readiness.QueryFailed, "the history of %s on %s was not read", row.Name, acc.Name))
	}
	return h.Tell(row.Name + " on " + acc.Name), h, nil
}

// snapshot is the newest snapshot of a copy, and requires that it is known.
func (s *sight) snapshot(i int, acc *failover.Account) (time.Time, *connectors.Finding) {
	story, _, bad := s.story(i, acc)
	if bad != nil {
		return time.Time{}, bad
	}
	if story.Snapshot == nil {
		f := action.Unknown(readiness.RPOUnproven, "what %s on %s is a copy of is not known", s.a.groups()[i], acc.Name)
		for _, why := range story.Findings {
			if why.Code == readiness.NeverRefreshed || why.Code == readiness.ValueInvalid {
				f.Code, f.Message = why.Code, why.Message
			}
		}
		if f.Code == readiness.NeverRefreshed {
			f.Result = connectors.Refused
		}
		return time.Time{}, &f
	}
	return *story.Snapshot, nil
}

// running is a refresh of any group that goes on in an account, with the group's name.
func (s *sight) running(acc *failover.Account) (*failover.Refresh, string, *connectors.Finding) {
	for i, name := range s.a.groups() {
		row, bad := s.row(i, acc)
		if bad != nil {
			return nil, name, bad
		}
		if *row.IsPrimary {
			continue // it is refreshed from nowhere
		}
		story, _, bad := s.story(i, acc)
		if bad != nil {
			return nil, name, bad
		}
		if story.Running != nil {
			return story.Running, name, nil
		}
	}
	return nil, "", nil
}

// worst is the first finding with one of the codes.
func worst(findings []readiness.Finding, codes ...readiness.Code) *readiness.Finding {
	for _, code := range codes {
		if i := slices.IndexFunc(findings, func(f readiness.Finding) bool { return f.Code == code }); i >= 0 {
			return &findings[i]
		}
	}
	return nil
}

func (s *sight) site(acc *failover.Account) string {
	if acc == nil {
		return "nowhere"
	}
	return acc.Name + " at " + acc.Site
}

func joined(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
