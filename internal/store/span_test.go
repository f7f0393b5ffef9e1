package store

import (
	"database/sql"
	"reflect"
	"testing"
)

// verdictSpan is one verdict, valid for so many milliseconds; 0 means never.
func verdictSpan(status string, at, valid int64) span {
	s := span{at: at, lastAt: at, verdicts: 1, status: status}
	if valid > 0 {
		s.validUntil, s.covered = sql.NullInt64{Int64: at + valid, Valid: true}, valid
	}
	return s
}

func merged(status string, at, last, end, covered, verdicts int64) span {
	s := span{at: at, lastAt: last, covered: covered, verdicts: verdicts, status: status}
	if end > 0 {
		s.validUntil = sql.NullInt64{Int64: end, Valid: true}
	}
	return s
}

func TestFold(t *testing.T) {
	type mayMerge = func(before, after span) bool
	for _, test := range []struct {
		name  string
		rule  mayMerge
		spans []span
		want  []span
	}{
		{"nothing", followsAtOnce, nil, nil},
		{
			"overlapping validity counts once", followsAtOnce,
			[]span{verdictSpan("green", 0, 60), verdictSpan("green", 30, 60)},
			[]span{merged("green", 0, 30, 90, 90, 2)},
		},
		{
			"the next begins as the last one ends", followsAtOnce,
			[]span{verdictSpan("green", 0, 60), verdictSpan("green", 60, 60)},
			[]span{merged("green", 0, 60, 120, 120, 2)},
		},
		{
			"a gap of a millisecond stays a gap", followsAtOnce,
			[]span{verdictSpan("green", 0, 60), verdictSpan("green", 61, 60)},
			[]span{verdictSpan("green", 0, 60), verdictSpan("green", 61, 60)},
		},
		{
			"a gap is a gap in red too", followsAtOnce,
			[]span{verdictSpan("red", 0, 60), verdictSpan("red", 61, 60)},
			[]span{verdictSpan("red", 0, 60), verdictSpan("red", 61, 60)},
		},
		{
			"what never was valid does not reach the next", followsAtOnce,
			[]span{verdictSpan("green", 0, 0), verdictSpan("green", 1, 0)},
			[]span{verdictSpan("green", 0, 0), verdictSpan("green", 1, 0)},
		},
		{
			"unknown within five minutes", followsAtOnce,
			[]span{verdictSpan("unknown", 0, 0), verdictSpan("unknown", slotMillis, 0), verdictSpan("unknown", 2*slotMillis+1, 0)},
			[]span{merged("unknown", 0, slotMillis, 0, 0, 2), verdictSpan("unknown", 2*slotMillis+1, 0)},
		},
		{
			"a shorter validity does not shorten the one before", followsAtOnce,
			[]span{verdictSpan("green", 0, 100), verdictSpan("green", 10, 20)},
			[]span{merged("green", 0, 10, 100, 100, 2)},
		},
		{
			"gaps are forgotten but not their length", sameVerdict,
			[]span{verdictSpan("green", 0, 60), verdictSpan("green", 1000, 60)},
			[]span{merged("green", 0, 1000, 1060, 120, 2)},
		},
		{
			"a change is never forgotten", sameVerdict,
			[]span{verdictSpan("green", 0, 60), verdictSpan("red", 10, 60), verdictSpan("green", 20, 60)},
			[]span{verdictSpan("green", 0, 60), verdictSpan("red", 10, 60), verdictSpan("green", 20, 60)},
		},
		{
			"another code is a change", sameVerdict,
			[]span{verdictSpan("red", 0, 60), {at: 10, lastAt: 10, verdicts: 1, status: "red", code: sql.NullString{String: "LAG_OVER_RPO", Valid: true}}},
			[]span{verdictSpan("red", 0, 60), {at: 10, lastAt: 10, verdicts: 1, status: "red", code: sql.NullString{String: "LAG_OVER_RPO", Valid: true}}},
		},
		{
			"the same verdict twice is one", never,
			[]span{verdictSpan("green", 0, 60), verdictSpan("green", 0, 60)},
			[]span{verdictSpan("green", 0, 60)},
		},
		{
			"of two at once the worse is kept", never,
			[]span{verdictSpan("green", 0, 60), verdictSpan("red", 0, 60), verdictSpan("unknown", 0, 60)},
			[]span{verdictSpan("red", 0, 60)},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := fold(test.spans, test.rule); !reflect.DeepEqual(got, test.want) {
				t.Errorf("fold:\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}
