package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// writeJSON writes v as one line, in one piece. What a terminal might act on is
// written as an escape.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(append(escapeControls(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n'))
	return err
}

// escapeControls escapes the controls that JSON allows in its texts: DEL, C1 and
// the directional ones. They can stand nowhere but in a text.
func escapeControls(b []byte) []byte {
	unsafe := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
	if !bytes.ContainsFunc(b, unsafe) {
		return b
	}
	var out strings.Builder
	for _, r := range string(b) {
		if unsafe(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return []byte(out.String())
}

// isTerminal reports whether a person sees what is written to w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columns lays rows out under each other; the last column is as long as it is.
func columns(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		var b strings.Builder
		for j, cell := range row {
			b.WriteString(cell)
			if j < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[j]-uniseg.StringWidth(cell)+2))
			}
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// bytesOf is a size as people read it: "1.2 MB".
func bytesOf(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n)/1000, "kMGTPE"
	for value >= 999.95 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %cB", value, units[0])
}

// leftOf is how long something still takes: "0:07", "12:40", "3 h 05".
func leftOf(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d h %02d", s/3600, s/60%60)
}

// percent is done of total, 100 only when everything is there.
func percent(done, total int64) int {
	if done >= total {
		return 100
	}
	return int(float64(done) / float64(total) * 100)
}

// filesOf is what an offer has: "report.pdf (1.2 MB)", "photos (14 files, 1.0 GB)",
// "setup.exe (1.2 MB, a program)".
func filesOf(name fmt.Stringer, files int, size int64, program bool) string {
	what, mark := bytesOf(size), ", a program"
	if files > 1 {
		what, mark = fmt.Sprintf("%d files, %s", files, what), ", a program among them"
	}
	if program {
		what += mark
	}
	return fmt.Sprintf("%s (%s)", name, what)
}
