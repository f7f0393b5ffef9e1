package verdict

import (
	"context"
	"fmt"
	"time"

	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/pkg/approval"
)

const (
	// reads is how often a verdict that allows is read again until two reads are the
	// same (APP-10).
	reads = 4
	// patience is how long a denial may be read again for (APP-10).
	patience = 90 * time.Second
	// between is the pause between two reads of which the first denied.
	between = 10 * time.Second
)

// Decide reads and decides. What allows was read twice, the same both times: an answer
// of a server that is behind must not be taken for what is (APP-10).
//
// Wait says that a denial may be read again for up to 90 s, for a caller who has just
// changed something.
func (r *Reader) Decide(ctx context.Context, q Query, wait bool) (Case, approval.Verdict, error) {
	began := r.Now()
	for {
		c, v, err := r.twice(ctx, q)
		if err != nil || v.Allowed || !wait || r.Now().Add(between).Sub(began) > patience {
			return c, v, err
		}
		if err := r.Sleep(ctx, between); err != nil {
			return c, v, err
		}
	}
}

func (r *Reader) twice(ctx context.Context, q Query) (Case, approval.Verdict, error) {
	first, err := r.Read(ctx, q)
	if err != nil {
		return Case{}, approval.Verdict{}, err
	}
	v := approval.Verify(first.Case)
	if !v.Allowed {
		return first, v, nil
	}
	for range reads - 1 {
		second, err := r.Read(ctx, q)
		if err != nil {
			return Case{}, approval.Verdict{}, err
		}
		v = approval.Verify(second.Case)
		if one, two := first.Evidence.Fingerprint(), second.Evidence.Fingerprint(); !v.Allowed || one != "" && one == two {
			return second, v, nil
		}
		first = second
	}
	return Case{}, approval.Verdict{}, fmt.Errorf("%w: two reads of pull request %d are never the same (APP-10)", forge.ErrUnavailable, q.Pull)
}
