package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/audit"
)

// Files of bcctl audit keygen.
const (
	writerKeyFile = "writer.pem"
	logKeyFile    = "log.key"
	adminKeyFile  = "trust-admin.pem"
	trustFile     = "trust.json"
)

func newAuditKeygen(a *app) *cobra.Command {
	var origin, out, backend, role string
	limits := audit.DefaultLimits()
	heartbeat := time.Duration(limits.Heartbeat) * time.Second
	cmd := &cobra.Command{
		Use: "keygen", Short: "Make the keys of a new log", Args: noArgs,
		Long: `Makes three private keys and the first version of the public ones. Nothing is
overwritten, and nothing but the files named is written.

  writer.pem       signs entries: give it to CI as a secret
  log.key          signs checkpoints: to CI too, or better to a job of its own
  trust-admin.pem  signs later versions of the keys: take it offline
  trust.json       the public keys: bcctl audit init begins the log with it

With --role, one key for a log that is there, and its public half in ROLE.pub:
bcctl audit trust propose --add brings it to the log.`,
		Example: exampleLines("bcctl audit keygen --origin example.com/acme/bcctl-audit --out ../audit-keys", "bcctl audit keygen --origin example.com/acme/bcctl-audit --out ../audit-keys --type ssh", "bcctl audit keygen --origin example.com/acme/bcctl-audit --out ../new-keys --role writer"),
		RunE: func(*cobra.Command, []string) error {
			if heartbeat < time.Minute || heartbeat%time.Second != 0 {
				return usage(fmt.Errorf("--heartbeat %s is no time in whole seconds, of a minute or more", heartbeat), "bcctl audit keygen --heartbeat 24h")
			}
			limits.Heartbeat = int64(heartbeat / time.Second)
			if err := a.keygenPlace(origin, out); err != nil {
				return err
			}
			if role != "" {
				return a.keygenOne(origin, out, backend, audit.Role(role))
			}
			return a.keygen(origin, out, backend, limits)
		},
	}
	cmd.Flags().StringVar(&origin, "origin", "", "unique name of the log, such as example.com/acme/bcctl-audit (required)")
	cmd.Flags().StringVar(&out, "out", "", "folder for the keys; made if it is missing (required)")
	cmd.Flags().DurationVar(&heartbeat, "heartbeat", heartbeat, "the log grows at least this often; bcctl audit verify calls it stale after twice the time")
	cmd.Flags().StringVar(&backend, "type", audit.BackendEd25519, "ed25519 (DSSE envelopes) or ssh (ssh-keygen -Y verify)")
	cmd.Flags().StringVar(&role, "role", "", "make one key alone: writer, breakglass, log or trust-admin")
	return cmd
}

// keygenPlace reports whether keys of a log can be written to a folder.
func (a *app) keygenPlace(origin, out string) error {
	if origin == "" || out == "" {
		return usage(errors.New("--origin and --out are needed"), "bcctl audit keygen --origin example.com/acme/bcctl-audit --out ../audit-keys")
	}
	if err := audit.CheckOrigin(origin); err != nil {
		return usage(err, "")
	}
	if top := checkout(a.path(out)); top != "" {
		return fail(exitFailed, fmt.Errorf("%s is inside the repository %s, where keys are committed sooner or later", out, top), "choose a folder outside with --out")
	}
	return nil
}

func (a *app) keygen(origin, out, backend string, limits audit.Limits) error {
	files := map[string][]byte{}
	trust := audit.Trust{V: audit.Version, Version: 1, Log: origin, Threshold: 1, Limits: limits}
	for _, x := range []struct {
		file, backend string
		role          audit.Role
	}{{writerKeyFile, backend, audit.RoleWriter}, {adminKeyFile, audit.BackendEd25519, audit.RoleTrustAdmin}} {
		text, err := audit.NewPrivateKey(x.backend, origin)
		if err != nil {
			return usage(err, "bcctl audit keygen --type ed25519")
		}
		signer, err := audit.ParseSigner(text)
		if err != nil {
			return err
		}
		key, err := audit.PublicKey(signer)
		if err != nil {
			return err
		}
		key.Roles = []audit.Role{x.role}
		trust.Keys = append(trust.Keys, key)
		files[x.file] = text
	}
	private, public, err := audit.NewLogKey(origin)
	if err != nil {
		return err
	}
	trust.Keys = append(trust.Keys, public)
	files[logKeyFile] = []byte(private + "\n")
	if files[trustFile], err = audit.EncodeTrust(trust); err != nil {
		return err
	}
	return a.writeKeys(origin, a.path(out), files)
}

