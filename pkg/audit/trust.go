package audit

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"

	"github.com/bcctl/bcctl/internal/canonical"
)

// Role is what a key may sign.
type Role string

// Roles of keys. The key of the log and the keys of writers must differ.
const (
	RoleWriter     Role = "writer"      // segments
	RoleLog        Role = "log"         // checkpoints
	RoleTrustAdmin Role = "trust-admin" // new versions of the trust document
	RoleBreakGlass Role = "breakglass"  // segments of an emergency
)

// AlgNote is the algorithm of a log's key: Ed25519, as a note verifier key with
// the origin as its name (C2SP signed-note).
const AlgNote = "note"

// Trust is a version of the keys that count, and of the limits of a log. Each
// version is a file of its own; the first is named by the genesis entry, each
// later one by a trust.update entry.
type Trust struct {
	Keys      []Key  `json:"keys"`
	Limits    Limits `json:"limits"`
	Log       string `json:"log"`       // origin
	Threshold int64  `json:"threshold"` // how many trust-admin keys must sign the next version
	V         int    `json:"v"`
	Version   int64  `json:"version"` // from 1

	Witnesses *Witnesses `json:"witnesses,omitzero"` // nil: nobody cosigns
}

// Key is a public key with what it may sign, and where in the log.
type Key struct {
	Alg       string `json:"alg"`              // ed25519, ssh or note
	FromIndex int64  `json:"fromIndex"`        // first leaf it may sign
	ID        string `json:"id"`               // as signatures name it
	Public    string `json:"public"`           // base64 of the DER form, a line of authorized_keys, or a note verifier key
	Roles     []Role `json:"roles"`            // sorted
	Suspect   *Range `json:"suspect,omitzero"` // leaves that may have been signed by somebody else
	ToIndex   *int64 `json:"toIndex,omitzero"` // first leaf it may not sign any more; absent: no end
}

// Range is a range of leaves.
type Range struct {
	From int64 `json:"from"` // inclusive
	To   int64 `json:"to"`   // exclusive
}

// Limits say what is too late. All are in seconds.
type Limits struct {
	Heartbeat   int64 `json:"heartbeat"`   // something is written at least this often
	MaxUnsealed int64 `json:"maxUnsealed"` // a segment is sealed within this time
	Skew        int64 `json:"skew"`        // clocks may differ by this much
}

// DefaultLimits are one hour, one day and five minutes.
func DefaultLimits() Limits { return Limits{Heartbeat: 3600, MaxUnsealed: 86400, Skew: 300} }

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// MayWrite reports whether the key may sign the segment that begins at a leaf.
func (k Key) MayWrite(index int64) bool {
	return (k.has(RoleWriter) || k.has(RoleBreakGlass)) && k.in(index)
}

func (k Key) has(r Role) bool { return slices.Contains(k.Roles, r) }

func (k Key) in(index int64) bool {
	return index >= k.FromIndex && (k.ToIndex == nil || index < *k.ToIndex)
}

func (k Key) ed25519() (ed25519.PublicKey, bool) {
	if k.Alg != BackendEd25519 {
		return nil, false
	}
	der, err := base64.StdEncoding.Strict().DecodeString(k.Public)
	if err != nil {
		return nil, false
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, false
	}
	public, ok := parsed.(ed25519.PublicKey)
	return public, ok
}

func (k Key) ssh() (ssh.PublicKey, bool) {
	if k.Alg != BackendSSH {
		return nil, false
	}
	public, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(k.Public))
	return public, err == nil && len(options) == 0 && len(rest) == 0 && public.Type() == ssh.KeyAlgoED25519
}

func (k Key) note() (note.Verifier, bool) {
	if k.Alg != AlgNote {
		return nil, false
	}
	v, err := note.NewVerifier(k.Public)
	return v, err == nil
}

// EncodeTrust returns the bytes of a version, as its file holds them. A document
// that would not be accepted is an error.
func EncodeTrust(t Trust) ([]byte, error) {
	text, err := canonical.Encode(t)
	if err != nil {
		return nil, fmt.Errorf("encode trust document: %w", err)
	}
	if _, err := DecodeTrust(text); err != nil {
		return nil, fmt.Errorf("encode trust document: %w", err)
	}
	return text, nil
}

// DecodeTrust reads a version.
func DecodeTrust(text []byte) (Trust, error) {
	var t Trust
	if err := decodeStrict(text, &t); err != nil {
		return t, err
	}
	return t, t.check()
}

func (t Trust) check() error {
	if t.V != Version {
		return fmt.Errorf("v is %d, this program knows %d", t.V, Version)
	}
	if err := CheckOrigin(t.Log); err != nil {
		return err
	}
	if t.Version < 1 || t.Limits.Heartbeat <= 0 || t.Limits.MaxUnsealed <= 0 || t.Limits.Skew < 0 {
		return errors.New("version and limits must be positive")
	}
	var ids []string
	counts := map[Role]int{}
	for _, k := range t.Keys {
		if err := k.check(t.Log); err != nil {
			return fmt.Errorf("key %q: %w", k.ID, err)
		}
		if slices.Contains(ids, k.ID) {
			return fmt.Errorf("key %q stands there twice", k.ID)
		}
		ids = append(ids, k.ID)
		for _, r := range k.Roles {
			counts[r]++
		}
	}
	for _, r := range []Role{RoleWriter, RoleLog, RoleTrustAdmin} {
		if counts[r] == 0 {
			return fmt.Errorf("no key has the role %s", r)
		}
	}
	if t.Witnesses != nil {
		if err := t.Witnesses.check(); err != nil {
			return err
		}
	}
	if t.Threshold < 1 || int64(counts[RoleTrustAdmin]) < t.Threshold {
		return fmt.Errorf("threshold %d is not between 1 and the number of trust-admin keys, %d", t.Threshold, counts[RoleTrustAdmin])
	}
	return nil
}

func (k Key) check(origin string) error {
	if k.FromIndex < 0 || k.ToIndex != nil && *k.ToIndex < k.FromIndex {
		return errors.New("fromIndex and toIndex are no range")
	}
	if k.Suspect != nil && (k.Suspect.From < 0 || k.Suspect.To < k.Suspect.From) {
		return errors.New("suspect is no range")
	}
	if len(k.Roles) == 0 || !slices.IsSorted(k.Roles) {
		return errors.New("roles must be given, sorted")
	}
	isLog := k.has(RoleLog)
	if isLog && len(k.Roles) > 1 {
		return errors.New("the key of the log may sign nothing else")
	}
	for _, r := range k.Roles {
		if !slices.Contains([]Role{RoleWriter, RoleLog, RoleTrustAdmin, RoleBreakGlass}, r) {
			return fmt.Errorf("role %q is not known", r)
		}
	}
	switch {
	case isLog:
		v, ok := k.note()
		if !ok || v.Name() != origin || k.ID != fmt.Sprintf("%08x", v.KeyHash()) {
			return errors.New("it is no note verifier key with the origin as its name")
		}
	case k.Alg == BackendEd25519:
		if public, ok := k.ed25519(); !ok || keyID(public) != k.ID {
			return errors.New("it is no Ed25519 key with that id")
		}
	case k.Alg == BackendSSH:
		if public, ok := k.ssh(); !ok || ssh.FingerprintSHA256(public) != k.ID {
			return errors.New("it is no SSH key of type ed25519 with that fingerprint")
		}
	default:
		return fmt.Errorf("algorithm %q is not known", k.Alg)
	}
	return nil
}
