//go:build unix

package background

import (
	"os/exec"
	"syscall"
)

// detach lets the host outlive whoever starts it, out of reach of the terminal's
// signals.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
