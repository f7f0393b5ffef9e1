package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bcctl/bcctl/internal/atomicfile"
	"github.com/bcctl/bcctl/internal/execute"
	"github.com/bcctl/bcctl/internal/execute/journal"
	"github.com/bcctl/bcctl/internal/forge"
	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/logbook"
	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/config"
	"github.com/bcctl/bcctl/pkg/runbook"
)

type unlockOptions struct {
	reason string
	sign   string
	with   string
}

func newUnlock(a *app) *cobra.Command {
	o := &unlockOptions{}
	cmd := &cobra.Command{
		Use:   "unlock <target>",
		Short: "Show who holds a lock; take it from a run that cannot come back, as two persons",
		Long: `Without --reason it shows who holds the target, since when, and whether that run can
still be at work, and changes nothing.

A lock is broken by two persons, of whom one is not its holder, each with a key of the
roster on the default branch. The second person runs it with --sign and hands the file
over; the first runs it with --with. Both type the line that names the very lock.

A run that is still at work keeps its lock: while its workflow run goes on, while a
process of this machine has its journal, or while its lease runs. Look whether it can
come back: a run that sleeps and wakes up finds its lock gone and changes nothing more,
but what it had begun may have taken effect.

It is in the audit log before the lock is gone. The request itself is untouched: bcctl
execute goes on with it, with the next attempt and a higher fencing number.`,
		Example: exampleLines("bcctl unlock ledger", `bcctl unlock ledger --reason "runner was deleted" --sign unlock.json`, `bcctl unlock ledger --reason "runner was deleted" --with unlock.json`),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.deadline(cmd.Context())
			defer cancel()
			if (o.sign != "" || o.with != "") && strings.TrimSpace(o.reason) == "" {
				return usage(errors.New("--reason is needed: it is recorded"), cmd.CommandPath()+" --help")
			}
			if o.sign != "" && o.with != "" {
				return usage(errors.New("--sign is for the second person and --with for the first"), cmd.CommandPath()+" --help")
			}
			return a.unlock(ctx, cmd.Flags(), args[0], *o)
		},
	}
	f := pflag.NewFlagSet("safety", pflag.ContinueOnError)
	f.StringVar(&o.reason, "reason", "", "why the run cannot come back; recorded")
	f.StringVar(&o.sign, "sign", "", "as the second person: write what you sign to this file, and change nothing")
	f.StringVar(&o.with, "with", "", "as the first person: file that the second person signed")
	sections(cmd, flagSection{"Safety", f})
	return cmd
}

// standing is a lock with what is known of its holder.
type standing struct {
	key     string
	lock    ledger.Lock // zero when it cannot be read
	life    life
	word    string // the same for people
	trouble error  // what kept GitHub from telling
}

// life says whether the run that holds a lock is at work.
type life uint8

const (
	lifeUnknown life = iota
	lifeAtWork
	lifeEnded
)

func (a *app) unlock(ctx context.Context, flags *pflag.FlagSet, target string, o unlockOptions) error {
	r, err := a.openSettings(ctx, flags)
	if err != nil {
		return err
	}
	if r.settings.GitHub.AppID != 0 {
		c, err := a.forge(ctx, r.settings)
		if err != nil {
			return err
		}
		defer c.Close()
		ctx = signedIn(ctx, r, c)
	}
	locks := &ledger.Locks{Cells: a.ledgerStore(r), Now: a.Now}
	s, err := a.standing(ctx, r, locks, target)
	if err != nil {
		return err
	}
	if s == nil {
		if o.reason != "" {
			return fail(exitFailed, fmt.Errorf("%s is not locked", target), "")
		}
		_, err := fmt.Fprintf(a.Stdout, "%s is not locked\n", target)
		return err
	}
	s.show(a)
	switch {
	case o.reason == "":
		return nil
	case s.trouble != nil:
		return forgeError(s.trouble)
	case s.life == lifeAtWork:
		return fail(exitLocked, fmt.Errorf("the lock of %s stays: %s (LOCK-05)", s.key, s.word), "bcctl unlock "+target)
	case !a.typedBy():
		return usage(errors.New("a lock is broken by persons at terminals; standard input is none (CONF-08)"), "")
	}
	line := approval.UnlockLine(s.key, s.lock.Fence, s.request())
	typed, who, err := a.typeUnlock(ctx, r, line)
	if err != nil {
		return err
	}
	if o.sign != "" {
		return a.handOver(typed, o)
	}
	said := []approval.TypedLine{typed}
	if o.with != "" {
		other, err := a.handedOver(o.with)
		if err != nil {
			return err
		}
		said = append(said, other)
	}
	persons, err := approval.Unlockers(who.roster, line, s.lock.Holder.Person, said, a.Now())
	if err != nil {
		return fail(exitNotApproved, fmt.Errorf("nothing was unlocked: %w", err), fmt.Sprintf("another person: bcctl unlock %s --reason TEXT --sign FILE; then you: --with FILE", target))
	}
	return a.breakLock(ctx, r, locks, *s, said, who.roster, who.ID, ledger.Unlock{Persons: persons, Reason: o.reason, Fence: s.lock.Fence})
}

