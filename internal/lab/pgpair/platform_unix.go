//go:build unix

package pgpair

import (
	"errors"
	"io/fs"
	"os/exec"
	"syscall"
)

// signals the laboratory sends.
const (
	sigPause     = syscall.SIGSTOP
	sigContinue  = syscall.SIGCONT
	sigFast      = syscall.SIGINT  // postmaster: disconnect clients, checkpoint, exit
	sigImmediate = syscall.SIGQUIT // postmaster: exit as if crashed
	sigKill      = syscall.SIGKILL
)

// signal sends sig to a process. A process that is gone already is no error.
func signal(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// runAs makes cmd run as the account and in a session of its own, out of reach
// of the terminal's signals.
func runAs(a account, cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID)}
	}
}

// mayEnter says whether the account may enter a directory, by its permissions.
func mayEnter(a account, info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return false
	case int(stat.Uid) == a.UID:
		return info.Mode().Perm()&0o100 != 0
	case int(stat.Gid) == a.GID:
		return info.Mode().Perm()&0o010 != 0
	default:
		return info.Mode().Perm()&0o001 != 0
	}
}
