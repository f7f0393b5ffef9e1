package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bcctl/bcctl/internal/check"
	"github.com/bcctl/bcctl/internal/git"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/audit/gitlog"
)

// openBook opens the log of the repository for writing, with or without a key to
// sign entries with. What is done with it is done in the context it returns, in which git
// signs in.
func (a *app) openBook(ctx context.Context, signs bool) (b *logbook.Book, signed context.Context, done func(), err error) {
	r, err := a.openSettings(ctx, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	if b, err = a.book(ctx, r.dir, r.settings, signs); err != nil {
		return nil, nil, nil, err
	}
	a.offerRecovery(b)
	signed, done = a.asApp(ctx, r)
	return b, signed, done, nil
}

// offerRecovery says when records of this repository wait on this machine.
func (a *app) offerRecovery(b *logbook.Book) {
	if n := b.Waiting(); n > 0 {
		a.remark("audit: %s of this repository on this machine and not in the log; run bcctl audit recover", verb(n, "segment waits", "segments wait"))
	}
}

func verb(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// openLog opens the log of the repository without any key, as openBook does.
func (a *app) openLog(ctx context.Context) (b *logbook.Book, signed context.Context, done func(), err error) {
	r, err := a.openSettings(ctx, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	if b, err = a.logOf(ctx, r.dir, r.settings); err != nil {
		return nil, nil, nil, err
	}
	signed, done = a.asApp(ctx, r)
	return b, signed, done, nil
}

// withLogKey gives a book the key of the log in the settings.
func (a *app) withLogKey(ctx context.Context, b *logbook.Book) error {
	r, err := a.openSettings(ctx, nil)
	if err != nil {
		return err
	}
	return a.logKey(ctx, b, r.settings.Audit.LogKey)
}

func newAuditSeal(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "seal", Short: "Seal what is not sealed, where the writers do not", Args: noArgs,
		Long: `Verifies every segment that is not sealed yet and signs a checkpoint over all. Only
the job that has audit.log-key can.`,
		Example: exampleLines("bcctl audit seal"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			b, ctx, done, err := a.openBook(ctx, false)
			if err != nil {
				return err
			}
			defer done()
			if b.Key == nil {
				return fail(exitConfig, errors.New("audit.log-key is not set"), "write a reference to bcctl.yaml, such as audit.log-key: env:DR_AUDIT_LOG_KEY")
			}
			head, err := b.Seal(ctx)
			if err != nil {
				return auditFailure(err)
			}
			_, err = fmt.Fprintf(a.Stdout, "sealed: %d leaves, root %s\n", head.Size, head.Root)
			return err
		},
	}
}

// recordVerdict writes what a check found, and what changed in the configuration
// since the last record, to the audit log.
func (a *app) recordVerdict(ctx context.Context, r *repository, report check.Report) error {
	b, err := a.book(ctx, r.dir, r.settings, true)
	if err != nil {
		return err
	}
	ctx, done := a.asApp(ctx, r)
	defer done()
	by := a.actor()
	imported := a.bringWaiting(ctx, b, by)
	past, seen, err := a.past(ctx, b)
	if err != nil {
		return auditFailure(err)
	}
	entries := append(imported, past.New(logbook.Verdicts(report, by), a.Now())...)
	if head, err := git.Resolve(ctx, r.dir, "HEAD"); err == nil {
		change, err := logbook.Change(ctx, r.dir, past.Commit, head, by)
		if err != nil {
			a.remark("changes of the configuration are not recorded: %v", err)
		} else if change != nil {
			entries = append(entries, *change)
		}
	}
	if len(entries) == 0 {
		beat := past.Heartbeat(a.Now(), by)
		if beat == nil {
			a.remark("audit: nothing new to record")
			return tampered(seen)
		}
		entries = append(entries, *beat)
	}
	if err := b.Record(ctx, entries...); errors.Is(err, logbook.ErrUnsealed) {
		a.remark("audit: %v", err)
	} else if err != nil {
		return auditFailure(err)
	}
	a.remark("audit: recorded %s", recorded(entries))
	// What can be added to a log that was tampered with still is added first: whoever may
	// write to the branch must not be able to keep records out of it.
	return tampered(seen)
}

// bringWaiting brings earlier records to the log that wait for a remote, and returns
// the entries that say so. Where it still does not answer, they wait on.
func (a *app) bringWaiting(ctx context.Context, b *logbook.Book, by audit.Actor) []audit.Entry {
	log, ok := b.Store.(*gitlog.Log)
	if !ok || b.Waiting() == 0 {
		return nil
	}
	brought, err := log.Recover(ctx, "")
	if err != nil && len(brought) == 0 {
		return nil
	}
	a.remark("audit: %s that waited brought to the log", plural(len(brought), "segment"))
	return logbook.Imported(brought, by)
}

// tryRecordVerdict does the same for a process that goes on looking, whatever
// happens to the log.
func (a *app) tryRecordVerdict(ctx context.Context, r *repository, report check.Report) {
	if err := a.recordVerdict(ctx, r, report); err != nil && ctx.Err() == nil {
		fmt.Fprintf(a.Stderr, "bcctl: not recorded, or not where it belongs: %v\n", err)
	}
}

// recorded says in words what was written.
func recorded(entries []audit.Entry) string {
	var words []string
	for _, e := range entries {
		switch {
		case e.Verdict != nil:
			words = append(words, e.System+" "+strings.ToUpper(e.Verdict.Status))
		case e.Change != nil:
			words = append(words, "the configuration up to "+shortCommit(e.Change.To))
		case e.Type == audit.RecoveryImport:
			words = append(words, "that "+plural(len(e.Evidence), "segment")+" came late")
		default:
			words = append(words, "that nothing is new")
		}
	}
	return strings.Join(words, ", ")
}

// shortCommit is a commit as people write it.
func shortCommit(id string) string { return id[:min(12, len(id))] }

// past reads the log, at one state of it.
func (a *app) past(ctx context.Context, b *logbook.Book) (logbook.Past, audit.Report, error) {
	var archive audit.Archive = b.Store
	if log, ok := b.Store.(*gitlog.Log); ok {
		snapshot, err := log.Snapshot(ctx)
		if err != nil {
			return logbook.Past{}, audit.Report{}, err
		}
		defer snapshot.Close()
		kept, err := log.Kept()
		if err != nil {
			return logbook.Past{}, audit.Report{}, err
		}
		archive = audit.Overlay(snapshot, kept)
	}
	pin, err := logbook.ReadPin(b.PinFile)
	if err != nil {
		return logbook.Past{}, audit.Report{}, err
	}
	return logbook.ReadPast(ctx, archive, audit.Options{Now: a.Now(), Pin: pin, MaxAge: -1})
}

// auditFailure is an error of writing to the log, with what to do.
func auditFailure(err error) error {
	switch {
	case errors.Is(err, audit.ErrNoLog):
		return fail(exitFailed, err, "bcctl audit init")
	case errors.Is(err, gitlog.ErrSpooled):
		return fail(exitNoAnswer, err, "bcctl audit recover")
	case errors.Is(err, audit.ErrNotAllowed):
		return fail(exitFailed, err, "bcctl audit trust show")
	case errors.Is(err, audit.ErrTampered):
		return fail(exitAudit, err, "bcctl audit verify")
	default:
		return fail(exitFailed, err, "bcctl audit verify")
	}
}

// actor is who runs this program. In GitHub Actions it is the job, as its variables
// say: they are claims of the runner and not verified.
func (a *app) actor() audit.Actor {
	if a.getenv("GITHUB_ACTIONS") == "true" {
		return audit.Actor{Kind: "ci", ID: orUnknown(a.getenv("GITHUB_ACTOR_ID")), Login: a.getenv("GITHUB_ACTOR"), Event: a.getenv("GITHUB_EVENT_NAME"),
			RepositoryID: a.getenv("GITHUB_REPOSITORY_ID"), RunID: a.getenv("GITHUB_RUN_ID"), RunAttempt: a.getenv("GITHUB_RUN_ATTEMPT"),
			Ref: a.getenv("GITHUB_REF"), SHA: a.getenv("GITHUB_SHA"), WorkflowRef: a.getenv("GITHUB_WORKFLOW_REF"), WorkflowSHA: a.getenv("GITHUB_WORKFLOW_SHA")}
	}
	who := audit.Actor{Kind: "service", ID: "unknown"}
	if u, err := user.Current(); err == nil {
		who.ID, who.Login = "uid:"+u.Uid, u.Username
	}
	return who
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}
