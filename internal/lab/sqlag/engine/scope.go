package engine

import (
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// frame is one source within FROM: where its columns are in the row.
type frame struct {
	alias   string
	columns []Column
	offset  int
}

// scope is what names can mean at some place.
type scope struct {
	frames []frame
	width  int
	outer  *scope
	ctes   map[string]*plan
	group  *grouping // set while expressions over groups are compiled
	window *[]*windowSpec
}

// row is what an expression is evaluated over.
type row struct {
	values     []any
	aggregates []any
	windows    []any
	outer      *row
}

func (s *scope) add(alias string, columns []Column) {
	s.frames = append(s.frames, frame{alias, columns, s.width})
	s.width += len(columns)
}

// find resolves a name in this scope or an outer one; depth says how far out.
func (s *scope) find(qualifier, name string) (index, depth int, typ sqltype.Type, err error) {
	for at := s; at != nil; at = at.outer {
		hits := 0
		known := false
		for _, f := range at.frames {
			if qualifier != "" && !strings.EqualFold(f.alias, qualifier) {
				continue
			}
			known = true
			for i, c := range f.columns {
				if strings.EqualFold(c.Name, name) {
					hits++
					index, typ = f.offset+i, c.Type
				}
			}
		}
		switch {
		case hits > 1:
			return 0, 0, typ, sqlerr.New(209, "Ambiguous column name '%s'.", name)
		case hits == 1:
			return index, depth, typ, nil
		case known && qualifier != "":
			return 0, 0, typ, sqlerr.InvalidColumn(name)
		}
		depth++
	}
	if qualifier != "" {
		return 0, 0, typ, sqlerr.New(4104, "The multi-part identifier \"%s.%s\" could not be bound.", qualifier, name)
	}
	return 0, 0, typ, sqlerr.InvalidColumn(name)
}

func (s *scope) cte(name string) *plan {
	for at := s; at != nil; at = at.outer {
		if p, ok := at.ctes[strings.ToLower(name)]; ok {
			return p
		}
	}
	return nil
}

// compiled is an expression that knows its type. A condition gives true, false or
// nil, which is UNKNOWN.
type compiled struct {
	typ       sqltype.Type
	condition bool
	eval      func(*row) (any, error)
}

func constant(v any, t sqltype.Type) compiled {
	return compiled{typ: t, eval: func(*row) (any, error) { return v, nil }}
}
