package node

import "testing"

func TestANewNameReachesThoseWhoAreThere(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	calls := func(name string) func() bool {
		return func() bool { p, _ := a.sees(b.myself()); return p.Name.String() == name }
	}
	if err := b.SetName(t.Context(), "Robert"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Ann sees the new name", calls("Robert"))
	t.Run("also when it is a verified contact's", func(t *testing.T) {
		c := start(t, "Carol")
		meet(t, a, c)
		if err := a.Verify(t.Context(), b.myself(), true); err != nil {
			t.Fatal(err)
		}
		if err := c.SetName(t.Context(), "ROBERT"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "Carol is listed apart", func() bool { p, _ := a.sees(c.myself()); return p.Imitates })
	})
}

func TestWhoImitatesIsMarkedWhereverItIsNamed(t *testing.T) {
	for _, imitates := range []bool{false, true} {
		if got := (&person{imitates: imitates}).ref().Imitates; got != imitates {
			t.Errorf("marked: %t, want %t", got, imitates)
		}
	}
}
