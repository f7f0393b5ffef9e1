package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"
)

// NewPrivateKey makes a new private key of a backend, as text: PKCS #8 in PEM form,
// or an OpenSSH key. Comment stands in an OpenSSH key only.
func NewPrivateKey(backend, comment string) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	switch backend {
	case BackendEd25519:
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	case BackendSSH:
		block, err := ssh.MarshalPrivateKey(private, comment)
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		return pem.EncodeToMemory(block), nil
	default:
		return nil, fmt.Errorf("keys are %s or %s, not %q", BackendEd25519, BackendSSH, backend)
	}
}

// NewLogKey makes a new key of a log: the private text (PRIVATE+KEY+...), and the
// entry of a trust document.
func NewLogKey(origin string) (private string, public Key, err error) {
	if err := CheckOrigin(origin); err != nil {
		return "", Key{}, err
	}
	private, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", Key{}, fmt.Errorf("make the key of a log: %w", err)
	}
	public, err = LogPublicKey(vkey)
	return private, public, err
}

// LogPublicKey returns the entry of a log's key in a trust document, from its
// verifier key.
func LogPublicKey(vkey string) (Key, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return Key{}, fmt.Errorf("read the key of a log: %w", err)
	}
	return Key{Alg: AlgNote, ID: fmt.Sprintf("%08x", v.KeyHash()), Public: vkey, Roles: []Role{RoleLog}}, nil
}
