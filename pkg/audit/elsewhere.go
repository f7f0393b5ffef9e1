package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
)

// elsewhere signs with a key that this process does not have.
type elsewhere struct {
	backend string
	public  Key
	key     ed25519.PublicKey
	sign    func(ctx context.Context, message []byte) ([]byte, error)
}

// Elsewhere makes a signer of an Ed25519 key that is kept elsewhere, by a program or
// a service that signs a message and returns the 64 bytes of the signature. Every
// signature is checked with the public key before it is used. Backend is what entries
// name.
func Elsewhere(backend string, public Key, sign func(ctx context.Context, message []byte) ([]byte, error)) (Signer, error) {
	key, ok := public.ed25519()
	if !ok || keyID(key) != public.ID {
		return nil, errors.New("a key that is kept elsewhere must be an Ed25519 key")
	}
	return elsewhere{backend, public, key, sign}, nil
}

// ID implements Signer.
func (s elsewhere) ID() SignerID { return SignerID{s.backend, s.public.ID} }

// Sign implements Signer.
func (s elsewhere) Sign(ctx context.Context, origin string, segment Segment) (Sidecar, error) {
	return signDSSE(origin, segment, s.public.ID, func(pae []byte) ([]byte, error) {
		sig, err := s.sign(ctx, pae)
		if err == nil && !ed25519.Verify(s.key, pae, sig) {
			err = errors.New("the signature that came back is not one by the key that was asked for")
		}
		return sig, err
	})
}
