package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// Adopt makes the journal say what a copy of it says that was kept elsewhere, when that
// says more, or something else: another machine has gone on since. What was here then
// is kept beside it. It reports whether the copy was taken; it is not where the journal
// of this machine says all that the copy does.
func (j *File) Adopt(lines []byte) (bool, error) {
	events, err := runbook.DecodeJournal(lines)
	if err != nil {
		return false, fmt.Errorf("the copy of the journal: %w", err)
	}
	var mine bytes.Buffer
	for _, e := range j.events {
		line, err := e.Encode()
		if err != nil {
			return false, err
		}
		mine.Write(append(line, '\n'))
	}
	if bytes.HasPrefix(mine.Bytes(), lines) {
		return false, nil
	}
	path := j.file.Name()
	if !bytes.HasPrefix(lines, mine.Bytes()) {
		// What only this machine knows is evidence: it stays.
		if err := atomicfile.WriteMode(path+".overtaken-"+strconv.Itoa(len(j.events)), mine.Bytes(), 0o600); err != nil {
			return false, fmt.Errorf("keep what this machine had: %w", err)
		}
	}
	// That it was brought is known for as long as nothing was added here, whatever happens
	// to this process meanwhile.
	for _, f := range []struct {
		name string
		data []byte
	}{{path + ".brought", mark(lines)}, {path, lines}} {
		if err := atomicfile.WriteMode(f.name, f.data, 0o600); err != nil {
			return false, fmt.Errorf("take the copy of the journal: %w", err)
		}
		if err := syncDir(filepath.Dir(path)); err != nil {
			return false, fmt.Errorf("take the copy of the journal: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return false, fmt.Errorf("take the copy of the journal: %w", err)
	}
	old := j.file
	j.file, j.events, j.size, j.prev = file, events, int64(len(lines)), ""
	for _, e := range events {
		line, err := e.Encode()
		if err != nil {
			return false, err
		}
		j.prev = runbook.HashLine(line)
	}
	j.pushed, j.Brought = unlogged(events), true
	return true, errors.Join(old.Close(), os.WriteFile(path+".pushed", []byte(strconv.Itoa(j.pushed)+"\n"), 0o600))
}

// mark names a journal by its lines.
func mark(lines []byte) []byte { return []byte(runbook.HashLine(lines) + "\n") }

// unlogged is the first event that the log of the other machine cannot have: what a
// person said about a step after the run had stopped. All before it was brought there by
// the machine that ran.
func unlogged(events []runbook.Event) int {
	first := len(events)
	for i := len(events) - 1; i >= 0; i-- {
		switch events[i].Kind {
		case runbook.StepResolved, runbook.StepDisputed:
			first = i
		case runbook.Released, runbook.AuditDegraded, runbook.AuditRestored:
		default:
			return first
		}
	}
	return first
}
