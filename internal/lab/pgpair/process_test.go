package pgpair

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func TestDescendants(t *testing.T) {
	const dir, other = "/lab/a/data", "/lab/b/data"
	all := []process{
		{PID: 40, Parent: 31}, // what archive_command started, listed before its parent
		{PID: 30, Parent: 1, DataDir: dir},
		{PID: 31, Parent: 30},              // not recognized, but a child
		{PID: 32, Parent: 1, DataDir: dir}, // its postmaster is dead
		{PID: 50, Parent: 1, DataDir: other},
		{PID: 51, Parent: 50},
		{PID: 60, Parent: 1},
		{PID: 61, Parent: 60},
	}
	numbers := func(found []process) (pids []int) {
		for _, p := range found {
			pids = append(pids, p.PID)
		}
		slices.Sort(pids)
		return pids
	}
	for name, tt := range map[string]struct {
		dir   string
		known []int
		want  []int
	}{
		"a server":                         {dir, nil, []int{30, 31, 32, 40}},
		"another":                          {other, nil, []int{50, 51}},
		"none":                             {"/lab/c/data", nil, nil},
		"one that gave up its directory":   {"/lab/c/data", []int{60}, []int{60, 61}},
		"one that was known and has ended": {"/lab/c/data", []int{99}, nil},
	} {
		if got := numbers(descendants(all, tt.dir, tt.known...)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestListProcesses(t *testing.T) {
	sleeper := exec.Command("/bin/sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	pid := sleeper.Process.Pid
	find := func() (process, bool) {
		all, err := listProcesses()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(p process) bool { return p.PID == pid })
		if i < 0 {
			return process{}, false
		}
		return all[i], true
	}
	if p, ok := find(); !ok || p.Parent != os.Getpid() || p.Paused || p.DataDir != "" {
		t.Errorf("a child of ours: %+v, %t", p, ok)
	}
	if err := signal(pid, sigPause); err != nil {
		t.Fatal(err)
	}
	if !becomes(func() bool { p, _ := find(); return p.Paused }) {
		t.Error("it is not shown as paused")
	}
	if err := signal(pid, sigKill); err != nil {
		t.Fatal(err)
	}
	// Nobody has waited for it: a zombie is no running process.
	if !becomes(func() bool { _, ok := find(); return !ok }) {
		t.Error("it is listed after its death")
	}
	if err := sleeper.Wait(); err == nil {
		t.Error("it was not killed")
	}
	if err := signal(pid, sigContinue); err != nil {
		t.Errorf("signal a process that is gone: %v", err)
	}
}

// becomes asks often enough for a signal to arrive on any machine.
func becomes(ok func() bool) bool {
	for range 3000 {
		if ok() {
			return true
		}
	}
	return false
}

func TestPostmasterPID(t *testing.T) {
	dir := t.TempDir()
	if pid := postmasterPID(dir); pid != 0 {
		t.Errorf("without a file: %d", pid)
	}
	for text, want := range map[string]int{"4711\n/lab/data\n": 4711, "4711": 4711, "": 0, "junk\n": 0} {
		if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if pid := postmasterPID(dir); pid != want {
			t.Errorf("%q: %d, want %d", text, pid, want)
		}
	}
}
