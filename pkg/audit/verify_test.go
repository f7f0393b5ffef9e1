package audit_test

import (
	"testing"

	"github.com/bcctl/bcctl/pkg/audit"
)

func TestUntouchedLogVerifies(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{audit.BackendEd25519, audit.BackendSSH} {
		b := newBook(t, backend)
		for i := range 20 {
			b.write(verdict("payments"), verdict("shop"))
			if i%3 == 0 {
				b.seal()
			}
		}
		pin := b.files[audit.NotePath(b.head.Size)]
		n := 0
		r := b.verify(audit.Options{Pin: pin, Each: func(audit.Recorded) error { n++; return nil }})
		if r.Result != audit.Verified || r.Segments != 21 || r.Entries != 61 || n != 61 || r.Tier != 1 || r.Head != b.head {
			t.Errorf("%s: %+v, %d entries given", backend, r, n)
		}
	}
}
