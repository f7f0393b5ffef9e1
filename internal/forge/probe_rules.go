package forge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

const weakGate = "whoever may change the gate quietly needs no approval (POL-05)"

// mainRules looks at what protects the default branch (POL-05).
func (d *doctor) mainRules(ctx context.Context) error {
	rules, err := d.c.BranchRules(ctx, d.branch)
	if err != nil && !errors.Is(err, ErrPermission) && !errors.Is(err, ErrNotFound) {
		return err
	}
	have := map[string]bool{}
	reviews := 0
	for _, r := range rules {
		have[r.Type] = true
		if r.Type != "pull_request" {
			continue
		}
		var p struct {
			Count    int  `json:"required_approving_review_count"`
			Stale    bool `json:"dismiss_stale_reviews_on_push"`
			Owners   bool `json:"require_code_owner_review"`
			LastPush bool `json:"require_last_push_approval"`
		}
		if json.Unmarshal(r.Parameters, &p) == nil {
			reviews = max(reviews, p.Count)
			have["stale"], have["owners"], have["last"] = have["stale"] || p.Stale, have["owners"] || p.Owners, have["last"] || p.LastPush
		}
	}
	if err := d.classic(ctx, have, &reviews); err != nil {
		return err
	}
	have["reviews"] = reviews > 0
	for _, want := range []struct{ key, what, fix string }{
		{"pull_request", "changes need a pull request", "require a pull request before merging"},
		{"reviews", "a pull request needs a review", "require at least one approval"},
		{"stale", "a push dismisses reviews", "dismiss stale approvals when new commits are pushed"},
		{"last", "the last push needs an approval by somebody else", "require approval of the most recent push"},
		{"owners", "code owners must review", "require review from code owners"},
		{"non_fast_forward", "no force push", "block force pushes"},
		{"deletion", "no deletion", "restrict deletions"},
	} {
		name := "branch " + d.branch + ": " + want.what
		if have[want.key] {
			d.fine(name, "")
		} else {
			d.bad(name, "no rule says so", weakGate, "in a rule set for "+d.branch+": "+want.fix)
		}
	}
	return nil
}

// classic adds what the older kind of protection says. Not readable or not there is
// nothing added.
func (d *doctor) classic(ctx context.Context, have map[string]bool, reviews *int) error {
	var p struct {
		Reviews *struct {
			Stale    bool `json:"dismiss_stale_reviews"`
			Owners   bool `json:"require_code_owner_reviews"`
			Count    int  `json:"required_approving_review_count"`
			LastPush bool `json:"require_last_push_approval"`
		} `json:"required_pull_request_reviews"`
		Admins    struct{ Enabled bool }  `json:"enforce_admins"`
		Force     *struct{ Enabled bool } `json:"allow_force_pushes"`
		Deletions *struct{ Enabled bool } `json:"allow_deletions"`
	}
	_, err := d.c.get(ctx, d.c.repoPath("/branches/%s/protection", d.branch), &p)
	if errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !p.Admins.Enabled {
		d.bad("branch "+d.branch+": administrators", "the classic protection does not hold for them", weakGate, "switch \"do not allow bypassing\" on, or use a rule set")
	}
	if p.Reviews != nil {
		have["pull_request"] = true
		*reviews = max(*reviews, p.Reviews.Count)
		have["stale"], have["owners"], have["last"] = have["stale"] || p.Reviews.Stale, have["owners"] || p.Reviews.Owners, have["last"] || p.Reviews.LastPush
	}
	have["non_fast_forward"] = have["non_fast_forward"] || p.Force != nil && !p.Force.Enabled
	have["deletion"] = have["deletion"] || p.Deletions != nil && !p.Deletions.Enabled
	return nil
}

