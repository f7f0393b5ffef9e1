package forge

import (
	"context"
	"errors"
	"strings"
)

// Token is a credential that is used as it is: of a person, or of a workflow.
type Token string

// String hides it, should it be printed by mistake (SI-5).
func (Token) String() string { return "(token)" }

// GoString hides it too.
func (Token) GoString() string { return "forge.Token(...)" }

func (k Token) authorization(context.Context, *transport, *budget, bool) (string, error) {
	switch {
	case k == "":
		return "", errors.New("no token for GitHub")
	case strings.ContainsAny(string(k), "\r\n \t"):
		return "", errors.New("the token for GitHub holds a blank or a line break")
	}
	return "Bearer " + string(k), nil
}

// bearerOf takes the token out of a header, for git.
func bearerOf(header string) string { return strings.TrimPrefix(header, "Bearer ") }
