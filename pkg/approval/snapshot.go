package approval

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/canonical"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// SnapshotSchema names the form of a Snapshot.
const SnapshotSchema = "bcctl-trust-snapshot-v1"

// Snapshot says which roster and which policies count while the forge cannot be
// reached. It is signed by several keys that are configured on the host, outside of
// the repository, so that whoever owns the clone cannot add a key to it (OFF-02). Its
// members are in canonical order.
type Snapshot struct {
	Expires    time.Time      `json:"expires"`
	Issued     time.Time      `json:"issued"`
	Policies   []SnapshotFile `json:"policies"` // sorted by path
	Repository int64          `json:"repository"`
	Roster     SnapshotFile   `json:"roster"`
	Schema     string         `json:"schema"`
	Version    int64          `json:"version"` // grows with each snapshot
}

// SnapshotFile is a file of the repository.
type SnapshotFile struct {
	Path   string         `json:"path"`
	SHA256 runbook.Digest `json:"sha256"`
}

// EncodeSnapshot writes a snapshot as it is signed.
func EncodeSnapshot(s Snapshot) ([]byte, error) {
	text, err := canonical.Encode(s)
	if err != nil {
		return nil, fmt.Errorf("encode trust snapshot: %w", err)
	}
	if _, err := DecodeSnapshot(text); err != nil {
		return nil, fmt.Errorf("encode trust snapshot: %w", err)
	}
	return text, nil
}

// DecodeSnapshot reads a snapshot.
func DecodeSnapshot(text []byte) (Snapshot, error) {
	var s Snapshot
	if err := decodeCanonical(text, &s); err != nil {
		return Snapshot{}, fmt.Errorf("read trust snapshot: %w", err)
	}
	switch {
	case s.Schema != SnapshotSchema:
		return Snapshot{}, fmt.Errorf("read trust snapshot: its form is %q, not %q", s.Schema, SnapshotSchema)
	case s.Repository <= 0 || s.Version <= 0:
		return Snapshot{}, errors.New("read trust snapshot: it has no repository or no version")
	case !wholeUTC(s.Issued) || !wholeUTC(s.Expires) || !s.Issued.Before(s.Expires):
		return Snapshot{}, errors.New("read trust snapshot: its times are not whole seconds in UTC, one after the other")
	case s.Roster.Path == "" || !s.Roster.SHA256.Valid():
		return Snapshot{}, errors.New("read trust snapshot: it names no roster")
	case len(s.Policies) == 0:
		return Snapshot{}, errors.New("read trust snapshot: it names no policy")
	}
	for i, p := range s.Policies {
		if p.Path == "" || !p.SHA256.Valid() || i > 0 && s.Policies[i-1].Path >= p.Path {
			return Snapshot{}, errors.New("read trust snapshot: its policies are not sorted, or one is incomplete")
		}
	}
	return s, nil
}

// VerifySnapshot reads a snapshot and checks that enough of the root keys signed it.
// Each key counts once.
func VerifySnapshot(text []byte, signatures [][]byte, trust Trust) (Snapshot, error) {
	if trust.Threshold < 1 || trust.Threshold > len(trust.Roots) {
		return Snapshot{}, fmt.Errorf("verify trust snapshot: %d of %d root keys can never sign; configure them on this host", trust.Threshold, len(trust.Roots))
	}
	var signed []string
	for _, sig := range signatures {
		fp, err := verifySSH(text, sig, NamespaceTrust)
		if err == nil && slices.Contains(trust.Roots, fp) {
			signed = insert(signed, fp)
		}
	}
	if len(signed) < trust.Threshold {
		return Snapshot{}, fmt.Errorf("verify trust snapshot: %d root keys signed it, and %d must", len(signed), trust.Threshold)
	}
	return DecodeSnapshot(text)
}
