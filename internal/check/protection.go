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
// It is there only for resources that such a run is known of.
const protectionID readiness.ID = "protection.restored"

// Residue is a run that has changed the roles of a resource, after which nobody has shown
// yet that it is protected again (SI-37).
type Residue struct {
	Request string
	At      time.Time // the run's end
}

// protections is what is known about runs that left resources without protection.
type protections struct {
	known   bool
	of      map[string]Residue
	readAt  time.Time
	warning string
}

// protection begins to ask for what runs have left, and returns what waits for the answer.
func (r *Runner) protection(ctx context.Context, s Sweep) func() protections {
	if s.Residues == nil || s.Replay != nil {
		return func() protections { return protections{} }
	}
	ask := sync.OnceValue(func() protections {
		ctx, cancel := context.WithTimeout(ctx, r.TargetTimeout/2)
		defer cancel()
		of, err := s.Residues(ctx)
		if err != nil {
			return protections{warning: "the ledger does not tell what runs have left; PROTECTION_NOT_RESTORED is shown as the check before knew it: " + err.Error()}
		}
		return protections{known: true, of: of, readAt: r.Now()}
	})
	go ask()
	return ask
}

// observed is what is known of one resource. Where the ledger does not tell, what it told
// last stays, with its age.
func (p protections) observed(target string, memory Memory) []readiness.Observation {
	at := slices.IndexFunc(memory.Observations, func(o readiness.Observation) bool { return o.Indicator == protectionID })
	residue, left := p.of[target]
	o := readiness.Observation{Target: target, Indicator: protectionID, ObservedAt: p.readAt, CollectedAt: p.readAt}
	switch {
	case left:
		o.Value = readiness.Str("no")
		o.Findings = []readiness.Finding{{Code: readiness.ProtectionNotRestored,
			Message: fmt.Sprintf("roles changed at %[2]s by %[1]s, and nobody has shown since that redundancy and a restorable backup are there (bcctl close %[1]s)", residue.Request, residue.At.UTC().Format(time.RFC3339))}}
	case at < 0 || len(memory.Observations[at].Findings) == 0 && !p.known:
		return nil
	case !p.known:
		return []readiness.Observation{memory.Observations[at]}
	default:
		o.Value = readiness.Str("yes")
	}
	return []readiness.Observation{o}
}
