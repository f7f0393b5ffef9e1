package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
)

func togetherTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"many save at once":                testManySavers,
		"readers never see half of a run":  testReadersSeeWholeRuns,
		"two stores learn the same series": testTwoDictionaries,
	}
}

func testManySavers(t *testing.T, open Open) {
	const savers, each = 4, 10
	var group sync.WaitGroup
	for saver := range savers {
		s := open(store.Options{})
		group.Go(func() {
			for i := range each {
				at := start.Add(time.Duration(i*savers+saver) * time.Second)
				r := lagRun("pg/ledger", at, float64(i))
				r.RunID = fmt.Sprintf("%d-%d", saver, i)
				if err := s.Save(t.Context(), r, map[string]check.Memory{"pg/ledger": {}}); err != nil {
					t.Errorf("saver %d, run %d: %v", saver, i, err)
				}
			}
		})
	}
	group.Wait()
	s := open(store.Options{})
	if n := len(runs(t, s, store.Query{})); n != savers*each {
		t.Errorf("%d runs, want %d", n, savers*each)
	}
	if n := len(series(t, s, "pg/ledger")); n != savers*each {
		t.Errorf("%d samples, want %d", n, savers*each)
	}
	last := start.Add((savers*each - 1) * time.Second)
	if m := load(t, s, "pg/ledger")["pg/ledger"]; !m.SavedAt.Equal(last) {
		t.Errorf("the memory is of %s, want %s: that of the run that finished last", m.SavedAt, last)
	}
}

func testReadersSeeWholeRuns(t *testing.T, open Open) {
	writer, reader := open(store.Options{}), open(store.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 40 {
			at := start.Add(time.Duration(i) * time.Hour)
			episodes, _ := json.Marshal(i) // a number always has a JSON form
			err := writer.Save(t.Context(), lagRun("pg/ledger", at, float64(i)), map[string]check.Memory{"pg/ledger": {Episodes: episodes, SavedAt: at}})
			if err != nil {
				t.Errorf("Save: %v", err)
			}
			if err := writer.Prune(t.Context(), start.Add(2*day+time.Duration(i)*time.Hour)); err != nil {
				t.Errorf("Prune: %v", err)
			}
		}
	}()
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true
		default:
		}
		// Pruning moves samples from one kind to another while this reads.
		for i, p := range series(t, reader, "pg/ledger") {
			if p.Last != float64(i) || p.Count != 1 {
				t.Fatalf("sample %d is %v and stands for %d readings", i, p.Last, p.Count)
			}
		}
		m := load(t, reader, "pg/ledger")["pg/ledger"]
		if m.Episodes == nil {
			continue
		}
		var n int
		if err := json.Unmarshal(m.Episodes, &n); err != nil || !m.SavedAt.Equal(start.Add(time.Duration(n)*time.Hour)) {
			t.Fatalf("memory %s was saved at %s (%v)", m.Episodes, m.SavedAt, err)
		}
	}
	if n := len(series(t, reader, "pg/ledger")); n != 40 {
		t.Errorf("%d samples, want 40", n)
	}
}

func testTwoDictionaries(t *testing.T, open Open) {
	a, b := open(store.Options{}), open(store.Options{})
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	// Each store learns of a series that the other has added since it looked.
	save(t, a, report("0", at(0)), map[string]check.Memory{"pg/ledger": {}})
	save(t, b, report("1", at(1)), map[string]check.Memory{"pg/ledger": {}})
	save(t, a, lagRun("pg/ledger", at(2), 2), nil)
	save(t, b, lagRun("pg/ledger", at(3), 3), nil)
	save(t, a, lagRun("pg/ledger", at(4), 4), nil)
	equal(t, "series", series(t, a, "pg/ledger"), []store.Sample{single(at(2), 2), single(at(3), 3), single(at(4), 4)})
}
