package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/connectors/all"
)

// dark is a merged request in a clone, with keys that ssh-keygen made for people and
// roots, on a host that trusts the roots.
type dark struct {
	*gate
	home string
	keys string // folder
	vars map[string]string
}

func newDark(t *testing.T) *dark {
	t.Helper()
	keygen(t)
	d := &dark{home: t.TempDir(), keys: t.TempDir()}
	for _, name := range []string{"ann", "ben", "cleo", "mallory", "root1", "root2"} {
		if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", d.key(name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	d.gate = newGate(t, func(g *gate, _ map[string]string) {
		g.files["policies/approvals.yaml"] = strings.Replace(gatePolicy, "{role: business}]}", "{role: business}], offline: true}", 1) + "  offline: {hosts: [dr-host]}\n"
		for _, name := range []string{"ann", "ben", "cleo"} {
			public, err := os.ReadFile(d.key(name) + ".pub")
			g.ok(err)
			g.files["roster.yaml"] = strings.Replace(g.files["roster.yaml"], "{id: "+name+",", fmt.Sprintf("{id: %s, sshKeys: [{key: %q}],", name, strings.TrimSpace(string(public))), 1)
		}
	})
	d.merge("root")
	d.clone()
	d.vars = map[string]string{
		"HOME": d.home, "LC_ALL": "C", "PATH": os.Getenv("PATH"), "BCCTL_OFFLINE_HOST": "dr-host", "BCCTL_OFFLINE_THRESHOLD": "2",
		"BCCTL_OFFLINE_ROOT_KEYS": d.fingerprint("root1") + "," + d.fingerprint("root2"),
	}
	return d
}

func keygen(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "tools") {
			t.Fatal("ssh-keygen is not installed, and BCCTL_TEST_REQUIRE says that it must be")
		}
		t.Skip("ssh-keygen is not installed")
	}
}

func (d *dark) key(name string) string { return filepath.Join(d.keys, name) }

func (d *dark) fingerprint(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(d.key(name) + ".pub")
	d.ok(err)
	fp, _, err := approval.KeyFingerprint(data)
	d.ok(err)
	return fp
}

func (d *dark) bcctl(typed string, args ...string) outcome {
	d.t.Helper()
	var stdout, stderr bytes.Buffer
	env := Env{
		Stdin: strings.NewReader(typed), Stdout: &stdout, Stderr: &stderr, Dir: d.dir, Now: d.Now, Sleep: d.Sleep, Registry: all.Registry,
		Terminal: func(io.Reader) bool { return typed != "" },
		Lookup:   func(name string) (string, bool) { v, ok := d.vars[name]; return v, ok },
	}
	return outcome{Run(d.t.Context(), env, args), stdout.String(), stderr.String()}
}

func (d *dark) want(code int, words string, out outcome) {
	d.t.Helper()
	if out.code != code || !strings.Contains(out.stdout+out.stderr, words) {
		d.t.Fatalf("code %d, want %d with %q:\n%s%s", out.code, code, words, out.stdout, out.stderr)
	}
}

// snapshot makes and signs one, and returns its folder.
func (d *dark) snapshot(version int, by ...string) string {
	d.t.Helper()
	dir := filepath.Join(d.t.TempDir(), "trust")
	d.want(exitOK, "trust snapshot", d.bcctl("", "trust", "snapshot", "make", "--version", fmt.Sprint(version), "--out", dir))
	for _, name := range by {
		d.want(exitOK, "signed by "+d.fingerprint(name), d.bcctl("", "trust", "snapshot", "sign", dir, "--key", d.key(name)))
	}
	return dir
}

func (d *dark) say(person, as, snapshot, out string, more ...string) outcome {
	typed := d.digest().Short() + "\n"
	return d.bcctl(typed, append([]string{"approve", d.path, "--offline", "--as", as, "--key", d.key(person), "--incident", "INC-9", "--snapshot", snapshot, "--out", out}, more...)...)
}

