package forge

import (
	"context"
	"errors"
	"fmt"

	"github.com/bcctl/bcctl/pkg/approval"
)

// Teams asks each team about each account that has a review (ID-07). GitHub answers
// 404 for somebody who is no member and for a team that this token may not see; only
// the team itself tells the two apart. Without an answer the membership stays absent.
//
// Memberships are asked for by login, as there is no other way, and counted only when
// the login still belongs to the number (ID-01).
func (c *Client) Teams(ctx context.Context, r *Reading, teams []approval.Team) error {
	ctx = WithAnswers(c.withBudget(ctx), &r.Answers)
	r.Evidence.Teams = nil
	if len(teams) == 0 {
		return nil // no slot asks for a team: there is nothing to ask about anybody
	}
	asked := map[int64]bool{}
	for _, review := range r.Evidence.Reviews.Items {
		u := review.User
		if u == nil || u.ID <= 0 || u.Type != approval.UserTypeUser || asked[u.ID] {
			continue
		}
		asked[u.ID] = true
		current, err := c.user(ctx, u.Login)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		for _, team := range teams {
			answer := approval.TeamMembership{Team: team, UserID: u.ID}
			if current != nil && current.ID == u.ID {
				if answer.Membership, err = c.membership(ctx, team, u.Login); err != nil {
					return err
				}
			}
			r.Evidence.Teams = append(r.Evidence.Teams, answer)
		}
	}
	return nil
}

func (c *Client) membership(ctx context.Context, team approval.Team, login string) (approval.Membership, error) {
	m, _, err := c.gh.Teams.GetTeamMembershipBySlug(ctx, team.Org, team.Slug, login)
	err = wrap(err)
	switch {
	case err == nil && m.GetState() == "active":
		return approval.MemberActive, nil
	case err == nil && m.GetState() == "pending":
		return approval.MemberPending, nil
	case err == nil || errors.Is(err, ErrPermission):
		return "", nil
	case !errors.Is(err, ErrNotFound):
		return "", fmt.Errorf("read team %s/%s: %w", team.Org, team.Slug, err)
	}
	_, _, err = c.gh.Teams.GetTeamBySlug(ctx, team.Org, team.Slug)
	switch err = wrap(err); {
	case err == nil:
		return approval.MemberNone, nil
	case errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound):
		return "", nil
	default:
		return "", fmt.Errorf("read team %s/%s: %w", team.Org, team.Slug, err)
	}
}
