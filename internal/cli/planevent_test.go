package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/github"
)

// plannableGate is a gate whose resource can be planned: its procedure is named, and its
// servers are not there.
func plannableGate(t *testing.T) *gate {
	t.Helper()
	return newGate(t, func(g *gate, _ map[string]string) {
		text := strings.Replace(fmt.Sprintf(gateResource, 1), "credentials:", "procedures: {switchover: {name: pg.native}}\n  credentials:", 1)
		g.files["resources/ledger.yaml"] = strings.NewReplacer("ledger-a.example.net:5432", "127.0.0.1:1", "ledger-b.example.net:5432", "127.0.0.1:2").Replace(text)
	})
}

// event runs plan --event with a payload.
func (g *gate) event(payload string, more ...string) outcome {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "event.json")
	g.ok(os.WriteFile(file, []byte(payload), 0o600))
	args := append([]string{"plan", "--event", "--target-timeout", "1s", "--quiet"}, more...)
	return g.runIn(map[string]string{"GITHUB_EVENT_PATH": file}, g.Token("root"), "", args...)
}

func commented(id int64) string { return fmt.Sprintf(`{"comment":{"id":%d,"body":%q}}`, id, planLine) }

// plans are the texts of the comments that hold a plan.
func (g *gate) plans() []string {
	g.t.Helper()
	var list []struct{ Body string }
	g.ok(g.As("root").Do("GET", fmt.Sprintf("/issues/%d/comments?per_page=100", g.pull), nil, &list))
	var found []string
	for _, m := range list {
		if strings.HasPrefix(m.Body, "<!-- bcctl:plan -->") {
			found = append(found, m.Body)
		}
	}
	return found
}

// A comment, a dispatch and a person all lead to the one comment with the plan. The
// plan is refused, because no server answers: that is said there, and is the exit code.
func TestPlanIsKeptAsOneComment(t *testing.T) {
	t.Parallel()
	g := plannableGate(t)
	id := g.id(g.As("dora").Comment(g.pull, planLine))
	for _, out := range []outcome{
		g.event(commented(id)),
		g.event(fmt.Sprintf(`{"inputs":{"comment":"%d"}}`, id)),
		g.run("root", "", "plan", gateID, "--comment", "--target-timeout", "1s", "--quiet"),
		g.run("root", "", "plan", fmt.Sprintf("#%d", g.pull), "--comment", "--target-timeout", "1s", "--quiet"),
	} {
		// The request of the fixture names another plan's digest, which is a change (12).
		if out.code != exitNotApproved || !strings.Contains(out.stdout, "ledger") {
			t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
		}
	}
	plans := g.plans()
	if len(plans) != 1 {
		t.Fatalf("%d comments hold a plan", len(plans))
	}
	for _, want := range []string{string(g.digest()), "bcctl-approve " + string(g.digest()) + " as it", "as business", "switchover"} {
		if !strings.Contains(plans[0], want) {
			t.Errorf("the comment lacks %q:\n%s", want, plans[0])
		}
	}
}

