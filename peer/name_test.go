package peer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

func TestPathsThatLeaveTheFolderAreRefused(t *testing.T) {
	for _, path := range []string{"../x", "a/../../x", "/etc/cron.d/x", `..\x`, `C:\x`, `\\srv\s`, "//x", "x/", "x/../", "", ".", "..", "a\x00b", "a\xffb"} {
		t.Run(strings.ToValidUTF8(strings.ReplaceAll(path, "/", "∕"), "?")+"/N-01", func(t *testing.T) {
			whole, parts := []string{path}, strings.Split(path, "/")
			for _, segments := range [][]string{whole, parts} {
				if clean, _, err := CleanPath(segments); !errors.Is(err, ErrName) {
					t.Errorf("CleanPath(%q) = %q, %v", segments, clean, err)
				}
			}
		})
	}
	if _, _, err := CleanPath(nil); !errors.Is(err, ErrName) {
		t.Errorf("a path of nothing: %v", err)
	}
}

func TestPathsAreNotTooDeep(t *testing.T) {
	deep := strings.Split(strings.Repeat("d/", maxDepth-1)+"f", "/")
	if _, _, err := CleanPath(deep); err != nil {
		t.Errorf("%d names: %v", len(deep), err)
	}
	if _, _, err := CleanPath(append(deep, "g")); !errors.Is(err, ErrName) {
		t.Errorf("%d names: %v", len(deep)+1, err)
	}
}

