// Package people are the pretended people of a laboratory: who they are, the keys with
// which they sign, and whose approvals a request needs.
package people

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Person has the number of an account of a pretended GitHub, where its login is the id.
type Person struct {
	ID     string
	Number int64
	Roles  []string
	is     string // for the reader of the roster
}

// Email is where the person's commits come from.
func (p Person) Email() string { return p.ID + "@example.com" }

// All are the people of a laboratory.
func All() []Person {
	return []Person{
		{"alice", 1001, []string{"operator"}, "asks, and confirms a run"},
		{"bob", 1002, []string{"approver-it"}, "approves for IT"},
		{"carol", 1003, []string{"approver-it"}, "likewise, where two are needed"},
		{"dan", 1004, []string{"approver-business"}, "approves for the business"},
		{"erin", 1005, []string{"admin", "auditor"}, "may change who may do what, and reads everything"},
	}
}

// KeyFile returns the path of the SSH key with which a person signs, in the folder of
// MakeKeys; that of its public half ends in .pub.
func KeyFile(dir, person string) string { return filepath.Join(dir, person) }

// MakeKeys makes the folder and gives each person a key of this laboratory alone.
func MakeKeys(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, p := range All() {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		block, err := ssh.MarshalPrivateKey(private, p.ID+" of the laboratory")
		if err != nil {
			return err
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			return err
		}
		file := KeyFile(dir, p.ID)
		if err := errors.Join(os.WriteFile(file, pem.EncodeToMemory(block), 0o600),
			os.WriteFile(file+".pub", ssh.MarshalAuthorizedKey(key), 0o644)); err != nil {
			return fmt.Errorf("keep the key of %s: %w", p.ID, err)
		}
	}
	return nil
}

// Roster is the document that says who there is, with the keys of a folder.
func Roster(dir string) (string, error) {
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
	for _, p := range All() {
		fmt.Fprintf(&b, "    - id: %s # %s\n      github: [{id: %d, login: %s}]\n      emails: [%s]\n      roles: [%s]\n", p.ID, p.is, p.Number, p.ID, p.Email(), strings.Join(p.Roles, ", "))
		key, err := os.ReadFile(KeyFile(dir, p.ID) + ".pub")
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

// Policy is the document that says which approvals a request needs.
const Policy = `
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
