package mongoset

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// Who may be read: a primary, a secondary that was asked for, the oplog of
// anybody, and nothing of a member that is neither.
func TestMayRead(t *testing.T) {
	t.Parallel()
	preferred := bson.E{Key: "$readPreference", Value: bson.D{{Key: "mode", Value: "primaryPreferred"}}}
	primary := bson.E{Key: "$readPreference", Value: bson.D{{Key: "mode", Value: "primary"}}}
	for _, test := range []struct {
		state memberState
		db    string
		more  bson.D
		code  int32
	}{
		{statePrimary, "app", nil, 0},
		{stateSecondary, "app", bson.D{preferred}, 0},
		{stateSecondary, "app", bson.D{primary}, codeNotPrimaryNoSecondary},
		{stateSecondary, "app", nil, codeNotPrimaryNoSecondary},
		{stateSecondary, "local", nil, 0},
		{stateRecovering, "app", bson.D{preferred}, codeNotPrimaryOrSecondary},
		{stateRollback, "app", bson.D{preferred}, codeNotPrimaryOrSecondary},
		{stateStartup2, "local", nil, 0},
	} {
		c := &call{server: &server{node: &node{state: test.state}}, db: test.db, body: append(bson.D{{Key: "find", Value: "c"}}, test.more...)}
		failed := c.mayRead()
		if code := codeOf(failed); code != test.code {
			t.Errorf("%s, %s, %v: code %d, want %d", test.state, test.db, test.more, code, test.code)
		}
	}
}

func codeOf(f *failure) int32 {
	if f == nil {
		return 0
	}
	return f.code
}

// Updates as a heartbeat makes them, and what of the query goes into a document
// that was not there.
func TestUpdates(t *testing.T) {
	t.Parallel()
	now := world(t).now
	first, failed := changed(fromFilter(bson.D{{Key: "_id", Value: "x"}, {Key: "seq", Value: bson.D{{Key: "$lt", Value: 5}}}}), bson.D{
		{Key: "$inc", Value: bson.D{{Key: "seq", Value: int64(1)}}}, {Key: "$setOnInsert", Value: bson.D{{Key: "born", Value: "now"}}},
		{Key: "$currentDate", Value: bson.D{{Key: "at", Value: true}}},
	}, now, true)
	if failed != nil || lookup(first, "_id") != "x" || lookup(first, "seq") != int64(1) || lookup(first, "born") != "now" || lookup(first, "at") != date(now) {
		t.Errorf("%v, %+v", first, failed)
	}
	second, failed := changed(first, bson.D{{Key: "$inc", Value: bson.D{{Key: "seq", Value: int32(1)}}}, {Key: "$unset", Value: bson.D{{Key: "born", Value: ""}}}}, now, false)
	if failed != nil || lookup(second, "seq") != int64(2) || lookup(second, "born") != nil {
		t.Errorf("%v, %+v", second, failed)
	}
	if _, failed := changed(second, bson.D{{Key: "$rename", Value: bson.D{{Key: "a", Value: "b"}}}}, now, false); codeOf(failed) != codeFailedToParse {
		t.Errorf("an operator nobody knows: %+v", failed)
	}
	third, failed := changed(second, bson.D{{Key: "whole", Value: 1}}, now, false)
	if failed != nil || lookup(third, "_id") != "x" || lookup(third, "seq") != nil {
		t.Errorf("a replacement: %v, %+v", third, failed)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	docs := []bson.D{{{Key: "_id", Value: int32(1)}, {Key: "a", Value: bson.D{{Key: "b", Value: 2.0}}}}, {{Key: "_id", Value: int32(2)}}, {{Key: "_id", Value: int32(3)}, {Key: "s", Value: "x"}}}
	for _, test := range []struct {
		filter bson.D
		want   int
	}{
		{bson.D{}, 3},
		{bson.D{{Key: "_id", Value: int64(2)}}, 1},
		{bson.D{{Key: "a.b", Value: bson.D{{Key: "$gte", Value: int32(2)}}}}, 1},
		{bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: 1}, {Key: "$lt", Value: 3}}}}, 1},
		{bson.D{{Key: "s", Value: bson.D{{Key: "$exists", Value: false}}}}, 2},
		{bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "s", Value: "x"}}}}}, 2},
		{bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{int32(1), int32(9)}}}}}, 1},
		{bson.D{{Key: "_id", Value: "2"}}, 0},
	} {
		got, failed := filtered(docs, overTheWire(t, test.filter))
		if failed != nil || len(got) != test.want {
			t.Errorf("%v: %d documents, want %d, %+v", test.filter, len(got), test.want, failed)
		}
	}
	if _, failed := filtered(docs, bson.D{{Key: "$where", Value: "1"}}); codeOf(failed) != codeBadValue {
		t.Error("an operator nobody knows is no error")
	}
}

// overTheWire is a document as a server gets it, where Go's int is none of the
// types.
func overTheWire(t *testing.T, d bson.D) bson.D {
	t.Helper()
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	out := bson.D{}
	if err := bson.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
