package snowpair

import (
	"math"
	"slices"
	"strings"
	"time"
)

// scope is what an expression can refer to.
type scope struct {
	run     *execution
	columns []column
	row     []any
	group   [][]any // the rows an aggregate is over; nil: aggregates are not allowed
	items   []item  // labels of the select list
	tables  map[string]*scope
	depth   int
}

// maxSteps bounds what one statement may cost: the other clients wait meanwhile.
const maxSteps = 5_000_000

// eval gives the value of an expression. The first failure stays in run.
func (s *scope) eval(x any) any {
	if s.run.steps++; s.run.steps > maxSteps {
		s.run.fail(fail(1795, "54000", "SQL execution error: the statement is too expensive for the laboratory"))
	}
	if s.run.err != nil {
		return nil
	}
	switch x := x.(type) {
	case literal:
		return x.value
	case columnRef:
		return s.column(x)
	case call:
		if aggregates[x.name] {
			return s.aggregate(x)
		}
		return s.call(x)
	case unary:
		return s.unary(x)
	case binary:
		return s.binary(x)
	case isNull:
		return (s.eval(x.x) == nil) != x.not
	case inList:
		v := s.eval(x.x)
		if v == nil {
			return nil
		}
		for _, e := range x.list {
			if w := s.eval(e); w != nil {
				if c, ok := compare(v, w); ok && c == 0 {
					return !x.not
				}
			}
		}
		return x.not
	case cast:
		return s.cast(s.eval(x.x), x.to)
	case path:
		return follow(s.eval(x.x), x.keys)
	case caseWhen:
		for i, w := range x.when {
			if yes, _ := s.eval(w).(bool); yes {
				return s.eval(x.then[i])
			}
		}
		if x.otherwise == nil {
			return nil
		}
		return s.eval(x.otherwise)
	}
	return nil
}

func (s *scope) column(x columnRef) any {
	if x.table != "" && s.tables != nil {
		if t, ok := s.tables[x.table]; ok {
			return t.column(columnRef{name: x.name, tok: x.tok})
		}
	}
	if i := slices.IndexFunc(s.columns, func(c column) bool { return c.name == x.name }); i >= 0 {
		if s.row == nil {
			return nil
		}
		return s.row[i]
	}
	for _, t := range s.tables {
		if slices.ContainsFunc(t.columns, func(c column) bool { return c.name == x.name }) {
			return t.column(x)
		}
	}
	for _, it := range s.items {
		if !it.bare && it.label == x.name && s.depth < 8 {
			inner := *s
			inner.depth++
			v := inner.eval(it.x)
			return v
		}
	}
	s.run.fail(unknownColumn(x.name, x.tok))
	return nil
}

func (s *scope) unary(x unary) any {
	v := s.eval(x.x)
	if v == nil {
		return nil
	}
	if x.op == "NOT" {
		return !truth(v)
	}
	f, ok := number(v)
	if !ok {
		s.run.fail(fail(100038, "22018", "Numeric value '%s' is not recognized", plain(v)))
		return nil
	}
	return whole(-f)
}

// truth is a value as a condition.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return strings.EqualFold(v, "true") || v == "1"
	case variant:
		b, _ := v.value.(bool)
		return b
	}
	f, ok := number(v)
	return ok && f != 0
}

func (s *scope) binary(x binary) any {
	l := s.eval(x.l)
	switch x.op {
	case "AND", "OR":
		r := s.eval(x.r)
		return logic(x.op, l, r)
	}
	r := s.eval(x.r)
	if l == nil || r == nil {
		return nil
	}
	switch x.op {
	case "||":
		return plain(l) + plain(r)
	case "LIKE":
		return like(plain(l), plain(r), false)
	case "ILIKE":
		return like(plain(l), plain(r), true)
	case "+", "-", "*", "/", "%":
		return s.arithmetic(x.op, l, r)
	}
	c, ok := compare(l, r)
	if !ok {
		s.run.fail(fail(2010, "42804", "SQL compilation error:\nCan not convert parameter '%s' into expected type", plain(r)))
		return nil
	}
	switch x.op {
	case "=":
		return c == 0
	case "<>":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// logic is AND and OR with NULL as "not known".
func logic(op string, l, r any) any {
	want := op == "OR"
	if l != nil && truth(l) == want || r != nil && truth(r) == want {
		return want
	}
	if l == nil || r == nil {
		return nil
	}
	return !want
}

func (s *scope) arithmetic(op string, l, r any) any {
	if t, ok := l.(time.Time); ok { // a time and a number of days
		if days, ok := number(r); ok && (op == "+" || op == "-") {
			if op == "-" {
				days = -days
			}
			return t.Add(time.Duration(days * 24 * float64(time.Hour)))
		}
	}
	a, ok1 := number(l)
	b, ok2 := number(r)
	if !ok1 || !ok2 {
		s.run.fail(fail(100038, "22018", "Numeric value '%s' is not recognized", plain(l)))
		return nil
	}
	switch op {
	case "+":
		return whole(a + b)
	case "-":
		return whole(a - b)
	case "*":
		return whole(a * b)
	}
	if b == 0 {
		s.run.fail(fail(100051, "22012", "Division by zero"))
		return nil
	}
	if op == "%" {
		return whole(math.Mod(a, b))
	}
	return whole(a / b)
}
