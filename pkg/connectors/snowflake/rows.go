package snowflake

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/endpoint"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/failover"
	"github.com/bcctl/bcctl/pkg/connectors/snowflake/session"
)

// Rows become facts here, by the names of columns as the pages of the statements
// list them. A column that is missing leaves its fact unknown.

func groups(rows []session.Row) []failover.Group {
	list := make([]failover.Group, 0, len(rows))
	for _, r := range rows {
		g := failover.Group{
			Account: r.Text("account_name"), Locator: r.Text("account_locator"), Region: r.Text("snowflake_region"), Organization: r.Text("organization_name"),
			Name: r.Text("name"), Type: r.Text("type"), Primary: r.Text("primary"), Allowed: endpoint.SplitList(r.Text("allowed_accounts")),
			Created: r.Time("created_on"), IsPrimary: r.Flag("is_primary"),
			Schedule: notNull(r.Text("replication_schedule")), State: notNull(r.Text("secondary_state")),
			Next: r.Time("next_scheduled_refresh"),
		}
		if auto := r.Flag("is_listing_auto_fulfillment_group"); auto != nil {
			g.AutoFulfillment = *auto
		}
		if text := notNull(r.Text("next_scheduled_refresh")); g.Next == nil && text != "" {
			if g.Next = parseTime(text); g.Next == nil {
				g.NextText = text
			}
		}
		list = append(list, g)
	}
	return list
}

// notNull is a text, of which some columns write NULL where they mean none.
func notNull(text string) string {
	if strings.EqualFold(strings.TrimSpace(text), "null") {
		return ""
	}
	return strings.TrimSpace(text)
}

func connections(rows []session.Row) []failover.Connection {
	list := make([]failover.Connection, 0, len(rows))
	for _, r := range rows {
		list = append(list, failover.Connection{
			Account: r.Text("account_name"), Locator: r.Text("account_locator"), Region: r.Text("snowflake_region"),
			Name: r.Text("name"), Primary: r.Text("primary"), IsPrimary: r.Flag("is_primary"),
			Allowed: endpoint.SplitList(strings.Trim(r.Text("failover_allowed_to_accounts"), "[]")),
		})
	}
	return list
}

func databases(rows []session.Row) []string {
	list := make([]string, 0, len(rows))
	for _, r := range rows {
		list = append(list, r.Text("name"))
	}
	return list
}

func refreshes(rows []session.Row) []failover.Refresh {
	list := make([]failover.Refresh, 0, len(rows))
	for _, r := range rows {
		f := failover.Refresh{Job: r.Text("job_uuid"), Phase: r.Text("phase_name"), Start: r.Time("start_time"), End: r.Time("end_time"), Snapshot: r.Time("primary_snapshot_timestamp")}
		f.Code, f.Message = refreshError(r.Text("error"))
		list = append(list, f)
	}
	return list
}

// refreshError reads ERROR, a variant with a code and a message.
func refreshError(text string) (code, message string) {
	if notNull(text) == "" {
		return "", ""
	}
	var parsed struct {
		Code    any    `json:"errorCode"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(text), &parsed) != nil {
		return "", text
	}
	if parsed.Code != nil {
		code = fmt.Sprint(parsed.Code)
	}
	return code, parsed.Message
}

func references(rows []session.Row) []failover.Reference {
	list := make([]failover.Reference, 0, len(rows))
	for _, r := range rows {
		ref := failover.Reference{
			From: strings.TrimSpace(r.Text("referencing_entity_domain") + " " + r.Text("referencing_entity_name")),
			To:   strings.TrimSpace(r.Text("referenced_entity_domain") + " " + r.Text("referenced_entity_name")),
			// Where it is not said, it is taken to block: nothing says that it does not.
			Blocking: true,
		}
		if blocking := r.Flag("is_blocking_refresh"); blocking != nil {
			ref.Blocking = *blocking
		}
		list = append(list, ref)
	}
	return list
}
