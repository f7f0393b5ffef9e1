package github

import (
	"net/http"
	"slices"
	"strings"
)

func reviewEndpoints() []endpoint {
	const p = "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"
	return []endpoint{
		{"GET " + p, "pull_requests:read", onPull(listReviews)},
		{"POST " + p, "pull_requests:write", onPull(createReview)},
		{"GET " + p + "/{review_id}", "pull_requests:read", onReview(func(c *call, i *issue, v *review) reply { return ok(c.reviewObj(c.repo, i, v)) })},
		{"PUT " + p + "/{review_id}", "pull_requests:write", onReview(editReview)},
		{"DELETE " + p + "/{review_id}", "pull_requests:write", onReview(deleteReview)},
		{"PUT " + p + "/{review_id}/dismissals", "pull_requests:write", onReview(dismissReview)},
		{"POST " + p + "/{review_id}/events", "pull_requests:write", onReview(submitReview)},
	}
}

// onReview finds the review that a path names. A pending one is there for its
// author alone.
func onReview(then func(*call, *issue, *review) reply) func(*call) reply {
	return onPull(func(c *call, i *issue) reply {
		v := i.Pull.review(c.number("review_id"))
		if v == nil || v.State == pending && v.User != c.as.user.ID {
			return notFound()
		}
		return then(c, i, v)
	})
}

func listReviews(c *call, i *issue) reply {
	var all []*review
	for _, v := range i.Pull.Reviews {
		if v.State != pending || v.User == c.as.user.ID {
			all = append(all, v)
		}
	}
	return paged(c, all, func(v *review) any { return c.reviewObj(c.repo, i, v) })
}

// states are what an event makes of a review.
var states = map[string]string{"APPROVE": approved, "REQUEST_CHANGES": changesRequested, "COMMENT": commented, "": pending, "PENDING": pending}

func createReview(c *call, i *issue) reply {
	var in struct {
		Commit string `json:"commit_id"`
		Body   string `json:"body"`
		Event  string `json:"event"`
	}
	c.decode(&in)
	state, known := states[in.Event]
	if !known {
		return unprocessable("Could not resolve event " + in.Event)
	}
	if in.Commit == "" {
		in.Commit = i.Pull.HeadSHA
	}
	commits, err := c.s.bare(c.repo).between(c.pullBase(c.repo, i), i.Pull.HeadSHA)
	if err != nil {
		return broken(err)
	}
	if in.Commit != i.Pull.HeadSHA && !slices.ContainsFunc(commits, func(k commit) bool { return k.sha == in.Commit }) {
		return unprocessable("The commit is not part of the pull request")
	}
	if slices.ContainsFunc(i.Pull.Reviews, func(v *review) bool { return v.State == pending && v.User == c.as.user.ID }) {
		return unprocessable("User can only have one pending review per pull request")
	}
	v := &review{ID: c.st.id(), User: c.as.user.ID, Body: in.Body, Commit: in.Commit, Created: c.s.now(), State: pending}
	if state != pending {
		if refused := c.submit(i, v, state); refused.status != 0 {
			return refused
		}
	}
	i.Pull.Reviews = append(i.Pull.Reviews, v)
	return ok(c.reviewObj(c.repo, i, v))
}

// submit makes a review count.
func (c *call) submit(i *issue, v *review, state string) reply {
	switch {
	case state != approved && strings.TrimSpace(v.Body) == "":
		return unprocessable("Body can't be blank")
	case i.User == c.as.user.ID && state == approved:
		return unprocessable("Review Can not approve your own pull request")
	case i.User == c.as.user.ID && state == changesRequested:
		return unprocessable("Review Can not request changes on your own pull request")
	case c.as.app != nil && c.as.app.Slug == "github-actions" && state == approved && !c.repo.WorkflowApproves:
		return unprocessable("GitHub Actions is not permitted to approve pull requests.")
	}
	v.State, v.Submitted = state, c.s.now()
	i.Pull.Requested = slices.DeleteFunc(i.Pull.Requested, func(id int64) bool { return id == v.User })
	i.Updated = c.s.now()
	return reply{}
}

func submitReview(c *call, i *issue, v *review) reply {
	var in struct{ Body, Event string }
	c.decode(&in)
	state := states[in.Event]
	if v.State != pending || state == "" || state == pending {
		return unprocessable("Could not submit pull request review.")
	}
	if in.Body != "" {
		v.Body = in.Body
	}
	if refused := c.submit(i, v, state); refused.status != 0 {
		return refused
	}
	return ok(c.reviewObj(c.repo, i, v))
}

func editReview(c *call, i *issue, v *review) reply {
	var in struct{ Body string }
	c.decode(&in)
	if !c.mayEdit(v.User) {
		return fail(http.StatusForbidden, "Must have push access to repository")
	}
	if v.State != pending {
		v.Edits = append(v.Edits, edit{At: c.s.now(), By: c.as.user.ID})
	}
	v.Body = in.Body
	return ok(c.reviewObj(c.repo, i, v))
}

func deleteReview(c *call, i *issue, v *review) reply {
	if v.State != pending {
		return unprocessable("Can not delete a non-pending pull request review")
	}
	i.Pull.Reviews = slices.DeleteFunc(i.Pull.Reviews, func(o *review) bool { return o == v })
	return ok(c.reviewObj(c.repo, i, v))
}

func dismissReview(c *call, i *issue, v *review) reply {
	var in struct{ Message string }
	c.decode(&in)
	if !atLeast(c.roleHere(), "write") {
		return fail(http.StatusForbidden, "Must have push access to repository")
	}
	if v.State != approved && v.State != changesRequested {
		return fail(http.StatusUnprocessableEntity, "Can not dismiss a "+strings.ToLower(v.State)+" pull request review")
	}
	was := strings.ToLower(v.State)
	v.State = dismissed
	c.s.event(i, c.as.user.ID, "review_dismissed", "", obj{"dismissed_review": obj{"state": was, "review_id": v.ID, "dismissal_message": in.Message}})
	return ok(c.reviewObj(c.repo, i, v))
}
