package mongodb

import (
	"context"
	"strconv"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/connectors/action"
)

// Markers implements connectors.Actor: optimes, compared by term first.
func (a *actor) Markers(ctx context.Context) []connectors.Marker {
	ctx, cancel := action.Bounded(ctx, action.CheckLimit)
	defer cancel()
	s := a.look(ctx)
	var list []connectors.Marker
	for _, n := range s.nodes {
		m := connectors.Marker{Node: n.Name, Site: n.Site, Role: "unknown", Kind: "optime", ObservedAt: n.At}
		if m.ObservedAt.IsZero() {
			m.ObservedAt = a.c.now()
		}
		bad := s.proved(n)
		switch {
		case bad != nil:
			m.Failure = bad.Message
		case n.arbiter():
			m.Role, m.Failure = "arbiter", "an arbiter holds no data"
		case n.newest().Applied == nil:
			m.Failure = "it did not tell its position"
		default:
			m.Role = "standby"
			if n.writes() {
				m.Role = "primary"
			}
			m.Position, m.Timeline = n.newest().Applied.String(), strconv.FormatInt(n.newest().Applied.Term, 10)
			if seat := s.seats[n]; seat != nil && !n.writes() {
				if lag, why := s.lagOf(seat); why == nil {
					ms := lag.Milliseconds()
					m.LagMillis = &ms
				}
			}
		}
		list = append(list, m)
	}
	return list
}
