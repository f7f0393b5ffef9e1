package action

import (
	"context"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
)

// Await looks again and again until what is waited for holds, until it is clear that
// waiting does not help, or shortly before the time of the step is over: what did not
// come in time was not proved.
func Await(ctx context.Context, look func(context.Context) (f connectors.Finding, final bool)) connectors.Finding {
	start := time.Now()
	limit := CheckLimit
	if at, has := ctx.Deadline(); has {
		limit = time.Until(at)
	}
	limit -= min(2*time.Second, limit/10)
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		f, final := look(ctx)
		switch {
		case f.Result == connectors.Passed || final:
			return f
		case time.Since(start)+wait > limit || !Pause(ctx, wait):
			f.Message = "still not so after " + time.Since(start).Round(time.Second).String() + ": " + f.Message
			if f.Result == connectors.Unknown && f.Code != "" {
				f.Result = connectors.Refused
			}
			return f
		}
	}
}

// Pause waits, and reports whether there is still time.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
