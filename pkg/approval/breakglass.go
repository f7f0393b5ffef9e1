package approval

import (
	"slices"

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
	"LOCK": 7, "RUN": 9, "AUD": 6, "OFF": 6, "BG": 4, "SCH": 2,
}

// neverRelaxed are the rules that hold in every emergency, besides those of the
// families below.
var neverRelaxed = []RuleID{"ID-01", "ID-02", "ID-04", "ID-06", "BIND-01", "BIND-05", "RUN-01", "RUN-04"}

// neverRelaxedFamilies are confirmation, locks, audit and break-glass itself.
var neverRelaxedFamilies = []string{"CONF", "LOCK", "AUD", "BG"}

// Known reports whether a rule with this id exists.
func (id RuleID) Known() bool {
	family, number, ok := id.split()
	return ok && number >= 1 && number <= ruleCounts[family]
}

// Relaxable reports whether break-glass may relax the rule. Identity, content
// binding, confirmation, the write-ahead journal, locks and audit always hold.
func (id RuleID) Relaxable() bool {
	family, _, _ := id.split()
	return id.Known() && !slices.Contains(neverRelaxedFamilies, family) && !slices.Contains(neverRelaxed, id)
}

func (id RuleID) split() (family string, number int, ok bool) {
	s := string(id)
	i := len(s) - 3
	if i < 1 || s[i] != '-' || s[i+1] < '0' || s[i+1] > '9' || s[i+2] < '0' || s[i+2] > '9' {
		return "", 0, false
	}
	return s[:i], int(s[i+1]-'0')*10 + int(s[i+2]-'0'), true
}
