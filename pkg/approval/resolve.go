package approval

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bcctl/bcctl/internal/canonical"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// ResolvedSchema names the form of a ResolvedStatement.
const ResolvedSchema = "bcctl-resolve-v1"

// ResolvedStatement is what an operator signs who says what became of a step that nobody
// can tell about (RUN-05).
type ResolvedStatement struct {
	After  string    `json:"after"` // SHA-256 of the line of the journal that it follows
	At     time.Time `json:"at"`
	Line   string    `json:"line"` // as it was typed
	Person string    `json:"person"`
	Reason string    `json:"reason"`
	Schema string    `json:"schema"`
}

// EncodeResolved writes what an operator signs.
func EncodeResolved(s ResolvedStatement) ([]byte, error) {
	s.Schema = ResolvedSchema
	text, err := canonical.Encode(s)
	if err != nil {
		return nil, fmt.Errorf("encode what was said of a step: %w", err)
	}
	return text, nil
}

// ResolveLine is what an operator types to say what became of a step. Of one that was being
// taken back the question is another one, and so is the answer.
func ResolveLine(request string, d runbook.Digest, about runbook.StepRef, done bool) string {
	answer := "done"
	if about.Undo {
		answer = "taken-back"
	}
	if !done {
		answer = "not-" + answer
	}
	return "/bcctl resolve " + request + " " + about.Member + "/" + about.Step + " " + answer + " " + d.Short()
}

// Resolver is the person of a key who may say what became of a step that nobody can tell
// about: an operator now, with a key that counts now (RUN-05).
func Resolver(r Roster, fp string, now time.Time) (Person, error) { return operatorOf(r, fp, now, now) }

// operatorOf is the person of a key who is an operator now, with a key that counted for
// something signed at a moment.
func operatorOf(r Roster, fp string, at, now time.Time) (Person, error) {
	person, ok := r.PersonOfKey(fp)
	if key, _ := person.keyOf(fp); !ok || !key.counts(at, now) {
		return Person{}, fmt.Errorf("RUN-05: the key %s is nobody's alone that counts in the roster", fp)
	}
	if !indexPeople(r).holds(person.ID, Operator, now) {
		return Person{}, fmt.Errorf("RUN-05: %s is no operator", person.ID)
	}
	return person, nil
}

// RecordedAnswer is the answer of a person as an audit log has it.
type RecordedAnswer struct {
	By, Reason, Statement, Signature string

	Digest runbook.Digest // of the request
	Step   string         // RESOURCE/STEP
	Status string         // done or not-done; of one that was being taken back with undo- before it
	At     time.Time      // of the entry
	Since  time.Time      // when the start of the run before this one began; zero: there is none
}

// SignedAnswer is one whose text and signature fit what is recorded.
type SignedAnswer struct {
	Person string
	Key    string // fingerprint
	At     time.Time
}

// Signed checks a recorded answer as far as it goes without a roster: what is recorded is
// what was signed, about this step of this request, after the start before, with the key
// that it returns. What stands in the journal before it, the log cannot tell.
func (a RecordedAnswer) Signed() (SignedAnswer, error) {
	var s ResolvedStatement
	if err := decodeCanonical([]byte(a.Statement), &s); err != nil || s.Schema != ResolvedSchema || s.At.IsZero() {
		return SignedAnswer{}, errors.New("RUN-05: what was signed is not what bcctl resolve writes")
	}
	status, undo := strings.CutPrefix(a.Status, "undo-")
	member, step, _ := strings.Cut(a.Step, "/")
	words := strings.Fields(s.Line)
	switch {
	case len(words) < 3 || s.Line != ResolveLine(words[2], a.Digest, runbook.StepRef{Member: member, Step: step, Undo: undo}, status == string(runbook.StepDone)):
		return SignedAnswer{}, fmt.Errorf("RUN-05: %s signed %q, which is another answer, or about something else", s.Person, s.Line)
	case s.Person != a.By || s.Reason != a.Reason:
		return SignedAnswer{}, errors.New("RUN-05: who decided, or why, is not what was signed")
	case s.At.Sub(a.At) > maxSkew:
		return SignedAnswer{}, errors.New("RUN-05: it was signed after it was recorded")
	case !a.Since.IsZero() && a.Since.Sub(s.At) > maxSkew:
		return SignedAnswer{}, fmt.Errorf("RUN-05: it was signed at %s, for an earlier attempt than the one before, which began at %s", s.At.UTC().Format(time.RFC3339), a.Since.UTC().Format(time.RFC3339))
	}
	fp, err := verifySSH([]byte(a.Statement), []byte(a.Signature), NamespaceResolve)
	if err != nil {
		return SignedAnswer{}, fmt.Errorf("RUN-05: %s: %w", s.Person, err)
	}
	return SignedAnswer{Person: s.Person, Key: fp, At: s.At}, nil
}

// Allowed checks that a roster which was in force when it was signed lets this person, with
// this key, say what became of a step.
func (s SignedAnswer) Allowed(r Roster) error {
	person, err := operatorOf(r, s.Key, s.At, s.At)
	if err == nil && person.ID != s.Person {
		err = fmt.Errorf("RUN-05: the key %s is %s's, not %s's", s.Key, person.ID, s.Person)
	}
	return err
}

// Answered checks the answer of a person in a journal: that it was signed by who is named,
// an operator, about this step of this run, at this very place, with this answer and
// reason. The error says why it does not count.
func Answered(r Roster, request string, d runbook.Digest, e runbook.Event, now time.Time) error {
	if e.Said == nil {
		return errors.New("RUN-05: nobody signed it")
	}
	var s ResolvedStatement
	if err := decodeCanonical([]byte(e.Said.Statement), &s); err != nil || s.Schema != ResolvedSchema || s.At.IsZero() {
		return errors.New("RUN-05: what was signed is not what bcctl resolve writes")
	}
	about := runbook.StepRef{Member: e.Member, Step: e.Step, Undo: e.Undo, Try: e.Try}
	switch {
	case s.Line != ResolveLine(request, d, about, e.State == string(runbook.StepDone)):
		return fmt.Errorf("RUN-05: %s signed %q, which is another answer, or about something else", s.Person, s.Line)
	case s.Person != e.By || s.Reason != e.Message:
		return errors.New("RUN-05: who decided, or why, is not what was signed")
	case s.After != e.Prev:
		return errors.New("RUN-05: it was signed at another place of the journal, or what comes before it was changed")
	case s.At.Sub(now) > maxSkew:
		return errors.New("RUN-05: it was signed in the future")
	}
	fp, err := verifySSH([]byte(e.Said.Statement), []byte(e.Said.Signature), NamespaceResolve)
	if err != nil {
		return fmt.Errorf("RUN-05: %s: %w", s.Person, err)
	}
	person, err := operatorOf(r, fp, s.At, now)
	if err == nil && person.ID != s.Person {
		err = fmt.Errorf("RUN-05: the key %s is %s's, not %s's", fp, person.ID, s.Person)
	}
	return err
}
