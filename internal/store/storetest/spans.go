package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// verdicts saves runs about one target, each valid for a minute.
func verdicts(t *testing.T, s Store, status readiness.Status, times ...time.Time) {
	t.Helper()
	for _, at := range times {
		r := result("pg/ledger", status, at)
		if status == readiness.Red {
			r.Reasons = []readiness.Reason{{Code: readiness.LagOverRPO, Status: readiness.Red}}
		}
		if status == readiness.Unknown {
			r.ValidUntil = time.Time{}
		}
		save(t, s, report(fmt.Sprintf("%s-%d", status, at.UnixMilli()), at, r), nil)
	}
}

func testSpans(t *testing.T, open Open) {
	s := open(store.Options{})
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	verdicts(t, s, readiness.Green, at(0), at(30), at(90)) // each begins before the last one ends, or as it ends
	verdicts(t, s, readiness.Red, at(120), at(150))
	verdicts(t, s, readiness.Green, at(180))
	verdicts(t, s, readiness.Green, at(241)) // one second that nobody knows about
	want := []store.StatusSample{
		{At: at(0), Last: at(90), ValidUntil: at(150), Covered: 150 * time.Second, Verdicts: 3, Status: readiness.Green},
		{At: at(120), Last: at(150), ValidUntil: at(210), Covered: 90 * time.Second, Verdicts: 2, Status: readiness.Red, Code: readiness.LagOverRPO},
		{At: at(180), Last: at(180), ValidUntil: at(240), Covered: time.Minute, Verdicts: 1, Status: readiness.Green},
		{At: at(241), Last: at(241), ValidUntil: at(301), Covered: time.Minute, Verdicts: 1, Status: readiness.Green},
	}
	prune(t, s, start.Add(3*day))
	equal(t, "statuses", statuses(t, s, "pg/ledger"), want)

	// What is condensed later goes on where the earlier stopped.
	verdicts(t, s, readiness.Green, at(260))
	prune(t, s, start.Add(3*day))
	want[3] = store.StatusSample{At: at(241), Last: at(260), ValidUntil: at(320), Covered: 79 * time.Second, Verdicts: 2, Status: readiness.Green}
	equal(t, "statuses after one more", statuses(t, s, "pg/ledger"), want)

	// A verdict saved late is put beside what is there.
	verdicts(t, s, readiness.Red, at(40))
	prune(t, s, start.Add(3*day))
	late := store.StatusSample{At: at(40), Last: at(40), ValidUntil: at(100), Covered: time.Minute, Verdicts: 1, Status: readiness.Red, Code: readiness.LagOverRPO}
	equal(t, "statuses with a late one", statuses(t, s, "pg/ledger"), append([]store.StatusSample{want[0], late}, want[1:]...))

	// The same verdict again, which a merged one begins with, takes nothing away.
	again := result("pg/ledger", readiness.Red, at(120))
	again.Reasons = []readiness.Reason{{Code: readiness.LagOverRPO, Status: readiness.Red}}
	save(t, s, report("again", at(120), again), nil)
	prune(t, s, start.Add(3*day))
	equal(t, "statuses with one again", statuses(t, s, "pg/ledger"), append([]store.StatusSample{want[0], late}, want[1:]...))

	found, err := s.Statuses(t.Context(), "pg/ledger", at(140), at(179))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a window inside a merged one", found, want[1:2])
}

func testUnknownSpans(t *testing.T, open Open) {
	s := open(store.Options{})
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	verdicts(t, s, readiness.Unknown, at(0), at(5), at(10), at(16))
	prune(t, s, start.Add(3*day))
	equal(t, "statuses", statuses(t, s, "pg/ledger"), []store.StatusSample{
		{At: at(0), Last: at(10), Verdicts: 3, Status: readiness.Unknown},
		{At: at(16), Last: at(16), Verdicts: 1, Status: readiness.Unknown},
	})
}

func testThinned(t *testing.T, open Open) {
	s := open(store.Options{})
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * hour) }
	verdicts(t, s, readiness.Green, at(0), at(1), at(2))
	verdicts(t, s, readiness.Red, at(3))
	verdicts(t, s, readiness.Green, at(4), at(5))
	prune(t, s, start.Add(34*day))
	if n := len(statuses(t, s, "pg/ledger")); n != 6 {
		t.Errorf("%d statuses while gaps are kept, want 6", n)
	}
	want := []store.StatusSample{
		{At: at(0), Last: at(2), ValidUntil: at(2).Add(time.Minute), Covered: 3 * time.Minute, Verdicts: 3, Status: readiness.Green},
		{At: at(3), Last: at(3), ValidUntil: at(3).Add(time.Minute), Covered: time.Minute, Verdicts: 1, Status: readiness.Red, Code: readiness.LagOverRPO},
		{At: at(4), Last: at(5), ValidUntil: at(5).Add(time.Minute), Covered: 2 * time.Minute, Verdicts: 2, Status: readiness.Green},
	}
	// In two steps it comes to the same as in one.
	prune(t, s, start.Add(35*day+90*time.Minute))
	prune(t, s, start.Add(36*day))
	equal(t, "statuses", statuses(t, s, "pg/ledger"), want)
	prune(t, s, start.Add(37*day))
	equal(t, "statuses pruned again", statuses(t, s, "pg/ledger"), want)
}
