package snowpair

import (
	"slices"
	"strconv"
	"strings"
)

// show answers SHOW. It needs no warehouse.
func (r *execution) show(s show) *result {
	var columns []column
	var rows [][]any
	switch s.what {
	case "FAILOVER GROUPS", "REPLICATION GROUPS":
		columns, rows = r.showGroups(s)
	case "CONNECTIONS":
		columns, rows = r.showConnections()
	case "REPLICATION ACCOUNTS":
		columns, rows = r.showReplicationAccounts()
	case "REPLICATION DATABASES":
		columns, rows = r.showReplicationDatabases()
	case "DATABASES":
		columns, rows = r.showDatabases(s)
	case "SHARES":
		columns, rows = r.showShares(s)
	case "GRANTS":
		columns, rows = r.showGrants(s)
	case "WAREHOUSES":
		columns, rows = r.showWarehouses()
	case "PARAMETERS":
		columns, rows = r.showParameters()
	case "ROLES":
		columns, rows = r.showRoles()
	case "TASKS":
		columns, rows = r.showTasks(s)
	case "PIPES":
		columns, rows = r.showPipes(s)
	}
	if r.err != nil {
		return nil
	}
	if i := slices.IndexFunc(columns, func(c column) bool { return c.name == "name" || c.name == "key" }); s.like != "" && i >= 0 {
		rows = slices.DeleteFunc(rows, func(row []any) bool { return !like(text(row[i]), s.like, true) })
	}
	if s.limit > 0 && int(s.limit) < len(rows) {
		rows = rows[:s.limit]
	}
	columns, rows = r.edit("SHOW "+s.what, columns, rows)
	return &result{columns, rows, kindShow}
}

func texts(names ...string) []column {
	var out []column
	for _, n := range names {
		k := kindText
		if strings.HasSuffix(n, "_on") && n != "granted_on" {
			k = kindTime
		}
		out = append(out, column{n, k})
	}
	return out
}

// regionGroup puts the column in front where the organization has several.
func (r *execution) regionGroup(columns []column, rows [][]any) ([]column, [][]any) {
	if !r.account.groupedRegions {
		return columns, rows
	}
	for i := range rows {
		rows[i] = append([]any{"PUBLIC"}, rows[i]...)
	}
	return append(texts("region_group"), columns...), rows
}

// showGroups shows this account's groups, and those of other accounts that are
// their primaries or secondaries, as far as this account knows them. Columns are
// in the order of the documentation.
func (r *execution) showGroups(s show) ([]column, [][]any) {
	columns := texts(
		"snowflake_region", "created_on", "account_name", "name", "type", "comment", "is_primary", "primary", "object_types",
		"allowed_integration_types", "allowed_accounts", "organization_name", "account_locator", "replication_schedule",
		"secondary_state", "next_scheduled_refresh", "owner", "is_listing_auto_fulfillment_group",
	)
	columns[15].kind = kindTime
	if s.what == "FAILOVER GROUPS" {
		columns = append(columns, texts("is_optimized_refresh_enabled")...)
	}
	var rows [][]any
	for _, a := range r.account.org.accounts {
		if s.in == "ACCOUNT" && s.name != "" && s.name != a.Name && s.name != a.Locator {
			continue
		}
		groups := a.groups
		if a != r.account {
			groups = a.seenGroups()
		}
		for _, g := range groups {
			if s.what == "FAILOVER GROUPS" && g.kind != failoverType || !r.account.sees(r.session.role, g) || !r.related(g) {
				continue
			}
			row := r.groupRow(g)
			if s.what == "FAILOVER GROUPS" {
				row = append(row, "false")
			}
			rows = append(rows, row)
		}
	}
	return r.regionGroup(columns, rows)
}

// related says whether a group of another account is linked with this one.
func (r *execution) related(g *group) bool {
	if g.account == r.account {
		return true
	}
	if g.primary {
		return slices.Contains(g.allowed, r.account.Name)
	}
	return slices.ContainsFunc(r.account.groups, func(own *group) bool {
		return own.ref == g.ref || g.ref == ref{r.account.Name, own.name} || own.ref == ref{g.account.Name, g.name}
	})
}

func (r *execution) groupRow(g *group) []any {
	org, own := r.account.org, g.account == r.account
	optional := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	row := []any{
		g.account.Region, g.created, g.account.Name, g.name, g.kind, g.comment, strconv.FormatBool(g.primary), org.text(g.ref),
		"", "", "", org.name, g.account.Locator, optional(g.schedule), nil, nil, nil, strconv.FormatBool(g.listing),
	}
	if own || g.account.Region == r.account.Region {
		row[16] = g.owner
	}
	if g.primary {
		var accounts []string
		for _, name := range g.allowed {
			accounts = append(accounts, org.name+"."+name)
		}
		row[8], row[10] = strings.Join(g.objectTypes, ", "), strings.Join(accounts, ", ")
		return row
	}
	row[14] = g.state
	if own {
		row[13] = optional(g.shownSchedule())
		if due, ok := g.due(r.now); ok {
			row[15] = due
		}
	}
	return row
}

func (r *execution) showConnections() ([]column, [][]any) {
	columns := texts("snowflake_region", "created_on", "account_name", "name", "comment", "is_primary", "primary",
		"failover_allowed_to_accounts", "connection_url", "organization_name", "account_locator")
	org := r.account.org
	var rows [][]any
	for _, a := range org.accounts {
		connections := a.connections
		if a != r.account {
			connections = a.seenConnections()
		}
		for _, c := range connections {
			if a != r.account && !slices.ContainsFunc(r.account.connections, func(own *connection) bool { return own.name == c.name }) && !slices.Contains(c.allowed, r.account.Name) {
				continue
			}
			var allowed []string
			for _, name := range c.allowed {
				allowed = append(allowed, org.name+"."+name)
			}
			host := strings.ToLower(strings.ReplaceAll(org.name+"-"+c.name, "_", "-"))
			rows = append(rows, []any{
				a.Region, c.created, org.name + "." + a.Name, c.name, c.comment, strconv.FormatBool(c.primary), org.text(c.ref),
				strings.Join(allowed, ", "), host + ".snowflakecomputing.com", org.name, a.Locator,
			})
		}
	}
	return r.regionGroup(columns, rows)
}

func (r *execution) visibleGroup(name string) *group {
	g := r.account.group(name)
	if g == nil || !r.account.sees(r.session.role, g) {
		r.fail(unknownObject("Failover Group", name))
		return nil
	}
	return g
}
