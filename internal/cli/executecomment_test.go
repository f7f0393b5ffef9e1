package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The comment follows the run at most every ten seconds, and has the last word, however
// long one takes to be written and whatever becomes of it: nobody waits for it.
func TestRunCommentHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Int64
		var said []string
		began := time.Now()
		c := newRunComment(func() string { return strconv.FormatInt(now.Load(), 10) }, func(ctx context.Context, text string) error {
			said = append(said, text+" at "+time.Since(began).String())
			if len(said) == 2 { // GitHub hangs
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		for i := range 80 {
			now.Store(int64(i))
			before := time.Now()
			c.change()
			if time.Since(before) != 0 {
				t.Fatal("the run waited for the comment")
			}
			time.Sleep(700 * time.Millisecond) // never at the moment of a tick of the comment
		}
		now.Store(99)
		if err := c.end(); err != nil {
			t.Error(err)
		}
		want := []string{"0 at 0s", "14 at 10s", "57 at 40s", "71 at 50s", "99 at 56s"}
		if !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	})
}

func TestRunCommentThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("502")
		c := newRunComment(func() string { return "" }, func(context.Context, string) error { return away })
		c.change()
		if err := c.end(); !errors.Is(err, away) {
			t.Errorf("%v", err)
		}
	})
}
