package engine

import (
	"strings"

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
