package github

import (
	"fmt"
	"slices"
	"strings"
)

// sync takes notice of what has happened to a repository's refs by other means than
// the REST interface. By is who pushed, if that is known.
func (s *Server) sync(r *repo, by *user) error {
	g := s.bare(r)
	for _, p := range g.received() {
		who := by
		if p.login != "" {
			who = s.st.login(p.login)
		}
		s.moved(r, p.ref, normal(p.before), normal(p.after), who, "")
	}
	refs, err := g.refs()
	if err != nil {
		return err
	}
	for _, ref := range sortedRefs(r.Refs, "") {
		if refs[ref] == "" {
			s.moved(r, ref, r.Refs[ref], "", by, "")
		}
	}
	for _, ref := range sortedRefs(refs, "") {
		if r.Refs[ref] != refs[ref] {
			s.moved(r, ref, r.Refs[ref], refs[ref], by, "")
		}
	}
	return nil
}

func normal(sha string) string {
	if sha == zeroSHA {
		return ""
	}
	return sha
}

func orZero(sha string) string {
	if sha == "" {
		return zeroSHA
	}
	return sha
}

// moved records that a ref went from one commit to another, and does what GitHub
// does then. Kind is the activity's type where it is not seen from the commits.
func (s *Server) moved(r *repo, ref, before, after string, by *user, kind string) {
	if r.Refs[ref] == after || before == after {
		return
	}
	s.changed = true
	g, now := s.bare(r), s.now()
	if after == "" {
		delete(r.Refs, ref)
	} else {
		r.Refs[ref] = after
	}
	r.Pushed = now
	forced := before != "" && after != "" && !g.ancestor(before, after)
	if kind == "" {
		switch {
		case before == "":
			kind = "branch_creation"
		case after == "":
			kind = "branch_deletion"
		case forced:
			kind = "force_push"
		default:
			kind = "push"
		}
	}
	branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
	if !isBranch {
		return
	}
	var actor int64
	if by != nil {
		actor = by.ID
	}
	r.Activity = append(r.Activity, &activity{s.st.id(), kind, ref, orZero(before), orZero(after), actor, now})
	if kind == "push" || kind == "force_push" || kind == "branch_creation" || kind == "branch_deletion" {
		s.evaluated(r, ref, before, after, by, s.against(r, ref, before, after, by))
	}
	for _, in := range s.st.Repos {
		for _, i := range in.Issues {
			if i.Pull != nil && i.State == "open" && i.Pull.HeadRepo == r.ID && i.Pull.HeadRef == branch {
				s.headMoved(in, i, after, forced, actor)
			}
		}
	}
	if kind != "pr_merge" && kind != "merge_queue_merge" && after != "" {
		s.pushedInto(r, branch, after, actor)
	}
}

// headMoved is a pull request whose branch has another tip.
func (s *Server) headMoved(r *repo, i *issue, after string, forced bool, actor int64) {
	p, now, g := i.Pull, s.now(), s.bare(r)
	if after == "" {
		s.event(i, actor, "head_ref_deleted", "", nil)
		s.event(i, actor, "closed", "", obj{"state_reason": nil})
		i.State, i.Closed, i.Updated = "closed", now, now
		return
	}
	base := r.Refs["refs/heads/"+p.BaseRef]
	before := p.HeadSHA
	if head := s.st.repo(p.HeadRepo); head != nil && head != r {
		if _, err := g.git(nil, "fetch", "-q", "--no-tags", s.bare(head).dir, after); err != nil {
			s.options.Violation(err.Error())
		}
	}
	same := g.patchID(base, before) != "" && g.patchID(base, before) == g.patchID(base, after)
	p.HeadSHA, p.BaseSHA, p.LastPush, i.Updated = after, base, actor, now
	if _, err := g.git(nil, "update-ref", pullRef(i), after); err != nil {
		s.options.Violation(err.Error())
	}
	if forced {
		s.event(i, actor, "head_ref_force_pushed", after, nil)
	}
	for _, v := range p.Reviews {
		switch {
		case forced && same && v.Commit == before:
			// What GitHub does when a rebase leaves the changes as they are: the review now
			// names a commit that its author has never seen.
			v.Commit = after
		case !same && v.State == approved && s.dismissesStale(r, p.BaseRef):
			v.State = dismissed
			s.event(i, actor, "review_dismissed", "", obj{"dismissed_review": obj{"state": "approved", "review_id": v.ID, "dismissal_message": nil, "dismissal_commit_id": after}})
		}
	}
}

func pullRef(i *issue) string { return fmt.Sprintf("refs/pull/%d/head", i.Number) }

// pushedInto closes pull requests whose commits have come to their base by a push.
func (s *Server) pushedInto(r *repo, branch, tip string, actor int64) {
	for _, i := range r.Issues {
		if i.Pull == nil || i.State != "open" || i.Pull.BaseRef != branch || !s.bare(r).ancestor(i.Pull.HeadSHA, tip) {
			continue
		}
		s.merged(i, i.Pull.HeadSHA, actor)
	}
}

// merged writes down that a pull request is merged.
func (s *Server) merged(i *issue, sha string, actor int64) {
	now := s.now()
	i.State, i.Closed, i.Updated = "closed", now, now
	i.Pull.MergeSHA, i.Pull.MergedAt, i.Pull.MergedBy = sha, now, actor
	s.event(i, actor, "merged", sha, nil)
	s.event(i, actor, "closed", "", obj{"state_reason": nil})
}

func (s *Server) event(i *issue, actor int64, kind, commit string, more obj) {
	i.Events = append(i.Events, &event{s.st.id(), actor, kind, commit, s.now(), more})
}

// move changes a ref for somebody, after the rules have been asked.
func (s *Server) move(r *repo, ref, before, after string, by *user, kind string) error {
	if err := s.bare(r).setRef(ref, after, before); err != nil {
		return err
	}
	s.moved(r, ref, before, after, by, kind)
	return nil
}

func has(list []int64, id int64) bool { return slices.Contains(list, id) }
