package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/secret"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/dirlog"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
	"github.com/bcctl/bcctl/pkg/config"
)

func newAudit(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "The signed record of what was checked and done; verified offline",
		Args:  noArgs,
		Long: `Writes and verifies the audit log of a configuration repository: append-only, signed,
on a branch of its own. Verifying needs no network, no secret and no trust in who wrote it.

To begin one: keygen makes the keys, init begins the log, bcctl check --record-verdict
writes to it. Auditors need verify, show, export and checkpoint only, and no key.
docs/audit-format.md describes the files, and how to check them without this program.`,
		Example: exampleLines("bcctl audit verify", "bcctl audit verify --from audit.bundle --pin pin.note", "bcctl audit show", "bcctl audit export --format csv --since 2026-01-01", "bcctl audit checkpoint > pin.note"),
	}
	cmd.AddCommand(newAuditVerify(a), newAuditShow(a), newAuditExport(a), newAuditCheckpoint(a), newAuditKeygen(a), newAuditInit(a), newAuditRecover(a), newAuditSeal(a), newAuditTrust(a), newAuditCosign(a))
	return cmd
}

// auditSource is where a log is read from.
type auditSource struct {
	from string // a clone, a bundle or a directory; empty: what the settings say
	ref  string
	pin  string
}

func (s *auditSource) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.from, "from", "", "a clone, a bundle or a directory with the log, instead of the one in the settings")
	cmd.Flags().StringVar(&s.ref, "ref", gitlog.DefaultRef, "branch of the log")
	cmd.Flags().StringVar(&s.pin, "pin", "", "a checkpoint kept elsewhere (bcctl audit checkpoint); default what this machine saw last")
}

// archive opens a log for reading. No connection is made: of a clone it is what was
// fetched last.
func (a *app) archive(ctx context.Context, s auditSource) (archive audit.Archive, done func() error, err error) {
	nothing := func() error { return nil }
	where := s.from
	if where == "" {
		dir, err := a.findRepository()
		if err != nil {
			return nil, nil, fail(exitFailed, errors.New("there is no configuration repository here, so where the log is is not known"), "bcctl audit verify --from CLONE, BUNDLE or DIRECTORY")
		}
		r, err := a.openSettings(ctx, nil)
		if err != nil {
			return nil, nil, err
		}
		if r.settings.Audit.Dir != "" {
			return dirlog.Open(a.path(r.settings.Audit.Dir), nil), nothing, nil
		}
		where = dir
	}
	where = a.path(where)
	switch {
	case isFile(where):
		return a.bundle(ctx, where, s.ref)
	case isFile(filepath.Join(where, filepath.FromSlash(audit.TrustPath(1)))) && !exists(filepath.Join(where, ".git")):
		return dirlog.Open(where, nil), nothing, nil
	}
	commit, err := localTip(ctx, where, s.ref)
	if err != nil {
		return nil, nil, noLogHere(err, where, s)
	}
	snapshot, err := gitlog.At(ctx, where, commit)
	if err != nil {
		return nil, nil, err
	}
	return snapshot, snapshot.Close, nil
}

