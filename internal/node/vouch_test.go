package node

import (
	"strings"
	"testing"
)

// guest reports whether a device takes another one for a guest.
func (d *device) guest(other *device) func() bool {
	return func() bool {
		p, ok := d.sees(other.myself())
		return ok && p.Guest
	}
}

// TestAStolenPasswordGetsNothing has somebody sign in as Bob who is not: neither Bob's
// devices nor Ann give anything, also once Bob's own device was signed out.
func TestAStolenPasswordGetsNothing(t *testing.T) {
	o, ann, desk, thief := openServer(t), start(t, "Ann"), start(t, "Bob's desk"), start(t, "Thief")
	o.signsIn(ann, "ann")
	o.signsIn(desk, "bob")
	meet(t, ann, desk)
	eventually(t, "Ann knows the desk", func() bool { p, _ := ann.sees(desk.myself()); return !p.CertifiedBy.IsZero() })
	ann.writes(desk, "a secret")
	eventually(t, "Bob has it", desk.says(ann, "a secret"))

	o.signsIn(thief, "bob")
	meet(t, thief, desk)
	told := ann.subscribe()
	meet(t, thief, ann)
	told.wait("Ann is told", func(e Event) bool { return e.Kind == Failed })
	eventually(t, "it is a guest", ann.guest(thief))
	thief.writes(ann, "send it again?")
	eventually(t, "Ann hears it", ann.says(thief, "a secret", "send it again?"))
	m := ann.writes(desk, "another secret")
	eventually(t, "Bob has that", func() bool { return ann.state(m.ID) == Delivered })

	ann.stop() // and comes back: it is known still
	ann.restart()
	o.kick(desk.myself())
	desk.stop()
	meet(t, thief, ann)
	eventually(t, "it is a guest still", ann.guest(thief))
	last := ann.writes(thief, "and a third")
	ann.writes(desk, "and a fourth")
	mark := thief.writes(ann, "hello?")
	eventually(t, "Ann and it have talked", func() bool { return thief.state(mark.ID) == Delivered })
	if got := thief.texts(ann); len(got) != 2 {
		t.Errorf("the thief has %q", got)
	}
	if ann.state(last.ID) != Queued {
		t.Errorf("what Ann wrote to it is %s", ann.state(last.ID))
	}
	if m, err := ann.Message(t.Context(), last.ID); err != nil || !strings.Contains(m.Why.String(), "to which nobody said yes") {
		t.Errorf("it waits because %q, %v", m.Why, err)
	}
	if err := ann.Accept(t.Context(), thief.myself()); err != nil { // it was Bob after all
		t.Fatal(err)
	}
	eventually(t, "it gets everything", func() bool { return len(thief.texts(ann)) == 6 })
}

// TestAYesIsShownByTheDeviceItself: the desk says yes to the laptop while Ann is away,
// and is away itself when she comes back.
func TestAYesIsShownByTheDeviceItself(t *testing.T) {
	o, ann, desk, laptop := openServer(t), start(t, "Ann"), start(t, "Bob's desk"), start(t, "Bob's laptop")
	o.signsIn(ann, "ann")
	o.signsIn(desk, "bob")
	meet(t, ann, desk)
	eventually(t, "Ann knows the desk", func() bool { p, _ := ann.sees(desk.myself()); return !p.CertifiedBy.IsZero() })
	ann.writes(desk, "hello")
	eventually(t, "it is there", desk.says(ann, "hello"))
	ann.stop()
	o.signsIn(laptop, "bob")
	meet(t, laptop, desk)
	eventually(t, "the desk asks", desk.asksAbout(laptop))
	if err := desk.Accept(t.Context(), laptop.myself()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the laptop has the voucher", func() bool {
		kept, err := laptop.db.Settings(vouchedBy)
		return err == nil && len(kept) == 1
	})
	desk.stop()
	laptop.stop()
	laptop.restart() // it is kept
	ann.restart()
	meet(t, ann, laptop)
	m := ann.writes(desk, "are you there?")
	eventually(t, "the laptop gets it", func() bool { return ann.state(m.ID) == Delivered })
	if ann.guest(laptop)() {
		t.Error("it is a guest still")
	}
}
