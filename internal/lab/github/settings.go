package github

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

func settingEndpoints() []endpoint {
	const r = "/repos/{owner}/{repo}"
	return []endpoint{
		{"GET " + r, "metadata:read", func(c *call) reply { return ok(c.fullRepo()) }},
		{"GET " + r + "/collaborators/{username}/permission", "metadata:read", permissionOf},
		{"GET " + r + "/environments", "actions:read", listEnvironments},
		{"GET " + r + "/environments/{environment_name}", "actions:read", onEnvironment(func(c *call, e *Environment) reply { return ok(c.environmentObj(e)) })},
		{"GET " + r + "/environments/{environment_name}/deployment-branch-policies", "actions:read", onEnvironment(branchPolicies)},
		{"GET " + r + "/actions/permissions/workflow", "administration:read", func(c *call) reply {
			return ok(obj{"default_workflow_permissions": c.repo.WorkflowToken, "can_approve_pull_request_reviews": c.repo.WorkflowApproves})
		}},
		{"GET " + r + "/actions/runs", "actions:read", listRuns},
		{"GET " + r + "/actions/runs/{run_id}", "actions:read", getRun},
		{"POST " + r + "/actions/workflows/{workflow_id}/dispatches", "actions:write", dispatch},
		{"POST " + r + "/check-runs", "checks:write", createCheck},
		{"GET " + r + "/check-runs/{check_run_id}", "checks:read", onCheck(func(c *call, k *check) reply { return ok(c.checkObj(k)) })},
		{"PATCH " + r + "/check-runs/{check_run_id}", "checks:write", onCheck(updateCheck)},
		{"GET " + r + "/commits/{ref}/check-runs", "checks:read", listChecks},
		{"POST " + r + "/statuses/{sha}", "statuses:write", createStatus},
		{"GET " + r + "/commits/{ref}/statuses", "statuses:read", listStatuses},
		{"GET " + r + "/commits/{ref}/status", "statuses:read", combinedStatus},
		{"GET /user", "", getMe},
		{"GET /user/{account_id}", "", userByID},
		{"GET /users/{username}", "", userByLogin},
		{"GET /orgs/{org}/memberships/{username}", "members:read", orgMembership},
		{"GET /orgs/{org}/teams/{team_slug}", "members:read", onTeam(func(c *call, org *user, t *team) reply { return ok(c.teamObj(org, t)) })},
		{"GET /orgs/{org}/teams/{team_slug}/members", "members:read", onTeam(teamMembers)},
		{"GET /orgs/{org}/teams/{team_slug}/memberships/{username}", "members:read", onTeam(teamMembership)},
		{"GET /app", "jwt", func(c *call) reply { return ok(c.appObj(c.as.app)) }},
		{"GET /app/installations/{installation_id}", "jwt", getInstallation},
		{"POST /app/installations/{installation_id}/access_tokens", "jwt", createInstallationToken},
		{"GET /installation/repositories", "", installationRepositories},
		{"GET /rate_limit", "", rateLimit},
		{"GET /meta", "open", func(*call) reply { return ok(obj{"verifiable_password_authentication": false}) }},
	}
}

func endpoints() []endpoint {
	return slices.Concat(settingEndpoints(), pullEndpoints(), reviewEndpoints(), issueEndpoints(), gitEndpoints(), commitEndpoints(), ruleEndpoints())
}

func (c *call) fullRepo() obj {
	o, role := c.repoObj(c.repo), c.roleHere()
	o["permissions"] = obj{"admin": atLeast(role, "admin"), "maintain": atLeast(role, "maintain"), "push": atLeast(role, "write"), "triage": atLeast(role, "triage"), "pull": true}
	return o
}

func permissionOf(c *call) reply {
	u := c.st.login(c.values["username"])
	if u == nil {
		return notFound()
	}
	role := c.st.role(c.repo, u)
	// The older word knows only four levels.
	permission := map[string]string{"triage": "read", "maintain": "write"}[role]
	if permission == "" {
		permission = role
	}
	return ok(obj{"permission": permission, "role_name": role, "user": c.collaborator(u, role)})
}

func (c *call) collaborator(u *user, role string) obj {
	o := c.userObj(u)
	o["role_name"] = role
	o["permissions"] = obj{"pull": atLeast(role, "read"), "triage": atLeast(role, "triage"), "push": atLeast(role, "write"), "maintain": atLeast(role, "maintain"), "admin": atLeast(role, "admin")}
	return o
}

