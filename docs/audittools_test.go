package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/cli"
	"github.com/bcctl/bcctl/pkg/audit"
	"github.com/bcctl/bcctl/pkg/connectors/all"
)

// stockTools are what the commands of docs/audit-format.md need.
var stockTools = []string{"sh", "git", "sha256sum", "ssh-keygen", "openssl", "jq", "xxd", "base64", "paste", "cut", "head", "tail", "sed", "tr", "wc"}

// needTools skips the test where a tool is missing; with BCCTL_TEST_REQUIRE=tools
// it fails instead.
func needTools(t *testing.T) {
	t.Helper()
	for _, tool := range stockTools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if slices.Contains(strings.Split(os.Getenv("BCCTL_TEST_REQUIRE"), ","), "tools") {
			t.Fatalf("%s is not installed, and BCCTL_TEST_REQUIRE says that it must be", tool)
		}
		t.Skipf("%s is not installed", tool)
	}
}

// auditor is a repository with a log, written by bcctl, for the commands of the page.
type auditor struct {
	t    *testing.T
	dir  string
	now  time.Time
	repo string
	pin  string
}

// bcctl runs a command line at the auditor's time, with further variables.
func (x *auditor) bcctl(want int, vars map[string]string, args ...string) string {
	x.t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(context.Background(), cli.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Dir: x.repo, Now: func() time.Time { return x.now }, Registry: all.Registry,
		Lookup: func(name string) (string, bool) {
			if value, ok := vars[name]; ok {
				return value, true
			}
			value, ok := map[string]string{"XDG_STATE_HOME": filepath.Join(x.dir, "state"), "HOME": x.dir}[name]
			return value, ok
		},
	}, args)
	if code != want {
		x.t.Fatalf("bcctl %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, out.String(), errs.String())
	}
	return out.String()
}