func TestNamesAreRewritten(t *testing.T) {
	for _, c := range []struct{ id, in, want string }{
		{"N-03", "CON", "_CON"}, {"N-03", "con.txt", "_con.txt"}, {"N-03", "COM¹", "_COM¹"}, {"N-03", "NUL .txt", "_NUL .txt"},
		{"N-03", "lpt9.tar.gz", "_lpt9.tar.gz"}, {"N-03", "CONIN$", "_CONIN$"}, {"N-03", "a.", "a_"}, {"N-03", "a ", "a_"}, {"N-03", "a. .", "a. _"},
		{"N-03", "CON" + strings.Repeat(" ", 300) + "x.txt", "_CON" + strings.Repeat(" ", 192) + ".txt"},
		{"N-05", ".bashrc", "_bashrc"}, {"N-05", ".ssh", "_ssh"}, {"N-05", ".config", "_config"}, {"N-05", "...", "_._"}, {"N-05", ".earshot", "_earshot"},
		{"N-07", "-rf", "_rf"}, {"N-07", "~root", "_root"}, {"N-07", " x", "_x"}, {"N-07", "a|b<c>d*e?f\"", "a_b_c_d_e_f_"},
		{"T-01", "a\x1b[2Jb\u009bc\nd", "a_[2Jb_c_d"}, {"T-03", "photo\u202egnp.exe", "photo_gnp.exe"}, {"T-03", "a\u200bb\ufeff", "a_b_"},
		{"T-09", "a\ue000\U000e0041\ufffe", "a___"},
	} {
		t.Run(strings.ReplaceAll(firstBytes(c.in, 12), "/", "∕")+"/"+c.id, func(t *testing.T) {
			got, rewritten, err := CleanName(c.in)
			if err != nil || got != c.want || !rewritten {
				t.Errorf("CleanName(%q) = %q, %v, %v; want %q", c.in, got, rewritten, err, c.want)
			}
		})
	}
	t.Run("a:b/N-03", func(t *testing.T) {
		if got, _, err := CleanName("a:b"); !errors.Is(err, ErrName) {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("in folders/N-05", func(t *testing.T) {
		for path, want := range map[string]string{".ssh/authorized_keys": "_ssh/authorized_keys", ".config/autostart/x.desktop": "_config/autostart/x.desktop"} {
			got, rewritten, err := CleanPath(strings.Split(path, "/"))
			if err != nil || !rewritten || strings.Join(got, "/") != want {
				t.Errorf("CleanPath(%s) = %q, %v, %v", path, got, rewritten, err)
			}
		}
	})
}

func TestNamesThatOnlyLookDangerousStay(t *testing.T) {
	for _, name := range []string{"$(id)", "`id`", ";", "%n", "'", "a;rm -rf b", "%s%n.txt"} {
		t.Run(name+"/N-07", func(t *testing.T) {
			if got, rewritten, err := CleanName(name); got != name || rewritten || err != nil {
				t.Errorf("got %q, %v, %v", got, rewritten, err)
			}
		})
	}
	for _, name := range []string{"report.pdf", "合同-v7.pdf", "a b.txt", "x.tar.gz", "CONTRACT.doc", "COM10", "com", "nulls", "❤️.png", "e-mail~1", "_", "naïve"} {
		if got, rewritten, err := CleanName(name); got != name || rewritten || err != nil {
			t.Errorf("CleanName(%q) = %q, %v, %v", name, got, rewritten, err)
		}
	}
	if got, rewritten, err := CleanName("e\u0301.txt"); got != "é.txt" || rewritten || err != nil {
		t.Errorf("NFD is the same name: got %q, %v, %v", got, rewritten, err)
	}
}

func TestLongNamesAreCut(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"255", strings.Repeat("a", 251) + ".pdf", strings.Repeat("a", 196) + ".pdf"},
		{"256", strings.Repeat("a", 256), strings.Repeat("a", 200)},
		{"4096", strings.Repeat("a", 4089) + ".tar.gz", strings.Repeat("a", 197) + ".gz"},
		{"CJK", strings.Repeat("合", 66) + ".pdf", strings.Repeat("合", 65) + ".pdf"},
		{"long extension", "a." + strings.Repeat("b", 300), "a." + strings.Repeat("b", 198)},
	} {
		t.Run(c.name+"/N-09", func(t *testing.T) {
			got, rewritten, err := CleanName(c.in)
			if err != nil || got != c.want || !rewritten {
				t.Errorf("got %q (%d bytes), %v, %v; want %q", got, len(got), rewritten, err, c.want)
			}
		})
	}
	t.Run("200 bytes of CJK/N-09", func(t *testing.T) {
		name := strings.Repeat("合", 66) + "ab"
		if got, rewritten, err := CleanName(name); got != name || rewritten || err != nil {
			t.Errorf("got %q, %v, %v", got, rewritten, err)
		}
	})
}

func TestNamesThatCollideFoldToTheSame(t *testing.T) {
	for _, pair := range [][2]string{{"README", "readme"}, {"é", "e\u0301"}, {"Straße", "STRASSE"}, {"a/B", "A/b"}, {"ann", "a\u200dnn"}, {"ΐ", "ΐ"}} {
		t.Run(strings.ReplaceAll(pair[0], "/", "∕")+"/N-17", func(t *testing.T) {
			if a, b := FoldName(pair[0]), FoldName(pair[1]); a != b {
				t.Errorf("%q and %q fold to %q and %q", pair[0], pair[1], a, b)
			}
		})
	}
	for c := rune(0); c < 128; c++ { // the short way for plain names is the long one
		if s := string(c) + "A"; isPlain(s) && (nameRune(c) != c || FoldName(s) != cases.Fold().String(s)) {
			t.Errorf("%q is not plain", s)
		}
	}
	if !isPlain("Photos/IMG_01 (2).jpg") || isPlain("é") {
		t.Error("isPlain goes by something else")
	}
	if FoldName("a") == FoldName("b") || FoldName("a") == FoldName("a (2)") {
		t.Error("different names fold to the same")
	}
}

// checkName fails where name is not what CleanName gives.
func checkName(t *testing.T, name string) {
	t.Helper()
	if name == "" || len(name) > maxSegment || !utf8.ValidString(name) || !norm.NFC.IsNormalString(name) {
		t.Fatalf("%+q has no good form", name)
	}
	if strings.ContainsAny(name, "/\\:*?\"<>|\x00\x1b") || strings.ContainsAny(name[:1], ".-~ ") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
		t.Fatalf("%+q is unsafe", name)
	}
	if !filepath.IsLocal(name) || filepath.Base(name) != name || isDevice(name) {
		t.Fatalf("%+q is no name in a folder", name)
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range append(slices.Clone(hostileTexts), "CON", "nul.txt", "a.", ".a", strings.Repeat("合", 100)+".pdf", "com¹ .x", "\u00a0a\u3000") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, rewritten, err := CleanName(s)
		if err != nil {
			return
		}
		checkName(t, name)
		if same := norm.NFC.String(s) == name; same == rewritten {
			t.Fatalf("%+q became %+q, rewritten %v", s, name, rewritten)
		}
		if again, changed, err := CleanName(name); again != name || changed || err != nil {
			t.Fatalf("%+q again: %+q, %v, %v", name, again, changed, err)
		}
		if fold := FoldName(name); FoldName(fold) != fold {
			t.Fatalf("%+q folds to %+q, that to %+q", name, fold, FoldName(fold))
		}
	})
}

func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "a//b", "/x", "x/", ".ssh/authorized_keys", strings.Repeat("d/", 20) + "f", "CON/aux.c/x."} {
		f.Add(s)
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, s string) {
		clean, _, err := CleanPath(strings.Split(s, "/"))
		if err != nil {
			return
		}
		for _, name := range clean {
			checkName(t, name)
		}
		path := filepath.Join(append([]string{root}, clean...)...)
		if rest, err := filepath.Rel(root, path); err != nil || !filepath.IsLocal(rest) || strings.Count(rest, string(os.PathSeparator)) != len(clean)-1 {
			t.Fatalf("%+q leads to %+q", s, path)
		}
		if again, changed, err := CleanPath(clean); !slices.Equal(again, clean) || changed || err != nil {
			t.Fatalf("%+q again: %+q, %v, %v", clean, again, changed, err)
		}
	})
}
