package snowpair

import "strings"

func (p *parser) show() any {
	s := show{}
	p.word("TERSE")
	for _, what := range []string{
		"FAILOVER GROUPS", "REPLICATION GROUPS", "CONNECTIONS", "REPLICATION ACCOUNTS", "REPLICATION DATABASES", "DATABASES", "SHARES", "GRANTS", "WAREHOUSES", "PARAMETERS", "ROLES", "TASKS", "PIPES",
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
		case p.word("IN", "DATABASE"):
			s.in, s.name = "DATABASE", p.identifier()
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
