package pgpairtest

import (
	"errors"
	"io"
	"os/exec"
)

// guard is a small process that outlives the test binary: when that ends, even
// by a panic or a timeout that runs no cleanup, it stops the servers below a
// directory and removes the directory. Servers of a laboratory run in sessions
// of their own and would otherwise stay for ever.
type guard struct {
	cmd   *exec.Cmd
	alive io.Closer // the guard waits for the other end of this pipe to close
}

// onEnd is what the guard runs. A postmaster that is told to quit kills even
// children that do not listen, after five seconds.
const onEnd = `
cat >/dev/null
for f in "$1"/*/nodes/*/data/postmaster.pid; do
	[ -f "$f" ] || continue
	pid=$(head -n 1 "$f")
	kill -QUIT "$pid" && kill -CONT "$pid"
done 2>/dev/null
n=0
while [ $n -lt 80 ] && ls "$1"/*/nodes/*/data/postmaster.pid >/dev/null 2>&1; do
	n=$((n + 1))
	sleep 0.1
done
rm -rf "$1"
`

func newGuard(dir string) (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", onEnd, "guard", dir)
	ownSession(cmd)
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &guard{cmd: cmd, alive: alive}, nil
}

// release ends the guard, which removes the directory.
func (g *guard) release() error {
	return errors.Join(g.alive.Close(), g.cmd.Wait())
}
