package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Next is the version after this one, with the same keys and limits: a copy, to be
// changed before it is proposed.
func (t Trust) Next() Trust {
	t.Version++
	t.Keys = slices.Clone(t.Keys)
	for i := range t.Keys {
		t.Keys[i].Roles = slices.Clone(t.Keys[i].Roles)
	}
	if t.Witnesses != nil {
		t.Witnesses = &Witnesses{slices.Clone(t.Witnesses.Keys), t.Witnesses.Quorum}
	}
	return t
}

// AddWitness adds a witness by its verifier key. The quorum is set apart, and is 1 to
// begin with.
func (t *Trust) AddWitness(key string) error {
	if _, err := witnessVerifier(key); err != nil {
		return err
	}
	if t.Witnesses == nil {
		t.Witnesses = &Witnesses{Quorum: 1}
	}
	t.Witnesses.Keys = append(t.Witnesses.Keys, key)
	slices.Sort(t.Witnesses.Keys)
	return t.Witnesses.check()
}

// DropWitness takes a witness away by its name; with the last one, the log has none.
func (t *Trust) DropWitness(name string) error {
	if t.Witnesses != nil {
		keys := slices.DeleteFunc(slices.Clone(t.Witnesses.Keys), func(key string) bool { return strings.HasPrefix(key, name+"+") })
		if len(keys) < len(t.Witnesses.Keys) {
			t.Witnesses = &Witnesses{keys, min(t.Witnesses.Quorum, int64(len(keys)))}
			if len(keys) == 0 {
				t.Witnesses = nil
			}
			return nil
		}
	}
	return fmt.Errorf("no witness of the log is %q", name)
}

// minPrefix is how much of a key's id names it.
const minPrefix = 8

// Find returns the key with an id, or the only one whose id begins so.
func (t Trust) Find(id string) (Key, error) {
	i, err := t.find(id)
	if err != nil {
		return Key{}, err
	}
	return t.Keys[i], nil
}

func (t Trust) find(id string) (int, error) {
	if i := slices.IndexFunc(t.Keys, func(k Key) bool { return k.ID == id }); i >= 0 {
		return i, nil
	}
	found := -1
	for i, k := range t.Keys {
		switch {
		case len(id) < minPrefix || !strings.HasPrefix(k.ID, id):
		case found >= 0:
			return 0, fmt.Errorf("more than one key of the log begins with %q", id)
		default:
			found = i
		}
	}
	if found < 0 {
		return 0, fmt.Errorf("no key of the log is %q; write its id or at least %d characters of it", id, minPrefix)
	}
	return found, nil
}

// Add adds a key that may sign from a leaf on. One that was there before does not
// come back: what it signed in between could not be told apart.
func (t *Trust) Add(k Key, from int64, roles ...Role) error {
	if slices.ContainsFunc(t.Keys, func(have Key) bool { return have.ID == k.ID }) {
		return fmt.Errorf("key %s is or was among the keys already; make a new one", shortID(k.ID))
	}
	k.Roles = slices.Compact(slices.Sorted(slices.Values(roles)))
	k.FromIndex, k.ToIndex, k.Suspect = from, nil, nil
	if k.has(RoleTrustAdmin) && k.Alg != BackendEd25519 {
		return fmt.Errorf("key %s: a trust-admin key is of type %s, so that several can sign one version", shortID(k.ID), BackendEd25519)
	}
	if err := k.check(t.Log); err != nil {
		return fmt.Errorf("key %s: %w", shortID(k.ID), err)
	}
	t.Keys = append(t.Keys, k)
	return nil
}

