package snowpair

import (
	"slices"
	"strings"
)

// alterGroup runs ALTER FAILOVER GROUP and ALTER REPLICATION GROUP.
func (r *execution) alterGroup(s alterGroup) *result {
	a := r.account
	kind := "Failover Group"
	if s.kind == replicationType {
		kind = "Replication Group"
	}
	g := a.group(s.name)
	if g == nil || !a.sees(r.session.role, g) || s.kind == failoverType && g.kind == replicationType {
		if g == nil && s.ifExists {
			return done(kindDDL)
		}
		r.fail(unknownObject(kind, s.name))
		return nil
	}
	need := []string{"OWNERSHIP"}
	switch s.action {
	case "REFRESH":
		need = append(need, "REPLICATE")
	case "PRIMARY":
		need = append(need, "FAILOVER")
	}
	if !a.has(r.session.role, onGroup, g.name, need...) {
		r.fail(refusedOn(strings.ToLower(kind), g.name))
		return nil
	}
	secondary := s.action == "REFRESH" || s.action == "RESUME" || strings.HasPrefix(s.action, "SUSPEND")
	switch {
	case secondary && g.primary:
		r.fail(fail(3132, "55000", "%s '%s' is not a secondary: %s is not possible.", kind, g.name, s.action))
	case !secondary && s.action != "PRIMARY" && !g.primary:
		r.fail(fail(3132, "55000", "%s '%s' is a secondary: it can be changed at its primary only.", kind, g.name))
	}
	if r.err != nil {
		return nil
	}
	switch s.action {
	case "REFRESH":
		r.refresh(g)
	case "PRIMARY":
		if f := g.promote(r.now); f != nil {
			r.fail(f)
		}
	case "SUSPEND":
		g.state = stateSuspended
	case "SUSPEND IMMEDIATE":
		g.state = stateSuspended
		if f := g.running(r.now); f != nil && !f.manual {
			f.cancel(r.now)
		}
	case "RESUME":
		g.resume(r.now)
	default:
		r.setGroup(g, s)
	}
	if r.err != nil {
		return nil
	}
	return done(kindDDL)
}

// refresh starts a refresh by hand; the statement waits for it.
func (r *execution) refresh(g *group) {
	if g.running(r.now) != nil {
		r.fail(fail(3135, "55000", "Failover group '%s' cannot be refreshed because a refresh is in progress.", g.name))
		return
	}
	r.waits, r.group = g.start(r.now, true), g
}

// setGroup runs SET, UNSET, ADD and REMOVE.
func (r *execution) setGroup(g *group, s alterGroup) {
	add := func(list []string) []string {
		list = slices.Clone(list)
		for _, name := range s.list {
			parts := strings.Split(name, ".")
			name = parts[len(parts)-1]
			list = slices.DeleteFunc(list, func(n string) bool { return n == name })
			if s.action == "ADD" {
				list = append(list, name)
			}
		}
		return list
	}
	switch s.property {
	case "REPLICATION_SCHEDULE":
		if s.action == "SET" {
			if _, err := parseSchedule(s.value); err != nil {
				r.fail(fail(1008, "22023", "SQL compilation error:\ninvalid value [%s] for parameter 'REPLICATION_SCHEDULE'", s.value))
				return
			}
		}
		g.setSchedule(s.value, r.now)
	case "COMMENT":
		g.comment = s.value
	case "OBJECT_TYPES":
		types := slices.Clone(s.list)
		for i := range types {
			if types[i] == "ACCOUNT PARAMETERS" {
				types[i] = "PARAMETERS" // how SHOW calls it
			}
		}
		g.objectTypes = types
	case "ALLOWED_DATABASES":
		g.databases = r.members(g.databases, s, add)
	case "ALLOWED_SHARES":
		g.shares = r.members(g.shares, s, add)
	case "ALLOWED_ACCOUNTS":
		g.allowed = r.members(g.allowed, s, add)
	default:
		r.fail(fail(1420, "22023", "SQL compilation error:\ninvalid property '%s' for 'FAILOVER_GROUP'", s.property))
	}
}

func (r *execution) members(now []string, s alterGroup, add func([]string) []string) []string {
	switch s.action {
	case "SET":
		s.action = "ADD"
		return add(nil)
	case "UNSET":
		return nil
	}
	return add(now)
}

// alterConnection runs ALTER CONNECTION.
func (r *execution) alterConnection(s alterConnection) *result {
	c := r.account.connection(s.name)
	if c == nil {
		if s.ifExists {
			return done(kindDDL)
		}
		r.fail(unknownObject("Connection", s.name))
		return nil
	}
	if r.session.role != roleAdmin && (s.action != "PRIMARY" || !r.account.has(r.session.role, onConnection, c.name, "FAILOVER", "OWNERSHIP")) {
		r.fail(refusedOn("connection", c.name))
		return nil
	}
	switch s.action {
	case "PRIMARY":
		if f := c.promote(); f != nil {
			r.fail(f)
			return nil
		}
	case "ENABLE":
		for _, name := range s.accounts {
			if other := r.account.org.account(name); other == nil || other.Region == r.account.Region {
				r.fail(fail(3151, "22023", "Account '%s' cannot hold a secondary of connection '%s'.", name, c.name))
				return nil
			}
			if !slices.Contains(c.allowed, name) {
				c.allowed = append(slices.Clone(c.allowed), name)
			}
		}
	case "DISABLE":
		c.allowed = slices.DeleteFunc(slices.Clone(c.allowed), func(n string) bool { return len(s.accounts) == 0 || slices.Contains(s.accounts, n) })
	}
	return done(kindDDL)
}

// cancelQuery is SYSTEM$CANCEL_QUERY: of own statements, or with OPERATE on the
// warehouse, or of any as administrator.
func (r *execution) cancelQuery(id string) any {
	for _, g := range r.account.groups {
		for i := range g.history {
			f := &g.history[i]
			if queryID(f.serial) != id {
				continue
			}
			if !f.running(r.now) {
				return "Identified SQL statement is not currently executing."
			}
			q := r.pair.queries[id]
			if r.session.role != roleAdmin && !r.account.has(r.session.role, onGroup, g.name, "OWNERSHIP") && (q == nil || q.user != r.session.user) {
				r.fail(fail(3001, "42501", "SQL access control error:\nInsufficient privileges to cancel query '%s'", id))
				return nil
			}
			f.cancel(r.now)
			return "query [" + id + "] terminated."
		}
	}
	if q := r.pair.queries[id]; q != nil && q.account == r.account && (q.user == r.session.user || r.session.role == roleAdmin) {
		if q.status(r.now) != queryRunning {
			return "Identified SQL statement is not currently executing."
		}
		q.abort(r.now)
		return "query [" + id + "] terminated."
	}
	r.fail(fail(1795, "22023", "Invalid UUID [%s] for a query.", id))
	return nil
}

// scheduleRefresh is SYSTEM$SCHEDULE_ASYNC_REPLICATION_GROUP_REFRESH.
func (r *execution) scheduleRefresh(name string) any {
	g := r.account.group(identifierText(name))
	switch {
	case g == nil:
		r.fail(unknownObject("Replication group", identifierText(name)))
	case r.session.role != roleAdmin:
		r.fail(refusedOn("failover group", g.name))
	case g.primary:
		r.fail(fail(3132, "55000", "Failover Group '%s' is not a secondary: REFRESH is not possible.", g.name))
	default:
		r.refresh(g)
		r.waits, r.group = nil, nil
	}
	if r.err != nil {
		return nil
	}
	return "Statement executed successfully."
}
