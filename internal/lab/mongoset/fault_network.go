package mongoset

import (
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

func networkFaults() []fault {
	return []fault{
		{"cut-network", "the DR site is cut off from the other members; bcctl still reaches it", codes(readiness.StandbyAbsent),
			func(s *Set) (func() error, error) {
				away := s.away()
				var links []link
				for _, n := range s.but(away) {
					links = append(links, link{away.index, n.index}, link{n.index, away.index})
				}
				return s.cutLinks(links...)
			}},
		{"cut-one-way", "the primary cannot open connections to the DR site; the DR site can to it", codes(readiness.PartitionOneWay),
			func(s *Set) (func() error, error) {
				return s.cutLinks(link{s.home().index, s.away().index})
			}},
		{"split-brain", "the primary at home is cut off and does not step down: the others elect another one, in a newer term", codes(readiness.TwoWriters),
			func(s *Set) (func() error, error) {
				home := s.home()
				var links []link
				for _, n := range s.but(home) {
					links = append(links, link{home.index, n.index}, link{n.index, home.index})
				}
				undoCut, _ := s.cutLinks(links...) // cannot fail
				undoQuirk, err := quirk("split-brain", func(q *quirks) { q.stubborn = true }, home)
				return both(undoQuirk, undoCut), err
			}},
		{"stale-view", "the primary has sent and noticed no heartbeat for a minute: what it says of the others is old", codes(readiness.PartitionOneWay),
			func(s *Set) (func() error, error) {
				home := s.home()
				for _, v := range home.views {
					v.lastHeartbeat, v.lastReceived = v.lastHeartbeat.Add(-time.Minute), v.lastReceived.Add(-time.Minute)
				}
				for _, n := range s.but(home) {
					v := n.view(home.me())
					v.lastReceived = v.lastReceived.Add(-time.Minute)
				}
				return quirk("stale-view", func(q *quirks) { q.frozenViews = true }, home)
			}},
		{"sync-source-missing", "the member at the DR site finds nobody to pull from", codes(readiness.ReceiverDown),
			func(s *Set) (func() error, error) {
				return quirk("sync-source-missing", func(q *quirks) { q.noSource = true }, s.away())
			}},
		{"clock-skew", "the clock of the member at the DR site is five minutes ahead", codes(readiness.ClockSkew),
			func(s *Set) (func() error, error) {
				return quirk("clock-skew", func(q *quirks) { q.skew = 5 * time.Minute }, s.away())
			}},
	}
}

func (s *Set) cutLinks(links ...link) (func() error, error) {
	r := s.main()
	for _, l := range links {
		r.severed[l]++
	}
	return func() error {
		for _, l := range links {
			r.severed[l]--
		}
		return nil
	}, nil
}