// standing finds the lock of a target and what is known of its holder; nil when it is
// free.
func (a *app) standing(ctx context.Context, r *repository, locks *ledger.Locks, target string) (*standing, error) {
	for _, key := range ledger.Keys([]string{target}, []string{target}) {
		found, err := locks.Look(ctx, key)
		var busy *ledger.Busy
		switch {
		case errors.As(err, &busy):
			return &standing{key: key, word: "nobody can tell: " + busy.Why}, nil
		case err != nil:
			return nil, fail(exitNoAnswer, err, "")
		case len(found) == 0:
			continue
		}
		s := &standing{key: key, lock: found[0]}
		s.life, s.word, s.trouble = a.alive(ctx, r, s.lock.Holder)
		if left := s.lock.Until.Sub(a.Now()); left > 0 && s.life == lifeUnknown {
			s.life = lifeAtWork // who was heard of just now may well be
			s.word += fmt.Sprintf("; its lease runs for %s more", left.Round(time.Second))
		}
		return s, nil
	}
	return nil, nil
}

// alive tells whether the run that holds a lock is at work, in words as well.
func (a *app) alive(ctx context.Context, r *repository, h ledger.Holder) (life, string, error) {
	if h.CI != "" {
		c, err := a.forge(ctx, r.settings)
		if err != nil {
			return lifeUnknown, "GitHub could not be asked", err
		}
		defer c.Close()
		state, err := runState(ctx, c, h)
		switch {
		case errors.Is(err, forge.ErrNotFound):
			return lifeUnknown, "its workflow run " + h.CI + " is not on GitHub any more, and nobody can tell", nil
		case err != nil:
			return lifeUnknown, "GitHub could not tell", err
		case state.Ended():
			return lifeEnded, "no: its workflow run " + h.CI + " has ended (" + state.Conclusion + ")", nil
		}
		return lifeAtWork, "yes: its workflow run " + h.CI + " is " + state.Status, nil
	}
	if host, err := os.Hostname(); err == nil && host == h.Host {
		dir, err := a.runsDir(r)
		if err != nil {
			return lifeUnknown, "", err
		}
		own, err := journal.Folder(dir)
		if err != nil {
			return lifeUnknown, "", err
		}
		switch running, known, err := journal.Running(dir, h.Run); {
		case own != h.Journals: // of another person, or on another host of this name
		case err != nil:
			return lifeUnknown, "", err
		case running:
			return lifeAtWork, "yes: a bcctl of this machine has its journal", nil
		case known:
			return lifeEnded, "no: no bcctl of this machine has its journal; bcctl execute here takes the lock over by itself", nil
		}
	}
	return lifeUnknown, "nobody can tell from here: look at the host " + term.Sanitize(h.Host), nil
}

// runState asks GitHub about the workflow run that holds a lock.
func runState(ctx context.Context, c *forge.Client, h ledger.Holder) (forge.RunState, error) {
	id, err := strconv.ParseInt(h.CI, 10, 64)
	if err != nil || id <= 0 {
		return forge.RunState{}, fmt.Errorf("%q is no number of a workflow run", h.CI)
	}
	return c.RunState(ctx, id)
}

func (s *standing) request() string {
	if s.lock.Holder.Request == "" {
		return "unknown"
	}
	return s.lock.Holder.Request
}

