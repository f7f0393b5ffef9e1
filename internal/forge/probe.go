package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/approval"
)

// Probe is one thing that was looked at.
type Probe struct {
	Name     string
	Problem  string // empty: fine
	Why      string // why it matters
	Fix      string // what mends it
	Note     string // shown when it is fine
	Unproven bool   // neither fine nor wrong: this credential cannot tell
}

// Expected is what should be set up.
type Expected struct {
	Environment   string          // in which runs execute
	Teams         []approval.Team // that the policy names
	Owned         []string        // paths that must have owners (POL-05)
	LockBranch    string          // a branch of a lock (LOCK-06)
	AuditBranch   string          // short name of the audit log's branch (AUD-01)
	WorkflowToken bool            // the credential is a workflow's own
}

// doctor collects probes.
type doctor struct {
	c      *Client
	want   Expected
	branch string
	probes []Probe
}

func (d *doctor) add(p Probe) { d.probes = append(d.probes, p) }

func (d *doctor) bad(name, problem, why, fix string) {
	d.add(Probe{Name: name, Problem: problem, Why: why, Fix: fix})
}

func (d *doctor) fine(name, note string) { d.add(Probe{Name: name, Note: note}) }

func (d *doctor) unproven(name, problem, fix string) {
	d.add(Probe{Name: name, Problem: problem, Fix: fix, Unproven: true})
}

// Probe looks at credentials, permissions and settings, one thing after the other, and
// changes nothing. The error says that GitHub did not answer.
func (c *Client) Probe(ctx context.Context, want Expected) ([]Probe, error) {
	ctx = c.withBudget(ctx)
	d := &doctor{c: c, want: want}
	ok, err := d.repository(ctx)
	if err != nil || !ok {
		return d.probes, err
	}
	d.clock()
	for _, look := range []func(context.Context) error{
		d.identity, d.permissions, d.teams, d.mainRules, d.bypass, d.ledgerRules, d.environment, d.workflows, d.owners,
	} {
		if err := look(ctx); err != nil {
			return d.probes, err
		}
	}
	return d.probes, nil
}

// repository is PR-01: the numbers match.
func (d *doctor) repository(ctx context.Context) (bool, error) {
	name := "repository " + d.c.opts.Owner + "/" + d.c.opts.Name
	r, err := d.c.Repository(ctx)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrPermission):
		d.bad(name, "not there, or not visible to this credential: "+err.Error(), "nothing about requests can be read", "check github.repository, and that the token or the App has access to it with Metadata: read")
		return false, nil
	case err != nil:
		return false, err
	}
	d.branch = r.DefaultBranch
	switch {
	case d.c.opts.RepositoryID <= 0:
		d.bad(name, "its number is not configured", "digests of requests are bound to it, and a name can be taken over (PR-01)", fmt.Sprintf("set github.repository-id: %d in bcctl.yaml", r.ID))
	case r.ID != d.c.opts.RepositoryID:
		d.bad(name, fmt.Sprintf("its number is %d, and github.repository-id is %d", r.ID, d.c.opts.RepositoryID), "another repository answers under this name (PR-01)", "correct github.repository, or the number if it was wrong from the start")
		return false, nil
	case !strings.EqualFold(r.FullName, d.c.opts.Owner+"/"+d.c.opts.Name):
		d.bad(name, "it is called "+r.FullName+" now", "reads are redirected silently, changes are refused", "set github.repository: "+r.FullName)
	default:
		d.fine(name, fmt.Sprintf("number %d, default branch %s", r.ID, r.DefaultBranch))
	}
	return true, nil
}

// maxSkew is what BIND-06 allows.
const maxSkew = time.Minute

func (d *doctor) clock() {
	skew := d.c.now().Sub(d.c.ServerDate())
	if skew > maxSkew || skew < -maxSkew {
		d.bad("clock", fmt.Sprintf("it differs from GitHub's by %s", skew.Round(time.Second)), "every decision is refused beyond 60 s (BIND-06)", "set up time synchronization")
		return
	}
	d.fine("clock", "within 60 s of GitHub's")
}

func (d *doctor) identity(ctx context.Context) error {
	if app, ok := d.c.opts.Auth.(*App); ok {
		d.fine("credential", fmt.Sprintf("installation %d of App %d", app.installation, app.id))
		return nil
	}
	if d.want.WorkflowToken {
		d.bad("credential", "it may be the workflow's own token", "whoever edits a workflow has it; it is never used to verify (API-08)", "use a GitHub App: github.app-id, github.installation-id, github.app-key")
	}
	me, err := d.c.Myself(ctx)
	switch {
	case errors.Is(err, ErrPermission), errors.Is(err, ErrNotFound):
		d.unproven("credential", "whose token this is cannot be read: it belongs to no person", "for bcctl approve use a token of your own")
	case err != nil:
		return err
	case me.Type != approval.UserTypeUser:
		d.fine("credential", fmt.Sprintf("account %s, a %s: it cannot approve (ID-02)", me.Login, me.Type))
	default:
		d.fine("credential", fmt.Sprintf("account %s (%d)", me.Login, me.ID))
	}
	return nil
}

