package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// snapshotFile is the snapshot in its directory; its signatures lie beside it.
const snapshotFile = "snapshot.json"

func newTrust(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "trust", Short: "Who may approve while GitHub does not answer", Args: noArgs,
		Example: exampleLines("bcctl trust snapshot show --snapshot trust"),
	}
	snapshot := &cobra.Command{
		Use: "snapshot", Short: "The roster and the policies that count offline, signed by root keys", Args: noArgs,
		Long: `A trust snapshot names the bytes of the roster and of the policies that count while
GitHub does not answer. Several root keys sign it. Which keys are root keys is a setting
of each host (offline.root-keys, offline.threshold) and is never taken from a repository:
whoever owns a clone cannot add a key to it.`,
		Example: exampleLines("bcctl trust snapshot make --version 3 --out trust", "bcctl trust snapshot sign trust --key root1", "bcctl trust snapshot show --snapshot trust"),
	}
	snapshot.AddCommand(newSnapshotMake(a), newSnapshotSign(a), newSnapshotShow(a))
	cmd.AddCommand(snapshot)
	return cmd
}

func newSnapshotMake(a *app) *cobra.Command {
	var out, commit string
	var number int64
	var valid time.Duration
	cmd := &cobra.Command{
		Use: "make", Short: "Write a snapshot of a commit, not signed yet", Args: noArgs,
		Long:    `Names the roster and the policies as a commit holds them, with the SHA-256 of each.`,
		Example: exampleLines("bcctl trust snapshot make --version 3 --out trust", "bcctl trust snapshot make --version 4 --commit main --valid 720h --out trust"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" || number < 1 || valid < time.Second {
				return usage(errors.New("say which version it is, how long it is valid, and the folder it is written to"), "bcctl trust snapshot make --version 3 --out trust")
			}
			r, err := a.openSettings(cmd.Context(), cmd.Flags())
			if err != nil {
				return err
			}
			s, err := a.snapshotOf(cmd.Context(), r, commit)
			if err != nil {
				return fail(exitConfig, err, "bcctl validate")
			}
			s.Version, s.Issued = number, a.Now().UTC().Truncate(time.Second)
			s.Expires = s.Issued.Add(valid.Truncate(time.Second))
			text, err := approval.EncodeSnapshot(s)
			if err != nil {
				return fail(exitConfig, err, "")
			}
			dir := a.path(out)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			path := filepath.Join(dir, snapshotFile)
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				return usage(fmt.Errorf("%s is there already", path), "name a new folder with --out")
			}
			if err := atomicfile.Write(path, text); err != nil {
				return err
			}
			printSnapshot(a, s)
			fmt.Fprintf(a.Stdout, "Next: each root key signs it: bcctl trust snapshot sign %s --key KEY\n", out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "folder to write to")
	f.StringVar(&commit, "commit", "HEAD", "commit whose roster and policies count")
	f.Int64Var(&number, "version", 0, "version, higher than any before")
	f.DurationVar(&valid, "valid", 720*time.Hour, "how long it counts")
	return cmd
}

// snapshotOf reads the roster and the policies of a commit.
func (a *app) snapshotOf(ctx context.Context, r *repository, commit string) (approval.Snapshot, error) {
	tree, _, err := git.Tree(ctx, r.dir, commit)
	if err != nil {
		return approval.Snapshot{}, fmt.Errorf("read commit %s: %w", commit, err)
	}
	repo, problems := config.Load(tree, config.Options{Catalog: r.registry})
	if len(problems) > 0 {
		return approval.Snapshot{}, problems
	}
	s := approval.Snapshot{Schema: approval.SnapshotSchema, Repository: r.settings.GitHub.RepositoryID}
	file := func(path string) (approval.SnapshotFile, error) {
		data, err := fs.ReadFile(tree, path)
		return approval.SnapshotFile{Path: path, SHA256: runbook.FileDigest(data)}, err
	}
	roster, ok := repo.Roster()
	if !ok {
		return s, errors.New("the commit has no roster")
	}
	if s.Roster, err = file(roster.Origin.File); err != nil {
		return s, err
	}
	for _, p := range repo.ApprovalPolicies {
		f, err := file(p.Origin.File)
		if err != nil {
			return s, err
		}
		s.Policies = append(s.Policies, f)
	}
	slices.SortFunc(s.Policies, func(a, b approval.SnapshotFile) int { return strings.Compare(a.Path, b.Path) })
	return s, nil
}

