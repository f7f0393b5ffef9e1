package audit

import (
	"encoding/hex"
	"fmt"

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
	return &Tree{(&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)}
}

// leafHash is the hash of one leaf.
func leafHash(leaf []byte) []byte { return rfc6962.DefaultHasher.HashLeaf(leaf) }

// append adds the hash of a leaf.
func (t *Tree) append(hash []byte) error { return t.nodes.Append(hash, nil) }

// Add adds a segment: its lines, then its sidecar, each a leaf.
func (t *Tree) Add(s Segment, c Sidecar) error {
	lines, err := Lines(s.Raw)
	if err != nil {
		return fmt.Errorf("segment %s: %w", s.ID, err)
	}
	for _, leaf := range append(lines, c.Data) {
		if err := t.append(leafHash(leaf)); err != nil {
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
