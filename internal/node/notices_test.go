package node

import (
	"errors"
	"testing"
)

// notices are the announcements that a device shows.
func (d *device) notices() []Message {
	d.t.Helper()
	all, err := d.History(d.t.Context(), History{Conversation: Notices})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// TestAnAnnouncementIsPassedOn: the server has no part in it, and who was away hears
// it from somebody else.
func TestAnAnnouncementIsPassedOn(t *testing.T) {
	o, boss, bob, carol := openServer(t), start(t, "Boss"), start(t, "Bob"), start(t, "Carol")
	if _, err := bob.Announce(t.Context(), "free beer"); !errors.Is(err, ErrSignedOut) {
		t.Errorf("without an account: %v", err)
	}
	if _, err := bob.History(t.Context(), History{Conversation: Notices}); !errors.Is(err, ErrNoServer) {
		t.Errorf("notices of no realm: %v", err)
	}
	for d, user := range map[*device]string{boss: "boss", bob: "bob", carol: "carol"} {
		o.signsIn(d, user)
	}
	o.stop()
	told := bob.subscribe()
	meet(t, boss, bob)
	m, err := boss.Announce(t.Context(), "down at six")
	if err != nil || !m.Mine || m.Conversation != Notices || m.Text.String() != "down at six" {
		t.Fatalf("announced %+v, %v", m, err)
	}
	heard := told.kind(AnnouncementAdded).Message
	if heard.ID != m.ID || heard.From.Name.String() != "BOSS" || heard.Mine || heard.Conversation != Notices {
		t.Errorf("Bob is told %+v", heard)
	}
	eventually(t, "somebody has it", func() bool { return boss.state(m.ID) == Delivered })
	if _, err := bob.Announce(t.Context(), "free beer"); !errors.Is(err, ErrNotAdmin) {
		t.Errorf("Bob announces: %v", err)
	}
	boss.stop()

	told = carol.subscribe()
	meet(t, bob, carol)
	late := told.kind(AnnouncementAdded).Message
	if late.ID != m.ID || late.From.Name.String() != "BOSS" { // whom Carol never met
		t.Errorf("Carol is told %+v", late)
	}
	if err := carol.MarkRead(t.Context(), Notices, late.Position); err != nil {
		t.Fatal(err)
	}
	if all := carol.notices(); len(all) != 1 || all[0].State != Read {
		t.Errorf("Carol's notices: %+v", all)
	}
	if p, ok := carol.sees(boss.myself()); ok && p.Unread != 0 {
		t.Errorf("a notice is no message of %+v", p)
	}
}
