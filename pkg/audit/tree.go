package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Tree is the Merkle tree over the leaves of a log so far (RFC 6962, SHA-256). It
// keeps the few nodes that are needed to go on.
type Tree struct {
	nodes *compact.Range
}

// NewTree returns the empty tree.
func NewTree() *Tree {
	return &Tree{(&compact.RangeFactory{Hash: nodeHash}).NewEmptyRange(0)}
}

// nodeHash is the hash of a node of the tree, as rfc6962.DefaultHasher has it, with
// one allocation.
func nodeHash(left, right []byte) []byte {
	var node [1 + 2*sha256.Size]byte
	node[0] = rfc6962.RFC6962NodeHashPrefix
	copy(node[1:], left)
	copy(node[1+sha256.Size:], right)
	sum := sha256.Sum256(node[:])
	return sum[:]
}

// leafHasher makes the hashes of leaves, as rfc6962.DefaultHasher has them.
type leafHasher struct{ hash.Hash }

func newLeafHasher() leafHasher { return leafHasher{sha256.New()} }

func (h leafHasher) leaf(data []byte) (sum [sha256.Size]byte) {
	h.Reset()
	h.Write([]byte{rfc6962.RFC6962LeafHashPrefix})
	h.Write(data)
	h.Sum(sum[:0])
	return sum
}

// append adds the hash of a leaf.
func (t *Tree) append(hash []byte) error { return t.nodes.Append(hash, nil) }

// Add adds a segment: its lines, then its sidecar, each a leaf.
func (t *Tree) Add(s Segment, c Sidecar) error {
	lines, err := Lines(s.Raw)
	if err != nil {
		return fmt.Errorf("segment %s: %w", s.ID, err)
	}
	h := newLeafHasher()
	for _, leaf := range append(lines, c.Data) {
		sum := h.leaf(leaf)
		if err := t.append(sum[:]); err != nil {
			return err
		}
	}
	return nil
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return int64(t.nodes.End()) }

// Head returns size and root.
func (t *Tree) Head() (TreeHead, error) {
	if t.Size() == 0 {
		return TreeHead{hex.EncodeToString(rfc6962.DefaultHasher.EmptyRoot()), 0}, nil
	}
	root, err := t.nodes.GetRootHash(nil)
	return TreeHead{hex.EncodeToString(root), t.Size()}, err
}
