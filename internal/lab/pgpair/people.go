package pgpair

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// person is one of the pretended people of the laboratory, so that a request can
// be made and approved. The numbers are those of a pretended GitHub.
type person struct {
	id     string
	number int
	roles  string
	is     string // for the reader of the roster
}

func people() []person {
	return []person{
		{"alice", 1001, "[operator]", "asks, and confirms a run"},
		{"bob", 1002, "[approver-it]", "approves for IT"},
		{"carol", 1003, "[approver-it]", "likewise, where two are needed"},
		{"dan", 1004, "[approver-business]", "approves for the business"},
		{"erin", 1005, "[admin, auditor]", "may change who may do what, and reads everything"},
	}
}

// KeyFile returns the path of the SSH key with which a person of the laboratory
// signs; that of its public half ends in .pub.
func (l *Lab) KeyFile(person string) string { return l.path("people", person) }

// makeKeys gives each person a key of this laboratory alone.
func (l *Lab) makeKeys() error {
	if err := os.Mkdir(l.path("people"), 0o700); err != nil {
		return err
	}
	for _, p := range people() {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		block, err := ssh.MarshalPrivateKey(private, p.id+" of the laboratory")
		if err != nil {
			return err
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(l.KeyFile(p.id), pem.EncodeToMemory(block), 0o600),
			os.WriteFile(l.KeyFile(p.id)+".pub", ssh.MarshalAuthorizedKey(key), 0o644)); err != nil {
			return fmt.Errorf("keep the key of %s: %w", p.id, err)
		}
	}
	return nil
}

// rosterYAML says who there is.
func (l *Lab) rosterYAML() (string, error) {
	var b strings.Builder
	b.WriteString(`
# Who may do what. People count by the numbers of their accounts, never by a name.
# These are pretended; their keys are in the laboratory's folder.
apiVersion: bcctl/v1
kind: Roster
metadata: {name: people}
spec:
  people:
`)
	for _, p := range people() {
		fmt.Fprintf(&b, "    - id: %s # %s\n      github: [{id: %d, login: %s}]\n      emails: [%s@example.com]\n      roles: %s\n", p.id, p.is, p.number, p.id, p.id, p.roles)
		key, err := os.ReadFile(l.KeyFile(p.id) + ".pub")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "      sshKeys: [{key: %q}]\n", strings.TrimSpace(string(key)))
	}
	return b.String(), nil
}

const approvalYAML = `
# Which approvals a request needs. What no entry names is never allowed.
apiVersion: bcctl/v1
kind: ApprovalPolicy
metadata: {name: approval}
spec:
  entries:
    - {tier: 1, action: switchover, slots: [{role: it}, {role: business}]}
    - {tier: 1, action: failover, slots: [{role: it}, {role: business}]}
    - {tier: 1, action: failback, slots: [{role: it}, {role: business}]}
    - {tier: 1, action: drill, slots: [{role: it}]}
    - {tier: 2, action: switchover, slots: [{role: it}]}
    - {tier: 2, action: failover, slots: [{role: it}]}
    - {tier: 2, action: failback, slots: [{role: it}]}
    - {tier: 2, action: drill, slots: [{role: it}]}
`
