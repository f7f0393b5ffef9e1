package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/connectors/all"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// soundBook is a runbook with something of everything, which nothing refuses.
const soundBook = `apiVersion: bcctl/v1
kind: Runbook
metadata: {name: x}
spec:
  for: {type: switchover, platform: postgresql}
  parameters:
    - {name: host, default: change.example.com, allowed: [change.example.com, other.example.com]}
    - {name: hook, default: /usr/local/lib/hook}
  prechecks:
    - {id: target, uses: pg.native/target-is-standby, with: {type: switchover}}
    - {id: person, manual: {instructions: Look., attest: it is so}}
  steps:
    - {id: mark, uses: pg.native/mark, timeout: 15s}
    - {id: drain, command: {run: ["${hook}", drain]}, done: {command: {run: ["${hook}", drained]}}, undo: {command: {run: ["${hook}", undrain]}}}
    - {id: told, http: {method: POST, url: "https://${host}/told", headers: {X-Run: "${run}"}}, done: {http: {url: "https://${host}/is-told"}}}
    - {id: settle, wait: {for: 5s}}
    - {id: help-desk, manual: {instructions: Tell them., attest: they know}}
    - {id: promote, uses: pg.native/promote, with: {evidence: "${steps.help-desk.evidence}", parameters: "${steps.mark.parameters}"}, timeout: 2m}
    - {id: name, dns-verify: {name: ledger.example.com, expect: [192.0.2.1], resolvers: ["192.0.2.53:53"]}}
    - {id: row, sql: {side: new, statement: "UPDATE app.x SET y = 1"}, done: {sql: {side: new, statement: SELECT true}}}
  postchecks:
    - {id: primary, uses: pg.native/single-primary, with: {type: switchover}}
  rollback:
    - {id: start, uses: pg.native/checkpoint-new}
  pointOfNoReturn: promote
  holdPoints: [drain]
  atomic: [{from: settle, to: promote}]
`

// found is what validate says of runbooks, by file.
func found(t *testing.T, files map[string]string) (*config.Repo, map[string][]string) {
	t.Helper()
	tree := fstest.MapFS{"bcctl.yaml": {}}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	r := &repository{fsys: fs.FS(tree), registry: all.Registry()}
	said := map[string][]string{}
	for _, p := range r.load() {
		if p.Line < 1 || p.Col < 1 {
			t.Errorf("%s has no place", p)
		}
		said[p.File] = append(said[p.File], p.String())
	}
	return r.repo, said
}

// nobody ends a run right after its plan was looked at.
type nobody struct{ runbook.Journal }

var errLooked = errors.New("the plan was looked at")

func (nobody) Events(context.Context) ([]runbook.Event, error) { return nil, errLooked }

// refusal is why a plan cannot be made of a runbook, or why a run does not begin; empty
// where neither refuses it.
func refusal(spec runbook.Runbook) string {
	registry := all.Registry()
	given := map[string]string{}
	for _, p := range spec.Parameters {
		switch {
		case p.Default != nil:
		case len(p.Allowed) > 0:
			given[p.Name] = p.Allowed[0]
		default:
			given[p.Name] = "value"
		}
	}
	loss := time.Minute
	wish := runbook.Wish{Type: spec.For.Type, Target: "r", Request: "q"}
	if wish.Type == runbook.Failover {
		wish.MaxLoss = &loss
	}
	m := runbook.Member{
		Name: "r", Platform: spec.For.Platform, Environment: "test", Primary: "fra", DR: "ams", Tier: 1, ClientAddress: "app.example.com:5432",
		Endpoints: []runbook.Endpoint{{Name: "a", Site: "fra", Address: "a.example.com:1"}, {Name: "b", Site: "ams", Address: "b.example.com:1"}},
		Book:      &runbook.Book{Name: "x", Source: "runbooks/x.yaml", Spec: spec, Given: given, Pin: runbook.FileDigest(nil)},
	}
	p, err := runbook.Compile(runbook.Scope{Wish: wish, Members: map[string]runbook.Member{"r": m}, Actions: func(platform, name string) (runbook.ActionFacts, bool) {
		a, ok := check.Actions(registry[platform])[name]
		return a, ok
	}})
	if err != nil {
		return err.Error()
	}
	r := runbook.Runner{Plan: &p, Terms: runbook.Terms{Type: p.Type, MaxLoss: p.MaxLoss}, Catalog: execute.Catalog(registry), Journal: nobody{}}
	if _, err := r.Start(context.Background()); !errors.Is(err, errLooked) {
		return err.Error()
	}
	return ""
}

