package audit_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/audit"
)

// With a pin, signatures below it are not checked once more, and every byte there
// counts as before: a log that was changed below or above it is not added to.
func TestPrepareWithPin(t *testing.T) {
	t.Parallel()
	b := newBook(t, audit.BackendEd25519)
	for range 6 {
		b.write(verdict("payments"))
		b.seal()
	}
	pin := b.files[audit.NotePath(b.head.Size)]
	for range 3 {
		b.write(verdict("payments"))
		b.seal()
	}
	b.write(verdict("payments"))
	next, err := audit.Prepare(t.Context(), b.files, pin)
	if err != nil || next.Head != b.head || len(next.Segments) != 1 || len(next.Skipped) != 0 {
		t.Fatalf("%+v, %v", next, err)
	}
	unsealed := audit.SegmentPath(b.pending[0].ID)
	changed := 0
	for path := range b.files {
		if strings.HasPrefix(path, "audit/trust/") || strings.HasPrefix(path, unsealed) {
			continue
		}
		files := maps.Clone(b.files)
		files[path] = bytes.Clone(files[path])
		files[path][len(files[path])/2] ^= 1
		if _, err := audit.Prepare(t.Context(), files, pin); err == nil {
			t.Errorf("%s was changed, and the log is added to", path)
		}
		changed++
	}
	if changed != 2*10+2*10 {
		t.Errorf("%d files were changed", changed)
	}
	other := newBook(t, audit.BackendEd25519)
	if _, err := audit.Prepare(t.Context(), b.files, other.files[audit.NotePath(other.head.Size)]); err == nil {
		t.Error("the pin of another log is taken")
	}
	// A signature that is wrong is still found where nothing vouches for it.
	side := b.pending[0].Sidecar
	b.files[unsealed+side.Ext] = bytes.Replace(side.Data, []byte(`"sig":"`), []byte(`"sig":"AAAA`), 1)
	if next, err = audit.Prepare(t.Context(), b.files, pin); err != nil || len(next.Segments) != 0 || len(next.Skipped) == 0 {
		t.Errorf("%+v, %v", next, err)
	}
}
