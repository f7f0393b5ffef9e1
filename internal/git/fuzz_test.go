package git

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
	"testing"
)

// What git prints of a repository that somebody else made: paths are anything but
// NUL.

func FuzzParseStep(f *testing.F) {
	f.Add([]byte("0123 4567\x00\nA\x00audit/log/x\x00M\x00b\n\x00"))
	f.Add([]byte("0123 \x00\x00"))
	f.Fuzz(func(t *testing.T, record []byte) {
		step, err := parseStep(record)
		if err != nil {
			return
		}
		if step.Commit == "" || step.Parents < 0 {
			t.Errorf("%q: %+v", record, step)
		}
		for _, c := range step.Changes {
			if c.Kind == "" || strings.ContainsRune(c.Path, 0) {
				t.Errorf("%q: %+v", record, c)
			}
		}
	})
}

func FuzzParseBlobs(f *testing.F) {
	f.Add([]byte("100644 blob 0123    12\taudit/log/x\x00120000 blob 4567 3\ta b\nc\x00160000 commit 89 -\tsub\x00"))
	f.Fuzz(func(t *testing.T, out []byte) {
		const max = 100
		blobs, err := parseBlobs(bufio.NewReader(bytes.NewReader(out)), max)
		if err != nil {
			return
		}
		if len(blobs) > max || !slices.IsSortedFunc(blobs, func(a, b Blob) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("%q: %+v", out, blobs)
		}
		for _, b := range blobs {
			if b.ID == "" || b.Mode == "" || strings.ContainsRune(b.Path, 0) {
				t.Errorf("%q: %+v", out, b)
			}
		}
	})
}
