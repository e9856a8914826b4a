package ui

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"

	"github.com/gdamore/tcell/v2"
)

// pictures are the screens that the README shows.
var pictures = map[string]string{"80x24-en": "console", "80x24-zh": "console-zh", "120x35-en": "console-wide"}

// picture writes a screen to docs as SVG, with -update.
func (k *console) picture(name string) {
	file := pictures[name]
	if !*update || file == "" {
		return
	}
	k.look(func(cells []tcell.SimCell, w, h int) {
		path := filepath.Join("..", "docs", file+".svg")
		if err := os.WriteFile(path, []byte(svgOf(cells, w, h)), 0o644); err != nil {
			k.t.Error(err)
		}
	})
}

// The cell of the pictures, in pixels, and how far the text's base line is down.
const (
	cellWide, cellHigh = 9, 19
	baseLine           = 14
	margin             = 12
)

// The colours of the pictures: a dark terminal, and the sixteen as most themes
// have them.
const paper, ink, faint = "#1e222a", "#d8dee9", "#7b8494"

var inks = map[tcell.Color]string{
	tcell.ColorMaroon: "#e06c75", tcell.ColorGreen: "#98c379", tcell.ColorOlive: "#e5c07b", tcell.ColorTeal: "#56b6c2",
}

// svgOf draws the cells of a screen. Each piece of text has its place and its
// length, so that the grid is exact whatever the font.
func svgOf(cells []tcell.SimCell, w, h int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="DejaVu Sans Mono, Menlo, Consolas, Noto Sans Mono CJK SC, monospace" font-size="15">`+"\n",
		w*cellWide+2*margin, h*cellHigh+2*margin)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", paper)
	for y := range h {
		for x := 0; x < w; {
			x = svgRun(&b, cells[y*w:(y+1)*w], x, y)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// svgRun draws the cells from x on that share a style, and returns the column
// after them.
func svgRun(b *strings.Builder, row []tcell.SimCell, x, y int) int {
	begin, style := x, row[x].Style
	for x < len(row) && row[x].Style == style {
		x += max(1, width(string(row[x].Runes)))
	}
	color, back, weight := svgStyle(style)
	if back != paper {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", margin+begin*cellWide, margin+y*cellHigh, (x-begin)*cellWide, cellHigh, back)
	}
	for at := begin; at < x; {
		text, next := svgText(row[:x], at)
		if strings.TrimSpace(text) != "" {
			fmt.Fprintf(b, `<text x="%d" y="%d" textLength="%d" fill="%s"%s xml:space="preserve">%s</text>`+"\n",
				margin+at*cellWide, margin+y*cellHigh+baseLine, (next-at)*cellWide, color, weight, html.EscapeString(text))
		}
		at = next
	}
	return x
}

// svgText is what is drawn in one piece: ASCII as it comes, everything else
// cluster by cluster, because fonts differ in how wide it is.
func svgText(row []tcell.SimCell, x int) (text string, next int) {
	cluster := string(row[x].Runes)
	if len(cluster) > 1 {
		return cluster, x + max(1, width(cluster))
	}
	for x < len(row) && len(string(row[x].Runes)) <= 1 {
		text += string(row[x].Runes)
		x++
	}
	return text, x
}

func svgStyle(style tcell.Style) (color, back, weight string) {
	fg, _, attrs := style.Decompose()
	color, back = ink, paper
	if c, ok := inks[fg]; ok {
		color = c
	}
	if attrs&tcell.AttrDim != 0 {
		color = faint
	}
	if attrs&tcell.AttrReverse != 0 {
		color, back = paper, ink
	}
	if attrs&tcell.AttrBold != 0 {
		weight = ` font-weight="bold"`
	}
	return color, back, weight
}
