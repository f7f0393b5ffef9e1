package journal_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/pkg/runbook"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// next is an event that follows those of a journal.
func next(t *testing.T, j *journal.File) runbook.Event {
	t.Helper()
	events, err := j.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := runbook.Event{V: 1, Seq: int64(len(events)), At: epoch, Run: "r1", Attempt: 1, Kind: runbook.CancelRequested, Message: "again"}
	if n := len(events); n > 0 {
		line, err := events[n-1].Encode()
		if err != nil {
			t.Fatal(err)
		}
		e.Prev = runbook.HashLine(line)
	}
	return e
}

func open(t *testing.T, dir string, sink journal.Sink) *journal.File {
	t.Helper()
	j, err := journal.Open(dir, "r1", sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func filled(t *testing.T, dir string, n int) []byte {
	t.Helper()
	j := open(t, dir, nil)
	for range n {
		if err := j.Append(t.Context(), next(t, j)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(journal.Path(dir, "r1"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A crash may leave any part of the last line. It is cut off, or completed when
// only its end is missing, and the journal goes on.
func TestRUN04TornLastLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := filled(t, dir, 3)
	start := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := start; cut <= len(whole); cut++ {
		if err := os.WriteFile(journal.Path(dir, "r1"), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j := open(t, dir, nil)
		events, err := j.Events(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := 2
		if cut >= len(whole)-1 {
			want = 3
		}
		if len(events) != want || (want == 2 && cut > start) != (len(j.Torn) > 0) {
			t.Fatalf("cut at %d of %d: %d events, %d bytes torn", cut-start, len(whole)-start, len(events), len(j.Torn))
		}
		if err := j.Append(t.Context(), next(t, j)); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(journal.Path(dir, "r1"))
		if err != nil {
			t.Fatal(err)
		}
		if events, err := runbook.DecodeJournal(data); err != nil || len(events) != want+1 {
			t.Fatalf("cut at %d: %d events, %v", cut-start, len(events), err)
		}
	}
}

// Only an unfinished end is a crash. Everything else was edited, and nothing is
// mended.
func TestSI04EditedJournalIsNotOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := filled(t, dir, 3)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for name, data := range map[string][]byte{
		"a byte":              bytes.Replace(whole, []byte("again"), []byte("agaIn"), 1),
		"a line taken out":    bytes.Join([][]byte{lines[0], lines[2]}, nil),
		"a line twice":        bytes.Join([][]byte{lines[0], lines[0], lines[1]}, nil),
		"an empty line":       append(bytes.Clone(whole), '\n'),
		"rubbish with an end": append(bytes.Clone(whole), "{}\n"...),
	} {
		if err := os.WriteFile(journal.Path(dir, "r1"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := journal.Open(dir, "r1", nil); err == nil {
			t.Errorf("%s: opened", name)
		}
		if after, err := os.ReadFile(journal.Path(dir, "r1")); err != nil || !bytes.Equal(after, data) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
}

func TestSI32TwoProcessesOnOneHost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir, nil)
	if _, err := journal.Open(dir, "r1", nil); !errors.Is(err, journal.ErrBusy) {
		t.Fatalf("opened twice: %v", err)
	}
	if other, err := journal.Open(dir, "r2", nil); err != nil {
		t.Errorf("another run: %v", err)
	} else {
		_ = other.Close()
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, nil)
}

func TestAppendKeepsTheChain(t *testing.T) {
	t.Parallel()
	j := open(t, t.TempDir(), nil)
	e := next(t, j)
	e.Prev = "00"
	if err := j.Append(t.Context(), e); err == nil {
		t.Error("an event with another predecessor was added")
	}
	e.Prev, e.Seq = "", 1
	if err := j.Append(t.Context(), e); err == nil {
		t.Error("a gap was added")
	}
	for _, run := range []string{"", "../x", "A", "a/b", ".x"} {
		if _, err := journal.Open(t.TempDir(), run, nil); err == nil {
			t.Errorf("run %q was opened", run)
		}
	}
}

// sink keeps what was put, and fails when told to.
type sink struct {
	got  []runbook.Event
	fail error
}

func (s *sink) Put(_ context.Context, events []runbook.Event) error {
	if s.fail != nil {
		return s.fail
	}
	s.got = append(s.got, events...)
	return nil
}

func TestRUN04PushGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	s := &sink{}
	j := open(t, t.TempDir(), s)
	add := func() {
		if err := j.Append(t.Context(), next(t, j)); err != nil {
			t.Fatal(err)
		}
	}
	add()
	s.fail = errors.New("away")
	if err := j.Push(t.Context()); !errors.Is(err, s.fail) {
		t.Fatalf("%v", err)
	}
	add()
	s.fail = nil
	for range 2 {
		if err := j.Push(t.Context()); err != nil || len(s.got) != 2 || s.got[1].Seq != 1 {
			t.Fatalf("%v, %d events", err, len(s.got))
		}
	}
	if err := open(t, t.TempDir(), nil).Push(t.Context()); !errors.Is(err, journal.ErrNoSink) {
		t.Errorf("a journal without a sink was pushed: %v", err)
	}
}

// slowSink answers when it is let go.
type slowSink struct {
	sink
	begun, let chan struct{}
}

func (s *slowSink) Put(ctx context.Context, events []runbook.Event) error {
	s.begun <- struct{}{}
	<-s.let
	return s.sink.Put(ctx, events)
}

// A push that goes on beside the steps does not hold them up, and brings what was
// there when it began; the next one brings the rest.
func TestRUN04PushBesideSteps(t *testing.T) {
	t.Parallel()
	s := &slowSink{begun: make(chan struct{}, 2), let: make(chan struct{})}
	dir := t.TempDir()
	j := open(t, dir, s)
	add := func() {
		if err := j.Append(t.Context(), next(t, j)); err != nil {
			t.Fatal(err)
		}
	}
	add()
	ended := j.Beside(t.Context())
	<-s.begun
	add()
	close(s.let)
	if err := <-ended; err != nil || len(s.got) != 1 {
		t.Fatalf("%v, %d events", err, len(s.got))
	}
	if err := j.Push(t.Context()); err != nil || len(s.got) != 2 || s.got[1].Seq != 1 {
		t.Fatalf("%v, %d events", err, len(s.got))
	}
	if err := <-open(t, t.TempDir(), nil).Beside(t.Context()); !errors.Is(err, journal.ErrNoSink) {
		t.Errorf("a journal without a sink was pushed: %v", err)
	}
}

// A folder of journals has one id, whoever asks first, and another folder another one.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "runs")
	ids := make(chan string, 20)
	for range cap(ids) {
		go func() {
			id, err := journal.Folder(dir)
			if err != nil {
				t.Error(err)
			}
			ids <- id
		}()
	}
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first || len(id) < 20 {
			t.Errorf("%q and %q", id, first)
		}
	}
	if other, err := journal.Folder(t.TempDir()); err != nil || other == first {
		t.Errorf("%q, %v", other, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "folder-id"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Folder(dir); err == nil {
		t.Error("an id that was cut off is none")
	}
}
