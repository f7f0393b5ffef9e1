// Package audittest makes keys and logs for tests of package audit and of the
// places that keep logs.
package audittest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"

	"github.com/bcctl/bcctl/pkg/audit"
)

// Origin is the name of the logs of tests.
const Origin = "example.com/acme/bcctl-audit"

// PrivateKey makes the text of a new private key of a backend.
func PrivateKey(t testing.TB, backend string) []byte {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if backend == audit.BackendSSH {
		block, err := ssh.MarshalPrivateKey(private, "test")
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(block)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Signer makes a signer with a new key.
func Signer(t testing.TB, backend string) audit.Signer {
	t.Helper()
	s, err := audit.ParseSigner(PrivateKey(t, backend))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Keys are the keys of a log.
type Keys struct {
	Writer audit.Signer
	Admin  audit.Signer
	Log    audit.LogKey
	Trust  audit.Trust // version 1

	LogPrivate string // text of the key of the log
}

// NewKeys makes new keys, the writer's of a backend.
func NewKeys(t testing.TB, backend string) Keys {
	t.Helper()
	k := Keys{Writer: Signer(t, backend), Admin: Signer(t, audit.BackendEd25519)}
	private, public, err := note.GenerateKey(rand.Reader, Origin)
	if err != nil {
		t.Fatal(err)
	}
	k.LogPrivate = private
	if k.Log, err = audit.ParseLogKey(private); err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	k.Trust = audit.Trust{V: audit.Version, Version: 1, Log: Origin, Threshold: 1, Limits: audit.DefaultLimits(), Keys: []audit.Key{
		PublicKey(t, k.Writer, audit.RoleWriter),
		{Alg: audit.AlgNote, ID: fmt.Sprintf("%08x", v.KeyHash()), Public: public, Roles: []audit.Role{audit.RoleLog}},
		PublicKey(t, k.Admin, audit.RoleTrustAdmin),
	}}
	return k
}

// PublicKey is a signer's key with roles, which are given sorted.
func PublicKey(t testing.TB, s audit.Signer, roles ...audit.Role) audit.Key {
	t.Helper()
	k, err := audit.PublicKey(s)
	if err != nil {
		t.Fatal(err)
	}
	k.Roles = roles
	return k
}

// Sign signs a segment.
func Sign(t testing.TB, s audit.Segment, by audit.Signer) audit.Signed {
	t.Helper()
	c, err := by.Sign(context.Background(), Origin, s)
	if err != nil {
		t.Fatal(err)
	}
	return audit.Signed{Segment: s, Sidecar: c}
}

// Init begins a log in a store.
func Init(t testing.TB, store audit.Store, k Keys, now time.Time) {
	t.Helper()
	trust, err := audit.EncodeTrust(k.Trust)
	if err != nil {
		t.Fatal(err)
	}
	s, err := audit.NewRun(Origin, now, "bcctl test").Genesis(now, audit.SHA256(trust), k.Writer.ID())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Init(t.Context(), trust, Sign(t, s, k.Writer)); err != nil {
		t.Fatal(err)
	}
}

// Verdict is an entry as a check writes it.
func Verdict(system string) audit.Entry {
	return audit.Entry{Type: audit.CheckResult, System: system, Environment: "production", Actor: &audit.Actor{Kind: "service", ID: "1"},
		Verdict: &audit.Verdict{Kind: "group", Status: "green", Tier: 1}}
}

// Append writes a segment of a run of its own to a store.
func Append(ctx context.Context, store audit.Store, k Keys, now time.Time, entries ...audit.Entry) (audit.Segment, error) {
	view, err := store.View(ctx)
	if err != nil {
		return audit.Segment{}, err
	}
	s, err := audit.NewRun(Origin, now, "bcctl test").Open(now, view, k.Writer.ID(), entries...)
	if err != nil {
		return s, err
	}
	c, err := k.Writer.Sign(ctx, Origin, s)
	if err != nil {
		return s, err
	}
	return s, store.Append(ctx, audit.Signed{Segment: s, Sidecar: c})
}
