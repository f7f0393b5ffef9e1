package action

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/readiness"
)

// What is waited for counts when it comes in time; what did not come was not proved, and
// ends while the step can still say so.
func TestAwait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after, limit time.Duration // when it holds; 0: never
		final        bool
		want         connectors.FindingResult
		takes        time.Duration // at most
	}{
		"it comes":               {after: 5 * time.Second, limit: time.Minute, want: connectors.Passed, takes: 8 * time.Second},
		"it does not":            {limit: time.Minute, want: connectors.Refused, takes: 58 * time.Second},
		"waiting does not help":  {limit: time.Minute, final: true, want: connectors.Unknown, takes: 0},
		"nobody gave a deadline": {want: connectors.Refused, takes: CheckLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				start := time.Now()
				f := Await(ctx, func(context.Context) (connectors.Finding, bool) {
					if c.after > 0 && time.Since(start) >= c.after {
						return Passed("it is so"), false
					}
					return Unknown(readiness.QueryFailed, "not yet"), c.final
				})
				if took := time.Since(start); f.Result != c.want || took > c.takes {
					t.Errorf("%s: %s after %s", f.Result, f.Message, took)
				}
				if waited := strings.HasPrefix(f.Message, "still not so after "); waited != (c.want == connectors.Refused) {
					t.Errorf("it says %q", f.Message)
				}
			})
		})
	}
}
