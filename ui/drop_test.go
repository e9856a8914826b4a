package ui

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDroppedPathsInEveryTerminalsQuoting(t *testing.T) {
	files := []string{
		"/home/w/a.txt", "/home/w/my report.pdf", "/home/w/it's.doc", "/home/w/报表 3月.xlsx", `/home/w/back\slash`,
		`/home/w/q"q`, "/etc/passwd", `C:\Users\W\a.txt`, `C:\Users\W\my report.pdf`, "C:/Users/W/b.txt", `\\evil\share\x`, "//evil/share/x",
	}
	const unix, windows = false, true
	for _, c := range []struct {
		paste   string
		windows bool
		want    []string
	}{
		{"/home/w/a.txt", unix, files[:1]},
		{"/home/w/a.txt ", unix, files[:1]},
		{"'/home/w/my report.pdf' ", unix, files[1:2]},
		{`/home/w/my\ report.pdf`, unix, files[1:2]},
		{`"/home/w/my report.pdf"`, unix, files[1:2]},
		{"/home/w/my report.pdf", unix, files[1:2]},
		{`'/home/w/it'\''s.doc'`, unix, files[2:3]},
		{`/home/w/it\'s.doc`, unix, files[2:3]},
		{`"/home/w/back\slash"`, unix, files[4:5]},
		{`"/home/w/back\\slash"`, unix, files[4:5]},
		{`"/home/w/q\"q"`, unix, files[5:6]},
		{"file:///home/w/%E6%8A%A5%E8%A1%A8%203%E6%9C%88.xlsx", unix, files[3:4]},
		{"file://localhost/home/w/a.txt", unix, files[:1]},
		{"/home/w/报表 3月.xlsx", unix, files[3:4]},
		{"'/home/w/a.txt' '/home/w/my report.pdf'", unix, files[:2]},
		{"/home/w/a.txt\n/home/w/my report.pdf\n", unix, files[:2]},
		{"/home/w/a.txt\r\n/home/w/my report.pdf\r\n", unix, files[:2]},
		{`C:\Users\W\a.txt`, windows, files[7:8]},
		{`"C:\Users\W\my report.pdf"`, windows, files[8:9]},
		{`C:\Users\W\my report.pdf`, windows, files[8:9]},
		{`"C:\Users\W\my report.pdf" C:\Users\W\a.txt`, windows, []string{files[8], files[7]}},
		{"file:///C:/Users/W/b.txt", windows, files[9:10]},
		{`\\evil\share\x`, windows, nil},
		{"//evil/share/x", windows, nil},
		{"file://evil/share/x", windows, nil},
		{"file://evil/share/x", unix, nil},
		{"see /etc/passwd please", unix, nil},
		{"/etc/passwd please", unix, nil},
		{"a.txt", unix, nil},
		{"/home/w/missing", unix, nil},
		{"/home/w/a.txt\n/home/w/missing", unix, nil},
		{"it's lunch time", unix, nil},
		{"'/home/w/a.txt", unix, nil},
		{`/home/w/a.txt \`, unix, nil},
		{strings.Repeat("/home/w/a.txt ", 101), unix, nil},
		{strings.Repeat("/home/w/a.txt ", 100), unix, slices.Repeat(files[:1], 100)},
		{"", unix, nil},
	} {
		reader := paths{c.windows, func(p string) bool { return slices.Contains(files, p) }}
		if got := reader.read(c.paste); !slices.Equal(got, c.want) {
			t.Errorf("%q (windows %v): got %q, want %q", c.paste, c.windows, got, c.want)
		}
	}
}

func FuzzPaths(f *testing.F) {
	for _, seed := range []string{"'/a b' file:///x \\", `"C:\a b" D:\c`, "file://host/x", "/a\\\n/b", "'/it'\\''s'", "\x00/a", "//a/b", `"/a\`} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, paste string, windows bool) {
		asked := 0
		found := paths{windows, func(path string) bool {
			asked++
			if strings.HasPrefix(path, `\\`) || windows && strings.HasPrefix(path, "//") {
				t.Errorf("%q: looked at %q on another machine", paste, path)
			}
			if !windows && filepath.IsLocal(path) {
				t.Errorf("%q: %q is not absolute", paste, path)
			}
			return true
		}}.read(paste)
		if len(found) > mostDropped || asked > 2*mostDropped {
			t.Errorf("%q: found %d paths, asked %d times", paste, len(found), asked)
		}
	})
}
