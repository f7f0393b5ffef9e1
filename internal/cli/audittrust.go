package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

func newAuditTrust(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "trust", Short: "The keys that count: show them, and change them with the signatures of trust-admins", Args: noArgs,
		Long: `The public keys of a log and its limits are a document with versions. A new version
counts once enough trust-admins of the version before have signed it, each where the own
key is:

  propose  anybody with a clone writes the new version to a file
  sign     each trust-admin sees what changes and adds a signature to the file
  apply    brings it to the log, when there are enough

Nothing is ever taken out of the log: a key that is retired goes on vouching for what
it signed before.`,
		Example: exampleLines("bcctl audit trust show", "bcctl audit trust propose --add writer=new/writer.pub --out proposal.json", "bcctl audit trust sign proposal.json --key file:trust-admin.pem", "bcctl audit trust apply proposal.json"),
	}
	cmd.AddCommand(newTrustShow(a), newTrustPropose(a), newTrustSign(a), newTrustApply(a), newTrustPublic(a))
	return cmd
}

// keysOf verifies a log and returns its report, and the bytes of the version of the
// keys that is in force.
func (a *app) keysInForce(cmd *cobra.Command, o verifyOptions) (text []byte, trust audit.Trust, err error) {
	report, err := a.verifyLog(cmd, o, nil)
	if err != nil {
		return nil, trust, err
	}
	if err := tampered(report); err != nil {
		return nil, trust, err
	}
	archive, done, err := a.archive(cmd.Context(), o.source)
	if err != nil {
		return nil, trust, err
	}
	text, err = archive.Read(cmd.Context(), audit.TrustPath(report.Trust))
	if err := errors.Join(err, done()); err != nil {
		return nil, trust, err
	}
	trust, err = audit.DecodeTrust(text)
	return text, trust, err
}

