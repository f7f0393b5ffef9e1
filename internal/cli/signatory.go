package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
)

// signatory is a person at this terminal, by the key under operator.key.
type signatory struct {
	approval.Person
	roster approval.Roster // of the default branch
	signer ssh.Signer
}

// errNobody says that a key is of no person in the roster.
var errNobody = errors.New("the key is nobody's in the roster of the default branch")

// errNotTheLine says that something else was typed than was asked for.
var errNotTheLine = errors.New("that is not the line")

// signatory finds who is at this terminal. errNobody: the roster does not know.
func (a *app) signatory(ctx context.Context, r *repository) (signatory, error) {
	roster, err := a.rosterOfMain(ctx, r)
	if err != nil {
		return signatory{}, err
	}
	signer, err := (&running{a: a, r: r}).operatorKey(ctx)
	if err != nil {
		return signatory{}, fail(exitConfig, err, "")
	}
	person, ok := roster.PersonOfKey(ssh.FingerprintSHA256(signer.PublicKey()))
	if !ok {
		return signatory{}, errNobody
	}
	return signatory{person, roster, signer}, nil
}

// types lets the person type a line, and signs it for one purpose. errNotTheLine: it was
// another one, or none.
func (s signatory) types(ctx context.Context, a *app, to, line, namespace string) (approval.TypedLine, error) {
	fmt.Fprintf(a.Stderr, "\nTo %s, as %s, type exactly:\n  %s\n> ", to, s.ID, term.Sanitize(line))
	text, err := a.readLine(ctx)
	if err != nil || text != line {
		return approval.TypedLine{}, errNotTheLine
	}
	return signTyped(s.signer, approval.TypedStatement{At: a.Now().UTC().Truncate(time.Second), Line: text, Person: s.ID}, namespace)
}
