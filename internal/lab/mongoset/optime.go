package mongoset

import (
	"cmp"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// opTime is a position in the history of a set. Positions are ordered by term
// first: a larger timestamp of an older term is behind, not ahead.
type opTime struct {
	ts   primitive.Timestamp
	term int64
}

// noOpTime is how a server says that it has no position, or knows none.
var noOpTime = opTime{term: -1}

func (o opTime) compare(p opTime) int {
	if c := cmp.Compare(o.term, p.term); c != 0 {
		return c
	}
	return o.ts.Compare(p.ts)
}

func (o opTime) before(p opTime) bool { return o.compare(p) < 0 }

func (o opTime) null() bool { return o.ts.IsZero() }

// second is the time of the position in whole seconds; 1970 for none, as servers
// answer it.
func (o opTime) second() time.Time { return time.Unix(int64(o.ts.T), 0).UTC() }

func (o opTime) document() bson.D {
	return bson.D{{Key: "ts", Value: o.ts}, {Key: "t", Value: o.term}}
}

func later(a, b opTime) opTime {
	if a.before(b) {
		return b
	}
	return a
}

// date is a time as BSON has it, in milliseconds. The zero time is 1970, which is
// what the server's zero date is.
func date(t time.Time) primitive.DateTime {
	if t.IsZero() {
		return 0
	}
	return primitive.NewDateTimeFromTime(t)
}
