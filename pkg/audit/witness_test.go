package audit_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/bcctl/bcctl/pkg/audit"
)

// witness is somebody who cosigns.
type witness struct {
	signer *cosignature.Signer
	key    string
}

func newWitness(t testing.TB, name string) witness {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := cosignature.NewSignerForCosignatureV1(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := cosignature.VKeyToCosignatureV1(public)
	if err != nil {
		t.Fatal(err)
	}
	return witness{s, key}
}

// cosign is what a witness answers to a checkpoint: the whole of it with its line.
func (w witness) cosign(t testing.TB, checkpoint []byte) []byte {
	t.Helper()
	text, lines, _ := strings.Cut(string(checkpoint), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, w.signer)
	if err != nil {
		t.Fatal(err)
	}
	_, mine, _ := strings.Cut(string(signed), "\n\n")
	return []byte(text + "\n\n" + lines + mine)
}

// witnessedBook is a log with three witnesses of whom two must cosign.
func witnessedBook(t testing.TB) (b *book, all []witness) {
	t.Helper()
	b = newBook(t, audit.BackendEd25519)
	next := b.trust.Next()
	for i := range 3 {
		w := newWitness(t, fmt.Sprintf("w%d.example.net", i))
		all = append(all, w)
		if err := next.AddWitness(w.key); err != nil {
			t.Fatal(err)
		}
	}
	next.Witnesses.Quorum = 2
	b.bring(b.propose(next), b.admin)
	b.seal()
	return b, all
}

// keep puts cosignatures beside the newest seal.
func (b *book) keep(by ...witness) {
	b.t.Helper()
	checkpoint := b.files[audit.NotePath(b.head.Size)]
	for _, w := range by {
		found, err := b.trust.Witnesses.Cosignatures(checkpoint, w.cosign(b.t, checkpoint))
		if err != nil || len(found) != 1 {
			b.t.Fatalf("%d cosignatures, %v", len(found), err)
		}
		b.files[audit.CosignaturePath(b.head.Size, found[0].ID)] = found[0].Line
	}
}

func TestAUD17Quorum(t *testing.T) {
	t.Parallel()
	b, w := witnessedBook(t)
	b.keep(w[0])
	only := func(r audit.Report) bool { return len(r.Findings) == 1 && r.Findings[0].Rule == "AUD-17" }
	if r := b.verify(audit.Options{MaxAge: -1}); !only(r) || r.Witnessed != 0 {
		t.Fatalf("one of two: %s, %+v", r.Result, r.Findings)
	}
	b.keep(w[2])
	r := b.verify(audit.Options{MaxAge: -1})
	if r.Result != audit.Verified || r.Witnessed != b.head.Size || r.WitnessedAt.IsZero() || r.Tier != 0 {
		t.Fatalf("two of two: %s, tier %d, %+v", r.Result, r.Tier, r.Findings)
	}
	// Who they are is said by the log, so they count for a log that is known.
	if known := b.verify(audit.Options{MaxAge: -1, LogID: r.LogID}); known.Tier != 3 {
		t.Errorf("tier %d of a log that is known", known.Tier)
	}
	if pinned := b.verify(audit.Options{MaxAge: -1, Pin: b.files[audit.NotePath(b.head.Size)]}); pinned.Tier != 3 {
		t.Errorf("tier %d of a log with a pin", pinned.Tier)
	}
	// It is the newest seal that has to be vouched for, and sealing goes on meanwhile.
	b.write(verdict("payments"))
	if _, err := audit.Prepare(context.Background(), b.files, nil); err != nil {
		t.Errorf("a seal that waits for its witnesses stops the log: %v", err)
	}
	b.seal()
	if r := b.verify(audit.Options{MaxAge: -1}); !only(r) {
		t.Fatalf("a newer seal: %s, %+v", r.Result, r.Findings)
	}
}

func TestAUD17CosignaturesThatDoNotFit(t *testing.T) {
	t.Parallel()
	stranger := newWitness(t, "stranger.example.net")
	for name, do := range map[string]func(b *book, path string){
		"a byte": func(b *book, path string) {
			b.files[path] = []byte(strings.Replace(string(b.files[path]), " ", "  ", 1))
		},
		"another seal's": func(b *book, path string) {
			b.files[strings.Replace(path, fmt.Sprintf("%012d", b.head.Size), fmt.Sprintf("%012d", 2), 1)] = b.files[path]
		},
		"another name": func(b *book, path string) {
			b.files[path[:strings.LastIndexByte(path, '/')+1]+"00000000"] = b.files[path]
		},
		"a stranger's": func(b *book, path string) {
			checkpoint := b.files[audit.NotePath(b.head.Size)]
			_, lines, _ := strings.Cut(string(stranger.cosign(b.t, checkpoint)), "\n\n")
			b.files[path+"f"] = []byte(strings.SplitAfter(lines, "\n")[1])
		},
		"under no checkpoint": func(b *book, path string) {
			b.files[strings.Replace(path, fmt.Sprintf("%012d", b.head.Size), "999999999999", 1)] = b.files[path]
		},
		"cut off": func(b *book, path string) { b.files[path] = nil },
	} {
		b, w := witnessedBook(t)
		b.keep(w...)
		if r := b.verify(audit.Options{MaxAge: -1}); r.Result != audit.Verified {
			t.Fatalf("%s: before: %s, %+v", name, r.Result, r.Findings)
		}
		var paths []string
		for p := range b.files {
			if strings.Contains(p, ".cosig/") {
				paths = append(paths, p)
			}
		}
		do(b, slices.Min(paths))
		if r := b.verify(audit.Options{MaxAge: -1}); len(r.Findings) != 1 || r.Findings[0].Rule != "AUD-17" {
			t.Errorf("%s: %s, %+v", name, r.Result, r.Findings)
		}
	}
}

func TestCosignaturesOfAnAnswer(t *testing.T) {
	t.Parallel()
	b, w := witnessedBook(t)
	checkpoint := b.files[audit.NotePath(b.head.Size)]
	older := b.files[audit.NotePath(2)]
	of := func(answer []byte) ([]audit.Cosignature, error) {
		return b.trust.Witnesses.Cosignatures(checkpoint, answer)
	}
	whole := w[0].cosign(t, checkpoint)
	_, lines, _ := strings.Cut(string(whole), "\n\n")
	for name, answer := range map[string][]byte{"whole": whole, "lines alone": []byte(lines), "twice": []byte(lines + lines)} {
		if found, err := of(answer); err != nil || len(found) != 1 || found[0].Name != "w0.example.net" {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	if found, err := of(w[1].cosign(t, whole)); err != nil || len(found) != 2 {
		t.Errorf("two witnesses: %+v, %v", found, err)
	}
	if found, err := of(newWitness(t, "stranger.example.net").cosign(t, checkpoint)); err != nil || len(found) != 0 {
		t.Errorf("a stranger: %+v, %v", found, err)
	}
	if _, err := of(w[0].cosign(t, older)); err == nil {
		t.Error("a whole answer to another checkpoint")
	}
	_, lines, _ = strings.Cut(string(w[0].cosign(t, older)), "\n\n")
	if _, err := of([]byte(lines)); err == nil {
		t.Error("lines that answer another checkpoint")
	}
	next := b.trust.Next()
	if err := next.AddWitness(w[0].key); err == nil {
		t.Error("a witness twice")
	}
	if err := next.DropWitness("w0.example.net"); err != nil || len(next.Witnesses.Keys) != 2 || len(b.trust.Witnesses.Keys) != 3 {
		t.Errorf("dropped: %+v, %v", next.Witnesses, err)
	}
	_, plain := newLogKey(t, "w9.example.net")
	if err := next.AddWitness(plain); err == nil {
		t.Error("a key that is not for cosignatures")
	}
}
