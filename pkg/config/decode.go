package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/yamldoc"
)

// entry is one document of a file.
type entry struct {
	kind   Kind
	name   string
	origin Origin
	add    func(*Repo) // puts the typed document into a repository; nil when it has problems
}

// file is what was found in one file.
type file struct {
	name     string
	entries  []entry
	problems Problems
	// mentioned are names that stand in a file that could not be parsed. They may
	// well be declared there, so nothing that refers to them is called unknown.
	mentioned []string
}

// decodeFile reads the documents of one file.
func decodeFile(name string, data []byte, v *validator) file {
	f := file{name: name}
	docs, problems := yamldoc.Parse(data)
	for _, p := range problems {
		f.problems = append(f.problems, Problem{name, p.Line, p.Col, p.What, p.Instead})
	}
	if len(problems) > 0 {
		f.mentioned = mentioned(data)
	}
	if len(docs) == 0 {
		if len(problems) == 0 {
			f.problems = append(f.problems, Problem{name, 1, 1, "file holds no document", "write one, or remove the file"})
		}
		return f
	}
	if len(problems) == 0 && !slices.ContainsFunc(docs, ours) {
		f.problems = append(f.problems, Problem{name, 1, 1, "not a bcctl document", "begin it with \"apiVersion: " + APIVersion + "\", or move the file out of the repository or into a directory whose name starts with a dot"})
		return f
	}
	for _, doc := range docs {
		e, more := decodeDocument(doc, name, v)
		doc.Release()
		if len(problems) > 0 {
			e.add = nil // what a file with a duplicate key says is not to be trusted
		}
		f.entries = append(f.entries, e)
		f.problems = append(f.problems, apart(more, problems)...)
	}
	return f
}

// apart leaves out problems at a place where the YAML itself is wrong: they only
// follow from that.
func apart(problems Problems, yaml []yamldoc.Problem) Problems {
	return slices.DeleteFunc(problems, func(p Problem) bool {
		return slices.ContainsFunc(yaml, func(y yamldoc.Problem) bool { return y.Line == p.Line && y.Col == p.Col })
	})
}

// ours reports whether a document says that it is one of bcctl's.
func ours(doc *yamldoc.Document) bool {
	m, ok := doc.Value.(map[string]any)
	if !ok {
		return false
	}
	version, ok := m["apiVersion"].(string)
	return ok && strings.HasPrefix(version, "bcctl/")
}

var nameLine = regexp.MustCompile(`(?m)(?:^|[\s{,-])name:[ \t]*["']?([a-z0-9._/-]+)`)

func mentioned(data []byte) []string {
	var names []string
	for _, m := range nameLine.FindAllSubmatch(data, -1) {
		names = append(names, string(m[1]))
	}
	return names
}

// decodeDocument checks one document against the schema of its kind and decodes
// it.
func decodeDocument(doc *yamldoc.Document, name string, v *validator) (entry, Problems) {
	o := Origin{File: name, Line: doc.Start().Line, doc: doc}
	e := entry{origin: o}
	m, ok := doc.Value.(map[string]any)
	if !ok {
		return e, Problems{o.Problem("document is not a mapping", "begin it with \"apiVersion: "+APIVersion+"\"")}
	}
	kind, problems := header(m, o)
	if len(problems) > 0 {
		return e, problems
	}
	e.kind = kind
	if metadata, ok := m["metadata"].(map[string]any); ok {
		e.name, _ = metadata["name"].(string)
	}
	s, err := v.schema(kind)
	if err != nil {
		return e, Problems{o.Problem(err.Error(), "this is a fault of bcctl")}
	}
	if problems := schemaProblems(s, doc.Value, o); len(problems) > 0 {
		return e, problems
	}
	data, err := appendJSON(make([]byte, 0, 1024), doc.Value)
	if err == nil {
		e.add, err = decodeKind(kind, data, o)
	}
	if err != nil {
		// The schema is meant to be at least as strict as the types. The error is not
		// repeated: it may hold a value.
		return e, Problems{o.Problem("document of kind "+string(kind)+" cannot be decoded", "compare it with bcctl schema "+strings.ToLower(string(kind)))}
	}
	return e, nil
}

// header checks apiVersion and kind, without which no schema can be chosen.
func header(m map[string]any, o Origin) (Kind, Problems) {
	var problems Problems
	switch version, ok := m["apiVersion"].(string); {
	case m["apiVersion"] == nil:
		problems = append(problems, o.Problem("field \"apiVersion\" is missing in document", "add it: "+APIVersion))
	case !ok:
		problems = append(problems, o.Problem("apiVersion: got no text, want one", "write "+APIVersion, "apiVersion"))
	case version != APIVersion:
		problems = append(problems, o.Problem(fmt.Sprintf("apiVersion %q is not one this version reads", version), "write "+APIVersion, "apiVersion"))
	}
	kind, ok := m["kind"].(string)
	if ok && slices.Contains(Kinds(), Kind(kind)) {
		return Kind(kind), problems
	}
	names := namesOf(Kinds(), func(k Kind) string { return string(k) })
	switch {
	case m["kind"] == nil:
		problems = append(problems, o.Problem("field \"kind\" is missing in document", "add it, one of "+strings.Join(names, ", ")))
	case !ok:
		problems = append(problems, o.Problem("kind: got no text, want one", "write one of "+strings.Join(names, ", "), "kind"))
	default:
		problems = append(problems, o.Problem(fmt.Sprintf("kind %q is not known", kind), didYouMean(kind, names, "write one of "+strings.Join(names, ", ")), "kind"))
	}
	return Kind(kind), problems
}

// decodeKind decodes a document that fits its schema, and returns how to put it
// into a repository.
func decodeKind(kind Kind, data []byte, o Origin) (func(*Repo), error) {
	switch kind {
	case KindResource:
		return decode(data, o, func(r *Repo) *[]*Resource { return &r.Resources })
	case KindGroup:
		return decode(data, o, func(r *Repo) *[]*Group { return &r.Groups })
	case KindSiteList:
		return decode(data, o, func(r *Repo) *[]*SiteList { return &r.SiteLists })
	case KindRoster:
		return decode(data, o, func(r *Repo) *[]*Roster { return &r.Rosters })
	case KindApprovalPolicy:
		return decode(data, o, func(r *Repo) *[]*ApprovalPolicy { return &r.ApprovalPolicies })
	case KindStatusPolicy:
		return decode(data, o, func(r *Repo) *[]*StatusPolicy { return &r.StatusPolicies })
	case KindAlertPolicy:
		return decode(data, o, func(r *Repo) *[]*AlertPolicy { return &r.AlertPolicies })
	case KindCalendar:
		return decode(data, o, func(r *Repo) *[]*Calendar { return &r.Calendars })
	case KindRunbook:
		return decode(data, o, func(r *Repo) *[]*Runbook { return &r.Runbooks })
	case KindSchedule:
		return decode(data, o, func(r *Repo) *[]*Schedule { return &r.Schedules })
	case KindRequest:
		return decode(data, o, func(r *Repo) *[]*Request { return &r.Requests })
	case KindStatusTest:
		return decode(data, o, func(r *Repo) *[]*StatusTest { return &r.StatusTests })
	default:
		return nil, fmt.Errorf("kind %q has no type", kind)
	}
}

func decode[S any](data []byte, o Origin, list func(*Repo) *[]*Document[S]) (func(*Repo), error) {
	d := &Document[S]{Origin: o}
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("decode document: %w", err)
	}
	return func(r *Repo) {
		l := list(r)
		*l = append(*l, d)
	}, nil
}
