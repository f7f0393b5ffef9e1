package docs_test

import (
	"regexp"
	"testing"

	"github.com/bcctl/bcctl/pkg/connectors/all"
)

var indicatorRow = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| ([a-z]*) ?\\| (yes)? ?\\|")

// The page of each platform lists every indicator, with its unit and whether it
// is required, and no other.
func TestIndicatorsAreDescribed(t *testing.T) {
	for platform, factory := range all.Registry() {
		path := "docs/" + platform + ".md"
		described := map[string]string{}
		for _, m := range indicatorRow.FindAllStringSubmatch(readPage(t, path).text, -1) {
			described[m[1]] = m[2] + " " + m[3]
		}
		for _, i := range factory.Indicators() {
			want := string(i.Unit) + " "
			if i.Required {
				want += "yes"
			}
			got, ok := described[string(i.ID)]
			switch {
			case !ok:
				t.Errorf("%s does not describe %s", path, i.ID)
			case got != want:
				t.Errorf("%s says %q of %s, the catalog %q", path, got, i.ID, want)
			}
			delete(described, string(i.ID))
		}
		for id := range described {
			t.Errorf("%s describes %s, which nothing measures", path, id)
		}
	}
}
