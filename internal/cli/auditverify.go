package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/audit"
)

// verifyOptions are the flags of commands that verify a log first.
type verifyOptions struct {
	source auditSource
	logID  string
	others []string
	maxAge time.Duration // of the newest entry; negative: any
}

func (o *verifyOptions) flags(cmd *cobra.Command) {
	o.source.flags(cmd)
	cmd.Flags().StringVar(&o.logID, "log-id", "", "the log that is expected, by the SHA-256 of its first entry")
	cmd.Flags().StringArrayVar(&o.others, "against", nil, "a further checkpoint of the log, from another clone or a witness; repeatable")
}

func newAuditVerify(a *app) *cobra.Command {
	var o verifyOptions
	var format string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check every signature, every link and every rule of the log, offline", Args: noArgs,
		Long: `Checks the whole log: form, signatures, keys, the tree over all entries, and what the
entries say of each other. It makes no connection and needs no secret. What a person
signed about a step in doubt is held against the roster of that time, from the history
of the default branch in this clone of the configuration; where there is none, the
result says so.

A log cannot tell by itself that its newest end is missing. A checkpoint that was kept
elsewhere can: --pin. Without one the result says so.`,
		Example: exampleLines("bcctl audit verify", "bcctl audit verify --pin pin.note", "bcctl audit verify --from audit.bundle --max-age=-1s", "bcctl audit verify -o json"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usage(fmt.Errorf("format %q is not known", format), "bcctl audit verify -o json")
			}
			report, err := a.verifyLog(cmd, o, nil)
			if err != nil {
				return err
			}
			if format == "json" {
				err = a.printJSON(struct {
					Schema string `json:"schema"`
					audit.Report
				}{"https://bcctl.dev/schemas/audit-verification/v1", report})
			} else {
				err = a.printVerification(report)
			}
			if err != nil || report.Result == audit.Verified {
				return err
			}
			return verificationFailed(report)
		},
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&o.maxAge, "max-age", 0, "how old the newest entry may be (default twice the heartbeat of the log; negative: any age)")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// verifyLog verifies a log with progress on stderr.
func (a *app) verifyLog(cmd *cobra.Command, o verifyOptions, each func(audit.Recorded) error) (report audit.Report, err error) {
	ctx := cmd.Context()
	archive, done, err := a.archive(ctx, o.source)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, done()) }()
	options := audit.Options{Now: a.Now(), LogID: o.logID, MaxAge: o.maxAge, Each: each, Answer: a.rosters(ctx).answer}
	if options.Pin, err = a.pinFor(ctx, o.source); err != nil {
		return report, err
	}
	for _, name := range o.others {
		text, err := os.ReadFile(a.path(name))
		if err != nil {
			return report, fail(exitFailed, fmt.Errorf("read checkpoint: %w", err), "")
		}
		options.Others = append(options.Others, text)
	}
	if !a.globals.quiet {
		progress := term.NewProgress(a.Stderr, a.profile(a.Stderr), time.Now)
		options.Progress = func(done, total int) {
			progress.Update(term.Step{Verb: "verifying segments", Done: done, Total: total})
		}
		defer progress.Done()
	}
	return audit.Verify(ctx, archive, options)
}

// pinFor reads the checkpoint to hold a log against: the one given, or the one
// this machine saw last of the log in the settings.
func (a *app) pinFor(ctx context.Context, s auditSource) ([]byte, error) {
	if s.pin != "" {
		text, err := os.ReadFile(a.path(s.pin))
		if err != nil {
			return nil, fail(exitFailed, fmt.Errorf("read checkpoint: %w", err), "bcctl audit checkpoint > pin.note")
		}
		return text, nil
	}
	if s.from != "" {
		return nil, nil
	}
	r, err := a.openSettings(ctx, nil)
	if err != nil {
		return nil, err
	}
	return logbook.ReadPin(a.pinFile(r.settings.Audit.Origin))
}

// tampered is the error for a log that was tampered with; nil for any other. That
// witnesses have not answered yet is none for who works on the log: it stays so until
// somebody brings them the checkpoint.
func tampered(r audit.Report) error {
	i := slices.IndexFunc(r.Findings, func(f audit.Finding) bool { return f.Class == audit.Tampered && f.Rule != "AUD-17" })
	if i < 0 {
		return nil
	}
	r.Findings = r.Findings[i:]
	return verificationFailed(r)
}

// verificationFailed is the error of a log that does not verify: the first broken
// rule in words.
func verificationFailed(r audit.Report) error {
	f := r.Findings[0]
	return fail(exitAudit, fmt.Errorf("the audit log does not verify (%s): %s at %s: %s", r.Result, f.Rule, f.Place(), f.Message), "bcctl explain "+f.Rule)
}

