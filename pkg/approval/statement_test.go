package approval

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A statement and its signature are what ssh-keygen -Y verify takes, for the namespace
// of approvals and for no other; and what ssh-keygen -Y sign makes counts here.
func TestOFF03StatementVerifiesWithSSHKeygen(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		if strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "tools") {
			t.Fatal("ssh-keygen is not installed, and BCCTL_TEST_REQUIRE says that it must be")
		}
		t.Skip("ssh-keygen is not installed")
	}
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := offline()
	s := c.Evidence.Offline.Statements[0]
	signers := write("allowed", "ben "+publicKey("ben")+"\n", 0o644)
	signature := write("statement.sig", string(s.Signature), 0o644)
	verify := func(namespace string, statement []byte, signature string) error {
		cmd := exec.CommandContext(t.Context(), program, "-Y", "verify", "-f", signers, "-I", "ben", "-n", namespace, "-s", signature)
		cmd.Stdin = bytes.NewReader(statement)
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	if err := verify(NamespaceApproval, s.Statement, signature); err != nil {
		t.Errorf("ssh-keygen does not take it: %v", err)
	}
	if verify("git", s.Statement, signature) == nil {
		t.Error("ssh-keygen takes it for git")
	}
	if verify(NamespaceApproval, append(bytes.Clone(s.Statement), '\n'), signature) == nil {
		t.Error("ssh-keygen takes other bytes")
	}

	key := filepath.Join(dir, "key")
	if out, err := exec.CommandContext(t.Context(), program, "-q", "-t", "ed25519", "-N", "", "-C", "x", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	for namespace, counts := range map[string]bool{NamespaceApproval: true, "git": false} {
		path := write("mine", string(s.Statement), 0o644)
		if err := os.Remove(path + ".sig"); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), program, "-Y", "sign", "-f", key, "-n", namespace, path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		mine, err := os.ReadFile(path + ".sig")
		if err != nil {
			t.Fatal(err)
		}
		c := offline()
		person(&c.Roster.Spec, "ben").SSHKeys = append(person(&c.Roster.Spec, "ben").SSHKeys, SSHKey{Key: strings.TrimSpace(string(public))})
		c.Evidence.Offline.Statements[0].Signature = mine
		if v := Verify(c); v.Allowed != counts {
			t.Errorf("signed for %s by ssh-keygen: allowed %v: %v %v", namespace, v.Allowed, v.Denials, v.Reviews)
		}
	}
}

// Each member of a statement is needed, and its form is checked.
func TestOFF03StatementsThatAreNone(t *testing.T) {
	t.Parallel()
	good := statementBy(offline(), "ben", SlotIT, 1)
	text, err := EncodeStatement(good)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := DecodeStatement(text); err != nil || back != good {
		t.Fatalf("it does not come back: %v %v", back, err)
	}
	for name, change := range map[string]func(*Statement){
		"schema":           func(s *Statement) { s.Schema = "" },
		"repository":       func(s *Statement) { s.Repository = 0 },
		"digest":           func(s *Statement) { s.Digest = "sha256:ab" },
		"action":           func(s *Statement) { s.Action = "reboot" },
		"target":           func(s *Statement) { s.Target = "" },
		"role":             func(s *Statement) { s.Role = "boss" },
		"person":           func(s *Statement) { s.Person = "" },
		"decision":         func(s *Statement) { s.Decision = "maybe" },
		"incident":         func(s *Statement) { s.Incident = "" },
		"nonce":            func(s *Statement) { s.Nonce = "1" },
		"snapshot":         func(s *Statement) { s.Snapshot = 0 },
		"no time":          func(s *Statement) { s.Issued = time.Time{} },
		"parts of seconds": func(s *Statement) { s.Issued = s.Issued.Add(time.Millisecond) },
		"another zone":     func(s *Statement) { s.Issued = s.Issued.In(time.FixedZone("", 3600)) },
		"never begins":     func(s *Statement) { s.Expires = s.Issued },
		"five hours":       func(s *Statement) { s.Expires = s.Issued.Add(statementAge + time.Second) },
	} {
		s := good
		change(&s)
		if _, err := EncodeStatement(s); err == nil {
			t.Errorf("%s: it is encoded", name)
		}
	}
	for name, other := range map[string][]byte{
		"a space more":       append([]byte(" "), text...),
		"a member more":      bytes.Replace(text, []byte(`{`), []byte(`{"a":1,`), 1),
		"a member twice":     bytes.Replace(text, []byte(`{`), []byte(`{"person":"ann",`), 1),
		"another order":      bytes.Replace(bytes.Replace(text, []byte(`"target":"pg/ledger"`), nil, 1), []byte(`{`), []byte(`{"target":"pg/ledger",`), 1),
		"an escaped letter":  bytes.Replace(text, []byte(`"ben"`), []byte(`"b\u0065n"`), 1),
		"another case":       bytes.Replace(text, []byte(`"person"`), []byte(`"Person"`), 1),
		"a number as a text": bytes.Replace(text, []byte(`:4711`), []byte(`:"4711"`), 1),
		"nothing":            nil,
		"too long":           bytes.Repeat([]byte(" "), maxDocument+1),
	} {
		if s, err := DecodeStatement(other); err == nil || s != (Statement{}) {
			t.Errorf("%s: it is %v", name, s)
		}
	}
}

