package sqltext

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
)

// maxDepth bounds nesting. The product gives error 191 somewhere too.
const maxDepth = 120

// Parse reads a batch.
func Parse(src string) ([]Statement, error) {
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	return p.batch(func() bool { return p.peek().kind == end })
}

type parser struct {
	tokens []token
	at     int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) peekAt(n int) token {
	if p.at+n < len(p.tokens) {
		return p.tokens[p.at+n]
	}
	return p.tokens[len(p.tokens)-1]
}

func (p *parser) take() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// fail is the error about the token in front.
func (p *parser) fail() error {
	t := p.peek()
	switch {
	case t.kind == end:
		last := ""
		if p.at > 0 {
			last = p.tokens[p.at-1].text
		}
		return sqlerr.Syntax(last)
	case t.kind == word && reserved[strings.ToUpper(t.text)]:
		return sqlerr.Keyword(t.text)
	}
	return sqlerr.Syntax(t.text)
}

func is(t token, w string) bool { return t.kind == word && strings.EqualFold(t.text, w) }

func (p *parser) isWord(words ...string) bool {
	for i, w := range words {
		if !is(p.peekAt(i), w) {
			return false
		}
	}
	return true
}

func (p *parser) word(words ...string) bool {
	if !p.isWord(words...) {
		return false
	}
	p.at += len(words)
	return true
}

func (p *parser) isSymbol(s string) bool {
	t := p.peek()
	return t.kind == symbol && t.text == s
}

func (p *parser) symbol(s string) bool {
	if !p.isSymbol(s) {
		return false
	}
	p.at++
	return true
}

func (p *parser) needWord(words ...string) error {
	for _, w := range words {
		if !p.word(w) {
			return p.fail()
		}
	}
	return nil
}

func (p *parser) need(s string) error {
	if !p.symbol(s) {
		return p.fail()
	}
	return nil
}

// enter counts nesting; leave must follow when it returns nil.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return sqlerr.TooDeep()
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// isName says whether an identifier is in front.
func (p *parser) isName() bool {
	t := p.peek()
	return t.kind == quoted || t.kind == word && !reserved[strings.ToUpper(t.text)]
}

func (p *parser) name() (string, error) {
	if !p.isName() {
		return "", p.fail()
	}
	return p.take().text, nil
}

// nameOrText also takes a string, as replica names are given.
func (p *parser) nameOrText() (string, error) {
	if p.peek().kind == text {
		return p.take().text, nil
	}
	return p.name()
}

// objectName reads up to four parts. A server's name in front is not kept.
func (p *parser) objectName() (Name, error) {
	var parts []string
	for {
		if p.isSymbol(".") && len(parts) > 0 { // db..table
			parts = append(parts, "")
		} else {
			s, err := p.name()
			if err != nil {
				return Name{}, err
			}
			parts = append(parts, s)
		}
		if !p.symbol(".") {
			break
		}
		if len(parts) == 4 {
			return Name{}, p.fail()
		}
	}
	n := Name{Object: parts[len(parts)-1]}
	if len(parts) > 1 {
		n.Schema = parts[len(parts)-2]
	}
	if len(parts) > 2 {
		n.Database = parts[len(parts)-3]
	}
	return n, nil
}

// batch reads statements until done says so.
func (p *parser) batch(done func() bool) ([]Statement, error) {
	var out []Statement
	for {
		for p.symbol(";") {
		}
		if done() {
			return out, nil
		}
		if p.peek().kind == end {
			return nil, p.fail()
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
}