// Whatever a plan or a run refuses because of the text of a runbook alone, validate says
// before, in the same words.
func TestSI39ValidateSaysWhatExecuteRefuses(t *testing.T) {
	t.Parallel()
	// doer is what the hands of a run say of one operation.
	ask := func(op runbook.Operation) string {
		return (&execute.Doer{Registry: all.Registry(), Now: time.Now}).Check(t.Context(), runbook.Task{Operation: op}).Message
	}
	do := func(op runbook.Operation) string {
		return (&execute.Doer{Registry: all.Registry(), Now: time.Now}).Do(t.Context(), runbook.Task{Operation: op}).Message
	}
	probe := func(s runbook.Step, undo bool) string {
		task := runbook.Task{Operation: s.Operation, Done: s.Done, Undo: undo}
		if undo {
			task.Operation = *s.Undo
		}
		return (&execute.Doer{Registry: all.Registry(), Now: time.Now}).Probe(t.Context(), task).Message
	}
	step := func(b runbook.Runbook, id string) runbook.Step {
		return b.Steps[slices.IndexFunc(b.Steps, func(s runbook.Step) bool { return s.ID == id })]
	}
	cases := map[string]struct {
		old, new string
		words    string
		says     func(runbook.Runbook) string // nil: a plan, or a run before it begins
	}{
		"no precheck":                 {"  prechecks:\n    - {id: target, uses: pg.native/target-is-standby, with: {type: switchover}}\n    - {id: person, manual: {instructions: Look., attest: it is so}}\n", "", runbook.NoPrecheck, nil},
		"no postcheck":                {"  postchecks:\n    - {id: primary, uses: pg.native/single-primary, with: {type: switchover}}\n", "", runbook.NoPostcheck, nil},
		"SI-35 no point of return":    {"  pointOfNoReturn: promote\n", "", runbook.NoPointOfNoReturn, nil},
		"a point that is no step":     {"pointOfNoReturn: promote", "pointOfNoReturn: promot", `no step has the id "promot"`, nil},
		"a hold point that is none":   {"holdPoints: [drain]", "holdPoints: [drian]", `no step has the id "drian"`, nil},
		"held inside a section":       {"holdPoints: [drain]", "holdPoints: [help-desk]", "lies inside an atomic section", nil},
		"a section of no step":        {"from: settle", "from: setle", `no step has the id "setle"`, nil},
		"an id twice":                 {"id: person, manual", "id: mark, manual", `given twice`, nil},
		"an action that is none":      {"uses: pg.native/mark", "uses: pg.native/marc", "this bcctl has no action pg.native/marc", nil},
		"none among the checks":       {"uses: pg.native/single-primary", "uses: pg.native/only-primary", "this bcctl has no action pg.native/only-primary", nil},
		"a check that changes":        {"{id: primary, uses: pg.native/single-primary, with: {type: switchover}}", "{id: primary, uses: pg.native/checkpoint-new}", `postcheck "primary" uses pg.native/checkpoint-new, which changes something`, nil},
		"a reading step that changes": {"with: {evidence: \"${steps.help-desk.evidence}\", parameters: \"${steps.mark.parameters}\"}, timeout: 2m", "with: {evidence: x, parameters: y}, mutates: false", `step "promote" uses pg.native/promote, which changes something`, nil},
		"an argument too few":         {"{id: start, uses: pg.native/checkpoint-new}", "{id: start, uses: pg.native/promote-clone}", `rollback step "start" uses pg.native/promote-clone without its argument "address"`, nil},
		"an argument too many":        {"with: {evidence:", "with: {evidense: x, evidence:", `step "promote": pg.native/promote has no argument "evidense"`, nil},
		"SI-25 what gives up data":    {"{id: start, uses: pg.native/checkpoint-new}", "{id: start, uses: pg.patroni/failover, with: {evidence: x}}", "which may give up data; only a failover may (SI-25)", nil},
		"nothing is called so":        {"\"${hook}\", drain]", "\"${hok}\", drain]", `hok`, nil},
		"a parameter that refers":     {"default: /usr/local/lib/hook", "default: \"${run}\"", `the value of parameter "hook"`, nil},
		"a default not allowed":       {"default: change.example.com", "default: charge.example.com", "", nil},
		"a URL with an at sign":       {"https://${host}/told", "https://${host}/told@once", "with its values the URL has a user or a space in it", nil},
		"a URL by its values":         {"default: change.example.com, allowed: [change.example.com, other.example.com]", "default: \"a b\"", "with its values the URL", nil},
		"a check that waits":          {"{id: person, manual: {instructions: Look., attest: it is so}}", "{id: person, wait: {for: 5s}}", "it cannot be asked: wait", func(b runbook.Runbook) string { return ask(b.Prechecks[1].Operation) }},
		"a probe by a person":         {"done: {http: {url: \"https://${host}/is-told\"}}", "done: {manual: {instructions: Look., attest: so}}", "it cannot be asked: manual", func(b runbook.Runbook) string { return probe(step(b, "told"), false) }},
		"a probe by approval":         {"done: {http: {url: \"https://${host}/is-told\"}}", "done: {approval: {role: operator, question: \"so?\"}}", "it cannot be asked: approval", func(b runbook.Runbook) string { return probe(step(b, "told"), false) }},
		"a probe that waits":          {"done: {http: {url: \"https://${host}/is-told\"}}", "done: {wait: {for: 1s}}", "it cannot be asked: wait", func(b runbook.Runbook) string { return probe(step(b, "told"), false) }},
		"an undo without a probe":     {"attest: they know}}", "attest: they know}, undo: {command: {run: [/bin/x]}}}", runbook.NoProbe, func(b runbook.Runbook) string { return probe(step(b, "help-desk"), true) }},
		"a wait over its timeout":     {"wait: {for: 5s}", "wait: {for: 1h}", "its timeout is not longer than 1h", func(b runbook.Runbook) string { return late(t, step(b, "settle")) }},
		"a program without its path":  {"command: {run: [\"${hook}\", drain]}", "command: {run: [hook, drain]}", "may not be run", func(b runbook.Runbook) string { return do(step(b, "drain").Operation) }},
		"a fact nobody returns":       {"${steps.mark.parameters}", "${steps.mark.parametres}", "step mark returned no parametres", nil},
		"a fact of a person":          {"${steps.help-desk.evidence}", "${steps.help-desk.witness}", "step help-desk returned no witness", nil},
		"two statements":              {"UPDATE app.x SET y = 1", "DELETE FROM x; DELETE FROM y", "more than one statement", nil},
	}
	files := map[string]string{"runbooks/sound.yaml": soundBook}
	var names []string
	for name, c := range cases {
		if strings.Count(soundBook, c.old) != 1 {
			t.Fatalf("%s: %q is not once in the runbook", name, c.old)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		c := cases[name]
		id := fmt.Sprintf("case-%02d", i)
		files["runbooks/"+id+".yaml"] = strings.Replace(strings.Replace(soundBook, c.old, c.new, 1), "{name: x}", "{name: "+id+"}", 1)
	}
	repo, said := found(t, files)
	if problems := said["runbooks/sound.yaml"]; len(problems) > 0 {
		t.Fatalf("the sound runbook: %q", problems)
	}
	if sound, _ := repo.Runbook("x"); refusal(sound.Spec) != "" {
		t.Fatalf("the sound runbook is refused: %s", refusal(sound.Spec))
	}
	for i, name := range names {
		c, id := cases[name], fmt.Sprintf("case-%02d", i)
		book, ok := repo.Runbook(id)
		if !ok {
			t.Errorf("%s: the runbook was not read: %q", name, said["runbooks/"+id+".yaml"])
			continue
		}
		problems := said["runbooks/"+id+".yaml"]
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.words) }) {
			t.Errorf("%s: validate says %q, want %q", name, problems, c.words)
		}
		refuses := refusal
		if c.says != nil {
			refuses = c.says
		}
		switch why := refuses(book.Spec); {
		case strings.Contains(name, "fact") || strings.Contains(name, "statements"):
			// Known to the step before, or to the server, only while it runs.
		case why == "" || !strings.Contains(why, c.words):
			t.Errorf("%s: a plan or run says %q, want %q", name, why, c.words)
		}
	}
}

