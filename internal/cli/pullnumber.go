package cli

import (
	"regexp"
	"strconv"
)

var pullForm = regexp.MustCompile(`^(?:#|https?://[^?#]+/pull/)([0-9]{1,9})/?$`)

// pullNumber reads #12 or the address of a pull request.
func pullNumber(what string) (int, bool) {
	m := pullForm.FindStringSubmatch(what)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil && n > 0
}
