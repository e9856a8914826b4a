package node

import (
	"strings"
	"testing"

	"earshot/peer"
)

func TestResolve(t *testing.T) {
	id := func(b byte) (id peer.ID) {
		for i := range id {
			id[i] = b
		}
		return id
	}
	person := func(b byte, name string, verified bool) Person {
		return Person{ID: id(b), Name: peer.DisplayName(name), Verified: verified}
	}
	people := []Person{
		person(1, "Ann", true), person(2, "ANN", false), person(3, "Żółw", false),
		person(4, "张晓明", false), person(5, id(1).String()[:6], false),
		{ID: id(6), Name: peer.DisplayName("Bob"), Account: "bob@office"},
	}
	for _, c := range []struct {
		text string
		want []byte
	}{
		{"Ann", []byte{1, 2}}, // the verified one does not win
		{"  ann ", []byte{1, 2}},
		{"żółw", []byte{3}},
		{"Z\u0307o\u0301łw", []byte{3}}, // decomposed
		{"张晓明", []byte{4}},
		{"bob@OFFICE", []byte{6}},
		{id(1).String(), []byte{1}}, // exact
		{strings.ToLower(id(1).Grouped()), []byte{1}},
		{id(1).String()[:6], []byte{1, 5}}, // a name that looks like an ID's beginning
		{id(2).String()[:4], []byte{2}},
		{id(2).String()[:3], nil},
		{id(9).String(), nil},
		{"", nil}, {"  ", nil}, {"nobody", nil},
	} {
		got := Resolve(people, c.text)
		if len(got) != len(c.want) {
			t.Errorf("Resolve(%q): %d people, want %v", c.text, len(got), c.want)
			continue
		}
		for i, p := range got {
			if p.ID != id(c.want[i]) {
				t.Errorf("Resolve(%q)[%d] = %s, want %d", c.text, i, p.Name, c.want[i])
			}
		}
	}
}