// Environment is a place to deploy to, with what guards it.
type Environment struct {
	ID           int64     `json:"id"`
	Name         string    `json:"name"`
	Reviewers    []string  `json:"reviewers,omitempty"` // logins
	NoSelfReview bool      `json:"noSelfReview,omitempty"`
	AdminBypass  bool      `json:"adminBypass,omitempty"`
	BranchPolicy string    `json:"branchPolicy,omitempty"` // empty: any branch; protected; custom
	Branches     []string  `json:"branches,omitempty"`     // with custom: names and patterns
	PolicyIDs    []int64   `json:"policyIds,omitempty"`
	Created      time.Time `json:"created"`
	RuleID       int64     `json:"ruleId"`
}

// AddEnvironment adds an environment, or replaces one of the same name.
func (s *Server) AddEnvironment(e Environment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.keep()
	r := s.first()
	e.ID, e.RuleID, e.Created, e.PolicyIDs = s.st.id(), s.st.id(), s.now(), nil
	for range e.Branches {
		e.PolicyIDs = append(e.PolicyIDs, s.st.id())
	}
	r.Environments = slices.DeleteFunc(r.Environments, func(o *Environment) bool { return o.Name == e.Name })
	r.Environments = append(r.Environments, &e)
}

func (c *call) environmentObj(e *Environment) obj {
	at := c.api(c.repo) + "/environments/" + e.Name
	rules := []any{}
	if len(e.Reviewers) > 0 {
		rules = append(rules, obj{"id": e.RuleID, "node_id": nodeID("GA", e.RuleID), "type": "required_reviewers", "prevent_self_review": e.NoSelfReview, "reviewers": each(e.Reviewers, func(login string) any {
			u := c.st.login(login)
			if u == nil {
				u = c.st.user(ghostID)
			}
			return obj{"type": "User", "reviewer": c.userObj(u)}
		})})
	}
	var policy any
	if e.BranchPolicy != "" {
		rules = append(rules, obj{"id": e.RuleID + 1, "node_id": nodeID("GA", e.RuleID+1), "type": "branch_policy"})
		policy = obj{"protected_branches": e.BranchPolicy == "protected", "custom_branch_policies": e.BranchPolicy == "custom"}
	}
	return obj{
		"id": e.ID, "node_id": nodeID("EN", e.ID), "name": e.Name, "url": at, "html_url": c.html(c.repo) + "/deployments/activity_log?environments_filter=" + e.Name,
		"created_at": stamp(e.Created), "updated_at": stamp(e.Created), "protection_rules": rules, "deployment_branch_policy": policy, "can_admins_bypass": e.AdminBypass,
	}
}

func listEnvironments(c *call) reply {
	return ok(obj{"total_count": len(c.repo.Environments), "environments": each(page(c, c.repo.Environments), func(e *Environment) any { return c.environmentObj(e) })})
}

func onEnvironment(then func(*call, *Environment) reply) func(*call) reply {
	return func(c *call) reply {
		for _, e := range c.repo.Environments {
			if e.Name == c.values["environment_name"] {
				return then(c, e)
			}
		}
		return notFound()
	}
}

func branchPolicies(c *call, e *Environment) reply {
	all := []any{}
	for i, name := range e.Branches {
		all = append(all, obj{"id": e.PolicyIDs[i], "node_id": nodeID("BP", e.PolicyIDs[i]), "name": name, "type": "branch"})
	}
	return ok(obj{"total_count": len(all), "branch_policies": page(c, all)})
}

// Run is a workflow run.
type Run struct {
	ID         int64     `json:"id"`
	Path       string    `json:"path"`  // .github/workflows/execute.yml
	Event      string    `json:"event"` // issue_comment, workflow_dispatch, schedule
	HeadBranch string    `json:"headBranch"`
	HeadSHA    string    `json:"headSha"`
	Attempt    int       `json:"attempt"`
	Actor      string    `json:"actor"`      // login
	Triggering string    `json:"triggering"` // login; empty: the actor
	Status     string    `json:"status"`     // queued in_progress completed; empty: in_progress
	Conclusion string    `json:"conclusion"`
	Created    time.Time `json:"created"`
}

