package ledger_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/ledger"
)

// What is settled is one attempt, and no other of the same run. Records of a ledger that
// did not tell attempts apart keep their names and what they say.
func TestOFF06AttemptsAreSettledEach(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	record := func(kind ledger.Kind, run string, attempt int) ledger.Record {
		at = at.Add(time.Minute)
		return ledger.Record{Kind: kind, Request: "r", Run: run, Attempt: attempt, Keys: []string{"resource/a"}, At: at}
	}
	all := []ledger.Record{
		record(ledger.Offline, "old", 0), record(ledger.Settled, "old", 0), record(ledger.Offline, "old", 2),
		record(ledger.Offline, "run", 1), record(ledger.Settled, "run", 1), record(ledger.Offline, "run", 2),
		record(ledger.Offline, "open", 0), record(ledger.Settled, "open", 1),
	}
	var read []ledger.Record
	for _, r := range all {
		name, data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ledger.Decode(name, data)
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, back)
	}
	slices.Reverse(read)
	for _, waiting := range [][]ledger.Record{ledger.Waiting(read), ledger.Unsettled(read, "resource/b", "resource/a")} {
		var names []string
		for _, r := range waiting {
			name, err := r.Name()
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		if want := []string{"offline/old/000002.json", "offline/run/000002.json", "offline/open.json"}; !slices.Equal(names, want) {
			t.Errorf("%v wait, want %v", names, want)
		}
	}
	if other := ledger.Unsettled(read, "resource/b"); len(other) != 0 {
		t.Errorf("%v wait on another key", other)
	}
}

// TestSI37Unprotected: what has moved a resource stays open until it is closed by name,
// whatever clocks say.
func TestSI37Unprotected(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC) }
	moved := func(kind ledger.Kind, request string, minute int, names ...string) ledger.Record {
		return ledger.Record{Kind: kind, Request: request, Run: request, Attempt: 1, Fence: 1, Moved: names, At: at(minute)}
	}
	closed := func(request string, minute int, closes []string, names ...string) ledger.Record {
		r := moved(ledger.Restored, request, minute, names...)
		r.Closes = closes
		return r
	}
	first, second := moved(ledger.Finished, "1", 9, "a", "b"), moved(ledger.Finished, "2", 5, "a")
	both := []string{"finished/1.json", "finished/2.json"}
	for _, c := range []struct {
		name    string
		records []ledger.Record
		want    map[string]string
	}{
		{"nothing has run", nil, map[string]string{}},
		{"a run that moved nothing", []ledger.Record{moved(ledger.Finished, "1", 1)}, map[string]string{}},
		{"one run", []ledger.Record{first}, map[string]string{"a": "1", "b": "1"}},
		{"two runs", []ledger.Record{first, second}, map[string]string{"a": "2 1", "b": "1"}},
		{"closed", []ledger.Record{first, closed("1", 10, both, "a", "b")}, map[string]string{}},
		{"closed by a clock that is late", []ledger.Record{first, closed("1", 0, both, "a", "b")}, map[string]string{}},
		{"one after it was closed, by a clock that is late", []ledger.Record{first, closed("1", 10, both[:1], "a", "b"), second}, map[string]string{"a": "2"}},
		{"closed in part", []ledger.Record{first, second, closed("2", 10, both, "a")}, map[string]string{"b": "1"}},
		{"its lock was broken", []ledger.Record{moved(ledger.Unlocked, "3", 1, "a")}, map[string]string{"a": "3"}},
		{"and went on to its end after that was closed", []ledger.Record{moved(ledger.Unlocked, "3", 1, "a"), closed("3", 2, []string{"unlocked/3/000001.json"}, "a"), moved(ledger.Finished, "3", 3, "a")}, map[string]string{"a": "3"}},
		{"without the forge, and ended otherwise there", []ledger.Record{moved(ledger.Finished, "1", 1), moved(ledger.Settled, "1", 2, "a")}, map[string]string{"a": "1"}},
	} {
		got := map[string]string{}
		for name, list := range ledger.Unprotected(c.records) {
			var requests []string
			for _, r := range list {
				requests = append(requests, r.Request)
			}
			got[name] = strings.Join(requests, " ")
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
