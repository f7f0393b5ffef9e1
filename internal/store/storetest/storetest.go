// Package storetest checks that a backend keeps history as bcctl needs it. Every
// backend runs the same suite, so that what holds for one holds for all.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/store"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// Store is what a backend offers.
type Store interface {
	check.Store

	Latest(ctx context.Context, targets ...string) ([]store.Judgement, error)
	Runs(ctx context.Context, q store.Query) ([]store.RunInfo, error)
	SeriesOf(ctx context.Context, target string) ([]store.SeriesInfo, error)
	Series(ctx context.Context, target, endpoint string, indicator readiness.ID, since, until time.Time) ([]store.Sample, error)
	Statuses(ctx context.Context, target string, since, until time.Time) ([]store.StatusSample, error)
	Transitions(ctx context.Context, target string, since time.Time) ([]check.Transition, error)
	Prune(ctx context.Context, now time.Time) error
	Close() error
}

// Open opens one storage; every call gives another view of the same. The suite
// does not close what it opened.
type Open func(o store.Options) Store

// Run checks a backend. Each call of fresh makes a new empty storage, which is
// gone when its test ends.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	suites := []struct {
		name  string
		tests map[string]func(t *testing.T, open Open)
	}{
		{"memory", memoryTests()},
		{"runs", runTests()},
		{"verdicts", verdictTests()},
		{"series", seriesTests()},
		{"replay", replayTests()},
		{"retention", retentionTests()},
		{"together", togetherTests()},
	}
	for _, suite := range suites {
		t.Run(suite.name, func(t *testing.T) {
			for name, test := range suite.tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, fresh(t))
				})
			}
		})
	}
}
