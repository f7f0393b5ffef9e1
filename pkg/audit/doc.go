// Package audit is the record of what was checked, requested, approved and done:
// append-only, signed, and verifiable by somebody who trusts neither the writer
// nor the place it is kept.
//
// A log is a set of files, each written once. Entries are lines of JSON in
// canonical form; the entries of one batch are a segment; a sidecar beside it
// holds its signature. Seals list segments in order and carry a signed checkpoint
// of the Merkle tree over all of them, so that nothing sealed can be changed,
// dropped, inserted or moved unseen. What a log cannot tell by itself, that its
// newest end is missing, is told by a checkpoint kept elsewhere (a pin).
//
// The package takes bytes and keys and gives a verdict. It knows no clock, no
// network and no Git; packages gitlog and dirlog keep the files. docs/audit-format.md
// describes the format for those who write their own verifier.
package audit
