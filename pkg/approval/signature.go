package approval

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Namespaces of SSH signatures. A signature made for one thing never counts for
// another, and none made for git or for the audit log counts here (OFF-03).
const (
	NamespaceApproval = "bcctl-approval-v1" // offline statements
	NamespaceConfirm  = "bcctl-confirm-v1"  // typed confirmations
	NamespaceTrust    = "bcctl-trust-v1"    // trust snapshots
	NamespaceUnlock   = "bcctl-unlock-v1"   // that a lock is to be broken
	NamespaceResolve  = "bcctl-resolve-v1"  // what became of a step in doubt
)

// maxSignature is the longest armored signature that is read.
const maxSignature = 16 << 10

// fingerprint is the SHA-256 fingerprint of a public key in the form of
// authorized_keys, as ssh-keygen -lf prints it; empty when it is none.
func fingerprint(key string) string {
	public, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(key))
	if err != nil || len(options) > 0 || len(rest) > 0 {
		return ""
	}
	return ssh.FingerprintSHA256(public)
}

// verifySSH verifies an armored SSH signature over a document and returns the
// fingerprint of the key that made it. Whose key it is, is for the caller to find.
func verifySSH(document, armored []byte, namespace string) (string, error) {
	if len(armored) > maxSignature {
		return "", errors.New("the signature is too long")
	}
	sig, err := sshsig.Unarmor(armored)
	if err != nil {
		return "", fmt.Errorf("read the signature: %w", err)
	}
	if sig.Namespace != namespace {
		return "", fmt.Errorf("the signature was made for %q, not for %q", sig.Namespace, namespace)
	}
	if sig.HashAlgorithm != sshsig.HashSHA512 && sig.HashAlgorithm != sshsig.HashSHA256 {
		return "", fmt.Errorf("the signature uses the hash %q", sig.HashAlgorithm)
	}
	if sig.Signature.Format == ssh.KeyAlgoRSA { // SHA-1
		return "", errors.New("the signature uses SHA-1")
	}
	if err := sshsig.Verify(bytes.NewReader(document), sig, sig.PublicKey, sig.HashAlgorithm, namespace); err != nil {
		return "", fmt.Errorf("verify the signature: %w", err)
	}
	return ssh.FingerprintSHA256(sig.PublicKey), nil
}

// counts reports whether a key counts for something signed at a moment. Once a key
// is revoked nothing it signed counts: a thief writes any time they like.
func (k SSHKey) counts(at, now time.Time) bool {
	return (k.ValidFrom == nil || !at.Before(*k.ValidFrom)) &&
		(k.ValidUntil == nil || at.Before(*k.ValidUntil)) &&
		(k.RevokedAt == nil || now.Before(*k.RevokedAt) && at.Before(*k.RevokedAt))
}

// keyOf finds a person's key by its fingerprint.
func (p Person) keyOf(fp string) (SSHKey, bool) {
	for _, k := range p.SSHKeys {
		if fp != "" && fingerprint(k.Key) == fp {
			return k, true
		}
	}
	return SSHKey{}, false
}
