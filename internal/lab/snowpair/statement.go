package snowpair

import (
	"slices"
	"strings"
)

// Statements that are understood.
type (
	show struct {
		what  string // FAILOVER GROUPS
		like  string // empty: all
		in    string // ACCOUNT, FAILOVER GROUP, REPLICATION GROUP, SESSION
		name  string
		onto  bool // SHOW GRANTS TO
		limit int64
	}
	selection struct {
		items   []item
		from    *source // nil: none
		where   any
		group   []any
		having  any
		order   []ordering
		limit   int64 // -1: none
		offset  int64
		unique  bool
		another *selection // UNION ALL
		tok     token
	}
	item struct {
		x     any
		label string
		star  bool
		bare  bool // label is the expression's own text
		tok   token
	}
	ordering struct {
		x          any
		descending bool
		nulls      string // FIRST, LAST, or the default
	}
	source struct {
		name     []string // of a table or a table function
		function bool
		args     []any
		named    map[string]any
		sub      *selection
		tok      token
	}
	alterGroup struct {
		kind     string // FAILOVER, REPLICATION
		name     string
		ifExists bool
		action   string // REFRESH, PRIMARY, SUSPEND, SUSPEND IMMEDIATE, RESUME, SET, UNSET, ADD, REMOVE
		property string
		value    string
		list     []string
		what     string // DATABASES, SHARES, ACCOUNTS
	}
	alterConnection struct {
		name     string
		ifExists bool
		action   string // PRIMARY, ENABLE, DISABLE
		accounts []string
	}
	alterSession struct {
		set   map[string]any
		unset []string
	}
	use         struct{ what, name string }
	transaction struct{}
	insert      struct {
		table   []string
		columns []string
		rows    [][]any
		query   *selection
		tok     token
	}
	update struct {
		table []string
		set   []assignment
		where any
		tok   token
	}
	merge struct {
		table    []string
		alias    string
		using    *source
		label    string
		on       any
		matched  []assignment
		insert   bool
		columns  []string
		values   []any
		tok      token
		updating bool
	}
	assignment struct {
		column string
		x      any
	}
	// unsupported is a statement of the product that the laboratory does not have.
	unsupported struct{ verb string }
)

// productVerbs begin statements that the product has and the laboratory has not.
var productVerbs = []string{
	"CREATE", "DROP", "GRANT", "REVOKE", "DELETE", "TRUNCATE", "CALL", "EXECUTE", "COPY", "PUT", "GET", "LIST",
	"DESCRIBE", "DESC", "EXPLAIN", "UNDROP", "COMMENT", "WITH", "SET", "UNSET", "DECLARE", "ALTER", "REMOVE",
}

// changing says whether a statement, read or not, would change something: by its
// first words, so that nothing slips through.
func changing(sql string) bool {
	toks, err := tokenize(sql)
	if err != nil || len(toks) == 0 {
		return false
	}
	switch first := toks[0].text; first {
	case "SHOW", "USE", "BEGIN", "COMMIT", "ROLLBACK", "START", "DESCRIBE", "DESC", "EXPLAIN", "LIST", "SET", "UNSET", "":
		return false
	case "ALTER":
		return len(toks) < 2 || toks[1].text != "SESSION"
	case "SELECT", "WITH":
		return slices.ContainsFunc(toks, func(t token) bool {
			return t.kind == tokenWord && (t.text == "SYSTEM$CANCEL_QUERY" || t.text == "SYSTEM$SCHEDULE_ASYNC_REPLICATION_GROUP_REFRESH" || t.text == "SYSTEM$ABORT_SESSION")
		})
	default:
		return slices.Contains(productVerbs, first) || first == "INSERT" || first == "UPDATE" || first == "MERGE"
	}
}