// noLogHere is the error for a place without a log, with what may help.
func noLogHere(err error, where string, s auditSource) error {
	switch {
	case errors.Is(err, audit.ErrNoLog):
		return fail(exitFailed, err, "git fetch origin "+strings.TrimPrefix(s.ref, "refs/heads/")+", if there is one elsewhere; or name the place with --from")
	case s.from != "":
		return fail(exitFailed, fmt.Errorf("%s is no clone, no bundle and no directory with a log: %w", where, err), "bcctl audit verify --from CLONE, BUNDLE or DIRECTORY")
	default:
		return fail(exitFailed, err, "bcctl audit verify --from CLONE, BUNDLE or DIRECTORY")
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// bundle opens a log that somebody sent as a git bundle.
func (a *app) bundle(ctx context.Context, file, ref string) (archive audit.Archive, done func() error, err error) {
	dir, err := os.MkdirTemp("", "bcctl-bundle-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	commit, err := git.Unbundle(ctx, file, dir, ref)
	if err != nil {
		return nil, nil, errors.Join(fail(exitFailed, err, "git bundle create audit.bundle "+strings.TrimPrefix(ref, "refs/heads/")), remove())
	}
	snapshot, err := gitlog.At(ctx, dir, commit)
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return snapshot, func() error { return errors.Join(snapshot.Close(), remove()) }, nil
}

// localTip is the newest commit of a log's branch that a clone has.
func localTip(ctx context.Context, dir, ref string) (string, error) {
	short := strings.TrimPrefix(ref, "refs/heads/")
	var first error
	for _, name := range []string{"refs/remotes/origin/" + short, ref} {
		commit, err := git.Tip(ctx, dir, name)
		if err == nil {
			return commit, nil
		}
		if first == nil {
			first = err
		}
	}
	if errors.Is(first, git.ErrNoBranch) {
		return "", fmt.Errorf("%w: %s has no branch %s", audit.ErrNoLog, dir, short)
	}
	return "", first
}

// book opens the log of the settings for writing; without a key to sign entries
// with where none will be.
func (a *app) book(ctx context.Context, dir string, settings Settings, signs bool) (*logbook.Book, error) {
	b, err := a.logOf(ctx, dir, settings)
	if err != nil {
		return nil, err
	}
	if signs {
		if b.Signer, err = a.auditSigner(ctx, settings.Audit); err != nil {
			return nil, err
		}
	}
	return b, a.logKey(ctx, b, settings.Audit.LogKey)
}

// logOf opens the log of the settings, without any key.
func (a *app) logOf(ctx context.Context, dir string, settings Settings) (*logbook.Book, error) {
	s := settings.Audit
	if s.Origin == "" {
		return nil, fail(exitConfig, errors.New("no audit log is configured"), "write audit: {origin: example.com/acme/bcctl-audit, key: env:DR_AUDIT_KEY} to bcctl.yaml")
	}
	b := &logbook.Book{Origin: s.Origin, Tool: "bcctl " + version(), Now: a.Now, PinFile: a.pinFile(s.Origin)}
	pin, err := logbook.ReadPin(b.PinFile)
	if err != nil {
		return nil, err
	}
	if s.Dir != "" {
		b.Store = dirlog.Open(a.path(s.Dir), pin)
		return b, nil
	}
	b.Store, err = gitlog.Open(ctx, gitlog.Options{Dir: dir, Ref: s.Ref, Remote: s.Remote, Pin: pin, Now: a.Now})
	if errors.Is(err, git.ErrNotRepository) {
		err = fail(exitFailed, fmt.Errorf("the audit log is a branch, and %s is in no Git repository", dir), "git init there, or "+settingVariable("audit.dir")+"=DIR for a log in a directory")
	}
	return b, err
}

// logKey gives a book the key of its log, where a reference to one is set.
func (a *app) logKey(ctx context.Context, b *logbook.Book, ref string) error {
	if ref == "" {
		return nil
	}
	text, err := a.secretValue(ctx, "audit.log-key", ref)
	if err != nil {
		return err
	}
	key, err := audit.ParseLogKey(text)
	if err != nil {
		return fail(exitConfig, fmt.Errorf("audit.log-key: %w", err), "bcctl audit keygen")
	}
	if key.Origin() != b.Origin {
		return fail(exitConfig, fmt.Errorf("audit.log-key is the key of log %s, audit.origin is %s", key.Origin(), b.Origin), "")
	}
	b.Key = &key
	return nil
}

// secretValue resolves a reference in the settings.
func (a *app) secretValue(ctx context.Context, setting, text string) (string, error) {
	ref, err := config.ParseSecretRef(text)
	if err != nil {
		return "", fail(exitConfig, fmt.Errorf("%s: %w", setting, err), "")
	}
	value, err := secret.NewResolver(a.Lookup).Value(ctx, ref)
	if err != nil {
		return "", fail(exitFailed, fmt.Errorf("%s: %w", setting, err), "")
	}
	return value, nil
}

// pinFile is where this machine keeps the newest checkpoint of a log.
func (a *app) pinFile(origin string) string {
	dir := a.userDir("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "bcctl", "audit", strings.ReplaceAll(origin, "/", "_")+".note")
}
