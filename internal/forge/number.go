package forge

import (
	"strconv"
	"strings"
)

// lastNumber is the number at the end of an address, or 0.
func lastNumber(address string) int {
	n, err := strconv.Atoi(address[strings.LastIndexByte(address, '/')+1:])
	if err != nil || n < 0 {
		return 0
	}
	return n
}
