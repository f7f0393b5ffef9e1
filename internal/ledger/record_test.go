package ledger_test

import (
	"slices"
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
