// Package reasoncodes renders the table of reason codes for the documentation.
package reasoncodes

import (
	"bytes"
	"fmt"

	"github.com/bcctl/bcctl/pkg/readiness"
)

// Markdown returns docs/reason-codes.md.
func Markdown() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, `# Reason codes

Generated from pkg/readiness/codes.go by `+"`make generate`"+`; do not edit.

A reason code says why a verdict is not green. Codes are stable: never renamed,
never used for something else. The status is the default; a policy may change it
within limits (codes about data loss, roles, visibility or writers cannot be
softened). `+"`bcctl explain CODE`"+` prints one of them.

| code | status | meaning | first action |
|---|---|---|---|
`)
	for _, c := range readiness.Codes() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Code, c.Default, c.Meaning, c.FirstAction)
	}
	return b.Bytes()
}
