//go:build unix

package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bcctl/bcctl/internal/ledger"
	"github.com/bcctl/bcctl/internal/ledger/dirstore"
	"github.com/bcctl/bcctl/pkg/approval"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// outage is a stage on which GitHub does not answer: people have keys on the roster, a
// trust snapshot is signed, and the clone was fetched before.
type outage struct {
	*stage
	signing map[string]string // private keys
	trust   string            // folder of the snapshot
	said    string            // folder of statements
	api     string            // GitHub's address, for when it is back
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	o := &outage{signing: map[string]string{}, trust: t.TempDir(), said: t.TempDir()}
	public := map[string]string{}
	for _, name := range []string{"cleo", "root1", "root2"} {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		o.signing[name], public[name] = string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	}
	o.stage = newStage(t, func(g *gate) {
		g.files["policies/approvals.yaml"] = strings.Replace(gatePolicy, "{role: business}]}", "{role: business}], offline: true}", 1) + "  offline: {hosts: [dr-host]}\n"
		g.files["roster.yaml"] = strings.Replace(g.files["roster.yaml"], "{id: cleo,", fmt.Sprintf("{id: cleo, sshKeys: [{key: %q}],", public["cleo"]), 1)
	})
	ben, err := os.ReadFile(o.keys["ben"])
	o.ok(err)
	o.signing["ben"] = string(ben)
	o.git("fetch", "--quiet", "origin")
	roots := make([]string, 0, 2)
	for _, name := range []string{"root1", "root2"} {
		fp, _, err := approval.KeyFingerprint([]byte(public[name]))
		o.ok(err)
		roots = append(roots, fp)
	}
	o.vars["BCCTL_OFFLINE_ROOT_KEYS"], o.vars["BCCTL_OFFLINE_THRESHOLD"], o.vars["BCCTL_OFFLINE_HOST"] = strings.Join(roots, ","), "2", "dr-host"
	o.vars["BCCTL_OFFLINE_DIR"] = t.TempDir()
	o.snapshot(1)
	o.api = o.URL()
	o.down()
	return o
}

// snapshot signs a trust snapshot of what the clone holds.
func (o *outage) snapshot(version int64) {
	o.t.Helper()
	file := func(path string) approval.SnapshotFile {
		data, err := os.ReadFile(filepath.Join(o.dir, path))
		o.ok(err)
		return approval.SnapshotFile{Path: path, SHA256: runbook.FileDigest(data)}
	}
	text, err := approval.EncodeSnapshot(approval.Snapshot{
		Schema: approval.SnapshotSchema, Repository: o.RepoID(), Version: version, Issued: o.Now().UTC().Truncate(time.Second), Expires: o.Now().UTC().Truncate(time.Second).Add(240 * time.Hour),
		Roster: file("roster.yaml"), Policies: []approval.SnapshotFile{file("policies/approvals.yaml")},
	})
	o.ok(err)
	o.ok(os.WriteFile(filepath.Join(o.trust, snapshotFile), text, 0o600))
	for _, name := range []string{"root1", "root2"} {
		sig, _, err := approval.SignSSH(text, []byte(o.signing[name]), approval.NamespaceTrust)
		o.ok(err)
		o.ok(os.WriteFile(filepath.Join(o.trust, name+".sig"), sig, 0o600))
	}
}

// down takes GitHub away: its interface, and the remote of the clone.
func (o *outage) down() {
	o.t.Helper()
	o.vars["BCCTL_GITHUB_API_URL"] = "http://127.0.0.1:1/"
	o.git("remote", "set-url", "origin", filepath.Join(o.dir, "gone"))
}

// up brings it back.
func (o *outage) up() {
	o.t.Helper()
	o.vars["BCCTL_GITHUB_API_URL"] = o.api
	o.git("remote", "set-url", "origin", o.GitDir())
}

// sign hands over a statement of a person.
func (o *outage) sign(person string, as approval.SlotRole, change ...func(*approval.Statement)) {
	o.t.Helper()
	var nonce [16]byte
	_, err := rand.Read(nonce[:])
	o.ok(err)
	now := o.Now().UTC().Truncate(time.Second)
	s := approval.Statement{Schema: approval.StatementSchema, Repository: o.RepoID(), Digest: o.digest, Action: runbook.Switchover, Target: "ledger", Role: as, Person: person,
		Decision: approval.Approve, Issued: now, Expires: now.Add(time.Hour), Incident: "INC-9", Nonce: hex.EncodeToString(nonce[:]), Snapshot: 1}
	for _, c := range change {
		c(&s)
	}
	text, err := approval.EncodeStatement(s)
	o.ok(err)
	sig, _, err := approval.SignSSH(text, []byte(o.signing[person]), approval.NamespaceApproval)
	o.ok(err)
	name := filepath.Join(o.said, s.Nonce+".json")
	o.ok(os.WriteFile(name, text, 0o600))
	o.ok(os.WriteFile(name+".sig", sig, 0o600))
	o.later(time.Minute)
}

