package mongoset

import (
	"fmt"
	"strconv"
	"strings"
)

// version is a server's version.
type version struct{ major, minor, patch int }

func parseVersion(s string) (version, error) {
	var n [3]int
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return version{}, fmt.Errorf("version %q: it has the form 7.0.14", s)
	}
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 {
			return version{}, fmt.Errorf("version %q: it has the form 7.0.14", s)
		}
		n[i] = v
	}
	return version{n[0], n[1], n[2]}, nil
}

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch) }

func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

// feature is the newest feature compatibility version of the server.
func (v version) feature() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

// wire is the newest wire version the server speaks (mongo/db/wire_version.h).
func (v version) wire() int32 {
	switch {
	case v.atLeast(8, 0):
		return 25
	case v.atLeast(7, 0):
		return 21
	case v.atLeast(6, 0):
		return 17
	case v.atLeast(5, 0):
		return 13
	case v.atLeast(4, 4):
		return 9
	case v.atLeast(4, 2):
		return 8
	}
	return 7
}
