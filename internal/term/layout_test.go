package term

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in    string
		cells int
		want  []string
	}{
		"fits":            {"a b", 10, []string{"a b"}},
		"empty":           {"", 10, []string{""}},
		"between words":   {"one two three", 8, []string{"one two", "three"}},
		"long word":       {"x abcdefgh y", 4, []string{"x", "abcd", "efgh", "y"}},
		"wide characters": {"数据库数据库", 5, []string{"数据", "库数", "据库"}},
		"no room":         {"数x", 1, []string{"数", "x"}},
		"line breaks":     {"a\n\nb c", 2, []string{"a", "", "b", "c"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Fold(tt.in, tt.cells); !slices.Equal(got, tt.want) {
				t.Errorf("Fold(%q, %d) = %q, want %q", tt.in, tt.cells, got, tt.want)
			}
		})
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in    string
		cells int
		want  string
	}{
		{"pg/ledger", 9, "pg/ledger"},
		{"pg/ledger", 8, "pg/le..."},
		{"数据库数据库", 10, "数据库..."},
		{"a b c d e", 7, "a b..."},
		{"pg/ledger", 2, ".."},
	}
	for _, tt := range tests {
		if got := Truncate(tt.in, tt.cells); got != tt.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tt.in, tt.cells, got, tt.want)
		}
	}
}

func testTable() Table {
	table := Table{Columns: []Column{
		{Title: "NAME", Max: 20}, {Title: "TIER", Drop: 2}, {Title: "AGE", Drop: 1}, {Title: "REASON", Fold: true, Lines: 2},
	}}
	table.Row(Cell{"数据库", Bad}, Cell{Text: "1"}, Cell{Text: "4s ago"}, Cell{Text: "the standby lacks more than it may"})
	table.Row(Cell{Text: "pg/ledger"}, Cell{Text: "2"}, Cell{Text: "1m ago"}, Cell{Text: strings.Repeat("word ", 20)})
	return table
}

// Columns start at the same cell whatever the characters before are.
func TestTableAligns(t *testing.T) {
	t.Parallel()
	table := testTable()
	want := strings.Join([]string{
		"NAME       TIER  AGE     REASON",
		"数据库     1     4s ago  the standby lacks more than it may",
		"pg/ledger  2     1m ago  word word word word word word word word",
		"                         word word word word word word word ...",
		"",
	}, "\n")
	if got := table.Render(Profile{Width: 65}); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestTableDropsColumns(t *testing.T) {
	t.Parallel()
	table := testTable()
	for width, want := range map[int]string{
		65: "NAME       TIER  AGE     REASON",
		64: "NAME       AGE     REASON",
		58: "NAME       REASON",
		20: "NAME       REASON",
	} {
		title, _, _ := strings.Cut(table.Render(Profile{Width: width}), "\n")
		if title != want {
			t.Errorf("width %d: %q, want %q", width, title, want)
		}
	}
}

func TestTableKeepsItsWidth(t *testing.T) {
	t.Parallel()
	table := testTable()
	for width := 31; width < 120; width++ {
		for line := range strings.Lines(table.Render(Profile{Width: width, Color: true})) {
			if w := Width(strings.TrimSuffix(line, "\n")); w > width {
				t.Errorf("width %d: a line of %d cells: %q", width, w, line)
			}
		}
	}
}

func TestTableWithoutRows(t *testing.T) {
	t.Parallel()
	table := Table{Columns: []Column{{Title: "NAME"}}}
	if got := table.Render(Profile{}); got != "" {
		t.Errorf("an empty table is %q", got)
	}
	table.Row(Cell{Text: "a"}, Cell{Text: "no column"})
	table.Row()
	if got, want := table.Render(Profile{}), "NAME\na\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQuantities(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 4800: "4,800", 1234567: "1,234,567", -4800: "-4,800", 1000: "1,000"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", -time.Minute: "0s", 1900 * time.Millisecond: "1s", 59 * time.Second: "59s", 61 * time.Second: "1m",
		2*time.Hour + 5*time.Minute: "2h5m", 3 * time.Hour: "3h", 76 * time.Hour: "3d4h", 240 * time.Hour: "10d",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
	if got := Span(14*time.Minute + 30*time.Second); got != "14 m" {
		t.Errorf("Span = %q", got)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]string{
		{}: "never", now: "0s ago", now.Add(-4 * time.Second): "4s ago", now.Add(3 * time.Second): "in 3s", now.Add(time.Millisecond): "0s ago",
	} {
		if got := Ago(now, at); got != want {
			t.Errorf("Ago(%v) = %q, want %q", at, got, want)
		}
	}
}
