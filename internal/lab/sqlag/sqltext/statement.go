package sqltext

import (
	"strings"
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
