package cmd

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// columnGap separates columns, as docker's tables do.
const columnGap = 3

// table is text in columns. Widths are counted in characters.
type table struct {
	header []string
	rows   [][]string
	// yields are the columns that get narrower when the room is short, in the
	// order in which they do, each with the least width it keeps.
	yields []yield
	// ends are the columns whose cells say more at their end than at their
	// beginning: they are cut at the beginning.
	ends []int
}

type yield struct{ column, least int }

// lines renders the table into width characters; 0 means as wide as it needs.
// Where yielding is not enough, lines are longer than width.
func (t table) lines(width int) []string {
	widths := t.widths(width)
	all := make([]string, 0, len(t.rows)+1)
	for _, row := range slices.Insert(slices.Clone(t.rows), 0, t.header) {
		all = append(all, t.renderRow(row, widths))
	}
	return all
}

func (t table) widths(room int) []int {
	widths := make([]int, len(t.header))
	total := columnGap * (len(t.header) - 1)
	for i := range widths {
		widths[i] = utf8.RuneCountInString(t.header[i])
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i]
	}
	if room == 0 {
		return widths
	}
	for _, y := range t.yields {
		spare := max(0, min(total-room, widths[y.column]-y.least))
		widths[y.column] -= spare
		total -= spare
	}
	return widths
}

func (t table) renderRow(row []string, widths []int) string {
	var line strings.Builder
	for i, cell := range row {
		if slices.Contains(t.ends, i) {
			cell = keepEnd(cell, widths[i])
		}
		cell = shorten(cell, widths[i])
		line.WriteString(cell)
		line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+columnGap))
	}
	return strings.TrimRight(line.String(), " ")
}

// shorten cuts text to width characters; the last one then says that there was
// more.
func shorten(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	return string([]rune(text)[:width-1]) + "…"
}

// keepEnd is shorten for text that is cut at its beginning.
func keepEnd(text string, width int) string {
	length := utf8.RuneCountInString(text)
	if length <= width || width < 1 {
		return shorten(text, width)
	}
	return "…" + string([]rune(text)[length-width+1:])
}
