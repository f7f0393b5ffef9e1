package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bcctl/bcctl/pkg/audit"
)

const origin = "example.com/acme/bcctl-audit"

// keys are the keys of a log.
type keys struct {
	writer audit.Signer
	log    audit.LogKey
	trust  audit.Trust
}

func newKeys() (keys, error) {
	var k keys
	var public []audit.Key
	for _, role := range []audit.Role{audit.RoleWriter, audit.RoleTrustAdmin} {
		text, err := audit.NewPrivateKey(audit.BackendEd25519, "")
		if err != nil {
			return k, err
		}
		signer, err := audit.ParseSigner(text)
		if err != nil {
			return k, err
		}
		key, err := audit.PublicKey(signer)
		if err != nil {
			return k, err
		}
		key.Roles = []audit.Role{role}
		public = append(public, key)
		if role == audit.RoleWriter {
			k.writer = signer
		}
	}
	private, key, err := audit.NewLogKey(origin)
	if err != nil {
		return k, err
	}
	k.log, err = audit.ParseLogKey(private)
	k.trust = audit.Trust{V: audit.Version, Version: 1, Log: origin, Threshold: 1, Limits: audit.DefaultLimits(), Keys: append(public, key)}
	return k, err
}

// makeLog writes a log as dirlog keeps it, without flushing each file. One that is
// there already stays.
func makeLog(ctx context.Context, dir string, o options) error {
	if _, err := os.Stat(filepath.Join(dir, audit.TrustPath(1))); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	k, err := newKeys()
	if err != nil {
		return err
	}
	trust, err := audit.EncodeTrust(k.trust)
	if err != nil {
		return err
	}
	segments := o.entries / o.per
	w := writer{dir: dir, keys: k, tree: audit.NewTree(), now: time.Now().Add(-time.Duration(segments) * time.Second)}
	if err := w.file(audit.TrustPath(1), trust); err != nil {
		return err
	}
	if w.view.Seen, err = w.tree.Head(); err != nil {
		return err
	}
	var first []audit.Entry
	for i := range o.per - 1 {
		first = append(first, verdict("payments", i))
	}
	genesis, err := audit.NewRun(origin, w.now, "bcctl bench").Genesis(w.now, audit.SHA256(trust), k.writer.ID(), first...)
	if err != nil {
		return err
	}
	if err := w.add(ctx, genesis, 1); err != nil {
		return err
	}
	for range segments - 1 {
		w.now = w.now.Add(time.Second)
		var entries []audit.Entry
		for i := range o.per - 1 {
			entries = append(entries, verdict(fmt.Sprintf("ledger-%04d", i), i))
		}
		s, err := audit.NewRun(origin, w.now, "bcctl bench").Open(w.now, w.view, k.writer.ID(), entries...)
		if err != nil {
			return err
		}
		if err := w.add(ctx, s, o.seal); err != nil {
			return err
		}
	}
	return nil
}

// verdict is an entry as a check of a group writes it, the nth of its segment. No
// two of a segment were read at the same time.
func verdict(system string, n int) audit.Entry {
	read := time.Now().Add(time.Duration(n) * 7 * time.Millisecond)
	at, until := audit.At(read), audit.At(read.Add(10*time.Minute))
	return audit.Entry{Type: audit.CheckResult, System: system, Environment: "production", Reasons: []string{"HEARTBEAT_FRESH"},
		Actor:   &audit.Actor{Kind: "ci", ID: "1234567", Login: "deploy", RepositoryID: "7654321", RunID: "998877"},
		Verdict: &audit.Verdict{Kind: "group", Status: "green", Tier: 1, ObservedAt: at, ValidUntil: until, Members: []audit.Member{{Name: "primary", Status: "green"}, {Name: "standby", Status: "green"}}}}
}

// writer writes a log.
type writer struct {
	dir     string
	keys    keys
	tree    *audit.Tree
	now     time.Time
	view    audit.View
	pending []audit.Signed
}

func (w *writer) file(name string, data []byte) error {
	name = filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// add signs and writes a segment, and seals when there are that many.
func (w *writer) add(ctx context.Context, s audit.Segment, seal int) error {
	sidecar, err := w.keys.writer.Sign(ctx, origin, s)
	if err != nil {
		return err
	}
	path := audit.SegmentPath(s.ID)
	if err := errors.Join(w.file(path, s.Raw), w.file(path+sidecar.Ext, sidecar.Data)); err != nil {
		return err
	}
	w.pending = append(w.pending, audit.Signed{Segment: s, Sidecar: sidecar})
	w.view.Frontier = append(w.view.Frontier, s.SHA256())
	slices.Sort(w.view.Frontier)
	if len(w.pending) < seal {
		return nil
	}
	sealing, err := audit.MakeSeal(w.tree, w.pending, w.keys.log)
	if err != nil {
		return err
	}
	w.pending, w.view = nil, audit.View{Seen: sealing.Head}
	return errors.Join(w.file(audit.SealPath(sealing.Head.Size), sealing.Seal), w.file(audit.NotePath(sealing.Head.Size), sealing.Note))
}
