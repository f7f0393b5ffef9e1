package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Where a part of a memory is kept. A run's verdict is usually the memory's last
// one as well, and what was last known to be good usually is that verdict or
// stands inside it: all are stored once.
const (
	nowhere    = 0 // there is none
	ownColumn  = 1
	inLatest   = 2 // the last verdict is the one in table latest
	inVerdict  = 2 // the known good stands inside the last verdict
	theVerdict = 3 // the known good is what the last verdict saw
)

// document is what is stored about one target as JSON.
type document struct {
	target string
	result []byte // nil when the run has no verdict on the target
	memory *memoryRow
}

// memoryRow is a check.Memory encoded.
type memoryRow struct {
	savedAt      int64
	episodes     []byte
	observations []byte
	lastIn       int
	last         []byte
	knownGoodIn  int
	knownGood    []byte
}

// encode makes the documents of a record. It is done before the file is locked,
// because it is half of the work of saving.
func encode(rec record, memories map[string]check.Memory) ([]document, error) {
	docs := make([]document, 0, max(len(rec.verdicts), len(memories)))
	results := make([]*readiness.Result, 0, cap(docs))
	known := make(map[string]bool, len(rec.verdicts))
	for _, v := range rec.verdicts {
		known[v.result.Name] = true
		docs = append(docs, document{target: v.result.Name})
		results = append(results, v.result)
	}
	for name := range memories {
		if !known[name] {
			docs = append(docs, document{target: name})
			results = append(results, nil)
		}
	}
	err := inParallel(len(docs), func(i int) error {
		d := &docs[i]
		if err := d.encode(results[i], memories, rec.report.FinishedAt.UnixMilli()); err != nil {
			return fmt.Errorf("encode %q: %w", d.target, err)
		}
		return nil
	})
	return docs, err
}

func (d *document) encode(result *readiness.Result, memories map[string]check.Memory, finished int64) (err error) {
	if result != nil {
		if d.result, err = json.Marshal(result); err != nil {
			return err
		}
	}
	m, ok := memories[d.target]
	if !ok {
		return nil
	}
	row := &memoryRow{savedAt: finished, episodes: m.Episodes}
	if !m.SavedAt.IsZero() {
		row.savedAt = m.SavedAt.UnixMilli()
	}
	if len(m.Observations) > 0 {
		if row.observations, err = json.Marshal(m.Observations); err != nil {
			return err
		}
	}
	switch {
	case m.Last == nil:
		row.lastIn = nowhere
	case result != nil && reflect.DeepEqual(*m.Last, *result):
		row.lastIn = inLatest
	default:
		row.lastIn = ownColumn
		if row.last, err = json.Marshal(m.Last); err != nil {
			return err
		}
	}
	switch {
	case m.LastKnownGood == nil:
		row.knownGoodIn = nowhere
	case m.Last != nil && reflect.DeepEqual(m.LastKnownGood, m.Last.LastKnownGood):
		row.knownGoodIn = inVerdict
	case m.Last != nil && reflect.DeepEqual(*m.LastKnownGood, seenBy(m.Last)):
		row.knownGoodIn = theVerdict
	default:
		row.knownGoodIn = ownColumn
		if row.knownGood, err = json.Marshal(m.LastKnownGood); err != nil {
			return err
		}
	}
	d.memory = row
	return nil
}

// decode is the reverse of encode. The column last holds the last verdict
// wherever it is kept.
func (row *memoryRow) decode() (check.Memory, error) {
	m := check.Memory{Episodes: row.episodes, SavedAt: at(row.savedAt)}
	if row.observations != nil {
		if err := json.Unmarshal(row.observations, &m.Observations); err != nil {
			return m, err
		}
	}
	if row.lastIn != nowhere {
		if err := json.Unmarshal(row.last, &m.Last); err != nil {
			return m, err
		}
	}
	switch row.knownGoodIn {
	case ownColumn:
		if err := json.Unmarshal(row.knownGood, &m.LastKnownGood); err != nil {
			return m, err
		}
	case inVerdict, theVerdict:
		if m.Last == nil {
			break
		}
		m.LastKnownGood = m.Last.LastKnownGood
		if row.knownGoodIn == theVerdict {
			seen := seenBy(m.Last)
			m.LastKnownGood = &seen
		}
	}
	return m, nil
}

// seenBy is a verdict's evidence in the form of a last known good.
func seenBy(r *readiness.Result) readiness.LastKnownGood {
	return readiness.LastKnownGood{ObservedAt: r.ObservedAt, Indicators: r.Indicators}
}

// inParallel calls fn for 0 to n-1 on all processors and returns every error.
func inParallel(n int, fn func(i int) error) error {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		errs  = make([]error, n)
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = fn(i)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
