package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
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

// pair is a segment with its signature, as their files hold them.
type pair struct{ raw, side []byte }

// chunk is how many segments the floor has in memory at once.
const chunk = 2000

// floor measures hashes and signatures alone: the files are in memory.
func floor(ctx context.Context, dir string) (sum measured, err error) {
	public, err := writerKey(dir)
	if err != nil {
		return measured{}, err
	}
	names, err := segmentNames(dir)
	if err != nil {
		return measured{}, err
	}
	for len(names) > 0 {
		n := min(chunk, len(names))
		pairs := make([]pair, n)
		for i, name := range names[:n] {
			if pairs[i], err = readPair(name); err != nil {
				return measured{}, err
			}
		}
		names = names[n:]
		done := watch()
		if err := parallel(ctx, n, func(i int) error { return bare(public, pairs[i]) }); err != nil {
			return measured{}, err
		}
		m := done()
		sum.took, sum.cpu = sum.took+m.took, sum.cpu+m.cpu
	}
	return sum, nil
}

// floorFromDisk measures the same with listing and reading the files.
func floorFromDisk(ctx context.Context, dir string) (measured, error) {
	public, err := writerKey(dir)
	if err != nil {
		return measured{}, err
	}
	done := watch()
	names, err := segmentNames(dir)
	if err != nil {
		return measured{}, err
	}
	err = parallel(ctx, len(names), func(i int) error {
		p, err := readPair(names[i])
		if err != nil {
			return err
		}
		return bare(public, p)
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

// bare hashes the leaves of a segment and a node for each, and checks its signature.
// The form of nothing is checked.
func bare(public ed25519.PublicKey, p pair) error {
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
	if !ed25519.Verify(public, fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload), sig) {
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

func writerKey(dir string) (ed25519.PublicKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, audit.TrustPath(1)))
	if err != nil {
		return nil, err
	}
	trust, err := audit.DecodeTrust(text)
	if err != nil {
		return nil, err
	}
	der, err := base64.StdEncoding.DecodeString(trust.Keys[0].Public)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the writer's key is not an Ed25519 key")
	}
	return public, nil
}

func segmentNames(dir string) (names []string, err error) {
	err = filepath.WalkDir(filepath.Join(dir, "audit", "log"), func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".jsonl") {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

func readPair(name string) (p pair, err error) {
	if p.raw, err = os.ReadFile(name); err != nil {
		return p, err
	}
	p.side, err = os.ReadFile(name + ".dsse.json")
	return p, err
}
