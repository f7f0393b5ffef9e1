//go:build !unix

package background

import "os/exec"

// detach does nothing: without Unix signals there are none to be kept from.
func detach(*exec.Cmd) {}
