package hosted

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/internal/lab/github"
)

// hostVariable makes this test's program a host instead.
const hostVariable = "BCCTL_TEST_GITHUB_HOST"

func TestMain(m *testing.M) {
	if dir := os.Getenv(hostVariable); dir != "" {
		err := Host(context.Background(), dir, func(string) {}, func() error {
			_, err := fmt.Println("ready")
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func host(t *testing.T) func(string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return func(dir string) *exec.Cmd {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), hostVariable+"="+dir)
		return cmd
	}
}

func get(t *testing.T, a Access, login, path string) string {
	t.Helper()
	token, err := os.ReadFile(a.Tokens[login])
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "token "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The state is there again after a stop, at the same address and with the same
// tokens; and no file but theirs tells a secret.
func TestT02_HostedServerGoesOnAfterAStop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab-github")
	from := t.TempDir()
	if err := os.WriteFile(filepath.Join(from, "sites.yaml"), []byte("kind: SiteList\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, From: from, People: []github.Person{{Login: "alice", ID: 583231, Role: "admin"}, {Login: "bob"}}, Host: host(t)}
	first, err := Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Down(context.Background(), dir); err != nil && !errors.Is(err, ErrNone) {
			t.Error(err)
		}
	})
	if got := get(t, first, "alice", "/user"); !strings.Contains(got, `"id":583231`) {
		t.Errorf("alice is %s", got)
	}
	if got := get(t, first, "bob", "/repos/acme/recovery/contents/sites.yaml"); !strings.Contains(got, `"path":"sites.yaml"`) {
		t.Errorf("contents %s", got)
	}
	if _, err := Up(t.Context(), o); err == nil {
		t.Error("a second server was started in the same folder")
	}
	main := get(t, first, "bob", "/repos/acme/recovery/git/ref/heads/main")
	if err := ask(t.Context(), dir, first, http.MethodDelete); err != nil {
		t.Fatal(err)
	}
	for range 5000 {
		if _, err = Open(t.Context(), dir); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrStopped) {
		t.Fatalf("after the stop: %v", err)
	}
	again, err := Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if again.URL != first.URL || get(t, again, "bob", "/repos/acme/recovery/git/ref/heads/main") != main {
		t.Errorf("went on at %s, was at %s", again.URL, first.URL)
	}
	leaks(t, dir, again)
	if err := Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func leaks(t *testing.T, dir string, a Access) {
	t.Helper()
	token, err := os.ReadFile(a.Tokens["alice"])
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if path != a.Tokens["alice"] && strings.Contains(string(data), strings.TrimSpace(string(token))) {
			t.Errorf("%s holds alice's token", path)
		}
		if info, err := e.Info(); err == nil && strings.Contains(path, "tokens") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
