package approval

import (
	"fmt"
	"slices"
	"strings"
)

// forge checks what holds for all evidence of a forge: that it was read to its end,
// and that what must be there is (PR-05, API-01).
func (j *judge) forge() {
	e := j.e
	for _, l := range []struct {
		name     string
		complete Fact
		n, most  int
	}{
		{"files", e.Files.Complete, len(e.Files.Items), maxFiles},
		{"commits", e.Commits.Complete, len(e.Commits.Items), maxCommits},
		{"reviews", e.Reviews.Complete, len(e.Reviews.Items), maxReviews},
		{"dismissals", e.Dismissals.Complete, len(e.Dismissals.Items), maxReviews},
		{"comments", e.Comments.Complete, 0, 0},
		{"movements of the head", e.Movements.Complete, 0, 0},
		{"events of the pull request", e.Timeline.Complete, 0, 0},
	} {
		switch {
		case l.complete != Yes:
			j.hard("PR-05", l.name, "not all of them could be read")
		case l.n > l.most:
			j.hard("PR-05", l.name, fmt.Sprintf("%d are more than the %d that can be checked", l.n, l.most))
		}
	}
	p := e.Pull
	if p.Number <= 0 || p.ID <= 0 {
		j.hard("API-01", "", "the pull request has no number or no id")
	}
	if !commitID(p.Head.SHA) {
		j.hard("API-01", "", "the head of the pull request is not a commit id")
	}
	for _, c := range e.Commits.Items {
		if !commitID(c.SHA) {
			j.hard("API-01", "commit "+short(c.SHA), "it has no commit id")
		}
	}
	if !slices.ContainsFunc(e.Commits.Items, func(c Commit) bool { return c.SHA == p.Head.SHA }) {
		j.hard("PR-05", "commits", "the head of the pull request is not among them")
	}
	if p.FetchedHead == "" || p.FetchedHead != p.Head.SHA {
		j.hard("APP-10", "", "the head of the pull request and the fetched one differ")
	}
	if j.c.Claimed && (j.c.First == "" || j.c.First != e.Fingerprint()) {
		j.hard("APP-10", "", "the second read, after the claim, differs from the first")
	}
	for _, c := range e.Comments.Items {
		j.withdrawal(c)
	}
	j.deletedComments()
}

// withdrawal honors a withdrawal by anybody who may, in whichever text of a comment it
// stands: an edit grants nothing, and takes no refusal back. Where it cannot be told
// what a comment said before, it may have been one.
func (j *judge) withdrawal(c Comment) {
	subject, line := fmt.Sprintf("comment %d", c.ID), WithdrawalLine(j.c.Request.Name)
	now := strings.TrimSpace(c.Body) == line
	before := slices.ContainsFunc(c.Former.Items, func(s string) bool { return strings.TrimSpace(s) == line })
	switch edited := j.edited(c); {
	case c.User == nil || c.User.ID <= 0:
		if now || before {
			j.unlessPassed(subject, "it withdraws the request, and whether its author may is not known: the account is gone")
		}
	case !j.mayWithdraw(c.User):
	case now:
		j.withdrawn(subject, "the request was withdrawn by "+account(c.User))
	case before:
		j.withdrawn(subject, "the request was withdrawn by "+account(c.User)+" in a text that was edited since")
	case !edited || c.Former.Complete == Yes || c.User.Type != UserTypeUser: // an App's comment is changed by the App
	case j.v.Tier == 2:
		j.warn("RUN-03", subject, "it was edited, and what "+account(c.User)+" wrote before could not be read")
	default:
		j.unlessPassed(subject, "it was edited, and what "+account(c.User)+" wrote before could not be read: it may have withdrawn the request")
	}
}

// edited reports whether a comment may have had another text.
func (j *judge) edited(c Comment) bool {
	switch c.Edited {
	case Yes, No:
		return c.Edited == Yes
	default:
		return c.CreatedAt.IsZero() || !c.CreatedAt.Equal(c.UpdatedAt)
	}
}

// mayWithdraw tells the requester, the author, approvers and operators, by the roster
// of now or of then.
func (j *judge) mayWithdraw(u *User) bool {
	if author := j.e.Pull.Author; author != nil && author.ID == u.ID {
		return true
	}
	for _, id := range j.accountPeople(u) {
		if id == j.request().Requester {
			return true
		}
		for _, p := range []people{j.now, j.then} {
			if slices.ContainsFunc(p.byID[id].Roles, func(r Role) bool { return r == Operator || r == ApproverIT || r == ApproverBusiness }) {
				return true
			}
		}
	}
	return false
}

