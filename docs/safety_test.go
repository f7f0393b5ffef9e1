package docs_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	safetyRow    = regexp.MustCompile(`(?m)^\| SI-([0-9]+) \| (.+) \| (.+) \|$`)
	safetyTest   = regexp.MustCompile("`(Test\\w+)`")
	safetyNumber = regexp.MustCompile(`SI0?([0-9]+)`)
)

// Every rule of safety is on the page once; the tests it names are there and carry its
// number; and a rule that has a test does not say that it has none.
func TestSafetyRules(t *testing.T) {
	t.Parallel()
	_, functions := namedTests(t)
	carried := map[string]string{}
	for name := range functions {
		for _, m := range safetyNumber.FindAllStringSubmatch(name, -1) {
			carried[m[1]] = name
		}
	}
	next := 1
	for _, row := range safetyRow.FindAllStringSubmatch(readPage(t, "docs/safety.md").text, -1) {
		if row[1] != strconv.Itoa(next) {
			t.Errorf("SI-%s stands where SI-%d belongs", row[1], next)
		}
		next++
		tests := safetyTest.FindAllStringSubmatch(row[3], -1)
		none := strings.HasPrefix(row[3], "no test yet")
		switch {
		case none == (len(tests) > 0):
			t.Errorf("SI-%s names tests, or says that there is none, and not both: %s", row[1], row[3])
		case none && carried[row[1]] != "":
			t.Errorf("SI-%s has the test %s", row[1], carried[row[1]])
		}
		for _, m := range tests {
			if !functions[m[1]] {
				t.Errorf("SI-%s: no test %s", row[1], m[1])
			}
			if n := safetyNumber.FindAllStringSubmatch(m[1], -1); len(n) == 0 || !strings.Contains(m[1], "SI"+row[1]) && !strings.Contains(m[1], "SI0"+row[1]) {
				t.Errorf("SI-%s: %s does not carry its number", row[1], m[1])
			}
		}
	}
	if next != 41 {
		t.Errorf("the page ends at SI-%d", next-1)
	}
}
