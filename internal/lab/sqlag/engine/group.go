package engine

import (
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// grouping is GROUP BY with the aggregates that its query uses.
type grouping struct {
	by         []sqltext.Expr
	keys       []compiled
	aggregates []*aggregate
	base       *scope
	b          *batch
}

type aggregate struct {
	name     string
	arg      compiled // unused for COUNT(*)
	star     bool
	distinct bool
	joiner   string // of STRING_AGG
	order    []orderKey
	typ      sqltype.Type
}

func isAggregate(name string) bool {
	switch name {
	case "count", "count_big", "sum", "min", "max", "avg", "string_agg":
		return true
	}
	return false
}

// hasAggregate looks into expressions, but not into subqueries.
func hasAggregate(items []sqltext.Item, order []sqltext.Order) bool {
	for _, it := range items {
		if it.X != nil && containsAggregate(reflect.ValueOf(it.X)) {
			return true
		}
	}
	for _, o := range order {
		if containsAggregate(reflect.ValueOf(o.X)) {
			return true
		}
	}
	return false
}

func containsAggregate(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return !v.IsNil() && containsAggregate(v.Elem())
	case reflect.Struct:
		if c, ok := v.Interface().(sqltext.Call); ok && isAggregate(c.Name) && c.Over == nil {
			return true
		}
		if v.Type() == reflect.TypeFor[sqltext.Literal]() {
			return false
		}
		for i := range v.NumField() {
			if containsAggregate(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if containsAggregate(v.Index(i)) {
				return true
			}
		}
	}
	return false // a pointer is a query or an OVER
}

func (b *batch) grouping(by []sqltext.Expr, s *scope) (*grouping, error) {
	g := &grouping{by: by, base: s, b: b}
	var err error
	g.keys, err = b.values(by, s)
	return g, err
}

// aggregateCall gives a call its place among the group's results.
func (g *grouping) aggregateCall(c sqltext.Call) (compiled, error) {
	a, err := g.b.aggregate(c, g.base)
	if err != nil {
		return compiled{}, err
	}
	slot := len(g.aggregates)
	g.aggregates = append(g.aggregates, a)
	return compiled{typ: a.typ, eval: func(r *row) (any, error) { return r.aggregates[slot], nil }}, nil
}

func (b *batch) aggregate(c sqltext.Call, s *scope) (*aggregate, error) {
	a := &aggregate{name: c.Name, star: c.Star, distinct: c.Distinct, typ: sqltype.Of(sqltype.Int)}
	if c.Star {
		if !strings.HasPrefix(c.Name, "count") {
			return nil, sqlerr.Syntax("*")
		}
		return a, nil
	}
	want := 1
	if c.Name == "string_agg" {
		want = 2
	}
	if len(c.Args) != want {
		return nil, sqlerr.Class(15, 174, "The %s function requires %d argument(s).", c.Name, want)
	}
	inner := *s
	inner.group = nil
	var err error
	if a.arg, err = b.value(c.Args[0], &inner); err != nil {
		return nil, err
	}
	switch c.Name {
	case "count_big":
		a.typ = sqltype.Of(sqltype.BigInt)
	case "min", "max":
		a.typ = a.arg.typ
		if a.typ.Kind == sqltype.Bit {
			return nil, sqlerr.New(8117, "Operand data type bit is invalid for %s operator.", c.Name)
		}
	case "sum", "avg":
		if !a.arg.typ.IsNumber() || a.arg.typ.Kind == sqltype.Bit {
			return nil, sqlerr.New(8117, "Operand data type %s is invalid for %s operator.", a.arg.typ, c.Name)
		}
		a.typ = a.arg.typ
		switch {
		case a.typ.IsInteger() && a.typ.Kind < sqltype.Int:
			a.typ = sqltype.Of(sqltype.Int)
		case a.typ.Kind == sqltype.Numeric:
			a.typ.Precision = 38
			if c.Name == "avg" {
				a.typ.Scale = max(a.typ.Scale, 6)
			}
		}
	case "string_agg":
		joiner, err := b.value(c.Args[1], &inner)
		if err != nil {
			return nil, err
		}
		v, err := joiner.eval(&row{})
		if err != nil {
			return nil, err
		}
		a.joiner = sqltype.Format(v, 0)
		a.typ = sqltype.Text(4000)
		if a.arg.typ.Length == sqltype.Max {
			a.typ = sqltype.Text(sqltype.Max)
		}
		for _, o := range c.Order {
			by, err := b.value(o.X, &inner)
			if err != nil {
				return nil, err
			}
			a.order = append(a.order, orderKey{-1, by, o.Desc})
		}
	}
	return a, nil
}

// run makes one row of each group. Without GROUP BY there is always one.
func (g *grouping) run(from []*row, outer *row) ([]*row, error) {
	var order []string
	groups := map[string][]*row{}
	for _, r := range from {
		var keys []any
		for _, k := range g.keys {
			v, err := k.eval(r)
			if err != nil {
				return nil, err
			}
			keys = append(keys, v)
		}
		k := rowKey(keys)
		if _, ok := groups[k]; !ok {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	if len(g.by) == 0 && len(order) == 0 {
		order = []string{""}
	}
	var out []*row
	for _, k := range order {
		members := groups[k]
		r := &row{values: make([]any, g.base.width), outer: outer}
		if len(members) > 0 {
			r.values = members[0].values
		}
		for _, a := range g.aggregates {
			v, err := a.over(members)
			if err != nil {
				return nil, err
			}
			r.aggregates = append(r.aggregates, v)
		}
		out = append(out, r)
	}
	return out, nil
}

// over computes the aggregate of some rows. NULL is left out of all but COUNT(*).
func (a *aggregate) over(members []*row) (any, error) {
	if a.star {
		return int64(len(members)), nil
	}
	var values []any
	seen := map[string]bool{}
	members, err := sorted(members, a.order)
	if err != nil {
		return nil, err
	}
	for _, r := range members {
		v, err := a.arg.eval(r)
		if err != nil {
			return nil, err
		}
		if v == nil || a.distinct && seen[sqltype.Key(v)] {
			continue
		}
		seen[sqltype.Key(v)] = true
		values = append(values, v)
	}
	if strings.HasPrefix(a.name, "count") {
		return int64(len(values)), nil
	}
	if len(values) == 0 {
		return nil, nil
	}
	switch a.name {
	case "min":
		return slices.MinFunc(values, sqltype.Compare), nil
	case "max":
		return slices.MaxFunc(values, sqltype.Compare), nil
	case "string_agg":
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = sqltype.Format(v, 0)
		}
		return strings.Join(parts, a.joiner), nil
	}
	return a.total(values)
}

func (a *aggregate) total(values []any) (any, error) {
	if a.typ.Kind == sqltype.Float {
		sum := 0.0
		for _, v := range values {
			sum += v.(float64)
		}
		if a.name == "avg" {
			sum /= float64(len(values))
		}
		return sum, nil
	}
	sum := sqltype.NewDecimal(new(big.Int))
	for _, v := range values {
		d, err := exact(v)
		if err != nil {
			return nil, err
		}
		scale := max(sum.Scale, d.Scale)
		sum = sqltype.Decimal{Unscaled: new(big.Int).Add(sum.At(scale).Unscaled, d.At(scale).Unscaled), Scale: scale}
	}
	if a.name == "avg" {
		v, err := numericOperation("/", sum, int64(len(values)), sqltype.Type{Kind: sqltype.Numeric, Precision: 38, Scale: max(6, a.typ.Scale)})
		if err != nil {
			return nil, err
		}
		return sqltype.Convert(v, a.typ, 0)
	}
	return sqltype.Convert(sum, a.typ, 0)
}

func sorted(members []*row, order []orderKey) ([]*row, error) {
	if len(order) == 0 {
		return members, nil
	}
	keys := map[*row][]any{}
	for _, r := range members {
		for _, o := range order {
			v, err := o.by.eval(r)
			if err != nil {
				return nil, err
			}
			keys[r] = append(keys[r], v)
		}
	}
	out := slices.Clone(members)
	slices.SortStableFunc(out, func(x, y *row) int {
		for i, o := range order {
			if n := compareNull(keys[x][i], keys[y][i], o.desc); n != 0 {
				return n
			}
		}
		return 0
	})
	return out, nil
}