func (x *auditor) git(dir string, args ...string) string {
	x.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.net"}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		x.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (x *auditor) write(name string, data []byte) {
	x.t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// newAuditor makes a log with two writers, one with an Ed25519 key and one with an
// SSH key.
func newAuditor(t *testing.T) *auditor {
	t.Helper()
	x := &auditor{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	x.repo, x.pin = filepath.Join(x.dir, "config"), filepath.Join(x.dir, "pin.note")
	if err := os.Mkdir(x.repo, 0o755); err != nil {
		t.Fatal(err)
	}
	const origin = "example.com/acme/bcctl-audit"
	x.bcctl(0, nil, "init", ".")
	x.git(x.repo, "init", "--quiet", "--initial-branch=main")
	x.git(x.repo, "add", "--all")
	x.git(x.repo, "commit", "--quiet", "--message=Begin")
	x.bcctl(0, nil, "audit", "keygen", "--origin", origin, "--out", "../keys")
	x.bcctl(0, nil, "audit", "keygen", "--origin", origin, "--out", "../ssh", "--type", "ssh")
	trust := x.trust("keys")
	second := x.trust("ssh").Keys[0]
	trust.Keys = append(trust.Keys, second)
	text, err := audit.EncodeTrust(trust)
	if err != nil {
		t.Fatal(err)
	}
	x.write(filepath.Join(x.dir, "trust.json"), text)
	vars := map[string]string{"BCCTL_AUDIT_ORIGIN": origin, "BCCTL_AUDIT_REMOTE": "", "BCCTL_AUDIT_KEY": "file:" + filepath.Join(x.dir, "keys", "writer.pem"),
		"BCCTL_AUDIT_LOG_KEY": "file:" + filepath.Join(x.dir, "keys", "log.key")}
	x.write(filepath.Join(x.dir, "settings.yaml"), []byte("audit: {remote: \"\"}\n"))
	x.bcctl(0, vars, "--config", "../settings.yaml", "audit", "init", "--trust", "../trust.json")
	x.now = x.now.Add(time.Minute)
	x.bcctl(4, vars, "--config", "../settings.yaml", "check", "--record-verdict")
	x.write(x.pin, []byte(x.bcctl(0, vars, "--config", "../settings.yaml", "audit", "checkpoint")))
	vars["BCCTL_AUDIT_KEY"] = "file:" + filepath.Join(x.dir, "ssh", "writer.pem")
	for day := range 2 {
		x.now = x.now.Add(24 * time.Hour)
		x.write(filepath.Join(x.repo, "note.txt"), []byte{byte('a' + day)})
		x.git(x.repo, "add", "--all")
		x.git(x.repo, "commit", "--quiet", "--message=Change")
		x.bcctl(4, vars, "--config", "../settings.yaml", "check", "--record-verdict")
	}
	return x
}

func (x *auditor) trust(folder string) audit.Trust {
	x.t.Helper()
	text, err := os.ReadFile(filepath.Join(x.dir, folder, "trust.json"))
	if err != nil {
		x.t.Fatal(err)
	}
	trust, err := audit.DecodeTrust(text)
	if err != nil {
		x.t.Fatal(err)
	}
	return trust
}

// run runs the blocks of the page in a folder of their own, with further commands
// after the first, and returns what they print and how many of them began.
func (x *auditor) run(repository string, blocks []string, further string) (out string, begun int, err error) {
	x.t.Helper()
	var script strings.Builder
	for i, text := range blocks {
		fmt.Fprintf(&script, "echo BLOCK\n%s\n", text)
		if i == 0 {
			script.WriteString(further + "\n")
		}
	}
	cmd := exec.Command("sh", "-eu", "-c", script.String())
	cmd.Dir = x.t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + x.dir, "LC_ALL=C", "REPOSITORY=" + repository, "PIN=" + x.pin, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null"}
	text, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(text), "BLOCK\n", ""), strings.Count(string(text), "BLOCK\n"), err
}

// The commands of docs/audit-format.md accept a log of bcctl, and each of them
// refuses what it is there to find.
func TestAuditWithStockTools(t *testing.T) {
	needTools(t)
	var blocks []string
	for _, b := range readPage(t, "docs/audit-format.md").blocks {
		if b.language == "sh" {
			blocks = append(blocks, b.text)
		}
	}
	x := newAuditor(t)
	out, _, err := x.run(x.repo, blocks, "")
	if err != nil || strings.Count(out, "Signature Verified Successfully") != 2 || !strings.Contains(out, `Good "bcctl-audit" signature for writer`) {
		t.Fatalf("the commands do not accept the log: %v\n%s", err, out)
	}
	if id, _, _ := strings.Cut(out, " "); !strings.Contains(x.bcctl(0, nil, "audit", "verify", "--max-age=-1s"), "log id   "+id+"\n") {
		t.Errorf("the commands print %s as the log id, bcctl does not", id)
	}
	pin, err := os.ReadFile(x.pin)
	if err != nil {
		t.Fatal(err)
	}
	x.write(x.pin+".other", turn.ReplaceAll(pin, []byte("$1/$2")))
	for _, c := range []struct {
		name  string
		block int // that must fail, from 1
		spoil string
	}{
		{"keys", 2, `sed -i 's/"skew":300/"skew":301/' audit/trust/000001.json`},
		{"segment with an SSH signature", 3, `f=$(ls audit/log/*/*/*/*.sig | head -n 1); sed -i 's/"v":1/"v":2/' "${f%.sig}"`},
		{"segment with an envelope", 4, `f=$(ls audit/log/*/*/*/*.dsse.json | head -n 1); sed -i 's/"v":1/"v":2/' "${f%.dsse.json}"`},
		{"signature in an envelope", 4, `f=$(ls audit/log/*/*/*/*.dsse.json | head -n 1); sed -i 's/"sig":"......../"sig":"AAAAAAAA/' "$f"`},
		{"digest in a seal", 5, `f=$(ls audit/seals/*.json | head -n 1); sed -i 's/"sha256":"......../"sha256":"00000000/' "$f"`},
		{"root in a checkpoint", 6, `f=$(ls audit/seals/*.note | tail -n 1); sed -i '3s/^......../AAAAAAAA/' "$f"`},
		{"signature of a checkpoint", 7, `f=$(ls audit/seals/*.note | tail -n 1); sed -i '$s/.........$/AAAAAAAA=/' "$f"`},
		{"pin", 8, `PIN=$PIN.other`},
	} {
		if out, begun, err := x.run(x.repo, blocks, c.spoil); err == nil || begun != c.block {
			t.Errorf("%s spoiled: block %d of %d was reached, want failure in %d: %v\n%s", c.name, begun, len(blocks), c.block, err, out)
		}
	}
	other := filepath.Join(x.dir, "other")
	x.git(x.dir, "clone", "--quiet", "--branch", "bcctl-audit", x.repo, other)
	x.git(other, "rm", "--quiet", "-r", "audit/trust")
	x.git(other, "commit", "--quiet", "--message=Remove")
	if out, begun, err := x.run(other, blocks, ""); err == nil || begun != 1 {
		t.Errorf("a file was removed, and block %d was reached: %v\n%s", begun, err, out)
	}
}

// turn matches the root in a checkpoint, of whose characters two are enough.
var turn = regexp.MustCompile(`(?m)^([A-Za-z0-9+/]{20})[A-Za-z0-9+]([A-Za-z0-9+/]{22}=)$`)
