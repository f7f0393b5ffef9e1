//go:build unix && !linux

package pgpair

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// listProcesses asks ps. It learns the data directory of a postmaster, from its
// command line, but not that of its children: they are found by their parent.
func listProcesses() ([]process, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var all []process
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			continue
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			continue
		}
		p := process{PID: pid, Parent: parent, Paused: strings.HasPrefix(fields[2], "T")}
		if strings.HasSuffix(fields[3], "/postgres") {
			for i, arg := range fields[:len(fields)-1] {
				if arg == "-D" {
					p.DataDir = fields[i+1]
				}
			}
		}
		all = append(all, p)
	}
	return all, nil
}
