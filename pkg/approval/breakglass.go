package approval

import (
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/duration"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// BreakGlass is the emergency entry for one action on one tier. It may reduce
// people and waiting; it never makes a run unrecorded or unlocked.
type BreakGlass struct {
	// Tier is the highest tier of all targets of the request.
	Tier int `json:"tier" jsonschema:"enum=1,enum=2"`
	// Action is the type of the request.
	Action runbook.Type `json:"action" jsonschema:"enum=switchover,enum=failover,enum=failback,enum=drill"`
	// Slots are the approvals that are needed; none of them by the requester.
	Slots []Slot `json:"slots" jsonschema:"minItems=1"`
	// IncidentPattern is a regular expression that the incident's reference must
	// match.
	IncidentPattern string `json:"incidentPattern" jsonschema:"format=bcctl-regexp"`
	// ValidFor is how long the grant holds. At most and by default 60m.
	ValidFor *duration.Duration `json:"validFor,omitempty"`
	// Relax lists the rules that need not hold, by id.
	Relax []RuleID `json:"relax,omitempty" jsonschema:"uniqueItems=true"`
	// ReviewWithin is how many working days the review may take. Default 5.
	ReviewWithin int `json:"reviewWithin,omitempty" jsonschema:"minimum=1,maximum=20"`
	// Notify lists channels of bcctl.yaml that are told before the first change, in
	// addition to all those that always are.
	Notify []string `json:"notify,omitempty"`
}

// RuleID names a rule of the approval, confirmation, execution and audit rules,
// such as APP-07.
type RuleID string

// ruleCounts tells how many rules each family has; ids count from 01.
var ruleCounts = map[string]int{
	"ID": 7, "PR": 7, "BIND": 7, "POL": 6, "APP": 11, "ADM": 3, "API": 9, "CONF": 10,
	"LOCK": 7, "RUN": 9, "AUD": 6, "OFF": 6, "BG": 4, "SCH": 2, "WF": 5,
}

// relaxable are the rules that an emergency may do without. Each is about people or
// waiting: who was on the roster when, an objection, an edited review, the age of an
// approval, a bypass of the forge's own rules, the beginning and the length of the
// window, how many approvals the ordinary entry needs, a resume after the window.
// Identity, content binding, confirmation, the journal, locks and audit always hold,
// and what could not be read is never lifted (SI-20, SI-38).
var relaxable = []RuleID{"ID-03", "ID-07", "PR-06", "POL-03", "APP-02", "APP-06", "APP-07", "ADM-02", "BIND-06", "RUN-06"}

// Known reports whether a rule with this id exists.
func (id RuleID) Known() bool {
	family, number, ok := id.split()
	return ok && number >= 1 && number <= ruleCounts[family]
}

// Relaxable reports whether break-glass may relax the rule.
func (id RuleID) Relaxable() bool { return slices.Contains(relaxable, id) }

func (id RuleID) family() string {
	family, _, _ := strings.Cut(string(id), "-")
	return family
}

func (id RuleID) split() (family string, number int, ok bool) {
	s := string(id)
	i := len(s) - 3
	if i < 1 || s[i] != '-' || s[i+1] < '0' || s[i+1] > '9' || s[i+2] < '0' || s[i+2] > '9' {
		return "", 0, false
	}
	return s[:i], int(s[i+1]-'0')*10 + int(s[i+2]-'0'), true
}
