package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/bcctl/bcctl/internal/canonical"
)

// entries judges the entries of a segment: their place in their run, what their
// writer had seen, their times, and what they record.
func (v *verifier) entries(c *checked, first int64, sealed bool) {
	v.report.Entries += int64(len(c.entries))
	v.opening(c, first)
	r := v.runOf(c, first)
	view := v.viewOf(c, first, sealed)
	skew := seconds(v.inForce().Limits.Skew)
	from, to := view.Add(-skew), v.options.Now.Add(skew)
	for i := range c.entries {
		e, at := &c.entries[i], spot{v, c.path, i + 1, first + int64(i)}
		if e.Seq != r.nextSeq {
			at.find("AUD-10", "it is entry %d of its run, and %d comes next", e.Seq, r.nextSeq)
		}
		r.nextSeq = e.Seq + 1
		switch {
		case e.Time.Before(from):
			at.find("AUD-19", "it is of %s, and its writer had seen an entry of %s", e.Time.Format(TimeForm), view.Format(TimeForm))
		case !v.options.Now.IsZero() && e.Time.After(to):
			at.find("AUD-19", "it is of %s, which is in the future", e.Time.Format(TimeForm))
		}
		if e.Time.After(v.state.newest.Time) {
			v.state.newest = e.Time
		}
		v.meaning(e, r, c, at, sealed)
	}
}

// spot is where a finding is.
type spot struct {
	v    *verifier
	path string
	line int
	leaf int64
}

func (s spot) find(rule, format string, args ...any) {
	s.v.report.find(rule, s.path, s.line, s.leaf, format, args...)
}

// opening checks the first entry of a segment, and that no other is like it.
func (v *verifier) opening(c *checked, first int64) {
	for i := range c.entries {
		e := &c.entries[i]
		want := i == 0 && first > 0 && e.Type != SegmentOpen ||
			i == 0 && first == 0 && e.Type != Genesis ||
			i > 0 && (e.Type == SegmentOpen || e.Type == Genesis)
		if want {
			v.report.find("AUD-10", c.path, i+1, first+int64(i), "an entry of type %s does not belong at this place", e.Type)
		}
	}
	e := c.entries[0]
	if first != 0 || e.Type != Genesis {
		return
	}
	v.state.created, v.state.hasLeaves = e.CreatedAt, true
	if e.TrustSHA256 != v.trusted[0] {
		v.report.find("AUD-22", TrustPath(1), 0, 0, "the first entry names other keys than these")
	}
	line, err := canonical.Encode(e)
	if err != nil {
		return // it was read from this form
	}
	sum := sha256.Sum256(line)
	v.report.LogID = hex.EncodeToString(sum[:])
	v.report.expected = v.options.LogID == v.report.LogID
	if v.options.LogID != "" && !v.report.expected {
		v.report.find("AUD-01", c.path, 1, 0, "this is log %s, expected was %s", v.report.LogID, v.options.LogID)
	}
}

// runOf finds the run of a segment, and checks that the segment continues it.
func (v *verifier) runOf(c *checked, first int64) *run {
	r := v.state.runs[c.id.Run]
	if r == nil {
		r = &run{intent: -1, outcome: -1}
		v.state.runs[c.id.Run] = r
	}
	head := &c.entries[0]
	switch {
	case c.id.Part != r.part+1:
		v.report.find("AUD-10", c.path, 0, first, "it is part %d of its run, and part %d comes next", c.id.Part, r.part+1)
	case head.PrevPart != r.previous():
		v.report.find("AUD-10", c.path, 1, first, "it continues another part of its run than the one that is here")
	}
	r.path, r.part, r.prev = c.path, c.id.Part, c.sum
	return r
}

// previous is what the next part of a run names as the one before.
func (r *run) previous() string {
	if r.part == 0 {
		return ""
	}
	return hex.EncodeToString(r.prev[:])
}