// parse reads one statement; a semicolon may end it.
func parse(sql string, binds []any) (any, *failure) {
	toks, err := tokenize(sql)
	if err != nil {
		return nil, err
	}
	p := &parser{sql: sql, toks: toks, binds: binds}
	if p.peek().kind == tokenEnd {
		return nil, fail(900, "42601", "SQL compilation error:\nEmpty SQL statement.")
	}
	s := p.statement()
	if _, no := s.(unsupported); no && p.err == nil {
		return s, nil
	}
	for p.symbol(";") {
	}
	if p.err == nil && p.peek().kind != tokenEnd {
		p.fail(p.peek())
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

func (p *parser) statement() any {
	switch first := p.peek(); {
	case p.word("SHOW"):
		return p.show()
	case p.isWord("SELECT"):
		return p.selection()
	case p.word("ALTER", "FAILOVER", "GROUP"):
		return p.alterGroup(failoverType)
	case p.word("ALTER", "REPLICATION", "GROUP"):
		return p.alterGroup(replicationType)
	case p.word("ALTER", "CONNECTION"):
		return p.alterConnection()
	case p.word("ALTER", "SESSION", "SET"):
		return p.alterSession()
	case p.word("ALTER", "SESSION", "UNSET"):
		s := alterSession{unset: []string{p.identifier()}}
		for p.symbol(",") {
			s.unset = append(s.unset, p.identifier())
		}
		return s
	case p.word("USE"):
		return p.use()
	case p.word("BEGIN"), p.word("START", "TRANSACTION"), p.word("COMMIT"), p.word("ROLLBACK"):
		p.word("TRANSACTION")
		return transaction{}
	case p.word("INSERT", "INTO"):
		return p.insert(first)
	case p.word("UPDATE"):
		u := update{table: p.name(), tok: first}
		p.wantWord("SET")
		u.set = p.assignments()
		if p.word("WHERE") {
			u.where = p.expr()
		}
		return u
	case p.word("MERGE", "INTO"):
		return p.merge(first)
	case first.kind == tokenWord && slices.Contains(productVerbs, first.text):
		return unsupported{first.text}
	default:
		p.fail(first)
		return nil
	}
}

func (p *parser) show() any {
	s := show{}
	p.word("TERSE")
	for _, what := range []string{
		"FAILOVER GROUPS", "REPLICATION GROUPS", "CONNECTIONS", "REPLICATION ACCOUNTS", "REPLICATION DATABASES", "DATABASES", "SHARES", "GRANTS", "WAREHOUSES", "PARAMETERS", "ROLES",
	} {
		if p.word(strings.Fields(what)...) {
			s.what = what
			break
		}
	}
	if s.what == "" {
		p.fail(p.peek())
		return s
	}
	if s.what == "GRANTS" {
		switch {
		case p.word("ON", "FAILOVER", "GROUP"):
			s.in, s.name = "FAILOVER GROUP", p.identifier()
		case p.word("ON", "REPLICATION", "GROUP"):
			s.in, s.name = "REPLICATION GROUP", p.identifier()
		case p.word("ON", "CONNECTION"):
			s.in, s.name = "CONNECTION", p.identifier()
		case p.word("ON", "WAREHOUSE"):
			s.in, s.name = "WAREHOUSE", p.identifier()
		case p.word("TO", "ROLE"):
			s.in, s.name, s.onto = "ROLE", p.identifier(), true
		case p.word("TO", "USER"):
			s.in, s.name, s.onto = "USER", p.identifier(), true
		default:
			p.fail(p.peek())
		}
	}
	for p.err == nil {
		switch {
		case p.word("LIKE"):
			s.like = p.text()
		case p.word("IN", "FAILOVER", "GROUP"):
			s.in, s.name = "FAILOVER GROUP", p.identifier()
		case p.word("IN", "REPLICATION", "GROUP"):
			s.in, s.name = "REPLICATION GROUP", p.identifier()
		case p.word("IN", "ACCOUNT"), p.word("FOR", "ACCOUNT"):
			s.in = "ACCOUNT"
			if t := p.peek(); t.kind == tokenQuoted || t.kind == tokenWord && t.text != "LIKE" && t.text != "LIMIT" {
				parts := p.name() // ORG.ACCOUNT or ACCOUNT
				s.name = parts[len(parts)-1]
			}
		case p.word("IN", "SESSION"), p.word("FOR", "SESSION"):
			s.in = "SESSION"
		case p.word("STARTS", "WITH"):
			s.like = strings.NewReplacer("_", `\_`, "%", `\%`).Replace(p.text()) + "%"
		case p.word("LIMIT"):
			s.limit = p.integer()
		default:
			return s
		}
	}
	return s
}

func (p *parser) alterGroup(kind string) any {
	s := alterGroup{kind: kind, ifExists: p.word("IF", "EXISTS"), name: p.identifier()}
	names := func() {
		s.list = append(s.list, strings.Join(p.name(), "."))
		for p.symbol(",") {
			s.list = append(s.list, strings.Join(p.name(), "."))
		}
	}
	switch {
	case p.word("REFRESH"), p.word("PRIMARY"), p.word("RESUME"):
		s.action = p.toks[p.i-1].text
	case p.word("SUSPEND"):
		s.action = "SUSPEND"
		if p.word("IMMEDIATE") {
			s.action = "SUSPEND IMMEDIATE"
		}
	case p.word("SET"):
		s.action, s.property = "SET", p.identifier()
		p.wantSymbol("=")
		switch s.property {
		case "REPLICATION_SCHEDULE", "COMMENT":
			s.value = p.text()
		case "OBJECT_TYPES":
			words := func() string {
				out := []string{p.identifier()}
				for p.peek().kind == tokenWord {
					out = append(out, p.identifier())
				}
				return strings.Join(out, " ")
			}
			s.list = append(s.list, words())
			for p.symbol(",") {
				s.list = append(s.list, words())
			}
		case "ALLOWED_DATABASES", "ALLOWED_SHARES", "ALLOWED_ACCOUNTS":
			names()
		default:
			p.fail(p.toks[p.i-2])
		}
	case p.word("UNSET"):
		s.action, s.property = "UNSET", p.identifier()
	case p.word("ADD"), p.word("REMOVE"):
		s.action = p.toks[p.i-1].text
		names()
		p.word("TO")
		p.word("FROM")
		switch {
		case p.word("ALLOWED_DATABASES"), p.word("ALLOWED_SHARES"), p.word("ALLOWED_ACCOUNTS"):
			s.property = p.toks[p.i-1].text
		default:
			p.fail(p.peek())
		}
	default:
		p.fail(p.peek())
	}
	return s
}

func (p *parser) alterConnection() any {
	s := alterConnection{ifExists: p.word("IF", "EXISTS"), name: p.identifier()}
	switch {
	case p.word("PRIMARY"):
		s.action = "PRIMARY"
		return s
	case p.word("ENABLE", "FAILOVER", "TO", "ACCOUNTS"):
		s.action = "ENABLE"
	case p.word("DISABLE", "FAILOVER"):
		s.action = "DISABLE"
		if !p.word("TO", "ACCOUNTS") {
			return s
		}
	default:
		p.fail(p.peek())
		return s
	}
	for {
		parts := p.name()
		s.accounts = append(s.accounts, parts[len(parts)-1])
		if !p.symbol(",") {
			return s
		}
	}
}

func (p *parser) alterSession() any {
	s := alterSession{set: map[string]any{}}
	for p.err == nil {
		key := p.identifier()
		p.wantSymbol("=")
		x := p.primary()
		switch v := x.(type) {
		case literal:
			s.set[key] = v.value
		case columnRef:
			s.set[key] = v.name
		default:
			p.fail(p.peek())
		}
		p.symbol(",")
		if t := p.peek(); t.kind == tokenEnd || t.kind == tokenSymbol {
			return s
		}
	}
	return s
}

func (p *parser) use() any {
	switch {
	case p.word("WAREHOUSE"), p.word("ROLE"), p.word("SCHEMA"), p.word("DATABASE"):
		what := p.toks[p.i-1].text
		return use{what, strings.Join(p.name(), ".")}
	case p.word("SECONDARY", "ROLES"):
		return use{"SECONDARY ROLES", p.identifier()}
	}
	return use{"DATABASE", strings.Join(p.name(), ".")}
}
