package check

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Store keeps history and state between runs. Losing it loses history, never
// the truth: a verdict needs fresh observations, whatever the store says.
type Store interface {
	// Load returns what the run before left, for the targets named. A target whose
	// state cannot be understood is left out, as one that was never judged; the
	// error is about the store as a whole.
	Load(ctx context.Context, targets []string) (map[string]Memory, error)

	// Save records one run as a whole, or not at all. It may be called by several
	// processes at once. A target that is in the report and not in memories keeps
	// the memory it has.
	Save(ctx context.Context, r Report, memories map[string]Memory) error
}

// Memory is what is kept about one target from run to run.
type Memory struct {
	// Episodes is the state of pkg/rules and of the alert episodes, opaque to the
	// store.
	Episodes json.RawMessage
	// Observations are the newest readings of each series.
	Observations []readiness.Observation
	// Last is the last recorded verdict.
	Last *readiness.Result
	// LastKnownGood is the newest green evidence.
	LastKnownGood *readiness.LastKnownGood
	// SavedAt is when the last run that judged this target finished.
	SavedAt time.Time
}
