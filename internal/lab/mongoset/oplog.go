package mongoset

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// entry is one operation of an oplog. Entries are never changed once written, so
// that members share them.
type entry struct {
	at   opTime
	wall time.Time
	op   string // n, i, u, d
	ns   string
	o    bson.D
	o2   bson.D
}

// document is the entry as local.oplog.rs shows it.
func (e *entry) document() bson.D {
	d := bson.D{{Key: "op", Value: e.op}, {Key: "ns", Value: e.ns}, {Key: "o", Value: e.o}}
	if e.o2 != nil {
		d = append(d, bson.E{Key: "o2", Value: e.o2})
	}
	return append(d,
		bson.E{Key: "ts", Value: e.at.ts}, bson.E{Key: "t", Value: e.at.term},
		bson.E{Key: "v", Value: int64(2)}, bson.E{Key: "wall", Value: date(e.wall)})
}

// message is what a no-op carries.
func message(text string) bson.D { return bson.D{{Key: "msg", Value: text}} }

// keptEntries bounds the memory of an oplog; older entries fall out from behind
// the first one.
const keptEntries = 2048

// oplog is one member's capped collection of operations. Its first entry stands
// for everything older than what is kept in memory: a full oplog loses as much at
// its beginning as it gains at its end, so its window stays the same.
type oplog struct {
	entries []*entry
	window  time.Duration
}

func (l *oplog) last() *entry {
	if len(l.entries) == 0 {
		return nil
	}
	return l.entries[len(l.entries)-1]
}

func (l *oplog) position() opTime {
	if e := l.last(); e != nil {
		return e.at
	}
	return noOpTime
}

func (l *oplog) append(e *entry) {
	l.entries = append(l.entries, e)
	if len(l.entries) > keptEntries {
		l.entries = slices.Delete(l.entries, 0, keptEntries/4)
	}
}

// list returns the entries as they are at a time, the oldest first.
func (l *oplog) list() []*entry {
	last := l.last()
	if last == nil {
		return nil
	}
	begin := last.wall.Add(-l.window)
	i := slices.IndexFunc(l.entries, func(e *entry) bool { return e.wall.After(begin) })
	if i < 0 {
		i = len(l.entries) - 1
	}
	if first := l.entries[0]; first.wall.After(begin) {
		// What came before was written every ten seconds, as on an idle set.
		begin = begin.Truncate(noopInterval)
		before := &entry{
			at:   opTime{ts: primitive.Timestamp{T: uint32(begin.Unix()), I: 1}, term: first.at.term},
			wall: begin, op: "n", o: bson.D{{Key: "msg", Value: "periodic noop"}},
		}
		return append([]*entry{before}, l.entries...)
	}
	return l.entries[i:]
}

// first is the position at which the oplog begins.
func (l *oplog) first() opTime {
	if all := l.list(); len(all) > 0 {
		return all[0].at
	}
	return noOpTime
}

// has tells whether the history goes through a position.
func (l *oplog) has(at opTime) bool {
	if len(l.entries) == 0 || at.before(l.first()) {
		return false
	}
	if at.before(l.entries[0].at) {
		return true // of what is not kept in memory
	}
	return slices.ContainsFunc(l.entries, func(e *entry) bool { return e.at == at })
}

// after returns the entries behind a position.
func (l *oplog) after(at opTime) []*entry {
	i, _ := slices.BinarySearchFunc(l.entries, at, func(e *entry, at opTime) int {
		if e.at.compare(at) <= 0 {
			return -1
		}
		return 1
	})
	return l.entries[i:]
}

// cut removes everything behind a position.
func (l *oplog) cut(at opTime) {
	l.entries = slices.Clip(l.entries[:len(l.entries)-len(l.after(at))])
}

// wallOf is the time at which a position was written; zero when it is not kept.
func (l *oplog) wallOf(at opTime) time.Time {
	for _, e := range slices.Backward(l.entries) {
		if e.at == at {
			return e.wall
		}
	}
	return time.Time{}
}
