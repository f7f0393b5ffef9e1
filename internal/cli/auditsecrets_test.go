package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/connectors/all"
)

// talkative is a server that refuses every login in words of its own, as drivers
// pass them on. It returns its address.
func talkative(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	body := "SFATAL\x00VFATAL\x00C28000\x00M" + words + "\x00\x00"
	size := len(body) + 4
	reply := append([]byte{'E', byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}, body...)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1024)) // whatever it asks
			_, _ = c.Write(reply)
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// No secret gets into the audit log, and no key into anything that is printed: not
// from the configuration, not from the environment, not from the words of a server.
func TestAUD05AuditHoldsNoSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repo, remote := filepath.Join(dir, "repo"), filepath.Join(dir, "remote.git")
	vars := map[string]string{
		"HOME": dir, "XDG_STATE_HOME": filepath.Join(dir, "state"),
		"LEDGER_MONITOR_PASSWORD": "canary-password", "DR_TOKEN": "canary-variable", "GITHUB_ACTIONS": "true", "BCCTL_GITHUB": "off",
		"GITHUB_TOKEN": "canary-github", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-oidc", "GITHUB_ACTOR_ID": "4711", "GITHUB_ACTOR": "ada",
		"BCCTL_AUDIT_ORIGIN": "example.com/acme/audit", "BCCTL_AUDIT_KEY": "env:DR_AUDIT_KEY", "BCCTL_AUDIT_LOG_KEY": "env:DR_AUDIT_LOG_KEY",
	}
	var printed bytes.Buffer
	run := func(want int, args ...string) {
		t.Helper()
		code := Run(context.Background(), Env{Stdin: strings.NewReader(""), Stdout: &printed, Stderr: &printed, Dir: repo, Now: time.Now, Registry: all.Registry,
			Lookup: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}, args)
		if code != want {
			t.Fatalf("bcctl %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, printed.String())
		}
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@example.net", "-C", repo}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	if err := os.Mkdir(repo, 0o755); err != nil {
		t.Fatal(err)
	}
	run(0, "init", ".")
	document := filepath.Join(repo, "resources", "ledger.yaml")
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	const words = "canary-server: password canary-password was refused"
	for old, changed := range map[string]string{
		"ledger-a.example.net:5432": talkative(t, words), "ledger-b.example.net:5432": talkative(t, words), "mode: verify-full": "mode: disable",
		"  labels:\n": "  annotations:\n    note: canary-annotation\n  labels:\n",
	} {
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("the starter has no %q", old)
		}
		text = bytes.Replace(text, []byte(old), []byte(changed), 1)
	}
	if err := os.WriteFile(document, text, 0o600); err != nil {
		t.Fatal(err)
	}
	git("init", "--quiet", "--initial-branch=main")
	git("add", "--all")
	git("commit", "--quiet", "--message=canary-message")
	git("init", "--quiet", "--bare", remote)
	git("remote", "add", "origin", remote)
	run(0, "audit", "keygen", "--origin", "example.com/acme/audit", "--out", "../keys")
	secrets := []string{"BEGIN ", "canary-"}
	for variable, file := range map[string]string{"DR_AUDIT_KEY": "writer.pem", "DR_AUDIT_LOG_KEY": "log.key", "": "trust-admin.pem"} {
		key, err := os.ReadFile(filepath.Join(dir, "keys", file))
		if err != nil {
			t.Fatal(err)
		}
		vars[variable] = string(key)
		for line := range strings.Lines(string(key)) {
			// Of a log's key the name and the number before it are public.
			if at := strings.LastIndex(line, "+"); strings.HasPrefix(line, "PRIVATE+KEY+") && at > 0 {
				line = line[strings.Index(line, "audit+")+len("audit+00000000+"):]
			}
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
				secrets = append(secrets, line[:20])
			}
		}
	}
	run(0, "audit", "init", "--trust", "../keys/trust.json")
	printed.Reset() // what a check prints about a server is for people, not for the log
	run(4, "-v", "check", "--record-verdict", "-o", "name")
	run(0, "-v", "audit", "verify")
	run(0, "audit", "show")
	run(0, "audit", "export", "--format", "json")
	run(0, "audit", "seal")
	run(0, "audit", "recover")

	// Wrong keys and a remote whose address has a token.
	good := vars["DR_AUDIT_KEY"]
	vars["DR_AUDIT_KEY"] = strings.Replace(good, "\n", "\ncanary-damaged", 1)
	run(10, "check", "--record-verdict", "-o", "name")
	vars["DR_AUDIT_KEY"] = "canary-no-key"
	run(10, "check", "--record-verdict", "-o", "name")
	vars["DR_AUDIT_KEY"], vars["DR_AUDIT_LOG_KEY"] = good, "canary-no-log-key"
	run(10, "audit", "seal")
	vars["DR_AUDIT_LOG_KEY"] = ""
	delete(vars, "BCCTL_AUDIT_LOG_KEY")
	vars["BCCTL_AUDIT_REMOTE"] = "https://canary-user:canary-token@127.0.0.1:1/log.git"
	run(10, "-v", "check", "--record-verdict", "-o", "name")
	delete(vars, "BCCTL_AUDIT_REMOTE")
	git("commit", "--quiet", "--allow-empty", "--message=Change")
	git("remote", "set-url", "origin", "https://canary-user:canary-token@127.0.0.1:1/log.git")
	run(16, "check", "--record-verdict", "-o", "name")
	run(16, "audit", "recover")
	for _, secret := range secrets {
		if at := strings.Index(printed.String(), secret); at >= 0 {
			t.Errorf("%q was printed: ...%s", secret, printed.String()[max(0, at-200):min(printed.Len(), at+200)])
		}
	}

	out, err := exec.Command("git", "-C", remote, "log", "--all", "--format=%an %ae %s%n%b", "-p", "--text").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(`"type":"check.result"`)) || !bytes.Contains(out, []byte(`"id":"4711"`)) {
		t.Fatalf("read the log: %v\n%s", err, out)
	}
	for _, secret := range secrets {
		if bytes.Contains(out, []byte(secret)) {
			t.Errorf("%q is in the log", secret)
		}
	}
	// Nor in what this machine keeps of it.
	err = filepath.WalkDir(filepath.Join(dir, "state", "bcctl", "audit"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		kept, err := os.ReadFile(name)
		for _, secret := range secrets {
			if bytes.Contains(kept, []byte(secret)) {
				err = errors.Join(err, errors.New(name+" has "+secret))
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