func (s *standing) show(a *app) {
	out := a.Stdout
	if s.lock.Version == 0 {
		fmt.Fprintf(out, "%s is locked, and the lock cannot be read\n  at work?      %s\n", s.key, term.Sanitize(s.word))
		return
	}
	h := s.lock.Holder
	where := "host " + h.Host
	if h.CI != "" {
		where = "workflow run " + h.CI
	}
	fmt.Fprintf(out, "%s is locked\n  by            %s, on %s\n  for           request %s, attempt %d\n", s.key, term.Sanitize(h.Person), term.Sanitize(where), term.Sanitize(h.Request), h.Attempt)
	fmt.Fprintf(out, "  since         %s (%s ago), last heard of %s ago\n", s.lock.TakenAt.UTC().Format(time.RFC3339), a.Now().Sub(s.lock.TakenAt).Round(time.Second), a.Now().Sub(s.lock.RenewedAt).Round(time.Second))
	fmt.Fprintf(out, "  lease until   %s\n  with          %s\n  number        %d\n  at work?      %s\n", s.lock.Until.UTC().Format(time.RFC3339), term.Sanitize(strings.Join(s.lock.Keys, ", ")), s.lock.Fence, term.Sanitize(s.word))
}

// rosterOfMain reads the roster as it is on the default branch now: what lies in this
// directory anybody who sits here could have written.
func (a *app) rosterOfMain(ctx context.Context, r *repository) (approval.Roster, error) {
	c, err := a.forge(ctx, r.settings)
	if err != nil {
		return approval.Roster{}, err
	}
	defer c.Close()
	objects, tip, err := c.Main(ctx)
	if err != nil {
		return approval.Roster{}, forgeError(err)
	}
	tree, err := objects.Tree(ctx, tip)
	if err != nil {
		return approval.Roster{}, err
	}
	repo, problems := config.Load(tree, config.Options{Catalog: a.Registry()})
	if repo == nil {
		return approval.Roster{}, fail(exitConfig, errors.New(problems.Error()), "bcctl validate")
	}
	roster, ok := repo.Roster()
	if !ok || slices.ContainsFunc(problems, func(p config.Problem) bool { return p.File == roster.Origin.File }) {
		return approval.Roster{}, fail(exitConfig, errors.New("the default branch has no roster that can be read"), "bcctl validate")
	}
	return roster.Spec, nil
}

// typeUnlock lets a person type the line that names the lock, and signs it.
func (a *app) typeUnlock(ctx context.Context, r *repository, line string) (approval.TypedLine, signatory, error) {
	who, err := a.signatory(ctx, r)
	var typed approval.TypedLine
	if err == nil {
		typed, err = who.types(ctx, a, "take the lock away", line, approval.NamespaceUnlock)
	}
	if errors.Is(err, errNobody) || errors.Is(err, errNotTheLine) {
		err = fail(exitNotApproved, fmt.Errorf("nothing was unlocked: %w", err), "")
	}
	return typed, who, err
}

// handOver writes what the second person signed.
func (a *app) handOver(typed approval.TypedLine, o unlockOptions) error {
	data, err := json.Marshal(signedLine{string(typed.Statement), string(typed.Signature)})
	if err != nil {
		return err
	}
	if err := atomicfile.WriteMode(a.path(o.sign), append(data, '\n'), 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "signed: %s. Nothing is unlocked yet. The other person, with this file: bcctl unlock TARGET --reason TEXT --with FILE\n", o.sign)
	return err
}

// signedLine is what one person hands to another.
type signedLine struct {
	Statement string `json:"statement"`
	Signature string `json:"signature"`
}

func (a *app) handedOver(file string) (approval.TypedLine, error) {
	data, err := readAtMost(a.path(file))
	if err != nil {
		return approval.TypedLine{}, usage(err, "")
	}
	var s signedLine
	if err := json.Unmarshal(data, &s); err != nil {
		return approval.TypedLine{}, usage(fmt.Errorf("%s is not what bcctl unlock --sign writes: %w", file, err), "")
	}
	return approval.TypedLine{Statement: []byte(s.Statement), Signature: []byte(s.Signature)}, nil
}

