package audit

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Witnesses are who cosigns checkpoints (C2SP tlog-cosignature). A witness cosigns
// only what continues everything it cosigned before, so that nobody who holds all
// keys of a log can show two histories of it.
type Witnesses struct {
	Keys   []string `json:"keys"`   // verifier keys of Ed25519 cosignatures, sorted
	Quorum int64    `json:"quorum"` // how many must have cosigned the newest seal
}

// maxWitnesses bounds what is verified for each seal.
const maxWitnesses = 64

func (w Witnesses) check() error {
	seen := map[string]bool{}
	for _, key := range w.Keys {
		v, err := witnessVerifier(key)
		if err != nil {
			return err
		}
		if seen[v.Name()] || seen[WitnessID(v)] {
			return fmt.Errorf("witness %s stands there twice", v.Name())
		}
		seen[v.Name()], seen[WitnessID(v)] = true, true
	}
	if w.Quorum < 1 || w.Quorum > int64(len(w.Keys)) || len(w.Keys) > maxWitnesses || !slices.IsSorted(w.Keys) {
		return fmt.Errorf("a quorum of %d needs at least as many witnesses, at most %d and sorted", w.Quorum, maxWitnesses)
	}
	return nil
}

// witnessVerifier reads the verifier key of a witness, in the one form there is for it.
func witnessVerifier(key string) (note.Verifier, error) {
	v, err := cosignature.NewVerifierForCosignatureV1(key)
	if err != nil {
		return nil, errors.New("the key of a witness is no verifier key (NAME+HASH+...)")
	}
	_, rest, _ := strings.Cut(key, "+")
	hash, public, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(public)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algCosignature || hash != WitnessID(v) {
		return nil, fmt.Errorf("the key of witness %s is no verifier key of type %d, Ed25519 cosignature/v1", v.Name(), algCosignature)
	}
	return v, nil
}

// algCosignature is the type of an Ed25519 key for cosignature/v1 (C2SP signed-note).
const algCosignature = 4

// WitnessID names a witness in the path of its cosignatures.
func WitnessID(v note.Verifier) string { return fmt.Sprintf("%08x", v.KeyHash()) }

// CosignaturePath is where the cosignature of a witness under the checkpoint of a
// size is kept.
func CosignaturePath(size int64, id string) string {
	return fmt.Sprintf("%s/seals/%012d.cosig/%s", root, size, id)
}

// Cosignature is a line that a witness added to a checkpoint.
type Cosignature struct {
	ID   string // of the witness
	Name string
	At   time.Time // by the witness's clock
	Line []byte    // as its file holds it
}

// Cosignatures finds the witnesses' lines in what one of them answered: signature
// lines alone, or the whole checkpoint with them. Lines of others are left out. A
// line that a witness of the policy is said to have made, and that does not fit the
// checkpoint, is an error.
func (w Witnesses) Cosignatures(checkpoint, answer []byte) ([]Cosignature, error) {
	text := string(answer)
	if _, lines, whole := strings.Cut(text, "\n\n"); whole {
		mine, _, _ := strings.Cut(string(checkpoint), "\n\n")
		if !strings.HasPrefix(text, mine+"\n\n") {
			return nil, errors.New("it is under another checkpoint than the newest one of this log")
		}
		text = lines
	}
	var found []Cosignature
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "\u2014 ") {
			continue
		}
		c, known, err := w.open(checkpoint, []byte(strings.TrimRight(line, "\r\n")+"\n"))
		if err != nil {
			return nil, err
		}
		if known && !slices.ContainsFunc(found, func(x Cosignature) bool { return x.ID == c.ID }) {
			found = append(found, c)
		}
	}
	return found, nil
}

// errCosignature says that a cosignature is no good.
var errCosignature = errors.New("the cosignature does not fit the checkpoint")