// A snapshot says everything, in order.
func TestOFF02SnapshotsThatAreNone(t *testing.T) {
	t.Parallel()
	good := snapshotOf(offline())
	if _, err := EncodeSnapshot(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Snapshot){
		"schema":         func(s *Snapshot) { s.Schema = "" },
		"repository":     func(s *Snapshot) { s.Repository = 0 },
		"version":        func(s *Snapshot) { s.Version = 0 },
		"times":          func(s *Snapshot) { s.Expires = s.Issued },
		"roster":         func(s *Snapshot) { s.Roster.Path = "" },
		"digest":         func(s *Snapshot) { s.Roster.SHA256 = "" },
		"no policy":      func(s *Snapshot) { s.Policies = nil },
		"policy twice":   func(s *Snapshot) { s.Policies = append(s.Policies, s.Policies[0]) },
		"policy in part": func(s *Snapshot) { s.Policies = []SnapshotFile{{Path: "x"}} },
	} {
		s := good
		change(&s)
		if _, err := EncodeSnapshot(s); err == nil {
			t.Errorf("%s: it is encoded", name)
		}
	}
}

func FuzzStatement(f *testing.F) {
	for _, s := range offline().Evidence.Offline.Statements {
		f.Add(s.Statement, s.Signature)
	}
	f.Fuzz(func(t *testing.T, statement, signature []byte) {
		if s, err := DecodeStatement(statement); err == nil {
			if again, err := EncodeStatement(s); err != nil || !bytes.Equal(again, statement) {
				t.Errorf("%q comes back as %q: %v", statement, again, err)
			}
		}
		fp, err := verifySSH(statement, signature, NamespaceApproval)
		if err == nil && fp == "" {
			t.Error("a signature of no key")
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	f.Add(offline().Evidence.Offline.Snapshot)
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := DecodeSnapshot(text); err == nil {
			if again, err := EncodeSnapshot(s); err != nil || !bytes.Equal(again, text) {
				t.Errorf("%q comes back as %q: %v", text, again, err)
			}
		}
	})
}

func FuzzTyped(f *testing.F) {
	c := approved()
	typedByDora(&c)
	f.Add(c.Evidence.Typed.Statement, c.Evidence.Typed.Signature)
	good := bytes.Clone(c.Evidence.Typed.Statement)
	f.Fuzz(func(t *testing.T, statement, signature []byte) {
		c := approved()
		typedByDora(&c)
		c.Evidence.Typed.Statement, c.Evidence.Typed.Signature = statement, signature
		if v := Verify(c); v.Allowed && !bytes.Equal(statement, good) {
			t.Errorf("allowed by %q", statement)
		}
	})
}
