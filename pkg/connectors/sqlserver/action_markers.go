package sqlserver

import (
	"context"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
)

// Markers implements connectors.Actor: where the log of each database ends, by each
// instance's own word, and the recovery forks those positions are of.
func (a *actor) Markers(ctx context.Context) []connectors.Marker {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	p := a.look(ctx)
	var list []connectors.Marker
	for _, n := range p.nodes {
		m := connectors.Marker{Node: n.Name, Site: n.Site, Role: "unknown", Kind: "lsn", ObservedAt: n.At}
		if m.ObservedAt.IsZero() {
			m.ObservedAt = a.c.now()
		}
		if bad := p.proved(n); bad != nil {
			m.Failure = bad.Message
			list = append(list, m)
			continue
		}
		m.Role = "standby"
		if p.roles[n] == primaryRole {
			m.Role = "primary"
		}
		var positions, forks []string
		for _, s := range p.ownDatabases(n) {
			if s.EndOfLog != "" {
				positions = append(positions, s.Name+" "+s.EndOfLog)
			}
			if fork := n.forks()[s.ID].Fork; fork != "" && !slices.Contains(forks, fork) {
				forks = append(forks, fork)
			}
		}
		slices.Sort(positions)
		slices.Sort(forks)
		m.Position, m.Timeline = strings.Join(positions, ", "), strings.Join(forks, ", ")
		if m.Position == "" {
			m.Failure = "it did not tell where its log ends"
		}
		list = append(list, m)
	}
	return list
}
