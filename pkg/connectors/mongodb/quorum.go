package mongodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// tally is what a configuration asks for, and what one member's view has of it.
type tally struct {
	total    int // votes in all
	majority int // that elect
	holders  int // voters with data
	quorum   int // of them that acknowledge a majority write
	votes    int // that are there now, by the view
	data     int // voters with data that are there now, by the view
	down     []string
	bySite   map[string]weight
}

// weight is what a site has: in all, and now.
type weight struct{ votes, holders, nowVotes, nowData int }

// count adds up the configuration in force; by is whose view tells who is there,
// nil for nobody's.
func (s *set) count(by *node) tally {
	t := tally{bySite: map[string]weight{}}
	for i := range s.config.Members {
		seat := &s.config.Members[i]
		if seat.Votes <= 0 {
			continue
		}
		w := t.bySite[s.site(seat)]
		votes, data := s.present(by, seat)
		t.total++
		w.votes++
		if !seat.Arbiter {
			t.holders++
			w.holders++
		}
		if votes {
			t.votes++
			w.nowVotes++
		} else {
			t.down = append(t.down, s.called(seat))
		}
		if data && !seat.Arbiter {
			t.data++
			w.nowData++
		}
		t.bySite[s.site(seat)] = w
	}
	t.majority = t.total/2 + 1
	t.quorum = min(t.majority, t.holders) // as the server computes writeMajorityCount
	return t
}

// called is how a seat is named to people: by its endpoint, else as the set does.
func (s *set) called(seat *seat) string {
	if n := s.at(seat); n != nil {
		return n.Name
	}
	return seat.Host
}

// present reports whether a member counts in elections, and whether it can
// acknowledge writes, in the view of another. Members that recover or make their
// first copy vote and acknowledge nothing.
func (s *set) present(by *node, seat *seat) (votes, data bool) {
	if by == nil {
		return false, false
	}
	v := by.newest().of(seat.Host)
	if v == nil || v.State == nil {
		return false, false
	}
	if _, ok := s.heard(by, v); !v.Self && !ok {
		return false, false
	}
	switch *v.State {
	case statePrimary, stateSecondary:
		return true, true
	case stateStartup2, stateRecovering, stateArbiter, stateRollback:
		return true, false
	}
	return false, false
}

// bestView is the member whose view counts: the primary, else the one that has
// most votes with it. A set has a majority only where its members hear each
// other; that bcctl reaches all of them is no majority.
func (s *set) bestView() *node {
	if by := s.authority(); by != nil {
		return by
	}
	var best *node
	most := -1
	for _, n := range s.nodes {
		if s.trusted(n) && n.status != nil {
			if t := s.count(n); t.votes > most {
				best, most = n, t.votes
			}
		}
	}
	return best
}

// quorum answers two questions: is a majority there now, and would it be after
// the loss of a site?
func (s *set) quorum() {
	if s.config == nil {
		f := observe.Finding(readiness.QuorumUnknown, "no member told its configuration, so how many votes make a majority is not known")
		s.fail(votesID, f)
		s.fail(dataVotersID, f)
		return
	}
	by := s.bestView()
	t := s.count(by)
	votes, data := s.afterLoss(t, by != nil)
	if by == nil {
		f := observe.Finding(readiness.QuorumUnknown, "no member told which others it hears")
		s.fail(votesID, f, votes...)
		s.fail(dataVotersID, f, data...)
		return
	}
	if by == s.from { // others may have another configuration, which is said as drift
		if told := by.newest().MajorityVotes; told != nil && int(*told) != t.majority {
			votes = append(votes, observe.Finding(readiness.Conflict, "%s needs %d votes for a majority, by its configuration it is %d", by.Name, *told, t.majority))
		}
		if told := by.newest().WriteMajority; told != nil && int(*told) != t.quorum {
			data = append(data, observe.Finding(readiness.Conflict, "%s needs %d members for a majority write, by its configuration it is %d", by.Name, *told, t.quorum))
		}
	}
	if t.votes < t.majority {
		votes = append(votes, observe.Finding(readiness.QuorumLost, "%s hears %d of %d votes, and %d are needed: nothing can be elected there; missing: %s", by.Name, t.votes, t.total, t.majority, strings.Join(t.down, ", ")))
	}
	if t.data < t.quorum && s.primary != nil {
		data = append(data, observe.Finding(readiness.WriteMajorityLost, "%d of %d voting members with data follow, and %d are needed: writes with majority concern wait, and the commit point stands still", t.data, t.holders, t.quorum))
	}
	s.add(votesID, by.At, readiness.Num(float64(t.votes)), votes...)
	s.add(dataVotersID, by.At, readiness.Num(float64(t.data)), data...)
}

// afterLoss asks for each site what would be left without it: by the
// configuration, and as things are now. A member whose site is not known may be
// at any. What is so today of several sites has one cause, and is said once.
func (s *set) afterLoss(t tally, known bool) (votes, data []readiness.Finding) {
	adrift := t.bySite[""]
	var fewVotes, fewData []string
	for _, site := range slices.Sorted(maps.Keys(t.bySite)) {
		if site == "" {
			continue
		}
		w := t.bySite[site]
		left := t.total - w.votes - adrift.votes
		leftNow := t.votes - w.nowVotes - adrift.nowVotes
		holders := t.holders - w.holders - adrift.holders
		holdersNow := t.data - w.nowData - adrift.nowData
		switch {
		case left < t.majority:
			votes = append(votes, observe.Finding(readiness.QuorumSiteDependent, "without site %s %d of %d votes are left, and %d are needed: nothing would be elected, only a configuration could be forced", site, left, t.total, t.majority))
		case known && leftNow < t.majority && t.votes >= t.majority:
			fewVotes = append(fewVotes, fmt.Sprintf("without site %s %d of %d votes are left", site, leftNow, t.total))
		}
		switch {
		case holders < t.quorum:
			data = append(data, observe.Finding(readiness.WriteMajorityAtRisk, "without site %s %d voting members with data are left, and %d are needed to acknowledge a majority write", site, holders, t.quorum))
		case known && holdersNow < t.quorum && t.data >= t.quorum:
			fewData = append(fewData, fmt.Sprintf("without site %s %d voting members with data follow", site, holdersNow))
		}
	}
	if len(fewVotes) > 0 {
		votes = append(votes, observe.Finding(readiness.QuorumSiteDependent, "as things are, %s, and %d are needed; missing already: %s", strings.Join(fewVotes, ", "), t.majority, strings.Join(t.down, ", ")))
	}
	if len(fewData) > 0 {
		data = append(data, observe.Finding(readiness.WriteMajorityAtRisk, "as things are, %s, and %d are needed to acknowledge a majority write", strings.Join(fewData, ", "), t.quorum))
	}
	return votes, data
}
