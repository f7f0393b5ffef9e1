package mongoset

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
)

// sortDocuments orders by fields; $natural is the order they are in.
func sortDocuments(docs []bson.D, order bson.D) {
	if len(order) == 1 && order[0].Key == "$natural" {
		if n, _ := number(order[0].Value); n < 0 {
			slices.Reverse(docs)
		}
		return
	}
	slices.SortStableFunc(docs, func(a, b bson.D) int {
		for _, by := range order {
			c, _ := compareValues(lookup(a, by.Key), lookup(b, by.Key))
			if n, _ := number(by.Value); n < 0 {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// project keeps the fields that are named, or drops those named with 0.
func project(docs []bson.D, fields bson.D) []bson.D {
	including := slices.ContainsFunc(fields, func(e bson.E) bool { return e.Key != "_id" && truth(e.Value) })
	out := make([]bson.D, 0, len(docs))
	for _, d := range docs {
		kept := bson.D{}
		for _, e := range d {
			v, named := find(fields, e.Key)
			switch {
			case named && truth(v), !named && !including, !named && e.Key == "_id":
				kept = append(kept, e)
			}
		}
		out = append(out, kept)
	}
	return out
}

func filtered(docs []bson.D, filter bson.D) ([]bson.D, *failure) {
	var kept []bson.D
	for _, d := range docs {
		ok, failed := matches(d, filter)
		if failed != nil {
			return nil, failed
		}
		if ok {
			kept = append(kept, d)
		}
	}
	return kept, nil
}

// matches knows equality, comparisons, $in, $exists, $and and $or.
func matches(d, filter bson.D) (bool, *failure) {
	for _, f := range filter {
		ok, failed := matchesField(d, f)
		if failed != nil || !ok {
			return false, failed
		}
	}
	return true, nil
}

func matchesField(d bson.D, f bson.E) (bool, *failure) {
	if f.Key == "$and" || f.Key == "$or" {
		parts, _ := f.Value.(bson.A)
		for _, p := range parts {
			inner, _ := p.(bson.D)
			ok, failed := matches(d, inner)
			if failed != nil || ok != (f.Key == "$and") {
				return ok, failed
			}
		}
		return f.Key == "$and", nil
	}
	if strings.HasPrefix(f.Key, "$") {
		return false, fail(codeBadValue, "unknown top level operator: %s", f.Key)
	}
	v, present := find(d, f.Key)
	operators, ok := f.Value.(bson.D)
	if !ok || len(operators) == 0 || !strings.HasPrefix(operators[0].Key, "$") {
		c, ok := compareValues(v, f.Value)
		return ok && c == 0, nil
	}
	for _, op := range operators {
		c, comparable := compareValues(v, op.Value)
		holds := false
		switch op.Key {
		case "$eq":
			holds = comparable && c == 0
		case "$ne":
			holds = !comparable || c != 0
		case "$gt":
			holds = present && comparable && c > 0
		case "$gte":
			holds = present && comparable && c >= 0
		case "$lt":
			holds = present && comparable && c < 0
		case "$lte":
			holds = present && comparable && c <= 0
		case "$exists":
			holds = present == truth(op.Value)
		case "$in":
			list, _ := op.Value.(bson.A)
			holds = slices.ContainsFunc(list, func(x any) bool { c, ok := compareValues(v, x); return ok && c == 0 })
		default:
			return false, fail(codeBadValue, "unknown operator: %s", op.Key)
		}
		if !holds {
			return false, nil
		}
	}
	return true, nil
}
