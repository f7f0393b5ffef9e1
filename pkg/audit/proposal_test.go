package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
)

// admins makes a log with three trust-admins of whom two must sign.
func admins(t *testing.T) (b *book, all []audit.Signer) {
	t.Helper()
	b = newBook(t, audit.BackendEd25519)
	all = []audit.Signer{b.admin, newSigner(t, audit.BackendEd25519), newSigner(t, audit.BackendEd25519)}
	next := b.trust.Next()
	for _, s := range all[1:] {
		if err := next.Add(publicKey(t, s, audit.RoleTrustAdmin), 0, audit.RoleTrustAdmin); err != nil {
			t.Fatal(err)
		}
	}
	next.Threshold = 2
	b.bring(b.propose(next), b.admin)
	return b, all
}

// keys are the bytes of the version in force.
func (b *book) keys() []byte { return b.files[audit.TrustPath(b.trust.Version)] }

func (b *book) sealable() audit.Sealable {
	b.t.Helper()
	s, err := audit.Prepare(context.Background(), b.files, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *book) propose(next audit.Trust) audit.Proposal {
	b.t.Helper()
	b.now = b.now.Add(time.Minute)
	p, err := audit.Propose(b.keys(), next, b.sealable().View(), b.now, "bcctl test")
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// bring signs a proposal and puts it into the log.
func (b *book) bring(p audit.Proposal, by ...audit.Signer) {
	b.t.Helper()
	for _, s := range by {
		var err error
		if p, err = p.Sign(context.Background(), b.keys(), s); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := p.Fits(context.Background(), b.files, b.keys(), audit.Options{Now: b.now}); err != nil {
		b.t.Fatal(err)
	}
	signed, err := p.Complete(b.keys())
	if err != nil {
		b.t.Fatal(err)
	}
	if b.trust, err = audit.DecodeTrust([]byte(p.Trust)); err != nil {
		b.t.Fatal(err)
	}
	path := audit.SegmentPath(signed.ID)
	b.files[path], b.files[path+signed.Sidecar.Ext] = signed.Raw, signed.Sidecar.Data
	b.files[audit.TrustPath(b.trust.Version)] = []byte(p.Trust)
	b.pending = append(b.pending, signed)
}

func TestAUD22ThresholdOfAdmins(t *testing.T) {
	t.Parallel()
	b, by := admins(t)
	b.seal()
	next := b.trust.Next()
	next.Limits.Heartbeat *= 2
	p := b.propose(next)
	sign := func(p audit.Proposal, s audit.Signer) (audit.Proposal, error) {
		return p.Sign(context.Background(), b.keys(), s)
	}
	if _, err := p.Complete(b.keys()); !errors.Is(err, audit.ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
	if _, err := sign(p, b.writer); !errors.Is(err, audit.ErrNoAdmin) {
		t.Errorf("signed by a writer: %v", err)
	}
	one, err := sign(p, by[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Complete(b.keys()); !errors.Is(err, audit.ErrUnsigned) {
		t.Errorf("signed by one of two: %v", err)
	}
	if _, err := sign(one, by[2]); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("signed by one person twice: %v", err)
	}
	// The order in which people sign does not matter, nor does a third.
	two, err := sign(one, by[0])
	if err != nil {
		t.Fatal(err)
	}
	if three, err := sign(two, by[1]); err != nil || three.Sidecar == two.Sidecar {
		t.Errorf("a third signature: %v", err)
	}
	text, err := two.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := audit.DecodeProposal(text)
	if err != nil || read != two {
		t.Fatalf("read back: %v", err)
	}
	b.bring(read)
	b.seal()
	if r := b.verify(audit.Options{}); r.Result != audit.Verified || r.Trust != 3 {
		t.Fatalf("%s, version %d, %+v", r.Result, r.Trust, r.Findings)
	}
	if _, err := p.Open(b.keys()); !errors.Is(err, audit.ErrOvertaken) {
		t.Errorf("the same once more: %v", err)
	}
}

// Whoever hands a proposal on can change nothing in it that goes unseen.
func TestAUD22ChangedProposals(t *testing.T) {
	t.Parallel()
	b, by := admins(t)
	next := b.trust.Next()
	next.Limits.Heartbeat *= 2
	p, err := b.propose(next).Sign(context.Background(), b.keys(), by[0])
	if err != nil {
		t.Fatal(err)
	}
	other := next
	other.Threshold = 1
	wider := b.propose(other)
	for name, change := range map[string]func(p *audit.Proposal){
		"another document":             func(p *audit.Proposal) { p.Trust = wider.Trust },
		"another segment":              func(p *audit.Proposal) { p.Segment = wider.Segment },
		"another document and segment": func(p *audit.Proposal) { p.Trust, p.Segment = wider.Trust, wider.Segment },
		"a segment that does more":     func(p *audit.Proposal) { p.Segment += p.Segment[strings.IndexByte(p.Segment, '\n')+1:] },
		"a segment that does less":     func(p *audit.Proposal) { p.Segment = p.Segment[:strings.IndexByte(p.Segment, '\n')+1] },
		"a byte of the signature":      func(p *audit.Proposal) { p.Sidecar = strings.Replace(p.Sidecar, `"sig":"`, `"sig":"AA`, 1) },
		"another version before":       func(p *audit.Proposal) { p.Follows = audit.SHA256(nil) },
	} {
		changed := p
		change(&changed)
		if _, err := changed.Open(b.keys()); err == nil {
			t.Errorf("%s is not seen", name)
		}
		if _, err := changed.Sign(context.Background(), b.keys(), by[1]); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
	if _, err := audit.DecodeProposal([]byte(`{"v":1}`)); err == nil {
		t.Error("half a proposal is read")
	}
}

// A proposal that lay about for too long would look like an entry that was back-dated.
func TestAUD20LateProposal(t *testing.T) {
	t.Parallel()
	b, by := admins(t)
	b.seal()
	next := b.trust.Next()
	next.Limits.Heartbeat *= 2
	p := b.propose(next)
	for _, s := range by[:2] {
		var err error
		if p, err = p.Sign(context.Background(), b.keys(), s); err != nil {
			t.Fatal(err)
		}
	}
	b.now = b.now.Add(25 * time.Hour)
	b.write(verdict("payments"))
	if err := p.Fits(context.Background(), b.files, b.keys(), audit.Options{Now: b.now}); !errors.Is(err, audit.ErrLate) {
		t.Errorf("after a day: %v", err)
	}
}

// No version leaves a log that nobody can go on with.
func TestKeysThatLast(t *testing.T) {
	t.Parallel()
	b, by := admins(t)
	b.seal()
	at := b.sealable().View().Index
	for name, tt := range map[string]struct {
		change func(n *audit.Trust) error
		want   string
	}{
		"no writer": {func(n *audit.Trust) error {
			return errors.Join(n.Retire(b.writer.ID().KeyID, at), n.Retire(b.future.ID().KeyID, 1<<40))
		}, ""},
		"no key of the log": {func(n *audit.Trust) error { return n.Retire(b.key.ID(), at) }, "no key would be left that may sign checkpoints"},
		"too few trust-admins": {func(n *audit.Trust) error {
			return errors.Join(n.Retire(by[0].ID().KeyID, at), n.Retire(by[1].ID().KeyID, at))
		}, "nobody could ever change the keys again"},
		"more than there are":       {func(n *audit.Trust) error { n.Threshold = 4; return nil }, "nobody could ever change the keys again"},
		"two trust-admins of three": {func(n *audit.Trust) error { return n.Retire(by[0].ID().KeyID, at) }, ""},
	} {
		next := b.trust.Next()
		err := tt.change(&next)
		if err == nil {
			_, err = audit.Propose(b.keys(), next, b.sealable().View(), b.now, "bcctl test")
		}
		switch {
		case name == "no writer":
			// The key that begins later is left: at its leaf somebody may write.
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	next := b.trust.Next()
	if err := errors.Join(next.Retire(b.writer.ID().KeyID, at), next.Retire(b.writer.ID().KeyID, at+1)); err == nil {
		t.Error("the end of a key was moved to a later leaf")
	}
	if err := next.Add(publicKey(t, b.writer, audit.RoleWriter), at, audit.RoleWriter); err == nil {
		t.Error("a retired key came back")
	}
	if err := next.Add(publicKey(t, newSigner(t, audit.BackendSSH), audit.RoleTrustAdmin), at, audit.RoleTrustAdmin); err == nil {
		t.Error("a trust-admin with an SSH key, of whom only one could sign")
	}
}

// A lost key of the log is replaced: the new version is in the seal that the new key
// signs first, and the old key can seal nothing more.
func TestAUD12LostLogKey(t *testing.T) {
	t.Parallel()
	b, by := admins(t)
	b.seal()
	key, public := newLogKey(t, origin)
	parsed, err := audit.ParsePublicKey([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	next := b.trust.Next()
	at := b.sealable().View().Index
	if err := errors.Join(next.Add(parsed, at, audit.RoleLog), next.Retire(b.key.ID(), at)); err != nil {
		t.Fatal(err)
	}
	b.bring(b.propose(next), by[0], by[1])
	if _, err := b.sealable().Next(b.key); !errors.Is(err, audit.ErrNotAllowed) {
		t.Errorf("the old key: %v", err)
	}
	sealing, err := b.sealable().Next(key)
	if err != nil {
		t.Fatal(err)
	}
	pin := b.files[audit.NotePath(b.head.Size)] // by the old key
	b.key = key
	b.seal()
	if b.head != sealing.Head {
		t.Fatalf("sealed %+v, want %+v", b.head, sealing.Head)
	}
	b.write(verdict("payments"))
	b.seal()
	if r := b.verify(audit.Options{Pin: pin}); r.Result != audit.Verified || r.Tier != 1 {
		t.Fatalf("%s, tier %d, %+v", r.Result, r.Tier, r.Findings)
	}
}

// What a stolen key signed is named by a version that comes later, and stays.
func TestAUD23SuspectRangeOfThePast(t *testing.T) {
	t.Parallel()
	b, by := admins(t)
	b.write(verdict("payments"))
	b.seal()
	from := b.head.Size
	theft := b.write(verdict("by a thief"))
	b.seal()
	to := b.head.Size
	b.write(verdict("payments"))
	b.seal()
	next := b.trust.Next()
	heir := newSigner(t, audit.BackendEd25519)
	at := b.sealable().View().Index
	if err := errors.Join(next.Add(publicKey(t, heir, audit.RoleWriter), at, audit.RoleWriter), next.Retire(b.writer.ID().KeyID, at),
		next.MarkSuspect(b.writer.ID().KeyID, audit.Range{From: from, To: to})); err != nil {
		t.Fatal(err)
	}
	b.bring(b.propose(next), by[0], by[1])
	b.writer = heir
	b.write(verdict("payments"))
	b.seal()
	r := b.verify(audit.Options{})
	if r.Result != audit.Disallowed || len(r.Findings) != 1 || r.Findings[0].Rule != "AUD-23" || r.Findings[0].Path != audit.SegmentPath(theft.ID) || r.Findings[0].Leaf != from {
		t.Fatalf("%s, %+v", r.Result, r.Findings)
	}
	// A range only grows.
	again := b.trust.Next()
	if err := again.MarkSuspect(next.Keys[0].ID, audit.Range{From: from + 1, To: to + 4}); err != nil {
		t.Fatal(err)
	}
	if k, err := again.Find(next.Keys[0].ID[:8]); err != nil || *k.Suspect != (audit.Range{From: from, To: to + 4}) {
		t.Errorf("suspect %+v, %v", k.Suspect, err)
	}
}

func TestPublicKeysHaveOneForm(t *testing.T) {
	t.Parallel()
	_, public := newLogKey(t, origin)
	logKey, err := audit.LogPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []audit.Key{publicKey(t, newSigner(t, audit.BackendEd25519)), publicKey(t, newSigner(t, audit.BackendSSH)), logKey} {
		got, err := audit.ParsePublicKey(want.PublicText())
		if err != nil || got.ID != want.ID || got.Public != want.Public || got.Alg != want.Alg {
			t.Errorf("%s: %+v, %v", want.Alg, got, err)
		}
	}
	for _, bad := range []string{"", "ssh-rsa AAAA", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "a+b+c"} {
		if k, err := audit.ParsePublicKey([]byte(bad)); err == nil {
			t.Errorf("%q is a public key: %+v", bad, k)
		}
	}
}
