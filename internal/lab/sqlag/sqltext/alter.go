package sqltext

import (
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

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