// checkout is the repository a folder is in, or will be; empty when it is in none.
func checkout(dir string) string {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		for _, sign := range []string{".git", "bcctl.yaml"} {
			if exists(filepath.Join(at, sign)) {
				return at
			}
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// writeFiles writes keys, readable by their owner alone. A file that is there stays.
func (a *app) writeFiles(out string, files map[string][]byte) error {
	if err := os.MkdirAll(out, 0o700); err != nil {
		return err
	}
	for _, name := range sortedKeys(files) {
		if exists(filepath.Join(out, name)) {
			return fail(exitFailed, fmt.Errorf("%s is there already; keys are never overwritten", filepath.Join(out, name)), "choose another folder with --out")
		}
	}
	for _, name := range sortedKeys(files) {
		f, err := os.OpenFile(filepath.Join(out, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(files[name])
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		fmt.Fprintf(a.Stdout, "wrote   %s\n", filepath.Join(out, name))
	}
	return nil
}

// writeKeys writes the keys of a new log and says what to do with them.
func (a *app) writeKeys(origin, out string, files map[string][]byte) error {
	if err := a.writeFiles(out, files); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Stdout, `Next: keep the private keys in your secret store and write references to two of them to bcctl.yaml
  audit:
    origin: %s
    key: env:DR_AUDIT_KEY          # %s
    log-key: env:DR_AUDIT_LOG_KEY  # %s
then bcctl audit init --trust %s
`, origin, writerKeyFile, logKeyFile, filepath.Join(out, trustFile))
	return err
}

func newAuditInit(a *app) *cobra.Command {
	var trustName string
	cmd := &cobra.Command{
		Use: "init", Short: "Begin the log with its first keys", Args: noArgs,
		Long: `Writes the public keys and the first entry, signed with audit.key, and seals them where
audit.log-key is there too. With a remote the branch is made there. A log is begun once.`,
		Example: exampleLines("bcctl audit init --trust ../audit-keys/trust.json"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if trustName == "" {
				return usage(errors.New("--trust is needed: the file with the public keys"), "bcctl audit keygen makes it")
			}
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			text, err := os.ReadFile(a.path(trustName))
			if err != nil {
				return fail(exitFailed, fmt.Errorf("read the public keys: %w", err), "bcctl audit keygen")
			}
			trust, err := audit.DecodeTrust(text)
			if err != nil {
				return fail(exitConfig, fmt.Errorf("%s: %w", trustName, err), "")
			}
			b, ctx, done, err := a.openBook(ctx, true)
			if err != nil {
				return err
			}
			defer done()
			if trust.Log != b.Origin {
				return fail(exitConfig, fmt.Errorf("%s is for log %s, audit.origin is %s", trustName, trust.Log, b.Origin), "")
			}
			if pin, err := logbook.ReadPin(b.PinFile); err != nil || pin != nil {
				return fail(exitFailed, errors.Join(err, fmt.Errorf("this machine knows a log %s already, by %s; a new log has a name of its own", b.Origin, b.PinFile)), "choose another audit.origin")
			}
			err = logbook.Begin(ctx, b, trust)
			switch {
			case errors.Is(err, audit.ErrExists):
				return fail(exitFailed, errors.New("there is an audit log already; a log is begun once"), "bcctl audit verify")
			case err != nil:
				return auditFailure(err)
			}
			next := "bcctl check --record-verdict"
			if b.Key == nil {
				next = "bcctl audit seal, in the job that has audit.log-key"
			}
			_, err = fmt.Fprintf(a.Stdout, "the log %s has begun\nNext: %s\n", b.Origin, next)
			return err
		},
	}
	cmd.Flags().StringVar(&trustName, "trust", "", "file with the public keys, from bcctl audit keygen (required)")
	return cmd
}
