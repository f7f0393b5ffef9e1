package mongoset

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// lookup returns the value of a key; nil when there is none. Dots lead into
// documents.
func lookup(d bson.D, path string) any {
	v, _ := find(d, path)
	return v
}

func find(d bson.D, path string) (any, bool) {
	key, rest, nested := strings.Cut(path, ".")
	for _, e := range d {
		if e.Key != key {
			continue
		}
		if !nested {
			return e.Value, true
		}
		if inner, ok := e.Value.(bson.D); ok {
			return find(inner, rest)
		}
		return nil, false
	}
	return nil, false
}

// with returns the document with a key set, at its old place if it had one.
func with(d bson.D, key string, value any) bson.D {
	out := append(bson.D{}, d...)
	for i := range out {
		if out[i].Key == key {
			out[i].Value = value
			return out
		}
	}
	return append(out, bson.E{Key: key, Value: value})
}

// number reads any of BSON's numbers, and booleans as MongoDB does where it wants
// a flag.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func truth(v any) bool {
	if b, ok := v.(bool); ok {
		return b
	}
	n, ok := number(v)
	return ok && n != 0
}

// compareValues orders two values of one type; ok is false for types that have no
// order here.
func compareValues(a, b any) (order int, ok bool) {
	if x, isNumber := number(a); isNumber {
		y, isNumber := number(b)
		return cmp.Compare(x, y), isNumber
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return cmp.Compare(x, y), ok
	case bool:
		y, ok := b.(bool)
		if x == y {
			return 0, ok
		}
		if x {
			return 1, ok
		}
		return -1, ok
	case primitive.Timestamp:
		y, ok := b.(primitive.Timestamp)
		return x.Compare(y), ok
	case primitive.DateTime:
		y, ok := b.(primitive.DateTime)
		return cmp.Compare(x, y), ok
	case primitive.ObjectID:
		y, ok := b.(primitive.ObjectID)
		return bytes.Compare(x[:], y[:]), ok
	case nil:
		return 0, b == nil
	case primitive.Null:
		return 0, b == nil || b == primitive.Null{}
	}
	// Documents, arrays, binary data: equal or not, by their bytes.
	p, errA := bson.Marshal(bson.D{{Key: "v", Value: a}})
	q, errB := bson.Marshal(bson.D{{Key: "v", Value: b}})
	return bytes.Compare(p, q), errA == nil && errB == nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// samePort tells whether two addresses on this machine are one: by whatever name
// its loopback goes, the port decides.
func samePort(a, b string) bool {
	return a[strings.LastIndexByte(a, ':')+1:] == b[strings.LastIndexByte(b, ':')+1:]
}
