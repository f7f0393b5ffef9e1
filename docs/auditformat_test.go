package docs_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bcctl/bcctl/pkg/audit"
)

// tables returns the rows of a page's tables by the words of their first column's
// heading; several tables may have the same. Cells are without backquotes.
func (p page) tables() map[string][][]string {
	found := map[string][][]string{}
	heading, inTable := "", false
	for line := range strings.Lines(p.prose) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inTable = false
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		switch {
		case !inTable:
			heading, inTable = cells[0], true
		case strings.Trim(line, "|-") != "":
			found[heading] = append(found[heading], cells)
		}
	}
	return found
}

// members lists the members of a document by their paths, as docs/audit-format.md
// writes them.
func members(t reflect.Type, prefix string) []string {
	switch t.Kind() {
	case reflect.Pointer:
		return members(t.Elem(), prefix)
	case reflect.Slice:
		return members(t.Elem(), prefix+"[]")
	case reflect.Map:
		return []string{prefix + ".*"}
	case reflect.Struct:
		if t == reflect.TypeFor[audit.Time]() {
			return nil
		}
	default:
		return nil
	}
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if prefix != "" {
			name = prefix + "." + name
		}
		names = append(names, name)
		names = append(names, members(t.Field(i).Type, name)...)
	}
	return names
}

// Every member of an entry, a seal and a version of the keys is described, and no
// other.
func TestAuditMembers(t *testing.T) {
	var have []string
	for _, row := range readPage(t, "docs/audit-format.md").tables()["member"] {
		for _, m := range span.FindAllStringSubmatch(row[0], -1) {
			have = append(have, m[1])
		}
	}
	want := members(reflect.TypeFor[audit.Entry](), "")
	want = append(want, members(reflect.TypeFor[audit.Seal](), "")...)
	for _, name := range members(reflect.TypeFor[audit.Trust](), "") {
		// A range is described in the row of its member.
		if !strings.HasPrefix(name, "keys[].suspect.") {
			want = append(want, name)
		}
	}
	// Lists and objects whose members have rows of their own need none.
	missing := map[string]int{}
	for _, name := range want {
		missing[name]++
	}
	for _, name := range have {
		missing[name]--
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		switch n := missing[name]; {
		case n > 0 && !slices.Contains([]string{"keys", "limits", "segments", "witnesses"}, name):
			t.Errorf("docs/audit-format.md does not describe member %s", name)
		case n < 0:
			t.Errorf("docs/audit-format.md describes member %s, which is not there, or twice", name)
		}
	}
}

// Every type is described with what it needs.
func TestAuditTypes(t *testing.T) {
	have := map[string]string{}
	for _, row := range readPage(t, "docs/audit-format.md").tables()["type"] {
		have[strings.Trim(row[0], "`")] = strings.ReplaceAll(row[2], "`", "")
	}
	for _, is := range audit.Types() {
		needs, ok := have[string(is)]
		delete(have, string(is))
		want := slices.Sorted(slices.Values(audit.Needs(is)))
		var got []string
		if needs != "" {
			got = slices.Sorted(slices.Values(strings.Split(needs, ", ")))
		}
		if !ok || !slices.Equal(got, want) {
			t.Errorf("docs/audit-format.md says that %s needs %v, it needs %v", is, got, want)
		}
	}
	if len(have) > 0 {
		t.Errorf("docs/audit-format.md has types that are not there: %v", slices.Sorted(maps.Keys(have)))
	}
}

// Every rule is listed in the words of the program, and every class of results.
func TestAuditRules(t *testing.T) {
	tables := readPage(t, "docs/audit-format.md").tables()
	var have, want []string
	for _, row := range tables["rule"] {
		have = append(have, strings.Join(row, " | "))
	}
	classes := map[string]bool{string(audit.Verified): true}
	for _, r := range audit.Rules() {
		want = append(want, fmt.Sprintf("%s | `%s` | %s | %s", r.ID, r.Class, r.Checks, r.Attack))
		classes[string(r.Class)] = true
	}
	if !slices.Equal(have, want) {
		t.Errorf("docs/audit-format.md has the rules\n%s\n\nthe program has\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	for _, row := range tables["result"] {
		name := strings.Trim(row[0], "`")
		if !classes[name] {
			t.Errorf("docs/audit-format.md has the result %s, which no rule gives", name)
		}
		delete(classes, name)
		if wantCode := map[bool]string{true: "0", false: "15"}[name == string(audit.Verified)]; row[2] != wantCode {
			t.Errorf("docs/audit-format.md gives %s the exit code %s, not %s", name, row[2], wantCode)
		}
	}
	if len(classes) > 0 {
		t.Errorf("docs/audit-format.md does not explain the results %v", slices.Sorted(maps.Keys(classes)))
	}
}