// deletedComments denies where a comment is gone that may have been a withdrawal.
func (j *judge) deletedComments() {
	for _, t := range j.e.Timeline.Items {
		if t.Kind == CommentDeleted {
			j.unlessPassed("", fmt.Sprintf("a comment was deleted at %s by %s: it may have withdrawn the request", stamp(t.At), account(t.Actor)))
		}
	}
}

// pull checks the shape and the state of the pull request (PR-01 to PR-04), and who
// decided about the merge, which is evidence of nothing (ADM-01 to ADM-03).
func (j *judge) pull() {
	e, p := j.e, j.e.Pull
	if e.Repository.ID != j.c.RepositoryID || p.Base.RepositoryID != j.c.RepositoryID {
		j.hard("PR-01", "", fmt.Sprintf("the answer is about repository %d, and the pull request is for %d; configured is %d", e.Repository.ID, p.Base.RepositoryID, j.c.RepositoryID))
	}
	if e.Main.Ref == "" || e.Repository.DefaultBranch != e.Main.Ref || p.Base.Name != e.Main.Ref {
		j.hard("PR-01", "", fmt.Sprintf("the pull request is for branch %q, not for the default branch", p.Base.Name))
	}
	if p.Head.RepositoryID == 0 || p.Head.RepositoryID != p.Base.RepositoryID || p.Head.Name == "" {
		j.hard("PR-02", "", "the pull request comes from another repository")
	}
	j.oneFile()
	j.merge()
}

func (j *judge) oneFile() {
	files := j.e.Files.Items
	if len(files) != 1 {
		j.hard("PR-03", "", fmt.Sprintf("the pull request changes %d files; it must add the request and nothing else", len(files)))
	}
	for _, f := range files {
		switch {
		case f.Path != j.e.RequestPath || f.Path == "":
			j.hard("PR-03", f.Path, "it is not the request")
		case f.Status != "added":
			j.hard("PR-03", f.Path, fmt.Sprintf("it is %q, not added: a request never changes", f.Status))
		case f.Mode != regularFile:
			j.hard("PR-03", f.Path, fmt.Sprintf("its mode %q is not that of a regular file", f.Mode))
		case f.Size == nil || *f.Size <= 0 || *f.Size > maxRequestSize:
			j.hard("PR-03", f.Path, fmt.Sprintf("its size is not between 1 and %d bytes", maxRequestSize))
		case *f.Size != int64(len(j.e.Request)):
			j.hard("BIND-01", f.Path, "its size is not that of the request")
		}
	}
}

func (j *judge) merge() {
	e, p := j.e, j.e.Pull
	if p.Merged != Yes {
		if p.Merged == No {
			j.hard("PR-04", "", "the pull request is not merged")
		} else {
			j.hard("PR-04", "", "whether the pull request is merged could not be read")
		}
		return
	}
	if !commitID(p.MergeCommit) || !commitID(p.FirstParent) || p.MergedAt.IsZero() || p.MergedAt.After(j.c.Now.Add(maxSkew)) {
		j.hard("PR-04", "", "the merge commit, its parent or the time of the merge could not be read")
	}
	if p.OnMain != Yes {
		j.hard("PR-04", "commit "+short(p.MergeCommit), "the merge commit is not on the default branch")
	}
	if p.MergedBy == nil || p.MergedBy.ID <= 0 {
		j.hard("ADM-03", "", "who merged the pull request is not known")
	} else {
		j.warn("ADM-03", "", "merged by "+account(p.MergedBy))
	}
	switch e.RuleSuite.Result {
	case SuitePass:
		if e.RuleSuite.ID <= 0 {
			j.hard("API-01", "", "the evaluation of the repository's rules has no id")
		}
	case SuiteBypass:
		if j.v.BreakGlass {
			j.warn("ADM-02", "", "the repository's rules were bypassed for the merge")
		} else {
			j.deny("ADM-02", "", "the repository's rules were bypassed for the merge")
		}
	case "":
		if j.v.Tier == 2 {
			j.warn("ADM-02", "", "whether the repository's rules were bypassed for the merge could not be read")
		} else {
			j.hard("ADM-02", "", "whether the repository's rules were bypassed for the merge could not be read")
		}
	default:
		j.hard("ADM-02", "", fmt.Sprintf("the repository's rules say %q about the merge", e.RuleSuite.Result))
	}
	if e.Changes.Complete != Yes {
		j.hard("ADM-03", "", "recent changes to rules, policy and roster could not be read")
	}
	for _, c := range e.Changes.Items {
		who := "an account GitHub does not name"
		if c.Actor != "" {
			who = c.Actor
		}
		j.warn("ADM-03", c.What, fmt.Sprintf("changed at %s by %s", stamp(c.At), who))
	}
}
