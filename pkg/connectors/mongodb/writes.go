package mongodb

import (
	"strconv"

	"github.com/bcctl/bcctl/pkg/connectors/observe"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// terms records the election term of each member, and whether there was an
// election since the last check.
func (s *set) terms() {
	var newest, before *int64
	var on *node
	for _, n := range s.nodes {
		if prev, ok := s.previous(n, termID); ok {
			if t, isNumber := prev.Value.Number(); isNumber && (before == nil || int64(t) > *before) {
				was := int64(t)
				before = &was
			}
		}
		if !s.trusted(n) || n.newest() == nil || n.newest().Term == nil {
			continue
		}
		if t := n.newest().Term; newest == nil || *t > *newest || *t == *newest && n == s.primary {
			newest, on = t, n
		}
	}
	for _, n := range s.nodes {
		if !s.trusted(n) || n.newest() == nil || n.newest().Term == nil || *n.newest().Term < 0 {
			continue
		}
		var findings []readiness.Finding
		if n == on && before != nil && *newest > *before {
			why := ""
			if n.newest().Elected != "" {
				why = "; reason: " + n.newest().Elected
			}
			findings = append(findings, observe.Finding(readiness.ElectionUnplanned, "the term grew from %d to %d since the last check%s", *before, *newest, why))
		}
		if n == on && before != nil && *newest < *before {
			s.blame(n, identityID, observe.Finding(readiness.Conflict, "the newest term is %d and was %d at the last check; terms never go back: this is another set, or it was restored from a copy", *newest, *before))
		}
		s.book.Add(&n.Node, termID, readiness.Num(float64(*n.newest().Term)), findings...)
	}
	s.lost()
}

// lost looks whether the primary had more at the last check: within a term its
// oplog only grows, so what is missing was taken away.
func (s *set) lost() {
	if s.primary == nil || !s.trusted(s.primary) || s.primary.newest() == nil || s.primary.newest().Applied == nil {
		return
	}
	now := s.primary.newest().Applied
	prev, ok := s.previous(s.primary, positionID)
	text, _ := prev.Value.Text()
	if was := parsePosition(text); ok && was != nil && was.Term == now.Term && !now.reaches(was) {
		s.blame(s.primary, identityID, observe.Finding(readiness.Conflict, "the primary %s is at %s and was at %s at the last check: it was restored from a copy, and what it had since is gone", s.primary.Name, now, was))
	}
}

// throttle looks whether the primary is slowed down so that its secondaries keep
// up: then small lag is bought with slow writes.
func (s *set) throttle() {
	p := s.primary
	if p == nil || !s.trusted(p) || s.failedReading(p, flowControlID) {
		return
	}
	switch {
	case p.flow == nil || p.flow.Enabled == nil:
		s.book.Fail(&p.Node, flowControlID, observe.Finding(readiness.ValueInvalid, "%s did not tell whether flow control is on", p.Name))
	case !*p.flow.Enabled:
		s.book.Add(&p.Node, flowControlID, readiness.Str("off"))
	case p.flow.Lagged == nil:
		s.book.Fail(&p.Node, flowControlID, observe.Finding(readiness.ValueInvalid, "%s did not tell whether flow control slows it down", p.Name))
	case *p.flow.Lagged:
		s.book.Add(&p.Node, flowControlID, readiness.Str("slowing writes"), observe.Finding(readiness.FlowControlActive, "%s slows writes down because a majority lags: lag looks better than it is", p.Name))
	default:
		s.book.Add(&p.Node, flowControlID, readiness.Str("idle"))
	}
}

func (s *set) journaled() *bool {
	if s.config == nil {
		return nil
	}
	return s.config.Journaled
}

// defaultConcern looks what an acknowledged write means by default. From 5.0 it is
// majority by implication, unless arbiters make that risky: then it is w:1.
func (s *set) defaultConcern() {
	p := s.primary
	if p == nil || !s.trusted(p) || p.isShard() {
		return
	}
	if f, failed := p.failed[writeConcernID]; failed {
		s.fail(writeConcernID, f)
		return
	}
	if p.writeConcern == nil {
		return
	}
	w, source := p.writeConcern.W, p.writeConcern.Source
	text := w
	if w == "" {
		text = "1"
	}
	if source != "" {
		text += " (" + source + ")"
	}
	var findings []readiness.Finding
	n, err := strconv.Atoi(text[:max(len(w), 1)])
	switch {
	case w == "majority":
	case err == nil && p.newest() != nil && p.newest().WriteMajority != nil && n > 0 && int64(n) >= *p.newest().WriteMajority && n > 1:
	case err != nil:
		findings = append(findings, observe.Finding(readiness.WriteConcernWeak, "the default write concern is %q; whether that is a majority is not known", w))
	default:
		findings = append(findings, observe.Finding(readiness.WriteConcernWeak, "the default write concern is %s, which is no majority: a failover can undo acknowledged writes", text))
	}
	if j := s.journaled(); j != nil && !*j {
		findings = append(findings, observe.Finding(readiness.WriteConcernWeak, "by writeConcernMajorityJournalDefault a majority acknowledges writes before they are in its journal: a loss of power can undo them"))
	}
	s.add(writeConcernID, p.At, readiness.Str(text), findings...)
}