// readPermission is a permission with a read that needs it.
type readPermission struct {
	name, path, why string
}

func (d *doctor) permissions(ctx context.Context) error {
	for _, p := range []readPermission{
		{"Contents: read", d.c.repoPath("/git/ref/heads/%s", d.branch), "files and the branch's tip"},
		{"Pull requests: read", d.c.repoPath("/pulls?per_page=1"), "reviews"},
		{"Issues or Pull requests: read", d.c.repoPath("/issues?per_page=1"), "comments: confirmations and withdrawals"},
		{"Contents: read, of the activity", d.c.repoPath("/activity?per_page=1"), "when a branch moved (APP-04)"},
		{"Actions: read", d.c.repoPath("/actions/runs?per_page=1"), "which workflow run this is (CONF-06)"},
		{"Administration: read", d.c.repoPath("/rulesets/rule-suites?per_page=1"), "whether rules were bypassed for a merge (ADM-02); without it tier 1 is denied"},
	} {
		_, err := d.c.get(ctx, p.path, nil)
		switch {
		case err == nil:
			d.fine("permission "+p.name, "")
		case errors.Is(err, ErrPermission), errors.Is(err, ErrNotFound):
			d.bad("permission "+p.name, "missing", "needed for "+p.why, "give the token or the App "+p.name)
		default:
			return err
		}
	}
	return d.writes(ctx)
}

// writes tells which changes may be made. An App's permissions are written down; a
// person's token shows them to nobody until they are used.
func (d *doctor) writes(ctx context.Context) error {
	app, ok := d.c.opts.Auth.(*App)
	if !ok {
		d.unproven("permission to write", "a person's token does not say what it may change, and nothing is changed to find out", "it needs Pull requests: read and write to approve")
		return nil
	}
	granted, err := d.c.granted(ctx, app)
	switch {
	case errors.Is(err, ErrPermission), errors.Is(err, ErrNotFound):
		d.unproven("permissions of the App", "they cannot be read", "look at the App's installation on GitHub")
		return nil
	case err != nil:
		return err
	}
	for _, want := range []struct{ name, label, why string }{
		{"contents", "Contents", "locks, the ledger and the audit log"}, {"pull_requests", "Pull requests", "pull requests of schedules"},
		{"issues", "Issues", "comments"}, {"checks", "Checks", "what is shown beside a commit"},
	} {
		if granted[want.name] == "write" {
			d.fine("permission "+want.label+": write", "")
			continue
		}
		d.bad("permission "+want.label+": write", "missing", "needed for "+want.why, "give the App "+want.label+": read and write, and accept it for the installation")
	}
	for _, more := range []string{"administration", "workflows", "secrets", "actions", "environments"} {
		if granted[more] == "write" {
			d.bad("least privilege", "the App may write "+more, "whoever has its key could weaken the gate (API-08)", "take "+more+": write from the App")
		}
	}
	return nil
}

// granted are the permissions of an App's installation, which its own statement may
// read.
func (c *Client) granted(ctx context.Context, app *App) (map[string]string, error) {
	statement, err := app.statement(c.now())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Permissions map[string]string `json:"permissions"`
	}
	req, err := c.gh.NewRequest(http.MethodGet, fmt.Sprintf("app/installations/%d", app.installation), nil)
	if err != nil {
		return nil, err
	}
	_, err = c.gh.Do(context.WithValue(ctx, statementKey{}, "Bearer "+statement), req, &answer)
	return answer.Permissions, wrap(err)
}

func (d *doctor) teams(ctx context.Context) error {
	for _, t := range d.want.Teams {
		name := "team " + t.Org + "/" + t.Slug
		_, _, err := d.c.gh.Teams.GetTeamBySlug(ctx, t.Org, t.Slug)
		switch err = wrap(err); {
		case err == nil:
			d.fine(name, "")
		case errors.Is(err, ErrPermission), errors.Is(err, ErrNotFound):
			d.bad(name, "it is not there, or not visible", "the policy asks for its members, and every request would be denied (ID-07)", "give the credential Members: read of the organization, or correct the policy")
		default:
			return err
		}
	}
	return nil
}
