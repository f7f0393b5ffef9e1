package store

import (
	"cmp"
	"slices"
)

// bucket is what is left of the readings of one series in one slot.
type bucket struct {
	slot, series    int64
	after           int64 // when the last was read, in milliseconds from the slot's start
	last, low, high float64
	count           int64
}

// reading is one number of one series.
type reading struct {
	series, at int64
	value      float64
}

// condense puts readings, in any order, into buckets, in the order of the table's
// key.
func condense(readings []reading) []bucket {
	type place struct{ slot, series int64 }
	position := make(map[place]int)
	var buckets []bucket
	for _, r := range readings {
		p := place{r.at / slotMillis, r.series}
		i, ok := position[p]
		if !ok {
			position[p] = len(buckets)
			buckets = append(buckets, bucket{
				slot: p.slot, series: p.series, after: r.at % slotMillis,
				last: r.value, low: r.value, high: r.value, count: 1,
			})
			continue
		}
		b := &buckets[i]
		b.low, b.high = min(b.low, r.value), max(b.high, r.value)
		if after := r.at % slotMillis; after >= b.after {
			b.after, b.last = after, r.value
		}
		b.count++
	}
	slices.SortFunc(buckets, func(a, b bucket) int {
		return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.series, b.series))
	})
	return buckets
}
