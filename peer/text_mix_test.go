package peer

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestMixedTextsAreCleanAtOnce mixes the characters that matter to the text
// functions, which a fuzzer that changes bytes seldom puts side by side.
func TestMixedTextsAreCleanAtOnce(t *testing.T) {
	pieces := append(strings.Split("a|1|#| |\t|\n|\r|\x1b|\u0085|\u2028|\u0301|\u0323|\u0307|e|é|\u200b|\u200c|\u200d|\u200f|\u202a|\u202e|\u2066|\u2069|\ufe0e|\ufe0f|\u20e3|👩|❤|🏽|🏴|🇩|\u0600|क|्|ा|ᄀ|ᅡ|ᆨ|가|각|合|\U000e0100|\U000e0067|\ufffd|\ue000|\xff|·bidi·|·|…|◌|<|\u0338|ᠠ|\u180b|\u09c7|\u09be|ﾞ|ก|ำ|\u0344|\uf900|\ufb1d", "|"), flags...)
	count := 0
	rapid.Check(t, func(rt *rapid.T) {
		count++
		var b strings.Builder
		for range rapid.IntRange(1, 12).Draw(rt, "runs") {
			piece := rapid.SampledFrom(pieces).Draw(rt, "piece")
			b.WriteString(strings.Repeat(piece, rapid.SampledFrom([]int{1, 1, 1, 2, 3, 9, 30}).Draw(rt, "times")))
		}
		s, cells := b.String(), rapid.IntRange(1, 40).Draw(rt, "cells")
		body, line, name := Body(s), Line(s, cells), DisplayName(s)
		for _, c := range []struct {
			what       string
			got, again Text
		}{
			{"body", body, Body(body.s)},
			{"line", line, Line(line.s, cells)},
			{"line as a body", line, Body(line.s)},
			{"name", name, DisplayName(name.s)},
			{"name as a body", name, Body(name.s)},
		} {
			checkText(t, c.got.s)
			if c.got != c.again {
				rt.Fatalf("%s of %+q is %+q, again %+q", c.what, s, c.got.s, c.again.s)
			}
		}
	})
	if count == 0 {
		t.Error("nothing was mixed")
	}
}
