package render

import (
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// roleIndicator tells which part a node plays, on every platform that has parts.
const roleIndicator readiness.ID = "node.role"

// place is where an endpoint of a resource stands and what it does there:
// " (fra, standby)", or nothing when neither is known.
func place(r, endpoint readiness.Result) string {
	var parts []string
	if endpoint.Site != "" {
		parts = append(parts, endpoint.Site)
	}
	if role := role(r, endpoint.Name); role != "" {
		parts = append(parts, role)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func role(r readiness.Result, endpoint string) string {
	for _, i := range r.Indicators {
		if i.Endpoint == endpoint && i.Indicator == roleIndicator && i.Failure == nil {
			text, _ := i.Value.Text()
			return text
		}
	}
	return ""
}
