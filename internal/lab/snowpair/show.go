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

func (r *execution) showReplicationAccounts() ([]column, [][]any) {
	if r.session.role != roleAdmin {
		r.fail(fail(3001, "42501", "SQL access control error:\nInsufficient privileges to operate on account '%s'", r.account.Name))
		return nil, nil
	}
	var rows [][]any
	for i, a := range r.account.org.accounts {
		rows = append(rows, []any{a.Region, r.pair.started, a.Name, a.Locator, "", r.account.org.name, strconv.FormatBool(i == 0)})
	}
	return r.regionGroup(texts("snowflake_region", "created_on", "account_name", "account_locator", "comment", "organization_name", "is_org_admin"), rows)
}

func (r *execution) showReplicationDatabases() ([]column, [][]any) {
	columns := texts("snowflake_region", "created_on", "account_name", "name", "comment", "is_primary", "primary",
		"replication_allowed_to_accounts", "failover_allowed_to_accounts", "organization_name", "account_locator")
	return r.regionGroup(columns, nil) // databases of groups are not listed here
}

func (r *execution) showDatabases(s show) ([]column, [][]any) {
	columns := texts("created_on", "name", "is_default", "is_current", "origin", "owner", "comment", "options", "retention_time", "kind", "budget", "owner_role_type", "object_visibility")
	row := func(d *database) []any {
		current := "N"
		if r.session.database == d.name {
			current = "Y"
		}
		return []any{d.created, d.name, "N", current, "", roleAdmin, "", "", "1", "STANDARD", nil, "ROLE", nil}
	}
	var rows [][]any
	if strings.HasSuffix(s.in, "GROUP") {
		g := r.visibleGroup(s.name)
		if g == nil {
			return nil, nil
		}
		for _, name := range g.databases {
			d := r.account.database(name)
			if d == nil {
				d = &database{account: r.account, name: name, created: g.created}
			}
			rows = append(rows, row(d))
		}
		return columns, rows
	}
	for _, d := range r.account.databases {
		if r.account.has(r.session.role, onDatabase, d.name) {
			rows = append(rows, row(d))
		}
	}
	return columns, rows
}

func (r *execution) showShares(s show) ([]column, [][]any) {
	columns := texts("created_on", "kind", "owner_account", "name", "database_name", "to", "owner", "comment", "listing_global_name", "secure_objects_only")
	if !strings.HasSuffix(s.in, "GROUP") {
		return columns, nil
	}
	g := r.visibleGroup(s.name)
	if g == nil {
		return nil, nil
	}
	var rows [][]any
	for _, name := range g.shares {
		rows = append(rows, []any{g.created, "OUTBOUND", r.account.org.name + "." + r.account.Name, name, homeDatabase, "", roleAdmin, "", "", "true"})
	}
	return columns, rows
}

func (r *execution) visibleGroup(name string) *group {
	g := r.account.group(name)
	if g == nil || !r.account.sees(r.session.role, g) {
		r.fail(unknownObject("Failover Group", name))
		return nil
	}
	return g
}

func (r *execution) showGrants(s show) ([]column, [][]any) {
	columns := texts("created_on", "privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by")
	var rows [][]any
	if s.in == "USER" {
		u := r.account.users[s.name]
		if u == nil || s.name != r.session.user && r.session.role != roleAdmin {
			r.fail(unknownObject("User", s.name))
			return nil, nil
		}
		for _, name := range u.roles {
			rows = append(rows, []any{r.pair.started, name, "USER", u.name, roleAdmin})
		}
		return texts("created_on", "role", "granted_to", "grantee_name", "granted_by"), rows
	}
	on := s.in
	switch s.in {
	case "FAILOVER GROUP", "REPLICATION GROUP":
		on = onGroup
		if r.visibleGroup(s.name) == nil {
			return nil, nil
		}
	case "WAREHOUSE", "CONNECTION":
		if !r.account.has(r.session.role, s.in, s.name) {
			r.fail(unknownObject(s.in[:1]+strings.ToLower(s.in[1:]), s.name))
			return nil, nil
		}
	case "ROLE":
		if r.account.roles[s.name] == nil || !slices.Contains(r.session.available, s.name) && r.session.role != roleAdmin {
			r.fail(unknownObject("Role", s.name))
			return nil, nil
		}
	}
	for _, name := range sortedKeys(r.account.roles) {
		if s.onto && name != s.name {
			continue
		}
		for _, g := range r.account.roles[name].grants {
			if !s.onto && (g.on != on || g.name != s.name) {
				continue
			}
			shown := g.on
			if shown == onGroup {
				shown = "FAILOVER_GROUP"
				if own := r.account.group(g.name); own != nil && own.kind == replicationType {
					shown = "REPLICATION_GROUP"
				}
			}
			rows = append(rows, []any{g.since, g.privilege, shown, g.name, "ROLE", name, strconv.FormatBool(g.privilege == "OWNERSHIP"), roleAdmin})
		}
	}
	return columns, rows
}