// viewOf checks what the writer of a segment says it had seen of the log, and
// returns the newest time it knew.
func (v *verifier) viewOf(c *checked, first int64, sealed bool) Time {
	e, s := &c.entries[0], &v.state
	for _, text := range e.Frontier {
		// What has come already needs no look at the end.
		d := raw32(text)
		if _, there := s.seen[d]; !there {
			s.views = append(s.views, frontier{d, c.path, first})
		}
	}
	newest := s.created
	if e.Seen == nil {
		return newest
	}
	h, known := s.headAt(e.Seen.Size)
	switch {
	case e.Seen.Size == 0 && e.Seen.Root == hex.EncodeToString(rfc6962.DefaultHasher.EmptyRoot()):
	case !known || e.Seen.Size > first:
		v.report.find("AUD-13", c.path, 1, first, "its writer saw a seal of size %d, and there is none before it", e.Seen.Size)
	case h.Root != e.Seen.Root:
		v.report.find("AUD-13", c.path, 1, first, "its writer saw another root of size %d", e.Seen.Size)
	default:
		newest = h.newest
	}
	if sealed {
		s.inSeal = append(s.inSeal, viewed{c.path, first, newest})
	}
	return newest
}

// meaning checks what an entry records, against the others of its run.
func (v *verifier) meaning(e *Entry, r *run, c *checked, at spot, sealed bool) {
	switch e.Type {
	case ExecutionIntent:
		if r.intent >= 0 {
			at.find("AUD-30", "the run had begun already, at leaf %d", r.intent)
		}
		r.intent, r.steps = at.leaf, e.Plan.Steps
		if of, err := OfRun(*e); err == nil {
			r.proof = of.SHA256
		}
		if e.Request != nil {
			r.request, r.offline = e.Request.Digest, e.Policy != nil && strings.HasSuffix(e.Policy.Rule, " offline")
			if before := v.state.begun[r.request]; before.Before(e.Time.Time) {
				r.since, v.state.begun[r.request] = before, e.Time
			}
		}
		v.approvals(e, at)
	case StepResult:
		switch n := e.Step.Index; {
		case r.intent < 0:
			at.find("AUD-30", "a step of a run that had not begun")
		case n >= int64(len(r.steps)):
			at.find("AUD-30", "step %d of a plan of %d steps", n, len(r.steps))
		case r.steps[n] != e.Step.Name:
			at.find("AUD-30", "step %d is called another name in the plan", n)
		}
		if p := e.Resolution; p != nil {
			list := append(v.report.Resolved, ResolvedStep{e.Run, e.Step.Name, e.Step.Status, p.By, p.Reason, at.leaf, v.answer(e, r, at)})
			v.report.Resolved = list[max(0, len(list)-maxResolved):]
		} else {
			v.state.tried[r.request+" "+e.Step.Name] = at.leaf
		}
	case ExecutionOutcome:
		v.outcome(e, r, at, sealed)
	case RequestEvaluated:
		v.approvals(e, at)
	case BreakGlassUsed:
		v.state.emergency = append(v.state.emergency, breakGlass{c.path, at.leaf, c.id.Run, e.BreakGlass.ReviewDue, false})
	case BreakGlassReview:
		v.reviewed(e)
	case TrustUpdate:
		v.trustUpdate(e, c, at)
	case RecoveryImport:
		// Who brought them late vouches that they are there.
		for _, x := range e.Evidence {
			d := raw32(x.SHA256)
			if _, there := v.state.seen[d]; !there && placeOf(x.Name).kind == segmentFile {
				v.state.views = append(v.state.views, frontier{d, c.path, at.leaf})
			}
		}
	}
}

// answered is what a signed answer was used for first.
type answered struct {
	request string
	step    string
	status  string
	since   Time
	leaf    int64
}

// answer checks what a person is said to have answered about a step, and returns the
// roster that it was held against.
func (v *verifier) answer(e *Entry, r *run, at spot) (roster string) {
	p := e.Resolution
	signed := sha256.Sum256([]byte(p.Statement))
	about := answered{r.request, e.Step.Name, e.Step.Status, r.since, at.leaf}
	switch first, there := v.state.answers[signed]; {
	case !there:
		v.state.answers[signed] = about
	case first.request == about.request && first.step == about.step && first.status == about.status && v.state.tried[r.request+" "+e.Step.Name] <= first.leaf:
		about = first // a start that was killed after it had brought it left it to the next one
	default:
		at.find("AUD-35", "what %s signed about %s was used before, at leaf %d", p.By, e.Step.Name, first.leaf)
	}
	if e.Actor == nil || e.Actor.Login != p.By {
		at.find("AUD-35", "it is recorded as said by another one than %s, who signed", p.By)
	}
	if v.options.Answer == nil {
		return ""
	}
	roster, err := v.options.Answer(Answer{Resolution: *p, Request: r.request, Step: e.Step.Name, Status: e.Step.Status, At: e.Time.Time, Since: about.since.Time, Offline: r.offline})
	if err != nil {
		at.find("AUD-35", "%s", err)
	}
	return roster
}

