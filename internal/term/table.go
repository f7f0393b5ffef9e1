package term

import "strings"

// Column is one column of a Table.
type Column struct {
	Title string
	// Drop is when the column is left out of a line that is too narrow: the highest
	// goes first, 0 stays for ever.
	Drop int
	// Max is how many cells the column may take before its text ends in "...";
	// 0 is no limit.
	Max int
	// Fold makes this the column that gets what room is left, its text folded into
	// lines. One column may have it, the last one.
	Fold bool
	// Lines is how many lines of folded text are shown; 0 is all.
	Lines int
}

// Cell is one text of a Table. It must not hold escape codes.
type Cell struct {
	Text  string
	Style Style
}

// Table lays rows out in columns.
type Table struct {
	Columns []Column
	rows    [][]Cell
}

const (
	goodFold = 40 // the room that folded text is worth other columns for
	minFold  = 20 // what it gets when there are no others to drop
)

const columnGap = 2

// Row adds a row. Missing cells are empty; cells past the last column are not
// shown.
func (t *Table) Row(cells ...Cell) { t.rows = append(t.rows, cells) }

// Empty reports whether the table has no rows.
func (t *Table) Empty() bool { return len(t.rows) == 0 }

// Render returns the lines of the table, each ended by a line break, under a line
// of titles if there are any. A table without rows has no lines at all.
func (t *Table) Render(p Profile) string {
	if t.Empty() {
		return ""
	}
	layout := t.layout(p.Columns())
	var b strings.Builder
	var titles []Cell
	titled := false
	for _, c := range t.Columns {
		titles = append(titles, Cell{c.Title, Strong})
		titled = titled || c.Title != ""
	}
	if titled {
		layout.write(&b, p, titles)
	}
	for _, row := range t.rows {
		layout.write(&b, p, row)
	}
	return b.String()
}

// layout is the columns that are shown, with their widths.
type layout struct {
	columns []Column
	index   []int // position of the column in a row
	widths  []int
}

func (t *Table) layout(room int) layout {
	var l layout
	for i, c := range t.Columns {
		width := Width(c.Title)
		for _, row := range t.rows {
			if i < len(row) {
				for line := range strings.SplitSeq(row[i].Text, "\n") {
					width = max(width, Width(line))
				}
			}
		}
		if c.Max > 0 {
			width = min(width, c.Max)
		}
		l.columns, l.index, l.widths = append(l.columns, c), append(l.index, i), append(l.widths, width)
	}
	for l.least() > room && l.drop() {
	}
	if last := len(l.columns) - 1; last >= 0 && l.columns[last].Fold {
		l.widths[last] = min(l.widths[last], max(room-l.fixed(), minFold))
	}
	return l
}

// fixed is the room of all columns but the folded one, gaps included.
func (l *layout) fixed() int {
	room := 0
	for i, c := range l.columns {
		if !c.Fold {
			room += l.widths[i] + columnGap
		}
	}
	return room
}

// least is the room the layout needs to be read with ease.
func (l *layout) least() int {
	room := l.fixed()
	for i, c := range l.columns {
		if c.Fold {
			return room + min(l.widths[i], goodFold)
		}
	}
	return room - columnGap
}

// drop leaves out the column that is worth least, and reports whether there was
// one.
func (l *layout) drop() bool {
	worst := -1
	for i, c := range l.columns {
		if c.Drop > 0 && (worst < 0 || c.Drop > l.columns[worst].Drop) {
			worst = i
		}
	}
	if worst < 0 {
		return false
	}
	l.columns = append(l.columns[:worst], l.columns[worst+1:]...)
	l.index = append(l.index[:worst], l.index[worst+1:]...)
	l.widths = append(l.widths[:worst], l.widths[worst+1:]...)
	return true
}

func (l *layout) write(b *strings.Builder, p Profile, row []Cell) {
	texts := make([][]string, len(l.columns))
	height := 1
	for i, c := range l.columns {
		var cell Cell
		if l.index[i] < len(row) {
			cell = row[l.index[i]]
		}
		texts[i] = l.lines(c, cell.Text, l.widths[i])
		height = max(height, len(texts[i]))
	}
	for n := range height {
		var line strings.Builder
		for i := range l.columns {
			text := ""
			if n < len(texts[i]) {
				text = texts[i][n]
			}
			style := Plain
			if l.index[i] < len(row) {
				style = row[l.index[i]].Style
			}
			line.WriteString(p.Paint(style, text))
			if i < len(l.columns)-1 {
				line.WriteString(strings.Repeat(" ", max(l.widths[i]-Width(text), 0)+columnGap))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
}

func (l *layout) lines(c Column, text string, width int) []string {
	if !c.Fold {
		return []string{Truncate(text, width)}
	}
	lines := Fold(text, width)
	if c.Lines > 0 && len(lines) > c.Lines {
		lines = lines[:c.Lines]
		lines[c.Lines-1] = unfinished(lines[c.Lines-1], width)
	}
	return lines
}

// unfinished ends a line with "..." after a whole word, where there is one.
func unfinished(line string, width int) string {
	room := width - len(ellipsis) - 1
	if Width(line) > room {
		line, _ = cut(line, room+1)
		if i := strings.LastIndexByte(line, ' '); i > 0 {
			line = line[:i]
		} else {
			line, _ = cut(line, room)
		}
	}
	return strings.TrimRight(line, " ") + " " + ellipsis
}
