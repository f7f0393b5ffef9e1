package sqltext

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

// statement reads one; DECLARE with several variables gives several.
func (p *parser) statement() ([]Statement, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	one := func(s Statement, err error) ([]Statement, error) { return []Statement{s}, err }
	t := p.peek()
	if t.kind == symbol && t.text == "(" {
		q, err := p.query()
		return one(Run{q}, err)
	}
	if t.kind != word {
		return nil, p.fail()
	}
	switch upper(t) {
	case "SELECT", "WITH":
		q, err := p.query()
		return one(Run{q}, err)
	case "SET":
		return p.set()
	case "DECLARE":
		return p.declare()
	case "USE":
		p.take()
		name, err := p.name()
		return one(Use{name}, err)
	case "IF":
		return one(p.ifElse())
	case "BEGIN":
		return one(p.begin())
	case "COMMIT", "ROLLBACK", "SAVE":
		p.take()
		if !p.word("TRANSACTION") && !p.word("TRAN") {
			p.word("WORK")
		}
		if p.isName() {
			p.take()
		}
		return one(Transaction{upper(t)}, nil)
	case "WAITFOR":
		p.take()
		if err := p.needWord("DELAY"); err != nil {
			return nil, err
		}
		x, err := p.primary()
		return one(WaitFor{x}, err)
	case "PRINT":
		p.take()
		x, err := p.additive()
		return one(Print{x}, err)
	case "THROW":
		return one(p.throw())
	case "RAISERROR":
		return one(p.raise())
	case "EXEC", "EXECUTE":
		return one(p.execute())
	case "UPDATE":
		return one(p.update())
	case "INSERT":
		return one(p.insert())
	case "DELETE":
		return one(p.delete())
	case "ALTER":
		return one(p.alter())
	case "RETURN":
		p.take()
		return nil, nil
	}
	if changing[upper(t)] {
		return one(p.other(), nil)
	}
	if p.isName() && p.at == 0 { // a procedure's name may open a batch
		return one(p.procedure())
	}
	return nil, p.fail()
}

// changing are words that open a statement that changes state; never changed
// itself.
var changing = wordSet(`ALTER CREATE DROP INSERT UPDATE DELETE MERGE TRUNCATE GRANT REVOKE DENY BACKUP RESTORE DBCC KILL
SHUTDOWN RECONFIGURE CHECKPOINT ENABLE DISABLE BULK ADD EXEC EXECUTE`)

// other takes everything up to a semicolon or the end.
func (p *parser) other() Statement {
	var o Other
	for t := p.peek(); t.kind != end && !(t.kind == symbol && t.text == ";"); t = p.peek() {
		if len(o.Words) < 16 {
			o.Words = append(o.Words, upper(t))
		}
		p.take()
	}
	return o
}

func (p *parser) set() ([]Statement, error) {
	p.take()
	if p.peek().kind == variable {
		name := p.take().text
		op := ""
		switch {
		case p.symbol("="):
		case p.symbol("+="):
			op = "+"
		default:
			return nil, p.fail()
		}
		x, err := p.additive()
		if op != "" {
			x = Binary{op, Variable{name}, x}
		}
		return []Statement{Set{name, x}}, err
	}
	var o Option
	for {
		t := p.peek()
		if t.kind == end || t.kind == symbol && t.text != "-" && t.text != "," {
			break
		}
		// An option ends where the next statement begins: ON, OFF, a number or a level.
		o.Words = append(o.Words, upper(p.take()))
		if n := len(o.Words); n > 1 && (t.kind == number || t.kind == text || o.Words[n-1] == "ON" || o.Words[n-1] == "OFF") {
			break
		}
		if words := strings.Join(o.Words, " "); strings.HasPrefix(words, "TRANSACTION ISOLATION LEVEL ") {
			last := o.Words[len(o.Words)-1]
			if last == "SNAPSHOT" || last == "SERIALIZABLE" || last == "COMMITTED" || last == "UNCOMMITTED" || (last == "READ" && len(o.Words) == 5) {
				break
			}
		} else if len(o.Words) == 2 && (o.Words[0] == "DATEFORMAT" || o.Words[0] == "LANGUAGE" || o.Words[0] == "DEADLOCK_PRIORITY") {
			break
		}
		if len(o.Words) > 8 {
			return nil, p.fail()
		}
	}
	if len(o.Words) < 2 {
		return nil, p.fail()
	}
	return []Statement{o}, nil
}

