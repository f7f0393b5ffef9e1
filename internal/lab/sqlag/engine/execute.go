package engine

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// execute runs sp_executesql and EXEC ('...'); everything else is the server's.
func (b *batch) execute(s sqltext.Execute) error {
	text := s.Text
	vars := map[string]*variable{}
	if strings.EqualFold(s.Name.Object, "sp_executesql") && len(s.Args) > 0 {
		text = s.Args[0].X
		if len(s.Args) > 1 {
			declared, err := b.declared(s.Args[1].X)
			if err != nil {
				return err
			}
			for i, a := range s.Args[2:] {
				if i >= len(declared) {
					break
				}
				name := declared[i].Name
				if a.Name != "" {
					name = a.Name
				}
				for _, d := range declared {
					if d.Name != name {
						continue
					}
					v, err := b.evaluate(a.X)
					if err != nil {
						return err
					}
					if v, err = sqltype.Convert(v, d.Type, 0); err != nil {
						return err
					}
					vars[name] = &variable{d.Type, v}
				}
			}
		}
	}
	if text == nil {
		if err := b.env.Change(s); err != nil {
			return err
		}
		b.sink.Done("EXECUTE", -1)
		return nil
	}
	v, err := b.evaluate(text)
	if err != nil {
		return err
	}
	if b.depth >= 32 {
		return sqlerr.New(217, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).")
	}
	statements, err := sqltext.Parse(sqltype.Format(v, 0))
	if err != nil {
		return err
	}
	outer := b.vars
	b.vars = vars
	b.depth++
	defer func() {
		b.vars = outer
		b.depth--
	}()
	return b.run(statements)
}

func (b *batch) declared(x sqltext.Expr) ([]sqltext.Declare, error) {
	v, err := b.evaluate(x)
	if err != nil || v == nil {
		return nil, err
	}
	return Declarations(sqltype.Format(v, 0))
}

// Declarations reads the second argument of sp_executesql: @a int, @b nvarchar(10).
func Declarations(text string) ([]sqltext.Declare, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	text = strings.NewReplacer(" OUTPUT", "", " output", "").Replace(text)
	statements, err := sqltext.Parse("DECLARE " + text)
	if err != nil {
		return nil, err
	}
	var out []sqltext.Declare
	for _, s := range statements {
		d, ok := s.(sqltext.Declare)
		if !ok {
			return nil, sqlerr.Syntax(text)
		}
		out = append(out, d)
	}
	return out, nil
}
