package chat_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// goldenNotices are the notices of the realm with seed 03.
const goldenNotices = "ce296b94648a6a1a435beca9db79033b84e9f967ab3703753681b2a7e1a1233c"

func TestNoticesHaveTheirGoldenID(t *testing.T) {
	id, _ := chat.Notices(identity(3).ID())
	page, err := os.ReadFile("../../docs/PROTOCOL.md")
	if hex.EncodeToString(id[:]) != goldenNotices || err != nil || !strings.Contains(string(page), goldenNotices) {
		t.Errorf("notices %x, %v; want %s, here and in docs/PROTOCOL.md", id, err, goldenNotices)
	}
}

// announces has a device write to everybody of the realm.
func (d *device) announces(text string) (failed error) {
	draft := chat.Draft{Kind: chat.KindAnnouncement, Body: chat.Announcement{Text: text}}
	d.replica.Write(draft, func(_ chat.Entry, err error) { failed = err })
	d.step()
	return failed
}

// heard are the announcements that a device shows.
func (d *device) heard() []string {
	id, _ := chat.Notices(realm.ID())
	var all []string
	for _, e := range d.disk.Shown(id) {
		if a, err := e.Announcement(); err == nil {
			all = append(all, a.Text)
		}
	}
	return all
}

// TestAnAnnouncementReachesEverybodyOfTheRealm: from one to the other, also those whom
// the administrator never meets, and nobody else.
func TestAnAnnouncementReachesEverybodyOfTheRealm(t *testing.T) {
	o := newOffice(t, 1, 2, 3, 0)
	admin, bob, carol, guest := o.devices[0], o.devices[1], o.devices[2], o.devices[3]
	boss := ticketOf(t, realm, account(1), admin.id(), o.now, true)
	admin.replica.SignIn(account(1), boss)
	o.connect(admin, bob)
	if err := admin.announces("the network is down at six"); err != nil {
		t.Fatal(err)
	}
	o.settle()
	o.disconnect(admin, bob)
	o.connect(bob, carol)
	o.connect(bob, guest)
	o.settle()
	wantTexts(t, "carol", carol.heard(), "the network is down at six")
	if got := guest.heard(); len(got) != 0 {
		t.Errorf("who has no account hears %q", got)
	}
	if err := bob.announces("free beer"); err == nil {
		t.Error("bob announces, and is no administrator")
	}
	if e := eventsOf[chat.EntryAdded](carol); len(e) != 1 || e[0].Peer != chat.RealmParty(realm.ID()) || e[0].Ours || e[0].Stranger {
		t.Errorf("told %+v", e)
	}
	o.pass(3 * time.Hour)
	if err := admin.announces("with a ticket that is over"); err == nil {
		t.Error("the ticket is over, and announces")
	}
	admin.replica.SignIn(account(1), ticketOf(t, realm, account(1), admin.id(), o.now, true))
	if err := admin.announces("it is up again"); err != nil {
		t.Fatal(err)
	}
	o.connect(admin, carol)
	o.settle()
	wantTexts(t, "carol", carol.heard(), "the network is down at six", "it is up again")
	for _, d := range o.devices {
		if len(eventsOf[chat.Broken](d))+len(eventsOf[chat.Refused](d)) != 0 {
			t.Errorf("%s: %v", d.name, d.events)
		}
	}
}

// TestOnlyAdministratorsAnnounce: whatever comes as an announcement is looked at by
// itself, from whomever it comes.
func TestOnlyAdministratorsAnnounce(t *testing.T) {
	id, _ := chat.Notices(realm.ID())
	now := time.UnixMilli(1_796_000_000_000)
	for name, c := range map[string]struct {
		ticket func(t *testing.T, device peer.ID) []byte
		good   bool
	}{
		"an administrator": {func(t *testing.T, d peer.ID) []byte { return ticketOf(t, realm, account(2), d, now, true) }, true},
		"somebody else":    {func(t *testing.T, d peer.ID) []byte { return ticketOf(t, realm, account(2), d, now, false) }, false},
		"another device": {func(t *testing.T, _ peer.ID) []byte {
			return ticketOf(t, realm, account(2), identity(7).ID(), now, true)
		}, false},
		"another realm": {func(t *testing.T, d peer.ID) []byte { return ticketOf(t, identity(98), account(2), d, now, true) }, false},
		"one who was": {func(t *testing.T, d peer.ID) []byte {
			return ticketOf(t, realm, account(2), d, now.Add(-2*time.Hour), true)
		}, false},
		"one who will be": {func(t *testing.T, d peer.ID) []byte {
			return ticketOf(t, realm, account(2), d, now.Add(time.Hour), true)
		}, false},
		"without a ticket": {func(*testing.T, peer.ID) []byte { return nil }, false},
	} {
		t.Run(name+"/A-15", func(t *testing.T) {
			s := newSolo(t, chattest.NewMemory())
			s.replica.SignIn(account(1), ticket(t, realm, account(1), identity(1).ID()))
			b := newAuthor(t, 2)
			s.replica.Certify(b.ID(), account(2), false)
			s.up(b)
			body, err := peer.Marshal(chat.Announcement{Text: "hear, hear", Ticket: c.ticket(t, b.ID())})
			if err != nil {
				t.Fatal(err)
			}
			b.next.Conversation, b.next.Kind, b.next.ID = id, chat.KindAnnouncement, uuid.Must(uuid.NewV7())
			e, err := chat.Seal(b.Identity, b.next, body)
			if err != nil {
				t.Fatal(err)
			}
			s.add(b, e)
			if taken := len(s.disk.Shown(id)) == 1; taken != c.good {
				t.Errorf("taken: %v", taken)
			}
		})
	}
}
