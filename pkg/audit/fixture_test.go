package audit_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"

	"github.com/bcctl/bcctl/pkg/audit"
)

const origin = "example.com/acme/bcctl-audit"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// book is a log under construction.
type book struct {
	t       testing.TB
	files   audit.Memory
	now     time.Time
	tree    *audit.Tree
	key     audit.LogKey
	writer  audit.Signer
	retired audit.Signer // the writer before, whose key is not trusted any more; nil: there was none
	future  audit.Signer // a writer whose key is not trusted yet
	admin   audit.Signer
	trust   audit.Trust
	head    audit.TreeHead
	pending []audit.Signed
}

func newSigner(t testing.TB, backend string) audit.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if backend == audit.BackendSSH {
		block, err = ssh.MarshalPrivateKey(private, "test")
	} else {
		var der []byte
		der, err = x509.MarshalPKCS8PrivateKey(private)
		block = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := audit.ParseSigner(pem.EncodeToMemory(block))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newLogKey(t testing.TB, name string) (audit.LogKey, string) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.ParseLogKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func publicKey(t testing.TB, s audit.Signer, roles ...audit.Role) audit.Key {
	t.Helper()
	k, err := audit.PublicKey(s)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(roles)
	k.Roles = roles
	return k
}

// newBook begins a log with one writer, one key of the log and one trust-admin.
func newBook(t testing.TB, backend string) *book {
	t.Helper()
	b := &book{t: t, files: audit.Memory{}, now: start, tree: audit.NewTree(), writer: newSigner(t, backend), admin: newSigner(t, audit.BackendEd25519), future: newSigner(t, audit.BackendEd25519)}
	var public string
	b.key, public = newLogKey(t, origin)
	b.trust = audit.Trust{V: audit.Version, Version: 1, Log: origin, Threshold: 1, Limits: audit.DefaultLimits(), Keys: []audit.Key{
		publicKey(t, b.writer, audit.RoleWriter),
		{Alg: audit.AlgNote, ID: noteID(t, public), Public: public, Roles: []audit.Role{audit.RoleLog}},
		publicKey(t, b.admin, audit.RoleTrustAdmin),
		publicKey(t, b.future, audit.RoleWriter),
	}}
	b.trust.Keys[3].FromIndex = 1 << 40
	text := b.must(audit.EncodeTrust(b.trust))
	b.files[audit.TrustPath(1)] = text
	run := audit.NewRun(origin, b.now, "bcctl test")
	s, err := run.Genesis(b.now, audit.SHA256(text), b.writer.ID())
	if err != nil {
		t.Fatal(err)
	}
	b.sign(s, b.writer)
	b.seal()
	return b
}

func noteID(t testing.TB, public string) string {
	t.Helper()
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%08x", v.KeyHash())
}

func (b *book) must(text []byte, err error) []byte {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// view is what a writer sees of the log now.
func (b *book) view() audit.View {
	v := audit.View{Seen: b.head}
	for _, s := range b.pending {
		v.Frontier = append(v.Frontier, s.SHA256())
	}
	slices.Sort(v.Frontier)
	return v
}

// write appends a segment of its own run with the entries given.
func (b *book) write(entries ...audit.Entry) audit.Segment {
	b.t.Helper()
	b.now = b.now.Add(time.Minute)
	s, err := audit.NewRun(origin, b.now, "bcctl test").Open(b.now, b.view(), b.writer.ID(), entries...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.sign(s, b.writer)
	return s
}

func (b *book) sign(s audit.Segment, signer audit.Signer) {
	b.t.Helper()
	c, err := signer.Sign(context.Background(), origin, s)
	if err != nil {
		b.t.Fatal(err)
	}
	path := audit.SegmentPath(s.ID)
	b.files[path], b.files[path+c.Ext] = s.Raw, c.Data
	b.pending = append(b.pending, audit.Signed{Segment: s, Sidecar: c})
}

// seal seals everything that is not sealed.
func (b *book) seal() {
	b.t.Helper()
	s, err := audit.MakeSeal(b.tree, b.pending, b.key)
	if err != nil {
		b.t.Fatal(err)
	}
	b.files[audit.SealPath(s.Head.Size)], b.files[audit.NotePath(s.Head.Size)] = s.Seal, s.Note
	b.head, b.pending = s.Head, nil
}

func (b *book) verify(o audit.Options) audit.Report {
	b.t.Helper()
	if o.Now.IsZero() {
		o.Now = b.now.Add(time.Minute)
	}
	r, err := audit.Verify(context.Background(), b.files, o)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// verdict is an entry as a check writes it.
func verdict(system string) audit.Entry {
	return audit.Entry{Type: audit.CheckResult, System: system, Environment: "production", Actor: &audit.Actor{Kind: "service", ID: "1"},
		Verdict: &audit.Verdict{Kind: "group", Status: "green", Tier: 1}, Reasons: []string{}}
}

// rotate brings a new key of the writer, by a version of the keys that the
// trust-admin signs, and retires the old one.
func (b *book) rotate() {
	b.t.Helper()
	b.seal0()
	next := b.trust
	next.Version++
	next.Keys = slices.Clone(next.Keys)
	end := b.head.Size + 3 // after the segment that brings it: two lines and a signature
	next.Keys[0].ToIndex = &end
	b.retired, b.writer = b.writer, newSigner(b.t, audit.BackendEd25519)
	k := publicKey(b.t, b.writer, audit.RoleWriter)
	k.FromIndex = end
	next.Keys = append(next.Keys, k)
	text := b.must(audit.EncodeTrust(next))
	b.now = b.now.Add(time.Minute)
	s, err := audit.NewRun(origin, b.now, "bcctl test").Open(b.now, b.view(), b.admin.ID(),
		audit.Entry{Type: audit.TrustUpdate, Trust: &audit.TrustRef{Version: next.Version, SHA256: audit.SHA256(text)}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.files[audit.TrustPath(next.Version)] = text
	b.trust = next
	b.sign(s, b.admin)
	b.seal()
}

// seal0 seals if there is something to seal.
func (b *book) seal0() {
	if len(b.pending) > 0 {
		b.seal()
	}
}