// bypass lists who rules do not stop. GitHub shows that to those who may change the
// rule set.
func (d *doctor) bypass(ctx context.Context) error {
	sets, err := d.c.rulesets(ctx)
	if errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound) {
		d.unproven("bypass lists", "the rule sets cannot be read", "ask an administrator to run bcctl doctor --github")
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range sets {
		var full struct {
			Conditions struct {
				RefName struct{ Include []string } `json:"ref_name"`
			} `json:"conditions"`
			Bypass *[]struct {
				ID   int64  `json:"actor_id"`
				Type string `json:"actor_type"`
				Mode string `json:"bypass_mode"`
			} `json:"bypass_actors"`
			Enforcement string `json:"enforcement"`
		}
		if _, err := d.c.get(ctx, d.c.repoPath("/rulesets/%d?includes_parents=true", s.ID), &full); err != nil {
			if errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound) {
				continue
			}
			return err
		}
		name := "rule set " + s.Name
		aboutMain := slices.ContainsFunc(full.Conditions.RefName.Include, func(ref string) bool {
			return ref == "~DEFAULT_BRANCH" || ref == "~ALL" || ref == "refs/heads/"+d.branch
		})
		switch {
		case s.Enforcement != "active":
			d.bad(name, "it is "+s.Enforcement, "it stops nobody", "set it to active")
		case !aboutMain:
			// Rules of lock and audit branches let the App pass, and that is meant.
		case full.Bypass == nil:
			d.unproven(name, "who may bypass it is not shown to this credential", "ask an administrator to run bcctl doctor --github")
		case len(*full.Bypass) > 0:
			var who []string
			for _, b := range *full.Bypass {
				who = append(who, fmt.Sprintf("%s %d (%s)", b.Type, b.ID, b.Mode))
			}
			d.bad(name, "it does not stop "+strings.Join(who, ", "), "a bypassed merge is denied (ADM-02), but a policy can be changed this way (POL-05)", "empty its bypass list")
		default:
			d.fine(name, "nobody may bypass it")
		}
	}
	return nil
}

// ledgerRules looks at branches that only the App may write (LOCK-06, AUD-01).
func (d *doctor) ledgerRules(ctx context.Context) error {
	for _, b := range []struct {
		branch, rule, why string
		need              []string
	}{
		{d.want.LockBranch, "LOCK-06", "anybody who may push could forge or break a lock", []string{"creation", "update", "deletion"}},
		{d.want.AuditBranch, "AUD-01", "anybody who may push could add, rewrite or remove records; verification would show it, late", []string{"update", "non_fast_forward", "deletion"}},
	} {
		if b.branch == "" {
			continue
		}
		rules, err := d.c.BranchRules(ctx, b.branch)
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrPermission) {
			return err
		}
		var missing []string
		for _, need := range b.need {
			if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Type == need }) {
				missing = append(missing, need)
			}
		}
		name := fmt.Sprintf("branch %s (%s)", b.branch, b.rule)
		if len(missing) > 0 {
			d.bad(name, "no rule restricts "+strings.Join(missing, ", "), b.why, "make a rule set for it that only the bcctl App may bypass")
			continue
		}
		d.fine(name, "")
	}
	return nil
}

// environment looks at where secrets are (WF-03).
func (d *doctor) environment(ctx context.Context) error {
	if d.want.Environment == "" {
		return nil
	}
	name := "environment " + d.want.Environment + " (WF-03)"
	var e struct {
		AdminBypass *bool `json:"can_admins_bypass"`
		Policy      *struct {
			Protected bool `json:"protected_branches"`
			Custom    bool `json:"custom_branch_policies"`
		} `json:"deployment_branch_policy"`
	}
	_, err := d.c.get(ctx, d.c.repoPath("/environments/%s", d.want.Environment), &e)
	switch {
	case errors.Is(err, ErrNotFound):
		d.bad(name, "it is not there, or not visible", "secrets for execution would be open to every workflow", "make it, with deployments from "+d.branch+" only")
		return nil
	case errors.Is(err, ErrPermission):
		d.unproven(name, "it cannot be read", "give the credential Actions: read")
		return nil
	case err != nil:
		return err
	}
	var policies struct {
		Branches []struct{ Name string } `json:"branch_policies"`
	}
	if e.Policy != nil && e.Policy.Custom {
		if _, err := d.c.get(ctx, d.c.repoPath("/environments/%s/deployment-branch-policies?per_page=100", d.want.Environment), &policies); err != nil {
			return err
		}
	}
	switch {
	case e.Policy == nil || !e.Policy.Custom || len(policies.Branches) != 1 || policies.Branches[0].Name != d.branch:
		d.bad(name, "other branches than "+d.branch+" may use it", "a workflow edited on a branch would get its secrets", "allow deployments from selected branches: "+d.branch+" and no other")
	case e.AdminBypass == nil || *e.AdminBypass:
		d.bad(name, "administrators may bypass its rules", "one person alone could use its secrets", "switch off \"allow administrators to bypass\"")
	default:
		d.fine(name, "deployments from "+d.branch+" only")
	}
	return nil
}

