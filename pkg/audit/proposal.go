package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/canonical"
)

// Proposal is a new version of the keys on its way to the log: its document, and the
// segment that puts it in force, with the signatures so far. It is a file that
// trust-admins hand on. It holds no secret, and nothing of it counts before enough
// of them have signed.
type Proposal struct {
	Follows string `json:"follows"` // SHA-256 of the version in force when it was made
	Segment string `json:"segment"` // bytes of the segment
	Sidecar string `json:"sidecar"` // bytes of its DSSE sidecar; empty before the first signature
	Trust   string `json:"trust"`   // bytes of the new version
	V       int    `json:"v"`
}

// Propose makes the proposal of a version that follows the one whose bytes are
// before. The view is that of the log now: the proposal is to be in the log within
// its limit for segments that are not sealed, because an entry that comes later than
// that looks like one that was back-dated.
func Propose(before []byte, next Trust, view View, now time.Time, tool string) (Proposal, error) {
	was, err := DecodeTrust(before)
	if err != nil {
		return Proposal{}, fmt.Errorf("propose keys: the version in force: %w", err)
	}
	if err := next.Lasting(view.Index); err != nil {
		return Proposal{}, fmt.Errorf("propose keys: %w", err)
	}
	text, err := EncodeTrust(next)
	if err != nil {
		return Proposal{}, err
	}
	admins := was.admins(view.Index)
	if len(admins) == 0 {
		return Proposal{}, errors.New("propose keys: no trust-admin key of type ed25519 is in force")
	}
	entry := Entry{Type: TrustUpdate, Trust: &TrustRef{Version: next.Version, SHA256: digest(text)}}
	s, err := NewRun(was.Log, now, tool).Open(now, view, SignerID{BackendEd25519, admins[0].ID}, entry)
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{V: Version, Follows: digest(before), Segment: string(s.Raw), Trust: string(text)}
	_, err = p.Open(before)
	return p, err
}

// admins are the keys that may sign the next version, at a leaf.
func (t Trust) admins(leaf int64) []Key {
	return slices.DeleteFunc(slices.Clone(t.Keys), func(k Key) bool {
		return !k.has(RoleTrustAdmin) || !k.in(leaf) || k.Alg != BackendEd25519
	})
}

// DecodeProposal reads a proposal. What it says is for Open to judge.
func DecodeProposal(text []byte) (Proposal, error) {
	var p Proposal
	if err := decodeStrict(text, &p); err != nil {
		return p, fmt.Errorf("it is no proposal of keys: %w", err)
	}
	if p.V != Version {
		return p, fmt.Errorf("it is a proposal of form %d, this program knows %d", p.V, Version)
	}
	return p, nil
}

// Encode returns the bytes of a proposal.
func (p Proposal) Encode() ([]byte, error) { return canonical.Encode(p) }

// Proposed is a proposal after everything in it was checked against the version it
// follows.
type Proposed struct {
	Before, Next Trust
	At           time.Time // when it was made
	Segment      Segment
	Signers      []string // ids of the trust-admin keys that signed, each once
}

// Missing is how many signatures are still needed.
func (o Proposed) Missing() int64 { return max(0, o.Before.Threshold-int64(len(o.Signers))) }

// Errors of a proposal that a caller may ask for.
var (
	// ErrOvertaken says that the keys have changed since the proposal was made.
	ErrOvertaken = errors.New("the keys have changed since this was proposed")

	// ErrNoAdmin says that a key is no trust-admin key in force.
	ErrNoAdmin = errors.New("it is no trust-admin key of the version in force")
)

// Open checks a proposal against the bytes of the version that is in force: that it
// follows it, that its segment does nothing else, and who signed it.
func (p Proposal) Open(before []byte) (Proposed, error) {
	var o Proposed
	var err error
	if o.Before, err = DecodeTrust(before); err != nil {
		return o, fmt.Errorf("the version in force: %w", err)
	}
	if digest(before) != p.Follows {
		return o, fmt.Errorf("%w: version %d is in force", ErrOvertaken, o.Before.Version)
	}
	if o.Next, err = DecodeTrust([]byte(p.Trust)); err != nil {
		return o, fmt.Errorf("the proposed version: %w", err)
	}
	if o.Next.Version != o.Before.Version+1 || o.Next.Log != o.Before.Log {
		return o, fmt.Errorf("the proposal is version %d of log %s, to follow version %d of %s", o.Next.Version, o.Next.Log, o.Before.Version, o.Before.Log)
	}
	lines, err := Lines([]byte(p.Segment))
	if err != nil || len(lines) != 2 {
		return o, errors.New("the proposal's segment is not of two entries")
	}
	var entries [2]Entry
	for i, line := range lines {
		if entries[i], err = Decode(line); err != nil {
			return o, fmt.Errorf("the proposal's segment, line %d: %w", i+1, err)
		}
	}
	first, update := entries[0], entries[1]
	id, err := ParseSegmentID(first.Segment)
	if err != nil {
		return o, err
	}
	if first.Type != SegmentOpen || update.Type != TrustUpdate || update.Segment != first.Segment || first.Log != o.Before.Log || update.Log != o.Before.Log || id.Part != 1 ||
		first.Seq != 0 || update.Seq != 1 || *update.Trust != (TrustRef{digest([]byte(p.Trust)), o.Next.Version}) {
		return o, errors.New("the proposal's segment does something else than to put its version in force")
	}
	o.Segment, o.At = Segment{id, []byte(p.Segment)}, update.Time.Time
	if p.Sidecar != "" {
		o.Signers, err = o.signers(Sidecar{extDSSE, []byte(p.Sidecar)})
	}
	return o, err
}

