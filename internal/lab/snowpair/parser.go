package snowpair

import "strconv"

// parser reads statements from tokens. The first failure stays.
type parser struct {
	sql   string
	toks  []token
	i     int
	binds []any
	bound int
	depth int
	err   *failure
}

// maxDepth bounds how deep expressions nest.
const maxDepth = 200

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokenEnd {
		p.i++
	}
	return t
}

func (p *parser) fail(t token) {
	if p.err == nil {
		p.err = syntaxError(t)
	}
}

// isWord says whether the next tokens are these keywords.
func (p *parser) isWord(words ...string) bool {
	for n, w := range words {
		if p.i+n >= len(p.toks) || p.toks[p.i+n].kind != tokenWord || p.toks[p.i+n].text != w {
			return false
		}
	}
	return true
}

// word takes these keywords if they come next.
func (p *parser) word(words ...string) bool {
	if !p.isWord(words...) {
		return false
	}
	p.i += len(words)
	return true
}

func (p *parser) wantWord(words ...string) {
	if !p.word(words...) {
		p.fail(p.peek())
	}
}

func (p *parser) isSymbol(s string) bool {
	t := p.peek()
	return t.kind == tokenSymbol && t.text == s
}

func (p *parser) symbol(s string) bool {
	if !p.isSymbol(s) {
		return false
	}
	p.i++
	return true
}

func (p *parser) wantSymbol(s string) {
	if !p.symbol(s) {
		p.fail(p.peek())
	}
}

// identifier takes a name: upper case unless quoted.
func (p *parser) identifier() string {
	t := p.peek()
	if t.kind != tokenWord && t.kind != tokenQuoted {
		p.fail(t)
		return ""
	}
	p.next()
	return t.text
}

// name takes a name of up to three parts.
func (p *parser) name() []string {
	parts := []string{p.identifier()}
	for len(parts) < 4 && p.symbol(".") {
		parts = append(parts, p.identifier())
	}
	return parts
}

func (p *parser) text() string {
	t := p.peek()
	if t.kind == tokenString {
		p.next()
		return t.text
	}
	if v, ok := p.bind(); ok {
		return text(v)
	}
	p.fail(t)
	return ""
}

func (p *parser) integer() int64 {
	t := p.next()
	n, err := strconv.ParseInt(t.text, 10, 64)
	if t.kind != tokenNumber || err != nil {
		p.fail(t)
	}
	return n
}

// bind takes ? or :1, a value that came with the statement.
func (p *parser) bind() (any, bool) {
	switch {
	case p.isSymbol("?"):
		t := p.next()
		p.bound++
		if p.bound > len(p.binds) {
			p.fail(t)
			return nil, true
		}
		return p.binds[p.bound-1], true
	case p.isSymbol(":") && p.toks[p.i+1].kind == tokenNumber:
		p.next()
		t := p.next()
		n, err := strconv.Atoi(t.text)
		if err != nil || n < 1 || n > len(p.binds) {
			p.fail(t)
			return nil, true
		}
		return p.binds[n-1], true
	}
	return nil, false
}
