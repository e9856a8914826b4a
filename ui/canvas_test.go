package ui

import (
	"slices"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

func TestWrapBreaksWherePeopleWould(t *testing.T) {
	for _, c := range []struct {
		text  string
		cells int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 8, []string{"one two", "three"}},
		{"one two", 7, []string{"one two"}},
		{"a\n\nb", 10, []string{"a", "", "b"}},
		{"a\n", 10, []string{"a", ""}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"合同的最新版本", 6, []string{"合同的", "最新版", "本"}},
		{"合同 x", 3, []string{"合", "同", "x"}},
		{"see http://intranet/wiki/contracts", 20, []string{"see http://intranet/", "wiki/contracts"}},
		{"a\tb", 10, []string{"a    b"}},
		{"👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 2, []string{"👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"}},
	} {
		if got := wrap(c.text, c.cells); !slices.Equal(got, c.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", c.text, c.cells, got, c.want)
		}
	}
}

func TestWrapLosesNothingButSpaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab  \n中文👍é-/"))).Draw(t, "text")
		cells := rapid.IntRange(2, 30).Draw(t, "cells")
		rows := wrap(text, cells)
		for _, row := range rows {
			if uniseg.StringWidth(strings.TrimRight(row, " ")) > cells {
				t.Fatalf("row %q of %q is wider than %d", row, text, cells)
			}
		}
		solid := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got := solid(strings.Join(rows, "")); got != solid(text) {
			t.Fatalf("wrapped %q into %q", text, rows)
		}
	})
}

func TestFitKeepsToItsCells(t *testing.T) {
	for _, c := range []struct {
		text  string
		cells int
		want  string
	}{
		{"short", 10, "short"},
		{"exactly", 7, "exactly"},
		{"contract-v7.pdf", 8, "contrac…"},
		{"合同的最新", 5, "合同…"},
		{"合同的最新", 6, "合同…"},
		{"ab", 0, ""},
		{"ab", 1, "…"},
		{"", 0, ""},
	} {
		if got := fit(c.text, c.cells, "…"); got != c.want {
			t.Errorf("fit(%q, %d) = %q, want %q", c.text, c.cells, got, c.want)
		}
		if got := pad(c.text, c.cells, "…"); width(got) != c.cells {
			t.Errorf("pad(%q, %d) = %q: %d cells", c.text, c.cells, got, width(got))
		}
	}
}
