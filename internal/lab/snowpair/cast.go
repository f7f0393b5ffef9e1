package snowpair

import (
	"fmt"
	"math"
	"strings"
)

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
