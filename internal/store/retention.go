package store

import "time"

// Retention is how long history is kept, by age. A field that is zero has its
// default. Nothing younger than a day is condensed or removed, and no field is
// effective below the one before it.
type Retention struct {
	Raw     time.Duration // every sample and verdict as it was; default 48 h
	Buckets time.Duration // samples by five minutes, verdicts with their gaps; default 35 days
	Changes time.Duration // changes of status, transitions and runs; default 400 days
}

const (
	day          = 24 * time.Hour
	minRetention = day

	defaultRaw     = 2 * day
	defaultBuckets = 35 * day
	defaultChanges = 400 * day
)

// effective applies defaults and lower limits.
func (r Retention) effective() Retention {
	raw := max(orDefault(r.Raw, defaultRaw), minRetention)
	buckets := max(orDefault(r.Buckets, defaultBuckets), raw)
	changes := max(orDefault(r.Changes, defaultChanges), buckets)
	return Retention{Raw: raw, Buckets: buckets, Changes: changes}
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}
