package server

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestNoticesCarryChanges(t *testing.T) {
	from := uuid.New()
	var all []change
	for range 200 { // more than one notice carries
		all = append(all, change{kind: face, account: uuid.New()}, change{kind: relation, account: uuid.New(), other: uuid.New()}, change{kind: seated, device: id(1)}, change{kind: revoked})
	}
	texts := notices(from, all)
	if len(texts) < 2 {
		t.Errorf("%d notices for %d changes", len(texts), len(all))
	}
	var heard []change
	for _, text := range texts {
		sender, changes, err := parseNotice(text)
		if err != nil || sender != from || len(text) > maxNotice {
			t.Errorf("a notice of %d bytes from %v, %v", len(text), sender, err)
		}
		heard = append(heard, changes...)
	}
	if len(heard) != len(all) {
		t.Fatalf("heard %d changes of %d", len(heard), len(all))
	}
	for i := range all {
		if heard[i] != all[i] {
			t.Errorf("heard %+v, want %+v", heard[i], all[i])
		}
	}
	if texts := notices(from, nil); len(texts) != 0 {
		t.Errorf("nothing is told as %q", texts)
	}
}

func FuzzNotice(f *testing.F) {
	for _, text := range notices(uuid.New(), []change{{kind: face, account: uuid.New()}, {kind: seated, device: id(1)}}) {
		f.Add(text)
	}
	f.Add("")
	f.Add(strings.Repeat("x", 8000))
	f.Add(uuid.Nil.String() + "\nlater a b c\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		from, changes, err := parseNotice(text)
		if err != nil {
			return
		}
		var again []change
		for _, text := range notices(from, changes) {
			_, some, err := parseNotice(text)
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			again = append(again, some...)
		}
		if len(again) != len(changes) {
			t.Errorf("%q is read as %d changes, and then as %d", text, len(changes), len(again))
		}
	})
}
