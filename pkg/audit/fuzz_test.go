package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"

	"github.com/bcctl/bcctl/internal/canonical"
)

// What every decoder of foreign bytes has in common: it does not panic, and what it
// accepts has no other form.

var fuzzTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const fuzzOrigin = "example.com/acme/bcctl-audit"

// fuzzKeys are a writer and the key of a log. They are the same in each process,
// because the processes of a fuzzer hand their inputs to each other.
func fuzzKeys(f *testing.F, backend string) (Signer, LogKey, Trust) {
	f.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	var signer Signer = ed25519Signer{private}
	if backend == BackendSSH {
		key, err := ssh.NewSignerFromKey(private)
		if err != nil {
			f.Fatal(err)
		}
		signer = sshSigner{key}
	}
	writer, err := PublicKey(signer)
	if err != nil {
		f.Fatal(err)
	}
	writer.Roles = []Role{RoleTrustAdmin, RoleWriter}
	seed := bytes.Repeat([]byte{2}, ed25519.SeedSize)
	vkey, err := note.NewEd25519VerifierKey(fuzzOrigin, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	public, err := LogPublicKey(vkey)
	if err != nil {
		f.Fatal(err)
	}
	const ed25519Note = 1 // the algorithm, in signed notes
	key, err := ParseLogKey("PRIVATE+KEY+" + fuzzOrigin + "+" + public.ID + "+" + base64.StdEncoding.EncodeToString(append([]byte{ed25519Note}, seed...)))
	if err != nil {
		f.Fatal(err)
	}
	return signer, key, Trust{V: Version, Version: 1, Log: fuzzOrigin, Threshold: 1, Limits: DefaultLimits(), Keys: []Key{writer, public}}
}

func fuzzSegment(f *testing.F, s Signer) Segment {
	f.Helper()
	head, err := NewTree().Head()
	if err != nil {
		f.Fatal(err)
	}
	segment, err := (&Run{origin: fuzzOrigin, id: SegmentID{fuzzTime, strings.Repeat("0f", 16), 0}, tool: "bcctl test"}).Open(fuzzTime, View{Seen: head}, s.ID(),
		Entry{Type: CheckResult, System: "payments", Actor: &Actor{Kind: "ci", ID: "1"}, Reasons: []string{}, Redacted: map[string]string{"a": "b", "c": "d"},
			Verdict: &Verdict{Kind: "group", Status: "green", Tier: 1, ObservedAt: At(fuzzTime), Members: []Member{{Name: "a", Status: "red", Reasons: []string{"X"}}}}},
		Entry{Type: StepResult, Step: &Step{Name: "fence \"old\" primary", Status: "succeeded", Mutating: true, Attempts: 2}},
		Entry{Type: RecoveryImport, Evidence: []Evidence{{Name: "x", SHA256: digest(nil)}}, Replication: &Replication{Before: []Marker{{LagMS: new(int64), ObservedAt: At(fuzzTime)}}}})
	if err != nil {
		f.Fatal(err)
	}
	return segment
}

func FuzzEntry(f *testing.F) {
	signer, _, _ := fuzzKeys(f, BackendEd25519)
	lines, err := Lines(fuzzSegment(f, signer).Raw)
	if err != nil {
		f.Fatal(err)
	}
	full, err := canonical.Encode(fullEntry())
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range append(lines, full) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		agree[Entry](t, line)
		e, err := Decode(line)
		if err != nil {
			return
		}
		if again, err := Encode(e); err != nil || !bytes.Equal(again, line) {
			t.Errorf("%q is encoded as %q, %v", line, again, err)
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines, err := Lines(raw)
		if err == nil && !bytes.Equal(append(bytes.Join(lines, []byte("\n")), '\n'), raw) {
			t.Errorf("%q", raw)
		}
	})
}

func FuzzSeal(f *testing.F) {
	signer, key, _ := fuzzKeys(f, BackendEd25519)
	s := fuzzSegment(f, signer)
	side, err := signer.Sign(context.Background(), key.Origin(), s)
	if err != nil {
		f.Fatal(err)
	}
	sealing, err := MakeSeal(NewTree(), []Signed{{s, side}, {s, side}}, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealing.Seal)
	f.Fuzz(func(t *testing.T, text []byte) {
		agree[Seal](t, text)
		seal, err := DecodeSeal(text)
		if err != nil {
			return
		}
		if again, err := canonical.Encode(seal); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q is encoded as %q, %v", text, again, err)
		}
	})
}