// late is what a wait says whose time was over before it began.
func late(t *testing.T, s runbook.Step) string {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return (&execute.Doer{Registry: all.Registry(), Now: time.Now}).Do(ctx, runbook.Task{Operation: s.Operation}).Message
}

// changed lists copies of a document in each of which one thing is missing, or another, or
// there twice.
func changed(t *testing.T, document any) []string {
	t.Helper()
	var list []string
	keep := func() {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	// set puts a value where the one that is walked stands.
	var walk func(value any, set func(any))
	walk = func(value any, set func(any)) {
		switch value := value.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(value)) {
				was := value[key]
				delete(value, key)
				keep()
				value[key] = was
				walk(was, func(v any) { value[key] = v })
			}
		case []any:
			for i, was := range value {
				set(slices.Delete(slices.Clone(value), i, i+1))
				keep()
				set(append(slices.Clone(value), was))
				keep()
				set(append([]any{value[len(value)-1-i]}, value...))
				keep()
				set(value)
				walk(was, func(v any) { value[i] = v })
			}
		default:
			for _, other := range []any{"nothing", "promote", "${steps.mark.parameters}", "pg.native/promote", "drill", "failover", "1h", "/x y@z", "", true} {
				set(other)
				keep()
			}
			set(value)
		}
	}
	walk(document, func(any) {})
	return list
}

