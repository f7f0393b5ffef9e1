package github

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// The GraphQL interface has here the few fields that the REST interface lacks:
// whether a review or a comment was ever edited, and by whom. A query may ask for
// what fields() knows and nothing else; all else is an error, as a misspelt field is
// on github.com.

// selection is a field of a query with its arguments and what is wanted below it.
type selection struct {
	name, alias string
	on          string // of "... on Type"
	arguments   map[string]any
	below       []selection
}

// value is a thing that can be asked for fields: name -> value, or func(arguments).
type value = map[string]any

type resolver = func(arguments map[string]any) (any, error)

func (c *call) graphql() {
	if c.r.Method != http.MethodPost {
		c.reply = notFound()
		return
	}
	id, refused := c.who()
	if refused.status != 0 {
		c.reply = refused
		return
	}
	c.as = id
	if over := c.count(); over.status != 0 {
		c.reply = over
		return
	}
	var in struct {
		Query     string
		Variables map[string]any
	}
	c.decode(&in)
	query, err := parseQuery(in.Query, in.Variables)
	if err != nil {
		c.reply = ok(obj{"errors": []any{obj{"message": err.Error(), "locations": []any{}}}})
		return
	}
	data, err := pick(query, "Query", c.root())
	var denied *deniedError
	switch {
	case errors.As(err, &denied):
		c.reply = ok(obj{"data": nil, "errors": []any{obj{"type": denied.kind, "message": denied.message}}})
	case err != nil:
		// A query outside of what is modelled must not pass for an answer.
		c.s.options.Violation("GraphQL: " + err.Error())
		c.reply = ok(obj{"errors": []any{obj{"message": err.Error()}}})
	default:
		c.reply = ok(obj{"data": data})
	}
}

// deniedError is an error of github.com's own, not of the model.
type deniedError struct{ kind, message string }

func (e *deniedError) Error() string { return e.message }

func (c *call) root() value {
	return value{
		"viewer":    c.actorValue(c.as.user.ID),
		"rateLimit": value{"limit": hourly, "cost": 1, "remaining": hourly, "used": 0, "resetAt": stamp(c.s.now().Add(hour))},
		"repository": resolver(func(a map[string]any) (any, error) {
			name := fmt.Sprint(a["owner"], "/", a["name"])
			r, _ := c.st.named(name) // GraphQL follows renames by itself
			if r == nil || !c.reaches(r) {
				return nil, &deniedError{"NOT_FOUND", "Could not resolve to a Repository with the name '" + name + "'."}
			}
			return c.repositoryValue(r), nil
		}),
		"node": resolver(func(a map[string]any) (any, error) {
			id := fmt.Sprint(a["id"])
			for _, r := range c.st.Repos {
				if !c.reaches(r) {
					continue
				}
				if v, err := c.nodeValue(r, id); v != nil || err != nil {
					return v, err
				}
			}
			return nil, &deniedError{"NOT_FOUND", "Could not resolve to a node with the global id of '" + id + "'"}
		}),
		"nodes": resolver(func(a map[string]any) (any, error) {
			ids, _ := a["ids"].([]any)
			var all []any
			for _, id := range ids {
				var found any
				for _, r := range c.st.Repos {
					if v, err := c.nodeValue(r, fmt.Sprint(id)); err != nil {
						return nil, err
					} else if v != nil && c.reaches(r) {
						found = v
					}
				}
				all = append(all, found)
			}
			return all, nil
		}),
	}
}

func (c *call) nodeValue(r *repo, id string) (any, error) {
	for _, i := range r.Issues {
		if i.Pull != nil {
			if nodeID("PR", i.Pull.ID) == id {
				return c.pullValue(r, i)
			}
			for _, v := range i.Pull.Reviews {
				if nodeID("PRR", v.ID) == id {
					return c.reviewValue(r, i, v)
				}
			}
		}
		for _, m := range i.Comments {
			if nodeID("IC", m.ID) == id {
				return c.commentValue(r, m)
			}
		}
	}
	return nil, nil
}