// maxShown bounds how many findings are printed for a person.
const maxShown = 20

func (a *app) printVerification(r audit.Report) error {
	w := a.Stdout
	fmt.Fprintf(w, "%s  log %s, %d entries in %s, %s, tree of %d leaves\n", resultWord(r.Result), r.Origin, r.Entries, plural(int(r.Segments), "segment"), plural(int(r.Seals), "seal"), r.Head.Size)
	fmt.Fprintf(w, "  log id   %s\n  root     %s\n  keys     version %d\n", r.LogID, r.Head.Root, r.Trust)
	if !r.Newest.IsZero() {
		fmt.Fprintf(w, "  newest   %s, by its writer's clock, %s ago\n", r.Newest.Format(time.RFC3339), a.Now().Sub(r.Newest).Round(time.Second))
	}
	if r.Unsealed > 0 {
		fmt.Fprintf(w, "  unsealed %s: signed, and not in the tree yet\n", plural(int(r.Unsealed), "segment"))
	}
	switch r.Tier {
	case 0:
		fmt.Fprintln(w, "  anchor   none: that the newest entries were removed cannot be excluded. Hold the log against a checkpoint kept elsewhere: --pin")
	case 1:
		fmt.Fprintf(w, "  anchor   a checkpoint of %d leaves, kept outside the log: they were not cut off or rewritten since\n", r.Pinned)
	default:
		fmt.Fprintf(w, "  anchor   witnesses cosigned %d leaves, at %s or later\n", r.Witnessed, r.WitnessedAt.Format(time.RFC3339))
	}
	if r.Witnessed > 0 && r.Tier < 3 {
		fmt.Fprintln(w, "  witnesses cosigned the newest seal; they count once it is known that this is the log expected: --log-id or --pin")
	}
	for _, s := range r.Resolved[max(0, len(r.Resolved)-maxShown):] {
		held := "not held against a roster: no clone of the configuration has the one of that time"
		if s.Roster != "" {
			held = fmt.Sprintf("held against the roster of commit %.12s", s.Roster)
		}
		fmt.Fprintf(w, "  resolved %s of run %.8s is %s, said %s: %s (%s)\n", clean(s.Step), s.Run, clean(s.Status), clean(s.By), clean(s.Reason), held)
	}
	for i, f := range r.Findings {
		if i == maxShown {
			fmt.Fprintf(w, "\n... and %d more; -o json has them\n", int64(len(r.Findings)-i)+r.Omitted)
			break
		}
		fmt.Fprintf(w, "\n%s  %s\n  %s\n  would be: %s\n", f.Rule, term.Sanitize(f.Place()), term.Sanitize(f.Message), f.Attack)
	}
	return nil
}

// audited explains a rule of the verification.
func (a *app) audited(id string) error {
	for _, r := range audit.Rules() {
		if r.ID == id {
			_, err := fmt.Fprintf(a.Stdout, "%s  checks: %s\n        otherwise it would be: %s\n        class:  %s\n", r.ID, r.Checks, r.Attack, r.Class)
			return err
		}
	}
	return usage(fmt.Errorf("no rule %s", id), "docs/audit-format.md lists the rules")
}

func resultWord(c audit.Class) string {
	switch c {
	case audit.Verified:
		return "VERIFIED"
	case audit.Tampered:
		return "TAMPERED"
	case audit.Stale:
		return "STALE"
	case audit.Disallowed:
		return "AGAINST POLICY"
	default:
		return "INCOMPLETE"
	}
}

func newAuditCheckpoint(a *app) *cobra.Command {
	o := verifyOptions{maxAge: -1}
	cmd := &cobra.Command{
		Use: "checkpoint", Short: "Print the newest signed checkpoint, to be kept elsewhere", Args: noArgs,
		Long: `Verifies the log and prints its newest checkpoint: origin, number of leaves, root of the
tree, signed with the key of the log. Who keeps it can tell later whether anything up to
there was removed or rewritten.`,
		Example: exampleLines("bcctl audit checkpoint > pin.note", "bcctl audit verify --pin pin.note"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := a.verifyLog(cmd, o, nil)
			if err != nil {
				return err
			}
			if err := tampered(report); err != nil {
				return err
			}
			if report.Head.Size == 0 {
				return fail(exitFailed, errors.New("nothing is sealed yet"), "bcctl audit seal")
			}
			archive, done, err := a.archive(cmd.Context(), o.source)
			if err != nil {
				return err
			}
			note, err := archive.Read(cmd.Context(), audit.NotePath(report.Head.Size))
			if err := errors.Join(err, done()); err != nil {
				return err
			}
			_, err = a.Stdout.Write(note)
			return err
		},
	}
	o.flags(cmd)
	return cmd
}