// A runbook that validate takes is never refused for its text: of a sound one, everything is
// left out, doubled and replaced once, and of some that bcctl brings along a part.
func TestSI39WhatValidateTakesRuns(t *testing.T) {
	t.Parallel()
	sound, said := found(t, map[string]string{"runbooks/x.yaml": soundBook})
	if len(said) > 0 {
		t.Fatal(said)
	}
	first, _ := sound.Runbook("x")
	books := []*config.Runbook{first}
	for _, name := range []string{"pg.native/failover", "pg.native/drill", "mssql.ag-forced/failover", "mongodb.stepdown/switchover", "snowflake.group-failover/failover"} {
		book, ok := config.BuiltinRunbook(name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		books = append(books, book)
	}
	files := map[string]string{}
	for i, book := range books {
		text, err := json.Marshal(book.Spec)
		if err != nil {
			t.Fatal(err)
		}
		var spec any
		if err := json.Unmarshal(text, &spec); err != nil {
			t.Fatal(err)
		}
		for j, other := range changed(t, spec) {
			if i > 0 && j%13 != 0 {
				continue // all of them take minutes
			}
			id := fmt.Sprintf("b%d-%d", i, j)
			files["runbooks/"+id+".yaml"] = `{"apiVersion": "bcctl/v1", "kind": "Runbook", "metadata": {"name": "` + id + `"}, "spec": ` + other + "}\n"
		}
	}
	repo, said := found(t, files)
	taken, refused := 0, 0
	for _, b := range repo.Runbooks {
		if len(said[b.Origin.File]) > 0 {
			refused++
			continue
		}
		taken++
		if why := refusal(b.Spec); why != "" {
			t.Errorf("validate takes it, and a plan or run says: %s\n%s", why, files[b.Origin.File])
		}
	}
	t.Logf("%d runbooks, %d taken, %d refused as they were read", len(files), taken, refused)
	if taken < 100 || refused < 100 {
		t.Errorf("%d were taken and %d refused: that proves little", taken, refused)
	}
}
