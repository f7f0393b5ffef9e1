package mongoset

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// fromFilter is the document an upsert begins with: what the filter says to be
// equal.
func fromFilter(filter bson.D) bson.D {
	d := bson.D{}
	for _, f := range filter {
		if _, operators := f.Value.(bson.D); !operators && !strings.HasPrefix(f.Key, "$") {
			d = append(d, f)
		}
	}
	return d
}

// changed is a document after an update: operators, or another document.
func changed(doc, change bson.D, now time.Time, inserting bool) (bson.D, *failure) {
	if len(change) == 0 || !strings.HasPrefix(change[0].Key, "$") {
		next := bson.D{}
		if id, has := find(doc, "_id"); has {
			next = append(next, bson.E{Key: "_id", Value: id})
		}
		for _, e := range change {
			next = with(next, e.Key, e.Value)
		}
		return next, nil
	}
	for _, op := range change {
		fields, _ := op.Value.(bson.D)
		for _, f := range fields {
			switch op.Key {
			case "$set":
				doc = with(doc, f.Key, f.Value)
			case "$setOnInsert":
				if inserting {
					doc = with(doc, f.Key, f.Value)
				}
			case "$inc":
				doc = with(doc, f.Key, increased(lookup(doc, f.Key), f.Value))
			case "$currentDate":
				kind, _ := lookup(bson.D{f}, f.Key+".$type").(string)
				if kind == "timestamp" {
					doc = with(doc, f.Key, primitive.Timestamp{T: uint32(now.Unix()), I: 1})
				} else {
					doc = with(doc, f.Key, date(now))
				}
			case "$unset":
				doc = without(doc, f.Key)
			default:
				return nil, fail(codeFailedToParse, "Unknown modifier: %s", op.Key)
			}
		}
	}
	return doc, nil
}

func without(d bson.D, key string) bson.D {
	out := bson.D{}
	for _, e := range d {
		if e.Key != key {
			out = append(out, e)
		}
	}
	return out
}

// increased adds as the product does: the wider of the two types.
func increased(old, by any) any {
	a, okA := number(old)
	b, okB := number(by)
	if !okA {
		return by
	}
	if !okB {
		return old
	}
	_, float := by.(float64)
	_, floatOld := old.(float64)
	if float || floatOld {
		return a + b
	}
	x, y := integer(old), integer(by)
	if _, wide := old.(int64); wide {
		return x + y
	}
	if _, wide := by.(int64); wide {
		return x + y
	}
	return int32(x + y)
}

func integer(v any) int64 {
	switch n := v.(type) {
	case int32:
		return int64(n)
	case int64:
		return n
	}
	return 0
}
