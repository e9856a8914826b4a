package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers is the picture of the house: each package and the packages of ours it
// may import. Imports point down only.
var layers = map[string][]string{
	"":                       {"ui", "internal/cli", "internal/node"},
	"ui":                     {"peer", "internal/node"},
	"internal/cli":           {"peer", "discovery", "internal/profile", "internal/node", "internal/control", "internal/rendezvous", "internal/rendezvous/server"},
	"internal/control":       {"peer", "internal/node"},
	"internal/node":          {"peer", "discovery", "transfer", "internal/chat", "internal/rendezvous", "internal/store", "internal/profile"},
	"internal/store":         {"peer", "internal/chat", "internal/rendezvous", "transfer"},
	"internal/chat":          {"peer"},
	"internal/chat/chattest": {"peer", "internal/chat"},
	"transfer":               {"peer"},
	"transfer/transfertest":  {"peer", "transfer"},
	"discovery":              {"peer"},
	"internal/profile":       {"peer"},
	"internal/rendezvous":    {"peer"},
	"internal/bench":         {"internal/control", "internal/lab", "internal/node", "internal/profile"},
	"internal/lab":           {},
	"internal/nettest":       {},
	"peer":                   {},

	"internal/rendezvous/server": {"peer", "internal/rendezvous"},
}

// onlyIn names the packages that alone may import a library.
var onlyIn = map[string][]string{
	"github.com/rivo/tview":       {"ui"},
	"github.com/gdamore/tcell/v2": {"ui"},
	"github.com/hashicorp/mdns":   {"discovery"},
	"modernc.org/sqlite":          {"internal/store", "internal/rendezvous/server"},
	"github.com/spf13/cobra":      {"internal/cli"},
}

func TestImportsPointDown(t *testing.T) {
	seen := map[string]bool{}
	eachFile(t, func(dir, path string, file *ast.File) {
		seen[dir] = true
		allowed, known := layers[dir]
		if !known {
			t.Errorf("%s: package %q has no place in layers", path, dir)
		}
		for _, spec := range file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if ours, ok := strings.CutPrefix(name, "earshot/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", path, ours)
			}
			for library, homes := range onlyIn {
				if (name == library || strings.HasPrefix(name, library+"/")) && !slices.ContainsFunc(homes, func(h string) bool { return dir == h || strings.HasPrefix(dir, h+"/") }) {
					t.Errorf("%s imports %s, which belongs to %v", path, name, homes)
				}
			}
		}
	})
	if len(seen) < 8 {
		t.Errorf("looked at %d packages only: %v", len(seen), seen)
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	said := map[string]bool{}
	eachFile(t, func(dir, _ string, file *ast.File) {
		said[dir] = said[dir] || file.Doc.Text() != ""
	})
	for dir, ok := range said {
		if !ok {
			t.Errorf("package %q has no package comment", dir)
		}
	}
}

// longest is the ceiling for a function, in lines.
const longest = 70

func TestFunctionsStaySmall(t *testing.T) {
	eachFile(t, func(_, path string, file *ast.File) {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if lines := files.Position(f.End()).Line - files.Position(f.Pos()).Line; lines > longest {
				t.Errorf("%s: %s has %d lines", path, f.Name.Name, lines)
			}
		}
	})
}

var files = token.NewFileSet()

// eachFile calls f with every Go file of the product: not with tests.
func eachFile(t *testing.T, f func(dir, path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "." {
			dir = ""
		}
		f(dir, path, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