// A signature that is accepted is the one that was made.
func fuzzSidecar(f *testing.F, backend string) {
	signer, key, trust := fuzzKeys(f, backend)
	public, ok := trust.Keys[0].public()
	if !ok {
		f.Fatal("no public key")
	}
	s := fuzzSegment(f, signer)
	made, err := signer.Sign(context.Background(), key.Origin(), s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made.Data)
	f.Fuzz(func(t *testing.T, data []byte) {
		agree[envelope](t, data)
		agree[statement](t, data)
		agreeOnSidecar(t, key.Origin(), s, data)
		signatures, err := openSidecar(key.Origin(), s, s.SHA256(), Sidecar{made.Ext, data})
		if err != nil || len(signatures) != 1 || signatures[0].keyID != public.id || !signatures[0].verify(public) {
			return
		}
		if !bytes.Equal(data, made.Data) {
			t.Errorf("another file counts as the same signature: %q", data)
		}
	})
}

func FuzzSidecarDSSE(f *testing.F) { fuzzSidecar(f, BackendEd25519) }
func FuzzSidecarSSH(f *testing.F)  { fuzzSidecar(f, BackendSSH) }

func FuzzCheckpoint(f *testing.F) {
	_, key, trust := fuzzKeys(f, BackendEd25519)
	head := TreeHead{Root: digest(nil), Size: 12}
	made, err := key.Checkpoint(head)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made)
	f.Fuzz(func(t *testing.T, text []byte) {
		h, _, err := openCheckpoint(text, key.Origin(), trust.Keys)
		if err == nil && (h != head || !bytes.Equal(text, made)) {
			t.Errorf("another file counts as the same checkpoint: %q", text)
		}
	})
}

func FuzzTrust(f *testing.F) {
	for _, backend := range []string{BackendEd25519, BackendSSH} {
		_, _, trust := fuzzKeys(f, backend)
		trust.Keys[0].Suspect, trust.Keys[0].ToIndex = &Range{1, 2}, new(int64(9))
		text, err := EncodeTrust(trust)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		trust, err := DecodeTrust(text)
		if err != nil {
			return
		}
		if again, err := EncodeTrust(trust); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q is encoded as %q, %v", text, again, err)
		}
	})
}

func FuzzSegmentID(f *testing.F) {
	f.Add("20260301T120000Z-" + strings.Repeat("0f", 16) + "-0001")
	f.Add("20240229T235960Z-" + strings.Repeat("0f", 16) + "-9999")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseSegmentID(text)
		if err != nil {
			return
		}
		if start, err := time.Parse(startForm, text[:len(startForm)]); err != nil || !start.Equal(id.Start) || id.String() != text {
			t.Errorf("%q is read as %s, %v", text, id, err)
		}
	})
}

func FuzzPath(f *testing.F) {
	id := SegmentID{fuzzTime, strings.Repeat("0f", 16), 1}
	for _, path := range []string{SegmentPath(id), SegmentPath(id) + extSSH, SegmentPath(id) + extDSSE, SealPath(12), NotePath(12), TrustPath(1), "audit/seals/000000000012.cosig/witness", ".gitattributes", "audit/log//2026/03/01/x.jsonl"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p := placeOf(path)
		want := path
		switch p.kind {
		case segmentFile, sidecarFile:
			want = SegmentPath(p.segment) + p.ext
		case sealFile:
			want = SealPath(p.size)
		case noteFile:
			want = NotePath(p.size)
		case trustFile:
			want = TrustPath(p.size)
		}
		if path != want {
			t.Errorf("%q is taken for %q", path, want)
		}
	})
}

// A segment's file, whatever is in it, is judged without an error of the program.
func FuzzSegment(f *testing.F) {
	signer, key, trust := fuzzKeys(f, BackendEd25519)
	s := fuzzSegment(f, signer)
	side, err := signer.Sign(context.Background(), key.Origin(), s)
	if err != nil {
		f.Fatal(err)
	}
	text, err := EncodeTrust(trust)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Raw, side.Data)
	f.Fuzz(func(t *testing.T, raw, sidecar []byte) {
		path := SegmentPath(s.ID)
		r, err := Verify(t.Context(), Memory{TrustPath(1): text, path: raw, path + side.Ext: sidecar}, Options{Now: fuzzTime, Parallel: 1})
		if err != nil || r.Result != Tampered { // there is no first entry
			t.Errorf("%s, %v", r.Result, err)
		}
		if sha256.Sum256(raw) == sha256.Sum256(s.Raw) {
			return
		}
		for _, x := range r.Findings {
			if x.Rule != "AUD-01" && x.Path != "" {
				return
			}
		}
		t.Errorf("changed, and nothing is found: %q", raw)
	})
}

