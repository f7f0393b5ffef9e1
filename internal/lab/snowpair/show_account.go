package snowpair

import (
	"slices"
	"strconv"
	"strings"
)

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
