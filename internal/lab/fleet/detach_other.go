//go:build !unix

package fleet

import "os/exec"

// detach does nothing: without Unix signals there is no PostgreSQL pair, and so no
// fleet.
func detach(*exec.Cmd) {}