// AddRun adds a workflow run and returns its number. What is left out is a first
// attempt on the tip of main.
func (s *Server) AddRun(run Run) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.keep()
	r := s.first()
	if run.HeadBranch == "" {
		run.HeadBranch = r.DefaultBranch
	}
	if run.HeadSHA == "" {
		run.HeadSHA = r.Refs["refs/heads/"+run.HeadBranch]
	}
	if run.Triggering == "" {
		run.Triggering = run.Actor
	}
	if run.Status == "" {
		run.Status = "in_progress"
	}
	run.ID, run.Attempt, run.Created = s.st.id(), max(run.Attempt, 1), s.now()
	r.Runs = append(r.Runs, &run)
	return run.ID
}

// FinishRun ends a run: success, failure, cancelled.
func (s *Server) FinishRun(id int64, conclusion string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.keep()
	for _, run := range s.first().Runs {
		if run.ID == id {
			run.Status, run.Conclusion = "completed", conclusion
		}
	}
}

// SetWorkflowPermissions says what a workflow's own token may: read or write, and
// whether it may approve pull requests.
func (s *Server) SetWorkflowPermissions(token string, approves bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.keep()
	s.first().WorkflowToken, s.first().WorkflowApproves = token, approves
}

func (c *call) runObj(run *Run) obj {
	at := fmt.Sprintf("%s/actions/runs/%d", c.api(c.repo), run.ID)
	account := func(login string) obj {
		if u := c.st.login(login); u != nil {
			return c.userObj(u)
		}
		return c.somebody(0)
	}
	workflow := int64(len(run.Path)) // a workflow has one number as long as it has one path
	var head any
	if k, err := c.s.bare(c.repo).commit(run.HeadSHA); err == nil {
		head = obj{"id": k.sha, "tree_id": k.tree, "message": k.message, "timestamp": stamp(k.committer.At), "author": obj{"name": k.author.Name, "email": k.author.Email}, "committer": obj{"name": k.committer.Name, "email": k.committer.Email}}
	}
	return obj{
		"id": run.ID, "node_id": nodeID("WFR", run.ID), "name": strings.TrimSuffix(run.Path[strings.LastIndex(run.Path, "/")+1:], ".yml"), "path": run.Path, "display_title": run.Event,
		"head_branch": run.HeadBranch, "head_sha": run.HeadSHA, "head_commit": head, "run_number": run.ID, "run_attempt": run.Attempt, "event": run.Event, "status": run.Status,
		"conclusion": null(run.Conclusion), "workflow_id": workflow, "check_suite_id": run.ID + 1, "actor": account(run.Actor), "triggering_actor": account(run.Triggering),
		"repository": c.repoObj(c.repo), "head_repository": c.repoObj(c.repo), "pull_requests": []any{}, "referenced_workflows": []any{},
		"created_at": stamp(run.Created), "updated_at": stamp(run.Created), "run_started_at": stamp(run.Created), "url": at, "html_url": fmt.Sprintf("%s/actions/runs/%d", c.html(c.repo), run.ID),
		"jobs_url": at + "/jobs", "logs_url": at + "/logs", "check_suite_url": fmt.Sprintf("%s/check-suites/%d", c.api(c.repo), run.ID+1), "artifacts_url": at + "/artifacts",
		"cancel_url": at + "/cancel", "rerun_url": at + "/rerun", "previous_attempt_url": nil, "workflow_url": fmt.Sprintf("%s/actions/workflows/%d", c.api(c.repo), workflow),
	}
}

func listRuns(c *call) reply {
	var all []*Run
	for _, run := range slices.Backward(c.repo.Runs) {
		if q := c.query("head_sha"); q != "" && q != run.HeadSHA {
			continue
		}
		if q := c.query("status"); q != "" && q != run.Status && q != run.Conclusion {
			continue
		}
		all = append(all, run)
	}
	return ok(obj{"total_count": len(all), "workflow_runs": each(page(c, all), func(r *Run) any { return c.runObj(r) })})
}

func getRun(c *call) reply {
	for _, run := range c.repo.Runs {
		if run.ID == c.number("run_id") {
			return ok(c.runObj(run))
		}
	}
	return notFound()
}

// dispatch starts a run that nobody runs.
func dispatch(c *call) reply {
	var in struct{ Ref string }
	c.decode(&in)
	branch := strings.TrimPrefix(in.Ref, "refs/heads/")
	sha := c.repo.Refs["refs/heads/"+branch]
	if sha == "" {
		return fail(http.StatusUnprocessableEntity, "No ref found for: "+in.Ref)
	}
	run := &Run{ID: c.st.id(), Path: ".github/workflows/" + c.values["workflow_id"], Event: "workflow_dispatch", HeadBranch: branch, HeadSHA: sha, Attempt: 1, Actor: c.as.user.Login, Triggering: c.as.user.Login, Status: "queued", Created: c.s.now()}
	c.repo.Runs = append(c.repo.Runs, run)
	return noBody
}