// A snapshot counts with enough root keys that this host trusts, and never goes back.
func TestOFF02TrustSnapshot(t *testing.T) {
	t.Parallel()
	d := newDark(t)
	show := func(dir string) outcome { return d.bcctl("", "trust", "snapshot", "show", "--snapshot", dir) }
	first := d.snapshot(1, "root1", "root2")
	d.want(exitNotApproved, "OFF-02", show(d.snapshot(1, "root1")))
	d.want(exitNotApproved, "OFF-02", show(d.snapshot(1, "root1", "root1")))
	d.want(exitNotApproved, "OFF-02", show(d.snapshot(1, "root1", "mallory")))
	d.want(exitOK, "trust snapshot 1", show(first))
	d.want(exitOK, "trust snapshot 2", show(d.snapshot(2, "root1", "root2")))
	d.want(exitNotApproved, "this host has seen 2", show(first))

	forged := d.snapshot(3, "root1", "root2")
	path := filepath.Join(forged, snapshotFile)
	text, err := os.ReadFile(path)
	d.ok(err)
	d.ok(os.WriteFile(path, bytes.Replace(text, []byte(`"version":3`), []byte(`"version":4`), 1), 0o600))
	d.want(exitNotApproved, "OFF-02", show(forged))

	late := d.snapshot(3, "root1", "root2")
	d.later(721 * 3600e9)
	d.want(exitNotApproved, "counts from", show(late))

	delete(d.vars, "BCCTL_OFFLINE_ROOT_KEYS")
	d.want(exitNotApproved, "configure them on this host", show(late))
	d.ok(os.WriteFile(filepath.Join(d.dir, "bcctl.yaml"), []byte(d.files["bcctl.yaml"]+"offline:\n  threshold: 1\n"), 0o600))
	d.want(exitConfig, "is not taken from a repository", show(late))
}

// What approve --offline writes is what ssh-keygen verifies, for approvals alone.
func TestOFF03ApproveOffline(t *testing.T) {
	t.Parallel()
	d := newDark(t)
	trust := d.snapshot(1, "root1", "root2")
	file := filepath.Join(t.TempDir(), "ben.json")
	d.want(exitOK, "approve by ben as it", d.say("ben", "it", trust, file))
	text, err := os.ReadFile(file)
	d.ok(err)
	s, err := approval.DecodeStatement(text)
	d.ok(err)
	if s.Person != "ben" || s.Digest != d.digest() || s.Decision != approval.Approve || s.Snapshot != 1 || s.Incident != "INC-9" {
		t.Errorf("%+v", s)
	}
	public, err := os.ReadFile(d.key("ben") + ".pub")
	d.ok(err)
	signers := filepath.Join(d.keys, "allowed")
	d.ok(os.WriteFile(signers, append([]byte("ben "), public...), 0o600))
	for namespace, good := range map[string]bool{approval.NamespaceApproval: true, "git": false} {
		cmd := exec.CommandContext(t.Context(), "ssh-keygen", "-Y", "verify", "-f", signers, "-I", "ben", "-n", namespace, "-s", file+".sig")
		cmd.Stdin = bytes.NewReader(text)
		if out, err := cmd.CombinedOutput(); (err == nil) != good {
			t.Errorf("%s: %v: %s", namespace, err, out)
		}
	}
	d.want(exitFailed, "is there already", d.say("ben", "it", trust, file))

	veto := filepath.Join(t.TempDir(), "veto.json")
	d.want(exitOK, "veto by cleo", d.say("cleo", "business", trust, veto, "--veto"))

	none := filepath.Join(t.TempDir(), "none.json")
	d.want(exitNotApproved, "ID-04", d.say("ann", "it", trust, none))
	d.want(exitNotApproved, "APP-08", d.say("ben", "business", trust, none))
	d.want(exitNotApproved, "OFF-03", d.say("mallory", "it", trust, none))
	d.want(exitFailed, "at most 4h", d.say("ben", "it", trust, none, "--valid", "5h"))
	d.want(exitFailed, "--incident", d.say("ben", "it", trust, none, "--incident", ""))
	d.want(exitNotApproved, "OFF-02", d.say("ben", "it", d.snapshot(2, "root1"), none))
	d.want(exitNotApproved, "not the digest", d.bcctl("000000000000\n", "approve", d.path, "--offline", "--as", "it", "--key", d.key("ben"), "--incident", "I", "--snapshot", trust, "--out", none))
	d.want(exitFailed, "CONF-08", d.bcctl("", "approve", d.path, "--offline", "--as", "it", "--key", d.key("ben"), "--incident", "I", "--snapshot", trust, "--out", none))

	// Whoever adds a key to their clone has another roster than the roots signed.
	roster := filepath.Join(d.dir, "roster.yaml")
	mine, err := os.ReadFile(d.key("mallory") + ".pub")
	d.ok(err)
	d.ok(os.WriteFile(roster, []byte(strings.Replace(d.files["roster.yaml"], strings.TrimSpace(string(public)), strings.TrimSpace(string(mine)), 1)), 0o600))
	d.want(exitNotApproved, "OFF-02: the roster", d.say("mallory", "it", trust, none))
	if _, err := os.Stat(none); err == nil {
		t.Error("a refused statement was written")
	}
}

// A key of an agent signs with ssh-keygen: the statement is written without a signature.
func TestOFF03PublicKey(t *testing.T) {
	t.Parallel()
	d := newDark(t)
	file := filepath.Join(t.TempDir(), "ben.json")
	d.want(exitOK, "ssh-keygen -Y sign -n bcctl-approval-v1", d.say("ben", "it", d.snapshot(1, "root1", "root2"), file, "--key", d.key("ben")+".pub"))
	if _, err := os.Stat(file + ".sig"); err == nil {
		t.Error("it is signed")
	}
}

