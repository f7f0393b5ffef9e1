//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// AUD-01: results are on a branch of their own, which has nothing in common with main,
// and main stays as it was.
func TestAUD01ResultsAreNotOnMain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	before := s.Head("main")
	s.want(exitOK, s.line("execute", 1), "SUCCEEDED")
	if after := s.Head("main"); after != before {
		t.Errorf("main moved from %s to %s", before, after)
	}
	if out, err := exec.Command("git", "-C", s.GitDir(), "merge-base", "main", "bcctl-audit").CombinedOutput(); err == nil {
		t.Errorf("the log and main have %s in common", out)
	}
	if out, err := exec.Command("git", "-C", s.GitDir(), "rev-list", "--count", "bcctl-audit").CombinedOutput(); err != nil || strings.TrimSpace(string(out)) == "0" {
		t.Errorf("the log is not there: %s %v", out, err)
	}
}

// AUD-03: the record of a run says which request, who approved what and when, who
// confirmed, what was read and with which program; one byte changed is seen.
func TestAUD03RecordOfARun(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(exitOK, s.line("execute", 1), "SUCCEEDED")
	out := s.bcctl("root", "", "audit", "export", "--format", "json", "--kind", "execution.intent")
	record := out.stdout
	for what, text := range map[string]string{
		"digest": strings.TrimPrefix(string(s.digest), "sha256:"), "plan": `"plan":`, "rules": "bcctl-approval-v1", "sequence": `"seq":1`, "schema": `"v":1`,
		"it": `"role":"it"`, "business": `"role":"business"`, "review": `"reviewId":`, "operator": `"dora"`, "answers": fmt.Sprintf(`"GET /repos/acme/recovery/pulls/%d/reviews`, s.pull), "satisfied": `"satisfied":true`,
	} {
		if !strings.Contains(record, text) {
			t.Errorf("%s: no %s in\n%s%s", what, text, record, out.stderr)
		}
	}
	raw, err := exec.Command("git", "-C", s.GitDir(), "log", "bcctl-audit", "--format=", "-p", "--text").CombinedOutput()
	s.ok(err)
	if !strings.Contains(string(raw), `"tool":"bcctl`) {
		t.Errorf("the program is not in\n%s", raw)
	}
	s.verified()
	// The approver of the record is another one now.
	s.git("fetch", "--quiet", "origin", "bcctl-audit")
	s.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
	changed := 0
	s.ok(filepath.WalkDir(filepath.Join(s.dir, "audit"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(text, []byte(`"login":"ben"`)) {
			return err
		}
		changed++
		return os.WriteFile(name, bytes.ReplaceAll(text, []byte(`"login":"ben"`), []byte(`"login":"bem"`)), 0o600)
	}))
	s.git("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--all", "--amend", "--no-edit", "--allow-empty")
	s.git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/bcctl-audit")
	s.git("checkout", "--quiet", "main")
	if out := s.bcctl("root", "", "audit", "verify", "--max-age", "240h"); changed == 0 || out.code == exitOK {
		t.Errorf("%d files were changed, and the log is verified: code %d\n%s", changed, out.code, out.stdout)
	}
}

// AUD-05: no secret is in a record or in a comment: not of a program's words, not of a
// credential, not of the token.
func TestAUD05RunRecordsNoSecret(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.vars["MONITOR"] = "canary-password"
	s.ok(os.WriteFile(filepath.Join(s.world, "hook.sh"), []byte("echo canary-out; echo canary-err >&2\n"+hook), 0o600))
	s.want(exitOK, s.line("execute", 1), "SUCCEEDED")
	log, err := exec.Command("git", "-C", s.GitDir(), "log", "bcctl-audit", "--format=%B", "-p", "--text").CombinedOutput()
	s.ok(err)
	exported := s.bcctl("root", "", "audit", "export", "--format", "json").stdout
	if !strings.Contains(exported, "execution.intent") {
		t.Fatalf("there is no record:\n%s", exported)
	}
	key, err := os.ReadFile(strings.TrimPrefix(s.vars["BCCTL_OPERATOR_KEY"], "file:"))
	s.ok(err)
	keyLine := strings.Split(string(key), "\n")[1]
	said := s.comments()
	if !strings.Contains(said, s.id) {
		t.Errorf("no comment is about the run:\n%s", said)
	}
	for _, secret := range []string{"canary-", s.Token("root"), s.Token("ann"), keyLine} {
		if strings.Contains(string(log)+exported, secret) {
			t.Errorf("%q is in the record", secret)
		}
		if strings.Contains(said, secret) {
			t.Errorf("%q is in a comment", secret)
		}
	}
}
