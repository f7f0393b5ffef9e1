package snowflake

import (
	"context"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/session"
)

// confirm asks second questions: where a group was not among the failover groups,
// what the primary's groups hold, and, where it is due, how refreshes went.
func (c *Connector) confirm(ctx context.Context, visits []*visit) {
	accounts := accountsOf(visits)
	of := map[*failover.Account]*visit{}
	for _, v := range visits {
		of[v.account] = v
	}
	var wg sync.WaitGroup
	for _, a := range failover.Lacking(c.spec, c.set, accounts, c.now()) {
		wg.Go(func() { c.replicationGroups(ctx, of[a]) })
	}
	wg.Wait()

	// One session is used by one goroutine at a time: an account's questions follow
	// each other.
	tasks := map[*visit][]func(){}
	if c.set.Databases != nil {
		for _, p := range failover.Primaries(c.spec, c.set, accounts, c.now()) {
			v := of[p.Account]
			tasks[v] = append(tasks[v], func() { c.members(ctx, v, p.Group) })
		}
	}
	started := map[*visit]bool{}
	for _, n := range failover.Needs(c.spec, c.set, accounts, c.now()) {
		v := of[n.Account]
		if !started[v] {
			started[v] = true
			tasks[v] = append(tasks[v], func() { c.warehouse(ctx, v) })
		}
		tasks[v] = append(tasks[v], func() { c.history(ctx, v, n) })
	}
	for v, list := range tasks {
		wg.Go(func() {
			for _, task := range list {
				if v.session != nil {
					task()
				}
			}
		})
	}
	wg.Wait()
	for v := range tasks {
		v.account.CollectedAt = c.now()
	}
}

// replicationGroups adds groups that are not failover groups.
func (c *Connector) replicationGroups(ctx context.Context, v *visit) {
	rows, err := v.session.Query(ctx, replicationGroupsSQL)
	if err != nil {
		return // that the group is not seen is said already
	}
	known := map[string]bool{}
	for _, g := range v.account.Groups {
		known[g.Account+"\x00"+g.Name] = true
	}
	for _, g := range groups(rows) {
		if !known[g.Account+"\x00"+g.Name] {
			v.account.Groups = append(v.account.Groups, g)
		}
	}
}

func (c *Connector) members(ctx context.Context, v *visit, group string) {
	rows, err := v.session.Query(ctx, membersSQL(group))
	if err != nil {
		v.account.Failed[failover.MembersID] = session.Failed(err, v.cred)
		return
	}
	v.account.Databases[group] = databases(rows)
}

// warehouse makes the session use one. Until here nothing needed it.
func (c *Connector) warehouse(ctx context.Context, v *visit) {
	name := option(c.spec, v.account.Endpoint, "warehouse")
	if name == "" {
		return // the user's default
	}
	if _, err := v.session.Query(ctx, warehouseSQL(failover.Identifier(name))); err != nil {
		v.account.Failed[failover.RefreshID] = session.Failed(err, v.cred)
	}
}

// history reads how a group was refreshed. What failed once is not tried for the
// account's other groups: the warehouse is the same.
func (c *Connector) history(ctx context.Context, v *visit, n failover.Need) {
	a := v.account
	if _, failed := a.Failed[failover.RefreshID]; failed {
		return
	}
	h := &failover.History{Phases: map[string][]string{}}
	database := c.database()
	rows, err := v.session.Query(ctx, historySQL(database, n.Group, n.Range))
	h.Since = c.clockOf(a).Add(-n.Range)
	if err == nil && !anyCompleted(rows) && n.Range < failover.WholeRange {
		// Before it is said that none ever completed, all that is kept is looked at.
		if more, errMore := v.session.Query(ctx, historySQL(database, n.Group, failover.WholeRange)); errMore == nil {
			rows, h.Since = more, c.clockOf(a).Add(-failover.WholeRange)
		}
	}
	if session.Rejected(err) {
		rows, err = v.session.Query(ctx, wholeHistorySQL(database, n.Group))
		h.Since = time.Time{} // how far back that goes differs from release to release
	}
	if err != nil {
		a.Failed[failover.RefreshID] = session.Failed(err, v.cred)
		return
	}
	h.Refreshes, h.Asked.Refreshes = refreshes(rows), true
	h.Clock, h.ReadAt = c.clockOf(a), c.now()
	a.Histories[n.Group] = h
	for _, job := range h.Unfinished() {
		if rows, err := v.session.Query(ctx, progressSQL(database, job)); err == nil {
			h.Phases[job] = phases(rows)
		}
	}
	if rows, err := v.session.Query(ctx, danglingSQL(database, n.Group)); err != nil {
		a.Failed[failover.DanglingID] = session.Failed(err, v.cred)
	} else {
		h.Dangling, h.Asked.Dangling = references(rows), true
	}
}

func (c *Connector) database() string {
	if c.spec.Database != "" {
		return failover.Identifier(c.spec.Database)
	}
	return defaultDatabase
}

// defaultDatabase is there in every account, with an Information Schema.
const defaultDatabase = "SNOWFLAKE"

func anyCompleted(rows []session.Row) bool {
	for _, r := range rows {
		if r.Text("phase_name") == "COMPLETED" {
			return true
		}
	}
	return false
}

func phases(rows []session.Row) []string {
	var list []string
	for _, r := range rows {
		list = append(list, r.Text("phase_name"))
	}
	return list
}
