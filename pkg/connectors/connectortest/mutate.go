package connectortest

import (
	"maps"
	"slices"
)

// Odd are values a server, or somebody in between, may send in place of others of
// their kind. Each list has nil: NULL may stand for any.
type Odd struct {
	Texts   []any
	Numbers []any
	Flags   []any // OddFlags when empty
}

// OddFlags are all there are.
func OddFlags() []any { return []any{nil, true, false} }

// Mutate changes a decoded JSON document as edits say, so that a fuzzer reaches
// documents that still decode. Each edit is three bytes: how far to walk before a
// value is changed, what to do with it, and with what.
func Mutate(document any, edits []byte, odd Odd) any {
	if len(odd.Flags) == 0 {
		odd.Flags = OddFlags()
	}
	for ; len(edits) >= 3; edits = edits[3:] {
		walk := walker{left: (int(edits[0])<<8 | int(edits[1])) % size(document), how: edits[1], with: edits[2], odd: odd}
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

type walker struct {
	left int
	how  byte
	with byte
	odd  Odd
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
		pool := w.odd.Texts
		switch v.(type) {
		case float64:
			pool = w.odd.Numbers
		case bool:
			pool = w.odd.Flags
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
