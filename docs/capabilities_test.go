package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/all"
)

// The page of each platform shows its matrix as the connector declares it, row
// by row.
func TestCapabilitiesAreDescribed(t *testing.T) {
	for platform, factory := range all.Registry() {
		path := "docs/" + platform + ".md"
		text := readPage(t, path).text
		for _, c := range factory.Capabilities() {
			if row := fmt.Sprintf("| %s | %s | %s | %s | %s |", c.Form, c.Monitor, c.Prove, c.Execute, c.Against); !strings.Contains(text, row) {
				t.Errorf("%s lacks the row\n%s", path, row)
			}
		}
	}
}
