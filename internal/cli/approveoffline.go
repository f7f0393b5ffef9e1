package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/verdict"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

const (
	maxSignedFile = 256 << 10 // of a statement, a snapshot, a signature, a key
	maxSignatures = 64        // of one snapshot
)

// offlineApproval is what approve --offline is told.
type offlineApproval struct {
	on       bool
	veto     bool
	key      string
	out      string
	incident string
	snapshot string
	valid    time.Duration
}

// approveOffline writes a signed statement about the request of the clone (OFF-03).
func (a *app) approveOffline(ctx context.Context, cmd *cobra.Command, path string, as approval.SlotRole, o offlineApproval) error {
	if as.Role() == "" || o.key == "" || o.out == "" || o.incident == "" || o.snapshot == "" {
		return usage(errors.New("offline, say what is usually on GitHub: --as, --incident, --snapshot, --key and --out"), "bcctl approve --help")
	}
	if o.valid < time.Second || o.valid > 4*time.Hour {
		return usage(fmt.Errorf("--valid is %s; a statement counts for at most 4h (OFF-03)", o.valid), "")
	}
	if !a.typedBy() {
		return usage(errNotTyped, "")
	}
	r, err := a.openRepository(ctx, cmd.Flags())
	if err != nil {
		return err
	}
	s, err := a.trusted(r, o.snapshot)
	if err != nil {
		return err
	}
	raw, err := fs.ReadFile(r.fsys, path)
	if err != nil {
		return usage(fmt.Errorf("name the file of the request, from the repository's root: %w", err), "bcctl approve --offline requests/2026/ID.yaml")
	}
	var found *runbook.Request
	var name string
	for _, q := range r.repo.Requests {
		if q.Origin.File == path {
			found, name = &q.Spec, q.Name()
		}
	}
	roster, ok := r.repo.Roster()
	switch {
	case found == nil:
		return usage(fmt.Errorf("%s holds no request", path), "")
	case !ok:
		return fail(exitConfig, errors.New("there is no roster"), "bcctl validate")
	}
	if data, err := fs.ReadFile(r.fsys, roster.Origin.File); err != nil || s.Roster != (approval.SnapshotFile{Path: roster.Origin.File, SHA256: runbook.FileDigest(data)}) {
		return fail(exitNotApproved, errors.Join(errors.New("OFF-02: the roster of this clone is not the one of the trust snapshot"), err), "")
	}
	private, err := readAtMost(a.path(o.key))
	if err != nil {
		return err
	}
	fp, isPrivate, err := approval.KeyFingerprint(private)
	if err != nil {
		return fail(exitConfig, err, "for a key with a passphrase or of an agent name the public key; ssh-keygen then signs")
	}
	person, ok := roster.Spec.PersonOfKey(fp)
	switch {
	case !ok:
		return fail(exitNotApproved, fmt.Errorf("OFF-03: the key %s is nobody's on the roster", fp), "")
	case !o.veto && person.ID == found.Requester:
		return fail(exitNotApproved, fmt.Errorf("ID-04: %s may not approve this request: requester", person.ID), "")
	case !o.veto && !slices.Contains(person.Roles, as.Role()):
		return fail(exitNotApproved, fmt.Errorf("APP-08: %s does not hold the role %s", person.ID, as.Role()), "")
	}
	digest := runbook.RequestDigest(r.settings.GitHub.RepositoryID, path, raw)
	k := verdict.Case{Case: approval.Case{Request: approval.Decoded[runbook.Request]{Name: name, Path: path, Spec: *found}}}
	v := approval.Verdict{Request: name, Digest: digest}
	a.showRequest(k, v)
	if err := a.typeDigest(v, as); err != nil {
		return err
	}
	now := a.Now().UTC().Truncate(time.Second)
	var random [16]byte
	if _, err := io.ReadFull(rand.Reader, random[:]); err != nil {
		return err
	}
	statement := approval.Statement{
		Action: found.Type, Decision: approval.Approve, Digest: digest, Issued: now, Expires: now.Add(o.valid.Truncate(time.Second)), Incident: o.incident,
		Nonce: hex.EncodeToString(random[:]), Person: person.ID, Repository: r.settings.GitHub.RepositoryID, Role: as,
		Schema: approval.StatementSchema, Snapshot: s.Version, Target: found.Target,
	}
	if o.veto {
		statement.Decision = approval.Veto
	}
	text, err := approval.EncodeStatement(statement)
	if err != nil {
		return err
	}
	return a.writeStatement(o, statement, text, private, isPrivate)
}

func (a *app) writeStatement(o offlineApproval, s approval.Statement, text, private []byte, isPrivate bool) error {
	out := a.path(o.out)
	for _, path := range []string{out, out + ".sig"} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return usage(fmt.Errorf("%s is there already", path), "name a new file with --out")
		}
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if !isPrivate {
		if err := atomicfile.Write(out, text); err != nil {
			return err
		}
		fmt.Fprintf(a.Stdout, "not signed yet. Next: ssh-keygen -Y sign -n %s -f %s %s\n", approval.NamespaceApproval, o.key, o.out)
		return nil
	}
	armored, _, err := approval.SignSSH(text, private, approval.NamespaceApproval)
	if err != nil {
		return err
	}
	if err := errors.Join(atomicfile.Write(out, text), atomicfile.Write(out+".sig", armored)); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "%s by %s as %s until %s: %s and %s.sig\n", s.Decision, s.Person, s.Role, s.Expires.Format(time.RFC3339), o.out, o.out)
	return nil
}

// readAtMost reads a small file.
func readAtMost(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it is only read
	data, err := io.ReadAll(io.LimitReader(f, maxSignedFile+1))
	if err == nil && len(data) > maxSignedFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxSignedFile)
	}
	return data, err
}