// run runs execute --offline and expects a code, and texts in what it says.
func (o *outage) run(code int, typed string, texts ...string) outcome {
	o.t.Helper()
	return o.expect(code, typed, []string{"execute", o.id, "--offline", "--snapshot", o.trust, "--statements", o.said, "--no-color"}, texts...)
}

func (o *outage) expect(code int, typed string, args []string, texts ...string) outcome {
	o.t.Helper()
	out := o.bcctl("root", typed, args...)
	all := out.stdout + out.stderr
	if out.code != code {
		o.t.Fatalf("%v: code %d, want %d\n%s", args[:2], out.code, code, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			o.t.Errorf("%v does not say %q:\n%s", args[:2], text, all)
		}
	}
	return out
}

func (o *outage) untouched() {
	o.t.Helper()
	if o.holds("fence") || o.holds("promote") {
		o.t.Error("something was done")
	}
}

func (o *outage) host() dirstore.Store {
	return hostLedger(filepath.Join(o.vars["BCCTL_OFFLINE_DIR"], fmt.Sprint(o.RepoID())))
}

// When GitHub does not answer, the ordinary command says so, names the way out, and
// goes no other way by itself (API-04). Then two people sign, a person types, and the
// run goes through; nothing asks GitHub for anything but whether it answers.
func TestOFF01ExecuteOffline(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.expect(exitNoAnswer, o.line("execute", 1), []string{"execute", o.id, "--no-color"}, "GitHub unavailable", "bcctl execute "+o.id+" --offline --snapshot DIR --statements DIR")
	o.untouched()
	o.run(exitNotApproved, o.line("execute", 1), "nobody who may has approved as it", "bcctl explain "+o.id+" --offline --snapshot "+o.trust)
	o.sign("ben", approval.SlotIT)
	o.run(exitNotApproved, o.line("execute", 1), "nobody who may has approved as business")
	o.sign("cleo", approval.SlotBusiness)
	o.run(exitNotApproved, strings.Replace(o.line("execute", 1), "ledger@ams", "ledger@fra", 1), "nothing was started") // CONF-02
	o.untouched()
	asked := len(o.Requests())
	o.run(exitOK, o.line("execute", 1), "approved      it by ben", "approved      business by cleo", "SUCCEEDED", "PROTECTION_NOT_RESTORED", "bcctl reconcile")
	for _, name := range []string{"fence", "promote", "repoint"} {
		if !o.holds(name) {
			t.Errorf("%s was not done", name)
		}
	}
	if n := len(o.Requests()); n != asked {
		t.Errorf("GitHub was asked %d times", n-asked)
	}
	records, err := o.host().All(t.Context())
	o.ok(err)
	kinds := map[ledger.Kind]int{}
	for _, r := range records {
		kinds[r.Kind]++
	}
	if kinds[ledger.Claimed] != 1 || kinds[ledger.Offline] != 1 || kinds[ledger.Finished] != 1 || kinds[ledger.Seen] != 1 {
		t.Errorf("the ledger of the host has %v", kinds)
	}
	if segments, err := filepath.Glob(filepath.Join(o.vars["BCCTL_OFFLINE_DIR"], "*", "audit", "*.json")); err != nil || len(segments) == 0 {
		t.Errorf("no record on the other medium: %v", err)
	}
	o.run(exitNotApproved, o.line("execute", 2), "never runs again") // RUN-02
}

