package mongodb

import (
	"maps"
	"slices"
)

// mutate changes a decoded JSON document as edits say, so that a fuzzer reaches
// documents that still decode. Each edit is three bytes: how far to walk before a
// value is changed, what to do with it, and with what.
func mutate(document any, edits []byte) any {
	for ; len(edits) >= 3; edits = edits[3:] {
		walk := walker{left: (int(edits[0])<<8 | int(edits[1])) % size(document), how: edits[1], with: edits[2]}
		document = walk.value(document)
	}
	return document
}

// size counts what a walk can stop at.
func size(v any) int {
	n := 1
	switch x := v.(type) {
	case map[string]any:
		for _, member := range x {
			n += size(member)
		}
	case []any:
		for _, item := range x {
			n += size(item)
		}
	}
	return n
}

// Values a server, or somebody in between, may send in place of another of their
// kind. NULL may stand for any.
var (
	oddTexts = []any{nil, "", "db-a:27017", "db-b:27017", "db-c:27017", "db-h:27017", "192.0.2.7:27017", "fra", "ams", "par", "catalog", "orders",
		recordedID, anotherID, "7.0.14", "4.4.29", "9.0.0", "8", "majority", "1", "implicit", "db-a-process", "db-b-process",
		"2026-03-14T09:26:49Z", "2026-03-14T09:26:53Z", "2026-03-14T09:27:53Z", "2026-03-14T09:20:00Z", "1970-01-01T00:00:00Z", "2036-01-01T00:00:00Z",
		"NODE_STARTING", "VIS_AUTH", "find", "replSetGetStatus"}
	oddNumbers = []any{nil, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, -1.0, 77.0, 5e9, 1e15, 10e9, 3600e9, 1773480000.0, 1773480413.0, 1773480500.0}
	oddFlags   = []any{nil, true, false}
)

type walker struct {
	left int
	how  byte
	with byte
}

func (w *walker) value(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if w.left == 0 {
			w.left--
			return w.object(x)
		}
		w.left--
		changed := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(x)) {
			changed[key] = w.value(x[key])
		}
		return changed
	case []any:
		if w.left == 0 {
			w.left--
			return w.list(x)
		}
		w.left--
		changed := []any{}
		for _, item := range x {
			changed = append(changed, w.value(item))
		}
		return changed
	default:
		w.left--
		if w.left != -1 {
			return v
		}
		pool := oddTexts
		switch v.(type) {
		case float64:
			pool = oddNumbers
		case bool:
			pool = oddFlags
		}
		return pool[int(w.with)%len(pool)]
	}
}

// object drops a member, or gives it the value of another.
func (w *walker) object(x map[string]any) any {
	keys := slices.Sorted(maps.Keys(x))
	if len(keys) == 0 {
		return x
	}
	changed := maps.Clone(x)
	key, other := keys[int(w.how)%len(keys)], keys[int(w.with)%len(keys)]
	if key == other {
		delete(changed, key)
	} else {
		changed[key] = x[other]
	}
	return changed
}

// list drops an item or repeats one.
func (w *walker) list(x []any) any {
	if len(x) == 0 {
		return x
	}
	i := int(w.with) % len(x)
	if w.how%2 == 0 {
		return slices.Delete(slices.Clone(x), i, i+1)
	}
	return append(slices.Clone(x), x[i])
}
