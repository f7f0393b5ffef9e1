//go:build unix

package pgpairtest

import (
	"os/exec"
	"syscall"
)

// ownSession keeps a Ctrl-C at the tests from reaching cmd.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
