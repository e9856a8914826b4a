package peer

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxSegment leaves room for " (2)" and the like in the 255 bytes that file
	// systems take.
	maxSegment = 200
	// maxExtension is the longest end of a name that is kept when it is cut.
	maxExtension = 32
	// maxDepth is deeper than folders that people send, and keeps paths short
	// enough for every system.
	maxDepth = 16
)

// ErrName is what every refused name is an error of.
var ErrName = errors.New("not a name for a file")

// CleanName makes of one segment of a path, as a peer wrote it, a name that is
// safe to create in a folder on any system: 1 to 200 bytes of UTF-8 in NFC.
//
// It refuses (an error that wraps [ErrName]) what could leave the folder or means
// something else than a name: an empty segment, "." and "..", a slash, backslash,
// colon or NUL, invalid UTF-8. Everything else that is unsafe it rewrites with
// "_", and what is too long it cuts, keeping the extension; then rewritten is true
// and the person is shown both names. Cleaning a clean name changes nothing.
func CleanName(segment string) (name string, rewritten bool, err error) {
	if err := checkSegment(segment); err != nil {
		return "", false, err
	}
	original := segment
	if name = segment; !isPlain(segment) {
		original = norm.NFC.String(segment)
		name = norm.NFC.String(strings.Map(nameRune, original))
	}
	name = replaceEnds(name)
	for len(name) > maxSegment || isDevice(name) {
		if isDevice(name) {
			name = "_" + name
		}
		name = replaceEnds(cutName(name))
	}
	return name, name != original, nil
}

// CleanPath applies [CleanName] to each segment of a path below the folder that
// receives it: 1 to 16 of them.
func CleanPath(segments []string) (clean []string, rewritten bool, err error) {
	if len(segments) == 0 || len(segments) > maxDepth {
		return nil, false, fmt.Errorf("path of %d names, want 1 to %d: %w", len(segments), maxDepth, ErrName)
	}
	clean = make([]string, len(segments))
	for i, segment := range segments {
		name, changed, err := CleanName(segment)
		if err != nil {
			return nil, false, err
		}
		clean[i], rewritten = name, rewritten || changed
	}
	return clean, rewritten, nil
}

// FoldName brings a name or a path to the form in which two that some system, or
// a person, takes for the same are equal: invisible characters dropped, case
// folded, NFC. It is for comparing only.
func FoldName(path string) string {
	if isPlain(path) {
		return strings.ToLower(path)
	}
	path = strings.Map(func(r rune) rune {
		if isJoiner(r) || isSelector(r) || isInvisible(r) {
			return -1
		}
		return r
	}, path)
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(path)))
}

// isPlain reports whether a name or path has only characters that stand for
// themselves: most have, and those of a million files are looked at.
func isPlain(path string) bool {
	for i := range len(path) {
		if c := path[i]; c < ' ' || c > '~' || strings.IndexByte(rewrittenASCII, c) >= 0 {
			return false
		}
	}
	return true
}

// rewrittenASCII are the printable ones of ASCII that some system refuses.
const rewrittenASCII = `*?"<>|`

// checkSegment refuses what must not be repaired.
func checkSegment(segment string) error {
	switch {
	case segment == "":
		return fmt.Errorf("empty segment: %w", ErrName)
	case segment == "." || segment == "..":
		return fmt.Errorf("segment %q: %w", segment, ErrName)
	case !utf8.ValidString(segment):
		return fmt.Errorf("segment %q is not UTF-8: %w", segment, ErrName)
	}
	if i := strings.IndexAny(segment, "/\\:\x00"); i >= 0 {
		return fmt.Errorf("segment %q with %q: %w", segment, segment[i], ErrName)
	}
	return nil
}

// nameRune is what r becomes in a name: itself, or "_".
func nameRune(r rune) rune {
	switch {
	case strings.ContainsRune(rewrittenASCII, r), unicode.IsControl(r), isBreak(r),
		isJoiner(r), isUnshowable(r), isInvisible(r):
		return '_'
	}
	return r
}

// replaceEnds replaces a first character that hides a file or reads as an option
// or a home, and a last one that Windows would drop.
func replaceEnds(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	if strings.ContainsRune(".-~", first) || unicode.IsSpace(first) {
		name = "_" + name[size:]
	}
	last, size := utf8.DecodeLastRuneInString(name)
	if last == '.' || unicode.IsSpace(last) {
		name = name[:len(name)-size] + "_"
	}
	return name
}

// cutName shortens a name to maxSegment bytes before its extension.
func cutName(name string) string {
	if len(name) <= maxSegment {
		return name
	}
	extension := ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= maxExtension {
		extension = name[dot:]
	}
	stem := name[:len(name)-len(extension)]
	return firstBytes(stem, maxSegment-len(extension)) + extension
}

// devices are the names that Windows gives to devices in every folder, whatever
// extension follows, by their first three letters and what may come after them.
var devices = map[string]string{"CON": "", "PRN": "", "AUX": "", "NUL": "", "COM": "0123456789¹²³", "LPT": "0123456789¹²³"}

// isDevice reports whether Windows would open a device under this name.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	if stem == "CONIN$" || stem == "CONOUT$" {
		return true
	}
	if len(stem) < 3 {
		return false
	}
	numbers, known := devices[stem[:3]]
	number := stem[3:]
	if !known || numbers == "" || utf8.RuneCountInString(number) != 1 {
		return known && number == "" && numbers == ""
	}
	return strings.Contains(numbers, number)
}
