package forge

import (
	"context"
	"fmt"
	"time"
)

// budget is how long one operation may wait for GitHub in all: for limits, and
// between attempts. Requests are serial, so it needs no lock.
type budget struct {
	left time.Duration
}

type budgetKey struct{}

// withBudget begins an operation, unless one has begun already.
func (c *Client) withBudget(ctx context.Context) context.Context {
	if _, ok := ctx.Value(budgetKey{}).(*budget); ok {
		return ctx
	}
	return context.WithValue(ctx, budgetKey{}, &budget{c.t.opts.Budget})
}

// pause waits within the budget. It does not begin a wait it could not end: then
// GitHub is unavailable at once.
func (t *transport) pause(ctx context.Context, b *budget, d time.Duration, why string) error {
	if d > b.left {
		return fmt.Errorf("%w: %s; the next attempt would be in %s, more than the %s that are left to wait", ErrUnavailable, why, d.Round(time.Second), b.left.Round(time.Second))
	}
	b.left -= d
	return t.opts.Sleep(ctx, d)
}