// The event says one thing and GitHub another: GitHub is believed.
func TestCONF01PlanBelievesGitHubAndNotTheEvent(t *testing.T) {
	t.Parallel()
	g := plannableGate(t)
	other := g.id(g.As("dora").Comment(g.pull, "Looks good.\n"+planLine))
	// The payload's text is the right one; the comment's is not.
	if out := g.event(commented(other)); out.code != exitFailed || !strings.Contains(out.stderr, "is not exactly "+planLine) {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if n := len(g.plans()); n != 0 {
		t.Errorf("%d plans were posted", n)
	}
	// And the other way round: nothing of the payload besides the number has a say.
	id := g.id(g.As("dora").Comment(g.pull, planLine))
	lies := fmt.Sprintf(`{"comment":{"id":%d,"body":"/bcctl plan $(touch x)","issue_url":"https://example.com/9"},"issue":{"number":999},"repository":{"full_name":"evil/evil","id":1}}`, id)
	if out := g.event(lies); out.code != exitNotApproved || len(g.plans()) != 1 {
		t.Errorf("code %d, %d plans\n%s%s", out.code, len(g.plans()), out.stdout, out.stderr)
	}
}

func TestPR03PlanRefusesASecondFile(t *testing.T) {
	t.Parallel()
	g := plannableGate(t)
	g.must(g.As("ann").Commit(gateBranch, github.Change{Files: map[string]string{"roster.yaml": g.roster("ann: approver-it approver-business operator")}, Message: "More"}))
	out := g.event(commented(g.id(g.As("dora").Comment(g.pull, planLine))))
	if out.code != exitNotApproved || !strings.Contains(out.stderr, "PR-03") {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if n := len(g.plans()); n != 0 {
		t.Errorf("%d plans were posted", n)
	}
}

func TestPlanEventErrors(t *testing.T) {
	t.Parallel()
	g := plannableGate(t)
	g.must(g.As("ann").Commit("notes", github.Change{Base: "main", Files: map[string]string{"notes.txt": "x\n"}, Message: "Notes"}))
	notes, err := g.As("ann").OpenPull("notes", "main", "Notes", "")
	g.ok(err)
	for name, c := range map[string]struct {
		payload string
		args    []string
		code    int
		want    string
	}{
		"no request":   {payload: commented(g.id(g.As("dora").Comment(notes, planLine))), code: exitFailed, want: "no pull request that adds a request"},
		"gone":         {payload: commented(987654321), code: exitFailed, want: "there is no comment 987654321"},
		"no comment":   {payload: `{"action":"created"}`, code: exitFailed, want: "names no comment"},
		"negative":     {payload: `{"comment":{"id":-4}}`, code: exitFailed, want: "names no comment"},
		"no number":    {payload: `{"inputs":{"comment":"1; rm"}}`, code: exitFailed, want: "is no number"},
		"no JSON":      {payload: `comment`, code: exitFailed, want: "the event is not one"},
		"and a target": {payload: `{}`, args: []string{"ledger"}, code: exitFailed, want: "--event says itself"},
		"and a site":   {payload: `{}`, args: []string{"--to", "ams"}, code: exitFailed, want: "a request says itself"},
		"and a commit": {payload: `{}`, args: []string{"--as-of", "HEAD"}, code: exitFailed, want: "--as-of"},
	} {
		if out := g.event(c.payload, c.args...); out.code != c.code || !strings.Contains(out.stderr, c.want) {
			t.Errorf("%s: code %d\n%s%s", name, out.code, out.stdout, out.stderr)
		}
	}
	if out := g.run("root", "", "plan", "--event"); out.code != exitFailed || !strings.Contains(out.stderr, "GITHUB_EVENT_PATH is not set") {
		t.Errorf("outside Actions: code %d\n%s", out.code, out.stderr)
	}
	if out := g.run("root", "", "plan", "switchover", "ledger", "--comment"); out.code != exitFailed || !strings.Contains(out.stderr, "needs one request") {
		t.Errorf("of a target: code %d\n%s", out.code, out.stderr)
	}
	id := g.id(g.As("dora").Comment(g.pull, planLine))
	// The laboratory has no issues. A comment of one is like any other, but for its place.
	g.Inject(github.Fault{Match: "GET /repos/*/issues/comments/*", Times: 1, Rewrite: func(body []byte) []byte {
		return bytes.ReplaceAll(body, fmt.Appendf(nil, "/issues/%d\"", g.pull), []byte("/issues/4321\""))
	}})
	if out := g.event(commented(id)); out.code != exitFailed || !strings.Contains(out.stderr, "at number 4321, which is no pull request") {
		t.Errorf("on an issue: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	g.Inject(github.Fault{Match: "GET /repos/*/issues/comments/*", Times: 1000, Status: 503, Message: "away"})
	if out := g.event(commented(id)); out.code != exitNoAnswer {
		t.Errorf("GitHub is away: code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
}