func (p *parser) declare() ([]Statement, error) {
	p.take()
	var out []Statement
	for {
		if p.peek().kind != variable {
			return nil, p.fail()
		}
		d := Declare{Name: p.take().text}
		p.word("AS")
		var err error
		if d.Type, err = p.typeName(); err != nil {
			return nil, err
		}
		if p.symbol("=") {
			if d.Value, err = p.additive(); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
		if !p.symbol(",") {
			return out, nil
		}
	}
}

func (p *parser) ifElse() (Statement, error) {
	p.take()
	var s If
	var err error
	if s.Condition, err = p.condition(); err != nil {
		return nil, err
	}
	if s.Then, err = p.statement(); err != nil {
		return nil, err
	}
	before := p.at
	for p.symbol(";") {
	}
	if !p.word("ELSE") {
		p.at = before
		return s, nil
	}
	s.Else, err = p.statement()
	return s, err
}

func (p *parser) begin() (Statement, error) {
	p.take()
	switch {
	case p.word("TRANSACTION"), p.word("TRAN"):
		if p.isName() {
			p.take()
		}
		return Transaction{"BEGIN"}, nil
	case p.word("TRY"):
		var s Try
		var err error
		if s.Body, err = p.batch(func() bool { return p.isWord("END") }); err != nil {
			return nil, err
		}
		if err := p.needWord("END", "TRY"); err != nil {
			return nil, err
		}
		for p.symbol(";") {
		}
		if err := p.needWord("BEGIN", "CATCH"); err != nil {
			return nil, err
		}
		if s.Catch, err = p.batch(func() bool { return p.isWord("END") }); err != nil {
			return nil, err
		}
		return s, p.needWord("END", "CATCH")
	}
	body, err := p.batch(func() bool { return p.isWord("END") })
	if err != nil {
		return nil, err
	}
	return Block{body}, p.needWord("END")
}

func (p *parser) throw() (Statement, error) {
	p.take()
	var s Throw
	if t := p.peek(); t.kind == end || t.kind == symbol || t.kind == word {
		return s, nil
	}
	args, err := p.list(p.primary)
	if err != nil {
		return nil, err
	}
	if len(args) != 3 {
		return nil, p.fail()
	}
	return Throw{args[0], args[1]}, nil
}

func (p *parser) raise() (Statement, error) {
	p.take()
	if err := p.need("("); err != nil {
		return nil, err
	}
	args, err := p.list(p.additive)
	if err != nil {
		return nil, err
	}
	if err := p.need(")"); err != nil {
		return nil, err
	}
	if p.word("WITH") {
		p.take()
	}
	return Throw{nil, args[0]}, nil
}

func (p *parser) execute() (Statement, error) {
	p.take()
	if p.isSymbol("(") {
		p.take()
		x, err := p.additive()
		if err != nil {
			return nil, err
		}
		return Execute{Text: x}, p.need(")")
	}
	if p.peek().kind == variable && p.peekAt(1).text == "=" { // EXEC @rc = proc
		p.at += 2
	}
	return p.procedure()
}

func (p *parser) procedure() (Statement, error) {
	var s Execute
	var err error
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	for t := p.peek(); t.kind == variable || t.kind == text || t.kind == number || t.kind == binary || is(t, "NULL") || t.text == "-"; t = p.peek() {
		var a Arg
		if t.kind == variable && p.peekAt(1).text == "=" {
			a.Name = p.take().text
			p.take()
		}
		if p.isName() { // a bare word is a string
			a.X = Literal{Value: p.take().text}
		} else if a.X, err = p.unary(); err != nil {
			return nil, err
		}
		if !p.word("OUTPUT") {
			p.word("OUT")
		}
		s.Args = append(s.Args, a)
		if !p.symbol(",") {
			break
		}
	}
	return s, nil
}

func (p *parser) update() (Statement, error) {
	p.take()
	var s Update
	var err error
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.isWord("WITH") {
		p.take()
		if err := p.skipParentheses(); err != nil {
			return nil, err
		}
	}
	if err := p.needWord("SET"); err != nil {
		return nil, err
	}
	for {
		var a Assign
		if a.Column, err = p.name(); err != nil {
			return nil, err
		}
		op := ""
		switch {
		case p.symbol("="):
		case p.symbol("+="):
			op = "+"
		case p.symbol("-="):
			op = "-"
		default:
			return nil, p.fail()
		}
		if a.X, err = p.additive(); err != nil {
			return nil, err
		}
		if op != "" {
			a.X = Binary{op, Column{Name: a.Column}, a.X}
		}
		s.Sets = append(s.Sets, a)
		if !p.symbol(",") {
			break
		}
	}
	if p.word("OUTPUT") {
		if s.Output, err = p.items(); err != nil {
			return nil, err
		}
	}
	if p.word("WHERE") {
		s.Where, err = p.condition()
	}
	return s, err
}

func (p *parser) insert() (Statement, error) {
	p.take()
	p.word("INTO")
	var s Insert
	var err error
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.isSymbol("(") && !is(p.peekAt(1), "SELECT") {
		if s.Columns, err = p.names(); err != nil {
			return nil, err
		}
	}
	if p.word("OUTPUT") {
		if s.Output, err = p.items(); err != nil {
			return nil, err
		}
	}
	if !p.isWord("VALUES") && !p.isWord("SELECT") && !p.isWord("WITH") && !p.isSymbol("(") {
		return nil, p.fail()
	}
	s.Query, err = p.query()
	return s, err
}

func (p *parser) delete() (Statement, error) {
	p.take()
	p.word("FROM")
	var s Delete
	var err error
	if s.Table, err = p.objectName(); err != nil {
		return nil, err
	}
	if p.word("WHERE") {
		s.Where, err = p.condition()
	}
	return s, err
}

func (p *parser) alter() (Statement, error) {
	switch {
	case p.isWord("ALTER", "AVAILABILITY", "GROUP"):
		p.at += 3
		return p.alterGroup()
	case p.isWord("ALTER", "DATABASE") && is(p.peekAt(3), "SET") && is(p.peekAt(4), "HADR"):
		p.at += 2
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		p.at += 2
		s := AlterHadr{Database: name}
		switch t := p.take(); upper(t) {
		case "SUSPEND", "RESUME", "OFF":
			s.Action = upper(t)
		case "AVAILABILITY":
			s.Action = "JOIN"
			if err := p.needWord("GROUP"); err != nil {
				return nil, err
			}
			if err := p.need("="); err != nil {
				return nil, err
			}
			_, err = p.name()
			return s, err
		default:
			return nil, sqlerr.Syntax(t.text)
		}
		return s, nil
	}
	return p.other(), nil
}

func (p *parser) alterGroup() (Statement, error) {
	var s AlterGroup
	var err error
	if s.Group, err = p.name(); err != nil {
		return nil, err
	}
	t := p.take()
	if t.kind != word {
		p.at--
		return nil, p.fail()
	}
	switch s.Action = upper(t); s.Action {
	case "SET":
		s.Options, err = p.options()
	case "MODIFY":
		switch {
		case p.word("REPLICA", "ON"):
			s.Action += " REPLICA"
		case p.word("AVAILABILITY", "GROUP", "ON"):
			s.Action += " AVAILABILITY GROUP"
		default:
			p.other()
			return s, nil
		}
		for {
			var m Member
			if m.Name, err = p.nameOrText(); err != nil {
				return nil, err
			}
			if err := p.needWord("WITH"); err != nil {
				return nil, err
			}
			if m.Options, err = p.options(); err != nil {
				return nil, err
			}
			s.Members = append(s.Members, m)
			if !p.symbol(",") {
				break
			}
		}
	case "FAILOVER", "FORCE_FAILOVER_ALLOW_DATA_LOSS", "ONLINE", "OFFLINE":
	default:
		p.other()
	}
	return s, err
}

// options reads (NAME = value, NAME (inner = value)), into NAME and NAME.INNER.
func (p *parser) options() (map[string]string, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if err := p.need("("); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for {
		name, err := p.optionName()
		if err != nil {
			return nil, err
		}
		if p.isSymbol("(") {
			inner, err := p.options()
			if err != nil {
				return nil, err
			}
			for k, v := range inner {
				out[name+"."+k] = v
			}
		} else {
			if err := p.need("="); err != nil {
				return nil, err
			}
			t := p.take()
			if t.kind == end || t.kind == symbol {
				return nil, sqlerr.Syntax(t.text)
			}
			out[name] = t.text
			if t.kind == word {
				out[name] = upper(t)
			}
		}
		if !p.symbol(",") {
			return out, p.need(")")
		}
	}
}

func (p *parser) optionName() (string, error) {
	t := p.take()
	if t.kind != word {
		return "", sqlerr.Syntax(t.text)
	}
	return upper(t), nil
}
