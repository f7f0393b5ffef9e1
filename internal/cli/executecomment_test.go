package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"
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
		for i := range 60 {
			now.Store(int64(i))
			before := time.Now()
			c.change()
			if time.Since(before) != 0 {
				t.Fatal("the run waited for the comment")
			}
			time.Sleep(time.Second)
		}
		now.Store(99)
		if err := c.end(); err != nil {
			t.Error(err)
		}
		want := []string{"0 at 0s", "10 at 10s", "39 at 40s", "49 at 50s", "99 at 1m0s"}
		if len(said) != len(want) || said[0] != want[0] || said[len(said)-1] != want[4] || !strings.HasSuffix(said[2], " at 40s") {
			t.Errorf("said %q, want about %q", said, want)
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
