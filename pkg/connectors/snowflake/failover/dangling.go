package failover

import (
	"fmt"
	"strings"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// dangling counts references out of a group that keep refreshes from completing.
func (d *deriver) dangling(a *Account) {
	blocking, asked := 0, false
	var findings []readiness.Finding
	for _, r := range d.secondaries(a) {
		h := a.Histories[r.row.Name]
		if h == nil || !h.Asked.Dangling {
			continue
		}
		asked = true
		var names []string
		for _, ref := range h.Dangling {
			if ref.Blocking {
				blocking++
				names = append(names, fmt.Sprintf("%s to %s", ref.From, ref.To))
			}
		}
		if len(names) > 0 {
			findings = append(findings, finding(readiness.DanglingReferences, "references out of %s on %s keep it from being refreshed: %s", r.row.Name, a.Name, few(names)))
		}
	}
	if asked {
		d.book.AddAt(&a.Node, a.historyAt(), danglingID, readiness.Num(float64(blocking)), findings...)
	}
	d.failedReading(a, danglingID)
}

// few lists some names and counts the rest.
func few(names []string) string {
	const enough = 5
	if len(names) > enough {
		return strings.Join(names[:enough], ", ") + fmt.Sprintf(" and %d more", len(names)-enough)
	}
	return strings.Join(names, ", ")
}
