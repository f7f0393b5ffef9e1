package snowpair

import (
	"slices"
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
	case p.word("ALTER", "TASK"):
		return p.alterTask()
	case p.word("ALTER", "PIPE"):
		return p.alterPipe()
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
