package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Ways of signing a segment, as entries and trust documents name them.
const (
	BackendEd25519 = "ed25519"
	BackendSSH     = "ssh"

	// Keys that are kept elsewhere sign in the same way as BackendEd25519, and are of
	// that algorithm in a trust document. Entries name them as a hint.
	BackendExec  = "exec"
	BackendVault = "vault"
)

// Sidecar is the signature of a segment, as the file beside it holds it.
type Sidecar struct {
	Ext  string // of the file, after the segment's own name: ".dsse.json" or ".sig"
	Data []byte
}

// Signer signs segments. A signer that cannot sign fails; nothing is ever appended
// unsigned.
type Signer interface {
	// ID says which key signs.
	ID() SignerID

	// Sign signs the exact bytes of a segment of the log of that origin.
	Sign(ctx context.Context, origin string, s Segment) (Sidecar, error)
}

// ed25519Signer signs with a key that is in memory.
type ed25519Signer struct{ key ed25519.PrivateKey }

// sshSigner makes signatures that ssh-keygen -Y verify accepts.
type sshSigner struct{ key ssh.Signer }

// ParseSigner makes a signer of a private key: an Ed25519 key in PKCS #8 form, as
// openssl genpkey writes it, or an OpenSSH key of type ed25519 without passphrase.
// The error never repeats anything of the text.
func ParseSigner(text []byte) (Signer, error) {
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("the signing key is not in PEM form")
	case block.Type == "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the signing key is damaged")
		}
		private, ok := key.(ed25519.PrivateKey)
		if !ok {
			return nil, errors.New("the signing key is not an Ed25519 key")
		}
		return ed25519Signer{private}, nil
	case block.Type == "OPENSSH PRIVATE KEY":
		return parseSSH(text)
	default:
		return nil, fmt.Errorf("the signing key is a %q; write an Ed25519 key as PRIVATE KEY, or an OPENSSH PRIVATE KEY", block.Type)
	}
}

func parseSSH(text []byte) (Signer, error) {
	key, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, errors.New("the signing key has a passphrase; keep it in a secret store instead")
	case err != nil:
		return nil, errors.New("the signing key is damaged")
	case key.PublicKey().Type() != ssh.KeyAlgoED25519:
		// ECDSA signatures can be turned into other valid ones by anybody.
		return nil, fmt.Errorf("the signing key is of type %s; only %s is taken", key.PublicKey().Type(), ssh.KeyAlgoED25519)
	}
	return sshSigner{key}, nil
}

// ID implements Signer.
func (s ed25519Signer) ID() SignerID {
	return SignerID{BackendEd25519, keyID(s.key.Public().(ed25519.PublicKey))}
}

// ID implements Signer.
func (s sshSigner) ID() SignerID {
	return SignerID{BackendSSH, ssh.FingerprintSHA256(s.key.PublicKey())}
}

// keyID is the SHA-256 of a public key in its DER form (SubjectPublicKeyInfo).
func keyID(key ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "" // an Ed25519 key always has a form
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// PublicKey returns the entry of a signer's key in a trust document.
func PublicKey(s Signer) (Key, error) {
	switch s := s.(type) {
	case ed25519Signer:
		der, err := x509.MarshalPKIXPublicKey(s.key.Public())
		return Key{Alg: BackendEd25519, ID: s.ID().KeyID, Public: base64.StdEncoding.EncodeToString(der)}, err
	case sshSigner:
		return Key{Alg: BackendSSH, ID: s.ID().KeyID, Public: authorizedKey(s.key.PublicKey())}, nil
	case elsewhere:
		return s.public, nil
	default:
		return Key{}, fmt.Errorf("the public key of a signer of type %q is not known", s.ID().Backend)
	}
}
