package term

import "golang.org/x/sys/unix"

// discard is tcflush(3) with TCIFLUSH. Where it fails the input is as it was.
func discard(fd uintptr) { _ = unix.IoctlSetInt(int(fd), unix.TCFLSH, unix.TCIFLUSH) }
