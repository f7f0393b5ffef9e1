package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestNoTraces runs the real program with a home of its own: linking the drivers
// must leave nothing there and reach nobody, since what happens before main
// happens in every process (docs/adr/0014).
func TestNoTraces(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "bcctl")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "minicore_disabled", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"version"}, {"help"}, {"explain", "platform/snowflake"}, {"help", "exit-codes"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			out, _ := run(t, home, binary, args...)
			if args[0] == "version" && !strings.HasPrefix(out, "bcctl ") {
				t.Errorf("it says %q", out)
			}
			untouched(t, home)
		})
	}
	t.Run("check", func(t *testing.T) {
		t.Parallel()
		home, repository := t.TempDir(), t.TempDir()
		for name, text := range fleet {
			path := filepath.Join(repository, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, _ := run(t, home, binary, "check", "-C", repository, "--store", "none", "--target-timeout", "2s", "-o", "json")
		if !strings.Contains(out, "VIS_") {
			t.Errorf("it judged nothing: %s", out)
		}
		untouched(t, home)
	})
	t.Run("system calls", func(t *testing.T) {
		t.Parallel()
		strace, err := exec.LookPath("strace")
		if err != nil {
			if strings.Contains(os.Getenv("BCCTL_TEST_REQUIRE"), "tools") {
				t.Fatal("strace is not installed, and BCCTL_TEST_REQUIRE says that it must be")
			}
			t.Skip("strace is not installed")
		}
		home := t.TempDir()
		log := filepath.Join(t.TempDir(), "calls")
		if out, err := run(t, home, strace, "-f", "-e", "trace=connect,openat,open,creat,mkdir,mkdirat", "-o", log, binary, "version"); err != nil {
			t.Skipf("strace does not work here: %v\n%s", err, out)
		}
		calls, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(calls), "exited with 0") {
			t.Fatalf("what was traced is not the program:\n%s", calls)
		}
		for line := range strings.Lines(string(calls)) {
			if touching.MatchString(line) {
				t.Errorf("%s", line)
			}
		}
	})
}

// touching is a call that makes something or connects.
var touching = regexp.MustCompile(`connect\(|creat\(|mkdir|O_CREAT|O_WRONLY|O_RDWR`)

// fleet is a repository with a resource of two platforms, at addresses where
// nobody listens.
var fleet = map[string]string{
	"bcctl.yaml": "repository: traces\n",
	"sites.yaml": `apiVersion: bcctl/v1
kind: SiteList
metadata:
  name: sites
spec:
  sites:
    - name: fra
    - name: ams
`,
	"resources/warehouse.yaml": `apiVersion: bcctl/v1
kind: Resource
metadata:
  name: warehouse
spec:
  platform: snowflake
  tier: 2
  environment: test
  owner: somebody
  home: {primary: fra, dr: ams}
  endpoints:
    - {name: a, site: fra, address: "127.0.0.1:1", options: {account: A}}
    - {name: b, site: ams, address: "127.0.0.1:2", options: {account: B}}
  identity: {failoverGroup: FG}
  credentials:
    monitor: {username: u, password: env:TRACES_PASSWORD}
`,
	"resources/ledger.yaml": `apiVersion: bcctl/v1
kind: Resource
metadata:
  name: ledger
spec:
  platform: postgresql
  tier: 2
  environment: test
  owner: somebody
  home: {primary: fra, dr: ams}
  endpoints:
    - {name: a, site: fra, address: "127.0.0.1:1"}
    - {name: b, site: ams, address: "127.0.0.1:2"}
  credentials:
    monitor: {username: u, password: env:TRACES_PASSWORD}
`,
}

func run(t *testing.T, home, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "USERPROFILE=" + home, "XDG_CACHE_HOME=" + home, "XDG_CACHE_DIR=" + home, "XDG_CONFIG_HOME=" + home,
		"XDG_STATE_HOME=" + home, "XDG_DATA_HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH"), "TRACES_PASSWORD=canary-1"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %v: %v", program, args, err)
	}
	return string(out), err
}

func untouched(t *testing.T, home string) {
	t.Helper()
	err := filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != home {
			t.Errorf("%s was made", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