func newTrustShow(a *app) *cobra.Command {
	o := verifyOptions{maxAge: -1}
	var format string
	cmd := &cobra.Command{
		Use: "show", Short: "The keys in force, with what each may sign and where", Args: noArgs,
		Long:    `Verifies the log and prints the version of the keys that is in force.`,
		Example: exampleLines("bcctl audit trust show", "bcctl audit trust show --from audit.bundle -o json"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usage(fmt.Errorf("format %q is not known", format), "bcctl audit trust show -o json")
			}
			text, trust, err := a.keysInForce(cmd, o)
			if err != nil {
				return err
			}
			if format == "json" {
				_, err = a.Stdout.Write(append(text, '\n'))
				return err
			}
			return printTrust(a.Stdout, trust)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text, or json: the document itself")
	return cmd
}

func printTrust(w io.Writer, t audit.Trust) error {
	fmt.Fprintf(w, "version %d of the keys of %s; the next one needs %s\n", t.Version, t.Log, signatures(t.Threshold))
	fmt.Fprintf(w, "  limits   heartbeat %s, sealed within %s, clocks within %s\n", seconds(t.Limits.Heartbeat), seconds(t.Limits.MaxUnsealed), seconds(t.Limits.Skew))
	if t.Witnesses != nil {
		fmt.Fprintf(w, "  witnesses %s\n", witnessWords(t))
	}
	for _, k := range t.Keys {
		fmt.Fprintf(w, "  %-11s  %s  %-7s  %s%s\n", roleWords(k), shownKey(k), k.Alg, window(k), suspectWords(k))
	}
	return nil
}

func signatures(n int64) string {
	if n == 1 {
		return "the signature of one trust-admin"
	}
	return fmt.Sprintf("the signatures of %d trust-admins", n)
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func roleWords(k audit.Key) string {
	var words []string
	for _, r := range k.Roles {
		words = append(words, string(r))
	}
	return strings.Join(words, "+")
}

// shownKey is enough of a key's id to name it in a flag.
func shownKey(k audit.Key) string {
	if k.Alg == audit.BackendSSH || len(k.ID) <= 16 {
		return k.ID
	}
	return k.ID[:16]
}

func window(k audit.Key) string {
	if k.ToIndex != nil {
		return fmt.Sprintf("from leaf %d, retired at leaf %d", k.FromIndex, *k.ToIndex)
	}
	return fmt.Sprintf("from leaf %d", k.FromIndex)
}

func suspectWords(k audit.Key) string {
	if k.Suspect == nil {
		return ""
	}
	return fmt.Sprintf(", SUSPECT for leaves %d to %d", k.Suspect.From, k.Suspect.To-1)
}

// witnessWords names the witnesses of a version, each by its whole key.
func witnessWords(t audit.Trust) string {
	if t.Witnesses == nil {
		return "none"
	}
	return fmt.Sprintf("%d of %s", t.Witnesses.Quorum, strings.Join(t.Witnesses.Keys, ", "))
}

// rotation are the flags of a proposal.
type rotation struct {
	add, retire, suspect []string
	witness, dropWitness []string
	threshold, quorum    int64
	heartbeat            time.Duration
	out                  string
	dryRun               bool
}

func newTrustPropose(a *app) *cobra.Command {
	var c rotation
	cmd := &cobra.Command{
		Use: "propose", Short: "Write a new version of the keys to a file, for trust-admins to sign", Args: noArgs,
		Long: `Makes the next version of the keys from the one in force and writes it to a file. It
needs no key, and changes nothing in the log.

A key is added by its public half (bcctl audit keygen --role writes it) and begins where
the log ends now. A key is retired where the log ends now, or at a leaf: KEY@120. What
it signed before stays good. A key that somebody else may have had is marked for a range
of leaves as well: --suspect KEY=80-120, the first leaf and the one after the last; KEY=80-
is up to now. Everything it signed there is kept and named by every verification (AUD-23).
KEY is a key's id as trust show prints it.`,
		Example: exampleLines("bcctl audit trust propose --add writer=new/writer.pub --out proposal.json",
			"bcctl audit trust propose --retire 3f2a9c01 --out proposal.json",
			"bcctl audit trust propose --add log=new/log.pub --retire 1c2d3e4f --out proposal.json",
			"bcctl audit trust propose --add writer=new/writer.pub --retire 3f2a9c01 --suspect 3f2a9c01=80- --out proposal.json"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			return a.propose(ctx, c)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&c.add, "add", nil, "ROLE=FILE: a public key; roles are writer, breakglass (both: writer,breakglass), log, trust-admin; repeatable")
	f.StringArrayVar(&c.retire, "retire", nil, "KEY or KEY@LEAF: a key that signs no more; repeatable")
	f.StringArrayVar(&c.suspect, "suspect", nil, "KEY=FROM-TO: leaves that somebody else may have signed with it; repeatable")
	f.StringArrayVar(&c.witness, "witness", nil, "verifier key of a witness, NAME+HASH+KEY; repeatable")
	f.StringArrayVar(&c.dropWitness, "drop-witness", nil, "name of a witness that is asked no more; repeatable")
	f.Int64Var(&c.quorum, "quorum", 0, "how many witnesses must cosign the newest seal (default as before, 1 for the first)")
	f.Int64Var(&c.threshold, "threshold", 0, "how many trust-admins must sign later versions (default as before)")
	f.DurationVar(&c.heartbeat, "heartbeat", 0, "the log grows at least this often (default as before)")
	f.StringVar(&c.out, "out", "", "file for the proposal (required)")
	f.BoolVar(&c.dryRun, "dry-run", false, "show what would change and write nothing")
	return cmd
}

func (a *app) propose(ctx context.Context, c rotation) error {
	switch {
	case c.out == "" && !c.dryRun:
		return usage(errors.New("--out is needed: the file for the proposal"), "bcctl audit trust propose --add writer=new/writer.pub --out proposal.json")
	case len(c.add)+len(c.retire)+len(c.suspect)+len(c.witness)+len(c.dropWitness) == 0 && c.quorum == 0 && c.threshold == 0 && c.heartbeat == 0:
		return usage(errors.New("nothing would change"), "bcctl audit trust propose --add writer=new/writer.pub --out proposal.json")
	case c.quorum < 0:
		return usage(errors.New("--quorum is a number from 1"), "")
	case c.threshold < 0 || c.heartbeat != 0 && (c.heartbeat < time.Minute || c.heartbeat%time.Second != 0):
		return usage(errors.New("--threshold is a number from 1, --heartbeat a time in whole seconds of a minute or more"), "")
	case c.out != "" && exists(a.path(c.out)):
		return fail(exitFailed, fmt.Errorf("%s is there already", c.out), "choose another file with --out")
	}
	b, ctx, done, err := a.openLog(ctx)
	if err != nil {
		return err
	}
	defer done()
	view, err := b.Store.View(ctx)
	if err != nil {
		return auditFailure(err)
	}
	before, err := b.Store.Read(ctx, audit.TrustPath(view.Keys.Version))
	if err != nil {
		return err
	}
	next := view.Keys.Next()
	if err := a.change(&next, c, view.Index); err != nil {
		return usage(err, "bcctl audit trust show")
	}
	p, err := audit.Propose(before, next, view, a.Now(), b.Tool)
	if err != nil {
		return fail(exitFailed, err, "bcctl audit trust show")
	}
	o, err := p.Open(before)
	if err != nil {
		return err
	}
	printProposal(a.Stdout, o)
	if c.dryRun {
		_, err = fmt.Fprintln(a.Stdout, "dry run: nothing was written")
		return err
	}
	if err := writeProposal(a.path(c.out), p); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "wrote %s\nNext: each trust-admin bcctl audit trust sign %s --key file:trust-admin.pem\n", c.out, c.out)
	return err
}

func writeProposal(name string, p audit.Proposal) error {
	text, err := p.Encode()
	if err != nil {
		return err
	}
	return atomicfile.Write(name, text)
}

// change makes the changes of the flags.
func (a *app) change(t *audit.Trust, c rotation, now int64) error {
	for _, text := range c.add {
		roles, file, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("--add %q is not of the form ROLE=FILE", text)
		}
		data, err := os.ReadFile(a.path(file))
		if err != nil {
			return fmt.Errorf("--add: %w", err)
		}
		key, err := audit.ParsePublicKey(data)
		if err != nil {
			return fmt.Errorf("--add %s: %w", file, err)
		}
		var list []audit.Role
		for _, r := range strings.Split(roles, ",") {
			list = append(list, audit.Role(r))
		}
		if err := t.Add(key, now, list...); err != nil {
			return fmt.Errorf("--add %s: %w", text, err)
		}
	}
	for _, text := range c.retire {
		id, leaf, found := strings.Cut(text, "@")
		at := now
		if found {
			var err error
			if at, err = strconv.ParseInt(leaf, 10, 64); err != nil || at < now {
				return fmt.Errorf("--retire %q: write KEY@LEAF with a leaf from %d on, where the log ends now", text, now)
			}
		}
		if err := t.Retire(id, at); err != nil {
			return fmt.Errorf("--retire: %w", err)
		}
	}
	for _, text := range c.suspect {
		id, leaves, _ := strings.Cut(text, "=")
		first, last, found := strings.Cut(leaves, "-")
		r := audit.Range{To: now}
		from, err := strconv.ParseInt(first, 10, 64)
		r.From = from
		if err == nil && last != "" {
			r.To, err = strconv.ParseInt(last, 10, 64)
		}
		if err != nil || !found {
			return fmt.Errorf("--suspect %q is not of the form KEY=FROM-TO", text)
		}
		if err := t.MarkSuspect(id, r); err != nil {
			return fmt.Errorf("--suspect: %w", err)
		}
	}
	for _, key := range c.witness {
		if err := t.AddWitness(key); err != nil {
			return fmt.Errorf("--witness: %w", err)
		}
	}
	for _, name := range c.dropWitness {
		if err := t.DropWitness(name); err != nil {
			return fmt.Errorf("--drop-witness: %w", err)
		}
	}
	if c.quorum > 0 {
		if t.Witnesses == nil {
			return errors.New("--quorum: the log has no witness; add one with --witness")
		}
		t.Witnesses.Quorum = c.quorum
	}
	if c.threshold > 0 {
		t.Threshold = c.threshold
	}
	if c.heartbeat > 0 {
		t.Limits.Heartbeat = int64(c.heartbeat / time.Second)
	}
	return nil
}

// printProposal says what a proposal changes, from the two documents alone.
func printProposal(w io.Writer, o audit.Proposed) {
	fmt.Fprintf(w, "version %d of the keys of %s, to follow version %d\n", o.Next.Version, o.Next.Log, o.Before.Version)
	for _, line := range changes(o.Before, o.Next) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	fmt.Fprintf(w, "  made %s; needs %s, has %d\n", o.At.Format(time.RFC3339), signatures(o.Before.Threshold), len(o.Signers))
	for _, id := range o.Signers {
		fmt.Fprintf(w, "  signed by %s\n", id[:min(16, len(id))])
	}
}

// changes are the differences of two versions in words; none is left out.
func changes(before, next audit.Trust) []string {
	var lines []string
	had := map[string]audit.Key{}
	for _, k := range before.Keys {
		had[k.ID] = k
	}
	for _, k := range next.Keys {
		was, there := had[k.ID]
		delete(had, k.ID)
		switch {
		case !there:
			lines = append(lines, fmt.Sprintf("new      %s  %s  %s  %s%s", roleWords(k), shownKey(k), k.Alg, window(k), suspectWords(k)))
			continue
		case roleWords(k) != roleWords(was) || k.FromIndex != was.FromIndex || k.Public != was.Public || k.Alg != was.Alg:
			lines = append(lines, fmt.Sprintf("changed  %s  %s  was %s, %s; is %s, %s", shownKey(k), k.Alg, roleWords(was), window(was), roleWords(k), window(k)))
		case window(k) != window(was):
			lines = append(lines, fmt.Sprintf("retired  %s  %s  %s", roleWords(k), shownKey(k), window(k)))
		}
		if suspectWords(k) != suspectWords(was) {
			lines = append(lines, fmt.Sprintf("suspect  %s  %s%s", roleWords(k), shownKey(k), suspectWords(k)))
		}
	}
	for _, k := range before.Keys {
		if _, gone := had[k.ID]; gone {
			lines = append(lines, fmt.Sprintf("removed  %s  %s: whoever reads later versions alone cannot check what it signed", roleWords(k), shownKey(k)))
		}
	}
	if before.Threshold != next.Threshold {
		lines = append(lines, fmt.Sprintf("later versions need %s, not %d", signatures(next.Threshold), before.Threshold))
	}
	if b, n := witnessWords(before), witnessWords(next); b != n {
		lines = append(lines, "witnesses "+n+"; were "+b)
	}
	if b, n := before.Limits, next.Limits; b != n {
		lines = append(lines, fmt.Sprintf("limits   heartbeat %s, sealed within %s, clocks within %s; were %s, %s, %s",
			seconds(n.Heartbeat), seconds(n.MaxUnsealed), seconds(n.Skew), seconds(b.Heartbeat), seconds(b.MaxUnsealed), seconds(b.Skew)))
	}
	if len(lines) == 0 {
		lines = append(lines, "nothing changes")
	}
	return lines
}

// readProposal reads a proposal.
func (a *app) readProposal(name string) (audit.Proposal, error) {
	text, err := os.ReadFile(a.path(name))
	if err != nil {
		return audit.Proposal{}, fail(exitFailed, fmt.Errorf("read the proposal: %w", err), "bcctl audit trust propose")
	}
	p, err := audit.DecodeProposal(text)
	if err != nil {
		return p, fail(exitFailed, fmt.Errorf("%s: %w", name, err), "bcctl audit trust propose")
	}
	return p, nil
}

func newTrustSign(a *app) *cobra.Command {
	o := verifyOptions{maxAge: -1}
	var key string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "sign FILE", Short: "See what a proposal changes, and sign it as a trust-admin", Args: cobra.ExactArgs(1),
		Long: `Verifies the log, prints what the proposal changes against the keys in force there, and
adds a signature to the file. What is printed is worked out here from the two documents,
so read it: the signature is for exactly that. --dry-run prints it and signs nothing.
A clone or a bundle of the log is enough (--from), and no connection is made.`,
		Example: exampleLines("bcctl audit trust sign proposal.json --dry-run", "bcctl audit trust sign proposal.json --key file:trust-admin.pem", "bcctl audit trust sign proposal.json --key file:trust-admin.pem --from audit.bundle"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" && !dryRun {
				return usage(errors.New("--key is needed: a reference to the trust-admin's private key"), "bcctl audit trust sign "+args[0]+" --key file:trust-admin.pem")
			}
			p, err := a.readProposal(args[0])
			if err != nil {
				return err
			}
			before, _, err := a.keysInForce(cmd, o)
			if err != nil {
				return err
			}
			opened, err := p.Open(before)
			if err != nil {
				return proposalFailed(args[0], err)
			}
			printProposal(a.Stdout, opened)
			if dryRun {
				_, err = fmt.Fprintln(a.Stdout, "dry run: nothing was signed")
				return err
			}
			if file, isFile := strings.CutPrefix(key, "file:"); isFile {
				key = "file:" + a.path(file) // typed here, so relative to here
			}
			text, err := a.secretValue(cmd.Context(), "--key", key)
			if err != nil {
				return err
			}
			signer, err := audit.ParseSigner([]byte(text))
			if err != nil {
				return fail(exitFailed, fmt.Errorf("--key: %w", err), "")
			}
			if p, err = p.Sign(cmd.Context(), before, signer); err != nil {
				return proposalFailed(args[0], err)
			}
			if err := writeProposal(a.path(args[0]), p); err != nil {
				return err
			}
			if opened, err = p.Open(before); err != nil {
				return err
			}
			next := fmt.Sprintf("hand the file on: %d more must sign", opened.Missing())
			if opened.Missing() == 0 {
				next = "bcctl audit trust apply " + args[0]
			}
			_, err = fmt.Fprintf(a.Stdout, "signed with key %s\nNext: %s\n", signer.ID().KeyID[:16], next)
			return err
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&key, "key", "", "reference to the private key, such as file:trust-admin.pem")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change and sign nothing")
	return cmd
}

