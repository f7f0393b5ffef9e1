//go:build !unix

package pgpair

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"
)

// Values for the compiler only: without Unix signals no laboratory is made, and
// so there is never a process to send one to.
const (
	sigPause     = syscall.Signal(19)
	sigContinue  = syscall.Signal(18)
	sigFast      = syscall.SIGINT
	sigImmediate = syscall.SIGQUIT
	sigKill      = syscall.SIGKILL
)

func unsupported() error {
	return fmt.Errorf("the laboratory runs on Linux, macOS and other Unix systems: %w", errors.ErrUnsupported)
}

func signal(int, syscall.Signal) error { return unsupported() }

func runAs(account, *exec.Cmd) {}

func mayEnter(account, fs.FileInfo) bool { return false }

func listProcesses() ([]process, error) { return nil, unsupported() }
