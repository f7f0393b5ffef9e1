package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/term"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// typed shows what will run, lets a person type the line that names it, and signs what
// was typed with the person's key (CONF-08, CONF-09).
func (x *running) typed(ctx context.Context, line string, v approval.Verdict) (approval.TypedLine, string, error) {
	signer, err := x.operatorKey(ctx)
	if err != nil {
		return approval.TypedLine{}, "", err
	}
	person, err := x.personOfKey(signer.PublicKey())
	if err != nil {
		return approval.TypedLine{}, "", err
	}
	x.show(v)
	if !v.Allowed && len(v.Denials) > 0 {
		fmt.Fprintf(x.a.Stderr, "\nIt may not go on (%s: %s).\nThis start only takes back what was done, and ends it.\n", v.Denials[0].Rule, v.Denials[0].Message)
	}
	fmt.Fprintf(x.a.Stderr, "\nTo run this as %s, type exactly:\n  %s\n> ", person, line)
	text, err := x.a.readLine(ctx)
	if err != nil {
		return approval.TypedLine{}, "", err
	}
	if text != line || line == "" {
		return approval.TypedLine{}, "", errors.New("that is not the line; nothing was started (CONF-02)")
	}
	typed, err := signTyped(signer, approval.TypedStatement{At: x.a.Now().UTC().Truncate(time.Second), Line: text, Person: person}, approval.NamespaceConfirm)
	return typed, person, err
}

// signTyped signs what a person typed at a terminal with the person's key.
func signTyped(signer ssh.Signer, t approval.TypedStatement, namespace string) (approval.TypedLine, error) {
	statement, err := approval.EncodeTyped(t)
	if err != nil {
		return approval.TypedLine{}, err
	}
	signature, err := signWith(signer, statement, namespace)
	return approval.TypedLine{Terminal: approval.Yes, Statement: statement, Signature: signature}, err
}

// signWith signs a document with a person's key, for one purpose.
func signWith(signer ssh.Signer, document []byte, namespace string) ([]byte, error) {
	sig, err := sshsig.Sign(bytes.NewReader(document), signer, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, fmt.Errorf("sign what was typed: %w", err)
	}
	return sshsig.Armor(sig), nil
}

func (x *running) operatorKey(ctx context.Context) (ssh.Signer, error) {
	if x.r.settings.Operator.Key == "" {
		return nil, errors.New("operator.key is not set: what is typed is signed with your SSH key; set " + settingVariable("operator.key") + "=file:/home/you/.ssh/id_ed25519")
	}
	text, err := x.a.secretValue(ctx, "operator.key", x.r.settings.Operator.Key)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey([]byte(text + "\n"))
	if err != nil {
		return nil, errors.New("operator.key is not a private SSH key without a passphrase")
	}
	return signer, nil
}

// personOfKey finds whose key it is, in the roster of this checkout. The verdict asks
// the roster at main's tip again.
func (x *running) personOfKey(key ssh.PublicKey) (string, error) {
	roster, ok := x.r.repo.Roster()
	if !ok {
		return "", errors.New("there is no roster")
	}
	for _, p := range roster.Spec.People {
		for _, k := range p.SSHKeys {
			public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k.Key))
			if err == nil && bytes.Equal(public.Marshal(), key.Marshal()) {
				return p.ID, nil
			}
		}
	}
	return "", fmt.Errorf("the key %s is nobody's in the roster (CONF-03)", ssh.FingerprintSHA256(key))
}

// readLine reads one line of a person, for as long as the run is wanted.
func (a *app) readLine(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		// A byte at a time: what was typed ahead is for the next question.
		text, err := bufio.NewReaderSize(singly{io.LimitReader(a.Stdin, 4096)}, 16).ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		read <- line{strings.TrimRight(text, "\r\n"), err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// singly gives one byte at each read, so that nothing is read ahead.
type singly struct{ io.Reader }

func (s singly) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(1, len(p))]) }

// show says what will run, before a person confirms it (CONF-09).
func (x *running) show(v approval.Verdict) {
	p, out := &x.plan, x.a.Stderr
	fmt.Fprintf(out, "request %s\n  does          %s of %s, from %s to %s (tier %d)\n", x.request.Name(), p.Type, p.Target, p.From, p.To, p.Tier)
	fmt.Fprintf(out, "  digest        %s\n  plan          %s\n  pins          %d files\n  valid until   %s\n", v.Digest, p.Digest, len(p.Pins), v.ValidUntil.UTC().Format(time.RFC3339))
	for _, s := range v.Slots {
		fmt.Fprintf(out, "  approved      %s by %s\n", s.Role, s.Person)
	}
	for w, wave := range p.Waves {
		for _, m := range wave.Members {
			fmt.Fprintf(out, "  wave %d, %s\n", w+1, m.Resource)
			for _, s := range m.Steps {
				note := ""
				for _, h := range m.HoldPoints {
					if h == s.ID {
						note += "  (may stop before it)"
					}
				}
				if s.ID == m.PointOfNoReturn {
					note += "  POINT OF NO RETURN"
				}
				done := ""
				if x.state.Step(m.Resource, s.ID).Status == runbook.StepDone {
					done = "done: "
				}
				fmt.Fprintf(out, "    %s%s%s\n", done, term.Sanitize(stepName(s)), note)
			}
		}
	}
}

func stepName(s runbook.Step) string {
	if s.Name != "" {
		return s.ID + ": " + s.Name
	}
	return s.ID
}