func newSnapshotSign(a *app) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "sign <folder>", Short: "Add the signature of a root key", Args: cobra.ExactArgs(1),
		Long: `Shows the snapshot and signs it. A key with a passphrase, of an agent or of a token signs
with ssh-keygen -Y sign -n bcctl-trust-v1; put the signature beside the snapshot, in a
file whose name ends in .sig.`,
		Example: exampleLines("bcctl trust snapshot sign trust --key root1"),
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" {
				return usage(errors.New("name the file of the root key"), "bcctl trust snapshot sign trust --key root1")
			}
			dir := a.path(args[0])
			text, err := readAtMost(filepath.Join(dir, snapshotFile))
			if err != nil {
				return err
			}
			s, err := approval.DecodeSnapshot(text)
			if err != nil {
				return fail(exitConfig, err, "")
			}
			private, err := readAtMost(a.path(key))
			if err != nil {
				return err
			}
			armored, fp, err := approval.SignSSH(text, private, approval.NamespaceTrust)
			if err != nil {
				return fail(exitConfig, err, "ssh-keygen -Y sign -n "+approval.NamespaceTrust)
			}
			name := snapshotFile + "." + strings.NewReplacer("/", "_", "+", "-", "SHA256:", "").Replace(fp)[:12] + ".sig"
			if err := atomicfile.Write(filepath.Join(dir, name), armored); err != nil {
				return err
			}
			printSnapshot(a, s)
			fmt.Fprintf(a.Stdout, "signed by %s in %s\n", fp, name)
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "private key, as ssh-keygen writes it, without a passphrase")
	return cmd
}

func newSnapshotShow(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "show", Short: "Verify a snapshot against this host's root keys, and show it", Args: noArgs,
		Long:    `Ends with 12 when the snapshot does not count here and now.`,
		Example: exampleLines("bcctl trust snapshot show --snapshot trust"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usage(errors.New("name the folder of the snapshot"), "bcctl trust snapshot show --snapshot trust")
			}
			r, err := a.openSettings(cmd.Context(), cmd.Flags())
			if err != nil {
				return err
			}
			s, err := a.trusted(r, dir)
			if err != nil {
				return err
			}
			printSnapshot(a, s)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "snapshot", "", "folder of the snapshot")
	return cmd
}

func printSnapshot(a *app, s approval.Snapshot) {
	fmt.Fprintf(a.Stdout, "trust snapshot %d of repository %d, from %s until %s\n", s.Version, s.Repository, s.Issued.Format(time.RFC3339), s.Expires.Format(time.RFC3339))
	for _, f := range append([]approval.SnapshotFile{s.Roster}, s.Policies...) {
		fmt.Fprintf(a.Stdout, "  %s  %q\n", f.SHA256, f.Path)
	}
}

// readSnapshot reads a snapshot and what was signed of it.
func (a *app) readSnapshot(dir string) (text []byte, signatures [][]byte, err error) {
	if text, err = readAtMost(filepath.Join(a.path(dir), snapshotFile)); err != nil {
		return nil, nil, err
	}
	names, err := filepath.Glob(filepath.Join(a.path(dir), "*.sig"))
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names[:min(len(names), maxSignatures)] {
		data, err := readAtMost(name)
		if err != nil {
			return nil, nil, err
		}
		signatures = append(signatures, data)
	}
	return text, signatures, nil
}

// trusted verifies a snapshot as it must hold for a person who signs, or who looks.
func (a *app) trusted(r *repository, dir string) (approval.Snapshot, error) {
	no := func(err error) (approval.Snapshot, error) {
		return approval.Snapshot{}, fail(exitNotApproved, fmt.Errorf("OFF-02: %w", err), "offline.root-keys and offline.threshold in your own settings")
	}
	text, signatures, err := a.readSnapshot(dir)
	if err != nil {
		return no(err)
	}
	s, err := approval.VerifySnapshot(text, signatures, r.trust())
	if err != nil {
		return no(err)
	}
	if now := a.Now(); now.Before(s.Issued) || !now.Before(s.Expires) {
		return no(fmt.Errorf("trust snapshot %d counts from %s until %s", s.Version, s.Issued.Format(time.RFC3339), s.Expires.Format(time.RFC3339)))
	}
	if s.Repository != r.settings.GitHub.RepositoryID {
		return no(fmt.Errorf("trust snapshot %d is of repository %d", s.Version, s.Repository))
	}
	seen, err := a.seenSnapshot(r)
	if err != nil {
		return no(err)
	}
	if s.Version < seen {
		return no(fmt.Errorf("this is trust snapshot %d, and this host has seen %d", s.Version, seen))
	}
	if s.Version > seen {
		err = a.sawSnapshot(r, s.Version)
	}
	return s, err
}

func (r *repository) trust() approval.Trust {
	return approval.Trust{Roots: r.settings.Offline.RootKeys, Threshold: r.settings.Offline.Threshold}
}

// seenPath is where this host keeps the highest version it ever accepted.
func (a *app) seenPath(r *repository) (string, error) {
	state := a.userDir("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if state == "" {
		return "", errors.New("neither XDG_STATE_HOME nor HOME is set; the version of the trust snapshot needs a place")
	}
	return filepath.Join(state, "bcctl", fmt.Sprintf("trust-snapshot-%d", r.settings.GitHub.RepositoryID)), nil
}

func (a *app) seenSnapshot(r *repository) (int64, error) {
	path, err := a.seenPath(r)
	if err != nil {
		return 0, err
	}
	data, err := readAtMost(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s holds no version: %w", path, err)
	}
	return n, nil
}

func (a *app) sawSnapshot(r *repository, version int64) error {
	path, err := a.seenPath(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(path, []byte(strconv.FormatInt(version, 10)+"\n"))
}
