package term

import "golang.org/x/sys/unix"

// discard is tcflush(3) with TCIFLUSH, which is FREAD for the kernel. Where it fails the
// input is as it was.
func discard(fd uintptr) { _ = unix.IoctlSetPointerInt(int(fd), unix.TIOCFLUSH, unix.TCIFLUSH) }