// proposalFailed is the error of a proposal that cannot be used, with what to do.
func proposalFailed(name string, err error) error {
	hint := "bcctl audit trust show"
	switch {
	case errors.Is(err, audit.ErrUnsigned):
		hint = "bcctl audit trust sign " + name + " --key file:trust-admin.pem"
	case errors.Is(err, audit.ErrOvertaken), errors.Is(err, audit.ErrLate):
		hint = "bcctl audit trust propose, once more"
	}
	return fail(exitFailed, fmt.Errorf("%s: %w", name, err), hint)
}

func newTrustApply(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Bring a signed proposal to the log", Args: cobra.ExactArgs(1),
		Long: `Checks that enough trust-admins have signed and that the log verifies with the new
version, and appends it. It is in force from there on. Where audit.log-key is set, the log
is sealed; where that key is the one that was retired, set the new one and run
bcctl audit seal.`,
		Example: exampleLines("bcctl audit trust apply proposal.json --dry-run", "bcctl audit trust apply proposal.json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			p, err := a.readProposal(args[0])
			if err != nil {
				return err
			}
			return a.apply(ctx, args[0], p, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check everything and append nothing")
	return cmd
}

func (a *app) apply(ctx context.Context, name string, p audit.Proposal, dryRun bool) error {
	b, ctx, release, err := a.openLog(ctx)
	if err != nil {
		return err
	}
	defer release()
	view, err := b.Store.View(ctx)
	if err != nil {
		return auditFailure(err)
	}
	before, err := b.Store.Read(ctx, audit.TrustPath(view.Keys.Version))
	if err != nil {
		return err
	}
	opened, err := p.Open(before)
	if err != nil {
		return proposalFailed(name, err)
	}
	printProposal(a.Stdout, opened)
	pin, err := logbook.ReadPin(b.PinFile)
	if err != nil {
		return err
	}
	archive, done, err := snapshotOf(ctx, b.Store)
	if err != nil {
		return err
	}
	err = p.Fits(ctx, archive, before, audit.Options{Now: a.Now(), Pin: pin})
	if err := errors.Join(err, done()); err != nil {
		return proposalFailed(name, err)
	}
	if dryRun {
		_, err = fmt.Fprintf(a.Stdout, "dry run: would add %s and %s\n", audit.TrustPath(opened.Next.Version), audit.SegmentPath(opened.Segment.ID))
		return err
	}
	signed, err := p.Complete(before)
	if err != nil {
		return proposalFailed(name, err)
	}
	if err := b.Store.AddTrust(ctx, []byte(p.Trust), signed); err != nil {
		return auditFailure(err)
	}
	fmt.Fprintf(a.Stdout, "version %d of the keys is in force\n", opened.Next.Version)
	return a.sealAfter(ctx, b)
}

// sealAfter seals where this machine has the key of the log and it may.
func (a *app) sealAfter(ctx context.Context, b *logbook.Book) error {
	err := a.withLogKey(ctx, b)
	if err == nil && b.Key != nil {
		if _, err = b.Seal(ctx); err == nil {
			return nil
		}
	}
	if err != nil {
		a.remark("audit: not sealed: %v", err)
	}
	_, err = fmt.Fprintln(a.Stdout, "Next: bcctl audit seal, where the key of the log is")
	return err
}

// snapshotOf is one state of a log.
func snapshotOf(ctx context.Context, store audit.Store) (audit.Archive, func() error, error) {
	log, ok := store.(*gitlog.Log)
	if !ok {
		return store, func() error { return nil }, nil
	}
	s, err := log.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

func newTrustPublic(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "public-key", Short: "Print the public half of the key that signs entries here", Args: noArgs,
		Long: `Prints the public key of audit.key in the form that trust propose --add reads. The
private key is not shown, and for a key that is kept elsewhere not even known.`,
		Example: exampleLines("bcctl audit trust public-key > writer.pub"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			r, err := a.openSettings(ctx, nil)
			if err != nil {
				return err
			}
			signer, err := a.auditSigner(ctx, r.settings.Audit)
			if err != nil {
				return err
			}
			key, err := audit.PublicKey(signer)
			if err != nil {
				return err
			}
			_, err = a.Stdout.Write(key.PublicText())
			return err
		},
	}
}

// roles that keygen makes single keys of.
var singleRoles = []audit.Role{audit.RoleWriter, audit.RoleBreakGlass, audit.RoleLog, audit.RoleTrustAdmin}

// keygenOne makes one key for a log that is there, with its public half.
func (a *app) keygenOne(origin, out, backend string, role audit.Role) error {
	if !slices.Contains(singleRoles, role) {
		return usage(fmt.Errorf("--role %q is not one of writer, breakglass, log, trust-admin", role), "bcctl audit keygen --role writer --origin example.com/acme/bcctl-audit --out ../new-keys")
	}
	files := map[string][]byte{}
	public := audit.Key{}
	if role == audit.RoleLog {
		private, key, err := audit.NewLogKey(origin)
		if err != nil {
			return err
		}
		files["log.key"], public = []byte(private+"\n"), key
	} else {
		if role == audit.RoleTrustAdmin {
			backend = audit.BackendEd25519
		}
		text, err := audit.NewPrivateKey(backend, origin)
		if err != nil {
			return usage(err, "bcctl audit keygen --type ed25519")
		}
		signer, err := audit.ParseSigner(text)
		if err != nil {
			return err
		}
		if public, err = audit.PublicKey(signer); err != nil {
			return err
		}
		files[string(role)+".pem"] = text
	}
	files[string(role)+".pub"] = public.PublicText()
	if err := a.writeFiles(a.path(out), files); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Stdout, "Next: keep the private key in your secret store, and\n      bcctl audit trust propose --add %s=%s --out proposal.json\n", role, a.path(out)+string(os.PathSeparator)+string(role)+".pub")
	return err
}
