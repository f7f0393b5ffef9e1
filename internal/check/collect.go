package check

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// abandonAfter is how long past its deadline a connector is waited for. One that
// does not come back is left behind, so that it costs its own deadline only.
const abandonAfter = time.Second

// collected is what one target gave.
type collected struct {
	observations []readiness.Observation
	took         time.Duration
	abandoned    bool // the connector is still running and must not be used again
}

// collect reads one target within a deadline. Whatever goes wrong is an
// observation: a target never disappears from a report.
func collect(parent context.Context, c connectors.Connector, target string, deadline time.Duration, now func() time.Time) collected {
	ctx, cancel := context.WithTimeout(parent, deadline)
	defer cancel()
	start := time.Now()
	done := make(chan []readiness.Observation, 1)
	go func() {
		// A connector that panics on what a hostile server sent must not take the
		// other targets' verdicts with it.
		defer func() {
			if p := recover(); p != nil {
				done <- collectorFailed(target, now(), fmt.Sprintf("internal error while reading %s: %v (please report it)\n%s", target, p, debug.Stack()))
			}
		}()
		observations, err := c.Collect(ctx)
		if err != nil {
			observations = append(observations, collectorFailed(target, now(), err.Error())...)
		}
		done <- observations
	}()
	timer := time.NewTimer(deadline + abandonAfter)
	defer timer.Stop()
	select {
	case observations := <-done:
		return collected{observations: observations, took: time.Since(start)}
	case <-timer.C:
		message := fmt.Sprintf("no answer within the target's deadline of %s", deadline)
		return collected{observations: collectorFailed(target, now(), message), took: time.Since(start), abandoned: true}
	}
}

func collectorFailed(target string, now time.Time, message string) []readiness.Observation {
	return []readiness.Observation{failedTarget(target, now, readiness.VisCollector, message)}
}

// failedTarget is the one observation of a target about which nothing else is
// known.
func failedTarget(target string, now time.Time, code readiness.Code, message string) readiness.Observation {
	return readiness.Observation{Target: target, Indicator: "topology", CollectedAt: now,
		Failure: &readiness.Finding{Code: code, Message: message}}
}
