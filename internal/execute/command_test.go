//go:build unix

package execute

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bcctl/bcctl/pkg/config/secretref"
	"github.com/bcctl/bcctl/pkg/connectors"
	"github.com/bcctl/bcctl/pkg/runbook"
)

// program makes a program of a text for the shell, and allows it. The program itself
// is the shell: a file that was just written cannot be run while another process that
// is being forked still has it open.
func program(t *testing.T, text string) (func(args ...string) []string, Commands) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []string { return append([]string{"/bin/sh", path}, args...) }
	return run, Commands{Allow: []string{"/bin/sh"}, Path: os.Getenv("PATH"), Home: "/nonexistent"}
}

func TestCommandExitCodes(t *testing.T) {
	t.Parallel()
	run, c := program(t, `exit "$1"`)
	for code, want := range map[string][2]connectors.OutcomeState{
		"0": {connectors.Done, connectors.Done},
		"3": {connectors.NotDone, connectors.NotDone},
		"4": {connectors.InDoubt, connectors.InDoubt},
		"1": {connectors.InDoubt, connectors.InDoubt},
	} {
		command := runbook.Command{Run: run(code)}
		if out := c.do(t.Context(), nil, command); out.State != want[0] {
			t.Errorf("a step that ends with %s is %s", code, out.State)
		}
		if out := c.ask(t.Context(), nil, command); out.State != want[1] {
			t.Errorf("a probe that ends with %s is %s", code, out.State)
		}
	}
	if out := c.do(t.Context(), nil, runbook.Command{Run: run("7"), ExitCodes: []int{7}}); out.State != connectors.Done {
		t.Errorf("the code that the runbook names is %s", out.State)
	}
}

// A program runs only if the operator's own settings name exactly it.
func TestCommandMustBeAllowed(t *testing.T) {
	t.Parallel()
	run, c := program(t, "exit 0")
	for _, other := range [][]string{nil, {"sh"}, {"/bin/true"}, {"/bin/../bin/sh"}, {"/bin/sh "}} {
		if out := c.do(t.Context(), nil, runbook.Command{Run: other}); out.State != connectors.Failed {
			t.Errorf("%q ran: %s %s", other, out.State, out.Message)
		}
	}
	if out := (Commands{}).do(t.Context(), nil, runbook.Command{Run: run()}); out.State != connectors.Failed || !strings.Contains(out.Message, "commands.allow") {
		t.Errorf("without a list: %s %s", out.State, out.Message)
	}
}

// No shell reads the arguments, and the program sees nothing of this process's
// environment.
func TestSI05CommandEnvironment(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "canary-token")
	run, c := program(t, `env >"$1"; echo "$2" >>"$1"`)
	file := filepath.Join(t.TempDir(), "env")
	out := c.do(t.Context(), vaultOf{"env:PASSWORD": "canary-secret"}, runbook.Command{
		Run: run(file, "$(id); `id` && x"), Env: map[string]string{"SIDE": "new"}, SecretEnv: map[string]secretref.Ref{"PGPASSWORD": "env:PASSWORD"}})
	if out.State != connectors.Done {
		t.Fatalf("%+v", out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if strings.Contains(text, "canary-token") || !strings.Contains(text, "SIDE=new") || !strings.Contains(text, "PGPASSWORD=canary-secret") || !strings.Contains(text, "$(id); `id` && x\n") {
		t.Errorf("the program got\n%s", text)
	}
	if out := c.do(t.Context(), vaultOf{}, runbook.Command{Run: run(file), SecretEnv: map[string]secretref.Ref{"A": "env:NONE"}}); out.State != connectors.Failed {
		t.Errorf("without its secret it ran: %s", out.State)
	}
}

// A secret that a program repeats does not get any further.
func TestSI05CommandRepeatsASecret(t *testing.T) {
	t.Parallel()
	run, c := program(t, `echo "{\"dsn\":\"user:$PW@host\"}"; echo "login $PW refused" >&2; exit "$1"`)
	for _, code := range []string{"0", "1"} {
		out := c.do(t.Context(), vaultOf{"env:PASSWORD": "canary-secret"}, runbook.Command{Run: run(code), SecretEnv: map[string]secretref.Ref{"PW": "env:PASSWORD"}})
		if strings.Contains(out.Message+out.Facts["dsn"], "canary") || code == "0" && out.Facts["dsn"] != "user:***@host" {
			t.Errorf("%+v", out)
		}
	}
}

func TestCommandFacts(t *testing.T) {
	t.Parallel()
	run, c := program(t, `cat "$1"`)
	for name, tt := range map[string]struct {
		text string
		want string
	}{
		"an object":        {`{"checkpoint": "0/3000060"}`, "0/3000060"},
		"nothing":          {"", ""},
		"a list":           {`["0/3000060"]`, ""},
		"numbers":          {`{"checkpoint": 3}`, ""},
		"two objects":      {`{"checkpoint": "a"}{}`, ""},
		"text":             {"stopped", ""},
		"more than 64 KiB": {`{"checkpoint": "` + strings.Repeat("x", maxOutput) + `"}`, ""},
	} {
		file := filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := c.do(t.Context(), nil, runbook.Command{Run: run(file)})
		if out.State != connectors.Done || out.Facts["checkpoint"] != tt.want || (tt.want == "" && tt.text != "") != (out.Message != "") {
			t.Errorf("%s: %.80v", name, out)
		}
	}
}

// At the deadline the program and everything it started are killed, and the effect is
// in doubt.
func TestSI34CommandDeadlineKillsTheGroup(t *testing.T) {
	t.Parallel()
	run, c := program(t, `sleep 300 & echo $! >"$1"; wait`)
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan connectors.Outcome, 1)
	go func() { ended <- c.do(ctx, nil, runbook.Command{Run: run(file)}) }()
	pid := 0
	for range 1000 {
		if data, err := os.ReadFile(file); err == nil {
			if pid, err = strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
				break
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	if pid == 0 {
		t.Fatal("the program did not start its child")
	}
	cancel()
	if out := <-ended; out.State != connectors.InDoubt {
		t.Errorf("%+v", out)
	}
	alive := true
	for range 1000 {
		if alive = !gone(pid); !alive {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if alive {
		t.Error("the child still runs")
	}
}

// gone reports whether a process has ended; one that nobody has waited for yet has.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(data), ") Z ")
}
