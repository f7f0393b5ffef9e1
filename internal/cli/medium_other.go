//go:build !unix

package cli

import "errors"

func mediumOf(string) (string, error) {
	return "", errors.New("what a folder lies on is not known on this system")
}
