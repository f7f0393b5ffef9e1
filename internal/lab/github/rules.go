package github

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ruleset is a set of rules for branches.
type Ruleset struct {
	ID          int64         `json:"id"`
	Name        string        `json:"name"`
	Enforcement string        `json:"enforcement"` // active, evaluate or disabled; empty is active
	Include     []string      `json:"include"`     // refs/heads/main, refs/heads/bcctl/*, ~DEFAULT_BRANCH, ~ALL
	Exclude     []string      `json:"exclude,omitempty"`
	Rules       []Rule        `json:"rules"`
	Bypass      []BypassActor `json:"bypass,omitempty"`
	Created     time.Time     `json:"created"`
}

// Rule is one rule with its parameters in GitHub's words. The server enforces
// creation, update, deletion, non_fast_forward, pull_request, required_status_checks
// and merge_queue; others are shown, and hold.
type Rule struct {
	Type       string         `json:"type"`
	Parameters map[string]any `json:"parameters,omitempty"`
}

// BypassActor is who a ruleset does not stop.
type BypassActor struct {
	ID   int64  `json:"actor_id"`    // of the App, the user or the team; of a role: 5 is admin
	Type string `json:"actor_type"`  // Integration, RepositoryRole, OrganizationAdmin, Team, User
	Mode string `json:"bypass_mode"` // always or pull_request; empty is always
}

// PullRequestRule returns the rule that asks for pull requests with so many reviews.
func PullRequestRule(reviews int) Rule {
	return Rule{Type: "pull_request", Parameters: map[string]any{
		"required_approving_review_count": reviews, "dismiss_stale_reviews_on_push": true, "require_code_owner_review": true,
		"require_last_push_approval": true, "required_review_thread_resolution": false, "allowed_merge_methods": []any{"merge", "squash", "rebase"},
	}}
}

// AddRuleset adds a ruleset and returns its number.
func (s *Server) AddRuleset(rs Ruleset) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.first()
	rs.ID, rs.Created = s.st.id(), s.now()
	if rs.Enforcement == "" {
		rs.Enforcement = "active"
	}
	for i := range rs.Bypass {
		if rs.Bypass[i].Mode == "" {
			rs.Bypass[i].Mode = "always"
		}
	}
	r.Rulesets = append(r.Rulesets, &rs)
	s.keep()
	return rs.ID
}

// RemoveRuleset takes a ruleset away.
func (s *Server) RemoveRuleset(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.first()
	r.Rulesets = slices.DeleteFunc(r.Rulesets, func(rs *Ruleset) bool { return rs.ID == id })
	s.keep()
}

// applies reports whether a ruleset speaks of a ref.
func (rs *Ruleset) applies(r *repo, ref string) bool {
	match := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			return p == "~ALL" || p == "~DEFAULT_BRANCH" && ref == "refs/heads/"+r.DefaultBranch || glob(p, ref)
		})
	}
	return match(rs.Include) && !match(rs.Exclude)
}

// bypasses reports whether somebody is not stopped by a ruleset.
func (s *Server) bypasses(rs *Ruleset, r *repo, u *user, merging bool) bool {
	if u == nil {
		return false
	}
	return slices.ContainsFunc(rs.Bypass, func(b BypassActor) bool {
		if b.Mode == "pull_request" && !merging {
			return false
		}
		switch b.Type {
		case "Integration":
			a := s.st.app(b.ID)
			return a != nil && a.Bot == u.ID
		case "User":
			return b.ID == u.ID
		case "RepositoryRole":
			return b.ID == 5 && s.st.role(r, u) == "admin"
		case "OrganizationAdmin":
			return s.st.user(r.Owner).Members[u.ID] == "admin"
		}
		return false
	})
}

// broke is a rule that did not hold.
type broke struct {
	set  *Ruleset
	rule string
	say  string
}