// Each thing that must hold, broken alone, keeps everything as it is; when all hold, the
// same command runs.
func TestOFF05WhatKeepsARunFromStarting(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	attempt := 1
	set := func(name, value string) func() {
		before := o.vars[name]
		o.vars[name] = value
		return func() { o.vars[name] = before }
	}
	add := func(r ledger.Record) { o.ok(o.host().Add(t.Context(), r)) }
	for _, c := range []struct {
		name string
		code int
		says string
		fail func() (mend func())
	}{
		{"OFF-01 GitHub answers", exitNotApproved, "OFF-01", func() func() { return set("BCCTL_GITHUB_API_URL", o.api) }},
		{"OFF-01 another host", exitNotApproved, "OFF-01", func() func() { return set("BCCTL_OFFLINE_HOST", "laptop") }},
		{"OFF-02 this host has seen a newer snapshot", exitNotApproved, "OFF-02", func() func() {
			seen := filepath.Join(o.vars["HOME"], ".local", "state", "bcctl", fmt.Sprintf("trust-snapshot-%d", o.RepoID()))
			o.ok(os.WriteFile(seen, []byte("2\n"), 0o600))
			return func() { o.ok(os.Remove(seen)) }
		}},
		{"OFF-04 somebody objects", exitNotApproved, "APP-02", func() func() {
			o.sign("cleo", approval.SlotBusiness, func(s *approval.Statement) { s.Decision = approval.Veto })
			return func() { o.sign("cleo", approval.SlotBusiness) }
		}},
		{"OFF-05 another run without GitHub is under way on this host", exitLocked, "OFF-05", func() func() {
			release, err := o.host().Hold()
			o.ok(err)
			return func() { o.ok(release()) }
		}},
		{"OFF-05 another run holds the resource", exitLocked, "locked by another run", func() func() {
			locks := &ledger.Locks{Cells: o.host(), Now: o.Now}
			held, err := locks.Take(t.Context(), []string{"resource/ledger"}, ledger.Holder{Request: "other", Digest: "sha256:x", Run: "other", Person: "ben", Host: "h", Attempt: 1})
			o.ok(err)
			return func() { o.ok(locks.Release(t.Context(), held)) }
		}},
		{"OFF-05 the other side writes already, as the precheck finds", exitRefused, "it does not fit", func() func() {
			o.put("unfit")
			return func() { o.ok(os.Remove(filepath.Join(o.world, "unfit"))); attempt++ }
		}},
		{"OFF-06 another run on the resource waits to be reconciled", exitNotApproved, "OFF-06", func() func() {
			add(ledger.Record{Kind: ledger.Offline, Request: "other", Run: "other", Keys: []string{"resource/ledger"}, At: o.Now()})
			return func() { add(ledger.Record{Kind: ledger.Settled, Request: "other", Run: "other", At: o.Now()}) }
		}},
		{"SI-1 the record would be on the medium of the journal", exitConfig, "SI-1", func() func() { o.same = true; return func() { o.same = false } }},
		{"OFF-05 there is no folder for it", exitConfig, "offline.dir is not set", func() func() { return set("BCCTL_OFFLINE_DIR", "") }},
		{"OFF-05 its medium is not mounted", exitConfig, "is its medium mounted", func() func() { return set("BCCTL_OFFLINE_DIR", filepath.Join(o.world, "none")) }},
		{"BIND-01 the clone has a file that is in no commit", exitNotApproved, "BIND-01", func() func() {
			file := filepath.Join(o.dir, "note.yaml.txt")
			o.ok(os.WriteFile(file, nil, 0o600))
			return func() { o.ok(os.Remove(file)) }
		}},
		{"RUN-03 the shared ledger had a withdrawal when it was fetched", exitNotApproved, "RUN-03", func() func() {
			add(ledger.Record{Kind: ledger.Withdrawn, Request: o.id, At: o.Now()})
			return func() {
				o.ok(os.Remove(filepath.Join(o.host().Dir, "records", "withdrawn", o.id+".json")))
			}
		}},
	} {
		mend := c.fail()
		t.Log(c.name)
		o.run(c.code, o.line("execute", attempt), c.says)
		o.untouched()
		mend()
		o.later(time.Minute)
	}
	o.run(exitFailed, "", "CONF-08")
	o.expect(exitFailed, o.line("execute", attempt), []string{"execute", o.id, "--offline"}, "needs the trust snapshot")
	o.untouched()
	o.run(exitOK, o.line("execute", attempt), "SUCCEEDED")
}

// A run that stopped after the point of no return goes on with the same command, with
// statements that still count, also when GitHub is back: half a failover is worse. A run
// that began with GitHub does not change sides that way.
func TestOFF01StoppedRunGoesOn(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	o.put("break-repoint")
	o.ok(os.WriteFile(filepath.Join(o.world, "hook.sh"), []byte(brokenHook), 0o600))
	o.run(exitStopped, o.line("execute", 1), "stopped part way", "hint: bcctl execute "+o.id+" --offline --snapshot "+o.trust+" --statements "+o.said)
	if !o.holds("promote") || o.holds("repoint") {
		t.Fatal("it is not where it should have stopped")
	}
	o.ok(os.Remove(filepath.Join(o.world, "break-repoint")))
	o.later(2 * time.Hour)
	o.run(exitNotApproved, o.line("resume", 2), "nobody who may has approved") // the statements are over
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	o.run(exitNotApproved, o.line("execute", 2)) // it is a resume, and must be typed as one
	o.up()
	o.expect(exitNotApproved, o.line("resume", 2), []string{"execute", fmt.Sprintf("#%d", o.pull), "--no-color"}, "OFF-06") // and not with GitHub, which knows nothing of it
	o.run(exitOK, o.line("resume", 2), "goes on, attempt 2", "SUCCEEDED")
}

// What began with GitHub and stopped may go on without it while it does not answer, and
// not for convenience when it does. The numbers of locks go on growing.
func TestOFF01RunThatBeganWithGitHub(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.up()
	o.put("break-repoint")
	o.ok(os.WriteFile(filepath.Join(o.world, "hook.sh"), []byte(brokenHook), 0o600))
	o.stage.want(exitStopped, o.line("execute", 1), "stopped part way")
	o.ok(os.Remove(filepath.Join(o.world, "break-repoint")))
	o.sign("ben", approval.SlotIT)
	o.sign("cleo", approval.SlotBusiness)
	o.run(exitNotApproved, o.line("resume", 2), "OFF-01")
	o.down()
	o.run(exitOK, o.line("resume", 2), "goes on, attempt 2", "SUCCEEDED")
}

// brokenHook does a step only where nothing breaks it.
var brokenHook = strings.Replace(hook, `echo "$BCCTL_RUN_NOTE" >>"$2/$3"; [ ! -e "$2/break-$3" ] || exit 9`, `[ ! -e "$2/break-$3" ] || exit 9; echo >>"$2/$3"`, 1)
