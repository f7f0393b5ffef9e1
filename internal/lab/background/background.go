// Package background starts processes of the laboratory that go on after the
// command that started them has ended. What they do is theirs.
package background

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// readyTimeout is how long a process may take until it says that it is ready.
const readyTimeout = 30 * time.Second

// Start starts a process and waits for its first line. What it prints to stderr goes
// to a file, because it goes on after this process has ended.
func Start(cmd *exec.Cmd, logFile string) error {
	detach(cmd)
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the host: %w", err)
	}
	line := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(out).ReadString('\n')
		line <- err
	}()
	limit := time.NewTimer(readyTimeout)
	defer limit.Stop()
	select {
	case err = <-line:
	case <-limit.C:
		err = fmt.Errorf("it was not ready within %s", readyTimeout)
	}
	if err != nil {
		_ = cmd.Process.Kill() // it may be gone already
		_ = cmd.Wait()
		complaint, _ := os.ReadFile(logFile)
		return fmt.Errorf("start the host: %w: %s", err, strings.TrimSpace(string(complaint)))
	}
	return cmd.Process.Release()
}
