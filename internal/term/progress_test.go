package term

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// buffer may be written and read by several goroutines.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestProgressLine(t *testing.T) {
	t.Parallel()
	full := Step{Done: 312, Total: 4800, Red: 2, Unknown: 1, Slowest: "mg/orders", SlowestTook: 9 * time.Second}
	want := "checking 312/4,800  red 2  unknown 1  slowest mg/orders 9 s  left ~40 s"
	if got := full.line(2790 * time.Millisecond); got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
	if got, want := (Step{Total: 5}).line(time.Minute), "checking 0/5"; got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
	if got := (Step{Done: 5, Total: 5}).line(time.Minute); strings.Contains(got, "left") {
		t.Errorf("nothing is left: %q", got)
	}
}

func TestProgressOnTerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		p := NewProgress(&out, Profile{TTY: true, Width: 40}, time.Now)
		p.Start(100)
		p.Update(Step{Done: 1, Total: 100})
		synctest.Wait()
		if got := out.String(); got != "" {
			t.Fatalf("before two seconds: %q", got)
		}
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		first := out.String()
		if first != "\rchecking 1/100  left ~3 m" {
			t.Fatalf("after two seconds: %q", first)
		}
		p.Update(Step{Done: 2, Total: 100}) // too soon after the line
		if got := out.String(); got != first {
			t.Fatalf("rewritten too soon: %q", got)
		}
		time.Sleep(5 * time.Second)
		p.Done()
		p.Done()
		got := out.String()
		if !strings.Contains(got, "\rchecking 2/100") {
			t.Errorf("the newest step was never shown: %q", got)
		}
		if !strings.HasSuffix(got, " \r") || strings.Contains(got, "\n") || strings.Contains(got, "\x1b") {
			t.Errorf("the line was not taken off by blanks: %q", got)
		}
		for line := range strings.SplitSeq(got, "\r") {
			if Width(line) >= 40 {
				t.Errorf("a line of %d cells on a terminal of 40: %q", Width(line), line)
			}
		}
	})
}

func TestProgressInLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		p := NewProgress(&out, Profile{}, time.Now)
		p.Start(10)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := out.String(); got != "" {
			t.Fatalf("before 30 seconds: %q", got)
		}
		p.Update(Step{Done: 1, Total: 10, Red: 1})
		time.Sleep(62 * time.Second) // nothing ends, and yet there is a line
		p.Done()
		want := "checking 1/10  red 1  left ~4 m\nchecking 1/10  red 1  left ~9 m\nchecking 1/10  red 1  left ~13 m\n"
		if got := out.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestProgressOfShortSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		p := NewProgress(&out, Profile{TTY: true}, time.Now)
		for range 3 { // one after the other, as with --every
			p.Start(2)
			p.Update(Step{Done: 2, Total: 2})
			time.Sleep(1900 * time.Millisecond)
			p.Done()
			time.Sleep(time.Minute)
		}
		if got := out.String(); got != "" {
			t.Errorf("a sweep of less than two seconds wrote %q", got)
		}
	})
}
