package snowpair

import "slices"

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
