package failover

import (
	"maps"
	"slices"
)

// mutate changes a decoded JSON document as edits say, so that a fuzzer reaches
// documents that still decode. Each edit is three bytes: how far to walk before a
// value is changed, what to do with it, and with what.
func mutate(document any, edits []byte) any {
	for ; len(edits) >= 3; edits = edits[3:] {
		walk := walker{left: int(edits[0]) % size(document), how: edits[1], with: edits[2]}
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
	oddTexts = []any{nil, "", "FG", "OTHER", "FAILOVER", "REPLICATION", "ACME.PROD_FRA.FG", "ACME.PROD_AMS.FG", "ACME.PROD_PAR.FG", "PROD_FRA", "PROD_AMS", "ACME",
		"STARTED", "SUSPENDED", "10 MINUTE", "20000 MINUTE", "120 MINUTE", "USING CRON */10 * * * * UTC", "USING CRON 0 0 30 FEB * UTC", "often",
		"COMPLETED", "FAILED", "CANCELED", "SECONDARY_DOWNLOADING_DATA", "AB10001", "AB10002", "fra", "ams",
		"0001-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-14T07:26:53Z", "2026-03-14T09:20:53Z", "2026-03-14T09:26:53Z", "2026-03-14T09:30:00Z", "2036-01-01T00:00:00Z"}
	oddNumbers = []any{nil, 0.0, 1.0, -1.0, 3e7, 1e9, 1e12, 9e18, -9e18}
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
