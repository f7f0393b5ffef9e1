package check

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/pkg/config"
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
	whole        bool            // Collect returned, without an error
	broken       bool            // Collect panicked or did not return: its connector must not be used again
	over         <-chan struct{} // closed when Collect has ended
}

// collect reads one target within a deadline. Whatever goes wrong is an
// observation: a target never disappears from a report.
func collect(parent context.Context, c connectors.Connector, target string, deadline time.Duration, now func() time.Time) collected {
	ctx, cancel := context.WithTimeout(parent, deadline)
	defer cancel()
	start := time.Now()
	done, over := make(chan collected, 1), make(chan struct{})
	go func() {
		defer close(over)
		done <- ask(ctx, c, target, now)
	}()
	patience := time.NewTimer(deadline + abandonAfter)
	defer patience.Stop()
	message := fmt.Sprintf("no answer within the target's deadline of %s", deadline)
	interrupted := parent.Done()
	for {
		select {
		case read := <-done:
			read.took, read.over = time.Since(start), over
			return read
		case <-interrupted:
			interrupted, message = nil, "the check was interrupted while this target was read"
			patience.Reset(abandonAfter)
		case <-patience.C:
			return collected{observations: collectorFailed(target, now(), message), took: time.Since(start), broken: true, over: over}
		}
	}
}

// ask calls Collect. A connector that panics on what a hostile server sent must
// not take the other targets' verdicts with it.
func ask(ctx context.Context, c connectors.Connector, target string, now func() time.Time) (read collected) {
	defer func() {
		if p := recover(); p != nil {
			read = collected{observations: collectorFailed(target, now(), describePanic(p)), broken: true}
		}
	}()
	observations, err := c.Collect(ctx)
	if err != nil {
		return collected{observations: append(observations, collectorFailed(target, now(), err.Error())...)}
	}
	return collected{observations: observations, whole: true}
}

// describePanic says where a panic came from. Only what the Go runtime says is
// repeated: any other value may hold a connection string.
func describePanic(p any) string {
	what := fmt.Sprintf("a panic of type %T", p)
	if err, ok := p.(runtime.Error); ok {
		what = err.Error()
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	thrown := false
	for {
		frame, more := frames.Next()
		switch inRuntime := strings.HasPrefix(frame.Function, "runtime."); {
		case inRuntime && strings.HasSuffix(frame.Function, "panic"):
			thrown = true
		case thrown && !inRuntime:
			return fmt.Sprintf("internal error at %s (%s:%d): %s; please report it", frame.Function, path.Base(frame.File), frame.Line, what)
		}
		if !more {
			return "internal error: " + what + "; please report it"
		}
	}
}

// leave closes a connector that is not used again, as soon as its Collect has
// ended. Nobody waits for it: it may never come to that.
func leave(c connectors.Connector, over <-chan struct{}) {
	go func() {
		defer func() { _ = recover() }() // that it is broken was reported with its Collect
		<-over
		_ = c.Close()
	}()
}

// unmentioned are the endpoints a connector said nothing about. Silence is not
// proof: without this, what is said about the others could make the target green.
func unmentioned(res *config.Resource, observations []readiness.Observation, now time.Time) []readiness.Observation {
	var silent []readiness.Observation
	for _, e := range res.Spec.Endpoints {
		if slices.ContainsFunc(observations, func(o readiness.Observation) bool { return o.Endpoint == e.Name }) {
			continue
		}
		o := failedTarget(res.Name(), now, readiness.VisCollector, "the connector said nothing about endpoint "+e.Name)
		o.Endpoint, o.Optional = e.Name, e.Optional
		silent = append(silent, o)
	}
	return silent
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
