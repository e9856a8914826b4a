package ui

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/gdamore/tcell/v2"
	_ "github.com/gdamore/tcell/v2/encoding" // terminals that speak GBK, Big5, KOI8 …
	"github.com/rivo/tview"
)

// errNoTerminal is why there is no screen.
var errNoTerminal = errors.New("this terminal cannot show the console")

// openTerminal starts the terminal of this process.
func openTerminal() (*screen, error) {
	if term := os.Getenv("TERM"); term == "dumb" || term == "" && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%w: TERM is %q", errNoTerminal, term)
	}
	if plainLocale(os.Getenv) {
		os.Setenv("LC_ALL", "C.UTF-8") // else each Chinese character becomes "?"
	}
	s, err := tcell.NewScreen()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTerminal, err)
	}
	wrapped := newScreen(s)
	if err := wrapped.Init(); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTerminal, err)
	}
	return wrapped, nil
}

// locale is the value that counts of what POSIX looks at in this order.
func locale(getenv func(string) string, category string) string {
	for _, name := range []string{"LC_ALL", category, "LANG"} {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// plainLocale reports whether the locale knows ASCII only.
func plainLocale(getenv func(string) string) bool {
	switch value := locale(getenv, "LC_CTYPE"); value {
	case "C", "POSIX":
		return true
	default:
		return strings.HasSuffix(value, ".US-ASCII") || strings.HasSuffix(value, ".ANSI_X3.4-1968")
	}
}

// needsASCII reports whether this terminal would spoil lines and marks.
func needsASCII() bool { return wantsASCII(os.Getenv, runtime.GOOS) }

// wantsASCII: a locale or a console without such glyphs, or one that draws them
// two cells wide, which destroys every line.
func wantsASCII(getenv func(string) string, system string) bool {
	oldWindows := system == "windows" && getenv("WT_SESSION") == "" && getenv("TERM_PROGRAM") == ""
	return oldWindows || plainLocale(getenv) || getenv("TERM") == "linux" || getenv("RUNEWIDTH_EASTASIAN") == "1"
}

// languageOf is the language to speak, from the environment where none is set.
func languageOf(lang string, getenv func(string) string) string {
	if lang == "" {
		lang = locale(getenv, "LC_MESSAGES")
	}
	if lang == "" {
		lang = systemLanguage()
	}
	if strings.HasPrefix(strings.ToLower(lang), "zh") {
		return "zh"
	}
	return "en"
}

// The styles of the console: the terminal's own colours, so that it looks right
// on light and on dark ones, bold, dim and reverse, and four of the sixteen
// colours that every theme sets. tcell leaves the colours out under NO_COLOR;
// what a colour says is also said in a word or a mark.
var (
	plain   = tcell.StyleDefault
	bold    = plain.Bold(true)
	dim     = plain.Dim(true)
	reverse = plain.Reverse(true)
	alarm   = plain.Foreground(tcell.ColorMaroon)
	caution = plain.Foreground(tcell.ColorOlive)
	good    = plain.Foreground(tcell.ColorGreen)
	active  = plain.Foreground(tcell.ColorTeal)
)

// useTerminalColors makes tview's widgets leave the colours to the terminal.
// The theme is a variable of the library, read when a widget is made.
func useTerminalColors() {
	none := tcell.ColorDefault
	tview.Styles = tview.Theme{
		PrimitiveBackgroundColor: none, ContrastBackgroundColor: none, MoreContrastBackgroundColor: none,
		BorderColor: none, TitleColor: none, GraphicsColor: none,
		PrimaryTextColor: none, SecondaryTextColor: none, TertiaryTextColor: none,
		InverseTextColor: none, ContrastSecondaryTextColor: none,
	}
}

// glyphs are the marks and lines that the console draws.
type glyphs struct {
	online, idle, away          string // presence
	open                        string // the open conversation
	verified, delivered, read   string
	warn, draft, back           string
	up, down, both              string
	full, empty                 string // of a progress bar
	horizontal, vertical, quote string
	corners                     [4]string
	more                        string
}

var unicodeGlyphs = glyphs{
	online: "●", idle: "◐", away: "○", open: "▸",
	verified: "✓", delivered: "✓", read: "✓✓", warn: "!", draft: "~", back: "<",
	up: "↑", down: "↓", both: "↑↓", full: "█", empty: "░",
	horizontal: "─", vertical: "│", quote: "│", corners: [4]string{"┌", "┐", "└", "┘"}, more: "…",
}

var asciiGlyphs = glyphs{
	online: "*", idle: "-", away: "o", open: ">",
	verified: "+", delivered: "+", read: "++", warn: "!", draft: "~", back: "<",
	up: "^", down: "v", both: "^v", full: "#", empty: ".",
	horizontal: "-", vertical: "|", quote: "|", corners: [4]string{"+", "+", "+", "+"}, more: "..",
}

func glyphsOf(ascii bool) *glyphs {
	if ascii {
		return &asciiGlyphs
	}
	return &unicodeGlyphs
}
