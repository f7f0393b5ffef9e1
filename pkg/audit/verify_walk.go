package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/bcctl/bcctl/internal/canonical"
)

// task is a step of the walk: a segment to check, or the end of a seal.
type task struct {
	file   file
	sealed *SealedSegment // nil: not sealed
	pinned bool           // it is below the pin
	result *checked
	seal   *sealEnd
}

// batch is a few tasks in order, done by one worker.
type batch struct {
	tasks []task
	ready chan struct{} // closed when the results are there
}

// inBatch is how many tasks a batch has: so many that handing it on costs little.
const inBatch = 16

// sealEnd is a seal whose segments come before it.
type sealEnd struct {
	size int64
	from int64
	note []byte

	// What the note says, and the key that made it; or why it is no checkpoint.
	head TreeHead
	key  Key
	err  error
}

// ahead is how many batches may be read before the oldest of them is judged. It
// bounds memory.
const ahead = 8

// walk checks segments in parallel and judges them in the order of the log.
func (v *verifier) walk() error {
	if len(v.versions) == 0 {
		return nil // without keys nothing can be judged; AUD-22 says so
	}
	if err := v.begin(); err != nil {
		return err
	}
	v.notesOfLog = notesOf(v.logKeys())
	group, ctx := errgroup.WithContext(v.ctx)
	inOrder := make(chan *batch, ahead)
	toCheck := make(chan *batch, ahead)
	group.Go(func() error {
		defer close(inOrder)
		defer close(toCheck)
		b := new(batch)
		hand := func() error {
			b.ready = make(chan struct{})
			err := send(ctx, inOrder, b)
			if err == nil {
				err = send(ctx, toCheck, b)
			}
			b = new(batch)
			return err
		}
		if err := v.plan(func(t task) error {
			if b.tasks = append(b.tasks, t); len(b.tasks) < inBatch {
				return nil
			}
			return hand()
		}); err != nil {
			return err
		}
		return hand()
	})
	for range v.options.Parallel {
		group.Go(func() error {
			w := v.newWorker()
			for b := range toCheck {
				for i := range b.tasks {
					if err := w.do(&b.tasks[i]); err != nil {
						return err
					}
				}
				close(b.ready)
			}
			return nil
		})
	}
	group.Go(func() error { return v.judge(ctx, inOrder) })
	return group.Wait()
}

func send(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// judge takes the tasks in the order of the log.
func (v *verifier) judge(ctx context.Context, inOrder <-chan *batch) error {
	done := 0
	for b := range inOrder {
		select {
		case <-b.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, t := range b.tasks {
			if t.seal != nil {
				v.endSeal(*t.seal)
				continue
			}
			if err := v.segment(t.result, t.sealed); err != nil {
				return err
			}
			v.used.Put(t.result)
			done++
			if v.options.Progress != nil {
				v.options.Progress(done, len(v.segments))
			}
		}
	}
	return nil
}

// plan finds the order of the log: sealed segments as the seals list them, then
// the others as they came, or where that is not known by their paths.
func (v *verifier) plan(do func(task) error) error {
	inSeal := make([]bool, len(v.segments))
	expected := int64(0)
	for _, size := range v.seals {
		end, err := v.planSeal(size, expected, inSeal, do)
		if err != nil {
			return err
		}
		expected = end
	}
	var rest []file
	for i, f := range v.segments {
		if !inSeal[i] {
			rest = append(rest, f)
		}
	}
	slices.SortStableFunc(rest, func(a, b file) int { return v.order[a.path] - v.order[b.path] })
	for _, f := range rest {
		if err := do(task{file: f}); err != nil {
			return err
		}
	}
	return nil
}

// planSeal reads one seal and lists its segments. It returns the size after it.
func (v *verifier) planSeal(size, expected int64, inSeal []bool, do func(task) error) (int64, error) {
	path := SealPath(size)
	text, err := v.read(path)
	if err != nil {
		return 0, err
	}
	seal, err := DecodeSeal(text)
	switch {
	case errors.Is(err, canonical.ErrForm):
		v.later("AUD-03", path, "%v", err)
		return expected, nil
	case err != nil:
		v.later("AUD-11", path, "it is no seal: %v", err)
		return expected, nil
	case seal.To != size:
		v.later("AUD-11", path, "the seal ends at leaf %d", seal.To)
		return expected, nil
	case seal.From != expected:
		v.later("AUD-11", path, "the seal begins at leaf %d, the one before ends at %d", seal.From, expected)
	}
	for i := range seal.Segments {
		listed := &seal.Segments[i]
		at, found := v.find(listed.Path)
		switch {
		case !found:
			v.later("AUD-11", listed.Path, "seal %d lists this segment, and it is not there", size)
			if err := do(task{seal: &sealEnd{size: -1, from: listed.Leaves}}); err != nil {
				return 0, err
			}
			continue
		case inSeal[at]:
			v.later("AUD-09", listed.Path, "seal %d lists this segment once more", size)
			if err := do(task{seal: &sealEnd{size: -1, from: listed.Leaves}}); err != nil {
				return 0, err
			}
			continue
		}
		inSeal[at] = true
		if err := do(task{file: v.segments[at], sealed: listed, pinned: size <= v.pinned}); err != nil {
			return 0, err
		}
	}
	end := &sealEnd{size: size, from: seal.From}
	if v.notes[size] {
		if end.note, err = v.read(NotePath(size)); err != nil {
			return 0, err
		}
	}
	return size, do(task{seal: end})
}

// later records a finding of the planner, which runs beside the judge.
func (v *verifier) later(rule, path, format string, args ...any) {
	v.planned.Lock()
	defer v.planned.Unlock()
	v.planned.findings = append(v.planned.findings, plannedFinding{rule, path, fmt.Sprintf(format, args...)})
}
