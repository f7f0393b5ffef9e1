package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// When progress is shown. What is over within Quiet shows none.
const (
	Quiet       = 2 * time.Second        // before the first line on a terminal
	rewriteTime = 200 * time.Millisecond // between two versions of it
	lineTime    = 30 * time.Second       // between two lines of a log
	tickTime    = time.Second            // how soon a line that is due is shown
)

// Step is how far a sweep is.
type Step struct {
	Verb         string // what is done; "checking" when empty
	Done, Total  int
	Red, Unknown int
	Slowest      string        // name of the target that took longest so far
	SlowestTook  time.Duration // how long it took
}

// Progress tells a person, or a log, that a long sweep is alive: one line that is
// rewritten on a terminal, a line every 30 s elsewhere. It may be used by several
// goroutines at once.
type Progress struct {
	w       io.Writer
	profile Profile
	now     func() time.Time

	mu      sync.Mutex // guards what follows
	began   time.Time
	shown   time.Time // when the last line was written; zero before the first
	width   int       // cells of the line that stands on the terminal
	last    Step
	stop    chan struct{}
	stopped sync.WaitGroup
}

// NewProgress returns a progress that writes to w, which is stderr in a program.
// A write that fails is ignored: progress is not worth an error.
func NewProgress(w io.Writer, p Profile, now func() time.Time) *Progress {
	return &Progress{w: w, profile: p, now: now, began: now()}
}

// Start begins a sweep over a number of targets. Until Done lines are written
// also while no target comes to an end: that is when a person doubts most.
func (p *Progress) Start(total int) {
	p.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began, p.shown, p.last = p.now(), time.Time{}, Step{Total: total}
	p.stop = make(chan struct{})
	stop := p.stop
	p.stopped.Go(func() {
		ticker := time.NewTicker(tickTime)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				p.tick()
			}
		}
	})
}

// Update tells how far the sweep is.
func (p *Progress) Update(s Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = s
	p.draw()
}

// Done ends the sweep and takes the line off a terminal. It may be called more
// than once.
func (p *Progress) Done() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		close(stop)
	}
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width > 0 {
		fmt.Fprint(p.w, "\r"+strings.Repeat(" ", p.width)+"\r")
		p.width = 0
	}
	p.began, p.shown = p.now(), time.Time{}
}

func (p *Progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw()
}

// draw writes a line if one is due.
func (p *Progress) draw() {
	now := p.now()
	since, every := now.Sub(p.began), lineTime
	if p.profile.TTY {
		every = rewriteTime
	}
	switch {
	case p.shown.IsZero() && p.profile.TTY && since < Quiet,
		p.shown.IsZero() && !p.profile.TTY && since < lineTime,
		!p.shown.IsZero() && now.Sub(p.shown) < every:
		return
	}
	p.shown = now
	text := p.last.line(since)
	if !p.profile.TTY {
		fmt.Fprintln(p.w, text)
		return
	}
	// Blanks instead of an escape code clear the rest, so that a dumb terminal can
	// do it too. The last column stays free: some terminals wrap there.
	text = Truncate(text, p.profile.Columns()-1)
	fmt.Fprint(p.w, "\r"+Pad(text, p.width))
	p.width = Width(text)
}

// line is for example
// "checking 312/4,800  red 2  unknown 1  slowest mg/orders 9 s  left ~40 s".
func (s Step) line(since time.Duration) string {
	verb := s.Verb
	if verb == "" {
		verb = "checking"
	}
	parts := []string{fmt.Sprintf("%s %s/%s", verb, Count(s.Done), Count(s.Total))}
	if s.Red > 0 {
		parts = append(parts, "red "+Count(s.Red))
	}
	if s.Unknown > 0 {
		parts = append(parts, "unknown "+Count(s.Unknown))
	}
	if s.Slowest != "" {
		parts = append(parts, "slowest "+Sanitize(s.Slowest)+" "+Span(s.SlowestTook))
	}
	if s.Done > 0 && s.Done < s.Total {
		left := since / time.Duration(s.Done) * time.Duration(s.Total-s.Done)
		parts = append(parts, "left ~"+Span(left))
	}
	return strings.Join(parts, "  ")
}
