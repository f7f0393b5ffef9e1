package snowpair

import (
	"fmt"
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

// eval gives the value of an expression. The first failure stays in run.
func (s *scope) eval(x any) any {
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

// like matches a pattern with % and _; a backslash takes the next sign as it is.
func like(s, pattern string, fold bool) bool {
	if fold {
		s, pattern = strings.ToLower(s), strings.ToLower(pattern)
	}
	str, pat := []rune(s), []rune(pattern)
	si, pi, star, mark := 0, 0, -1, 0
	for si < len(str) {
		switch {
		case pi < len(pat) && pat[pi] == '%':
			star, mark = pi, si
			pi++
			continue
		case pi+1 < len(pat) && pat[pi] == '\\' && pat[pi+1] == str[si]:
			si, pi = si+1, pi+2
			continue
		case pi < len(pat) && pat[pi] != '\\' && (pat[pi] == '_' || pat[pi] == str[si]):
			si, pi = si+1, pi+1
			continue
		case star >= 0:
			mark++
			si, pi = mark, star+1
			continue
		}
		return false
	}
	for pi < len(pat) && pat[pi] == '%' {
		pi++
	}
	return pi == len(pat)
}

func (s *scope) cast(v any, to string) any {
	if v == nil {
		return nil
	}
	if r, ok := v.(Raw); ok {
		return r
	}
	w, isVariant := v.(variant)
	if isVariant && w.value == nil && to != "VARIANT" {
		return nil
	}
	bad := func() any {
		s.run.fail(fail(100038, "22018", "Value '%s' is not recognized as %s", plain(v), to))
		return nil
	}
	switch to {
	case "STRING", "VARCHAR", "TEXT", "CHAR":
		return plain(v)
	case "NUMBER", "INT", "INTEGER", "BIGINT", "DECIMAL", "NUMERIC", "SMALLINT":
		f, ok := number(v)
		if !ok {
			return bad()
		}
		return int64(math.Round(f))
	case "FLOAT", "DOUBLE", "REAL":
		f, ok := number(v)
		if !ok {
			return bad()
		}
		return f
	case "BOOLEAN":
		return truth(v)
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIMESTAMP", "TIMESTAMPLTZ":
		t, ok := moment(v)
		if !ok {
			return bad()
		}
		return t
	case "TIMESTAMP_NTZ", "DATETIME", "TIMESTAMPNTZ":
		t, ok := moment(v)
		if !ok {
			return bad()
		}
		return ntz(t)
	case "VARIANT", "OBJECT":
		if isVariant {
			return w
		}
		return variant{v}
	}
	s.run.fail(fail(1044, "42P13", "SQL compilation error:\nUnsupported data type '%s'.", to))
	return nil
}

// follow goes into a variant.
func follow(v any, keys []string) any {
	w, ok := v.(variant)
	if !ok {
		return nil
	}
	x := w.value
	for _, k := range keys {
		switch y := x.(type) {
		case map[string]any:
			x = y[k]
		case []any:
			var i int
			if _, err := fmt.Sscanf(k, "%d", &i); err != nil || i < 0 || i >= len(y) {
				return nil
			}
			x = y[i]
		default:
			return nil
		}
	}
	if x == nil {
		return nil
	}
	return variant{x}
}

var aggregates = map[string]bool{"MAX": true, "MIN": true, "COUNT": true, "SUM": true, "AVG": true, "COUNT_IF": true, "MEDIAN": true, "ANY_VALUE": true}

func (s *scope) aggregate(c call) any {
	if s.group == nil {
		s.run.fail(fail(2035, "42601", "SQL compilation error:\nInvalid aggregate function in where clause [%s]", c.name))
		return nil
	}
	if c.name == "COUNT" && c.star {
		return int64(len(s.group))
	}
	if len(c.args) == 0 {
		s.run.fail(fail(938, "22023", "SQL compilation error: error line %d at position %d\nnot enough arguments for function [%s()], expected 1, got 0", c.tok.line, c.tok.pos, c.name))
		return nil
	}
	var values []any
	inner := scope{run: s.run, columns: s.columns, tables: s.tables}
	for _, row := range s.group {
		inner.row = row
		if v := inner.eval(c.args[0]); v != nil {
			values = append(values, v)
		}
	}
	switch c.name {
	case "COUNT":
		return int64(len(values))
	case "COUNT_IF":
		n := int64(0)
		for _, v := range values {
			if truth(v) {
				n++
			}
		}
		return n
	}
	if len(values) == 0 {
		return nil
	}
	switch c.name {
	case "ANY_VALUE":
		return values[0]
	case "MAX", "MIN":
		best := values[0]
		for _, v := range values[1:] {
			if n, ok := compare(v, best); ok && (n > 0) == (c.name == "MAX") && n != 0 {
				best = v
			}
		}
		return best
	}
	var numbers []float64
	sum := 0.0
	for _, v := range values {
		f, _ := number(v)
		numbers = append(numbers, f)
		sum += f
	}
	switch c.name {
	case "SUM":
		return whole(sum)
	case "AVG":
		return whole(sum / float64(len(numbers)))
	}
	slices.Sort(numbers)
	n := len(numbers)
	return whole((numbers[(n-1)/2] + numbers[n/2]) / 2)
}

// aggregated says whether an expression contains an aggregate.
func aggregated(x any) bool {
	switch x := x.(type) {
	case call:
		return aggregates[x.name] || slices.ContainsFunc(x.args, aggregated)
	case unary:
		return aggregated(x.x)
	case binary:
		return aggregated(x.l) || aggregated(x.r)
	case isNull:
		return aggregated(x.x)
	case inList:
		return aggregated(x.x) || slices.ContainsFunc(x.list, aggregated)
	case cast:
		return aggregated(x.x)
	case path:
		return aggregated(x.x)
	case caseWhen:
		return slices.ContainsFunc(x.when, aggregated) || slices.ContainsFunc(x.then, aggregated) || x.otherwise != nil && aggregated(x.otherwise)
	}
	return false
}
