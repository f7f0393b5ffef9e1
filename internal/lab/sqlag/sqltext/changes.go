package sqltext

import "strings"

// Changes counts the statements of a batch that could change state on a server,
// whether or not the batch can be read or would be allowed. Text that cannot be
// read counts each word that could open such a statement.
func Changes(src string) int {
	statements, err := Parse(src)
	if err == nil {
		return count(statements)
	}
	tokens, _ := lex(src)
	n := 0
	for _, t := range tokens {
		if t.kind == word && changing[strings.ToUpper(t.text)] {
			n++
		}
	}
	return n
}

func count(statements []Statement) int {
	n := 0
	for _, s := range statements {
		switch x := s.(type) {
		case Update, Insert, Delete, AlterGroup, AlterHadr, Other:
			n++
		case Execute:
			n += x.changes()
		case If:
			n += count(x.Then) + count(x.Else)
		case Block:
			n += count(x.Body)
		case Try:
			n += count(x.Body) + count(x.Catch)
		}
	}
	return n
}

// changes looks into sp_executesql and EXEC ('...') where the text is a constant.
// Other procedures could do anything.
func (e Execute) changes() int {
	x := e.Text
	if strings.EqualFold(e.Name.Object, "sp_executesql") && len(e.Args) > 0 {
		x = e.Args[0].X
	}
	if l, ok := x.(Literal); ok {
		if s, ok := l.Value.(string); ok {
			return Changes(s)
		}
	}
	return 1
}