func (c *call) checkObj(k *check) obj {
	at := fmt.Sprintf("%s/check-runs/%d", c.api(c.repo), k.ID)
	return obj{
		"id": k.ID, "node_id": nodeID("CR", k.ID), "name": k.Name, "head_sha": k.SHA, "external_id": k.External, "url": at, "html_url": fmt.Sprintf("%s/runs/%d", c.html(c.repo), k.ID),
		"details_url": null(k.Details), "status": k.Status, "conclusion": null(k.Conclusion), "started_at": stamp(k.Started), "completed_at": stamp(k.Completed),
		"output":      obj{"title": null(k.Title), "summary": null(k.Summary), "text": null(k.Text), "annotations_count": 0, "annotations_url": at + "/annotations"},
		"check_suite": obj{"id": k.ID + 1}, "app": c.appOrNull(k.App), "pull_requests": []any{},
	}
}

type checkInput struct {
	Name       *string
	SHA        string  `json:"head_sha"`
	External   *string `json:"external_id"`
	Details    *string `json:"details_url"`
	Status     *string
	Conclusion *string
	Output     struct{ Title, Summary, Text *string }
}

func (in checkInput) onto(k *check, now time.Time) {
	for _, f := range []struct {
		from *string
		to   *string
	}{{in.Name, &k.Name}, {in.External, &k.External}, {in.Details, &k.Details}, {in.Status, &k.Status}, {in.Conclusion, &k.Conclusion}, {in.Output.Title, &k.Title}, {in.Output.Summary, &k.Summary}, {in.Output.Text, &k.Text}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if k.Conclusion != "" {
		k.Status, k.Completed = "completed", now
	}
}

func createCheck(c *call) reply {
	if c.as.app == nil {
		return fail(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	var in checkInput
	c.decode(&in)
	if c.s.bare(c.repo).kind(in.SHA) != "commit" {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+in.SHA)
	}
	k := &check{ID: c.st.id(), App: c.as.app.ID, SHA: in.SHA, Status: "queued", Started: c.s.now()}
	in.onto(k, c.s.now())
	c.repo.Checks = append(c.repo.Checks, k)
	return created(c.checkObj(k))
}

func onCheck(then func(*call, *check) reply) func(*call) reply {
	return func(c *call) reply {
		for _, k := range c.repo.Checks {
			if k.ID == c.number("check_run_id") {
				return then(c, k)
			}
		}
		return notFound()
	}
}

func updateCheck(c *call, k *check) reply {
	if c.as.app == nil || c.as.app.ID != k.App {
		return fail(http.StatusForbidden, "Invalid app_id `"+itoa(c.via())+"` - check run can only be modified by the GitHub App that created it.")
	}
	var in checkInput
	c.decode(&in)
	in.onto(k, c.s.now())
	return ok(c.checkObj(k))
}

func listChecks(c *call) reply {
	at, found := c.resolve(c.values["ref"])
	if !found {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.values["ref"])
	}
	var all []*check
	for _, k := range c.repo.Checks {
		if k.SHA == at.sha && (c.query("check_name") == "" || c.query("check_name") == k.Name) {
			all = append(all, k)
		}
	}
	return ok(obj{"total_count": len(all), "check_runs": each(page(c, all), func(k *check) any { return c.checkObj(k) })})
}

func (c *call) statusObj(v *status) obj {
	return obj{
		"id": v.ID, "node_id": nodeID("SC", v.ID), "url": c.api(c.repo) + "/statuses/" + v.SHA, "avatar_url": nil, "state": v.State, "description": null(v.Description), "target_url": null(v.Target),
		"context": v.Context, "created_at": stamp(v.Created), "updated_at": stamp(v.Created), "creator": c.account(v.Creator),
	}
}

func createStatus(c *call) reply {
	var in struct {
		State, Description, Context string
		Target                      string `json:"target_url"`
	}
	c.decode(&in)
	if c.s.bare(c.repo).kind(c.values["sha"]) != "commit" {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.values["sha"])
	}
	if in.Context == "" {
		in.Context = "default"
	}
	v := &status{c.st.id(), c.values["sha"], in.State, in.Context, in.Description, in.Target, c.as.user.ID, c.s.now()}
	c.repo.Statuses = append(c.repo.Statuses, v)
	return created(c.statusObj(v))
}