// signers finds the admins whose signatures a sidecar has. One that is not good makes
// the whole sidecar no good.
func (o Proposed) signers(c Sidecar) ([]string, error) {
	all, err := openSidecar(o.Before.Log, o.Segment, o.Segment.SHA256(), c)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, x := range all {
		i := slices.IndexFunc(o.Before.Keys, func(k Key) bool { return k.ID == x.keyID && k.has(RoleTrustAdmin) })
		if i < 0 {
			return nil, fmt.Errorf("signature of key %s: %w", shortID(x.keyID), ErrNoAdmin)
		}
		public, ok := o.Before.Keys[i].public()
		switch {
		case !ok || !x.verify(public):
			return nil, fmt.Errorf("the signature of key %s does not fit the proposal", shortID(x.keyID))
		case slices.Contains(ids, x.keyID):
			return nil, fmt.Errorf("key %s signed twice", shortID(x.keyID))
		}
		ids = append(ids, x.keyID)
	}
	return ids, nil
}

// Sign adds a signature.
func (p Proposal) Sign(ctx context.Context, before []byte, s Signer) (Proposal, error) {
	o, err := p.Open(before)
	if err != nil {
		return p, err
	}
	id := s.ID().KeyID
	switch {
	case !slices.ContainsFunc(o.Before.Keys, func(k Key) bool { return k.ID == id && k.has(RoleTrustAdmin) && k.ToIndex == nil }):
		return p, fmt.Errorf("key %s: %w", shortID(id), ErrNoAdmin)
	case slices.Contains(o.Signers, id):
		return p, fmt.Errorf("key %s has signed this already", shortID(id))
	}
	side, err := s.Sign(ctx, o.Before.Log, o.Segment)
	if err == nil && p.Sidecar != "" {
		side, err = Cosign(ctx, o.Before.Log, o.Segment, Sidecar{extDSSE, []byte(p.Sidecar)}, s)
	}
	if err != nil {
		return p, err
	}
	if side.Ext != extDSSE {
		return p, fmt.Errorf("key %s: a trust-admin key is of type %s", shortID(id), BackendEd25519)
	}
	p.Sidecar = string(side.Data)
	_, err = p.Open(before)
	return p, err
}

// Complete returns the segment with its signatures, once there are enough.
func (p Proposal) Complete(before []byte) (Signed, error) {
	o, err := p.Open(before)
	if err != nil {
		return Signed{}, err
	}
	if n := o.Missing(); n > 0 {
		return Signed{}, fmt.Errorf("%w: %d of %d are there", ErrUnsigned, len(o.Signers), o.Before.Threshold)
	}
	return Signed{o.Segment, Sidecar{extDSSE, []byte(p.Sidecar)}}, nil
}

// ErrUnsigned says that more trust-admins must sign a proposal.
var ErrUnsigned = errors.New("more trust-admins must sign")

// Fits reports whether a log would be whole with a proposal in it as it is now, and
// the proposed version in force.
func (p Proposal) Fits(ctx context.Context, a Archive, before []byte, o Options) error {
	signed, err := p.Complete(before)
	if err != nil {
		return err
	}
	opened, err := p.Open(before)
	if err != nil {
		return err
	}
	first, err := Decode([]byte(p.Segment[:strings.IndexByte(p.Segment, '\n')]))
	if err != nil {
		return err
	}
	path := SegmentPath(signed.ID)
	more := Memory{path: signed.Raw, path + signed.Sidecar.Ext: signed.Sidecar.Data, TrustPath(opened.Next.Version): []byte(p.Trust)}
	var seen time.Time // newest entry under the seal that the proposal saw
	o.MaxAge, o.Each = -1, func(e Recorded) error {
		if e.Leaf < first.Seen.Size && e.Time.After(seen) {
			seen = e.Time.Time
		}
		return nil
	}
	report, err := Verify(ctx, Overlay(a, more), o)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		if f.Path == path || f.Path == path+signed.Sidecar.Ext || f.Path == TrustPath(opened.Next.Version) {
			return fmt.Errorf("the log would not verify with it: %s: %s", f.Rule, f.Message)
		}
	}
	limit := seconds(opened.Before.Limits.MaxUnsealed)
	switch lag := report.Newest.Sub(seen); {
	case report.Trust != opened.Next.Version:
		return fmt.Errorf("version %d of the keys would not come in force", opened.Next.Version)
	case lag > limit:
		return fmt.Errorf("%w: it saw nothing newer than %s before the log's newest entry, and %s is the limit (AUD-20)", ErrLate, lag.Round(time.Second), limit)
	}
	return nil
}

// ErrLate says that the log has gone on too far since a proposal was made.
var ErrLate = errors.New("the proposal is too old")
