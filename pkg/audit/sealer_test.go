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

// However long nobody seals, a writer finds room to say what it saw.
func TestViewOfManyUnsealed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		chained bool
		want    int
	}{"each saw the one before": {true, 1}, "none saw another": {false, 512}} {
		b := newBook(t, audit.BackendEd25519)
		seen := audit.View{Seen: b.head}
		for range 1100 {
			s, err := audit.NewRun(origin, b.now, "bcctl test").Open(b.now, seen, b.writer.ID())
			if err != nil {
				t.Fatal(err)
			}
			b.sign(s, b.writer)
			if tt.chained {
				seen.Frontier = []string{s.SHA256()}
			}
		}
		next, err := audit.Prepare(t.Context(), b.files, nil)
		if err != nil {
			t.Fatal(err)
		}
		view := next.View()
		if len(view.Frontier) != tt.want {
			t.Errorf("%s: %d segments are named, want %d", name, len(view.Frontier), tt.want)
		}
		if _, err := audit.NewRun(origin, b.now, "bcctl test").Open(b.now, view, b.writer.ID(), verdict("payments")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// One that is taken away is missed by the one that saw it.
		if tt.chained {
			path := audit.SegmentPath(b.pending[500].ID)
			delete(b.files, path)
			delete(b.files, path+b.pending[500].Sidecar.Ext)
			found := false
			for _, f := range b.verify(audit.Options{}).Findings {
				found = found || f.Rule == "AUD-14"
			}
			if !found {
				t.Error("a segment was taken away, and nothing is found")
			}
		}
	}
}
