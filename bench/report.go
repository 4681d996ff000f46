package main

import (
	"fmt"
	"strings"
)

// table is the case in Markdown: medians, how far the compared figure spreads,
// its ratios, and the bars.
func (w workload) table(r result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s (%s)\n\n", w.title, w.name)
	head := []string{"", w.metrics[0].title, "±%"}
	for _, base := range w.bases {
		head = append(head, "× "+base)
	}
	for _, m := range w.metrics[1:] {
		head = append(head, m.title)
	}
	writeRow(&b, head)
	b.WriteString("|---" + strings.Repeat("|---:", len(head)-1) + "|\n")
	for _, s := range r.Candidates {
		writeRow(&b, w.row(s))
	}
	if len(w.bars) > 0 {
		b.WriteString("\n")
	}
	for _, bar := range w.bars {
		b.WriteString(w.verdict(bar, r))
	}
	return b.String()
}

func writeRow(b *strings.Builder, cells []string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

func (w workload) row(s standing) []string {
	first := s.values(w.metrics[0])
	cells := []string{s.Name, w.metrics[0].format(median(first)), fmt.Sprintf("%.1f", 100*spread(first))}
	for _, base := range w.bases {
		cells = append(cells, ratioText(s, base))
	}
	for _, m := range w.metrics[1:] {
		cells = append(cells, m.format(median(s.values(m))))
	}
	return cells
}

func ratioText(s standing, base string) string {
	if s.Name == base {
		return "1"
	}
	return fmt.Sprintf("%.2f", s.Ratios[base])
}

func (m metric) format(value float64) string { return fmt.Sprintf("%.*f", m.decimals, value) }

// verdict is a line on a bar: below it, or by how much above.
func (w workload) verdict(b bar, r result) string {
	s, _ := r.standing(b.of)
	value, unit := s.Ratios[b.base], "× "+b.base
	if b.base == "" {
		value, unit = median(s.values(w.metrics[0])), " "+w.metrics[0].title
	}
	judged := "held"
	if value > b.most {
		judged = fmt.Sprintf("over by %.2f", value-b.most)
	}
	return fmt.Sprintf("- %s: %.2f%s, the bar is %.2f: %s\n", b.of, value, unit, b.most, judged)
}
