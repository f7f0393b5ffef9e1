package runbook_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

func anEvent() runbook.Event {
	return runbook.Event{V: 1, At: epoch, Run: "r1", Attempt: 1, Kind: runbook.StepOutcome, Member: "ledger", Step: "promote", Try: 1, State: "done", Facts: connectors.Facts{"b": "2", "a": "<1>"}}
}

func TestEventIsReadStrictly(t *testing.T) {
	t.Parallel()
	line, err := anEvent().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := runbook.DecodeEvent(line); err != nil || back.Facts["a"] != "<1>" || !back.At.Equal(epoch) {
		t.Fatalf("%+v, %v", back, err)
	}
	text := string(line)
	for name, bad := range map[string]string{
		"unknown member":  strings.Replace(text, `"run"`, `"ran":"x","run"`, 1),
		"member twice":    strings.Replace(text, `"run":"r1"`, `"run":"r2","run":"r1"`, 1),
		"another case":    strings.Replace(text, `"run"`, `"Run"`, 1),
		"a blank":         strings.Replace(text, `,"run"`, `, "run"`, 1),
		"another order":   strings.Replace(text, `"run":"r1","attempt":1`, `"attempt":1,"run":"r1"`, 1),
		"something after": text + "{}",
		"cut off":         text[:len(text)-1],
		"another version": strings.Replace(text, `"v":1`, `"v":2`, 1),
		"null":            "null",
		"nothing":         "",
		"another zone":    strings.Replace(text, `12:00:00Z`, `13:00:00+01:00`, 1),
	} {
		if bad == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := runbook.DecodeEvent([]byte(bad)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

// Every edit of a journal is found: a byte that is changed, a line that is taken out,
// repeated or put elsewhere, an end that is cut off in the middle of a line.
func TestSI04EditsOfTheJournalAreFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
		whole := append(bytes.Join(w.lines, []byte("\n")), '\n')
		if events, err := runbook.DecodeJournal(whole); err != nil || len(events) != len(w.lines) {
			t.Fatalf("%d events, %v", len(events), err)
		}
		last := len(whole) - len(w.lines[len(w.lines)-1]) - 1 // what follows nothing is known by its signature
		for i := 0; i < last; i += 11 {                       // 11 meets every column sooner or later
			edited := bytes.Clone(whole)
			edited[i] ^= 1
			if _, err := runbook.DecodeJournal(edited); err == nil {
				t.Fatalf("byte %d was changed: %q", i, edited[max(0, i-20):i+20])
			}
		}
		for i := range w.lines[:len(w.lines)-1] {
			for name, lines := range map[string][][]byte{
				"taken out":     append(append([][]byte{}, w.lines[:i]...), w.lines[i+1:]...),
				"repeated":      append(append([][]byte{}, w.lines[:i+1]...), w.lines[i:]...),
				"put elsewhere": append(append(append([][]byte{}, w.lines[:i]...), w.lines[i+1], w.lines[i]), w.lines[i+2:]...),
			} {
				if _, err := runbook.DecodeJournal(append(bytes.Join(lines, []byte("\n")), '\n')); err == nil {
					t.Errorf("line %d was %s", i, name)
				}
			}
		}
		if _, err := runbook.DecodeJournal(whole[:len(whole)-1]); err == nil {
			t.Error("the end was cut off")
		}
	})
}

// Texts of servers reach the journal bounded, and without what a terminal obeys.
func TestSI05TextsAreHarmless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do["promote"] = func(runbook.Task) connectors.Outcome {
			w.holds["ledger/promote"] = true
			return connectors.Outcome{State: connectors.Done, Message: "\x1b[2J\xffred\n::error::" + strings.Repeat("é", 9000), Facts: connectors.Facts{"x": "\xff\x00"}}
		}
		w.must(t.Context(), planOf(memberOf("ledger")), runbook.EndSucceeded)
		events, err := w.Events(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if len(e.Message) > 4096 || strings.ContainsAny(e.Message, "\x1b\n\x00") {
				t.Errorf("%d bytes: %.40q", len(e.Message), e.Message)
			}
		}
	})
}

// What is read is written the same way, and nothing makes the reader fail.
func FuzzDecodeEvent(f *testing.F) {
	line, err := anEvent().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := runbook.DecodeEvent(data)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is written %q, %v", data, again, err)
		}
		var s runbook.State
		_ = s.Apply(e)
	})
}
