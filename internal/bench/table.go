package main

import (
	"fmt"
	"slices"
	"strings"
)

// table is what a scenario prints: Markdown, to be kept as it is.
type table struct {
	title string
	head  []string
	rows  [][]string
	note  string // what was measured, and how
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t table) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "\n### %s\n\n", t.title)
	line := func(cells []string) { fmt.Fprintf(&s, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.head)
	line(slices.Repeat([]string{"---"}, len(t.head)))
	for _, row := range t.rows {
		line(row)
	}
	if t.note != "" {
		fmt.Fprintf(&s, "\n%s\n", t.note)
	}
	return s.String()
}

// spread is what several rounds gave.
type spread struct{ median, min, max float64 }

// spreadOf sorts values in place; there is at least one.
func spreadOf(values []float64) spread {
	slices.Sort(values)
	n := len(values)
	return spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}

// String is the median, with the extremes where they differ from it.
func (s spread) String() string {
	if s.min == s.max {
		return figure(s.median)
	}
	return fmt.Sprintf("%s (%s to %s)", figure(s.median), figure(s.min), figure(s.max))
}

// figure writes a number with three digits that count.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1 || v == 0:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.4f", v)
}