func (c *call) readsPulls() error {
	if !permits(c.as, "pull_requests:read") {
		return &deniedError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	return nil
}

func (c *call) repositoryValue(r *repo) value {
	return value{
		"__typename": "Repository", "id": nodeID("R", r.ID), "databaseId": r.ID, "name": r.Name, "nameWithOwner": c.st.fullName(r),
		"pullRequest": resolver(func(a map[string]any) (any, error) {
			i := r.issue(count(a["number"]))
			if i == nil || i.Pull == nil {
				return nil, &deniedError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a PullRequest with the number of %v.", a["number"])}
			}
			return c.pullValue(r, i)
		}),
	}
}

func (c *call) pullValue(r *repo, i *issue) (any, error) {
	if err := c.readsPulls(); err != nil {
		return nil, err
	}
	state := strings.ToUpper(i.State)
	if !i.Pull.MergedAt.IsZero() {
		state = "MERGED"
	}
	return value{
		"__typename": "PullRequest", "id": nodeID("PR", i.Pull.ID), "databaseId": i.Pull.ID, "fullDatabaseId": itoa(i.Pull.ID), "number": i.Number, "state": state,
		"headRefOid": i.Pull.HeadSHA, "baseRefName": i.Pull.BaseRef, "author": c.actorValue(i.User), "title": i.Title, "body": i.Body,
		"reviews": resolver(func(a map[string]any) (any, error) {
			var all []any
			for _, v := range i.Pull.Reviews {
				if v.State == pending && v.User != c.as.user.ID {
					continue
				}
				one, err := c.reviewValue(r, i, v)
				if err != nil {
					return nil, err
				}
				all = append(all, one)
			}
			return connection(all, a)
		}),
		"comments": resolver(func(a map[string]any) (any, error) {
			var all []any
			for _, m := range i.Comments {
				one, err := c.commentValue(r, m)
				if err != nil {
					return nil, err
				}
				all = append(all, one)
			}
			return connection(all, a)
		}),
	}, nil
}

func (c *call) reviewValue(_ *repo, _ *issue, v *review) (any, error) {
	if err := c.readsPulls(); err != nil {
		return nil, err
	}
	o := c.editable(v.Edits, stamp(v.Created), nil)
	for k, x := range (value{
		"__typename": "PullRequestReview", "id": nodeID("PRR", v.ID), "databaseId": v.ID, "fullDatabaseId": itoa(v.ID), "state": v.State, "body": v.Body,
		"author": c.actorValue(v.User), "submittedAt": stamp(v.Submitted), "createdAt": stamp(v.Created), "commit": nil,
	}) {
		o[k] = x
	}
	if v.Commit != "" {
		o["commit"] = value{"oid": v.Commit, "__typename": "Commit"}
	}
	return o, nil
}

func (c *call) commentValue(_ *repo, m *comment) (any, error) {
	o := c.editable(m.Edits, stamp(m.Created), &m.First)
	for k, x := range (value{
		"__typename": "IssueComment", "id": nodeID("IC", m.ID), "databaseId": m.ID, "fullDatabaseId": itoa(m.ID), "body": m.Body, "author": c.actorValue(m.User),
		"createdAt": stamp(m.Created), "updatedAt": stamp(m.Updated),
	}) {
		o[k] = x
	}
	return o, nil
}

// editable is what can be asked of everything that can be edited. As on github.com,
// the history of a text that was edited starts with its creation. First is the text
// before the first edit, where texts are kept.
func (c *call) editable(edits []edit, madeAt any, first *string) value {
	o := value{"lastEditedAt": nil, "editor": nil, "includesCreatedEdit": len(edits) > 0}
	var all []any
	if len(edits) > 0 {
		last := edits[len(edits)-1]
		o["lastEditedAt"], o["editor"] = stamp(last.At), c.actorValue(last.By)
		one := func(n int, at, by any, text string) {
			v := value{"__typename": "UserContentEdit", "id": "UCE_" + strconv.Itoa(n), "editedAt": at, "createdAt": at, "editor": by, "deletedAt": nil, "deletedBy": nil}
			if first != nil {
				v["diff"] = text
			}
			all = append(all, v)
		}
		for n := len(edits) - 1; n >= 0; n-- {
			one(n+1, stamp(edits[n].At), c.actorValue(edits[n].By), edits[n].Text)
		}
		if first != nil {
			one(0, madeAt, nil, *first)
		} else {
			one(0, madeAt, nil, "")
		}
	}
	o["userContentEdits"] = resolver(func(a map[string]any) (any, error) { return connection(all, a) })
	return o
}

func (c *call) actorValue(id int64) any {
	u := c.st.user(id)
	if u == nil || u.Deleted {
		return nil
	}
	kind := u.Type
	return value{"__typename": kind, "id": nodeID("U", u.ID), "databaseId": u.ID, "login": strings.TrimSuffix(u.Login, "[bot]")}
}

// connection cuts a list as GraphQL pages do.
func connection(all []any, a map[string]any) (any, error) {
	first := count(a["first"])
	if first == 0 {
		first = count(a["last"])
	}
	if first < 1 || first > 100 {
		return nil, fmt.Errorf("`first` on a connection must be from 1 to 100, not %d", first)
	}
	from := 0
	if after, _ := a["after"].(string); after != "" {
		text, err := base64.StdEncoding.DecodeString(after)
		if err != nil {
			return nil, fmt.Errorf("`%s` does not appear to be a valid cursor", after)
		}
		from, _ = strconv.Atoi(strings.TrimPrefix(string(text), "cursor:"))
	}
	from = min(from, len(all))
	to := min(from+first, len(all))
	cursor := func(n int) string { return base64.StdEncoding.EncodeToString([]byte("cursor:" + strconv.Itoa(n))) }
	nodes := append([]any{}, all[from:to]...)
	page := value{"hasNextPage": to < len(all), "endCursor": nil, "hasPreviousPage": from > 0, "startCursor": nil}
	if len(nodes) > 0 {
		page["endCursor"], page["startCursor"] = cursor(to), cursor(from+1)
	}
	return value{"totalCount": len(all), "nodes": nodes, "pageInfo": page}, nil
}

// pick takes what a query asks for out of a value.
func pick(query []selection, kind string, from any) (any, error) {
	switch v := from.(type) {
	case nil:
		return nil, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, one := range v {
			got, err := pick(query, kind, one)
			if err != nil {
				return nil, err
			}
			out = append(out, got)
		}
		return out, nil
	case value:
		if len(query) == 0 {
			return nil, fmt.Errorf("field of type %s must have a selection of subfields", kind)
		}
		if name, named := v["__typename"].(string); named {
			kind = name
		}
		out := obj{}
		if err := pickInto(out, query, kind, v); err != nil {
			return nil, err
		}
		return out, nil
	}
	if len(query) > 0 {
		return nil, fmt.Errorf("selections can't be made on scalars (%s)", kind)
	}
	return from, nil
}

func pickInto(out obj, query []selection, kind string, v value) error {
	for _, f := range query {
		if f.on != "" {
			if f.on == kind || f.on == "Node" || f.on == "Actor" || f.on == "Comment" {
				if err := pickInto(out, f.below, kind, v); err != nil {
					return err
				}
			}
			continue
		}
		got, known := v[f.name]
		if !known {
			return fmt.Errorf("Field '%s' doesn't exist on type '%s'", f.name, kind)
		}
		if resolve, is := got.(resolver); is {
			var err error
			if got, err = resolve(f.arguments); err != nil {
				return err
			}
		}
		shown, err := pick(f.below, f.name, got)
		if err != nil {
			return err
		}
		out[f.alias] = shown
	}
	return nil
}

// parseQuery reads one query: no fragments but inline ones, no directives, no
// mutations.
func parseQuery(text string, variables map[string]any) ([]selection, error) {
	p := &parser{tokens: lex(text), variables: variables}
	if p.peek() == "query" {
		for p.peek() != "{" && p.peek() != "" {
			p.next() // name and types of variables: the values say enough
			if p.peek() == "(" {
				for p.peek() != ")" && p.peek() != "" {
					p.next()
				}
			}
		}
	}
	if p.peek() != "{" {
		return nil, fmt.Errorf("expected a query, not %q", p.peek())
	}
	all, err := p.selections(0)
	if err != nil {
		return nil, err
	}
	if p.peek() != "" {
		return nil, fmt.Errorf("unexpected %q after the query", p.peek())
	}
	return all, nil
}

type parser struct {
	tokens    []string
	variables map[string]any
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

const deepest = 20

func (p *parser) selections(depth int) ([]selection, error) {
	if depth > deepest {
		return nil, errors.New("query is too deep")
	}
	p.next() // {
	var all []selection
	for p.peek() != "}" {
		f := selection{name: p.next()}
		switch {
		case f.name == "":
			return nil, errors.New("expected } at the end of the query")
		case f.name == "...":
			if p.next() != "on" {
				return nil, errors.New("named fragments are not modelled")
			}
			f.on = p.next()
		case strings.ContainsAny(f.name[:1], `{}()[]:,!$@"`):
			return nil, fmt.Errorf("expected a field, not %q", f.name)
		}
		f.alias = f.name
		if p.peek() == ":" {
			p.next()
			f.name = p.next()
		}
		if p.peek() == "(" {
			var err error
			if f.arguments, err = p.arguments(); err != nil {
				return nil, err
			}
		}
		if p.peek() == "{" {
			var err error
			if f.below, err = p.selections(depth + 1); err != nil {
				return nil, err
			}
		}
		all = append(all, f)
	}
	p.next() // }
	return all, nil
}

func (p *parser) arguments() (map[string]any, error) {
	p.next() // (
	all := map[string]any{}
	for p.peek() != ")" {
		name := p.next()
		if name == "" || p.next() != ":" {
			return nil, errors.New("expected name: value among arguments")
		}
		v, err := p.value(p.next())
		if err != nil {
			return nil, err
		}
		all[name] = v
	}
	p.next() // )
	return all, nil
}

func (p *parser) value(t string) (any, error) {
	if t == "$" {
		name := p.next()
		v, given := p.variables[name]
		if !given {
			return nil, nil // a variable that is not given is null
		}
		return v, nil
	}
	if t == "" {
		return nil, errors.New("expected a value")
	}
	if t == "[" {
		list := []any{}
		for p.peek() != "]" {
			v, err := p.value(p.next())
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		p.next() // ]
		return list, nil
	}
	var v any
	if err := json.Unmarshal([]byte(t), &v); err == nil {
		return v, nil
	}
	return t, nil // a word of an enumeration
}

// lex splits a query into words, strings and signs.
func lex(text string) []string {
	var all []string
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == ' ' || b == '\n' || b == '\t' || b == '\r' || b == ',':
			i++
		case b == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case strings.HasPrefix(text[i:], "..."):
			all = append(all, "...")
			i += 3
		case b == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			all = append(all, text[i:end])
			i = end
		case strings.IndexByte("{}()[]:!$@=", b) >= 0:
			all = append(all, string(b))
			i++
		default:
			end := i
			for end < len(text) && strings.IndexByte(" \n\t\r,{}()[]:!$@=\"#", text[end]) < 0 {
				end++
			}
			all = append(all, text[i:end])
			i = end
		}
	}
	return all
}
