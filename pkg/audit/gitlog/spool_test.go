package gitlog

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/audit"
)

// A file of the spool adds nothing but what belongs to its segment, whatever is in
// it.
func FuzzSpool(f *testing.F) {
	const id = "20260301T120000Z-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f-0001"
	segment, err := audit.ParseSegmentID(id)
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{audit.SegmentPath(segment), audit.SegmentPath(segment) + ".sig", audit.TrustPath(2), "README.md", "x\nM 100644 inline y"} {
		text, err := json.Marshal(batch{ID: id, Files: map[string][]byte{path: []byte("{}")}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := decodeBatch(text, id)
		if err != nil {
			return
		}
		for path := range b.Files {
			if !strings.HasPrefix(path, "audit/") || strings.ContainsAny(path, "\n\"\x00") {
				t.Errorf("%q", path)
			}
		}
	})
}
