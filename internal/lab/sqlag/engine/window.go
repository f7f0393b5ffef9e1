package engine

import (
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqlerr"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltext"
	"github.com/bcctl/bcctl/internal/lab/sqlag/sqltype"
)

// windowSpec is a function with OVER: ROW_NUMBER, RANK, DENSE_RANK, or an
// aggregate over its whole partition. Running totals are refused.
type windowSpec struct {
	name      string
	aggregate *aggregate
	partition []compiled
	order     []orderKey
}

func (b *batch) window(c sqltext.Call, s *scope) (compiled, error) {
	if s.window == nil {
		return compiled{}, sqlerr.Class(15, 4108, "Windowed functions can only appear in the SELECT or ORDER BY clauses.")
	}
	w := &windowSpec{name: c.Name}
	typ := sqltype.Of(sqltype.BigInt)
	var err error
	switch {
	case c.Name == "row_number" || c.Name == "rank" || c.Name == "dense_rank":
		if len(c.Over.Order) == 0 {
			return compiled{}, sqlerr.Class(15, 4112, "The function '%s' must have an OVER clause with ORDER BY.", c.Name)
		}
	case isAggregate(c.Name) && len(c.Over.Order) == 0:
		if w.aggregate, err = b.aggregate(c, s); err != nil {
			return compiled{}, err
		}
		typ = w.aggregate.typ
	default:
		return compiled{}, sqlerr.Class(15, 10756, "Window frame with ROWS or RANGE is not available in this laboratory.")
	}
	if w.partition, err = b.values(c.Over.Partition, s); err != nil {
		return compiled{}, err
	}
	for _, o := range c.Over.Order {
		by, err := b.value(o.X, s)
		if err != nil {
			return compiled{}, err
		}
		w.order = append(w.order, orderKey{-1, by, o.Desc})
	}
	slot := len(*s.window)
	*s.window = append(*s.window, w)
	return compiled{typ: typ, eval: func(r *row) (any, error) {
		if slot >= len(r.windows) {
			return nil, nil
		}
		return r.windows[slot], nil
	}}, nil
}

func (w *windowSpec) run(slot, slots int, all []*row) error {
	groups := map[string][]*row{}
	var order []string
	for _, r := range all {
		if r.windows == nil {
			r.windows = make([]any, slots)
		}
		var keys []any
		for _, p := range w.partition {
			v, err := p.eval(r)
			if err != nil {
				return err
			}
			keys = append(keys, v)
		}
		k := rowKey(keys)
		if _, ok := groups[k]; !ok {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	for _, k := range order {
		if w.aggregate != nil {
			v, err := w.aggregate.over(groups[k])
			if err != nil {
				return err
			}
			for _, r := range groups[k] {
				r.windows[slot] = v
			}
			continue
		}
		if err := w.number(slot, groups[k]); err != nil {
			return err
		}
	}
	return nil
}

func (w *windowSpec) number(slot int, members []*row) error {
	list, err := sorted(members, w.order)
	if err != nil {
		return err
	}
	var last string
	rank, dense := int64(0), int64(0)
	for i, r := range list {
		var keys []any
		for _, o := range w.order {
			v, err := o.by.eval(r)
			if err != nil {
				return err
			}
			keys = append(keys, v)
		}
		if k := rowKey(keys); i == 0 || k != last {
			rank, last = int64(i+1), k
			dense++
		}
		switch w.name {
		case "rank":
			r.windows[slot] = rank
		case "dense_rank":
			r.windows[slot] = dense
		default:
			r.windows[slot] = int64(i + 1)
		}
	}
	return nil
}