// workflows looks at what a workflow's own token may do (WF-04, WF-05).
func (d *doctor) workflows(ctx context.Context) error {
	var p struct {
		Default string `json:"default_workflow_permissions"`
		Approve *bool  `json:"can_approve_pull_request_reviews"`
	}
	_, err := d.c.get(ctx, d.c.repoPath("/actions/permissions/workflow"), &p)
	if errors.Is(err, ErrPermission) || errors.Is(err, ErrNotFound) {
		d.unproven("workflow permissions (WF-05)", "they cannot be read", "give the credential Administration: read, or ask an administrator")
		return nil
	}
	if err != nil {
		return err
	}
	if p.Approve == nil || *p.Approve {
		d.bad("workflow permissions (WF-05)", "workflows may approve pull requests", "a bot's approval looks like one, although it never counts here", "switch off \"allow GitHub Actions to create and approve pull requests\"")
	} else {
		d.fine("workflow permissions (WF-05)", "workflows approve nothing")
	}
	if p.Default != "read" {
		d.bad("workflow permissions (WF-04)", "the default is "+p.Default, "a workflow that names no permissions could push", "set the default to read")
	} else {
		d.fine("workflow permissions (WF-04)", "read by default")
	}
	return nil
}

// owners looks for owners of the files that decide (POL-05).
func (d *doctor) owners(ctx context.Context) error {
	if len(d.want.Owned) == 0 {
		return nil
	}
	for _, at := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		var file struct {
			Content  string `json:"content"`
			Encoding string `json:"encoding"`
		}
		_, err := d.c.get(ctx, d.c.repoPath("/contents/%s", at), &file)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if errors.Is(err, ErrPermission) {
			break
		}
		if err != nil {
			return err
		}
		text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(file.Content, "\n", ""))
		if err != nil || file.Encoding != "base64" {
			break
		}
		for _, p := range d.want.Owned {
			if who := ownersOf(string(text), p); len(who) == 0 {
				d.bad("owners of "+p, at+" names none", weakGate, "add a line for it to "+at+", with owners who make no requests")
			} else {
				d.fine("owners of "+p, strings.Join(who, " "))
			}
		}
		return nil
	}
	d.bad("owners", "there is no readable CODEOWNERS", weakGate, "add .github/CODEOWNERS with owners of "+strings.Join(d.want.Owned, ", "))
	return nil
}

// ownersOf finds the owners of a path: the last line that matches decides, and one
// without owners takes them away. Patterns are those of .gitignore without ! and [].
func ownersOf(text, file string) []string {
	var who []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 && owns(fields[0], file) {
			who = fields[1:]
		}
	}
	return who
}

func owns(pattern, file string) bool {
	anchored := strings.Contains(strings.TrimSuffix(pattern, "/"), "/")
	folder := strings.HasSuffix(pattern, "/")
	pattern = strings.Trim(pattern, "/")
	if pattern == "*" || pattern == "**" {
		return true
	}
	pattern = strings.TrimSuffix(pattern, "/**")
	parts := strings.Split(file, "/")
	for i := range parts {
		for j := i + 1; j <= len(parts); j++ {
			if anchored && i > 0 || folder && j == len(parts) {
				continue
			}
			if ok, err := path.Match(pattern, strings.Join(parts[i:j], "/")); ok && err == nil {
				return true
			}
		}
	}
	return false
}