func (c *call) statusesOf(sha string) []*status {
	var all []*status
	for _, v := range slices.Backward(c.repo.Statuses) {
		if v.SHA == sha {
			all = append(all, v)
		}
	}
	return all
}

func listStatuses(c *call) reply {
	at, found := c.resolve(c.values["ref"])
	if !found {
		return notFound()
	}
	return paged(c, c.statusesOf(at.sha), func(v *status) any { return c.statusObj(v) })
}

func combinedStatus(c *call) reply {
	at, found := c.resolve(c.values["ref"])
	if !found {
		return notFound()
	}
	var latest []*status
	state := "success"
	for _, v := range c.statusesOf(at.sha) {
		if slices.ContainsFunc(latest, func(o *status) bool { return o.Context == v.Context }) {
			continue
		}
		latest = append(latest, v)
		switch {
		case v.State == "failure" || v.State == "error":
			state = "failure"
		case v.State == "pending" && state == "success":
			state = "pending"
		}
	}
	if len(latest) == 0 {
		state = "pending"
	}
	return ok(obj{
		"state": state, "sha": at.sha, "total_count": len(latest), "statuses": each(page(c, latest), func(v *status) any { return c.statusObj(v) }),
		"repository": c.repoObj(c.repo), "commit_url": c.api(c.repo) + "/commits/" + at.sha, "url": c.api(c.repo) + "/commits/" + at.sha + "/status",
	})
}

func getMe(c *call) reply {
	if c.as.app != nil {
		return fail(http.StatusForbidden, "Resource not accessible by integration")
	}
	return ok(c.publicUser(c.as.user))
}

func userByID(c *call) reply {
	if u := c.st.user(c.number("account_id")); u != nil && !u.Deleted {
		return ok(c.publicUser(u))
	}
	return notFound()
}

func userByLogin(c *call) reply {
	if u := c.st.login(c.values["username"]); u != nil {
		return ok(c.publicUser(u))
	}
	return notFound()
}

func (c *call) orgObj(org *user) obj {
	at := c.s.URL() + "/orgs/" + org.Login
	return obj{
		"login": org.Login, "id": org.ID, "node_id": nodeID("O", org.ID), "url": at, "repos_url": at + "/repos", "events_url": at + "/events", "hooks_url": at + "/hooks", "issues_url": at + "/issues",
		"members_url": at + "/members{/member}", "public_members_url": at + "/public_members{/member}", "avatar_url": c.s.URL() + "/avatars/u/" + itoa(org.ID), "description": nil,
		"html_url": c.s.URL() + "/" + org.Login, "type": "Organization", "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "has_organization_projects": true,
		"has_repository_projects": true, "created_at": stamp(org.Created), "updated_at": stamp(org.Created), "archived_at": nil,
	}
}

func (c *call) org() *user {
	org := c.st.login(c.values["org"])
	if org == nil || org.Type != "Organization" {
		return nil
	}
	return org
}

func orgMembership(c *call) reply {
	org, u := c.org(), c.st.login(c.values["username"])
	if org == nil || u == nil || org.Members[u.ID] == "" {
		return notFound()
	}
	at := c.s.URL() + "/orgs/" + org.Login
	return ok(obj{"url": at + "/memberships/" + u.Login, "state": "active", "role": org.Members[u.ID], "organization_url": at, "organization": c.orgObj(org), "user": c.userObj(u)})
}

func onTeam(then func(*call, *user, *team) reply) func(*call) reply {
	return func(c *call) reply {
		org := c.org()
		if org == nil {
			return notFound()
		}
		t := c.st.team(org.ID, c.values["team_slug"])
		// A person sees teams of organizations they belong to; an App those of its owner.
		if t == nil || c.as.app == nil && org.Members[c.as.user.ID] == "" || c.as.app != nil && c.as.app.Owner != org.ID {
			return notFound()
		}
		return then(c, org, t)
	}
}

func (c *call) teamObj(org *user, t *team) obj {
	at := fmt.Sprintf("%s/organizations/%d/team/%d", c.s.URL(), org.ID, t.ID)
	return obj{
		"id": t.ID, "node_id": nodeID("T", t.ID), "name": t.Slug, "slug": t.Slug, "description": nil, "privacy": "closed", "notification_setting": "notifications_enabled", "permission": "pull", "type": "organization",
		"url": at, "html_url": c.s.URL() + "/orgs/" + org.Login + "/teams/" + t.Slug, "members_url": at + "/members{/member}", "repositories_url": at + "/repos", "parent": nil,
		"members_count": len(t.Members), "repos_count": 1, "created_at": stamp(t.Created), "updated_at": stamp(t.Created), "organization": c.orgObj(org),
	}
}