// against lists the rules that a push breaks.
func (s *Server) against(r *repo, ref, before, after string, _ *user) []broke {
	var all []broke
	for _, rs := range r.Rulesets {
		if rs.Enforcement != "active" || !rs.applies(r, ref) {
			continue
		}
		for _, rule := range rs.Rules {
			var breaks bool
			say := ""
			switch rule.Type {
			case "creation":
				breaks, say = before == "", "Cannot create ref due to creations being restricted."
			case "update":
				breaks, say = before != "" && after != "", "Cannot update this protected ref."
			case "deletion":
				breaks, say = after == "", "Cannot delete this protected ref."
			case "non_fast_forward":
				breaks, say = before != "" && after != "" && !s.bare(r).ancestor(before, after), "Cannot force-push to this branch"
			case "pull_request":
				breaks, say = before != "" && after != "", "Changes must be made through a pull request."
			}
			if breaks {
				all = append(all, broke{rs, rule.Type, say})
			}
		}
	}
	return all
}

// refuses says whether rules stop somebody, in GitHub's words.
func (s *Server) refuses(r *repo, all []broke, by *user, merging bool) string {
	for _, b := range all {
		if !s.bypasses(b.set, r, by, merging) {
			return b.say
		}
	}
	return ""
}

// evaluated records an evaluation of rules, if there were any.
func (s *Server) evaluated(r *repo, ref, before, after string, by *user, failed []broke) {
	if !slices.ContainsFunc(r.Rulesets, func(rs *Ruleset) bool { return rs.Enforcement == "active" && rs.applies(r, ref) }) {
		return
	}
	e := &suite{ID: s.st.id(), Ref: ref, Before: orZero(before), After: orZero(after), At: s.now(), Result: "pass"}
	if by != nil {
		e.Actor = by.ID
	}
	for _, b := range failed {
		e.Result, e.Failed = "bypass", append(e.Failed, b.rule)
	}
	r.Suites = append(r.Suites, e)
}

// unmet lists the rules that keep a pull request from being merged.
func (s *Server) unmet(st *state, r *repo, i *issue) []broke {
	var all []broke
	for _, rs := range r.Rulesets {
		if rs.Enforcement != "active" || !rs.applies(r, "refs/heads/"+i.Pull.BaseRef) {
			continue
		}
		for _, rule := range rs.Rules {
			switch rule.Type {
			case "pull_request":
				if say := unmetReviews(st, r, i, rule); say != "" {
					all = append(all, broke{rs, rule.Type, say})
				}
			case "required_status_checks":
				for _, name := range requiredChecks(rule) {
					if !passed(r, i.Pull.HeadSHA, name) {
						all = append(all, broke{rs, rule.Type, fmt.Sprintf("Required status check %q is expected.", name)})
					}
				}
			}
		}
	}
	return all
}

func count(v any) int {
	switch n := v.(type) {
	case int:
		return n
	case int64:
		return int(n)
	case float64:
		return int(n)
	}
	return 0
}

// unmetReviews counts as GitHub does: the last decisive review of each person with
// write access.
func unmetReviews(st *state, r *repo, i *issue, rule Rule) string {
	last := map[int64]*review{}
	for _, v := range i.Pull.Reviews {
		if v.State == approved || v.State == changesRequested || v.State == dismissed {
			last[v.User] = v
		}
	}
	need, n, byOther := count(rule.Parameters["required_approving_review_count"]), 0, false
	for id, v := range last {
		u := st.user(id)
		if u == nil || u.Deleted || !atLeast(st.role(r, u), "write") && u.Type != "Bot" {
			continue
		}
		switch v.State {
		case changesRequested:
			return "Changes were requested by a reviewer with write access."
		case approved:
			n++
			byOther = byOther || id != i.Pull.LastPush
		}
	}
	if n < need {
		return fmt.Sprintf("At least %d approving review is required by reviewers with write access.", need)
	}
	if on, _ := rule.Parameters["require_last_push_approval"].(bool); on && need > 0 && !byOther {
		return "New changes require approval from someone other than the last pusher."
	}
	return ""
}

func requiredChecks(rule Rule) []string {
	list, _ := rule.Parameters["required_status_checks"].([]any)
	var names []string
	for _, e := range list {
		if m, isObject := e.(map[string]any); isObject {
			name, _ := m["context"].(string)
			names = append(names, name)
		}
	}
	return names
}

func passed(r *repo, sha, name string) bool {
	for _, st := range slices.Backward(r.Statuses) {
		if st.SHA == sha && st.Context == name {
			return st.State == "success"
		}
	}
	return slices.ContainsFunc(r.Checks, func(k *check) bool { return k.SHA == sha && k.Name == name && k.Conclusion == "success" })
}

