package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/render"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Names of the comments that tell of the runs of a request: one of what was begun, and
// one of what was not, so that nobody can put a refusal in the place of a run that goes
// on.
const (
	runCommentName     = "run"
	refusedCommentName = "run-not-started"
)

const (
	commentEvery   = 10 * time.Second // at most
	commentTimeout = 20 * time.Second // of one try
)

// runComment keeps a comment up to date while a run goes on, and never holds the run
// up: what comes while the comment is being written is in the next one.
type runComment struct {
	text func() string
	keep func(ctx context.Context, text string) error

	changed chan struct{} // holds one
	closed  chan struct{}
	done    chan struct{}

	mu  sync.Mutex
	err error // of the last try
}

func newRunComment(text func() string, keep func(context.Context, string) error) *runComment {
	c := &runComment{text: text, keep: keep, changed: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{})}
	go c.loop()
	return c
}

// change says that there is something new. It does not wait.
func (c *runComment) change() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *runComment) loop() {
	defer close(c.done)
	for {
		select {
		case <-c.closed:
			return
		case <-c.changed:
		}
		c.write()
		pause := time.NewTimer(commentEvery)
		select {
		case <-c.closed:
			pause.Stop()
			return
		case <-pause.C:
		}
	}
}

func (c *runComment) write() {
	ctx, cancel := context.WithTimeout(context.Background(), commentTimeout)
	defer cancel()
	err := c.keep(ctx, c.text())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// end writes the last word, and returns what kept it from being written.
func (c *runComment) end() error {
	close(c.closed)
	<-c.done
	c.write()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// told is who is told of a run while it goes on: the terminal, or the log of a job, and
// the pull request.
type told struct {
	x       *running
	account *render.Run
	mu      *sync.Mutex // of the account
	claimed bool        // the run is this process's
	comment *runComment // nil before the run has begun, and where nobody is told
	gh      *forge.Client
}

// tell begins to tell of a run.
func (x *running) tell() *told {
	return &told{x: x, account: &render.Run{Plan: &x.plan, RTO: x.rto()}, mu: &sync.Mutex{}}
}

// rto is the strictest recovery time objective of what the plan touches; 0: there is
// none.
func (x *running) rto() time.Duration {
	var strictest time.Duration
	for _, m := range x.plan.Members() {
		res, ok := x.r.repo.Resource(m.Resource)
		if !ok {
			continue
		}
		if rto := check.Subject(x.r.repo, res).Objectives.RTO; rto > 0 && (strictest == 0 || rto < strictest) {
			strictest = rto
		}
	}
	return strictest
}

// event takes an event of the journal; live is one of this start.
func (t *told) event(ctx context.Context, e runbook.Event, live bool) {
	t.mu.Lock()
	t.account.Event(e)
	t.mu.Unlock()
	if live && e.Kind == runbook.Claimed {
		t.claimed = true
		t.begin(ctx, runCommentName)
	}
	if live && t.comment != nil {
		t.comment.change()
	}
}

// begin begins to keep the comment, with a connection of its own: what waits for it
// must not keep a verification waiting.
func (t *told) begin(ctx context.Context, name string) {
	if t.comment != nil || t.x.offline != "" || t.x.forge == nil {
		return
	}
	var err error
	if t.gh, err = t.x.a.forge(ctx, t.x.r.settings); err != nil {
		t.x.a.remark("the pull request is not told of the run: %v", err)
		return
	}
	t.comment = newRunComment(func() string {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.account.Markdown(t.x.a.Now())
	}, func(ctx context.Context, text string) error {
		_, err := t.gh.KeepComment(ctx, t.x.found, name, text)
		return err
	})
}

// times says how long the run takes, how long it should, and what is left of the RTO.
func (t *told) times() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.account.Times(t.x.a.Now())
}

// end says how it ended and what to do now. A workflow that was not even let begin says
// so as well: whoever commented waits for an answer.
func (t *told) end(ctx context.Context, how, next string) {
	t.x.told = true
	if t.x.ci != 0 && !t.claimed {
		t.begin(ctx, refusedCommentName)
	}
	if t.comment == nil {
		return
	}
	t.mu.Lock()
	t.account.Ended, t.account.Next = how, next
	t.mu.Unlock()
	if err := t.comment.end(); err != nil {
		t.x.a.remark("the comment on the pull request is not up to date: %v", err)
	}
	t.gh.Close()
}

// answer tells whoever commented that nothing was begun: before there is a plan, or
// where this runner lacks what a run needs.
func (x *running) answer(ctx context.Context, why error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commentTimeout)
	defer cancel()
	text := render.NotStarted(x.request.Name(), codeOf(why), x.next(why), x.a.Now())
	if _, err := x.forge.KeepComment(ctx, x.found, refusedCommentName, text); err != nil {
		x.a.remark("the pull request is not told that nothing was begun: %v", err)
	}
}

// howEnded is how a start ended, for people, in codes and names alone.
func howEnded(end runbook.End, claimed bool) string {
	text := strings.ToUpper(string(end.Kind))
	if !claimed {
		text = "NOT STARTED, " + text
	}
	where := strings.Trim(end.Member+"/"+end.Step, "/")
	for _, part := range append([]string{string(end.Code), where}, end.Rules...) {
		if part != "" {
			text += " " + part
		}
	}
	return text
}

// next is the command that an error says to use now, and where there is none, that of
// a run that succeeded.
func (x *running) next(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.hint
	}
	if x.plan.Target == "" {
		return ""
	}
	return "bcctl check " + x.plan.Target + "; then bcctl close " + x.request.Name()
}

// goesOn is the command that goes on: in CI it is a comment, whose line depends on how
// far the run has come.
func (x *running) goesOn(s *runbook.State) string {
	if x.ci == 0 || s.Finished != "" {
		return x.again
	}
	verb := approval.VerbExecute
	if s.Claims > 0 && (s.Changed() || s.Open != nil) {
		verb = approval.VerbResume
	}
	return fmt.Sprintf("comment on pull request %d: %s", x.found, approval.ConfirmationLine(verb, x.request.Name(), x.request.Spec, x.digest, s.NextAttempt()))
}
