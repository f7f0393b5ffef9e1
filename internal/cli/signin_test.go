//go:build unix

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bcctl/bcctl/internal/lab/github"
)

// app lets git reach the remote over the network only, which needs a login, and has a
// GitHub App that may write there.
func (s *stage) app() (withKey func(bool)) {
	s.t.Helper()
	app := s.AddApp("bcctl", github.Permissions{"contents": "write", "pull_requests": "write", "issues": "write", "actions": "read", "administration": "read", "members": "read"})
	s.git("remote", "set-url", "origin", s.GitURL())
	return func(there bool) {
		for name, value := range map[string]string{"BCCTL_GITHUB_APP_ID": fmt.Sprint(app.ID), "BCCTL_GITHUB_INSTALLATION_ID": fmt.Sprint(app.Installation), "BCCTL_GITHUB_APP_KEY": "env:APP_KEY", "APP_KEY": string(app.Key)} {
			s.vars[name] = value
		}
		if !there {
			delete(s.vars, "APP_KEY")
		}
	}
}

// Whatever writes to the audit log or the ledger writes as the App, where the checkout has
// no credential. Where the App's key is not there, that is said, and the checkout's counts.
func TestLOCK06RecordsAreWrittenAsTheApp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	withKey := s.app()
	run := func(code int, args []string, texts ...string) {
		t.Helper()
		out := s.bcctl("root", "", append(args, "--no-color")...)
		all := out.stdout + out.stderr
		if out.code != code {
			t.Fatalf("%v: code %d, want %d\n%s", args, out.code, code, all)
		}
		if strings.Contains(all, "ghs_") || strings.Contains(all, "Authorization") {
			t.Errorf("%v: the login is in the output", args)
		}
		for _, text := range texts {
			if !strings.Contains(all, text) {
				t.Errorf("%v does not say %q:\n%s", args, text, all)
			}
		}
	}
	record := []string{"check", "--record-verdict", "-v", "--target-timeout", "1s", "-o", "name"}
	// Without a login nothing is written: the remote is not a folder any more.
	run(exitFailed, []string{"audit", "seal"})
	withKey(false)
	run(exitFailed, []string{"audit", "seal"}, "with the credential of this checkout")
	withKey(true)
	run(exitOK, []string{"audit", "seal"}, "sealed")
	if out := s.bcctl("root", "", record...); !strings.Contains(out.stderr, "audit: recorded") {
		t.Fatalf("code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	run(exitOK, []string{"audit", "recover"}, "0 segments brought")
	run(exitOK, []string{"review"}, "no review of break-glass is open")
	// GitHub away: what was signed waits on this machine, and is brought as the App.
	api := s.URL()
	s.vars["BCCTL_GITHUB_API_URL"] = "http://127.0.0.1:1/"
	s.later(25 * time.Hour)
	run(exitNoAnswer, append(record, "--timeout", "30s"), "kept on this machine", "bcctl audit recover")
	s.vars["BCCTL_GITHUB_API_URL"] = api
	run(exitOK, []string{"audit", "recover"}, "1 segment brought")
	// Another log begins on that remote.
	keys := filepath.Join(t.TempDir(), "keys")
	run(exitOK, []string{"audit", "keygen", "--origin", "example.com/acme/other", "--out", keys})
	for name, file := range map[string]string{"DR_AUDIT_KEY": "writer.pem", "DR_AUDIT_LOG_KEY": "log.key"} {
		data, err := os.ReadFile(filepath.Join(keys, file))
		s.ok(err)
		s.vars[name] = strings.TrimSpace(string(data))
	}
	s.vars["BCCTL_AUDIT_ORIGIN"], s.vars["BCCTL_AUDIT_REF"] = "example.com/acme/other", "refs/heads/bcctl-audit-other"
	run(exitOK, []string{"audit", "init", "--trust", filepath.Join(keys, "trust.json")}, "has begun")
	if s.Head("bcctl-audit-other") == "" {
		t.Error("the remote has no branch of it")
	}
}

// So does who brings a run without GitHub to it.
func TestLOCK06ReconcileSignsInAsTheApp(t *testing.T) {
	t.Parallel()
	o := newDarkRun(t)
	o.up()
	withKey := o.app()
	o.reconcile(exitNoAnswer, "", nil)
	withKey(true)
	o.reconcile(exitOK, "", nil, "settled: nothing on GitHub contradicts it")
	o.verified()
}