func teamMembers(c *call, _ *user, t *team) reply {
	var all []*user
	for _, u := range c.st.Users {
		if t.Members[u.ID] == "active" && !u.Deleted {
			all = append(all, u)
		}
	}
	return paged(c, all, func(u *user) any { return c.userObj(u) })
}

func teamMembership(c *call, org *user, t *team) reply {
	u := c.st.login(c.values["username"])
	if u == nil || t.Members[u.ID] == "" {
		return notFound()
	}
	return ok(obj{"url": fmt.Sprintf("%s/organizations/%d/team/%d/memberships/%s", c.s.URL(), org.ID, t.ID, u.Login), "role": "member", "state": t.Members[u.ID]})
}

func getInstallation(c *call) reply {
	a := c.as.app
	if c.number("installation_id") != a.Installation {
		return notFound()
	}
	at := fmt.Sprintf("%s/app/installations/%d", c.s.URL(), a.Installation)
	return ok(obj{
		"id": a.Installation, "account": c.somebody(a.Owner), "repository_selection": "all", "access_tokens_url": at + "/access_tokens", "repositories_url": c.s.URL() + "/installation/repositories",
		"html_url": c.s.URL() + "/settings/installations/" + itoa(a.Installation), "app_id": a.ID, "app_slug": a.Slug, "target_id": a.Owner, "target_type": "Organization", "permissions": a.Permissions,
		"events": []any{}, "created_at": stamp(a.Created), "updated_at": stamp(a.Created), "single_file_name": nil, "suspended_by": nil, "suspended_at": nil,
	})
}

func createInstallationToken(c *call) reply {
	a := c.as.app
	if c.number("installation_id") != a.Installation {
		return notFound()
	}
	var in struct {
		Permissions   map[string]string
		Repositories  []string
		RepositoryIDs []int64 `json:"repository_ids"`
	}
	c.decode(&in)
	granted := a.Permissions
	if in.Permissions != nil {
		granted = in.Permissions
		for p, level := range granted {
			if !permits(&identity{app: a}, p+":"+level) {
				return fail(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			}
		}
	}
	var only []int64
	for _, r := range c.st.Repos {
		if r.Owner == a.Owner && (slices.Contains(in.Repositories, r.Name) || slices.Contains(in.RepositoryIDs, r.ID)) {
			only = append(only, r.ID)
		}
	}
	if len(only) < len(in.Repositories)+len(in.RepositoryIDs) {
		return fail(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	t := &token{User: a.Bot, App: a.ID, Permissions: granted, Repos: only, Expires: c.s.now().Add(time.Hour)}
	text := c.s.newToken("ghs_", t)
	selection := "all"
	if only != nil {
		selection = "selected"
	}
	o := obj{"token": text, "expires_at": stamp(t.Expires), "permissions": granted, "repository_selection": selection}
	return created(o)
}

// newToken keeps a token's hash and returns the token.
func (s *Server) newToken(prefix string, t *token) string {
	text := prefix + rand.Text() + strings.ToLower(rand.Text()[:10])
	t.Hash = hashToken(text)
	s.st.Tokens = append(s.st.Tokens, t)
	return text
}

func installationRepositories(c *call) reply {
	if c.as.app == nil {
		return fail(http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
	}
	var all []*repo
	for _, r := range c.st.Repos {
		if c.as.app.Owner == r.Owner && (c.as.token == nil || c.as.token.Repos == nil || has(c.as.token.Repos, r.ID)) {
			all = append(all, r)
		}
	}
	return ok(obj{"total_count": len(all), "repository_selection": "all", "repositories": each(page(c, all), func(r *repo) any { return c.repoObj(r) })})
}

func rateLimit(c *call) reply {
	used, reset := 0, c.s.now().Add(time.Hour)
	if t := c.as.token; t != nil {
		t.Used-- // this question is free
		used, reset = t.Used, t.Reset
	}
	core := obj{"limit": hourly, "remaining": hourly - used, "used": used, "reset": reset.Unix()}
	other := obj{"limit": hourly, "remaining": hourly, "used": 0, "reset": reset.Unix()}
	return ok(obj{"resources": obj{"core": core, "search": other, "graphql": other}, "rate": core})
}
