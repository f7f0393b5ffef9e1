package term

import "golang.org/x/sys/windows"

// discard empties the console's input. Where it fails the input is as it was.
func discard(fd uintptr) { _ = windows.FlushConsoleInputBuffer(windows.Handle(fd)) }
