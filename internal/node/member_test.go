package node

import (
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// TestSigningInAgainIsNoYes: somebody who has Bob's password signs his desk out. When
// Bob comes back to his account, he is asked about the other device as before.
func TestSigningInAgainIsNoYes(t *testing.T) {
	o, ann, desk, thief := openServer(t), start(t, "Ann"), start(t, "Bob's desk"), start(t, "Bob's desk, he says")
	meet(t, ann, desk)
	ann.writes(desk, "a secret")
	eventually(t, "it is at the desk", desk.says(ann, "a secret"))
	o.signsIn(desk, "bob")
	o.signsIn(thief, "bob")
	meet(t, thief, desk)
	eventually(t, "the desk asks", desk.asksAbout(thief))
	for range 2 {
		told := desk.subscribe()
		o.kick(desk.myself())
		told.kind(SignedOut)
		o.signsIn(desk, "bob")
		if !desk.asksAbout(thief)() {
			t.Fatal("the desk does not ask any more")
		}
		desk.stop()
		desk.restart()
	}
}

// TestWhatWasWrittenWithAnAccountStaysInView, also when nobody says any more whose
// devices are whose.
func TestWhatWasWrittenWithAnAccountStaysInView(t *testing.T) {
	o, ann, bob := openServer(t), start(t, "Ann"), start(t, "Bob")
	o.signsIn(ann, "ann")
	o.signsIn(bob, "bob")
	meet(t, ann, bob)
	eventually(t, "Ann knows Bob's account", func() bool { p, _ := ann.sees(bob.myself()); return !p.CertifiedBy.IsZero() })
	ann.writes(bob, "hello")
	eventually(t, "it is there", bob.says(ann, "hello"))
	bob.writes(ann, "yes?")
	eventually(t, "the answer is there", ann.says(bob, "hello", "yes?"))

	void, err := peer.Revocations{Epoch: 1}.Add(bob.myself(), 1000).Sign(o.realm)
	if err != nil {
		t.Fatal(err)
	}
	if err := ann.host.Revoke(void); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Ann hears that Bob was signed out", func() bool { p, _ := ann.sees(bob.myself()); return p.CertifiedBy.IsZero() })
	if got := ann.texts(bob); len(got) != 2 {
		t.Errorf("Bob was signed out, and Ann shows %q", got)
	}
	if p, _ := ann.sees(bob.myself()); p.Unread != 1 {
		t.Errorf("%d unread", p.Unread)
	}
	if err := bob.ForgetServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := bob.texts(ann); len(got) != 2 {
		t.Errorf("the server is forgotten, and Bob shows %q", got)
	}
	for _, d := range []*device{ann, bob} {
		d.stop()
		d.restart()
	}
	for d, other := range map[*device]*device{ann: bob, bob: ann} {
		if got := d.texts(other); len(got) != 2 {
			t.Errorf("after a restart %s shows %q", d.cfg.Name, got)
		}
	}
	if p, _ := ann.sees(bob.myself()); p.Unread != 1 {
		t.Errorf("after a restart %d unread", p.Unread)
	}
}

// TestNoticesAreNobodysMessages: after a restart, too.
func TestNoticesAreNobodysMessages(t *testing.T) {
	o, boss, bob := openServer(t), start(t, "Boss"), start(t, "Bob")
	o.signsIn(boss, "boss")
	o.signsIn(bob, "bob")
	told := bob.subscribe()
	meet(t, boss, bob)
	if _, err := boss.Announce(t.Context(), "down at six"); err != nil {
		t.Fatal(err)
	}
	told.kind(AnnouncementAdded)
	bob.stop()
	bob.restart()
	if p, ok := bob.sees(peer.ID{}); ok {
		t.Errorf("somebody who is not there: %+v", p)
	}
	if all := bob.notices(); len(all) != 1 {
		t.Errorf("the notices: %+v", all)
	}
}

// TestUnderWhomAnAccountIsShown: under none that may be an imitator, or was signed out,
// while there is another device; and the imitator's view has none of it.
func TestUnderWhomAnAccountIsShown(t *testing.T) {
	bob := chat.AccountParty(peer.ID{9}, uuid.UUID{1})
	talk := peer.Hash{7}
	for _, bad := range []func(p *person){
		func(p *person) { p.imitates, p.owner = true, bob },
		func(p *person) { p.owner = chat.Party{} },
	} {
		n := &Node{
			people: map[peer.ID]*person{}, owned: map[chat.Party][]*person{}, groups: map[string][]*person{},
			talks: talks{map[peer.Hash]chat.Party{}, map[chat.Party][]peer.Hash{}}, id: peer.NewIdentity([32]byte{1}),
		}
		other, desk := n.meet(peer.ID{1}), n.meet(peer.ID{2})
		bad(other)
		desk.owner = bob
		n.belongs(other, bob)
		n.belongs(desk, bob)
		n.talks.note(talk, bob)
		for _, author := range []peer.ID{other.id, desk.id, n.id.ID()} {
			if got := n.shownAs(bob, author); got != desk {
				t.Errorf("what %s wrote is shown under %s", author, got.id)
			}
		}
		if got := n.view(desk); len(got) != 1 || got[0] != talk {
			t.Errorf("the desk's view is %v", got)
		}
		if got := n.view(other); len(got) != 1 || got[0] == talk {
			t.Errorf("the other one's view is %v", got)
		}
	}
}

// TestReadIsReadWhoeverGetsItLater: a second device of the other side, which gets later
// what was read on the first one, makes nothing unread.
func TestReadIsReadWhoeverGetsItLater(t *testing.T) {
	o, ann, desk, laptop := openServer(t), start(t, "Ann"), start(t, "Bob's desk"), start(t, "Bob's laptop")
	o.signsIn(ann, "ann")
	o.signsIn(desk, "bob")
	o.signsIn(laptop, "bob")
	meet(t, ann, desk)
	eventually(t, "Ann knows Bob's account", func() bool { p, _ := ann.sees(desk.myself()); return !p.CertifiedBy.IsZero() })
	m := ann.writes(desk, "hello")
	eventually(t, "it is at the desk", desk.says(ann, "hello"))
	if err := desk.MarkRead(t.Context(), Direct(ann.myself()), m.Position); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is read", func() bool { return ann.state(m.ID) == Read })
	told := ann.subscribe()
	meet(t, ann, laptop)
	if err := ann.Accept(t.Context(), laptop.myself()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is at the laptop", laptop.says(ann, "hello"))
	last := ann.writes(laptop, "both of you")
	told.wait("the laptop has all", func(e Event) bool {
		if e.Kind == StateChanged && e.Message.ID == m.ID && e.Message.State != Read {
			t.Errorf("what was read is %s", e.Message.State)
		}
		return e.Kind == StateChanged && e.Message.ID == last.ID && e.Peer.ID == laptop.myself()
	})
}

// TestUnreadGoesWithTheDevice: what a device wrote by itself is unread under Bob, and
// under the device again once it is Bob's no longer.
func TestUnreadGoesWithTheDevice(t *testing.T) {
	o, ann, desk, laptop := openServer(t), start(t, "Ann"), start(t, "Bob's desk"), start(t, "Bob's laptop")
	meet(t, ann, desk)
	meet(t, ann, laptop)
	laptop.writes(ann, "as a device")
	eventually(t, "Ann has it", ann.says(laptop, "as a device"))
	o.signsIn(ann, "ann")
	o.signsIn(desk, "bob")
	o.signsIn(laptop, "bob")
	unread := func(atDesk, atLaptop int) func() bool {
		return func() bool {
			one, _ := ann.sees(desk.myself())
			other, _ := ann.sees(laptop.myself())
			return one.Unread == atDesk && other.Unread == atLaptop
		}
	}
	eventually(t, "it is unread under Bob", unread(1, 0))
	void, err := peer.Revocations{Epoch: 1}.Add(laptop.myself(), 1000).Sign(o.realm)
	if err != nil {
		t.Fatal(err)
	}
	if err := ann.host.Revoke(void); err != nil {
		t.Fatal(err)
	}
	// By the server's friend list it is still Bob's; it is that which ends.
	o.kick(laptop.myself())
	eventually(t, "it is unread under the device", unread(0, 1))
}

// TestAVerifiedContactsNewDeviceWaits: it gets nothing of the account's conversation, not
// even in the moment before it is listed apart.
func TestAVerifiedContactsNewDeviceWaits(t *testing.T) {
	o, ann, bob := openServer(t), start(t, "Ann"), start(t, "Bob")
	o.signsIn(ann, "ann")
	o.signsIn(bob, "bob")
	meet(t, ann, bob)
	eventually(t, "Ann knows Bob's account", func() bool { p, _ := ann.sees(bob.myself()); return !p.CertifiedBy.IsZero() })
	if err := ann.Verify(t.Context(), bob.myself(), true); err != nil {
		t.Fatal(err)
	}
	certified, err := ask(t.Context(), ann.Node, func() ([2]chat.Party, error) {
		old, other := ann.people[bob.myself()], ann.meet(peer.ID{5})
		other.ticket = old.ticket
		ann.reviewAccount(other)
		return [2]chat.Party{old.certified.account, other.certified.account}, nil
	})
	if err != nil || certified[0].IsZero() || !certified[1].IsZero() {
		t.Errorf("certified: %+v, %v", certified, err)
	}
}
