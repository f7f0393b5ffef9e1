//go:build !linux && !darwin && !windows

package term

func discard(uintptr) {}
