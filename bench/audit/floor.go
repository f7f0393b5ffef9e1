package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/dirlog"
)

// piece is what has one signature: a segment with its sidecar, or a checkpoint with
// the list of its seal, as the files hold them.
type piece struct{ raw, side, note, list []byte }

// chunk is how many pieces the floor has in memory at once.
const chunk = 2000

// floor measures every hash and every signature that the format asks a verifier for,
// and nothing else: the files are in memory.
func floor(ctx context.Context, dir string) (measured, error) {
	return fromMemory(ctx, dir, bare)
}

// least measures less than that: the leaves, a node for each, and the signatures of
// segments. The digests of files and the signatures of checkpoints are left out.
func least(ctx context.Context, dir string) (measured, error) {
	return fromMemory(ctx, dir, func(k public, p piece) error {
		if p.note != nil {
			return nil
		}
		return leavesAndSignature(k, p)
	})
}

func fromMemory(ctx context.Context, dir string, do func(public, piece) error) (sum measured, err error) {
	keys, err := publicKeys(dir)
	if err != nil {
		return measured{}, err
	}
	names, err := pieceNames(dir)
	if err != nil {
		return measured{}, err
	}
	for len(names) > 0 {
		n := min(chunk, len(names))
		pieces := make([]piece, n)
		for i, name := range names[:n] {
			if pieces[i], err = readPiece(name); err != nil {
				return measured{}, err
			}
		}
		names = names[n:]
		done := watch()
		if err := parallel(ctx, n, func(i int) error { return do(keys, pieces[i]) }); err != nil {
			return measured{}, err
		}
		m := done()
		sum.took, sum.cpu = sum.took+m.took, sum.cpu+m.cpu
	}
	return sum, nil
}

// floorFromDisk measures the floor with listing and reading the files.
func floorFromDisk(ctx context.Context, dir string) (measured, error) {
	keys, err := publicKeys(dir)
	if err != nil {
		return measured{}, err
	}
	done := watch()
	names, err := pieceNames(dir)
	if err != nil {
		return measured{}, err
	}
	err = parallel(ctx, len(names), func(i int) error {
		p, err := readPiece(names[i])
		if err != nil {
			return err
		}
		return bare(keys, p)
	})
	return done(), err
}

func verifyFromDisk(ctx context.Context, dir string) (measured, error) {
	return verify(ctx, dirlog.Open(dir, nil))
}

func verifyFromMemory(ctx context.Context, dir string) (measured, error) {
	log := dirlog.Open(dir, nil)
	files, err := log.Files(ctx)
	if err != nil {
		return measured{}, err
	}
	held := audit.Memory{}
	for _, f := range files {
		if held[f.Path], err = log.Read(ctx, f.Path); err != nil {
			return measured{}, err
		}
	}
	runtime.GC()
	return verify(ctx, held)
}

func verify(ctx context.Context, a audit.Archive) (measured, error) {
	done := watch()
	r, err := audit.Verify(ctx, a, audit.Options{Now: time.Now(), MaxAge: -1})
	m := done()
	if err == nil && r.Result != audit.Verified {
		err = fmt.Errorf("the log does not verify: %+v", r.Findings[0])
	}
	return m, err
}

// parallel does n things on every core.
func parallel(ctx context.Context, n int, do func(i int) error) error {
	group, _ := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < n; i += workers {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// bare does what has to be done to a piece. The form of nothing is checked.
func bare(k public, p piece) error {
	if p.note != nil {
		text, signed, _ := bytes.Cut(p.note, []byte("\n\n"))
		words := bytes.Fields(signed)
		sig, err := base64.StdEncoding.AppendDecode(nil, words[len(words)-1])
		if err != nil {
			return err
		}
		if !ed25519.Verify(k.log, p.note[:len(text)+1], sig[len(sig)-ed25519.SignatureSize:]) {
			return errors.New("the signature of a checkpoint is not valid")
		}
		return nil
	}
	sink(sha256.Sum256(p.raw))
	sink(sha256.Sum256(p.side))
	return leavesAndSignature(k, p)
}

// sink keeps a digest from being left out.
func sink(sum [sha256.Size]byte) { runtime.KeepAlive(sum) }

// leavesAndSignature hashes the leaves of a segment and a node for each, and checks
// its signature.
func leavesAndSignature(k public, p piece) error {
	h := sha256.New()
	var node [2 * sha256.Size]byte
	leaf := func(data []byte) {
		h.Reset()
		h.Write([]byte{0})
		h.Write(data)
		h.Sum(node[:0])
		h.Reset()
		h.Write([]byte{1})
		h.Write(node[:])
		h.Sum(node[:sha256.Size])
	}
	for line := range bytes.Lines(p.raw) {
		leaf(line[:len(line)-1])
	}
	leaf(p.side)
	payload, err := member(p.side, "payload")
	if err != nil {
		return err
	}
	sig, err := member(p.side, "sig")
	if err != nil {
		return err
	}
	const kind = "application/vnd.in-toto+json"
	if !ed25519.Verify(k.writer, fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload), sig) {
		return errors.New("a signature is not valid")
	}
	return nil
}

// member cuts a member out of an envelope.
func member(envelope []byte, name string) ([]byte, error) {
	_, rest, _ := bytes.Cut(envelope, []byte(`"`+name+`":"`))
	value, _, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		return nil, fmt.Errorf("an envelope has no %s", name)
	}
	return base64.StdEncoding.AppendDecode(nil, value)
}

// public are the keys that signed a log.
type public struct{ writer, log ed25519.PublicKey }

func publicKeys(dir string) (k public, err error) {
	text, err := os.ReadFile(filepath.Join(dir, audit.TrustPath(1)))
	if err != nil {
		return k, err
	}
	trust, err := audit.DecodeTrust(text)
	if err != nil {
		return k, err
	}
	for _, key := range trust.Keys {
		text := key.Public
		if key.Alg == audit.AlgNote { // name, hash, key
			parts := strings.SplitN(text, "+", 3)
			text = parts[len(parts)-1]
		}
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return k, err
		}
		raw := ed25519.PublicKey(der[len(der)-ed25519.PublicKeySize:])
		switch key.Roles[0] {
		case audit.RoleWriter:
			k.writer = raw
		case audit.RoleLog:
			k.log = raw
		}
	}
	return k, nil
}

// pieceNames lists segments and checkpoints.
func pieceNames(dir string) (names []string, err error) {
	err = filepath.WalkDir(filepath.Join(dir, "audit"), func(name string, _ fs.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".note")) {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

func readPiece(name string) (p piece, err error) {
	if stem, isNote := strings.CutSuffix(name, ".note"); isNote {
		if p.note, err = os.ReadFile(name); err != nil {
			return p, err
		}
		p.list, err = os.ReadFile(stem + ".json")
		return p, err
	}
	if p.raw, err = os.ReadFile(name); err != nil {
		return p, err
	}
	p.side, err = os.ReadFile(name + ".dsse.json")
	return p, err
}
