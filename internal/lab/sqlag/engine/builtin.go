package engine

import (
	"strings"
	"time"
	"unicode/utf16"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// builtin is a function of the language that gives NULL for NULL.
type builtin struct {
	min, max int
	typ      func(args []compiled) sqltype.Type
	eval     func(args []any) (any, error)
}

func (b *batch) strict(f builtin, args []compiled) compiled {
	return compiled{typ: f.typ(args), eval: func(r *row) (any, error) {
		values := make([]any, len(args))
		for i, a := range args {
			v, err := a.eval(r)
			if err != nil || v == nil {
				return nil, err
			}
			values[i] = v
		}
		return f.eval(values)
	}}
}

func fixed(t sqltype.Type) func([]compiled) sqltype.Type {
	return func([]compiled) sqltype.Type { return t }
}

func likeFirst(args []compiled) sqltype.Type {
	if !args[0].typ.IsText() {
		return sqltype.Text(4000)
	}
	return args[0].typ
}

func number(v any) int {
	n, err := sqltype.Convert(v, sqltype.Of(sqltype.Int), 0)
	if err != nil {
		return 0
	}
	return int(n.(int64))
}

func textOf(f func(string) string) builtin {
	return builtin{1, 1, likeFirst, func(a []any) (any, error) { return f(sqltype.Format(a[0], 0)), nil }}
}

// builtins is never changed.
var builtins = map[string]builtin{
	"upper": textOf(strings.ToUpper),
	"lower": textOf(strings.ToLower),
	"ltrim": textOf(func(s string) string { return strings.TrimLeft(s, " ") }),
	"rtrim": textOf(func(s string) string { return strings.TrimRight(s, " ") }),
	"trim":  textOf(func(s string) string { return strings.Trim(s, " ") }),
	"len": {1, 1, fixed(sqltype.Of(sqltype.Int)), func(a []any) (any, error) {
		return int64(len(utf16.Encode([]rune(strings.TrimRight(sqltype.Format(a[0], 0), " "))))), nil
	}},
	"datalength": {1, 1, fixed(sqltype.Of(sqltype.Int)), func(a []any) (any, error) {
		return int64(2 * len(utf16.Encode([]rune(sqltype.Format(a[0], 0))))), nil
	}},
	"left": {2, 2, likeFirst, func(a []any) (any, error) {
		s := []rune(sqltype.Format(a[0], 0))
		return string(s[:max(0, min(number(a[1]), len(s)))]), nil
	}},
	"right": {2, 2, likeFirst, func(a []any) (any, error) {
		s := []rune(sqltype.Format(a[0], 0))
		return string(s[len(s)-max(0, min(number(a[1]), len(s))):]), nil
	}},
	"substring": {3, 3, likeFirst, func(a []any) (any, error) {
		s := []rune(sqltype.Format(a[0], 0))
		from := number(a[1]) - 1
		to := min(len(s), from+number(a[2]))
		from = max(0, min(from, len(s)))
		return string(s[from:max(from, to)]), nil
	}},
	"replace": {3, 3, likeFirst, func(a []any) (any, error) {
		old := sqltype.Format(a[1], 0)
		if old == "" {
			return sqltype.Format(a[0], 0), nil
		}
		return strings.ReplaceAll(sqltype.Format(a[0], 0), old, sqltype.Format(a[2], 0)), nil
	}},
	"charindex": {2, 3, fixed(sqltype.Of(sqltype.Int)), func(a []any) (any, error) {
		return int64(strings.Index(strings.ToLower(sqltype.Format(a[1], 0)), strings.ToLower(sqltype.Format(a[0], 0))) + 1), nil
	}},
	"quotename": {1, 2, fixed(sqltype.Text(258)), func(a []any) (any, error) {
		return "[" + strings.ReplaceAll(sqltype.Format(a[0], 0), "]", "]]") + "]", nil
	}},
	"abs": {1, 1, func(a []compiled) sqltype.Type { return a[0].typ }, func(a []any) (any, error) {
		switch x := a[0].(type) {
		case int64:
			return max(x, -x), nil
		case float64:
			return max(x, -x), nil
		case sqltype.Decimal:
			if x.Unscaled.Sign() < 0 {
				return numericOperation("*", x, int64(-1), sqltype.Type{Kind: sqltype.Numeric, Precision: 38, Scale: x.Scale})
			}
		}
		return a[0], nil
	}},
	"round": {2, 2, func(a []compiled) sqltype.Type { return a[0].typ }, func(a []any) (any, error) {
		if d, ok := a[0].(sqltype.Decimal); ok {
			return d.At(uint8(max(0, min(number(a[1]), 38)))).At(d.Scale), nil
		}
		return a[0], nil
	}},
	"switchoffset":     {2, 2, fixed(sqltype.Of(sqltype.DateTimeOffset)), withOffset(true)},
	"todatetimeoffset": {2, 2, fixed(sqltype.Of(sqltype.DateTimeOffset)), withOffset(false)},
	"newid": {0, 0, fixed(sqltype.Of(sqltype.UniqueIdentifier)), func([]any) (any, error) {
		return newGUID(), nil
	}},
	"isjson": {1, 1, fixed(sqltype.Of(sqltype.Int)), func(a []any) (any, error) { return int64(0), nil }},
}

func withOffset(same bool) func([]any) (any, error) {
	return func(a []any) (any, error) {
		t, ok := a[0].(time.Time)
		if !ok {
			v, err := sqltype.Convert(a[0], sqltype.Of(sqltype.DateTimeOffset), 0)
			if err != nil {
				return nil, err
			}
			t = v.(time.Time)
		}
		offset, ok := offsetOf(a[1])
		if !ok {
			return nil, sqlerr.New(9812, "The timezone provided to builtin function todatetimeoffset is invalid.")
		}
		zone := time.FixedZone("", offset)
		if same {
			return t.In(zone), nil
		}
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone), nil
	}
}

// offsetOf reads +02:00, or minutes.
func offsetOf(v any) (seconds int, ok bool) {
	if n, isNumber := v.(int64); isNumber {
		return int(n) * 60, n > -840 && n < 840
	}
	text, _ := v.(string)
	t, err := time.Parse("-07:00", text)
	if err != nil {
		return 0, false
	}
	_, seconds = t.Zone()
	return seconds, true
}
