package approval

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/canonical"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// StatementSchema names the form of a Statement.
const StatementSchema = "bcctl-approval-statement-v1"

// Decision is what a statement says.
type Decision string

// Decisions.
const (
	Approve Decision = "approve"
	Veto    Decision = "veto"
)

// Statement is an approval, or an objection, that a person signs while the forge
// cannot be reached (OFF-03). Its members are in canonical order.
type Statement struct {
	Action     runbook.Type   `json:"action"`
	Decision   Decision       `json:"decision"`
	Digest     runbook.Digest `json:"digest"` // of the request
	Expires    time.Time      `json:"expires"`
	Incident   string         `json:"incident"`
	Issued     time.Time      `json:"issued"`
	Nonce      string         `json:"nonce"`  // 32 hexadecimal digits
	Person     string         `json:"person"` // by the id of the roster
	Repository int64          `json:"repository"`
	Role       SlotRole       `json:"role"`
	Schema     string         `json:"schema"`
	Snapshot   int64          `json:"snapshot"` // version of the trust snapshot the person saw
	Target     string         `json:"target"`
}

var nonce = regexp.MustCompile(`^[0-9a-f]{32}$`)

// EncodeStatement writes a statement as it is signed. Times are whole seconds, UTC.
func EncodeStatement(s Statement) ([]byte, error) {
	text, err := canonical.Encode(s)
	if err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	if _, err := DecodeStatement(text); err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	return text, nil
}

// DecodeStatement reads a statement and checks what can be checked without knowing
// anything else.
func DecodeStatement(text []byte) (Statement, error) {
	var s Statement
	if err := decodeCanonical(text, &s); err != nil {
		return Statement{}, fmt.Errorf("read statement: %w", err)
	}
	switch {
	case s.Schema != StatementSchema:
		return Statement{}, fmt.Errorf("read statement: its form is %q, not %q", s.Schema, StatementSchema)
	case s.Repository <= 0:
		return Statement{}, errors.New("read statement: it names no repository")
	case !s.Digest.Valid():
		return Statement{}, errors.New("read statement: it names no request")
	case !slices.Contains(runbook.Types(), s.Action) || s.Target == "":
		return Statement{}, errors.New("read statement: it names no action or no target")
	case s.Role.Role() == "":
		return Statement{}, fmt.Errorf("read statement: the role %q is unknown", s.Role)
	case s.Person == "":
		return Statement{}, errors.New("read statement: it names no person")
	case s.Decision != Approve && s.Decision != Veto:
		return Statement{}, fmt.Errorf("read statement: the decision %q is unknown", s.Decision)
	case s.Incident == "":
		return Statement{}, errors.New("read statement: it names no incident")
	case !nonce.MatchString(s.Nonce):
		return Statement{}, errors.New("read statement: its nonce is not 32 hexadecimal digits")
	case s.Snapshot <= 0:
		return Statement{}, errors.New("read statement: it names no trust snapshot")
	case !wholeUTC(s.Issued) || !wholeUTC(s.Expires):
		return Statement{}, errors.New("read statement: its times are not whole seconds in UTC")
	case !s.Issued.Before(s.Expires) || s.Expires.Sub(s.Issued) > statementAge:
		return Statement{}, fmt.Errorf("read statement: it does not expire within %s", statementAge)
	}
	return s, nil
}

func wholeUTC(t time.Time) bool {
	_, offset := t.Zone()
	return !t.IsZero() && offset == 0 && t.Nanosecond() == 0
}

// TypedSchema names the form of a TypedStatement.
const TypedSchema = "bcctl-typed-v1"

// TypedStatement is what an operator signs who typed the confirmation at a terminal
// (CONF-08).
type TypedStatement struct {
	At     time.Time `json:"at"`
	Line   string    `json:"line"`
	Person string    `json:"person"`
	Schema string    `json:"schema"`
}

// EncodeTyped writes what an operator signs.
func EncodeTyped(t TypedStatement) ([]byte, error) {
	t.Schema = TypedSchema
	text, err := canonical.Encode(t)
	if err != nil {
		return nil, fmt.Errorf("encode confirmation: %w", err)
	}
	return text, nil
}

// typed returns the confirmation that was typed, if a key of the operator signed it.
func (j *judge) typed() (TypedStatement, bool) {
	line := j.e.Typed
	if line == nil {
		return TypedStatement{}, false
	}
	var t TypedStatement
	if err := decodeCanonical(line.Statement, &t); err != nil || t.Schema != TypedSchema || t.At.IsZero() {
		return TypedStatement{}, false
	}
	fp, err := verifySSH(line.Statement, line.Signature, NamespaceConfirm)
	if err != nil {
		return TypedStatement{}, false
	}
	key, ok := j.now.byID[t.Person].keyOf(fp)
	return t, ok && key.counts(t.At, j.c.Now)
}