func (r *execution) showWarehouses() ([]column, [][]any) {
	columns := texts("name", "state", "type", "size", "min_cluster_count", "max_cluster_count", "started_clusters", "running", "queued",
		"is_default", "is_current", "auto_suspend", "auto_resume", "available", "provisioning", "quiescing", "other", "created_on", "resumed_on",
		"updated_on", "owner", "comment", "enable_query_acceleration", "query_acceleration_max_scale_factor", "resource_monitor",
		"actives", "pendings", "failed", "suspended", "uuid", "scaling_policy", "budget", "owner_role_type", "resource_constraint")
	for i := range columns {
		switch columns[i].name {
		case "min_cluster_count", "max_cluster_count", "started_clusters", "running", "queued", "auto_suspend", "query_acceleration_max_scale_factor", "actives", "pendings", "failed", "suspended":
			columns[i].kind = kindFixed
		}
	}
	var rows [][]any
	for _, w := range r.account.warehouses {
		if !r.account.has(r.session.role, onWarehouse, w.name) {
			continue
		}
		state, clusters, current, available := "SUSPENDED", int64(0), "N", ""
		if w.started(r.now) {
			state, clusters, available = "STARTED", 1, "100"
		}
		if w.name == r.session.warehouse {
			current = "Y"
		}
		var resumed any
		if !w.resumed.IsZero() {
			resumed = w.resumed
		}
		rows = append(rows, []any{
			w.name, state, "STANDARD", w.size, int64(1), int64(1), clusters, int64(0), int64(0), "N", current, int64(w.suspend.Seconds()), "true",
			available, "", "", "", w.created, resumed, w.created, roleAdmin, "", "false", int64(8), "null",
			clusters, int64(0), int64(0), 1 - clusters, "1", "STANDARD", nil, "ROLE", nil,
		})
	}
	return columns, rows
}

func (r *execution) showParameters() ([]column, [][]any) {
	defaults := [][3]string{
		{"ABORT_DETACHED_QUERY", "false", "BOOLEAN"},
		{"AUTOCOMMIT", "true", "BOOLEAN"},
		{"LOCK_TIMEOUT", "43200", "NUMBER"},
		{"QUERY_TAG", "", "STRING"},
		{"STATEMENT_QUEUED_TIMEOUT_IN_SECONDS", "0", "NUMBER"},
		{"STATEMENT_TIMEOUT_IN_SECONDS", "172800", "NUMBER"},
		{"TIMEZONE", "America/Los_Angeles", "STRING"},
	}
	var rows [][]any
	for _, d := range defaults {
		value, level := d[1], ""
		if v, ok := r.session.parameters[d[0]]; ok {
			value, level = text(v), "SESSION"
		}
		rows = append(rows, []any{d[0], value, d[1], level, "", d[2]})
	}
	return texts("key", "value", "default", "level", "description", "type"), rows
}

func (r *execution) showRoles() ([]column, [][]any) {
	var rows [][]any
	for _, name := range sortedKeys(r.account.roles) {
		current := "N"
		if name == r.session.role {
			current = "Y"
		}
		rows = append(rows, []any{r.pair.started, name, "N", current, "N", int64(0), int64(0), int64(0), "", ""})
	}
	return texts("created_on", "name", "is_default", "is_current", "is_inherited", "assigned_to_users", "granted_to_roles", "granted_roles", "owner", "comment"), rows
}
