package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Finding is one rule that does not hold at one place.
type Finding struct {
	Rule    string `json:"rule"`
	Class   Class  `json:"class"`
	Attack  string `json:"attack"`
	Path    string `json:"path,omitempty"`
	Line    int    `json:"line,omitempty"` // from 1; 0 when it is about the file
	Leaf    int64  `json:"leaf"`           // -1 when it has none
	Message string `json:"message"`
}

// Place is where a finding is, for people.
func (f Finding) Place() string {
	switch {
	case f.Path == "":
		return "the log"
	case f.Line > 0:
		return fmt.Sprintf("%s:%d", f.Path, f.Line)
	default:
		return f.Path
	}
}

// Report is what Verify found.
type Report struct {
	Result   Class     `json:"result"`
	Origin   string    `json:"origin"`
	LogID    string    `json:"logId"` // SHA-256 of the first leaf
	Head     TreeHead  `json:"head"`  // of what is sealed
	Segments int64     `json:"segments"`
	Entries  int64     `json:"entries"`
	Seals    int64     `json:"seals"`
	Unsealed int64     `json:"unsealedSegments"`
	Tier     int       `json:"anchorTier"`   // 0: nothing outside the log vouches for its end; 1: a pin does; 3: witnesses do
	Pinned   int64     `json:"pinnedLeaves"` // how many leaves the pin vouches for
	Newest   time.Time `json:"newestEntry"`
	Trust    int64     `json:"trustVersion"`
	// Witnessed is how many leaves enough witnesses vouch for, and WitnessedAt when.
	Witnessed   int64     `json:"witnessedLeaves"`
	WitnessedAt time.Time `json:"witnessedAt,omitzero"`

	// Resolved are steps of which a person said what became of them: the newest ones.
	Resolved []ResolvedStep `json:"resolvedSteps,omitempty"`

	Findings []Finding `json:"findings"`
	Omitted  int64     `json:"omittedFindings,omitempty"`

	expected bool // its log id was given, and is this
}

// ResolvedStep is a step of a run that nobody could tell about but a person.
type ResolvedStep struct {
	Run    string `json:"run"`
	Step   string `json:"step"`
	Status string `json:"status"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	Leaf   int64  `json:"leaf"`

	// Roster is the commit whose roster says that the person might; empty: none was at hand.
	Roster string `json:"roster,omitempty"`
}

// maxResolved bounds how many of them a report has.
const maxResolved = 100

// maxFindings bounds a report: a log that was exchanged as a whole breaks every
// rule everywhere.
const maxFindings = 1000

func (r *Report) find(rule, path string, line int, leaf int64, format string, args ...any) {
	is := ruleOf(rule)
	f := Finding{rule, is.Class, is.Attack, path, line, leaf, fmt.Sprintf(format, args...)}
	if len(r.Findings) >= maxFindings {
		r.Omitted++
		// The worst class must not be among those left out.
		if !slices.ContainsFunc(r.Findings, func(x Finding) bool { return x.Class == f.Class }) {
			r.Findings[len(r.Findings)-1] = f
		}
		return
	}
	r.Findings = append(r.Findings, f)
}

var severity = []Class{Verified, Incomplete, Disallowed, Stale, Tampered}

// conclude orders the findings, worst first, and sets the result.
func (r *Report) conclude() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(severity, b.Class), slices.Index(severity, a.Class)), cmp.Compare(a.Rule, b.Rule))
	})
	// A pin that the log does not contain vouches for nothing.
	if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Rule == "AUD-16" }) {
		r.Pinned = 0
	}
	// Who the witnesses are is said by the log itself, so they count for a log that is
	// known to be the one expected.
	r.Tier = 0
	switch {
	case r.Witnessed > 0 && (r.Pinned > 0 || r.expected):
		r.Tier = 3
	case r.Pinned > 0:
		r.Tier = 1
	}
	r.Result = Verified
	if len(r.Findings) > 0 {
		r.Result = r.Findings[0].Class
	}
}