// open checks one line under a checkpoint. Known is false when it is by nobody of
// these.
func (w Witnesses) open(checkpoint, line []byte) (c Cosignature, known bool, err error) {
	var verifiers []note.Verifier
	for _, key := range w.Keys {
		if v, err := witnessVerifier(key); err == nil {
			verifiers = append(verifiers, v)
		}
	}
	text, _, found := strings.Cut(string(checkpoint), "\n\n")
	if !found || strings.Count(string(line), "\n") != 1 {
		return c, false, errCosignature
	}
	opened, err := note.Open([]byte(text+"\n\n"+string(line)), note.VerifierList(verifiers...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return c, false, nil
	case err != nil || len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 0:
		return c, false, errCosignature
	}
	sig := opened.Sigs[0]
	if string(line) != fmt.Sprintf("\u2014 %s %s\n", sig.Name, sig.Base64) || !strictBase64(sig.Base64) {
		return c, false, errCosignature
	}
	at, err := cosignature.CoSigV1Timestamp(sig)
	if err != nil {
		return c, false, errCosignature
	}
	return Cosignature{fmt.Sprintf("%08x", sig.Hash), sig.Name, at.UTC(), line}, true, nil
}

// WitnessesOf returns who cosigns the log, and its newest checkpoint with its size.
func WitnessesOf(ctx context.Context, a Archive, r Report) (w Witnesses, checkpoint []byte, err error) {
	text, err := a.Read(ctx, TrustPath(r.Trust))
	if err != nil {
		return w, nil, err
	}
	t, err := DecodeTrust(text)
	if err != nil {
		return w, nil, err
	}
	if t.Witnesses == nil {
		return w, nil, errors.New("the keys of the log name no witness")
	}
	checkpoint, err = a.Read(ctx, NotePath(r.Head.Size))
	return *t.Witnesses, checkpoint, err
}

// witnessed checks every cosignature that is kept, and that enough witnesses vouch
// for the newest seal.
func (v *verifier) witnessed() error {
	var all Witnesses // that ever were
	for _, t := range v.versions {
		if t.Witnesses != nil {
			all.Keys = append(all.Keys, t.Witnesses.Keys...)
		}
	}
	slices.Sort(all.Keys)
	all.Keys = slices.Compact(all.Keys)
	newest := map[string]time.Time{}
	for _, f := range v.cosignatures {
		if !v.notes[f.size] {
			v.report.find("AUD-17", f.path, 0, -1, "it is under a checkpoint that is not there")
			continue
		}
		checkpoint, err := v.read(NotePath(f.size))
		if err != nil {
			return err
		}
		line, err := v.read(f.path)
		if err != nil {
			return err
		}
		c, known, err := all.open(checkpoint, line)
		switch {
		case err != nil:
			v.report.find("AUD-17", f.path, 0, f.size-1, "%v", err)
		case !known:
			v.report.find("AUD-17", f.path, 0, f.size-1, "it is by nobody who is or was a witness of this log")
		case f.path != CosignaturePath(f.size, c.ID):
			v.report.find("AUD-17", f.path, 0, f.size-1, "it is by another witness than its name says")
		case f.size == v.report.Head.Size:
			newest[c.ID] = c.At
		}
	}
	w := v.inForce().Witnesses
	if w == nil || v.report.Head.Size == 0 {
		return nil
	}
	var times []time.Time
	for _, key := range w.Keys {
		verifier, err := witnessVerifier(key)
		if err != nil {
			continue // the document was checked
		}
		if at, ok := newest[WitnessID(verifier)]; ok {
			times = append(times, at)
		}
	}
	if int64(len(times)) < w.Quorum {
		v.report.find("AUD-17", NotePath(v.report.Head.Size), 0, v.report.Head.Size-1, "%d of %d witnesses cosigned the newest seal, %d are needed", len(times), len(w.Keys), w.Quorum)
		return nil
	}
	// So many witnesses say it was then or later.
	slices.SortFunc(times, func(a, b time.Time) int { return cmp.Compare(b.UnixNano(), a.UnixNano()) })
	v.report.Witnessed, v.report.WitnessedAt = v.report.Head.Size, times[w.Quorum-1]
	return nil
}
