// Package workflows tests what GitHub Actions is given: the workflows of the starter
// repository and the action itself.
package workflows

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/yamldoc"
)

const starter = "../../examples/starter/.github/workflows"

// workflow is one file, as text and as YAML.
type workflow struct {
	name string
	text string
	doc  map[string]any
}

func workflows(t *testing.T) []workflow {
	t.Helper()
	fsys := os.DirFS(starter)
	names, err := fs.Glob(fsys, "*.yml")
	if err != nil || len(names) != 5 {
		t.Fatalf("workflows are %v, %v", names, err)
	}
	var list []workflow
	for _, name := range names {
		list = append(list, read(t, fsys, name))
	}
	return list
}

func read(t *testing.T, fsys fs.FS, name string) workflow {
	t.Helper()
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	// The key `on` is a boolean of YAML 1.1, which yamldoc refuses unquoted.
	docs, problems := yamldoc.Parse([]byte(strings.Replace(string(data), "\non:\n", "\n\"on\":\n", 1)))
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatalf("%s: %v", name, problems)
	}
	doc, _ := docs[0].Value.(map[string]any)
	return workflow{name, string(data), doc}
}

func (w workflow) triggers() map[string]any {
	on, _ := w.doc["on"].(map[string]any)
	return on
}

type job struct {
	name string
	body map[string]any
}

func (w workflow) jobs() []job {
	var list []job
	all, _ := w.doc["jobs"].(map[string]any)
	for name, body := range all {
		m, _ := body.(map[string]any)
		list = append(list, job{name, m})
	}
	return list
}

func (j job) steps() []map[string]any {
	var steps []map[string]any
	list, _ := j.body["steps"].([]any)
	for _, s := range list {
		m, _ := s.(map[string]any)
		steps = append(steps, m)
	}
	return steps
}

// problems of a workflow, by rule: what the tests below ask for, and what the tests
// of the tests break.
func problems(w workflow) []string {
	var found []string
	add := func(rule, format string, args ...any) {
		found = append(found, rule+" "+w.name+": "+fmt.Sprintf(format, args...))
	}
	allowed := []string{"issue_comment", "workflow_dispatch", "pull_request", "schedule"}
	if len(w.triggers()) == 0 {
		add("WF-01", "no trigger")
	}
	for trigger, body := range w.triggers() {
		if !slices.Contains(allowed, trigger) {
			add("WF-01", "trigger %s", trigger)
		}
		if m, _ := body.(map[string]any); trigger == "issue_comment" && fmt.Sprint(m["types"]) != "[created]" {
			add("WF-01", "issue_comment for %v", m["types"])
		}
		if m, _ := body.(map[string]any); trigger == "workflow_dispatch" && m != nil {
			inputs, _ := m["inputs"].(map[string]any)
			if _, ok := inputs["comment"]; !ok || len(inputs) != 1 {
				add("WF-01", "inputs are %v", inputs)
			}
		}
	}
	if p, ok := w.doc["permissions"].(map[string]any); !ok || len(p) != 0 {
		add("WF-04", "permissions of the workflow are %v, not {}", w.doc["permissions"])
	}
	concurrency, _ := w.doc["concurrency"].(map[string]any)
	if _, reads := w.triggers()["pull_request"]; !reads && concurrency["cancel-in-progress"] != false {
		add("LOCK-07", "a run that waits or works is cancelled")
	}
	_, fromPullRequest := w.triggers()["pull_request"]
	for _, j := range w.jobs() {
		text := fmt.Sprint(j.body)
		secrets := strings.Contains(text, "secrets.")
		if secrets && j.body["environment"] == nil {
			add("WF-03", "job %s has secrets outside an environment", j.name)
		}
		if fromPullRequest && (secrets || j.body["environment"] != nil) {
			add("WF-03", "job %s runs what a pull request brings, with secrets", j.name)
		}
		if minutes, ok := j.body["timeout-minutes"].(int64); !ok || minutes < 1 {
			add("WF-04", "job %s has no deadline", j.name)
		}
		for permission, level := range asMap(j.body["permissions"]) {
			if level != "read" && permission != "pages" && permission != "id-token" {
				add("WF-04", "job %s may write %s", j.name, permission)
			}
		}
		for i, s := range j.steps() {
			uses, _ := s["uses"].(string)
			if uses != "" && !pinned.MatchString(uses) {
				add("WF-04", "step %d uses %s, which is not pinned by its commit", i, uses)
			}
			if strings.HasPrefix(uses, "actions/checkout@") && asMap(s["with"])["persist-credentials"] != false {
				add("WF-04", "checkout keeps credentials")
			}
			if run, _ := s["run"].(string); strings.Contains(run, "${{") {
				add("WF-02", "step %d has an expression in its script", i)
			}
			if args, _ := asMap(s["with"])["args"].(string); strings.Contains(args, "${{") {
				add("WF-02", "step %d has an expression in its arguments", i)
			}
			if strings.Contains(fmt.Sprint(s["env"]), "github.event") {
				add("WF-02", "step %d takes text of the event into a variable", i)
			}
		}
	}
	return found
}

