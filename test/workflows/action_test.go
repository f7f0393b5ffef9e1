package workflows

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const program = "#!/bin/sh\nprintf '<%s>' \"$@\"; echo \" github=$BCCTL_GITHUB\"\n"

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "bcctl", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(program)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// script runs a script of the action as GitHub's runner would.
func script(t *testing.T, name string, env ...string) (out string, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join("..", "..", "action", name))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	data, err := cmd.CombinedOutput()
	return string(data), err == nil
}

func TestActionRunsOnlyWhatHasItsDigest(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl", "tar", "awk"} {
		if _, err := exec.LookPath(program); err != nil {
			if strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "tools") {
				t.Fatalf("%s is not installed, and BCCTL_TEST_REQUIRE says that it must be", program)
			}
			t.Skipf("%s is not installed", program)
		}
	}
	good := archive(t)
	served := good
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1.2.3/bcctl_1.2.3_linux_amd64.tar.gz" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(served)
	}))
	defer server.Close()
	sum := sha256.Sum256(good)
	digest := hex.EncodeToString(sum[:])
	dir := t.TempDir()
	environment, path := filepath.Join(dir, "env"), filepath.Join(dir, "path")
	base := []string{"RUNNER_OS=Linux", "RUNNER_ARCH=X64", "RUNNER_TEMP=" + dir, "GITHUB_PATH=" + path, "GITHUB_ENV=" + environment, "BCCTL_DOWNLOAD=" + server.URL}
	with := func(more ...string) []string { return append(append([]string(nil), base...), more...) }
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"no release":             {with(), "belongs to no release"},
		"unknown release":        {with("INPUT_VERSION=1.2.3"), "no SHA-256 is known for bcctl 1.2.3"},
		"a version with a slash": {with("INPUT_VERSION=../../1.2.3", "INPUT_SHA256="+digest), "is not one like"},
		"another digest":         {with("INPUT_VERSION=1.2.3", "INPUT_SHA256="+strings.Repeat("0", 64)), "it is not what was released"},
		"not there":              {with("INPUT_VERSION=1.2.4", "INPUT_SHA256="+digest), "could not be downloaded"},
		"another system":         {with("INPUT_VERSION=1.2.3", "INPUT_SHA256="+digest, "RUNNER_OS=Windows"), "no bcctl for runner.os"},
	} {
		if out, ok := script(t, "install.sh", c.env...); ok || !strings.Contains(out, c.want) || !strings.Contains(out, "::error ") {
			t.Errorf("%s: %v %s", name, ok, out)
		}
	}
	if _, err := os.Stat(environment); err == nil {
		t.Fatal("a refused archive was installed")
	}
	if out, ok := script(t, "install.sh", with("INPUT_VERSION=v1.2.3", "INPUT_SHA256="+digest)...); !ok {
		t.Fatal(out)
	}
	binary := filepath.Join(dir, "bcctl-1.2.3", "bcctl")
	if data, err := os.ReadFile(environment); err != nil || string(data) != "BCCTL_ACTION_BINARY="+binary+"\n" {
		t.Fatalf("the environment is %q, %v", data, err)
	}
	// WF-02: what an input says is an argument, whatever it looks like.
	out, ok := script(t, "run.sh", "BCCTL_ACTION_BINARY="+binary, "INPUT_COMMAND=check", "INPUT_REPO=a b", "INPUT_ARGS=$(touch x)\n--selector\ntier=1, site in (fra)\n", "INPUT_SUMMARY=false")
	if want := "<-C><a b><check><$(touch x)><--selector><tier=1, site in (fra)> github=off\n"; !ok || out != want {
		t.Errorf("ran %q, want %q", out, want)
	}
}

// The composite action hands inputs over by environment, never inside a script.
func TestWF02ActionHasNoExpressionInItsScripts(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	for line := range strings.Lines(string(data)) {
		if text, found := strings.CutPrefix(strings.TrimSpace(line), "run:"); found {
			runs++
			if strings.Contains(text, "${{") {
				t.Errorf("expression in %s", line)
			}
		}
	}
	if runs != 2 {
		t.Errorf("%d scripts, expected 2", runs)
	}
}