// dismissesStale reports whether a push takes approvals away.
func (s *Server) dismissesStale(r *repo, branch string) bool {
	for _, rs := range r.Rulesets {
		if rs.Enforcement != "active" || !rs.applies(r, "refs/heads/"+branch) {
			continue
		}
		for _, rule := range rs.Rules {
			if on, _ := rule.Parameters["dismiss_stale_reviews_on_push"].(bool); on && rule.Type == "pull_request" {
				return true
			}
		}
	}
	return false
}

func ruleEndpoints() []endpoint {
	return []endpoint{
		{"GET /repos/{owner}/{repo}/rules/branches/{branch}", "metadata:read", branchRules},
		{"GET /repos/{owner}/{repo}/rulesets", "metadata:read", listRulesets},
		{"GET /repos/{owner}/{repo}/rulesets/{ruleset_id}", "metadata:read", getRuleset},
		{"GET /repos/{owner}/{repo}/rulesets/rule-suites", "administration:read", listSuites},
		{"GET /repos/{owner}/{repo}/rulesets/rule-suites/{rule_suite_id}", "administration:read", getSuite},
		{"GET /repos/{owner}/{repo}/branches/{branch}/protection", "administration:read", getProtection},
	}
}

func ruleObj(rule Rule) obj {
	o := obj{"type": rule.Type}
	if rule.Parameters != nil {
		o["parameters"] = rule.Parameters
	}
	return o
}

func branchRules(c *call) reply {
	var all []any
	for _, rs := range c.repo.Rulesets {
		if rs.Enforcement != "active" || !rs.applies(c.repo, "refs/heads/"+c.values["branch"]) {
			continue
		}
		for _, rule := range rs.Rules {
			o := ruleObj(rule)
			o["ruleset_source_type"], o["ruleset_source"], o["ruleset_id"] = "Repository", c.st.fullName(c.repo), rs.ID
			all = append(all, o)
		}
	}
	return paged(c, all, func(v any) any { return v })
}

