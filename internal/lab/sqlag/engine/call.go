package engine

import (
	"strings"
	"time"
	"unicode/utf16"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// call compiles a function: an aggregate, one of the language, or the server's.
func (b *batch) call(c sqltext.Call, s *scope) (compiled, error) {
	if c.Over != nil {
		return b.window(c, s)
	}
	if isAggregate(c.Name) {
		if s.group == nil {
			return compiled{}, sqlerr.Class(15, 147, "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.")
		}
		return s.group.aggregateCall(c)
	}
	if strings.HasPrefix(c.Name, "date") && len(c.Args) > 0 && c.Name != "datefromparts" {
		return b.dateCall(c, s)
	}
	if c.Name == "iif" && len(c.Args) == 3 {
		return b.caseOf(sqltext.Case{Whens: []sqltext.When{{If: c.Args[0], Then: c.Args[1]}}, Else: c.Args[2]}, s)
	}
	if c.Star {
		return compiled{}, sqlerr.Syntax("*")
	}
	args, err := b.values(c.Args, s)
	if err != nil {
		return compiled{}, err
	}
	if f, ok := builtins[c.Name]; ok {
		if len(args) < f.min || len(args) > f.max {
			return compiled{}, sqlerr.Class(15, 174, "The %s function requires %d argument(s).", c.Name, f.min)
		}
		return b.strict(f, args), nil
	}
	switch c.Name {
	case "coalesce", "isnull":
		return b.coalesce(c.Name, args)
	case "nullif":
		if len(args) != 2 {
			return compiled{}, sqlerr.Class(15, 174, "The nullif function requires 2 argument(s).")
		}
		same := compare("=", args[0], args[1])
		return compiled{typ: args[0].typ, eval: func(r *row) (any, error) {
			v, err := same.eval(r)
			if err != nil || v == true {
				return nil, err
			}
			return args[0].eval(r)
		}}, nil
	case "concat", "concat_ws":
		return concat(c.Name, args)
	case "getdate", "current_timestamp", "getutcdate", "sysdatetime", "sysutcdatetime", "sysdatetimeoffset":
		return b.clock(c.Name), nil
	case "error_number", "error_message", "error_severity", "error_state", "error_line", "error_procedure":
		return b.caughtError(c.Name), nil
	}
	return b.serverCall(c.Name, args)
}

func (b *batch) serverCall(name string, args []compiled) (compiled, error) {
	f, ok := b.env.Function(name)
	if !ok {
		if strings.Contains(name, ".") {
			return compiled{}, sqlerr.New(4121, "Cannot find either column \"%s\" or the user-defined function or aggregate \"%s\", or the name is ambiguous.", name[:strings.Index(name, ".")], name)
		}
		return compiled{}, sqlerr.Class(15, 195, "'%s' is not a recognized built-in function name.", name)
	}
	if len(args) < f.Min || len(args) > f.Max {
		return compiled{}, sqlerr.Class(15, 174, "The %s function requires %d argument(s).", name, f.Min)
	}
	return compiled{typ: f.Type, eval: func(r *row) (any, error) {
		values := make([]any, len(args))
		for i, a := range args {
			var err error
			if values[i], err = a.eval(r); err != nil {
				return nil, err
			}
		}
		return f.Eval(values)
	}}, nil
}

func (b *batch) clock(name string) compiled {
	typ := sqltype.Of(sqltype.DateTime)
	switch name {
	case "sysdatetime", "sysutcdatetime":
		typ = sqltype.Of(sqltype.DateTime2)
	case "sysdatetimeoffset":
		typ = sqltype.Of(sqltype.DateTimeOffset)
	}
	return compiled{typ: typ, eval: func(*row) (any, error) {
		return sqltype.Truncate(b.now().UTC(), typ), nil
	}}
}

func (b *batch) caughtError(name string) compiled {
	e := firstError(b.caught)
	v := any(nil)
	typ := sqltype.Of(sqltype.Int)
	switch name {
	case "error_message":
		typ = sqltype.Text(4000)
		if e != nil {
			v = e.Message
		}
	case "error_procedure":
		typ = sqltype.Text(128)
	case "error_number":
		if e != nil {
			v = int64(e.Number)
		}
	case "error_severity":
		if e != nil {
			v = int64(e.Class)
		}
	default:
		if e != nil {
			v = int64(e.State)
		}
	}
	return constant(v, typ)
}

func (b *batch) coalesce(name string, args []compiled) (compiled, error) {
	if len(args) < 2 || name == "isnull" && len(args) != 2 {
		return compiled{}, sqlerr.Class(15, 174, "The %s function requires 2 argument(s).", name)
	}
	var typ sqltype.Type
	for _, a := range args {
		typ = sqltype.Wider(typ, a.typ)
	}
	if name == "isnull" && args[0].typ.Kind != sqltype.Null { // the first argument's type, and its length
		typ = args[0].typ
	}
	return compiled{typ: typ, eval: func(r *row) (any, error) {
		for _, a := range args {
			v, err := a.eval(r)
			if err != nil {
				return nil, err
			}
			if v != nil {
				return sqltype.Convert(v, typ, 0)
			}
		}
		return nil, nil
	}}, nil
}

func concat(name string, args []compiled) (compiled, error) {
	return compiled{typ: sqltype.Text(4000), eval: func(r *row) (any, error) {
		var parts []string
		for _, a := range args {
			v, err := a.eval(r)
			if err != nil {
				return nil, err
			}
			if v != nil || name == "concat" {
				parts = append(parts, sqltype.Format(v, 0))
			}
		}
		if name == "concat_ws" && len(parts) > 0 {
			return strings.Join(parts[1:], parts[0]), nil
		}
		return strings.Join(parts, ""), nil
	}}, nil
}

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
