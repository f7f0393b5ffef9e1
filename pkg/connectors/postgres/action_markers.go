package postgres

import (
	"context"
	"strconv"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
)

// Markers implements connectors.Actor.
func (a *actor) Markers(ctx context.Context) []connectors.Marker {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	a.forget()
	v := a.lookWith(ctx, a.noting)
	var list []connectors.Marker
	for _, n := range v.nodes {
		m := connectors.Marker{Node: n.Name, Site: n.Site, Role: "unknown", Kind: "lsn", ObservedAt: n.at}
		if m.ObservedAt.IsZero() && n.collectedAt.Before(v.at) {
			m.ObservedAt = n.collectedAt // its silence was there before
		} else if m.ObservedAt.IsZero() {
			m.ObservedAt = v.at
		}
		if bad := v.proved(n); bad != nil {
			m.Failure = bad.Message
			list = append(list, m)
			continue
		}
		switch have, known := n.have(); {
		case n.isPrimary() && n.position != nil:
			m.Role, m.Position, m.Timeline = "primary", n.position.Flush.String(), strconv.Itoa(n.position.Timeline)
		case n.isPrimary():
			m.Role, m.Failure = "primary", "it did not tell its position"
		case known:
			m.Role, m.Position = "standby", have.String()
			if r := n.replay.Receiver; r != nil && r.Timeline != nil {
				m.Timeline = strconv.Itoa(*r.Timeline)
			}
		default:
			m.Role, m.Failure = "standby", "it did not tell its position"
		}
		list = append(list, m)
	}
	return list
}
