package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// By is who asks, and how. The zero value is nobody, who asks in the ordinary way.
type By struct {
	Person    string // by the id of the roster; left out of those who may approve
	Emergency bool   // by the break-glass entry of the approval policy

	// From and Until are when the request may begin; zero: now, and a week from now.
	From, Until time.Time

	owner string // of the schedule that asks, who approves none of its requests either
}

// approvers says which approvals a request for the plan needs, and who could give
// them: people of the roster who hold the role now, without the requester. Whether
// they also are members of a team is for the forge to tell.
func approvers(repo *config.Repo, p runbook.Plan, by By, now time.Time) ([]runbook.ApproverNeed, []runbook.Refusal) {
	demand, found := DemandOf(repo, p, by.Emergency)
	if found != 1 {
		rule, one, many := "POL-02", "entry", "entries"
		if by.Emergency {
			rule, one, many = "BG-01", "break-glass entry", "break-glass entries"
		}
		return nil, []runbook.Refusal{{Rule: rule, Message: fmt.Sprintf("%s of the approval policy for a %s on tier %d; exactly one must say what is needed", count(found, one, many), p.Type, p.Tier),
			Next: "add one to a document of kind ApprovalPolicy"}}
	}
	var needs []runbook.ApproverNeed
	var refusals []runbook.Refusal
	roster, _ := repo.Roster()
	for _, slot := range demand.Slots(p.AcceptUnprovenWriter) {
		need := runbook.ApproverNeed{Role: string(slot.Role), Who: []string{}}
		if slot.Team != nil {
			need.Team = slot.Team.Org + "/" + slot.Team.Slug
		}
		if roster != nil {
			for _, person := range roster.Spec.People {
				if person.ID != by.Person && person.ID != by.owner && slices.Contains(person.Roles, slot.Role.Role()) && active(person, now) {
					need.Who = append(need.Who, person.ID)
				}
			}
		}
		slices.Sort(need.Who)
		if len(need.Who) == 0 {
			refusals = append(refusals, runbook.Refusal{Rule: "ID-04", Message: fmt.Sprintf("nobody but who asks could give the %s approval", slot.Role), Next: "let somebody else make the request"})
		}
		needs = append(needs, need)
	}
	return needs, refusals
}

// DemandOf is what the approval policies ask of a request for a plan, and how many
// entries are about it.
func DemandOf(repo *config.Repo, p runbook.Plan, emergency bool) (approval.Demand, int) {
	var policies []approval.Policy
	for _, policy := range repo.ApprovalPolicies {
		policies = append(policies, policy.Spec)
	}
	return approval.DemandOf(policies, p.Tier, p.Type, emergency)
}

func active(p approval.Person, now time.Time) bool {
	return (p.ActiveFrom == nil || !now.Before(*p.ActiveFrom)) && (p.ActiveUntil == nil || now.Before(*p.ActiveUntil))
}