// outcome ends the run it stands in, and every run that it names as evidence: what
// a killed run left open is ended by the one that continues or settles it.
//
// What is not sealed has no order yet: such an end may be read before the beginning,
// and is compared with it when all is read.
func (v *verifier) outcome(e *Entry, r *run, at spot, sealed bool) {
	others := 0
	for _, x := range e.Evidence {
		id, isRun := strings.CutPrefix(x.Name, runEvidence)
		if !isRun || id == e.Run {
			continue
		}
		others++
		if other := v.state.runs[id]; !sealed && (other == nil || other.intent < 0) {
			v.state.ends = append(v.state.ends, end{id, x.SHA256, at.path, at.leaf})
			continue
		}
		v.endOf(id, x.SHA256, at)
	}
	switch {
	case r.intent < 0 && others == 0:
		at.find("AUD-30", "the end of a run that had not begun")
	case r.outcome >= 0:
		at.find("AUD-30", "the run had ended already, at leaf %d", r.outcome)
	}
	r.outcome = at.leaf
}

// endOf ends a run that another one names, by the digest of how it began.
func (v *verifier) endOf(id, proof string, at spot) {
	switch r := v.state.runs[id]; {
	case r == nil || r.intent < 0:
		at.find("AUD-30", "the end of run %s, which had not begun", id)
	case r.proof != proof:
		at.find("AUD-30", "the end of run %s, which had begun in another way", id)
	case r.outcome >= 0:
		at.find("AUD-30", "run %s had ended already, at leaf %d", id, r.outcome)
	default:
		r.outcome = at.leaf
	}
}

// approvals checks that what counted as approval was one of this commit by somebody
// else, and that there is one by another person for every role that is required.
func (v *verifier) approvals(e *Entry, at spot) {
	if !e.Policy.Satisfied {
		return
	}
	asked := e.Request.By
	if asked == "" && e.Actor != nil {
		asked = e.Actor.ID
	}
	people, roles := map[string]bool{}, map[string]int{}
	for _, a := range e.Policy.Approvals {
		switch {
		case e.Request.HeadSHA != "" && a.CommitSHA != e.Request.HeadSHA:
			at.find("AUD-31", "the approval of %s is of another commit than the request's", a.ID)
		case a.ID == asked:
			at.find("AUD-31", "the approval is by who asked, %s", a.ID)
		case people[a.ID]:
			at.find("AUD-31", "two approvals are by one person, %s", a.ID)
		}
		people[a.ID] = true
		roles[a.Role]++
	}
	if e.BreakGlass != nil {
		return // fewer people are what it is about; AUD-32 asks for the review
	}
	for _, role := range e.Policy.Required {
		if roles[role]--; roles[role] < 0 {
			at.find("AUD-31", "the policy counts as satisfied without an approval in role %s", role)
		}
	}
}

// reviewed marks the emergencies that a review names as evidence.
func (v *verifier) reviewed(e *Entry) {
	for i := range v.state.emergency {
		b := &v.state.emergency[i]
		if slices.ContainsFunc(e.Evidence, func(x Evidence) bool { return x.Name == runEvidence+b.run }) && !e.Time.After(b.due.Time) {
			b.done = true
		}
	}
}

// trustUpdate puts a new version of the keys in force, if the keys before say so.
func (v *verifier) trustUpdate(e *Entry, c *checked, at spot) {
	now, next := v.inForce(), v.state.trust+1
	if len(c.entries) != 2 {
		at.find("AUD-22", "a new version of the keys stands in a segment with something else")
		return
	}
	if next >= len(v.versions) || e.Trust.Version != v.versions[next].Version || e.Trust.SHA256 != v.trusted[next] {
		at.find("AUD-22", "version %d of the keys does not follow version %d, or its file is another one", e.Trust.Version, now.Version)
		return
	}
	admins := map[string]bool{}
	for _, id := range c.signers {
		i := slices.IndexFunc(now.Keys, func(k Key) bool { return k.ID == id })
		if i >= 0 && now.Keys[i].has(RoleTrustAdmin) && now.Keys[i].in(v.state.index-1) {
			admins[id] = true
		}
	}
	if int64(len(admins)) < now.Threshold {
		at.find("AUD-22", "version %d of the keys is signed by %d of %d trust-admin keys that are needed", e.Trust.Version, len(admins), now.Threshold)
		return
	}
	v.state.trust = next
}