// mayHaveMoved are the resources whose roles a run that is cut off from its lock may have
// changed, by the copy of its journal; all that it has locked where that does not tell.
func (a *app) mayHaveMoved(ctx context.Context, r *repository, s standing) []string {
	lock := s.lock
	if lock.Version == 0 {
		return resourcesOf(s.key) // whose it was, and what it did, nobody can tell
	}
	lines, _, err := (&execute.Copy{Cells: a.ledgerStore(r), Run: lock.Holder.Run}).Load(ctx)
	if err == nil && lines == nil {
		return nil // it has not come to a change: without a copy it makes none (SI-1)
	}
	if err == nil {
		var state runbook.State
		if state, err = foldLines(lines); err == nil {
			if state.Active {
				state.Brought = state.NextAttempt() // it may have gone on without being able to say so
			}
			return state.Moved()
		}
	}
	a.remark("what the run has changed is not known (%v); all that it had locked counts as moved", err)
	return resourcesOf(lock.Keys...)
}

// resourcesOf are the resources among keys.
func resourcesOf(keys ...string) []string {
	var names []string
	for _, key := range keys {
		if name, ok := strings.CutPrefix(key, "resource/"); ok {
			names = append(names, name)
		}
	}
	return names
}

// breakLock records that the lock is taken away, and takes it away.
func (a *app) breakLock(ctx context.Context, r *repository, locks *ledger.Locks, s standing, said []approval.TypedLine, roster approval.Roster, person string, u ledger.Unlock) error {
	book, err := a.book(ctx, r.dir, r.settings, true)
	if err != nil {
		return err
	}
	h := s.lock.Holder
	record := ledger.Record{Kind: ledger.Unlocked, Request: s.request(), Digest: h.Digest, Attempt: h.Attempt, Run: h.Run, Fence: u.Fence, Keys: s.lock.Keys, Persons: u.Persons, Reason: u.Reason, At: a.Now().UTC().Truncate(time.Second)}
	record.Moved = a.mayHaveMoved(ctx, r, s)
	if s.lock.Version == 0 {
		record.Run, record.Fence, record.Keys = "unreadable-"+shortHash(s.key+a.Now().String()), 1, []string{s.key}
	}
	name, data, err := record.Encode()
	if err != nil {
		return err
	}
	by := personActor(roster, person, a.actor())
	entry := audit.Entry{Type: audit.LockBroken, Actor: &by, System: s.key[strings.IndexByte(s.key, '/')+1:], Reasons: []string{"LOCK-05"}}
	if digest := strings.TrimPrefix(h.Digest, "sha256:"); digest != "" {
		entry.Request = &audit.Request{Digest: digest}
	}
	entry.Evidence = append(entry.Evidence, audit.Evidence{Name: "ledger/" + name, SHA256: audit.SHA256(data)})
	for _, t := range said {
		var who approval.TypedStatement
		if err := json.Unmarshal(t.Statement, &who); err != nil {
			return err
		}
		entry.Evidence = append(entry.Evidence, audit.Evidence{Name: "unlock/" + who.Person, SHA256: audit.SHA256(t.Statement)})
	}
	if err := book.Record(ctx, entry); err != nil && !errors.Is(err, logbook.ErrUnsealed) {
		return auditFailure(fmt.Errorf("nothing was unlocked: %w", err))
	}
	store := a.ledgerStore(r)
	if err := store.Add(ctx, record); err != nil && !errors.Is(err, ledger.ErrExists) {
		return fail(exitNoAnswer, fmt.Errorf("nothing was unlocked: %w", err), "bcctl unlock "+entry.System)
	}
	removed, err := locks.Break(ctx, s.key, u)
	if err != nil {
		entry.Outcome = audit.Failed
		if err := book.Record(context.WithoutCancel(ctx), entry); err != nil && !errors.Is(err, logbook.ErrUnsealed) {
			a.remark("that it was not done is not on record: %v", err)
		}
		return fail(exitLocked, err, "bcctl unlock "+entry.System)
	}
	var keys []string
	for _, lock := range removed {
		keys = append(keys, lock.Key)
	}
	next := "bcctl execute " + h.Request
	if h.Request == "" {
		next = "bcctl check " + entry.System
	}
	_, err = fmt.Fprintf(a.Stdout, "unlocked: %s\nIts run may have left a step part way. Next: %s\n", strings.Join(keys, ", "), next)
	return err
}

func foldLines(lines []byte) (runbook.State, error) {
	events, err := runbook.DecodeJournal(lines)
	if err != nil {
		return runbook.State{}, err
	}
	return runbook.Fold(events)
}