// What was signed is counted from the clone alone, without a connection: who has
// counted, who has not and why, what is missing and who may give it.
func TestOFF04ExplainOffline(t *testing.T) {
	t.Parallel()
	d := newDark(t)
	d.vars["BCCTL_GITHUB_API_URL"] = "http://127.0.0.1:1/" // nobody is asked
	trust := d.snapshot(1, "root1", "root2")
	folder := t.TempDir()
	say := func(person, as string, more ...string) {
		t.Helper()
		d.want(exitOK, "by "+person, d.say(person, as, trust, filepath.Join(folder, fmt.Sprintf("%s-%d.json", person, d.Now().Unix())), more...))
		d.later(60e9)
	}
	explain := func(code int, texts ...string) {
		t.Helper()
		out := d.bcctl("", "explain", gateID, "--offline", "--snapshot", trust, "--statements", folder)
		for _, text := range texts {
			d.want(code, text, out)
		}
	}
	d.later(2 * 3600e9) // into the window of the request
	explain(exitNotApproved, "GitHub was not asked", "statements\n  none", "it: open; may be given by ben, dora", "business: open; may be given by cleo", "requester", "author of commit", "Next: ask one of those who may: bcctl approve "+d.path+" --offline")
	say("ben", "it")
	explain(exitNotApproved, "ben  APPROVED", "as it", "it: ben, by statement", "business: open; may be given by cleo")
	say("cleo", "business")
	explain(exitOK, "APPROVED until", "business: cleo", "bcctl execute "+d.path+" --offline")
	if out := d.bcctl("", "explain", gateID, "--offline", "--snapshot", trust, "--statements", folder, "-o", "json"); out.code != exitOK || !strings.Contains(out.stdout, `"allowed": true`) || !strings.Contains(out.stdout, `"mode": "offline-review"`) {
		t.Errorf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	// Who merged wrote nothing: ben may approve what he merged, and ann may not.
	if out := d.bcctl("", "explain", gateID, "--offline", "--snapshot", trust, "--statements", folder); strings.Contains(out.stdout, "root: ") {
		t.Errorf("a merge counts as authorship:\n%s", out.stdout)
	}

	say("cleo", "business", "--veto")
	explain(exitNotApproved, "APP-02", "cleo objects")
	say("cleo", "business")
	explain(exitOK, "APPROVED until", "a later statement of the same person decides")

	// Elsewhere than where it may run, somebody looks all the same, and is told.
	d.vars["BCCTL_OFFLINE_HOST"] = "laptop"
	explain(exitOK, "it cannot run here: the policy names dr-host")
	d.vars["BCCTL_OFFLINE_HOST"] = "dr-host"

	d.later(3600e9)
	explain(exitNotApproved, "OFF-03", "it no longer counts")
	d.want(exitFailed, "--offline needs the trust snapshot", d.bcctl("", "explain", gateID, "--offline"))
	d.want(exitFailed, "are for --offline", d.bcctl("", "explain", gateID, "--snapshot", trust))
	d.want(exitFailed, "GitHub alone knows pull requests", d.bcctl("", "explain", "#1", "--offline", "--snapshot", trust))
	// A snapshot that too few root keys signed counts for nothing.
	d.want(exitNotApproved, "OFF-02", d.bcctl("", "explain", gateID, "--offline", "--snapshot", d.snapshot(1, "root1"), "--statements", folder))
	d.want(exitConfig, "is its medium mounted", func() outcome {
		d.vars["BCCTL_OFFLINE_DIR"] = filepath.Join(folder, "none")
		return d.bcctl("", "explain", gateID, "--offline", "--snapshot", trust)
	}())
}

// A clone whose checkout leaves out what it fetched is not main: a request that was
// taken back there does not come to life again (PR-04).
func TestPR04OfflineRevertIsNotPassedOver(t *testing.T) {
	t.Parallel()
	d := newDark(t)
	trust := d.snapshot(1, "root1", "root2")
	explain := func() outcome {
		return d.bcctl("", "explain", gateID, "--offline", "--snapshot", trust)
	}
	d.want(exitNotApproved, "ID-06", explain())
	if out := explain(); strings.Contains(out.stdout, "PR-04") {
		t.Errorf("%s", out.stdout)
	}
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-C", d.dir, "-c", "user.name=x", "-c", "user.email=x@localhost"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	git("rm", "--quiet", d.path)
	git("commit", "--quiet", "-m", "Withdraw")
	git("update-ref", "refs/remotes/origin/main", "HEAD")
	git("reset", "--quiet", "--hard", "HEAD~1")
	d.want(exitNotApproved, "PR-04", explain())
}
