package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// approvers says which approvals a request for the plan needs, and who could give
// them: people of the roster who hold the role now, without the requester. Whether
// they also are members of a team is for the forge to tell.
func approvers(repo *config.Repo, p runbook.Plan, requester string, now time.Time) ([]runbook.ApproverNeed, []runbook.Refusal) {
	var entries []approval.Entry
	for _, policy := range repo.ApprovalPolicies {
		for _, e := range policy.Spec.Entries {
			if e.Tier == p.Tier && e.Action == p.Type {
				entries = append(entries, e)
			}
		}
	}
	if len(entries) != 1 {
		return nil, []runbook.Refusal{{Rule: "POL-02", Message: fmt.Sprintf("%s of the approval policy for a %s on tier %d; exactly one must say what is needed", count(len(entries), "entry", "entries"), p.Type, p.Tier),
			Next: "add one to a document of kind ApprovalPolicy"}}
	}
	var needs []runbook.ApproverNeed
	var refusals []runbook.Refusal
	roster, _ := repo.Roster()
	for _, slot := range entries[0].Slots {
		need := runbook.ApproverNeed{Role: string(slot.Role), Who: []string{}}
		if slot.Team != nil {
			need.Team = slot.Team.Org + "/" + slot.Team.Slug
		}
		if roster != nil {
			for _, person := range roster.Spec.People {
				if person.ID != requester && slices.Contains(person.Roles, slot.Role.Role()) && active(person, now) {
					need.Who = append(need.Who, person.ID)
				}
			}
		}
		slices.Sort(need.Who)
		if len(need.Who) == 0 {
			refusals = append(refusals, runbook.Refusal{Rule: "ID-04", Message: fmt.Sprintf("nobody but the requester could give the %s approval", slot.Role), Next: "let somebody else make the request"})
		}
		needs = append(needs, need)
	}
	return needs, refusals
}

func active(p approval.Person, now time.Time) bool {
	return (p.ActiveFrom == nil || !now.Before(*p.ActiveFrom)) && (p.ActiveUntil == nil || now.Before(*p.ActiveUntil))
}
