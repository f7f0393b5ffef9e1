//go:build !unix

package pgpairtest

import "os/exec"

// ownSession has nothing to do where no laboratory runs.
func ownSession(*exec.Cmd) {}
