package mongodb

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// script is a server that answers replSetGetStatus with one document after the
// other, the last one for ever.
type script struct {
	answers []bson.D
	asked   int
}

func (s *script) run(context.Context, string, bson.D) (document, error) {
	answer := s.answers[min(s.asked, len(s.answers)-1)]
	s.asked++
	raw, err := bson.Marshal(answer)
	return document(raw), err
}

func (*script) accepted() bool { return true }
func (*script) close()         {}

// optime and answer are a status as a primary sends it.
func optime(p position) bson.D {
	return bson.D{{Key: "ts", Value: primitive.Timestamp{T: p.Seconds, I: p.Increment}}, {Key: "t", Value: p.Term}}
}

func answer(mine, theirs position) bson.D {
	return bson.D{{Key: "myState", Value: int32(1)}, {Key: "term", Value: int64(7)},
		{Key: "optimes", Value: bson.D{{Key: "appliedOpTime", Value: optime(mine)}, {Key: "lastCommittedOpTime", Value: optime(theirs)}}},
		{Key: "members", Value: bson.A{
			bson.D{{Key: "_id", Value: int32(0)}, {Key: "name", Value: restingHosts[0]}, {Key: "self", Value: true}, {Key: "state", Value: int32(1)}, {Key: "optime", Value: optime(mine)}},
			bson.D{{Key: "_id", Value: int32(1)}, {Key: "name", Value: restingHosts[1]}, {Key: "state", Value: int32(2)}, {Key: "health", Value: 1.0}, {Key: "optime", Value: optime(theirs)}},
		}}}
}

// TestConfirmIdleSet: read right after the entry that an idle primary writes every
// ten seconds, a member seems ten seconds behind. The primary is asked again, and
// only until it is not.
func TestConfirmIdleSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, entry := *at(10 * time.Second), *at(0)
		for name, c := range map[string]struct {
			answers []bson.D
			asked   int
		}{
			"caught up at once":     {[]bson.D{answer(entry, entry)}, 1},
			"caught up the second":  {[]bson.D{answer(entry, old), answer(entry, entry)}, 2},
			"does not catch up":     {[]bson.D{answer(entry, old)}, len(waits)},
			"nobody is behind":      {nil, 0},
			"the answer is nothing": {[]bson.D{{}}, len(waits)},
		} {
			r := setAtRest()
			first, err := bson.Marshal(answer(entry, old))
			if err != nil {
				t.Fatal(err)
			}
			r.a.status = decodeStatus(first)
			if c.answers == nil {
				r.a.status.Members[1].Applied, r.a.status.Committed = &entry, &entry
			}
			s := &script{answers: c.answers}
			connector := &Connector{spec: connectors.Spec{}}
			connector.confirm(t.Context(), []*session{{node: r.a, server: s}, {node: r.b, server: s}})
			if s.asked != c.asked {
				t.Errorf("%s: asked %d times, want %d", name, s.asked, c.asked)
			}
		}
	})
}

// TestIdleEntryIsNoLag: what is derived from two readings of an idle set.
func TestIdleEntryIsNoLag(t *testing.T) {
	t.Parallel()
	r := setAtRest()
	r.idleEntry(200 * time.Millisecond)
	if got := r.judge(t).number(t, "", exposureID); got != 0.2 {
		t.Errorf("the exposure is %v s, want the time between the two readings", got)
	}
	once := setAtRest()
	once.idleEntry(0)
	once.a.later = nil // nobody asked again: the difference stands, as an upper bound
	if got := once.judge(t).number(t, "", exposureID); got != 4 {
		t.Errorf("the exposure is %v s, want the age of the entry before", got)
	}
	if once.judge(t).Status != readiness.Green {
		t.Error("an idle set is not green")
	}
}