var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func TestStarterWorkflowsKeepTheRules(t *testing.T) {
	t.Parallel()
	for _, w := range workflows(t) {
		for _, p := range problems(w) {
			t.Error(p)
		}
	}
}

// TestRulesOfWorkflowsFind breaks one thing in one workflow, and expects its rule.
func TestRulesOfWorkflowsFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, file, old, with string }{
		{"WF-01", "validate.yml", "pull_request:", "pull_request_target:"},
		{"WF-01", "check.yml", "workflow_dispatch:", "workflow_run: {workflows: [validate]}"},
		{"WF-01", "execute.yml", "types: [created]", "types: [created, edited]"},
		{"WF-01", "execute.yml", "comment:\n        description", "target:\n        description"},
		{"WF-02", "execute.yml", "            --event\n", "            ${{ github.event.comment.body }}\n"},
		{"WF-02", "check.yml", "LEDGER_MONITOR_PASSWORD: ${{ secrets.LEDGER_MONITOR_PASSWORD }}", "TITLE: ${{ github.event.issue.title }}"},
		{"WF-02", "check.yml", "        with:\n          command: check\n", "      - run: echo ${{ github.actor }}\n"},
		{"WF-03", "execute.yml", "    environment: bcctl-execute\n", ""},
		{"WF-03", "validate.yml", "          command: validate\n", "          command: validate\n        env: {T: \"${{ secrets.T }}\"}\n"},
		{"WF-04", "plan.yml", "permissions: {}\n", ""},
		{"WF-04", "plan.yml", "      contents: read\n", "      contents: write\n"},
		{"WF-04", "check.yml", "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "actions/checkout@v4"},
		{"WF-04", "check.yml", "persist-credentials: false", "persist-credentials: true"},
		{"LOCK-07", "execute.yml", "cancel-in-progress: false", "cancel-in-progress: true"},
	} {
		data, err := os.ReadFile(path.Join(starter, c.file))
		if err != nil {
			t.Fatal(err)
		}
		broken := strings.Replace(string(data), c.old, c.with, 1)
		if broken == string(data) {
			t.Errorf("%s %s: nothing was broken: %q is not there", c.rule, c.file, c.old)
			continue
		}
		w := read(t, mapFS{c.file: broken}, c.file)
		if found := problems(w); !slices.ContainsFunc(found, func(p string) bool { return strings.HasPrefix(p, c.rule) }) {
			t.Errorf("%s %s with %q: found %v", c.rule, c.file, c.with, found)
		}
	}
}

type mapFS map[string]string

func (m mapFS) Open(name string) (fs.File, error) { return nil, fs.ErrNotExist }

func (m mapFS) ReadFile(name string) ([]byte, error) { return []byte(m[name]), nil }

// A run is told which comment confirmed it and nothing else of the event (CONF-01).
func TestCONF01OnlyTheCommentsNumberIsHandedOver(t *testing.T) {
	t.Parallel()
	w := read(t, os.DirFS(starter), "execute.yml")
	for _, j := range w.jobs() {
		if !strings.Contains(fmt.Sprint(j.body["if"]), "github.run_attempt == 1") {
			t.Error("a re-run would start (CONF-06)")
		}
		for _, s := range j.steps() {
			if text := fmt.Sprint(s["with"], s["env"]); strings.Contains(text, "github.event") || strings.Contains(text, "inputs.") {
				t.Errorf("step hands over %s", text)
			}
		}
	}
}
