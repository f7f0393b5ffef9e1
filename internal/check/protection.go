package check

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// protectionID is whether a resource is protected again after a run that changed its roles.
// It is there only for resources that such a run is known of, and for all where nobody
// knows.
const protectionID readiness.ID = "protection.restored"

// Residue is a run that has changed the roles of a resource, after which nobody has shown
// yet that it is protected again (SI-37).
type Residue struct {
	Request string
	At      time.Time // the run's end
}

// Residues is what is known of runs that left resources without protection.
type Residues struct {
	Of map[string]Residue // by resource

	// Stale says why this may not be the newest; Unknown, that nothing is known of
	// resources beside those.
	Stale, Unknown error
}

// protections is Residues, as it was read in a sweep.
type protections struct {
	Residues
	asked  bool
	readAt time.Time
}

// protection begins to ask for what runs have left, and returns what waits for the answer.
func (r *Runner) protection(ctx context.Context, s Sweep) func() protections {
	if s.Residues == nil || s.Replay != nil {
		return func() protections { return protections{} }
	}
	ask := sync.OnceValue(func() protections {
		ctx, cancel := context.WithTimeout(ctx, r.TargetTimeout/2)
		defer cancel()
		left := s.Residues(ctx)
		return protections{left, true, r.Now()}
	})
	go ask()
	return ask
}

// warning is what a report says when not everything is known.
func (p protections) warning() string {
	switch {
	case p.Unknown != nil:
		return "the ledger does not tell what runs have left without protection: " + p.Unknown.Error()
	case p.Stale != nil:
		return "what runs have left without protection is known as git fetched it last: " + p.Stale.Error()
	default:
		return ""
	}
}

// observed is what is known of one resource. Where nothing is, what was known last stays,
// with its age; and where that is nothing either, it is a reading that failed: a ledger
// that nobody read proves nothing.
func (p protections) observed(target string, memory Memory) []readiness.Observation {
	if !p.asked {
		return nil
	}
	at := slices.IndexFunc(memory.Observations, func(o readiness.Observation) bool { return o.Indicator == protectionID && len(o.Findings) > 0 })
	residue, left := p.Of[target]
	o := readiness.Observation{Target: target, Indicator: protectionID, ObservedAt: p.readAt, CollectedAt: p.readAt}
	switch {
	case left:
		o.Value = readiness.Str("no")
		o.Findings = []readiness.Finding{{Code: readiness.ProtectionNotRestored,
			Message: fmt.Sprintf("roles changed at %[2]s by %[1]s, and nobody has shown since that redundancy and a restorable backup are there: bcctl close %[1]s", residue.Request, residue.At.UTC().Format(time.RFC3339))}}
	case at >= 0 && p.Unknown != nil:
		o = memory.Observations[at]
	case p.Unknown != nil:
		o.Failure = &readiness.Finding{Code: readiness.VisCollector, Message: "the ledger does not tell whether a run has left it without protection"}
	case at >= 0:
		o.Value = readiness.Str("yes") // which ends the episode
	default:
		return nil
	}
	return []readiness.Observation{o}
}
