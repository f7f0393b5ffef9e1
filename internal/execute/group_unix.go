//go:build unix

package execute

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a program into a process group of its own, so that everything it
// started ends with it, and so that a Ctrl-C meant for bcctl does not reach it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
