package pgpair

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listProcesses reads /proc. Processes that end while it reads are left out, and
// so are zombies: nothing of them runs.
func listProcesses() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

func readProcess(pid int) (process, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, false
	}
	// The program's name stands in parentheses and may itself contain some.
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return process{}, false
	}
	fields := bytes.Fields(stat[to+1:])
	if len(fields) < 2 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return process{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return process{}, false
	}
	p := process{PID: pid, Parent: parent, Paused: fields[0][0] == 'T'}
	if string(stat[from+1:to]) == "postgres" {
		p.DataDir = dataDirOf(dir)
	}
	return p, true
}

// dataDirOf returns the data directory of a PostgreSQL server process. That of a
// postmaster is on its command line, which everybody may read. Its children
// replace theirs by a title; they work in the data directory, which their own
// user may see, and root unless a container withholds CAP_SYS_PTRACE. Children
// not recognized here are still found by their parent.
func dataDirOf(dir string) string {
	cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return ""
	}
	args := strings.Split(string(cmdline), "\x00")
	if filepath.Base(args[0]) == "postgres" {
		for i, arg := range args[:len(args)-1] {
			if arg == "-D" {
				return args[i+1]
			}
		}
	}
	cwd, err := os.Readlink(filepath.Join(dir, "cwd"))
	if err != nil {
		return ""
	}
	return cwd
}