// A proposal that can be opened is the one that was made, but for its signatures.
func FuzzProposal(f *testing.F) {
	signer, key, trust := fuzzKeys(f, BackendEd25519)
	before, err := EncodeTrust(trust)
	if err != nil {
		f.Fatal(err)
	}
	next := trust
	next.Version, next.Limits.Skew = 2, 1
	text, err := EncodeTrust(next)
	if err != nil {
		f.Fatal(err)
	}
	// As Propose makes it, in a run that is the same in each process.
	segment, err := (&Run{origin: fuzzOrigin, id: SegmentID{fuzzTime, strings.Repeat("0f", 16), 0}, tool: "bcctl test"}).Open(fuzzTime, View{Seen: TreeHead{Root: digest(nil)}}, signer.ID(),
		Entry{Type: TrustUpdate, Trust: &TrustRef{Version: 2, SHA256: digest(text)}})
	if err != nil {
		f.Fatal(err)
	}
	p := Proposal{V: Version, Follows: digest(before), Segment: string(segment.Raw), Trust: string(text)}
	unsigned, err := p.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(unsigned)
	side, err := signer.Sign(context.Background(), key.Origin(), segment)
	if err != nil {
		f.Fatal(err)
	}
	p.Sidecar = string(side.Data)
	signed, err := p.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	if o, err := p.Open(before); err != nil || len(o.Signers) != 1 {
		f.Fatalf("%v, %v", o.Signers, err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := DecodeProposal(text)
		if err != nil {
			return
		}
		if again, err := q.Encode(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q is encoded as %q, %v", text, again, err)
		}
		o, err := q.Open(before)
		if err != nil {
			return
		}
		if len(o.Signers) > 0 && (q.Segment != p.Segment || q.Trust != p.Trust || q.Sidecar != p.Sidecar) {
			t.Errorf("another proposal counts as signed: %q", text)
		}
	})
}

// What a witness answers counts only where it signed this checkpoint.
func FuzzCosignatures(f *testing.F) {
	_, key, _ := fuzzKeys(f, BackendEd25519)
	checkpoint, err := key.Checkpoint(TreeHead{Root: digest(nil), Size: 12})
	if err != nil {
		f.Fatal(err)
	}
	witness := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))
	public, line := fuzzWitness(f, witness, checkpoint)
	w := Witnesses{Keys: []string{public}, Quorum: 1}
	if err := w.check(); err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add(append(bytes.Clone(checkpoint), line...))
	if found, err := w.Cosignatures(checkpoint, line); err != nil || len(found) != 1 {
		f.Fatalf("%v, %v", found, err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		found, err := w.Cosignatures(checkpoint, answer)
		if err != nil {
			return
		}
		for _, c := range found {
			if !bytes.Equal(c.Line, line) {
				t.Errorf("another line counts as a cosignature: %q", c.Line)
			}
		}
	})
}

// fuzzWitness is what a witness answers to a checkpoint, at a time that is the same in
// each process.
func fuzzWitness(f *testing.F, private ed25519.PrivateKey, checkpoint []byte) (public string, line []byte) {
	f.Helper()
	const name = "w.example.net"
	plain, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	if public, err = cosignature.VKeyToCosignatureV1(plain); err != nil {
		f.Fatal(err)
	}
	v, err := witnessVerifier(public)
	if err != nil {
		f.Fatal(err)
	}
	text, _, _ := bytes.Cut(checkpoint, []byte("\n\n"))
	sig := binary.BigEndian.AppendUint32(nil, v.KeyHash())
	sig = binary.BigEndian.AppendUint64(sig, uint64(fuzzTime.Unix()))
	sig = append(sig, ed25519.Sign(private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", fuzzTime.Unix(), text))...)
	return public, fmt.Appendf(nil, "\u2014 %s %s\n", name, base64.StdEncoding.EncodeToString(sig))
}
