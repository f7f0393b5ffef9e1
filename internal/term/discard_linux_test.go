package term

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What is typed before a question does not answer it; what is in a pipe stays.
func TestDiscard(t *testing.T) {
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminal can be made here:", err)
	}
	defer func() { _ = keyboard.Close() }()
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	if _, err := keyboard.WriteString("yes\n"); err != nil {
		t.Fatal(err)
	}
	// The line is there before it is thrown away.
	waits := []unix.PollFd{{Fd: int32(terminal.Fd()), Events: unix.POLLIN}}
	for n := -1; n != 1; {
		if n, err = unix.Poll(waits, 10_000); n == 0 || err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatalf("nothing waits: %v", err)
		}
	}
	Discard(terminal)
	if _, err := keyboard.WriteString("no\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(terminal).ReadString('\n'); line != "no\n" {
		t.Errorf("read %q, %v", line, err)
	}

	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	if _, err := out.WriteString("yes\n"); err != nil {
		t.Fatal(err)
	}
	Discard(in)
	Discard(strings.NewReader("no file at all"))
	if line, err := bufio.NewReader(in).ReadString('\n'); line != "yes\n" {
		t.Errorf("read %q from a pipe, %v", line, err)
	}
	_ = out.Close()
}