func (c *call) rulesetObj(rs *Ruleset, full bool) obj {
	o := obj{
		"id": rs.ID, "node_id": nodeID("RRS", rs.ID), "name": rs.Name, "target": "branch", "source_type": "Repository", "source": c.st.fullName(c.repo), "enforcement": rs.Enforcement,
		"created_at": stamp(rs.Created), "updated_at": stamp(rs.Created), "_links": obj{"self": link(fmt.Sprintf("%s/rulesets/%d", c.api(c.repo), rs.ID))},
	}
	if !full {
		return o
	}
	o["conditions"] = obj{"ref_name": obj{"include": list(rs.Include), "exclude": list(rs.Exclude)}}
	o["rules"] = each(rs.Rules, func(r Rule) any { return ruleObj(r) })
	o["current_user_can_bypass"] = map[bool]string{true: "always", false: "never"}[c.s.bypasses(rs, c.repo, c.as.user, false)]
	if c.roleHere() == "admin" && permits(c.as, "administration:write") {
		// who may bypass is shown to those alone who may change the ruleset
		o["bypass_actors"] = each(rs.Bypass, func(b BypassActor) any { return b })
	}
	return o
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func listRulesets(c *call) reply {
	return paged(c, c.repo.Rulesets, func(rs *Ruleset) any { return c.rulesetObj(rs, false) })
}

func getRuleset(c *call) reply {
	for _, rs := range c.repo.Rulesets {
		if rs.ID == c.number("ruleset_id") {
			return ok(c.rulesetObj(rs, true))
		}
	}
	return notFound()
}

func (c *call) suiteObj(e *suite) obj {
	o := obj{
		"id": e.ID, "before_sha": e.Before, "after_sha": e.After, "ref": e.Ref, "repository_id": c.repo.ID, "repository_name": c.repo.Name,
		"pushed_at": stamp(e.At), "result": e.Result, "evaluation_result": "pass",
	}
	if u := c.st.user(e.Actor); u != nil {
		o["actor_id"], o["actor_name"] = u.ID, u.Login
	}
	return o
}

// within is what time_period may say.
var within = map[string]time.Duration{"": 24 * time.Hour, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 31 * 24 * time.Hour, "quarter": 92 * 24 * time.Hour, "year": 366 * 24 * time.Hour}

func listSuites(c *call) reply {
	since := c.s.now().Add(-within[c.query("time_period")])
	ref := c.query("ref")
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	var all []*suite
	for _, e := range slices.Backward(c.repo.Suites) {
		u := c.st.user(e.Actor)
		switch {
		case e.At.Before(since), ref != "" && !glob(ref, e.Ref):
		case c.query("actor_name") != "" && (u == nil || !strings.EqualFold(u.Login, c.query("actor_name"))):
		case c.query("rule_suite_result") != "" && c.query("rule_suite_result") != "all" && c.query("rule_suite_result") != e.Result:
		default:
			all = append(all, e)
		}
	}
	return paged(c, all, func(e *suite) any { return c.suiteObj(e) })
}

func getSuite(c *call) reply {
	for _, e := range c.repo.Suites {
		if e.ID != c.number("rule_suite_id") {
			continue
		}
		o := c.suiteObj(e)
		var rules []any
		for _, rs := range c.repo.Rulesets {
			if !rs.applies(c.repo, e.Ref) {
				continue
			}
			for _, rule := range rs.Rules {
				result := "pass"
				if slices.Contains(e.Failed, rule.Type) {
					result = "fail"
				}
				rules = append(rules, obj{"rule_source": obj{"type": "ruleset", "id": rs.ID, "name": rs.Name}, "enforcement": "active", "result": result, "rule_type": rule.Type})
			}
		}
		o["rule_evaluations"] = each(rules, func(v any) any { return v })
		return ok(o)
	}
	return notFound()
}

// SetSuiteResult says how the rules were judged for a commit: pass, fail or bypass.
func (s *Server) SetSuiteResult(sha, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.keep()
	r := s.first()
	for _, e := range r.Suites {
		if e.After == sha {
			e.Result = result
			return
		}
	}
	r.Suites = append(r.Suites, &suite{ID: s.st.id(), Ref: "refs/heads/" + r.DefaultBranch, Before: zeroSHA, After: sha, At: s.now(), Result: result})
}

// Protection is the older kind of rules for one branch.
type Protection struct {
	Reviews      int  `json:"reviews"` // required approvals; 0: none asked for
	DismissStale bool `json:"dismissStale"`
	CodeOwners   bool `json:"codeOwners"`
	LastPush     bool `json:"lastPush"`
	Admins       bool `json:"admins"` // holds for administrators too
	ForcePushes  bool `json:"forcePushes"`
	Deletions    bool `json:"deletions"`
	Linear       bool `json:"linear"`
}

// Protect protects a branch, or with nil no longer. What it says is shown and not
// enforced: use a Ruleset for that.
func (s *Server) Protect(branch string, p *Protection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.keep()
	r := s.first()
	if r.Protections == nil {
		r.Protections = map[string]*Protection{}
	}
	r.Protections[branch] = p
	if p == nil {
		delete(r.Protections, branch)
	}
}

func (c *call) protectionObj(branch string, p *Protection) obj {
	at := c.api(c.repo) + "/branches/" + branch + "/protection"
	on := func(b bool) obj { return obj{"enabled": b} }
	o := obj{
		"url": at, "enforce_admins": obj{"url": at + "/enforce_admins", "enabled": p.Admins}, "required_linear_history": on(p.Linear), "allow_force_pushes": on(p.ForcePushes),
		"allow_deletions": on(p.Deletions), "required_signatures": obj{"url": at + "/required_signatures", "enabled": false}, "block_creations": on(false),
		"required_conversation_resolution": on(false), "lock_branch": on(false), "allow_fork_syncing": on(false),
	}
	if p.Reviews > 0 {
		o["required_pull_request_reviews"] = obj{
			"url": at + "/required_pull_request_reviews", "dismiss_stale_reviews": p.DismissStale, "require_code_owner_reviews": p.CodeOwners,
			"required_approving_review_count": p.Reviews, "require_last_push_approval": p.LastPush,
		}
	}
	return o
}

func getProtection(c *call) reply {
	branch := c.values["branch"]
	if c.repo.Refs["refs/heads/"+branch] == "" {
		return fail(http.StatusNotFound, "Branch not found")
	}
	p := c.repo.Protections[branch]
	if p == nil {
		return fail(http.StatusNotFound, "Branch not protected")
	}
	return ok(c.protectionObj(branch, p))
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
