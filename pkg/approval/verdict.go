package approval

import (
	"time"

	"github.com/bcctl/bcctl/pkg/runbook"
)

// Verdict is the answer. It has no field that says more than Allowed: whoever runs
// something asks for that one alone. All lists are sorted; the same facts in another
// order give the same verdict (T-04).
type Verdict struct {
	Schema  string         `json:"schema"` // bcctl-approval-verdict-v1
	Allowed bool           `json:"allowed"`
	Mode    Mode           `json:"mode"`
	Request string         `json:"request"` // id
	Digest  runbook.Digest `json:"digest,omitempty"`
	Action  runbook.Type   `json:"action,omitempty"`
	Target  string         `json:"target,omitempty"`
	Site    string         `json:"site,omitempty"`
	Tier    int            `json:"tier,omitempty"`
	At      time.Time      `json:"at"` // the Now of the case

	// BreakGlass says that the break-glass entry decided.
	BreakGlass bool `json:"breakGlass,omitempty"`

	// Withdrawn says that somebody who may has withdrawn the request (RUN-03). What cannot
	// be told is a denial without it.
	Withdrawn bool `json:"withdrawn,omitempty"`

	// Emergency is what its use brings with it; nil where the entry was not found.
	Emergency *Emergency `json:"emergency,omitempty"`

	// ValidUntil is the first moment at which the same evidence would no longer do;
	// zero when it does not do now.
	ValidUntil time.Time `json:"validUntil,omitzero"`

	Denials  []Finding  `json:"denials,omitempty"`  // all of them, not the first
	Relaxed  []Finding  `json:"relaxed,omitempty"`  // denials that break-glass lifted (BG-02)
	Warnings []Finding  `json:"warnings,omitempty"` // recorded, stop nothing
	Reviews  []Counted  `json:"reviews,omitempty"`  // every review or statement (APP-11)
	Slots    []SlotFill `json:"slots,omitempty"`
	Excluded []Excluded `json:"excluded,omitempty"`

	// Confirm is the exact line that starts the attempt, where one could be made.
	Confirm string `json:"confirm,omitempty"`

	// Next is what to do now: a command, or a sentence.
	Next string `json:"next,omitempty"`
}

// Emergency is what the use of break-glass brings with it.
type Emergency struct {
	Incident     string    `json:"incident"`
	Reason       string    `json:"reason"`
	Requester    string    `json:"requester"`        // whose use it is
	Until        time.Time `json:"until,omitzero"`   // of the grant; zero while nobody has approved
	ReviewWithin int       `json:"reviewWithin"`     // working days
	Notify       []string  `json:"notify,omitempty"` // channels beside the pull request
}

// ReviewDue is the end of the working day by which a use at a moment must be reviewed.
// Saturdays and Sundays are none; holidays are not known.
func (e Emergency) ReviewDue(used time.Time) time.Time {
	day := used.UTC().Truncate(24 * time.Hour)
	for left := e.ReviewWithin; left > 0; {
		day = day.AddDate(0, 0, 1)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			left--
		}
	}
	return day.Add(24*time.Hour - time.Second)
}

// Finding is one rule that does not hold, or is worth knowing.
type Finding struct {
	Rule    RuleID `json:"rule"`
	Subject string `json:"subject,omitempty"` // review 12, person ann, a path
	Message string `json:"message"`
}

// Counted is one review, or offline statement, and whether it counts.
type Counted struct {
	ID      string      `json:"id"` // review 12, or statement NONCE
	Person  string      `json:"person,omitempty"`
	Login   string      `json:"login,omitempty"` // for display
	State   ReviewState `json:"state"`
	At      time.Time   `json:"at,omitzero"`
	Counted bool        `json:"counted"`
	Roles   []SlotRole  `json:"roles,omitempty"` // claimed and held
	Rule    RuleID      `json:"rule,omitempty"`  // why not
	Message string      `json:"message,omitempty"`
}

// SlotFill is one needed approval: filled by a person, or open.
type SlotFill struct {
	Role   SlotRole `json:"role"`
	Team   *Team    `json:"team,omitempty"`
	Person string   `json:"person,omitempty"` // empty: open
	Review string   `json:"review,omitempty"` // id
	Could  []string `json:"could,omitempty"`  // open: who may fill it
}

// Excluded is a person who may not fill a slot of this request, and why.
type Excluded struct {
	Person string   `json:"person"`
	Why    []string `json:"why"`
}
