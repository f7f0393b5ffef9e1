package audit

import (
	"bytes"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
)

// The hashes of the tree are those of RFC 6962, as the library has them.
func TestHashes(t *testing.T) {
	t.Parallel()
	h := newLeafHasher()
	for _, n := range []int{0, 1, 31, 32, 63, 64, 65, 1000} {
		data := bytes.Repeat([]byte{byte(n)}, n)
		if sum := h.leaf(data); !bytes.Equal(sum[:], rfc6962.DefaultHasher.HashLeaf(data)) {
			t.Errorf("leaf of %d bytes: %x", n, sum)
		}
	}
	left, right := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	if !bytes.Equal(nodeHash(left, right), rfc6962.DefaultHasher.HashChildren(left, right)) {
		t.Error("the hash of a node differs")
	}
}