// Retire closes a key at a leaf: it is the first that the key may not sign. What it
// signed before stays good. An end is never moved to a later leaf.
func (t *Trust) Retire(id string, at int64) error {
	i, err := t.find(id)
	if err != nil {
		return err
	}
	k := &t.Keys[i]
	switch {
	case k.ToIndex != nil && *k.ToIndex <= at:
		return fmt.Errorf("key %s is retired already, at leaf %d", shortID(k.ID), *k.ToIndex)
	case at < k.FromIndex:
		return fmt.Errorf("key %s begins at leaf %d, and cannot end at leaf %d", shortID(k.ID), k.FromIndex, at)
	}
	k.ToIndex = &at
	return nil
}

// MarkSuspect says that what a key signed at some leaves may have been signed by
// somebody else. Such entries stay, and every verification names them. A range only
// grows: what was suspect once stays so.
func (t *Trust) MarkSuspect(id string, r Range) error {
	i, err := t.find(id)
	if err != nil {
		return err
	}
	k := &t.Keys[i]
	if r.From < 0 || r.To <= r.From {
		return fmt.Errorf("leaves %d to %d are no range", r.From, r.To)
	}
	if was := k.Suspect; was != nil {
		r.From, r.To = min(r.From, was.From), max(r.To, was.To)
	}
	k.Suspect = &r
	return nil
}

// Lasting reports whether the log can go on with these keys from a leaf on: somebody
// may write, somebody may seal, and enough people can sign the next version.
func (t Trust) Lasting(from int64) error {
	counts := map[Role]int64{}
	for _, k := range t.Keys {
		if k.ToIndex == nil || *k.ToIndex > from {
			for _, r := range k.Roles {
				counts[r]++
			}
		}
	}
	switch {
	case counts[RoleWriter] == 0:
		return errors.New("no key would be left that may sign entries; add one with the role writer")
	case counts[RoleLog] == 0:
		return errors.New("no key would be left that may sign checkpoints; add one with the role log")
	case counts[RoleTrustAdmin] < t.Threshold:
		return fmt.Errorf("%d trust-admin keys would be left, and %d must sign the next version: nobody could ever change the keys again", counts[RoleTrustAdmin], t.Threshold)
	case t.Threshold > maxSignatures:
		return fmt.Errorf("at most %d keys sign a version", maxSignatures)
	}
	return nil
}

// ParsePublicKey reads a public key for a trust document: PEM (PUBLIC KEY), a line
// of authorized_keys, or the verifier key of a log.
func ParsePublicKey(text []byte) (Key, error) {
	line := strings.TrimSpace(string(text))
	block, rest := pem.Decode(text)
	switch {
	case strings.Contains(line, "PRIVATE"):
		return Key{}, errors.New("that is a private key; give the public one")
	case block != nil && block.Type == "PUBLIC KEY" && len(bytes.TrimSpace(rest)) == 0:
		k := Key{Alg: BackendEd25519, Public: base64.StdEncoding.EncodeToString(block.Bytes)}
		public, ok := k.ed25519()
		if !ok {
			return Key{}, errors.New("the public key is not an Ed25519 key")
		}
		k.ID = keyID(public)
		return k, nil
	case strings.HasPrefix(line, "ssh-"):
		public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil || public.Type() != ssh.KeyAlgoED25519 {
			return Key{}, fmt.Errorf("the public key is no SSH key of type %s", ssh.KeyAlgoED25519)
		}
		return Key{Alg: BackendSSH, ID: ssh.FingerprintSHA256(public), Public: authorizedKey(public)}, nil
	case strings.Count(line, "+") >= 2 && !strings.Contains(line, "\n"):
		return LogPublicKey(line)
	default:
		return Key{}, errors.New("it is no public key: neither PEM (PUBLIC KEY) nor ssh-ed25519 nor the verifier key of a log")
	}
}

// PublicText is a key in the form ParsePublicKey reads.
func (k Key) PublicText() []byte {
	if k.Alg != BackendEd25519 {
		return []byte(k.Public + "\n")
	}
	der, err := base64.StdEncoding.DecodeString(k.Public)
	if err != nil {
		return nil // a key that was checked has this form
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
